"What smalldocs renders, in one folder: notebooks, exercises, the reference and a configuration."
import base64, hashlib, json, os, re, shutil
from pathlib import Path

import yaml
from nbdev.config import get_config
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs

from docs.api import reference
from docs.links import (NBS, ROOT, address, download, in_settings, is_exercises, notebooks,
                        of_the_project, only, staged, to_library, to_pages)
from exercises import notebook
from questions import FILES, STUDY, show
from road import measure

CFG = get_config()
PROC = ROOT/'_proc'   # nbdev's
STAGE, API = PROC/'_site', PROC/'_api'
SITE = ROOT/'site'    # The site's own scripts
SOURCES = [NBS, CFG.lib_path, SITE/'live', *SITE.glob('*.js'), SITE/'favicon.svg',
           SITE/'package-lock.json']


def configuration(api):
    "nbdev's configuration, with the repository's address, and the pages of the reference."
    def read(name): return yaml.safe_load(in_settings((NBS/name).read_text(encoding='utf-8')))
    config, sidebar = read('_quarto.yml'), read('sidebar.yml')
    navbar, sections = config['website']['navbar'], sidebar['website']['sidebar']['contents']
    navbar['left'].append(dict(text='API', href=api[0]))
    navbar['tools'] = [dict(icon='github', text='Source code', href=CFG.git_url)]
    config['smalldocs'] = dict(linkify=True)
    titled = {o['section']: o['contents'] for o in sections if isinstance(o, dict)}
    titled['Look it up'].append(dict(section='API reference', contents=api))
    for name, content in (('_quarto.yml', config), ('sidebar.yml', sidebar)):
        (STAGE/name).write_text(yaml.safe_dump(content, sort_keys=False), encoding='utf-8')
    shutil.copy(NBS/'nbdev.yml', STAGE)


def buttons(nb):
    "A cell of links that open a notebook elsewhere, from the branch gh-pages, or download it."
    at = f'{CFG.user}/{CFG.repo}/blob/gh-pages/{download(nb)}'
    colab = f'https://colab.research.google.com/github/{at}'
    kaggle = f'https://kaggle.com/kernels/welcome?src=https://github.com/{at}'
    file = download(nb).removeprefix(f'{Path(address(nb)).parent}/')
    minutes = measure(NBS/nb)['minutes'] if nb.startswith(('pages/', 'engine/')) else 0
    time = f' <span>about {minutes} minutes to read</span>'*(minutes > 1)   # A chapter says its own
    html = (f'<p class="open-in"><a href="{colab}">Open in Colab</a> '
            f'<a href="{kaggle}">Open in Kaggle</a> <a href="{file}" download>Download</a>'
            f'{time}</p>')
    return dict(cell_type='markdown', metadata={}, source=html)


def joined(outputs):
    "A cell's outputs, with what was printed in several goes in one."
    whole = []
    for output in outputs:
        text = ''.join(output.get('text', ''))
        if text and whole and whole[-1].get('name') == output['name']: whole[-1]['text'] += text
        else: whole.append({**output, 'text': text} if text else output)
    return whole


def for_page(text, nb):
    "Markdown as a page has it: with links, and no line that ends before its per cent sign."
    text = to_library(to_pages(text, nb, address(nb)))
    return re.sub(r'(?<=\d) %(?! ?[\d(])', '\N{NO-BREAK SPACE}%', text)


def stage_output(data, nb):
    "Change an output for the page: its links, and no badges, which are another host's pictures."
    if 'text/html' in data:
        data['text/html'] = to_pages(''.join(data['text/html']), nb, address(nb), '.html')
    if 'text/markdown' in data:
        text = to_pages(''.join(data['text/markdown']), nb, address(nb))
        data['text/markdown'] = re.sub(r'\[!\[.*?\]\(https?:.*?\)\]\(.*?\) ?', '', text)


PICTURES = r'\.(imshow|matshow|pcolormesh|contourf|figimage)\(|show_\w+\('
PLOTS = set()   # The names of figures that show no picture: the dark can turn their colours round


def name_of(png):
    "What a figure's file is called."
    return hashlib.sha256(png).hexdigest()[:16]


def stage_page(page, nb, elsewhere):
    "Write the page of a notebook for smalldocs; with buttons where it can be had `elsewhere`."
    for cell in page['cells']:
        if 'outputs' in cell and not re.search(PICTURES, ''.join(cell['source'])):
            pngs = [''.join(o.get('data', {}).get('image/png', '')) for o in cell['outputs']]
            PLOTS.update(name_of(base64.b64decode(png)) for png in pngs if png)
        if cell['cell_type'] == 'markdown': cell['source'] = for_page(''.join(cell['source']), nb)
        if 'outputs' in cell: cell['outputs'] = joined(cell['outputs'])
        for output in cell.get('outputs', []): stage_output(output.get('data', {}), nb)
    if elsewhere: page['cells'].insert(1, buttons(nb))
    path = STAGE/staged(nb)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(page), encoding='utf-8')


def folded(cells):
    """The cells with those that say `#| code-fold: true` in two: their code behind a click, which
    smalldocs doesn't know, and then what they show."""
    for cell in cells:
        source = ''.join(cell['source'])
        if cell['cell_type'] == 'code' and re.search(r'^#\| *code-fold: true', source, re.M):
            code = re.sub(r'^#\|.*\n', '', source, flags=re.M)
            what = 'Code of the figure' if 'fig-cap:' in source else 'Code'
            yield dict(cell_type='markdown', metadata={}, source='<details class="fold">\n'
                       f'<summary>{what}</summary>\n\n```python\n{code}\n```\n\n</details>')
            cell = cell | dict(source='#| echo: false\n' + source)
        yield cell


def front_matter(**fields):
    "A page's first cell."
    return dict(cell_type='raw', metadata={}, source=f'---\n{yaml.safe_dump(fields)}---\n')


def stage_notebook(nb):
    "A notebook that nbdev processed. One that shows code, and runs alone, can be had elsewhere."
    page = json.loads((PROC/nb).read_text(encoding='utf-8'))
    fields = yaml.safe_load(''.join(page['cells'][0]['source']).strip('-\n'))
    fields.pop('output-file')   # nbdev's own idea of the address
    page['cells'][0] = front_matter(**fields)
    page['cells'] = [c for c in page['cells'] if only(''.join(c['source'])) != 'readme']
    show(page)   # the rounds of questions
    code = [''.join(c['source']) for c in page['cells'] if c['cell_type'] == 'code']
    page['cells'] = [*folded(page['cells'])]
    shows_code = any('echo: false' not in source for source in code)
    stage_page(page, nb, elsewhere=shows_code and not of_the_project(nb))


def stage_exercises(nb):
    "The learner's notebook, with its solutions folded away."
    page = json.loads(notebook(NBS/nb, site=True))
    title, _, description = ''.join(page['cells'][0]['source']).partition('\n\n> ')
    page['cells'][0] = front_matter(title=title.lstrip('# '), description=description.strip())
    stage_page(page, nb, elsewhere=True)


def process():
    """Let nbdev process the notebooks that are newer than what it made of them. After a run that
    was stopped meanwhile, all of them: half a notebook is newer too."""
    begun = PROC/'.begun'
    if begun.exists():
        for made in [*PROC.rglob('*.ipynb')]: made.unlink()
    PROC.mkdir(exist_ok=True)
    was = PROC.stat()
    begun.touch()
    os.utime(PROC, ns=(was.st_atime_ns, was.st_mtime_ns))   # nbdev goes by the folder's own time
    proc_nbs(NBS, n_workers=0, skip_file_re=r'^[_.]|_exercises\.ipynb$')
    begun.unlink(missing_ok=True)   # nbdev may have begun by deleting all


def stage():
    "Make the folder that smalldocs renders."
    refresh_quarto_yml()
    process()
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    not_these = shutil.ignore_patterns('node_modules', 'package*.json', '.*')
    shutil.copytree(SITE, STAGE/'site', ignore=not_these)
    for f in FILES: shutil.copy(STUDY/f, STAGE/'site')
    for images in NBS.rglob('images'): shutil.copytree(images, STAGE/'images', dirs_exist_ok=True)
    shutil.copy(NBS/'styles.css', STAGE)
    missing = to_pages((NBS/'404.md').read_text(encoding='utf-8'), '404.md', '404.html')
    (STAGE/'404.md').write_text(missing, encoding='utf-8')
    for nb in notebooks(): (stage_exercises if is_exercises(nb) else stage_notebook)(nb)
    configuration(reference(CFG, API, STAGE))
