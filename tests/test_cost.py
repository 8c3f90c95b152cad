"What an epoch costs: the script measures, and its tables follow the record."
import json, math, subprocess, sys

import pytest, torch
from torch.utils.flop_counter import FlopCounterMode

import cost
from conftest import ROOT
from fastbook_ch4.data_sets import data_of

N = 3000   # 24 steps


@pytest.fixture(scope='module')
def record(tmp_path_factory):
    "A small record, made as the large one is, in a process that holds little itself."
    path = tmp_path_factory.mktemp('cost')/'cost.json'
    subprocess.run([sys.executable, ROOT/'tools'/'cost.py', path, '--images', str(N), '--rounds',
                    '1', '--steps', '1'], check=True, capture_output=True)
    return json.loads(path.read_text())


def changed(record, work, **times):
    "The same record, where the runs of one work have other numbers."
    return record | {'runs': [r | {k: [by*o for o in r[k]] for k, by in times.items()}
                              if r['work'] == work else r for r in record['runs']]}


@pytest.mark.thorough
def test_the_record(record):
    assert {'machine', 'threads', 'cores', 'versions', 'load'} <= record.keys()
    done = {(r['work'], r['way']): r for r in record['runs']}
    assert len(done) == len(record['runs']) == 7
    assert done.keys() == {(work, way) for work in cost.WORKS for way in cost.WAYS
                           if work == 'long net' or way != 'two processes'}
    for (work, way), r in done.items():
        assert (r['images'], r['batches']) == (N, 24)
        assert r['steps'] == (1 if work == 'long net' else 24)
        assert all(0 < s < 600 for s in r['seconds'])
        for imports, loaded, peak in zip(r['imports'], r['loaded'], r['peak']):
            assert 50 < imports, 'MB, and torch alone takes more'
            assert imports + 0.9*N*784*4/1e6 < loaded <= peak < imports + 2500
    # The quick work is quick, and two processes hold twice as much as one
    seconds = {key: r['seconds'][0] for key, r in done.items()}
    assert seconds['linear rung', 'one thread'] < seconds['long net', 'one thread']
    one, two = (done['long net', way]['imports'][0] for way in ('one thread', 'two processes'))
    assert 1.5 < two/one < 2.5
    assert all(rate > 1e3 for way in record['speeds'].values() for o in way for rate in o.values())


@pytest.mark.thorough
def test_multiplications(record):
    """A score needs one for each pixel, forward and backward. Backward, a layer of the net takes as
    many again for its weights, and as many for its input, which the first one doesn't need."""
    counted = record['multiplications']
    assert (counted['linear rung'], counted['loader']) == (2*784, 0)
    shape, _ = cost.RUNGS['small_resnet'].settings(10)
    net = cost.resolve(cost.RUNGS['small_resnet'].make)(10, **shape).train()
    with FlopCounterMode(display=False) as forward: net(torch.rand(2, 1, 28, 28))
    first = 24*24*9*shape['width']
    assert counted['long net'] == 3*forward.get_total_flops()/2/2 - first


def test_images():
    "Those of the ten digits, in their order; and after the last, the first."
    x, y = data_of('all').train
    got = cost.images(60_300)
    assert torch.equal(got.x[:60_000], x) and torch.equal(got.y[:60_000], y)
    assert torch.equal(got.x[60_000:], x[:300]) and torch.equal(got.y[60_000:], y[:300])


def test_a_part_stands_for_the_whole():
    assert cost.to_do('long net', 600_000, 100) == (100, 4688)
    assert cost.to_do('long net', 60_000, 100) == (469, 469)
    assert cost.to_do('loader', 600_000, 100) == (4688, 4688)


@pytest.mark.thorough
def test_the_table_follows_the_record(record):
    def cells(record): return {r['an epoch of']: r for r in cost.rows(record)}
    before = cells(record)
    assert before['linear rung']['two processes, s'] == '–' != before['long net']['floor, s']
    after = cells(changed(record, 'long net', seconds=10, peak=2))
    for way in cost.WAYS:
        s, t = (float(o['long net'][f'{way}, s']) for o in (before, after))
        assert t/s == pytest.approx(10, rel=0.06), 'two figures are shown'
    assert after['long net']['memory, MB'] != before['long net']['memory, MB']
    assert after['loader'] == before['loader']
    faster = record | {'speeds': {way: [{k: 2*v for k, v in o.items()} for o in said]
                                  for way, said in record['speeds'].items()}}
    for work in cost.WORKS:
        assert (cost.floor(faster, work, N)
                == pytest.approx(cost.floor(record, work, N)/2))


@pytest.mark.thorough
def test_the_ratios_follow_the_record(record):
    "Of an epoch that takes four times as long for twice the images, the exponent is 2."
    larger = changed(record, 'loader', seconds=4)
    both = record | {'runs': record['runs'] + [r | {'images': 2*N} for r in larger['runs']]}
    said = {r['work']: r for r in cost.ratios(both, N)}
    assert said['loader']['grows with the power'] == '2.00'
    assert said['long net']['grows with the power'] == '0.00'
    assert said['loader']['two processes, times faster'] == '–'
    one, two = (cost.found(record, 'long net', N, way) for way in ('one thread', 'two threads'))
    assert said['long net']['two threads, times faster'] == f'{one/two:.2f}'
    floor = cost.floor(record, 'long net', N, 'one thread')
    assert said['long net']['one thread, times its floor'] == f'{one/floor:.2f}'
    assert math.isclose(floor, N*record['multiplications']['long net']
                        / record['speeds']['one thread'][0]['multiplications'])


@pytest.mark.parametrize('options, words', [
    (['--images', 'many'], "'many' is not a valid integer"),
    (['--images', '3'], '3 is not in the range x>=256'),
    (['--rounds', '0'], '0 is not in the range x>=1'),
    (['.'], "File '.' is a directory")])
def test_what_cannot_be_measured(options, words):
    from click.testing import CliRunner
    done = CliRunner().invoke(cost.main, options)
    assert done.exit_code == 2 and words in done.output
