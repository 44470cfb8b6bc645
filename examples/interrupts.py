"""Ctrl-C and SIGTERM: noted when they come, and raised where they can be handled.

It imports little, so that a program can call `catch` before its slow imports.
"""

from __future__ import annotations

import os
import signal

EXIT_STATUS = 130
"""The exit status of a program that was interrupted."""

noted: list[int] = []


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """The program was asked to end."""


def catch() -> None:
    """From now on signals are noted; a second one ends the program at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _note)


def _note(number: int, _frame: object) -> None:
    if noted:
        os._exit(EXIT_STATUS)  # the watchdog kills the server
    noted.append(number)


def check() -> None:
    """Raise `Interrupted` if a signal came."""
    if noted:
        raise Interrupted
