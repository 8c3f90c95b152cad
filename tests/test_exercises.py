"""The exercises: every planted mistake is refused for its own reason, right answers pass, stubs
score 0, nothing that a learner passes breaks a check, and what a check says is so."""
import ast, contextlib, functools, inspect, io, itertools, json, random, re, sys, threading, time
import types

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
    monkeypatch.setattr(check, '_hinted', {})


def teachers_cells(path):
    return [''.join(c['source']) for c in json.loads(path.read_text(encoding='utf-8'))['cells']
            if c['cell_type'] == 'code']


def learners_cells(path, **kwargs):
    return [''.join(c['source']) for c in json.loads(tool.notebook(path, **kwargs))['cells']
            if c['cell_type'] == 'code']


def run(cells, names=None):
    """Run code cells as a notebook does; the values of their last lines, and what was printed.
    In the dictionary `names` is what they define."""
    values, out, names = [], io.StringIO(), {} if names is None else names
    names['__name__'] = '__main__'
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


LONG = '02_sgd_exercises', '08_resnet_exercises', '09_ten_digits_exercises'   # Half of the time


@pytest.mark.parametrize('path', [
    pytest.param(p, marks=[pytest.mark.thorough]*(p.stem in LONG)) for p in NOTEBOOKS],
    ids=lambda p: p.stem)
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
def test_each_exercise_says_how_hard_it_is_and_how_long_it_takes(path):
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    tasks = [s for s in (''.join(c['source']) for c in cells) if re.match(r'## \d+\. ', s)]
    assert len(tasks) == sum(f'{check.CHAPTERS[ex.chapter]}_exercises' == path.stem
                             for ex in EXERCISES.values())
    for task in tasks:
        minutes = re.search(r'^\*(?:easy|medium|hard) · (\d+) minutes\*$', task, re.M)
        assert minutes and 2 <= int(minutes[1]) <= 40, task[:100]


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


@pytest.mark.thorough
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
@pytest.mark.thorough
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


def shown(thing): return repr(thing) + thing._repr_html_()


def test_a_hint_is_shown_on_request_alone(twice):
    for answer in (None, lambda x: 3*x, lambda x: -x, lambda x: x + x):
        for _ in range(4):
            assert not re.search('[abc] hint', shown(twice(answer)))
    hints = [twice.hint() for _ in range(5)]
    assert [(h.n, h.text) for h in hints] == [(1, 'a hint'), (2, 'b hint'), *[(3, 'c hint')]*3]
    assert not any('olution' in shown(h) for h in hints[:2])
    assert all("the site's page of the chapter's exercises" in shown(h) for h in hints[2:])
    assert 'Hint: `check.twice.hint()` has one.' in repr(twice(lambda x: 3*x))
    assert 'hint()' not in shown(twice(None)) + shown(twice(lambda x: 2*x))


@by_exercise
def test_no_result_of_an_exercise_shows_its_hints_or_its_solution(ex):
    for s in ex.suspects[:3]:
        said = shown(check._judge(ex, s.answer))
        assert not any(hint in said for hint in ex.hints) and '<details' not in said
    assert not ex.solution().lines and 'after a pass' in shown(ex.solution())
    assert [ex.hint().text for _ in range(3)] == list(ex.hints)
    assert re.search(r'https://\S+/exercises/\w+\.html', ex.hint().more)


def test_what_a_result_shows(twice):
    r = twice(lambda x: -2*x)
    assert 'right but for its sign' in r.cause and 'three numbers: x = [' in r.case
    assert r.expected.startswith('[') and r.got.startswith('[-')
    assert 'raised ValueError: oh no' in twice(raises(ValueError('oh no'))).cause
    assert '<script>' not in twice(raises(ValueError('<script>')))._repr_html_()
    assert 'The check calls it with (x)' in twice(lambda: 1).cause
    result = check.mnist_loss(lambda preds, targets: loss.mnist_loss(preds, targets))
    assert result.suspect == 'package'


def wants_ten(a, b, c, d, e, f, g, h, i, j): return 1


@by_exercise
def test_who_wants_other_arguments_hears_which_they_are(ex):
    said = ex(wants_ten).cause
    if isinstance(ex.reference, type): return
    names = list(inspect.signature(ex.reference).parameters)
    given = re.search(r'The check calls it with(?:out arguments| \((.*)\))\.$', said)[1]
    given = given.split(', ') if given else []
    assert set(given) <= set(names) and given == names[:len(given)], said


def test_arguments_are_told_of_a_class_too():
    class Wrong:
        def __init__(self): pass
    class NoSelf:
        def __init__(self, params, lr): pass
        def zero_grad(): pass
        def step(): pass
    assert 'The check calls it with (params, lr). Is `self`' in EXERCISES['BasicOptim'](Wrong).cause
    said = EXERCISES['BasicOptim'](NoSelf).cause
    assert 'The check calls' not in said and 'Is `self` there' in said
    assert 'calls it without arguments.' in EXERCISES['lamp_net'](wants_ten).cause


def test_where_two_large_results_begin_alike_the_place_that_differs_is_shown():
    want = torch.arange(40.).view(4, 10)
    late, near, short = want.clone(), want + 1e-7, want.clone()
    late[2, 3], near[3, 9], short[0, 2] = 7, 5, 5
    def shows(want, got):
        ex = check.Exercise('late', 'loss', lambda x: want, {'none': lambda g: 0}, ('a', 'b', 'c'),
                            'why')
        try: result = ex(lambda x: got)
        finally: del check.EXERCISES['late']
        assert result.expected != result.got
        return result.expected, result.got
    assert shows(want, late) == (
        'from [2, 3] on: 23, 24, 25, 26, 27, 28, … (tensor, float32, shape (4, 10))',
        'from [2, 3] on: 7, 24, 25, 26, 27, 28, … (tensor, float32, shape (4, 10))')
    assert shows(want, near)[1] == 'from [3, 9] on: 5 (tensor, float32, shape (4, 10))'
    assert shows(want, short)[1].startswith('0, 1, 5, 3')
    assert shows(dict(a=want, b=[want, want]), dict(a=late, b=[want, late]))[1] == (
        'a: from [2, 3] on: 7, 24, 25, 26, 27, 28, … (tensor, float32, shape (4, 10)); '
        'b: at [1]: from [2, 3] on: 7, 24, 25, 26, 27, 28, … (tensor, float32, shape (4, 10))')
    assert 'from [30] on: True' in shows(torch.arange(40) > 5, (torch.arange(40) > 5) & (
        torch.arange(40) != 30))[0]


def test_a_second_way_back_is_explained(twice):
    def again(x):
        y = (x.requires_grad_()**2).sum()
        y.backward(), y.backward()
    said = twice(again).cause
    assert 'Your code raised RuntimeError' in said and 'anew for each `backward`' in said


def test_arguments_of_something_within_are_not_taken_for_those_of_the_answer(twice):
    "Whether Python still has the lines of what the reader wrote, or not."
    names = {}
    exec('def f(a, b): return a\ndef g(x): return f(x)', names)
    assert 'The check calls it' not in twice(names['g']).cause
    assert 'The check calls it with (x).' in twice(names['f']).cause


def test_an_unknown_name_says_what_is_near():
    with pytest.raises(AttributeError, match='Did you mean mnist_loss'): check.mnist_lost
    assert {'mnist_loss', 'score'} <= set(dir(check)) and not hasattr(check, '__wrapped__')
    with pytest.raises(ValueError, match="want one of data"): check.score('lost')


def test_the_table_has_every_case(twice):
    twice.seconds = 0.5
    one = twice(lambda x: 2*x if len(x) == 1 else 3*x)
    assert one.cases == (('three numbers', 'wrong'), ('one number', 'right'))
    assert '✗ twice: not right yet, 1 of 2 cases right' in repr(one)
    assert '\n    ✗ three numbers: wrong\n    ✓ one number: right\n' in repr(one)
    html = one._repr_html_()
    assert '1 of 2 cases right' in html and '>Case by case</caption>' in html
    assert html.count('<th scope="col"') == 2
    assert html.count('<th scope="row"') == 2 and '✓ right</td>' in html and '✗ wrong</td>' in html
    def picky(x):
        if len(x) == 1: raise KeyError(1)
        return x.mul_(2)
    assert [o for _, o in twice(picky).cases] == ['right, but not what it leaves behind',
                                                  'raised KeyError']
    def hangs(x):
        while len(x) == 1: pass
        return 2*x
    slow = twice(hangs)
    assert [o for _, o in slow.cases] == ['right', 'not done in time'] and slow.suspect == 'slow'
    assert torch.equal(twice.example()[0], torch.ones(1))
    assert not twice(None).cases and not twice(torch.relu).cases


@by_exercise
def test_the_example_is_the_case_that_failed(ex):
    failed = ex(lambda *args, **kwargs: None)
    case, args = ex.cases[failed.failed], ex.example()
    assert isinstance(args, tuple) and failed.case.startswith(case.label)
    assert len(args) <= len(ex.names) and repr(args).startswith(case.label)
    if check._takes(ex) and not ex.run:
        assert not check.differs(check.plain(ex.reference(*args)), check._expected(ex)
                                 [failed.failed].result, ex.tol)
    else: assert ex.run
    assert ('trial of its own' in repr(args)) == (not check._takes(ex))


def test_the_example_follows_the_last_check(twice):
    assert len(twice.example()[0]) == 3
    twice(lambda x: 2*x if len(x) == 3 else x)
    (x,) = twice.example()
    assert torch.equal(x, torch.ones(1)) and twice.example()[0] is not x
    x.zero_()
    assert twice.example()[0].item() == 1 and repr(twice.example()) == ('one number:\n'
                                                                       'x = tensor([1.])')
    assert twice(lambda x: x + x).passed and len(twice.example()[0]) == 3


def test_what_cannot_be_followed_by_hand_is_handed_over():
    large = check.mean_digit(lambda x, y, digit: x[y == digit].mean(0)**3)
    elided = '…' in large.case
    assert large.suspect == 'unknown' and elided == ('check.mean_digit.example()' in large.cause)
    assert ('by hand' in large.cause) != elided
    class Nothing:
        def __init__(self, *args): pass
    for name in ('MixingLoader', 'BasicOptim'):
        check_of = getattr(check, name)
        check_of(Nothing)
        assert 'trial of its own' in repr(check_of.example())


@pytest.mark.parametrize('name', ['to_floats', 'mean_digit'])
def test_unknown_says_by_hand_only_where_all_is_shown(name):
    "Whether the first case is small enough or not, the message goes with it."
    ex = getattr(check, name)
    result = ex(lambda *args: 7.7*ex.reference(*args) + 0.3)
    assert ('by hand' in result.cause) == ('…' not in result.case.split('(`check')[0])


# What is only begun


CLASSES = [name for name, ex in EXERCISES.items() if isinstance(ex.reference, type)]


@functools.cache
def solved(name):
    "The names of a notebook that is solved, and the cell of this exercise as teachers have it."
    path = next(p for p in NOTEBOOKS
                if p.stem == f'{check.CHAPTERS[EXERCISES[name].chapter]}_exercises')
    names = {}
    run(learners_cells(path, solutions=True), names)
    cell = next(c for c in teachers_cells(path)
                if tool.SOLUTION.search(c) and f'class {name}' in c)
    return names, cell


def with_stubs(name, which):
    "The class of an exercise in which these of its solutions are stubs."
    names, cell = solved(name)
    n = itertools.count()
    def part(m): return f'{m[1]}raise NotImplementedError' if next(n) in which else m[2].rstrip()
    names = dict(names)
    exec(tool.SOLUTION.sub(part, cell), names)
    return names[name]


@pytest.mark.parametrize('name', CLASSES)
def test_a_class_that_is_partly_written_is_begun(name):
    ex, asked = EXERCISES[name], check._course(name, 'asked')
    assert len(asked) >= 2 and ex(with_stubs(name, ())).passed
    for n in range(1, len(asked)):
        for which in itertools.combinations(range(len(asked)), n):
            result = ex(with_stubs(name, which))
            todo = {asked[i] for i in which}
            assert result.status == 'begun', (which, result)
            first = re.match('`(.*?)` still raises `NotImplementedError`', result.cause)[1]
            assert first in todo, result
            written = result.cause.partition('Written so far: ')[2]
            for method in asked:
                assert (f'`{method}`' in written) == (method not in todo), result
                assert f'`{method}`' in result.cause
            assert 'begun' in shown(result) and check.score(ex.chapter).results[name] == 'begun'
    untouched = ex(with_stubs(name, range(len(asked))))
    assert untouched.status == 'not attempted'
    assert check.score(ex.chapter).results[name] == 'not attempted'


def test_a_stub_that_is_called_is_named(twice):
    from fastbook_ch4.study import progress
    def helper(x): raise NotImplementedError
    def relu(x): raise NotImplementedError
    result = twice(lambda x: helper(2*x))
    assert result.status == 'begun' and 'Write `helper` first.' in result.cause, result
    assert 'check it with `check.relu(relu)`' in twice(lambda x: relu(2*x)).cause
    def half(x):
        if len(x) == 1: raise NotImplementedError
        return 2*x
    result = twice(half)
    assert '`half` still raises `NotImplementedError` in 1 of 2 cases' in result.cause
    assert '1 of 2 cases right' in repr(result) and '✗ one number: still to be written' in shown(
        result)
    assert twice(helper).status == 'not attempted' and progress.exercise_tries('twice') == 0
    check.refused('twice', 'stub')(lambda x: helper(2*x))
    def own(x): return [helper(o) for o in x]
    class BasicOptim:
        def step(self): raise NotImplementedError
    class Mine:
        def __init__(self): BasicOptim().step()
        def step(self): pass
    stepped = twice(lambda x: Mine()).cause
    assert '`BasicOptim.step` still raises' in stepped and 'check.BasicOptim(BasicOptim)' in stepped
    assert '`BasicOptim.step` still raises' in check.BasicOptim(type('B', (Mine,), dict(
        __init__=lambda self, params, lr: BasicOptim().step()))).cause
    assert '`helper` still raises' in twice(own).cause
    assert twice(raises(NotImplementedError('of PyTorch'))).status == 'wrong'


def test_what_is_right_of_something_begun_is_said():
    ex = check.Exercise('facts', 'loss', lambda x: dict(a=1, b=2), {'zero': lambda g: 0,
                        'one': lambda g: 1}, ('a', 'b', 'c'), 'why')
    def facts(x):
        if x: raise NotImplementedError
        return dict(a=1, b=3)
    try: assert ex(facts).right == 'a' and 'Right so far: a\n' in repr(ex(facts))
    finally: del check.EXERCISES['facts']


# After a pass


@by_exercise
def test_after_a_pass_comes_what_is_worth_seeing(ex):
    lines = check._course(ex.name, 'lines')
    assert len(lines) > 10 and 'NotImplementedError' not in lines
    check._latest[ex.name] = result = check.Result(ex.name, 'passed')
    def mine(x): return x
    check._passed(ex, mine, result)
    html = result._repr_html_()
    assert result.why == ex.why and result.yours == 'def mine(x): return x'
    assert html.count('<pre') == 2 and 'beside yours</summary>' in html
    assert f'`check.{ex.name}.solution()`' in repr(result) and '<details' in html
    assert ex.solution().lines == lines and lines.splitlines()[0] in repr(ex.solution())
    compile(lines, '<solution>', 'exec', dont_inherit=True)
    result.yours = lines
    same = result._repr_html_()
    assert same.count('<pre') == 1 and 'lines, the same as yours</summary>' in same


def test_a_pass_of_an_earlier_session_counts_for_the_solution():
    from fastbook_ch4.study import progress
    assert not check.relu.solution().lines
    progress.record_exercise('relu', True)
    assert check.relu.solution().lines == check._course('relu', 'lines')


def test_another_way_is_named_after_a_pass(twice):
    twice.other = 'Add it to itself.'
    assert 'Add it' not in shown(twice(lambda x: 3*x))
    assert 'Another way: Add it to itself.' in repr(twice(lambda x: 2*x))
    class Twice:
        def __call__(self, x): return 2*x
    assert check._source(Twice).startswith('class Twice:') and check._source(3) == ''


# What a check claims


SLOPES = {
    'NaN': (lambda x: 2*x + 0*x.sqrt(), ['is NaN in 1 of 2 places, as where `x` is 0']),
    'all of them NaN': (lambda x: 2*x + (0*x).sqrt(), ['is NaN in 2 of 2 places. ']),
    'infinite': (lambda x: 2*x + x.sqrt() - x.detach().sqrt(), ['infinite in 1 of 2 places']),
    'detached': (lambda x: 2*x.detach(), ['no slope flows back to `x`', 'is None']),
    'plain numbers': (lambda x: [2*o for o in x.tolist()] and torch.tensor((2*x).tolist()),
                      ['no slope flows back', 'is None']),
    'NumPy': (lambda x: torch.from_numpy(2*x.numpy()), ['no slope flows back', 'is None']),
    'zeros': (lambda x: 2*x.detach() + 0*x, ['no slope flows back', 'nothing but zeros']),
    'another formula': (lambda x: 2*x.detach() + x - x.detach(), ['but not the one that is wanted',
                                                                  'or does a part of the way']),
    'an error': (lambda x: Odd.apply(x), ['the way back', 'RuntimeError: no way'])}


class Odd(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return 2*x
    @staticmethod
    def backward(ctx, g): raise RuntimeError('no way')


@pytest.mark.parametrize('answer, said', SLOPES.values(), ids=SLOPES)
def test_three_ways_of_a_wrong_slope_are_told_apart(answer, said):
    ex = check.Exercise('sloped', 'loss', lambda x: 2*x, {'two': lambda g: torch.tensor([0., 4.])},
                        ('a', 'b', 'c'), 'why', grad='x')
    try:
        result = ex(answer)
        assert result.suspect == 'gradient' and result.part == 'grads', result
        assert all(o in result.cause for o in said), result.cause
        assert result.cases == (('two', 'right, but not its slope'),)
        values = 'nan' in result.got or 'inf' in result.got
        assert values == ('infinite, or divided by 0' in result.cause)
        assert ex.example()[0].requires_grad and result.cause.startswith('The numbers are right')
    finally: del check.EXERCISES['sloped']


def test_notes_that_an_argument_keeps_are_told():
    "A memory that is changed in place must not record slopes."
    def remembers(x, memory):
        memory += x.detach().sum()
        return 2*x
    def leaks(x, memory):
        memory += x.sum()
        return 2*x
    ex = check.Exercise('sloped', 'loss', remembers, {'two': lambda g: (torch.ones(2),
                        torch.zeros(1))}, ('a', 'b', 'c'), 'why', grad='x')
    try: passed, result = ex(lambda x, m: remembers(x, m)), ex(leaks)
    finally: del check.EXERCISES['sloped']
    assert passed.passed and result.suspect == 'gradient'
    assert 'notes for slopes are kept in `memory` as well now' in result.cause


def test_the_loss_with_a_sigmoid_of_ones_own():
    "It overflows on the way back: nothing is cut off, and no other formula is at work."
    from fastbook_ch4.sgd import same_shape
    def sigmoid(x): return 1/(1 + torch.exp(-x))
    def mnist_loss(preds, targets):
        same_shape(preds, targets)
        p = sigmoid(preds)
        return torch.where(targets == 1, 1 - p, p).mean()
    ex = check.Exercise('own_sigmoid', 'loss', loss.mnist_loss, {'very sure': lambda g: (
        torch.tensor([[200.], [-200.], [3.]]), torch.tensor([[0.], [0.], [1.]]))},
        ('a', 'b', 'c'), 'why', grad='preds')
    try: cause = ex(mnist_loss).cause
    finally: del check.EXERCISES['own_sigmoid']
    assert 'NaN in 1 of 3 places, as where `preds` is -200' in cause
    assert 'detach' not in cause and 'formula at work' not in cause


KINDS = [(1, 1.5), (torch.ones(2), [1., 1.]), ([1], {'a': 1}), ('a', b'a'), (1., 'a'), (None, 1.),
         ([3.813], [15.25]), (torch.ones(2), torch.ones(2)*3), ([[1]], [[2]]), ('a', 'b'),
         (torch.ones(2), torch.ones(2).double()), (torch.ones(2), torch.ones(1, 2)), (True, False),
         ([1, 2], [1]), (1., float('nan')), (float('nan'), 1.), ({'a': [1.]}, {'a': [2.]})]


@pytest.mark.parametrize('want, got', KINDS)
def test_the_kind_is_blamed_only_where_it_differs(want, got):
    ex = check.Exercise('kinds', 'loss', lambda x: want, {'none': lambda g: 0}, ('a', 'b', 'c'),
                        'why')
    try: result = ex(lambda x: got)
    finally: del check.EXERCISES['kinds']
    w, g = (check._place(want, got, 0)[1:] if check._alike(want, got) else (want, got))
    same = type(w) is type(g)
    assert not (same and 'another kind' in result.cause), result.cause
    dtypes = getattr(w, 'dtype', type(w)), getattr(g, 'dtype', type(g))
    assert not ('another type' in result.cause and dtypes[0] == dtypes[1])
    nan = re.search('has a (NaN|number)', result.cause)
    assert not nan or (nan[1] == 'NaN') == (g != g)
    for texts in (re.findall(r': (.*) instead of (.*)\.$', result.cause)
                  + re.findall(r'has the shape (.*), and (.*) is wanted', result.cause)):
        assert texts[0] != texts[1]


def test_no_position_is_called_too_low():
    said = check._relation
    assert said(26, 25) and said(3, 4, 'steps taken')
    for want, got in (([3, 7], [2, 7]), ([3, 7], [6, 7]), (dict(a=[3, 1]), dict(a=[3, 2]))):
        name, w, g = check._place(want, got, 0)
        assert said(w, g, name) == ''


def test_what_is_printed_is_not_called_the_result(twice):
    def debugs(x): print('shape', tuple(x.shape))
    assert 'prints its result' not in twice(debugs).cause and 'if that is' in twice(debugs).cause


def test_prints_are_kept_and_the_type_of_new_tensors_changes_nothing(twice):
    "Whatever type new tensors have in the notebook, and whatever a function prints."
    def prints_and_adds(x):
        print('shape', tuple(x.shape))
        return x + torch.zeros(len(x)) + x
    for dtype in (torch.float64, torch.float16, torch.float32):
        torch.set_default_dtype(dtype)
        try: result = twice(prints_and_adds)
        finally: torch.set_default_dtype(torch.float32)
        assert result.passed and result.printed.splitlines()[0] == 'shape (3,)'
        assert 'Printed: shape (3,)' in repr(result) and 'shape (1,)' in result._repr_html_()
    torch.set_default_dtype(torch.float64)
    try: assert twice.example()[0].dtype == torch.float32 and twice(lambda x: x).got
    finally: torch.set_default_dtype(torch.float32)


def numbers(x): return torch.as_tensor(x).double().flatten()
def alike(a, b): return a.shape == b.shape and torch.allclose(a.double(), b, 1e-3, 1e-6)
def times(k): return lambda w, g: alike(k*numbers(w), numbers(g))
def odd(x): return not numbers(x).isfinite().all()
def larger(w, g): return bool((numbers(g).abs() >= numbers(w).abs()).all())


# What a cause says -> does it hold for a wanted and a given result? And must it hold for each of
# the cases that differ, or for one of them?
CLAIMS = {
    r'(to|is|that there is) (a single|one) number(\.| for all| is left)|^There is a single number':
        (any, lambda w, g: check._many(w) > check._many(g) == 1),
    r'is in per cent': (all, times(100)),
    r'twice as large as it should be': (all, times(2)),
    r'half as large as they should be|^This is half of it': (all, times(.5)),
    r'^The signs? (is|are) turned round(?!: the highest)': (all, times(-1)),
    r'(times|all slopes are) too large|are too large by': (all, larger),
    r'times too small|is too small by': (all, lambda w, g: larger(g, w)),
    r'infinity is NaN|is infinite\.|minus infinity|infinity is not a number':
        (any, lambda w, g: isinstance(g, check.Raised) or odd(g)),
    r'^There is a True or False for each': (all, lambda w, g: g.dtype == torch.bool),
    r'^There is (a|one) \w+ for each': (any, lambda w, g: check._many(g) > 1),
    r'^The numbers are right, but they (lie|come) in a(nother)? (row|shape)':
        (all, lambda w, g: alike(numbers(w), numbers(g))),
    r'The rows come as a list': (all, lambda w, g: isinstance(g, list)),
    r'a row does not add up to 1': (any, lambda w, g: not alike(g.sum(1), numbers(g.sum(1))*0 + 1)),
    r'^The columns add up to 1': (any, lambda w, g: alike(g.sum(0), numbers(g.sum(0))*0 + 1)),
    r'give negative "prob': (any, lambda w, g: (g < 0).any().item()),
    r'^Nothing is counted': (all, lambda w, g: not numbers(g).any()),
    r'^No cell counts further than 1': (all, lambda w, g: g.max() <= 1),
    r'goes from -1 to 1\.': (all, lambda w, g: -1 <= g.min() and g.max() <= 1),
    r'every pixel but the blackest has become 0': (any, lambda w, g: not numbers(g).frac().any()),
    r'^The lamp is always on': (all, lambda w, g: g is True),
    r'^The lamp is never on': (all, lambda w, g: g is False),
    r'is not refused': (any, lambda w, g: isinstance(w, check.Raised)
                        and not isinstance(g, check.Raised))}
# What a cause says -> a name of the facts of which one has to be wrong
FACTS = {r'generator is not used|with another generator': 'seed',
         r'Each epoch has the same order': 'another order',
         r'(rows come|image was drawn) twice': r'once|twice',
         r'right, but they are tensors|a plain number\.$': 'plain|tensor|number',
         r'gradients are (never|not) cleared': 'clear|parameter|model|step',
         r'[Gg]radients (are|were) recorded': 'record|gradient',
         r'^There is an epoch too few': 'loss|step|epoch'}
MET = set()


@by_exercise
def test_what_a_cause_says_of_the_values_is_so(ex):
    for s in ex.suspects:
        claims = [c for c in CLAIMS if re.search(c, s.cause)]
        if not claims: continue
        seen, _ = check._observe(ex, s.answer, 60)
        parts = [check._place(w.result, o.result, ex.tol)[1:]
                 for w, o in zip(check._expected(ex), seen)
                 if check.differs(w.result, o.result, ex.tol)]
        for claim in claims:
            of_which, holds = CLAIMS[claim]
            given = [p for p in parts if 'refused' in claim or not any(
                isinstance(o, check.Raised) for o in p) or 'infin' in claim]
            assert given and of_which(holds(*p) for p in given), (s.id, s.cause, given)
            MET.add(claim)


@by_exercise
def test_a_cause_that_is_about_a_fact_goes_with_that_fact(ex):
    for s in ex.suspects:
        for claim in (c for c in FACTS if re.search(c, s.cause)):
            seen, _ = check._observe(ex, s.answer, 60)
            check._expected(ex)
            wrong = {name for _, name in check._wrong_facts(ex, seen)}
            if not wrong: continue   # It gives no facts
            assert any(re.search(FACTS[claim], name) for name in wrong), (s.id, s.cause, wrong)
            MET.add(claim)


def test_each_claim_is_met():
    "Or else a row of the table reads causes that no exercise has."
    if len(MET) < 15: pytest.skip('not all of the exercises were run')
    assert {*CLAIMS, *FACTS} == MET, {*CLAIMS, *FACTS} - MET


# What the notebooks say of each exercise


FORMAT = re.compile(r'^\*(easy|medium|hard) · (\d+) minutes?(, [^*]+)?\*$', re.M)


def tasks(path):
    "Of a notebook: name of each exercise -> the text above its check, from its heading on."
    found, text = {}, ''
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        if cell['cell_type'] == 'markdown':
            text = source if source.startswith('## ') else f'{text}\n\n{source}'
        checked = re.fullmatch(r'check\.(\w+)\((?!\').*\)', source.strip())
        if checked and cell['cell_type'] == 'code': found[checked[1]] = text
    return found


@by_notebook
def test_each_exercise_says_how_hard_it_is_and_how_long_it_takes(path):
    for name, text in tasks(path).items():
        lines = [line for line in text.splitlines() if line.strip()]
        fit = FORMAT.fullmatch(lines[1])
        assert fit and 2 <= int(fit[2]) <= 40, f'{path.stem}, {name}: {lines[:2]}'
    assert set(tasks(path)) == {n for n, ex in EXERCISES.items()
                                if f'{check.CHAPTERS[ex.chapter]}_exercises' == path.stem}


@by_notebook
def test_a_task_says_that_slopes_are_compared(path):
    for name, text in tasks(path).items():
        said = re.search('[Ss]lope|[Gg]radient', text)
        assert said or not EXERCISES[name].grad, f'{path.stem}, {name}'


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
