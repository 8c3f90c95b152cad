"Who imports whom: the package's rooms, as CONTRIBUTING.md describes them."
import ast, re
from graphlib import CycleError, TopologicalSorter

import pytest

from conftest import ROOT

NAME = 'fastbook_ch4'
# What a lesson may import, beside the lessons below it
FOR_ALL = {'data_sets', 'files', 'guards', 'kept', 'learner_tools', 'training_tools'}
# The only lessons that such a module may import
LESSONS_OF = {'callbacks': {'learner'}, 'data_sets': {'data'},
              'fitting': {'learner', 'training'}, 'nearest_mean': {'pixels'}}
ROOMS = {'engine': {'engine'}, 'lesson': {'lesson'}, 'models': {'engine', 'lesson', 'models'},
         'study': {'engine', 'lesson', 'study'},
         'ladder': {'engine', 'lesson', 'ladder'},
         'command line': {'engine', 'lesson', 'models', 'study', 'ladder',
                          'command line'}}   # Room -> the rooms that it may import
# What climbs the chapters' rungs
LADDER = {'fastai_rung', 'ladder', 'rung_nets', 'small_nets', 'trim'}


def sources():
    "The package's modules: name -> source."
    files = [p for p in (ROOT/NAME).rglob('*.py') if p.name != '_modidx.py']
    def name(p): return '.'.join(p.relative_to(ROOT).with_suffix('').parts)
    return {name(p).removesuffix('.__init__'): p.read_text(encoding='utf-8') for p in files}


def lessons():
    "The modules of the chapters, in the chapters' order."
    found = [(path.name, m[1]) for path in (ROOT/'nbs'/'chapters').glob('*.ipynb')
             if (m := re.search(r'#\| *default_exp (\w+)"', path.read_text(encoding='utf-8')))]
    return [module for _, module in sorted(found)]


LESSONS = lessons()


def room(name):
    "Where a module belongs."
    first, _, rest = name.removeprefix(f'{NAME}.').partition('.')
    if first in ('models', 'study'): return first
    if first in LADDER: return 'ladder'
    return 'command line' if first == 'cli' else 'lesson' if first in LESSONS else 'engine'


def imports(name, source, known, lazy=True):
    """The package's modules that one imports.

    Where `lazy` is False, without those that a function imports when it runs."""
    nodes = [ast.parse(source)]
    for node in nodes:
        if lazy or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            nodes += ast.iter_child_nodes(node)
    for node in nodes:
        if isinstance(node, ast.Import): found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = name.rsplit('.', node.level)[0] if node.level else ''
            base = '.'.join(o for o in (above, node.module) if o)
            found = [full if (full := f'{base}.{alias.name}') in known else base
                     for alias in node.names]
        else: continue
        yield from (o for o in found if o in known and o not in (name, NAME))


def wrong_imports(known):
    "Imports that the rooms don't allow, as sentences."
    for name, source in known.items():
        here, short = room(name), name.rpartition('.')[2]
        for other in sorted(set(imports(name, source, known))):
            there, other_short = room(other), other.rpartition('.')[2]
            fine = there in ROOMS[here]
            if here == 'lesson' and there == 'engine': fine = other_short in FOR_ALL
            elif here == 'engine' and there == 'lesson':
                fine = other_short in LESSONS_OF.get(short, ())
            elif here == there == 'lesson':
                fine = LESSONS.index(other_short) < LESSONS.index(short)
            if not fine: yield f'{name} ({here}) imports {other} ({there})'


def circle(known):
    "Modules that import each other in a circle while they are imported, in order."
    try:
        TopologicalSorter({name: set(imports(name, source, known, lazy=False))
                           for name, source in known.items()}).prepare()
    except CycleError as e: return e.args[1]


def test_the_lessons_are_known():
    assert LESSONS[:3] == ['data', 'pixels', 'sgd'] and LESSONS[-1] == 'ten_digits'


def test_rooms(): assert not (bad := list(wrong_imports(sources()))), '\n'.join(bad)


def test_no_circle(): assert circle(sources()) is None


@pytest.mark.parametrize('name, source, fine', [
    ('loss', 'from .sgd import step', True), ('loss', 'from .optim import SGD', False),
    ('loss', 'def f():\n    from fastbook_ch4.optim import SGD', False),
    ('loss', 'from .files import write_whole', True), ('loss', 'from .proof import prove', False),
    ('loss', 'from .data_sets import data_of', True), ('data', 'from .kept import read_idx', True),
    ('data_sets', 'from .data import load_digit', True),
    ('data_sets', 'from .loss import linear1', False), ('kept', 'from .data import x', False),
    ('models.saved', 'from ..loss import linear1', True),
    ('models.saved', 'from ..study.check import x', False),
    ('study.check', 'from fastbook_ch4 import loss', True),
    ('study.check', 'from ..models import saved', False),
    ('ladder', 'from .cli import main', False), ('ladder', 'from .loss import linear1', True),
    ('loss', 'from .rung_nets import OneScore', False),
    ('rungs', 'from .ladder import climb', False),
    ('cli', 'from .study.check import x\nfrom .models.saved import y', True)])
def test_rooms_can_be_left(name, source, fine):
    known = dict.fromkeys(sources(), '') | {f'{NAME}.{name}': source}
    assert bool(list(wrong_imports(known))) != fine


def test_a_circle_is_noticed():
    known = {f'{NAME}.{name}': f'from .{other} import x' for name, other in zip('abc', 'bca')}
    assert set(circle(known)) == set(known)
    lazy = known | {f'{NAME}.c': 'def f():\n    from .a import x'}
    assert circle(lazy) is None, 'what a function imports when it runs makes no circle'
