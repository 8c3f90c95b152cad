"""Whatever happens in a training, the `Learner` says what it was, keeps what was measured, keeps
nothing else alive, and can be used afterwards."""
import copy, math, pickle
from functools import partial

import pytest, torch
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.nn import functional as F

from fastbook_ch4.callbacks import Accumulate, ClipGrad   # and `lr_find`
from fastbook_ch4.learner import (EVENTS, Callback, CancelBatchException, CancelEpochException,
                                  CancelFitException, DataLoaders, Learner)
from fastbook_ch4.learner_tools import TRANSIENT, OfAll, as_list, get_hypers, likeliest
from fastbook_ch4.optim import Adam, BasicOptim
from fastbook_ch4.training import DataLoader

check = settings(max_examples=40, deadline=None)
FLOWERS = torch.randn(90, 4, generator=torch.Generator().manual_seed(0))
CANCELS = CancelBatchException, CancelEpochException, CancelFitException
KINDS = (FLOWERS@torch.randn(4, 3, generator=torch.Generator().manual_seed(1))).argmax(1)


def new(train=None, valid=None, bs=16, loss_func=F.cross_entropy, seed=0, **kwargs):
    "A learner of three classes that has learned nothing yet."
    torch.manual_seed(seed)
    dls = DataLoaders(DataLoader(FLOWERS, KINDS, bs) if train is None else train,
                      DataLoader(FLOWERS[:30], KINDS[:30], bs) if valid is None else valid)
    kwargs = dict(lr=0.1, progress=False) | kwargs
    return Learner(dls, nn.Linear(4, 3), loss_func, **kwargs)


def weights(learn): return [p.detach().clone() for p in learn.model.parameters()]


def same(a, b): return all(torch.equal(p, q) for p, q in zip(a, b, strict=True))


def usable(learn):
    "Nothing of the training is left; it can be copied and kept; it trains, measures, answers."
    assert not set(TRANSIENT) & set(vars(learn)) and not learn.model.training
    assert torch.is_grad_enabled()
    copies = copy.deepcopy(learn), pickle.loads(pickle.dumps(learn))
    for one in (learn, *copies): one.fit(1)
    assert all(same(weights(learn), weights(one)) for one in copies)
    preds, targets = learn.get_preds()
    assert len(preds) == len(targets) and len(learn.validate()) == 1 + len(as_list(learn.metrics))


class At(Callback):
    "Raises an error at one of the events, the n-th time."
    def __init__(self, event, error, n=1):
        self.error, self.left = error, n
        setattr(self, event, self.strike)
    def strike(self, learn):
        self.left -= 1
        if not self.left: raise self.error


@check
@given(event=st.sampled_from(EVENTS), n=st.integers(1, 9),
       error=st.sampled_from([KeyboardInterrupt, RuntimeError, *CANCELS]))
def test_whatever_is_raised_wherever(event, n, error):
    learn = new(metrics=[lambda_free])
    cb = At(event, error('here'), n)
    try: learn.fit(2, cbs=cb)
    except BaseException as e: assert type(e) is error
    for row in learn.recorder.values: assert len(row) == len(learn.recorder.names) == 3
    assert len(learn.recorder.losses) <= 2*len(learn.dls.train)
    usable(learn)


def lambda_free(preds, yb): return (preds.argmax(1) == yb).float().mean()


@pytest.mark.parametrize('cancel', CANCELS[1:])   # There is no batch yet to leave
def test_cancelled_before_anything_was_measured(cancel):
    learn = new(metrics=[lambda_free])
    learn.fit(1, cbs=At('before_epoch', cancel('stop')))
    for row in learn.recorder.values: assert all(math.isnan(v) for v in row)
    usable(learn)


def nan_in_data(): return dict(train=[(FLOWERS*float('nan'), KINDS)])
def empty(): return dict(train=())
def only_dropped(): return dict(train=DataLoader(FLOWERS, KINDS, 100, drop_last=True))
def no_targets(): return dict(train=[(FLOWERS,)])
def a_bare_tensor(): return dict(train=[FLOWERS])
def numpy_batches(): return dict(train=[(FLOWERS.numpy(), KINDS.numpy())])
def each_a_loss(): return dict(loss_func=partial(F.cross_entropy, reduction='none'))
def no_loss(): return dict(loss_func=lambda preds, yb: None)
def a_broken_metric(): return dict(metrics=[broken_metric])
def no_device(): return dict(device='abacus')
def a_class(): return dict(cbs=[ClipGrad])
def a_misspelt_event(): return dict(cbs=[Misspelt()])
def fastais_form(): return dict(cbs=FastaisCallback())


def broken_metric(preds, yb): raise RuntimeError('no')


class Misspelt(Callback):
    def after_epohc(self, learn): pass


class FastaisCallback(Callback):
    def after_epoch(self): pass


FAULTS = {nan_in_data: 'loss_func: gave nan', empty: 'dls.train: gives no batches',
          only_dropped: 'dls.train: gives no batches', no_targets: 'without targets',
          a_bare_tensor: 'want batches of inputs and targets', numpy_batches: 'holds a ndarray',
          each_a_loss: 'loss_func: gave shape', no_loss: 'loss_func: gave NoneType',
          no_device: "device: got 'abacus'", a_class: 'cbs: ClipGrad is a class',
          a_misspelt_event: 'want after_epoch', fastais_form: 'takes no argument'}


@pytest.mark.parametrize('fault', FAULTS, ids=lambda f: f.__name__)
def test_a_fault_is_a_sentence_and_changes_nothing(fault):
    learn, before = new(**fault()), weights(new())
    with pytest.raises((ValueError, TypeError)) as e: learn.fit(1)
    assert FAULTS[fault] in str(e.value)
    assert same(weights(learn), before)
    good = new()
    learn.dls, learn.loss_func, learn.device, learn.cbs = good.dls, good.loss_func, None, ()
    learn.fit(1)
    good.fit(1)
    assert same(weights(learn), weights(good)), 'as if nothing had been'
    usable(learn)


def test_a_metric_that_raises_is_named():
    learn = new(metrics=[broken_metric])
    with pytest.raises(RuntimeError) as e: learn.fit(1)
    assert 'raised in broken_metric' in e.value.__notes__
    learn.metrics = ()
    usable(learn)


@pytest.mark.parametrize('name', ['train', 'valid'])
def test_a_loader_that_is_missing(name):
    learn = new()
    learn.dls = learn.dls._replace(**{name: None})
    with pytest.raises(ValueError, match=f'dls.{name}: got None'): learn.fit(1)
    if name == 'train': return
    for f in (learn.validate, learn.get_preds):
        with pytest.raises(ValueError, match='dls.valid: got None'): f()
    with pytest.raises(ValueError, match='no batches'): learn.get_preds(())


# Means and steps, whatever the sizes of the batches

@check
@given(bs=st.integers(1, 40), n=st.integers(1, 90))
def test_what_is_recorded_is_the_mean_over_the_items(bs, n):
    x, y = FLOWERS[:n], KINDS[:n]
    learn = new(DataLoader(x, y, bs), DataLoader(x, y, bs), metrics=[lambda_free], lr=0.)
    learn.fit(1)
    loss = F.cross_entropy(learn.model(x), y).item()
    right = lambda_free(learn.model(x), y).item()
    assert learn.recorder.values[0] == pytest.approx([loss, loss, right], abs=1e-5)
    assert learn.validate() == pytest.approx([loss, right], abs=1e-5)


def answers(targets, said): return (targets == said).double().mean().item()


@check
@given(bs=st.integers(1, 40), n=st.integers(1, 90))
def test_a_metric_of_all_answers(bs, n):
    learn = new(valid=DataLoader(FLOWERS[:n], KINDS[:n], bs), metrics=OfAll(answers))
    preds, targets = learn.get_preds()
    assert learn.validate()[1] == pytest.approx(answers(targets, likeliest(preds)))
    usable(learn)


@check
@given(bs=st.integers(1, 20), n=st.integers(2, 90), k=st.integers(1, 6))
def test_accumulated_batches_step_as_one(bs, n, k):
    x, y = FLOWERS[:n], KINDS[:n]
    few, one = new(DataLoader(x, y, bs), ()), new(DataLoader(x, y, bs*k), ())
    few.fit(1, cbs=Accumulate(k))
    one.fit(1)
    for p, q in zip(weights(few), weights(one)): assert torch.allclose(p, q, atol=1e-5)
    assert few.recorder.values[0][0] == pytest.approx(sum(
        loss*len(yb) for loss, (_, yb) in zip(few.recorder.losses, few.dls.train))/n, abs=1e-5)


@check
@given(max_norm=st.floats(1e-3, 10))
def test_clipping_scales_the_step_and_not_the_loss(max_norm):
    clipped, plain = (new([(FLOWERS, KINDS)], (), lr=1.) for _ in range(2))
    start = torch.cat([w.flatten() for w in weights(plain)])
    clipped.fit(1, cbs=ClipGrad(max_norm))
    plain.fit(1)
    moved = [(torch.cat([w.flatten() for w in weights(o)]) - start).norm().item()
             for o in (clipped, plain)]
    assert moved[0] == pytest.approx(min(moved[1], max_norm), rel=1e-4)
    assert clipped.recorder.losses == plain.recorder.losses


# The optimizer

@pytest.mark.parametrize('opt_func', [BasicOptim, Adam, torch.optim.SGD, torch.optim.AdamW])
def test_a_plain_fit_after_one_cycle_is_a_plain_fit(opt_func):
    learn = new(opt_func=opt_func)
    learn.fit(1, 0.1)
    before = get_hypers(learn.opt)
    try: learn.fit_one_cycle(1, 0.1)
    except ValueError as e: pytest.skip(str(e))   # Without momentum, it can't be cycled
    assert get_hypers(learn.opt)[1] != before[1]
    learn.fit(1, 0.1)
    assert get_hypers(learn.opt) == before and set(learn.recorder.hypers) == {before}


class Rate(Callback):
    def before_batch(self, learn):
        if learn.training: learn.opt.lr = 0.5


def test_the_recorder_takes_the_rate_from_the_optimizer():
    learn = new()
    learn.fit(1, cbs=Rate())
    assert {lr for lr, _ in learn.recorder.hypers} == {0.5}


@pytest.mark.parametrize('opt_func', [BasicOptim, Adam, torch.optim.SGD, torch.optim.AdamW])
def test_what_was_frozen_is_taken_in(opt_func):
    learn = new(opt_func=opt_func)
    learn.model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    learn.model[0].requires_grad_(False)
    frozen = learn.model[0].weight.clone()
    learn.fit(1)
    assert torch.equal(learn.model[0].weight, frozen)
    learn.model[0].requires_grad_(True)
    learn.fit(1)
    assert not torch.equal(learn.model[0].weight, frozen)
    assert all(p.grad is None or not p.grad.any() for p in learn.model.parameters())
    learn.model = nn.Linear(4, 3)
    before = weights(learn)
    learn.fit(1)
    assert not same(weights(learn), before), 'another model is trained, not the old one'
    learn.model.requires_grad_(False)
    with pytest.raises(ValueError, match='frozen'): learn.fit(1)


# Several inputs, several targets, nested

class Sum(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 3)
    def forward(self, a, b): return self.lin(a + b)


def both(preds, yb): return F.cross_entropy(preds, yb[0]) + F.cross_entropy(preds, yb[1])


def test_several_inputs_and_targets():
    batches = [(FLOWERS[:40], FLOWERS[40:80], (KINDS[:40], KINDS[40:80]))]
    learn = Learner(DataLoaders(batches, batches), Sum(), both, lr=0.1, progress=False)
    learn.fit(2)
    assert learn.recorder.values[1][0] < learn.recorder.values[0][0]


# lr_find

@pytest.mark.parametrize('epochs', [0, 1, 3, 10])
def test_lr_find_on_fresh_and_on_trained_models(epochs):
    learn = new()
    learn.fit(epochs)
    before, rows = weights(learn), list(learn.recorder.values)
    lr = learn.lr_find(1e-4, 100.)
    assert 1e-4 < lr < 100 and isinstance(lr, float)
    assert same(weights(learn), before) and learn.recorder.values == rows
    usable(learn)


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(3))
    def forward(self, x): return x[:, :3]*0 + self.w*0


@pytest.mark.parametrize('fault,words', [
    (dict(train=()), 'gives no batches'), (nan_in_data(), 'the loss was nan after 1 step')],
    ids=['empty', 'nan'])
def test_lr_find_ends_with_a_sentence(fault, words):
    with pytest.raises(ValueError, match=words): new(**fault).lr_find()


def test_lr_find_needs_steps_and_a_loss_that_moves():
    with pytest.raises(ValueError, match='num_it: got 5'): new().lr_find(num_it=5)
    learn = new()
    learn.model = Constant().eval()
    with pytest.raises(ValueError, match='the loss stays at'): learn.lr_find()
    usable(learn)


class Unsized:
    "A loader that doesn't say how many batches come."
    def __init__(self, n=3): self.n = n
    def __iter__(self): yield from [(FLOWERS, KINDS)]*self.n


class Streamed(torch.utils.data.IterableDataset):
    def __iter__(self): yield from zip(FLOWERS, KINDS)


def test_loaders_without_a_length():
    streamed = torch.utils.data.DataLoader(Streamed(), batch_size=30)
    for dl in (Unsized(), streamed):
        learn = new(dl, dl, progress=True)
        learn.fit(2)
        assert len(learn.recorder.losses) == 6
        assert 1e-4 < learn.lr_find(1e-4, 100.) < 100
        with pytest.raises(ValueError, match='has no length'): learn.fit_one_cycle(1)
        with pytest.raises(ValueError, match='has no length'): learn.fit(1, cbs=Accumulate(2))
        usable(learn)
    once = ((FLOWERS, KINDS) for _ in range(30))
    for dl in (Unsized(0), once):
        with pytest.raises(ValueError, match='gives no batches'): new(dl).lr_find(num_it=90)


def test_predictions_of_several_targets_stay_apart():
    batches = [(FLOWERS[:40], FLOWERS[:40], (KINDS[:40], KINDS[40:80])),
               (FLOWERS[:9], FLOWERS[:9], (KINDS[:9], KINDS[9:18]))]
    learn = Learner(DataLoaders(batches, batches), Sum(), both, lr=0.1, progress=False)
    preds, (first, second) = learn.get_preds()
    assert preds.shape == (49, 3) and first.shape == second.shape == (49,)


class Fastais:
    "Has the methods of fastai's metrics."
    def reset(self): pass
    def accumulate(self, learn): pass


def test_a_metric_of_fastais_is_refused():
    learn = new(metrics=Fastais())
    with pytest.raises(ValueError, match='metrics: Fastais is an object of fastai'): learn.fit(1)
    learn.metrics = ()
    usable(learn)


class Counted:
    "A loader that knows how many batches are alive at once."
    def __init__(self): self.dealt = 0
    def __iter__(self):
        for _ in range(10):
            self.dealt += 1
            yield FLOWERS, KINDS


def test_lr_find_streams_its_batches():
    dl = Counted()
    learn = new(dl)
    class Look(Callback):
        ahead = 0
        def after_batch(self, learn): self.ahead = max(self.ahead, dl.dealt - seen.n)
        def before_batch(self, learn): seen.n += 1
    class seen: n = 0
    learn.cbs = [Look()]
    learn.lr_find(1e-4, 10., num_it=40)
    assert dl.dealt == seen.n <= 41
