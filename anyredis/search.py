"""What users of `client.ft` construct: the fields of a schema, and vectors as bytes.

Law: this is the public place of these names; the modules that define them may change.
"""

from __future__ import annotations

from anyredis.commands.modules.search_fields import (
    GeoField,
    GeoShapeField,
    NumericField,
    SearchField,
    TagField,
    TextField,
)
from anyredis.commands.modules.search_report import SearchIndexInfo
from anyredis.commands.modules.search_terms import Suggestion
from anyredis.commands.modules.search_vector_fields import (
    FLAT,
    HNSW,
    SVSVamana,
    VectorAlgorithm,
    VectorField,
)
from anyredis.commands.vectors import Vector, VectorType, vector_bytes

__all__ = [
    "FLAT",
    "HNSW",
    "GeoField",
    "GeoShapeField",
    "NumericField",
    "SVSVamana",
    "SearchField",
    "SearchIndexInfo",
    "Suggestion",
    "TagField",
    "TextField",
    "Vector",
    "VectorAlgorithm",
    "VectorField",
    "VectorType",
    "vector_bytes",
]
