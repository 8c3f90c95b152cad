"""The exercises: every planted mistake is refused for its own reason, right answers pass, stubs
score 0, and nothing that a learner passes breaks a check."""
import ast, contextlib, functools, io, itertools, json, random, re, sys, threading, time, types

import numpy as np, pytest, torch
from torch import nn

import exercises as tool
from conftest import ROOT
from fastbook_ch4 import loss
from fastbook_ch4.study import check

NOTEBOOKS = tool.teachers()
EXERCISES = {ex.name: ex for ex in check.exercises()}
by_notebook = pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: p.stem)
by_exercise = pytest.mark.parametrize('ex', EXERCISES.values(), ids=EXERCISES)
COUNTS = dict.fromkeys(('exercises', 'planted mistakes refused', 'correct variants accepted'), 0)


@pytest.fixture(autouse=True)
def a_progress_file_of_its_own(tmp_path, monkeypatch):
    "No test marks anything as passed for whoever runs it, and what a notebook switches off is on."
    monkeypatch.setenv('FASTBOOK_CH4_HOME', str(tmp_path))
    monkeypatch.setattr(check, '_recording', [True])
    monkeypatch.setattr(check, '_latest', {})
    monkeypatch.setattr(check, '_tries', {})


def teachers_cells(path):
    return [''.join(c['source']) for c in json.loads(path.read_text(encoding='utf-8'))['cells']
            if c['cell_type'] == 'code']


def learners_cells(path, **kwargs):
    return [''.join(c['source']) for c in json.loads(tool.notebook(path, **kwargs))['cells']
            if c['cell_type'] == 'code']


def run(cells):
    "Run code cells as a notebook does; the values of their last lines, and what was printed."
    values, out, names = [], io.StringIO(), {'__name__': '__main__'}
    with contextlib.redirect_stdout(out):
        for source in cells:
            if 'nbdev_export' in source: continue
            body = ast.parse(source).body
            last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), '<cell>', 'exec'), names)
            if last:
                values.append(eval(compile(ast.Expression(last.value), '<cell>', 'eval'), names))
                repr(values[-1]), getattr(values[-1], '_repr_html_', str)()
    return values, out.getvalue()


# Teachers' and learners' notebooks


@by_notebook
def test_planted_mistakes_are_refused_and_right_variants_accepted(path):
    values, out = run(teachers_cells(path))
    score = values[-1]
    assert score.passed == score.total >= 3, score
    refused, accepted = (re.findall(rf'^{word}: (\w+) \| (.*)', out, re.M)
                         for word in ('Refused', 'Accepted'))
    for name in score.results:
        planted, variants = ({o for n, o in found if n == name} for found in (refused, accepted))
        own = {s.id for s in EXERCISES[name].suspects + EXERCISES[name].symptoms}
        assert len(planted) >= 3, f'{name}: fewer than three mistakes are planted'
        assert len(variants) >= 2, f'{name}: fewer than two right variants'
        assert len(planted & own) >= 3, f'{name}: fewer than three of these mistakes are its own'
    for key, n in zip(COUNTS, (score.total, len(refused), len(accepted))): COUNTS[key] += n


def test_counts(capsys):
    if COUNTS['exercises'] < len(EXERCISES): pytest.skip('not all of the notebooks were run')
    with capsys.disabled():
        print('\n' + ', '.join(f'{n} {what}' for what, n in COUNTS.items()), flush=True)
    assert COUNTS['exercises'] == len(EXERCISES) >= 33 and COUNTS['planted mistakes refused'] >= 100


def emphasised(text): return re.search(r'\*\w[^*]*\*', re.sub('`[^`]*`', '', text))


def test_what_checks_say_has_code_as_its_only_markup():
    said = [t for ex in EXERCISES.values()
            for t in (*ex.hints, *(s.cause for s in ex.suspects + ex.symptoms))]
    assert len(said) > 500 and not [t for t in said if emphasised(t)]
    assert emphasised('the *largest* one') and not emphasised('`2*x*y` and 2 * x')


@by_notebook
def test_the_untouched_notebook_scores_0(path):
    values, _ = run(learners_cells(path))
    assert set(values[-1].results.values()) == {'not attempted'} and values[-1].passed == 0
    assert sum(isinstance(v, check.Result) for v in values) == values[-1].total


@by_notebook
def test_the_solved_notebook_scores_full(path):
    values, _ = run(learners_cells(path, solutions=True))
    assert values[-1].passed == values[-1].total > 0, values[-1]


@by_notebook
def test_learners_get_stubs_and_hints_and_nothing_else(path):
    made = tool.notebook(path)
    assert made == tool.notebook(path)
    text = made.decode()
    for word in ('SOLUTION', 'HIDDEN TESTS', 'Refused', 'accepted', 'default_exp', 'exporti',
                 'recording'):
        assert word not in text, word
    assert text.count('raise NotImplementedError') >= 3 and str(ROOT) not in text
    nb, site = json.loads(made), json.loads(tool.notebook(path, site=True))
    assert len({c['id'] for c in nb['cells']}) == len(nb['cells'])
    n = sum(ex.chapter == re.search(r"check\.score\('(\w+)'\)", text)[1]
            for ex in EXERCISES.values())
    assert text.count('<summary>Hint 3 of 3</summary>') == n and 'Solution</summary>' not in text
    shown = ''.join(''.join(c['source']) for c in site['cells'])
    assert shown.count('<summary>Solution</summary>') == n
    assert shown.count('raise NotImplementedError') == text.count('raise NotImplementedError')


@by_notebook
def test_nbgrader_finds_its_marks(path):
    "Solutions, and all that only teachers need, are marked, and each exercise has a point."
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    assert list(tool.marked(cells)) == cells, 'run `python tools/exercises.py --mark`'
    marks = [c['metadata']['nbgrader'] for c in cells if 'nbgrader' in c['metadata']]
    names = [ex.name for ex in EXERCISES.values()
             if f'{check.CHAPTERS[ex.chapter]}_exercises' == path.stem]
    assert sorted(m['grade_id'] for m in marks if m['solution']) == sorted(names)
    assert sorted(m['grade_id'] for m in marks
                  if m.get('points')) == sorted(f'test_{name}' for name in names)
    assert len({m['grade_id'] for m in marks}) == len(marks)


def test_make_exercises_twice(tmp_path):
    one, two = (tool.write(tmp_path/name) for name in ('one', 'two'))
    assert [p.name for p in one] == [p.name
                                     for p in two] == [p.name.replace('_exercises', '')
                                                       for p in NOTEBOOKS]
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_what_a_learner_did_is_kept(tmp_path):
    first, *others = tool.write(tmp_path, keep=True)
    first.write_text('my own work', encoding='utf-8')
    done = tool.write(tmp_path, keep=True)
    assert first.read_text(encoding='utf-8') == 'my own work' and 'kept' in done[first]
    assert {done[p] for p in others} == {'written'}


def test_an_untouched_notebook_in_a_kernel(tmp_path):
    "As a learner would run it, without an error in any cell."
    import nbformat
    from nbclient import NotebookClient
    nb = nbformat.reads(tool.notebook(ROOT/'nbs'/'chapters'/'03_loss_exercises.ipynb').decode(), 4)
    NotebookClient(nb, timeout=120, kernel_name='python3',
                   resources={'metadata': {'path': str(tmp_path)}}).execute()
    shown = nb.cells[-1].outputs[0]['data']
    assert shown['text/plain'].startswith('0 of ') and '<li>○' in shown['text/html']


# Each exercise


@by_exercise
def test_suspects_are_told_apart(ex):
    "The check of a suspect names that suspect and no other."
    want = check._expected(ex)
    for s in ex.suspects:
        seen, in_time = check._observe(ex, s.answer, 60)
        found = check._first_difference(ex, want, seen)
        assert in_time and found, f'{ex.name}: the suspect {s.id!r} does nothing wrong'
        case, _, _, part, _ = found
        assert {o.id for o in check._suspects(ex, seen, part, case.raises)} == {s.id}, s.id


@by_exercise
def test_an_exercise_is_complete(ex):
    assert len(set(ex.hints)) == 3 and all(len(h) > 10 for h in ex.hints) and len(ex.why) > 20
    assert len({s.id for s in ex.suspects + ex.symptoms}) >= 3 and len(ex.cases) >= 1
    assert all(len(s.cause) > 25 for s in ex.suspects + ex.symptoms)
    module = getattr(ex.reference, '__module__', None) or ''
    exercises = 'fastbook_ch4.study.exercises'
    if module.startswith(('fastbook_ch4.', 'torch')) and not module.startswith(exercises):
        assert ex(ex.reference).suspect == 'package', "the course's own function is no answer"


@by_exercise
def test_whatever_an_exercise_gets_it_answers(ex):
    def stub(*args, **kwargs): raise NotImplementedError
    def interrupt(*args): raise KeyboardInterrupt
    assert ex(stub).status == 'not attempted'
    for answer in (None, 3, 'x', object(), lambda: None, lambda *args: None, lambda *args: object(),
                   interrupt, lambda *args: torch.zeros(2, 3, 5), lambda *args: 'x',
                   types.SimpleNamespace):
        result = ex(answer)
        assert result.status == 'wrong' and result.cause, answer
        repr(result), result._repr_html_()


# A check that is blind


def test_a_check_made_blind_is_noticed(monkeypatch):
    blind = check.Exercise('blind', 'loss', torch.relu,
                           {'numbers without a minus': lambda g: torch.rand(5, generator=g)},
                           ('a', 'b', 'c'), 'why')
    blind.suspect('identity', 'It returns its input.', lambda x: x + 0)
    blind.suspect('double', 'It doubles.', lambda x: 2*x)
    try:
        with pytest.raises(AssertionError, match='did not refuse'):
            check.refused('blind', 'identity')(lambda x: x.clone())
        check.refused('blind', 'double')(lambda x: x + x)
        with pytest.raises(AssertionError, match="should name 'identity', and names 'double'"):
            check.refused('blind', 'identity')(lambda x: x + x)
        with pytest.raises(AssertionError, match='refuses a right answer'):
            check.accepted('blind', 'halved')(lambda x: x/2)
        monkeypatch.setattr(check, 'differs', lambda *args: None)
        with pytest.raises(AssertionError, match='did not refuse'):
            check.refused('blind', 'double')(lambda x: x + x)
    finally: del check.EXERCISES['blind']


def test_an_exercise_that_compares_nothing_is_refused():
    make = functools.partial(check.Exercise, 'nothing', 'loss', torch.relu, hints=('a', 'b', 'c'),
                             why='why')
    with pytest.raises(ValueError, match='cases'): make({})
    with pytest.raises(ValueError, match='chapter'):
        check.Exercise('nothing', 'lost', torch.relu, {'x': lambda g: 1}, ('a', 'b', 'c'), 'why')
    with pytest.raises(ValueError, match='taken'):
        check.Exercise('score', 'loss', torch.relu, {'x': lambda g: 1}, ('a', 'b', 'c'), 'why')
    with pytest.raises(ValueError, match='already'):
        check.Exercise('mnist_loss', 'sgd', torch.relu, {'x': lambda g: 1}, ('a', 'b', 'c'), 'why')
    assert 'nothing' not in check.EXERCISES


# Anything may be passed


class Hostile:
    "Nothing can be asked of it without an error."
    def _no(self, *args, **kwargs): raise RuntimeError('no')
    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __iter__ = __hash__ = _no
    __float__ = __array__ = __getattr__ = __call__ = _no
    __class__ = property(_no)

class Forever(list):
    def __iter__(self): return itertools.count()

class Interrupts(list):
    def __iter__(self): raise KeyboardInterrupt

class NoText(Exception):
    def __str__(self): raise ValueError('no text')

class OwnTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *args, **kwargs): raise RuntimeError('no')

class Meta(type):
    def __call__(cls, *args): raise SystemExit(3)

class Unmade(metaclass=Meta): pass


def raises(e):
    def f(x): raise e
    return f

def loops(x):
    while True: pass

def loops_and_catches(x):
    while True:
        try:
            while True: pass
        except BaseException: pass

def prints_for_ever(x):
    while True: print('x'*1000)

def grows(x):
    res = []
    while True: res.append(x)

def deep(x): return deep(x)
def nested(x):
    for _ in range(100_000): x = [x]
    return x
def own(x):
    res = []
    res.append(res)
    return res
def generates(x):
    while True: yield x
def changes(x): return x.mul_(2)
def prints(x): print(2*x)
def closes(x): sys.stdout.close(); return 3*x
def seeds(x):
    torch.manual_seed(1); random.seed(1); np.random.seed(1); torch.set_default_dtype(torch.float64)
    return 3*x
def asks_itself(x): return check.twice(asks_itself)
def lies_on(x): x.foo = Hostile(); return 3*x
async def waits(x): return 2*x
def exits(x): sys.exit('bye')
def sleeps(x): time.sleep(20)

OWN_TENSOR = torch.ones(3).as_subclass(OwnTensor)
ZOO = {'uncallable': [None, ..., 3, float('nan'), 'twice', b'x', [], {}, torch.zeros(3),
                      torch.zeros(3).bool(), object(), check, loss, NotImplemented, Forever(),
                      OWN_TENSOR],
       'package': [nn.ReLU(), nn.Sequential(nn.Linear(3, 3)), torch.sigmoid, torch.Tensor.sigmoid,
                   nn.ReLU, print, len, loss.mnist_loss, functools.partial(loss.mnist_loss, 3),
                   check.Exercise, int, type, torch.zeros(3).sum],
       'raised': [raises(NotImplementedError('of PyTorch')), Hostile(), Hostile, Unmade,
                  raises(ValueError('x')), raises(SystemExit(1)), raises(KeyboardInterrupt()),
                  raises(GeneratorExit()), raises(MemoryError()), raises(StopIteration()),
                  raises(NoText()),
                  raises(BaseException('x')), raises(ValueError('\x1b[31m\ud800' + 'x'*10**6)),
                  deep, lambda: 1, lambda x, y: 1, exits, lambda x: x.nothing,
                  lambda x: open('nowhere/at/all')],
       'none': [lambda x: None],
       'printed': [prints],
       'changed': [changes],
       'slow': [loops, loops_and_catches, prints_for_ever, grows, sleeps],
       'type': [lambda x: Hostile(), lambda x: Hostile, lambda x: object(), generates, own, nested,
                lambda x: Forever([1]), lambda x: Interrupts([1]), lambda x: 'x'*10**7,
                lambda x: '\ud800\x1b[31m', lambda x: [1, 2], lambda x: {Hostile: 1},
                lambda x: torch.zeros(1).expand(10**12), lambda x: torch.zeros(3, device='meta'),
                waits, asks_itself, lambda x: b'x', lambda x: nn.Linear(2, 2), lambda x: ...,
                lambda x: np.array(['a']), lambda x: {1, 2}],
       'shape': [lambda x: x[None], lambda x: x[:0], lambda x: 3, lambda x: np.float32(3),
                 lambda x: np.zeros(2, np.float32), lambda x: True],
       'dtype': [lambda x: (2*x).double(), lambda x: x > 0, lambda x: x.int(), lambda x: x + 1j,
                 lambda x: x.numpy().astype('f8')],
       'nan': [lambda x: x/0*0],
       'unknown': [lambda x: 3*x, lambda x: -2*x, lambda x: 2*x + 1, lambda x: x*float('inf'),
                   closes, seeds, lies_on, lambda x: x.as_subclass(OwnTensor),
                   lambda x: x.to_sparse(), lambda x: x.numpy()]}
ZOO_ITEMS = [(id, answer) for id, answers in ZOO.items() for answer in answers]


@pytest.fixture
def twice():
    check.Exercise('twice', 'loss', lambda x: 2*x,
                   {'three numbers': lambda g: torch.rand(3, generator=g) + .1,
                    'one number': lambda g: torch.ones(1)}, ('a hint', 'b hint', 'c hint'), 'why')
    yield check.EXERCISES['twice']
    del check.EXERCISES['twice']


@pytest.mark.parametrize('id, answer', ZOO_ITEMS,
                         ids=[f'{id}{i}' for i, (id, _) in enumerate(ZOO_ITEMS)])
@pytest.mark.filterwarnings('ignore')
def test_nothing_that_is_passed_breaks_a_check(twice, id, answer, capsys):
    states, out = (torch.get_rng_state(), random.getstate(),
                   np.random.get_state()[1].copy()), sys.stdout
    start, twice.seconds = time.perf_counter(), 0.5 if id == 'slow' else 5
    result = twice(answer)
    assert time.perf_counter() - start < 20
    assert (result.status, result.suspect) == ('wrong', id), result
    assert result.cause and not result.passed
    for text in (repr(result), result._repr_html_()):
        assert len(text) < 3000 and all(c.isprintable() or c == '\n' for c in text)
        text.encode()
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()
    assert sys.stdout is out and torch.get_default_dtype() == torch.float32
    captured = capsys.readouterr()
    assert captured.out == '' and 'Traceback' not in captured.err


def test_threads_end():
    "What runs for ever is stopped, except what sleeps outside Python or catches everything."
    time.sleep(0.2)
    assert sum(t.name == 'check' for t in threading.enumerate()) <= 2


# What a result says


def test_each_wrong_try_shows_the_next_hint(twice):
    assert twice(None).hint == ''
    hints = [twice(lambda x: 3*x).hint for _ in range(4)]
    assert [h[-6:] for h in hints] == ['a hint', 'b hint', 'c hint',
                                       'c hint'] and hints[0].startswith('(1 of 3)')
    assert twice(lambda x: x + x).hint == '' and twice.passed


def test_what_a_result_shows(twice):
    r = twice(lambda x: -2*x)
    assert 'right but for its sign' in r.cause and 'three numbers: x = [' in r.case
    assert r.expected.startswith('[') and r.got.startswith('[-')
    assert 'raised ValueError: oh no' in twice(raises(ValueError('oh no'))).cause
    assert '<script>' not in twice(raises(ValueError('<script>')))._repr_html_()
    assert 'The check calls it with (x)' in twice(lambda: 1).cause
    result = check.mnist_loss(lambda preds, targets: loss.mnist_loss(preds, targets))
    assert result.suspect == 'package'


def test_an_unknown_name_says_what_is_near():
    with pytest.raises(AttributeError, match='Did you mean mnist_loss'): check.mnist_lost
    assert {'mnist_loss', 'score'} <= set(dir(check)) and not hasattr(check, '__wrapped__')
    with pytest.raises(ValueError, match="want one of data"): check.score('lost')


def test_progress_is_kept_and_never_in_the_way(twice, tmp_path, monkeypatch):
    from fastbook_ch4.study import progress
    twice(lambda x: 3*x), twice(lambda x: 2*x)
    assert progress.exercise_tries('twice') == 2 and progress.exercises_passed() == {'twice'}
    def broken(*args): raise OSError('disk full')
    monkeypatch.setattr(progress, 'record_exercise', broken)
    assert twice(lambda x: 2*x).passed
    check.recording(False)
    monkeypatch.setattr(progress, 'record_exercise', pytest.fail)
    assert twice(lambda x: 2*x).passed
