"""Does a table end with exactly the rows it should have, in one step, and is anything unfit kept out of it?"""

from dataclasses import replace

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from small_home import drugs, protocols, write

from probatum.errors import Rejected
from probatum.release import Releases
from probatum.seams import fault_at, recorded
from probatum.store import DOCUMENTS, Store, texts_schema
from probatum.tables import ENCODER_KEY, open_table

WIDTH = 4
SCHEMA = texts_schema(WIDTH, "e" * 64)
DOCUMENT_COLUMNS = DOCUMENTS.names


def document_rows(content):
    """A table of documents from {id: hash}."""
    rows = [{name: "x" for name in DOCUMENT_COLUMNS} | {"id": i, "hash": h} for i, h in content.items()]
    return pa.Table.from_pylist(rows, schema=DOCUMENTS)


def text_rows(ids):
    fields = [field for field in SCHEMA if field.name != "vector"]
    empty = {pa.string(): "x", pa.int64(): 1, pa.float64(): 0.0, pa.bool_(): True}
    row = {field.name: empty[field.type] for field in fields}
    return pa.Table.from_pylist([row | {"id": i} for i in ids], schema=pa.schema(fields))


def unit(count, width=WIDTH):
    vectors = np.zeros((count, width), np.float32)
    vectors[:, 0] = 1
    return vectors


def update(store, content):
    return store.update("documents", document_rows(content), schema=DOCUMENTS)


def ids_of(home, written):
    table = open_table(home / "lance", written.table, written.version)
    return {row["id"]: row["hash"] for row in table.read(["id", "hash"]).to_pylist()}


def versions(home, name):
    return [v["version"] for v in lancedb.connect(home / "lance").open_table(name).list_versions()]


@pytest.mark.parametrize("before", [{}, {"a": "1", "c": "1"}])
def test_an_id_that_is_there_twice_is_refused_before_anything_is_written(small_home, before):
    """P16: with the id, and whether the table is new or not, leaving it as it was."""
    store = Store(small_home / "lance")
    if before:
        update(store, before)
    were = versions(small_home, "documents") if before else []
    twice = pa.concat_tables([document_rows({"a": "2", "b": "1"}), document_rows({"b": "2"})])
    with pytest.raises(Rejected, match="1 ids twice, first b"), recorded() as passed:
        store.update("documents", twice, schema=DOCUMENTS)
    assert passed == [] and (versions(small_home, "documents") if before else store.names()) == were


BAD = {
    "inf": np.inf,
    "minus inf": -np.inf,
    "NaN": np.nan,
    "too long": 1.01,
    "too short": 0.99,
    "zero": 0.0,
    "huge": 3e38,
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("fresh", [True, False], ids=["new table", "old table"])
def test_a_vector_that_is_not_finite_and_of_length_one_is_refused_by_its_row(small_home, bad, fresh):
    """P17: the row is named and nothing is written."""
    store = Store(small_home / "lance")
    if not fresh:
        store.update("texts", text_rows(["z"]), schema=SCHEMA, vectors=lambda wanted: unit(len(wanted)))
    before = store.names(), versions(small_home, "texts") if not fresh else []

    def vectors(wanted):
        made = unit(len(wanted))
        made[1, 0] = bad
        return made

    with pytest.raises(Rejected, match="first that of chunk-b"):
        store.update("texts", text_rows(["chunk-a", "chunk-b", "z"]), schema=SCHEMA, vectors=vectors)
    assert (store.names(), versions(small_home, "texts") if not fresh else []) == before


@pytest.mark.parametrize(
    "wrong",
    [
        lambda n: unit(n).astype(np.float64),
        lambda n: unit(n).astype(np.float16),
        lambda n: unit(n, WIDTH + 1),
        lambda n: unit(n, WIDTH - 1),
        lambda n: unit(n + 1),
        lambda n: unit(n - 1),
        lambda n: unit(n).reshape(-1),
    ],
)
def test_vectors_of_another_type_width_or_number_are_refused(small_home, wrong):
    """P17: seen and expected are in the message."""
    store = Store(small_home / "lance")
    with pytest.raises(Rejected, match=r"expected float32 \(3, 4\)"):
        store.update("texts", text_rows("abc"), schema=SCHEMA, vectors=lambda wanted: wrong(len(wanted)))
    assert store.names() == []


def test_only_new_and_changed_rows_are_handed_to_the_encoder(small_home):
    store = Store(small_home / "lance")
    asked = []

    def vectors(wanted):
        asked.append(list(wanted))
        return unit(len(wanted))

    rows = text_rows("abcd")
    store.update("texts", rows, schema=SCHEMA, vectors=vectors)
    hashes = pa.array(["x", "y", "x", "x"])
    changed = rows.set_column(1, rows.schema.field("hash"), hashes).slice(0, 3)
    written = store.update("texts", pa.concat_tables([text_rows("e"), changed]), schema=SCHEMA, vectors=vectors)
    assert asked == [[0, 1, 2, 3], [0, 2]]  # e is new, b is changed
    assert (written.added, written.changed, written.removed, written.rows) == (1, 1, 1, 4)


def test_an_update_of_documents_encodes_only_what_they_say_anew(small_home, encoder):
    """Through the whole of `write_source`: one drug has another brand, and one text goes to the encoder."""
    documents = drugs()[:4]
    write(small_home, encoder, "formulary", documents)
    text = documents[1].text.replace("Amoxil", "Trimox")
    documents[1] = replace(documents[1], text=text)
    encoder.asked.clear()
    write(small_home, encoder, "formulary", documents)
    assert encoder.asked == ["Trimox 250 mg/5 mL suspension"]


@pytest.mark.parametrize(
    "after",
    [
        {"a": "2", "b": "1", "d": "1"},
        {"a": "1"},
        {"x": "1"},
        {"a": "1", "b": "1", "c": "1", "d": "1"},
        {i: "1" for i in "cba"} | {"a": "9"},
    ],
)
def test_a_difference_is_one_commit_and_leaves_exactly_the_wanted_rows(small_home, after):
    """Added, changed and removed together: no version of the table ever holds a part of it."""
    store = Store(small_home / "lance")
    first = update(store, {"a": "1", "b": "1", "c": "1"})
    with fault_at("after-write-documents", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        update(store, after)
    assert versions(small_home, "documents")[-1] == first.version + 1
    written = update(store, after)
    assert ids_of(small_home, written) == after
    assert ids_of(small_home, first) == {"a": "1", "b": "1", "c": "1"}
    for version in range(first.version + 1, written.version + 1):
        assert ids_of(small_home, replace(written, version=version)) == after


def test_an_update_that_changes_nothing_makes_no_version(small_home):
    """P12: and hands nothing to the encoder, whatever the order of the rows."""
    store = Store(small_home / "lance")
    asked = []
    vectors = lambda wanted: asked.append(len(wanted)) or unit(len(wanted))  # noqa: E731
    one = store.update("texts", text_rows("abc"), schema=SCHEMA, vectors=vectors)
    were = versions(small_home, "texts")
    again = store.update("texts", text_rows("cab"), schema=SCHEMA, vectors=vectors)
    assert versions(small_home, "texts") == were and asked == [3]
    assert (again.version, again.digest, again.added, again.changed, again.removed) == (
        one.version, one.digest, 0, 0, 0,
    )  # fmt: skip


def test_no_row_of_a_written_table_is_outside_its_indices(small_home, encoder):
    """After the first write, after additions, and after a write that died before it indexed."""
    for documents in (protocols()[:5], protocols()[:9], protocols()[2:16]):
        state = write(small_home, encoder, "guidelines", documents)
        for table in (state.documents, state.texts):
            unindexed = open_table(small_home / "lance", table.name, table.version).unindexed_rows()
            assert unindexed and not any(unindexed.values()), unindexed
    name = "after-write-guidelines-documents"
    with fault_at(name, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        write(small_home, encoder, "guidelines", protocols()[:3])
    state = write(small_home, encoder, "guidelines", protocols()[:3])
    unindexed = open_table(small_home / "lance", state.documents.name, state.documents.version).unindexed_rows()
    assert len(unindexed) == 3 and not any(unindexed.values())


def test_removed_documents_are_in_neither_table_nor_found_by_any_index(small_home, encoder):
    """P8: by id, by words and by vector, what was taken away is not there."""
    write(small_home, encoder, "guidelines", protocols())
    state = write(small_home, encoder, "guidelines", protocols()[1:])
    documents = open_table(small_home / "lance", state.documents.name, state.documents.version)
    texts = open_table(small_home / "lance", state.texts.name, state.texts.version)
    gone = protocols()[0]
    assert documents.where("id", [gone.id]) == [] and texts.where("document_id", [gone.id]) == []
    found = texts.matching(gone.title, 100) + texts.nearest(encoder.encode_query(gone.title), 100)
    assert found and gone.id not in {row["document_id"] for row in found}
    assert documents.count() == state.documents.rows == 15


def test_an_update_after_a_refused_candidate_ends_where_it_would_have_without_it(published):
    """The refused rows are still in the newest version; the next refresh takes only the difference to them."""
    home, encoder = published.home, published.encoder
    serving = Releases(home).current().sources["formulary"]
    refused = drugs()[5:]
    refused[0] = replace(refused[0], title="Nonsense")
    assert write(home, encoder, "formulary", refused, serving=serving).documents.digest != serving.documents.digest
    again = write(home, encoder, "formulary", drugs(), serving=serving)
    assert (again.documents, again.texts) == (serving.documents, serving.texts)
    wanted = drugs()[1:]
    after_refused = write(home, encoder, "formulary", wanted, serving=serving)
    elsewhere = write(home.parent / "elsewhere", encoder, "formulary", wanted)
    assert after_refused.documents.digest == elsewhere.documents.digest
    assert after_refused.texts.digest == elsewhere.texts.digest
    for state, where in ((after_refused, home), (elsewhere, home.parent / "elsewhere")):
        table = open_table(where / "lance", state.documents.name, state.documents.version)
        assert sorted(table.read(["id"])["id"].to_pylist()) == [d.id for d in wanted]


def test_a_table_of_texts_names_its_encoder_in_every_version(small_home, encoder):
    """P11: the metadata that search asks for survives additions and removals."""
    for documents in (protocols()[:3], protocols()[:4], protocols()[1:2]):
        state = write(small_home, encoder, "guidelines", documents)
        assert encoder.identity.digest[:10] in state.texts.name
        table = lancedb.connect(small_home / "lance").open_table(state.texts.name)
        table.checkout(state.texts.version)
        assert table.schema.metadata[ENCODER_KEY].decode() == encoder.identity.digest


def test_a_protected_version_carries_the_tag_of_its_release(published):
    for state in published.manifest.sources.values():
        for table in (state.documents, state.texts):
            tags = lancedb.connect(published.home / "lance").open_table(table.name).tags
            assert tags.list()[f"release-{published.manifest.id}"]["version"] == table.version


def worded(content):
    """A table of texts from {id: words}, each with a hash of its own."""
    table = text_rows(content)
    for name in ("words", "hash"):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(list(content.values())))
    return table


def scores(home, written, words):
    """{id: BM25}, to the last bit."""
    table = open_table(home / "lance", written.table, written.version)
    return {row["id"]: row["_score"] for row in table.matching(words, 100)}


def test_words_weigh_the_same_whatever_the_table_held_before(tmp_path):
    """P12: BM25 is of the rows that are there; what was changed or removed leaves no trace in it."""
    before = {f"t{n}": "potassium replacement on the ward" for n in range(30)} | {"gone": "digoxin level and potassium"}
    after = {f"t{n}": "magnesium sulfate in eclampsia" for n in range(30)} | {"new": "potassium chloride by infusion"}
    written = {}
    for home, steps in (("updated", (before, after)), ("fresh", (after,))):
        store = Store(tmp_path / home / "lance")
        for content in steps:
            written[home] = store.update(
                "texts", worded(content), schema=SCHEMA, vectors=lambda wanted: unit(len(wanted))
            )
    for words in ("potassium", "magnesium infusion", "digoxin"):
        assert scores(tmp_path / "updated", written["updated"], words) == scores(
            tmp_path / "fresh", written["fresh"], words
        )
