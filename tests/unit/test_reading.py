"""Each file is read once, in a sandbox; what cannot be read is set aside, and what was read of it before still stands."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from small_runs import codes, order_file, protocol

from probatum.errors import Rejected
from probatum.quarantine import Quarantine
from probatum.reading import Parsed, read_snapshot
from probatum.records import SourceRelease
from probatum.safeio import Limits
from probatum.screening import clinical_names
from probatum.snapshots import Snapshots
from sources.registry import source_named

PAGE = "<!DOCTYPE html><html><body>Please sign in.</body></html>"
LIMITS = Limits(parse_seconds=60)


def take(tmp_path, files, source="guidelines", name="2026-07-01"):
    folder = tmp_path / "drop" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    release = SourceRelease(source, name, date.fromisoformat(name), "CC0", "test")
    pairs = [(file, str(folder / file)) for file in files]
    return Snapshots(tmp_path).take(release, pairs, LIMITS, frozenset())


def read(tmp_path, snapshot, parser="1", before=()):
    per_file = source_named(snapshot.release.source).per_file
    return read_snapshot(
        tmp_path,
        snapshot,
        limits=LIMITS,
        parser=parser,
        per_file=per_file,
        names=clinical_names(tmp_path, None),
        before=lambda: iter(before),
    )


def outputs(tmp_path, source="guidelines"):
    return {path: path.stat().st_mtime_ns for path in (tmp_path / "work" / source).glob("*.jsonl")}


def said(parsed):
    return {document.id: document.text for document in parsed.documents()}


def test_each_file_becomes_its_document_and_is_read_once(tmp_path):
    """P12: the second time nothing is read, and with one file changed only that one."""
    files = {"burns.md": protocol("burns"), "gout.md": protocol("gout")}
    first = read(tmp_path, take(tmp_path, files))
    assert set(said(first)) == {"burns.md", "gout.md"} and not first.quarantined and not first.kept
    before = outputs(tmp_path)
    assert read(tmp_path, take(tmp_path, files)) == first
    assert outputs(tmp_path) == before
    changed = read(tmp_path, take(tmp_path, files | {"gout.md": protocol("gout", "Rest the joint.")}))
    assert "Rest the joint" in said(changed)["gout.md"] and said(changed)["burns.md"] == said(first)["burns.md"]
    after = outputs(tmp_path)
    assert len(after) == 3 and after | before == after


def test_another_parser_reads_again(tmp_path):
    """P12: what a file reads as depends on who reads it."""
    snapshot = take(tmp_path, {"gout.md": protocol("gout")})
    one, other = read(tmp_path, snapshot, parser="1"), read(tmp_path, snapshot, parser="2")
    assert one.paths != other.paths and said(one) == said(other)


def test_the_order_of_the_files_does_not_matter(tmp_path):
    """P12: the same files, the same documents in the same places."""
    files = {"burns.md": protocol("burns"), "gout.md": protocol("gout")}
    one = read(tmp_path, take(tmp_path, files))
    other = read(tmp_path, take(tmp_path, dict(reversed(files.items()))))
    assert set(one.paths) == set(other.paths)


def test_the_former_version_stands_even_when_the_parser_changed_meanwhile(tmp_path):
    """P7: a new parser and a broken file on one day do not lose a document; what served is read again from its bytes."""
    former = take(tmp_path, {"burns.md": protocol("burns"), "gout.md": protocol("gout")})
    read(tmp_path, former, parser="1")
    broken = take(tmp_path, {"burns.md": PAGE, "gout.md": protocol("gout")}, name="2026-08-01")
    parsed = read(tmp_path, broken, parser="2", before=[(former, ())])
    assert parsed.kept == ("burns.md",) and "running water" in said(parsed)["burns.md"]
    assert [q.files[0] for q in parsed.quarantined] == ["burns.md"]


def test_the_former_version_is_looked_for_behind_releases_that_could_not_read_it_either(tmp_path):
    """P7: broken in July, broken in August: the version of June stands."""
    june = take(tmp_path, {"burns.md": protocol("burns"), "gout.md": protocol("gout")}, name="2026-06-01")
    july = take(tmp_path, {"burns.md": PAGE, "gout.md": protocol("gout")}, name="2026-07-01")
    august = take(tmp_path, {"burns.md": PAGE + " ", "gout.md": protocol("gout")}, name="2026-08-01")
    parsed = read(tmp_path, august, before=[(july, ("burns.md",)), (june, ())])
    assert parsed.kept == ("burns.md",) and "running water" in said(parsed)["burns.md"]


def test_a_file_that_the_release_before_did_not_have_has_no_former_version(tmp_path):
    """P8: withdrawn in July means that June does not come back in August."""
    june = take(tmp_path, {"burns.md": protocol("burns"), "gout.md": protocol("gout")}, name="2026-06-01")
    july = take(tmp_path, {"gout.md": protocol("gout")}, name="2026-07-01")
    august = take(tmp_path, {"burns.md": PAGE, "gout.md": protocol("gout")}, name="2026-08-01")
    parsed = read(tmp_path, august, before=[(july, ()), (june, ())])
    assert parsed.kept == () and set(said(parsed)) == {"gout.md"}


def test_codes_are_one_unit_and_stand_or_fall_together(tmp_path):
    """P7: one bad file of a code set takes the others with it, for half a code set is none; and all are in the case."""
    files = {"order.txt": order_file(codes(3)), "more.txt": PAGE}
    with pytest.raises(Rejected, match=r"more\.txt is a web page"):
        read(tmp_path, take(tmp_path, files, "icd10"))
    (kept,) = Quarantine(tmp_path).all()
    assert kept.files == ("order.txt", "more.txt")
    assert not outputs(tmp_path, "icd10")


def test_two_documents_of_one_id_are_refused(tmp_path):
    """P16: before anything is written."""
    parsed = read(tmp_path, take(tmp_path, {"gout.md": protocol("gout")}))
    twice = replace(parsed, paths=parsed.paths * 2)
    with pytest.raises(Rejected, match=r"1 documents have an id that another has too, first gout\.md"):
        twice.documents()
    assert Parsed((), (), ()).documents() == []


def test_nothing_is_written_outside_the_home(tmp_path):
    """P27: reading leaves its work under work, and the files it read as they were."""
    snapshot = take(tmp_path, {"gout.md": protocol("gout"), "burns.md": PAGE})
    known = set(tmp_path.rglob("*"))
    read(tmp_path, snapshot)
    new = {path.relative_to(tmp_path).parts[0] for path in set(tmp_path.rglob("*")) - known}
    assert new == {"work", "quarantine"}
    for file in snapshot.files:
        Snapshots(tmp_path).verify(file.sha256)
    assert not list(Path(tmp_path).rglob("*.part"))
