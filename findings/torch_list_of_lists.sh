#!/usr/bin/env bash
# PyTorch 2.14.1: what a list of lists picks from a tensor depends on how long it is, and is not
# what NumPy 2 picks.
#
# `x[[[0, 1], [2, 3]]]` of an array of images is two rows of two images each in NumPy, of shape
# (2, 2, 28, 28). In PyTorch each inner list counts for a dimension of its own: the images 0 and 1,
# of the one row 2, of the other row 3, which is (2, 28). From 32 inner lists on, PyTorch does as
# NumPy. Its warning, given once, says that the others will be read so from version 2.9 on;
# 2.14.1 says the same and does not. A tensor of the numbers, `x[torch.tensor(rows)]`, picks the
# same at any length.
#
# Run first 2026-12-01, with Python 3.11. Needs about 6 GB, and some minutes.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cat > "$home/try.py" <<'PY'
import torch, warnings
x = torch.zeros(100, 28, 28)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter('always')
    for rows in ([[0, 1], [2, 3]], [[0, 1]]*31, [[0, 1]]*32):
        try: ours = tuple(x[rows].shape)
        except IndexError as e: ours = 'IndexError'
        print(len(rows), 'lists:', ours, '| NumPy:', x.numpy()[rows].shape,
              '| a tensor:', tuple(x[torch.tensor(rows)].shape))
print('a change is announced for 2.9:', any('2.9' in str(o.message) for o in said))
PY
cat > "$home/expected" <<'TXT'
2 lists: (2, 28) | NumPy: (2, 2, 28, 28) | a tensor: (2, 2, 28, 28)
31 lists: IndexError | NumPy: (31, 2, 28, 28) | a tensor: (31, 2, 28, 28)
32 lists: (32, 2, 28, 28) | NumPy: (32, 2, 28, 28) | a tensor: (32, 2, 28, 28)
a change is announced for 2.9: True
TXT
cd "$home"
python3 -m venv venv
venv/bin/pip install -q torch==2.14.1 numpy==2.3.5
venv/bin/python try.py | tee seen
diff expected seen || { echo 'Changed: the lines with < were seen first.'; exit 1; }
