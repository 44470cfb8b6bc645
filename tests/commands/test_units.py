"""Docstrings of command methods: each duration, moment and size has its unit.

The unit is in the name of the parameter (`milliseconds`), in the sentence that explains it, or in
the docstring of the method that this one refers to (`options as for …`).
"""

from __future__ import annotations

import inspect
import re

import pytest

from tests.commands.documented import statement_of
from tests.commands.test_docstrings import METHODS

GROUPS = {name: group for group, name in METHODS}

SIZES = {"max_size", "minmatchlen"}
DISTANCES = {"radius", "width", "height"}
IN_NAME = re.compile(r"seconds|milliseconds")

SENTENCE = re.compile(r"(?<=[.:;]) +")
METHOD = re.compile(r"`(\w+)`")


def units(name: str, annotation: str) -> re.Pattern[str] | None:
    """The words of which one explains the parameter, or None if it needs none."""
    if IN_NAME.search(name):
        return None
    if name in SIZES:
        return re.compile(r"bytes")
    if name in DISTANCES:
        return re.compile(r"in \*unit\*")
    if "Milliseconds" in annotation or annotation.startswith("Unix"):
        return re.compile(r"milliseconds|seconds")
    if "Seconds" in annotation or "UnixTime" in annotation or name == "timeout":
        return re.compile(r"seconds")
    return None


def is_explained(name: str, parameter: str, unit: re.Pattern[str], depth: int = 2) -> bool:
    """Whether a sentence of the docstring, or of one that it refers to, has parameter and unit."""
    text = inspect.getdoc(getattr(GROUPS[name], name)) or ""
    end = statement_of(text)
    prose = " ".join((text if end is None else end.prose).split())
    sentences = [each for each in SENTENCE.split(prose) if f"*{parameter}*" in each]
    if any(unit.search(each) for each in sentences):
        return True
    others = [other for other in METHOD.findall(prose) if other in GROUPS and depth]
    return any(is_explained(other, parameter, unit, depth - 1) for other in others)


def unexplained(name: str) -> list[str]:
    """The parameters of a method that have a unit which is not told."""
    parameters = inspect.signature(getattr(GROUPS[name], name)).parameters.values()
    wanted = {each.name: units(each.name, str(each.annotation)) for each in parameters}
    return [
        parameter
        for parameter, unit in wanted.items()
        if unit is not None and not is_explained(name, parameter, unit)
    ]


def test_each_parameter_with_a_unit_says_which() -> None:
    """Seconds or milliseconds, bytes, or the unit that another parameter names."""
    found = {name: unexplained(name) for name in GROUPS}
    assert len(found) > 400
    assert {name: parameters for name, parameters in found.items() if parameters} == {}


@pytest.mark.parametrize(
    ("method", "parameter"), [("expire", "time"), ("set_get", "px"), ("blpop", "timeout")]
)
def test_the_rule_finds_parameters_with_a_unit(method: str, parameter: str) -> None:
    """Those that another method explains, and those that are numbers, are among them."""
    parameters = inspect.signature(getattr(GROUPS[method], method)).parameters
    assert units(parameter, str(parameters[parameter].annotation)) is not None
    assert not is_explained(method, parameter, re.compile("fortnights"))
