"""Bring the questions, which stand beside their chapters, to where they are asked.

    python tools/questions.py            into the package, together with the names of the exercises
                                         and their solutions
    python tools/questions.py --clear    and take the rounds out of the notebooks' outputs, after
                                         these were executed

A round is not stored in its notebook: it would be as long as all else that the chapter shows, and
be older than the questions as soon as one of them changes. The site's build puts it into the page,
by `show`.
"""
import json, re, sys
from pathlib import Path

from exercises import packaged as solutions

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS, STUDY = ROOT/'nbs'/'chapters', ROOT/'fastbook_ch4'/'study'
# A cell that shows a round, or their score
ROUND = re.compile(r"^(?:quiz\('(?P<chapter>\d\db?)'\)|Total\(\))$", re.M)
FILES = ('quiz.css', 'quiz.js')   # What a page with rounds needs, from STUDY


def packaged():
    "The files to write: path from the root -> bytes."
    from fastbook_ch4.study.chapters import CHAPTERS as notebooks
    from fastbook_ch4.study.check import exercises
    folder = (STUDY/'questions').relative_to(ROOT).as_posix()
    made = {f'{folder}/{n}.yml': (CHAPTERS/f'{n}_questions.yml').read_bytes()
            for n in notebooks.values()}
    names = {n: [ex.name for ex in exercises() if ex.chapter == module]
             for module, n in notebooks.items()}
    for name, content in (('exercises', names), ('solutions', solutions())):
        text = json.dumps(content, indent=1, ensure_ascii=False) + '\n'
        made[(STUDY/f'{name}.json').relative_to(ROOT).as_posix()] = text.encode()
    return made


def rounds(nb):
    """The cells of a notebook that show a round or the score, each with its chapter's number or
    None."""
    for cell in nb['cells']:
        found = cell['cell_type'] == 'code' and ROUND.search(''.join(cell['source']))
        if found: yield cell, found['chapter']


def show(nb):
    """Give the cells of a page that show a round its HTML as output, in place, from the files as
    they are now."""
    from fastbook_ch4.study.chapters import CHAPTERS as notebooks, chapter_of
    from fastbook_ch4.study.question import parse
    from fastbook_ch4.study.quiz import Round, Total
    def asked(n): return parse((CHAPTERS/f'{n}_questions.yml').read_text(encoding='utf-8'), n)
    for cell, chapter in rounds(nb):
        n = chapter_of(chapter) if chapter else None
        shown = (Round(n, asked(n)) if n
                 else Total([q for name in notebooks.values() for q in asked(name)]))
        cell['outputs'] = [dict(output_type='display_data',
                                data={'text/html': shown.html(alone=False)}, metadata={})]


def clear(path):
    "Take the rounds out of a notebook's outputs; says whether there were any."
    nb = json.loads(path.read_text(encoding='utf-8'))
    stored = [cell for cell, _ in rounds(nb) if cell['outputs'] or cell['execution_count']]
    for cell in stored: cell |= dict(outputs=[], execution_count=None)
    if stored:
        path.write_text(json.dumps(nb, sort_keys=True, indent=1, ensure_ascii=False) + '\n',
                        encoding='utf-8')
    return bool(stored)


if __name__ == '__main__':
    for path, content in packaged().items():
        (ROOT/path).parent.mkdir(exist_ok=True)
        (ROOT/path).write_bytes(content)
    if '--clear' in sys.argv:
        for path in sorted(CHAPTERS.glob('*.ipynb')):
            if clear(path): print(f'{path.relative_to(ROOT)}: its round is not stored')
