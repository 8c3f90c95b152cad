"Everything that setuptools needs to know, read from settings.ini."
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

ini = ConfigParser(delimiters='=')
ini.read('settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']

statuses = ['1 - Planning', '2 - Pre-Alpha', '3 - Alpha', '4 - Beta', '5 - Production/Stable']
licenses = {'apache2': 'Apache-2.0'}

extras = {name: cfg[f'{name}_requirements'].split() for name in ('onnx', 'processes', 'dev')}
extras['dev'] = sum(extras.values(), [])   # Who works on the course needs all

lib = Path(cfg['lib_path'])
data = [p.relative_to(lib).as_posix() for p in lib.rglob('*')
        if p.is_file() and p.suffix not in ('.py', '.pyc')]

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'],
    keywords=cfg['keywords'], author=cfg['author'], author_email=cfg['author_email'],
    url=cfg['git_url'],
    license=licenses[cfg['license']], license_files=['LICENSE', 'fastbook_ch4/mnist/README.md'],
    classifiers=[f"Development Status :: {statuses[int(cfg['status']) - 1]}",
                 f"Intended Audience :: {cfg['audience']}",
                 f"Natural Language :: {cfg['language']}", 'Programming Language :: Python :: 3'],
    # With '.', an editable installation puts this folder on Python's path. Without it, a program
    # beside the clone gets the clone, whose name is the package's, as a package with nothing in it
    package_dir={'': '.'}, package_data={lib.name: data},
    packages=find_packages(include=[cfg['lib_path'], f"{cfg['lib_path']}.*"]),
    python_requires=f">={cfg['min_python']}",
    install_requires=cfg['requirements'].split(),
    extras_require=extras,
    entry_points={'console_scripts': cfg['console_scripts'].split()},
    long_description=Path('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown', zip_safe=False)
