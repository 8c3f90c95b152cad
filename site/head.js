// Before anything is drawn: that scripts run; light or dark, as the reader chose or else as the browser prefers; and the font, which would come late.
{
  const root = document.documentElement, site = document.currentScript.src.replace(/site\/head\.js$/, '')
  root.classList.add('scripted')
  let chosen = null
  try { chosen = localStorage.getItem('smalldocs-scheme') } catch {} // A private window
  if (chosen ? chosen === 'alternate' : matchMedia('(prefers-color-scheme: dark)').matches) {
    root.dataset.scheme = 'alternate'
    root.classList.add('quarto-dark')
  }
  if (location.protocol !== 'file:') document.head.append(Object.assign(document.createElement('link'), {rel: 'preload', as: 'font', type: 'font/woff2', crossOrigin: '', href: `${site}site_libs/font/source-sans-3-latin-wght-normal.woff2`}))
}
