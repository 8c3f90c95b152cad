"""The record: who said what, what was chosen how, and what may differ by how much. Each fault is
one sentence that names the place."""
import json, re
from pathlib import Path

import pytest

from fastbook_ch4.ladder import QUOTED
from fastbook_ch4.rungs import RUNGS

ROOT = Path(__file__).resolve().parents[1]
CHOICES = ROOT/'fastbook_ch4'/'results'/'choices.json'
CLASSES = {'3,7': 2, 'all': 10}


def misquoted(record):
    "What is wrong with the quoted results."
    for name, source in record['sources'].items():
        if not source.get('link') and not source.get('no_link'):
            yield f'quoted.json: the source {name!r} has no link, and no reason for having none'
    for q in record['quotes']:
        place = f"quoted.json: {q.get('rung')}, {q.get('accuracy')}"
        if q.get('source') not in record['sources']:
            yield (f"{place}: the source {q.get('source')!r} is none of "
                   f"{', '.join(record['sources'])}")
        if q.get('rung') not in RUNGS: yield f'{place}: there is no such rung'
        if q.get('data') not in CLASSES: yield f"{place}: there is no ladder for {q.get('data')!r}"
        if not 0 < q.get('accuracy', 0) < 1: yield f'{place}: an accuracy lies between 0 and 1'
        for key in ('line', 'printed', 'seed', 'average'):
            if not q.get(key): yield f'{place}: it does not say its {key}'
        if 'epochs' not in q:
            yield f'{place}: it does not say its epochs; null where the source does not say'
        if q.get('knobs'):
            try: RUNGS[q['rung']].settings(CLASSES[q['data']], q['knobs'])
            except (KeyError, ValueError) as e: yield f'{place}: {e}'


def test_quotes():
    assert not (bad := list(misquoted(json.loads(QUOTED.read_text())))), '\n'.join(bad)


@pytest.mark.parametrize('change, words', [
    (lambda r: r['quotes'][0].pop('source'), 'the source None is none of'),
    (lambda r: r['quotes'][1].update(source='the literature'), "'the literature' is none of"),
    (lambda r: r['sources']['the book'].update(link=None), "'the book' has no link"),
    (lambda r: r['quotes'][2].update(line=''), 'it does not say its line'),
    (lambda r: r['quotes'][2].pop('epochs'), 'it does not say its epochs'),
    (lambda r: r['quotes'][0].update(rung='pixels'), 'there is no such rung'),
    (lambda r: r['quotes'][0].update(accuracy=95.1), 'between 0 and 1'),
    (lambda r: r['quotes'][1]['knobs'].update(layers=2), "no knob 'layers'")])
def test_quotes_can_be_wrong(change, words):
    record = json.loads(QUOTED.read_text())
    change(record)
    assert any(words in sentence for sentence in misquoted(record))


def test_the_books_figures():
    "As its notebook prints them; and the two sources are never one."
    quotes = json.loads(QUOTED.read_text())['quotes']
    said = {(q['source'], q['rung']): q['accuracy'] for q in quotes}
    assert len(said) == len(quotes)
    assert {rung: a for (source, rung), a in said.items() if source == 'the book'} == dict(
        pixels_l1=0.9511, by_hand=0.9696, optimizer=0.9785, learner=0.967615, simple_net=0.982826,
        resnet18=0.997056)


def unlike_the_ladder(record):
    """Choices whose winner isn't on the ladder, and knobs of the ladder that nobody chose or gave a
    reason for."""
    accounted = set()
    for c in record['choices']:
        place, k = f"choices.json: {c['rung']} on {c['data']}", CLASSES[c['data']]
        least = min(t['mean'] for t in c['tried'])
        by_rule = next(t['knobs'] for t in c['tried']
                       if t['mean'] == least or t['mean'] - least < min(1, least/10))
        if by_rule != c['winner']:
            yield f"{place}: the rule chooses {by_rule}, and the winner is said to be {c['winner']}"
        if any(len(t['mistakes']) < 3 for t in c['tried']): yield f'{place}: fewer than three seeds'
        if any(abs(sum(t['mistakes'])/len(t['mistakes']) - t['mean']) > 1e-9 for t in c['tried']):
            yield f'{place}: a mean is not the mean of its seeds'
        shape, knobs = RUNGS[c['rung']].settings(k)
        for knob, value in c['winner'].items():
            accounted.add((c['data'], c['rung'], knob))
            if (shape | knobs)[knob] != value:
                yield (f'{place}: {knob}={value} won, and the ladder has '
                       f'{knob}={(shape | knobs)[knob]}')
    for f in record['fixed']:
        accounted.add((f['data'], f['rung'], f['knob']))
        if not f['why']:
            yield (f"choices.json: {f['rung']}: {f['knob']} was not chosen, and no reason is "
                   'given')
    for data, k in CLASSES.items():
        for rung in (r for r in RUNGS.values() if r.suits(k)):
            shape, knobs = rung.settings(k)
            for knob in shape | knobs:
                if (data, rung.name, knob) not in accounted:
                    yield (f'{rung.name} on {data}: nobody chose {knob}; add it to '
                           'tools/choices.py and run `make choices`')


def test_the_ladder_has_what_was_chosen():
    bad = list(unlike_the_ladder(json.loads(CHOICES.read_text())))
    assert not bad, '\n'.join(bad)


def test_rungs_with_one_idea_have_one_recipe():
    assert RUNGS['optimizer'].knobs == RUNGS['learner'].knobs


@pytest.mark.parametrize('change, words', [
    (lambda r: r['choices'][0].update(winner=r['choices'][0]['tried'][0]['knobs']),
     'the rule chooses'),
    (lambda r: r['choices'].pop(0), 'nobody chose lr'),
    (lambda r: r['fixed'][0].update(why=''), 'no reason is given'),
    (lambda r: r['choices'][0]['tried'][0]['mistakes'].pop(), 'not the mean of its seeds'),
    (lambda r: [t.update(mistakes=[40], mean=40.) for t in r['choices'][0]['tried']],
     'fewer than three seeds')])
def test_choices_can_be_wrong(change, words):
    record = json.loads(CHOICES.read_text())
    change(record)
    assert any(words in sentence for sentence in unlike_the_ladder(record))


PROOF = re.compile(r'^Proof: (.*?) \| .* \| allowed (\S+?)(?:, for (.+))?$', re.M)


def without_reason(text):
    "Proofs that allow a difference and don't say why."
    for claim, allowed, why in PROOF.findall(text):
        if float(allowed.rstrip(',')) and not why:
            yield f'{claim} allows {allowed} and gives no reason'


def test_every_tolerance_has_its_reason():
    n = 0
    for path in (ROOT/'nbs').rglob('*.ipynb'):
        for c in json.loads(path.read_text(encoding='utf-8'))['cells']:
            for text in (''.join(o.get('text', '')) for o in c.get('outputs', [])):
                n += len(PROOF.findall(text))
                assert not (bad := list(without_reason(text))), f'{path.name}: ' + '\n'.join(bad)
    assert n > 60


def test_a_reason_can_be_missing():
    line = 'Proof: a ≡ b | 3 numbers | largest difference 1e-07 | allowed 1e-06'
    assert list(without_reason(line)) == ['a ≡ b allows 1e-06 and gives no reason']
    assert not list(without_reason(line + ', for sums in another order'))
    assert not list(without_reason(line.replace('1e-06', '0')))


def test_nobody_is_the_literature():
    for path in [*(ROOT/'nbs').rglob('*.ipynb'), *(ROOT/'fastbook_ch4').rglob('*.py'),
                 ROOT/'README.md']:
        found = re.search(r'\b[Tt]he literature\b', path.read_text(encoding='utf-8'))
        assert not found, f'{path.name}: say who: the book or the study notes'
