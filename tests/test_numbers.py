"""The gate for numbers: each number in prose, captions and alt texts is one that a cell prints,
asserts or sets nearby, one of a data file that the notebook reads, or it stands in nbs/numbers.yml
with its reason."""
import json, re
from functools import cache
from pathlib import Path

import pytest, yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(p for p in (ROOT/'nbs').rglob('*.ipynb')
               if '.ipynb_checkpoints' not in p.parts and not p.stem.endswith('_exercises'))
LISTED = ROOT/'nbs'/'numbers.yml'
NUMBER = re.compile(r'(?<![\w.,/#-])[-−+±]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|'
                    r'(?<![\w.,/#])[-−+±]?\d+(?:\.\d+)?(?:e[-−+]?\d+)?')
ABOUT = re.compile(r'(about|around|nearly|almost|some|roughly|over|under|more than|less than|'
                   r'a good|at least|at most|up to|above|below|within|near|and|to|or|from|between)'
                   r'\s*$')
# Numbers that are names, or say which and not how many
NAMES = re.compile(
    r'\b[A-Z][A-Za-z]*-\d+\b'                     # ResNet-18, SHA-256
    r'|\b(?:8|16|32|64)[- ]bits?\b'               # Kinds of number
    r'|\b10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+'                        # Powers of ten, as a scale has them
    r'|^(?:#+ )?\d\d?\. '                         # Items and headings
    r'|\b(?i:axis|chapter|meeting|part|question|stage|step|trap) \d\d?b?(?![.,]?\d|\s?[%×])'
    r'|\b(?i:chapters|meetings|stages) \d\d?b?(?:(?:, | and | to )\d\d?b?\b)*'
    r'|\[\d\db?(?= )'                              # The number of a chapter as a link
    r'|^\*\*Time:\*\* about \d+ minutes to read', re.M) # As tools/road.py makes it


def value(text): return float(text.replace(',', '').replace('−', '-').replace('±', '').lstrip('+'))


def bare(text):
    "Markdown without code, formulas, addresses, tags and names."
    text = re.sub(r'```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$', ' ', text, flags=re.S)
    return NAMES.sub(' ', re.sub(r'\]\([^)]*\)|<[^>]*>|https?:\S+', ' ', text))


def numbers(text):
    """The numbers of a text: as written, their value, how many decimals, whether in per cent,
    whether only about so much."""
    for m in NUMBER.finditer(text):
        written, rest = m[0], text[m.end():m.end() + 3]
        decimals = len(written.split('e')[0].partition('.')[2])
        percent = bool(re.match(r'[\s\N{NO-BREAK SPACE}]?%', rest))
        yield (written, value(written), decimals, percent,
               bool(ABOUT.search(text[:m.start()].lower())))


def numbers_of(data):
    "All numbers in what a data file holds."
    if isinstance(data, dict): data = list(data.values())
    if isinstance(data, list): return [n for o in data for n in numbers_of(o)]
    return [float(data)] if isinstance(data, (int, float)) and not isinstance(data, bool) else []


@cache
def cells(path):
    return [(c['cell_type'], ''.join(c['source']), c.get('outputs', []))
            for c in json.loads(path.read_text(encoding='utf-8'))['cells']]


def printed(outputs):
    "What a cell's outputs say, as text."
    for o in outputs:
        data = o.get('data', {})
        yield ''.join(o.get('text', ''))
        for kind in ('text/plain', 'text/markdown', 'text/html'):
            yield re.sub(r'<style.*?</style>|<script.*?</script>|<[^>]*>', ' ',
                         ''.join(data.get(kind, '')), flags=re.S)


def made(part):
    "Every number that some cells print or assert."
    found = []
    for kind, source, outputs in part:
        if kind != 'code': continue
        for text in printed(outputs): found += [v for _, v, *_ in numbers(text)]
        for line in source.split('\n'):
            if re.search(r'\b(assert|test_eq|test_close|test_fail)\b', line):
                found += literals(line)
    return found


def read(part):
    "Every number of the data files that some cells read."
    found = []
    for kind, source, _ in part:
        for name in re.findall(r"(?:kept_results\(|RESULTS/)['\"]([\w,]+)", source):
            file = ROOT/'fastbook_ch4'/'results'/f'{name}.json'
            if file.exists(): found += numbers_of(json.loads(file.read_text(encoding='utf-8')))
    return found


def literals(code):
    return [float(t.replace('_', ''))
            for t in re.findall(r'(?<![\w.])\d[\d_]*\.?\d*(?:e-?\d+)?', code)
            if re.fullmatch(r'\d[\d_]*\.?\d*(?:e-?\d+)?', t)]


def sections(path):
    "The cells of each section, from one heading to the next."
    part = []
    for cell in cells(path):
        if cell[0] == 'markdown' and re.search(r'^##+ ', cell[1], re.M) and part:
            yield part
            part = []
        part.append(cell)
    yield part


def fits(v, decimals, percent, about, here, elsewhere):
    """Whether a number is one of those made here, in its own section, or elsewhere in the notebook.
    It may be rounded as it is written, and one that is called "about" so much may be off by a
    fortieth, but only here. A whole number below 1,000 must be made here: elsewhere there is nearly
    every one."""
    v, scales = abs(v), (1, 100) if percent else (1, 100, 1e3, 1e-3) if decimals else (1,)
    for f, s in ((abs(f), s) for s in scales for f in here):
        if (abs(f*s - v) < 1e-9
            or (decimals or percent) and abs(round(f*s, decimals) - v) < 1e-9
            or about and v and abs(f*s/v - 1) < 0.025): return True
    if not decimals and not percent and v < 1000: return False
    return any(abs(round(abs(f)*s, decimals) - v) < 1e-9 for s in scales for f in elsewhere)


def texts(part):
    "What readers read in a section: prose, captions and alt texts."
    for kind, source, _ in part:
        if kind == 'markdown': yield bare(source)
        else: yield from (bare(m) for m in re.findall(r'^#\| fig-(?:cap|alt): *(.*)', source, re.M))


@cache
def listed():
    "The short list: pattern -> reason; file -> pattern -> reason."
    return yaml.safe_load(LISTED.read_text(encoding='utf-8'))


def excused(path, text, number):
    "Whether the list has a reason for a number where it stands."
    here = {**listed()['everywhere'], **listed().get(path.stem, {})}
    return any(m.start() <= number.start() < m.end()
               for pattern in here for m in re.finditer(pattern, text))


def unfounded(path):
    "Numbers that nothing in the notebook makes, each with the words around it."
    elsewhere = made(cells(path)) + read(cells(path))
    for part in sections(path):
        here = made(part) + [n for kind, source, _ in part if kind == 'code'
                                   for n in literals(re.sub(r'(?m)^#\|.*', '', source))]
        for text in texts(part):
            found = zip(numbers(text), NUMBER.finditer(text))
            for (written, v, decimals, percent, about), m in found:
                if v in (0, 1) or fits(v, decimals, percent, about, here, elsewhere): continue
                if excused(path, text, m): continue
                around = text[max(0, m.start() - 50):m.end() + 40]
                yield f"{written}{' %' if percent else ''} in: …{around}…".replace('\n', ' ')


@pytest.mark.parametrize('path', PAGES, ids=lambda p: str(p.relative_to(ROOT/'nbs'))[:-6])
def test_every_number_comes_from_somewhere(path):
    bad = list(unfounded(path))
    assert not bad, (f'let a cell print or assert it, or give its reason in nbs/numbers.yml:\n'
                     + '\n'.join(bad))


def test_no_reason_without_its_number():
    for where, reasons in listed().items():
        pages = [p for p in PAGES if where in ('everywhere', p.stem)]
        said = [text for page in pages for part in sections(page) for text in texts(part)]
        for pattern in reasons:
            assert any(NUMBER.search(m[0]) for text in said for m in re.finditer(pattern, text)), (
                f'numbers.yml has a reason for {pattern} ({where}), which nobody says')


def notebook(tmp_path, *cells):
    path = tmp_path/'made_up.ipynb'
    path.parent.mkdir()
    path.write_text(json.dumps({'cells': [
        dict(cell_type=kind, source=source, outputs=[dict(text=o) for o in outputs])
        for kind, source, *outputs in cells]}), encoding='utf-8')
    return path


def reported(path): return [o.split(' in: ')[0] for o in unfounded(path)]


def test_the_gate_can_close(tmp_path):
    """It reports a sentence and an alt text of the first edition beside what was printed there, and
    no seed of a data file is enough for a whole number."""
    loader = ('code', 'dl', '49 batches, the first of 256, the last of 108\n'
                            '23 batches of threes only, 25 of sevens only')
    said = 'Our first 24 batches are threes only, and the last 24 sevens only.'
    assert reported(notebook(tmp_path/'a', loader, ('markdown', said))) == ['24', '24']
    table = ('code', "results = kept_results('all')",
             '743.7\n269\n175.3\n93\n37.7\n92.7\n30 hidden\n100 hidden')
    alt = ('simple_net about 270 with 30 hidden units and 200 with 100. The residual nets make '
           'about 85 after one epoch, resnet18 about 90.')
    figure = ('code', f'#| fig-cap: x\n#| fig-alt: {alt}\nfig')
    assert reported(notebook(tmp_path/'b', table, figure)) == ['200', '85', '90']


@pytest.mark.parametrize('text, left', [
    ('Stage 4 takes 17 s', ['17']), ('Step 6, repeat, and step 7, stop', []),
    ('Stages 1 to 5 take 300 steps', ['300']), ('Stage 4 and 17 more', ['17']),
    ('A step 0.5 long, a step 20 % long', ['0.5', '20']), ('step 300', ['300']),
    ('chapters 04, 05 and 12 of 40', ['40']), ('[09](09_ten_digits.ipynb) makes 37', ['37']),
    ('### 2. Averaging 12 averages', ['12']), ('2. **Predict** 5 times', ['5']),
    ('It ends at 9. Then 8. More', ['9', '8']), ('A ResNet-18 has 18 layers', ['18']),
    ('minus-18 or -18', ['18', '-18']), ('SHA-256 of 256 bits', ['256']),
    ('32-bit numbers, 32 of them', ['32']), ('16 bits carry 3 digits', ['3']),
    ('from 10⁻⁵ to 10', ['10']), ('about 3 × 10³⁸', ['3']), ('axis 2 of 28', ['28'])])
def test_names_and_ordinals_are_no_quantities(text, left):
    assert [written for written, *_ in numbers(bare(text))] == left


@pytest.mark.parametrize('text, found, there', [
    ('98.4 %', [0.98412], True), ('98.4 %', [98.37], True), ('98.5 %', [0.98412], False),
    ('2,038', [2038.], True), ('2,039', [2038.], False), ('about 38', [37.7], True),
    ('38', [37.7], False), ('about 85', [93.], False), ('0.12', [0.1193], True),
    ('−4', [4.], True), ('24', [23., 25.], False)])
def test_what_counts_as_made(text, found, there):
    (_, v, decimals, percent, about), = numbers(text)
    assert fits(v, decimals, percent, about, found, []) == there
