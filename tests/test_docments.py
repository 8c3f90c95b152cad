"Everything public says what it takes: a docment for each parameter."
import dataclasses, importlib, inspect, pkgutil

import pytest
from fastcore.docments import docments

import fastbook_ch4

MODULES = [m.name for m in pkgutil.walk_packages(fastbook_ch4.__path__, 'fastbook_ch4.')
           if not m.ispkg and '.exercises.' not in m.name]


def undocumented(thing):
    "The parameters of a function, or of a class of its own making, that have no docment."
    made = vars(thing).get('__init__') if isinstance(thing, type) else thing
    if not inspect.isfunction(made) or dataclasses.is_dataclass(thing): return []
    return [name for name, said in docments(made).items()
            if name not in ('self', 'return', 'args', 'kwargs', 'facts') and not said]


@pytest.mark.parametrize('name', MODULES)
def test_every_parameter_has_its_docment(name):
    module = importlib.import_module(name)
    missing = {thing: undocumented(getattr(module, thing))
               for thing in getattr(module, '__all__', [])}
    assert not {k: v for k, v in missing.items() if v}


def test_a_docment_can_be_missing():
    def f(a, b): pass
    assert undocumented(f) == ['a', 'b'] and not undocumented(3)
