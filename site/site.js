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

// smalldocs tells a dark page from its background, but here the background follows the class. So the class follows the switch.
{
  const root = document.documentElement
  new MutationObserver(() => root.classList.toggle('quarto-dark', root.dataset.scheme === 'alternate')).observe(root, {attributeFilter: ['data-scheme']})
}

// The list of pages is long: show where in it this page is.
{
  const bar = document.querySelector('#quarto-sidebar'), here = bar?.querySelector('.sidebar-link.active')
  if (here) bar.scrollTop += here.getBoundingClientRect().top - bar.getBoundingClientRect().top - bar.clientHeight/2
}
