"""What `release.toml` and the file beside a document say of it, and what they may not say."""

from datetime import date
from pathlib import Path

import pytest
from small_runs import protocol

from probatum.errors import Rejected
from probatum.reading import read_snapshot
from probatum.records import SourceRelease
from probatum.safeio import Limits
from probatum.snapshots import Snapshots
from probatum.superseded import without_superseded
from sources.guidelines import Guidelines

RELEASE = SourceRelease("guidelines", "2026-07", date(2026, 7, 1), "invented", "test")
GOUT, BURNS = "# Gout\n\nGive colchicine.\n", "# Burns\n\nCool the burn.\n"


def drop(folder: Path, files: dict[str, str]) -> dict[str, Path]:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return {name: folder / name for name in files}


def parsed(tmp_path, files):
    return list(Guidelines().parse(drop(tmp_path, files), RELEASE))


def entry(**said):
    return "[[documents]]\n" + "".join(f'{key} = "{value}"\n' for key, value in said.items())


# ---------------------------------------------------------------- sidecars


def test_a_sidecar_describes_its_file_and_is_no_document(tmp_path):
    beside = (
        'id = "gout"\ntitle = "Acute gout"\nnumber = "P-7"\nversion = "2"\neffective = 2026-05-01\nreview_by = 2028-05-01\n'
        'owner = "Rheumatology"\ntrust = "committee"\nsupersedes = ["P-6", "P-5"]\n'
    )
    (document,) = parsed(tmp_path, {"gout.md": GOUT, "gout.md.probatum.toml": beside})
    assert (document.id, document.family, document.file) == ("gout", "gout", "gout.md")
    assert (document.title, document.valid_from) == ("Acute gout", "2026-05-01")
    meta = document.meta
    assert (meta["number"], meta["version"], meta["owner"], meta["trust"]) == ("P-7", "2", "Rheumatology", "committee")
    assert (meta["supersedes"], meta["review_by"]) == ("P-6, P-5", "2028-05-01")


def test_a_document_that_takes_force_later_is_kept_with_its_date(tmp_path):
    (document,) = parsed(tmp_path, {"gout.md": GOUT, "gout.md.probatum.toml": "effective = 2099-01-01"})
    assert document.valid_from == "2099-01-01" > RELEASE.valid_from.isoformat()


@pytest.mark.parametrize("said", ['status = "withdrawn"', 'status = "superseded"', 'superseded_by = "P-8"'])
def test_a_file_whose_sidecar_says_it_is_gone_gives_no_document(tmp_path, said):
    """P8: also when `release.toml` still calls it current."""
    files = {"gout.md": GOUT, "gout.md.probatum.toml": said, "release.toml": entry(file="gout.md", status="current")}
    assert parsed(tmp_path, files) == []


def test_a_sidecar_does_not_bring_back_what_the_release_withdrew(tmp_path):
    files = {"gout.md": GOUT, "gout.md.probatum.toml": 'status = "current"', "release.toml": entry(file="gout.md", status="withdrawn")}  # fmt: skip
    assert parsed(tmp_path, files) == []


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ('stauts = "withdrawn"', r"gout\.md\.probatum\.toml has keys that are not known: stauts\. Known: file, id, "),
        ('status = "old"', "status 'old' is none of current, superseded, withdrawn"),
        ('file = "burns.md"', r"describes burns\.md, but stands beside gout\.md"),
        ('supersedes = "gout.md"', "supersedes itself"),
        ('id = "g"\nsupersedes = "G"', "supersedes itself"),
        ('id = "a#b"', "holds a #"),
        ("effective = 3", "no date"),
        ("title = [1]", "title is no text"),
        ('status = "current"\nsuperseded_by = "P-1"', "current and superseded at once"),
        ("id = ", "not TOML"),
        ("a = " + "[" * 5000, r"not TOML|nested too deeply"),
    ],
)
def test_a_wrong_sidecar_is_refused_with_what_is_wrong(tmp_path, said, refused):
    """P7: and never taken for a blank one, which would make its document current."""
    with pytest.raises(Rejected, match=refused):
        parsed(tmp_path, {"gout.md": GOUT, "gout.md.probatum.toml": said})


def test_a_sidecar_and_the_release_file_may_not_contradict_each_other(tmp_path):
    release = entry(file="gout.md", version="2", title="Gout")
    assert parsed(tmp_path, {"gout.md": GOUT, "gout.md.probatum.toml": 'version = "2"', "release.toml": release})
    with pytest.raises(Rejected, match=r"gout\.md\.probatum\.toml and release\.toml say different things of version"):
        parsed(tmp_path, {"gout.md": GOUT, "gout.md.probatum.toml": 'version = "3"', "release.toml": release})


def test_a_folder_offers_sidecars_with_their_files_and_refuses_one_that_stands_alone(tmp_path):
    drop(tmp_path, {"ward/gout.md": GOUT, "ward/gout.md.probatum.toml": 'number = "P-7"'})
    names = [file.name for file in Guidelines().find(str(tmp_path)).files]
    assert names == ["ward/gout.md", "ward/gout.md.probatum.toml"]
    drop(tmp_path, {"burns.md.probatum.toml": 'status = "withdrawn"'})
    assert len(Guidelines().find(str(tmp_path)).files) == 3
    drop(tmp_path, {"burns.md.probatum.toml": 'number = "P-8"'})
    with pytest.raises(Rejected, match=r"1 files describe a current document that is not there: burns\.md\.probatum"):
        Guidelines().find(str(tmp_path))


def test_a_sidecar_travels_with_its_file_and_with_no_other_and_a_bad_one_stops_only_its_own(tmp_path):
    """P7, P27: read in the sandbox, one unit a document."""
    files = {"gout.md": protocol("gout"), "burns.md": protocol("burns"), "croup.md": protocol("croup")}
    files |= {"gout.md.probatum.toml": 'id = "G"\nsupersedes = "burns.md"', "croup.md.probatum.toml": "nonsense = 1"}
    paths = drop(tmp_path / "drop", files)
    limits = Limits(parse_seconds=60)
    taken = Snapshots(tmp_path).take(RELEASE, [(n, str(p)) for n, p in paths.items()], limits, frozenset())
    read = read_snapshot(tmp_path, taken, limits=limits, parser="1", per_file=True)
    assert {document.id for document in read.documents()} == {"G", "burns.md"}
    assert [q.files for q in read.quarantined] == [("croup.md", "croup.md.probatum.toml")]
    current, gone = without_superseded(read.documents())
    assert [document.id for document in current] == ["G"] and gone == {"burns.md": "G"}


# ---------------------------------------------------------------- release.toml


@pytest.mark.parametrize(
    "listing",
    [
        entry(file="gout.md", number="P-8", supersedes="P-7") + entry(file="burns.md", number="P-7"),
        entry(file="gout.md", supersedes="burns.md"),
        entry(file="gout.md", id="G") + entry(file="burns.md", superseded_by="g"),
        entry(file="gout.md") + entry(file="burns.md", superseded_by="elsewhere"),
    ],
    ids=["by number", "by file, which has no entry", "by id", "by what is not there"],
)
def test_what_an_entry_supersedes_is_left_out(tmp_path, listing):
    """P8: even while its own file is still in the folder."""
    documents = parsed(tmp_path, {"gout.md": GOUT, "burns.md": BURNS, "release.toml": listing})
    assert [document.file for document in documents] == ["gout.md"]


def test_a_superseded_document_need_not_be_there(tmp_path):
    listing = entry(file="gout.md", supersedes="P-7") + entry(file="burns.md", number="P-7")
    drop(tmp_path, {"gout.md": GOUT, "release.toml": listing})
    assert len(Guidelines().find(str(tmp_path)).files) == 2


def test_a_declared_id_does_not_depend_on_the_name_of_the_file(tmp_path):
    one = parsed(tmp_path, {"a.md": GOUT, "release.toml": entry(file="a.md", id="gout")})
    other = parsed(tmp_path / "later", {"b.md": GOUT, "release.toml": entry(file="b.md", id="gout")})
    assert [document.id for document in one + other] == ["gout", "gout"]


@pytest.mark.parametrize(
    ("listing", "refused"),
    [
        (entry(file="gout.md", supersedes="gout.md"), r"gout\.md says that it supersedes itself"),
        (entry(file="gout.md", supersedes="burns.md") + entry(file="burns.md", supersedes="gout.md"), "in a circle"),
        (entry(file="gout.md", stauts="withdrawn"), r"release\.toml, document 1: has the key stauts; probably status"),
        (entry(file="gout.md", id="x") + entry(file="burns.md", id="x"), "gives the id x to two documents"),
    ],
)
def test_a_release_file_that_makes_no_sense_is_refused(tmp_path, listing, refused):
    drop(tmp_path, {"gout.md": GOUT, "burns.md": BURNS, "release.toml": listing})
    with pytest.raises(Rejected, match=refused):
        Guidelines().find(str(tmp_path))


def test_a_listed_file_that_is_in_two_folders_must_be_named_with_its_folder(tmp_path):
    """P8: or one of the two would be withdrawn by mistake."""
    files = {"ward/gout.md": GOUT, "icu/gout.md": BURNS, "new.md": GOUT + "New.\n"}
    for listing in (entry(file="gout.md", status="withdrawn"), entry(file="new.md", supersedes="P-1, gout.md")):
        drop(tmp_path, files | {"release.toml": listing})
        with pytest.raises(Rejected, match=r"in several folders: gout\.md"):
            Guidelines().find(str(tmp_path))
    drop(tmp_path, {"release.toml": entry(file="ward/gout.md", status="withdrawn")})
    assert len(Guidelines().find(str(tmp_path)).files) == 4


def test_keys_of_the_committees_own_are_left_alone(tmp_path):
    listing = 'publisher = "Invented"\n' + entry(file="gout.md", approved="yes", colour="red", reason="none")
    assert len(parsed(tmp_path, {"gout.md": GOUT, "release.toml": listing})) == 1
