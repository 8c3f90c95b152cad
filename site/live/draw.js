// Draw a digit: a canvas, and what the rungs see that the table puts on this page.
ch4.live('draw', ['nets.js', 'prepare.js', '../weights/samples.js', '../weights/rungs.js'], box => {
  'use strict'
  const {h, change, button, picture, status, arrow} = ch4.parts, {SIDE, bytes, load, best} = ch4.nets
  const SIZE = 280, PEN = 24, UNIT = SIZE/SIDE // The canvas, the pen and a step of the arrow keys, in pixels
  const {samples} = ch4.data
  const rungs = ch4.data.rungs.map(r => ({...r, scores: load(r)}))
  const percent = p => p < 0.0005 ? '0' : p > 0.9995 ? '100' : (100*p).toFixed(p < 0.0995 ? 1 : 0)

  // What is on the page
  const canvas = h('canvas', {width: SIZE, height: SIZE, class: 'live-paper', tabindex: 0, role: 'application', 'aria-label': 'Paper to draw a digit on', 'aria-describedby': 'live-draw-keys'})
  const pen = h('div', {class: 'live-pen', 'aria-hidden': 'true', hidden: true})
  const seen = picture('What the rungs see: an empty image'), words = status()
  const cells = Array.from({length: 10}, () => rungs.map(() => h('td')))
  const answers = rungs.map(() => h('td', {class: 'answer'}))
  box.append(h('div', {class: 'live-draw'},
    h('div', {class: 'live-desk'},
      h('div', {class: 'live-sheet'}, canvas, pen),
      h('div', {class: 'live-row'}, button('Clear', () => clear()), button('A validation image', () => sample(null))),
      h('div', {class: 'live-row'}, seen.el, h('p', {class: 'live-small'}, 'What the rungs see: 28 × 28 pixels, the digit scaled and centred as in MNIST.'))),
    h('table', {class: 'live-table'},
      h('caption', {}, 'The probability of each digit, in percent, by each rung'),
      h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'digit'), ...rungs.map(r => h('th', {scope: 'col'}, r.title.replace('_', '_\u200b'))))),
      h('tbody', {}, h('tr', {class: 'answers'}, h('th', {scope: 'row'}, 'says'), ...answers),
        ...cells.map((row, digit) => h('tr', {}, h('th', {scope: 'row'}, String(digit)), ...row))))), words.el,
    h('p', {class: 'live-small', id: 'live-draw-keys'}, 'Keys on the paper: the arrows move the pen, Space puts it down or lifts it, Delete clears, and 0 to 9 take a validation image of that digit.'))

  // Drawing: white paper, black ink
  const context = canvas.getContext('2d', {willReadFrequently: true})
  Object.assign(context, {lineWidth: PEN, lineCap: 'round', lineJoin: 'round'})
  let x = SIZE/2, y = SIZE/2, down = false, due = false, drawn = false, taken = 0
  function clear() {
    context.fillStyle = 'white'
    context.fillRect(0, 0, SIZE, SIZE)
    drawn = false
    answer(null)
  }
  function line(toX, toY) {
    if (drawn === 'sample') clear()
    drawn = true
    context.beginPath()
    context.moveTo(x, y)
    context.lineTo(toX, toY)
    context.stroke()
    ask()
  }
  const ink = () => {
    const {data} = context.getImageData(0, 0, SIZE, SIZE)
    return {v: new Float32Array(SIZE*SIZE).map((_, i) => 1 - data[4*i]/255), w: SIZE, h: SIZE}
  }

  // Ask at the next frame, however many strokes come before it
  function ask() {
    if (due) return
    due = true
    requestAnimationFrame(() => { due = false; if (drawn === true) answer(ch4.prepare.prepare(ink())) })
  }
  function answer(image) {
    seen.draw(image ?? new Float32Array(SIDE*SIDE), 'ink', image ? 'What the rungs see: the digit, scaled and centred' : 'What the rungs see: an empty image')
    const {probs, far} = image ? ch4.nets.ask(rungs, image, samples.far) : {}
    const digits = probs?.map(best)
    rungs.forEach((r, k) => {
      answers[k].textContent = image ? digits[k] : '–'
      cells.forEach((row, digit) => {
        const p = image ? probs[k][digit] : 0
        row[k].textContent = image ? percent(p) : ''
        row[k].style.setProperty('--p', `${100*p}%`)
        row[k].classList.toggle('best', Boolean(image) && digits[k] === digit)
      })
    })
    if (!image) return words.say('Draw a digit, or take one of the validation images.')
    words.say(rungs.map((r, k) => `${r.title}: ${digits[k]}, ${percent(probs[k][digits[k]])} %`).join('; ') + (far ? '. It lies far from the mean image of that digit: perhaps it is none.' : '.'), 600)
  }

  // One of the images that come with the page: the next of that digit, or of any
  function sample(digit) {
    const fit = samples.labels.map((label, i) => i).filter(i => digit === null || samples.labels[i] === digit)
    const image = Float32Array.from(bytes(samples.images).subarray(fit[taken%fit.length]*SIDE*SIDE).subarray(0, SIDE*SIDE), o => o/255)
    taken += digit === null ? 7 : 1
    clear()
    drawn = 'sample'
    image.forEach((o, i) => {
      context.fillStyle = `rgb(${[1, 1, 1].map(() => Math.round(255*(1 - o)))})`
      context.fillRect(i%SIDE*UNIT, Math.floor(i/SIDE)*UNIT, UNIT, UNIT)
    })
    answer(image)
  }

  // Mouse, pen and finger
  const spot = e => { const r = canvas.getBoundingClientRect(); return [(e.clientX - r.left)*SIZE/r.width, (e.clientY - r.top)*SIZE/r.height] }
  canvas.addEventListener('pointerdown', e => {
    if (e.button) return
    canvas.setPointerCapture(e.pointerId)
    ;[x, y] = spot(e)
    lift()
    pen.hidden = true
    line(x, y)
  })
  canvas.addEventListener('pointermove', e => {
    if (!canvas.hasPointerCapture(e.pointerId)) return
    for (const o of e.getCoalescedEvents?.().length ? e.getCoalescedEvents() : [e]) {
      const [toX, toY] = spot(o)
      line(toX, toY)
      ;[x, y] = [toX, toY]
    }
  })

  // Keys
  const lift = () => { down = false; pen.classList.remove('down') }
  const show = () => { pen.hidden = false; change(pen, {style: `left: ${100*x/SIZE}%; top: ${100*y/SIZE}%`}) }
  canvas.addEventListener('focus', () => { if (canvas.matches(':focus-visible')) show() })
  canvas.addEventListener('blur', () => { pen.hidden = true; lift() })
  canvas.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    const step = arrow(e), digit = /^[0-9]$/.test(e.key) ? +e.key : null
    if (!step && digit === null && ![' ', 'Delete', 'Backspace'].includes(e.key)) return
    e.preventDefault()
    if (digit !== null) return sample(digit)
    if (e.key === 'Delete' || e.key === 'Backspace') { lift(); return clear() }
    if (e.key === ' ') {
      down = !down
      pen.classList.toggle('down', down)
      show()
      if (down) line(x, y)
      return words.say(down ? 'The pen is down.' : 'The pen is lifted.', 0)
    }
    const [toX, toY] = [x + step[1]*UNIT, y + step[0]*UNIT].map(o => Math.min(Math.max(o, UNIT), SIZE - UNIT))
    if (down) line(toX, toY)
    ;[x, y] = [toX, toY]
    show()
  })

  clear()
})
