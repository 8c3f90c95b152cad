// Draw a digit: paper, what the rungs see that the table puts on this page, and why. With data-form="short" the answer alone, and the rungs are loaded when the paper is touched.
ch4.live('draw', ['nets.js', 'prepare.js', 'pad.js', 'why.js'], (box, page) => {
  'use strict'
  const {h, button, picture, status, colours} = ch4.parts, {SIDE, bytes, load, best} = ch4.nets
  const short = page.form === 'short', EMPTY = new Float32Array(SIDE*SIDE), UNITS = 4, LARGE = 56, RIM = 4
  const percent = p => p < 0.0005 ? '0' : p > 0.9995 ? '100' : (100*p).toFixed(p < 0.0995 || p > 0.9945 ? 1 : 0) // 99.6 is not yet 100
  const digits = Array.from({length: 10}, (_, digit) => digit)

  // The rungs, loaded once
  let rungs = null, waiting = null
  const tell = what => { doubt.textContent = what; words.say(what, 0) }
  const ready = () => waiting ??= (async () => {
    tell('Loading the trained rungs …')
    try { await Promise.all([ch4.load('../weights/rungs.js'), ch4.load('../weights/samples.js')]) } catch (e) {
      waiting = null
      return tell(`The trained rungs could not be loaded: ${e.message}. Draw on to try again.`)
    }
    rungs = ch4.data.rungs.map(r => ({...r, scores: load(r)}))
    if (!short) table()
    answer(drawn)
  })()

  // What is on the page
  let taken = 0, drawn = null
  const words = status(), verdict = h('p', {class: 'live-answer'}), doubt = h('p', {class: 'live-doubt'}), numbers = h('div')
  const bars = digits.map(digit => ({bar: h('td', {class: 'live-bar'}), percent: h('td')}))
  const seen = picture('What the rungs see: an empty image'), why = h('div', {class: 'live-why'})
  const pad = ch4.pad({on: answer, say: o => words.say(o, 0), describedby: 'live-draw-keys', key(e) {
    const digit = /^[0-9]$/.test(e.key)
    if (digit) sample(+e.key)
    return digit
  }})
  box.append(h('div', {class: 'live-draw'},
    h('div', {class: 'live-desk'}, pad.el, pad.tools, h('div', {class: 'live-row'}, button('A validation image', () => sample(null)), ...(short ? [] : [seen.el]))),
    h('div', {}, h('div', {class: 'live-said'}, verdict, doubt),
      h('table', {class: 'live-bars'}, h('caption', {}, 'How probable the residual net finds each digit'),
        h('tbody', {}, ...digits.map((digit, i) => h('tr', {}, h('th', {scope: 'row'}, String(digit)), bars[i].bar, bars[i].percent)))))),
  words.el, ...(short ? [] : [h('details', {}, h('summary', {}, 'All rungs, all ten digits'), numbers), why]),
  h('p', {class: 'live-small', id: 'live-draw-keys'}, 'With the keys: the arrows move the pen, Space puts it down or lifts it, U takes the last stroke back, Delete clears, and 0 to 9 take a validation image of that digit.'))
  if (short) words.el.classList.add('unseen') // What it says stands beside the paper
  if (short) for (const event of ['pointerenter', 'pointerdown', 'focusin']) box.addEventListener(event, ready)

  // The forty numbers
  let cells, answers
  function table() {
    cells = digits.map(() => rungs.map(() => h('td')))
    answers = rungs.map(() => h('td', {class: 'answer'}))
    numbers.append(h('table', {class: 'live-table'},
      h('caption', {}, 'The probability of each digit, in percent, by each rung'),
      h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'digit'), ...rungs.map(r => h('th', {scope: 'col'}, r.title.replace('_', '_\u200b'))))),
      h('tbody', {}, h('tr', {class: 'answers'}, h('th', {scope: 'row'}, 'says'), ...answers),
        ...cells.map((row, digit) => h('tr', {}, h('th', {scope: 'row'}, String(digit)), ...row)))))
  }

  function answer(image) {
    drawn = image
    seen.draw(image ?? EMPTY, 'ink', image ? 'What the rungs see: the digit, scaled and centred' : 'What the rungs see: an empty image')
    if (image && !rungs) return ready()
    const {probs, joint, said, far} = image ? ch4.nets.ask(rungs, image, ch4.data.samples.far) : {}
    verdict.textContent = image ? said : '?'
    const second = image ? best(joint.map((p, digit) => digit === said ? -1 : p)) : null
    doubt.textContent = !image ? 'Draw a digit on the paper.' : far ? 'It lies far from the mean image of that digit: perhaps it is none.'
      : joint[said] >= ch4.data.samples.sure ? `${percent(joint[said])} % sure` : `Not sure: ${percent(joint[said])} % for ${said}, ${percent(joint[second])} % for ${second}.`
    bars.forEach(({bar, percent: cell}, digit) => {
      bar.style.setProperty('--p', `${image ? 100*joint[digit] : 0}%`)
      bar.parentElement.classList.toggle('best', digit === said)
      cell.textContent = image ? `${percent(joint[digit])} %` : ''
    })
    if (!short && rungs) fill(probs)
    if (!short) explain(image, said, second)
    if (!image) return words.say('Draw a digit, or take one of the validation images.')
    words.say(short ? `${said}. ${doubt.textContent}` : rungs.map((r, k) => `${r.title}: ${best(probs[k])}, ${percent(probs[k][best(probs[k])])} %`).join('; ') + (far ? '. It lies far from the mean image of that digit: perhaps it is none.' : '.'), 600)
  }

  function fill(probs) {
    rungs.forEach((r, k) => {
      answers[k].textContent = probs ? best(probs[k]) : '–'
      cells.forEach((row, digit) => {
        const p = probs ? probs[k][digit] : 0
        row[k].textContent = probs ? percent(p) : ''
        row[k].style.setProperty('--p', `${100*p}%`)
        row[k].classList.toggle('best', Boolean(probs) && best(probs[k]) === digit)
      })
    })
  }

  // Why: the votes of the pixels, the hidden units that matter most, the first maps, and where the residual net saw its digit
  const panel = (name, side) => { const image = picture(name, side), text = h('figcaption'); return {image, text, el: h('figure', {}, image.el, text)} }
  const [vote, where] = [panel('The votes of the pixels'), panel('Where the residual net sees the digit', LARGE)]
  const units = Array.from({length: UNITS}, () => panel('A hidden unit')), maps = Array.from({length: 8}, () => picture('A map', 12))
  const title = h('h2', {}, 'The answer, taken apart'), sums = h('p'), unitWords = h('p')
  if (!short) why.append(title,
    h('div', {class: 'live-two'},
      h('section', {}, h('h3', {}, 'The linear model: each pixel votes'), h('div', {class: 'live-one'}, vote.el), sums),
      h('section', {}, h('h3', {}, 'The residual net: where it sees it'), h('div', {class: 'live-one'}, where.el))),
    h('section', {}, h('h3', {}, 'simple_net: four hidden units that matter most'), h('div', {class: 'live-units'}, ...units.map(o => o.el)), unitWords),
    h('section', {}, h('h3', {}, 'The residual net: its eight first maps'), h('div', {class: 'live-maps'}, ...maps.map(o => o.el)), h('p', {}, 'Each map shows where a small pattern of strokes was found: the darker, the more of it.')))

  const scaled = values => { const most = Math.max(...values.map(Math.abs), 1e-9); return values.map(o => o/most) }
  const signed = x => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(1)}`
  function explain(image, said, second) {
    why.hidden = !image || !rungs
    if (why.hidden) return
    const net = name => rungs.find(r => r.name === name).scores
    const linear = net('softmax'), hidden = net('net30'), res = net('small_resnet')
    const v = ch4.why.votes(linear, image, said, second), scores = linear(image)
    vote.image.draw(scaled(v), 'sign', `The votes of the pixels for ${said} over ${second}`)
    vote.text.textContent = `Orange pixels speak for ${said}, purple ones for ${second}.`
    const [fors, against] = [1, -1].map(sign => v.reduce((sum, o) => sum + Math.max(sign*o, 0), 0))
    sums.textContent = `For ${said}: ${signed(fors)}; for ${second}: ${signed(-against)}; the biases: ${signed(scores[said] - scores[second] - fors + against)}. Together ${signed(scores[said] - scores[second])}, so the linear model prefers ${scores[said] > scores[second] ? said : second} of the two.`
    const strongest = ch4.why.units(hidden, image, said, second).slice(0, UNITS)
    strongest.forEach(({unit, adds, gets}, i) => {
      units[i].image.draw(scaled(gets), 'sign', `What hidden unit ${unit} gets from each pixel`)
      units[i].text.textContent = `unit ${unit}: ${signed(adds)}`
    })
    unitWords.textContent = `Each picture shows what a unit gets from the pixels: orange wakes it, purple quiets it. Its number is what it then adds to the score of ${said} over that of ${second}.`
    const first = ch4.why.maps(res, image), most = Math.max(...first.maps.map(m => Math.max(...m)), 1e-9)
    first.maps.forEach((m, i) => maps[i].draw(m.map(o => o/most), 'ink', `Map ${i}`))
    const place = scaled(ch4.why.enlarged(ch4.why.activation(res, image, said), LARGE - 2*RIM))
    const at = i => { const y = Math.floor(i/LARGE) - RIM, x = i%LARGE - RIM, n = LARGE - 2*RIM; return y < 0 || x < 0 || y >= n || x >= n ? 0 : place[y*n + x] }
    where.image.draw(EMPTY_LARGE, (_, i) => colours.sign(at(i)).map(c => c*(1 - 0.75*image[Math.floor(i/LARGE/2)*SIDE + Math.floor(i%LARGE/2)])), `What each place adds to the score of ${said}`)
    where.text.textContent = `Orange places speak for ${said}, purple ones against it. The digit is drawn over them.`
  }
  const EMPTY_LARGE = new Float32Array(LARGE*LARGE)

  // One of the images that come with the page: the next of that digit, or of any
  async function sample(digit) {
    await ready()
    if (!rungs) return
    const {samples} = ch4.data
    const fit = samples.labels.map((label, i) => i).filter(i => digit === null || samples.labels[i] === digit)
    const image = Float32Array.from(bytes(samples.images).subarray(fit[taken%fit.length]*SIDE*SIDE).subarray(0, SIDE*SIDE), o => o/255)
    taken += digit === null ? 7 : 1
    pad.show(image)
  }

  pad.clear()
  if (!short) ready()
})
