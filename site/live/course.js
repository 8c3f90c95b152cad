// Functions of the course again in JavaScript, for the live pages; tests hold them to the numbers of Python's. Runs in a browser and in node.
globalThis.ch4 ??= {}

ch4.course = (() => {
  'use strict'
  const mean = a => a.reduce((sum, o) => sum + o, 0)/a.length

  // fastbook_ch4.pixels: each pixel's share of the distance, and the distance
  const shares = {l1: (a, b) => Array.from(a, (o, i) => Math.abs(o - b[i])), l2: (a, b) => Array.from(a, (o, i) => (o - b[i])**2)}
  const distances = {l1: (a, b) => mean(shares.l1(a, b)), l2: (a, b) => Math.sqrt(mean(shares.l2(a, b)))}

  // fastbook_ch4.loss, for lists: `x` of images, `targets` of 1 (a three) and 0 (a seven)
  const linear1 = (x, weights, bias) => x.map(pixels => pixels.reduce((sum, p, i) => sum + p*weights[i], bias))
  const sigmoid = x => 1/(1 + Math.exp(-x))
  const mnistLoss = (preds, targets) => mean(preds.map((p, i) => targets[i] === 1 ? 1 - sigmoid(p) : sigmoid(p)))
  const batchAccuracy = (preds, targets) => mean(preds.map((p, i) => +((p > 0) === (targets[i] === 1))))

  // fastbook_ch4.optim.BasicOptim; without momentum it is `step` of fastbook_ch4.sgd. `velocity` is null before the first step
  function sgd({at, velocity}, grad, lr, mom) {
    velocity = grad.map((g, i) => mom && velocity ? mom*velocity[i] + g : g)
    return {at: at.map((p, i) => p - lr*velocity[i]), velocity}
  }

  // What can be descended: the loss, its gradient, the part of it that is shown, and what to try
  const T = [0, 1, 2, 3, 4], Y = [1.2, 1.1, 2.4, 2.2, 3.1] // Points for a line to go through
  const off = ([a, b]) => T.map((t, i) => a*t + b - Y[i])
  const landscapes = {
    square: {
      title: 'x², the parabola of chapter 02', from: [-5.5], to: [5.5], start: [3], lr: 0.3,
      loss: ([x]) => x**2, grad: ([x]) => [2*x],
      tries: [['too low', 0.01, 0, [3]], ['good', 0.3, 0, [3]], ['jumps across', 0.9, 0, [3]], ['too high', 1.05, 0, [3]], ['momentum', 0.1, 0.8, [3]]],
    },
    dips: {
      title: 'two dips, one deeper than the other', from: [-4], to: [4], start: [3.6], lr: 0.1,
      loss: ([x]) => 0.1*x**4 - x**2 + 0.5*x + 4, grad: ([x]) => [0.4*x**3 - 2*x + 0.5],
      tries: [['the wrong dip', 0.03, 0, [3.6]], ['another start', 0.03, 0, [-0.5]], ['momentum', 0.03, 0.9, [3.6]], ['never at rest', 0.48, 0, [3.6]]],
    },
    plateau: {
      title: 'a plateau: almost level, far from the bottom', from: [-6], to: [6], start: [5], lr: 1,
      loss: ([x]) => x**2/(1 + x**2), grad: ([x]) => [2*x/(1 + x**2)**2],
      tries: [['hardly moves', 0.1, 0, [5]], ['a higher rate', 5, 0, [5]], ['momentum', 0.5, 0.9, [5]]],
    },
    bowl: {
      title: 'the bowl of chapter 02: x² + 4y²', from: [-4, -3], to: [4, 3], start: [3, 2], lr: 0.05,
      loss: ([x, y]) => x**2 + 4*y**2, grad: ([x, y]) => [2*x, 8*y],
      tries: [['too low', 0.01, 0, [3, 2]], ['good', 0.15, 0, [3, 2]], ['zigzag', 0.23, 0, [3, 2]], ['too high', 0.26, 0, [3, 2]], ['momentum', 0.03, 0.8, [3, 2]]],
    },
    line: {
      title: 'slope and intercept of a line through five points', from: [-1.5, -3], to: [2.5, 5], start: [-1, 4], lr: 0.05,
      loss: p => mean(off(p).map(o => o**2)), grad: p => [mean(off(p).map((o, i) => 2*o*T[i])), mean(off(p).map(o => 2*o))],
      tries: [['the long valley', 0.05, 0, [-1, 4]], ['zigzag', 0.14, 0, [-1, 4]], ['too high', 0.16, 0, [-1, 4]], ['momentum', 0.05, 0.8, [-1, 4]]],
    },
    pass: {
      title: 'two hollows and a pass between them', from: [-4, -3], to: [4, 3], start: [3.6, 2], lr: 0.05,
      loss: ([x, y]) => 0.1*x**4 - x**2 + 0.5*x + 4 + y**2, grad: ([x, y]) => [0.4*x**3 - 2*x + 0.5, 2*y],
      tries: [['the wrong hollow', 0.05, 0, [3.6, 2]], ['from the pass', 0.05, 0, [0.25, 2.5]], ['momentum', 0.03, 0.9, [3.6, 2]]],
    },
  }

  // A place of the path: {at, velocity, loss, grad}
  const place = (land, here) => ({...here, loss: land.loss(here.at), grad: land.grad(here.at)})
  const begin = (land, at) => [place(land, {at, velocity: null})]
  function walk(land, path, lr, mom) {
    const here = path[path.length - 1]
    return [...path, place(land, sgd(here, here.grad, lr, mom))]
  }

  // How a path goes: start, diverges, arrived, oscillates, falls or rises
  function verdict(path) {
    const [first, last, before] = [path[0], path[path.length - 1], path[path.length - 2]]
    if (!before) return 'start'
    const steps = path.slice(-4).map((o, i, few) => i ? o.at.map((p, k) => p - few[i - 1].at[k]) : null).slice(1)
    if (!Number.isFinite(last.loss) || (last.loss > first.loss && last.loss > before.loss && turns(steps))) return 'diverges'
    if (Math.hypot(...last.grad) < 1e-3 && Math.hypot(...steps[steps.length - 1]) < 1e-3) return 'arrived'
    if (turns(steps)) return 'oscillates'
    return last.loss < before.loss ? 'falls' : 'rises'
  }

  // Does some parameter turn round at every one of the last steps, two at least?
  const turns = steps => steps.length > 1 && steps[0].some((_, k) => steps.every((s, i) => !i || s[k]*steps[i - 1][k] < 0))

  return {mean, shares, distances, linear1, sigmoid, mnistLoss, batchAccuracy, sgd, landscapes, begin, walk, verdict, points: [T, Y]}
})()
