// What scrolls sideways can be reached from the keyboard.
(() => {
  const boxes = [...document.querySelectorAll('main pre, main .sd-table, main .cell-output-display, main .katex-display')]
  const mark = () => boxes.forEach(box => {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0
    else box.removeAttribute('tabindex')
  })
  addEventListener('load', mark)
  addEventListener('resize', mark)
  new MutationObserver(mark).observe(document.querySelector('main'), {attributes: true, attributeFilter: ['open'], subtree: true})
})()

// Light or dark. smalldocs tells a dark page from its background, but here the background follows the class. So the class follows the switch, and where the reader never used it, the browser.
{
  const root = document.documentElement, toggle = document.querySelector('.quarto-color-scheme-toggle')
  const say = () => { root.classList.toggle('quarto-dark', root.dataset.scheme === 'alternate'); toggle?.setAttribute('aria-pressed', root.dataset.scheme === 'alternate') }
  new MutationObserver(say).observe(root, {attributeFilter: ['data-scheme']})
  say()
  const press = e => { e.preventDefault(); window.smalldocsToggleScheme() }
  toggle?.addEventListener('click', press)
  toggle?.addEventListener('keydown', e => { if (e.key === ' ') press(e) }) // It says that it is a button
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', e => {
    try { if (localStorage.getItem('smalldocs-scheme')) return } catch {} // A private window
    e.matches ? root.dataset.scheme = 'alternate' : delete root.dataset.scheme
  })
}

// The list of pages is long: show where in it this page is.
{
  const bar = document.querySelector('#quarto-sidebar'), here = bar?.querySelector('.sidebar-link.active')
  if (here) bar.scrollTop += here.getBoundingClientRect().top - bar.getBoundingClientRect().top - bar.clientHeight/2
}

// What opens and closes something that Bootstrap's styles know: the menu on a phone, the sections of the list of pages.
for (const opener of document.querySelectorAll('[data-bs-toggle="collapse"]')) {
  const what = document.querySelector(opener.dataset.bsTarget), all = document.querySelectorAll(`[data-bs-target="${opener.dataset.bsTarget}"]`)
  const toggle = e => {
    e.preventDefault()
    const open = what.classList.toggle('show')
    all.forEach(o => { o.classList.toggle('collapsed', !open); o.setAttribute('aria-expanded', open) })
  }
  opener.addEventListener('click', toggle)
  if (opener.tagName === 'A') opener.addEventListener('keydown', e => { if (e.key === ' ') toggle(e) }) // It says that it is a button
}

// Copy code as it is, also where its lines wrap and are elements of their own.
addEventListener('click', async e => {
  const button = e.target.closest?.('.code-copy-button'), code = button?.parentElement.querySelector('pre code')
  if (!code) return
  e.stopImmediatePropagation()
  try { await navigator.clipboard.writeText(code.textContent.replace(/\n$/, '')) } catch { return } // Not allowed
  button.classList.add('code-copy-button-checked')
  button.title = 'Copied'
  setTimeout(() => { button.classList.remove('code-copy-button-checked'); button.title = 'Copy' }, 1500)
}, true)
