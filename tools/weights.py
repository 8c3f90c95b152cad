"""Write what the live pages calculate with as scripts that a browser loads from a disk too: four kept models in half precision, some digits, the ideal ones and a linear model.

Use: python weights.py FOLDER"""
import base64, json, sys
from pathlib import Path

import numpy as np, torch
from torch import nn

from fastbook_ch4.data import load_digit
from fastbook_ch4.loss import init_params, linear1, mnist_loss, threes_sevens
from fastbook_ch4.models.predict import FAR
from fastbook_ch4.resnet import ResBlock
from fastbook_ch4.models.saved import MODELS, load_model
from fastbook_ch4.sgd import step
from fastbook_ch4.ten_digits import FiveLooks, MeanDigits, ten_digits

RUNGS = {'pixels_l2': 'pixel similarity', 'softmax': 'linear, softmax', 'net30': 'simple_net', 'small_resnet': 'small residual net'} # As the page calls them
N = 100 # Threes, and sevens, for the pages that have both


def text(
    a, # Numbers
    dtype:str, # `<f2` for half precision, `<f4` for single, `u1` for bytes
)->str: # Base64
    "Numbers as text. Raises `ValueError` where one is too large for half precision."
    with np.errstate(over='ignore'): a = np.asarray(a).astype(dtype)
    if not np.isfinite(a).all(): raise ValueError(f'a: a number is too large for {dtype}. Write it in single precision.')
    return base64.b64encode(a.tobytes()).decode()


def fold(
    conv:nn.Conv2d, # Without bias
    bn:nn.BatchNorm2d, # In evaluation: a scale and an offset for each channel
)->tuple: # Weights and bias of one convolution that does both
    "A batch norm after a convolution is a part of the convolution; with positive scales even if the largest of some places is taken in between."
    scale = bn.weight/(bn.running_var + bn.eps).sqrt()
    if not (scale > 0).all(): raise ValueError('bn: a scale is negative, and then the largest of 2 × 2 is no longer the largest. Write the batch norm as a layer of its own.')
    return conv.weight*scale[:, None, None, None], bn.bias - bn.running_mean*scale


def layers(
    model:nn.Module, # A kept model, in evaluation mode
)->tuple[list, list]: # Names and sizes, as the `makers` of nets.js want them; the numbers of each in that order
    "Take a model to pieces."
    names, numbers = [], []
    def add(*name, of=()):
        names.append(name)
        numbers.extend(of)
    if isinstance(model, MeanDigits): add('means', model.sharpness.item(), of=[model.means])
    for m in model.children():
        if isinstance(m, nn.Linear): add('linear', m.in_features, m.out_features, of=[m.weight, m.bias])
        elif isinstance(m, nn.ReLU): add('relu')
        elif isinstance(m, nn.MaxPool2d): add('pool')
        elif isinstance(m, nn.AdaptiveAvgPool2d): add('average')
        elif isinstance(m, nn.Sequential): # From `pooled`
            conv, _, bn, _ = m
            add('conv', conv.in_channels, conv.out_channels, 3, of=fold(conv, bn))
            add('pool')
            add('relu')
        elif isinstance(m, ResBlock):
            add('block', m.conv1.in_channels, m.conv1.out_channels, of=[*fold(m.conv1, m.bn1), *fold(m.conv2, m.bn2), *fold(*m.downsample)])
        elif not isinstance(m, nn.Flatten): raise TypeError(f'model: nets.js has no layer like {type(m).__name__}')
    return names, numbers


@torch.no_grad()
def exported(
    name:str, # Of a kept model
)->dict: # What nets.js loads
    "A kept model for the browser, its numbers in half precision."
    model, facts = load_model(MODELS/f'{name}.safetensors', name)
    looks = isinstance(model, FiveLooks)
    names, numbers = layers(model.net if looks else model)
    return dict(title=RUNGS[name], accuracy=facts['accuracy'], looks=looks, layers=names, data=text(np.concatenate([o.numpy().ravel() for o in numbers]), '<f2'))


def pixels(
    x, # Images, 0 to 1
)->str: # Base64
    "Images as MNIST has them: a byte for each pixel."
    return text((x*255).round(), 'u1')


def samples()->dict: # Base64 of 30 images, their labels, and the distance beyond which an image is no digit
    "The first three validation images of each digit, for who can't or won't draw."
    x, y = ten_digits(train=False)
    first = torch.cat([torch.where(y == digit)[0][:3] for digit in range(10)])
    return dict(labels=y[first].tolist(), images=pixels(x[first]), far=FAR)


def digits()->dict: # Base64 of the images and of the ideal digits
    "The three that chapter 01 looks at, the first validation threes and sevens, and the two ideals."
    threes, sevens = load_digit(3), load_digit(7)
    images = torch.cat([threes[1:2], *(load_digit(digit, train=False)[:N] for digit in (3, 7))])
    return dict(n=N, images=pixels(images), ideals=text(torch.stack([threes.mean(0), sevens.mean(0)]), '<f4'))


def linear()->dict: # Base64 of 784 weights and the bias, twice
    "The linear model of chapter 03, at its random start and after 40 steps."
    x, y = threes_sevens()
    g = torch.Generator().manual_seed(0)
    params = init_params((28*28, 1), generator=g), init_params(1, generator=g)
    starts = [torch.cat([p.detach().flatten() for p in params])]
    for _ in range(40):
        mnist_loss(linear1(x, *params), y).backward()
        step(params, lr=10.)
    return dict(models=[text(o, '<f4') for o in (*starts, torch.cat([p.detach().flatten() for p in params]))])


def main(
    folder, # Where the scripts go
)->None:
    "Write them all."
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name: exported(name) for name in RUNGS} | dict(samples=samples(), digits=digits(), linear=linear())
    for name, content in contents.items():
        (folder/f'{name}.js').write_text(f'((globalThis.ch4 ??= {{}}).data ??= {{}}).{name} = {json.dumps(content)}\n', encoding='utf-8')


if __name__ == '__main__': main(sys.argv[1])
