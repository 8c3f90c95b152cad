"What the checks share: the root, what Git tracks, the live pages' scripts, a server, a browser."
import contextlib, gzip, io, shutil, subprocess, sys, threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT/'tools'))   # Its modules are tested too
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
# How Playwright starts it: nothing that it does by itself asks a host for anything.
LAUNCH = dict(executable_path=CHROMIUM,
              args=['--disable-gpu', '--disable-quic', '--no-first-run',
                    '--disable-background-networking', '--disable-component-update',
                    '--disable-sync'])


def pytest_addoption(parser):
    parser.addoption('--thorough', action='store_true',
                     help='Run what is marked `thorough` too, as `make thorough` does.')


def pytest_configure(config):
    config.addinivalue_line('markers', 'thorough: takes long, so `make test` leaves it out, '
                            'as it does what needs a browser')


def pytest_collection_modifyitems(config, items):
    if config.getoption('thorough'): return
    for item in items:
        if item.get_closest_marker('thorough') or 'browser' in item.fixturenames:
            item.add_marker(pytest.mark.skip('`make thorough` runs it'))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass


class Compressed(Quiet):
    "As hosts of sites do it: what is text travels compressed."
    def send_head(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in ('.html', '.css', '.js', '.json', '.svg') or not path.is_file():
            return super().send_head()
        content = gzip.compress(path.read_bytes())
        self.send_response(200)
        self.send_header('Content-Type', self.guess_type(str(path)))
        self.send_header('Content-Encoding', 'gzip')
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        return io.BytesIO(content)


def in_process(*args, cwd='/'):
    "What `fastbook_ch4` does, without a second process: exit code, output and errors as of one."
    from click.testing import CliRunner
    from fastbook_ch4.cli import main
    with contextlib.chdir(cwd):
        done = CliRunner(catch_exceptions=False).invoke(main, [*map(str, args)])
    return subprocess.CompletedProcess(args, done.exit_code, done.stdout, done.stderr)


def serve(folder, handler=Quiet):
    "A server of `folder` in a thread of its own."
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope='session')
def root(): return ROOT


@pytest.fixture(scope='session')
def tracked(root):
    """The files that Git tracks or would track, as paths from the root; those of the sdist where
    the folder is one."""
    sdist = root/'fastbook_ch4.egg-info'/'SOURCES.txt'
    if not (root/'.git').exists() and sdist.exists():
        return [Path(name).as_posix() for name in sdist.read_text().splitlines()
                if (root/name).is_file() and '.egg-info' not in name]
    names = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                           cwd=root, capture_output=True, text=True, check=True)
    return [name for name in names.stdout.split('\0') if name and (root/name).is_file()]


@pytest.fixture(scope='session')
def live(tmp_path_factory):
    "A folder `site` with the live pages' scripts and weights."
    import weights
    folder = tmp_path_factory.mktemp('pages')/'site'
    shutil.copytree(ROOT/'site'/'live', folder/'live')
    weights.main(folder/'weights')
    return folder


@pytest.fixture(scope='session')
def browser():
    "Chromium, without a window."
    if not CHROMIUM: pytest.skip('Chromium is missing: apt-get install chromium')
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        browser = p.chromium.launch(**LAUNCH)
        yield browser
        browser.close()
