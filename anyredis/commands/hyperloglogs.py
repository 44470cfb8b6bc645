"""HyperLogLogs: estimates of the number of different elements, in 12 KiB and with 0.81 % error."""

from __future__ import annotations

from anyredis.command import Command, command
from anyredis.commands.group import Group
from anyredis.commands.several import SomeKeys, SomeValues, all_keys, optional_values
from anyredis.replies import S, boolean, integer, ok
from anyredis.wire.encode import Key


class HyperLogLogs(Group[S]):
    """The commands on HyperLogLogs."""

    @command
    def pfadd(self, key: Key, *elements: SomeValues) -> Command[bool]:
        """True if *elements* changed the estimate, or *key* was made.

        Without *elements* it makes an empty HyperLogLog, if *key* is missing.
        PFADD key [element …]. Server 2.8.9. O(1) to add every element.
        """
        return Command((b"PFADD", key, *optional_values("PFADD", "elements", elements)), boolean)

    @command
    def pfcount(self, *keys: SomeKeys) -> Command[int]:
        """About how many different elements were added to all of *keys* together.

        With one key the servers cache the result in it.
        PFCOUNT key [key …].
        Server 2.8.9. O(1) with a very small average constant time when called with a single key.
        """
        return Command((b"PFCOUNT", *all_keys("PFCOUNT", "keys", keys)), integer)

    @command
    def pfmerge(self, destkey: Key, *sourcekeys: SomeKeys) -> Command[bool]:
        """True once *destkey* also counts the elements of *sourcekeys*.

        Without *sourcekeys* it makes an empty HyperLogLog, if *destkey* is missing.
        PFMERGE destkey [sourcekey …]. Server 2.8.9. O(N) to merge N HyperLogLogs.
        """
        sources = all_keys("PFMERGE", "sourcekeys", sourcekeys) if sourcekeys else ()
        return Command((b"PFMERGE", destkey, *sources), ok)
