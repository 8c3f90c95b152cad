"The reference: a page for each module of the package, which smalldocs makes from its docments."
import ast, json, re, shutil, subprocess, sys
from pathlib import Path

import yaml

from docs.links import ROOT, staged, title, to_library, to_types

ROOMS = ['chapters', 'pages', 'engine']   # The modules' order, by the folders of their notebooks

# A table of parameters that has nothing to say of them
BARE = r'^\| Parameter .*\n\|[-| :]+\n(?:\| `\w+` \|[^|\n]*\|[^|\n]*\|  *\|\n)+(?!\|)'

INDEX = '''---
title: API reference
description: Every function and class of the package, with its parameters
---

| module | what it is about |
|--|--|
'''
# Pages of modules that there are no longer
GONE = {'bench': '''---
title: fastbook_ch4.bench
description: A module that there is no longer
search: false
page-navigation: false
---

The benchmarks are no part of the package any more. They are a script of the project,
`tools/bench.py`, and [Benchmarks](../benchmarks.ipynb) shows what they found.
'''}


def smalldocs(*args):
    "Run smalldocs' command line."
    subprocess.run([Path(sys.executable).with_name('smalldocs'), *args], check=True)


def modules(cfg):
    "The modules that have a page, in the order of the rooms: (name, file, notebook)."
    found = []
    for f in cfg.lib_path.rglob('[!_]*.py'):
        nb = re.search(r'File to edit: (?:\.\./)+nbs/(.*)\.\n', f.read_text(encoding='utf-8'))[1]
        name = '.'.join(f.relative_to(cfg.lib_path.parent).with_suffix('').parts)
        if '.exercises.' not in name: found.append((name, f, nb))
    return sorted(found, key=lambda o: (ROOMS.index(o[2].partition('/')[0]), o[2]))


def tidy(text, symbols):
    "A page of the reference, without what says nothing, and with links from its types."
    def types(match): return match[1] + to_types(match[2], symbols)
    text = text.replace('.py#L0)', '.py)').replace(f'{ROOT}/', '')
    text = re.sub(BARE, '', text, flags=re.M)
    text = re.sub(r"<built-in function (\w+)>|<class '(?:\w+\.)*(\w+)'>", r'\1\2', text)
    text = re.sub(r'^(\| `\w+` \|) None \|', r'\1 |', text, flags=re.M)   # a default is no type
    return re.sub(r'^(\| (?:`\w+`|returns) \| )([^|]*)', types, text, flags=re.M)


def made_by_smalldocs(cfg, found, work):
    "Let smalldocs make the pages in the folder `work`; returns what it knows: name -> place."
    source = f'{cfg.git_url}/blob/{cfg.branch}'
    api = dict(packages=[name for name, *_ in found], root=str(ROOT), source=source)
    config = dict(project=dict(type='website'), smalldocs=dict(api=api))
    work.mkdir(parents=True, exist_ok=True)
    (work/'_quarto.yml').write_text(yaml.safe_dump(config), encoding='utf-8')
    smalldocs('api', 'build', '--dir', work)
    return json.loads((work/'_symbols.json').read_text(encoding='utf-8'))


def reference(cfg, work, stage):
    "Write the pages and their index to the folder `stage`; returns them for the list of pages."
    found = modules(cfg)
    symbols = made_by_smalldocs(cfg, found, work)
    shutil.copy(work/'_symbols.json', stage)
    (stage/'api').mkdir()
    rows, entries = [], ['api/index.qmd']
    for name, f, nb in found:
        text = tidy((work/'api'/f'{f.stem}.qmd').read_text(encoding='utf-8'), symbols)
        made_in = f'\n---\n\nMade in [{title(nb)}](../{staged(nb)}).\n'
        text = to_library(text.replace('\n---\n', made_in, 1))
        (stage/'api'/f'{f.stem}.qmd').write_text(text, encoding='utf-8')
        about = ast.get_docstring(ast.parse(f.read_text(encoding='utf-8')))
        rows.append(f'| [`{name}`]({f.stem}.qmd) | {about} |\n')
        entries.append(dict(text=name.partition('.')[2], href=f'api/{f.stem}.qmd'))
    (stage/'api'/'index.qmd').write_text(INDEX + ''.join(rows), encoding='utf-8')
    for name, text in GONE.items(): (stage/'api'/f'{name}.qmd').write_text(text, encoding='utf-8')
    return entries
