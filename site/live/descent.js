// Descent: steps of gradient descent on a curve, or on a landscape of two parameters.
ch4.live('descent', ['course.js'], box => {
  'use strict'
  const {h, svg, number, slider, button, plot, status} = ch4.parts, {landscapes, begin, walk, verdict, points} = ch4.course
  const RATES = [0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.12, 0.14, 0.15, 0.16, 0.2, 0.23, 0.24, 0.25, 0.26, 0.3, 0.4, 0.48, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1, 1.01, 1.05, 1.1, 1.5, 2, 3, 5, 8]
  const MOMENTA = [0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99], MOST = 300, FAST = 15 // Steps of one run, and how many of them are slow
  let name = 'square', land = landscapes[name], start = land.start, lr = land.lr, mom = 0, path = begin(land, start), timer = null

  const select = h('select', {id: 'live-landscape', onchange: () => choose(select.value)}, ...Object.entries(landscapes).map(([value, {title}]) => h('option', {value}, title)))
  const rate = slider('learning rate', {min: 0, max: RATES.length - 1, value: RATES.indexOf(lr), show: i => String(RATES[i]), on: i => { lr = RATES[i] }})
  const momentum = slider('momentum', {min: 0, max: MOMENTA.length - 1, value: 0, show: i => String(MOMENTA[i]), on: i => { mom = MOMENTA[i] }})
  const starts = h('div'), tries = h('div', {class: 'live-row'}), scene = h('div'), chart = h('div'), words = status()
  const play = button('Play', () => timer ? stop() : run())
  const facts = h('dl', {class: 'live-facts'})
  box.append(h('div', {class: 'live-slider'}, h('label', {for: 'live-landscape'}, 'landscape'), select), starts, rate.el, momentum.el,
    h('div', {class: 'live-row'}, button('Step', () => { stop(); step() }), play, button('Reset', () => restart(start))), tries, words.el, facts, h('div', {class: 'live-two'}, scene, chart))

  // Another landscape, another start, one step, many
  function choose(to) {
    name = to
    land = landscapes[name]
    tries.replaceChildren(h('span', {}, 'To try:'), ...land.tries.map(([what, lr, mom, at]) => button(what, () => { set(lr, mom); restart(at); run() })))
    set(land.lr, 0)
    restart(land.start)
  }
  function set(newLr, newMom) {
    [lr, mom] = [newLr, newMom]
    rate.set(RATES.indexOf(lr))
    momentum.set(MOMENTA.indexOf(mom))
  }
  function restart(at) {
    stop()
    start = at
    path = begin(land, start)
    starts.replaceChildren(...sliders())
    draw()
  }
  function step() {
    if (!Number.isFinite(path[path.length - 1].loss)) return
    path = walk(land, path, lr, mom)
    draw()
  }
  function run() {
    step()
    const last = path[path.length - 1]
    if (path.length > MOST || verdict(path) === 'arrived' || !(last.loss < 1e6)) return stop()
    play.textContent = 'Pause'
    timer = setTimeout(run, path.length < FAST ? 250 : 70)
  }
  function stop() {
    clearTimeout(timer)
    timer = null
    play.textContent = 'Play'
    tell()
  }

  // Lines of equal loss on a grid of g × g squares: where each side of a square crosses the level
  function contour(level, p, g = 60) {
    const [x0, y0] = land.from, [x1, y1] = land.to, place = (i, j) => [x0 + (x1 - x0)*i/g, y0 + (y1 - y0)*j/g]
    const over = Array.from({length: (g + 1)**2}, (_, k) => land.loss(place(k%(g + 1), Math.floor(k/(g + 1)))) - level)
    let d = ''
    for (let j = 0; j < g; j++) for (let i = 0; i < g; i++) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], crossed = []
      corners.forEach(([a, b], k) => {
        const [c, e] = corners[(k + 1)%4], u = over[b*(g + 1) + a], w = over[e*(g + 1) + c]
        if (u < 0 !== w < 0) crossed.push(place(a + (c - a)*u/(u - w), b + (e - b)*u/(u - w)))
      })
      for (let k = 0; k + 1 < crossed.length; k += 2) d += p.line(crossed.slice(k, k + 2))
    }
    return svg('path', {class: 'contour', d})
  }

  // The plots
  const along = (from, to, n = 200) => Array.from({length: n + 1}, (_, i) => from + (to - from)*i/n)
  let backs = {} // The plot of each landscape without a path
  function empty() {
    if (backs[name]) return backs[name]
    const [x0, y0] = land.from, [x1, y1] = land.to
    if (land.from.length === 1) {
      const curve = along(x0, x1).map(x => [x, land.loss([x])]), high = Math.max(...curve.map(o => o[1])), low = Math.min(...curve.map(o => o[1]))
      const p = plot({xs: [x0, x1], ys: [low - 0.06*(high - low), high], xlabel: 'x', ylabel: 'loss', name: land.title})
      p.layer.append(svg('path', {class: 'line curve', d: p.line(curve)}))
      backs[name] = p
    } else {
      const p = plot({height: 330, xs: [x0, x1], ys: [y0, y1], xlabel: name === 'line' ? 'slope' : 'x', ylabel: name === 'line' ? 'intercept' : 'y', name: land.title})
      const all = along(x0, x1, 40).flatMap(x => along(y0, y1, 40).map(y => land.loss([x, y]))), low = Math.min(...all), high = Math.max(...all)
      for (let k = 0; k < 10; k++) p.layer.append(contour(low + (high - low)*((k + 0.4)/10)**2.2, p))
      backs[name] = p
    }
    backs[name].trail = backs[name].layer.appendChild(svg('g'))
    backs[name].el.addEventListener('pointerdown', e => restart(backs[name].spot(e).slice(0, land.from.length).map((v, k) => Math.min(Math.max(v, land.from[k]), land.to[k]))))
    return backs[name]
  }
  function sliders() {
    const names = land.from.length === 1 ? ['start'] : name === 'line' ? ['start, slope', 'start, intercept'] : ['start, x', 'start, y']
    return names.map((words, k) => slider(words, {min: land.from[k], max: land.to[k], step: 0.05, value: start[k], show: v => number(v, 2), on: v => moveStart(k, v)}).el)
  }
  function moveStart(k, v) {
    stop()
    start = start.map((o, i) => i === k ? v : o)
    path = begin(land, start)
    draw()
  }

  const between = (a, b) => number(a) === number(b) ? `by too little to show; it is ${number(b)}` : `from ${number(a)} to ${number(b)}`
  const SAYS = {
    start: () => 'At the start. The next step goes against the slope.',
    falls: ({loss}, before) => `The loss fell ${between(before.loss, loss)}.`,
    rises: ({loss}, before) => `The loss rose ${between(before.loss, loss)}.`,
    oscillates: ({loss}, before) => `It oscillates: it jumps from side to side. The loss went from ${number(before.loss)} to ${number(loss)}.`,
    diverges: ({loss}) => `It diverges: it jumps from side to side and lands higher each time. The loss is ${number(loss)}.`,
    arrived: ({loss}) => `Arrived: the slope is almost 0, and so are the steps. The loss is ${number(loss)}.`,
  }
  const tell = () => words.say(`Step ${path.length - 1}. ${SAYS[verdict(path)](path[path.length - 1], path[path.length - 2])}`, 60)
  function draw() {
    const last = path[path.length - 1], flat = land.from.length === 1, p = empty()
    const spots = path.map(o => flat ? [o.at[0], o.loss] : o.at).filter(o => o.every(v => Math.abs(v) < 1e4))
    p.trail.replaceChildren(svg('path', {class: 'line trail', d: p.line(spots)}), ...spots.slice(-60).map(([a, b]) => svg('circle', {class: 'dot', cx: p.x(a), cy: p.y(b), r: 3.5})),
      svg('rect', {class: 'begin', x: p.x(spots[0][0]) - 5, y: p.y(spots[0][1]) - 5, width: 10, height: 10}))
    p.el.setAttribute('aria-label', `${land.title}; after ${path.length - 1} steps at ${last.at.map(o => number(o)).join(', ')}`)
    if (p.el.parentNode !== scene) scene.replaceChildren(p.el)
    const most = Math.max(10, path.length - 1), top = Math.max(1e-6, Math.min(Math.max(...path.map(o => o.loss).filter(Number.isFinite)), 3*path[0].loss + 1))
    const losses = plot({height: land.from.length === 1 ? 260 : 200, xs: [0, most], ys: [0, 1.05*top], xlabel: 'step', ylabel: 'loss', name: `The loss after each of ${path.length - 1} steps`})
    const line = path.map((o, i) => [i, Number.isFinite(o.loss) ? o.loss : 1e9])
    losses.layer.append(svg('path', {class: 'line trail', d: losses.line(line)}), ...(line.length > 80 ? [] : line).map(([a, b]) => svg('circle', {class: 'dot', cx: losses.x(a), cy: Math.max(losses.y(b), -1e4), r: 3})))
    chart.replaceChildren(losses.el, ...(name === 'line' ? [fitted(last.at)] : []))
    if (!timer || path.length < FAST || path.length%20 === 0) tell()
    facts.replaceChildren(...Object.entries({step: path.length - 1, [flat ? 'x' : 'at']: last.at.map(o => number(o)).join(', '), [flat ? 'slope' : 'gradient']: last.grad.map(o => number(o)).join(', '), loss: number(last.loss)}).map(([k, v]) => h('div', {}, h('dt', {}, k), h('dd', {}, String(v)))))
  }
  // The line that two parameters are, and the points that it should go through
  function fitted([a, b]) {
    const [ts, ys] = points, p = plot({height: 160, xs: [-0.5, 4.5], ys: [-1, 5], xlabel: 't', ylabel: 'y', name: `The line with slope ${number(a)} and intercept ${number(b)}, and five points`})
    p.layer.append(svg('path', {class: 'line trail', d: p.line([[-0.5, b - a/2], [4.5, 4.5*a + b]])}), ...ts.map((t, i) => svg('rect', {class: 'begin', x: p.x(t) - 4, y: p.y(ys[i]) - 4, width: 8, height: 8})))
    return p.el
  }
  choose(name)
})
