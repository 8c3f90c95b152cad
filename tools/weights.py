"""Write what the live pages calculate with, as scripts, which a browser loads from a disk too: the
rungs of the drawing page in half precision, some digits, the ideal ones, a linear model, and what
the course publishes of the rungs that can be trained; and, for those, all threes and sevens as a
file.

    python tools/weights.py FOLDER
"""
import base64, gzip, json, sys
from pathlib import Path

import numpy as np, torch
from torch import nn

from docs.links import address
from fastbook_ch4.data import load_digit
from fastbook_ch4.ladder import kept_results, quotes
from fastbook_ch4.loss import init_params, linear1, mnist_loss, threes_sevens
from fastbook_ch4.models.predict import FAR, SURE
from fastbook_ch4.models.saved import MODELS, load_model
from fastbook_ch4.resnet import ResBlock
from fastbook_ch4.rung_nets import FiveLooks, MeanDigits
from fastbook_ch4.rungs import RUNGS, Rung
from fastbook_ch4.sgd import step
from fastbook_ch4.ten_digits import ten_digits

N = 100 # Threes, and sevens, for the pages that have both


def text(
    a, # Numbers
    dtype:str, # `<f2` for half precision, `<f4` for single, `u1` for bytes
)->str: # Base64
    "Numbers as text. Raises `ValueError` where one is too large for half precision."
    with np.errstate(over='ignore'): a = np.asarray(a).astype(dtype)
    if not np.isfinite(a).all():
        raise ValueError(f'a: a number is too large for {dtype}. Write it in single precision.')
    return base64.b64encode(a.tobytes()).decode()


def fold(
    conv:nn.Conv2d, # Without bias
    bn:nn.BatchNorm2d, # In evaluation: a scale and an offset for each channel
)->tuple: # Weights and bias of one convolution that does both
    """A batch norm after a convolution is a part of the convolution; with positive scales even if
    the largest of some places is taken in between."""
    scale = bn.weight/(bn.running_var + bn.eps).sqrt()
    if not (scale > 0).all():
        raise ValueError('bn: a scale is negative, and then the largest of 2 × 2 is no longer the '
                         'largest. Write the batch norm as a layer of its own.')
    return conv.weight*scale[:, None, None, None], bn.bias - bn.running_mean*scale


def layers(
    model:nn.Module, # A kept model, in evaluation mode
)->tuple[list, list]: # Names and sizes, for the `makers` of nets.js; the numbers of each, in order
    "Take a model to pieces."
    names, numbers = [], []
    def add(*name, of=()):
        names.append(name)
        numbers.extend(of)
    if isinstance(model, MeanDigits): add('means', model.sharpness.item(), of=[model.means])
    for m in model.children():
        if isinstance(m, nn.Linear):
            add('linear', m.in_features, m.out_features, of=[m.weight, m.bias])
        elif isinstance(m, nn.ReLU): add('relu')
        elif isinstance(m, nn.ZeroPad2d): add('crop', -m.padding[0]) # A crop: see `looking_resnet`
        elif isinstance(m, nn.MaxPool2d): add('pool')
        elif isinstance(m, nn.AdaptiveAvgPool2d): add('average')
        elif isinstance(m, nn.Sequential): # From `pooled`
            conv, _, bn, _ = m
            add('conv', conv.in_channels, conv.out_channels, 3, of=fold(conv, bn))
            add('pool')
            add('relu')
        elif isinstance(m, ResBlock):
            parts = fold(m.conv1, m.bn1), fold(m.conv2, m.bn2), fold(*m.downsample)
            add('block', m.conv1.in_channels, m.conv1.out_channels, of=sum(parts, ()))
        elif not isinstance(m, nn.Flatten):
            raise TypeError(f'model: nets.js has no layer like {type(m).__name__}')
    return names, numbers


@torch.no_grad()
def exported(
    rung:Rung, # One that is kept
)->dict: # What nets.js loads
    "A rung for the browser, its numbers in half precision."
    model, _ = load_model(MODELS/f'{rung.name}.safetensors', rung.name)
    looks = isinstance(model, FiveLooks)
    names, numbers = layers(model.net if looks else model)
    data = text(np.concatenate([o.numpy().ravel() for o in numbers]), '<f2')
    about = dict(name=rung.name, title=rung.title, votes=rung.votes)
    return about | dict(looks=looks, layers=names, data=data)


def rungs()->list[dict]: # In the order of the table
    "The rungs of the drawing page."
    return [exported(rung) for rung in RUNGS.values() if rung.page]


def pixels(
    x, # Images, 0 to 1
)->str: # Base64
    "Images as MNIST has them: a byte for each pixel."
    return text((x*255).round(), 'u1')


def samples()->dict: # Base64 of 30 images, their labels; how far from a mean, how sure
    "The first three validation images of each digit, for who can't or won't draw; two limits."
    x, y = ten_digits(train=False)
    first = torch.cat([torch.where(y == digit)[0][:3] for digit in range(10)])
    return dict(labels=y[first].tolist(), images=pixels(x[first]), far=FAR,
                sure=SURE)


def digits()->dict: # Base64 of the images and of the ideal digits
    "The three of chapter 01, the first validation threes and sevens, and the two ideals."
    threes, sevens = load_digit(3), load_digit(7)
    images = torch.cat([threes[1:2], *(load_digit(digit, train=False)[:N] for digit in (3, 7))])
    ideals = torch.stack([threes.mean(0), sevens.mean(0)])
    return dict(n=N, images=pixels(images), ideals=text(ideals, '<f4'))


def linear()->dict: # Base64 of 784 weights and the bias, twice
    "The linear model of chapter 03, at its random start and after 40 steps."
    x, y = threes_sevens()
    g = torch.Generator().manual_seed(0)
    params = init_params((28*28, 1), generator=g), init_params(1, generator=g)
    def numbers(): return text(torch.cat([p.detach().flatten() for p in params]), '<f4')
    start = numbers()
    for _ in range(40):
        mnist_loss(linear1(x, *params), y).backward()
        step(params, lr=10.)
    return dict(models=[start, numbers()])


def published()->dict: # Of each rung that can be trained: title, knobs, mistakes of each seed
    "What the ladder of threes and sevens has of the rungs on the page that trains."
    results = kept_results('3,7')
    return {name: dict(title=RUNGS[name].title, knobs=RUNGS[name].knobs,
                       mistakes=[r.mistakes for r in results if r.rung == name])
            for name in ('pixels_l1', 'by_hand', 'simple_net')}


def ladder()->dict: # Of both data sets: the number of images; of each rung what its chart says
    "Both ladders, with what the sources say."
    def one(spec, results):
        names = dict.fromkeys(r.rung for r in results)
        return dict(images=results[0].images, rungs=[rung(spec, name, [
            r for r in results if r.rung == name]) for name in names])
    def rung(spec, name, results):
        said = [dict(source=q['source'], accuracy=q['accuracy'])
                for q in quotes(spec) if q['rung'] == name]
        return dict(title=RUNGS[name].title, idea=RUNGS[name].new, quotes=said,
                    page=address(f'chapters/{RUNGS[name].chapter}.ipynb'),
                    mistakes=[r.mistakes for r in results], parameters=results[0].parameters,
                    seconds=min(r.seconds for r in results))
    return {spec: one(spec, kept_results(spec)) for spec in ('3,7', 'all')}


def threes_sevens_file()->bytes: # Gzip
    """All threes and sevens, for `parts` of training.js: how many threes and sevens there are to
    train on and to validate on, as four counts of two bytes, then their pixels, a byte each."""
    parts = [load_digit(digit, train=train) for train in (True, False) for digit in (3, 7)]
    counts = np.array([len(x) for x in parts], '<u2').tobytes()
    images = b''.join((x*255).round().numpy().astype('u1').tobytes() for x in parts)
    return gzip.compress(counts + images, 9, mtime=0)


def main(
    folder, # Where the scripts go
)->None:
    "Write them all."
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents = dict(rungs=rungs(), samples=samples(), digits=digits(), linear=linear(),
                    published=published(), ladder=ladder())
    for name, content in contents.items():
        script = f'((globalThis.ch4 ??= {{}}).data ??= {{}}).{name} = {json.dumps(content)}\n'
        (folder/f'{name}.js').write_text(script, encoding='utf-8')
    (folder/'threes_sevens.bin').write_bytes(threes_sevens_file())


if __name__ == '__main__': main(sys.argv[1])
