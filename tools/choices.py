"""Make every choice of the ladders anew on held-out training images, and write
fastbook_ch4/results/choices.json.

    make choices                               all
    python tools/choices.py --only small_resnet    the choices of one rung, in place of those that
                                                   the file has

The rule was fixed before anything was trained: the setting with the fewest mistakes on held-out
images, on average over the seeds, wins; where two differ by less than one mistake, and by less than
a tenth of the fewest, the one that stands first, which is the cheaper one. (The tenth was added
when the fewest had become two, of which one mistake is half; it changed no earlier choice.) Each
seed holds out other images. No validation image is looked at.
"""
import json, time
from pathlib import Path

import click, torch

from fastbook_ch4.data_sets import Part, data_of
from fastbook_ch4.kept import mnist
from fastbook_ch4.files import write_whole
from fastbook_ch4.ladder import cpu, score, train_rung, versions
from fastbook_ch4.rungs import RUNGS
from fastbook_ch4.training_tools import hold_out

OUT = Path(__file__).resolve().parents[1]/'fastbook_ch4'/'results'/'choices.json'
HELD_OUT = {'3,7': 2_400, 'all': 10_000}   # Training images

# Data -> rung -> what is tried, one knob or two at a time; the cheaper setting first. Several lists
# are several choices, each with the winners of those before it.
TRIED = {
    '3,7': {
        'by_hand': [[dict(lr=lr) for lr in (1., 3., 10., 30., 100.)]],
        'optimizer': [[dict(lr=lr) for lr in (0.3, 1., 3., 10., 30.)]],
        'learner': [[dict(lr=lr) for lr in (0.3, 1., 3., 10., 30.)]],
        'simple_net': [[dict(bs=bs, lr=lr) for bs in (256, 64) for lr in (0.1, 1., 3.)]],
        'plain_net': [[dict(normed=normed) for normed in (False, True)],
                      [dict(epochs=n) for n in (3, 5)], [dict(lr=lr) for lr in (3e-3, 1e-2)]],
        'trimmed_resnet18': [[dict(crop=c) for c in (4, 2, 0)],
                             [dict(lr=lr) for lr in (1e-3, 3e-3, 1e-2)]],
        'small_resnet': [
            [dict(shifted=shifted, warped=warped, epochs=n) for shifted, warped, n in
             ((False, False, 5), (True, False, 5), (False, True, 5), (False, True, 10))],
            [dict(smoothing=s) for s in (0., 0.1)],
            [dict(lr=lr) for lr in (5e-3, 1e-2, 2e-2)]]},
    'all': {
        'softmax': [[dict(lr=lr, decay=decay) for lr in (2., 4.) for decay in (1., 0.88)]],
        'net30': [[dict(epochs=n) for n in (5, 10, 15)], [dict(lr=lr) for lr in (3e-3, 1e-2)]],
        'net100': [[dict(epochs=n) for n in (5, 10, 20)], [dict(lr=lr) for lr in (3e-3, 1e-2)]],
        'plain_net': [[dict(normed=normed) for normed in (False, True)],
                      [dict(epochs=n) for n in (3, 5)], [dict(lr=lr) for lr in (3e-3, 1e-2)]],
        'quick_net': [
            [dict(smoothing=s) for s in (0., 0.1)],
            [dict(bs=bs, lr=lr) for bs in (128, 96) for lr in (0.01, 0.02, 0.03)],
            [dict(hidden=h) for h in (64, 128, 256)],
            [dict(hard=h, others=o) for h, o in ((0.28, 0.12), (0.35, 0.15), (0.42, 0.18))],
            [dict(sure=s) for s in (0., 0.7)]],
        'resnet18': [[dict(lr=0.1, bs=64, dropout=0.5), dict(lr=0.01, bs=64, dropout=0.5),
                      dict(lr=0.01, bs=32, dropout=0.)]],
        'small_resnet': [
            [dict(shifted=False, warped=False), dict(shifted=True, warped=False),
             dict(shifted=False, warped=True)],
            [dict(smoothing=s) for s in (0., 0.1)],
            # The second takes as long as the first, the third two fifths longer
            [dict(width=8, epochs=10), dict(width=12, epochs=5), dict(width=8, epochs=14)],
            [dict(lr=lr) for lr in (1e-2, 2e-2)],
            [dict(looks=n) for n in (1, 5)]]}}
# Three where nothing is said
SEEDS = {('3,7', name): n
         for name, n in dict(by_hand=10, optimizer=10, learner=10, simple_net=5,
                             plain_net=5, small_resnet=5).items()} | {('all', 'quick_net'): 6}
# Trained on this share of the images, for the sake of time
SMALLER = {('all', 'plain_net'): 0.4, ('all', 'resnet18'): 0.1}

# Knobs that nobody chose by a score, and why they are what they are
FIXED = {
    'epochs': 'as many as the book has for a linear model, so that the rungs differ in their '
              "ideas; for a whole network one, as the book's title of the run says",
    'bs': "the book's 256 for linear models, fastai's 64 for its own rung; else a round number "
          'that keeps an epoch short',
    'std': "the book's: it draws the first weights with standard deviation 1",
    'shuffle': 'what chapter 04 measures, not a matter of score',
    'hidden': "the book's 30, and more than three times as many to see what width buys",
    'pct_start': "fastai's default",
    'smoothing': 'none, where the rung is there for another idea',
    'shifted': 'not, where the rung is there for another idea',
    'warped': 'not, where the rung is there for another idea',
    'distance': 'the rung is this distance',
    'looks': 'what was chosen on ten digits: threes and sevens leave too few mistakes to tell (0.8 '
             'of 2,400 with one look, and with five)',
    'dropout': "fastai's default",
    'lr': "the book's for fastai's rung",
    'width': 'the width at which an epoch takes as long as the chapter can wait'}


def held_out(data, seed, share=1., files=False):
    """The same data without its validation images: training images drawn from the seed stand in for
    them, and a share of the others is left to train on. With `files`, it knows the pictures of
    MNIST's folder too, for fastai's rung, which reads them."""
    if files:
        folder = mnist()/'training'   # Asked once: it looks for 70,000 files
        paths = [folder/str(y)/f'{i}.png' for i, y in enumerate(data.train.y.tolist())]
        data = data._replace(files=(paths, []))
    data = hold_out(data, HELD_OUT[data.spec], 1000 + seed)
    n = round(share*len(data.train.y))
    fewer = (data.files[0][:n], data.files[1]) if files else ()
    return data._replace(train=Part(data.train.x[:n], data.train.y[:n]), files=fewer)


def mistakes(name, data, seed, knobs, share):
    "Train without the held-out images, and count the mistakes on them."
    trial = held_out(data, seed, share, files=name == 'resnet18')
    return score(train_rung(RUNGS[name], trial, seed, knobs=knobs), trial.valid)[2]


def choose(spec, name, data, report=print):
    "The choices of one rung: what was tried, and the winner of each."
    share, n = SMALLER.get((spec, name), 1.), SEEDS.get((spec, name), 3)
    won, known, out = {}, {}, []
    for tried in TRIED[spec][name]:
        rows = []
        for knobs in tried:
            start = time.perf_counter()
            key = json.dumps(RUNGS[name].settings(len(data.classes), won | knobs))
            if key not in known:
                known[key] = [mistakes(name, data, seed, won | knobs, share) for seed in range(n)]
            rows.append(dict(knobs=knobs, mistakes=known[key], mean=sum(known[key])/n))
            report(f"{spec} {name} {knobs}: mean {rows[-1]['mean']:.1f} of {HELD_OUT[spec]:,}, "
                   f'{known[key]}, {time.perf_counter() - start:.0f} s')
        winner = best(rows)
        won |= winner
        out.append(dict(data=spec, rung=name, held_out=HELD_OUT[spec], share=share, tried=rows,
                        winner=winner))
    return out


def best(rows):
    "The rule: the first row that is less than one mistake, and a tenth, above the fewest."
    least = min(row['mean'] for row in rows)
    def near(mean): return mean == least or mean - least < min(1, least/10)
    return next(row['knobs'] for row in rows if near(row['mean']))


def fixed():
    "The knobs that were not chosen: rung, knob, value and why."
    rows = []
    for spec, k in (('3,7', 2), ('all', 10)):
        for rung in (r for r in RUNGS.values() if r.suits(k)):
            shape, knobs = rung.settings(k)
            chosen = {knob for tried in TRIED[spec].get(rung.name, [])
                      for row in tried for knob in row}
            for knob in (shape | knobs).keys() - chosen - FIXED.keys():
                raise click.ClickException(f"{rung.name}: knob '{knob}' has no reason; try some "
                                           'of its values in TRIED, or say why not in FIXED')
            rows += [dict(data=spec, rung=rung.name, knob=knob, value=value, why=FIXED[knob])
                     for knob, value in (shape | knobs).items() if knob not in chosen]
    return rows


@click.command()
@click.option('--only', multiple=True,
              help='Make the choices of this rung alone, in place of those that the file has; '
                   'may be given several times.')
@click.option('--data', 'specs', multiple=True, default=tuple(TRIED),
              help="For '3,7' or 'all' alone.")
def main(only, specs):
    "Make the choices anew."
    start, kept = time.perf_counter(), fixed()
    for name in only:
        if not any(name in tried for tried in TRIED.values()):
            raise click.ClickException(f'{name}: nothing is to be tried; add it to TRIED')
    before = (json.loads(OUT.read_text())['choices']
              if OUT.exists() and (only or len(specs) < len(TRIED)) else [])
    todo = [(spec, name) for spec in specs for name in TRIED[spec] if not only or name in only]
    rule = ' '.join(__doc__.split('\n\n')[2].split())
    order = [(spec, name) for spec in TRIED for name in TRIED[spec]]
    done = [c for c in before if (c['data'], c['rung']) in {*order} - {*todo}]
    for spec in specs:
        data = data_of(spec)
        for name in (name for name in TRIED[spec] if (spec, name) in todo):
            done += choose(spec, name, data, lambda line: click.echo(line, err=True))
            done.sort(key=lambda c: order.index((c['data'], c['rung'])))
            minutes = (time.perf_counter() - start)/60
            record = dict(rule=rule, machine=cpu(), threads=torch.get_num_threads(),
                          versions=versions(), minutes=minutes, choices=done, fixed=kept)
            write_whole(OUT, (json.dumps(record, indent=1) + '\n').encode())
    click.echo(f'{OUT}: {minutes:.1f} minutes')


if __name__ == '__main__': main()
