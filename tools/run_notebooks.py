"""Run every notebook as a test, and each chapter once more with its visible cells alone.

    python tools/run_notebooks.py                  all of them, in two processes
    python tools/run_notebooks.py 03_loss train    those of these names

A notebook runs as with `nbdev_test`, without its slow cells. What has the most code begins first,
so that both processes end at about the same time.
"""
import sys

from docs.links import NBS, notebooks
from road import CHAPTERS, ROOT, cells, is_code, source

SLOW, HIDDEN = ['slow', 'notest'], ['hide', 'echo:']   # What a cell says that is left out


def jobs():
    "Each notebook, then each chapter, with what a cell says that is left out, most code first."
    found = [(NBS/nb, SLOW) for nb in notebooks()] + [(path, SLOW + HIDDEN) for path in CHAPTERS]
    def code(job): return sum(len(source(c)) for c in cells(job[0]) if is_code(c))
    return sorted(found, key=code, reverse=True)


def run(job):
    "Whether a notebook runs, and how many seconds that takes."
    from nbdev.test import test_nb
    path, flags = job
    return test_nb(path, skip_flags=flags, basepath=ROOT)


def name(job): return f"{job[0].stem}{', its visible cells alone'*('hide' in job[1])}"


def main(jobs):
    "Run them, print how long each took, and end with those that failed."
    from fastcore.parallel import parallel
    ran = list(parallel(run, jobs, n_workers=2, pause=0.01))
    for job, (_, seconds) in sorted(zip(jobs, ran), key=lambda o: -o[1][1]):
        print(f'{seconds:5.1f} s  {name(job)}')
    failed = [name(job) for job, (passed, _) in zip(jobs, ran) if not passed]
    if failed: sys.exit('These do not run:\n' + '\n'.join(failed))
    print(f'All {len(jobs)} run')


if __name__ == '__main__':
    # Under its own name, because a notebook takes the place of `__main__` where it runs
    import run_notebooks as it
    it.main([job for job in it.jobs() if job[0].stem in sys.argv[1:] or not sys.argv[1:]])
