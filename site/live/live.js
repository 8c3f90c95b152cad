// What the live pages share: they start when they come near the screen, and are built of the same few elements.
globalThis.ch4 ??= {}

{
  const here = document.currentScript.src.replace(/[^/]*$/, '')
  const loaded = {}

  ch4.here = here // Where the scripts lie

  // Load a script of ours, once; several at a time, though they run in the order in which they were asked for
  const load = ch4.load = name => loaded[name] ??= new Promise((done, failed) => {
    document.head.append(Object.assign(document.createElement('script'), {src: here + name, async: false, onload: done, onerror: () => { delete loaded[name]; failed(Error(`${name} is missing`)) }}))
  })

  // Put a live element in place of its picture or text: `make` gets it empty, and what the page says of it, when the scripts in `needs` are there
  ch4.live = (kind, needs, make) => {
    const start = async place => {
      try {
        await Promise.all(needs.map(load))
        const box = h('div', {class: 'live-box'})
        make(box, place.dataset)
        place.replaceChildren(box)
        place.classList.add('live-ready')
      } catch (e) {
        place.append(h('p', {role: 'status'}, `The live part of this page could not start: ${e.message}.`))
      }
    }
    const near = new IntersectionObserver(seen => seen.filter(o => o.isIntersecting).forEach(o => { near.unobserve(o.target); start(o.target) }), {rootMargin: '300px'})
    const find = () => document.querySelectorAll(`[data-live="${kind}"]`).forEach(place => near.observe(place))
    if (document.readyState === 'loading') addEventListener('DOMContentLoaded', find)
    else find()
  }

  // Elements: h('p', {class: 'x', onclick: f}, 'text', child, …), and the same for SVG
  const fill = (el, attrs, children) => {
    for (const [name, value] of Object.entries(attrs)) {
      if (name.startsWith('on')) el.addEventListener(name.slice(2), value)
      else if (name === 'style') el.style.cssText = value // The attribute is against the site's policy
      else if (value === false) el.removeAttribute(name)
      else el.setAttribute(name, value === true ? '' : value)
    }
    el.append(...children)
    return el
  }
  const h = (tag, attrs = {}, ...children) => fill(document.createElement(tag), attrs, children)
  const svg = (tag, attrs = {}, ...children) => fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attrs, children)
  const change = (el, attrs) => fill(el, attrs, [])

  // 1234.56789 -> '1234.5679', with a true minus sign, but none before a zero
  const number = (x, digits = 4) => {
    if (!Number.isFinite(x)) return 'too large'
    return (Math.abs(x) < 1e5 ? x.toFixed(digits) : x.toExponential(1)).replace(/^-(?=[0.]+$)/, '').replace('-', '−')
  }

  let names = 0
  // A slider with its name and its value in words; `show` makes them of its number
  function slider(name, {min, max, step = 1, value, show = String, on}) {
    const id = `live-${++names}`, output = h('output', {for: id})
    const input = h('input', {type: 'range', id, min, max, step, value, oninput: () => { say(); on(+input.value) }})
    const say = () => { const words = show(+input.value); output.textContent = words; change(input, {'aria-valuetext': words}) }
    say()
    return {el: h('div', {class: 'live-slider'}, h('label', {for: id}, name), input, output), set(v) { input.value = v; say() }, input}
  }

  // A choice of one among a few, as buttons that can be told apart when pressed: [[value, words], …]
  function choice(name, options, value, on) {
    const group = `live-${++names}`
    const radios = options.map(([v, words]) => {
      const input = h('input', {type: 'radio', name: group, onchange: () => on(v)})
      input.checked = v === value
      return h('label', {}, input, ` ${words}`)
    })
    return h('fieldset', {class: 'live-choice'}, h('legend', {}, name), ...radios)
  }

  const button = (words, on, attrs = {}) => h('button', {type: 'button', class: 'live-button', onclick: on, ...attrs}, words)

  // From white paper to black ink, to an orange difference, or from purple over white to orange; each of 0 to 1, the last of −1 to 1
  const mix = (from, to, t) => from.map((c, i) => c + (to[i] - c)*Math.min(Math.max(t, 0), 1))
  const WHITE = [255, 255, 255], colours = {
    ink: t => mix(WHITE, [0, 0, 0], t),
    heat: t => mix(WHITE, [127, 59, 8], t),
    sign: t => t > 0 ? mix(WHITE, [179, 88, 6], t) : mix(WHITE, [84, 39, 136], -t),
  }

  // A picture of `side` × `side` numbers on a canvas of its own
  function picture(name, side = 28) {
    const canvas = h('canvas', {width: side, height: side, class: 'live-picture', role: 'img', 'aria-label': name})
    const context = canvas.getContext('2d')
    return {el: canvas, draw(values, colour, label = name) {
      const image = context.createImageData(side, side)
      values.forEach((v, i) => image.data.set([...(colours[colour] ?? colour)(v, i), 255], 4*i))
      context.putImageData(image, 0, 0)
      change(canvas, {'aria-label': label})
    }}
  }

  // Round numbers to put at an axis
  function ticks(from, to, about = 5) {
    const rough = (to - from)/about, power = 10**Math.floor(Math.log10(rough))
    const step = power*[1, 2, 5, 10].find(k => k*power >= rough)
    const first = Math.ceil(from/step - 1e-9)
    return Array.from({length: Math.floor(to/step + 1e-9) - first + 1}, (_, i) => +((first + i)*step).toPrecision(12))
  }

  // An empty plot with axes, `rows` of it named. `x` and `y` turn numbers into places; what is drawn goes into `layer`
  function plot({width = 400, height = 260, xs, ys, xlabel, ylabel, name, rows = ticks(...ys)}) {
    const [left, bottom, top, right] = [56, 38, 10, 10]
    const x = v => left + (v - xs[0])/(xs[1] - xs[0])*(width - left - right), y = v => height - bottom - (v - ys[0])/(ys[1] - ys[0])*(height - bottom - top)
    const clip = `live-${++names}`
    const layer = svg('g', {'clip-path': `url(#${clip})`})
    const el = svg('svg', {viewBox: `0 0 ${width} ${height}`, class: 'live-plot', role: 'img', 'aria-label': name},
      svg('clipPath', {id: clip}, svg('rect', {x: left, y: top, width: width - left - right, height: height - top - bottom})),
      ...ticks(...xs).map(v => svg('line', {class: 'grid', x1: x(v), x2: x(v), y1: top, y2: height - bottom})),
      ...rows.map(v => svg('line', {class: 'grid', x1: left, x2: width - right, y1: y(v), y2: y(v)})),
      ...ticks(...xs).map(v => svg('text', {x: x(v), y: height - bottom + 15, 'text-anchor': 'middle'}, String(v).replace('-', '−'))),
      ...rows.map(v => svg('text', {x: left - 6, y: y(v) + 4, 'text-anchor': 'end'}, String(v).replace('-', '−'))),
      svg('text', {x: (left + width - right)/2, y: height - 5, 'text-anchor': 'middle'}, xlabel),
      svg('text', {x: 12, y: (top + height - bottom)/2, 'text-anchor': 'middle', transform: `rotate(-90 12 ${(top + height - bottom)/2})`}, ylabel),
      layer)
    const back = place => xs[0] + (place - left)/(width - left - right)*(xs[1] - xs[0]), backY = place => ys[0] + (height - bottom - place)/(height - bottom - top)*(ys[1] - ys[0])
    const spot = e => { const r = el.getBoundingClientRect(); return [back((e.clientX - r.left)*width/r.width), backY((e.clientY - r.top)*height/r.height)] }
    const line = points => points.map(([a, b], i) => `${i ? 'L' : 'M'}${x(a).toFixed(2)} ${Math.min(Math.max(y(b), -1e4), 1e4).toFixed(2)}`).join('')
    return {el, layer, x, y, spot, line}
  }

  // A line of words that a screen reader says when it has stood still for a while
  function status() {
    const el = h('p', {role: 'status', class: 'live-status'})
    let timer
    return {el, say(words, wait = 400) { clearTimeout(timer); timer = setTimeout(() => { el.textContent = words }, wait) }}
  }

  // The arrow keys as a step on a grid: [down, right], or null
  const arrow = e => ({ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]})[e.key] ?? null

  ch4.parts = {colours, h, svg, change, number, slider, choice, button, picture, plot, status, arrow}
}
