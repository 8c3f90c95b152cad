#!/usr/bin/env bash
# PyTorch 2.14.1, on a processor: `nn.BatchNorm2d` in training is a hundred times less exact for
# images in channels_last than for the same images laid out as usual, and it gets worse with the
# size of the batch.
#
# The same 128 random images (mean 2, spread 3) go through one layer twice, and both results are
# compared with the same layer in 64 bits. Laid out as usual, the largest difference of the output
# is 4e-7, a rounding; in channels_last it is 5e-5 with one thread (2e-5 with two), and 3e-4 for
# 512 images. The batch's mean shows it already (1e-7 against 1e-5): the sums over a channel are
# formed in another way. Whoever compares two trainings digit by digit should keep the layout.
#
# Run first 2026-11-30, with Python 3.11. Needs about 6 GB, and some minutes.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cat > "$home/try.py" <<'PY'
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(128, 8, 28, 28)*3 + 2
exact = nn.BatchNorm2d(8).double()(x.double())
def off(x): return (nn.BatchNorm2d(8)(x).double() - exact).abs().max().item()
usual, last = off(x), off(x.contiguous(memory_format=torch.channels_last))
print(f'as usual: off by {usual:.0e}; channels_last: off by {last:.0e}')
print('as usual below 2e-06:', usual < 2e-6, '| channels_last above 5e-06:', last > 5e-6)
PY
cd "$home"
python3 -m venv venv
venv/bin/pip install -q torch==2.14.1 numpy
seen=$(OMP_NUM_THREADS=1 venv/bin/python try.py)
echo "$seen"
[ "$(tail -1 <<< "$seen")" = 'as usual below 2e-06: True | channels_last above 5e-06: True' ] ||
    { echo 'Changed: both were True.'; exit 1; }
