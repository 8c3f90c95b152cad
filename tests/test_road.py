"How long the road is, and whether each chapter's visible cells can be copied and run."
import json, re

import nbformat, pytest

import run_notebooks   # tools/run_notebooks.py
import test_exercises
from conftest import ROOT
from docs.links import NBS, notebooks
from road import (CHAPTERS, bound_twice, first_step, is_folded, marked, measure, numbered,
                  only_folded, source, table, unbound)   # tools/road.py

ROWS = {p.stem: measure(p) for p in CHAPTERS}


def test_length_of_the_road():
    minutes = [row['minutes'] for row in ROWS.values()]
    early = sum(row['cells'] for name, row in ROWS.items() if name < '06')
    loss = next(p for p in CHAPTERS if p.stem == '03_loss')
    assert (len(ROWS) >= 13 and sum(minutes) <= 330 and max(minutes) <= 40 and early <= 330
            and first_step(loss) <= 45), '\n' + table()


@pytest.mark.parametrize('path', CHAPTERS, ids=lambda p: p.stem)
def test_minutes_folds_and_numbers_are_as_made(path):
    assert path.read_text(encoding='utf-8') == marked(path), 'run tools/road.py --write'


def test_links_elsewhere_name_the_chapters_number():
    wrong = {path.name: text for path in (ROOT/'nbs').rglob('*.ipynb')
             if '.ipynb_checkpoints' not in path.parts
             for c in json.loads(path.read_text(encoding='utf-8'))['cells']
             if c['cell_type'] == 'markdown' and numbered(text := source(c)) != text}
    assert not wrong


@pytest.mark.parametrize('path', CHAPTERS, ids=lambda p: p.stem)
def test_visible_cells_stand_alone(path):
    found = [*unbound(path)]
    assert not found, 'no visible cell makes or imports these:\n' + '\n'.join(found)


@pytest.mark.parametrize('path', CHAPTERS, ids=lambda p: p.stem)
def test_what_the_road_needs_is_not_folded(path):
    found = [*only_folded(path)]
    assert not found, 'only folded cells make these; unfold what makes them:\n' + '\n'.join(found)


@pytest.mark.parametrize('path', CHAPTERS, ids=lambda p: p.stem)
def test_a_name_means_one_thing(path):
    found = [*bound_twice(path)]
    assert not found, 'bound in more than one visible cell:\n' + '\n'.join(found)


def made_up(tmp_path, *sources):
    "A notebook of code cells, and of Markdown where a source begins with M."
    cells = [dict(cell_type='markdown' if s[0] == 'M' else 'code', id=str(i), metadata={},
                  outputs=[], source=s.removeprefix('M')) for i, s in enumerate(sources)]
    path = tmp_path/'made_up.ipynb'
    path.write_text(json.dumps(dict(cells=cells)), encoding='utf-8')
    return path


def test_what_counts(tmp_path):
    figure = dict(output_type='display_data', data={'image/png': ''})
    path = made_up(tmp_path, 'Mone two three', 'M![](it.svg)', '#| hide\nx = 1', '#| default_exp a',
                   '#| export\nx = 1\n\ny = 2', '#| code-fold: true\nplot()')
    nb = json.loads(path.read_text())
    nb['cells'][-1]['outputs'] = nb['cells'][2]['outputs'] = [figure]
    path.write_text(json.dumps(nb))
    assert measure(path) == dict(cells=4, words=4, lines=2, figures=2, minutes=1)


@pytest.mark.parametrize('broken, kept', [
    (['print(x)'], ['x = 1', 'print(x)']),
    (['#| hide\nx = 1', 'print(x)'], ['#| hide\nprint(x)']),
    (['#| echo: false\nx = 1', 'print(x)'], ['#| code-fold: true\nx = 1', 'print(x)']),
    (['def f(): return x'], ['def f(x): return x']),
    (['def f(): x = 1\nprint(x)'], ['def f():\n    x = 1\n    return x']),
    (['{x: x for x in (1, 2)}\nprint(x)'], ['{x for x in (1, 2)}', '{x: x for x in (1, 2)}']),
    (['[x for x in (1, 2)]\nprint(x)'], ['class A:\n    x = 1\n    y = x']),
    (['[o for o in x]'], ['from math import *', '[o for o in (pi, e)]']),
    (['print(x)', 'x = 1'], ['with open(__file__) as x: print(x)'])])
def test_a_name_can_be_missing(broken, kept, tmp_path):
    assert [*unbound(made_up(tmp_path, *broken))] and not [*unbound(made_up(tmp_path, *kept))]


@pytest.mark.parametrize('broken, kept', [
    (['#| code-fold: true\nx = 1', 'print(x)'], ['#| code-fold: true\nx = 1', 'x = 2\nprint(x)']),
    (['#| code-fold: true\nx = 1', 'def f(): return x'],
     ['#| code-fold: true\n#| exports\nx = 1', 'print(x)'])])
def test_a_fold_can_hide_too_much(broken, kept, tmp_path):
    assert [*only_folded(made_up(tmp_path, *broken))]
    assert not [*only_folded(made_up(tmp_path, *kept))]


@pytest.mark.parametrize('broken, kept', [
    (['x = 1', 'x = 2'], ['x = 1; x = 2', '#| hide\nx = 3']),
    (['x = 1', 'for x in (1, 2): pass'], ['x = 1', '[x for x in (1, 2)]']),
    (['def f(): pass', 'f = 1'], ['def f(): pass', 'def f(x): return x']),
    (['x = 1', 'import math as x'], ['import math', 'import math']),
    (['x = 1', '(x := 2)'], ['fig, ax = 1, 2', 'fig, ax = 3, 4'])])
def test_a_name_can_mean_two_things(broken, kept, tmp_path):
    assert [*bound_twice(made_up(tmp_path, *broken))]
    assert not [*bound_twice(made_up(tmp_path, *kept))]


def test_what_is_made(tmp_path):
    path = made_up(tmp_path, 'M**The question of this chapter:** why?', '#| hide\n1', '2')
    once = marked(path)
    path.write_text(once)
    head, hidden, shown = json.loads(once)['cells']
    assert (source(head).endswith('why?\n\n**Time:** about 0 minutes to read.')
            and marked(path) == once and shown['metadata'] == {}
            and hidden['metadata'] == dict(jupyter=dict(source_hidden=True)))


@pytest.mark.parametrize('text, right', [
    ('[07](07b_autograd.ipynb)', '[07b](07b_autograd.ipynb)'),
    ('[chapter 03](../chapters/05_optimizer.ipynb#one)',
     '[chapter 05](../chapters/05_optimizer.ipynb#one)'),
    ('[all 10](09_ten_digits.ipynb)', '[all 10](09_ten_digits.ipynb)'),
    ('[03 Old](03_loss.ipynb)', '[03 Old](03_loss.ipynb)')])
def test_numbers_of_chapters_are_made(text, right): assert numbered(text) == right


def test_folds():
    "What only plots shows its code to those who ask. A line or two may stand in the open."
    plots = [c for p in CHAPTERS for c in json.loads(p.read_text(encoding='utf-8'))['cells']
             if re.search(r'^#\| *fig-cap', source(c), re.M)
             and len(re.findall(r'^\s*(?:for .*: )?(?:ax\w*|plt)\b.*\.', source(c), re.M)) > 3]
    in_the_open = [source(c).splitlines()[-1] for c in plots if not is_folded(c)]
    assert len(plots) > 9 and not in_the_open, f'say `#| code-fold: true`: {in_the_open}'


def test_each_notebook_runs():
    "All but the exercises, whose cells test_exercises.py runs."
    left_out = {*notebooks()} - {p.relative_to(NBS).as_posix() for p, _ in run_notebooks.jobs()}
    assert left_out == {p.relative_to(NBS).as_posix() for p in test_exercises.NOTEBOOKS}


def test_each_notebook_runs_thoroughly_and_each_chapter_twice():
    paths = [path for path, _ in run_notebooks.jobs(thorough=True)]
    assert {p.relative_to(NBS).as_posix() for p in paths} == {*notebooks()}
    assert {p for p in paths if paths.count(p) == 2} == {*CHAPTERS}
    assert len(paths) == len(notebooks()) + len(CHAPTERS)


def test_a_notebook_that_does_not_run_is_named(tmp_path):
    path = tmp_path/'broken.ipynb'
    cells = [nbformat.v4.new_code_cell(source) for source in ('#| hide\n1/0', '2', '#| slow\n1/0')]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    whole, visible = ((path, flags) for flags in (['slow'], ['slow', 'hide']))
    with pytest.raises(SystemExit, match='These do not run:\nbroken$'):
        run_notebooks.main([whole, visible])
    run_notebooks.main([visible])
