"""A sample of the conditions under which `predict` has to read digits, and that each rule of its
preparation is needed. The whole is measured by `tools/elsewhere.py`."""
import json

import numpy as np, pytest
from PIL import Image
from sklearn.datasets import load_digits

from conditions import CONDITIONS, made, sklearn_ways
from conftest import ROOT
from fastbook_ch4.data import load_mnist
from fastbook_ch4.models import predict as asked
from fastbook_ch4.pictures import ImageError

N = 20
X, Y = (o[7000:7000 + N].numpy() for o in load_mnist(False))
RECORD = {(r['source'], r['condition']): r for r in
          json.loads((ROOT/'fastbook_ch4'/'results'/'elsewhere.json').read_text(encoding='utf-8'))}


@pytest.fixture(scope='module')
def known(): return asked.load_rungs()


def answers(ims, known):
    "Answers, or None for what is refused."
    for im in ims:
        try: reading = asked.read_image(im)
        except ImageError: yield None
        else: yield asked.answer_all([reading], known)[0]


def right(ims, wanted, known):
    return sum(bool(a) and a.answer == str(y) for a, y in zip(answers(ims, known), wanted))


# What is made or read of their pictures takes longest
LONG = ('thin pen, large canvas', 'fills the picture', 'hard shadow', 'dark squares',
        'squared paper')


@pytest.mark.parametrize('name', [
    pytest.param(o, marks=[pytest.mark.thorough]*(o in LONG))
    for o in CONDITIONS if o != 'spot of light'])
def test_each_condition(name, known): assert right(made(name, X/255), Y, known) >= N - 2


def test_the_record_is_of_these_conditions():
    assert [c for s, c in RECORD if s == 'MNIST'] == list(CONDITIONS)
    assert [c for s, c in RECORD if s == 'scikit-learn'] == list(sklearn_ways())


# What each rule is for: without it the condition fails
RULES = {'on_its_sheet': (lambda grey: grey, ['sheet on a dark desk', 'note on a grey desk',
                                              'dark frame']),
         '_without_rules': (lambda found, kept: kept, ['underlined', 'framed'])}


@pytest.mark.parametrize('rule', RULES)
def test_without_a_rule_its_conditions_fail(rule, known, monkeypatch):
    nothing, names = RULES[rule]
    monkeypatch.setattr(asked, rule, nothing)
    shares = [right(made(name, X/255), Y, known)/N for name in names]
    assert sum(shares)/len(names) < 0.85, shares


def test_a_close_crop_and_its_negative_are_one(known, monkeypatch):
    their, ways = load_digits(), sklearn_ways()
    crops, negatives = ([ways[way](a) for a in their.images[:40]]
                        for way in ('close crop', 'its negative'))
    said = [[a.answer for a in answers(ims, known)] for ims in (crops, negatives)]
    assert said[0] == said[1] and sum(np.array(said[0]) == their.target[:40].astype(str)) >= 36
    monkeypatch.setattr(asked, '_close_crop', lambda grey: None)
    assert right(negatives, their.target[:40], known) < 32


def test_a_thin_pen_is_brought_to_full_ink():
    thin = asked.as_mnist(made('thin pen, large canvas', X[:1]/255)[0])
    assert thin.max() == 1 and thin.sum() > 15


def test_what_is_cut_off_is_never_sure(known):
    for a in answers(made('touches the edge', X/255), known):
        assert not a.sure and a.text.startswith('not sure') and 'cut off' in a.text


def test_several_digits_are_read_in_order(known):
    rows = [np.hstack([X[i], X[i + 1], X[i + 2]]) for i in range(0, N - 2, 3)]
    ims = [Image.fromarray(255 - np.pad(row, 14)) for row in rows]
    said = list(answers(ims, known))
    wanted = [''.join(map(str, Y[i:i + 3])) for i in range(0, N - 2, 3)]
    assert sum(a.answer == w for a, w in zip(said, wanted)) >= len(rows) - 1
    assert all('digits side by side' in a.text and not a.sure for a in said if len(a.seen) > 1)
