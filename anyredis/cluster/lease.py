"""A lease that follows its command from node to node."""

from __future__ import annotations

from anyredis.pool.gate import Gate


class Lease:
    """One lease, of which there was one for *gate* already; `end` it in any case.

    Where all nodes have one limit, it stays the same wherever the command goes; where each has its
    own, one is given back before the next is asked for, so that nobody waits with full hands.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate: Gate | None = gate

    async def move(self, gate: Gate) -> None:
        """Have it count for *gate*; raises `MaxConnectionsError` or `PoolTimeoutError`."""
        if self._gate is None or self._gate.limit is not gate.limit:
            self.end()
            await gate.enter()
        self._gate = gate

    def end(self) -> None:
        """Give it back."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.leave(None)
