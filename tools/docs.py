"""Make the site in _docs: nbdev processes the notebooks, smalldocs renders them, and this script does what lies between and after.

    python nbs/scripts/docs.py            build
    python nbs/scripts/docs.py --serve    build, serve at http://127.0.0.1:4200, and build again after each change
"""
import ast, base64, hashlib, json, re, shutil, subprocess, sys, time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from types import ModuleType

import yaml
from nbdev.config import get_config
from nbdev.doclinks import NbdevLookup
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from PIL import Image

from exercises import INSTALL, notebook, write

ROOT = Path(__file__).resolve().parents[2]
NBS, PROC, OUT = ROOT/'nbs', ROOT/'_proc', ROOT/'_docs'
STAGE, API, WEIGHTS, NPM = PROC/'_site', PROC/'_api', PROC/'_weights', NBS/'site'/'node_modules'
ADDRESS = ('127.0.0.1', 4200)
FONT = '@fontsource-variable/source-sans-3'
CFG = get_config()
NUMBER = r'\b\d+[a-z]*_(?=\w+\.ipynb)'   # What nbdev drops from the name of a page


def run(*args):
    "Run a command; `CalledProcessError` where it fails."
    subprocess.run(args, check=True)


def smalldocs(*args):
    "Run smalldocs' command line."
    run(Path(sys.executable).with_name('smalldocs'), *args)


def newest(*paths):
    "When the newest file of some files and folders was changed; 0 where there is none."
    files = [f for path in paths for f in (path.rglob('*') if path.is_dir() else [path])]
    return max((f.stat().st_mtime for f in files if f.is_file()), default=0)


# Links

LOOKUP = NbdevLookup(ns={short: ModuleType(name) for short, name in dict(np='numpy', nn='torch.nn', F='torch.nn.functional').items()})
TYPES = {'Tensor': 'torch.Tensor', 'Module': 'torch.nn.Module', 'Sequential': 'torch.nn.Sequential', 'Conv2d': 'torch.nn.Conv2d',
         'Generator': 'torch.Generator', 'ndarray': 'numpy.ndarray', 'Path': 'pathlib.Path', 'Callable': 'collections.abc.Callable'}
# Where fastai has what the text calls fastai's; some of it has namesakes in this package
FASTAI = {name: f'fastai.{module}.{name}' for module, names in {'learner': ['Learner', 'Recorder'], 'data.load': ['DataLoader'], 'data.core': ['DataLoaders'],
          'layers': ['ResBlock'], 'optimizer': ['SGD'], 'metrics': ['accuracy_multi'], 'vision.learner': ['vision_learner']}.items() for name in names}


def to_pages(text):
    "Text whose links to notebooks name the site's pages: without the number in front."
    return re.sub(rf'''(?<=[("'])((?!https?:)[^\s()"']*?){NUMBER}''', r'\1', text)


def to_library(text):
    "Text in which a name such as `nn.Linear` is a link to its library's documentation, other than in a heading."
    def link(match):
        url = LOOKUP.doc(match[1])
        return f'[{match[0]}]({url})' if url else match[0]
    def theirs(match): return f'{match[1]}[`{match[2]}`]({LOOKUP.doc(FASTAI[match[2]])})' if match[2] in FASTAI else match[0]
    name = r'(?<!\[)`((?:torch|numpy|np|nn|F)\.[\w.]+)(?:\(\))?`(?!\])'
    return ''.join(line if line.startswith('#') else re.sub(r"(fastai's (?:own )?)`(\w+)`(?!\])", theirs, re.sub(name, link, line)) for line in text.splitlines(keepends=True))


def to_type(match, symbols):
    "A row of a table of parameters with links from its types, to the libraries and within the reference."
    def link(word):
        url = LOOKUP.doc(TYPES.get(word[0], '')) or symbols.get(word[0], '').removeprefix('/api/')
        return f'[{word[0]}]({url})' if url else word[0]
    return match[1] + re.sub(r'\w+', link, match[2])


# What smalldocs renders

def cells_of(path):
    "A notebook's cells, each with its source as a string."
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    for cell in cells: cell['source'] = ''.join(cell['source'])
    return cells


def title(path):
    "A notebook's title."
    return cells_of(path)[0]['source'].partition('\n')[0].lstrip('# ')


# A table of parameters that has nothing to say of them
BARE = r'^\| Parameter .*\n\|[-| :]+\n(?:\| `\w+` \|[^|\n]*\|[^|\n]*\|  *\|\n)+(?!\|)'


def reference():
    "A page for each module, which smalldocs makes from the docments, in the order of the notebooks, and an index. Returns their paths."
    files = [(f, re.search(r'File to edit: \.\./nbs/(.*)\.\n', f.read_text(encoding='utf-8'))[1]) for f in CFG.lib_path.glob('[!_]*.py')]
    files.sort(key=lambda o: (not o[1][0].isdigit(), o[1]))
    config = dict(packages=[f'{CFG.lib_name}.{f.stem}' for f, _ in files], root=str(ROOT), source=f'{CFG.git_url}/blob/{CFG.branch}')
    API.mkdir(parents=True, exist_ok=True)
    (API/'_quarto.yml').write_text(yaml.safe_dump(dict(project=dict(type='website'), smalldocs=dict(api=config))), encoding='utf-8')
    smalldocs('api', 'build', '--dir', API)
    symbols = json.loads((API/'_symbols.json').read_text(encoding='utf-8'))
    shutil.copy(API/'_symbols.json', STAGE)
    (STAGE/'api').mkdir()
    rows = []
    for f, nb in files:
        text = (API/'api'/f'{f.stem}.qmd').read_text(encoding='utf-8').replace('.py#L0)', '.py)').replace(f'{ROOT}/', '')
        text = re.sub(BARE, '', text, flags=re.M)
        text = re.sub(r"<built-in function (\w+)>|<class '(?:\w+\.)*(\w+)'>", lambda m: m[1] or m[2], text)
        text = re.sub(r'^(\| `\w+` \|) None \|', r'\1 |', text, flags=re.M)   # a default is no type
        text = re.sub(r'^(\| (?:`\w+`|returns) \| )([^|]*)', partial(to_type, symbols=symbols), text, flags=re.M)
        text = text.replace('\n---\n', f'\n---\n\nMade in [{title(NBS/nb)}]{to_pages(f"(../{nb})")}.\n', 1)
        (STAGE/'api'/f.name).with_suffix('.qmd').write_text(to_library(text), encoding='utf-8')
        rows.append(f'| [`{CFG.lib_name}.{f.stem}`]({f.stem}.qmd) | {ast.get_docstring(ast.parse(f.read_text(encoding="utf-8")))} |\n')
    head = '---\ntitle: API reference\ndescription: Every function and class of the package, with its parameters\n---\n\n| module | what it is about |\n|--|--|\n'
    (STAGE/'api'/'index.qmd').write_text(head + ''.join(rows), encoding='utf-8')
    return ['api/index.qmd', *(f'api/{f.stem}.qmd' for f, _ in files)]


def configuration(api):
    "nbdev's configuration, with what only settings.ini and the package know: the repository's address, and the pages of the reference."
    config, sidebar = (yaml.safe_load(re.sub(NUMBER, '', (NBS/f).read_text(encoding='utf-8'))) for f in ('_quarto.yml', 'sidebar.yml'))
    config['website']['navbar']['left'].append(dict(text='API', href=api[0]))
    config['website']['navbar']['tools'] = [dict(icon='github', text='Source code', href=CFG.git_url)]
    config['smalldocs'] = dict(linkify=True)
    next(o['contents'] for o in sidebar['website']['sidebar']['contents'] if 'Look it up' in str(o)).append(dict(section='API reference', contents=api))
    for name, content in (('_quarto.yml', config), ('sidebar.yml', sidebar)): (STAGE/name).write_text(yaml.safe_dump(content, sort_keys=False), encoding='utf-8')
    shutil.copy(NBS/'nbdev.yml', STAGE)


def buttons(file, href):
    "A cell of links that open a notebook elsewhere: `file` is its path in the branch gh-pages, `href` leads to it from its page."
    address = f'{CFG.user}/{CFG.repo}/blob/gh-pages/{file}'
    html = (f'<p class="open-in"><a href="https://colab.research.google.com/github/{address}">Open in Colab</a> '
            f'<a href="https://kaggle.com/kernels/welcome?src=https://github.com/{address}">Open in Kaggle</a> <a href="{href}" download>Download</a></p>')
    return dict(cell_type='markdown', metadata={}, source=html)


def joined(outputs):
    "A cell's outputs, with what was printed in several goes in one."
    whole = []
    for output in outputs:
        text = ''.join(output.get('text', ''))
        if text and whole and whole[-1].get('name') == output['name']: whole[-1]['text'] += text
        else: whole.append({**output, 'text': text} if text else output)
    return whole


def stage_page(nb, name, file=None):
    "Write a processed notebook for smalldocs, as `name`; with buttons where it can be had as `file`."
    for cell in nb['cells']:
        if cell['cell_type'] == 'markdown': cell['source'] = re.sub(r'(?<=\d) %(?! ?[\d(])', '\N{NO-BREAK SPACE}%', to_library(to_pages(''.join(cell['source']))))
        if 'outputs' in cell: cell['outputs'] = joined(cell['outputs'])
        for data in (o['data'] for o in cell.get('outputs', []) if 'data' in o):
            for kind in {'text/markdown', 'text/html'} & data.keys(): data[kind] = to_pages(''.join(data[kind]))
            if 'text/markdown' in data: data['text/markdown'] = re.sub(r'\[!\[.*?\]\(https?:.*?\)\]\(.*?\) ?', '', data['text/markdown'])  # badges: another host's pictures
    if file: nb['cells'].insert(1, buttons(file, file.removeprefix(f'{Path(name).parent}/')))
    (STAGE/name).parent.mkdir(exist_ok=True)
    (STAGE/name).write_text(json.dumps(nb), encoding='utf-8')


def stage_chapters():
    "The pages that nbdev processed. Those with code can be had as notebooks."
    for nb in NBS.glob('*.ipynb'):
        page = json.loads((PROC/nb.name).read_text(encoding='utf-8'))
        front = yaml.safe_load(''.join(page['cells'][0]['source']).strip('-\n'))
        name = front.pop('output-file').replace('.html', '.ipynb')
        page['cells'][0]['source'] = f'---\n{yaml.safe_dump(front)}---\n'
        code = any(c['cell_type'] == 'code' and 'echo: false' not in ''.join(c['source']) for c in page['cells'])
        stage_page(page, name, f'notebooks/{nb.name}' if code else None)


def stage_exercises():
    "The learners' notebooks with their solutions folded away."
    for nb in (NBS/'exercises').glob('[0-9]*.ipynb'):
        page = json.loads(notebook(nb, site=True))
        name, _, description = ''.join(page['cells'][0]['source']).partition('\n\n> ')
        front = yaml.safe_dump(dict(title=name.lstrip('# '), description=description.strip()))
        page['cells'][0] = dict(cell_type='raw', metadata={}, source=f'---\n{front}---\n')
        stage_page(page, f'exercises/{re.sub(NUMBER, "", nb.name)}', f'exercises/{nb.name}')


def stage():
    "Make the folder that smalldocs renders."
    refresh_quarto_yml()
    proc_nbs(NBS, n_workers=0, skip_folder_re='^[_.]|^node_modules$|^exercises$|^scripts$')
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    shutil.copytree(NBS/'site', STAGE/'site', ignore=shutil.ignore_patterns('node_modules', 'package*.json', '.*'))
    shutil.copytree(NBS/'images', STAGE/'images')
    shutil.copy(NBS/'styles.css', STAGE)
    (STAGE/'404.md').write_text(to_pages((NBS/'404.md').read_text(encoding='utf-8')), encoding='utf-8')
    stage_chapters()
    stage_exercises()
    configuration(reference())


# What smalldocs leaves out

def pictures(page, text):
    "A page's HTML with its embedded pictures as files beside it."
    def write(match):
        content = base64.b64decode(match[2])
        name = f'{page.stem}_files/{hashlib.sha256(content).hexdigest()[:16]}.{match[1]}'
        (page.parent/name).parent.mkdir(exist_ok=True)
        (page.parent/name).write_bytes(content)
        width, height = Image.open(BytesIO(content)).size   # the page keeps a place of this shape until the picture is there
        return f'src="{name}" width="{width}" height="{height}" loading="lazy"'
    return re.sub(r'src="data:image/(\w+);base64,([^"]+)"', write, text)


def scripts(text, site, up):
    "The site's own script, and those of the live elements on a page, for its head."
    kinds = sorted(set(re.findall(r'data-live="(\w+)"', text)))
    names = ['site.js', *(f'live/{name}' for name in ('live.css', 'live.js', *(f'{kind}.js' for kind in kinds)) if kinds)]
    files = [f'{up}site/{name}' for name in names if (site/'site'/name).exists()]
    return ''.join(f'<link rel="stylesheet" href="{f}">' if f.endswith('.css') else f'<script src="{f}" defer></script>' for f in files)


def readable(match):
    "pandas' colours of a table's cell, with the text in black or white, whichever stands out more."
    red, green, blue = ((c/12.92 if c <= .04045 else ((c + .055)/1.055)**2.4) for c in (v/255 for v in bytes.fromhex(match[1])))
    return f'background-color: #{match[1]};\n  color: {"#000" if .2126*red + .7152*green + .0722*blue > .179 else "#fff"};'


def wrapped(match):
    "An output that may wrap, since it is a sentence: no two spaces in a row hold columns or rows in place."
    return match[0] if '  ' in match[2] else f'{match[1]}<pre class="wraps"><code>{match[2]}'


# What the markup lacks for a screen reader or a keyboard
ACCESS = [('<i class="(bi[^"]*)" role="img">', r'<i class="\1" aria-hidden="true">'),
          (r'data-bs-target="(#quarto-sidebar-section-\d+)" role="navigation"', r'href="\1" data-bs-target="\1" role="button"'),
          ('<nav class="navbar', '<nav aria-label="Site" class="navbar'), ('<nav class="page-navigation"', '<nav aria-label="Pages" class="page-navigation"'),
          ('<nav class="quarto-secondary-nav"', '<nav aria-label="Chapters" class="quarto-secondary-nav"'), ('<nav id="quarto-sidebar"', '<nav aria-label="Contents" id="quarto-sidebar"'),
          ('<nav id="TOC"', '<nav aria-label="On this page" id="TOC"'), ('color: #7f7f7f', 'color: var(--bs-secondary-color)'),
          ('<div id="quarto-margin-sidebar"', '<div id="quarto-margin-sidebar" role="complementary" aria-label="This page"'),
          ('(<body[^>]*>)', r'\1<a class="skip-link" href="#quarto-document-content">Skip to the text</a>')]


def finish(page, site):
    "Mend a page."
    text = page.read_text(encoding='utf-8')
    for old, new in ACCESS: text = re.sub(old, new, text)
    text = re.sub(r'background-color: #([0-9a-f]{6});\s*color: #[0-9a-f]{6};', readable, text)
    up = '../'*(len(page.relative_to(site).parts) - 1)
    text = re.sub(r'(<div class="cell-output[^"]*">\s*)<pre><code>([^<]*)', wrapped, text)
    text = pictures(page, text)
    text = re.sub(r'https://cdn\.jsdelivr\.net/npm/katex@[^/]+/dist', f'{up}site_libs/katex', text)
    text = re.sub(r'href="([^":?#]*)\.ipynb(?=[#"])(?![^>]*download)', r'href="\1.html', text)
    text = text.replace('</head>', scripts(text, site, up) + '</head>', 1)
    if page.name == '404.html': text = text.replace('<head>', f'<head>{BASE % (CFG.doc_baseurl + "/")}', 1)
    page.write_text(text, encoding='utf-8')


# A server shows 404.html in place of a page of any folder, so its links start from the site's root.
BASE = """<base href="%s"><script>(base => { if (location.protocol == 'file:') base.remove(); else if (!location.href.startsWith(base.href)) base.href = '/' })(document.querySelector('base'))</script>"""


def node_modules():
    "Install what package-lock.json names, if it isn't there."
    site = NBS/'site'
    if newest(NPM/'.package-lock.json') < newest(site/'package-lock.json'): run('npm', 'ci', '--prefix', site)


def libraries(site):
    "KaTeX and the font, from npm; and no stylesheet that asks another host for one."
    node_modules()
    libs = site/'site_libs'
    shutil.copytree(NPM/'katex'/'dist', libs/'katex', ignore=shutil.ignore_patterns('*.mjs', '*.ttf', '*.woff', 'README.md', 'katex.js', 'katex.css', 'katex-swap*', '*.map'))
    (libs/'font').mkdir()
    for f in ('LICENSE', *(f'files/source-sans-3-latin-wght-{style}.woff2' for style in ('normal', 'italic'))): shutil.copy(NPM/FONT/f, libs/'font')
    for css in (libs/'themes').glob('*.css'):
        css.write_text(re.sub(r'@import url\(.*?\);', '', css.read_text(encoding='utf-8')), encoding='utf-8')


def weights(site):
    "What the live pages calculate with, made anew when the models have changed."
    script = NBS/'scripts'/'weights.py'
    if newest(WEIGHTS) < newest(script, CFG.lib_path/'models'):
        shutil.rmtree(WEIGHTS, ignore_errors=True)
        run(sys.executable, script, WEIGHTS)
    shutil.copytree(WEIGHTS, site/'site'/'weights')


def notebooks(site):
    "The notebooks to open in Colab: each installs the package first, its links lead to the site, and nothing is exported."
    home, raw = CFG.doc_host + CFG.doc_baseurl, f'https://raw.githubusercontent.com/{CFG.user}/{CFG.repo}/{CFG.branch}/nbs'
    (site/'notebooks').mkdir()
    for f in NBS.glob('*.ipynb'):
        nb = json.loads(f.read_text(encoding='utf-8'))
        nb['cells'] = [cell for cell in nb['cells'] if 'nbdev_export()' not in ''.join(cell['source'])]
        for cell in nb['cells']:
            if cell['cell_type'] != 'markdown': continue
            text = re.sub(r'\]\((images/[^)]*)\)', rf']({raw}/\1)', ''.join(cell['source']))
            cell['source'] = re.sub(r'(\]\(|href=")(?!https?:)([^)"#]*)\.ipynb', rf'\1{home}/\2.html', to_pages(text)).splitlines(keepends=True)
        source = INSTALL.format(url=CFG.git_url).splitlines(keepends=True)
        nb['cells'].insert(1, dict(cell_type='code', id='install', metadata={}, execution_count=None, outputs=[], source=source))
        (site/'notebooks'/f.name).write_text(json.dumps(nb, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')


def build():
    "Make the site."
    start = time.perf_counter()
    stage()
    smalldocs('render', STAGE, '--quiet')
    site = STAGE/'_docs'
    libraries(site)
    weights(site)
    notebooks(site)
    write(site/'exercises')
    for page in site.rglob('*.html'): finish(page, site)
    sitemap = site/'sitemap.xml'
    sitemap.write_text(re.sub(r'  <url>\s*<loc>[^<]*/404\.html.*?</url>\n', '', sitemap.read_text(encoding='utf-8'), flags=re.S), encoding='utf-8')
    (site/'.nojekyll').touch()
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.move(site, OUT)
    print(f'{OUT.name}: {len(list(OUT.rglob("*.html")))} pages in {time.perf_counter() - start:.0f} s')


class Handler(SimpleHTTPRequestHandler):
    "Serves the site as a host of static files does."
    def __init__(self, *args): super().__init__(*args, directory=OUT)
    def log_message(self, *args): pass
    def send_error(self, code, *args):
        if code != 404: return super().send_error(code, *args)
        page = (OUT/'404.html').read_bytes()
        self.send_response(404)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.end_headers()
        if self.command == 'GET': self.wfile.write(page)


def serve():
    "Build and serve the site, and build again after each change."
    build()
    Thread(target=ThreadingHTTPServer(ADDRESS, Handler).serve_forever, daemon=True).start()
    print(f'http://{ADDRESS[0]}:{ADDRESS[1]}')
    built = newest(NBS, CFG.lib_path)
    while True:
        time.sleep(1)
        changed = newest(NBS, CFG.lib_path)
        if changed <= built: continue
        built = changed
        try: build()
        except Exception as e: print(f'Not built: {e}')


if __name__ == '__main__':
    try: serve() if '--serve' in sys.argv else build()
    except KeyboardInterrupt: pass
