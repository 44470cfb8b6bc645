"""Import of many hashes with the same fields: the names are sent once, then only values."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import Group
from anyredis.commands.several import SomeKeys, SomeValues, all_fields, all_values
from anyredis.replies import S, boolean, integer, ok
from anyredis.wire.encode import Key


class HashImport(Group[S]):
    """The HIMPORT commands: for a session, because a connection forgets its fieldsets at its end.

    A fieldset is a list of field names under a name that only this connection knows.
    """

    @command
    def himport_prepare(self, fieldset_name: Key, *fields: SomeKeys) -> Command[bool]:
        """True once *fields* are known as *fieldset_name*, which may replace an older fieldset.

        The server refuses a field that is named twice.
        HIMPORT PREPARE fieldset_name field [field …]. Redis 8.10. O(N*log(N)).
        """
        return Command(
            (
                b"HIMPORT",
                b"PREPARE",
                fieldset_name,
                *all_fields("HIMPORT PREPARE", "fields", fields),
            ),
            ok,
        )

    @command
    def himport_set(self, key: Key, fieldset_name: Key, *values: SomeValues) -> Command[bool]:
        """True once *key* is a hash of the fields of *fieldset_name*, with *values* in their order.

        The value that was at *key* before is gone, its time to live too.
        HIMPORT SET key fieldset_name value [value …]. Redis 8.10. O(N).
        """
        return Command(
            (b"HIMPORT", b"SET", key, fieldset_name, *all_values("HIMPORT SET", "values", values)),
            ok,
        )

    @command
    def himport_discard(self, fieldset_name: Key) -> Command[bool]:
        """True if *fieldset_name* existed and was forgotten.

        HIMPORT DISCARD fieldset_name. Redis 8.10. O(N).
        """
        return Command((b"HIMPORT", b"DISCARD", fieldset_name), boolean)

    @command
    def himport_discard_all(self) -> Command[int]:
        """The number of fieldsets that were forgotten: all of them.

        HIMPORT DISCARDALL. Redis 8.10. O(N).
        """
        return Command((b"HIMPORT", b"DISCARDALL"), integer)
