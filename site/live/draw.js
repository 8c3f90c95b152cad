// Draw a digit: paper, and what the rungs see that the table puts on this page.
ch4.live('draw', ['nets.js', 'prepare.js', 'pad.js', '../weights/samples.js', '../weights/rungs.js'], box => {
  'use strict'
  const {h, button, picture, status} = ch4.parts, {SIDE, bytes, load, best} = ch4.nets
  const {samples} = ch4.data
  const rungs = ch4.data.rungs.map(r => ({...r, scores: load(r)}))
  const percent = p => p < 0.0005 ? '0' : p > 0.9995 ? '100' : (100*p).toFixed(p < 0.0995 ? 1 : 0)

  // What is on the page
  let taken = 0
  const seen = picture('What the rungs see: an empty image'), words = status()
  const pad = ch4.pad({on: answer, say: o => words.say(o, 0), describedby: 'live-draw-keys', key(e) {
    const digit = /^[0-9]$/.test(e.key)
    if (digit) sample(+e.key)
    return digit
  }})
  const cells = Array.from({length: 10}, () => rungs.map(() => h('td')))
  const answers = rungs.map(() => h('td', {class: 'answer'}))
  box.append(h('div', {class: 'live-draw'},
    h('div', {class: 'live-desk'},
      pad.el,
      h('div', {class: 'live-row'}, pad.button, button('A validation image', () => sample(null))),
      h('div', {class: 'live-row'}, seen.el, h('p', {class: 'live-small'}, 'What the rungs see: 28 × 28 pixels, the digit scaled and centred as in MNIST.'))),
    h('table', {class: 'live-table'},
      h('caption', {}, 'The probability of each digit, in percent, by each rung'),
      h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, 'digit'), ...rungs.map(r => h('th', {scope: 'col'}, r.title.replace('_', '_\u200b'))))),
      h('tbody', {}, h('tr', {class: 'answers'}, h('th', {scope: 'row'}, 'says'), ...answers),
        ...cells.map((row, digit) => h('tr', {}, h('th', {scope: 'row'}, String(digit)), ...row))))), words.el,
    h('p', {class: 'live-small', id: 'live-draw-keys'}, 'Keys on the paper: the arrows move the pen, Space puts it down or lifts it, Delete clears, and 0 to 9 take a validation image of that digit.'))

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
    pad.show(image)
  }

  pad.clear()
})
