"""Run the notebooks as tests.

    python tools/run_notebooks.py                  all of them, in two processes
    python tools/run_notebooks.py --thorough       with all that takes long
    python tools/run_notebooks.py 03_loss train    those of these names

A notebook runs as with `nbdev_test`, without its slow cells. Where it isn't thorough, what begins
with `#| thorough` is left out too, and the exercises are, all of whose cells
`tests/test_exercises.py` runs. Where it is, each chapter runs once more with its visible cells
alone. What has the most code begins first, so that both processes end at about the same time.
"""
import sys

from docs.links import NBS, notebooks
from road import CHAPTERS, ROOT, cells, is_code, source

SLOW, HIDDEN = ['slow', 'notest'], ['hide', 'echo:']   # What a cell says that is left out


def jobs(thorough=False):
    "The notebooks that run, and what a cell says that is left out in each; most code first."
    if thorough:
        found = [(NBS/nb, SLOW) for nb in notebooks()]
        found += [(path, SLOW + HIDDEN) for path in CHAPTERS]
    else:
        found = [(NBS/nb, [*SLOW, 'thorough']) for nb in notebooks() if '_exercises' not in nb]
    def code(job): return sum(len(source(c)) for c in cells(job[0]) if is_code(c))
    return sorted(found, key=code, reverse=True)


def run(job):
    "Whether a notebook runs, and how many seconds that takes."
    import nbdev
    from nbdev.test import test_nb
    nbdev.nbdev_export = lambda: None   # Its last cell; test_project.py holds what that would write
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
    thorough, names = '--thorough' in sys.argv, {*sys.argv[1:]} - {'--thorough'}
    it.main([job for job in it.jobs(thorough) if job[0].stem in names or not names])
