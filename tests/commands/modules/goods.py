"""Three hashes and their index, which tests of queries share."""

from __future__ import annotations

from array import array

import pytest

from anyredis.server import Server
from tests.servers import ask

protocols = pytest.mark.parametrize("protocol", [2, 3])

SCHEMA = (
    *("title", "TEXT", "WITHSUFFIXTRIE", "kind", "TAG", "price", "NUMERIC", "SORTABLE"),
    *("place", "GEO", "area", "GEOSHAPE", "FLAT", "note", "TEXT", "INDEXMISSING"),
    *("v", "VECTOR", "HNSW", 6, "TYPE", "FLOAT32", "DIM", 2, "DISTANCE_METRIC", "L2"),
)
GOODS: dict[str, dict[str, str | bytes]] = {
    "g:1": {"title": "red desk lamp", "kind": "lamp,red", "price": "10", "place": "13.4,52.5",
            "area": "POLYGON((1 1, 1 3, 3 3, 3 1, 1 1))", "v": array("f", [0, 1]).tobytes(),
            "pay": "first"},
    "g:2": {"title": "blue floor lamp", "kind": "lamp", "price": "20.5", "place": "2.3,48.8",
            "v": array("f", [1, 1]).tobytes(), "note": "the best"},
    "g:3": {"title": "red table", "kind": "table", "price": "99", "v": array("f", [-9, 9]).tobytes()},
}  # fmt: skip


def fill(server: Server) -> None:
    """Three hashes and their index, without the client under test."""
    prefix_words = ("ON", "HASH", "PREFIX", 1, "g:", "PAYLOAD_FIELD", "pay", "SCHEMA")
    ask(server, "FT.CREATE", "goods", *prefix_words, *SCHEMA)
    for key, fields in GOODS.items():
        ask(server, "HSET", key, *(word for pair in fields.items() for word in pair))
