"""The job queue as one pastes it: a worker is killed, and no job is lost."""

from __future__ import annotations

from pathlib import Path

from anyredis.server import Server
from tests.examples.test_pasted import on_both_loops, printed
from tests.servers import ask


@on_both_loops
def test_the_job_queue(backend: str, valkey: Server, tmp_path: Path) -> None:
    """All jobs are done, by the workers that are left; none is pending."""
    assert printed("job_queue.py", backend, valkey, tmp_path) == [
        "w1 was killed; all 90 jobs are done, and none is pending"
    ]
    assert ask(valkey, "XPENDING", "jobs", "work") == [0, None, None, None]
