"""Each command method has rows in the tables of its group."""

from __future__ import annotations

from anyredis.wire.decode import Decoder
from tests.commands import ran_on
from tests.commands.rows import methods_of, read_rows, sent_rows
from tests.commands.test_every_command import TABLES


def test_every_method_has_its_words() -> None:
    """Each has a row of arguments and words."""
    assert [
        f"{group.__name__}.{method}"
        for group in TABLES
        for method in methods_of(group)
        if method not in {row.method for row in sent_rows(group)}
    ] == []


def test_every_method_has_its_replies() -> None:
    """Each has a row of a raw reply and its value."""
    assert [
        f"{group.__name__}.{method}"
        for group in TABLES
        for method in methods_of(group)
        if method not in {row.method for row in read_rows(group)}
    ] == []


def kinds_in_table(group: type[object], method: str) -> set[str]:
    """The kinds of the raw replies in the rows of *method*, as `ran_on` notes them."""
    found: set[str] = set()
    for row in read_rows(group):
        if row.method == method:
            decoder = Decoder(None)
            decoder.feed(row.raw)
            found |= ran_on.kinds_of(decoder.gets())
    return found


def test_both_protocols() -> None:
    """Where the replies of servers differ by protocol, there is a row as each protocol has it."""
    noted = ran_on.read_kinds()
    missing: list[str] = []
    for group in TABLES:
        for method in methods_of(group):
            resp2, resp3 = (set(noted[method][protocol]) for protocol in "23")
            rows = kinds_in_table(group, method)
            for protocol, own in (("RESP2", resp2 - resp3), ("RESP3", resp3 - resp2)):
                if own and not own & rows:
                    missing.append(f"{group.__name__}.{method}: no row as in {protocol}")
    assert missing == []
