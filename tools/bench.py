"""Time the course's pieces against fastai, PyTorch and bare arithmetic, for the page Benchmarks.

    make bench                                 all works, ten rounds each, into
                                               fastbook_ch4/results/bench.json
    fastbook_ch4 bench --only 'ten digits'     one of them, printed and not kept
"""
import itertools, json, os, statistics, time
from functools import partial
from pathlib import Path

import click, torch, torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel

from bench_predict import predict_works
from fastbook_ch4.data_sets import Part, data_of
from fastbook_ch4.files import write_whole
from fastbook_ch4.fitting import ADAMW, fit_net
from fastbook_ch4.kept import read_idx
from fastbook_ch4.ladder import cpu, score, train_rung, versions
from fastbook_ch4.learner import Callback, DataLoaders, Learner
from fastbook_ch4.loss import batch_accuracy, init_params, linear1, mnist_loss, threes_sevens
from fastbook_ch4.nets import make_net
from fastbook_ch4.rung_nets import SecondLook
from fastbook_ch4.rungs import RUNGS
from fastbook_ch4.small_nets import small_resnet
from fastbook_ch4.ten_digits import hardest
from fastbook_ch4.training import DataLoader, train_epoch, validate_epoch
from fastbook_ch4.training_tools import hold_out

SEEDS = range(200, 210) # Taken in turns by the works that train a classifier
BS = 256                # Images in a batch


def alternate(works, rounds=10):
    """Wall times of functions without arguments, in turns, after one run of each that doesn't
    count: name -> seconds."""
    times = {name: [] for name in works}
    for r in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if r: times[name].append(time.perf_counter() - start)
    return times


# The linear model and simple_net: one epoch of the threes and sevens, and a look at the validation
# images


def tuples(train):
    "The book's way to the data: a list of pairs, dealt out and put together item by item."
    from fastai.data.all import DataLoader
    return DataLoader(list(zip(*threes_sevens(train))), bs=BS)


def epoch(dls, model, params, lr=1.):
    "One epoch with the loop of chapter 04."
    train_epoch(dls.train, model, mnist_loss, params, lr)
    return validate_epoch(dls.valid, model)


def bare(data, model, params, lr=1.):
    "The same epoch with nothing but slices and PyTorch's own calls."
    x, y, vx, vy = data
    for i in range(0, len(x), BS):
        mnist_loss(model(x[i:i+BS]), y[i:i+BS]).backward()
        with torch.no_grad():
            for p in params:
                p.sub_(p.grad, alpha=lr)
                p.grad = None
    with torch.no_grad():
        right = sum(batch_accuracy(model(vx[i:i+BS]), vy[i:i+BS])*len(vx[i:i+BS])
                    for i in range(0, len(vx), BS))
    return right.item()/len(vx)


def floor(batches, valid, layers, lr=1.):
    """The arithmetic of the same epoch, on batches that were cut beforehand: scores, the gradient
    by its formula, a step. `layers` are pairs of weight and bias, trained in place."""
    def forward(xb):
        acts = [xb]
        for i, (w, b) in enumerate(layers):
            out = torch.addmm(b, acts[-1], w)
            acts.append(out.relu_() if i < len(layers) - 1 else out)
        return acts
    for xb, yb in batches:
        *acts, scores = forward(xb)
        s = scores.sigmoid_()
        g = s*(1 - s)*(1 - 2*yb)/len(xb)
        for i, (w, b) in reversed(list(enumerate(layers))):
            dw, db = acts[i].T@g, g.sum(0)
            if i: g = (g@w.T)*(acts[i] > 0)
            w.sub_(dw, alpha=lr)
            b.sub_(db, alpha=lr)
    for xb, yb in valid: ((forward(xb)[-1] > 0) == (yb == 1)).sum().item()


def cut(data):
    "Slices of training and validation images, cut beforehand."
    return [[(x[i:i+BS], y[i:i+BS]) for i in range(0, len(x), BS)] for x, y in (data[:2], data[2:])]


def linear_works():
    data = [*threes_sevens(), *threes_sevens(train=False)]
    ours = DataLoaders(DataLoader(*data[:2], BS), DataLoader(*data[2:], BS))
    shuffled = DataLoaders(DataLoader(*data[:2], BS, shuffle=True), ours.valid)
    book = DataLoaders(tuples(True), tuples(False))
    params = init_params((784, 1), std=0.01), init_params(1, std=0.01)
    model = partial(linear1, weights=params[0], bias=params[1])
    layers = [[p.detach().clone() for p in params]]
    return {'own loop and DataLoader': partial(epoch, ours, model, params),
            'own loop and DataLoader, shuffled': partial(epoch, shuffled, model, params),
            "the book's way": partial(epoch, book, model, params),
            'bare slicing': partial(bare, data, model, params),
            'floor': partial(floor, *cut(data), layers)}


def net_works():
    import fastai.callback.progress   # Gives the Learner its `no_bar`
    from fastai.basics import DataLoaders as FastaiDataLoaders, Learner as FastaiLearner, SGD
    data = [*threes_sevens(), *threes_sevens(train=False)]
    ours = DataLoaders(DataLoader(*data[:2], BS), DataLoader(*data[2:], BS))
    net, layers = make_net(), [(m.weight.detach().T.clone(), m.bias.detach().clone())
                               for m in make_net() if isinstance(m, nn.Linear)]
    own = Learner(ours, make_net(), mnist_loss, lr=1., metrics=batch_accuracy, progress=False)
    def theirs(dls):
        learn = FastaiLearner(FastaiDataLoaders(*dls), make_net(), opt_func=SGD,
                              loss_func=mnist_loss, metrics=batch_accuracy, lr=1.)
        def fit():
            with learn.no_bar(), learn.no_logging(): learn.fit(1)
        return fit
    return {'own Learner': lambda: own.fit(1),
            "fastai's Learner, the book's way": theirs((tuples(True), tuples(False))),
            "fastai's Learner, sliced batches": theirs(ours),
            'bare loop': partial(bare, data, net, list(net.parameters())),
            'floor': partial(floor, *cut(data), layers)}


def small_works():
    "The small residual net, one epoch of the threes and sevens, in order, with AdamW."
    x, y = data_of('3,7').train
    def made(): return small_resnet().to(memory_format=torch.channels_last)
    net = made()
    opt = ADAMW(net.parameters(), lr=1e-3)
    own = Learner(DataLoaders(DataLoader(x, y, BS), ()), made(), F.cross_entropy, ADAMW, lr=1e-3,
                  progress=False)
    def bare():
        for i in range(0, len(x), BS):
            F.cross_entropy(net(x[i:i+BS]), y[i:i+BS]).backward()
            opt.step()
            opt.zero_grad()
    return {'own Learner, small residual net': lambda: own.fit(1),
            'bare loop, small residual net': bare}


# Whole classifiers: each takes the seeds in turns, and what it reaches is kept


def seeded(fits, accuracies):
    """Works that take the seeds in turns, and begin with the last, in the run whose time doesn't
    count; `accuracies` gains name -> seed -> accuracy."""
    def work(name, seeds):
        seed = next(seeds)
        accuracies.setdefault(name, {})[seed] = fits[name](seed)
    return {name: partial(work, name, itertools.cycle([SEEDS[-1], *SEEDS[:-1]])) for name in fits}


def rung_from_disk(name, seed):
    "A rung on the threes and sevens, its files read, unpacked and decoded anew."
    read_idx.cache_clear()
    data = data_of('3,7')
    return score(train_rung(RUNGS[name], data, seed), data.valid)[0]


def fastai_way(seed, **loader):
    """fastai's calls with nothing said but the seed: `from_folder`, `vision_learner`,
    `fit_one_cycle(1)`."""
    from fastai.vision.all import ImageDataLoaders, accuracy, resnet18, set_seed, vision_learner
    from fastbook_ch4.kept import mnist_sample
    set_seed(seed, reproducible=True)
    learn = vision_learner(ImageDataLoaders.from_folder(mnist_sample(), **loader), resnet18,
                           pretrained=False, loss_func=F.cross_entropy, metrics=accuracy)
    with learn.no_logging(), learn.no_bar():
        learn.fit_one_cycle(1)
        return learn.validate()[1]


def resnet_works(accuracies):
    return seeded({'trimmed resnet18, own Learner': partial(rung_from_disk, 'trimmed_resnet18'),
                   "fastai's way, with its workers": fastai_way,
                   "fastai's way, without workers": partial(fastai_way, num_workers=0)}, accuracies)


def two_digits_works(accuracies):
    return seeded({'small residual net': partial(rung_from_disk, 'small_resnet'),
                   'trimmed resnet18, beside it': partial(rung_from_disk, 'trimmed_resnet18')},
                  accuracies)


def known_run(parts, seed, channels_last=True, smoothing=0.):
    """The best known run of one epoch: the last notebook of tuomaso/train_mnist_fast. Its network
    and settings are facts, and the code is ours. Images are normalised and mixed once, before; each
    epoch takes slices in that order; Adam with betas 0.7 and 0.9; PyTorch's OneCycleLR with its own
    defaults, and no cycle of momentum. Memory layout, the fused optimizer and label smoothing are
    ours to give it."""
    (x, y), (vx, vy) = parts
    torch.manual_seed(seed)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = nn.Sequential(nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU(),
                        nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
                        nn.Flatten(), nn.Linear(800, 256), nn.ReLU(),
                        nn.Linear(256, 10)).to(memory_format=layout)
    opt = torch.optim.Adam(net.parameters(), lr=0.01, betas=(0.7, 0.9), fused=channels_last)
    schedule = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=0.01, total_steps=-(-len(x)//256),
                                                   cycle_momentum=False)
    for i in range(0, len(x), 256):
        opt.zero_grad()
        F.cross_entropy(net(x[i:i+256]), y[i:i+256], label_smoothing=smoothing).backward()
        opt.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        return sum((net(xb).argmax(1) == yb).sum().item()
                   for xb, yb in zip(vx.split(2000), vy.split(2000)))/len(vy)


def known_parts(data):
    "Images as that run has them: normalised, and in an order that is drawn once."
    order = torch.randperm(len(data.train.y), generator=torch.Generator().manual_seed(0))
    train = Part(data.train.x[order], data.train.y[order])
    return [((x - 0.1307)/0.3081, y) for x, y in (train, data.valid)]


def rung_on(name, data, seed): return score(train_rung(RUNGS[name], data, seed), data.valid)[0]


def race_works(accuracies):
    data = data_of('all')
    parts = known_parts(data)
    return seeded({'quick_net': partial(rung_on, 'quick_net', data),
                   'the best known run, as published': partial(known_run, parts,
                                                               channels_last=False),
                   'the best known run, channels_last': partial(known_run, parts),
                   'the best known run, label smoothing': partial(known_run, parts,
                                                                  smoothing=0.1)}, accuracies)


def long_works(accuracies):
    data = data_of('all')
    return seeded({'small residual net, ten digits': partial(rung_on, 'small_resnet', data),
                   'the best known run, beside it': partial(known_run, known_parts(data))},
                  accuracies)


# The staircase: what each idea of the race saves and costs, on held-out training images


def stairs_net(hidden, crop, padding, stride):
    "`quick_net`, or what it was before a margin, a padding and half of the places were left out."
    pool = [nn.MaxPool2d(2)] if stride == 1 else []
    net = nn.Sequential(
        nn.ZeroPad2d(-crop), nn.Conv2d(1, 16, 5, stride, 2*padding, bias=False), *pool,
        nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 1, padding, bias=False),
        nn.MaxPool2d(2), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(),
        nn.LazyLinear(hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 10))
    net.eval()(torch.zeros(1, 1, 28, 28))   # It says how many numbers the linear layer gets
    return net


class Bytes(Callback):
    "Makes numbers from 0 to 1 of a batch of bytes."
    def before_batch(self, learn): learn.xb = learn.xb.float()/255


class Averaging(Callback):
    "Ends with the mean of the weights after each of the last tenth of the steps."
    def before_fit(self, learn): self.mean = AveragedModel(learn.model)
    def after_step(self, learn):
        if learn.training and learn.iter > 0.9*learn.n_epoch*len(learn.dls.train):
            self.mean.update_parameters(learn.model)
    def after_fit(self, learn):
        with torch.no_grad():
            for p, q in zip(learn.model.parameters(), self.mean.module.parameters()): p.copy_(q)


def one_step(data, seed, crop=2, padding=0, stride=2, smoothing=0.1, fewer=True, again=True,
             in_bytes=False, averaged=False):
    "Train one step of the staircase; its accuracy."
    shape, knobs = RUNGS['quick_net'].settings(10)
    torch.manual_seed(seed)
    net = SecondLook(stairs_net(shape['hidden'], crop, padding, stride), shape['sure']*again)
    rows = hardest(*data.train, knobs['hard'], knobs['others'], torch.Generator().manual_seed(seed))
    part = Part(*(t[rows] for t in data.train)) if fewer else data.train
    if in_bytes: part = Part((part.x*255).round().byte(), part.y)
    fit_net(net, data._replace(train=part), seed, smoothing=smoothing,
            cbs=[Bytes()]*in_bytes + [Averaging()]*averaged,
            **{k: knobs[k] for k in ('bs', 'epochs', 'lr', 'pct_start')})
    return score(net, data.valid)[0]


# Each with those before it, but for the last two, which were not kept
STAIRS = {'the whole picture': dict(crop=0, padding=1, stride=1, smoothing=0., fewer=False,
                                    again=False),
          'the margin left out': dict(padding=1, stride=1, smoothing=0., fewer=False, again=False),
          'no padding': dict(stride=1, smoothing=0., fewer=False, again=False),
          'every second place': dict(smoothing=0., fewer=False, again=False),
          'label smoothing': dict(fewer=False, again=False),
          'a second look': dict(fewer=False),
          'fewer easy images': dict(),
          'weights averaged': dict(averaged=True),
          'bytes gathered': dict(in_bytes=True)}


def stairs_works(accuracies):
    data = hold_out(data_of('all'), 10_000, 1000)
    parts = known_parts(data)
    known = {'the best known run, held-out': partial(known_run, parts),
             'the same, label smoothing': partial(known_run, parts, smoothing=0.1)}
    return seeded(known | {name: partial(one_step, data, **step) for name, step in STAIRS.items()},
                  accuracies)


# Work -> candidate, against whom, and 'faster' (at least so many times) or 'as long' (at most so
# many times); None where nothing is wanted
TARGETS = {
    'linear model': [
        ('own loop and DataLoader', "the book's way", 'faster', 2.5),
        ('own loop and DataLoader', 'bare slicing', 'as long', 1.25),
        ('own loop and DataLoader, shuffled', "the book's way", 'faster', None),
        ('bare slicing', 'floor', 'as long', None)],
    'simple_net': [
        ('own Learner', "fastai's Learner, the book's way", 'faster', 2.5),
        ('own Learner', "fastai's Learner, sliced batches", 'faster', 1.6),
        ('own Learner', 'bare loop', 'as long', 1.05),
        ('bare loop', 'floor', 'as long', None)],
    'small residual net': [
        ('own Learner, small residual net', 'bare loop, small residual net', 'as long', 1.01)],
    'resnet18': [
        ('trimmed resnet18, own Learner', "fastai's way, with its workers", 'as long', 0.22),
        ('trimmed resnet18, own Learner', "fastai's way, without workers", 'as long', 0.22)],
    'threes and sevens': [
        ('small residual net', 'trimmed resnet18, beside it', 'as long', 1.)],
    'ten digits': [
        ('quick_net', 'the best known run, channels_last', 'as long', 0.35),
        ('quick_net', 'the best known run, label smoothing', 'as long', None),
        ('quick_net', 'the best known run, as published', 'as long', None)],
    'ten digits, for long': [
        ('small residual net, ten digits', 'the best known run, beside it', 'as long', 20.)],
    'staircase': [(name, 'the best known run, held-out', 'as long', None)
                  for name in ('the same, label smoothing', *STAIRS)],
    'predict': [('batched', 'one by one', 'as long', None)]}
MAKERS = dict(zip(TARGETS, (linear_works, net_works, small_works, resnet_works, two_digits_works,
                            race_works, long_works, stairs_works, predict_works)))
TRAINED = {'resnet18', 'threes and sevens', 'ten digits', 'ten digits, for long', 'staircase'}
# Rounds at most, where a round takes minutes
FEWER = {'resnet18': 3, 'ten digits, for long': 4, 'staircase': 4}


def compare(times):
    "A row for each comparison of `times`: work -> name -> seconds of each round."
    rows = []
    for work, targets in TARGETS.items():
        medians = {name: statistics.median(ts) for name, ts in times.get(work, {}).items()}
        for a, b, kind, target in targets if medians else ():
            ta, tb = medians[a], medians[b]
            ratio, words = (tb/ta, 'faster') if kind == 'faster' else (ta/tb, 'as long')
            limit = 'at least' if kind == 'faster' else 'at most'
            rows.append({'work': work, 'way': a, 'seconds': f'{ta:.3f}', 'against': b,
                         'its seconds': f'{tb:.3f}', 'ratio': f'{ratio:.2f} times {words}',
                         'wanted': '' if target is None else f'{limit} {target:.2f}'})
    return rows


def reached(accuracies):
    "A row for each trained classifier: the mean of its seeds, and how far they lie apart."
    rows = []
    for name, by_seed in accuracies.items():
        scores = list(by_seed.values())
        rows.append({'trained': name, 'seeds': str(len(scores)),
                     'mean accuracy': f'{statistics.mean(scores):.2%}',
                     'lowest': f'{min(scores):.2%}', 'highest': f'{max(scores):.2%}'})
    return rows


@click.command()
@click.argument('path', type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option('--rounds', default=10, show_default=True, help='How often each is timed.')
@click.option('--only', type=click.Choice(list(TARGETS)), multiple=True,
              help='Time this work alone; may be given several times.')
def main(path, rounds, only):
    """Time the course's pieces, and write the times to PATH, beside those of other works on the
    same machine."""
    from fastbook_ch4.models.saved import print_rows
    accuracies, times = {}, {}
    about = dict(machine=cpu(), threads=torch.get_num_threads(), cores=os.cpu_count(),
                 versions=versions())
    before = json.loads(path.read_text()) if path and path.exists() else {}
    if {k: before.get(k) for k in about} != about: before = {}
    for work, make in MAKERS.items():
        if only and work not in only: continue
        works = make(accuracies) if work in TRAINED else make()
        times[work] = alternate(works, min(rounds, FEWER.get(work, rounds)))
        print_rows(compare({work: times[work]}),
                   title=f"{about['machine']}, {about['threads']} threads")
        record = about | dict(load=os.getloadavg()[2], times=before.get('times', {}) | times,
                              accuracies=before.get('accuracies', {}) | accuracies)
        if path: write_whole(path, (json.dumps(record, indent=1) + '\n').encode())
    if accuracies: print_rows(reached(accuracies))


if __name__ == '__main__': main()
