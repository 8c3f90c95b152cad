"""Measure how the cost of an epoch grows with the images, for the page Benchmarks.

    .venv/bin/python tools/cost.py fastbook_ch4/results/cost.json      the whole table
    .venv/bin/python tools/cost.py --images 5000 --rounds 1            a small one, printed and not
                                                                       kept

An epoch is a pass through the training images, without a look at others. Each measurement is a
process of its own (or two that train together), so that its peak of memory is its own. 600,000
images take 2.5 GB in each process.
"""
import json, math, os, resource, statistics, subprocess, sys, time
from functools import partial
from itertools import islice, product
from pathlib import Path

import click, torch

from fastbook_ch4.data import load_mnist
from fastbook_ch4.data_sets import Data, Part
from fastbook_ch4.files import write_whole
from fastbook_ch4.fitting import fit_net
from fastbook_ch4.ladder import cpu, versions
from fastbook_ch4.learner import Callback, CancelEpochException
from fastbook_ch4.loss import init_params, linear1, mnist_loss
from fastbook_ch4.rungs import RUNGS, resolve
from fastbook_ch4.training import DataLoader, train_epoch

BS = RUNGS['small_resnet'].settings(10)[1]['bs']   # Images in a batch
IMAGES = 12_396, 60_000, 600_000    # As many as threes and sevens; ten digits; ten times those
WAYS = {'one thread': (1, 1), 'two threads': (1, 2), 'two processes': (2, 1)}
SLOW = 'long net',                  # What is measured in part where there are many images; and
                                    # with two processes, in which the course trains nets alone
SIDE = 1536                         # Of the matrices that say how fast a machine multiplies


def images(n):
    """The ten digits' training images, the first `n`; where there are fewer, they come again. They
    are written into one tensor, so that they are in memory once."""
    x, y = load_mnist()
    whole = torch.empty(n, 1, 28, 28)
    for part in whole.split(len(x)): part.copy_(x[:len(part)].unsqueeze(1)).div_(255)
    return Part(whole, y[torch.arange(n) % len(y)])


# The works: each takes images, and gives a function that does so many steps of an epoch (all where
# it is None) and gives the seconds


def seconds(work, *args):
    start = time.perf_counter()
    work(*args)
    return time.perf_counter() - start


def linear(part):
    "One score, with the loop and the loader of chapter 04: is it a three?"
    params = init_params((784, 1), std=0.01), init_params(1, std=0.01)
    model = partial(linear1, weights=params[0], bias=params[1])
    dl = DataLoader(part.x.flatten(1), (part.y == 3).float().unsqueeze(1), BS, shuffle=True)
    return lambda steps: seconds(train_epoch, islice(dl, steps), model, mnist_loss, params, 1.)


class Clock(Callback):
    "Times an epoch, and ends it after so many steps."
    def __init__(self, steps): self.steps = steps
    def before_epoch(self, learn): self.start = time.perf_counter()
    def after_batch(self, learn):
        if learn.iter + 1 == self.steps: raise CancelEpochException
    def after_epoch(self, learn): self.seconds = time.perf_counter() - self.start


def long_net(part):
    """The rung `small_resnet` as the ten digits have it; in several processes, with the callback of
    `fastbook_ch4 train`."""
    shape, knobs = RUNGS['small_resnet'].settings(10, {'epochs': 1})
    several = []
    if 'WORLD_SIZE' in os.environ:
        from accelerate import Accelerator
        from fastbook_ch4.models.train import Accelerate
        several = [Accelerate(Accelerator(cpu=True))]
    def epoch(steps):
        torch.manual_seed(42)
        clock, model = Clock(steps), resolve(RUNGS['small_resnet'].make)(10, **shape)
        fit_net(model, Data(part, part, tuple('0123456789'), 'all'), 42, **knobs,
                cbs=[*several, clock])
        return clock.seconds
    return epoch


def loader(part):
    "Our shuffled `DataLoader`, whose batches nobody uses."
    dl = DataLoader(*part, BS, shuffle=True)
    def epoch(steps):
        for batch in islice(dl, steps): pass
    return partial(seconds, epoch)


WORKS = {'linear rung': linear, 'long net': long_net, 'loader': loader}


# In a process of its own


def peak():
    """The most memory that this process has held so far, in MB (10⁶ bytes). On Linux it counts
    what the process held that started it, so that one must not hold more than its imports."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most*(1 if sys.platform == 'darwin' else 1024)/1e6


def to_do(work, n, steps):
    """How many steps of an epoch are done, and how many it has. Of the long net's `steps` stand for
    all, where an epoch has more than ten times as many."""
    batches = math.ceil(n/BS)
    return (steps if work in SLOW and batches > 10*steps else batches), batches


def measure(work, n, steps):
    "An epoch after three steps that don't count, and the memory. Quick works do three epochs."
    imports = peak()
    part = images(n)
    loaded, epoch, (done, batches) = peak(), WORKS[work](part), to_do(work, n, steps)
    epoch(3)
    took = statistics.median(epoch(done) for _ in range(1 if work in SLOW else 3))
    return dict(seconds=took*batches/done, steps=done, batches=batches, imports=imports,
                loaded=loaded, peak=peak())


def speeds():
    "What is done in a second: multiplications in a matrix product, images copied in order."
    a, b = torch.rand(2, SIDE, SIDE)
    x = images(60_000).x
    def copy():
        for batch in x.split(BS): batch.clone()
    rates = {}
    for name, work, done in (('multiplications', lambda: a@b, SIDE**3), ('copies', copy, len(x))):
        work()
        rates[name] = done/statistics.median(seconds(work) for _ in range(9))
    return rates


def multiplications():
    "How many an image needs in matrix products and convolutions, forward and backward, by work."
    from torch.utils.flop_counter import FlopCounterMode   # Takes memory that the works don't need
    found, part = {}, images(BS)
    for work, make in WORKS.items():
        with FlopCounterMode(display=False) as counter: make(part)(1)
        found[work] = counter.get_total_flops()/2/BS    # It counts additions too
    return found


def alone(*args, processes=1, threads=1):
    "What this script prints in a process of its own, or in each of several: a list."
    launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', str(processes)]
    command = [sys.executable, *launcher*(processes > 1), __file__, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True,
                          env=os.environ | {'OMP_NUM_THREADS': str(threads)})
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]
    if done.returncode or len(said) != processes:
        raise click.ClickException(f"{' '.join(map(str, args))}: {done.stderr.strip()[-2000:]}")
    return said


def together(said):
    "Of processes that trained together: the slowest one's seconds, and the sum of their memory."
    mb = {name: sum(o[name] for o in said) for name in ('imports', 'loaded', 'peak')}
    return said[0] | mb | dict(seconds=max(o['seconds'] for o in said))


def record_of(sizes, rounds, steps):
    "Measure everything in turns. An epoch that isn't done whole is measured in the first alone."
    runs, rates = {}, {}
    for r in range(rounds):
        for way in ('one thread', 'two threads'):
            rates.setdefault(way, []).append(alone('--part', 'speeds', threads=WAYS[way][1])[0])
        for n, work, (way, (processes, threads)) in product(sizes, WORKS, WAYS.items()):
            done, batches = to_do(work, n, steps)
            if processes > 1 and work not in SLOW or done < batches and r: continue
            said = alone('--part', work, '--images', n, '--steps', steps, processes=processes,
                         threads=threads)
            runs.setdefault((work, n, way), []).append(together(said))
            click.echo(f'{work}, {n:,} images, {way}: {runs[work, n, way][-1]}', err=True)
    return dict(
        machine=cpu(), threads=torch.get_num_threads(), cores=os.cpu_count(), versions=versions(),
        load=os.getloadavg()[2], speeds=rates,
        multiplications=alone('--part', 'multiplications')[0],
        runs=[dict(work=work, images=n, way=way, steps=said[0]['steps'],
                   batches=said[0]['batches'],
                   **{name: [o[name] for o in said]
                      for name in ('seconds', 'imports', 'loaded', 'peak')})
              for (work, n, way), said in runs.items()])


# What the page makes of the record


def found(record, work, n, way, what='seconds'):
    "The median of what was measured; None where it wasn't."
    return next((statistics.median(run[what]) for run in record['runs']
                 if (run['work'], run['images'], run['way']) == (work, n, way)), None)


def floor(record, work, n, way='two threads'):
    """Seconds for the multiplications of an epoch alone, at the speed of a matrix product on as
    many threads. The loader has none: for it, seconds for copies of its batches, in order."""
    kind = 'multiplications' if record['multiplications'][work] else 'copies'
    rate = statistics.median(o[kind] for o in record['speeds'][way])
    return n*(record['multiplications'][work] or 1)/rate


def sizes(record): return sorted({run['images'] for run in record['runs']})


def growth(record, work, way='one thread', a=None, b=None):
    """The k in: an epoch's seconds grow as the number of images to the power of k, from `a` images
    to `b`, or else from the fewest to the most."""
    a, b = a or min(sizes(record)), b or max(sizes(record))
    return math.log(found(record, work, b, way)/found(record, work, a, way))/math.log(b/a)


def shown(value, form): return '–' if value is None else form(value)


def rows(record):
    "A row for each work and number of images."
    def took(s): return f'{s:.{max(0, 1 - math.floor(math.log10(s)))}f}'   # Two figures or more
    def row(work, n):
        of = partial(found, record, work, n)
        return {'an epoch of': work, 'images': f'{n:,}',
                **{f'{way}, s': shown(of(way), took) for way in WAYS},
                'floor, s': took(floor(record, work, n)),
                'memory, MB': f"{of('one thread', 'peak'):,.0f}",
                'of two processes, MB': shown(of('two processes', 'peak'), '{:,.0f}'.format)}
    return [row(work, n) for work in WORKS for n in sizes(record)]


def ratios(record, n):
    "A row for each work: how it grows; and what else helps, and what is left, at `n` images."
    def times(a, b): return '–' if None in (a, b) else f'{a/b:.2f}'
    def row(work):
        one, two, processes = (found(record, work, n, way) for way in WAYS)
        return {'work': work, 'grows with the power': f'{growth(record, work):.2f}',
                'two threads, times faster': times(one, two),
                'two processes, times faster': times(one, processes),
                'one thread, times its floor': times(one, floor(record, work, n, 'one thread')),
                'two threads, times theirs': times(two, floor(record, work, n))}
    return [row(work) for work in WORKS]


@click.command()
@click.argument('path', type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option('--images', 'sizes', type=click.IntRange(2*BS), multiple=True, default=IMAGES,
              show_default=True, help='Measure with so many; may be given several times.')
@click.option('--rounds', type=click.IntRange(1), default=3, show_default=True,
              help='How often each is measured.')
@click.option('--steps', type=click.IntRange(1), default=100, show_default=True,
              help='An epoch of the long net that has more than ten times as many steps is '
                   'measured on so many, and once.')
@click.option('--part', type=click.Choice([*WORKS, 'speeds', 'multiplications']), hidden=True,
              help='What a process that this script starts has to do.')
def main(path, sizes, rounds, steps, part):
    "Measure what an epoch costs, and write it to PATH."
    if part:
        works = dict(speeds=speeds, multiplications=multiplications)
        said = works[part]() if part in works else measure(part, sizes[0], steps)
        return click.echo(json.dumps(said))
    record = record_of(sizes, rounds, steps)
    from fastbook_ch4.models.saved import print_rows
    print_rows(rows(record), title=record['machine'])
    if path: write_whole(path, (json.dumps(record, indent=1) + '\n').encode())


if __name__ == '__main__': main()
