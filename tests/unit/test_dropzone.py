"""Is the folder that is read what the drop zone holds: every key, whatever it is called, and nothing that is gone?"""

import os
import tomllib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3_servers import ENVIRONMENT, make_bucket, moto_server, raw_client

from probatum import dropzone
from probatum.dropzone import bring_in, is_drop_zone, read_drop, receipts_at, safe_name
from probatum.errors import Rejected, Retryable
from probatum.safeio import Limits, is_plain_name

BUCKET = "a-zone-of-its-own"  # moto's servers in one process share their buckets
LIMITS = Limits(file_bytes=1000, files=20)
LONG_AGO = datetime(2026, 1, 2, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def nobody_is_copying(monkeypatch):
    """Files made by a test are whole at once."""
    monkeypatch.setattr(dropzone, "_A_MOMENT_S", 0.0)


@pytest.fixture
def zone(tmp_path):
    folder = tmp_path / "drops" / "guidelines" / "incoming"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def endpoint():
    with moto_server() as address, pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        make_bucket(address, BUCKET, versions=True)
        yield address


def put(zone, **files: str) -> None:
    for name, said in files.items():
        path = zone / name.replace("_", ".")
        path.write_text(said, "utf-8")
        os.utime(path, (LONG_AGO, LONG_AGO))


def there(drop) -> dict[str, str]:
    return {p.relative_to(drop.folder).as_posix(): p.read_text("utf-8") for p in drop.folder.rglob("*") if p.is_file()}


@given(st.lists(st.text(min_size=1, max_size=60), unique=True, max_size=8))
def test_every_key_has_a_name_of_its_own_that_is_a_path_inside_the_folder(keys):
    """P25: no key leaves the folder, hides in it, or takes another's place."""
    names = [safe_name(key) for key in keys]
    assert len(set(names)) == len(keys)
    for name in names:
        assert is_plain_name(name) and not name.startswith("/") and name.isprintable()
        assert all(part not in ("", ".", "..") and not part.startswith(".") for part in name.split("/"))
        assert all(len(part.encode()) <= 255 for part in name.split("/"))


@pytest.mark.parametrize("key", ["ward 7/sepsis (v2).pdf", "Übersicht & Plan.docx", "a/b/c.md", "x+y=z.csv"])
def test_an_ordinary_key_is_its_own_name(key):
    assert safe_name(key) == key


def test_what_was_deleted_or_overwritten_goes_with_the_next_look(tmp_path, zone):
    """P8: the listing is the truth."""
    put(zone, a_md="one", b_md="two")
    assert there(bring_in(tmp_path, "guidelines", str(zone), LIMITS)) == {"a.md": "one", "b.md": "two"}
    (zone / "a.md").unlink()
    put(zone, b_md="three", c_md="four")
    drop = bring_in(tmp_path, "guidelines", str(zone), LIMITS)
    assert there(drop) == {"b.md": "three", "c.md": "four"}
    assert [each.key for each in read_drop(tmp_path, "guidelines")] == ["b.md", "c.md"]
    assert drop.newest().isoformat() == "2026-01-02"


def test_what_is_the_same_version_is_not_fetched_again(tmp_path, zone):
    put(zone, a_md="one")
    before = bring_in(tmp_path, "guidelines", str(zone), LIMITS)
    kept = (before.folder / "a.md").stat().st_ino
    after = bring_in(tmp_path, "guidelines", str(zone), LIMITS)
    assert (after.folder / "a.md").stat().st_ino == kept and after.objects == before.objects


def test_a_file_that_is_too_large_stays_out_and_holds_up_nobody(tmp_path, zone):
    put(zone, a_md="x" * 1001, b_md="two")
    drop = bring_in(tmp_path, "guidelines", str(zone), LIMITS)
    assert there(drop) == {"b.md": "two"}
    assert [bool(each.left_out) for each in drop.objects] == [True, False]


def test_too_many_files_are_refused_in_words(tmp_path, zone):
    put(zone, **{f"f{n}_md": "x" for n in range(21)})
    with pytest.raises(Rejected, match="more than 20 objects"):
        bring_in(tmp_path, "guidelines", str(zone), LIMITS)


def test_files_of_questions_are_kept_apart_from_documents(tmp_path, zone):
    (zone / "a.csv").write_text("h\n1\n", "utf-8")
    (zone / "a.csv.questions.csv").write_text("question,expected\nWhy?,\n", "utf-8")
    drop = bring_in(tmp_path, "guidelines", str(zone), LIMITS)
    assert list(there(drop)) == ["a.csv"]
    assert dropzone.questions_of(drop.folder.parent, drop.objects[1]).is_file()


def test_object_tags_say_what_a_sidecar_would(tmp_path, endpoint):
    """A title with quotes, line feeds and backslashes is still one string."""
    s3 = raw_client("s3", endpoint)
    title = 'Sepsis "adults" v2'
    s3.put_object(
        Bucket=BUCKET, Key="guidelines/incoming/a.md", Body=b"one", Metadata={"title": title, "colour": "red"}
    )
    drop = bring_in(tmp_path, "guidelines", f"s3://{BUCKET}/guidelines/incoming/", LIMITS, endpoint=endpoint)
    assert tomllib.loads((drop.folder / "a.md.probatum.toml").read_text("utf-8")) == {"title": title}


def test_a_key_that_another_supersedes_stays_out(tmp_path, endpoint):
    """P8: by a tag, without anybody deleting anything."""
    s3 = raw_client("s3", endpoint)
    for key, said in (("old.csv", {}), ("new.csv", {"supersedes": "old.csv"}), ("gone.csv", {"status": "withdrawn"})):
        s3.put_object(Bucket=BUCKET, Key=f"formulary/incoming/{key}", Body=b"h\n1\n", Metadata=said)
    drop = bring_in(tmp_path, "formulary", f"s3://{BUCKET}/formulary/incoming/", LIMITS, endpoint=endpoint)
    assert [name for name in there(drop) if name.endswith(".csv")] == ["new.csv"]
    assert {each.key: bool(each.left_out) for each in drop.objects} == {
        "old.csv": True,
        "new.csv": False,
        "gone.csv": True,
    }


def test_a_bucket_that_does_not_answer_is_tried_again_later(tmp_path, monkeypatch):
    """P46: exit code 10, and what was there stays as it was."""
    for name, value in {**ENVIRONMENT, "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Retryable):
        bring_in(tmp_path, "guidelines", f"s3://{BUCKET}/guidelines/incoming/", LIMITS, endpoint="http://127.0.0.1:9")
    assert read_drop(tmp_path, "guidelines") == ()


@pytest.mark.parametrize(
    ("origin", "zone", "receipts"),
    [
        ("s3://bucket/guidelines/incoming/", True, "s3://bucket/guidelines/receipts/"),
        ("s3://bucket/anything", True, None),
        ("/srv/drops/formulary/incoming", True, "/srv/drops/formulary/receipts/"),
        ("/srv/drops/formulary", False, None),
        ("https://files.example.org/incoming", False, None),
    ],
)
def test_a_drop_zone_is_known_by_its_place(origin, zone, receipts):
    assert is_drop_zone(origin) == zone
    assert not zone or receipts_at(origin) == receipts


def test_a_name_that_names_a_patient_stays_out(tmp_path, zone):
    """P34: names of files stand in lists, manifests and citations."""
    put(zone, **{"Patient John Smithson MRN 48291734_md": "one", "b_md": "two"})
    drop = bring_in(tmp_path, "guidelines", str(zone), LIMITS)
    assert there(drop) == {"b.md": "two"}
    assert [bool(each.left_out) for each in drop.objects] == [True, False]


def test_a_sidecar_whose_document_is_not_there_holds_up_nobody(tmp_path, zone):
    put(zone, **{"gone_pdf_probatum_toml": 'title = "x"', "b_md": "two"})
    drop = bring_in(tmp_path, "guidelines", str(zone), LIMITS)
    assert there(drop) == {"b.md": "two"}
