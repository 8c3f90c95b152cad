// Train it here: a rung, its knobs, and a run in a worker whose weights, loss and mistakes can be watched.
ch4.live('train', ['nets.js', 'prepare.js', 'pad.js', '../weights/published.js'], box => {
  'use strict'
  const {h, svg, change, number, choice, button, plot, status} = ch4.parts, {SIDE} = ch4.nets
  const {published} = ch4.data, SIZE = SIDE*SIDE, MOST = 1e6 // The highest learning rate
  const rungs = {
    pixels: {of: published.pixels_l1, pictures: ['The mean three', 'The mean seven']},
    linear: {of: published.by_hand, start: 'wide', traps: ['order', 'rate', 'kept']},
    net: {of: published.simple_net, start: 'small', traps: ['order', 'rate', 'kept', 'zeros']},
  }
  const traps = {
    order: ['not shuffled', () => { shuffle.checked = false }],
    rate: ['rate too high', () => { rate.value *= 100 }],
    kept: ['gradients never zeroed', () => { zero.checked = false }],
    zeros: ['all weights 0', () => { first.value = 'zeros' }],
  }
  const thousands = n => n.toLocaleString('en')

  // What can be set
  let names = 0
  const field = (name, input) => {
    const id = `train-${++names}`
    change(input, {id})
    return h('div', {class: 'live-field'}, h('label', {for: id}, name), input)
  }
  const tick = name => {
    const input = h('input', {type: 'checkbox'})
    return [input, h('label', {class: 'live-tick'}, input, ` ${name}`)]
  }
  const rate = h('input', {inputmode: 'decimal', size: 6}), batch = h('input', {inputmode: 'numeric', size: 6}), epochs = h('input', {inputmode: 'numeric', size: 4})
  const first = h('select', {}, ...[['wide', 'random, spread 1'], ['small', 'random, as nn.Linear'], ['zeros', 'all 0']].map(([value, words]) => h('option', {value}, words)))
  const [shuffle, shuffleEl] = tick('shuffled in each epoch'), [zero, zeroEl] = tick('gradients zeroed after each step')
  const knobs = h('div', {class: 'live-row'}, field('learning rate', rate), field('batch size', batch), field('epochs', epochs), field('starting weights', first), shuffleEl, zeroEl)
  const tries = h('div', {class: 'live-row', role: 'group', 'aria-label': 'Traps, one click each'})
  const go = button('Start', () => running ? stop() : start(), {class: 'live-button live-go'}), wrong = h('p', {role: 'alert'}), bar = h('progress', {max: 1, 'aria-label': 'The images are loaded', hidden: true})

  // What is seen
  const weights = h('canvas', {class: 'live-picture live-weights', role: 'img', 'aria-label': 'No weights yet'}), left = h('canvas', {class: 'live-tiles', role: 'img', 'aria-label': 'No images yet', hidden: true})
  const facts = h('dl', {class: 'live-facts'}), words = status(), charts = h('div', {class: 'live-two'}), courses = h('p', {class: 'live-small'})
  const called = h('p', {role: 'status', class: 'live-verdict'}, 'Train first, then draw a three or a seven.')
  const pad = ch4.pad({on: image => { drawn = image; ask() }, say: o => words.say(o, 0), describedby: 'live-train-keys'})
  box.append(choice('rung', Object.entries(rungs).map(([name, {of}]) => [name, of.title]), 'linear', v => choose(v)), knobs, tries, wrong,
    h('div', {class: 'live-row'}, go, button('As the course has it', () => choose(rung)), bar), courses,
    h('div', {class: 'live-two'}, h('figure', {}, weights), h('div', {}, facts, words.el, charts)),
    h('figure', {}, h('figcaption', {class: 'live-small'}, 'Images of the 2,038 that are wrong. Who is right again leaves an empty place.'), left),
    h('div', {class: 'live-draw'}, h('div', {class: 'live-desk'}, pad.el, pad.tools), called),
    h('p', {class: 'live-small', id: 'live-train-keys'}, 'Keys on the paper: the arrows move the pen, Space puts it down or lifts it, Delete clears.'))

  let rung = 'linear', running = false, run = 0, worker = null, loading = false, images = null, drawn = null, newest = null, broken = false, curve, places, seed = 42

  function choose(name) {
    stop()
    rung = name
    const {of, start: begin, traps: mine = []} = rungs[name], {lr, bs, epochs: n} = of.knobs
    change(knobs, {hidden: name === 'pixels'})
    ;[rate.value, batch.value, epochs.value] = [lr ?? 1, bs ?? 256, n ?? 1]
    if (begin) first.value = begin
    shuffle.checked = zero.checked = true
    wrong.textContent = ''
    tries.replaceChildren(...mine.length ? [h('span', {class: 'live-legend'}, 'traps:'), ...mine.map(trap => { const [title, set] = traps[trap]; return button(title, () => { choose(name); set(); start() }) })] : [])
    const few = Math.min(...of.mistakes), many = Math.max(...of.mistakes)
    courses.textContent = `The course's own runs of this rung${lr ? `, ${n} epochs at rate ${lr} in batches of ${bs}` : ''}: ${few === many ? few : `${few} to ${many}`} of 2,038 wrong.`
  }

  // The settings, or a sentence about the first that can't be used
  function settings() {
    const value = (name, input, most, whole) => {
      const v = Number(input.value.trim().replace(',', '.'))
      if (input.value.trim() && v > 0 && v <= most && (!whole || Number.isInteger(v))) return v
      throw Error(`${name}: got “${input.value}”, want a ${whole ? 'whole ' : ''}number above 0, and up to ${thousands(most)}.`)
    }
    return {rung, lr: value('learning rate', rate, MOST), bs: value('batch size', batch, 12396, true), epochs: value('epochs', epochs, 200, true), start: first.value, shuffle: shuffle.checked, zero: zero.checked, seed: seed++}
  }

  function start() {
    let wanted
    try { wanted = settings() } catch (e) { return fail(e.message) }
    wrong.textContent = ''
    words.say('The first epoch has begun.', 0)
    running = true
    go.textContent = 'Stop'
    begin(wanted)
    try {
      worker ??= made()
      if (images) send(wanted)
      else {
        bar.hidden = false
        words.say('The images are being loaded.', 0)
        waiting = wanted
        if (!loading) worker.postMessage({load: broken ? 'reload' : 'default'})
        loading = true
      }
    } catch (e) { fail(`This browser starts no worker for this page (${e.message}), so nothing can be trained here. On the course's site it can.`) }
  }
  let waiting = null
  const send = wanted => worker.postMessage({start: wanted, run: ++run})
  function stop() {
    if (!running) return
    running = false
    waiting = null
    go.textContent = 'Start'
    worker?.postMessage({stop: true})
  }
  function fail(sentence) {
    stop()
    bar.hidden = true
    wrong.textContent = sentence
  }

  const lost = () => { worker = images = null; loading = false }
  function made() {
    const w = new Worker(`${ch4.here}train_worker.js`)
    w.onerror = e => { lost(); fail(`The worker that trains could not start${e.message ? ` (${e.message})` : ''}. On the course's site it can.`) }
    w.onmessage = ({data: o}) => {
      if (o.failed) { broken = true; worker.terminate(); lost(); return fail(o.failed) }
      if (o.loaded) bar.value = o.loaded
      if (o.ready) {
        images = o.ready
        loading = false
        bar.hidden = true
        if (waiting) send(waiting)
        waiting = null
      }
      if (o.answer) verdict(o.answer)
      if (o.run !== run || !running) return
      if (o.end) {
        stop()
        if (!drawn) called.textContent = 'Now draw a three or a seven.'
        return ask()
      }
      if (o.at.wrong) epoch(o.at)
      if (o.at.loss !== null) curve.loss.push([o.at.epoch + o.at.done, o.at.loss])
      if (!newest) requestAnimationFrame(show)
      newest = o
    }
    return w
  }

  // A run begins: empty charts, and room for what will be wrong
  function begin({epochs: n}) {
    curve = {loss: [], accuracy: []}
    places = []
    newest = null
    const chart = (key, ys, cls) => {
      const p = plot({height: 170, xs: [0, n], ys, xlabel: 'epoch', ylabel: key, name: `${key}, epoch by epoch`}), line = svg('path', {class: `line ${cls}`})
      p.layer.append(line)
      return [p, line]
    }
    charts.replaceChildren()
    curve.lines = rung === 'pixels' ? {} : {loss: chart('loss', [0, 0.7], 'line-0'), accuracy: chart('accuracy', [0.45, 1], 'stairs')}
    charts.append(...Object.values(curve.lines).map(([p]) => p.el))
    tell({})
    tiles()
  }
  const tell = o => facts.replaceChildren(...Object.entries(o).map(([k, v]) => h('div', {}, h('dt', {}, k), h('dd', {}, v))))
  const draw = key => { const [p, line] = curve.lines[key]; change(line, {d: p.line(curve[key])}) }

  // After an epoch: what is wrong
  function epoch({epoch: n, wrong: ids, loss}) {
    curve.last = ids.length
    if (curve.lines.accuracy) { curve.accuracy.push([n, 1 - ids.length/2038]); draw('accuracy') }
    const now = new Set(ids), kept = new Set(places.filter(o => now.has(o)))
    places = places.map(o => kept.has(o) ? o : null)
    for (const id of ids) if (!kept.has(id)) { const free = places.indexOf(null); free < 0 ? places.push(id) : places[free] = id }
    tiles()
    words.say(`${loss === null ? 'All images are averaged' : `Epoch ${n} of ${epochs.value}`}: ${thousands(ids.length)} of 2,038 wrong.`, 0)
  }

  // At the next frame: the weights as they are, the loss
  function show() {
    const {at, pictures} = newest ?? {}
    newest = null
    if (!at) return
    if (curve.lines.loss) draw('loss')
    tell({epoch: number(at.epoch + at.done, 1), ...at.loss === null ? {} : {loss: number(at.loss, 4)}, ...curve.last === undefined ? {} : {wrong: `${thousands(curve.last)} of 2,038`, accuracy: `${number(100*(1 - curve.last/2038), 2)} %`}, seconds: number(at.seconds, 2)})
    const names = rungs[rung].pictures, cols = pictures.length > 2 ? 6 : pictures.length
    sheet(weights, pictures, cols, names ? v => 255*(1 - v) : null)
    change(weights, {'aria-label': names ? names.join(' and ') : `The weights of ${pictures.length > 1 ? `${pictures.length} hidden units` : 'all pixels'} as ${pictures.length > 1 ? 'pictures' : 'a picture'}: orange is positive, purple negative`})
  }

  // Pictures of 784 numbers side by side on a canvas: grey, or purple over white to orange, each in times of its largest number
  function sheet(canvas, pictures, cols, grey) {
    const rows = Math.ceil(pictures.length/cols), side = SIDE + 1
    if (canvas.width !== cols*side || canvas.height !== rows*side) Object.assign(canvas, {width: cols*side, height: rows*side})
    change(canvas, {style: `aspect-ratio: ${cols}/${rows}`})
    const context = canvas.getContext('2d'), image = context.createImageData(cols*side, rows*side), out = image.data
    pictures.forEach((values, k) => {
      let most = 1e-9
      if (values && !grey) for (const v of values) most = Math.max(most, Math.abs(v))
      for (let i = 0; values && i < SIZE; i++) {
        const to = 4*((Math.floor(k/cols)*side + Math.floor(i/SIDE))*cols*side + k%cols*side + i%SIDE), v = grey ? grey(values[i]) : values[i]/most
        if (grey) out[to] = out[to + 1] = out[to + 2] = v
        else if (v > 0) { out[to] = 255 - 76*v; out[to + 1] = 255 - 167*v; out[to + 2] = 255 - 249*v }
        else { out[to] = 255 + 171*v; out[to + 1] = 255 + 216*v; out[to + 2] = 255 + 119*v }
        out[to + 3] = 255
      }
    })
    context.putImageData(image, 0, 0)
  }

  // The images that are wrong, each in its place
  function tiles() {
    const shown = places.slice(0, 120), n = places.filter(o => o !== null).length
    left.hidden = !n
    if (!n) return
    sheet(left, shown.map(id => id === null ? null : images.subarray(id*SIZE, (id + 1)*SIZE)), 20, v => 255 - v)
    change(left, {'aria-label': `${n} images that are wrong${n > 120 ? ', of which 120 are shown' : ''}`})
  }

  // The reader's own digit
  function ask() {
    if (drawn && images) worker.postMessage({ask: drawn})
  }
  function verdict({score, three}) {
    const said = score > 0 ? 'a three' : 'a seven'
    called.textContent = !drawn ? 'Draw a three or a seven.' : `The model says: ${said}${three === null ? '' : `, with ${number(100*Math.max(three, 1 - three), 1)} %`}.`
  }

  choose('linear')
  pad.clear()
})
