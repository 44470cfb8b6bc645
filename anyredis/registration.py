"""Facts about commands that the tables do not know: those of modules, and of users.

Law: a name is registered once, before the command is used, and never changes what is known of a
command of the servers.  A command that is not registered counts as a write; a cluster refuses it,
because its keys cannot be found.
"""

from __future__ import annotations

from anyredis.exceptions import DataValueError
from anyredis.facts.key_positions import (
    REGISTERED_FINDERS,
    counted_keys,
    key_positions,
    ranged_keys,
)
from anyredis.facts.table import REGISTERED_READS

_REGISTERED: dict[bytes, tuple[object, ...]] = {}
"""What was said of each command."""


def register_command(
    name: str,
    *,
    first_key: int = 1,
    last_key: int | None = None,
    key_step: int = 1,
    numkeys: int | None = None,
    read_only: bool = False,
) -> None:
    """Tell where the keys of the command *name* stand, for clusters, and whether it only reads.

    *first_key*, *last_key* and *key_step* are what the server's COMMAND INFO says of it: positions
    count from the name, which is 0; a negative *last_key* counts from the end; without one there is
    one key, and with `first_key=0` none.  With *numkeys*, the position of the argument that says
    how many keys follow it, they are not looked at.

    *read_only*: it may be sent again after its reply was lost, and may go to replicas; without
    keys, to any node.

    Raises `DataValueError` for a name that is known already, unless the same was said of it, and
    for positions that make no sense.  It is for commands of one word that neither block nor change
    their connection.
    """
    word = name.upper().encode()
    last = first_key if last_key is None else last_key
    said = (first_key, last, key_step, numkeys, read_only)
    if _REGISTERED.get(word) == said:
        return
    if not word or word.split() != [word]:
        raise DataValueError(f"{name!r:.80} is no name of a command, which is one word")
    if word in _REGISTERED or _is_known(word):
        raise DataValueError(f"{word.decode()} is known already: its facts cannot be changed")
    ranged = ranged_keys(first_key, last, key_step)
    REGISTERED_FINDERS[word] = ranged if numkeys is None else counted_keys(numkeys)
    _REGISTERED[word] = said
    if read_only:
        REGISTERED_READS.add(word)


def _is_known(word: bytes) -> bool:
    try:
        return key_positions((word,)) is not None
    except DataValueError:  # it has keys
        return True
