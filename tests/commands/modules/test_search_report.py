"""The report of FT.INFO: one value from both protocols, and nothing lost."""

from __future__ import annotations

from typing import Any

import pytest

from anyredis.commands.modules.search_report import (
    CursorCounts,
    FieldDescription,
    FieldErrors,
    GarbageCollection,
    IndexDefinitionInfo,
    IndexErrors,
    SearchIndexInfo,
    VectorDescription,
)
from anyredis.exceptions import ProtocolError
from tests.commands.modules.plans import BytesPlan, TextPlan
from tests.commands.tables import parsed, resp2, resp3

text, binary = TextPlan().ft, BytesPlan().ft

NAN = float("nan")
NO_ERRORS = {
    "indexing failures": 0,
    "last indexing error": "N/A",
    "last indexing error key": "N/A",
}
ERRORS = {
    "indexing failures": 2,
    "last indexing error": "Could not add vector",
    "last indexing error key": "d:2",
    "background indexing status": "OK",
}
ATTRIBUTES: list[dict[str, Any]] = [
    {"identifier": "t", "attribute": "title", "type": "TEXT", "WEIGHT": 2.0, "flags": ["SORTABLE", "UNF", "NOSTEM"]},
    {"identifier": "g", "attribute": "g", "type": "TAG", "SEPARATOR": ";", "flags": ["CASESENSITIVE"]},
    {"identifier": "n", "attribute": "n", "type": "NUMERIC", "flags": []},
    {"identifier": "s", "attribute": "s", "type": "GEOSHAPE", "coord_system": "FLAT", "flags": []},
    {
        "identifier": "v",
        "attribute": "v",
        "type": "VECTOR",
        "algorithm": "HNSW",
        "data_type": "FLOAT32",
        "dim": 3,
        "distance_metric": "COSINE",
        "M": 16,
        "ef_construction": 200,
        "later": 7,
        "flags": ["INDEXMISSING"],
    },
]  # fmt: skip
REPORT: dict[str, Any] = {
    "index_name": "i",
    "index_options": ["NOHL"],
    "index_definition": {
        "key_type": "HASH",
        "prefixes": ["d:"],
        "filter": "@n>0",
        "default_language": "german",
        "language_field": "l",
        "default_score": 0.5,
        "score_field": "s",
        "payload_field": "p",
        "indexes_all": "false",
        "soon": 1,
    },
    "attributes": ATTRIBUTES,
    "num_docs": 2,
    "max_doc_id": 3,
    "num_terms": 4,
    "num_records": 5,
    "inverted_sz_mb": 0.5,
    "vector_index_sz_mb": 0.25,
    "total_inverted_index_blocks": 6,
    "offset_vectors_sz_mb": 0.125,
    "doc_table_size_mb": 1.5,
    "sortable_values_size_mb": 2.5,
    "key_table_size_mb": 3.5,
    "tag_overhead_sz_mb": 4.5,
    "text_overhead_sz_mb": 5.5,
    "total_index_memory_sz_mb": 6.5,
    "geoshapes_sz_mb": 7.5,
    "records_per_doc_avg": NAN,
    "bytes_per_record_avg": 8.5,
    "offsets_per_term_avg": 9.5,
    "offset_bits_per_record_avg": 10.5,
    "hash_indexing_failures": 2,
    "total_indexing_time": 11.5,
    "indexing": 1,
    "percent_indexed": 0.75,
    "number_of_uses": 7,
    "cleaning": 0,
    "gc_stats": {
        "bytes_collected": 10.0,
        "total_ms_run": 2.5,
        "total_cycles": 0.0,
        "average_cycle_time_ms": NAN,
        "last_run_time_ms": 1.5,
        "gc_blocks_denied": 7,
    },
    "cursor_stats": {"global_idle": 1, "global_total": 2, "index_capacity": 128, "index_total": 3},
    "stopwords_list": ["the"],
    "dialect_stats": {"dialect_1": 0, "dialect_2": 1},
    "Index Errors": ERRORS,
    "field statistics": [{"identifier": "t", "attribute": "title", "Index Errors": NO_ERRORS}],
    "news": ["x", 1],
}

NO_MORE = (None, None, None)
VALUE = SearchIndexInfo(
    index_name="i",
    index_options=["NOHL"],
    index_definition=IndexDefinitionInfo(
        "HASH", ["d:"], "@n>0", "german", "l", 0.5, "s", "p", False, {"soon": 1}
    ),
    attributes=[
        FieldDescription("t", "title", "TEXT", frozenset(("SORTABLE", "UNF", "NOSTEM")), 2.0, *NO_MORE, {}),
        FieldDescription("g", "g", "TAG", frozenset(("CASESENSITIVE",)), None, ";", None, None, {}),
        FieldDescription("n", "n", "NUMERIC", frozenset(), None, None, None, None, {}),
        FieldDescription("s", "s", "GEOSHAPE", frozenset(), None, None, "FLAT", None, {}),
        FieldDescription(
            *("v", "v", "VECTOR", frozenset(("INDEXMISSING",)), *NO_MORE),
            VectorDescription("HNSW", "FLOAT32", 3, "COSINE", 16, 200),
            {"later": 7},
        ),
    ],
    num_docs=2,
    max_doc_id=3,
    num_terms=4,
    num_records=5,
    inverted_sz_mb=0.5,
    vector_index_sz_mb=0.25,
    total_inverted_index_blocks=6,
    offset_vectors_sz_mb=0.125,
    doc_table_size_mb=1.5,
    sortable_values_size_mb=2.5,
    key_table_size_mb=3.5,
    tag_overhead_sz_mb=4.5,
    text_overhead_sz_mb=5.5,
    total_index_memory_sz_mb=6.5,
    geoshapes_sz_mb=7.5,
    records_per_doc_avg=None,
    bytes_per_record_avg=8.5,
    offsets_per_term_avg=9.5,
    offset_bits_per_record_avg=10.5,
    hash_indexing_failures=2,
    total_indexing_time=11.5,
    indexing=True,
    percent_indexed=0.75,
    number_of_uses=7,
    cleaning=False,
    gc_stats=GarbageCollection(10, 2.5, 0, None, 1.5, {"gc_blocks_denied": 7}),
    cursor_stats=CursorCounts(1, 2, 128, 3, {}),
    stopwords_list=["the"],
    dialect_stats={"dialect_1": 0, "dialect_2": 1},
    index_errors=IndexErrors(
        2, "Could not add vector", "d:2", {"background indexing status": "OK"}
    ),
    field_statistics=[FieldErrors("t", "title", IndexErrors(0, None, None, {}), {})],
    other={"news": ["x", 1]},
)  # fmt: skip


def as_resp2(report: dict[str, Any]) -> bytes:
    """The report in RESP2: a field of the schema has its flags as words between and after pairs."""

    def flat(field: dict[str, Any]) -> list[Any]:
        pairs = [word for name, value in field.items() if name != "flags" for word in (name, value)]
        return [*pairs, *field["flags"]]

    return resp2({**report, "attributes": [flat(each) for each in report["attributes"]]})


def as_resp3(report: dict[str, Any]) -> bytes:
    """The report in RESP3."""
    return resp3(report)


BOTH = pytest.mark.parametrize("write", [as_resp2, as_resp3])


@BOTH
def test_all_fields(write: Any) -> None:
    """Each field of the server is one of the value, and both protocols give the same."""
    assert parsed(text.info("i"), write(REPORT)) == VALUE


@BOTH
def test_the_least_report(write: Any) -> None:
    """What an older server leaves out is None, or empty."""
    needed = ("index_name", "index_options", "index_definition", "attributes", "num_docs")
    least = {name: REPORT[name] for name in needed} | {"index_definition": {"key_type": "JSON"}}
    value = parsed(text.info("i"), write(least))
    assert (value.num_docs, value.attributes) == (2, VALUE.attributes)
    assert value.index_definition == IndexDefinitionInfo(
        "JSON", [], None, None, None, None, None, None, None, {}
    )
    empty = (value.field_statistics, value.dialect_stats, value.other)
    assert empty == ([], {}, {})
    rest = set(value._asdict()) - {*needed, "field_statistics", "dialect_stats", "other"}
    assert [name for name in rest if getattr(value, name) is not None] == []


@BOTH
def test_names_that_are_not_decoded(write: Any) -> None:
    """Names that users chose are bytes on a client that does not decode; words of the server, str."""
    value = parsed(binary.info("i"), write(REPORT), None)
    assert value.index_name == b"i"
    assert value.index_options == ["NOHL"]
    assert value.index_definition[:4] == ("HASH", [b"d:"], b"@n>0", "german")
    assert value.attributes[0][:3] == (b"t", b"title", "TEXT")
    assert value.attributes[0].flags == {"SORTABLE", "UNF", "NOSTEM"}
    assert value.attributes[1].separator == ";"
    assert value.stopwords_list == [b"the"]
    assert value.index_errors is not None
    assert value.index_errors[1:3] == ("Could not add vector", b"d:2")
    assert value.other == {"news": ["x", 1]}


ODD: list[dict[str, Any]] = [
    {"index_name": 1},
    {"index_options": "NOHL"},
    {"index_definition": {"prefixes": []}},
    {"num_docs": "many"},
    {"num_docs": None},
    {"indexing": 2},
    {"inverted_sz_mb": "much"},
    {"gc_stats": {"bytes_collected": 1}},
    {"cursor_stats": {"global_idle": 1}},
    {"dialect_stats": {"dialect_1": "x"}},
    {"Index Errors": {}},
    {"field statistics": [{"identifier": "t"}]},
    {"attributes": [{"identifier": "t", "attribute": "t", "flags": []}]},
    {"attributes": [{"identifier": "t", "attribute": "t", "type": "VECTOR", "flags": []}]},
]


@BOTH
@pytest.mark.parametrize("field", ODD, ids=str)
def test_replies_of_no_known_shape(field: dict[str, Any], write: Any) -> None:
    """A field that is not what it should be is a `ProtocolError`, never a guess."""
    with pytest.raises(ProtocolError, match="the server answered"):
        parsed(text.info("i"), write(REPORT | field))


def test_a_name_without_a_value() -> None:
    """In RESP2 a field of the schema ends in flags, not in the name of a pair."""
    report = REPORT | {"attributes": [["identifier", "t", "attribute"]]}
    with pytest.raises(ProtocolError, match="pairs and flags"):
        parsed(text.info("i"), resp2(report))
