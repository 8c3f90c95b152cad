"Make README.md from nbs/index.ipynb: text and outputs as Markdown, with links seen from the root."
import base64, json, os, re
from pathlib import Path

from docs.links import only

ROOT = Path(__file__).resolve().parents[1]


def from_root(match):
    "A link of the notebook, as seen from the root."
    return f"]({os.path.normpath('nbs/' + match[1])})"


def readme():
    "The files to write: path from the root -> bytes."
    parts, files = [], {}
    for cell in json.loads((ROOT/'nbs'/'index.ipynb').read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        if only(source) == 'site': continue
        if cell['cell_type'] == 'markdown': parts.append(source)
        elif not re.search(r'^#\| *(hide|default_exp)', source, re.M):
            if 'echo: false' not in source: parts.append(f'```python\n{source}\n```')
            for output in cell['outputs']:
                data = {kind: ''.join(o) for kind, o in output.get('data', {}).items()}
                if 'text/markdown' in data: parts.append(data['text/markdown'])
                elif 'image/png' in data:
                    path = f'images/index_{len(files) + 1}.png'
                    files[f'nbs/{path}'] = base64.b64decode(data['image/png'])
                    parts.append(f"![{re.search(r'fig-alt: (.*)', source)[1]}]({path})")
                    parts.append(f"*{re.search(r'fig-cap: (.*)', source)[1]}*")
                else:
                    printed = data.get('text/plain') or ''.join(output['text'])
                    parts.append(f'```\n{printed.rstrip()}\n```')
    text = re.sub(r'\]\((?!https?:|#)([^)]+)\)', from_root, '\n\n'.join(parts))
    note = '<!-- Made from nbs/index.ipynb by `make notebooks`: change it there. -->\n\n'
    return {'README.md': (note + text + '\n').encode(), **files}


if __name__ == '__main__':
    for path, content in readme().items(): (ROOT/path).write_bytes(content)
