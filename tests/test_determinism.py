"""The same seed gives the same model, bit for bit, on one machine with one number of threads: twice
in a process, after other work, and in two processes. And `make notebooks` names the outputs that
are others than before, other than by time."""
import copy, json, os, subprocess, sys, tempfile

import pytest

import changed as tool   # tools/changed.py
from conftest import ROOT

# Trains every rung on few images, several times, in one order or the other; fastai's on pictures in
# a folder, for of digits it takes all; and a rung that nobody has seeded
CLIMB = '''
import hashlib, json, random, sys
from pathlib import Path
import numpy as np, torch
from PIL import Image
from fastbook_ch4.data_sets import Part, data_of
from fastbook_ch4.ladder import train_rung
from fastbook_ch4.rungs import RUNGS, Rung

def unseeded(model, data, seed, show=False): model[1].bias.data += random.SystemRandom().random()
RUNGS['unseeded'] = Rung('unseeded', '', '', '', 'fastbook_ch4.rung_nets:flat_linear',
                         '__main__:unseeded')

def few(spec):
    data = data_of(spec)
    part = lambda p: Part(p.x[::60].clone(), p.y[::60].clone())
    return data._replace(train=part(data.train), valid=part(data.valid))

def pictures(folder):
    x, y = few('3,7').train
    for i in (0, 1):
        (folder/'37'[i]).mkdir()
        for n, im in enumerate((x[y == i][:20, 0]*255).byte().numpy()):
            Image.fromarray(im).save(folder/'37'[i]/f'{n}.png')
    return data_of(folder)

def learned(rung, data, seed):
    knobs = {'epochs': 1} if 'epochs' in rung.knobs else {}
    tensors = train_rung(rung, data, seed, knobs=knobs).state_dict().items()
    return hashlib.sha256(b''.join(name.encode() + t.contiguous().numpy().tobytes()
                                   for name, t in tensors)).hexdigest()

order, *seeds = map(int, sys.argv[2:])
todo = [(rung, data) for data in map(few, ('3,7', 'all')) for rung in RUNGS.values()
        if rung.suits(len(data.classes)) and rung.name != 'resnet18'][::order]
todo.insert(order, (RUNGS['resnet18'], pictures(Path(sys.argv[1]))))
for i, seed in enumerate(seeds):
    torch.manual_seed(i), np.random.seed(i), random.seed(i)   # Whatever was drawn before
    print(json.dumps({f'{len(data.classes)} {rung.name}': learned(rung, data, seed)
                      for rung, data in todo}))
'''
UNSEEDED = {'2 unseeded', '10 unseeded'}


def climbed(*order_and_seeds):
    "What the rungs have learned, in a process of its own: sums by name, for each of the seeds."
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, '-c', CLIMB, folder, *map(str, order_and_seeds)],
                              capture_output=True, text=True, cwd=ROOT,
                              env=os.environ | dict(OMP_NUM_THREADS='1'))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def differing(a, b):
    assert a.keys() == b.keys() and len(a) > 15
    return {name for name in a if a[name] != b[name]}


@pytest.mark.thorough
def test_one_seed_gives_one_model():
    "Bit for bit; and what is not seeded is noticed."
    first, after_others, other_seed = climbed(1, 42, 42, 43)
    [elsewhere] = climbed(-1, 42)
    assert differing(first, after_others) == differing(first, elsewhere) == UNSEEDED
    assert {name for name in first if 'pixels' not in name} == differing(first, other_seed)


# What `make notebooks` says


def cell(*outputs, id='a'): return dict(cell_type='code', id=id, outputs=list(outputs))
def printed(text): return dict(output_type='stream', name='stdout', text=text.splitlines(True))
def shown(**data): return dict(output_type='display_data',
                               data={k.replace('_', '/'): v for k, v in data.items()})


TABLE = 'rung       mistakes  seconds  the book\nby hand          37      {}          \n\nend'
HTML = ('<table><tr style="x">\n<th></th>\n<th>mistakes</th>\n<th>seconds</th>\n</tr>'
        '<tr>\n<th>0</th>\n<td>{}</td>\n<td>{}</td>\n</tr></table>')
SAME = [('loss 0.25, 1.1 s', 'loss 0.25, 12 s'),
        ('35.3 ms, 1.00 times the loop', '8 µs, 1.07 times the loop'),
        ('ours   0.85 × theirs', 'ours  1.2 × theirs'), ('2.5 s ± 0.1 s', '3 s ± 0.2 s'),
        ('Result(mistakes=3, seconds=0.5)', 'Result(mistakes=3, seconds=1.25)'),
        ('<f at 0x7f01>', '<f at 0x9e02>'), (TABLE.format('0.4'), TABLE.format('2.1'))]
OTHERS = [('loss 0.25, 1 s', 'loss 0.26, 1 s'), ('28 × 28 pixels', '29 × 28 pixels'),
          ('a', ''), (TABLE.format('0.4'), TABLE.format('0.4').replace('37', '38'))]


@pytest.mark.parametrize('was, now', SAME)
def test_times_are_no_change(was, now):
    assert not tool.differences(dict(cells=[cell(printed(was))]), dict(cells=[cell(printed(now))]))


@pytest.mark.parametrize('was, now', OTHERS)
def test_other_outputs_are_a_change(was, now):
    assert list(tool.differences(dict(cells=[cell(printed(was))]),
                                 dict(cells=[cell(printed(now))]))) == ['a']


@pytest.mark.parametrize('was, now, changed', [
    (dict(text_html=HTML.format(37, 0.4)), dict(text_html=HTML.format(37, 0.5)), False),
    (dict(text_html=HTML.format(37, 0.4)), dict(text_html=HTML.format(38, 0.4)), True),
    (dict(text_html='<p id="T_0a1b2">', text_plain='<Styler at 0x7f>'),
     dict(text_html='<p id="T_9f8e7">', text_plain='<Styler at 0x8f>'), False),
    (dict(image_png='aa'), dict(image_png='aa'), False),
    (dict(image_png='aa'), dict(image_png='ab'), True)])
def test_tables_and_pictures(was, now, changed):
    assert bool(tool.differences(dict(cells=[cell(shown(**was))]),
                                 dict(cells=[cell(shown(**now))]))) == changed


def test_what_is_printed(monkeypatch, tmp_path, capsys):
    was = dict(cells=[cell(printed('1\n')), cell(printed('2\n'), id='b')])
    now = copy.deepcopy(was)
    now['cells'][1]['outputs'] = [printed('3\n')]
    path = tmp_path/'a.ipynb'
    path.write_text(json.dumps(now))
    monkeypatch.setattr(tool, 'committed', lambda path: was)
    tool.main([path])
    assert capsys.readouterr().out.splitlines() == [
        'a.ipynb, cell b:', '    - 2', '    + 3',
        '1 outputs are others than those committed, other than by time']


def test_a_notebook_is_compared_with_the_committed_one():
    if not (ROOT/'.git').exists(): pytest.skip('the source distribution comes without Git')
    path = ROOT/'nbs'/'index.ipynb'
    assert tool.committed(path)['cells'] and tool.committed(ROOT/'nbs'/'none.ipynb') is None
