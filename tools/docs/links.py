"Where pages lie, and links that lead there. Nothing heavy is imported: the exercises need it too."
import json, os, re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NBS = ROOT/'nbs'


# Addresses. A notebook is named by its path from nbs, such as 'chapters/03_loss.ipynb'.


def is_exercises(nb): return nb.endswith('_exercises.ipynb')


def address(nb):
    """A notebook's page, from the root of the site.

    It is made of the notebook's name alone, without the number in front, so that it stays when the
    notebook moves. The exercises have a folder of their own."""
    name = re.sub(r'^\d+[a-z]*_', '', Path(nb).stem)
    return f'exercises/{name[:-len("_exercises")]}.html' if is_exercises(nb) else f'{name}.html'


def download(nb):
    "The notebook itself, from the root of the site; for exercises the learner's notebook."
    name, folder = Path(nb).name, 'exercises' if is_exercises(nb) else 'notebooks'
    return f'{folder}/{name.replace("_exercises", "")}'


def staged(nb):
    "The file that smalldocs makes a notebook's page of."
    return address(nb).replace('.html', '.ipynb')


def notebooks():
    "All notebooks, as paths from nbs."
    found = (p.relative_to(NBS) for p in NBS.rglob('[!_.]*.ipynb'))
    return sorted(p.as_posix() for p in found if '.ipynb_checkpoints' not in p.parts)


# Links between notebooks


def relink(text, nb, to):
    "A notebook's text, in which `to` says where a link to another notebook leads."
    def link(match):
        target = os.path.normpath(Path(nb).parent/match[2])
        return match[1] + (to(target) if (NBS/target).is_file() else match[2])
    return re.sub(r'''(\]\(|\bhref=["'])(?!\w+:)([^\s()"'#]+\.ipynb)''', link, text)


def to_pages(text, nb, page, suffix='.ipynb'):
    "A notebook's text with links as its page has them; with the suffix `.html` where it is HTML."
    def to(target):
        return os.path.relpath(Path(address(target)).with_suffix(suffix), Path(page).parent)
    return relink(text, nb, to)


def to_site(text, nb, home):
    "A notebook's text with links to the site, for a copy that lies elsewhere."
    return relink(text, nb, lambda target: f'{home}/{address(target)}')


def in_settings(text):
    "A configuration whose notebooks are those that smalldocs makes the pages of."
    return re.sub(r'[\w/]+\.ipynb', lambda m: staged(m[0]), text)


# Links to the libraries

TYPES = {
    'Tensor': 'torch.Tensor', 'Module': 'torch.nn.Module', 'Sequential': 'torch.nn.Sequential',
    'Conv2d': 'torch.nn.Conv2d', 'Generator': 'torch.Generator', 'ndarray': 'numpy.ndarray',
    'Path': 'pathlib.Path', 'Callable': 'collections.abc.Callable'}
# Where fastai has what the text calls fastai's; some of it has namesakes in this package
FASTAI = {
    'Learner': 'fastai.learner.Learner', 'Recorder': 'fastai.learner.Recorder',
    'DataLoader': 'fastai.data.load.DataLoader', 'DataLoaders': 'fastai.data.core.DataLoaders',
    'ResBlock': 'fastai.layers.ResBlock', 'SGD': 'fastai.optimizer.SGD',
    'accuracy_multi': 'fastai.metrics.accuracy_multi',
    'vision_learner': 'fastai.vision.learner.vision_learner'}


@cache
def library():
    "nbdev's index of the libraries' documentation."
    from types import ModuleType
    from nbdev.doclinks import NbdevLookup
    short = dict(np='numpy', nn='torch.nn', F='torch.nn.functional')
    return NbdevLookup(ns={name: ModuleType(module) for name, module in short.items()})


def to_library(text):
    "Text in which a name such as `nn.Linear` is a link to its documentation, but for headings."
    def link(match):
        url = library().doc(match[1])
        return f'[{match[0]}]({url})' if url else match[0]
    def theirs(match):
        if match[2] not in FASTAI: return match[0]
        return f'{match[1]}[`{match[2]}`]({library().doc(FASTAI[match[2]])})'
    def with_links(line):
        if line.startswith('#'): return line
        line = re.sub(r'(?<!\[)`((?:torch|numpy|np|nn|F)\.[\w.]+)(?:\(\))?`(?!\])', link, line)
        return re.sub(r"(fastai's (?:own )?)`(\w+)`(?!\])", theirs, line)
    return ''.join(map(with_links, text.splitlines(keepends=True)))


def to_types(text, symbols):
    "A column of types with links: to the libraries, and to what the reference knows as `symbols`."
    def link(word):
        here = symbols.get(word[0], '').removeprefix('/api/')
        url = library().doc(TYPES.get(word[0], '')) or here
        return f'[{word[0]}]({url})' if url else word[0]
    return re.sub(r'\w+', link, text)


# What a notebook says


def cells_of(nb):
    "A notebook's cells, each with its source as a string."
    cells = json.loads((NBS/nb).read_text(encoding='utf-8'))['cells']
    for cell in cells: cell['source'] = ''.join(cell['source'])
    return cells


def only(source):
    "Where alone a cell is shown: on the `site`, in the `readme`, or in both (None)."
    said = re.match(r'(?:<!--|#\|) only: (\w+)', source)
    return said and said[1]


def of_the_project(nb):
    "Whether a notebook reads the project's own files, so that it runs in a clone alone."
    clone = r'index|about/|engine/(benchmarks|chapters|proofs)|pages/elsewhere'
    return re.match(clone, nb) is not None


def title(nb):
    "A notebook's title."
    return cells_of(nb)[0]['source'].partition('\n')[0].lstrip('# ')
