"""A rung is added in two places, a cell with its function and a row of the table.

It is done in a copy of the project: exported there, trained there on a few images, and looked for
in all that is made of the table.
"""
import importlib.util, json, os, re, shutil, subprocess, sys
from types import SimpleNamespace

import pytest

from conftest import ROOT
from test_predict import SEVEN

pytestmark = pytest.mark.thorough
NAME, TITLE = 'least_squares', 'linear, least squares'
CELL = '''#| export
def fit_least_squares(model, data, seed, show=False, ridge=10.):
    "One linear layer, solved instead of stepped."
    x, y = data.train.x.flatten(1), torch.nn.functional.one_hot(data.train.y).float()
    w = torch.linalg.solve(x.T@x + ridge*torch.eye(784), x.T@(y - y.mean(0)))
    with torch.no_grad():
        for p, q in zip(model[1].parameters(), (w.T, y.mean(0))): p.copy_(q)'''
ROW = f"""    Rung('{NAME}', '{TITLE}', 'solved, not stepped', '09_ten_digits',
         'fastbook_ch4.rung_nets:flat_linear', 'fastbook_ch4.ten_digits:fit_least_squares',
         knobs=dict(ridge=10.), kept=True, page=True)"""
CLIMB = f'''
import json, sys
from pathlib import Path
from fastbook_ch4.data_sets import Part, data_of
from fastbook_ch4.ladder import climb, summary, write_results
from fastbook_ch4.models.saved import save_model
here, tables = Path(sys.argv[1]), {{}}
for spec in ('3,7', 'all'):
    data = data_of(spec)
    train, valid = (Part(p.x[::n], p.y[::n]) for p, n in ((data.train, 20), (data.valid, 5)))
    data = data._replace(train=train, valid=valid)
    def keep(model, result):
        path = here/'models'/'{NAME}.safetensors'
        if spec == 'all' and result.rung == '{NAME}': save_model(model, path, '{NAME}', seed=42)
    results = climb(data, ['pixels_l1', '{NAME}'], show=False, done=keep)
    path = Path(f'fastbook_ch4/results/{{spec}}.json')
    path.unlink(missing_ok=True)
    write_results(path, results)
    tables[spec] = summary(results)
print(json.dumps(tables))
'''


def cells(path):
    return {c['id']: ''.join(c['source'])
            for c in json.loads(path.read_text(encoding='utf-8'))['cells']}


def edit(path, change):
    "Change a notebook's list of cells in place."
    nb = json.loads(path.read_text(encoding='utf-8'))
    change(nb['cells'])
    path.write_text(json.dumps(nb, sort_keys=True, indent=1, ensure_ascii=False) + '\n',
                    encoding='utf-8')


def add_cell(all_cells):
    new = dict(cell_type='code', id=NAME, metadata={}, execution_count=None, outputs=[],
               source=CELL)
    all_cells.insert(len(all_cells) - 1, new)


def add_row(all_cells):
    table = next(c for c in all_cells if ''.join(c['source']).startswith('#| export\nRUNGS = {'))
    source = ''.join(table['source'])
    assert source.endswith(')]}')
    table['source'] = f'{source[:-2]},\n{ROW}]}}'


@pytest.fixture(scope='module')
def copy(tmp_path_factory, tracked):
    "The project with one rung more, trained: its folder, `run` for commands, the ladder's tables."
    folder = tmp_path_factory.mktemp('project')
    for name in tracked:
        (folder/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT/name, folder/name)
    before = {path: cells(path) for path in (folder/'nbs').rglob('*.ipynb')}
    edit(folder/'nbs'/'chapters'/'09_ten_digits.ipynb', add_cell)
    edit(folder/'nbs'/'engine'/'rungs.ipynb', add_row)
    env = os.environ | dict(PYTHONPATH=str(folder), OMP_NUM_THREADS='1',
                            FASTBOOK_CH4_HOME=str(folder/'home'))
    def run(*args):
        done = subprocess.run([sys.executable, *map(str, args)], cwd=folder, env=env,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout
    run('-c', 'import nbdev; nbdev.nbdev_export()')
    tables = json.loads(run('-c', CLIMB, folder))
    shutil.copy(folder/'models'/f'{NAME}.safetensors', folder/'fastbook_ch4'/'models')
    SEVEN.resize((200, 200)).save(folder/'seven.png')
    return SimpleNamespace(folder=folder, before=before, run=run, tables=tables)


def test_two_places_were_touched(copy, capsys):
    touched = [f'{path.name}: {id}' for path, before in copy.before.items()
               for id, source in cells(path).items() if source != before.get(id)]
    with capsys.disabled():
        print(f'\nA rung was added in {len(touched)} places: {", ".join(touched)}')
    assert len(touched) == 2


@pytest.mark.parametrize('spec', ['3,7', 'all'])
def test_the_ladder_has_it(copy, spec):
    row = copy.tables[spec][-1]
    assert row['rung'] == TITLE and float(row['accuracy'].rstrip('%')) > 70


def test_readme_has_it(copy):
    copy.run('-m', 'nbconvert', '--to', 'notebook', '--execute', '--inplace', 'nbs/index.ipynb')
    copy.run('tools/readme.py')
    assert len(re.findall(rf'^\| {TITLE} \|', (copy.folder/'README.md').read_text(encoding='utf-8'),
                          re.M)) == 2


def test_predict_has_it(copy):
    answer, = json.loads(copy.run('-m', 'fastbook_ch4.cli', 'predict', 'seven.png', '--models',
                                  'models', '--json'))
    assert list(answer['rungs']) == [NAME] and answer['answer'] == '7'


@pytest.mark.skipif(not importlib.util.find_spec('onnxscript'),
                    reason='the extra onnx is not installed')
def test_onnx_has_it(copy):
    copy.run('-m', 'fastbook_ch4.cli', 'export', 'onnx', '--models', 'models')
    assert [p.name for p in (copy.folder/'onnx').iterdir()] == [f'{NAME}.onnx']


def test_the_drawing_page_has_it(copy):
    copy.run('tools/weights.py', 'weights')
    script = (copy.folder/'weights'/'rungs.js').read_text(encoding='utf-8')
    rungs = json.loads(script.partition('.rungs = ')[2])
    assert [r['title'] for r in rungs][-1] == TITLE and len(rungs) > 1
