"""The built site as a reader meets it: every page in Chromium, light, dark and on a phone.

Screenshots of all pages go to out/screenshots. Chromium is needed, and axe-core, which
`npm ci --prefix site` installs.
"""
import asyncio, gzip, json, os, re, shutil, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from urllib.parse import unquote, urldefrag

import pytest
from playwright.async_api import async_playwright

from conftest import CHROMIUM, LAUNCH, ROOT, Compressed, serve
from docs.finish import newest
from docs.stage import SOURCES
from test_docs import NAMES, PUBLISHED as ADDRESSES

DOCS, SHOTS = ROOT/'_docs', ROOT/'out'/'screenshots'
WAITS = dict(bypass_csp=True)   # Playwright waits with `eval`, which the site's policy forbids
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
CUT = """async () => {   // tables that reach beyond their place
    await document.fonts.ready
    return [...document.querySelectorAll('main table')]
        .filter(o => o.scrollWidth > 1.01*o.parentElement.clientWidth)
        .map(o => o.innerText.replace(/\\s+/g, ' ').slice(0, 60))
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
    saw = dict(name=name, mode=mode, errors=[], others=[], axe=[], wide=[], raw=[], cut=[])
    page = await context.new_page()
    page.on('console', lambda o: saw['errors'].append(o.text) if o.type == 'error' else None)
    page.on('pageerror', lambda o: saw['errors'].append(str(o)))
    page.on('requestfailed', lambda o: saw['errors'].append(f'failed: {o.url}'))
    page.on('request', lambda o: saw['others'].append(o.url)
            if not o.url.startswith((base, 'data:', 'blob:')) else None)
    await page.goto(base + name)
    saw['dark'] = await page.evaluate("document.documentElement.classList.contains('quarto-dark')")
    if mode == 'phone':
        saw['wide'] = await page.evaluate(WIDE)
        await page.set_viewport_size(dict(width=800, height=1000))   # a tablet
        saw['wide'] += await page.evaluate(WIDE)
        await page.set_viewport_size(MODES['phone']['viewport'])
    else: saw['axe'] = await page.evaluate(AXE_RUN, COLOUR_RULES if mode == 'dark' else None)
    if mode == 'light':
        saw['raw'], saw['cut'] = await page.evaluate(RAW), await page.evaluate(CUT)
        saw['links'], saw['ids'] = await page.evaluate(LINKS), await page.evaluate(IDS)
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


def test_no_table_is_cut_off_on_a_wide_screen(saw):
    assert not (bad := findings(saw, 'cut')), '\n'.join(bad)


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


# Layout shifts of a page as they come, and their sum
SHIFT = """() => {
    window.shift = 0
    new PerformanceObserver(list => {
        for (const o of list.getEntries()) if (!o.hadRecentInput) window.shift += o.value
    }).observe({type: 'layout-shift', buffered: true})
}"""
# As a phone in a train has it
SLOW = dict(offline=False, latency=150, downloadThroughput=200_000, uploadThroughput=100_000)
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
LIVE = ['live_draw', 'live_train', 'live_descent', 'live_loss', 'live_mean']


async def slowly(browser, url):
    "A page as a slow phone loads it: its layout shift, and the milliseconds to the first words."
    context = await browser.new_context(viewport=dict(width=412, height=823), has_touch=True)
    context.set_default_timeout(120_000)
    await context.add_init_script(f'({SHIFT})()')
    page = await context.new_page()
    device = await context.new_cdp_session(page)
    await device.send('Network.enable')
    await device.send('Network.emulateNetworkConditions', SLOW)
    await device.send('Emulation.setCPUThrottlingRate', dict(rate=4))
    await page.goto(url, wait_until='networkidle')
    while (paint := await page.evaluate(PAINT)) is None: await asyncio.sleep(.1)   # told late
    shift = await page.evaluate('shift')
    await context.close()
    return shift, paint


def test_no_page_moves_under_the_reader(site):
    names = ['index', *LIVE, 'sgd', 'loss', 'resnet', 'ten_digits', 'glossary', 'benchmarks',
             'questionnaire', 'exercises/sgd', 'api/learner']
    async def look(browser): return {name: (await slowly(browser, f'{site}{name}.html'))[0]
                                     for name in names}
    shifts = in_chromium(look)
    assert max(shifts.values()) < 0.05, shifts


def test_home_page_is_there_soon(site):
    "A machine that is busy with other things gets other tries: the best one counts."
    async def look(browser):
        paints = []
        while len(paints) < 5 and min(paints, default=9_999) > 1_800:
            paints.append((await slowly(browser, f'{site}index.html'))[1])
        return paints
    assert min(paints := in_chromium(look)) <= 1_800, paints


async def weight(page, site, act=None):
    "Kilobytes of a page as it travels, pictures apart: compressed, where that is of use."
    responses = []
    page.on('response', lambda o: responses.append(o))
    await page.goto(site, wait_until='networkidle')
    if act: await act()
    kinds = ('document', 'stylesheet', 'script', 'fetch', 'font')
    bodies = [await o.body() for o in responses if o.request.resource_type in kinds]
    return sum(min(len(body), len(gzip.compress(body))) for body in bodies)/1000


def test_home_page_is_light(site):
    """The rungs that answer on it, which have 230 KB, are loaded when the paper is touched."""
    async def look(browser):
        page = await browser.new_page(**WAITS)
        async def touch():
            await page.wait_for_selector('[data-live=draw].live-ready')
            await page.locator('.live-paper').click()
            await page.wait_for_function("document.querySelector('.live-answer').innerText !== '?'")
        return await weight(await browser.new_page(), site), await weight(page, site, touch)
    before, after = in_chromium(look)
    assert 50 < before <= 130 and before + 150 < after < 400, (before, after)


LIGHTHOUSE = ROOT/'site'/'node_modules'/'.bin'/'lighthouse'
CHECKED = 'performance', 'accessibility', 'best-practices', 'seo'


def lighthouse(url, path):
    "What Lighthouse thinks of a page on a phone, 0 to 100: its four scores."
    flags = ' '.join([*LAUNCH['args'], '--headless=new', '--no-sandbox'])
    subprocess.run([LIGHTHOUSE, url, '--quiet', '--output=json', f'--output-path={path}',
                    f'--only-categories={",".join(CHECKED)}', f'--chrome-flags={flags}'],
                   env=os.environ | {'CHROME_PATH': CHROMIUM}, check=True, timeout=300)
    scores = json.loads(path.read_text(encoding='utf-8'))['categories']
    return {name: round(100*scores[name]['score']) for name in CHECKED}


@pytest.mark.parametrize('name', ['index', 'loss', 'live_draw'])
def test_lighthouse(site, tmp_path, name):
    "Compressed, as the site's host sends it. A busy machine gets another try."
    assert LIGHTHOUSE.exists(), 'Lighthouse is missing: npm ci --prefix site'
    server, tried = serve(DOCS, Compressed), []
    url = f'http://127.0.0.1:{server.server_port}/{name}.html'
    while len(tried) < 4 and max((o['performance'] for o in tried), default=0) < 90:
        tried.append(lighthouse(url, tmp_path/'report.json'))
    server.shutdown()
    assert max(o.pop('performance') for o in tried) >= 90, tried
    assert all(set(o.values()) == {100} for o in tried), tried


CODE = """[...document.querySelectorAll('main pre.sourceCode')]
    .filter(o => o.checkVisibility()).map(o => o.scrollWidth > o.clientWidth + 1)"""


@pytest.mark.parametrize('width, most', [(1400, .01), (390, .05)])
def test_code_fits(site, width, most):
    async def look(browser):
        page, found = await browser.new_page(viewport=dict(width=width, height=900)), []
        for name in NAMES:
            await page.goto(f'{site}{name}.html')
            found += await page.evaluate(CODE)
        return found
    found = in_chromium(look)
    assert len(found) > 200 and sum(found)/len(found) <= most, (sum(found), len(found))


def test_code_is_copied_as_it_was(site):
    "Though each of its lines is an element."
    async def copy(browser):
        context = await browser.new_context(permissions=['clipboard-read', 'clipboard-write'])
        page = await context.new_page()
        await page.goto(f'{site}loss.html')
        block = page.locator('.code-copy-outer-scaffold').filter(has_text='def mnist_loss').first
        await block.hover()
        await block.locator('.code-copy-button').click()
        return await page.evaluate('navigator.clipboard.readText()')
    copied = in_chromium(copy).rstrip()
    sources = [''.join(c['source']).rstrip() for c in json.loads(
        (ROOT/'nbs'/'chapters'/'03_loss.ipynb').read_text(encoding='utf-8'))['cells']]
    assert 'def mnist_loss' in copied
    assert any(copied == '\n'.join(o for o in source.splitlines() if not o.startswith('#|'))
               for source in sources)


def test_headings_of_a_page_are_at_hand_on_a_phone(site):
    async def look(browser):
        page = await browser.new_page(**MODES['phone'], **WAITS)
        await page.goto(f'{site}loss.html')
        beside = await page.locator('#TOC').is_visible()
        await page.get_by_text('On this page').locator('visible=true').click()
        link = page.locator('.on-this-page a').nth(2)
        target = (await link.get_attribute('href'))[1:]
        await link.click()
        there = "id => Math.abs(document.getElementById(id).getBoundingClientRect().top) < 400"
        await page.wait_for_function(there, arg=target)   # It scrolls there
        return beside, await page.locator('#quarto-search input').is_visible()
    assert in_chromium(look) == (False, True)


def test_focus_is_as_clear_in_the_bar_as_elsewhere(site):
    async def look(browser):
        page = await browser.new_page()
        await page.goto(f'{site}loss.html')
        found = {}
        for _ in range(6):
            await page.keyboard.press('Tab')
            name, *line = await page.evaluate("""(o => [o.className.split(' ')[0],
                getComputedStyle(o).outlineStyle, getComputedStyle(o).outlineWidth])
                (document.activeElement)""")
            found[name] = line
        return found
    found = in_chromium(look)
    for name in ('navbar-brand', 'form-control', 'nav-link'): assert found[name] == ['solid', '3px']


def test_one_style_sheet_for_light_and_dark(site):
    for page in DOCS.rglob('*.html'):
        sheets = re.findall('<link rel="stylesheet" href="([^"]*)"', page.read_text('utf-8'))
        assert sheets.count(next(o for o in sheets if o.endswith('course.css'))) == 1
        others = [o for o in sheets if not re.search(r'(course|katex\.min|live|quiz)\.css', o)]
        assert not others, (page.name, others)


def test_every_page_has_an_address_and_a_picture_to_be_shown_by(site):
    for page in DOCS.rglob('*.html'):
        text = page.read_text('utf-8')
        url = HOME + page.relative_to(DOCS).as_posix().removesuffix('index.html')
        if page.parent == DOCS: assert f'<link rel="canonical" href="{url}">' in text, page.name
        picture = re.search('<meta property="og:image" content="([^"]*)"', text)[1]
        assert (DOCS/picture.removeprefix(HOME)).is_file(), (page.name, picture)


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


RESULTS = "[...document.querySelectorAll('.course-results a')].map(o => o.href)"


def searched(site, words):
    "What the search finds, as addresses in the site, best first."
    async def search(browser):
        page = await browser.new_page(**WAITS)
        await page.goto(site + 'index.html')
        await page.fill('#quarto-search input', words)
        await page.wait_for_function("document.querySelector('.course-results').children.length")
        return await page.evaluate(RESULTS)
    return [o.removeprefix(site) for o in in_chromium(search)]


@pytest.mark.parametrize('words, wanted, among', [
    ('relu', 'nonlinearity.html', 3), ('what is a tensor', 'glossary.html#term-tensor', 3),
    ('BasicOptim', 'optimizer.html', 5), ('learning rate too high', 'sgd.html', 5),
    ('how do I install', 'index.html#install', 1), ('install locally', 'index.html#install', 1),
    ('sigmoid', 'loss.html#sigmoid', 2), ('sigmiod', 'loss.html', 5)])
def test_search_finds(site, words, wanted, among):
    found = searched(site, words)
    assert any(o.startswith(wanted) for o in found[:among]), found


def test_search_says_where_it_finds_nothing(site):
    async def search(browser):
        page = await browser.new_page(**WAITS)
        await page.goto(site + 'index.html')
        await page.fill('#quarto-search input', 'qzxvqzxv')
        await page.wait_for_function("document.querySelector('.course-results').children.length")
        return (await page.locator('.course-results').inner_text(),
                await page.locator('.course-search [role=status]').inner_text())
    seen, said = in_chromium(search)
    assert seen == said and seen.startswith('Nothing found')


def test_search_with_the_keys(site):
    async def search(browser):
        page = await browser.new_page()
        await page.goto(site + 'index.html')
        await page.keyboard.press('/')
        await page.keyboard.type('sigmoid')
        await page.wait_for_selector('.course-results a')
        for key in ('ArrowDown', 'ArrowDown'): await page.keyboard.press(key)
        input = page.locator('#quarto-search input')
        marked = await input.get_attribute('aria-activedescendant')
        second = await page.locator('.course-results a').nth(1).get_attribute('href')
        await page.keyboard.press('Enter')
        await page.wait_for_url(second)
        return marked
    assert in_chromium(search) == 'search-1'


def test_search_of_a_page_from_the_disk_says_why_it_cannot_work(site):
    async def search(browser):
        page = await browser.new_page()
        await page.goto((DOCS/'index.html').as_uri())
        await page.fill('#quarto-search input', 'sigmoid')
        return await page.locator('.course-results p').inner_text()
    assert 'opened from the disk' in in_chromium(search)


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
        page = await browser.new_page(**WAITS)
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
<main>Not a [link](x) at all, <code>a[0](x)</code>
<div style="overflow-x: auto"><table style="width: 200%"><tr><td>cut off</td></tr></table></div>
</main><h1 id="top">Bad</h1>
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
    assert [o.split(' [')[0] for o in findings(saw, 'cut')] == ['cut off']
    bad = [o.split(' [')[0].split('/')[-1] for o in broken_links(saw, base, docs)]
    assert bad == ['bad.html#nowhere: no such place', 'bad.html leaves the folder of the site',
                   'none.html: no such file']
