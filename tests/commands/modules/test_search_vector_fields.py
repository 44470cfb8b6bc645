"""Fields of vectors: algorithms to words, vectors to bytes, mistakes to errors."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from anyredis.commands.modules.search_vector_fields import (
    FLAT,
    HNSW,
    SVSVamana,
    VectorAlgorithm,
    VectorField,
)
from anyredis.exceptions import DataTypeError, DataValueError
from tests.commands.modules.test_search_fields import words
from tests.commands.tables import unchecked

WORDS: list[tuple[str, VectorAlgorithm]] = [
    ("FLAT 6 TYPE FLOAT32 DIM 3 DISTANCE_METRIC L2", FLAT(dim=3, distance_metric="L2")),
    (
        "FLAT 10 TYPE FLOAT64 DIM 3 DISTANCE_METRIC IP INITIAL_CAP 0 BLOCK_SIZE 8",
        FLAT(dim=3, distance_metric="IP", type="FLOAT64", initial_cap=0, block_size=8),
    ),
    ("HNSW 6 TYPE INT8 DIM 1 DISTANCE_METRIC COSINE", HNSW(dim=1, distance_metric="COSINE", type="INT8")),
    (
        ("HNSW 16 TYPE BFLOAT16 DIM 3 DISTANCE_METRIC COSINE INITIAL_CAP 5 M 4 EF_CONSTRUCTION 9 "
        "EF_RUNTIME 7 EPSILON 0.5"),
        HNSW(
            dim=3,
            distance_metric="COSINE",
            type="BFLOAT16",
            initial_cap=5,
            m=4,
            ef_construction=9,
            ef_runtime=7,
            epsilon=0.5,
        ),
    ),
    ("SVS-VAMANA 6 TYPE FLOAT16 DIM 3 DISTANCE_METRIC L2", SVSVamana(dim=3, distance_metric="L2", type="FLOAT16")),
    (
        ("SVS-VAMANA 20 TYPE FLOAT32 DIM 8 DISTANCE_METRIC L2 COMPRESSION LeanVec4x8 "
        "CONSTRUCTION_WINDOW_SIZE 1 GRAPH_MAX_DEGREE 2 SEARCH_WINDOW_SIZE 3 EPSILON 0.25 "
        "TRAINING_THRESHOLD 2048 REDUCE 4"),
        SVSVamana(
            dim=8,
            distance_metric="L2",
            compression="LeanVec4x8",
            construction_window_size=1,
            graph_max_degree=2,
            search_window_size=3,
            epsilon=0.25,
            training_threshold=2048,
            reduce=4,
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "algorithm"), WORDS)
def test_words(sent: str, algorithm: VectorAlgorithm) -> None:
    """The attributes are counted, and only those that are given are sent."""
    assert words(VectorField("v", algorithm)) == f"v VECTOR {sent}"
    renamed = VectorField("$.v", algorithm, as_name="v", indexmissing=True)
    assert words(renamed) == f"$.v AS v VECTOR {sent} INDEXMISSING"


def test_a_field_of_vectors_is_a_value() -> None:
    """It shows its algorithm, whose words are in capitals whatever was written."""
    lower_case: Any = {"distance_metric": "cosine", "type": "float32"}
    field = VectorField("v", HNSW(dim=3, m=8, **lower_case))
    assert field == VectorField("v", HNSW(dim=3, distance_metric="COSINE", m=8))
    shown = "HNSW(dim=3, distance_metric='COSINE', type='FLOAT32', m=8)"
    assert repr(field) == f"VectorField('v', {shown})"
    renamed = VectorField("v", field.algorithm, as_name="w", indexmissing=True)
    assert repr(renamed) == f"VectorField('v', {shown}, as_name='w', indexmissing=True)"
    assert field != renamed
    with pytest.raises(AttributeError, match="does not change"):
        field.algorithm.dim = 4  # type: ignore[misc]


def test_packing() -> None:
    """A vector becomes the bytes of the index's type; one of other dimensions is refused."""
    field = VectorField("v", FLAT(dim=2, distance_metric="L2"))
    data = struct.pack("<2f", 1, 2)
    assert field.pack([1, 2]) == field.pack(np.array([1.0, 2.0])) == field.pack(data) == data
    half = VectorField("v", FLAT(dim=2, distance_metric="L2", type="FLOAT16"))
    assert half.pack([1, 2]) == struct.pack("<2e", 1, 2)
    with pytest.raises(DataValueError, match=r"a vector for 'v' has 3 dimensions .*: give 2"):
        field.pack([1, 2, 3])
    with pytest.raises(DataValueError, match=r"a vector for 'w' has 1 dimensions .*: give 2"):
        VectorField("v", field.algorithm, as_name="w").pack(data[:4])


MISTAKES: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (DataValueError, "HNSW: dim is 0: give 1", lambda: HNSW(dim=0, distance_metric="L2")),
    (DataTypeError, "FLAT: dim is 2.0", lambda: unchecked(FLAT)(dim=2.0, distance_metric="L2")),
    (
        DataValueError,
        "HNSW: distance_metric is 'EUCLID': give L2 or IP or COSINE",
        lambda: unchecked(HNSW)(dim=2, distance_metric="EUCLID"),
    ),
    (
        DataValueError,
        "FLAT: type is 'float': give FLOAT32 or FLOAT64",
        lambda: unchecked(FLAT)(dim=2, distance_metric="L2", type="float"),
    ),
    (
        DataValueError,
        "SVSVamana: type is 'INT8': give FLOAT32 or FLOAT16",
        lambda: unchecked(SVSVamana)(dim=2, distance_metric="L2", type="INT8"),
    ),
    (DataValueError, "HNSW: m is 0", lambda: HNSW(dim=2, distance_metric="L2", m=0)),
    (DataValueError, "HNSW: ef_runtime is 0", lambda: HNSW(dim=2, distance_metric="L2", ef_runtime=0)),
    (DataValueError, "FLAT: block_size is 0", lambda: FLAT(dim=2, distance_metric="L2", block_size=0)),
    (DataValueError, "HNSW: epsilon is -1", lambda: HNSW(dim=2, distance_metric="L2", epsilon=-1)),
    (
        DataTypeError,
        "HNSW: epsilon is '1'",
        lambda: unchecked(HNSW)(dim=2, distance_metric="L2", epsilon="1"),
    ),
    (
        DataValueError,
        "compression is 'LVQ9': give LVQ8 or",
        lambda: unchecked(SVSVamana)(dim=2, distance_metric="L2", compression="LVQ9"),
    ),
    (
        DataValueError,
        "training_threshold is about compression",
        lambda: SVSVamana(dim=2, distance_metric="L2", training_threshold=5000),
    ),
    (
        DataValueError,
        "reduce is for LeanVec4x8 and LeanVec8x8 alone",
        lambda: SVSVamana(dim=8, distance_metric="L2", compression="LVQ8", reduce=4),
    ),
    (
        DataValueError,
        "reduce is 8: give less than dim, which is 8",
        lambda: SVSVamana(dim=8, distance_metric="L2", compression="LeanVec8x8", reduce=8),
    ),
    (DataTypeError, "algorithm is 'HNSW': give HNSW(dim=…", lambda: unchecked(VectorField)("v", "HNSW")),
    (
        DataTypeError,
        "write VectorField(name, HNSW(dim=..., distance_metric=...))",
        lambda: unchecked(VectorField)("v", "HNSW", {"TYPE": "FLOAT32"}),
    ),
    (DataTypeError, "is missing the argument 'distance_metric'", lambda: unchecked(HNSW)(dim=3)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "message", "make"), MISTAKES)
def test_mistakes(error: type[Exception], message: str, make: Callable[[], object]) -> None:
    """A bad attribute is refused when the algorithm is made, and the message names it."""
    with pytest.raises(error) as refused:
        make()
    assert message in str(refused.value)
