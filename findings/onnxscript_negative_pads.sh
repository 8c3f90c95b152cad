#!/usr/bin/env bash
# onnxscript 0.7.0: what PyTorch cuts off at the edges of an image with `F.pad` and negative widths
# can't run after the export, if a convolution comes next. The optimizer that
# `torch.onnx.export(dynamo=True)` calls makes one node of Pad and Conv, whose pads are then
# negative. ONNX's checker takes the model; ONNX Runtime refuses to load it. In eager PyTorch the
# same model runs, and with onnxscript 0.7.2 both agree.
#
# A model that looks at an image moved by a pixel or two does this: it pads on one side and cuts on
# the other. The way out, besides the newer onnxscript: cut with a slice, not with `F.pad`.
#
# Run first 2026-12-01, with Python 3.11. Needs about 6 GB, and three minutes.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cat > "$home/try.py" <<'PY'
from importlib.metadata import version
import onnx, onnxruntime, torch
from torch import nn
from torch.nn import functional as F
class Cut(nn.Module):
    def __init__(self, slices):
        super().__init__()
        self.slices, self.conv = slices, nn.Conv2d(1, 2, 3)
    def forward(self, x):
        return self.conv(x[:, :, 1:-1, 1:-1] if self.slices else F.pad(x, (-1, -1, -1, -1)))
def outcome(slices):
    torch.manual_seed(0)
    model, x = Cut(slices).eval(), torch.rand(2, 1, 8, 8)
    torch.onnx.export(model, (x,), 'model.onnx', dynamo=True, verbose=False)
    onnx.checker.check_model('model.onnx')
    try: session = onnxruntime.InferenceSession('model.onnx')
    except Exception as e: return 'pads must not contain negative values' in str(e) and 'refused'
    got, = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    return 'agrees' if torch.allclose(model(x), torch.from_numpy(got), atol=1e-6) else 'differs'
print(f"onnxscript {version('onnxscript')}: F.pad {outcome(False)}, a slice {outcome(True)}")
PY
cd "$home"
python3 -m venv venv
venv/bin/pip install -q torch==2.14.1 numpy onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.0
seen=''
for v in 0.7.0 0.7.2; do
    venv/bin/pip install -q onnxscript==$v
    seen+=$(OMP_NUM_THREADS=1 venv/bin/python try.py 2> errors | tail -1)$'\n'
done
echo "$seen"
[ "$seen" = 'onnxscript 0.7.0: F.pad refused, a slice agrees
onnxscript 0.7.2: F.pad agrees, a slice agrees
' ] || { echo 'Changed: 0.7.0 refused what F.pad cuts off, and the others agreed.'; exit 1; }
