"""Make each environment that is promised with README's own words, run the course's commands there
with the network cut off, and write down what ran.

    make environments                                all: an hour, and 14 GB of disk
    python tools/environments.py --only lowest       those of these names
    python tools/environments.py --table             print what is on record

A Python that isn't here is skipped, and said. The course's folder is cloned as it is committed.
"""
import json, os, re, shlex, shutil, signal, subprocess, sys, tempfile, time
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from threading import Timer

import click

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT/'fastbook_ch4'/'results'/'environments.json'
UV, SETTINGS = Path(sys.executable).with_name('uv'), (ROOT/'settings.ini').read_text('utf-8')
OLDEST = re.search(r'^min_python *= *(\S+)', SETTINGS, re.M)[1]
SETUP = re.compile(r'git clone|cd |\S*python\S* -m (venv|pip)|source |uv ')   # Wants the network
SERVER = re.compile(r'make lab|jupyter lab')   # Goes on until it is stopped
READY = 'is running at'                        # What it says when it is there


# README's words

def blocks(text):
    """The blocks of commands of a README, each a list of lines as a shell takes them: without what
    is said of them, and where Windows has another word, that of the others."""
    found = []
    for block in re.findall(r'(?s)```\n(.*?)\n```', text):
        lines = [m[1] if (m := re.search(r'# elsewhere: (.*)', line)) else
                 re.sub(r'\s+#.*', '', line) for line in block.splitlines()]
        found.append([line.strip() for line in lines if line.strip()])
    return found


def of_readme():
    "What README says: by name, the commands with make, those without it, and the package alone."
    found = blocks((ROOT/'README.md').read_text('utf-8'))
    def holding(words): return next(b for b in found if any(words in line for line in b))
    more = [line for b in found for line in b if line.startswith('.venv/bin/')]
    return dict(make=holding('git clone') + more, by_hand=holding('.[dev]'),
                alone=holding('install .'))


# The environments

@dataclass
class Row:
    "An environment: what makes it, and what then has to run there without a network."
    name:str
    what:str      # How README's table names it
    python:str    # Such as '3.12'; `system` for /usr/bin/python3
    setup:list    # Commands, in a folder with the course
    run:list
    source:str=''   # What lies there: a clone, one in `course`, the wheel, the sdist, or nothing


TAKEN = 'every notebook as somebody takes it away'
UV_INSTALL = 'uv pip install {} "./course[onnx,processes]"'
KERNEL = 'uv pip install ipykernel pip setuptools'   # What Colab has beside
MISSING = ['fastbook_ch4 export out says fastbook_ch4[onnx], and with it runs',
           'fastbook_ch4 train says fastbook_ch4[processes], and with it runs']
USE = ['fastbook_ch4 ladder --rungs pixels_l2,learner,plain_net', 'fastbook_ch4 quiz 03',
       'fastbook_ch4 progress', 'fastbook_ch4 predict photo.jpg']


def in_two(commands):
    "Those that set up, which are those of the first block up to the first that doesn't; the rest."
    setup = [c for c in commands if SETUP.match(c)]
    return setup, [c for c in commands if c not in setup]


def rows():
    "All environments, in the order of the table."
    said = of_readme()
    clone, make = in_two(said['make'])
    hand, run = in_two(said['by_hand'])
    alone, use = in_two(hand[:2] + said['alone'])
    # The first command with make makes .venv, and the first that makes the site asks npm
    yield Row('make', 'make', 'system', [*clone, 'make exercises', 'npm ci --prefix site'], make)
    yield Row('by hand', 'without make', '3.12', hand, run, 'clone')
    yield Row('alone', '`pip install .`', '3.12', alone, [*dict.fromkeys(use + USE), *MISSING],
              'clone')
    yield Row('wheel', 'the wheel, from an empty folder', '3.13',
              ['uv venv .venv', 'source .venv/bin/activate', 'uv pip install WHEEL'], USE, 'wheel')
    yield Row('sdist', 'the source distribution', '3.13',
              ['uv venv .venv', 'source .venv/bin/activate',
               'uv pip install -c constraints.txt -e ".[dev]"'],
              ['pytest -q -n 2 --dist loadfile tests --ignore tests/test_site.py '
               '--ignore tests/test_live_browser.py'], 'sdist')
    for name, python, how in (('newest', '3.13', '--upgrade'),
                              ('lowest', OLDEST, '--resolution lowest-direct')):
        yield Row(name, f'the {name} versions that are allowed', python,
                  ['uv venv .venv', 'source .venv/bin/activate', UV_INSTALL.format(how), KERNEL],
                  [*USE, TAKEN], 'course')


def find_python(version):
    "An interpreter of this version, such as '3.12', or None where there is none."
    if version == 'system': return Path('/usr/bin/python3') if at('/usr/bin/python3') else None
    kept = sorted(Path.home().glob(f'.pyenv/versions/{version}.*/bin/python'))
    for o in (shutil.which(f'python{version}'), *kept, sys.executable):
        if o and (got := at(o)) and f'{got}.'.startswith(f'{version}.'): return Path(o)


def minor(version): return int(version.split('.')[1])


def at(python, what='import sys; print(sys.version.split()[0])'):
    "What an interpreter prints; nothing where it doesn't run."
    try: done = subprocess.run([python, '-c', what], capture_output=True, text=True, cwd='/')
    except OSError: return ''
    return done.stdout.strip()*(done.returncode == 0)


# Running

def offline(command):
    "A command as it runs without a network but with its own host. Linux alone can."
    return ['unshare', '--map-root-user', '--net', 'bash', '-c',
            'ip link set lo up; exec "$@"', 'bash', *command]


@cache
def can_be_offline():
    "Whether the network can be cut off here."
    try: return not subprocess.run(offline(['true']), capture_output=True).returncode
    except OSError: return False


class Failed(Exception): "A command that doesn't do what it should."


class Place:
    "A folder of its own, with a home of its own, in which a row's commands run."
    def __init__(self, row, python, folder):
        self.row, self.python, self.folder, self.here = row, python, folder, folder
        self.said, self.active = '', []
        (folder/'bin').mkdir()
        for name in ('python', 'python3'):   # What these words mean here
            (folder/'bin'/name).write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} "$@"\n')
            (folder/'bin'/name).chmod(0o755)
        (folder/'bin'/'uv').symlink_to(UV)
        for name in ('home', 'config'): (folder/name).mkdir()
        (folder/'config'/'jupyter_server_config.json').write_text(
            json.dumps(dict(ServerApp=dict(allow_root=True))))
        mine = ('PYTHON', 'FASTBOOK', 'IPYTHON', 'JUPYTER', 'VIRTUAL_ENV', 'TAKEN', 'MAKE',
                'MFLAGS')
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(mine)}
        path = [o for o in os.environ['PATH'].split(os.pathsep)
                if Path(o) != Path(sys.executable).parent and '.venv' not in o]
        url = re.search(r'git clone (\S+)', (ROOT/'README.md').read_text('utf-8'))[1]
        cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home()/'.cache')
        npm = os.environ.get('NPM_CONFIG_USERCONFIG', str(Path.home()/'.npmrc'))
        self.env |= dict(
            HOME=str(folder/'home'), BROWSER='true', MAKING_ENVIRONMENTS='1',
            JUPYTER_CONFIG_PATH=str(folder/'config'),
            PATH=os.pathsep.join([str(folder/'bin'), *path, '/usr/sbin', '/sbin']),
            PIP_CACHE_DIR=os.environ.get('PIP_CACHE_DIR', str(cache/'pip')),
            UV_CACHE_DIR=os.environ.get('UV_CACHE_DIR', str(cache/'uv')),
            NPM_CONFIG_USERCONFIG=npm, GIT_CONFIG_COUNT='1', GIT_CONFIG_VALUE_0=url,
            GIT_CONFIG_KEY_0=f'url.{ROOT.as_uri()}.insteadOf')
        self.bring(row.source)

    def bring(self, source):
        "Put into the folder what its commands need, unless they bring it themselves."
        if source:
            subprocess.run(['git', 'clone', '--quiet', ROOT, self.folder/'course'], check=True)
        if source in ('wheel', 'sdist'):
            subprocess.run([UV, 'build', '--quiet', '--out-dir', '../dist'],
                           cwd=self.folder/'course', check=True)
            shutil.rmtree(self.folder/'course')
        if source == 'sdist':
            shutil.unpack_archive(next((self.folder/'dist').glob('*.tar.gz')), self.folder)
            self.here = next(o for o in self.folder.glob('fastbook_ch4-*') if o.is_dir())
        if source == 'clone': self.here = self.folder/'course'

    def do(self, command, net=True):
        "Run one command; raises `Failed` where it doesn't do what it should."
        print(f'  {command}', flush=True)
        if command.startswith('cd '): self.here = self.here/command[3:]
        elif command.startswith('source '): self.active = [command]
        elif command == TAKEN: self.taken()
        elif m := re.match(r'(.*) says (.*), and with it runs', command): self.extra(*m.groups())
        elif SERVER.match(command): self.server(command, net)
        else:
            self.shell(command.replace('WHEEL', f"'{self.folder}'/dist/*.whl"), net)

    def line(self, command, net):
        line = ['bash', '-c', '\n'.join(['set -e', *self.active, command])]
        return line if net or not can_be_offline() else offline(line)

    def shell(self, command, net=True, wrong=False, env={}):
        "Run a line in the folder; raises `Failed` where it fails, or, where it has to, doesn't."
        done = subprocess.run(self.line(command, net), cwd=self.here, env=self.env | env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace',
                              stdin=subprocess.DEVNULL)
        self.said += done.stdout
        if bool(done.returncode) != wrong:
            raise Failed(f'{command}: exit {done.returncode}\n{done.stdout[-4000:]}')
        return done.stdout

    def server(self, command, net):
        "Start it, wait until it is there, and stop it."
        p = subprocess.Popen(self.line(command, net), cwd=self.here, env=self.env, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True)
        late, said = Timer(300, os.killpg, (p.pid, signal.SIGKILL)), ''
        late.start()
        for line in p.stdout:
            said += line
            if READY in line: break
        late.cancel()
        try: os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError: pass   # It ended by itself
        p.wait()
        if READY not in said: raise Failed(f'{command}\n{said[-4000:]}')

    def extra(self, command, extra):
        "Without the extra the command fails with a line that names it; doing what that says helps."
        said = self.shell(command, wrong=True).strip().splitlines()[-1]
        if extra not in said or 'Traceback' in said: raise Failed(f'{command}: {said}')
        self.shell(re.search('pip install .*', said)[0])
        self.shell(f'{command} {SHORT}' if ' train' in command else command, net=False)

    def taken(self):
        "The notebooks run in this environment, started from the one that has the tests."
        root, python = map(shlex.quote, (str(ROOT), sys.executable))
        self.shell(f'cd {root}; {python} -m pytest -q -n 2 --thorough '
                   'tests/test_taken_away.py -k runs_alone', net=False,
                   env=dict(TAKEN='all', ALONE=str(self.here/'.venv'/'bin'/'python'),
                            PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'))


SHORT = '--rung net30 --share 0.02 --set epochs=1'   # Of a training
PHOTO = '''
from PIL import Image, ImageOps
from fastbook_ch4.ten_digits import ten_digits
digit = (ten_digits(train=False)[0][0, 0]*255).byte().numpy()
whole = ImageOps.expand(ImageOps.invert(Image.fromarray(digit)), 8, 255)
whole.resize((440, 440), Image.Resampling.BICUBIC).save('photo.jpg')'''


def megabytes(path):
    "What a folder takes on the disk."
    said = subprocess.run(['du', '-sm', path], capture_output=True, text=True).stdout
    return int(said.split()[0])


UNITS = dict(bytes=1e-6, B=1e-6, kB=1e-3, MB=1, GB=1e3)


def downloaded(said):
    "The megabytes of all packages that pip says it took, from the network or from its cache."
    took = re.findall(r'(?:Downloading|Using cached) \S+(?:whl|gz) \(([\d.]+) (\w+)\)', said)
    return round(sum(float(size)*UNITS[unit] for size, unit in took))


VERSIONS = '''
import json, sys
from importlib.metadata import version
print(json.dumps({'python': sys.version.split()[0]} |
                 {o: version(o).split('+')[0] for o in ('torch', 'fastai', 'numpy')}))'''


def run(row, python, folder):
    "What is written down of a row."
    start, here = time.perf_counter(), Place(row, python, folder)
    out = dict(what=row.what, date=f'{date.today()}', offline=can_be_offline())
    try:
        for command in row.setup: here.do(command)
        venv = here.here/'.venv'
        out |= dict(versions=json.loads(at(venv/'bin'/'python', VERSIONS)), disk=megabytes(venv))
        if took := downloaded(here.said): out['download'] = took
        (folder/'photo.py').write_text(PHOTO)
        here.shell(f".venv/bin/python '{folder}/photo.py'")
        for command in row.run: here.do(command, net=False)
    except Failed as e: out['failed'] = str(e)
    return out | dict(seconds=round(time.perf_counter() - start), setup=row.setup, ran=row.run)


# The record

def read(): return json.loads(RECORD.read_text('utf-8')) if RECORD.exists() else {}


def keep(name, row):
    "Write a row, in the order of the table."
    kept = read() | {name: row}
    order = [o.name for o in rows()]
    RECORD.write_text(json.dumps({o: kept[o] for o in order if o in kept}, indent=1) + '\n')


def missing(record):
    "Sentences: what is not on record, failed, or ran other commands than it would now."
    for row in rows():
        if row.name not in record: yield f'{row.name}: never ran'
        elif 'failed' in record[row.name]: yield f'{row.name}: failed'
        elif (record[row.name]['setup'], record[row.name]['ran']) != (row.setup, row.run):
            yield f'{row.name}: README says other words now'


def told(command):
    """A command as the table has it: without its folder and its options, and whether an extra was
    missed first."""
    if command == TAKEN: return command
    name, without, _ = command.partition(' says ')
    name = re.sub(r'^\.venv/bin/| -.*', '', name)
    return f'`{name}`' + ' without its extra, and with it'*bool(without)


def table(record):
    "The record as Markdown."
    yield '| installed with | Python, torch | what ran there, without a network | disk | when |'
    yield '| -- | -- | -- | --: | -- |'
    for row in rows():
        o = record.get(row.name)
        if not o: yield f'| {row.what} | | not yet on record | | |'; continue
        if 'failed' in o: yield f"| {o['what']} | | **fails** | | {o['date']} |"; continue
        ran = ', '.join(map(told, o['ran']))
        yield (f"| {o['what']} | {o['versions']['python']}, {o['versions']['torch']} | {ran} | "
               f"{o['disk']/1000:.1f} GB | {o['date']} |")


@click.command()
@click.option('--only', multiple=True, help='The name of a row; may be given several times.')
@click.option('--table', 'show', is_flag=True, help='Print the record, and run nothing.')
@click.option('--folder', type=click.Path(path_type=Path), default=tempfile.gettempdir(),
              help='Where the environments are made; each goes when it is done.')
def main(only, show, folder):
    "Make the environments, and run in them."
    if show: return print(*table(read()), sep='\n')
    failed = []
    for row in rows():
        if only and row.name not in only: continue
        python = find_python(row.python)
        if not python or minor(at(python)) < minor(OLDEST):
            lack = f'there is no Python {row.python}' if not python else f'{python} is too old'
            print(f'{row.name}: skipped, for {lack} here')
            continue
        print(f'{row.name}: Python {at(python)}', flush=True)
        place = Path(tempfile.mkdtemp(prefix='environment ', dir=folder))
        try: done = run(row, python, place)
        finally: shutil.rmtree(place, ignore_errors=True)
        keep(row.name, {k: v for k, v in done.items() if k != 'failed'} |
             ({'failed': True} if 'failed' in done else {}))
        if 'failed' in done: failed.append(row.name); print(done['failed'])
        print(f"  {done['seconds']} s", flush=True)
    if failed: sys.exit(f"These fail: {', '.join(failed)}")


if __name__ == '__main__': main()
