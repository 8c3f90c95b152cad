"""Which outputs of the notebooks are others than those committed, other than by time.

    python tools/changed.py                                 of all notebooks
    python tools/changed.py nbs/chapters/03_loss.ipynb ...  of these

`make notebooks` ends with it. Two runs of the same code differ in how long they took and in where
things lie in memory: that is left out. Whatever else is named was changed on purpose, or isn't
seeded, or comes from another number of threads (`OMP_NUM_THREADS`), another machine, or another
release of a library.
"""
import difflib, json, re, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NUMBER = r'\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?'
# 0.1 s, 12 ms ± 1 ms, 0:03, seconds=0.5; 1.07 times the bare loop, 0.85 × ours; a place in memory
TIMES = re.compile(rf'{NUMBER} ?(?:(?:ns|[µμu]s|ms|s|min|seconds?|minutes?)\b|(?:×|times)(?! ?\d))'
                   rf'|\bseconds={NUMBER}|\b\d+:\d\d\b| at 0x[0-9a-f]+|CPU times: .*')
# A column of seconds in a table of pandas, and in one of text
SECONDS, COLUMN = re.compile(r'<th>(?:seconds|time)</th>'), re.compile(r' *\b(?:seconds|time)\b')
STYLED = re.compile(r'\bT_[0-9a-f]{5}')   # pandas gives each styled table a name by chance


def outputs(nb):
    "Id of each code cell -> its outputs, as from `json`."
    return {c['id']: c['outputs'] for c in nb['cells'] if c['cell_type'] == 'code'}


def said(outputs):
    "Lines of what a cell shows, without times; a picture is the line that says which."
    lines = []
    for o in outputs:
        shown = o.get('data') or {'text/plain': o.get('text', o.get('evalue', ''))}
        for kind, text in sorted(shown.items()):
            text = ''.join(text) if isinstance(text, list) else str(text)
            if kind.startswith('image/'): lines.append(f'{kind} {hash(text)}')
            elif kind == 'text/html' or 'text/html' not in shown: lines += timeless(text)
    return lines


def timeless(text):
    "Lines of a text without times, and with one blank where there are several."
    text = without_seconds(text) if SECONDS.search(text) else without_column(text)
    lines = STYLED.sub('', TIMES.sub('', text)).split('\n')
    return [line for o in lines if (line := ' '.join(o.split()))]


def without_seconds(html):
    "A table of HTML without its columns of times."
    rows = [re.split(r'(?=<t[hd]\b)', row) for row in re.split(r'(?=<tr)', html)]
    heads = next(row for row in rows if any(map(SECONDS.match, row)))
    out = {i for i, cell in enumerate(heads) if SECONDS.match(cell)}
    return ''.join(c for row in rows for i, c in enumerate(row) if i not in out)


def without_column(text):
    "A table of text without its column of times, whose numbers end where its head ends."
    place, lines = None, []
    for line in text.split('\n'):
        head = COLUMN.search(line) if '  ' in line.strip() else None
        if head: place = slice(*head.span())
        elif not line.strip(): place = None
        if place and (head or re.fullmatch(r' *[\d,.]+', line[place])):
            line = line[:place.start] + line[place.stop:]
        lines.append(line)
    return '\n'.join(lines)


def differences(was, now):
    "Id of each cell whose outputs differ other than by time -> the lines that do, as `-` and `+`."
    was, now = outputs(was), outputs(now)
    found = {}
    for cell, new in now.items():
        old, new = said(was.get(cell, [])), said(new)
        if old != new:
            found[cell] = [o for o in difflib.ndiff(old, new) if o[0] in '-+']
    return found


def committed(path):
    "A notebook as Git has it, or None for one that Git hasn't."
    name = path.resolve().relative_to(ROOT).as_posix()
    done = subprocess.run(['git', 'show', f'HEAD:{name}'], cwd=ROOT, capture_output=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def main(paths):
    "Print what differs."
    changed = 0
    for path in paths or sorted((ROOT/'nbs').glob('**/*.ipynb')):
        if (was := committed(path)) is None: continue
        for cell, lines in differences(was, json.loads(path.read_text(encoding='utf-8'))).items():
            print(f'{path.name}, cell {cell}:')
            for line in lines[:6]: print(f'    {line[:96]}')
            if lines[6:]: print(f'    and {len(lines) - 6} lines more')
            changed += 1
    print(f'{changed} outputs are others than those committed, other than by time')


if __name__ == '__main__': main([Path(o) for o in sys.argv[1:]])
