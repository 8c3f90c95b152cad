"The project as a whole: what is exported, cleaned and packed, and the rules that notebooks keep."
import ast, json, re, shutil, subprocess, sys
from pathlib import Path

import pytest, yaml

from conftest import ROOT
from docs.links import is_exercises, notebooks
from fastbook_ch4.study.chapters import number
from readme import readme

NOTEBOOKS = [ROOT/'nbs'/nb for nb in notebooks()]
CHAPTERS = [p for p in NOTEBOOKS if p.parent.name == 'chapters' and not is_exercises(p.name)]
GLOSSARY = ROOT/'nbs'/'about'/'glossary.ipynb'


def cells(path, kind=None):
    "The cells of a notebook as (source, outputs)."
    return [(''.join(c['source']), c.get('outputs', []))
            for c in json.loads(path.read_text(encoding='utf-8'))['cells']
            if kind in (None, c['cell_type'])]


def slug(heading):
    "The anchor of a heading on the site: Pandoc's rule."
    return re.sub(r'^[^a-z]+', '', '-'.join(re.sub(r'[^\w\s.-]', '', heading.lower()).split()))


def headings(text): return re.findall(r'^#+ +(.*?) *$', text, re.M)


def prose(path):
    "The Markdown of a notebook without code and formulas."
    text = '\n\n'.join(s for s, _ in cells(path, 'markdown'))
    return re.sub(r'```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$', '', text, flags=re.S)


def test_export_and_clean_change_nothing(tracked, tmp_path):
    copy = tmp_path/'a path with spaces'
    for name in tracked:
        (copy/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT/name, copy/name)
    for command in ('nbdev_export', 'nbdev_clean'):
        subprocess.run([Path(sys.executable).with_name(command)], cwd=copy, check=True)
    changed = [name for name in tracked if (ROOT/name).read_bytes() != (copy/name).read_bytes()]
    assert not changed, f'run `make notebooks` and commit: {changed}'


def test_readme_is_made_from_the_index():
    for path, content in readme().items():
        older = f'{path} is older than nbs/index.ipynb: run `make notebooks` and commit'
        assert (ROOT/path).read_bytes() == content, older


def test_requirements_fit_together():
    pip = subprocess.run([sys.executable, '-m', 'pip', 'check'], capture_output=True, text=True)
    assert pip.returncode == 0, pip.stdout


NAMING = ['Makefile', 'CONTRIBUTING.md', '.ci/run', '.github/workflows/weekly.yaml']


@pytest.mark.parametrize('name', NAMING)
def test_named_files_exist(name):
    named = re.findall(r'(?<![\w./])(?:tools|tests|site|nbs)/[\w/]+\.\w+',
                       (ROOT/name).read_text(encoding='utf-8'))
    made = re.compile('NN_name|fastbook_ch4/results/|node_modules')   # What is made may be missing
    missing = {o for o in named if not (ROOT/o).exists() and not made.search(o)}
    assert not missing, missing


def modules():
    "The package's modules: name -> file."
    files = [p for p in (ROOT/'fastbook_ch4').rglob('*.py') if p.name != '_modidx.py']
    return {'.'.join(p.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__'): p
            for p in files}


def test_no_module_imports_what_it_need_not():
    heavy = ('fastai', 'matplotlib', 'pandas', 'torchvision', 'fastprogress')
    code = ('import sys, importlib\n'
            f'for m in {list(modules())}: importlib.import_module(m)\n'
            f'print([m for m in {heavy} if m in sys.modules])')
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          check=True).stdout.strip() == '[]'


# The rules for notebooks. Each is a function of a notebook's path, and returns what breaks it.


def no_outputs(path):
    code = [(s, outputs) for s, outputs in cells(path, 'code')
            if not re.search(r'^#\| *(hide|default_exp)', s, re.M)]
    if code and not any(outputs for _, outputs in code): yield 'no outputs: run `make notebooks`'
    if any(o['output_type'] == 'error' for _, outputs in code for o in outputs):
        yield 'an error as output'


def bare_figures(path):
    for s, outputs in cells(path, 'code'):
        figure = any({'image/png', 'image/svg+xml'} & set(o.get('data', {})) for o in outputs)
        hidden, said = re.search(r'^#\| *hide', s, re.M), 'fig-alt:' in s and 'fig-cap:' in s
        where = f'in the cell that begins: {s.partition(chr(10))[0]}'
        if figure and not hidden and not said: yield f'a figure without fig-cap or fig-alt, {where}'
        if 'fig-cap:' in s and not figure: yield f'a caption without a figure, {where}'
    for s, _ in cells(path, 'markdown'):
        if '![](' in s or re.search(r'<img(?![^>]*\balt=)', s): yield 'a picture without alt text'


def unreadable_options(path):
    "A cell's options are read as YAML: an unquoted colon in a caption loses them all."
    for s, _ in cells(path, 'code'):
        options = '\n'.join(re.findall(r'^#\| (\w[\w-]*: .*)', s, re.M))
        try: yaml.safe_load(options)
        except yaml.YAMLError:
            yield (f'quote the text after the first colon, which holds another colon or begins '
                   f'with a sign: {options}')


def is_table(source):
    "Whether a cell is one assignment and nothing else: data, which may be as long as they are."
    try: body = ast.parse(source).body
    except SyntaxError: return False   # a magic
    return len(body) == 1 and isinstance(body[0], (ast.Assign, ast.AugAssign))


def is_class(source):
    "Whether a cell is one class, which a notebook can't divide, perhaps with what it imports."
    try: body = ast.parse(source).body
    except SyntaxError: return False
    body = [o for o in body if not isinstance(o, (ast.Import, ast.ImportFrom, ast.Assign))]
    return len(body) == 1 and isinstance(body[0], ast.ClassDef)


def lines_of_code(source):
    "The lines that are neither empty nor documentation: docstrings, signatures, decorators."
    lines = source.splitlines()
    try: nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError: nodes = []   # a magic
    said = set()
    for n in nodes:
        if not isinstance(n, (ast.FunctionDef, ast.ClassDef)): continue
        first = min([n.lineno, *(o.lineno for o in n.decorator_list)])
        said |= set(range(first, n.body[0].lineno)) - {n.lineno}
        if ast.get_docstring(n): said |= set(range(n.body[0].lineno, n.body[0].end_lineno + 1))
    return [line for i, line in enumerate(lines, 1)
            if line.strip() and not line.startswith('#|') and i not in said]


def long_cells(path):
    "Hidden tests of an exercise may be longer: nbgrader takes a cell as a whole. So may a class."
    for s, _ in cells(path, 'code'):
        if '### BEGIN HIDDEN TESTS' in s or is_table(s): continue
        lines, most = lines_of_code(s), 45 if is_class(s) else 30
        if len(lines) > most:
            yield f'a cell of {len(lines)} lines, and {most} are allowed, which begins: {lines[0]}'


def long_lines(path):
    "Captions and alt texts have to be one line each."
    for s, _ in cells(path, 'code'):
        for line in s.splitlines():
            if len(line) > 88 and not re.match(r'#\| *(fig-|echo|default_exp)', line):
                yield f'a line of {len(line)} columns, and 88 are allowed: {line.strip()[:60]}…'


def captured(path):
    "Under this magic a failed assertion passes unseen."
    for s, _ in cells(path, 'code'):
        if re.search(r'^\s*%%capture\b', s, re.M):
            yield f'%%capture hides a failed assertion: {s.partition(chr(10))[0]}'


def only_some_can_read(path):
    "What Quarto understands and JupyterLab, Colab or a code host show as it is typed."
    text = prose(path)
    for what, pattern in dict(div=r'^ *:::', reference=r'(?<![\w`.])@(fig|tbl|sec|eq)-',
                              attribute=r'\{[.#][\w-]+[^}]*\}', shortcode=r'\{\{[<%]',
                              citation=r'\[@\w').items():
        if m := re.search(pattern, text, re.M):
            yield (f"Quarto's {what} `{m[0].strip()}` reads as typed in JupyterLab: use headings, "
                   'lists, tables, `> **Note**`, `<details>`')


def wrong_anatomy(path):
    "A chapter: title and description alone in the first cell, a question near the top, a closing."
    text = [s for s, _ in cells(path, 'markdown')]
    if not re.fullmatch(r'# [^\n]+\n\n> [^\n]+', text[0]):
        yield 'the first cell holds the title and the description, and nothing else'
    if not any('**The question of this chapter:**' in s for s in text[:4]):
        yield 'the chapter opens with its question'
    start = next((i for i, s in enumerate(text) if s.startswith('## What we built')), -1)
    closing = '\n\n'.join(text[start:])
    for part in ('## What we built', '**The ladder so far:**', '**To try:**', '**Next:**'):
        if part not in closing: yield f'the closing has no {part}'


def anchors(path): return {slug(h) for s, _ in cells(path, 'markdown') for h in headings(s)}


def broken_links(path):
    "Links to notebooks, their headings and other files."
    for source, _ in cells(path, 'markdown'):
        for link in re.findall(r'(?:\]\(|\b(?:href|src)=")(?!https?:|mailto:|data:)([^)"\s]+)',
                               source):
            file, _, anchor = link.partition('#')
            target = path.parent/file if file else path
            if not target.exists(): yield f'{link} leads nowhere'
            elif anchor and target.suffix == '.ipynb' and anchor.lower() not in anchors(target):
                yield f'{link}: {target.name} has no such heading'


RULES = [no_outputs, bare_figures, unreadable_options, long_cells, long_lines, captured,
         only_some_can_read, broken_links]


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: str(p.relative_to(ROOT/'nbs'))[:-6])
@pytest.mark.parametrize('rule', RULES, ids=lambda r: r.__name__)
def test_rule(rule, path): assert not (broken := list(rule(path))), '\n'.join(broken)


MODULES = [p for folder in ('fastbook_ch4', 'tests', 'tools') for p in (ROOT/folder).rglob('*.py')
           if p.name != '_modidx.py'] + [ROOT/'setup.py']


def test_lines_of_modules_can_be_read():
    "But for the head of an exported module, which nbdev writes."
    def lines(p):
        _, mark, text = p.read_text(encoding='utf-8').partition('\n# %% ../')
        return (text if mark else p.read_text(encoding='utf-8')).splitlines()
    long = {p.relative_to(ROOT).as_posix(): line for p in MODULES for line in lines(p)
            if len(line) > 100}
    assert not long, f'over 100 columns: {long}'


@pytest.mark.parametrize('path', CHAPTERS, ids=lambda p: p.stem)
def test_anatomy_of_a_chapter(path):
    assert not (broken := list(wrong_anatomy(path))), '\n'.join(broken)


def made_up(tmp_path, *cells):
    "A notebook of (kind, source, outputs…)."
    path = tmp_path/'made_up.ipynb'
    def cell(kind, source, *outputs):
        more = {'outputs': outputs} if kind == 'code' else {}
        return dict(cell_type=kind, source=source) | more
    nb = dict(cells=[cell(*parts) for parts in cells])
    path.write_text(json.dumps(nb), encoding='utf-8')
    return path


SHOWN = dict(output_type='stream', text='1')
FIGURE = dict(output_type='display_data', data={'image/png': ''})


LINE, DOCSTRING = '    x = 1\n', '    """What\n\n    it does."""\n'


@pytest.mark.parametrize('rule, broken, kept', [
    (no_outputs, ('code', '1'), ('code', '1', SHOWN)),
    (no_outputs, ('code', '1', dict(output_type='error')), ('code', '#| hide\n1')),
    (bare_figures, ('code', '#| fig-cap: What to see.\n#| fig-alt: What is in it.\nplot()'),
     ('code', '#| hide\nplot()', FIGURE)),
    (bare_figures, ('code', '#| fig-cap: What to see.\nplot()', FIGURE),
     ('code', '#| fig-cap: What to see.\n#| fig-alt: What is in it.\nplot()', FIGURE)),
    (bare_figures, ('markdown', '![](x.png)'), ('markdown', '![What is in it.](x.png)')),
    (bare_figures, ('markdown', '<img src="x.png">'), ('markdown', '<img src="x.png" alt="">')),
    (unreadable_options, ('code', '#| fig-cap: Two lines: one bends.\nplot()'),
     ('code', '#| fig-cap: "Two lines: one bends."\n#| hide\nplot()')),
    (long_cells, ('code', 'x = 1\n'*31), ('code', 'x = 1\n\n'*30)),
    (long_cells, ('code', 'f(\n' + '1,\n'*31 + ')'), ('code', 'x = [\n' + '1,\n'*31 + ']')),
    (long_cells, ('code', 'def f():\n' + LINE*30),
     ('code', 'def f(\n' + '    x, # A number\n'*9 + '):\n' + DOCSTRING + LINE*29)),
    (long_cells, ('code', 'class A:\n' + LINE*45), ('code', 'class A:\n' + LINE*44)),
    (long_lines, ('code', 'x = 1  # ' + 'y'*80),
     ('code', '#| fig-alt: ' + 'y'*80 + '\nx = ' + '1'*84)),
    (captured, ('code', '#| hide\n%%capture out\nassert 1 == 2'), ('code', '%%time\n1', SHOWN)),
    (only_some_can_read, ('markdown', '::: {.callout-note}\nMind the gap.\n:::'),
     ('markdown', '> **Note** Mind the gap, `::: `.')),
    (only_some_can_read, ('markdown', 'See @fig-line.'),
     ('markdown', 'See the figure, which `@fig-line` would name.')),
    (only_some_can_read, ('markdown', '![A line.](x.png){#fig-line}'),
     ('markdown', 'The set {a, b}, and $x_{i}$.')),
    (broken_links, ('markdown', '[there](none.ipynb)'), ('markdown', '[here](made_up.ipynb)')),
    (broken_links, ('markdown', '## A title\n\n[there](#a-tilte)'),
     ('markdown', "## It's a title\n\n[here](made_up.ipynb#its-a-title)")),
    (broken_links, ('markdown', '<a href="none.ipynb">there</a>'),
     ('markdown', '<a href="https://pytorch.org">here</a>'))])
def test_the_rules_can_be_broken(rule, broken, kept, tmp_path):
    assert list(rule(made_up(tmp_path, broken))) and not list(rule(made_up(tmp_path, kept)))


def test_anatomy_can_be_wrong(tmp_path):
    parts = ['# Title\n\n> What it is about.', '**The question of this chapter:** why?',
             '## What we built\n\n**The ladder so far:** x\n\n**To try:** x\n\n**Next:** x']
    assert not list(wrong_anatomy(made_up(tmp_path, *[('markdown', s) for s in parts])))
    for i, mistake in enumerate(['# Title', 'why?', parts[2].replace('**To try:**', '')]):
        wrong = [('markdown', mistake if i == j else s) for j, s in enumerate(parts)]
        assert len(list(wrong_anatomy(made_up(tmp_path, *wrong)))) == 1


# The glossary

# Italic because the voice is raised, and no terms.
EMPHASIS = {'adds', 'after', 'all', 'between', 'broadcasts', 'cancel', 'click', 'constant',
            'counted from the end', 'different', 'each bend can be one hidden unit', 'every',
            'everywhere', 'exist', 'function', 'here',
            'identical', 'image', 'is', 'its', 'learn', 'measuring differently', 'not', 'once',
            'one', 'output', 'right', 'running', 'same', 'show', 'sign', 'size', 'stop', 'these',
            'this', 'training', 'used', 'where',
            'whether', 'which', 'worse than a constant'}


ENTRY = r'^- \*\*(.+?)\*\*(?: \((.+?)\))?: .+ \[[^\]]*\]\(([^)#]+)#?([^)]*)\)$'


def entries(path):
    "The glossary's entries: term, its other names, and the notebook and the heading that teach it."
    for s, _ in cells(path, 'markdown'):
        for term, others, file, anchor in re.findall(ENTRY, s, re.M):
            yield term, others.split(', ') if others else [], file, anchor


def section(path, anchor):
    """What stands under a heading, code included, up to the next heading of its rank; without an
    anchor, what stands before the second heading."""
    lines = [(kind, line) for c in json.loads(path.read_text(encoding='utf-8'))['cells']
             for kind in [c['cell_type']] for line in ''.join(c['source']).split('\n')]
    marks = [(i, len(m[1]), slug(m[2])) for i, (kind, line) in enumerate(lines)
             if kind == 'markdown' and (m := re.match(r'(#+) +(.*)', line))]
    start, rank, _ = next((m for m in marks if not anchor or m[2] == anchor), (len(lines), 0, ''))
    end = next((i for i, other, _ in marks if i > start and (other <= rank or not anchor)),
               len(lines))
    return re.sub(r'\s+', ' ', re.sub('[*`]', '', '\n'.join(line for _, line in lines[start:end])))


def untaught(path):
    "Entries whose section does not use the term or one of its other names."
    for term, others, file, anchor in entries(path):
        text = section(path.parent/file, anchor)
        if not any(re.search(rf'(?<!\w){re.escape(name)}s?(?!\w)', text, re.I)
                   for name in [term, *others]):
            yield f'{term}: {file}#{anchor} never says so'


def unexplained(paths, glossary):
    "What stands in italics in the chapters, and is neither in the glossary nor known as emphasis."
    names = {name.lower() for term, others, *_ in entries(glossary) for name in [term, *others]}
    for path in paths:
        for phrase in re.findall(r'(?<![*\w])\*([^*\s](?:[^*\n]*[^*\s])?)\*(?![*\w])', prose(path)):
            known = {phrase.lower(), phrase.lower().removesuffix('s')} & names
            if not known and phrase not in EMPHASIS:
                yield f'{path.name}: *{phrase}*'


def test_every_term_of_the_glossary_is_taught():
    assert not (bad := list(untaught(GLOSSARY))), '\n'.join(bad)


def test_every_term_of_the_chapters_is_in_the_glossary():
    bad = list(unexplained(CHAPTERS, GLOSSARY))
    where = 'add to nbs/about/glossary.ipynb, or to EMPHASIS in this file:'
    assert not bad, '\n'.join([where, *bad])


def test_the_glossary_is_sorted():
    lines = [line for s, _ in cells(GLOSSARY, 'markdown') for line in s.split('\n')
             if line.startswith('- **')]
    terms = [re.sub(r'\W', '', term.lower()) for term, *_ in entries(GLOSSARY)]
    form = '- **term** (other names): text. [place](notebook.ipynb#heading)'
    assert len(terms) == len(lines) > 100, f'an entry that is not of the form: {form}'
    assert terms == sorted(set(terms))


def test_the_glossary_can_be_wrong(tmp_path):
    page = '\n\n'.join(['## Lines', 'A *bend* is a kink.', '### More', 'And `relu`.', '## Curves',
                        'With *slopes*.'])
    (tmp_path/'page.ipynb').write_text(made_up(tmp_path, ('markdown', page)).read_text())
    entry = '- **{}**: What it is. [chapter 07: Lines](page.ipynb#{})'.format
    def glossary(*lines): return made_up(tmp_path, ('markdown', '\n'.join(lines)))
    assert not list(untaught(glossary(entry('bend', 'lines'), entry('relu', 'lines'),
                                      entry('slope', 'curves'))))
    wrong = glossary(entry('slope', 'lines'))
    assert list(untaught(wrong)) == ['slope: page.ipynb#lines never says so']
    for line in (entry('end', 'lines'), entry('bend', 'no-such-heading')):
        assert list(untaught(glossary(line)))
    few = glossary(entry('bend', 'lines'))
    assert list(unexplained([tmp_path/'page.ipynb'], few)) == ['page.ipynb: *slopes*']


# The site

def missing_from(sidebar, names):
    "Pages that the sidebar does not name, and names in it that are no pages."
    listed = set(re.findall(r'[\w/]+\.ipynb', sidebar))
    return sorted(set(names) - listed), sorted(listed - set(names))


def test_every_page_is_in_the_sidebar():
    assert missing_from((ROOT/'nbs'/'sidebar.yml').read_text(encoding='utf-8'),
                        notebooks()) == ([], [])
    assert missing_from('- a.ipynb\n- b.ipynb',
                        ['a.ipynb', 'c.ipynb']) == (['c.ipynb'], ['b.ipynb'])


def misnamed(sidebar, titles):
    "Pages whose name in the sidebar is not their number and their chapter's title."
    named = {Path(href).stem: text
             for text, href in re.findall(r'text: "(.*)"\n +href: (.*\.ipynb)', sidebar)}
    right = {page: f"{number(page)} {titles.get(page.removesuffix('_exercises'))}"
             for page in {*titles, *named}}
    return sorted(page for page in right if named.get(page) != right[page])


def test_the_sidebar_names_the_chapters():
    titles = {p.stem: cells(p)[0][0].partition('\n')[0].lstrip('# ') for p in CHAPTERS}
    sidebar = (ROOT/'nbs'/'sidebar.yml').read_text(encoding='utf-8')
    assert len(titles) >= 12 and not (bad := misnamed(sidebar, titles)), bad
    assert misnamed('- text: "00 Old"\n  href: chapters/00_data_exercises.ipynb',
                    {'00_data': 'New'}) == ['00_data', '00_data_exercises']


def test_the_lock_file_names_no_host():
    lock = (ROOT/'site'/'package-lock.json').read_text(encoding='utf-8')
    assert '"node_modules/' in lock and not re.findall(r'"resolved": "http[^"]*', lock)
