"""One wait for the replies to several requests, on several connections.

Law: the task is woken once, by the last reply.  Its cancellation is that of all these requests at
once, so that none that is unsent then is written (G2).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from anyredis.waiter import Waiter
from anyredis.wire.decode import Reply
from anyredis.wire.request import Request


async def wait_for_all(waiter: Waiter, requests: Iterable[Request]) -> None:
    """Wait on *waiter*, which is new, until all *requests* have their answers.

    It has to be called in the step in which they were enqueued, and gives them new waiters; to
    await one of these afterwards takes no time.
    """
    joint = _JointWaiter(waiter)
    for request in requests:
        if not request.waiter.done():  # one on a closed connection is
            request.waiter = _ShareOfWaiter(joint)
            joint.missing += 1
    if joint.missing:
        await waiter


class _JointWaiter:
    """The *waiter* of the task, and the number of replies that are *missing*."""

    def __init__(self, waiter: Waiter) -> None:
        self.waiter = waiter
        self.missing = 0

    def count_reply(self) -> None:
        """Wake the task if that was the last reply."""
        self.missing -= 1
        if not self.missing and not self.waiter.done():
            self.waiter.set_result(None)


class _ShareOfWaiter:
    """The waiter of one request."""

    def __init__(self, joint: _JointWaiter) -> None:
        self._joint = joint
        self._answered = False
        self._reply: Reply = None

    def done(self) -> bool:
        """Whether it has its answer, or the task was cancelled."""
        return self._answered or self._joint.waiter.cancelled()

    def cancelled(self) -> bool:
        """Whether the task was cancelled before the answer came."""
        return not self._answered and self._joint.waiter.cancelled()

    def set_result(self, result: Reply, /) -> None:
        """Keep the answer."""
        self._answered, self._reply = True, result
        self._joint.count_reply()

    def __await__(self) -> Generator[None, None, Reply]:
        """The answer, which has to be there."""
        if not self._answered:
            raise RuntimeError("the joint waiter has to be awaited first")
        return self._reply
        yield
