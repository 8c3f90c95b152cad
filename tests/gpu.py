"""The same course on a graphics card: proofs, both ladders, and a training that is broken off.

    python tests/gpu.py                        writes fastbook_ch4/results/gpu.json
    python tests/gpu.py --device cpu --few     the same on a processor, with few images, as a trial

It takes under 8 minutes on one card. Without one it says so and stops.
"""
import json, subprocess, sys, tempfile, time
from pathlib import Path

import click, torch
from torch import nn
from torch.nn import functional as F

from fastbook_ch4.data_sets import Part, data_of, device_of
from fastbook_ch4.files import write_whole
from fastbook_ch4.fitting import shift
from fastbook_ch4.ladder import climb, machine, versions
from fastbook_ch4.learner import DataLoaders, Learner
from fastbook_ch4.loss import batch_accuracy, linear1, mnist_loss, sigmoid
from fastbook_ch4.models.saved import load_tensors
from fastbook_ch4.norms import batch_norm
from fastbook_ch4.optim import BasicOptim
from fastbook_ch4.proof import prove
from fastbook_ch4.resnet import conv, resnet18
from fastbook_ch4.rungs import RUNGS
from fastbook_ch4.ten_digits import cross_entropy
from fastbook_ch4.training import DataLoader, flat

OUT = Path(__file__).resolve().parents[1]/'fastbook_ch4'/'results'/'gpu.json'
ROUNDED = dict(tol=2e-4, why='sums in another order')


def fewer(data, n):
    "The first images of each class, all classes alike."
    def part(p, n):
        rows = torch.cat([(p.y == c).nonzero().flatten()[:n] for c in range(len(data.classes))])
        return Part(p.x[rows], p.y[rows])
    return data._replace(train=part(data.train, n), valid=part(data.valid, n//4))


def proofs(device, data):
    "The hand-built pieces against PyTorch's, on this device."
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    x, y = flat(data.train.to(device))
    w, b = torch.randn(784, 1, device=device), torch.randn(1, device=device)
    prove('linear1 ≡ F.linear', linear1(x, w, b), F.linear(x, w.T, b), **ROUNDED)
    z = torch.linspace(-50, 50, 1001, device=device)
    prove('sigmoid ≡ torch.sigmoid', sigmoid(z), z.sigmoid(), **ROUNDED)
    preds = linear1(x, w, b)
    prove('mnist_loss ≡ F.l1_loss', mnist_loss(preds, y), F.l1_loss(preds.sigmoid(), y),
          **ROUNDED)
    ims = torch.randn(8, 16, 14, 14, device=device)
    kernel = torch.randn(32, 16, 3, 3, device=device)
    prove('conv ≡ F.conv2d', conv(ims, kernel, stride=2, padding=1),
          F.conv2d(ims, kernel, stride=2, padding=1), **ROUNDED)
    means, spreads = (torch.full((16,), v, device=device) for v in (0., 1.))
    ones, noughts = torch.ones(16, device=device), torch.zeros(16, device=device)
    ours = batch_norm(ims, ones, noughts, means.clone(), spreads.clone())
    theirs = F.batch_norm(ims, means.clone(), spreads.clone(), ones, noughts, training=True)
    prove('batch_norm ≡ F.batch_norm', ours, theirs, **ROUNDED)
    scores, classes = torch.randn(64, 10, device=device), torch.arange(64, device=device) % 10
    prove('cross_entropy ≡ F.cross_entropy', cross_entropy(scores, classes),
          F.cross_entropy(scores, classes), **ROUNDED)
    moved = [shift(data.train.x[:50].to(o), torch.Generator().manual_seed(0)).cpu()
             for o in (device, 'cpu')]
    prove('shift here ≡ shift on the CPU', *moved)
    for name, ours, theirs in (('plain', {}, {}), ('momentum', dict(mom=.9), dict(momentum=.9))):
        prove(f'BasicOptim ≡ SGD, {name}', steps(BasicOptim, x, y, **ours),
              steps(torch.optim.SGD, x, y, **theirs), **ROUNDED)
    batches = [[b for b in DataLoader(x.cpu(), y.cpu(), 256, True, generator=g(), device=o)]
               for o in (device, 'cpu')]
    here, there = ([t.cpu() for b in o for t in b] for o in batches)
    prove('batches here ≡ batches on the CPU', here, there)
    prove('Learner here ≡ Learner on the CPU', learned(device, data), learned('cpu', data),
          **ROUNDED)


def g(): return torch.Generator().manual_seed(0)


def steps(opt_func, x, y, n=20, **kwargs):
    torch.manual_seed(0)
    model = nn.Linear(784, 1).to(x.device)
    opt = opt_func(model.parameters(), lr=1., **kwargs)
    for _ in range(n):
        mnist_loss(model(x[:1000]), y[:1000]).backward()
        opt.step()
        opt.zero_grad()
    return [p.detach() for p in model.parameters()]


def learned(device, data):
    "Losses, metric and weights after an epoch of our `Learner`, whose loaders stay on the CPU."
    torch.manual_seed(0)
    dls = DataLoaders(DataLoader(*flat(data.train), 256, True, generator=g()),
                      DataLoader(*flat(data.valid), 256))
    learn = Learner(dls, nn.Linear(784, 1), mnist_loss, metrics=batch_accuracy, device=device,
                    progress=False)
    learn.fit_one_cycle(1, 1.)
    preds, targets = learn.get_preds()
    assert preds.device.type == device_of(device).type
    return dict(values=torch.tensor(learn.recorder.values), preds=preds.cpu(),
                weights=[p.detach().cpu() for p in learn.model.parameters()])


def ladder(spec, device, few):
    "Each rung once: accuracy and seconds."
    data = data_of(spec)
    names = [r.name for r in RUNGS.values() if r.suits(len(data.classes))]
    if few:
        data, names = fewer(data, few), [name for name in names if name != 'resnet18']
    return [dict(rung=r.rung, accuracy=r.accuracy, mistakes=r.mistakes, images=r.images,
                 seconds=r.seconds, knobs=r.knobs)
            for r in climb(data, names, device=device)]


def resumed(device, few):
    "Whether a training that was broken off after an epoch and taken up ends as an unbroken one."
    with tempfile.TemporaryDirectory() as home:
        def train(out, epochs, *options):
            subprocess.run([sys.executable, '-m', 'fastbook_ch4.cli', 'train', '--digits', '3,7',
                            '--device', device, '--share', '0.02' if few else '0.5', '--set',
                            f'epochs={epochs}', '--out', out, *options], cwd=home, check=True)
            return load_tensors(Path(home)/out/'checkpoint.safetensors')[0]
        whole = train('whole', 2)
        code = ('import sys, fastbook_ch4.models.train as t\nfrom fastbook_ch4.cli import main\n'
                'save = t.Checkpoint.after_epoch\n'
                'def once(self, learn):\n    save(self, learn); raise SystemExit(0)\n'
                't.Checkpoint.after_epoch = once\nmain()')
        options = ['train', '--digits', '3,7', '--device', device, '--share',
                   '0.02' if few else '0.5', '--set', 'epochs=2', '--out', 'broken']
        subprocess.run([sys.executable, '-c', code, *options], cwd=home)
        taken_up = train('broken', 2, '--resume')
        return max((taken_up[k].double() - v.double()).abs().max().item() for k, v in whole.items()
                   if v.is_floating_point())


@click.command()
@click.option('--device', default=None, help='cuda or mps; by default the one that is here.')
@click.option('--few', is_flag=True, help='A trial with few images, which writes no file.')
def main(device, few):
    "Run all of it."
    try: here = device_of(device)
    except ValueError as e: raise click.ClickException(str(e)) from None
    if here.type == 'cpu' and not few:
        raise click.ClickException('no graphics card is here (neither CUDA nor mps): there is '
                                   'nothing to measure. Add --few for a trial on the CPU.')
    start, n = time.perf_counter(), 200 if few else 0
    data = data_of('3,7')
    proofs(here, fewer(data, 200) if few else data)
    net = resnet18(10, n_in=1).to(here)
    assert net(torch.zeros(2, 1, 28, 28, device=here)).device.type == here.type
    record = dict(machine=machine(here), versions=versions(),
                  ladders={spec: ladder(spec, here, n) for spec in ('3,7', 'all')},
                  resumed_differs_by=resumed(here.type, few))
    assert record['resumed_differs_by'] < 1e-4, record['resumed_differs_by']
    record['minutes'] = (time.perf_counter() - start)/60
    if not few: write_whole(OUT, (json.dumps(record, indent=1) + '\n').encode())
    click.echo(f"All of it holds on {record['machine']}; {record['minutes']:.1f} minutes.")


if __name__ == '__main__': main()
