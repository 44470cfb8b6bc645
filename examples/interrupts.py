"""Ctrl-C and SIGTERM, noted when they come and told where they can be dealt with.

Next to no imports, so that a program can call `catch` before its slow ones.
"""

from __future__ import annotations

import os
import signal

EXIT_STATUS = 130
"""What shells see of a program that was interrupted."""

noted: list[int] = []


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """Somebody wants this program to end."""


def catch() -> None:
    """From now on signals are noted; a second one ends the program at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _note)


def _note(number: int, _frame: object) -> None:
    if noted:
        os._exit(EXIT_STATUS)  # even now no server stays: its watchdog sees that we are gone
    noted.append(number)


def check() -> None:
    """Raise `Interrupted` if a signal came."""
    if noted:
        raise Interrupted
