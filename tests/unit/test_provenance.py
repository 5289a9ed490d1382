"""Can every hit be traced to the publisher's bytes, and is it noticed when those, or the rows, are no longer the same?"""

import lancedb
import pytest
from small_home import questions

from probatum import digests
from probatum.errors import Damaged
from probatum.lookup import look_up
from probatum.release import Releases
from probatum.snapshots import Snapshots
from probatum.tables import open_table
from probatum.verify import verify

ASKED = [q["question"] for asked in questions().values() for q in asked[::3]]


@pytest.fixture(scope="module")
def hits(published_once):
    searcher = published_once.searcher()
    return [(q, hit) for q in ASKED for hit in searcher.search(q, k=10)]


def test_every_hit_is_a_span_of_its_document_in_the_release_it_names(published_once, hits):
    """P10: the text, cut out of the stored document again; and as `show` would give it by the chunk's id."""
    assert len(hits) > 500
    documents = {}
    for name, state in published_once.manifest.sources.items():
        table = open_table(published_once.home / "lance", state.documents.name, state.documents.version)
        documents |= {(name, row["id"]): row for row in table.read(["id", "text", "sha256", "file"]).to_pylist()}
    for question, hit in hits:
        document = documents[hit.source, hit.document_id]
        assert document["text"][hit.start : hit.end] == hit.text != "", question
        assert (hit.file, hit.sha256) == (document["file"], document["sha256"])
    for _, hit in hits[::40]:
        shown = look_up(published_once.home, published_once.manifest, hit.chunk_id, hit.source)
        assert (shown["text"], shown["start"], shown["end"]) == (hit.text, hit.start, hit.end)


def test_what_was_matched_stands_in_the_hit(hits):
    """P10: a section or a sentence of it with what it stands under before it, a name of a record as it is."""
    for _, hit in hits:
        if hit.source == "guidelines":
            heading, _, said = hit.matched.partition("\n")
            assert (said or heading.rpartition(": ")[2]) in hit.text
        else:
            assert hit.matched in hit.text


def test_every_hit_names_release_source_release_date_and_the_publishers_file(published_once, hits):
    """P10: and the file's bytes still have the digest that the hit carries."""
    manifest, snapshots = published_once.manifest, Snapshots(published_once.home)
    for _, hit in hits:
        state = manifest.sources[hit.source]
        assert (hit.release, hit.source_release) == (manifest.id, state.release)
        assert hit.valid_from == "2026-10-01" and hit.valid_from in hit.citation
        assert manifest.id in hit.citation and state.release in hit.citation
        assert hit.file in {file.name for file in snapshots.read(hit.source, state.snapshot).files}
    for sha256 in {hit.sha256 for _, hit in hits}:
        assert digests.of_file(snapshots.blob(sha256)) == sha256


def test_every_section_hit_says_which_section_and_page(hits):
    """P10: the place a person would turn to."""
    for _, hit in hits:
        if hit.source == "guidelines":
            assert hit.section and hit.page == 1
            assert hit.section in hit.citation and "page 1" in hit.citation


def test_a_whole_release_verifies(published_once):
    """P10: 17 files, four tables, and all of their texts."""
    counts = verify(published_once.home, published_once.manifest)
    texts = sum(state.texts.rows for state in published_once.manifest.sources.values())
    assert counts == {"snapshot files": 17, "tables": 4, "spans": texts}


@pytest.mark.parametrize("source", ["formulary", "guidelines"])
def test_one_changed_bit_of_a_snapshot_is_found(published, source):
    """P10, P13: the file is named by its digest."""
    state = published.manifest.sources[source]
    file = Snapshots(published.home).read(source, state.snapshot).files[-1]
    path = published.home / "blobs" / file.sha256
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match=f"{file.sha256[:12]}… has changed on disk"):
        verify(published.home, published.manifest)
    path.unlink()
    with pytest.raises(Damaged, match=f"{file.sha256[:12]}… is missing"):
        verify(published.home, published.manifest)


CHANGES = {
    "a document's text": ("documents", "id = 'D-0003'", {"text": "Apixaban 50 mg tablet"}),
    "a document's date": ("documents", "id = 'D-0003'", {"valid_from": "2026-10-02"}),
    "a document's meta": ("documents", "id = 'D-0003'", {"meta": "{}"}),
    "a document's hash": ("documents", "id = 'D-0003'", {"hash": "0" * 64}),
    "a text's words": ("texts", "document_id = 'D-0003'", {"text": "Apixaban 50 mg tablet"}),
    "a text's place": ("texts", "document_id = 'D-0003' AND kind = 'title'", {"match_start": 1}),
    "a text's document": ("texts", "document_id = 'D-0003'", {"document_id": "D-0004"}),
    "a text's hash": ("texts", "document_id = 'D-0003'", {"hash": "0" * 64}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_row_is_found(published, change):
    """P10: in a table version that a release would name; nothing else but verify would notice."""
    kind, where, values = change
    state = published.manifest.sources["formulary"]
    named = getattr(state, kind)
    table = lancedb.connect(published.home / "lance").open_table(named.name)
    assert table.update(where=where, values=values).rows_updated > 0
    with pytest.raises(Damaged, match=f"{named.name}|D-0003"):
        verify(published.home, moved_to(published.manifest, kind, named, table.version))
    assert verify(published.home, published.manifest)  # the published version is as it was


@pytest.mark.parametrize("kind", ["documents", "texts"])
def test_a_row_that_is_gone_or_there_twice_is_found(published, kind):
    """P10: ids and hashes of all rows are counted into the digest."""
    named = getattr(published.manifest.sources["formulary"], kind)
    table = lancedb.connect(published.home / "lance").open_table(named.name)
    row = table.to_arrow().slice(3, 1)
    table.delete(f"id = '{row['id'][0].as_py()}'")
    with pytest.raises(Damaged, match="holds other rows"):
        verify(published.home, moved_to(published.manifest, kind, named, table.version))
    table.add(row)
    table.add(row)
    with pytest.raises(Damaged, match="holds other rows"):
        verify(published.home, moved_to(published.manifest, kind, named, table.version))


def moved_to(manifest, kind, named, version):
    """The manifest, naming another version of one table of the formulary."""
    state = manifest.sources["formulary"].model_copy(update={kind: named.model_copy(update={"version": version})})
    return manifest.model_copy(update={"sources": {**manifest.sources, "formulary": state}})


def test_a_snapshot_that_is_described_otherwise_is_not_the_one_published(published):
    """P10: the names and digests of the files are in the snapshot's own digest."""
    state = published.manifest.sources["formulary"]
    path = published.home / "snapshots" / "formulary" / f"{state.snapshot}.json"
    path.write_text(path.read_text().replace("2026-10-01", "2026-10-02"))
    with pytest.raises(Damaged, match="snapshot"):
        verify(published.home, Releases(published.home).current())
