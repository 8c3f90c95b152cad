"""What goes wrong on a user's machine, typed at the real command line: one sentence, no traceback,
nothing left behind."""
import json, os, shutil, subprocess, sys, time
from pathlib import Path

import pytest

from conftest import ROOT, in_process


def ladder(*args, package=ROOT, **env):
    "Run `fastbook_ch4 ladder` in a fresh process, from the package in the folder `package`."
    code = (f'import sys; sys.path.insert(0, {str(package)!r}); sys.argv[0] = "fastbook_ch4"; '
            'from fastbook_ch4.cli import main; main()')
    return subprocess.run([sys.executable, '-c', code, 'ladder', *args], capture_output=True,
                          text=True, env=os.environ | env, cwd='/')


def sentence(done, *words):
    "The run failed with one line that holds the words."
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1, done
    assert 'Traceback' not in done.stderr and last.startswith('Error: ')
    for word in words: assert word in last


def test_help_is_quick():
    best = min(_timed([Path(sys.executable).with_name('fastbook_ch4'), '--help']) for _ in range(3))
    assert best < 1, f'--help took {best:.2f} s'


def _timed(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


@pytest.mark.parametrize('args, words', [
    (['--rungs', 'pixel'], ["no rung 'pixel'", 'pixels_l1', 'resnet18']),
    (['--rungs', ''], ['no rung']),
    (['--seed', '-1'], ['seed: got -1', 'from 0']),
    (['--seeds', '0'], ['seeds: got 0', 'from 1']),
    (['--chart', 'ladder.gif'], ['chart', '.png']),
    (['--chart', '/dev/null/x/ladder.png'], ['chart', 'can not be written']),
    (['--digits', '3'], ["got '3'", 'two or more different digits']),
    (['--images', '/no/such/folder'], ['/no/such/folder']),
    (['--set', 'epochs'], ['epochs', 'KNOB=VALUE']),
    (['--set', 'epoch=3'], ["no knob 'epoch'"]),
    (['--add', 'learner'], ['--into']),
    (['--into', '/dev/null/x/results.json', '--rungs', 'pixels_l1'], ['can not be'])])
def test_wrong_arguments(args, words): sentence(in_process('ladder', *args), *words)


@pytest.fixture
def package(tmp_path):
    "A copy of the package, to be damaged."
    shutil.copytree(ROOT/'fastbook_ch4', tmp_path/'fastbook_ch4')
    return tmp_path


def test_missing_data_file(package):
    (package/'fastbook_ch4/mnist/train-images-idx3-ubyte.gz').unlink()
    sentence(ladder('--rungs', 'pixels_l1', package=package),
             'train-images-idx3-ubyte.gz is missing', 'Install')


def test_damaged_data_file(package):
    path = package/'fastbook_ch4/mnist/t10k-images-idx3-ubyte.gz'
    path.write_bytes(path.read_bytes()[:-1000])
    sentence(ladder('--rungs', 'pixels_l1', package=package),
             't10k-images-idx3-ubyte.gz can not be read', 'Install')


def test_data_folder_that_cannot_be_written(tmp_path):
    (tmp_path/'file').touch()
    sentence(ladder('--rungs', 'resnet18', FASTAI_HOME=str(tmp_path/'file')), 'Can not write',
             'FASTAI_HOME')
    assert [p.name for p in tmp_path.iterdir()] == ['file']


@pytest.mark.thorough
def test_half_made_folder_is_refused_and_kept(tmp_path):
    picture = tmp_path/'data/mnist_sample/train/3/10.png'
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b'half')
    sentence(ladder('--rungs', 'resnet18', FASTAI_HOME=str(tmp_path)), 'incomplete', '14,43',
             'Move or delete')
    assert picture.read_bytes() == b'half'


# Kills, full disks, no home, damage: a few of each; `make faults` has them all


SCRIPT = r"""
from faults import *
def slowly(path, raw=b'0123456789'):
    with open(path, 'wb') as f:
        for byte in raw:
            f.write(bytes([byte])), f.flush(), time.sleep(0.005)
def in_place(folder, tell): slowly(folder/'a')
def beside(folder, tell):
    slowly(folder/f'.a.{os.getpid()}.part')
    (folder/f'.a.{os.getpid()}.part').rename(folder/'a')
def kept_if_there(folder, tell):
    if not (folder/'a').exists(): slowly(folder/'a')
def never_read(folder, name): return 1
def told_too_soon(folder, tell):
    tell(), tell()   # Two ahead: one is what may be kept and not yet told of
    study(folder, tell)
def traceback_(folder, tell): open(folder/'x'/'y', 'w')
def half_stays(folder, tell): (folder/'.a.part').touch(), sys.exit(1)
anything = lambda code, said: sentence(code, said)
rows = [kills(Kill('in place', in_place), 3), kills(Kill('beside', beside), 3),
        kills(Kill('kept', kept_if_there, whole=lambda *args: None), 3),
        kills(Kill('told too soon', told_too_soon, studied, studied_whole, trigger=True), 3),
        *damaged(2, [kept.MNIST/'t10k-labels-idx1-ubyte.gz'], lambda *args: random.random(),
                 kept.DataError),
        tried('traceback', traceback_, lambda: None, anything),
        tried('half stays', half_stays, lambda: None, anything)]
write_whole(Path(sys.argv[1]), json.dumps(rows).encode())
main(['--kills', '1', '--into', sys.argv[2]])
"""


@pytest.fixture(scope='module')
def faults(tmp_path_factory):
    """What is found of programs that do it wrong, and of ours. In a process of its own: one that
    has calculated can't be forked."""
    if not hasattr(os, 'fork'): pytest.skip('processes can not be forked here')
    wrong, ours = (tmp_path_factory.mktemp('faults')/f'{o}.json' for o in ('wrong', 'ours'))
    env = dict(OMP_NUM_THREADS='1', PYTHONPATH=os.pathsep.join(map(str, (ROOT/'tools', ROOT))))
    said = wrong.with_name('said.txt')   # A file, as with `make faults > said.txt`
    with said.open('w') as f:
        done = subprocess.run([sys.executable, '-c', SCRIPT, wrong, ours], stdout=f,
                              stderr=subprocess.PIPE, text=True, env=os.environ | env)
    assert ours.exists(), done.stderr
    done.stdout = said.read_text()
    return json.loads(wrong.read_text()), json.loads(ours.read_text(encoding='utf-8')), done


@pytest.mark.thorough
def test_faults_hold(faults):
    _, record, done = faults
    assert done.returncode == 0, done.stdout
    assert record['kills'] == 7 and len(record['rows']) > 30


@pytest.mark.thorough
def test_faults_can_be_noticed(faults):
    "Each of the wrong programs in its own way."
    rows = faults[0]
    assert len(rows) == 7 and not [o for o in rows if o['held']]
    for o, words in zip(rows, ['a is half', 'left behind: .a.', 'another result', 'were told of',
                               'unnoticed', 'No such file', '.a.part']):
        assert words in o['outcome'], o
