"Everything public says what it takes: a docment for each parameter."
import dataclasses, importlib, inspect

import pytest
from fastcore.docments import docments

MODULES = [f'fastbook_ch4.{name}' for name in (
    'data', 'files', 'ladder', 'learner', 'loss', 'nets', 'optim', 'pictures', 'pixels', 'proof',
    'resnet', 'rungs', 'sgd', 'ten_digits', 'training', 'models.predict', 'models.saved',
    'models.train')]


def undocumented(thing):
    "The parameters of a function, or of a class of its own making, that have no docment."
    made = vars(thing).get('__init__') if isinstance(thing, type) else thing
    if not inspect.isfunction(made) or dataclasses.is_dataclass(thing): return []
    return [name for name, said in docments(made).items()
            if name not in ('self', 'return', 'args', 'kwargs', 'facts') and not said]


@pytest.mark.parametrize('name', MODULES)
def test_every_parameter_has_its_docment(name):
    module = importlib.import_module(name)
    missing = {thing: undocumented(getattr(module, thing)) for thing in module.__all__}
    assert not {k: v for k, v in missing.items() if v}


def test_a_docment_can_be_missing():
    def f(a, b): pass
    assert undocumented(f) == ['a', 'b'] and not undocumented(3)
