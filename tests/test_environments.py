"The quick part of `make environments`: what is promised where, and whether a resolver agrees."
import json, os, re, shlex, socket, subprocess, sys, tarfile, zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest, yaml
from click.testing import CliRunner

import environments as env
from conftest import ROOT
from fastbook_ch4.cli import main


def first_word(requirement): return re.match(r'[\w.-]+', requirement)[0]


# What is promised

OLDEST = '3.11.0' # The oldest Python for which constraints.txt is made


def unsolvable(constraints, python):
    """What uv's resolver says where this Python or a newer one can't have the development
    environment; nothing where all can."""
    command = [Path(sys.executable).with_name('uv'), 'pip', 'compile', '--quiet', '--universal',
               '--python-version', python, '--constraints', constraints,
               '--extra', 'dev', 'setup.py']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if re.search(r'Failed to fetch|error sending request|dns error', done.stderr):
        pytest.skip('the package index can not be reached')
    return done.stderr if done.returncode else ''


def test_every_promised_python_can_have_the_constraints():
    assert not (said := unsolvable(ROOT/'constraints.txt', OLDEST)), said


def test_constraints_can_be_unsolvable(tmp_path):
    text = (ROOT/'constraints.txt').read_text(encoding='utf-8')
    (tmp_path/'c.txt').write_text(re.sub(r'(?m)^soupsieve.*\n', '', text) + 'soupsieve==4.1.3\n')
    assert 'soupsieve' in unsolvable(tmp_path/'c.txt', '3.11.2')   # soupsieve 4.1.3 wants 3.11.5


def oldest_pythons():
    "The oldest Python, as each place that names one has it."
    ini = ConfigParser(delimiters='='); ini.read(ROOT/'settings.ini')
    workflow = yaml.safe_load((ROOT/'.github/workflows/test.yaml').read_text(encoding='utf-8'))
    return dict(settings=ini['DEFAULT']['min_python'],
                readme=re.search(r'Python (3\.\d+) or newer',
                                 (ROOT/'README.md').read_text(encoding='utf-8'))[1],
                workflow=min(workflow['jobs']['test']['strategy']['matrix']['python'],
                             key=lambda v: int(v.split('.')[1])), tests=OLDEST.removesuffix('.0'))


def test_one_oldest_python(): assert len(set(oldest_pythons().values())) == 1, oldest_pythons()


def test_make_names_the_python_that_is_too_old(tmp_path):
    fake = tmp_path/'python'
    old = "sys.version_info = (3, 9); sys.version = '3.9.2'"
    code = f'import sys; {old}; exec(sys.argv[1])'
    fake.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{code}" "$2"\n')
    fake.chmod(0o755)
    made = subprocess.run(['make', '--always-make', f'PYTHON={fake}', '.venv/ready'], cwd=ROOT,
                          capture_output=True, text=True)
    assert 'is Python 3.9.2, and the course needs 3.11 or newer' in made.stderr
    assert made.returncode and 'pip' not in made.stdout


def test_packages(tmp_path, tracked):
    "The sdist, and the wheel that is built from it, hold all of the package, its data included."
    uv = Path(sys.executable).with_name('uv')
    subprocess.run([uv, 'build', '--quiet', '--no-build-isolation', '--python', sys.executable,
                    '--out-dir', tmp_path, ROOT], check=True)
    wheel, sdist = next(tmp_path.glob('*.whl')), next(tmp_path.glob('*.tar.gz'))
    with tarfile.open(sdist) as t: source = {name.partition('/')[2] for name in t.getnames()}
    with zipfile.ZipFile(wheel) as z:
        names = set(z.namelist())
        metadata = z.read(next(n for n in names if n.endswith('METADATA'))).decode()
        scripts = z.read(next(n for n in names if n.endswith('entry_points.txt'))).decode()
    alike = {name for name in tracked if not name.startswith(('.github/', '.ci/'))}
    assert not (lost := alike - source - {'fastbook_ch4.egg-info'}), f'not in the sdist: {lost}'
    files = {p.relative_to(ROOT).as_posix() for p in (ROOT/'fastbook_ch4').rglob('*')
             if p.is_file() and '__pycache__' not in p.parts}
    assert {'fastbook_ch4/quoted.json', 'fastbook_ch4/study/quiz.js',
            'fastbook_ch4/models/net30.safetensors'} <= files
    assert not files - names and not files - source, (files - names, files - source)
    assert {name for name in names if '.dist-info/' not in name} == files, 'and nothing else'
    assert 'fastbook_ch4 = fastbook_ch4.cli:main' in scripts
    ini = ConfigParser(delimiters='='); ini.read(ROOT/'settings.ini')
    assert f"Version: {ini['DEFAULT']['version']}" in metadata
    needed = re.findall(r'^Requires-Dist: (?!.*extra ==)(.*)', metadata, re.M)
    assert any('torch' in o for o in needed), needed
    assert not (set(map(first_word, needed)) & {'nbdev', 'onnx', 'accelerate', 'hypothesis'})
    extras = set(re.findall('^Provides-Extra: (.*)', metadata, re.M))
    assert extras == {'dev', 'onnx', 'processes'}

# Extras

def test_what_is_missing_is_named(monkeypatch, tmp_path):
    for command, module, extra in (('export out', 'onnxscript', 'onnx'),
                                   ('train', 'accelerate', 'processes')):
        with monkeypatch.context() as m:
            m.setitem(sys.modules, module, None)
            m.chdir(tmp_path)
            done = CliRunner().invoke(main, command.split())
        assert done.exit_code == 1 and f"pip install 'fastbook_ch4[{extra}]'" in done.output


def imported(path):
    "The distributions that a module of the package imports, by their first name."
    names = re.findall(r'^ *(?:import|from) +(\w.*)', path.read_text(encoding='utf-8'), re.M)
    return {name.split('.')[0].split(' ')[0].strip(',') for line in names
            for name in (line.split(' import ')[:1] if ' import ' in line else line.split(', '))}


CALLED = dict(PIL='pillow', yaml='pyyaml')   # Where an import has another name


def test_the_package_asks_for_what_it_imports():
    "No more, but for what only notebooks need, and no less."
    ini = ConfigParser(delimiters='='); ini.read(ROOT/'settings.ini')
    asked = {first_word(o) for o in ini['DEFAULT']['requirements'].split()}
    files = [p for p in (ROOT/'fastbook_ch4').rglob('*.py') if p.name != '_modidx.py']
    used = {CALLED.get(o, o) for p in files for o in imported(p)}
    used -= {*sys.stdlib_module_names, 'fastbook_ch4'}
    assert used - asked == {'accelerate', 'onnxruntime'}, 'those of the extras, behind `need`'
    assert asked - used <= {'torchvision', 'fastai', 'pandas', 'matplotlib', 'pillow'}


# README's words

def test_every_command_of_readme_runs_somewhere():
    said = {line for b in env.blocks((ROOT/'README.md').read_text('utf-8')) for line in b}
    ran = {line for row in env.rows() for line in [*row.setup, *row.run]}
    assert len(said) > 12 and not said - ran


def test_what_the_table_tells():
    said = {'pytest -q -n 2 tests': '`pytest`', 'fastbook_ch4 ladder --rungs a,b':
            '`fastbook_ch4 ladder`', 'a b says c[d], and with it runs':
            '`a b` without its extra, and with it', '.venv/bin/a b': '`a b`',
            env.TAKEN: env.TAKEN}
    assert [env.told(o) for o in said] == [*said.values()]


def test_readme_says_what_is_downloaded():
    said = re.search(r'most of the ([\d.]+) GB that are downloaded',
                     (ROOT/'README.md').read_text('utf-8'))[1]
    assert said == f"{env.read()['alone']['download']/1000:.1f}"


def test_what_a_block_says():
    text = """a\n```\nmake run   # climb\na\\b   # elsewhere: source a\n```\n```\nls\n```"""
    assert env.blocks(text) == [['make run', 'source a'], ['ls']]


def test_what_is_on_record_is_of_today_and_holds():
    if 'MAKING_ENVIRONMENTS' in os.environ: pytest.skip('they are being made')
    assert not (lacking := list(env.missing(env.read()))), f'make environments: {lacking}'


@pytest.mark.parametrize('change, words', [
    (lambda o: o.pop('make'), 'make: never ran'),
    (lambda o: o['lowest'].update(failed=True), 'lowest: failed'),
    (lambda o: o['alone']['ran'].pop(), 'alone: README says other words now')])
def test_the_record_can_lack_something(change, words):
    record = {row.name: dict(setup=row.setup, ran=row.run[:]) for row in env.rows()}
    assert not list(env.missing(record))
    change(record)
    assert list(env.missing(record)) == [words]


def test_a_picture_of_ones_own_is_no_part_of_the_course():
    "As README's words put one beside the Makefile, and `make test` may come after."
    if not (ROOT/'.git').exists(): pytest.skip('the source distribution comes without Git')
    def ignored(name): return not subprocess.run(['git', 'check-ignore', '-q', name],
                                                 cwd=ROOT).returncode
    assert ignored('photo.jpg') and not ignored('photo.py')


# Running

def test_the_network_can_be_cut_off():
    if not env.can_be_offline(): pytest.skip('there is no way to cut the network off here')
    with socket.create_server(('127.0.0.1', 0)) as s:
        code = f'import socket; socket.create_connection(("127.0.0.1", {s.getsockname()[1]}))'
        command = [sys.executable, '-c', code]
        assert not subprocess.run(command).returncode
        done = subprocess.run(env.offline(command), capture_output=True, text=True)
    assert 'ConnectionRefusedError' in done.stderr   # Its own host is there, and nobody on it


@pytest.fixture
def place(tmp_path):
    row = env.Row('x', 'x', 'x', [], [])
    return env.Place(row, sys.executable, tmp_path)


def test_a_program_beside_the_clone_finds_the_package(tmp_path):
    (tmp_path/'fastbook_ch4').mkdir()
    code = 'from fastbook_ch4.data import load_mnist; print(len(load_mnist(False)[1]))'
    for command in ([sys.executable, '-c', code], [sys.executable, tmp_path/'program.py']):
        (tmp_path/'program.py').write_text(code)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout == '10000\n', done.stderr


def test_commands_can_fail(place, monkeypatch):
    place.do('python3 -c "print(1)"')
    with pytest.raises(env.Failed, match='exit 3'): place.do('exit 3')
    with pytest.raises(env.Failed, match='exit 0'): place.do('true says onnx, and with it runs')
    with pytest.raises(env.Failed, match='no such thing'):
        place.do("sh -c 'echo no such thing; exit 1' says onnx, and with it runs")
    monkeypatch.setattr(env, 'SERVER', re.compile('echo'))
    with pytest.raises(env.Failed, match='nothing'): place.do('echo nothing')
    place.do('echo it is running at last')


def test_a_row_that_fails_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(env, 'at', lambda *o: '{}')
    done = env.run(env.Row('x', 'x', 'x', ['echo hello; exit 2'], []), sys.executable, tmp_path)
    assert 'hello' in done['failed']


def test_what_pip_says_it_took():
    said = """Downloading torch-2.whl.metadata (5 kB)\nDownloading torch-2.whl (800.0 MB)
    Using cached numpy-2.whl (1.2 GB)\nDownloading x.tar.gz (300 kB)"""
    assert env.downloaded(said) == 2000
