"""A fake cluster for one case after another, and the changes that a case makes to it.

A new one takes as long as a case: therefore the changes of a case are undone instead.
"""

from __future__ import annotations

from typing import Final

from anyredis.exceptions import RedisError, TryAgainError
from anyredis.facts.lookup import facts_of
from anyredis.testing import NOTHING, Answer, FakeCluster, FakeNode, FakePeer, VirtualClock, silent
from anyredis.testing.data import Words
from anyredis.wire.slots import slot_of

PRIMARIES: Final = 3
TAGS: Final = ((b"b", b"f"), (b"c", b"g"), (b"a", b"e"))
"""For each primary two hash tags whose slots it serves: for operations, and for bystanders."""


def key_on(number: int, name: bytes = b"", *, tag: int = 0) -> bytes:
    """A key that is served by the primary of that *number*, in the slot of its hash tag."""
    return b"{%b}%b" % (TAGS[number][tag], name)


class ResettableCluster:
    """A fake cluster of three primaries, and a node without slots that no slot map contains."""

    def __init__(self, replicas: int) -> None:
        self.cluster = FakeCluster(PRIMARIES, replicas, clock=VirtualClock())
        self.primaries = self.cluster.nodes[:PRIMARIES]
        self.replicas = self.cluster.nodes[PRIMARIES:]
        self.unassigned = self.cluster.add_node()
        for key in (key_on(number, tag=tag) for number in range(PRIMARIES) for tag in (0, 1)):
            assert self.cluster.node_of(key) in self.primaries
        self.blocked: list[tuple[FakePeer, Words]] = []
        """The connections that wait for an element of a list."""
        self.asking: list[tuple[FakeNode, FakePeer]] = []
        """The nodes and connections that received ASKING."""
        self._original_owners: dict[int, FakeNode] = {}
        self._overridden: set[tuple[FakeNode, str]] = set()
        self._promoted: list[tuple[FakeNode, FakeNode]] = []
        self._views: dict[object, list[Answer]] = {}
        self._tell()

    @property
    def nodes(self) -> list[FakeNode]:
        """All nodes."""
        return self.cluster.nodes

    def _tell(self) -> None:
        """Make all nodes answer with the current slot map; cached, because it is slow to encode."""
        moved = frozenset((slot, self.cluster.node_of(slot)) for slot in self._original_owners)
        state = (moved, tuple(self._promoted))
        view = self._views.get(state)
        if view is None:
            view = self._views[state] = self.cluster.slots()
        for node in self.nodes:
            node.sees(view)

    # -- changes --------------------------------------------------------------------------------

    def move(self, key: bytes, to: FakeNode) -> None:
        """Move the slot of *key* to another node."""
        self._remember(key)
        self.cluster.move(slot_of(key), to)
        self._tell()

    def migrate(self, key: bytes, to: FakeNode) -> None:
        """Begin to move the slot of *key*: keys that do not exist yet are at the new node."""
        self._remember(key)
        self.cluster.start_migration(slot_of(key), to)

    def _remember(self, key: bytes) -> None:
        slot = slot_of(key)
        self._original_owners.setdefault(slot, self.cluster.node_of(slot))

    def fail_over(self, replica: FakeNode, *, crash: bool = True) -> None:
        """Promote *replica*; its primary crashes before that, or becomes a replica of it."""
        old = replica.primary
        assert old is not None
        self._promoted.append((old, replica))
        if crash:
            self.cluster.fail(old)
        self.cluster.promote(replica)
        self._tell()

    def retire(self, node: FakeNode) -> None:
        """Stop *node*, which has no slots any more."""
        assert not self.cluster.slots_of(node)
        self.cluster.fail(node)

    def refuse(self, number: int, name: str, error: RedisError, times: int) -> None:
        """Make a primary answer the next commands *name* with *error*."""
        node = self.primaries[number]
        self._overridden.add((node, name))
        node.server.on(name, error, times=times)

    def do_not_answer_slots(self) -> None:
        """Make all nodes leave CLUSTER SLOTS without an answer."""
        for node in self.nodes:
            self._overridden.add((node, "CLUSTER"))
            node.server.on("CLUSTER", silent)

    def answer_normally(self) -> None:
        """Make all nodes answer all commands again."""
        for node, name in self._overridden:
            node.server.off(name)
        self._overridden.clear()
        for node in self.nodes:
            for name in ("BLPOP", "ASKING"):
                node.server.off(name)
            node.server.on("BLPOP", self._blpop)
            node.server.on("ASKING", self._asking)

    def reset(self) -> None:
        """Restore the initial state, without data."""
        for old, replica in reversed(self._promoted):
            assert old.primary is replica
            self.cluster.revive(old)
            self.cluster.promote(old)
        self._promoted.clear()
        for slot, home in self._original_owners.items():
            self.cluster.move(slot, home)
        self._original_owners.clear()
        self._tell()
        for node in self.nodes:
            assert not node.server.peers, f"a client is left on {node!r}"
            self.cluster.revive(node)
            node.server.received.clear()
            node.database.clear()
            node.database.versions.clear()
            node.database.cursors.clear()
        self.blocked.clear()
        self.asking.clear()
        self.answer_normally()

    # -- events that a case waits for --------------------------------------------------------------

    def _node_of(self, peer: FakePeer) -> FakeNode:
        return next(node for node in self.nodes if peer in node.server.peers)

    def _blpop(self, peer: FakePeer, words: Words) -> Answer:
        answer = peer.run(words)
        if answer is NOTHING:
            self.blocked.append((peer, words))
        return answer

    def _asking(self, peer: FakePeer, words: Words) -> Answer:
        self.asking.append((self._node_of(peer), peer))
        return peer.run(words)

    def wake(self, element: bytes | None) -> None:
        """Push *element* for the blocked commands; None: their timeout has passed."""
        for peer, words in self.blocked:
            node = next((node for node in self.nodes if peer in node.server.peers), None)
            if node is not None:
                if element is not None:
                    node.database.store(words[1], [element])
                peer.send(None if element is None else peer.run(words))
        self.blocked.clear()

    # -- checks ------------------------------------------------------------------------------------

    def assert_asking_used(self) -> None:
        """After each ASKING its command was sent on that connection, or the connection is closed."""
        for node, peer in self.asking:
            for at, words in enumerate(peer.received):
                if words[0] != b"ASKING":
                    continue
                if at + 1 == len(peer.received):
                    assert peer not in node.server.peers, "a connection after ASKING is still open"
                else:
                    follower = peer.received[at + 1]
                    keys = facts_of(follower).key_positions(follower) or ()
                    moving = [slot_of(follower[key]) in self._original_owners for key in keys]
                    assert follower[0] == b"MULTI" or any(moving), follower


TRY_AGAIN: Final = TryAgainError("TRYAGAIN Multiple keys request during rehashing of slot")
