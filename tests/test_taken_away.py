"""Notebooks to take away run with what their first cell installs: the wheel and what it asks for,
from an empty folder, as Colab has it. A few of them here, all with `make taken`."""
import json, os, re, subprocess, sys, venv, zipfile
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

import nbformat, pytest
from nbclient import NotebookClient

from conftest import ROOT
from docs.finish import to_open_elsewhere
from docs.links import cells_of, is_exercises, notebooks, of_the_project

ALL = os.environ.get('TAKEN') == 'all'
FEW = ['chapters/00_data.ipynb', 'chapters/02_sgd.ipynb', 'pages/live_draw.ipynb']
# Exercises have copies of their own
EVERY = [nb for nb in notebooks() if not (is_exercises(nb) or of_the_project(nb))]
# What Colab has, beside the course's own requirements
PLACE = ['ipykernel', 'pip', 'setuptools']

def normal(name): return re.sub('[-_.]+', '-', name).lower()
def first_word(requirement): return re.match(r'[\w.-]+', requirement)[0]
def always(requirement): return 'extra ==' not in requirement


def needed(names):
    "All distributions that these ask for, and those in turn, without extras."
    todo, found = [*map(normal, names)], set()
    while todo:
        name = todo.pop()
        if name in found: continue
        found.add(name)
        try: asked = requires(name) or []
        except PackageNotFoundError: continue   # For another system
        todo += [normal(first_word(o)) for o in filter(always, asked)]
    return found


def environment(folder, extra=''):
    """A folder with an environment that has the wheel, what it asks for, an extra, and nothing
    else; and a kernel named `alone`. What is installed here already is linked."""
    def wanted(requirement): return always(requirement) or f"extra == '{extra}'" in requirement
    uv = Path(sys.executable).with_name('uv')
    subprocess.run([uv, 'build', '--quiet', '--wheel', '--out-dir', folder, ROOT], check=True)
    venv.create(folder/'venv', symlinks=True)
    site = next((folder/'venv').glob('lib/*/site-packages'))
    with zipfile.ZipFile(next(folder.glob('*.whl'))) as z:
        z.extractall(site)
        about = next(o for o in z.namelist() if o.endswith('METADATA'))
        text = z.read(about).decode().replace('"', "'")
        lines = re.findall(r'^Requires-Dist: (.*)', text, re.M)
    for name in needed([*map(first_word, filter(wanted, lines)), *PLACE]):
        try: found = distribution(name)
        except PackageNotFoundError: continue   # For another system
        for top in {o.parts[0] for o in found.files} - {'..', '__pycache__'}:
            if not (site/top).exists(): (site/top).symlink_to(found.locate_file(top))
    return with_kernel(folder/'venv'/'bin'/'python', folder)


def with_kernel(python, folder):
    "The same Python, which a kernel named `alone` in the folder now starts."
    spec = folder/'kernels'/'alone'/'kernel.json'
    spec.parent.mkdir(parents=True)
    command = [str(python), '-m', 'ipykernel_launcher', '-f', '{connection_file}']
    spec.write_text(json.dumps(dict(argv=command, display_name='alone', language='python')))
    return folder


@pytest.fixture(scope='session')
def place(tmp_path_factory):
    """A function of an extra: the folder of an environment with it. `ALONE` in the environment
    names the Python of one that is there already, with all extras."""
    @cache
    def of(extra=''):
        folder, given = tmp_path_factory.mktemp('alone'), os.environ.get('ALONE')
        return with_kernel(given, folder) if given else environment(folder, extra)
    return of


def run(nb, folder):
    """Run a notebook as it is taken away, without what is slow. `JUPYTER_PATH` says with which
    kernel."""
    whole = nbformat.reads(to_open_elsewhere(nb), 4)
    for cell in whole.cells:
        if re.search(r'^#\| *slow', cell.source, re.M): cell.source = ''
    where = dict(metadata=dict(path=str(folder)))
    NotebookClient(whole, timeout=600, kernel_name='alone', resources=where).execute()
    return whole


@pytest.mark.thorough
def test_the_environment_has_the_wheel_and_no_more(place, tmp_path):
    alone = place()/'venv'/'bin'/'python'
    def said(code):
        return subprocess.run([alone, '-c', code], cwd=tmp_path, text=True, capture_output=True)
    home = said('import fastbook_ch4; print(fastbook_ch4.__file__)').stdout
    assert home.startswith(str(alone.parents[1]))
    for name in ('nbdev', 'hypothesis', 'pytest', 'onnx', 'accelerate'):
        assert f"No module named '{name}'" in said(f'import {name}').stderr


@pytest.mark.parametrize('nb', EVERY if ALL else FEW)
@pytest.mark.thorough
def test_a_notebook_to_take_away_runs_alone(place, monkeypatch, tmp_path, nb):
    extra = re.search(r'fastbook_ch4\[(\w+)\] @ git', to_open_elsewhere(nb))
    monkeypatch.setenv('JUPYTER_PATH', str(place(extra[1] if extra else '')))
    run(nb, tmp_path)


def code(source): return [''.join(o['source']) for o in source if o['cell_type'] == 'code']


SLOW = re.compile(r'\b(climb|train_rung|trained|mistakes|accuracies|fit\w*)\(|torch\.distributed')


def slow_cells():
    for nb in notebooks():
        for cell in cells_of(nb):
            if re.search(r'^#\| *slow', cell['source'], re.M): yield nb, cell


def test_what_takes_long_asks_first():
    found = [(nb, cell['source']) for nb, cell in slow_cells() if SLOW.search(cell['source'])]
    assert len(found) > 8
    assert not [nb for nb, source in found if not re.search(r'^takes\(', source, re.M)]


def test_no_notebook_replaces_what_is_published():
    "Files of the package are written through `to_write` alone."
    writes = r'(write_\w+|save_\w+)\([^)]*(RESULTS|MODELS)|(RESULTS|MODELS)[^)]*\)\.write'
    bad = [(nb, line) for nb in notebooks()
           for cell in code(nbformat.read(ROOT/'nbs'/nb, 4).cells) for line in cell.splitlines()
           if re.search(writes, line) and 'to_write(' not in line]
    assert not bad
