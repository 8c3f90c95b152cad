"""Kill the course's programs at random moments, fill the disk, take the home away, damage the data;
then look whether anything was lost or left behind. Needs Linux or macOS.

    make faults                               everything, into fastbook_ch4/results/faults.json
    python tools/faults.py --kills 2          a quick look, which writes nothing
    python tools/faults.py --only training    one row
"""
import contextlib, hashlib, json, os, platform, random, resource, select, shutil, signal, sys
import tempfile, time, traceback
from pathlib import Path
from typing import Callable, NamedTuple

import click, matplotlib, torch
matplotlib.use('agg')
import matplotlib.pyplot
import accelerate, filelock, PIL.PngImagePlugin, torch._dynamo   # Here once, for all processes

import exercises
from docs.links import ROOT
from fastbook_ch4 import cli, data, data_sets, kept, ladder
from fastbook_ch4.files import CourseError, write_whole
from fastbook_ch4.models import saved, train
from fastbook_ch4.study import check, progress   # The exercises need `check`

OUT = ROOT/'fastbook_ch4'/'results'/'faults.json'


# Processes


def started(work, *args, said=None, before=lambda: None):
    """Do `work` in a process of its own, whose output goes to the pipe `said`; returns its number.
    It exits with 1 where there is a sentence for the user, with 2 where there is a traceback."""
    pid = os.fork()
    if pid:
        with contextlib.suppress(OSError): os.setpgid(pid, pid)   # The child does it too
        return pid
    code = 2
    try:
        os.setpgid(0, 0)
        signal.alarm(200)   # None takes so long; it would hang
        out = os.open(os.devnull, os.O_WRONLY) if said is None else said
        for stream in (1, 2): os.dup2(out, stream)
        # What stood there before may have been a file, in which one can go back
        sys.stdout, sys.stderr = (open(stream, 'w', buffering=1, encoding='utf-8', closefd=False)
                                  for stream in (1, 2))
        before()
        work(*args)
        code = 0
    except SystemExit as e: code = e.code or 0
    except CourseError as e:
        print(f'Error: {e}', file=sys.stderr)
        code = 1
    except BaseException: traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError): stream.flush()
        os._exit(code)


def ended(pid): return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(work, folder, **kwargs):
    "Do `work` to its end; returns the exit code and what was printed."
    reads, writes = os.pipe()
    pid = started(work, folder, lambda: None, said=writes, **kwargs)
    os.close(writes)
    with open(reads, encoding='utf-8', errors='replace') as said: text = said.read()
    return ended(pid), text


def killed(work, folder, wait, trigger):
    """Kill `work` so many seconds after its beginning, or after the first time that it tells of
    something. Returns whether it was at work, how often it had told, and how many seconds it
    took."""
    reads, writes = os.pipe()
    def tell(): os.write(writes, b'.')
    pid = started(work, folder, tell)
    os.close(writes)
    told, begin = os.read(reads, 1) if trigger else b'', time.perf_counter()
    while ((left := begin + wait - time.perf_counter()) > 0
           and select.select([reads], [], [], left)[0]):
        told += (more := os.read(reads, 1000))
        if not more: break   # It ended
    else: os.killpg(pid, signal.SIGKILL)
    at_work, took = ended(pid) == -signal.SIGKILL, time.perf_counter() - begin
    while more := os.read(reads, 1000): told += more
    os.close(reads)
    return at_work, len(told), took


def state(folder):
    "All files below a folder: path -> sum of the content."
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob('*')) if p.is_file()}


def part(name): return name.endswith('.part') or '.part/' in name or name.startswith('.')


def visible(folder):
    "The files that somebody would find."
    return {k: v for k, v in state(folder).items() if not part(k) and '/.' not in k}


class Kill(NamedTuple):
    "Something that writes, to be killed."
    name:str
    work:Callable   # Of a folder, and a function to tell that something is done
    result:Callable = visible   # Of the folder: what was written, as can be compared
    # Of the folder, of how often it told, of the undisturbed result: raises where something is half
    whole:Callable = lambda folder, told, want: subset(visible(folder), want)
    trigger:bool = False   # Count from the first that it tells?
    prepare:Callable = lambda folder: None   # Of a new folder
    at:Path = None   # Where it writes, where that isn't the folder


def subset(found, want):
    "Each file that is there is as it would be in the end."
    for name, content in found.items(): assert want.get(name) == content, f'{name} is half'


def row(fault, tries, outcome, held):
    "A row of the table."
    return dict(fault=fault, tries=tries, outcome=outcome, held=held)


def kills(it, n):
    "Kill `n` times, each time in a new folder; then do the work once more, and compare."
    hits = lost = left = beside = 0
    why = ''
    with tempfile.TemporaryDirectory() as d:
        def new(name):
            (folder := Path(d)/name).mkdir()
            it.prepare(folder)
            return folder
        code, said = run(it.work, new('first'))
        assert code == 0, said
        calm, never = new('calm'), 1000
        *_, seconds = killed(it.work, calm, never, it.trigger)
        want, names = it.result(calm), {*state(it.at or calm)}
        for i in range(50*n):
            folder = new(str(i))
            wait = random.uniform(0, seconds)
            at_work, told, took = killed(it.work, folder, wait, it.trigger)
            hits += at_work
            if not at_work: seconds = min(seconds, took)   # It has become quicker
            if at_work:
                beside += bool({*state(it.at or folder)} - names)
                try:
                    it.whole(folder, told, want)
                    code, said = run(it.work, folder)
                    assert code == 0, said
                    assert it.result(folder) == want, 'another result'
                except (AssertionError, CourseError, ValueError, OSError) as e:
                    lost, why = lost + 1, str(e)
                more = {*state(it.at or folder)} - names
                left += bool(more)
                why = why or f"left behind: {', '.join(sorted(more)[:3])}"*bool(more)
            shutil.rmtree(folder)
            if hits == n: break
    outcome = f'{lost} times something was lost, {left} times something was left behind'
    if not lost and not left: outcome = 'nothing lost, nothing left behind'
    return row(f'killed: {it.name}', hits,
               f'{outcome}; {beside} times something half lay beside until the next run'
               + f'; {why[-300:]}'*bool(why), hits == n and not lost and not left)


# What is killed


def few(n=1500):
    "The first images alone, so that all goes quickly."
    every, read = kept._part, kept.read_idx
    kept._part = lambda kind, train: every(kind, train)[:n]
    data.read_idx = lambda name: read(name)[:n]


def pngs(name):
    "One of the functions that make folders of pictures."
    def work(folder, tell):
        few(300)
        getattr(kept, name)(folder)
    def whole(folder, told, want):
        there = visible(folder)
        assert there in ({}, want), 'a folder with a part of its pictures'
    return Kill(f'pictures being written by `{name}`', work, whole=whole)


def climb(*args):
    def work(folder, tell):
        few()
        cli.main(['ladder', '--rungs', 'pixels_l1,pixels_l2', '--into', f'{folder}/r.json',
                  '--resume', '--chart', f'{folder}/c.png', '--save', f'{folder}/models', *args])
    return work


def climbed(folder):
    "Without the seconds, which differ."
    results = [r.__dict__ | dict(seconds=0) for r in ladder.read_results(folder/'r.json')]
    return dict(results=results, files={k: v for k, v in visible(folder).items() if k != 'r.json'})


def climbed_whole(folder, told, want):
    there = visible(folder)
    subset({k: v for k, v in there.items() if k != 'r.json'}, want['files'])
    results = ladder.read_results(folder/'r.json') if 'r.json' in there else []
    for r in results: assert f'models/{r.rung}.safetensors' in there, 'a result without its model'


def training(folder, tell):
    few(500)
    plan = train.Plan('net30', '3,7', knobs=dict(epochs=4, bs=16))
    def report(line): tell() if line.startswith('epoch') else None
    train.train(accelerate.Accelerator(cpu=True), folder, plan, True, report)


def trained_whole(folder, told, want):
    "Each epoch that was told of is in the checkpoint."
    done = saved.load_tensors(folder/'checkpoint.safetensors')[1]['epochs_done']
    assert done >= told, f'{told} epochs were done, and {done} are kept'


def study(folder, tell):
    os.environ['FASTBOOK_CH4_HOME'] = str(folder)
    for i in range(25):
        progress.record_exercise(f'exercise {i%7}', i % 2)
        tell()
        progress.record_answer(f'question {i}', True)
        tell()


def studied(folder):
    kept = progress._read(folder/'progress.json')
    return [*kept['exercises']], kept['answers']


def studied_whole(folder, told, want):
    kept = progress._read(folder/'progress.json')
    count = sum(o['tries'] for o in kept['exercises'].values()) + len(kept['answers'])
    assert told <= count <= told + 1, f'{told} were told of, and {count} are kept'


def written(folder, tell): exercises.write(folder, keep=True)


KILLS = {'mnist_sample': pngs('mnist_sample'), 'mnist': pngs('mnist'),
         'training': Kill('training, after its first epoch', training, whole=trained_whole,
                          trigger=True),
         'ladder': Kill('`ladder` with `--into`, `--resume`, `--chart`, `--save` and `--json`',
                        climb('--json'), climbed, climbed_whole),
         'progress': Kill('scores and answers being kept', study, studied, studied_whole),
         'exercises': Kill('exercises being written', written)}


# The site: in a copy of the project, with stand-ins for what renders and calculates


def copied(folder):
    "A project of three notebooks."
    folder.mkdir()
    for name in ('settings.ini', 'setup.py', 'README.md', 'tools', 'site', 'fastbook_ch4'):
        path = ROOT/name
        skip = shutil.ignore_patterns('node_modules', '__pycache__', 'ipython', 'mnist', 'models')
        if path.is_dir(): shutil.copytree(path, folder/name, ignore=skip)
        else: shutil.copy(path, folder)
    for name in ('_quarto.yml', 'sidebar.yml', '404.md', 'styles.css', 'engine/files.ipynb',
                 'engine/guards.ipynb', 'pages/data_kept.ipynb'):
        (folder/'nbs'/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT/'nbs'/name, folder/'nbs'/name)


def site(n):
    "Kill the building of a site, in a process that has the copy's modules."
    with tempfile.TemporaryDirectory() as d:
        copy, out = Path(d)/'copy', Path(d)/'row.json'
        copied(copy)
        def work(*args):
            signal.alarm(0)   # All kills together may take longer than one
            for name in [m for m in sys.modules if re_docs(m)]: del sys.modules[name]
            sys.path.insert(0, f'{copy}/tools')
            os.chdir(copy)
            out.write_text(json.dumps(kills(site_kill(copy), n)))
        code, said = run(work, copy)
        if code: return row('killed: the site being built', 0, said[-300:], False)
        return json.loads(out.read_text())


def re_docs(name): return name.split('.')[0] in ('docs', 'exercises', 'questions', 'road')


def site_kill(copy):
    import docs.__main__ as it, docs.finish as finish, docs.stage as stage
    def slowly(folder, files):
        "Write files as a program does that takes its time."
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            with (folder/name).open('w') as f:
                for half in (content[:len(content)//2], content[len(content)//2:]):
                    f.write(half)
                    f.flush()
                    time.sleep(0.002)
    def render(command, where, *args):
        def page(p):   # Without ids, which are random
            return json.dumps([c['source'] for c in json.loads(p.read_text())['cells']])
        slowly(where/'_docs', {f'{p.stem}.html': page(p) for p in sorted(where.glob('*.ipynb'))})
        (where/'_docs'/'site').mkdir()
    def calculate(command, check):
        slowly(Path(command[-1]), {f'{i}.js': 'x'*1000 for i in range(5)})
    stage.reference = lambda *args: ['api/index.qmd']
    finish.subprocess.run, it.smalldocs = calculate, render
    it.libraries = it.finish = lambda site: None
    def work(folder, tell): it.build()
    def prepare(folder):
        """Two times of three a site that is there, and all its sources changed since; else, and
        at first, no site and nothing in between."""
        for f in [*(copy/'nbs').rglob('*.ipynb'), copy/'fastbook_ch4'/'rungs.py']: f.touch()
        if folder.name.isdigit() and int(folder.name) % 3: return
        for name in ('_docs', '_proc'): shutil.rmtree(copy/name, ignore_errors=True)
    def result(folder): return visible(copy/'_docs')
    def whole(folder, told, want): assert result(folder) in ({}, want), 'a part of a site'
    return Kill('the site being built', work, result, whole, prepare=prepare, at=copy)


# What else goes wrong: each is a function of how many tries, and gives rows


def sentence(code, said, *words):
    "Whether a program ended with a sentence that has these words, and with no traceback."
    return code in (0, 1) and 'Traceback' not in said and all(w in said for w in words)


def last(said): return (said.strip().splitlines() or ['nothing was said'])[-1]


def tried(fault, work, before, good):
    "Do `work` where something is wrong, then once more where nothing is."
    with tempfile.TemporaryDirectory() as d:
        folder = Path(d)
        code, said = run(work, folder, before=before)
        half = [k for k in state(folder) if '.part' in k or '.try' in k]
        again, more = run(work, folder)
    outcome = last(said).replace(d, '…')
    held = good(code, said) and not half and again == 0
    return row(fault, 1, outcome if held else f'{outcome}; {half} {more[-200:]}', held)


def cut_off(size):
    "No file may grow beyond so many bytes: a disk that is full."
    def before():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    return before


def trained(folder, tell):
    few()
    cli.main(['train', '--digits', '3,7', '--rung', 'net30', '--out', str(folder), '--resume'])


def full_disk(n):
    works = {'`mnist_sample`': (pngs('mnist_sample').work, 64, ['Can not write']),
             '`ladder`': (climb(), 64, ['can not be written']),
             '`ladder`, full once it has begun': (climb(), 8192, ['not everything was kept']),
             '`train`': (trained, 64, ['can not be written']),
             '`train`, full once it has begun': (trained, 8192, ['can not be written']),
             'scores and answers': (study, 64, ['not kept'])}
    for name, (work, size, words) in works.items():
        yield tried(f'full disk: {name}', work, cut_off(size),
                    lambda code, said: sentence(code, said, *words))


def no_home(n):
    """Homes that can't be written, that aren't there, and that nobody knows of: for scores and a
    folder of pictures, neither of which is told where to write. Without root's rights, whom no
    folder refuses; who isn't root has a name and a home, and leaves the last one out."""
    def work(folder, tell):
        few()
        progress.record_exercise('one', True)
        kept.mnist_sample()
    for name, where, uid in (('that can only be read', '{}/home', 65534),
                             ('that is not there', '/nonexistent/home', 65534),
                             ('that nobody knows of', None, 54321))[:2 + (os.getuid() == 0)]:
        def before(folder):
            for k in ('HOME', 'XDG_DATA_HOME', 'FASTAI_HOME', 'FASTBOOK_CH4_HOME'):
                os.environ.pop(k, None)
            if where: os.environ['HOME'] = where.format(folder)
            (folder/'home').mkdir(mode=0o555)
            os.chdir(folder/'home')
            if os.getuid() == 0: os.setgid(uid), os.setuid(uid)
        with tempfile.TemporaryDirectory() as d:
            os.chmod(d, 0o755)
            code, said = run(work, Path(d), before=lambda: before(Path(d)))
            found = [*state(Path(d))]
        held = sentence(code, said, 'not kept', 'Set', 'FASTAI_HOME') and code == 1 and not found
        yield row(f'home {name}', 1, last(said).replace(d, '…'), held)


def elsewhere(n):
    "The folder for temporary files: another, and one that isn't there."
    for name in ('tmp', 'missing'):
        with tempfile.TemporaryDirectory() as d:
            out, tmp = Path(d)/'out', Path(d)/name
            out.mkdir()
            if name == 'tmp': tmp.mkdir()
            def before():
                os.environ['TMPDIR'] = str(tmp)
                tempfile.tempdir = None
            code, said = run(climb(), out, before=before)
            left = [*state(tmp)] if tmp.exists() else []
        yield row('TMPDIR elsewhere' if name == 'tmp' else 'TMPDIR that is not there', 1,
                  'as always' if code == 0 else said[-300:], code == 0 and not left)


def flipped(raw):
    "The same bytes but one."
    i = random.randrange(len(raw))
    return raw[:i] + bytes([raw[i] ^ random.randrange(1, 256)]) + raw[i + 1:]


def damaged(n, files, read, error):
    "Change a byte in each of some files, `n` times: it is refused, or nothing depends on it."
    for path in files:
        refused = harmless = wrong = 0
        why, want = '', read(path.parent, path.name)
        with tempfile.TemporaryDirectory() as d:
            for _ in range(n):
                (Path(d)/path.name).write_bytes(flipped(path.read_bytes()))
                try: same = read(Path(d), path.name) == want
                except error: refused += 1
                except Exception as e: wrong, why = wrong + 1, f': {e!r}'
                else: harmless, wrong = harmless + same, wrong + (not same)
        yield row(f'a byte changed in {path.name}', n, f'{refused} times refused, {harmless} times '
                  f'harmless, {wrong} times unnoticed{why}', not wrong)


def bytes_changed(n):
    def idx(folder, name):
        return hashlib.sha256(kept.unpack(name.removesuffix('.gz'), folder)).digest()
    def model(folder, name):
        tensors, facts = saved.load_tensors(folder/name)
        return facts, {k: t.tolist() for k, t in tensors.items()}
    yield from damaged(n, sorted(kept.MNIST.glob('*.gz')), idx, kept.DataError)
    yield from damaged(n, saved.kept_models(), model, saved.ModelError)


def pictures(n):
    "A picture swapped, cut, added, taken away, and the list cut."
    with tempfile.TemporaryDirectory() as d:
        d = Path(d)
        make = pngs('mnist_sample').work
        assert run(make, d)[0] == 0
        home = d/'mnist_sample'
        three, seven = (sorted((home/'train'/k).iterdir())[0] for k in '37')
        labels = home/'labels.csv'
        changes = {'swapped': (three, seven.read_bytes()), 'cut': (three, three.read_bytes()[:150]),
                   'with a byte changed': (three, None), 'added': (home/'train/3/x.png', b'x'),
                   'taken away': (seven, b''),
                   'missing its end': (labels, labels.read_bytes()[:-99])}
        for name, (path, content) in changes.items():
            was = path.read_bytes() if path.exists() else None
            if content is None: content = was[:60] + bytes([was[60] ^ 255]) + was[61:]
            path.write_bytes(content)
            code, said = run(make, d)
            what = 'labels.csv' if path == labels else 'a picture'
            yield row(f'{what} {name}', 1, said.strip().replace(f'{d}', '…'),
                      code == 1 and sentence(code, said, path.name, 'Move or delete'))
            path.unlink() if was is None else path.write_bytes(was)


def cut_files(n):
    "Files of results, of a checkpoint and of the progress, without their end."
    for name, work, words in (('r.json', climb(), ['no file of results']),
                              ('checkpoint.safetensors', trained, ['not a safetensors file']),
                              ('progress.json', study, ['was damaged. It is now'])):
        with tempfile.TemporaryDirectory() as d:
            assert run(work, Path(d))[0] == 0
            raw = (Path(d)/name).read_bytes()[:-20]
            (Path(d)/name).write_bytes(raw)
            code, said = run(work, Path(d))
            there = any(p.read_bytes() == raw for p in Path(d).iterdir() if p.is_file())
        lines = [o for o in said.splitlines() if words[0] in o] or [said[-300:]]
        held = sentence(code, said, *words) and there
        yield row(f'{name} cut', 1, lines[0].replace(d, '…'), held)


OTHERS = {f.__name__: f
          for f in (full_disk, no_home, elsewhere, bytes_changed, pictures, cut_files)}


# The table


def line(o):
    "A row as text."
    return f"{'held  ' if o['held'] else 'FAILED'}  {o['tries']:3}  {o['fault']}: {o['outcome']}"


@click.command()
@click.option('--kills', 'n', default=50, show_default=True, help='How often each is killed.')
@click.option('--only', multiple=True, type=click.Choice([*KILLS, 'site', *OTHERS]),
              help='Try this alone; may be given several times.')
@click.option('--into', type=click.Path(path_type=Path), help='Keep the table in this file.')
@click.option('--seed', type=int, help='For the random moments; without it others each time.')
def main(n, only, into, seed):
    "Try what can go wrong."
    random.seed(seed)
    torch.set_num_threads(1)
    for name in kept.SHA256: kept.read_idx(name)   # Before the processes part
    rows, begin = [], time.time()
    jobs = {k: lambda it=it: [kills(it, n)] for k, it in KILLS.items()}
    jobs |= {'site': lambda: [site(n)]}
    jobs |= {k: lambda f=f: f(max(1, n//5)) for k, f in OTHERS.items()}
    for name, job in jobs.items():
        if only and name not in only: continue
        for o in job():
            rows.append(o)
            print(line(o), flush=True)
    killed = sum(o['tries'] for o in rows if o['fault'].startswith('killed'))
    bad = [o['fault'] for o in rows if not o['held']]
    print(f'{len(rows)} faults, {killed} kills, {time.time() - begin:.0f} s: '
          + (f"{len(bad)} did not hold: {', '.join(bad)}" if bad else 'all held'))
    record = dict(kills=killed, seconds=round(time.time() - begin), system=platform.system(),
                  python=platform.python_version(), rows=rows)
    if into: write_whole(into, (json.dumps(record, indent=1, ensure_ascii=False) + '\n').encode())
    sys.exit(bool(bad))


if __name__ == '__main__': main()
