"What smalldocs leaves to do: mend its pages, rule by rule, and give them what they need."
import base64, json, os, re, shutil, subprocess, sys
from collections import Counter
from io import BytesIO
from typing import NamedTuple

from nbdev.config import get_config
from PIL import Image

from docs.links import NBS, ROOT, download, is_exercises, notebooks, only, to_site
from docs.maths import maths
from docs.policy import with_policy, without_styles
from docs.searching import searching
from docs.sheet import LINK, SHEET, sheet
from docs.stage import PLOTS, PROC, SITE, name_of
from exercises import INSTALL, write
from questions import FILES

CFG = get_config()
WEIGHTS, NPM = PROC/'_weights', SITE/'node_modules'


# Rules


class Rule(NamedTuple):
    "Something that smalldocs writes, and what stands there in the end."
    what:str
    pattern:str   # A regular expression
    new:object    # As for `re.sub`: a function, or a text, whose `{up}` leads to the site's root
    why:str
    files:str='*.html'


def black_or_white(match):
    "A cell's background, with the text in black or white, whichever stands out more."
    values = (v/255 for v in bytes.fromhex(match[1]))
    red, green, blue = (v/12.92 if v <= .04045 else ((v + .055)/1.055)**2.4 for v in values)
    text = '#000' if .2126*red + .7152*green + .0722*blue > .179 else '#fff'
    return f'background-color: #{match[1]};\n  color: {text};'


def wrapped(match):
    "A printed sentence, which may wrap: no two spaces in a row hold columns or rows in place."
    return match[0] if '  ' in match[2] else f'{match[1]}<pre class="wraps"><code>{match[2]}'


def headings(match):
    "The list of headings, and once more folded below the title, for where it isn't beside it."
    items = re.search('(?s)<ul>.*</ul>', match[1])[0]
    items = re.sub(r' (id|data-scroll-target)="[^"]*"', '', items).replace(' class="nav-link"', '')
    return f"""{match[0]}<details class="on-this-page"><summary>On this page</summary>
<nav aria-label="On this page, folded">{items}</nav></details>"""


NAMES = 'a screen reader lists the parts of a page by their names'
def slug(words): return '-'.join(re.findall('[a-z0-9]+', re.sub('<.*?>', '', words).lower()))


SEARCH = "search.js has the course's own, with the exact words first"
HOSTS = 'no page asks another host for anything'
RULES = [
    Rule('icons', '<i class="(bi[^"]*)" role="img">', r'<i class="\1" aria-hidden="true">',
         'an icon stands beside its words; as a picture without a name it is announced as nothing'),
    Rule('sections that open', r'data-bs-target="(#quarto-sidebar-section-\d+)" role="navigation"',
         r'href="\1" data-bs-target="\1" role="button"',
         'what opens a section is a button, and the keyboard must reach it'),
    Rule('bar at the top', '<nav class="navbar', '<nav aria-label="Site" class="navbar', NAMES),
    Rule('page before and after', '<nav class="page-navigation"',
         '<nav aria-label="Pages" class="page-navigation"', NAMES),
    Rule('bar on a phone', '<nav class="quarto-secondary-nav"',
         '<nav aria-label="Chapters" class="quarto-secondary-nav"', NAMES),
    Rule('list of pages', '<nav id="quarto-sidebar"',
         '<nav aria-label="Contents" id="quarto-sidebar"', NAMES),
    Rule('list of headings', '<nav id="TOC"', '<nav aria-label="On this page" id="TOC"', NAMES),
    Rule('margin', '<div id="quarto-margin-sidebar"',
         '<div id="quarto-margin-sidebar" role="complementary" aria-label="This page"', NAMES),
    Rule('way past the lists', '(<body[^>]*>)',
         r'\1<a class="skip-link" href="#quarto-document-content">Skip to the text</a>',
         'with the keyboard, the text would come after all links of the list of pages'),
    Rule('tables of pixels', r'background-color: #([0-9a-f]{6});\s*color: #[0-9a-f]{6};',
         black_or_white, 'pandas puts white on middle greys, which is hard to read'),
    Rule('sentences', r'(<div class="cell-output[^"]*">\s*)<pre><code>([^<]*)', wrapped,
         'a printed sentence should wrap and not be scrolled'),
    Rule('scripts of KaTeX', r'<script src="[^"]*/katex[^>]*></script>', '',
         'the maths is already made'),
    Rule('KaTeX', r'https://cdn\.jsdelivr\.net/npm/katex@[^/]+/dist', '{up}site_libs/katex', HOSTS),
    Rule('style sheets', LINK, '', 'there is one for all pages, with what they use'),
    Rule('light or dark', r'<script>\(function\(\)\{var d=document.*?</script>',
         f'<link rel="preload" as="style" href="{{up}}{SHEET}">'
         '<script src="{up}site/head.js"></script>',
         'there is one style sheet for both, which comes while the script does'),
    Rule('switch of light and dark', r'href="" title="Toggle dark mode" onclick="[^"]*"',
         'href="" role="button" aria-label="Dark mode" title="Dark mode"',
         'site.js knows it, so that no page has a script in itself'),
    Rule('way back to the top', r'<a onclick="[^"]*" role="button" id="quarto-back-to-top"',
         '<a href="#quarto-header" id="quarto-back-to-top"',
         'a link works without a script, and the keyboard reaches it'),
    Rule('scripts of Bootstrap', r'<script src="[^"]*bootstrap\.bundle\.min\.js"></script>', '',
         'of its 80 KB the site uses what opens and closes, which site.js does'),
    Rule('script of smalldocs', r'<script src="[^"]*smalldocs\.js" defer></script>', '',
         'it comes with the others, when the styles are there'),
    Rule('search of smalldocs', r'<script src="[^"]*fuse\.min\.js"></script>', '', SEARCH),
    Rule('box to search in', r'class="smalldocs-search( [^"]*)?"( id="quarto-search")',
         r'class="course-search" role="search"\2', SEARCH),
    Rule('results of a search', 'class="smalldocs-search-results dropdown-menu"',
         'class="course-results"', SEARCH),
    Rule('search on a phone', '(?s)(<button class="navbar-toggler".*?)'
         '(<div class="quarto-navbar-tools">.*?</div></div></div>)', r'\2\1',
         'it stands in the bar, and not behind a menu'),
    Rule('list of headings on a phone', '(?s)(<nav[^>]* id="TOC".*?</nav>)(.*?</header>)',
         headings, 'beside the text there is no place for it'),
    Rule('terms of the glossary', '<li>((?:<p>)?<strong>(.*?)</strong>)',
         lambda m: f'<li id="term-{slug(m[2])}">{m[1]}', 'the search leads there', 'glossary.html'),
    Rule('the missing page', r'(?s)  <url>\s*<loc>[^<]*/404\.html.*?</url>\n', '',
         'a search engine should not offer it', 'sitemap.xml')]


def mended(text, rules, up=''):
    "A text after some rules, and how often each found something."
    found = Counter()
    for rule in rules:
        new = rule.new.replace('{up}', up) if isinstance(rule.new, str) else rule.new
        text, found[rule.what] = re.subn(rule.pattern, new, text)
    return text, found


# What a page gets


def pictures(page, text):
    "A page's HTML with its embedded pictures as files beside it, for which it keeps a place."
    def write(match):
        content = base64.b64decode(match[2])
        name = f'{page.stem}_files/{name_of(content)}.{match[1]}'
        (page.parent/name).parent.mkdir(exist_ok=True)
        (page.parent/name).write_bytes(content)
        image = Image.open(BytesIO(content))
        sharp = image.info.get('dpi', (DPI, DPI))[0]/DPI   # 2 where made for fine screens
        width, height = (round(side/max(1, round(sharp))) for side in image.size)
        kind = 'data-plot ' if name_of(content) in PLOTS else ''
        return f'{kind}src="{name}" width="{width}" height="{height}" loading="lazy"'
    def drawing(match):
        box = re.search(r'viewBox="0 0 (\d+) (\d+)"', (page.parent/match[1]).read_text('utf-8'))
        return f'{match[0]} width="{box[1]}" height="{box[2]}"'
    text = re.sub(r'src="(images/[^"]*\.svg)"', drawing, text)
    return re.sub(r'src="data:image/(\w+);base64,([^"]+)"', write, text)


def lines(text):
    """A page's HTML with each line of its code in an element of its own, which says how far it is
    indented: where a line has to wrap, it goes on a little further in."""
    def block(match): return match[1] + ''.join(map(line, whole(match[2]))) + match[3]
    def whole(code):
        "The lines, with the elements that reach over several closed and opened again."
        open_, out = [], []
        for part in code.split('\n'):
            begin = ''.join(open_)
            for tag in re.findall('<span[^>]*>|</span>', part):
                open_.append(tag) if tag != '</span>' else open_.pop()
            out.append(begin + part + '</span>'*len(open_))
        return out
    def line(code):
        words = re.sub('<[^>]*>', '', code)
        indent = len(words) - len(words.lstrip(' '))
        return f'<span class="line in-{min(indent, 24)//4}">{code}\n</span>'
    return re.sub('(?s)(<code class="sourceCode[^"]*">)(.*?)(</code>)', block, text)


STYLE = (CFG.lib_path/'course.mplstyle').read_text(encoding='utf-8')
DPI = int(re.search(r'^figure\.dpi: (\d+)', STYLE, re.M)[1])   # Of the course's figures
CARD = 'card.png', 'How many mistakes each rung of the ladder makes'


def card(page, text):
    "A page's tags for who shows a link to it: the page's address, and its first figure."
    home = f'{CFG.doc_host}{CFG.doc_baseurl}'
    url = f'{home}/{page}'.removesuffix('index.html')
    figures = (dict(re.findall(r'(\w+)="([^"]*)"', o)) for o in re.findall('<img [^>]*>', text))
    large = (o for o in figures if o['src'].endswith('.png') and int(o.get('width', 0)) >= 300)
    first = next(large, None)
    src, alt = (page.parent/first['src'], first['alt']) if first else CARD
    return (f'<link rel="canonical" href="{url}"><meta property="og:url" content="{url}">'
            '<meta property="og:type" content="article">'
            f'<meta property="og:image" content="{home}/{src}">'
            f'<meta property="og:image:alt" content="{alt}">'
            '<meta name="twitter:card" content="summary_large_image">')


def scripts(text, up):
    "The styles and scripts that a page needs, for its head: the scripts when the styles are there."
    names = [f'../{SHEET}', '../site_libs/smalldocs.js', 'site.js', 'search.js']
    kinds = sorted(set(re.findall(r'data-live="(\w+)"', text)))
    if kinds: names += ['live/live.css', 'live/live.js', *(f'live/{kind}.js' for kind in kinds)]
    if 'class="fb4-' in text: names += FILES   # questions
    paths = [os.path.normpath(f'{up}site/{name}') for name in names]
    styles = (f'<link rel="stylesheet" href="{o}">' for o in paths if o.endswith('.css'))
    later = ' '.join(o for o in paths if o.endswith('.js'))
    return (''.join(styles)
            + f'<script src="{up}site/later.js" data-scripts="{later}" defer></script>')


# A server shows 404.html in place of a page of any folder, so its links start from the site's root:
# from the one that is published, or else from the one of the host that shows it.
BASE = """<base href="%s"><script>(base => {
  if (location.protocol == 'file:') base.remove()
  else if (!location.href.startsWith(base.href)) base.href = '/'
  addEventListener('DOMContentLoaded', () => document.querySelectorAll('a[href^="#"]')
    .forEach(o => o.href = location.pathname + o.getAttribute('href')))
})(document.querySelector('base'))</script>"""


def finish(site):
    "Mend all files of the site, and say which rules found nothing: smalldocs may have mended it."
    found, pages, css = Counter(), {}, {}
    for files in dict.fromkeys(rule.files for rule in RULES):
        rules = [rule for rule in RULES if rule.files == files]
        for f in site.rglob(files):
            up = '../'*(len(f.relative_to(site).parts) - 1)
            before = pages.get(f) or f.read_text(encoding='utf-8')   # Mended by other rules?
            text, counts = mended(before, rules, up)
            found += counts
            if f.suffix == '.html': pages[f] = text
            else: f.write_text(text, encoding='utf-8')
    for f, text in maths(pages).items():
        page = f.relative_to(site)
        up = '../'*(len(page.parts) - 1)
        text = without_styles(lines(pictures(f, text)), css)
        text = text.replace('</head>', card(page, text) + scripts(text, up) + '</head>', 1)
        if f.name == '404.html':
            text = text.replace('<head>', '<head>' + BASE % f'{CFG.doc_baseurl}/', 1)
        f.write_text(with_policy(text), encoding='utf-8')
    for rule in RULES:
        if not found[rule.what]: print(f'finish.py: the rule {rule.what!r} found nothing to mend.')
    shutil.copy(NBS/'images'/'index_1.png', site/CARD[0])
    sheet(site, '\n'.join(css.values()))
    searching(site)


# What the site gets


def newest(*paths):
    "When the newest file of some files and folders was changed; 0 where there is none."
    files = [f for path in paths for f in (path.rglob('*') if path.is_dir() else [path])]
    def counts(f): return f.is_file() and f.suffix != '.pyc' and f.name != 'nbdev.yml'   # made here
    return max((f.stat().st_mtime for f in files if counts(f)), default=0)


def libraries(site):
    "Styles of KaTeX, a search and a font, from npm, which installs what package-lock.json names."
    if newest(NPM/'.package-lock.json') < newest(SITE/'package-lock.json'):
        subprocess.run(['npm', 'ci', '--omit=dev', '--prefix', SITE], check=True)
    not_these = shutil.ignore_patterns('*.js', '*.mjs', '*.ttf', '*.woff', 'README.md', 'contrib',
                                       'katex.css', 'katex-swap*', '*.map')
    shutil.copytree(NPM/'katex'/'dist', site/'site_libs'/'katex', ignore=not_these)
    shutil.copy(NPM/'minisearch'/'dist'/'umd'/'index.js', site/'site'/'minisearch.js')
    font, to = NPM/'@fontsource-variable'/'source-sans-3', site/'site_libs'/'font'
    to.mkdir()
    shutil.copy(font/'LICENSE', to)
    for style in ('normal', 'italic'):
        shutil.copy(font/'files'/f'source-sans-3-latin-wght-{style}.woff2', to)


def weights(site):
    "What the live pages calculate with, made anew when models or the table of rungs have changed."
    script = ROOT/'tools'/'weights.py'
    made_of = [CFG.lib_path/name for name in ('models', 'results', 'rungs.py')]
    if newest(WEIGHTS) < newest(script, *made_of):
        part = WEIGHTS.with_suffix('.part')   # Half of them would pass for all, being new
        for folder in (part, WEIGHTS): shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, script, part], check=True)
        part.rename(WEIGHTS)
    shutil.copytree(WEIGHTS, site/'site'/'weights')


def for_readers(source):
    """Whether a cell is for who takes a notebook away: not the course's own checks, which need more
    than the package, nor what the site alone or the README has."""
    hidden = re.search(r'^#\| *hide\b', source, re.M)
    checks = hidden and re.search(r'^ *(assert\b|test_\w+\(|refute\()|nbdev|hypothesis|pytest',
                                  source, re.M)
    return not (checks or 'default_exp' in source or only(source))


EXTRAS = dict(onnx=r'^import onnx', processes=r'\bimport .*accelerate|fastbook_ch4\.cli train')


def extras(whole):
    "The package's extras that a notebook's code asks for."
    code = '\n'.join(''.join(c['source']) for c in whole['cells'] if c['cell_type'] == 'code')
    return [name for name, words in EXTRAS.items() if re.search(words, code, re.M)]


def to_open_elsewhere(nb):
    "A notebook for Colab, as JSON: it installs the package, links to the site, exports nothing."
    home = CFG.doc_host + CFG.doc_baseurl
    raw = f'https://raw.githubusercontent.com/{CFG.user}/{CFG.repo}/{CFG.branch}'
    folder = f'{raw}/{(NBS/nb).parent.relative_to(ROOT).as_posix()}'
    whole = json.loads((NBS/nb).read_text(encoding='utf-8'))
    whole['cells'] = [c for c in whole['cells'] if for_readers(''.join(c['source']))]
    for cell in whole['cells']:
        if cell['cell_type'] != 'markdown': continue
        text = re.sub(r'\]\((images/[^)]*)\)', rf']({folder}/\1)', ''.join(cell['source']))
        cell['source'] = to_site(text, nb, home).splitlines(keepends=True)
    what = f'git+{CFG.git_url}'
    if extra := extras(whole): what = f"{CFG.lib_name}[{','.join(extra)}] @ {what}"
    install = INSTALL.format(what=what).splitlines(keepends=True)
    whole['cells'].insert(1, dict(cell_type='code', id='install', metadata={}, source=install,
                                  execution_count=None, outputs=[]))
    return json.dumps(whole, indent=1, ensure_ascii=False) + '\n'


def copies(site):
    "The notebooks that can be had: the learners' exercises, and all others."
    write(site/'exercises')
    (site/'notebooks').mkdir()
    for nb in notebooks():
        if is_exercises(nb): continue
        (site/download(nb)).write_text(to_open_elsewhere(nb), encoding='utf-8')
