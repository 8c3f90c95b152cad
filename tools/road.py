"""How long the road is: cells, words, lines of code, figures and minutes of each chapter.

    python tools/road.py            print the table
    python tools/road.py --write    and write each chapter's minutes at its head, and its number
                                    where a link leads to it; collapse folded and hidden cells
                                    in JupyterLab
    python tools/road.py 03_loss    and list the names that a visible cell lacks, or binds anew;
                                    with --names, those of all chapters

A cell is visible unless it says `#| hide`. A visible cell is folded where it says
`#| code-fold: true`: its output is on the page, and its code behind a click.
"""
import ast, builtins, importlib, json, re, symtable, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted(p for p in (ROOT/'nbs'/'chapters').glob('[01]*.ipynb')
                  if not p.stem.endswith('_exercises'))
WORDS, LINE, FIGURE = 200, 8/60, 20/60   # Words a minute; minutes for a line and for a figure
OPTION = r'^#\| *({})\b'
TIME = re.compile(r'^\*\*Time:\*\* about \d+ minutes to read\.$', re.M)


def cells(path): return json.loads(path.read_text(encoding='utf-8'))['cells']
def source(cell): return ''.join(cell['source'])
def says(cell, *options): return re.search(OPTION.format('|'.join(options)), source(cell), re.M)
def is_code(cell): return cell['cell_type'] == 'code'
def is_visible(cell): return not (is_code(cell) and says(cell, 'hide', 'default_exp'))
def is_folded(cell): return is_code(cell) and bool(says(cell, 'code-fold: true', 'echo: false'))


def lines(cell):
    "The lines of code that a reader sees."
    if not is_code(cell) or is_folded(cell): return []
    return [o for o in source(cell).splitlines() if o.strip() and not o.startswith('#|')]


def figures(cell):
    if not is_code(cell): return source(cell).count('![')
    return sum('image/png' in o.get('data', {}) for o in cell.get('outputs', []))


def measure(path):
    "What a reader of a chapter meets, and how many minutes it takes."
    shown = [c for c in cells(path) if is_visible(c)]
    n = dict(cells=len(shown),
             words=sum(len(TIME.sub('', source(c)).split()) for c in shown if not is_code(c)),
             lines=sum(len(lines(c)) for c in shown), figures=sum(map(figures, shown)))
    return n | dict(minutes=round(n['words']/WORDS + n['lines']*LINE + n['figures']*FIGURE))


def first_step(path):
    "The place of the cell that takes the first training step."
    return next(i for i, c in enumerate(cells(path))
                if is_code(c) and is_visible(c) and re.search(r'^ *step\(', source(c), re.M))


# Names

FREELY_BOUND = {'_', 'fig', 'ax', 'axs'}   # Of plots, each of which is made and done with


def starred(module):
    it = importlib.import_module(module)
    return getattr(it, '__all__', None) or [o for o in vars(it) if not o.startswith('_')]


def bound(tree):
    "The names that the code of a cell binds, outside of functions: name -> how."
    found, nodes = {}, list(tree.body)
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)): found[node.name] = 'defined'
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for o in node.names:
                names = starred(node.module) if o.name == '*' else [o.asname or o.name]
                found |= {name.partition('.')[0]: 'imported' for name in names}
        elif isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp,
                               ast.GeneratorExp)):
            nodes += [o.target for o in ast.walk(node) if isinstance(o, ast.NamedExpr)]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = 'assigned'
        else:
            if isinstance(node, ast.ExceptHandler) and node.name: found[node.name] = 'assigned'
            nodes += ast.iter_child_nodes(node)
    return found


def python(cell):
    "The text of a code cell, without the lines that are IPython's."
    return re.sub(r'^[%!].*$', '', source(cell), flags=re.M)


def parsed(cell): return ast.parse(python(cell))


class AsGenerators(ast.NodeTransformer):
    """Lists and their kin that are comprehended, as generators: since Python 3.12 symtable has no
    table of its own for the others."""
    def visit_ListComp(self, node):
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)
    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node):
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def used(cell):
    "The names that a code cell looks up, but for those that its functions bind themselves."
    text = ast.unparse(AsGenerators().visit(parsed(cell)))
    tables = [symtable.symtable(text, 'cell', 'exec')]
    for table in tables:
        tables += table.get_children()
        for o in table.get_symbols():
            if o.is_referenced() and (table is tables[0] or o.is_global()): yield o.get_name()


def shown_code(path):
    "The code cells whose code a reader can see, in the open or behind a click."
    return [c for c in cells(path)
            if is_code(c) and is_visible(c) and not says(c, 'echo: false')]


def unbound(path):
    "The names that a visible cell uses, and no visible cell up to it imports or makes."
    known = {*dir(builtins), 'display', 'get_ipython', '__file__', '__name__'}
    for cell in shown_code(path):
        known |= {*bound(parsed(cell))}
        for name in {*used(cell)} - known:
            yield f'{name}, in the cell {cell["id"]} that begins: {[*lines(cell), ""][0]}'


def only_folded(path):
    """The names that an open cell uses, and only folded ones make. What a folded cell exports, a
    guard or a gallery, the text above it names."""
    folded, in_the_open = set(), set()
    for cell in shown_code(path):
        made = {*bound(parsed(cell))}
        if is_folded(cell) and not says(cell, 'exports?'): folded |= made; continue
        in_the_open |= made
        for name in {*used(cell)} & folded - in_the_open:
            yield f'{name}, in the cell {cell["id"]} that begins: {[*lines(cell), ""][0]}'


def bound_twice(path):
    "The names that more than one visible cell binds. A class or a function may grow."
    first = {}
    for cell in filter(is_visible, cells(path)):
        if not is_code(cell): continue
        for name, how in bound(parsed(cell)).items():
            if name in FREELY_BOUND or how == 'imported' == first.get(name, how): continue
            if how == 'defined' == first.get(name, how): first[name] = how; continue
            if name in first: yield f'{name}, in the cell {cell["id"]}'
            first[name] = how


# What is written

NUMBERED = re.compile(r'(\[(?:[Cc]hapter )?)\d\db?(?= |\])([^\]\n]*\]\((?:[\w./]*/)?(\d\db?)_\w+'
                      r'\.ipynb)')


def numbered(text):
    "Markdown with each chapter's number in a link as that of the notebook that it leads to."
    return NUMBERED.sub(r'\g<1>\g<3>\g<2>', text)


def minutes_text(minutes): return f'**Time:** about {minutes} minutes to read.'


def marked(path):
    "A chapter with its minutes at its head and its folded cells marked, as text."
    nb = json.loads(path.read_text(encoding='utf-8'))
    for cell in nb['cells']:
        if is_code(cell):
            cell['metadata'].pop('jupyter', None)
            if says(cell, 'code-fold: true', 'hide', 'echo: false'):
                cell['metadata']['jupyter'] = dict(source_hidden=True)
            continue
        cell['source'] = numbered(source(cell)).splitlines(keepends=True)
        if '**The question of this chapter:**' in source(cell):
            text = TIME.sub('', source(cell)).rstrip()
            text += '\n\n' + minutes_text(measure(path)['minutes'])
            cell['source'] = text.splitlines(keepends=True)
    return json.dumps(nb, sort_keys=True, indent=1, ensure_ascii=False) + '\n'


def table():
    rows = {p.stem: measure(p) for p in CHAPTERS}
    names = ['cells', 'words', 'lines', 'figures', 'minutes']
    head = f'{"chapter":24}' + ''.join(f'{n:>9}' for n in names)
    body = [f'{c:24}' + ''.join(f'{row[n]:9,}' for n in names) for c, row in rows.items()]
    total = f'{"all":24}' + ''.join(f'{sum(r[n] for r in rows.values()):9,}' for n in names)
    early = sum(row['cells'] for c, row in rows.items() if c[:2] < '06')
    loss = next(p for p in CHAPTERS if p.stem == '03_loss')
    return '\n'.join([head, *body, total, f'visible cells of chapters 00 to 05: {early}',
                      f'first training step of chapter 03: cell {first_step(loss)}'])


if __name__ == '__main__':
    for path in CHAPTERS if '--write' in sys.argv else []:
        path.write_text(marked(path), encoding='utf-8')
    print(table())
    for path in CHAPTERS:
        if path.stem not in sys.argv and '--names' not in sys.argv: continue
        rules = {'no visible cell makes': unbound, 'only a folded cell makes': only_folded,
                 'bound twice': bound_twice}
        for what, rule in rules.items():
            for found in rule(path): print(f'{path.stem}: {what} {found}')
