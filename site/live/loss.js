// Loss and accuracy: move one weight of the linear model.
ch4.live('loss', ['nets.js', 'course.js', '../weights/digits.js', '../weights/linear.js'], box => {
  'use strict'
  const {h, svg, change, number, slider, choice, button, picture, plot, status, arrow} = ch4.parts, {linear1, sigmoid, mnistLoss, batchAccuracy} = ch4.course
  const N = 784, BIAS = N, MOST = 30, {digits, linear} = ch4.data // The bias counts as parameter 784; predictions are shown from −30 to 30
  const raw = Float32Array.from(ch4.nets.bytes(digits.images), o => o/255)
  const x = Array.from({length: 2*digits.n}, (_, i) => raw.subarray((i + 1)*N, (i + 2)*N)), y = x.map((_, i) => +(i < digits.n))
  const models = linear.models.map(ch4.nets.singles)
  let model = 0, which = 10*28 + 14, span = 5, moved = 0, base, last = null

  // The predictions with one parameter moved, from those where it isn't: only its own share changes
  const input = i => which === BIAS ? 1 : x[i][which]
  const predict = by => base.map((p, i) => p + by*input(i))
  const at = by => { const preds = predict(by); return {preds, loss: mnistLoss(preds, y), accuracy: batchAccuracy(preds, y)} }

  const map = picture('The weights'), mark = h('span', {class: 'live-mark', 'aria-hidden': 'true'})
  const grid = h('div', {class: 'live-frame live-grid', tabindex: 0, role: 'application', 'aria-label': 'Weights, one for each pixel: the arrow keys choose one', onkeydown: keys, onpointerdown: point}, map.el, mark)
  const move = slider('moved by', {min: -span, max: span, step: 'any', value: 0, show: v => number(v, 3), on: v => { moved = +v.toFixed(6); look() }})
  const steps = [-0.01, -0.001, 0.001, 0.01].map(by => button(`${by > 0 ? '+' : '−'}${Math.abs(by)}`, () => nudge(by), {'aria-label': `move it by ${by}`}))
  const facts = h('dl', {class: 'live-facts'}), words = status(), charts = h('div'), dots = h('div')
  box.append(choice('model', [[0, 'random weights, as chapter 03 begins'], [1, 'after its 40 steps']], 0, v => { model = v; moveTo(0); draw() }),
    choice('view', [[5, '±5'], [0.5, '±0.5'], [0.05, '±0.05, close up']], 5, v => { span = v; change(move.input, {min: -v, max: v}); moveTo(moved); draw() }),
    h('div', {class: 'live-two'},
      h('div', {}, grid, h('div', {class: 'live-row'}, button('The bias instead', () => choose(BIAS)), button('Pixel (10, 14)', () => choose(10*28 + 14))),
        move.el, h('div', {class: 'live-row'}, ...steps, button('Back', () => { moveTo(0); look() })), facts, words.el),
      h('div', {}, charts, dots)))

  function choose(parameter) {
    which = parameter
    moveTo(0)
    draw()
  }
  function moveTo(v) {
    moved = Math.min(Math.max(+v.toFixed(6), -span), span)
    move.set(moved)
  }
  function nudge(by) {
    moveTo(moved + by)
    look()
  }
  function keys(e) {
    const step = arrow(e)
    if (!step) return
    e.preventDefault()
    const here = which === BIAS ? 10*28 + 14 : which
    const [row, col] = [Math.floor(here/28) + step[0], here%28 + step[1]].map(o => Math.min(Math.max(o, 0), 27))
    choose(28*row + col)
  }
  function point(e) {
    const r = grid.getBoundingClientRect(), [row, col] = [(e.clientY - r.top)/r.height, (e.clientX - r.left)/r.width].map(o => Math.min(Math.max(Math.floor(28*o), 0), 27))
    choose(28*row + col)
  }
  const name = () => which === BIAS ? 'the bias' : `the weight of pixel (${Math.floor(which/28)}, ${which%28})`

  // What depends on the model and the parameter: the two curves
  let cursors, marker
  function draw() {
    const weights = models[model]
    base = linear1(x, weights.subarray(0, N), weights[N])
    last = null
    map.draw(Array.from(weights.subarray(0, N), w => w/3), 'sign', 'The 784 weights as a picture: orange is positive, purple negative')
    mark.hidden = which === BIAS
    change(mark, {style: `left: ${which%28/28*100}%; top: ${Math.floor(which/28)/28*100}%`})
    const places = Array.from({length: 401}, (_, i) => span*(i/200 - 1)), curve = places.map(at)
    cursors = []
    charts.replaceChildren(...[['loss', 'Loss', false], ['accuracy', 'Accuracy', true]].map(([key, title, stairs]) => {
      const vs = curve.map(o => o[key]), [low, high] = [Math.min(...vs), Math.max(...vs)], room = Math.max((high - low)*0.15, stairs ? 0.006 : 1e-4)
      const p = plot({height: 170, xs: [-span, span], ys: [low - room, high + room], xlabel: `how far ${name()} is moved`, ylabel: key, name: `${title} as ${name()} moves by −${span} to ${span}: from ${number(vs[0])} to ${number(vs[400])}${stairs ? ', in steps' : ', smoothly'}`})
      const line = stairs ? places.flatMap((v, i) => i ? [[v, vs[i - 1]], [v, vs[i]]] : [[v, vs[0]]]) : places.map((v, i) => [v, vs[i]])
      const cursor = svg('line', {class: 'cursor', y1: 10, y2: 132}), dot = svg('circle', {class: 'dot', r: 5})
      p.layer.append(svg('path', {class: `line ${stairs ? 'stairs' : 'line-0'}`, d: p.line(line)}), cursor, dot)
      cursors.push(now => { change(cursor, {x1: p.x(moved), x2: p.x(moved)}); change(dot, {cx: p.x(moved), cy: p.y(now[key])}) })
      return p.el
    }))
    look()
  }

  // What depends on where the parameter is moved to
  function look() {
    const now = at(moved), right = Math.round(now.accuracy*x.length)
    cursors.forEach(f => f(now))
    const changed = (key, digits) => !last ? '' : now[key] === last[key] ? ' (did not move)' : ` (${now[key] > last[key] ? '+' : ''}${number(now[key] - last[key], digits)})`
    facts.replaceChildren(...Object.entries({[which === BIAS ? 'bias' : 'weight']: number(models[model][which] + moved, 4), loss: `${number(now.loss, 6)}${changed('loss', 6)}`,
      accuracy: `${right} of ${x.length}, ${number(100*now.accuracy, 1)} %${changed('accuracy', 3)}`}).map(([k, v]) => h('div', {}, h('dt', {}, k), h('dd', {}, v))))
    words.say(`With ${name()} moved by ${number(moved, 3)}, the loss is ${number(now.loss, 6)} and the accuracy ${number(100*now.accuracy, 1)} %.`, 700)
    dots.replaceChildren(crowd(now.preds))
    last = now
  }
  // All predictions on one axis, threes above and sevens below
  function crowd(preds) {
    const wide = MOST*1.06 // What lies further out is drawn at the edge, whole
    const p = plot({height: 150, xs: [-wide, wide], ys: [0, 2], rows: [], xlabel: `prediction: left of 0 is called a seven, right a three; beyond ${MOST}, at the edge`, ylabel: '', name: `The predictions for ${digits.n} threes (above) and ${digits.n} sevens (below)`})
    p.layer.append(svg('line', {class: 'cursor', x1: p.x(0), x2: p.x(0), y1: 0, y2: 150}), ...preds.map((v, i) => {
      const px = p.x(Math.min(Math.max(v, -MOST), MOST)), py = p.y((y[i] ? 1.15 : 0.15) + 0.7*(i*0.618%1))
      return y[i] ? svg('circle', {class: 'three', cx: px, cy: py, r: 2.6}) : svg('rect', {class: 'seven', x: px - 2.3, y: py - 2.3, width: 4.6, height: 4.6})
    }), svg('text', {class: 'name', x: p.x(-wide) + 4, y: p.y(1.8)}, 'threes'), svg('text', {class: 'name', x: p.x(-wide) + 4, y: p.y(0.8)}, 'sevens'))
    return p.el
  }
  draw()
})
