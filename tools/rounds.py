"Put a round of questions before the closing of each chapter, and refresh every round as `quiz` gives it now, without executing the chapters: python nbs/scripts/rounds.py [NOTEBOOK…]"
import json, sys
from hashlib import sha256
from pathlib import Path
from fastbook_ch4.study.progress import CHAPTERS
from fastbook_ch4.study.quiz import quiz
import re

TEXT = '''## Questions

How much of this chapter could you explain to somebody else? The first try counts, and every answer is explained, the wrong ones too. In a terminal, `fastbook_ch4 quiz {n}` asks the same. [All rounds](11_questionnaire.ipynb#the-questions) are together in chapter 11.'''

def lines(text): return text.splitlines(keepends=True)
def cell(kind, text, n):
    c = dict(cell_type=kind, id=sha256(f'{n}{text}'.encode()).hexdigest()[:8], metadata={}, source=lines(text))
    return c | (dict(execution_count=None, outputs=[]) if kind == 'code' else {})
def output(n):
    data = {'text/html': lines(quiz(n)._repr_html_()), 'text/plain': lines(repr(quiz(n)))}
    return [dict(data=data, execution_count=None, metadata={}, output_type='execute_result')]

def work(path):
    before = path.read_text(encoding='utf-8')
    nb, n = json.loads(before), path.name[:2]
    def source(c): return ''.join(c['source'])
    if n != '11' and not any(re.search(r'from fastbook_ch4.study.quiz import quiz$', source(c), re.M) for c in nb['cells']):
        end, = [i for i, c in enumerate(nb['cells']) if c['cell_type'] == 'markdown' and '## What we built' in source(c)]
        head, closing = source(nb['cells'][end]).split('## What we built')
        if head: # The chapter's last words and the closing are one cell: two now
            nb['cells'][end]['source'] = lines(head.rstrip('\n'))
            end += 1
            nb['cells'].insert(end, cell('markdown', '## What we built' + closing, n))
        nb['cells'][end:end] = [cell('markdown', TEXT.format(n=n), n), cell('code', '#| hide\nfrom fastbook_ch4.study.quiz import quiz', n), cell('code', f"#| echo: false\nquiz('{n}')", n)]
    for c in nb['cells']:
        if m := re.search(r"^quiz\('(\d\d)'\)$", source(c), re.M): c['outputs'] = output(m[1])
    after = json.dumps(nb, sort_keys=True, indent=1, ensure_ascii=False) + '\n'
    if after != before: path.write_text(after, encoding='utf-8'); print('changed', path)

for path in map(Path, sys.argv[1:]) if sys.argv[1:] else [Path(f'nbs/{c}.ipynb') for c in [*CHAPTERS.values(), '11_questionnaire']]: work(path)
