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
