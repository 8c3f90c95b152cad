"""Whatever a console can show, and however wide it is, nothing that a command says is lost, and
nothing ends in a traceback: consoles that know few signs, narrow ones, those without colours, and
readers that stop early."""
import fcntl, io, os, pty, re, shlex, struct, subprocess, sys, termios
from collections import Counter
from itertools import product

import numpy as np, pytest
from PIL import Image

from conftest import ROOT
from changed import TIMES   # tools/changed.py
from fastbook_ch4.cli import main
from fastbook_ch4.data import load_mnist
from fastbook_ch4.study import check
from fastbook_ch4.study.chapters import CHAPTERS
from fastbook_ch4.study.check import exercises

ENCODINGS = ['cp1252', 'cp932', 'ascii']
STRANGE = 'é数→'   # Each of the three lacks one of these at least


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    "A folder with a digit, a folder of pictures, a kept model; the names are strange."
    folder = tmp_path_factory.mktemp('files')/STRANGE
    x, y = load_mnist(False)
    for digit in (3, 7):
        (of := folder/'pictures'/f'{digit} {STRANGE}').mkdir(parents=True)
        for i, im in enumerate(x[y == digit][:20].numpy()): Image.fromarray(im).save(of/f'{i}.png')
        (of/f'none {STRANGE}.png').write_bytes(b'none')
    Image.fromarray(255 - np.pad(x[0].numpy(), 20)).save(folder/f'seven {STRANGE}.png')
    (folder/'models').mkdir()
    name = 'pixels_l2.safetensors'
    (folder/'models'/name).write_bytes((ROOT/'fastbook_ch4'/'models'/name).read_bytes())
    return folder


class Console(io.TextIOWrapper):
    "What is printed to it is kept as bytes."
    def __init__(self, encoding, errors, is_terminal):
        super().__init__(io.BytesIO(), encoding, errors, write_through=True)
        self.is_terminal = is_terminal
    def isatty(self): return self.is_terminal
    def text(self): return self.buffer.getvalue().decode('utf-8' if self.encoding == 'ascii'
                                                         else self.encoding)


@pytest.fixture
def run(monkeypatch, tmp_path):
    "Runs a command as the console sees it: exit status, standard output and errors."
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('FASTBOOK_CH4_HOME', str(tmp_path/f'home {STRANGE}'))
    monkeypatch.setenv('TERM', 'xterm-256color')
    def run(*args, encoding='utf-8', columns=80, is_terminal=False, out=None):
        out = out or Console(encoding, 'strict', is_terminal)
        err = Console(encoding, 'backslashreplace', is_terminal)
        with monkeypatch.context() as m:
            m.setenv('COLUMNS', str(columns))
            for name, stream in dict(stdin=io.StringIO('s\nq\n'), stdout=out, stderr=err).items():
                m.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as end:
                main([str(a) for a in args], prog_name='fastbook_ch4')
        return end.value.code, out.text() if isinstance(out, Console) else '', err.text()
    return run


def ladder(files, *more): return 'ladder', '--rungs', 'pixels_l2', *more
def pictures(files): return ladder(files, '--images', files/'pictures', '--save', files/'kept')
def as_json(files): return ladder(files, '--json', '--images', files/'pictures')
def predict(files, *more): return 'predict', files/f'seven {STRANGE}.png', *more
def missing(files): return predict(files, files/f'none {STRANGE}.png')
def train(files, n=[0]):
    n[0] += 1   # Each time into another folder
    return ('train', '--images', files/'pictures', '--rung', 'net30', '--set', 'epochs=1', '--set',
            'bs=8', '--out', files/f'trained {n[0]:04}')
def export(files): return 'export', files/'onnx', '--models', files/'models'
def progress(files): return ['progress']
def one_chapter(files): return 'progress', 'loss'
def quiz(files): return 'quiz', 'loss'
def no_chapter(files): return 'quiz', STRANGE


SLOW = pytest.param(export, marks=pytest.mark.thorough)
COMMANDS = [ladder, pictures, as_json, predict, missing, train, SLOW, progress, one_chapter, quiz,
            no_chapter]
HELP = ['', 'ladder', 'train', 'predict', 'export', 'quiz', 'progress', 'bench']


def words(text, encoding='utf-8'):
    "The words of a text as a console has them, without times, colours and the lines of tables."
    text = re.sub(r'\x1b\[[0-9;]*m|[─━]|"seconds": .*|trained \d+', '', text)
    text = TIMES.sub('', text).encode(encoding, 'fastbook_ch4').decode(encoding)
    return Counter(o for o in re.split(r'[\s|+-]+', text) if not re.fullmatch(r'0\.\d|', o))


@pytest.mark.parametrize('command', COMMANDS, ids=lambda c: c.__name__)
def test_consoles_that_know_few_signs(run, files, command):
    whole = run(*command(files))
    assert whole[0] == (command in (missing, no_chapter)) and 'Traceback' not in whole[2]
    for encoding in ENCODINGS:
        status, *texts = run(*command(files), encoding=encoding)
        assert status == whole[0], texts
        for said, wanted in zip(texts, whole[1:]):
            said, wanted = words(said, encoding), words(wanted, encoding)
            assert said == wanted, (encoding, said - wanted, wanted - said)


@pytest.mark.parametrize('name', HELP)
def test_help_has_plain_signs(run, name):
    status, out, _ = run(*name.split(), '--help')
    assert status == 0 and out.isascii() and 'Usage: ' in out


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('chapter', CHAPTERS)
def test_checks(monkeypatch, chapter, encoding):
    "Of answers that are missing, and of one that raises an error with strange words."
    def wrong(*args, **kwargs): raise ValueError(STRANGE)
    for ex in [o for o in exercises() if o.chapter == chapter]:
        result = getattr(check, ex.name)(wrong)
        out = Console(encoding, 'strict', False)
        with monkeypatch.context() as m:
            m.setattr(sys, 'stdout', out)
            print(result)
            print(check.score(chapter))
        assert ex.name in out.text()


# Narrow ones, and those without colours


@pytest.mark.parametrize('command, columns', [
    pytest.param(export, 20, marks=pytest.mark.thorough),
    *product([ladder, pictures, predict, progress, one_chapter, quiz], [20, 40])])
def test_narrow_terminals(run, files, command, columns):
    "No line is wider, and no cell of a table is cut."
    status, out, err = run(*command(files), columns=columns, is_terminal=True)
    assert status == 0 and '…' not in out, out
    bare = re.sub(r'\x1b\[[0-9;]*m', '', out)
    wide = [o for o in bare.splitlines() if len(o.rstrip()) > columns and '/' not in o]
    assert not wide, wide
    if command in (ladder, pictures): assert re.search(r'accuracy: \d+\.\d\d%', bare), bare
    if command is predict: assert bare.count('%') == 8 and '99.6%' in bare, bare


@pytest.mark.parametrize('command', [ladder, predict, progress], ids=lambda c: c.__name__)
def test_no_colour(run, files, command, monkeypatch):
    "Nothing is said by colour alone, and NO_COLOR is honoured."
    with_colour = run(*command(files), is_terminal=True)[1]
    monkeypatch.setenv('NO_COLOR', '1')
    status, without, _ = run(*command(files), is_terminal=True)
    assert status == 0 and not re.search(r'\x1b\[(?:\d+;)*[349][0-7]m', without)
    assert words(with_colour) == words(without)


# Readers that stop early


@pytest.mark.parametrize('command', [ladder, as_json, predict, train, SLOW, progress, quiz],
                         ids=lambda c: c.__name__)
def test_a_reader_that_has_gone(run, files, command):
    "No word of it; and what was to be written is."
    kept = files/'gone.png'
    kept.unlink(missing_ok=True)
    asked = list(command(files))
    if command in (ladder, as_json): asked += ['--chart', kept]
    if command is predict: asked += ['--show', kept]
    read, write = os.pipe()
    os.close(read)
    status, _, err = run(*asked, out=os.fdopen(write, 'w'))
    assert status == 1 and 'ipe' not in err and 'Traceback' not in err, err
    if kept in asked: assert kept.read_bytes().startswith(b'\x89PNG')
    if command is train: assert [*asked[-1].iterdir()] == [asked[-1]/'checkpoint.safetensors']
    if command is export: assert [*(files/'onnx').iterdir()] == [files/'onnx'/'pixels_l2.onnx']


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such pipes')
@pytest.mark.parametrize('reader, lines', [('head -1', 1),
                                           pytest.param('true', 0, marks=pytest.mark.thorough)])
def test_pipes_of_a_shell(tmp_path, reader, lines):
    code = 'from fastbook_ch4.cli import main; main(prog_name="fastbook_ch4")'
    line = (f"{shlex.quote(sys.executable)} -c '{code}' ladder --rungs pixels_l2 --json "
            f'--chart {shlex.quote(str(tmp_path))}/a.svg | {reader}')
    done = subprocess.run(['bash', '-c', line], capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == lines and (tmp_path/'a.svg').exists()
    assert done.stderr == f'The chart is in {tmp_path}/a.svg\n'


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such terminals')
@pytest.mark.parametrize('columns', [20, 40])
@pytest.mark.parametrize('command', ['progress', 'quiz loss'])
def test_a_real_terminal(command, columns):
    "Its width is found where nothing names it."
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    code = 'from fastbook_ch4.cli import main; main(prog_name="fastbook_ch4")'
    env = {k: v for k, v in os.environ.items() if k != 'COLUMNS'}
    child = subprocess.Popen([sys.executable, '-c', code, *command.split()], stdin=there,
                             stdout=there, stderr=there, env=env)
    os.write(here, b's\nq\n')
    os.close(there)
    said = b''
    while True:
        try: more = os.read(here, 4096)
        except OSError: break   # Linux says so at the end
        if not more: break
        said += more
    lines = said.decode().splitlines()
    assert child.wait(20) == 0 and 3 < len(lines)
    assert max(map(len, lines)) <= columns and max(map(len, lines)) > columns - 8, lines


# How soon there is anything to see


def seconds(code):
    "What a process of its own prints, the best of three: seconds of a processor."
    return min(float(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                                    check=True, cwd=ROOT).stdout.split()[-1]) for _ in range(3))


def test_help_takes_less_than_a_third_of_a_second():
    assert seconds('''
import sys, time
from fastbook_ch4.cli import main
try: main(["--help"])
except SystemExit: print(time.process_time())''') < 0.3


def test_the_learner_adds_little_to_torch():
    assert seconds('''
import time, torch
start = time.process_time()
import fastbook_ch4.learner
print(time.process_time() - start)''') < 0.1
