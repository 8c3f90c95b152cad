"""The questions: their files, their form, their answers, what a page and a terminal make of them,
and the file that keeps the score."""
import contextlib, io, json, os, re, shlex, shutil, signal, subprocess, sys
from collections import Counter
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import combinations

import pytest
from click.testing import CliRunner

import questions as tool   # tools/questions.py
from conftest import ROOT
from fastbook_ch4.study.chapters import CHAPTERS as MODULES, chapter_of, number as number_of
from fastbook_ch4.study.progress import answers, exercise_names, progress_command, progress_file
from fastbook_ch4.study.question import Question, anchor, questions
from fastbook_ch4.study.quiz import (LETTERS, UNREAD, WAYS_OUT, Round, Total, form, forms, mark,
                                     page_data, quiz, quiz_command, read)

CHAPTERS, STUDY = list(MODULES.values()), ROOT/'fastbook_ch4'/'study'
QUESTIONS = questions()
each = pytest.mark.parametrize('q', QUESTIONS, ids=lambda q: q.id)
# What the book's own questionnaire asks about
TOPICS = """images, folders, pixel similarity, list comprehensions, stacks of images,
rank and shape, RMSE and L1, vectorising, slicing, broadcasting, validation, SGD, mini-batches,
seven steps, initialising, loss, learning rate, gradients, autograd, accuracy as a loss,
sigmoid, loss and metric, update rule, DataLoader, epoch, zip and datasets, view, bias,
matrix product, backward, zeroing, Learner, training loop, ReLU, activation functions,
F.relu and nn.ReLU, why nonlinearities"""
TOPICS = re.split(r',\s', TOPICS)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    "A user's data folder of its own for each test."
    monkeypatch.setenv('FASTBOOK_CH4_HOME', str(tmp_path/'home'))
    return tmp_path/'home'


# The files


def test_the_package_has_the_questions_and_the_names_of_the_exercises():
    stale = [path for path, content in tool.packaged().items()
             if not (ROOT/path).exists() or (ROOT/path).read_bytes() != content]
    assert not stale, f'run `make notebooks` and commit: {stale}'
    assert {f.stem for f in (STUDY/'questions').iterdir()} == set(CHAPTERS) == set(exercise_names())


@pytest.mark.parametrize('path', sorted((ROOT/'nbs'/'chapters').glob('*_questions.yml')),
                         ids=lambda p: p.stem)
def test_a_file_can_be_read_as_text(path):
    text = path.read_text(encoding='utf-8')
    assert path.with_name(path.name.replace('_questions.yml', '.ipynb')).exists()
    assert (max(map(len, text.split('\n'))) <= 88 and not re.search(r'[ \t]+$', text, re.M)
            and text.endswith('\n'))


def cells(path): return json.loads(path.read_text(encoding='utf-8'))['cells']


def test_no_round_is_stored():
    stored = [path.name for path in sorted((ROOT/'nbs'/'chapters').glob('*.ipynb'))
              for cell, _ in tool.rounds(dict(cells=cells(path))) if cell['outputs']]
    assert not stored, ('run `make notebooks`, or .venv/bin/python tools/questions.py --clear: '
                        f'{stored}')


def test_every_chapter_ends_with_its_round():
    found = {c: [n for _, n in
                 tool.rounds(dict(cells=cells(ROOT/'nbs'/'chapters'/f'{c}.ipynb')))]
             for c in [*CHAPTERS, '11_questionnaire']}
    assert found.pop('11_questionnaire') == [*map(number_of, CHAPTERS), None]
    assert found == {c: [number_of(c)] for c in CHAPTERS}


def test_rounds_are_cleared_and_shown(tmp_path):
    code = dict(cell_type='code', execution_count=3, metadata={},
                outputs=[dict(output_type='stream', name='stdout', text='old')])
    sources = ["#| echo: false\nquiz('03')", 'Total()', "q = quiz('03')", 'print(1)']
    nb = dict(cells=[code | dict(source=s.splitlines(keepends=True)) for s in sources],
              metadata={}, nbformat=4, nbformat_minor=5)
    path = tmp_path/'a.ipynb'
    path.write_text(json.dumps(nb))
    assert (tool.clear(path) and [len(c['outputs']) for c in cells(path)] == [0, 0, 1, 1]
            and not tool.clear(path))
    page = json.loads(path.read_text())
    tool.show(page)
    assert [c['outputs'][0].get('data', {}).get('text/html')
            for c in page['cells']] == [quiz(3).html(False), Total().html(False), None, None]
    assert len(tool.FILES) == 2 and all((STUDY/f).exists() for f in tool.FILES)


# The form of a question. Each rule is a function of a question, and says what breaks it.


@cache
def headings(chapter):
    return {anchor(h) for c in cells(ROOT/'nbs'/'chapters'/f'{chapter}.ipynb')
            if c['cell_type'] == 'markdown'
            for h in re.findall(r'^#+ (.*)', ''.join(c['source']), re.M)}


def prints(code):
    "What a snippet prints, run in a namespace of its own."
    with contextlib.redirect_stdout(out := io.StringIO()):
        exec(compile(code, '<snippet>', 'exec'), {'__name__': '__main__'})
    return out.getvalue().strip()


def number(text): return float(read('number', text))
def texts(q): return [q.ask, q.other, *q.why.keys(), *q.why.values()]


def odd_id(q):
    if not re.fullmatch(r'\d\db?-[0-9a-z-]+', q.id):
        yield 'an id is a number, a dash, and a-z, 0-9 and dashes'


def odd_kind(q):
    if q.kind not in UNREAD: yield f'{q.kind} is no kind of question'


def lost_heading(q):
    if anchor(q.heading) not in headings(q.chapter):
        yield f'{q.chapter}.ipynb has no heading {q.heading!r}'


def odd_numbers(q):
    right, wrong = {'one': (1, range(2, 5)), 'several': (len(q.right), range(1, 9)),
                    'order': (max(3, len(q.right)), [0])}.get(q.kind, (1, range(1, 6)))
    if len(q.right) != right or len(q.wrong) not in wrong:
        yield 'there are more or fewer answers than the kind needs'
    if len(q.why) > len(LETTERS): yield 'there are more answers than letters'
    if set(q.right) & set(q.wrong): yield 'an answer is right and wrong'


def unexplained(q):
    if not all(len(why) >= 15 and why.rstrip('`')[-1] in '.?!' for why in q.why.values()):
        yield 'an answer is not explained in a sentence'


def odd_text(q):
    if any(t.count('`') % 2 or t != t.strip() for t in texts(q)):
        yield 'a backtick is alone, or a text begins or ends with a space'
    if q.kind != 'prints' and any(re.search(r'\*\*|\]\(|\$', t) for t in texts(q)):
        yield 'there is other markup than code'
    if any('the literature' in t.lower() for t in texts(q)):
        yield 'a source has a name: the book, or the study notes'


def unreadable(q):
    if not q.typed: return
    read_as = [read(q.kind, o) for o in q.options]
    if None in read_as or len(set(read_as)) < len(read_as):
        yield 'an answer can not be read, or two are the same'
    if {o.strip().lower() for o in q.options} & {'q', 'quit', 'exit', 's', 'skip'}:
        yield 'an answer would end the round'
    if len(q.other) < 20: yield '`other` does not say what to do'


def unproven(q):
    if q.typed and not (q.code if q.kind == 'prints' else q.proof or q.code):
        yield 'no snippet prints the answer'


def wide(q):
    if any(len(line) > 88 for line in f'{q.code}\n{q.proof}'.split('\n')):
        yield 'a snippet is wider than 88 columns'


RULES = [odd_id, odd_kind, lost_heading, odd_numbers, unexplained, odd_text, unreadable, unproven,
         wide]


@each
def test_form(q):
    assert not (found := [sentence for rule in RULES for sentence in rule(q)]), found


CHOICE = Question('03_loss', '03-x', 'one', 'loss', 'Loss and metric', 'Which?',
                  {'this': 'Because it is so.'},
                  {'that': 'It is not so, and why?', 'those': 'Nor is it so, and why?'})
TYPED = replace(CHOICE, kind='number', right={'1': 'Because it is so.'},
                wrong={'2': 'It is not so, and why?'}, other='Count from the start again.',
                proof='print(1)')


def test_the_example_keeps_the_rules():
    assert not [sentence for q in (CHOICE, TYPED) for rule in RULES for sentence in rule(q)]


@pytest.mark.parametrize('rule, q', [
    (odd_id, replace(CHOICE, id='sigmoid')),
    (odd_kind, replace(CHOICE, kind='two')),
    (lost_heading, replace(CHOICE, heading='Lost')),
    (odd_numbers, replace(CHOICE, right={'a': 'x', 'b': 'x'})),
    (odd_numbers, replace(CHOICE, wrong={'a': 'x'})),
    (odd_numbers, replace(CHOICE, kind='order')),
    (odd_numbers, replace(CHOICE, kind='several', right={f'{i}': 'x' for i in range(8)},
                          wrong={f'{i}.': 'x' for i in range(3)})),
    (odd_numbers, replace(CHOICE, wrong=CHOICE.wrong | CHOICE.right)),
    (unexplained, replace(CHOICE, right={'this': 'So.'})),
    (unexplained, replace(CHOICE, right={'this': 'because it is like that'})),
    (odd_text, replace(CHOICE, ask='Which `one?')),
    (odd_text, replace(CHOICE, ask='Which? ')),
    (odd_text, replace(CHOICE, ask='**Which**?')),
    (odd_text, replace(CHOICE, other='The literature says so.')),
    (unreadable, replace(TYPED, right={'one': 'x'})),
    (unreadable, replace(TYPED, wrong={' 1': 'x'})),
    (unreadable, replace(TYPED, other='')),
    (unreadable, replace(TYPED, kind='prints', right={'q': 'x'})),
    (unproven, replace(TYPED, proof='')),
    (unproven, replace(TYPED, kind='prints')),
    (wide, replace(TYPED, proof='print(1)' + ' '*80 + '# x'))])
def test_the_rules_can_be_broken(rule, q): assert list(rule(q))


def test_how_many(capsys):
    chapters, kinds = Counter(q.chapter for q in QUESTIONS), Counter(q.kind for q in QUESTIONS)
    with capsys.disabled():
        print(f'\nQuestions: {len(QUESTIONS)} in {len(chapters)} chapters; {dict(kinds)}; '
              f'{len({q.topic for q in QUESTIONS})} topics')
    assert len(QUESTIONS) >= 55 and len({q.id for q in QUESTIONS}) == len(QUESTIONS)
    assert set(chapters) == set(CHAPTERS) and min(chapters.values()) >= 4
    assert (set(kinds) == set(UNREAD) and kinds['one'] <= len(QUESTIONS)/2
            and min(kinds.values()) >= 3)
    assert len(set(TOPICS)) == 37 and not set(TOPICS) - {q.topic for q in QUESTIONS}


# The answers


def answer_is_printed(q):
    "Does the snippet print the stored answer, to the letter, or for a number within its tolerance?"
    printed, right = prints(q.proof or q.code), q.options[0]
    if q.kind == 'prints': return printed == right
    if q.kind == 'number': return abs(number(printed) - number(right)) <= q.tol
    return read(q.kind, printed) == read(q.kind, right)


@pytest.mark.parametrize('q', [q for q in QUESTIONS if q.proof or q.kind == 'prints' or q.typed],
                         ids=lambda q: q.id)
def test_the_snippet_prints_the_stored_answer(q):
    assert answer_is_printed(q), f'it printed {prints(q.proof or q.code)!r}'


def test_a_wrong_stored_answer_is_noticed():
    assert answer_is_printed(TYPED) and not answer_is_printed(replace(TYPED, proof='print(2)'))


def test_no_answer_can_be_guessed():
    "Neither by its length nor by its place."
    ones = [q for q in QUESTIONS if q.kind == 'one']
    longest = [q.id for q in ones if len(q.options[q.places[0]]) > max(map(len, q.wrong))]
    shortest = [q.id for q in ones if len(q.options[q.places[0]]) < min(map(len, q.wrong))]
    assert len(longest) <= 0.4*len(ones) and len(shortest) <= 0.4*len(ones), (longest, shortest)
    assert max(Counter(q.places[0] for q in ones).values()) <= 0.5*len(ones)


RESULTS = ROOT/'fastbook_ch4'/'results'/'3,7.json'


@pytest.mark.skipif(not RESULTS.exists(), reason='the ladder was not climbed yet: make results')
def test_what_is_said_of_the_ladder_is_what_it_gave():
    "The numbers in 10-rungs, 10-bought and 10-learner."
    from fastbook_ch4.ladder import read_results
    all_of = {}
    for r in read_results(RESULTS): all_of.setdefault(r.rung, []).append(r.mistakes)
    mean = {rung: sum(m)/len(m) for rung, m in all_of.items()}
    rungs = [mean[r] for r in ('pixels_l1', 'by_hand', 'simple_net', 'resnet18', 'small_resnet')]
    assert rungs == sorted(rungs, reverse=True) and rungs[0] == 99 and rungs[1] < 40
    assert ([round(100 - m/20.38) for m in rungs[1:3]] == [98, 99]
            and round(100 - rungs[3]/20.38, 1) == 99.5
            and round(100 - rungs[4]/20.38, 2) == 99.97), rungs
    assert 0.35 < mean['simple_net']/mean['by_hand'] < 0.65
    assert mean['small_resnet']/mean['simple_net'] < 0.1
    assert all_of['learner'] == all_of['optimizer']


def answer_lists(q):
    "Answers of every sort to a question, as `mark` takes them."
    if q.typed:
        typed = [*q.options, '', '1', '-2.5e3', '1,000', '0,5', '(2, 3)', '3 x 4', '()',
                 'two words', '[ 1 , 2 ]', '[[1], [2, −3.5]]', '[nan, -inf]', '2 of 10', "['a']",
                 '[1, 2', '7.png', 'é']
        return [form.format(o) for o in typed for form in ('{}', ' {}\n', '({})', '"{}"', '{} ')]
    places = range(len(q.options))
    if q.kind == 'order':
        return [q.places, q.places[::-1], *([*places[n:], *places[:n]] for n in places)]
    return [[], *([list(o) for n in ((1,) if q.kind == 'one' else (1, 2, 3, len(places)))
                   for o in combinations(places, n)])]


def typed(q, right=True):
    "What somebody types in a terminal for a right or a wrong answer."
    if q.typed: return ' '.join(q.options[0 if right else 1].split())
    if right: return ''.join(LETTERS[i] for i in q.places)
    return ''.join(LETTERS[i] for i in next(o for o in answer_lists(q) if mark(q, o)[0] is False))


@pytest.mark.skipif(not shutil.which('node'),
                    reason='needs node, which runs the script of the page')
def test_the_page_marks_as_python_does():
    cases = [(q, given) for q in QUESTIONS for given in answer_lists(q)]
    script = (STUDY/'quiz.js').read_text(encoding='utf-8')
    code = script + ('console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0))'
                     '.map(([q, given]) => fb4Mark(q, given))));')
    done = subprocess.run(['node', '-e', code],
                          input=json.dumps([(page_data(q), given) for q, given in cases]),
                          capture_output=True, text=True, check=True)
    for (q, given), theirs in zip(cases, json.loads(done.stdout), strict=True):
        assert list(mark(q, given)) == theirs, (q.id, given)
    assert {mark(q, given)[0] for q, given in cases} == {True, False, None}


class Page(HTMLParser):
    """The text of a page without its scripts, what of it is folded away, and whether all tags are
    closed."""
    def __init__(self, html):
        super().__init__()
        self.open, self.text, self.folded, self.forms = [], '', '', 0
        self.feed(html)
    def handle_starttag(self, tag, attrs): self.open.append(tag); self.forms += tag == 'form'
    def handle_endtag(self, tag): assert self.open.pop() == tag
    def handle_data(self, data):
        if {'script', 'style'} & set(self.open): return
        self.text += data
        if 'details' in self.open: self.folded += data


@pytest.mark.parametrize('chapter', CHAPTERS)
def test_the_page_without_scripts(chapter):
    round = quiz(chapter)
    page = Page(round._repr_html_())
    assert round._repr_html_() == round.html() and round.html().startswith(round.html(alone=False))
    assert (not page.open and page.forms == len(round.questions)
            and page.text.count('Answer') >= page.forms and round.html().count('<script') == 1)
    for q in round.questions:
        assert q.ask.replace('`', '') in page.text and q.code in page.text
        for o, why in q.why.items():
            assert (f'{"✓" if o in q.right else "✗"} {o}: {why}'.replace('`', '')
                    in page.folded)
        assert all(o in repr(round)
                   and o.replace('`', '') in page.text.replace(page.folded, '')
                   for o in ([] if q.typed else q.options))
    assert not re.search(r'(?:src|href)="?(?:https?:)?//',
                         round._repr_html_()), 'it asks another host for something'


@each
def test_only_what_has_the_form_of_an_answer_is_marked(q):
    if q.kind != 'prints': return
    assert all(form(read('prints', o)) in forms(q) for o in q.options)
    assert (mark(q, q.options[0][:-1] if q.options[0][-1] in '])' else '[1,')[0] is None
            and mark(q, '')[0] is None and mark(q, 'é')[0] is None)


@pytest.mark.parametrize('chapter', [3, '3', '03', 'loss', '03_loss'])
def test_names_of_a_chapter(chapter):
    assert quiz(chapter).name == chapter_of(chapter) == '03_loss'
    done, table = (terminal(str(chapter), input='q\n'),
                   CliRunner().invoke(progress_command, [str(chapter)]))
    assert (done.exit_code == table.exit_code == 0 and '1/9  Why' in done.output
            and '03_loss ' in table.output and '04_' not in table.output)


@pytest.mark.parametrize('chapter', ['', '11', '99', 'los', None, 3.5])
def test_no_such_chapter(chapter):
    with pytest.raises(ValueError, match='chapter: got .*, want the number or the name of one: '
                       '00 data, 01'): quiz(chapter)


# In a terminal


def terminal(*args, input='', command=quiz_command, columns=80):
    return CliRunner(env=dict(COLUMNS=str(columns))).invoke(command, args, input=input)


def test_all_right_in_a_terminal():
    done = terminal(input='\n'.join(map(typed, QUESTIONS)) + '\n')
    assert (done.exit_code == 0 and f'Score: {len(QUESTIONS)}/{len(QUESTIONS)} right' in done.output
            and 'Not right' not in done.output)
    assert answers() == {q.id: True for q in QUESTIONS}
    assert 'All of these questions were answered' in terminal().output
    assert done.output.count(WAYS_OUT) == 1 and WAYS_OUT not in terminal().output


@pytest.mark.parametrize('chapter', CHAPTERS)
def test_wrong_in_a_terminal(chapter):
    """The first try is kept, also when it is asked again; every question says why, and what is
    right."""
    asked = quiz(chapter).questions
    done = terminal(number_of(chapter), input=''.join(typed(q, False) + '\n' for q in asked))
    assert (f'Score: 0/{len(asked)} right' in done.output
            and done.output.count('Not right.') == len(asked))
    for q in asked:
        assert all(' '.join(f'→ {o}: {why}'.split()) in ' '.join(done.output.split())
                   for o, why in q.right.items())
    assert f'Score: 0/{len(asked)}' in terminal(
        number_of(chapter), '--again', input=''.join(typed(q) + '\n' for q in asked)).output
    assert answers() == {q.id: False for q in asked}


@pytest.mark.parametrize('chapter', CHAPTERS)
def test_garbage_asks_again(chapter):
    "Also where any text could be an answer: a slip of the finger is none."
    asked = questions(chapter)
    def garbage(q):
        return {'number': 'many', 'shape': 'a square',
                'prints': q.options[0] + ']'}.get(q.kind, '7')
    done = terminal(chapter, input=''.join(f'{garbage(q)}\n\n{typed(q)}\n' for q in asked))
    assert (done.exit_code == 0 and 'Not right' not in done.output
            and f'Score: {len(asked)}/{len(asked)} right' in done.output), done.output


def test_a_space_for_a_new_line_is_mentioned_where_there_is_one(monkeypatch):
    assert 'a space for each new line' not in terminal(input='s\n'*len(QUESTIONS)).output
    q = replace(TYPED, kind='prints', right={'1\n2': 'Each on its own line.'},
                wrong={'1 3': 'Three is not in it.'}, code='print(1)\nprint(2)')
    monkeypatch.setattr('fastbook_ch4.study.quiz.questions', lambda chapter: [q])
    done = terminal(input='1 2\n')
    assert 'It prints (a space for each new line): ' in done.output and 'Score: 1/1' in done.output


@pytest.mark.parametrize('way', ['q', 'Q', ' quit ', 'exit'])
def test_a_way_out(way):
    done = terminal('03', input=f'{typed(quiz(3).questions[0])}\n{way}\n')
    assert (done.exit_code == 0 and 'Until next time.' in done.output
            and 'Score: 1/9 right at the first try, 1 answered.' in done.output)


@pytest.mark.parametrize('way', ['s', 'S', ' skip '])
def test_a_way_past(way):
    "A skipped question is no answer, and is asked again."
    asked = quiz(3).questions
    done = terminal('03', input=f'{way}\n' + typed(asked[1]) + '\nq\n')
    assert (answers() == {asked[1].id: True} and '3/9  ' in done.output
            and 'Not right' not in done.output)
    assert '1/9  ' in terminal('03', input='q\n').output


def test_a_resumed_round_goes_on_counting():
    asked = quiz(3).questions
    terminal('03', input=''.join(typed(q) + '\n' for q in asked[:2]))
    done = terminal('03', input=typed(asked[2]) + '\nq\n').output
    assert re.findall(r'^\d/9', done, re.M) == ['3/9', '4/9'] and 'Score: 3/9' in done


@pytest.mark.parametrize('columns', [20, 40, 80])
def test_nothing_is_wider_than_the_terminal(columns):
    wrong = [typed(q, False) for q in QUESTIONS]
    done = terminal(input='\n'.join(wrong) + '\n', columns=columns).output
    assert done.count('Not right.') == len(QUESTIONS)
    wide = [line for line in done.splitlines()
            if len(line) > columns and not line.endswith(tuple(f': {w}' for w in wrong))]
    assert not wide, wide[:5]
    for args in ([], ['03']):
        lines = terminal(*args, command=progress_command, columns=columns).output.splitlines()
        assert max(map(len, lines)) <= columns, lines


@pytest.mark.parametrize('columns', [20, 40, 60, 80, 200])
def test_heads_stand_above_their_numbers(columns):
    terminal(input='\n'.join(map(typed, QUESTIONS)) + '\n')
    lines = terminal(command=progress_command, columns=columns).output.splitlines()
    rows = lines[:len(CHAPTERS) + 2]
    total = 'all ' if columns > 20 else '= '   # The narrowest form has no room for more
    assert (len({len(o) for o in rows}) == 1 and rows[-1].startswith(total)
            and rows[-1].endswith(f' {len(QUESTIONS)}'))
    ends = [{m.end() for m in
             re.finditer(r'\S+(?: \S+)*?(?=  |$)' if columns >= 40 else r'\S+', o)}
            for o in rows]
    assert set.intersection(*ends) >= {m.end() for m in re.finditer(r'\d+/\d+', rows[-1])}, rows


def run(*args, encoding='utf-8', input='', **env):
    "A command of the course in a process of its own: exit status, standard output and errors."
    code = 'from fastbook_ch4.cli import main; main(prog_name="fastbook_ch4")'
    done = subprocess.run([sys.executable, '-c', code, *args],
                          input=input.encode(encoding, 'replace'), capture_output=True,
                          env=os.environ | env | dict(PYTHONIOENCODING=encoding))
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)


@pytest.mark.parametrize('encoding', ['cp1252', 'cp932', 'ascii', 'utf-8'])
def test_consoles_that_know_few_signs(encoding, home):
    wrong = ''.join(typed(q, False) + '\n' for q in QUESTIONS)
    status, out, err = run('quiz', input='é\n' + wrong, encoding=encoding)
    assert status == 0 and not err and out.count('Not right.') == len(QUESTIONS)
    assert (out.count('?')
            == terminal('--again', input=wrong).output.count('?')), 'a sign became a question mark'
    status, out, err = run('progress', encoding=encoding, FASTBOOK_CH4_HOME=f'{home}/é→')
    assert status == 0 and not err and 'Kept in ' in out


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such pipes')
@pytest.mark.parametrize('command', ['quiz', 'progress', 'progress 03'])
def test_a_pipe_that_is_closed(command):
    code = f"from fastbook_ch4.cli import main; main('{command}'.split(), prog_name='x')"
    line = f'yes s | {shlex.quote(sys.executable)} -u -c "{code}" | head -1'
    done = subprocess.run(['bash', '-c', line], capture_output=True, text=True)
    assert not done.stderr and len(done.stdout.splitlines()) == 1, done.stderr


def test_the_command_line_imports_little():
    "Each answers at once, without what takes seconds to import."
    code = ('import sys\nfrom fastbook_ch4.cli import main\ntry: main()\nexcept SystemExit: pass\n'
            'print(*sorted({"torch", "numpy", "yaml", "jinja2"} & set(sys.modules)), '
            'file=sys.stderr)')
    def imported(*args):
        return subprocess.run([sys.executable, '-c', code, *args], input='', capture_output=True,
                              text=True, check=True).stderr.split()
    assert [imported('--help'), imported('quiz', '03'), imported('progress'),
            imported('progress', 'loss')] == [[], ['yaml'], ['yaml'], ['yaml']]


def test_wrong_chapter_in_a_terminal():
    done = terminal('99')
    assert done.exit_code == 1 and done.output.startswith("Error: chapter: got '99'")
    assert CliRunner().invoke(progress_command, ['99']).output == done.output


def test_end_of_input_keeps_the_score():
    done = terminal('03', input=typed(quiz('03').questions[0]) + '\n')
    assert (done.exit_code == 0 and 'Until next time.' in done.output
            and 'Score: 1/' in done.output and list(answers().values()) == [True])


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no SIGINT for one process')
def test_ctrl_c_keeps_the_score():
    code = '''import signal
signal.signal(signal.SIGINT, signal.default_int_handler)   # A shell's & turns it off
from fastbook_ch4.study.quiz import quiz_command; quiz_command(prog_name="quiz")'''
    run = subprocess.Popen([sys.executable, '-u', '-c', code, '03'], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run.stdin.write(typed(quiz('03').questions[0]) + '\n'); run.stdin.flush()
    while '2/' not in run.stdout.readline(): assert run.poll() is None
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=20)
    assert (run.returncode == 0 and 'Until next time.' in out and 'Score: 1/' in out
            and 'Traceback' not in err), (out, err)
    assert list(answers().values()) == [True]


@pytest.mark.parametrize('content', [b'', b'{"answers": ', b'[]', b'\xff\xfe',
                                     b'{"exercises": {}, "answers": {"x": "yes"}}'])
def test_damaged_score_file(home, content):
    home.mkdir()
    progress_file().write_bytes(content)
    done = terminal('03', input=typed(quiz('03').questions[0]) + '\n')
    assert (done.exit_code == 0 and 'Score: 1/' in done.output
            and done.stderr.count('was damaged') == 1)
    assert ((home/'progress-damaged-1.json').read_bytes() == content
            and list(answers().values()) == [True])


def test_score_file_that_can_not_be_written(home):
    home.write_text('a file where the folder should be')
    done = terminal('03', input=''.join(typed(q) + '\n' for q in quiz('03').questions))
    n = len(quiz('03').questions)
    assert (done.exit_code == 0 and f'Score: {n}/{n}' in done.output
            and done.stderr.count('is not kept') == 1)


def test_two_processes_at_once():
    code = ('import sys; from fastbook_ch4.study.progress import record_answer, record_exercise\n'
            'for i in range(40): record_answer(f"{sys.argv[1]}-{i}", True); '
            'record_exercise("both", False)')
    runs = [subprocess.Popen([sys.executable, '-c', code, name]) for name in 'ab']
    assert [run.wait() for run in runs] == [0, 0] and len(answers()) == 80
    assert (json.loads(progress_file().read_text())['exercises']['both']
            == {'tries': 80, 'passed': False})
    assert (sorted(p.name for p in progress_file().parent.iterdir())
            in (['.progress.lock', 'progress.json'], ['progress.json']))


def test_progress_table():
    asked = quiz('03').questions
    terminal('03', input=typed(asked[0]) + '\n' + typed(asked[1], False) + '\n')
    done = CliRunner().invoke(progress_command)
    row = next(line for line in done.output.splitlines() if line.startswith('03_loss'))
    assert done.exit_code == 0 and re.search(rf' 2/{len(asked)} +1$', row), done.output
    assert str(progress_file()) in done.output.replace('\n', '')


# In a browser


@pytest.fixture
def show(browser):
    """Show rounds on a page of a host that keeps what the page stores; any error of a script fails
    the test."""
    opened, errors = [], []
    def show(*rounds, before='', url='http://course.test/', alone=True, **options):
        context = browser.new_context(**options)
        page = context.new_page()
        opened.append(context)
        page.on('pageerror', lambda e: errors.append(e))
        body = ''.join(o.html(alone) for o in rounds)
        if not alone:
            before += '</script><link rel="stylesheet" href="quiz.css"><script src="quiz.js" defer>'
        html = ('<!doctype html><meta charset="utf-8">'
                '<meta name="viewport" content="width=device-width">'
                f'<script>{before}</script><body>{body}')
        def respond(route):
            name = route.request.url.rpartition('/')[2]
            if name.startswith('quiz.'): route.fulfill(path=STUDY/name)
            else: route.fulfill(body=html, content_type='text/html')
        if url: page.route('**/*', respond)
        page.goto(url) if url else page.set_content(html)
        return page
    yield show
    for context in opened: context.close()
    assert not errors


def answer(page, form, q, right=True):
    "Answer a question with keys only."
    fields = form.locator('input, textarea')
    if q.kind == 'order':
        want = [q.options[i].replace('`', '')
                for i in (q.places if right else q.places[1:] + q.places[:1])]
        for place, text in enumerate(want):
            def now():
                return [o.strip() for o in form.locator('li:has(button) span').all_inner_texts()]
            form.get_by_role('button', name=f'Move up: {text}', exact=True).focus()
            for _ in range(now().index(text) - place): page.keyboard.press('Enter')
            assert now()[place] == text
        form.get_by_role('button', name='Check').focus()
    elif q.typed:
        fields.first.focus()
        page.keyboard.insert_text(q.options[0 if right else 1])
        if fields.first.evaluate('o => o.tagName') == 'TEXTAREA': page.keyboard.press('Tab')
    else:
        for i in q.places if right else [o for o in range(len(q.options)) if o not in q.places][:1]:
            fields.nth(i).focus()
            page.keyboard.press('Space')
    page.keyboard.press('Enter')


@pytest.mark.parametrize('chapter', CHAPTERS)
def test_a_round_by_keyboard(show, chapter):
    round = quiz(chapter)
    n = len(round.questions)
    page = show(round, viewport=dict(width=390, height=800))
    forms = page.locator('form')
    for i, q in enumerate(round.questions):
        assert not forms.nth(i).locator('details').is_visible()
        answer(page, forms.nth(i), q, right=i > 0)
        says = forms.nth(i).get_by_role('status').inner_text()
        assert says.startswith('✓ Right.' if i else '✗ Not right.'), (q.id, says)
        assert forms.nth(i).locator('details').is_visible()
    assert (f'Score: {n - 1}/{n} right at the first try, {n} answered'
            in page.locator('.fb4-bar').inner_text())
    assert page.evaluate('document.documentElement.scrollWidth') <= 390
    page.reload()
    assert f'Score: {n - 1}/{n} right' in page.locator('.fb4-bar').inner_text()
    page.get_by_role('button', name='Begin again').press('Enter')
    assert (f'Score: 0/{n} right at the first try, 0 answered'
            in page.locator('.fb4-bar').inner_text())
    assert (page.evaluate("localStorage.getItem('fastbook_ch4.quiz')") == '{}'
            and not forms.first.locator('details').is_visible())


STATE = """form => [...form.querySelectorAll('input, textarea')]
    .map(o => o.type == 'text' || o.rows ? o.value : o.checked)
    .concat([...form.querySelectorAll('li:has(button) span')].map(o => o.textContent))"""


@pytest.mark.parametrize('right', [True, False])
@pytest.mark.parametrize('q', {q.kind: q for q in QUESTIONS}.values(), ids=lambda q: q.kind)
def test_an_answer_is_there_again_after_a_reload(show, q, right):
    "With its verdict; and `Begin again` forgets it."
    page = show(Round('one', [q]))
    form = page.locator('form')
    def says(): return form.get_by_role('status').inner_text()
    empty = form.evaluate(STATE)
    answer(page, form, q, right)
    given, said = form.evaluate(STATE), says()
    page.reload()
    assert (form.evaluate(STATE) == given != empty and says() == said
            and said.startswith('✓ Right.' if right else '✗ Not right.'))
    assert (form.get_attribute('data-right') == str(right).lower()
            and ('✓' if right else '✗') + ' ' in form.locator('.fb4-first').inner_text())
    page.get_by_role('button', name='Begin again').click()
    assert form.evaluate(STATE) == empty and not says()
    page.reload()
    assert form.evaluate(STATE) == empty and not says() and form.get_attribute('data-right') is None


def test_a_wrong_choice_is_not_green(show):
    """Its mark has the colour of the verdict, and none before there is one or when another is
    chosen."""
    q = next(q for q in QUESTIONS if q.kind == 'one')
    page = show(Round('one', [q]))
    colour = "f => getComputedStyle(f.querySelector('input:checked')).accentColor"
    form, boxes, wrong = (page.locator('form'), page.locator('input'),
                          next(i for i in range(len(q.options)) if i not in q.places))
    boxes.nth(wrong).check()
    before = form.evaluate(colour)
    form.get_by_role('button', name='Check').click()
    refused = form.evaluate(colour)
    boxes.nth(q.places[0]).check()
    assert form.evaluate(colour) == before
    form.get_by_role('button', name='Check').click()
    assert (len({before, refused, form.evaluate(colour)}) == 3
            and form.evaluate(colour) == 'rgb(26, 127, 90)')


@pytest.mark.parametrize('kept', ['{"03-staircase": "x"}', '{"03-staircase": [99]}',
                                  '{"03-staircase": {}}', '[1]', '{',
                                  '{"03-view": [0], "03-zip": 7}'])
def test_kept_answers_of_another_form_are_left_out(show, kept):
    before = ("localStorage.setItem('fastbook_ch4.quiz', "
              """'{"03-staircase": true, "03-view": true, "03-zip": false}')""")
    page = show(quiz('03'),
                before=f"{before}; localStorage.setItem('fastbook_ch4.quiz.given', '{kept}')")
    assert (page.locator('.fb4-quiz[data-ready]').count() == 1
            and 'Score: 2/9 right at the first try, 3 answered'
            in page.locator('.fb4-bar').inner_text())
    assert (not ''.join(page.get_by_role('status').all_inner_texts())
            and page.locator('input:checked').count() == 0)


@pytest.mark.parametrize('q', {q.kind: q for q in QUESTIONS}.values(), ids=lambda q: q.kind)
def test_only_the_first_try_counts(show, q):
    page = show(Round('one', [q]))
    form = page.locator('form')
    answer(page, form, q, right=False)
    assert form.get_by_role('status').inner_text().startswith('✗ Not right.')
    page.get_by_role('button', name='Begin again').click()
    answer(page, form, q)
    assert (form.get_by_role('status').inner_text().startswith('✓ Right.')
            and 'Score: 1/1' in page.locator('.fb4-bar').inner_text())
    form.evaluate('form => form.reset()')
    answer(page, form, q, right=False) if q.kind != 'order' else None
    assert 'Score: 1/1' in page.locator('.fb4-bar').inner_text()


@pytest.mark.parametrize('before, url', [
    ("localStorage.setItem('fastbook_ch4.quiz', '{damaged')", 'http://course.test/'),
    ("localStorage.setItem('fastbook_ch4.quiz', '[1]')", 'http://course.test/'),
    ("Storage.prototype.setItem = () => { throw new Error('full') }", 'http://course.test/'),
    ('', None)], ids=['damaged', 'a list', 'full', 'forbidden'])
def test_storage_that_fails(show, before, url):
    "The score goes on, in the page's memory where nothing can be kept."
    round = quiz('03')
    page = show(round, before=before, url=url)
    for i, q in enumerate(round.questions[:2]): answer(page, page.locator('form').nth(i), q)
    assert f'Score: 2/{len(round.questions)} right' in page.locator('.fb4-bar').inner_text()


def test_several_rounds_on_one_page(show):
    page = show(Total(), quiz('03'), quiz('03'), quiz('04'))
    q, forms = quiz('03').questions[0], page.locator('[data-round="03_loss"]')
    assert page.locator('.fb4-quiz[data-ready]').count() == 3
    for i in (0, 1): answer(page, forms.nth(i).locator('form').first, q)
    assert page.locator('.fb4-total').inner_text().startswith(
        f'Score: 1/{len(QUESTIONS)} right at the first try, 1 answered')
    names = page.eval_on_selector_all('input[type=radio]', 'all => all.map(o => o.name)')
    assert len(set(names)) == sum(o.kind == 'one'
                                  for c in ('03', '03', '04') for o in quiz(c).questions)
    bare = page.eval_on_selector_all(
        '.fb4-quiz :is(input, textarea, button, summary, a, pre)'
        ':not([data-lm-suppress-shortcuts])', 'all => all.length')
    assert bare == 0, 'JupyterLab takes keys that are pressed there'
    ids = page.eval_on_selector_all('[id]', 'all => all.map(o => o.id)')
    assert len(ids) == len(set(ids))


def test_a_page_that_has_the_script_as_a_file(show):
    "As the site has it: read once, when the rounds are there."
    page = show(Total(), quiz('03'), quiz('04'), alone=False)
    assert (page.locator('.fb4-quiz[data-ready]').count() == 2
            and page.locator('style, script:not([src])').count() == 1)
    answer(page, page.locator('form').first, quiz('03').questions[0])
    assert page.locator('.fb4-total').inner_text().startswith(f'Score: 1/{len(QUESTIONS)}')
    assert page.locator('fieldset').first.evaluate('o => getComputedStyle(o).borderRadius') != '0px'


def test_without_scripts(show):
    round = quiz('03')
    page = show(round, java_script_enabled=False)
    assert (page.locator('input, button').count() == 0
            and page.locator('details').count() == len(round.questions))

    page.locator('summary').first.press('Enter')
    assert (next(iter(round.questions[0].right.values()))
            in page.locator('details').first.inner_text())
