// The rungs of the ladder in plain JavaScript, with the numbers of PyTorch's. Runs in a browser and in node.
// A picture is {v, c, n}: `v` holds c maps of n × n numbers, row by row. An image is 784 numbers, 0 (paper) to 1 (ink).
globalThis.ch4 ??= {}

ch4.nets = (() => {
  'use strict'
  const SIDE = 28

  // Base64 -> bytes
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0))

  // Base64 of little-endian numbers in half precision -> numbers
  const halves = text => Float32Array.from(new Uint16Array(bytes(text).buffer), bits => {
    const sign = bits >> 15 ? -1 : 1, power = bits >> 10 & 31, rest = (bits & 1023)/1024
    return sign*(power ? (1 + rest)*2**(power - 15) : rest*2**-14)
  })

  // Base64 of little-endian numbers in single precision -> numbers
  const singles = text => new Float32Array(bytes(text).buffer)

  // Scores -> probabilities
  function softmax(scores) {
    const largest = Math.max(...scores), e = Array.from(scores, s => Math.exp(s - largest)), sum = e.reduce((a, b) => a + b)
    return e.map(o => o/sum)
  }

  // The same picture without `rim` rows and columns on each side
  function cropped({v, c, n}, rim) {
    const m = n - 2*rim, out = new Float32Array(c*m*m)
    for (let i = 0; i < c*m; i++) {
      const at = (Math.floor(i/m)*n + i%m + rim)*n + rim
      out.set(v.subarray(at, at + m), i*m)
    }
    return {v: out, c, n: m}
  }

  // The same picture with a margin of zeros
  function padded({v, c, n}, pad) {
    const m = n + 2*pad, out = new Float32Array(c*m*m)
    for (let i = 0; i < c*n; i++) out.set(v.subarray(i*n, i*n + n), (Math.floor(i/n)*m + i%n + pad)*m + pad)
    return out
  }

  // Slide kernels of k × k over a picture; `w` has shape (c_out, c, k, k), `b` has shape (c_out,). Four kernels at once, which is quicker, so c_out is a multiple of 4
  function conv(x, w, b, k) {
    const {c, n} = x, m = n + k - 1, from = padded(x, k >> 1), size = c*k*k, patch = new Float32Array(size), v = new Float32Array(b.length*n*n)
    for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) {
      for (let i = 0, t = 0; i < c; i++) for (let row = 0; row < k; row++) for (let col = 0; col < k; col++) patch[t++] = from[(i*m + y + row)*m + x + col]
      for (let o = 0; o < b.length; o += 4) {
        let [s0, s1, s2, s3] = [b[o], b[o + 1], b[o + 2], b[o + 3]]
        for (let t = 0, at = o*size; t < size; t++, at++) {
          s0 += w[at]*patch[t]
          s1 += w[at + size]*patch[t]
          s2 += w[at + 2*size]*patch[t]
          s3 += w[at + 3*size]*patch[t]
        }
        const to = (o*n + y)*n + x
        v[to] = s0
        v[to + n*n] = s1
        v[to + 2*n*n] = s2
        v[to + 3*n*n] = s3
      }
    }
    return {v, c: b.length, n}
  }

  const relu = x => ({...x, v: x.v.map(o => Math.max(o, 0))})

  // The largest of each 2 × 2; an odd last row or column is left out
  function pool({v, c, n}) {
    const m = n >> 1, out = new Float32Array(c*m*m)
    for (let i = 0, to = 0; i < c; i++) for (let y = 0; y < m; y++) for (let x = 0; x < m; x++) {
      const at = (i*n + 2*y)*n + 2*x
      out[to++] = Math.max(v[at], v[at + 1], v[at + n], v[at + n + 1])
    }
    return {v: out, c, n: m}
  }

  // Root of the mean squared difference
  const rmse = (a, b) => Math.sqrt(a.reduce((sum, o, i) => sum + (o - b[i])**2, 0)/a.length)

  // Each makes a function from picture to picture; `take(n)` gives the next n of the model's numbers
  const makers = {
    means(take, sharpness) {
      const means = Array.from({length: 10}, () => take(SIDE*SIDE))
      return x => ({v: means.map(m => -sharpness*rmse(x.v, m))})
    },
    linear(take, n, out) {
      const w = take(out*n), b = take(out), rows = Array.from(b, (_, o) => w.subarray(o*n, (o + 1)*n))
      return Object.assign(x => ({v: Float32Array.from(b, (bias, o) => x.v.reduce((sum, p, i) => sum + p*rows[o][i], bias))}), {rows, b})
    },
    conv(take, n, out, k) {
      const w = take(out*n*k*k), b = take(out)
      return x => conv(x, w, b, k)
    },
    block(take, n, out) { // A residual block
      const [first, second, short] = [makers.conv(take, n, out, 3), makers.conv(take, out, out, 3), makers.conv(take, n, out, 1)]
      return x => {
        const res = second(relu(first(x))), past = short(x).v
        return relu({...res, v: res.v.map((o, i) => o + past[i])})
      }
    },
    crop: (take, rim) => x => cropped(x, rim),
    relu: () => x => relu(x),
    pool: () => x => pool(x),
    average: () => ({v, c, n}) => ({v: Float32Array.from({length: c}, (_, i) => v.subarray(i*n*n, (i + 1)*n*n).reduce((a, b) => a + b)/(n*n)), c, n: 1}),
  }

  // Move an image by whole pixels; what leaves on one side comes in on the other
  const roll = (v, down, right) => v.map((_, i) =>
    v[(Math.floor(i/SIDE) - down + SIDE)%SIDE*SIDE + (i%SIDE - right + SIDE)%SIDE])

  const LOOKS = [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]]

  // What `weights.py` wrote of a model -> a function from image to ten scores. Its `steps` have their names, and those of linear layers their weights `rows` and `b`
  function load({layers, data, looks}) {
    const numbers = halves(data)
    let at = 0
    const take = n => numbers.subarray(at, at += n)
    const steps = layers.map(([name, ...sizes]) => Object.assign(makers[name](take, ...sizes), {what: name}))
    if (at !== numbers.length) throw Error(`data: has ${numbers.length} numbers, and the layers want ${at}. Make the weights anew.`)
    const net = v => steps.reduce((x, step) => step(x), {v, c: 1, n: SIDE}).v
    const seen = looks ? v => LOOKS.map(move => net(roll(v, ...move))).reduce((a, b) => a.map((o, i) => o + b[i])).map(o => o/LOOKS.length) : net
    return Object.assign(seen, {steps})
  }

  const best = probs => probs.indexOf(Math.max(...probs))

  // What rungs of `weights.py`, each with its function `scores`, make of an image, as `ask` of fastbook_ch4.models.predict does it: the probabilities of each;
  // the joint answer of those that vote, or of the highest where none does; and whether the image lies further than `limit` from the mean image of that answer
  function ask(rungs, image, limit) {
    const probs = rungs.map(r => softmax(r.scores(image))), votes = probs.filter((_, k) => rungs[k].votes)
    const voters = votes.length ? votes : probs.slice(-1)
    const joint = probs[0].map((_, digit) => voters.reduce((sum, p) => sum + p[digit], 0)/voters.length), said = best(joint)
    const means = rungs.find(r => r.name === 'pixels_l2')
    const sharpness = means?.layers.find(([name]) => name === 'means')[1]
    return {probs, joint, said, far: Boolean(means) && -means.scores(image)[said]/sharpness > limit}
  }

  return {SIDE, bytes, halves, singles, softmax, load, best, ask}
})()
