"""Climb both ladders and the book's recipes anew, and write what they reached to
fastbook_ch4/results.

    make results                              all, which takes about an hour on two cores
    python tools/results.py --only book       one of: 3,7  all  book
"""
from pathlib import Path

import click

from fastbook_ch4.ladder import climb, quotes, write_results

RESULTS = Path(__file__).resolve().parents[1]/'fastbook_ch4'/'results'


def keep(path):
    "A function that writes each result as it comes, in place of what the file had."
    new = {}
    def done(model, result):
        new.setdefault(result.rung, []).append(result)
        write_results(path, new[result.rung])
    return done


def ladder(spec, seeds): climb(spec, seeds=seeds, done=keep(RESULTS/f'{spec}.json'))


def book():
    """The book's recipes, as far as its code says them: not shuffled, with its rates and for its
    epochs."""
    for q in quotes('3,7'):
        if q['source'] == 'the book' and q['knobs']:
            climb('3,7', [q['rung']], seeds=5, knobs=q['knobs'], done=keep(RESULTS/'book.json'))


WORKS = {'3,7': lambda: ladder('3,7', 5), 'all': lambda: ladder('all', 3), 'book': book}


@click.command()
@click.option('--only', type=click.Choice(list(WORKS)), multiple=True,
              help='Do this alone; may be given several times.')
def main(only):
    "Climb anew."
    for name, work in WORKS.items():
        if not only or name in only: work()


if __name__ == '__main__': main()
