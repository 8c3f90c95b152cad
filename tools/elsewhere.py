"""What the kept models make of digits from elsewhere, for the page of that name: pictures of the
validation digits 5,000 to 9,999 under every condition of `tests/conditions.py`, scikit-learn's
digits, and the digits of the fonts that Matplotlib brings.

    python tools/elsewhere.py [FILE]      `fastbook_ch4/results/elsewhere.json` where none is named
"""
import json, sys
from pathlib import Path

import matplotlib, numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT/'tests'))
from conditions import CONDITIONS, made, sklearn_ways
from fastbook_ch4.data import load_mnist
from fastbook_ch4.files import write_whole
from fastbook_ch4.models.predict import Reading, answer_all, load_rungs, read_image
from fastbook_ch4.pictures import ImageError

FIRST, N = 5000, 300   # Validation digits: from which on, and how many for each condition
SEEN = 300   # Of scikit-learn's digits, mixed: those that the preparation was worked out on


def read(im):
    "A `Reading`, or None where the picture is refused."
    try: return read_image(im)
    except ImageError: return None


def measured(ims, wanted, known):
    "Counts of what comes of these pictures."
    readings = [read(im) for im in ims]
    rows = [i for i, r in enumerate(readings) if type(r) is Reading]
    answers = dict(zip(rows, answer_all([readings[i] for i in rows], known)))
    def count(f): return sum(f(a, str(wanted[i])) for i, a in answers.items())
    rungs = {name: count(lambda a, y: a.rungs[name]['answer'] == y) for name in known.models}
    sures = {name: count(lambda a, y: a.rungs[name]['probability'] >= 0.95
                         and a.rungs[name]['answer'] != y) for name in known.models}
    believed = {name: sum(a.rungs[name]['probability'] for a in answers.values())
                for name in known.models}
    return dict(images=len(ims), refused=len(ims) - len(rows), rungs=rungs, certain_wrong=sures,
                believed=believed, right=count(lambda a, y: a.answer == y),
                sure=count(lambda a, y: a.sure), sure_wrong=count(
                    lambda a, y: a.sure and a.answer != y), several=count(
                    lambda a, y: len(a.seen) > 1))


def printed(font, digit):
    "A printed digit with a margin."
    im = Image.new('L', (200, 200), 235)
    ImageDraw.Draw(im).text((100, 100), str(digit), font=ImageFont.truetype(font, 120), fill=30,
                            anchor='mm')
    return im


def sources():
    "Triples of a source, a condition and a function that gives pictures and what they show."
    x, y = load_mnist(False)
    digits, labels = x[FIRST:FIRST + N].numpy()/255, y[FIRST:FIRST + N].tolist()
    for name in CONDITIONS: yield 'MNIST', name, lambda: (made(name, digits), labels)
    their = load_digits()
    others = np.random.default_rng(0).permutation(len(their.target))[SEEN:]
    for name, way in sklearn_ways().items():
        yield 'scikit-learn', name, lambda: ([way(a) for a in their.images[others]],
                                             their.target[others].tolist())
    folder = Path(matplotlib.get_data_path())/'fonts'/'ttf'
    fonts = [o for o in sorted(folder.glob('DejaVuS*.ttf')) if 'Display' not in o.name]
    yield 'fonts', 'printed', lambda: zip(*[(printed(str(font), d), d) for font in fonts
                                            for d in range(10)])


def measure(only=''):
    "Rows of the record; of some conditions alone, where a part of their names is given."
    known = load_rungs()
    for source, name, make in sources():
        if only not in name: continue
        ims, wanted = map(list, make())
        yield dict(source=source, condition=name) | measured(ims, wanted, known)


if __name__ == '__main__':
    path = sys.argv[1] if len(sys.argv) > 1 else ROOT/'fastbook_ch4'/'results'/'elsewhere.json'
    rows = []
    for row in measure():
        print(row['source'], row['condition'], f"{row['right']/row['images']:.1%}", flush=True)
        rows.append(json.dumps(row))
    write_whole(path, ('[\n' + ',\n'.join(rows) + '\n]\n').encode())
