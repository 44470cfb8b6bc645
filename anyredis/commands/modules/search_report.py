"""The report of FT.INFO on an index, as a value.

Law: both protocols give the same value.  Names that users chose are text as the client decodes it,
words of the server are str.  An average of nothing, which the server sends as NaN, is None; so is
what an older server does not tell.  A field that is not known here is in `other`, as the server
sent it.
"""

from collections.abc import Iterator
from typing import Final, Generic, NamedTuple

from anyredis.commands.modules.report_fields import ReportFields
from anyredis.replies import (
    S,
    TextReaders,
    array,
    number,
    record,
    unexpected,
    whole,
    word,
)
from anyredis.wire.decode import Reply


class IndexDefinitionInfo(NamedTuple, Generic[S]):
    """The documents that an index has."""

    key_type: str
    """`HASH` or `JSON`."""
    prefixes: list[S]
    """What their keys begin with: an empty text for all keys."""
    filter: S | None
    default_language: str | None
    """None for English."""
    language_field: S | None
    default_score: float | None
    score_field: S | None
    payload_field: S | None
    indexes_all: bool | None
    """Whether it keeps a list of all documents (Redis 8)."""
    other: dict[str, Reply]


class VectorDescription(NamedTuple):
    """The vectors of a field."""

    algorithm: str
    """`FLAT`, `HNSW` or `SVS-VAMANA`."""
    data_type: str
    """`FLOAT32` and the like."""
    dim: int
    """The number of dimensions."""
    distance_metric: str
    """`L2`, `IP` or `COSINE`."""
    m: int | None
    """The greatest number of neighbours in the graph of `HNSW`."""
    ef_construction: int | None
    """The number of candidates when a vector is added to it."""


class FieldDescription(NamedTuple, Generic[S]):
    """A field of the schema."""

    identifier: S
    """The field of the hash, or the JSON path."""
    attribute: S
    """Its name in queries."""
    type: str
    """`TEXT`, `TAG`, `NUMERIC`, `GEO`, `GEOSHAPE` or `VECTOR`."""
    flags: frozenset[str]
    """Its options without a value, such as `SORTABLE`."""
    weight: float | None
    """The factor for scores, of a text field."""
    separator: str | None
    """What stands between the tags of a tag field."""
    coord_system: str | None
    """`SPHERICAL` or `FLAT`, of a field of shapes."""
    vector: VectorDescription | None
    other: dict[str, Reply]


class IndexErrors(NamedTuple, Generic[S]):
    """The documents that could not be indexed."""

    failures: int
    """Their number."""
    last_error: str | None
    """The text of the last failure."""
    last_key: S | None
    """The key of that document."""
    other: dict[str, Reply]


class FieldErrors(NamedTuple, Generic[S]):
    """The documents that could not be indexed because of one field."""

    identifier: S
    attribute: S
    errors: IndexErrors[S]
    other: dict[str, Reply]


class GarbageCollection(NamedTuple):
    """The work of the collector that removes what deleted documents left in an index."""

    bytes_collected: int
    total_ms_run: float
    """Milliseconds in all its runs."""
    total_cycles: int
    average_cycle_time_ms: float | None
    last_run_time_ms: float
    other: dict[str, Reply]


class CursorCounts(NamedTuple):
    """The numbers of cursors of aggregations."""

    global_idle: int
    """Those of all indexes that nobody reads from at the moment."""
    global_total: int
    index_capacity: int
    """How many the index may have at once."""
    index_total: int
    other: dict[str, Reply]


class SearchIndexInfo(NamedTuple, Generic[S]):
    """The schema, the size and the state of an index.  Sizes are in megabytes."""

    index_name: S
    index_options: list[str]
    """The options of FT.CREATE without a value, such as `NOHL`."""
    index_definition: IndexDefinitionInfo[S]
    attributes: list[FieldDescription[S]]
    num_docs: int
    """The number of documents."""
    max_doc_id: int | None
    num_terms: int | None
    """The number of different words in text fields."""
    num_records: int | None
    """The number of entries of inverted indexes."""
    inverted_sz_mb: float | None
    vector_index_sz_mb: float | None
    total_inverted_index_blocks: int | None
    offset_vectors_sz_mb: float | None
    """The positions of words."""
    doc_table_size_mb: float | None
    sortable_values_size_mb: float | None
    key_table_size_mb: float | None
    tag_overhead_sz_mb: float | None
    text_overhead_sz_mb: float | None
    total_index_memory_sz_mb: float | None
    geoshapes_sz_mb: float | None
    records_per_doc_avg: float | None
    bytes_per_record_avg: float | None
    offsets_per_term_avg: float | None
    offset_bits_per_record_avg: float | None
    hash_indexing_failures: int | None
    """The number of documents that could not be indexed."""
    total_indexing_time: float | None
    """Milliseconds spent with it."""
    indexing: bool | None
    """Whether documents that existed before the index are still being added."""
    percent_indexed: float | None
    """The share of them that has been: 1 is all."""
    number_of_uses: int | None
    cleaning: bool | None
    """Whether the index is being deleted."""
    gc_stats: GarbageCollection | None
    cursor_stats: CursorCounts | None
    stopwords_list: list[S] | None
    """The words that are not indexed; None for the server's own list."""
    dialect_stats: dict[str, int]
    """Whether queries of each dialect have been asked, by names such as `dialect_2`: 1 or 0."""
    index_errors: IndexErrors[S] | None
    field_statistics: list[FieldErrors[S]]
    other: dict[str, Reply]


# -- fields of a report -------------------------------------------------------------------------

_WITH_VALUE: Final = frozenset(("WEIGHT", "SEPARATOR", "PHONETIC", "M"))
"""The options in capitals that have a value; RESP2 tells the others as words between the pairs."""

_RENAMED: Final = {"Index Errors": "index_errors", "field statistics": "field_statistics"}


def _fields(reply: Reply) -> ReportFields:
    return ReportFields(record(reply))


def _field_pairs(reply: Reply) -> Iterator[tuple[str, Reply]]:
    """The pairs of a field of the schema; its flags are one list, as RESP3 has them."""
    if isinstance(reply, dict):
        for name, value in reply.items():
            yield word(name), value
        return
    items = iter(array(reply))
    flags: list[Reply] = []
    for item in items:
        name = word(item)
        if name.isupper() and name not in _WITH_VALUE:
            flags.append(name)
            continue
        try:
            yield name, next(items)
        except StopIteration:
            unexpected(reply, "pairs and flags")
    yield "flags", flags


class IndexReader(Generic[S]):
    """Reads the report, with the text of a client."""

    def __init__(self, read: TextReaders[S]) -> None:
        self._read = read

    def info(self, reply: Reply) -> SearchIndexInfo[S]:
        """The whole report."""
        fields = {_RENAMED.get(name, name): value for name, value in record(reply).items()}
        return self._info(ReportFields(fields))

    def _info(self, fields: ReportFields) -> SearchIndexInfo[S]:
        read, integer, number_of = self._read, fields.integer, fields.number
        return SearchIndexInfo(
            index_name=read.text(fields.raw("index_name")),
            index_options=[word(each) for each in array(fields.raw("index_options"))],
            index_definition=self._definition(fields.raw("index_definition")),
            attributes=[self._field(each) for each in array(fields.raw("attributes"))],
            num_docs=fields.needed_integer("num_docs"),
            max_doc_id=integer("max_doc_id"),
            num_terms=integer("num_terms"),
            num_records=integer("num_records"),
            inverted_sz_mb=number_of("inverted_sz_mb"),
            vector_index_sz_mb=number_of("vector_index_sz_mb"),
            total_inverted_index_blocks=integer("total_inverted_index_blocks"),
            offset_vectors_sz_mb=number_of("offset_vectors_sz_mb"),
            doc_table_size_mb=number_of("doc_table_size_mb"),
            sortable_values_size_mb=number_of("sortable_values_size_mb"),
            key_table_size_mb=number_of("key_table_size_mb"),
            tag_overhead_sz_mb=number_of("tag_overhead_sz_mb"),
            text_overhead_sz_mb=number_of("text_overhead_sz_mb"),
            total_index_memory_sz_mb=number_of("total_index_memory_sz_mb"),
            geoshapes_sz_mb=number_of("geoshapes_sz_mb"),
            records_per_doc_avg=number_of("records_per_doc_avg"),
            bytes_per_record_avg=number_of("bytes_per_record_avg"),
            offsets_per_term_avg=number_of("offsets_per_term_avg"),
            offset_bits_per_record_avg=number_of("offset_bits_per_record_avg"),
            hash_indexing_failures=integer("hash_indexing_failures"),
            total_indexing_time=number_of("total_indexing_time"),
            indexing=fields.truth("indexing"),
            percent_indexed=number_of("percent_indexed"),
            number_of_uses=integer("number_of_uses"),
            cleaning=fields.truth("cleaning"),
            gc_stats=_collection(fields.raw("gc_stats")),
            cursor_stats=_cursors(fields.raw("cursor_stats")),
            stopwords_list=read.texts_or_none(fields.raw("stopwords_list")),
            dialect_stats=_counts(fields.raw("dialect_stats")),
            index_errors=self._errors_or_none(fields.raw("index_errors")),
            field_statistics=[
                self._field_errors(each) for each in array(fields.raw("field_statistics") or [])
            ],
            other=fields.other(),
        )

    def _definition(self, reply: Reply) -> IndexDefinitionInfo[S]:
        read, fields = self._read, _fields(reply)
        return IndexDefinitionInfo(
            key_type=fields.needed_word("key_type"),
            prefixes=read.texts(fields.raw("prefixes") or []),
            filter=read.text_or_none(fields.raw("filter")),
            default_language=fields.word("default_language"),
            language_field=read.text_or_none(fields.raw("language_field")),
            default_score=fields.number("default_score"),
            score_field=read.text_or_none(fields.raw("score_field")),
            payload_field=read.text_or_none(fields.raw("payload_field")),
            indexes_all=fields.truth("indexes_all"),
            other=fields.other(),
        )

    def _field(self, reply: Reply) -> FieldDescription[S]:
        fields = ReportFields(dict(_field_pairs(reply)))
        kind = fields.needed_word("type")
        return FieldDescription(
            identifier=self._read.text(fields.raw("identifier")),
            attribute=self._read.text(fields.raw("attribute")),
            type=kind,
            flags=frozenset(word(each) for each in array(fields.raw("flags") or [])),
            weight=fields.number("WEIGHT"),
            separator=fields.word("SEPARATOR"),
            coord_system=fields.word("coord_system"),
            vector=_vector(fields) if kind == "VECTOR" else None,
            other=fields.other(),
        )

    def _field_errors(self, reply: Reply) -> FieldErrors[S]:
        fields = _fields(reply)
        return FieldErrors(
            identifier=self._read.text(fields.raw("identifier")),
            attribute=self._read.text(fields.raw("attribute")),
            errors=self._errors(fields.raw("Index Errors")),
            other=fields.other(),
        )

    def _errors_or_none(self, reply: Reply) -> IndexErrors[S] | None:
        return None if reply is None else self._errors(reply)

    def _errors(self, reply: Reply) -> IndexErrors[S]:
        fields = _fields(reply)
        failures = fields.needed_integer("indexing failures")
        text, key = fields.word("last indexing error"), fields.raw("last indexing error key")
        if not failures:  # then the server sends N/A for both
            text = key = None
        return IndexErrors(failures, text, self._read.text_or_none(key), fields.other())


def _vector(fields: ReportFields) -> VectorDescription:
    return VectorDescription(
        algorithm=fields.needed_word("algorithm"),
        data_type=fields.needed_word("data_type"),
        dim=fields.needed_integer("dim"),
        distance_metric=fields.needed_word("distance_metric"),
        m=fields.integer("M"),
        ef_construction=fields.integer("ef_construction"),
    )


def _collection(reply: Reply) -> GarbageCollection | None:
    if reply is None:
        return None
    fields = _fields(reply)
    return GarbageCollection(
        bytes_collected=fields.needed_integer("bytes_collected"),
        total_ms_run=number(fields.raw("total_ms_run")),
        total_cycles=fields.needed_integer("total_cycles"),
        average_cycle_time_ms=fields.number("average_cycle_time_ms"),
        last_run_time_ms=number(fields.raw("last_run_time_ms")),
        other=fields.other(),
    )


def _cursors(reply: Reply) -> CursorCounts | None:
    if reply is None:
        return None
    fields = _fields(reply)
    return CursorCounts(
        global_idle=fields.needed_integer("global_idle"),
        global_total=fields.needed_integer("global_total"),
        index_capacity=fields.needed_integer("index_capacity"),
        index_total=fields.needed_integer("index_total"),
        other=fields.other(),
    )


def _counts(reply: Reply) -> dict[str, int]:
    return {name: whole(value) for name, value in record(reply or []).items()}
