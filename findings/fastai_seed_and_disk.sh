#!/usr/bin/env bash
# fastai 2.8.7: `seed=42` does not say which pictures are held back. `get_image_files` gives a
# folder's files in the order in which the disk lists them, and `ImageDataLoaders.from_folder(path,
# valid_pct=..., seed=...)` draws places in that list. Two folders with the same files, written in
# another order, get other validation pictures from the same seed; so does a copy on another disk.
# The order in which a training sees its pictures depends on the disk in the same way.
#
# What to do: give fastai a sorted list (`from_path_func` or `from_df`), or folders `train` and
# `valid`, and expect the same seed to end elsewhere on another machine.
#
# The folders lie in /dev/shm, where a listing follows the order of writing (on ext4 it follows a
# hash of the names, which differs from disk to disk). So this needs Linux.
#
# Run first 2026-11-30, with Python 3.11. Needs about 6 GB, and some minutes.
set -euo pipefail
home=$(mktemp -d) shm=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$home" "$shm"' EXIT
cat > "$home/try.py" <<'PY'
import sys, warnings
from pathlib import Path
warnings.filterwarnings('ignore')
from PIL import Image
from fastai.vision.all import ImageDataLoaders
def held_back(folder, order):
    for i in order:
        path = folder/('dark' if i < 20 else 'light')/f'{i:02}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (28, 28), (6*i, 0, 0)).save(path)
    dls = ImageDataLoaders.from_folder(folder, valid_pct=0.25, seed=42, bs=4, num_workers=0)
    return sorted(p.name for p in dls.valid_ds.items)
home = Path(sys.argv[1])
up, again, down = (held_back(home/name, order) for name, order in (
    ('up', range(40)), ('again', range(40)), ('down', range(39, -1, -1))))
print('held back:', len(up), 'of 40 | written in the same order, the same:', up == again,
      '| in another order, the same:', up == down)
PY
cd "$home"
python3 -m venv venv
venv/bin/pip install -q torch==2.14.1 torchvision==0.29.1 fastai==2.8.7 'fastcore<2' \
    'plum-dispatch<2.10' pandas==2.3.3
seen=$(venv/bin/python try.py "$shm" 2> /dev/null)
expected="held back: 10 of 40 | written in the same order, the same: True"
expected+=" | in another order, the same: False"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "Changed; this was seen before:"; echo "$expected"; exit 1; }
