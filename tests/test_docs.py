"What makes the site, without building it: addresses, links, the rules that mend pages, the server."
import json, re, urllib.error, urllib.request
from collections import Counter
from pathlib import Path

import pytest

from conftest import ROOT
from docs import api, finish, links, maths, policy, searching, serve, stage
from docs.links import NBS, address, download, notebooks, to_pages, to_site

HOME = stage.CFG.doc_host + stage.CFG.doc_baseurl
NAMES = ['data', 'pixel_similarity', 'sgd', 'loss', 'minibatches', 'optimizer', 'learner',
         'nonlinearity', 'resnet', 'ten_digits', 'ladder']
OTHERS = ['benchmarks', 'check', 'citing', 'exercises', 'glossary', 'index', 'live_descent',
          'live_draw', 'live_loss', 'live_mean', 'predict',
          'progress', 'proofs', 'saved_models', 'teaching', 'train']
MODULES = ['bench', 'check', 'data', 'index', 'ladder', 'learner', 'loss', 'nets', 'optim',
           'pixels', 'predict', 'progress', 'proof', 'quiz', 'resnet',
           'saved', 'sgd', 'ten_digits', 'train', 'training']
# The addresses that the first edition had, before its notebooks got folders. They stay.
PUBLISHED = [*(f'{name}.html' for name in [*NAMES, 'questionnaire', *OTHERS]),
             *(f'exercises/{name}.html' for name in NAMES),
             *(f'exercises/{i:02}_{name}.ipynb' for i, name in enumerate(NAMES)),
             *(f'notebooks/{i:02}_{name}.ipynb'
               for i, name in enumerate([*NAMES, 'questionnaire'])),
             *(f'notebooks/{name}.ipynb' for name in OTHERS),
             *(f'api/{name}.html' for name in MODULES), '404.html']


def addresses():
    "All addresses of pages and notebooks."
    modules = [f.stem for _, f, _ in api.modules(stage.CFG)]
    reference = {f'api/{name}.html' for name in ('index', *modules, *api.GONE)}
    pages, files = ({of(nb) for nb in notebooks()} for of in (address, download))
    return pages | files | reference | {'404.html'}


def test_published_addresses_stay():
    assert len(PUBLISHED) == 99 and not set(PUBLISHED) - addresses()


@pytest.mark.parametrize('of', [address, download], ids=lambda f: f.__name__)
def test_no_address_is_given_twice(of):
    assert not (twice := [o for o, n in Counter(map(of, notebooks())).items() if n > 1]), twice


def test_no_picture_has_the_name_of_another():
    names = Counter(p.name for p in NBS.rglob('images/*'))
    assert not (twice := [name for name, n in names.items()
                          if n > 1]), f'{twice}: the site has all pictures in one folder'


@pytest.mark.parametrize('nb, page, file', [
    ('index.ipynb', 'index.html', 'notebooks/index.ipynb'),
    ('chapters/03_loss.ipynb', 'loss.html', 'notebooks/03_loss.ipynb'),
    ('chapters/03_loss_exercises.ipynb', 'exercises/loss.html', 'exercises/03_loss.ipynb'),
    ('pages/live_draw.ipynb', 'live_draw.html', 'notebooks/live_draw.ipynb')])
def test_addresses(nb, page, file): assert (address(nb), download(nb)) == (page, file)


@pytest.mark.parametrize('text, nb, on_page, elsewhere', [
    ('[x](../chapters/03_loss.ipynb#zip)', 'pages/predict.ipynb', '[x](loss.ipynb#zip)',
     '[x](HOME/loss.html#zip)'),
    ('[x](03_loss.ipynb) [y](../about/glossary.ipynb)', 'chapters/03_loss_exercises.ipynb',
     '[x](../loss.ipynb) [y](../glossary.ipynb)', '[x](HOME/loss.html) [y](HOME/glossary.html)'),
    ('[x](03_loss_exercises.ipynb)', 'chapters/03_loss.ipynb', '[x](exercises/loss.ipynb)',
     '[x](HOME/exercises/loss.html)'),
    ('<a href="about/glossary.ipynb">x</a>', 'index.ipynb', '<a href="glossary.ipynb">x</a>',
     '<a href="HOME/glossary.html">x</a>'),
    *[(text, 'index.ipynb', text, text)
      for text in ('[x](none.ipynb)', '[x](https://a.b/index.ipynb)', 'open `index.ipynb`',
                   '[x](#top)', '![x](images/x.svg)')]])
def test_links(text, nb, on_page, elsewhere):
    assert (to_pages(text, nb, address(nb)), to_site(text, nb, 'HOME')) == (on_page, elsewhere)


def test_links_of_outputs_lead_to_pages():
    text = '<a href="03_loss.ipynb#zip">'
    assert to_pages(text, 'chapters/11_questionnaire.ipynb', 'questionnaire.html',
                    '.html') == '<a href="loss.html#zip">'


def test_names_of_settings():
    before = '- text: "03"\n  href: chapters/03_loss.ipynb'
    assert links.in_settings(before) == '- text: "03"\n  href: loss.ipynb'


def test_links_to_libraries():
    lines = ["`nn.Linear` and fastai's `Learner`", '# `nn.Linear`', '`no.such` [`nn.ReLU`](x)']
    first, heading, rest = links.to_library('\n'.join(lines)).split('\n')
    wanted = r"\[`nn\.Linear`\]\(https://.*\) and fastai's \[`Learner`\]\(https://.*fast.ai"
    assert re.match(wanted, first)
    assert heading == '# `nn.Linear`' and rest == '`no.such` [`nn.ReLU`](x)'
    assert re.fullmatch(r'\[Tensor\]\(https://pytorch.*\), \[Data\]\(data\.qmd#Data\)',
                        links.to_types('Tensor, Data', {'Data': '/api/data.qmd#Data'}))


@pytest.mark.parametrize('before, after', [
    ('[source](a/b.py#L0)', '[source](a/b.py)'), (f'{ROOT}/x', 'x'),
    ("| `f` | x | <class 'a.b.Adam'> | d |", '| `f` | x | Adam | d |'),
    ('| `f` | None | 3 | what |', '| `f` | | 3 | what |'),
    ('| Parameter | T | D | W |\n|--|--|--|--|\n| `x` |  | 3 |  |\n\nText', '\nText')])
def test_the_reference_is_tidied(before, after):
    assert ' '.join(api.tidy(before, {}).split()) == ' '.join(after.split())


# Rule -> what smalldocs writes, and what stands there in the end
EXAMPLES = {
    'icons': ('<i class="bi bi-github" role="img">', '<i class="bi bi-github" aria-hidden="true">'),
    'sections that open': (
        '<a data-bs-target="#quarto-sidebar-section-2" role="navigation">',
        '<a href="#quarto-sidebar-section-2" data-bs-target="#quarto-sidebar-section-2" '
        'role="button">'),
    'bar at the top': ('<nav class="navbar x">', '<nav aria-label="Site" class="navbar x">'),
    'page before and after': ('<nav class="page-navigation">',
                              '<nav aria-label="Pages" class="page-navigation">'),
    'bar on a phone': ('<nav class="quarto-secondary-nav">',
                       '<nav aria-label="Chapters" class="quarto-secondary-nav">'),
    'list of pages': ('<nav id="quarto-sidebar">',
                      '<nav aria-label="Contents" id="quarto-sidebar">'),
    'list of headings': ('<nav id="TOC">', '<nav aria-label="On this page" id="TOC">'),
    'margin': ('<div id="quarto-margin-sidebar">',
               '<div id="quarto-margin-sidebar" role="complementary" aria-label="This page">'),
    'way past the lists': (
        '<body class="x">',
        '<body class="x">'
        '<a class="skip-link" href="#quarto-document-content">Skip to the text</a>'),
    'tables of pixels': ('background-color: #777777;\n  color: #f1f1f1;',
                         'background-color: #777777;\n  color: #000;'),
    'sentences': ('<div class="cell-output">\n<pre><code>One sentence.</code>',
                  '<div class="cell-output">\n<pre class="wraps"><code>One sentence.</code>'),
    'scripts of KaTeX': ('<script src="https://x/katex@0.16/katex.js" defer></script><p>', '<p>'),
    'KaTeX': ('<link href="https://cdn.jsdelivr.net/npm/katex@0.16.1/dist/katex.css">',
              '<link href="../site_libs/katex/katex.css">'),
    'style sheets': ('<link rel="stylesheet" href="../site_libs/themes/x.min.css" media="all">'
                     '<link rel="stylesheet" href="other.css">',
                     '<link rel="stylesheet" href="other.css">'),
    'light or dark': ("<script>(function(){var d=document.documentElement,s=null;})();</script><p>",
                      '<link rel="preload" as="style" href="../course.css">'
                      '<script src="../site/head.js"></script><p>'),
    'switch of light and dark': (
        '<a class="x" href="" title="Toggle dark mode" onclick="f(); return false;">',
        '<a class="x" href="" role="button" aria-label="Dark mode" title="Dark mode">'),
    'way back to the top': ('<a onclick="f(0, 0);" role="button" id="quarto-back-to-top">',
                            '<a href="#quarto-header" id="quarto-back-to-top">'),
    'scripts of Bootstrap': ('<script src="../x/bootstrap.bundle.min.js"></script>', ''),
    'script of smalldocs': ('<script src="../site_libs/smalldocs.js" defer></script><p>', '<p>'),
    'search of smalldocs': ('<script src="../site_libs/fuse/fuse.min.js"></script>', ''),
    'box to search in': ('<div class="smalldocs-search" id="quarto-search">',
                         '<div class="course-search" role="search" id="quarto-search">'),
    'results of a search': ('<div class="smalldocs-search-results dropdown-menu">',
                            '<div class="course-results">'),
    'search on a phone': (
        '<button class="navbar-toggler" type="button"></button><div>menu <div '
        'class="quarto-navbar-tools"><div><input><div></div></div></div></div>',
        '<div class="quarto-navbar-tools"><div><input><div></div></div></div>'
        '<button class="navbar-toggler" type="button"></button><div>menu </div>'),
    'list of headings on a phone': (
        '<nav a id="TOC"><ul><li><a href="#x" id="toc-x" class="nav-link" data-scroll-target="#x">X'
        '</a></li></ul></nav><header></header><p>',
        '<nav a id="TOC"><ul><li><a href="#x" id="toc-x" class="nav-link" data-scroll-target="#x">X'
        '</a></li></ul></nav><header></header><details class="on-this-page"><summary>On this page'
        '</summary>\n<nav aria-label="On this page, folded"><ul><li><a href="#x">X</a></li></ul>'
        '</nav></details><p>'),
    'terms of the glossary': ('<li><strong>Adam W</strong>: x</li>',
                              '<li id="term-adam-w"><strong>Adam W</strong>: x</li>'),
    'the missing page': (
        '  <url>\n<loc>https://x/404.html</loc>\n</url>\n  <url><loc>https://x/a.html</loc></url>',
        '  <url><loc>https://x/a.html</loc></url>')}
UNTOUCHED = {'tables of pixels': ('background-color: #3b0f70;\n  color: #f1f1f1;',
                                  'background-color: #3b0f70;\n  color: #fff;'),
             'sentences': ('<div class="cell-output">\n<pre><code>a  b</code>',)*2}


@pytest.mark.parametrize('rule', finish.RULES, ids=lambda r: r.what)
def test_rule_mends(rule):
    before, after = EXAMPLES[rule.what]
    assert rule.why and finish.mended(before, [rule], '../') == (after, {rule.what: 1})
    other, same = UNTOUCHED.get(rule.what, ('<p>text</p>',)*2)
    assert finish.mended(other, [rule], '../')[0] == same


def test_each_rule_has_one_example(): assert [rule.what for rule in finish.RULES] == list(EXAMPLES)


def test_scripts_of_a_page():
    def head(styles, scripts, up=''):
        return (''.join(f'<link rel="stylesheet" href="{up}{name}">' for name in styles)
                + f'<script src="{up}site/later.js" data-scripts="'
                + ' '.join(up + name for name in scripts) + '" defer></script>')
    scripts = ['site_libs/smalldocs.js', 'site/site.js', 'site/search.js']
    assert finish.scripts('<p>text</p>', '') == head(['course.css'], scripts)
    text = '<div data-live="draw"></div><div class="fb4-quiz"></div>'
    css, js = ([o for o in finish.FILES if o.endswith(kind)] for kind in ('.css', '.js'))
    styles = ['course.css'] + [f'site/{o}' for o in ['live/live.css', *css]]
    scripts += [f'site/{o}' for o in ['live/live.js', 'live/draw.js', *js]]
    assert finish.scripts(text, '../') == head(styles, scripts, '../')


def test_lines_of_code_are_elements():
    code = 'if a:\n    <span class="st">"""b\n    c"""</span>'
    text = finish.lines(f'<code class="sourceCode python">{code}</code><code>a\nb</code>')
    assert text == ('<code class="sourceCode python"><span class="line in-0">if a:\n</span>'
                    '<span class="line in-1">    <span class="st">"""b</span>\n</span>'
                    '<span class="line in-1"><span class="st">    c"""</span>\n</span></code>'
                    '<code>a\nb</code>')
    assert re.sub('<[^>]*>', '', text).startswith('if a:\n    """b\n    c"""\n'), 'to copy'


def test_a_card_has_the_first_large_figure_of_its_page():
    figures = ('<img alt="small" src="a_files/1.png" width="80" height="40">'
               '<img alt="the first" src="a_files/2.png" width="640" height="300">')
    text = finish.card(Path('a.html'), figures)
    assert f'{HOME}/a_files/2.png"' in text and 'content="the first"' in text
    assert f'<link rel="canonical" href="{HOME}/a.html">' in text
    other = finish.card(Path('index.html'), '')
    assert f'href="{HOME}/">' in other and f'{HOME}/{finish.CARD[0]}"' in other


@pytest.mark.skipif(not (ROOT/'site'/'node_modules').exists(), reason='npm ci --prefix site')
def test_maths_is_made_and_a_wrong_formula_is_refused():
    page = {'a': r'<p><span class="math inline">\(x &lt; 2\)</span></p>'}
    made = maths.maths(page)['a']
    assert 'class="katex"' in made and r'\(' not in made and '<math' in made
    with pytest.raises(ValueError, match='undefinedname'):
        maths.rendered([(r'\undefinedname', False)])


def test_the_index_of_the_search_knows_kinds_and_terms(tmp_path):
    entries = [dict(href='loss.html#x', title='T', section='x', text='a'),
               dict(href='glossary.html#a', title='G', section='A', text='all'),
               dict(href='api/loss.html', title='L', section='', text='b'), dict(href='404.html')]
    (tmp_path/'search.json').write_text(json.dumps(entries))
    (tmp_path/'glossary.html').write_text('<li id="term-adam"><strong>Adam</strong>: steps</li>')
    searching.searching(tmp_path)
    found = json.loads((tmp_path/'search.json').read_text())
    assert [(o['href'], o['kind']) for o in found] == [
        ('loss.html#x', 'chapter'), ('api/loss.html', 'api'),
        ('glossary.html#term-adam', 'glossary')]
    assert found[-1]['section'] == 'Adam' and len({o['objectID'] for o in found}) == 3


@pytest.mark.parametrize('source, where', [
    ('<!-- only: site -->\ntext', 'site'), ('#| only: readme\nx = 1', 'readme'), ('text', None),
    ('say <!-- only: site -->', None)])
def test_what_is_shown_in_one_place_alone(source, where): assert links.only(source) == where


def test_pictures_become_files(tmp_path):
    import base64
    from io import BytesIO
    from PIL import Image
    Image.new('L', (3, 2)).save(png := BytesIO(), 'PNG')
    data = base64.b64encode(png.getvalue()).decode()
    text = finish.pictures(tmp_path/'page.html', f'<img src="data:image/png;base64,{data}">')
    wanted = r'<img src="(page_files/\w+\.png)" width="3" height="2" loading="lazy">'
    name = re.fullmatch(wanted, text)[1]
    assert (tmp_path/name).read_bytes() == png.getvalue()


def test_what_is_printed_in_several_goes_is_one():
    out = dict(output_type='stream', name='stdout', text=['a\n'])
    assert [o['text'] for o in stage.joined([out, out | dict(text='b\n'),
                                             out | dict(name='stderr')])] == ['a\nb\n', 'a\n']


def test_a_per_cent_sign_stays_with_its_number():
    assert stage.for_page('98.2 % of them, 7 % 3',
                          'index.ipynb') == '98.2\N{NO-BREAK SPACE}% of them, 7 % 3'


@pytest.mark.parametrize('nb', ['chapters/02_sgd.ipynb', 'index.ipynb'])
def test_a_notebook_to_open_elsewhere(nb):
    text = finish.to_open_elsewhere(nb)
    cells = json.loads(text)['cells']
    assert 'pip' in ''.join(cells[1]['source']) and 'nbdev_export()' not in text
    prose = '\n'.join(''.join(c['source']) for c in cells if c['cell_type'] == 'markdown')
    assert not re.findall(r'\]\((?!https:|#)[^)]*\)',
                          prose), 'links lead to the site, and pictures come from the repository'


def test_the_server_shows_the_missing_page(tmp_path):
    for name in ('index', '404'): (tmp_path/f'{name}.html').write_text(name)
    server = serve.server(tmp_path, ('127.0.0.1', 0))
    home = f'http://127.0.0.1:{server.server_port}'
    try:
        assert urllib.request.urlopen(home).read() == b'index'
        with pytest.raises(urllib.error.HTTPError) as e:
            urllib.request.urlopen(f'{home}/no/such/page.html')
        assert e.value.code == 404 and e.value.read() == b'404'
    finally: server.shutdown()


PAGE = ('<head><title>x</title></head><p title="a > b" style="top:1em">1</p>'
        '<span class="strut" style="height:2em;">2</span><i style="top:1em">3</i>'
        '<style scoped>\nth { top: 0 }\n</style>')


def test_styles_of_elements_move_to_the_sheet():
    css = {}
    text = policy.without_styles(PAGE, css)
    assert 'style' not in text and len(css) == 3 and 'th { top: 0 }' in ''.join(css)
    one, two, three = re.findall('class="([^"]*)"', text)
    assert one == three and two.endswith(' strut') and 'title="a > b"' in text
    assert css[one] == f'.{one}.{one}.{one}{{top:1em}}'


def test_the_policy_allows_the_sites_own_files_alone():
    text = policy.with_policy(PAGE)
    content = re.search('<head><meta http-equiv="Content-Security-Policy" content="([^"]*)"',
                        text)[1]
    assert "default-src 'none'" in content and 'unsafe' not in content and 'http' not in content
    assert 'sha256' not in content
    named = policy.with_policy('<head></head><script>go()</script>')
    other = policy.with_policy('<head></head><script>stop()</script>')
    sums = [re.search("'self' 'sha256-([^']+)'", o)[1] for o in (named, other)]
    assert sums[0] != sums[1]
