"""A lease that follows its command from node to node."""

from __future__ import annotations

from anyredis.pool.endpoint import Endpoint


class Lease:
    """One lease, of which there was one for *endpoint* already; `end` it in any case.

    Where all nodes have one limit, it stays the same wherever the command goes; where each has its
    own, one is given back before the next is asked for, so that nobody waits with full hands.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint: Endpoint | None = endpoint

    async def move(self, endpoint: Endpoint) -> None:
        """Have it count for *endpoint*; raises `MaxConnectionsError` or `PoolTimeoutError`."""
        if self._endpoint is None or self._endpoint.limit is not endpoint.limit:
            self.end()
            await endpoint.enter()
        self._endpoint = endpoint

    def end(self) -> None:
        """Give it back."""
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.leave(None)
