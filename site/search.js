// The search: exact words first, then words that begin so, then similar ones; chapters and the glossary before exercises and the reference.
{
  const box = document.querySelector('.course-search'), input = box?.querySelector('input'), list = box?.querySelector('.course-results')
  const said = box?.appendChild(Object.assign(document.createElement('span'), {className: 'unseen', role: 'status'}))
  const here = document.currentScript.src.replace(/site\/search\.js$/, '')
  const KINDS = {chapter: ['Chapter', 3], glossary: ['Glossary', 2.5], home: ['Home', 2.5], live: ['Live', 2], page: ['Page', 1.5], engine: ['How it is made', 0.8], exercise: ['Exercise', 0.6], api: ['API', 0.35]}
  const SMALL = new Set('a an and are can do does for from how i in is it my of on or the this to what when where which why with you your'.split(' '))
  const SHOWN = 12

  // A word as it is looked up; null where it says nothing
  const term = word => { const w = word.toLowerCase(); return SMALL.has(w) ? null : w.length > 3 && w.endsWith('s') && !w.endsWith('ss') ? w.slice(0, -1) : w }

  const element = (tag, attrs, ...children) => { const el = Object.assign(document.createElement(tag), attrs); el.append(...children); return el }
  const load = src => new Promise((done, failed) => document.head.append(element('script', {src, onload: done, onerror: () => failed(Error(`${src} is missing`))})))

  let index = null, made = '', timer // What the list was made for
  const prepare = () => index ??= (async () => {
    const [found] = await Promise.all([fetch(`${here}search.json`).then(r => r.json()), load(`${here}site/minisearch.js`)])
    const search = new MiniSearch({idField: 'objectID', fields: ['section', 'title', 'text'], storeFields: ['title', 'section', 'text', 'href', 'kind'], processTerm: term})
    await search.addAllAsync(found, {chunkSize: 40})
    return search
  })()

  // What is found, best first, and of each page two places at most
  function find(search, words) {
    const base = {boost: {section: 4, title: 4}, boostDocument: (id, word, o) => KINDS[o.kind][1]}
    const ways = [{combineWith: 'AND'}, {combineWith: 'AND', prefix: true}, {prefix: true, fuzzy: w => w.length > 5 ? 2 : w.length > 3 ? 1 : 0}]
    const found = new Map()
    for (const way of ways) if (found.size < 3*SHOWN) for (const o of search.search(words, {...base, ...way})) if (!found.has(o.id)) found.set(o.id, o)
    const pages = {}, two = o => { const page = o.href.split('#')[0]; return (pages[page] = (pages[page] ?? 0) + 1) < 3 }
    return [...found.values()].filter(two).slice(0, SHOWN)
  }

  // A piece of the text around the first word, which is marked
  function snippet({text, terms, queryTerms}) {
    const words = [...new Set([...terms, ...queryTerms])].map(w => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const at = Math.max(text.search(RegExp(`\\b(${words.join('|')})`, 'i')), 0), start = at > 60 ? text.lastIndexOf(' ', at - 40) + 1 : 0
    const parts = text.slice(start, start + 180).split(RegExp(`\\b(${words.join('|')})`, 'i'))
    return [start ? '… ' : '', ...parts.map((part, i) => i%2 ? element('mark', {}, part) : part)]
  }

  let active = -1
  const options = () => [...list.querySelectorAll('a')]
  function show(what, ...children) {
    made = input.value.trim()
    said.textContent = what
    list.replaceChildren(...children)
    list.classList.add('show')
    input.setAttribute('aria-expanded', 'true')
    choose(-1)
  }
  function hide() {
    clearTimeout(timer)
    made = ''
    list.classList.remove('show')
    input.setAttribute('aria-expanded', 'false')
    input.removeAttribute('aria-activedescendant')
  }
  function choose(i) {
    active = i
    options().forEach((o, k) => { o.classList.toggle('active', k === i); o.setAttribute('aria-selected', k === i) })
    if (i < 0) return input.removeAttribute('aria-activedescendant')
    input.setAttribute('aria-activedescendant', options()[i].id)
    options()[i].scrollIntoView({block: 'nearest'})
  }
  const say = words => show(words, element('p', {className: 'search-none', ariaHidden: 'true'}, words))

  async function run() {
    const words = input.value.trim()
    if (words.length < 2) return hide()
    if (location.protocol === 'file:') return say('A page opened from the disk may not read the index of the site. “make preview” serves the site; there, and on the web, the search works.')
    let search
    try { search = await prepare() } catch { index = null; return say('The index could not be loaded. Try again.') }
    if (words !== input.value.trim()) return
    const found = find(search, words)
    if (!found.length) return say('Nothing found. Try one word, or another.')
    show(`${found.length} places found. The arrow keys go through them.`, ...found.map((o, i) => {
      const a = element('a', {className: 'search-result', href: here + o.href, id: `search-${i}`}, element('div', {className: 'search-result-title'}, o.section || o.title), element('div', {className: 'search-result-section'}, `${KINDS[o.kind][0]}${o.section ? ` · ${o.title}` : ''}`), element('div', {className: 'search-result-text'}, ...snippet(o)))
      a.setAttribute('role', 'option')
      a.tabIndex = -1
      return a
    }))
  }

  if (box) {
    for (const [name, value] of Object.entries({role: 'combobox', 'aria-expanded': 'false', 'aria-controls': 'course-results', 'aria-autocomplete': 'list'})) input.setAttribute(name, value)
    Object.assign(list, {id: 'course-results', role: 'listbox', ariaLabel: 'What was found'})
    input.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(run, 120) })
    input.addEventListener('focus', () => { if (location.protocol !== 'file:') prepare().catch(() => { index = null }); if (input.value) run() })
    input.addEventListener('keydown', async e => {
      if (e.isComposing) return
      if (e.key === 'Escape') return hide()
      if (e.key === 'Enter' && made !== input.value.trim()) { e.preventDefault(); clearTimeout(timer); await run() }
      const all = options()
      if (!all.length || !list.classList.contains('show')) return
      if (e.key === 'ArrowDown' || e.key === 'ArrowUp') { e.preventDefault(); choose(((e.key === 'ArrowDown' ? active + 1 : Math.max(active, 0) - 1) + all.length)%all.length) }
      else if (e.key === 'Enter') { e.preventDefault(); (all[active] ?? all[0]).click() }
    })
    document.addEventListener('click', e => { if (!box.contains(e.target) || e.target.closest('.search-result')) hide() })
    box.addEventListener('focusout', e => { if (e.relatedTarget && !box.contains(e.relatedTarget)) hide() })
    document.addEventListener('keydown', e => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName) || document.activeElement.getAttribute('role') === 'application'
      if (!(e.key === '/' && !typing && !e.ctrlKey && !e.metaKey && !e.altKey) && !((e.metaKey || e.ctrlKey) && e.key === 'k')) return
      e.preventDefault()
      input.focus()
    })
  }
}
