"""What is refused is kept with the reason, once, and can be listed."""

import json
import sys

import pytest

from probatum import cli, settings
from probatum.errors import Damaged, Rejected
from probatum.journal import Journal
from probatum.quarantine import CHANGED, IDENTIFIERS, REJECTED, RELEASED, Quarantine
from probatum.records import SnapshotFile

FILES = [SnapshotFile("codes.zip", "a" * 64, 10), SnapshotFile("index.xml", "b" * 64, 20)]


def put(home, reason="codes.zip is empty.", source="icd10", files=FILES):
    return Quarantine(home).put(source, "2026-10-01", files, reason=reason, next="Ask the publisher.")


def test_a_refusal_leaves_a_reason_that_a_person_can_open(tmp_path):
    """P7: source, release, files by name and digest, why, and what to do."""
    kept = put(tmp_path)
    reason = json.loads((tmp_path / "quarantine" / kept.id / "reason.json").read_text("utf-8"))
    assert reason.pop("since")
    assert reason == {
        "source": "icd10",
        "release": "2026-10-01",
        "files": [{"name": "codes.zip", "sha256": "a" * 64}, {"name": "index.xml", "sha256": "b" * 64}],
        "reason": "codes.zip is empty.",
        "next": "Ask the publisher.",
        "kind": "unreadable",
    }


def test_what_is_listed_is_what_was_put(tmp_path):
    put_there = {put(tmp_path), put(tmp_path, source="formulary"), put(tmp_path, reason="codes.zip is a web page.")}
    assert set(Quarantine(tmp_path).all()) == put_there and len(put_there) == 3


def test_the_same_refusal_again_changes_nothing(tmp_path):
    """P7: one case, and the day it began stays."""
    kept = put(tmp_path)
    path = tmp_path / "quarantine" / kept.id / "reason.json"
    before = path.read_bytes()
    assert put(tmp_path) == kept and path.read_bytes() == before


def test_the_same_refusal_on_another_day_is_the_same_case(tmp_path):
    kept = put(tmp_path)
    folder = tmp_path / "quarantine"
    earlier = f"2026-01-01{kept.id[10:]}"
    (folder / kept.id).rename(folder / earlier)
    assert put(tmp_path).id == earlier
    assert [path.name for path in folder.iterdir()] == [earlier]


@pytest.mark.parametrize("change", [{"reason": "Another."}, {"source": "icd"}, {"files": FILES[:1]}])
def test_another_reason_source_or_file_is_another_case(tmp_path, change):
    assert put(tmp_path).id != put(tmp_path, **change).id
    assert len(Quarantine(tmp_path).all()) == 2


def test_a_file_that_was_mended_or_taken_away_is_no_open_case_any_more_until_it_comes_back(tmp_path):
    mended, still = put(tmp_path), put(tmp_path, reason="codes.zip is a web page.")
    other = put(tmp_path, source="formulary")
    of_release = Quarantine(tmp_path).put("icd10", "2026-10-01", FILES, reason="It changed.", next="Ask.", kind=CHANGED)
    Quarantine(tmp_path).close("icd10", [still.id])
    assert set(Quarantine(tmp_path).all()) == {still, other, of_release}
    assert Quarantine(tmp_path).find(mended.id).decision == "over"
    assert put(tmp_path) == mended and mended in Quarantine(tmp_path).all()


def test_what_was_decided_of_a_file_holds_under_another_day(tmp_path):
    kept = put(tmp_path)
    Quarantine(tmp_path).decide(kept.id, REJECTED, actor="coding lead", why="It is not ours.")
    again = Quarantine(tmp_path).put("icd10", "2027-10-01", FILES, reason=kept.reason, next="Ask the publisher.")
    assert again.id == kept.id and Quarantine(tmp_path).all() == []


def test_an_empty_home_has_an_empty_quarantine(tmp_path):
    assert Quarantine(tmp_path / "nowhere").all() == []


def test_a_damaged_reason_is_reported_with_what_to_do(tmp_path):
    """P51: half a file says so."""
    kept = put(tmp_path)
    (tmp_path / "quarantine" / kept.id / "reason.json").write_text('{"source"')
    with pytest.raises(Damaged, match=r"reason\.json is not readable"):
        Quarantine(tmp_path).all()


def test_what_a_check_stopped_can_be_let_through_for_exactly_these_bytes(tmp_path):
    kept = Quarantine(tmp_path).put("icd10", "2026-10-01", FILES, reason="It changed.", next="Ask.", kind=CHANGED)
    digests = [file.sha256 for file in FILES]
    assert not Quarantine(tmp_path).let_through("icd10", CHANGED, digests)
    decided = Quarantine(tmp_path).decide(kept.id, RELEASED, actor="coding lead", why="An erratum of the publisher.")
    assert decided.decision == RELEASED and "An erratum" in decided.decided
    assert Quarantine(tmp_path).let_through("icd10", CHANGED, digests[::-1])
    assert not Quarantine(tmp_path).let_through("icd10", CHANGED, digests[:1])
    assert not Quarantine(tmp_path).let_through("icd10", IDENTIFIERS, digests)
    assert not Quarantine(tmp_path).let_through("formulary", CHANGED, digests)
    assert Quarantine(tmp_path).all() == [] and Quarantine(tmp_path).ever() == [decided]


def test_what_cannot_be_read_cannot_be_let_through(tmp_path):
    """P7: nobody releases half a zip into what is served."""
    kept = put(tmp_path)
    with pytest.raises(Rejected, match="cannot be released"):
        Quarantine(tmp_path).decide(kept.id, RELEASED, actor="anybody", why="We need it.")
    assert Quarantine(tmp_path).all() == [kept]
    assert Quarantine(tmp_path).decide(kept.id, REJECTED, actor="anybody", why="Broken.").decision == REJECTED
    assert put(tmp_path).decision == REJECTED  # the same refusal again does not come back


def test_a_case_is_found_by_its_id_or_its_end_and_by_nothing_else(tmp_path):
    kept = put(tmp_path)
    assert Quarantine(tmp_path).find(kept.id) == Quarantine(tmp_path).find(kept.id[-8:]) == kept
    for wrong in ("", "x", kept.id[-2:], "2026"):
        with pytest.raises(Rejected, match="No case"):
            Quarantine(tmp_path).find(wrong)


def test_a_decision_is_made_on_the_command_line_and_stands_in_the_journal(tmp_path, monkeypatch, capsys):
    """P37: who let what through, and why."""
    monkeypatch.setattr("sys.argv", ["probatum", "quarantine", "release", "", "--why", "An erratum."])
    home = settings.settings().home
    kept = Quarantine(home).put("icd10", "2026-10-01", FILES, reason="It changed.", next="Ask.", kind=CHANGED)
    sys.argv[3] = kept.id
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0 and "released by" in capsys.readouterr().out
    (record,) = Journal(home / "journal.jsonl").records()
    assert (record["action"], record["case"], record["why"]) == ("quarantine-released", kept.id, "An erratum.")
