"""The conversation that both clients have: of its seed alone, with calls of all forms."""

from __future__ import annotations

import random

import anyredis
from tests.commands.test_redis_py import ROWS, our_words, their_words
from tests.fuzz.conversation import LEFT_OUT, Form, changed, conversation, forms, words_of
from tests.fuzz.redis_py_replies import OURS_FOR


def test_a_seed_repeats_a_conversation() -> None:
    """The same calls in the same order, with the same words."""
    first, again = (conversation(random.Random(7), 200) for _ in range(2))
    assert first == again
    assert first != conversation(random.Random(8), 200)


def test_every_form_takes_part() -> None:
    """Both clients take some call of each form, with other keys and values."""
    dice = random.Random(1)
    assert len(forms()) > 400
    lost = {form.method for form in forms() if not any(taken(form, dice) for _ in range(50))}
    assert lost == set()


def taken(form: Form, dice: random.Random) -> bool:
    """Whether neither client refuses the form with some values."""
    call = changed(form, dice)
    return words_of(our_words, call) is not None and words_of(their_words, call) is not None


def test_the_tables_are_about_methods_that_exist() -> None:
    """Each method that is left out or whose reply differs is one of the table of calls."""
    listed = {row["call"].partition("(")[0] for row in ROWS}
    assert {*LEFT_OUT, *OURS_FOR} - listed == set()
    assert all(callable(getattr(anyredis.Redis, name)) for name in OURS_FOR)
