"The maths of all pages, made once by KaTeX, so that no browser has to."
import html, json, re, subprocess

from docs.stage import SITE

MATHS = r'(<span class="math (inline|display)">)\\[(\[](.*?)\\[)\]]</span>'
RENDER = """const katex = require('katex')
const formulas = JSON.parse(require('fs').readFileSync(0))
const make = ([text, displayMode]) => katex.renderToString(text, {displayMode, strict: 'error'})
console.log(JSON.stringify(formulas.map(make)))"""


def rendered(formulas):
    "The HTML of formulas, each a pair of its text and whether it stands in a line of its own."
    done = subprocess.run(['node', '-e', RENDER], input=json.dumps(formulas), text=True,
                          capture_output=True, cwd=SITE)
    if done.returncode: raise ValueError(f'A formula of a page is wrong: {done.stderr[-600:]}')
    return json.loads(done.stdout)


def maths(pages):
    "Pages, as a dict of their HTML, with their formulas made."
    found = {(html.unescape(text), kind == 'display')
             for page in pages.values() for _, kind, text in re.findall(MATHS, page, re.S)}
    made = dict(zip(found, rendered([*found]))) if found else {}
    def one(match):
        return f"{match[1]}{made[html.unescape(match[3]), match[2] == 'display']}</span>"
    return {name: re.sub(MATHS, one, page, flags=re.S) for name, page in pages.items()}
