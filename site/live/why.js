// Why a rung says what it says: what each part of it adds to the score of one digit, over that of another. Runs in a browser and in node.
globalThis.ch4 ??= {}

ch4.why = (() => {
  'use strict'
  const {SIDE} = ch4.nets

  // The picture after each step of a net that looks once
  function through(net, image) {
    const out = []
    net.steps.reduce((x, step) => { out.push(step(x)); return out[out.length - 1] }, {v: image, c: 1, n: SIDE})
    return out
  }

  const over = ({rows}, digit, other) => rows[digit].map((w, i) => w - rows[other][i])

  // A linear model's votes: what each pixel adds to the score of `digit` over that of `other`. Together with the biases they are the difference of the scores
  const votes = (net, image, digit, other) => over(net.steps[0], digit, other).map((w, i) => w*image[i])

  // The hidden units of a net of two linear layers, those that matter most first: what a unit adds to that difference, and what it gets from each pixel
  function units(net, image, digit, other) {
    const [first, , last] = net.steps, {v} = through(net, image)[1]
    return Array.from(over(last, digit, other), (w, unit) => ({unit, adds: w*v[unit], gets: first.rows[unit].map((o, i) => o*image[i])})).sort((a, b) => Math.abs(b.adds) - Math.abs(a.adds))
  }

  // The maps behind the first convolution, ReLU and pooling of a net, each n × n
  function maps(net, image) {
    const {v, c, n} = through(net, image)[net.steps.findIndex(step => step.what === 'relu')]
    return {n, maps: Array.from({length: c}, (_, k) => v.subarray(k*n*n, (k + 1)*n*n))}
  }

  // Class activation: what each place of the last maps adds to the score of `digit`. Its mean and the bias are the score
  function activation(net, image, digit) {
    const at = net.steps.findIndex(step => step.what === 'average'), {v, c, n} = through(net, image)[at - 1], row = net.steps[at + 1].rows[digit]
    return {n, values: Float32Array.from({length: n*n}, (_, i) => { let sum = 0; for (let k = 0; k < c; k++) sum += row[k]*v[k*n*n + i]; return sum })}
  }

  // n × n values as `side` × `side`, with straight lines between the middles of the squares
  function enlarged({n, values}, side) {
    const place = i => { const p = Math.min(Math.max((i + 0.5)*n/side - 0.5, 0), n - 1), k = Math.min(Math.floor(p), n - 2); return [k, p - k] }
    return Float32Array.from({length: side*side}, (_, i) => {
      const [y, down] = place(Math.floor(i/side)), [x, right] = place(i%side), at = y*n + x
      return (values[at]*(1 - right) + values[at + 1]*right)*(1 - down) + (values[at + n]*(1 - right) + values[at + n + 1]*right)*down
    })
  }

  return {votes, units, maps, activation, enlarged}
})()
