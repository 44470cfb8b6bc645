"""The conversation that both clients have: of its seed alone, with calls of all forms."""

from __future__ import annotations

import random

import anyredis
from tests.commands.test_redis_py import ROWS
from tests.fuzz.conversation import LEFT_OUT, conversation, forms
from tests.fuzz.redis_py_replies import OURS_FOR


def test_a_seed_repeats_a_conversation() -> None:
    """The same calls in the same order, with the same words."""
    first, again = (conversation(random.Random(7), 200) for _ in range(2))
    assert first == again
    assert first != conversation(random.Random(8), 200)


def test_every_form_takes_part() -> None:
    """Some conversations have a call of each method that the table has a form for, but for few.

    A form whose keys and values both clients refuse, whatever they are, never does.
    """
    said = {step.method for seed in range(5) for step in conversation(random.Random(seed), 1000)}
    assert len(said) > 150
    assert {form.method for form in forms()} - said <= NEVER


NEVER = {"arop"}
"""redis-py takes its operation as an object of its own."""


def test_the_tables_are_about_methods_that_exist() -> None:
    """Each method that is left out or whose reply differs is one of the table of calls."""
    listed = {row["call"].partition("(")[0] for row in ROWS}
    assert {*LEFT_OUT, *OURS_FOR} - listed == set()
    assert all(callable(getattr(anyredis.Redis, name)) for name in OURS_FOR)
