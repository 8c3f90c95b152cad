"What the checks share: the repository's root, and what Git tracks in it."
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope='session')
def root(): return Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def tracked(root):
    "The files that Git tracks or would track, as paths from the root."
    names = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=root, capture_output=True, text=True, check=True)
    return [name for name in names.stdout.split('\0') if name and (root/name).is_file()]
