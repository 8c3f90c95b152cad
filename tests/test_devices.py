"""Data, models and draws cross over to another device together.

PyTorch's `meta` device knows shapes and no numbers, and as every device it refuses tensors of
another one. So a training on it runs into each tensor that was left behind. What asks for a
number is told a made-up one.
"""
import subprocess, sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest, torch
from torch import Tensor

from conftest import in_process
import fastbook_ch4.callbacks   # Gives the Learner its `lr_find`
from fastbook_ch4 import fitting
from fastbook_ch4.data_sets import Data, Part, device_of
from fastbook_ch4.ladder import climb
from fastbook_ch4.learner import DataLoaders, Learner
from fastbook_ch4.rungs import RUNGS, resolve
from fastbook_ch4.training import DataLoader

HERE = {'cpu'} | {name for name, module in (('cuda', torch.cuda), ('mps', torch.backends.mps))
                  if module.is_available()}


def pictures(k, device='meta'):
    "Random ones of k classes."
    def part(n): return Part(torch.rand(n, 1, 28, 28), torch.arange(n) % k)
    data = Data(part(300), part(100), tuple('0123456789'[:k]), '3,7' if k == 2 else 'all')
    return data.to(device)


def made_up(k):
    "While it lasts, tensors of the meta device answer with numbers."
    answers = dict(item=0.5, __float__=0.5, __bool__=False, unique=torch.zeros(k, device='meta'))
    def pretend(name, answer):
        real = getattr(Tensor, name)
        return patch.object(Tensor, name, lambda self, *args, **kwargs: answer if self.is_meta
                            else real(self, *args, **kwargs))
    stack = ExitStack()
    for name, answer in answers.items(): stack.enter_context(pretend(name, answer))
    # The fused AdamW has no version for this device
    slow = patch.dict(fitting.ADAMW.keywords, fused=False)
    stack.enter_context(slow)
    return stack


def train(rung, k, knobs):
    data = pictures(k)
    shape, knobs = rung.settings(k, {name: v for name, v in knobs.items() if name in rung.knobs})
    with made_up(k):
        model = resolve(rung.make)(k, **shape).to('meta')
        resolve(rung.fit)(model, data, 42, False, **knobs)
        return model(data.valid.x)


# Those left out look for the images of a class, which no shape can tell, or read files
WAYS = [(k, rung) for k in (2, 10) for rung in RUNGS.values()
        if rung.suits(k) and rung.name not in ('pixels_l1', 'pixels_l2', 'quick_net',
                                                'resnet18')]


@pytest.mark.parametrize('k,rung', WAYS, ids=lambda o: getattr(o, 'name', o))
def test_a_rung_is_trained_where_its_data_are(k, rung):
    scores = train(rung, k, dict(epochs=1, shifted=True, warped=True))
    assert scores.shape == (100, k) and scores.is_meta


def left_behind(xb, generator=None, k=1):
    "`shift` with its rows on the CPU."
    moves = torch.randint(2*k + 1, (2, len(xb), 1, 1), generator=generator).to(xb.device)
    rows = torch.arange(xb.shape[-1])
    return xb[..., moves[0] + rows]


def test_a_tensor_left_behind_is_found():
    with patch.object(fitting, 'shift', left_behind), pytest.raises((RuntimeError, IndexError)):
        train(RUNGS['small_resnet'], 2, dict(epochs=1, shifted=True))


def test_a_loader_sends_its_data():
    x, y = torch.rand(10, 3), torch.arange(10)
    for shuffle in (False, True):
        dl = DataLoader(x, y, 4, shuffle, device='meta')
        assert [(xb.device.type, yb.device.type, len(yb)) for xb, yb in dl] == [
            ('meta', 'meta', 4), ('meta', 'meta', 4), ('meta', 'meta', 2)]


def missing(): return {'cuda', 'mps'} - HERE


@pytest.mark.parametrize('name', sorted(missing()) + ['abacus'])
def test_a_device_that_is_not_there(name):
    words = f"device: got '{name}', which is not here; want one of"
    with pytest.raises(ValueError, match=words): device_of(name)
    few = pictures(2, 'cpu')
    with pytest.raises(ValueError, match=words): climb(few, ['pixels_l1'], device=name)
    data = few.train
    dls = DataLoaders([(data.x.flatten(1), data.y)], ())
    model = torch.nn.Linear(784, 2)
    before = model.weight.clone()
    learn = Learner(dls, model, torch.nn.functional.cross_entropy, device=name, progress=False)
    for f in (partial(learn.fit, 1), learn.lr_find, learn.validate, learn.get_preds):
        with pytest.raises(ValueError, match=words): f()
    assert model.weight.equal(before) and model.weight.grad is None
    learn.device = 'cpu'
    learn.fit(1)
    assert not model.weight.equal(before), 'and the learner can be used afterwards'


@pytest.mark.parametrize('command', ['ladder --rungs pixels_l1', 'train --share 0.01'])
def test_the_command_line_says_so_in_one_line(command, tmp_path):
    name = min(missing() | {'abacus'})
    done = in_process(*command.split(), '--device', name, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith(f"Error: device: got '{name}'")
    assert len(done.stderr.splitlines()) == 1 and not list(tmp_path.rglob('*.safetensors'))


def gpu(*options):
    return subprocess.run([sys.executable, str(Path(__file__).with_name('gpu.py')), *options],
                          capture_output=True, text=True)


@pytest.mark.skipif(len(HERE) > 1, reason='a graphics card is here: run tests/gpu.py')
def test_the_script_for_a_card_says_that_there_is_none():
    done = gpu()
    assert done.returncode == 1 and done.stderr.startswith('Error: no graphics card is here')


@pytest.mark.thorough
def test_the_script_for_a_card_runs_on_few_images():
    done = gpu('--device', 'cpu', '--few')
    assert done.returncode == 0 and 'All of it holds' in done.stdout, done.stderr[-2000:]
