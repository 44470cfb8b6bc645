"""What users of `client.ft` construct: fields, queries, steps of aggregations, vectors.

Law: this is the public place of these names; the modules that define them may change.
"""

from __future__ import annotations

from anyredis.commands.cursors import CursorPage, CursorRows
from anyredis.commands.modules.aggregate_results import AggregateResult, HybridResult, Row
from anyredis.commands.modules.aggregate_steps import (
    Reducer,
    Step,
    apply,
    filter_by,
    group_by,
    limit,
    load,
    load_all,
    sort_by,
)
from anyredis.commands.modules.hybrid import Combine, VectorQuery
from anyredis.commands.modules.query import EVERYTHING, Query, all_of, any_of
from anyredis.commands.modules.query_builder import (
    fuzzy,
    geoshape,
    infix,
    knn,
    missing,
    near,
    number,
    phrase,
    prefix,
    suffix,
    tag,
    tag_prefix,
    text,
    vector_range,
    wildcard,
)
from anyredis.commands.modules.query_text import escape
from anyredis.commands.modules.search_fields import (
    GeoField,
    GeoShapeField,
    NumericField,
    SearchField,
    TagField,
    TextField,
)
from anyredis.commands.modules.search_options import Highlight, SortOrder, Summarize, asc, desc
from anyredis.commands.modules.search_profiles import Profiled
from anyredis.commands.modules.search_report import SearchIndexInfo
from anyredis.commands.modules.search_results import Document, SearchResult
from anyredis.commands.modules.search_terms import Suggestion
from anyredis.commands.modules.search_vector_fields import (
    FLAT,
    HNSW,
    SVSVamana,
    VectorAlgorithm,
    VectorField,
)
from anyredis.commands.vectors import Vector, VectorType, vector_bytes
from anyredis.exceptions import SearchQueryError

__all__ = [
    "EVERYTHING",
    "FLAT",
    "HNSW",
    "AggregateResult",
    "Combine",
    "CursorPage",
    "CursorRows",
    "Document",
    "GeoField",
    "GeoShapeField",
    "Highlight",
    "HybridResult",
    "NumericField",
    "Profiled",
    "Query",
    "Reducer",
    "Row",
    "SVSVamana",
    "SearchField",
    "SearchIndexInfo",
    "SearchQueryError",
    "SearchResult",
    "SortOrder",
    "Step",
    "Suggestion",
    "Summarize",
    "TagField",
    "TextField",
    "Vector",
    "VectorAlgorithm",
    "VectorField",
    "VectorQuery",
    "VectorType",
    "all_of",
    "any_of",
    "apply",
    "asc",
    "desc",
    "escape",
    "filter_by",
    "fuzzy",
    "geoshape",
    "group_by",
    "infix",
    "knn",
    "limit",
    "load",
    "load_all",
    "missing",
    "near",
    "number",
    "phrase",
    "prefix",
    "sort_by",
    "suffix",
    "tag",
    "tag_prefix",
    "text",
    "vector_bytes",
    "vector_range",
    "wildcard",
]
