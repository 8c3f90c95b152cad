#!/usr/bin/env bash
# fastai 2.8.7 reads a table's columns by their places where none are named, and that fails
# beside pandas 3: `ImageDataLoaders.from_df(df, path)`, with its own defaults `fn_col=0` and
# `label_col=1`, ends with KeyError: 0, where it works beside pandas 2.
#
# Why: fastai takes a row of the table and asks for `row[0]`. pandas 3 removed the old rule that
# a whole number means a place where the labels are texts. What to do: name the columns.
#
# Run first 2026-11-29, with Python 3.11. Needs about 6 GB, and some minutes.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cat > "$home/try.py" <<'PY'
import sys, warnings
warnings.filterwarnings('ignore')
import pandas as pd
from PIL import Image
from fastai.vision.all import ImageDataLoaders
rows = []
for i in range(12):
    Image.new('RGB', (28, 28), (20*i, 0, 0)).save(f'{i}.png')
    rows.append((f'{i}.png', 'dark' if i < 6 else 'light'))
df = pd.DataFrame(rows, columns=['name', 'label'])
def attempt(**columns):
    try: return list(ImageDataLoaders.from_df(df, '.', bs=2, num_workers=0, **columns).vocab)
    except KeyError as e: return f'KeyError: {e}'
print('pandas', pd.__version__.split('.')[0], '| by place:', attempt(),
      '| by name:', attempt(fn_col='name', label_col='label'))
PY
expected="pandas 2 | by place: ['dark', 'light'] | by name: ['dark', 'light']
pandas 3 | by place: KeyError: 0 | by name: ['dark', 'light']"
cd "$home"
python3 -m venv venv
venv/bin/pip install -q torch==2.14.1 torchvision==0.29.1 fastai==2.8.7 'fastcore<2' \
    'plum-dispatch<2.10' pandas==2.3.3
seen=$(venv/bin/python try.py 2> /dev/null)
venv/bin/pip install -q pandas==3.1.1
seen+=$'\n'$(venv/bin/python try.py 2> /dev/null)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "Changed; this was seen before:"; echo "$expected"; exit 1; }
