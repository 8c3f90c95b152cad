"""Nothing stale: a cell with the line `#| current` shows what it would show now.

Each notebook that has such a cell is executed in a fresh process from its own folder, down to the
last of them, without the cells that `make test` leaves out.
"""
import copy, json, re

import nbformat, pytest
from nbclient import NotebookClient

from conftest import ROOT
from docs.links import NBS, notebooks


def has(cell, mark):
    return cell.cell_type == 'code' and bool(re.search(rf'^#\| *{mark}$', cell.source, re.M))


def marked(nb): return [i for i, cell in enumerate(nb.cells) if has(cell, 'current')]


def read(path): return nbformat.read(path, as_version=4)


def said(cell):
    """A cell's outputs as what can be compared: (kind, text), with what was printed in several goes
    in one, and without addresses in memory."""
    out = []
    for o in json.loads(json.dumps(cell.outputs)):
        printed = 'name' in o
        for kind, text in sorted((o.get('data')
                                  or {o.get('name', 'error'): o.get('text',
                                                                    o.get('evalue'))}).items()):
            text = re.sub(' at 0x[0-9a-f]+', '', ''.join(text) if isinstance(text, (str, list))
                          else json.dumps(text))
            if printed and out and out[-1][0] == kind: out[-1] = (kind, out[-1][1] + text)
            else: out.append((kind, text))
    return [(kind, text.strip()) for kind, text in out]


def stale(path):
    "Cells marked as current whose outputs are others now, each as a sentence."
    nb = read(path)
    places = marked(nb)
    now = copy.deepcopy(nb)
    now.cells = now.cells[:places[-1] + 1]
    for cell in now.cells:
        if has(cell, '(slow|notest)') or 'nbdev_export()' in cell.source: cell.source = ''
    NotebookClient(now, timeout=120, kernel_name='python3',
                   resources={'metadata': {'path': str(path.parent)}}).execute()
    for i in places:
        was, is_now = said(nb.cells[i]), said(now.cells[i])
        if was != is_now:
            yield (f'{path.name}, cell {nb.cells[i].id}: it shows {was}, and now it would show '
                   f'{is_now}: run `make notebooks NOTEBOOKS={path.relative_to(path.parents[2])}`')


MARKED = [NBS/nb for nb in notebooks() if marked(read(NBS/nb))]


@pytest.mark.parametrize('path', MARKED, ids=lambda p: p.stem)
def test_outputs_are_current(path): assert not (bad := list(stale(path))), '\n'.join(bad)


def test_some_cells_are_marked(): assert ROOT/'nbs'/'about'/'exercises.ipynb' in MARKED


def made_up(tmp_path, shown):
    "A notebook of four cells, the third of them marked; `shown` is what it is said to show."
    out = nbformat.v4.new_output('stream', name='stdout', text=shown)
    cells = [nbformat.v4.new_code_cell(source)
             for source in ('n = 2', '#| slow\nn = 3',
                            '#| current\nprint(n)\nprint(open("beside.txt").read())', '1/0')]
    cells[2].outputs = [out]
    folder = tmp_path/'nbs'/'about'
    folder.mkdir(parents=True)
    (folder/'beside.txt').write_text('beside')
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder/'made_up.ipynb')
    return folder/'made_up.ipynb'


@pytest.mark.parametrize('shown, sentences', [('2\nbeside\n', 0), ('3\nbeside\n', 1)])
def test_outputs_can_be_stale(tmp_path, shown, sentences):
    found = list(stale(made_up(tmp_path, shown)))
    assert len(found) == sentences and all('now it would show' in o
                                           and 'NOTEBOOKS=nbs/about/made_up.ipynb' in o
                                           for o in found)
