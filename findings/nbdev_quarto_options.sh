#!/usr/bin/env bash
# nbdev 2.4.14: Quarto's options of an exported cell go into the module, nbdev's own don't.
#
# A cell may say `#| exports` (nbdev: put this into the package) and `#| code-fold: true` (Quarto:
# fold its code on the page). `nbdev_export` drops the first line and writes the second one into the
# module, above the function, where it means nothing; a caption or an alt text of a hundred words
# goes there too. The colon alone tells the two kinds apart. So fold few cells that are exported.
#
# Run first 2026-11-30, with Python 3.11. Needs about a minute.
set -euo pipefail
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cat > "$home/try.py" <<'PY'
from pathlib import Path
from execnb.nbio import mk_cell, new_nb, write_nb
from nbdev.export import nb_export
cells = ['#| default_exp draw', '#| export\n#| slow\ndef count(): ...',
         '#| exports\n#| code-fold: true\n#| fig-alt: A line.\ndef draw(): ...']
write_nb(new_nb([mk_cell(o) for o in cells]), 'draw.ipynb')
nb_export('draw.ipynb', lib_path='made', name='draw')
print([o for o in Path('made/draw.py').read_text().splitlines() if o.startswith('#|')])
PY
cd "$home"
python3 -m venv venv
venv/bin/pip install -q nbdev==2.4.14 'fastcore<2' 'execnb<0.2' 'ghapi<2'
printf '[DEFAULT]\nlib_name = made\nlib_path = made\nnbs_path = .\n' > settings.ini
seen=$(venv/bin/python try.py)
echo "$seen"
[ "$seen" = "['#| code-fold: true', '#| fig-alt: A line.']" ] ||
    { echo "Changed: both of Quarto's options were in the module, and none of nbdev's."; exit 1; }
