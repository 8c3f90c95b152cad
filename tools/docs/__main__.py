"""Make the site in _docs.

    python tools/docs            build
    python tools/docs --serve    build, serve at http://127.0.0.1:4200, and again after each change
"""
import shutil, sys, time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])   # `docs` is a package of the folder tools

from docs.api import smalldocs
from docs.finish import copies, finish, libraries, weights
from docs.links import ROOT
from docs.serve import serve
from docs.stage import PROC, SOURCES, STAGE, stage

OUT = ROOT/'_docs'


def swap(new, out, old=PROC/'_old'):
    "Put a folder in the place of another, which is whole until then."
    shutil.rmtree(old, ignore_errors=True)
    if out.exists(): out.rename(old)
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def build():
    "Make the site."
    start = time.perf_counter()
    stage()
    smalldocs('render', STAGE, '--quiet')
    site = STAGE/'_docs'
    libraries(site)
    weights(site)
    copies(site)
    finish(site)
    (site/'.nojekyll').touch()
    swap(site, OUT)
    pages, seconds = len(list(OUT.rglob('*.html'))), time.perf_counter() - start
    print(f'{OUT.name}: {pages} pages in {seconds:.0f} s')


if __name__ == '__main__':
    try: serve(build, OUT, *SOURCES) if '--serve' in sys.argv else build()
    except KeyboardInterrupt: pass
