"What `predict` takes for a hundred files: one after the other, and in batches."
import tempfile

from PIL import Image

from fastbook_ch4.data import load_mnist
from fastbook_ch4.models.predict import load_rungs, predict, predict_all

FILES, SIDE = 100, 200   # How many pictures, and pixels along each side


def predict_works():
    """Works on the first validation digits, drawn as PNG files into a temporary folder that lives
    as long as they do: name -> function without arguments, which returns the answers."""
    folder, known = tempfile.TemporaryDirectory(), load_rungs()
    def paths(): return [f'{folder.name}/{k}.png' for k in range(FILES)]
    for path, digit in zip(paths(), load_mnist(False)[0]):
        Image.fromarray(255 - digit.numpy()).resize((SIDE, SIDE)).save(path)
    return {'one by one': lambda: [predict(path, known) for path in paths()],
            'batched': lambda: list(predict_all(paths(), known))}
