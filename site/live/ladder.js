// The ladder: how many mistakes each rung makes, from each seed, on a logarithmic axis. A rung says its numbers when it is pointed at, pressed or reached with the keys.
ch4.live('ladder', ['../weights/ladder.js'], box => {
  'use strict'
  const {h, choice, number} = ch4.parts, {ladder} = ch4.data
  const mean = a => a.reduce((x, y) => x + y, 0)/a.length, count = x => Number(x.toFixed(1)).toLocaleString('en-GB')
  const percent = x => `${(100*x).toFixed(2)} %`, seconds = s => s < 0.05 ? 'less than 0.1 s' : s < 0.95 ? `${number(s, 1)} s` : s < 90 ? `${Math.round(s)} s` : `${Math.round(s/60)} minutes`
  const LEAST = 0.5 // Where no mistake is drawn

  const rows = h('ol', {class: 'live-ladder'}), axis = h('div', {class: 'live-axis', 'aria-hidden': 'true'}), about = h('div', {class: 'live-about', role: 'status'}), words = h('p', {class: 'live-small'})
  const sources = [...new Set(ladder['3,7'].rungs.flatMap(r => r.quotes.map(q => q.source)))]
  box.append(choice('Data', [['3,7', 'threes and sevens'], ['all', 'all ten digits']], '3,7', show), words, rows, axis,
    h('p', {class: 'live-keys'}, h('span', {class: 'key-bar'}), 'mean of the seeds ', h('span', {class: 'key-dot'}), 'one seed ', ...sources.flatMap((source, i) => [h('span', {class: `key-quote q${i}`}), `what ${source} ${/s$/.test(source) ? 'say' : 'says'} `])), about)

  function show(spec) {
    const {images, rungs} = ladder[spec], high = 1.6*Math.max(...rungs.flatMap(r => r.mistakes))
    const x = n => 100*Math.log(Math.max(n, LEAST)/LEAST)/Math.log(high/LEAST), at = n => `left: ${x(n).toFixed(2)}%`
    words.textContent = `Mistakes of ${images.toLocaleString('en-GB')} validation images, on a logarithmic axis: equal steps are equal factors. Point at a rung, or choose it, to hear more of it.`
    const buttons = rungs.map((r, i) => {
      const most = mean(r.mistakes), right = 1 - most/images
      const press = () => {
        buttons.forEach((b, k) => b.setAttribute('aria-pressed', k === i))
        about.replaceChildren(h('p', {}, h('strong', {}, r.title), `: ${r.idea}. `, `${percent(right)} right. Mistakes: ${r.mistakes.map(count).join(', ')}, from ${r.mistakes.length} seeds. ${r.parameters.toLocaleString('en-GB')} parameters, ${seconds(r.seconds)} to train. `,
          ...r.quotes.map(q => `${q.source[0].toUpperCase() + q.source.slice(1)} ${/s$/.test(q.source) ? 'say' : 'says'} ${percent(q.accuracy)}. `), h('a', {href: r.page}, 'Read the chapter'), '.'))
      }
      return h('button', {type: 'button', 'aria-pressed': 'false', 'aria-label': `${r.title}: ${count(most)} mistakes on average`, onclick: press, onfocus: press, onpointerenter: e => { if (e.pointerType === 'mouse') press() }},
        h('span', {class: 'name'}, r.title), h('span', {class: 'plot'}, h('span', {class: 'bar', style: `width: ${x(most).toFixed(2)}%`}), ...r.mistakes.map(n => h('span', {class: 'dot', style: at(n)})),
          ...r.quotes.map(q => h('span', {class: `quote q${sources.indexOf(q.source)}`, style: at((1 - q.accuracy)*images)}))), h('span', {class: 'mean'}, count(most)))
    })
    rows.replaceChildren(...buttons.map(b => h('li', {}, b)))
    axis.replaceChildren(h('span', {class: 'name'}), h('span', {class: 'plot'}, ...[1, 10, 100, 1000].filter(n => n < high).map(n => h('span', {style: at(n)}, n.toLocaleString('en-GB')))), h('span', {class: 'mean'}))
    about.replaceChildren(h('p', {}, `From ${count(Math.max(...rungs.map(r => mean(r.mistakes))))} mistakes to ${count(Math.min(...rungs.map(r => mean(r.mistakes))))}, one idea at a time.`))
  }
  show('3,7')
})
