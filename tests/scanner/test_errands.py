"""Errands name functions that exist, which nothing but running one would show otherwise."""

from __future__ import annotations

from importlib import import_module

import pytest

from appliance.context import PRELOADED
from scanner import errands
from scanner.errands import Errand

EVERY = [one for one in vars(errands).values() if isinstance(one, Errand)]


@pytest.mark.parametrize("errand", EVERY, ids=lambda errand: errand.function)
def test_an_errand_names_a_function_whose_module_the_forkserver_has_loaded(errand: Errand) -> None:
    assert callable(getattr(import_module(errand.module), errand.function))
    assert errand.module in PRELOADED
