"What the search knows: each section of each page and its kind, and each term of the glossary."
import html, json, re

from docs.links import address, is_exercises, notebooks, title

TERM = r'<li id="(term-[^"]*)">(?:<p>)?<strong>(.*?)</strong>(.*?)</li>'


def kind(nb):
    "What kind of page a notebook makes."
    if is_exercises(nb): return 'exercise'
    folder, _, name = nb.rpartition('/')
    if not folder: return 'home'
    if name.startswith('live_'): return 'live'
    if name == 'glossary.ipynb': return 'glossary'
    return {'chapters': 'chapter', 'engine': 'engine'}.get(folder, 'page')


def terms(site):
    "The glossary's terms, as entries of the index."
    page = address('about/glossary.ipynb')
    name = title('about/glossary.ipynb')
    for anchor, term, text in re.findall(TERM, (site/page).read_text(encoding='utf-8'), re.S):
        text = re.sub(r'(?s)<span class="katex-mathml">.*?</math></span>', '', text)
        plain = html.unescape(re.sub('<[^>]*>', '', f'{term}{text}'))
        yield dict(href=f'{page}#{anchor}', title=name, section=html.unescape(term), text=plain)


def searching(site):
    "Write the index anew, with kinds, and with terms in place of the glossary's letters."
    kinds = {address(nb): kind(nb) for nb in notebooks()}
    f = site/'search.json'
    entries = [*json.loads(f.read_text(encoding='utf-8')), *terms(site)]
    for i, o in enumerate(entries):
        page, _, anchor = o['href'].partition('#')
        o |= dict(objectID=i, kind=kinds.get(page, 'api'))
        if o['kind'] == 'glossary' and len(anchor) == 1: entries[i] = None   # a letter
    entries = [o for o in entries if o and not o['href'].startswith('404')]
    f.write_text(json.dumps(entries, ensure_ascii=False), encoding='utf-8')
