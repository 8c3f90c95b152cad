"""What the renderer of the site shows wrongly without a word, though it is valid elsewhere: no
notebook has it. Found with smalldocs 0.5.4; each rule has an example that it refuses."""
import re

import pytest

from docs.links import NBS, cells_of, notebooks

OPTION = re.compile(r'#\|')


def without_code(text): return re.sub(r'(?s)```.*?```|`[^`\n]*`', '', text)


def inside(line, mark):
    "What stands between pairs of a mark."
    return line.split(mark)[1::2]


def of_markdown(text):
    "What a cell of Markdown has that is shown wrongly."
    for line in text.splitlines():
        if line.startswith('|'):
            if any('|' in part.replace('\\|', '') for part in inside(line, '`')):
                yield f'code with a bar in a table: {line}'
            if any('|' in part for part in without_code(line).split('$')[1:-1:2]):
                yield f'maths with a bar in a table: {line}'
    plain = without_code(text)
    if m := re.search(r'\d\$[a-zA-Z\\{]', plain): yield f'a dollar beside a digit: {m[0]}'
    if re.search(r'(?m)^\\begin\{align', re.sub(r'(?s)\$\$.*?\$\$', '', plain)):
        yield 'align without dollars around it'
    for words in re.findall('<summary>(.*?)</summary>', text):
        if re.search(r'[`*$]|\]\(', words): yield f'Markdown in a summary: {words}'
    for words in re.findall(r'<div[^>]*>([^\n<]+)</div>', text):
        if re.search(r'[`*$]|\]\(', words): yield f'Markdown in a tight div: {words}'
    if m := re.search(r'\(attachment:[^)]*%20', text): yield f'a blank in a name: {m[0]}'


def of_code(source):
    "What a cell of code says that smalldocs doesn't do."
    head, done = [], False
    for line in source.splitlines():
        if re.match(r'#\s+\|', line): yield f'an option with a blank: {line}'
        if not OPTION.match(line): done = True   # A blank line or %%time too
        elif done: yield f'an option below other lines: {line}'
        else: head.append(line)
    for line in head:
        if re.match(r'#\| *(output: *asis|warning: *false)', line): yield f'not known: {line}'
        if m := re.match(r'#\| *fig-(cap|alt): *(.*)', line):
            quoted = re.fullmatch(r'"[^"]*"|\'[^\']*\'', m[2])
            if ': ' in m[2] and not quoted: yield f'a colon without quotes: {line}'
            if re.search(r'[`*$]|\]\(', m[2]): yield f'Markdown in the words of a figure: {line}'


def of_outputs(outputs):
    "What was printed that is shown as something else."
    for output in outputs:
        text = ''.join(output.get('text', ''))
        if '\r' in text: yield 'a carriage return, which becomes a line'
        if '\x1b]8;' in text: yield 'a link for terminals'


def wrongly(cell):
    if cell['cell_type'] == 'markdown': return of_markdown(cell['source'])
    return [*of_code(cell['source']), *of_outputs(cell.get('outputs', []))]


@pytest.mark.parametrize('nb', notebooks())
def test_no_notebook_is_shown_wrongly(nb):
    found = [f"{cell['id']}: {what}" for cell in cells_of(nb) for what in wrongly(cell)]
    assert not found, '\n'.join(found)


def cell(source, kind='markdown', **more): return dict(cell_type=kind, source=source, **more)


def code(source, text=''):
    return cell(source, 'code', outputs=[dict(output_type='stream', text=[text])])


@pytest.mark.parametrize('bad', [
    cell('| a |\n|--|\n| `x | y` |'), cell('| a |\n|--|\n| $|x|$ and $y$ |'), cell('| $|x|$ |'),
    cell('twice 3$x$'), cell('\\begin{align}\na\n\\end{align}'),
    cell('<details><summary>The `code`</summary>x</details>'), cell('<div>*a*</div>'),
    cell('![x](attachment:a%20b.png)'), code('#| output: asis\nx'), code('#| warning: false\nx'),
    code('x = 1\n\n#| hide'), code('%%time\n#| hide\nx'), code('# | hide\nx'),
    code('#| fig-cap: What it is: this\nx'), code('#| fig-cap: The $x$\nx'),
    code('x', '1\r2'), code('x', '\x1b]8;;https://a.b\x1b\\a')],
    ids=lambda o: o['source'][:30])
def test_each_kind_is_refused(bad): assert [*wrongly(bad)]


@pytest.mark.parametrize('good', [
    cell('| `a` | `b` |\n|--|--|\n| $x$ | $y$ |'), cell('| `a \\| b` |'), cell('costs 3 or $x_3$'),
    cell('$$\n\\begin{align}\na\n\\end{align}\n$$'), cell('`3$x`'),
    code('#| hide\n#| fig-cap: "What it is: this"\nx  # | y')], ids=lambda o: o['source'][:30])
def test_what_is_shown_well_is_not(good): assert not [*wrongly(good)]
