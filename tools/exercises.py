"""Make the learners' notebooks from the teacher's, nbs/chapters/NN_name_exercises.ipynb: stubs in
place of solutions, the checks' hints, and nothing else of the teacher's.

    python tools/exercises.py [FOLDER]           into a folder, `exercises` where none is named;
                                                 what somebody worked in is kept
    python tools/exercises.py --site [FOLDER]    with each solution folded away, as on the site
    python tools/exercises.py --mark             put nbgrader's marks on the teacher's notebooks,
                                                 after one was written or changed
"""
import ast, hashlib, json, re, sys
from configparser import ConfigParser
from pathlib import Path

from docs.links import NBS, ROOT, address, download, to_site

# Cells that learners don't get
AUTHORS = r'^#\| *(hide|export|exporti|exports|default_exp)\b|^### BEGIN HIDDEN TESTS'
SOLUTION = re.compile(r'^([ \t]*)### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION$', re.M | re.S)
INSTALL = '''# In Colab this installs the course. Where it is installed already, nothing happens.
import importlib.util, subprocess, sys
if importlib.util.find_spec('fastbook_ch4') is None:
    subprocess.run([sys.executable, '-m', 'pip', 'install', '-q', '{what}'], check=True)'''


def settings():
    "The project's own names, from settings.ini."
    ini = ConfigParser(delimiters='=')
    ini.read(ROOT/'settings.ini', encoding='utf-8')
    return ini['DEFAULT']


def teachers():
    "The teacher's notebooks."
    return sorted((NBS/'chapters').glob('[0-9]*_exercises.ipynb'))


def details(summary, text):
    return f'<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>'


def hints(ex):
    return '\n\n'.join(details(f'Hint {i} of 3', hint) for i, hint in enumerate(ex.hints, 1))


def stub(source):
    "A cell with its solution taken out."
    if re.search(r'^### BEGIN SOLUTION', source, re.M):
        raise ValueError('a solution must be inside a function, '
                         'where its stub raises only when it is called')
    return SOLUTION.sub(r'\1raise NotImplementedError', source)


def solved(source): return SOLUTION.sub(lambda m: m[2].rstrip('\n'), source)


def home():
    "The site's address."
    cfg = settings()
    return cfg['doc_host'] + cfg['doc_baseurl']


def cells_of(path): return json.loads(path.read_text(encoding='utf-8'))['cells']


def written_in(tree):
    "The last function or class of a cell: what its exercise is called after."
    return [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))][-1]


def to_write(source):
    "What a learner writes in a cell with a solution: its function's name, its class's methods."
    top = written_in(ast.parse(stub(source)))
    if isinstance(top, ast.FunctionDef): return [top.name]
    return [n.name for n in top.body
            if isinstance(n, ast.FunctionDef) and 'NotImplementedError' in ast.dump(n)]


def packaged():
    """What the package knows of each exercise's solution: name -> its lines, what is to be written,
    and the page of the site that has it."""
    found = {}
    for path in teachers():
        page = f'{home()}/{address(path.resolve().relative_to(NBS).as_posix())}'
        for source in (''.join(cell['source']) for cell in cells_of(path)):
            if not SOLUTION.search(source): continue
            lines = solved(source).strip('\n')
            found[written_in(ast.parse(lines)).name] = dict(page=page, asked=to_write(source),
                                                            lines=lines)
    return found


def learners_cells(path, site=False, solutions=False):
    "The cells of a learner's notebook as (kind, source); with `solutions` in place of the stubs."
    from fastbook_ch4.study import check
    exercises, solution = {ex.name: ex for ex in check.exercises()}, None
    nb = path.resolve().relative_to(NBS).as_posix()
    for cell in cells_of(path):
        kind, source = cell['cell_type'], ''.join(cell['source'])
        if kind == 'code' and (re.search(AUTHORS, source, re.M) or not source.strip()): continue
        if kind == 'markdown' and not site: source = to_site(source, nb, home())
        if SOLUTION.search(source): solution = solved(source)
        yield kind, source if kind == 'markdown' else solved(source) if solutions else stub(source)
        checked = kind == 'code' and re.fullmatch(r'check\.(\w+)\(.*\)', source.strip())
        if checked and checked[1] in exercises:
            yield 'markdown', hints(exercises[checked[1]])
            why = exercises[checked[1]].why
            if site: yield 'markdown', details('Solution', f'```python\n{solution}\n```\n\n{why}')


def written(nb):
    "A notebook as bytes, as nbdev_clean writes it."
    return (json.dumps(nb, indent=1, sort_keys=True, ensure_ascii=False) + '\n').encode()


def notebook(path, site=False, solutions=False):
    "The learner's notebook as bytes, always the same for the same source."
    cells = list(learners_cells(path, site, solutions))
    if not site: cells.insert(1, ('code', INSTALL.format(what=f"git+{settings()['git_url']}")))
    made = []
    for i, (kind, source) in enumerate(cells):
        id = hashlib.sha256(f'{i} {source}'.encode()).hexdigest()[:8]
        cell = dict(cell_type=kind, id=id, metadata={}, source=source.splitlines(keepends=True))
        made.append(cell | (dict(execution_count=None, outputs=[]) if kind == 'code' else {}))
    kernel = dict(kernelspec=dict(display_name='Python 3', language='python', name='python3'))
    return written(dict(cells=made, metadata=kernel, nbformat=4, nbformat_minor=5))


def write(folder, site=False, keep=False):
    """Write all learners' notebooks, each whole; returns what was done with each: path -> words.

    With `keep`, a notebook that differs, as somebody worked in it, stays as it is."""
    from fastbook_ch4.files import write_whole
    folder, done = Path(folder), {}
    folder.mkdir(parents=True, exist_ok=True)
    for source in teachers():
        path, content = folder/Path(download(source.name)).name, notebook(source, site)
        mine = keep and path.exists() and path.read_bytes() != content
        done[path] = 'was changed, and is kept; rename it to get a new one' if mine else 'written'
        if not mine: write_whole(path, content)
    return done


def marked(cells):
    """The cells of a teacher's notebook with nbgrader's marks, by which it takes out solutions and
    all that only teachers need, and gives a point for each exercise."""
    seen = {}
    for cell in cells:
        source = ''.join(cell['source'])
        if 'nbdev_export()' in source: continue   # nbgrader would run it
        directives, body = re.fullmatch(r'((?:#\|[^\n]*(?:\n|$))*)(.*)', source, re.S).groups()
        code = cell['cell_type'] == 'code'
        hidden = bool(code and re.search(AUTHORS, source, re.M) and body.strip())
        if hidden and 'BEGIN HIDDEN TESTS' not in body:
            source = f'{directives}### BEGIN HIDDEN TESTS\n{body}\n### END HIDDEN TESTS'
        stub, _, solution = source.partition('### BEGIN SOLUTION')
        defined = re.findall(r'^(?:def|class) (\w+)', stub, re.M) if solution else []
        asserted = hidden and re.search(r'^assert check\.(\w+)\(', source, re.M)
        if hidden or defined:
            name = defined[-1] if defined else f'test_{asserted[1]}' if asserted else 'for_teachers'
            seen[name] = n = seen.get(name, 0) + 1
            if n > 1 or name == 'for_teachers': name = f'{name}_{n}'
            mark = dict(grade=hidden, grade_id=name, locked=hidden, schema_version=3,
                        solution=bool(defined), task=False)
            if hidden: mark['points'] = int(bool(asserted))
            metadata = cell['metadata'] | dict(nbgrader=mark)
            cell = cell | dict(metadata=metadata, source=source.splitlines(keepends=True))
        yield cell


def mark():
    "Put nbgrader's marks on all teacher's notebooks."
    for path in teachers():
        nb = json.loads(path.read_text(encoding='utf-8'))
        nb['cells'] = list(marked(nb['cells']))
        path.write_bytes(written(nb))


if __name__ == '__main__':
    if '--mark' in sys.argv: sys.exit(mark())
    args = [a for a in sys.argv[1:] if a != '--site']
    done = write(args[0] if args else ROOT/'exercises', site='--site' in sys.argv, keep=True)
    for path, words in done.items(): print(f'{path} {words}')
