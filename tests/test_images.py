"""A reader's own pictures: what can safely be used is used and said, what can't is refused in a
sentence, by the command line; and fastai's rung sees the same pictures as the others."""
import os, random

import pytest, torch
from PIL import Image, ImageDraw

from conftest import in_process
from fastbook_ch4.data_sets import data_of
from fastbook_ch4.ladder import climb
from fastbook_ch4.fastai_rung import _fastai_dls


def draw(path, kind, seed, size=(40, 40)):
    "A ring or a bar, somewhere."
    path.parent.mkdir(parents=True, exist_ok=True)
    im, r = Image.new('L', size, 255), random.Random(f'{kind} {seed}')
    x, y = (r.uniform(0.1, 0.3)*s for s in size)
    box = [x, y, x + size[0]*0.5, y + size[1]*0.5]
    ink = r.randrange(100)
    if kind == 'ring': ImageDraw.Draw(im).ellipse(box, outline=ink, width=4)
    else: ImageDraw.Draw(im).line(box, fill=ink, width=4)
    im.save(path)


def good(folder, n=12, kinds=('bar', 'ring')):
    for kind in kinds:
        for i in range(n): draw(folder/kind/f'{i}.png', kind, i)
    return folder


def ladder(folder, *options):
    return in_process('ladder', '--images', folder, '--rungs', 'pixels_l1', *options,
                      cwd=folder.parent)


def sentence(done):
    "The last line of what a command that failed said."
    assert done.returncode and 'Traceback' not in done.stderr, done.stderr
    return done.stderr.strip().splitlines()[-1]


def one_class(f): good(f, kinds=('ring',))
def no_class(f): f.mkdir()
def a_file(f): f.write_text('no folder')
def only_text(f):
    for kind in ('bar', 'ring'):
        (f/kind).mkdir(parents=True); (f/kind/'a.txt').write_text('no picture')
def one_each(f): good(f, 1)
def nothing(f): pass


@pytest.mark.parametrize('make,words', [
    (one_class, "only the class 'ring'"), (no_class, 'no class'), (only_text, 'no class'),
    (a_file, 'is no folder'), (nothing, 'is no folder'), (one_each, 'no picture to measure with')],
    ids=lambda o: getattr(o, '__name__', ''))
def test_nothing_to_tell_apart(make, words, tmp_path):
    make(tmp_path/'mine')
    said = sentence(ladder(tmp_path/'mine'))
    assert said.startswith('Error: ') and words in said and str(tmp_path/'mine') in said


def text(p): p.write_text('buy paper')
def truncated(p): draw(p, 'ring', 99); p.write_bytes(p.read_bytes()[:60])
def huge(p): Image.new('1', (20_000, 20_000)).save(p)
def to_nowhere(p): p.symlink_to(p.with_name('nowhere'))
def to_a_folder(p): p.symlink_to(p.parent.parent, target_is_directory=True)
def twice(p): p.write_bytes((p.parent/'0.png').read_bytes())
def empty(p): p.write_bytes(b'')
def locked(p): draw(p, 'ring', 98); p.chmod(0)


BAD = {text: 'not an image', truncated: 'can not be read', huge: '50 megapixels',
       to_nowhere: 'is missing', to_a_folder: 'is a folder', twice: 'is the same picture as',
       empty: 'not an image', locked: 'can not be read'}


@pytest.mark.parametrize('spoil', BAD, ids=lambda f: f.__name__)
def test_one_bad_picture_is_named_and_left_out(spoil, tmp_path):
    if spoil is locked and os.geteuid() == 0: pytest.skip('root may read everything')
    bad = good(tmp_path/'mine')/'ring'/'bad.png'
    spoil(bad)
    data = data_of(tmp_path/'mine')
    assert len(data.train.y) + len(data.valid.y) == 24
    note, = data.notes
    assert note.startswith(f'Left out: {bad}') and BAD[spoil] in note


def test_folders_that_do_not_match(tmp_path):
    mine = tmp_path/'mine'
    good(mine/'train')
    good(mine/'valid', 3)
    for p in (mine/'valid').rglob('*.png'):   # The same drawings again, but one
        if p.name != '0.png' or p.parent.name != 'bar': draw(p, p.parent.name, p.stem + ' new')
    draw(mine/'valid'/'star'/'0.png', 'ring', 'star')
    (mine/'train'/'none').mkdir()
    done = ladder(mine)
    assert done.returncode == 0, done.stderr
    for words in ("class 'none'", 'has no picture of that class', 'is the same picture as'):
        assert words in done.stderr
    data = data_of(mine)
    assert data.classes == ('bar', 'ring') and data.valid.y.bincount().tolist() == [2, 3]


@pytest.mark.parametrize('options,words', [
    (['--set', 'speed=3'], 'speed'), (['--set', 'epochs'], 'epochs'),
    (['--rungs', 'softmax'], 'softmax'), (['--seeds', '0'], 'seeds'),
    (['--device', 'abacus'], 'abacus')])
def test_a_wrong_option_is_named(options, words, tmp_path):
    assert words in sentence(ladder(good(tmp_path/'mine'), *options))


def test_models_of_other_classes_say_so(tmp_path):
    mine = good(tmp_path/'mine')
    assert ladder(mine, '--save', 'models').returncode == 0
    picture = mine/'ring'/'0.png'
    done = in_process('predict', picture, '--models', 'models', cwd=tmp_path)
    assert 'Traceback' not in done.stderr and 'ring' in done.stdout + done.stderr


def test_fastai_sees_the_same_pictures(tmp_path):
    for kind, size in (('bar', (60, 31)), ('ring', (20, 90))):
        for i in range(12): draw(tmp_path/'mine'/kind/f'{i}.png', kind, i, size)
    data = data_of(tmp_path/'mine')
    dls = _fastai_dls(data, 4)
    assert dls.vocab == list(data.classes)
    x, y = (torch.cat(o) for o in zip(*[(xb, yb) for xb, yb in dls.valid]))
    assert torch.equal(y.as_subclass(torch.Tensor), data.valid.y)
    assert ((x*255).round() == (data.valid.x*255).round().expand(-1, 3, -1, -1)).all()
    for dropout in (0., 0.5):
        result, = climb(data, ['resnet18'], show=False, knobs=dict(bs=8, dropout=dropout))
        assert result.images == len(data.valid.y) == 4
