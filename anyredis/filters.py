"""What `client.bf`, `cf`, `cms`, `topk` and `tdigest` give: reports, and chunks of filters.

Law: this is the public place of these names; the modules that define them may change.
"""

from __future__ import annotations

from anyredis.commands.modules.bf import BloomFilterInfo, Chunk
from anyredis.commands.modules.cf import CuckooFilterInfo
from anyredis.commands.modules.cms import CountMinSketchInfo
from anyredis.commands.modules.tdigest import TDigestInfo
from anyredis.commands.modules.topk import TopKInfo

__all__ = [
    "BloomFilterInfo",
    "Chunk",
    "CountMinSketchInfo",
    "CuckooFilterInfo",
    "TDigestInfo",
    "TopKInfo",
]
