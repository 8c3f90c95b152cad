"The questions: their form, their answers, what a page and a terminal make of them, and the file that keeps the score."
import contextlib, io, json, os, re, shutil, signal, subprocess, sys
from collections import Counter
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner

from fastbook_ch4.study.progress import CHAPTERS as MODULES, answers, progress_command, progress_file
from fastbook_ch4.study.quiz import LETTERS, QUESTIONS, TOPICS, UNREAD, Round, Total, mark, page_data, quiz, quiz_command, read

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = list(MODULES.values())
each = pytest.mark.parametrize('q', QUESTIONS, ids=lambda q: q.id)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    "A user's data folder of its own for each test."
    monkeypatch.setenv('FASTBOOK_CH4_HOME', str(tmp_path/'home'))
    return tmp_path/'home'


def headings(notebook):
    "The headings of a notebook, as links spell them."
    cells = json.loads((ROOT/'nbs'/notebook).read_text(encoding='utf-8'))['cells']
    found = [h for c in cells if c['cell_type'] == 'markdown' for h in re.findall(r'^#+ (.*)', ''.join(c['source']), re.M)]
    return {re.sub(r'^[^a-z]+', '', '-'.join(re.sub(r'[^\w\s.-]', '', h.lower()).split())) for h in found}


def prints(code):
    "What a snippet prints, run in a namespace of its own."
    with contextlib.redirect_stdout(out := io.StringIO()): exec(compile(code, '<snippet>', 'exec'), {'__name__': '__main__'})
    return out.getvalue().strip()


def number(text): return float(read('number', text))


def faults(q):
    "What is wrong with the form of a question, as sentences."
    wrong, notebook, slug = q.wrong or {}, *q.link.split('#')
    texts = [q.ask, q.other, *q.why.keys(), *q.why.values()]
    n_right, n_wrong = {'one': (1, range(2, 5)), 'several': (len(q.right), range(1, 9)), 'order': (max(3, len(q.right)), [0])}.get(q.kind, (1, range(1, 6)))
    yield re.fullmatch(r'\d\d-[0-9a-z-]+', q.id), 'the id has a chapter, a dash, and a-z, 0-9 and dashes'
    yield q.kind in UNREAD, 'the kind is known'
    yield slug in headings(notebook), f'{q.link} leads to a heading'
    yield len(q.right) == n_right and len(wrong) in n_wrong, 'there are as many right and wrong answers as the kind needs'
    yield len(q.right) + len(wrong) == len(q.why) <= len(LETTERS), 'no answer is right and wrong, and there are letters for all'
    yield all(len(why) >= 15 and why.rstrip('`')[-1] in '.?!' for why in q.why.values()), 'every answer is explained in a sentence'
    yield all(t.count('`') % 2 == 0 and t == t.strip() for t in texts), 'backticks come in pairs, and no text begins or ends with a space'
    yield not any(re.search(r'\*\*|\]\(|\$', t) for t in texts if q.kind != 'prints'), 'code is the only markup'
    if not q.typed: return
    yield len(q.other) >= 20, '`other` says what to do'
    forms = [read(q.kind, o) for o in q.options]
    yield None not in forms and len(set(forms)) == len(forms), 'the answers can be read, and differ'
    yield bool(q.code if q.kind == 'prints' else q.proof or q.code), 'there is a snippet that prints the answer'


def answer_is_printed(q):
    "Does the snippet print the stored answer, to the letter, or for a number within its tolerance?"
    printed, right = prints(q.proof or q.code), q.options[0]
    if q.kind == 'prints': return printed == right
    if q.kind == 'number': return abs(number(printed) - number(right)) <= q.tol
    return read(q.kind, printed) == read(q.kind, right)


def answer_lists(q):
    "Answers of every sort to a question, as `mark` takes them."
    if q.typed: return [form.format(o) for o in [*q.options, '', '1', '-2.5e3', '1,000', '0,5', '(2, 3)', '3 x 4', '()', 'two words', '[ 1 , 2 ]'] for form in ('{}', ' {}\n', '({})', '"{}"', '{} ')]
    places = range(len(q.options))
    if q.kind == 'order': return [q.places, q.places[::-1], *([*places[n:], *places[:n]] for n in places)]
    return [[], *([list(o) for n in ((1,) if q.kind == 'one' else (1, 2, 3, len(places))) for o in combinations(places, n)])]


def typed(q, right=True):
    "What somebody types in a terminal for a right or a wrong answer."
    if q.typed: return ' '.join(q.options[0].split()) if right else '987654321'
    if right: return ''.join(LETTERS[i] for i in q.places)
    return ''.join(LETTERS[i] for i in next(o for o in answer_lists(q) if mark(q, o)[0] is False))


def test_how_many(capsys):
    chapters, kinds = Counter(q.chapter for q in QUESTIONS), Counter(q.kind for q in QUESTIONS)
    with capsys.disabled(): print(f'\nQuestions: {len(QUESTIONS)} in {len(chapters)} chapters; {dict(kinds)}; {len(set(TOPICS))} topics')
    assert len(QUESTIONS) >= 55 and len({q.id for q in QUESTIONS}) == len(QUESTIONS)
    assert set(chapters) == set(CHAPTERS) and min(chapters.values()) >= 4
    assert set(kinds) == set(UNREAD) and kinds['one'] <= len(QUESTIONS)/2 and min(kinds.values()) >= 3
    assert len(set(TOPICS)) == 37 and not set(TOPICS) - {q.topic for q in QUESTIONS}


@each
def test_form(q): assert not (found := [sentence for fine, sentence in faults(q) if not fine]), found


@pytest.mark.parametrize('q', [q for q in QUESTIONS if q.proof or q.kind == 'prints' or q.typed], ids=lambda q: q.id)
def test_the_snippet_prints_the_stored_answer(q): assert answer_is_printed(q), f'it printed {prints(q.proof or q.code)!r}'


def test_no_answer_can_be_guessed():
    "Neither by its length nor by its place."
    ones = [q for q in QUESTIONS if q.kind == 'one']
    longest = [q.id for q in ones if len(q.options[q.places[0]]) > max(map(len, q.wrong))]
    shortest = [q.id for q in ones if len(q.options[q.places[0]]) < min(map(len, q.wrong))]
    assert len(longest) <= 0.4*len(ones) and len(shortest) <= 0.4*len(ones), (longest, shortest)
    assert max(Counter(q.places[0] for q in ones).values()) <= 0.5*len(ones)


@pytest.mark.skipif(not shutil.which('node'), reason='needs node, which runs the script of the page')
def test_the_page_marks_as_python_does(root):
    cases = [(q, given) for q in QUESTIONS for given in answer_lists(q)]
    script = (root/'fastbook_ch4'/'quiz.js').read_text(encoding='utf-8')
    code = script + 'console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0)).map(([q, given]) => fb4Mark(q, given))));'
    done = subprocess.run(['node', '-e', code], input=json.dumps([(page_data(q), given) for q, given in cases]), capture_output=True, text=True, check=True)
    for (q, given), theirs in zip(cases, json.loads(done.stdout), strict=True): assert list(mark(q, given)) == theirs, (q.id, given)
    assert {mark(q, given)[0] for q, given in cases} == {True, False, None}


class Page(HTMLParser):
    "The text of a page without its scripts, what of it is folded away, and whether all tags are closed."
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
    assert not page.open and page.forms == len(round.questions) and page.text.count('Answer') >= page.forms
    for q in round.questions:
        assert q.ask.replace('`', '') in page.text and q.code in page.text
        for o, why in q.why.items(): assert f'{"✓" if o in q.right else "✗"} {o}: {why}'.replace('`', '') in page.folded
        assert all(o in repr(round) and o.replace('`', '') in page.text.replace(page.folded, '') for o in ([] if q.typed else q.options))
    assert not re.search(r'(?:src|href)="?(?:https?:)?//', round._repr_html_()), 'it asks another host for something'


def test_outputs_are_those_of_now():
    "Every committed round is what the function gives now."
    found = []
    for path in sorted((ROOT/'nbs').glob('[0-9]*.ipynb')):
        for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
            if m := re.search(r"^quiz\('(\d\d)'\)$", ''.join(cell['source']), re.M):
                output, = cell['outputs']
                assert ''.join(output['data']['text/html']) == quiz(m[1])._repr_html_(), f'{path.name}: run `make notebooks NOTEBOOKS=nbs/{path.name}`'
                assert ''.join(output['data']['text/plain']) == repr(quiz(m[1]))
                found.append((path.stem[:2], m[1]))
    assert {a for n, a in found if n == '11'} == {c[:2] for c in CHAPTERS}
    assert {n for n, a in found if n == a} == {c[:2] for c in CHAPTERS}, 'every chapter ends with its round'


@pytest.mark.parametrize('chapter', ['', '11', '99', 'loss', None, 3.5])
def test_no_such_chapter(chapter):
    with pytest.raises(ValueError, match='chapter: got .*, want one of 00, 01'): quiz(chapter)


def terminal(*args, input=''): return CliRunner().invoke(quiz_command, args, input=input)


def test_all_right_in_a_terminal():
    done = terminal(input='\n'.join(map(typed, QUESTIONS)) + '\n')
    assert done.exit_code == 0 and f'Score: {len(QUESTIONS)}/{len(QUESTIONS)} right' in done.output and 'Not right' not in done.output
    assert answers() == {q.id: True for q in QUESTIONS}
    assert 'All of these questions were answered' in terminal().output


@pytest.mark.parametrize('chapter', CHAPTERS)
def test_wrong_in_a_terminal(chapter):
    "The first try is kept, also when it is asked again; every question says why, and what is right."
    questions = quiz(chapter).questions
    done = terminal(chapter[:2], input=''.join(typed(q, False) + '\n' for q in questions))
    assert f'Score: 0/{len(questions)} right' in done.output and done.output.count('Not right.') == len(questions)
    for q in questions: assert all(' '.join(f'→ {o}: {why}'.split()) in ' '.join(done.output.split()) for o, why in q.right.items())
    assert f'Score: 0/{len(questions)}' in terminal(chapter[:2], '--again', input=''.join(typed(q) + '\n' for q in questions)).output
    assert answers() == {q.id: False for q in questions}


def test_garbage_asks_again():
    for q in QUESTIONS:
        garbage = {'number': 'many', 'shape': 'a square', 'prints': ''}.get(q.kind, '7')
        others = [o for o in quiz(q.chapter).questions if o is not q]
        done = terminal(q.chapter, '--again', input=''.join((f'{garbage}\n\n' if o is q else '') + typed(o) + '\n' for o in quiz(q.chapter).questions))
        assert done.exit_code == 0 and 'Not right' not in done.output and f'{len(others) + 1} answered' in done.output, (q.id, done.output)


def test_wrong_chapter_in_a_terminal():
    done = terminal('99')
    assert done.exit_code == 1 and done.output.startswith("Error: chapter: got '99'")


def test_end_of_input_keeps_the_score():
    done = terminal('03', input=typed(quiz('03').questions[0]) + '\n')
    assert done.exit_code == 0 and 'Until next time.' in done.output and 'Score: 1/' in done.output and list(answers().values()) == [True]


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no SIGINT for one process')
def test_ctrl_c_keeps_the_score():
    code = 'from fastbook_ch4.study.quiz import quiz_command; quiz_command(prog_name="quiz")'
    run = subprocess.Popen([sys.executable, '-u', '-c', code, '03'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run.stdin.write(typed(quiz('03').questions[0]) + '\n'); run.stdin.flush()
    while '2/' not in run.stdout.readline(): assert run.poll() is None
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 0 and 'Until next time.' in out and 'Score: 1/' in out and 'Traceback' not in err, (out, err)
    assert list(answers().values()) == [True]


@pytest.mark.parametrize('content', [b'', b'{"answers": ', b'[]', b'\xff\xfe', b'{"exercises": {}, "answers": {"x": "yes"}}'])
def test_damaged_score_file(home, content):
    home.mkdir()
    progress_file().write_bytes(content)
    done = terminal('03', input=typed(quiz('03').questions[0]) + '\n')
    assert done.exit_code == 0 and 'Score: 1/' in done.output and done.stderr.count('was damaged') == 1
    assert (home/'progress-damaged-1.json').read_bytes() == content and list(answers().values()) == [True]


def test_score_file_that_can_not_be_written(home):
    home.write_text('a file where the folder should be')
    done = terminal('03', input=''.join(typed(q) + '\n' for q in quiz('03').questions))
    n = len(quiz('03').questions)
    assert done.exit_code == 0 and f'Score: {n}/{n}' in done.output and done.stderr.count('is not kept') == 1


def test_two_processes_at_once():
    code = 'import sys; from fastbook_ch4.study.progress import record_answer, record_exercise\nfor i in range(40): record_answer(f"{sys.argv[1]}-{i}", True); record_exercise("both", False)'
    runs = [subprocess.Popen([sys.executable, '-c', code, name]) for name in 'ab']
    assert [run.wait() for run in runs] == [0, 0] and len(answers()) == 80
    assert json.loads(progress_file().read_text())['exercises']['both'] == {'tries': 80, 'passed': False}
    assert sorted(p.name for p in progress_file().parent.iterdir()) in (['.progress.lock', 'progress.json'], ['progress.json'])


def test_progress_table():
    questions = quiz('03').questions
    terminal('03', input=typed(questions[0]) + '\n' + typed(questions[1], False) + '\n')
    done = CliRunner().invoke(progress_command)
    row = next(line for line in done.output.splitlines() if line.startswith('03_loss'))
    assert done.exit_code == 0 and re.search(rf' 2 / ?{len(questions)} +1$', row), done.output
    assert str(progress_file()) in done.output


def test_no_torch():
    code = 'import sys, fastbook_ch4.study.quiz, fastbook_ch4.study.progress; print({"torch", "numpy", "fastai"} & set(sys.modules))'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == 'set()'


@pytest.fixture
def show(browser):
    "Show rounds on a page of a host that keeps what the page stores; any error of a script fails the test."
    opened, errors = [], []
    def show(*rounds, before='', url='http://course.test/', **options):
        context = browser.new_context(**options)
        page = context.new_page()
        opened.append(context)
        page.on('pageerror', lambda e: errors.append(e))
        body = ''.join(o._repr_html_() for o in rounds)
        html = f'<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><script>{before}</script><body>{body}'
        if url: page.route('**/*', lambda route: route.fulfill(body=html, content_type='text/html'))
        page.goto(url) if url else page.set_content(html)
        return page
    yield show
    for context in opened: context.close()
    assert not errors


def answer(page, form, q, right=True):
    "Answer a question with keys only."
    fields = form.locator('input, textarea')
    if q.kind == 'order':
        want = [q.options[i].replace('`', '') for i in (q.places if right else q.places[1:] + q.places[:1])]
        for place, text in enumerate(want):
            def now(): return [o.strip() for o in form.locator('li:has(button) span').all_inner_texts()]
            form.get_by_role('button', name=f'Move up: {text}', exact=True).focus()
            for _ in range(now().index(text) - place): page.keyboard.press('Enter')
            assert now()[place] == text
        form.get_by_role('button', name='Check').focus()
    elif q.typed:
        fields.first.focus()
        page.keyboard.insert_text(q.options[0] if right else '987654321')
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
    assert f'Score: {n - 1}/{n} right at the first try, {n} answered' in page.locator('.fb4-bar').inner_text()
    assert page.evaluate('document.documentElement.scrollWidth') <= 390
    page.reload()
    assert f'Score: {n - 1}/{n} right' in page.locator('.fb4-bar').inner_text()
    page.get_by_role('button', name='Begin again').press('Enter')
    assert f'Score: 0/{n} right at the first try, 0 answered' in page.locator('.fb4-bar').inner_text()
    assert page.evaluate("localStorage.getItem('fastbook_ch4.study.quiz')") == '{}' and not forms.first.locator('details').is_visible()


@pytest.mark.parametrize('q', {q.kind: q for q in QUESTIONS}.values(), ids=lambda q: q.kind)
def test_only_the_first_try_counts(show, q):
    page = show(Round('one', [q]))
    form = page.locator('form')
    answer(page, form, q, right=False)
    assert form.get_by_role('status').inner_text().startswith('✗ Not right.')
    page.get_by_role('button', name='Begin again').click()
    answer(page, form, q)
    assert form.get_by_role('status').inner_text().startswith('✓ Right.') and 'Score: 1/1' in page.locator('.fb4-bar').inner_text()
    form.evaluate('form => form.reset()')
    answer(page, form, q, right=False) if q.kind != 'order' else None
    assert 'Score: 1/1' in page.locator('.fb4-bar').inner_text()


@pytest.mark.parametrize('before, url', [("localStorage.setItem('fastbook_ch4.study.quiz', '{damaged')", 'http://course.test/'), ("localStorage.setItem('fastbook_ch4.study.quiz', '[1]')", 'http://course.test/'),
    ("Storage.prototype.setItem = () => { throw new Error('full') }", 'http://course.test/'), ('', None)], ids=['damaged', 'a list', 'full', 'forbidden'])
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
    assert page.locator('.fb4-total').inner_text().startswith(f'Score: 1/{len(QUESTIONS)} right at the first try, 1 answered')
    names = page.eval_on_selector_all('input[type=radio]', 'all => all.map(o => o.name)')
    assert len(set(names)) == sum(o.kind == 'one' for c in ('03', '03', '04') for o in quiz(c).questions)
    bare = page.eval_on_selector_all('.fb4-quiz :is(input, textarea, button, summary, a, pre):not([data-lm-suppress-shortcuts])', 'all => all.length')
    assert bare == 0, 'JupyterLab takes keys that are pressed there'
    ids = page.eval_on_selector_all('[id]', 'all => all.map(o => o.id)')
    assert len(ids) == len(set(ids))


def test_without_scripts(show):
    round = quiz('03')
    page = show(round, java_script_enabled=False)
    assert page.locator('input, button').count() == 0 and page.locator('details').count() == len(round.questions)
    page.locator('summary').first.press('Enter')
    assert next(iter(round.questions[0].right.values())) in page.locator('details').first.inner_text()
