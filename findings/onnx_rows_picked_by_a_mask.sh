#!/usr/bin/env bash
# PyTorch 2.14.1: a model that works on those rows of a batch that a mask picks (`x[mask]`) can be
# exported to ONNX for any number of rows, if a linear layer works on them. If they are images that
# `roll` moves, `torch.onnx.export(dynamo=True)` refuses: "Could not guard on data-dependent
# expression". In eager PyTorch both run.
#
# The number of picked rows is known only when the model runs. Export gives it a symbol, and `roll`
# asks whether the tensor is empty before it moves anything; a product of layers doesn't ask. A model
# that looks again at some images (test-time augmentation where the first look was unsure) meets
# this. What helps: while it is exported (`torch.compiler.is_exporting()`), calculate all rows and
# choose with `torch.where`.
#
# Run first 2026-11-30, with Python 3.11. Needs about 6 GB, and some minutes.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cat > "$home/try.py" <<'PY'
import torch
from torch import nn
class Again(nn.Module):
    def __init__(self, change):
        super().__init__()
        self.change, self.net = change, nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    def forward(self, x):
        once = self.net(x)
        unsure = once.softmax(1).amax(1) < 0.5
        return once.masked_scatter(unsure[:, None], self.net(self.change(x[unsure])))
def exports(change):
    model, x = Again(change).eval(), torch.rand(8, 1, 4, 4)
    assert model(x).shape == (8, 3)
    try: torch.onnx.export(model, (x,), dynamic_shapes=({0: torch.export.Dim('n')},), dynamo=True,
                           verbose=False)
    except Exception as e: return 'data-dependent' in str(e) and 'refused: data-dependent'
    return 'exported'
print(f"as they are: {exports(lambda x: x)} | rolled: {exports(lambda x: x.roll((1, 0), (2, 3)))}")
PY
cd "$home"
python3 -m venv venv
venv/bin/pip install -q torch==2.14.1 numpy onnx onnxscript
seen=$(OMP_NUM_THREADS=1 venv/bin/python try.py 2> errors)
echo "$seen"
[ "$(tail -1 <<< "$seen")" = 'as they are: exported | rolled: refused: data-dependent' ] ||
    { echo 'Changed: the first was exported, and the second refused.'; exit 1; }
