// A drawing, made ready as MNIST's digits were: as `in_the_middle` of fastbook_ch4.models.predict does it. Runs in a browser and in node.
globalThis.ch4 ??= {}

ch4.prepare = (() => {
  'use strict'
  const SIDE = 28, BOX = 20, GRAIN = 0.02 // Less ink than that is none

  // Python's rounding: a half goes to the even neighbour
  const round = x => x%1 === 0.5 ? 2*Math.round(x/2) : Math.round(x)

  // Pillow's bicubic kernel
  function bicubic(x) {
    x = Math.abs(x)
    return x < 1 ? (1.5*x - 2.5)*x*x + 1 : x < 2 ? ((x - 5)*x + 8)*x*-0.5 + 2 : 0
  }

  // For each of `to` places, which of `from` numbers it is mixed of, and how: [first, weights]
  function mixes(from, to) {
    const scale = from/to, wide = Math.max(scale, 1)
    return Array.from({length: to}, (_, i) => {
      const middle = (i + 0.5)*scale
      const first = Math.max(0, Math.trunc(middle - 2*wide + 0.5)), end = Math.min(from, Math.trunc(middle + 2*wide + 0.5))
      const weights = Array.from({length: end - first}, (_, k) => bicubic((first + k - middle + 0.5)/wide))
      const sum = weights.reduce((a, b) => a + b)
      return [first, weights.map(w => w/sum)]
    })
  }

  // Scale {v, w, h}, v row by row, to another width, and turn it on its side
  function resizeAndTurn({v, w, h}, to) {
    const out = new Float32Array(to*h)
    mixes(w, to).forEach(([first, weights], x) => {
      for (let y = 0; y < h; y++) out[x*h + y] = weights.reduce((sum, weight, k) => sum + weight*v[y*w + first + k], 0)
    })
    return {v: out, w: h, h: to}
  }

  // The part of {v, w, h} that has ink; null where nothing has
  function crop({v, w, h}) {
    let [left, right, top, bottom] = [w, -1, h, -1]
    v.forEach((ink, i) => {
      if (ink <= GRAIN) return
      const x = i%w, y = Math.floor(i/w)
      ;[left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)]
    })
    if (right < 0) return null
    const out = {w: right - left + 1, h: bottom - top + 1}
    out.v = Float32Array.from({length: out.w*out.h}, (_, i) => v[(top + Math.floor(i/out.w))*w + left + i%out.w]).map(o => o > GRAIN ? o : 0)
    return out
  }

  // Where the digit begins along one axis of `n` pixels, so that its centre of mass lies in the middle
  const begin = (centre, n) => Math.min(Math.max(round(SIDE/2 - centre), 0), SIDE - n)

  // A drawing {v, w, h}, 0 (paper) to 1 (ink) -> 784 numbers; null where nothing is drawn
  function prepare(drawing) {
    const digit = crop(drawing)
    if (!digit) return null
    const [w, h] = [digit.w, digit.h].map(side => Math.max(1, round(side*BOX/Math.max(digit.w, digit.h))))
    const clipped = resizeAndTurn(resizeAndTurn(digit, w), h).v.map(o => Math.min(Math.max(o, 0), 1))
    const darkest = Math.max(...clipped), v = clipped.map(o => o/darkest) // A thin stroke is pale once it is small
    let [mass, down, right] = [0, 0, 0]
    v.forEach((ink, i) => { mass += ink; down += ink*Math.floor(i/w); right += ink*(i%w) })
    const top = begin(down/mass, h), left = begin(right/mass, w), out = new Float32Array(SIDE*SIDE)
    v.forEach((ink, i) => { out[(top + Math.floor(i/w))*SIDE + left + i%w] = ink })
    return out
  }

  return {prepare}
})()
