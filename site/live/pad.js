// Paper to draw a digit on, with mouse, pen, finger or keys. `on` gets what was drawn, made ready as MNIST's digits were, or null where the paper is empty. `say` is told what the pen does.
globalThis.ch4 ??= {}

ch4.pad = options => {
  'use strict'
  const {on, say, key = () => false, describedby} = options
  const {h, change, button, arrow, choice} = ch4.parts, {SIDE} = ch4.nets
  const SIZE = 280, UNIT = SIZE/SIDE, PENS = [[12, 'thin'], [24, 'usual'], [36, 'thick']] // The canvas, a step of the arrow keys and the pens, in pixels

  const canvas = h('canvas', {width: SIZE, height: SIZE, class: 'live-paper', tabindex: 0, role: 'application', 'aria-label': 'Paper to draw a digit on', 'aria-describedby': describedby})
  const warning = h('p', {class: 'live-small'})
  const pen = h('div', {class: 'live-pen', 'aria-hidden': 'true', hidden: true})

  // Drawing: white paper, black ink. The strokes are kept, so that the last one can be taken back
  const context = canvas.getContext('2d', {willReadFrequently: true})
  Object.assign(context, {lineCap: 'round', lineJoin: 'round'})
  let x = SIZE/2, y = SIZE/2, width = 24, down = false, due = false, held = null, strokes = [], shown = false
  function white() {
    context.fillStyle = 'white'
    context.fillRect(0, 0, SIZE, SIZE)
  }
  function clear() {
    white()
    strokes = []
    shown = false
    on(null)
    const blind = hidden()
    change(warning, {role: blind && 'alert'})
    warning.textContent = blind ? 'This browser hides what is drawn on a page, which protects against being tracked, and hides it from this page too. Allow the page to read its canvas, or take a validation image.' : ''
  }
  // Some browsers hand out noise, or white, in place of what is on a canvas
  function hidden() {
    const read = () => context.getImageData(0, 0, 4, 1).data
    const blank = read().every(o => o === 255)
    context.fillStyle = 'black'
    context.fillRect(0, 0, 4, 1)
    const dark = read().every((o, i) => o === (i%4 === 3 ? 255 : 0))
    context.fillStyle = 'white'
    context.fillRect(0, 0, 4, 1)
    return !(blank && dark)
  }
  function piece(width, from, to) {
    context.lineWidth = width
    context.beginPath()
    context.moveTo(...from)
    context.lineTo(to[0] + 0.01, to[1]) // A line without length would draw no dot
    context.stroke()
  }
  function begin() {
    if (shown) clear()
    strokes.push({width, points: [[x, y]]})
  }
  function line(toX, toY) {
    if (!strokes.length) begin()
    const stroke = strokes[strokes.length - 1], last = stroke.points[stroke.points.length - 1]
    stroke.points.push([toX, toY])
    piece(stroke.width, last, [toX, toY])
    ask()
  }
  function undo() {
    strokes.pop()
    if (!strokes.length) return clear()
    white()
    for (const {width, points} of strokes) for (let i = 1; i < points.length; i++) piece(width, points[i - 1], points[i])
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
    requestAnimationFrame(() => { due = false; if (strokes.length) on(ch4.prepare.prepare(ink())) })
  }

  // Put an image of 784 numbers on the paper
  function show(image) {
    lift()
    white()
    strokes = []
    shown = true
    image.forEach((o, i) => {
      context.fillStyle = `rgb(${[1, 1, 1].map(() => Math.round(255*(1 - o)))})`
      context.fillRect(i%SIDE*UNIT, Math.floor(i/SIDE)*UNIT, UNIT, UNIT)
    })
    on(image)
  }

  // Mouse, pen and finger: the first to come down draws until it is lifted, so that a palm beside it does nothing
  const spot = e => { const r = canvas.getBoundingClientRect(); return [(e.clientX - r.left)*SIZE/r.width, (e.clientY - r.top)*SIZE/r.height] }
  canvas.addEventListener('pointerdown', e => {
    if (e.button || held !== null) return
    held = e.pointerId
    canvas.setPointerCapture(held)
    ;[x, y] = spot(e)
    lift()
    pen.hidden = true
    begin()
    line(x, y)
  })
  canvas.addEventListener('pointermove', e => {
    if (e.pointerId !== held) return
    for (const o of e.getCoalescedEvents?.().length ? e.getCoalescedEvents() : [e]) {
      const [toX, toY] = spot(o)
      line(toX, toY)
      ;[x, y] = [toX, toY]
    }
  })
  for (const end of ['pointerup', 'pointercancel', 'lostpointercapture']) canvas.addEventListener(end, e => { if (e.pointerId === held) held = null })

  // Keys
  const lift = () => { down = false; pen.classList.remove('down') }
  const place = () => { pen.hidden = false; change(pen, {style: `left: ${100*x/SIZE}%; top: ${100*y/SIZE}%`}) }
  canvas.addEventListener('focus', () => { if (canvas.matches(':focus-visible')) place() })
  canvas.addEventListener('blur', () => { pen.hidden = true; lift() })
  canvas.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    if (key(e)) return e.preventDefault()
    if (e.key.toLowerCase() === 'u') { lift(); return undo() }
    const step = arrow(e)
    if (!step && ![' ', 'Delete', 'Backspace'].includes(e.key)) return
    e.preventDefault()
    if (e.key === 'Delete' || e.key === 'Backspace') { lift(); return clear() }
    if (e.key === ' ') {
      down = !down
      pen.classList.toggle('down', down)
      place()
      if (down) { begin(); line(x, y) }
      return say(down ? 'The pen is down.' : 'The pen is lifted.')
    }
    const [toX, toY] = [x + step[1]*UNIT, y + step[0]*UNIT].map(o => Math.min(Math.max(o, UNIT), SIZE - UNIT))
    if (down) line(toX, toY)
    ;[x, y] = [toX, toY]
    place()
  })

  const pens = choice('Pen', PENS, width, o => { width = o })
  const tools = h('div', {class: 'live-row'}, button('Clear', clear), button('Undo', undo), pens)
  return {el: h('div', {}, h('div', {class: 'live-sheet'}, canvas, pen), warning), clear, show, tools}
}
