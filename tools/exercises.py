"""Make the learners' notebooks from nbs/exercises: stubs in place of solutions, the checks' hints, and nothing else of the teacher's.

    python nbs/scripts/exercises.py [FOLDER]           write them to a folder, `exercises` where none is named; what somebody worked in is kept
    python nbs/scripts/exercises.py --site [FOLDER]    with each solution folded away, as the site shows them
    python nbs/scripts/exercises.py --mark             put nbgrader's marks on the teacher's notebooks, after one was written or changed
"""
import hashlib, json, re, sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AUTHORS = r'^#\| *(hide|export|exporti|exports|default_exp)\b|^### BEGIN HIDDEN TESTS'   # Cells that learners don't get
SOLUTION = re.compile(r'^([ \t]*)### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION$', re.M | re.S)
INSTALL = '''# In Colab this installs the course. Where it is installed already, nothing happens.
import importlib.util, subprocess, sys
if importlib.util.find_spec('fastbook_ch4') is None:
    subprocess.run([sys.executable, '-m', 'pip', 'install', '-q', 'git+{url}'], check=True)'''


def settings():
    "The project's own names, from settings.ini."
    ini = ConfigParser(delimiters='=')
    ini.read(ROOT/'settings.ini', encoding='utf-8')
    return ini['DEFAULT']


def details(summary, text): return f'<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>'


def hints(ex): return '\n\n'.join(details(f'Hint {i} of 3', hint) for i, hint in enumerate(ex.hints, 1))


def stub(source):
    "A cell with its solution taken out."
    if re.search(r'^### BEGIN SOLUTION', source, re.M): raise ValueError('a solution must be inside a function, where its stub raises only when it is called')
    return SOLUTION.sub(r'\1raise NotImplementedError', source)


def solved(source): return SOLUTION.sub(lambda m: m[2].rstrip('\n'), source)


def learners_cells(path, site=False, solutions=False):
    "The cells of a learner's notebook as (kind, source); with `solutions` in place of the stubs."
    from fastbook_ch4.study import check
    exercises, solution, cfg = {ex.name: ex for ex in check.exercises()}, None, settings()
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        kind, source = cell['cell_type'], ''.join(cell['source'])
        if kind == 'code' and (re.search(AUTHORS, source, re.M) or not source.strip()): continue
        if kind == 'markdown' and not site: source = re.sub(r'\]\(\.\./\d+[a-z]*_(\w+)\.ipynb', rf"]({cfg['doc_host']}{cfg['doc_baseurl']}/\1.html", source)
        if SOLUTION.search(source): solution = solved(source)
        yield kind, source if kind == 'markdown' else solved(source) if solutions else stub(source)
        checked = kind == 'code' and re.fullmatch(r'check\.(\w+)\(.*\)', source.strip())
        if checked and checked[1] in exercises:
            yield 'markdown', hints(exercises[checked[1]])
            if site: yield 'markdown', details('Solution', f'```python\n{solution}\n```\n\n{exercises[checked[1]].why}')


def notebook(path, site=False, solutions=False):
    "The learner's notebook as bytes, always the same for the same source."
    cells = list(learners_cells(path, site, solutions))
    if not site: cells.insert(1, ('code', INSTALL.format(url=settings()['git_url'])))
    made = []
    for i, (kind, source) in enumerate(cells):
        cell = dict(cell_type=kind, id=hashlib.sha256(f'{i} {source}'.encode()).hexdigest()[:8], metadata={}, source=source.splitlines(keepends=True))
        made.append(cell | (dict(execution_count=None, outputs=[]) if kind == 'code' else {}))
    kernel = dict(kernelspec=dict(display_name='Python 3', language='python', name='python3'))
    return (json.dumps(dict(cells=made, metadata=kernel, nbformat=4, nbformat_minor=5), indent=1, sort_keys=True, ensure_ascii=False) + '\n').encode()


def write(folder, site=False, keep=False):
    "Write all learners' notebooks, and return what was done with each: path -> words. With `keep`, a notebook that differs, as somebody worked in it, stays as it is."
    folder, done = Path(folder), {}
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted((ROOT/'nbs'/'exercises').glob('[0-9]*.ipynb')):
        path, content = folder/source.name, notebook(source, site)
        mine = keep and path.exists() and path.read_bytes() != content
        done[path] = 'was changed, and is kept; rename it to get a new one' if mine else 'written'
        if not mine: path.write_bytes(content)
    return done


def marked(cells):
    "The cells of a teacher's notebook with nbgrader's marks: it takes out solutions, and all that only teachers need, and gives a point for each exercise."
    seen = {}
    for cell in cells:
        source = ''.join(cell['source'])
        if 'nbdev_export()' in source: continue   # nbgrader would run it
        directives, body = re.fullmatch(r'((?:#\|[^\n]*(?:\n|$))*)(.*)', source, re.S).groups()
        hidden = cell['cell_type'] == 'code' and re.search(AUTHORS, source, re.M) and body.strip()
        if hidden and 'BEGIN HIDDEN TESTS' not in body: source = f'{directives}### BEGIN HIDDEN TESTS\n{body}\n### END HIDDEN TESTS'
        solution = re.findall(r'^(?:def|class) (\w+)', source.partition('### BEGIN SOLUTION')[0], re.M) if SOLUTION.search(source) else None
        asserted = hidden and re.search(r'^assert check\.(\w+)\(', source, re.M)
        if hidden or solution:
            name = solution[-1] if solution else f'test_{asserted[1]}' if asserted else 'for_teachers'
            seen[name] = n = seen.get(name, 0) + 1
            mark = dict(grade=bool(hidden), grade_id=name if n == 1 and name != 'for_teachers' else f'{name}_{n}', locked=bool(hidden), schema_version=3, solution=bool(solution), task=False)
            cell = cell | dict(metadata=cell['metadata'] | dict(nbgrader=mark | (dict(points=int(bool(asserted))) if hidden else {})), source=source.splitlines(keepends=True))
        yield cell


def mark():
    "Put nbgrader's marks on all teacher's notebooks."
    for path in (ROOT/'nbs'/'exercises').glob('[0-9]*.ipynb'):
        nb = json.loads(path.read_text(encoding='utf-8'))
        nb['cells'] = list(marked(nb['cells']))
        path.write_text(json.dumps(nb, sort_keys=True, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')


if __name__ == '__main__':
    if '--mark' in sys.argv: sys.exit(mark())
    args = [a for a in sys.argv[1:] if a != '--site']
    for path, done in write(args[0] if args else ROOT/'exercises', site='--site' in sys.argv, keep=True).items(): print(f'{path} {done}')
