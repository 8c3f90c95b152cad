// Training on the threes and sevens in plain JavaScript: pixel similarity, the linear model and simple_net, with the numbers of PyTorch's. Runs in a worker, in a browser and in node.
globalThis.ch4 ??= {}

ch4.training = (() => {
  'use strict'
  const SIZE = 784, HEADER = 8

  // Bytes of images, 784 each -> for each image the places that have ink, and how much of it, 0 to 1. Four pixels of five are paper, which adds nothing to a sum
  function inked(bytes) {
    const n = bytes.length/SIZE, starts = new Int32Array(n + 1)
    bytes.forEach((o, i) => { if (o) starts[Math.floor(i/SIZE) + 1]++ })
    for (let i = 0; i < n; i++) starts[i + 1] += starts[i]
    const at = new Uint16Array(starts[n]), ink = new Float32Array(starts[n])
    for (let i = 0, k = 0; i < bytes.length; i++) if (bytes[i]) { at[k] = i%SIZE; ink[k++] = bytes[i]/255 }
    return {n, starts, at, ink}
  }

  // What `weights.py` wrote: four counts of two bytes, of threes and sevens to train on and to validate on, then their images
  function parts(bytes) {
    const counts = Uint16Array.from({length: 4}, (_, i) => bytes[2*i] + 256*bytes[2*i + 1]), total = counts.reduce((a, b) => a + b, 0)
    if (!total || bytes.length !== HEADER + total*SIZE) throw Error('The file of images is not whole. Load the page again.')
    let from = HEADER
    return [0, 2].map(k => {
      const [threes, sevens] = counts.subarray(k, k + 2), n = threes + sevens
      const images = bytes.subarray(from, from += n*SIZE)
      return {...inked(images), images, targets: Uint8Array.from({length: n}, (_, i) => +(i < threes))}
    })
  }

  // Numbers from 0 to 1, the same for each seed: the generator mulberry32; and normally distributed ones, by Box and Muller
  function uniform(seed) {
    let state = seed >>> 0
    return () => {
      state = state + 0x6d2b79f5 >>> 0
      let t = Math.imul(state ^ state >>> 15, state | 1)
      t ^= t + Math.imul(t ^ t >>> 7, t | 61)
      return ((t ^ t >>> 14) >>> 0)/2**32
    }
  }
  const normal = draw => () => Math.sqrt(-2*Math.log(1 - draw()))*Math.cos(2*Math.PI*draw())

  // A model: `units` sums over all pixels, the first weights of each beside those of the others; of `simple_net`, one more sum over what they leave above 0. In double precision, in which small differences don't grow as soon
  const empty = (units, deep) => ({units, deep, w1: new Float64Array(SIZE*units), b1: new Float64Array(units), w2: new Float64Array(deep ? units : 0), b2: new Float64Array(+deep)})
  const PARAMS = ['w1', 'b1', 'w2', 'b2']

  // How a run may begin; `small` is what PyTorch does for a layer
  const starts = {
    zeros: () => () => 0,
    wide: draw => normal(draw),
    small: (draw, inputs) => () => (2*draw() - 1)/Math.sqrt(inputs),
  }
  function made(units, deep, start, seed) {
    const model = empty(units, deep), draw = uniform(seed)
    for (const name of PARAMS) {
      const one = starts[start](draw, name.endsWith('1') ? SIZE : units)
      model[name].forEach((_, i) => { model[name][i] = one() })
    }
    return model
  }

  // The score of image `i`: above 0 for a three. `sums` are those of the units, to be filled
  function score(model, data, i, sums) {
    const {units, deep, w1, b1, w2, b2} = model, {starts, at, ink} = data, end = starts[i + 1]
    if (!deep) {
      let sum = b1[0]
      for (let k = starts[i]; k < end; k++) sum += ink[k]*w1[at[k]]
      return sum
    }
    sums.set(b1)
    for (let k = starts[i]; k < end; k++) {
      const v = ink[k], from = at[k]*units
      for (let u = 0; u < units; u++) sums[u] += v*w1[from + u]
    }
    let out = b2[0]
    for (let u = 0; u < units; u++) if (sums[u] > 0) out += w2[u]*sums[u]
    return out
  }

  const sigmoid = x => 1/(1 + Math.exp(-x))

  // Adds to `grads` those of `mnist_loss` on the images `rows`, backwards through the sums; gives the loss
  function gradients(model, data, rows, grads, sums) {
    const {units, deep, w2} = model, {starts, at, ink, targets} = data, n = rows.length
    let loss = 0
    for (const i of rows) {
      const s = sigmoid(score(model, data, i, sums)), end = starts[i + 1]
      loss += targets[i] ? 1 - s : s
      const g = (targets[i] ? -1 : 1)*s*(1 - s)/n
      if (!deep) {
        grads.b1[0] += g
        for (let k = starts[i]; k < end; k++) grads.w1[at[k]] += g*ink[k]
        continue
      }
      grads.b2[0] += g
      for (let u = 0; u < units; u++) {
        const on = sums[u] > 0
        if (on) grads.w2[u] += g*sums[u]
        sums[u] = on ? g*w2[u] : 0 // From here on what the loss asks of the unit
        grads.b1[u] += sums[u]
      }
      for (let k = starts[i]; k < end; k++) {
        const v = ink[k], to = at[k]*units
        for (let u = 0; u < units; u++) grads.w1[to + u] += v*sums[u]
      }
    }
    return loss/n
  }

  function step(model, grads, lr, zero) {
    for (const name of PARAMS) {
      const p = model[name], g = grads[name]
      for (let i = 0; i < p.length; i++) p[i] -= lr*g[i]
      if (zero) g.fill(0)
    }
  }

  // Which images are taken for the other digit
  function mistakes(scoreOf, data) {
    const wrong = []
    for (let i = 0; i < data.n; i++) if (scoreOf(i) > 0 !== Boolean(data.targets[i])) wrong.push(i)
    return wrong
  }

  // The places 0 to n − 1, mixed as Fisher and Yates do it
  function mixed(n, draw) {
    const order = Int32Array.from({length: n}, (_, i) => i)
    for (let i = n - 1; i > 0; i--) {
      const k = Math.floor(draw()*(i + 1))
      ;[order[i], order[k]] = [order[k], order[i]]
    }
    return order
  }

  // Gradient descent, a batch at a time: gives after each where it is, and after an epoch what is wrong. `orders`, where there are any, are those of the epochs
  function* descend(model, train, valid, {lr, bs, epochs, shuffle = true, zero = true, seed = 0, orders = null}) {
    const draw = uniform(seed + 1), grads = empty(model.units, model.deep), sums = new Float64Array(model.units)
    const inOrder = Int32Array.from({length: train.n}, (_, i) => i)
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = orders ? orders[epoch] : shuffle ? mixed(train.n, draw) : inOrder
      let loss = 0, seen = 0 // The mean over the images that this epoch has seen
      while (seen < train.n) {
        const rows = order.subarray(seen, seen + bs), here = gradients(model, train, rows, grads, sums)
        step(model, grads, lr, zero)
        loss = (loss*seen + here*rows.length)/(seen + rows.length)
        seen += rows.length
        yield {epoch, done: seen/train.n, loss}
      }
      yield {epoch: epoch + 1, done: 0, loss, wrong: mistakes(i => score(model, valid, i, sums), valid)}
    }
  }

  // How much nearer image `i` lies to the mean three than to the mean seven; a distance is the mean of all absolute differences, and paper differs by all that the mean has there
  function similar(means, data, i) {
    const [three, seven] = means.map(mean => {
      let d = 0
      for (const m of mean) d += m
      for (let k = data.starts[i]; k < data.starts[i + 1]; k++) { const m = mean[data.at[k]]; d += Math.abs(data.ink[k] - m) - m }
      return d/SIZE
    })
    return seven - three
  }

  // Pixel similarity: the mean three and the mean seven, from more images with every step. There is no slope to follow: one pass, and it is done
  function* compare(means, train, valid, {bs}) {
    const counts = [0, 0], sums = [0, 1].map(() => new Float64Array(SIZE)), order = mixed(train.n, uniform(0))
    for (let from = 0; from < train.n; from += bs) {
      for (const i of order.subarray(from, from + bs)) {
        const which = 1 - train.targets[i]
        counts[which]++
        for (let k = train.starts[i]; k < train.starts[i + 1]; k++) sums[which][train.at[k]] += train.ink[k]
      }
      means.forEach((mean, which) => mean.forEach((_, i) => { mean[i] = sums[which][i]/Math.max(1, counts[which]) }))
      yield {epoch: 0, done: Math.min(1, (from + bs)/train.n), loss: null}
    }
    yield {epoch: 1, done: 0, loss: null, wrong: mistakes(i => similar(means, valid, i), valid)}
  }

  return {SIZE, PARAMS, inked, parts, empty, made, score, descend, compare, similar, sigmoid}
})()
