// Paper to draw a digit on, with mouse, pen, finger or keys. `on` gets what was drawn, made ready as MNIST's digits were, or null where the paper is empty.
globalThis.ch4 ??= {}

ch4.pad = options => {
  'use strict'
  const {on, say, key = () => false, describedby} = options
  const {h, change, button, arrow} = ch4.parts, {SIDE} = ch4.nets
  const SIZE = 280, PEN = 24, UNIT = SIZE/SIDE // The canvas, the pen and a step of the arrow keys, in pixels

  const canvas = h('canvas', {width: SIZE, height: SIZE, class: 'live-paper', tabindex: 0, role: 'application', 'aria-label': 'Paper to draw a digit on', 'aria-describedby': describedby})
  const pen = h('div', {class: 'live-pen', 'aria-hidden': 'true', hidden: true})

  // Drawing: white paper, black ink
  const context = canvas.getContext('2d', {willReadFrequently: true})
  Object.assign(context, {lineWidth: PEN, lineCap: 'round', lineJoin: 'round'})
  let x = SIZE/2, y = SIZE/2, down = false, due = false, drawn = false, held = null
  function clear() {
    context.fillStyle = 'white'
    context.fillRect(0, 0, SIZE, SIZE)
    drawn = false
    on(null)
  }
  function line(toX, toY) {
    if (drawn === 'shown') clear()
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
    requestAnimationFrame(() => { due = false; if (drawn === true) on(ch4.prepare.prepare(ink())) })
  }

  // Put an image of 784 numbers on the paper
  function show(image) {
    clear()
    drawn = 'shown'
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
    const step = arrow(e)
    if (!step && ![' ', 'Delete', 'Backspace'].includes(e.key)) return
    e.preventDefault()
    if (e.key === 'Delete' || e.key === 'Backspace') { lift(); return clear() }
    if (e.key === ' ') {
      down = !down
      pen.classList.toggle('down', down)
      place()
      if (down) line(x, y)
      return say(down ? 'The pen is down.' : 'The pen is lifted.')
    }
    const [toX, toY] = [x + step[1]*UNIT, y + step[0]*UNIT].map(o => Math.min(Math.max(o, UNIT), SIZE - UNIT))
    if (down) line(toX, toY)
    ;[x, y] = [toX, toY]
    place()
  })

  return {el: h('div', {class: 'live-sheet'}, canvas, pen), clear, show, button: button('Clear', clear)}
}
