"""`fastbook_ch4 predict` and `export` at the command line: every bad image and every bad model ends
in one sentence, and the other images are answered."""
import io, json, re, shutil, subprocess, sys, time
from pathlib import Path

import numpy as np, pytest, torch
from click.testing import CliRunner
from PIL import Image

from conftest import ROOT
from fastbook_ch4.data import load_mnist
from fastbook_ch4.cli import main
from fastbook_ch4.models import predict as asked
from fastbook_ch4.models.saved import kept_models, load_tensors, save_tensors
from fastbook_ch4.pictures import ImageError
from fastbook_ch4.rungs import RUNGS

KEPT = [name for name, rung in RUNGS.items() if rung.kept]
SEVEN = Image.fromarray(255 - load_mnist(False)[0][0].numpy())


def run(*args): return CliRunner().invoke(main, [str(a) for a in args])


def in_a_process(*args):
    "The real command line, in a fresh process."
    code = 'import sys; sys.argv[0] = "fastbook_ch4"; from fastbook_ch4.cli import main; main()'
    return subprocess.run([sys.executable, '-c', code, *map(str, args)], capture_output=True,
                          text=True, cwd='/')


def sentence(done, *words):
    "The run failed with one line on stderr that holds the words."
    code = done.returncode if hasattr(done, 'returncode') else done.exit_code
    lines = done.stderr.strip().splitlines()
    assert code == 1 and len(lines) == 1 and lines[0].startswith('Error: '), (code, done.stderr)
    assert 'Traceback' not in done.stdout + done.stderr
    for word in words: assert word in lines[0], (word, lines[0])


@pytest.fixture
def seven(tmp_path):
    SEVEN.resize((200, 200)).save(tmp_path/'seven.png')
    return tmp_path/'seven.png'


def saved(im, kind, **kwargs):
    file = io.BytesIO()
    im.save(file, kind, **kwargs)
    return file.getvalue()


def film(kind):
    return saved(SEVEN, kind, save_all=True,
                 append_images=[Image.fromarray(im.numpy()) for im in load_mnist(False)[0][1:3]])


BAD = { # Name -> content, and words of its sentence
    'notes.txt': (b'Buy milk.', ['is not an image']),
    'empty.png': (b'', ['is not an image']),
    'half.png': (saved(SEVEN.resize((200, 200)), 'PNG')[:3000], ['may be damaged']),
    'half.jpg': (saved(SEVEN.resize((200, 200)), 'JPEG')[:2000], ['may be damaged']),
    'dot.png': (saved(Image.new('L', (1, 1)), 'PNG'), ['1 × 1', '8 × 8']),
    'white.png': (saved(Image.new('L', (600, 400), 255), 'PNG'), ['nothing']),
    'black.png': (saved(Image.new('RGB', (600, 400)), 'PNG'), ['nothing']),
    'sky.png': (saved(Image.new('1', (10_000, 6_000)), 'PNG'), ['50 megapixels', 'smaller']),
    'sky.jpg': (saved(Image.new('L', (10_000, 6_000), 200), 'JPEG'), ['50 megapixels']),
    'bomb.png': (saved(Image.new('1', (20_000, 20_000)), 'PNG'), ['50 megapixels']),
    'film.gif': (film('GIF'), ['3 frames']),
    'film.png': (film('PNG'), ['3 frames']),
    'pages.tif': (film('TIFF'), ['3 frames'])}


@pytest.mark.parametrize('name', BAD)
def test_bad_image(name, tmp_path, seven):
    content, words = BAD[name]
    (tmp_path/name).write_bytes(content)
    start = time.perf_counter()
    result = run('predict', tmp_path/name, seven)
    sentence(result, name, *words)
    assert re.search(r'seven\.png: .*7', result.stdout), 'the other image is answered'
    assert time.perf_counter() - start < 20


def test_missing_file_and_folder(tmp_path, seven):
    sentence(run('predict', tmp_path/'nothing.png', seven), 'nothing.png is missing')
    sentence(run('predict', tmp_path, seven), 'is a folder')
    sentence(run('predict', 'x'*300), 'is missing')
    sentence(run('predict', ''), 'is missing')


def test_all_bad_images_in_one_process(tmp_path, seven):
    for name, (content, _) in BAD.items(): (tmp_path/name).write_bytes(content)
    done = in_a_process('predict', *[tmp_path/name for name in BAD], tmp_path,
                        tmp_path/'nothing.png', seven, '--json')
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1 and len(lines) == len(BAD) + 2, done.stderr
    assert all(line.startswith('Error: ') for line in lines), done.stderr
    *errors, answer = json.loads(done.stdout)
    assert all(set(e) == {'file', 'error'} for e in errors)
    assert answer['answer'] == '7' and answer['sure'] and list(answer['rungs']) == KEPT


def variants():
    "The same seven in every mode that a file can have."
    big = SEVEN.resize((200, 200))
    clear = Image.new('LA', big.size)
    clear.putalpha(Image.eval(big, lambda v: 255 - v))
    turned = Image.Exif()
    turned[0x0112] = 6
    yield 'grey.png', big, {}
    yield 'inverted.png', Image.eval(big, lambda v: 255 - v), {}
    yield 'palette.png', big.convert('RGB').quantize(16), {}
    yield 'still.gif', big, {}
    yield 'cmyk.jpg', big.convert('CMYK'), {}
    yield 'cmyk.tif', big.convert('CMYK'), {}
    yield 'sixteen.png', Image.fromarray(np.asarray(big).astype(np.uint16)*200), {}
    yield 'one_bit.png', big.convert('1'), {}
    yield 'alpha.png', big.convert('RGBA'), {}
    yield 'clear.png', clear, {}
    yield 'turned.jpg', big.transpose(Image.Transpose.ROTATE_90), dict(exif=turned)
    yield 'large.jpg', big.resize((4000, 3000)), {}
    yield 'small.bmp', SEVEN, {}


def test_good_images_of_every_kind(tmp_path):
    names = []
    for name, im, kwargs in variants():
        im.save(tmp_path/name, **kwargs)
        names.append(tmp_path/name)
    result = run('predict', *names, '--json')
    assert result.exit_code == 0, result.stderr
    answers = {Path(a['file']).name: a['answer'] for a in json.loads(result.stdout)}
    assert answers == {p.name: '7' for p in names}


@pytest.fixture
def many(tmp_path):
    "Digits of odd sizes, with files among them that can't be read; a batch of four are all bad."
    sizes = [(28, 31), (57, 40), (9, 9), (201, 123), (411, 397), (640, 35)]
    digits = load_mnist(False)[0]
    for k in range(15):
        im = Image.fromarray((255 - digits[k]).numpy()).resize(sizes[k % len(sizes)])
        im.save(tmp_path/f'{k:02}.png')
    for k, name in {1: 'half.png', 4: 'notes.txt', 5: 'white.png', 6: 'film.gif',
                    7: 'dot.png'}.items(): (tmp_path/f'{k:02}.png').write_bytes(BAD[name][0])
    (tmp_path/'12.png').unlink()
    return [str(tmp_path/f'{k:02}.png') for k in range(15)]


@pytest.fixture(scope='module')
def known(): return asked.load_rungs()


def one_by_one(paths, known):
    for path in paths:
        try: yield asked.predict(path, known)
        except ImageError as e: yield e


def assert_same(answers, others):
    "The same words, and probabilities to 1e-5."
    for a, b in zip(answers, others, strict=True):
        assert type(a) is type(b)
        if isinstance(a, ImageError):
            assert str(a) == str(b)
            continue
        assert (a.answer, a.sure, a.text) == (b.answer, b.sure, b.text)
        assert a.probability == pytest.approx(b.probability, abs=1e-5)
        assert list(a.rungs) == list(b.rungs)
        for p, q in zip(a.rungs.values(), b.rungs.values()):
            assert p['answer'] == q['answer']
            assert p['probability'] == pytest.approx(q['probability'], abs=1e-5)


@pytest.mark.parametrize('at_once', [1, 4, 7, 100])
def test_batches_answer_as_one_by_one(at_once, many, known, monkeypatch):
    monkeypatch.setattr(asked, 'AT_ONCE', at_once)
    alone, batched = list(one_by_one(many, known)), list(asked.predict_all(many, known))
    assert sum(isinstance(o, ImageError) for o in alone) == 6
    assert_same(batched, alone)
    with pytest.raises(AssertionError): assert_same(batched[1:] + batched[:1], alone)
    assert list(asked.predict_all([], known)) == []


def test_a_rung_is_asked_once_for_a_batch(many, known, monkeypatch):
    sizes = {name: [] for name in known.models}
    hooks = [model.register_forward_pre_hook(lambda _, args, n=name: sizes[n].append(len(args[0])))
             for name, model in known.models.items()]
    monkeypatch.setattr(asked, 'AT_ONCE', 4)
    list(asked.predict_all(many, known))
    for hook in hooks: hook.remove()
    assert all(found == [3, 4, 2] for found in sizes.values()), sizes


def test_memory_is_bounded(many, known, monkeypatch):
    read, seen = asked._read, []
    monkeypatch.setattr(asked, '_read', lambda path, known: seen.append(path) or read(path, known))
    monkeypatch.setattr(asked, 'AT_ONCE', 4)
    answers = asked.predict_all(many, known)
    next(answers)
    assert seen == many[:4], 'the others are read later'
    errors = [o for o in answers if isinstance(o, ImageError)]
    assert len(errors) == 6 and not any(e.__traceback__ or e.__context__ for e in errors), (
        'an error that was raised holds on to its picture')


def test_many_files_in_order(many, monkeypatch):
    monkeypatch.setattr(asked, 'AT_ONCE', 4)
    result = run('predict', *many)
    assert result.exit_code == 1
    said = [re.search(r'(\d\d)\.png', line)[1] for line in result.output.splitlines()
            if re.match(r'Error: |.*\.png: ', line)]
    assert said == [Path(path).stem for path in many]
    assert len(result.stderr.splitlines()) == 6
    records = json.loads(run('predict', *many, '--json').stdout)
    assert [r['file'] for r in records] == many
    assert ['error' in r for r in records] == [k in (1, 4, 5, 6, 7, 12) for k in range(15)]


def test_table(seven):
    result = run('predict', seven)
    assert result.exit_code == 0 and result.stdout.count('%') == len(KEPT) + 1, result.stdout


@pytest.fixture
def models(tmp_path):
    "Copies of the kept models, to be damaged."
    (tmp_path/'models').mkdir()
    for path in kept_models(): shutil.copy(path, tmp_path/'models')
    return tmp_path/'models'


def test_some_models_are_enough(models, seven):
    for path in kept_models(models)[:-1]: path.unlink()
    result = run('predict', seven, '--models', models, '--json')
    assert result.exit_code == 0 and list(json.loads(result.stdout)[0]['rungs']) == [KEPT[-1]]


def damage(path):
    raw = path.read_bytes()
    yield raw[:-1], 'not all of one'
    yield raw[:50], 'not all of one'
    yield b'', 'not all of one'
    yield b'\x80\x04' + raw, 'not all of one'
    yield raw[:-1] + bytes([raw[-1] ^ 1]), 'SHA-256'


def test_damaged_models(models, seven):
    path = models/'net30.safetensors'
    for content, word in list(damage(path)):
        path.write_bytes(content)
        for command in (['predict', seven], ['export', models/'onnx']):
            sentence(run(*command, '--models', models), 'net30.safetensors', word)
    assert not (models/'onnx'/'net30.onnx').exists()


def test_foreign_models(models, seven):
    from safetensors.torch import save_file
    path = models/'net30.safetensors'
    def refused(*words):
        sentence(run('predict', seven, '--models', models), 'net30.safetensors', *words)
    tensors, facts = load_tensors(path)
    larger, _ = load_tensors(models/'net100.safetensors')
    half = {k: t.half() for k, t in tensors.items()}
    shutil.copy(models/'net100.safetensors', path)
    refused("holds the model 'net100'", "'net30' is wanted")
    save_tensors(path, larger, facts)
    refused('does not fit', "'1.weight'", '(100, 784)', '(30, 784)')
    save_tensors(path, half, facts); refused('does not fit', 'float16')
    save_tensors(path, tensors, {'name': 'alexnet'}); refused("'alexnet'", 'knows')
    save_tensors(path, tensors, {}); refused('None', 'knows')
    save_file(tensors, path); refused('another program')
    torch.save(tensors, path); refused('not a safetensors file')
    path.unlink(); path.mkdir(); refused('can not be read')


def test_no_models(tmp_path, seven):
    for command in (['predict', seven], ['export', tmp_path/'onnx']):
        sentence(run(*command, '--models', tmp_path/'nowhere'), 'holds no model')


def test_missing_models_of_the_package(tmp_path, seven):
    shutil.copytree(ROOT/'fastbook_ch4', tmp_path/'fastbook_ch4')
    (tmp_path/'fastbook_ch4'/'models'/'net30.safetensors').unlink()
    code = (f'import sys; sys.path.insert(0, {str(tmp_path)!r}); '
            'from fastbook_ch4.cli import main; main()')
    sentence(subprocess.run([sys.executable, '-c', code, 'predict', str(seven)],
                            capture_output=True, text=True, cwd='/'),
             'net30.safetensors is missing', 'Install')


@pytest.mark.thorough
def test_export_of_every_rung(tmp_path):
    pytest.importorskip('onnxscript')
    done = in_a_process('export', tmp_path/'onnx')
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert sorted(p.name
                  for p in (tmp_path/'onnx').iterdir()) == sorted(f'{name}.onnx' for name in KEPT)


@pytest.mark.thorough
def test_export_to_a_place_that_cannot_be_written(models):
    pytest.importorskip('onnxscript')
    for path in kept_models(models)[:-1]: path.unlink()
    (models/'file').touch()
    sentence(run('export', models/'file', '--models', models), 'can not be written')


def test_export_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    sentence(run('export', tmp_path), "pip install 'fastbook_ch4[onnx]'")
