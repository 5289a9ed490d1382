"""Does a table with a vector index find what an exact scan finds, and find the same after it was indexed anew?

25,000 texts with made-up vectors of 384 numbers, in clusters as embeddings are; the store builds its index as ever.
"""

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from lancedb.index import IvfSq

from probatum.recall import recall_at_10
from probatum.store import Store, texts_schema
from probatum.tables import open_table

ROWS, WIDTH, QUESTIONS, ASKED_AGAIN = 25_000, 384, 2_000, 200
NAME, SCHEMA = "made-up-texts", texts_schema(WIDTH, "e" * 64)


def clustered(count: int, seed: int) -> np.ndarray:
    """Unit vectors around the same 500 centres, whatever the seed."""
    centres = np.random.default_rng(1).normal(size=(500, WIDTH))
    random = np.random.default_rng(seed)
    vectors = centres[random.integers(500, size=count)] + random.normal(size=(count, WIDTH)) * 0.7
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(folder, version, ids, vectors)"""
    folder, vectors = tmp_path_factory.mktemp("nearest"), clustered(ROWS, 2)
    ids = [f"t{n:05d}" for n in range(ROWS)]
    kinds = {pa.string(): "x", pa.int64(): 1, pa.float64(): 0.0, pa.bool_(): True}
    columns = {f.name: pa.array([kinds[f.type]] * ROWS, f.type) for f in SCHEMA if f.name != "vector"}
    rows = pa.table(columns | {"id": pa.array(ids, pa.string())})
    done = Store(folder).update(NAME, rows, schema=SCHEMA, vectors=lambda wanted: vectors[list(wanted)])
    return folder, done.version, ids, vectors


def test_the_index_finds_what_an_exact_scan_finds(written):
    """P20: recall@10 of at least .99 on two thousand questions."""
    folder, version, ids, vectors = written
    table = open_table(folder, NAME, version)
    assert table.has_vector_index
    assert recall_at_10(table, ids, vectors, clustered(QUESTIONS, 3)) >= 0.99


def test_indexing_anew_changes_no_first_three(written):
    """P20: another training of the index, the same answers."""
    folder, version, ids, vectors = written
    asked = clustered(ASKED_AGAIN, 4)

    def first_three(which: int) -> list[list[str]]:
        table = open_table(folder, NAME, which)
        return [[row["id"] for row in table.nearest(question, 3)] for question in asked]

    before = first_three(version)
    again = lancedb.connect(folder).open_table(NAME)
    again.create_index("vector", config=IvfSq(distance_type="cosine", num_partitions=31), replace=True)
    assert again.version > version
    assert first_three(again.version) == before
    assert before == [[ids[n] for n in np.argsort(-(vectors @ question), kind="stable")[:3]] for question in asked]
