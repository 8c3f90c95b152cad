// Mean digit: an image, its distance to the ideal 3 and the ideal 7, pixel by pixel.
ch4.live('mean', ['nets.js', 'course.js', '../weights/digits.js'], box => {
  'use strict'
  const {h, svg, change, number, slider, choice, button, picture, plot, status, arrow} = ch4.parts, {shares, distances} = ch4.course
  const N = 784, {digits} = ch4.data, cut = (a, i) => a.slice(i*N, i*N + N)
  const raw = Float32Array.from(ch4.nets.bytes(digits.images), o => o/255), ideals = [0, 1].map(i => cut(ch4.nets.singles(digits.ideals), i))
  const images = Array.from({length: 2*digits.n + 1}, (_, i) => cut(raw, i)), isThree = i => i <= digits.n
  const NAMES = ['ideal 3', 'ideal 7']
  let now = 0, kind = 'l1', pixel = 10*28 + 14

  const wrong = i => (distances[kind](images[i], ideals[0]) < distances[kind](images[i], ideals[1])) !== isThree(i)
  const title = i => i ? `validation image ${i} of ${2*digits.n}, a ${isThree(i) ? 'three' : 'seven'}` : 'the three of chapter 01'
  const turn = to => { now = (to + images.length)%images.length; which.set(now); draw() }
  function nextWrong() {
    const found = images.map((_, k) => (now + 1 + k)%images.length).find(wrong)
    turn(found)
  }

  const which = slider('image', {min: 0, max: 2*digits.n, value: 0, show: title, on: i => { now = i; draw() }})
  which.el.classList.add('wide')
  const pictures = [0, 1].map(() => ['image', 'ideal', 'difference'].map(name => picture(name)))
  const marks = pictures.flat().map(() => h('span', {class: 'live-mark', 'aria-hidden': 'true'}))
  const frames = pictures.flat().map((p, i) => h('div', {class: 'live-frame'}, p.el, marks[i]))
  const captions = pictures.flat().map(() => h('figcaption'))
  const grid = h('div', {class: 'live-six', tabindex: 0, role: 'application', 'aria-label': 'Pixels: the arrow keys go from one to the next', onkeydown: keys, onpointermove: point, onpointerdown: point},
    ...frames.map((f, i) => h('figure', {}, f, captions[i])))
  const rows = NAMES.map(name => ({name, of: h('td'), share: h('td'), sum: h('td')})), head = h('th', {scope: 'col'}), total = h('th', {scope: 'col'})
  const table = h('table', {class: 'live-numbers'}, h('caption', {}), h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'to the'), h('th', {scope: 'col'}, 'it has'), head, total)),
    h('tbody', {}, ...rows.map(r => h('tr', {}, h('th', {scope: 'row'}, r.name), r.of, r.share, r.sum))))
  const chart = h('div', {class: 'live-chart'}), verdict = status()
  box.append(which.el, h('div', {class: 'live-row'}, button('Previous', () => turn(now - 1)), button('Next', () => turn(now + 1)), button('Next mistake', nextWrong)),
    choice('distance', [['l1', 'L1, the mean absolute difference'], ['l2', 'L2, the root of the mean square']], kind, v => { kind = v; draw() }),
    h('div', {class: 'live-two'}, grid, h('div', {}, verdict.el, table, chart)))

  function keys(e) {
    const step = arrow(e)
    if (!step) return
    e.preventDefault()
    const [row, col] = [Math.floor(pixel/28) + step[0], pixel%28 + step[1]].map(o => Math.min(Math.max(o, 0), 27))
    look(28*row + col)
    verdict.say(rowWords(), 600)
  }
  function point(e) {
    const frame = e.target.closest('.live-frame')
    if (!frame) return
    const r = frame.getBoundingClientRect(), [row, col] = [(e.clientY - r.top)/r.height, (e.clientX - r.left)/r.width].map(o => Math.min(Math.max(Math.floor(28*o), 0), 27))
    look(28*row + col)
  }
  const rowWords = () => `Row ${Math.floor(pixel/28)}, column ${pixel%28}: the image has ${images[now][pixel].toFixed(2)}, the ideal 3 ${ideals[0][pixel].toFixed(2)}, the ideal 7 ${ideals[1][pixel].toFixed(2)}.`

  // Everything that depends on the image and the distance
  let parts, sums
  function draw() {
    const x = images[now], ds = ideals.map(m => distances[kind](x, m)), [d3, d7] = ds, says = d3 < d7 ? 'three' : 'seven'
    parts = ideals.map(m => shares[kind](x, m))
    pictures.forEach(([image, ideal, difference], k) => {
      const sign = kind === 'l1' ? `|image − ${NAMES[k]}|` : `(image − ${NAMES[k]})²`
      image.draw(x, 'ink', title(now))
      ideal.draw(ideals[k], 'ink', `the ${NAMES[k]}`)
      difference.draw(parts[k], 'heat', `${sign}; ${kind === 'l1' ? 'the mean of it' : 'the root of its mean'} is ${number(ds[k])}`)
      ;['the image', `the ${NAMES[k]}`, sign].forEach((words, i) => { captions[3*k + i].textContent = words })
    })
    sums = parts.map(a => { let sum = 0; return a.map(o => sum += o/N) })
    const top = Math.max(...sums.map(a => a[N - 1]))*1.25 // Room for a name
    const p = plot({width: 400, height: 190, xs: [0, N], ys: [0, top], xlabel: 'pixels, row by row', ylabel: kind === 'l1' ? 'sum so far / 784' : 'squares so far / 784', name: `The sum over the pixels grows to ${number(sums[0][N - 1])} for the ideal 3 and to ${number(sums[1][N - 1])} for the ideal 7`})
    sums.forEach((a, k) => p.layer.append(svg('path', {class: `line line-${k}`, d: p.line(a.map((s, i) => [i + 1, s]))}),
      svg('text', {class: 'name', x: p.x(N) - 4, y: p.y(a[N - 1]) + (ds[k] < ds[1 - k] ? 14 : -5), 'text-anchor': 'end'}, NAMES[k])))
    cursor = svg('line', {class: 'cursor', y1: p.y(0), y2: p.y(top)})
    p.layer.append(cursor)
    place = p.x
    chart.replaceChildren(p.el)
    head.textContent = kind === 'l1' ? '|difference|' : 'difference²'
    total.textContent = 'distance'
    rows.forEach((r, k) => { r.sum.textContent = number(ds[k]); r.sum.classList.toggle('best', ds[k] === Math.min(...ds)) })
    verdict.say(`${title(now)[0].toUpperCase()}${title(now).slice(1)}: nearer to the ideal ${says === 'three' ? 3 : 7} (${number(Math.min(...ds))} against ${number(Math.max(...ds))}), and so called a ${says}, ${wrong(now) ? 'wrongly' : 'rightly'}.`, 100)
    look(pixel)
  }

  // What depends on the pixel
  let cursor, place
  function look(at) {
    pixel = at
    table.caption.textContent = `Row ${Math.floor(pixel/28)}, column ${pixel%28}: the image has ${images[now][pixel].toFixed(2)} there`
    rows.forEach((r, k) => { r.of.textContent = ideals[k][pixel].toFixed(2); r.share.textContent = parts[k][pixel].toFixed(3) })
    marks.forEach(m => change(m, {style: `left: ${pixel%28/28*100}%; top: ${Math.floor(pixel/28)/28*100}%`}))
    change(cursor, {x1: place(pixel + 1), x2: place(pixel + 1)})
  }
  draw()
})
