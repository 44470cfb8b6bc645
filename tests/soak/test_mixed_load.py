"""A few seconds of the soak; `nox -s soak` runs it for minutes."""

from __future__ import annotations

from anyredis.server import Server
from tests.contract.rotation import Rotation
from tests.soak.mixed_load import soak


async def test_a_short_soak(valkey: Server) -> None:
    """G1, G5, G10, G11: own answers, no lost lease, each increment and message once."""
    seed = Rotation.of_this_run().seed
    report = await soak(valkey, seconds=2.5, seed=seed, flat=False)
    assert report.acknowledged, f"seed {seed}: {report}"
    assert report.operations["messages"], f"seed {seed}: {report}"
    assert report.operations["entries"], f"seed {seed}: {report}"
