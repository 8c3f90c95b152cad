"""The built site as a reader meets it: every page in Chromium, light, dark and on a phone.

Screenshots of all pages go to out/screenshots. Chromium is needed, and axe-core, which
`npm ci --prefix site` installs.
"""
import asyncio, gzip, json, shutil, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from urllib.parse import unquote, urldefrag

import pytest
from playwright.async_api import async_playwright

from conftest import CHROMIUM, LAUNCH, ROOT, serve
from docs.finish import newest
from docs.stage import SOURCES
from test_docs import PUBLISHED as ADDRESSES

DOCS, SHOTS = ROOT/'_docs', ROOT/'out'/'screenshots'
AXE = ROOT/'site'/'node_modules'/'axe-core'/'axe.min.js'
INI = ConfigParser()
INI.read(ROOT/'settings.ini')
FOLDER = INI['DEFAULT']['doc_baseurl'].strip('/')
HOME = INI['DEFAULT']['doc_host'] + INI['DEFAULT']['doc_baseurl'] + '/'
# Where the site keeps the reader's choice
DARK = "try { localStorage.setItem('smalldocs-scheme', 'alternate') } catch {}"
MODES = dict(light=dict(viewport=dict(width=1280, height=900)),
             dark=dict(viewport=dict(width=1280, height=900)),
             phone=dict(viewport=dict(width=390, height=844), has_touch=True))
# Of a screenshot at most: a longer one costs seconds, and beyond 16,000 Chromium draws nothing
HEIGHT = 10_000

COLOUR_RULES = ['color-contrast', 'link-in-text-block']   # what can differ between light and dark
AXE_RUN = """async rules => {
    const only = rules && {runOnly: {type: 'rule', values: rules}}
    const found = await axe.run(document, {resultTypes: ['violations'], preload: false, ...only})
    const bad = found.violations.filter(o => ['serious', 'critical'].includes(o.impact))
    return bad.flatMap(o => o.nodes.map(n => `${o.id}: ${o.help}: ${n.html.slice(0, 160)}`))
}"""
LINKS = "() => [...document.querySelectorAll('a[href]')].map(a => a.href)"
IDS = "() => [...document.querySelectorAll('[id], a[name]')].map(o => o.id || o.name)"
PICTURES = """() => Promise.all([...document.images].map(o => {   // those below the window too
    o.loading = 'eager'
    return o.decode()
}))"""
WIDE = """() => {   // what reaches beyond the right edge, unless in a box that scrolls by itself
    const boxed = o => {
        if (!o || o === document.body) return false
        const style = getComputedStyle(o)
        return style.overflowX !== 'visible' || style.position === 'fixed' || boxed(o.parentElement)
    }
    const out = [...document.body.querySelectorAll('*')].filter(o => {
        const r = o.getBoundingClientRect()
        return r.width && r.height && r.right > innerWidth + 1 && !boxed(o)
    })
    const {scrollWidth} = document.documentElement
    const page = scrollWidth > innerWidth ? [`the page is ${scrollWidth} wide`] : []
    return [...page, ...out.slice(0, 3).map(o => o.outerHTML.slice(0, 120))]
}"""


RAW = """() => {   // Markdown that was not understood
    const text = document.querySelector('main').cloneNode(true)
    text.querySelectorAll('pre, code, script, style, .katex').forEach(o => o.remove())
    return (text.textContent.match(/.{0,40}(\\]\\(|\\$\\$|:::|\\*\\*|<\\/?[a-z]+>).{0,40}/g) || [])
}"""


def fresh():
    "Whether the built site is newer than all that it is made from."
    index = DOCS/'index.html'
    return index.exists() and newest(index) >= newest(*SOURCES, ROOT/'tools')


@pytest.fixture(scope='session')
def site(tmp_path_factory):
    """The address at which the built site is served.

    It lies in a folder, as on GitHub Pages, so that a link from the host's root leads nowhere."""
    if not fresh(): subprocess.run([sys.executable, ROOT/'tools'/'docs'], cwd=ROOT, check=True)
    host = tmp_path_factory.mktemp('host')
    (host/FOLDER).symlink_to(DOCS)
    server = serve(host)
    yield f'http://127.0.0.1:{server.server_port}/{FOLDER}/'
    server.shutdown()


async def context_of(browser, mode):
    context = await browser.new_context(**MODES[mode])
    context.set_default_timeout(120_000)   # a busy machine is no mistake of the page
    if AXE.exists() and mode != 'phone': await context.add_init_script(path=AXE)
    if mode == 'dark': await context.add_init_script(DARK)
    return context


async def look(context, base, name, mode, shots=None):
    """All there is to see of a page: what went wrong while it loaded, links, ids, violations, what
    is too wide; and a screenshot."""
    saw = dict(name=name, mode=mode, errors=[], others=[], sizes={}, axe=[], wide=[], raw=[])
    page = await context.new_page()
    page.on('console', lambda o: saw['errors'].append(o.text) if o.type == 'error' else None)
    page.on('pageerror', lambda o: saw['errors'].append(str(o)))
    page.on('requestfailed', lambda o: saw['errors'].append(f'failed: {o.url}'))
    page.on('request', lambda o: saw['others'].append(o.url)
            if not o.url.startswith((base, 'data:', 'blob:')) else None)
    responses = []
    page.on('response', lambda o: responses.append(o))
    await page.goto(base + name)
    saw['dark'] = await page.evaluate("document.documentElement.classList.contains('quarto-dark')")
    if mode == 'phone': saw['wide'] = await page.evaluate(WIDE)
    else: saw['axe'] = await page.evaluate(AXE_RUN, COLOUR_RULES if mode == 'dark' else None)
    if mode == 'light': saw['raw'] = await page.evaluate(RAW)
    if mode == 'light':
        saw['links'], saw['ids'] = await page.evaluate(LINKS), await page.evaluate(IDS)
    if name == 'index.html':
        for o in responses:
            if o.request.resource_type in ('document', 'stylesheet', 'script'):
                saw['sizes'][o.url] = len(gzip.compress(await o.body()))
    if shots:
        await page.evaluate(PICTURES)
        height = min(await page.evaluate('document.documentElement.scrollHeight'), HEIGHT)
        path = shots/mode/(name.replace('/', '_').removesuffix('.html') + '.jpg')
        await page.screenshot(path=path, type='jpeg', quality=60, full_page=True,
                              clip=dict(x=0, y=0, width=MODES[mode]['viewport']['width'],
                                        height=height))
    await page.close()
    return saw


def in_chromium(work):
    """What `work` returns, given a browser with an empty profile.

    It runs in a thread of its own, since another test may have an event loop in this one."""
    assert CHROMIUM, 'Chromium is missing: apt-get install chromium'
    async def run():
        async with async_playwright() as p:
            browser = await p.chromium.launch(**LAUNCH)
            try: return await work(browser)
            finally: await browser.close()
    with ThreadPoolExecutor(1) as pool: return pool.submit(asyncio.run, run()).result()


async def look_at_all(browser, base, names, shots=None):
    "`look` at each page in each mode, two at a time."
    todo, saw = iter([(name, mode) for name in names for mode in MODES]), []
    async def worker():
        contexts = {mode: await context_of(browser, mode) for mode in MODES}
        for name, mode in todo: saw.append(await look(contexts[mode], base, name, mode, shots))
    await asyncio.gather(worker(), worker())
    return saw


@pytest.fixture(scope='session')
def saw(site):
    "What was seen on all pages of the site, in all modes."
    assert AXE.exists(), 'axe-core is missing: npm ci --prefix site'
    shutil.rmtree(SHOTS, ignore_errors=True)
    for mode in MODES: (SHOTS/mode).mkdir(parents=True)
    names = sorted(str(p.relative_to(DOCS)) for p in DOCS.rglob('*.html'))
    return in_chromium(lambda browser: look_at_all(browser, site, names, SHOTS))


def findings(saw, kind):
    "What was found of a kind, each text once, with the pages that have it."
    where = {}
    for o in saw:
        for text in o[kind]: where.setdefault(text, set()).add(f"{o['name']} {o['mode']}")
    return grouped(where)


def grouped(where):
    "Each text with the first places where it was found."
    def some(places): return ', '.join(sorted(places)[:4]) + (' …' if len(places) > 4 else '')
    return [f'{text} [{len(places)}: {some(places)}]' for text, places in sorted(where.items())]


def broken_links(saw, base, docs):
    "Links within the site that lead to no file, or to no place in it, and the pages with them."
    ids, bad = {o['name']: set(o['ids']) for o in saw if 'ids' in o}, {}
    for page, link in [(o['name'], link) for o in saw for link in o.get('links', [])]:
        url, anchor = urldefrag(link)
        if url.startswith(HOME): url = base + url.removeprefix(HOME)
        if not url.startswith(base.removesuffix(FOLDER + '/')): continue
        name = unquote(url.removeprefix(base).split('?')[0])
        if not name or name.endswith('/'): name += 'index.html'
        if not url.startswith(base): text = f'{url} leaves the folder of the site'
        elif not (docs/name).is_file(): text = f'{name}: no such file'
        elif anchor and name in ids and unquote(anchor) not in ids[name]:
            text = f'{name}#{anchor}: no such place'
        else: continue
        bad.setdefault(text, set()).add(page)
    return grouped(bad)


def test_no_page_has_an_error(saw): assert not (bad := findings(saw, 'errors')), '\n'.join(bad)


def test_no_page_asks_another_host(saw): assert not (bad := findings(saw, 'others')), '\n'.join(bad)


def test_accessible_in_light_and_dark(saw):
    assert not (bad := findings(saw, 'axe')), '\n'.join(bad)
    modes = {(o['mode'], o['dark']) for o in saw}
    assert modes == {('light', False), ('dark', True), ('phone', False)}


def test_nothing_scrolls_sideways_on_a_phone(saw):
    assert not (bad := findings(saw, 'wide')), '\n'.join(bad)


def test_no_markdown_is_left_as_it_was(saw):
    assert not (bad := findings(saw, 'raw')), '\n'.join(bad)


def test_no_page_names_the_machine_it_was_made_on(site):
    assert not [p.name for p in DOCS.rglob('*')
                if p.suffix in ('.html', '.md', '.json', '.ipynb', '.js')
                and str(ROOT) in p.read_text(encoding='utf-8')]


def test_links_and_anchors_lead_somewhere(saw, site):
    assert not (bad := broken_links(saw, site, DOCS)), '\n'.join(bad)


def test_published_addresses_are_there(site):
    assert not (gone := [name for name in ADDRESSES if not (DOCS/name).is_file()]), gone


def test_home_page_is_light(saw):
    sizes = max((o['sizes'] for o in saw if o['name'] == 'index.html'),
                key=lambda o: sum(o.values()))
    assert len(sizes) > 2 and sum(sizes.values()) < 300_000, sizes


def test_screenshots_were_taken(saw): assert len(list(SHOTS.rglob('*.jpg'))) == len(saw) > 60


def test_notebooks_to_open_elsewhere_need_the_package_alone(site):
    for path in [*(DOCS/'notebooks').glob('*.ipynb'), *(DOCS/'exercises').glob('*.ipynb')]:
        code = [''.join(c['source']) for c in json.loads(path.read_text(encoding='utf-8'))['cells']
                if c['cell_type'] == 'code']
        assert "'pip', 'install'" in code[0], path.name
        assert not [o for o in code if 'import nbdev' in o], path.name


def test_a_missing_page_of_any_folder_leads_home(site):
    async def lost(browser):
        page, failed = await browser.new_page(), []
        page.on('requestfailed', lambda o: failed.append(o.url))
        page.on('response', lambda o: failed.append(o.url) if o.status >= 400 else None)
        async def missing(route): await route.fulfill(path=DOCS/'404.html')   # as the host does
        await page.route('**/no/such/page.html', missing)
        await page.goto(site + 'no/such/page.html')
        await page.get_by_role('main').get_by_role('link', name='home page').click()
        await page.wait_for_url(site + 'index.html')
        return failed
    assert in_chromium(lost) == []


RESULTS = """[...document.querySelectorAll('.smalldocs-search-results a')]
    .filter(o => o.checkVisibility()).map(o => o.href)"""


def test_search_finds_sigmoid(site):
    async def search(browser):
        page = await browser.new_page()
        await page.goto(site + 'index.html')
        async def results(text):
            await page.fill('#quarto-search input', text)
            await page.wait_for_timeout(1000)
            return await page.evaluate(RESULTS)
        return await results('qzxvqzxv'), await results('sigmoid')
    nothing, found = in_chromium(search)
    assert not nothing and any(o.startswith(site + 'loss.html') for o in found), (nothing, found)


def test_quiz_keeps_its_score_over_a_reload(site):
    async def answer(browser):
        page = await browser.new_page()
        round = page.locator('[data-round="03_loss"]')
        async def score(): return (await round.locator('.fb4-bar span').inner_text()).split(', ')[1]
        await page.goto(site + 'questionnaire.html')
        scores = [await score()]
        question = round.locator('form').filter(has=page.locator('input[type=radio]')).first
        await question.locator('input[type=radio]').first.check()
        await question.get_by_role('button', name='Check').click()
        scores.append(await score())
        await page.reload()
        scores.append(await score())
        await round.get_by_role('button', name='Begin again').click()
        await page.reload()
        return [*scores, await score()]
    assert in_chromium(answer) == ['0 answered.', '1 answered.', '1 answered.', '0 answered.']


def test_dark_is_kept_over_a_reload_and_can_be_left(site):
    async def switch(browser):
        page = await browser.new_page()
        dark = "document.documentElement.classList.contains('quarto-dark')"
        async def click():
            await page.locator('.quarto-color-scheme-toggle').locator('visible=true').first.click()
        await page.goto(site + 'loss.html')
        before = await page.evaluate(dark)
        await click()
        await page.wait_for_function(dark)
        await page.reload()
        kept = await page.evaluate(dark)
        await click()
        await page.wait_for_function(f'!{dark}')
        return before, kept
    assert in_chromium(switch) == (False, True)


BAD = """<!doctype html><html lang="en"><head><title>A bad page</title>
<link rel="stylesheet" href="http://other.invalid/x.css"></head><body>
<main>Not a [link](x) at all, <code>a[0](x)</code></main><h1 id="top">Bad</h1>
<p style="color: #ccc; background: #fff">hard to read</p><img src="missing.png">
<div style="width: 600px">wide</div>
<div style="overflow-x: auto"><p style="width: 600px">in a box of its own</p></div>
<a href="#top">fine</a> <a href="bad.html#nowhere">no place</a> <a href="none.html">no file</a>
<a href="/bad.html">out of the folder</a><script>null.x</script></body></html>"""


def test_these_checks_can_fail(tmp_path):
    "A page with one of each mistake: each is noticed, and the good parts are not."
    docs = tmp_path/FOLDER
    docs.mkdir()
    (docs/'bad.html').write_text(BAD)
    server = serve(tmp_path)
    base = f'http://127.0.0.1:{server.server_port}/{FOLDER}/'
    saw = in_chromium(lambda browser: look_at_all(browser, base, ['bad.html']))
    server.shutdown()
    errors = ' '.join(findings(saw, 'errors'))
    assert 'null' in errors and '404' in errors
    assert any('other.invalid' in o for o in findings(saw, 'others'))
    assert {'color-contrast', 'image-alt'} <= {o.split(':')[0] for o in findings(saw, 'axe')}
    assert [o.split(' [1')[0] for o in findings(saw, 'raw')] == ['Not a [link](x) at all, ']
    wide = ' '.join(findings(saw, 'wide'))
    assert 'the page is 6' in wide and '<div style="width: 600px' in wide, wide
    assert 'own' not in wide, wide
    bad = [o.split(' [')[0].split('/')[-1] for o in broken_links(saw, base, docs)]
    assert bad == ['bad.html#nowhere: no such place', 'bad.html leaves the folder of the site',
                   'none.html: no such file']
