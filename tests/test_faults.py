"""What goes wrong on a user's machine, typed at the real command line: one sentence, no traceback,
nothing left behind."""
import os, shutil, subprocess, sys, time
from pathlib import Path

import pytest

from conftest import ROOT


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
def test_wrong_arguments(args, words): sentence(ladder(*args), *words)


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


def test_half_made_folder_is_refused_and_kept(tmp_path):
    picture = tmp_path/'data/mnist_sample/train/3/10.png'
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b'half')
    sentence(ladder('--rungs', 'resnet18', FASTAI_HOME=str(tmp_path)), 'incomplete', '14,43',
             'Move or delete')
    assert picture.read_bytes() == b'half'
