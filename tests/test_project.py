"The project as a whole: what is exported and cleaned, what the wheel holds, what the notebooks carry."
import json, re, runpy, shutil, subprocess, sys, zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted(p for p in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)
by_name = pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: p.stem)


def cells(path, kind=None):
    "The cells of a notebook as (source, outputs)."
    return [(''.join(c['source']), c.get('outputs', [])) for c in json.loads(path.read_text(encoding='utf-8'))['cells'] if kind in (None, c['cell_type'])]


def test_export_and_clean_change_nothing(tracked, tmp_path):
    copy = tmp_path/'a path with spaces'
    for name in tracked:
        (copy/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT/name, copy/name)
    for command in ('nbdev_export', 'nbdev_clean'): subprocess.run([command], cwd=copy, check=True)
    changed = [name for name in tracked if (ROOT/name).read_bytes() != (copy/name).read_bytes()]
    assert not changed, f'run `make notebooks` and commit: {changed}'


def test_readme_is_made_from_the_index():
    for path, content in runpy.run_path(str(ROOT/'nbs'/'scripts'/'readme.py'))['readme']().items():
        assert (ROOT/path).read_bytes() == content, f'{path} is older than nbs/index.ipynb: run `make notebooks` and commit'


def test_requirements_fit_together():
    pip = subprocess.run([sys.executable, '-m', 'pip', 'check'], capture_output=True, text=True)
    assert pip.returncode == 0, pip.stdout


def test_wheel(tmp_path):
    subprocess.run([sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '-w', tmp_path, ROOT], check=True)
    wheel, = tmp_path.glob('*.whl')
    with zipfile.ZipFile(wheel) as z:
        names = set(z.namelist())
        metadata = z.read(next(n for n in names if n.endswith('METADATA'))).decode()
        scripts = z.read(next(n for n in names if n.endswith('entry_points.txt'))).decode()
    packaged = [p for p in (ROOT/'fastbook_ch4').rglob('*') if p.is_file() and p.suffix in ('.py', '.gz', '.mplstyle', '.md', '.safetensors')]
    assert {str(p.relative_to(ROOT)) for p in packaged} <= names
    assert 'fastbook_ch4 = fastbook_ch4.ladder:main' in scripts
    ini = ConfigParser(); ini.read(ROOT/'settings.ini')
    assert f"Version: {ini['DEFAULT']['version']}" in metadata
    needed = re.findall(r'^Requires-Dist: (?!.*extra ==)(.*)', metadata, re.M)
    assert any('torch' in o for o in needed) and not any('nbdev' in o for o in needed), needed


def test_no_module_imports_what_it_need_not():
    modules = [p.stem for p in (ROOT/'fastbook_ch4').glob('[a-z]*.py')]
    code = ('import sys, importlib\n'
            f'for m in {modules}: importlib.import_module("fastbook_ch4." + m)\n'
            'print([m for m in ("fastai", "matplotlib", "pandas", "torchvision", "fastprogress") if m in sys.modules])')
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip() == '[]'


@by_name
def test_outputs_are_committed(path):
    code = cells(path, 'code')
    assert any(outputs for _, outputs in code), 'no outputs: run `make notebooks`'
    assert not any(o['output_type'] == 'error' for _, outputs in code for o in outputs), 'an error as output'


@by_name
def test_figures_have_caption_and_alt_text(path):
    figures = [s for s, outputs in cells(path, 'code') if any({'image/png', 'image/svg+xml'} & set(o.get('data', {})) for o in outputs)]
    bare = [s.splitlines()[0] for s in figures if not re.search(r'^#\| hide', s, re.M) and not ('fig-alt:' in s and 'fig-cap:' in s)]
    assert not bare, f'figures without fig-cap or fig-alt, in cells that begin: {bare}'
    pictures = [m for s, _ in cells(path, 'markdown') for m in re.findall(r'!\[([^\]]*)\]', s)]
    assert all(pictures), 'a picture without alt text'


@by_name
def test_cells_are_short(path):
    long = [s.splitlines()[0] for s, _ in cells(path, 'code') if sum(bool(line.strip()) and not line.startswith('#|') for line in s.splitlines()) > 30]
    assert not long, f'cells of more than 30 lines, which begin: {long}'


@pytest.mark.parametrize('path', [p for p in NOTEBOOKS if re.match(r'\d\d_', p.name)], ids=lambda p: p.stem)
def test_anatomy_of_a_chapter(path):
    "A title and a description alone in the first cell, one question near the top, and the closing."
    text = cells(path, 'markdown')
    assert re.fullmatch(r'# [^\n]+\n\n> [^\n]+', text[0][0]), 'the first cell holds the title and the description, and nothing else'
    assert any('**The question of this chapter:**' in s for s, _ in text[:4]), 'the chapter opens with its question'
    for part in ('## What we built', '**The ladder so far:**', '**To try:**', '**Next:**'): assert part in text[-1][0], f'the closing has no {part}'


@by_name
def test_local_links_lead_somewhere(path):
    "Links to notebooks, their headings and other files."
    for source, _ in cells(path, 'markdown'):
        for link in re.findall(r'\]\((?!https?:|mailto:)([^)\s]+)\)', source):
            file, _, anchor = link.partition('#')
            target = path.parent/file if file else path
            assert target.exists(), f'{link} leads nowhere'
            if anchor:
                headings = [h.strip() for s, _ in cells(target, 'markdown') for h in re.findall(r'^#+ (.*)', s, re.M)]
                slugs = {re.sub(r'[^\w\s-]', '', h.lower()).strip().replace(' ', '-') for h in headings}
                assert anchor.lower() in slugs, f'{link}: {target.name} has no such heading'
