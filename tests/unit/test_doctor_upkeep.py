"""Does the doctor name every broken state, with a command that mends it?"""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from small_runs import chosen

from probatum import pipeline
from probatum.audit import audit
from probatum.backup import take
from probatum.candidates import candidate_of
from probatum.doctor import examine
from probatum.encoder import Encoder
from probatum.errors import Damaged, Rejected
from probatum.files import write_json
from probatum.journal import Journal

HOLD = (
    "import sys, pathlib\n"
    "from probatum.locks import one_refresh\n"
    "with one_refresh(pathlib.Path(sys.argv[1]), ['icd10']):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.readline()\n"
)


def wrong(settings):
    return {f.what: f.advice for f in examine(settings) if f.level == "wrong"}


@pytest.fixture
def whole(published):
    settings = chosen(published.home, published.expectations)
    assert wrong(settings) == {}
    return settings


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        ("lance/*/data/*.lance", "probatum restore BACKUP --damaged"),
        ("lance/*/_indices/*/*", "probatum restore BACKUP --damaged"),
        ("lance/*/_refs/tags/*.json", "probatum restore BACKUP --damaged"),
        ("seals/*.json", "probatum restore BACKUP --damaged"),
        ("audits/*.json", "probatum audit"),
        ("snapshots/*/*.json", "probatum restore BACKUP --damaged"),
        ("current.json", "probatum rollback RELEASE"),
        ("journal.jsonl", "Compare the journal"),
    ],
)
def test_a_file_that_is_not_what_was_written_is_named_with_what_mends_it(whole, pattern, advice):
    """P13: by the doctor, in the words of somebody who has to act at night."""
    path = sorted(whole.home.glob(pattern))[0]
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    found = wrong(whole)
    assert any(advice in said for said in found.values()), found


def test_a_purge_that_did_not_end_is_wrong(whole):
    write_json(
        whole.home / "purging.json", {"actor": "privacy officer", "why": "Case 114.", "at": "2026-11-20T02:00:00+00:00"}
    )
    assert "Run `probatum purge` with the same words again; it goes on where it was." in wrong(whole).values()


def test_a_process_that_has_held_a_lock_for_hours_is_named(whole):
    """P15: a stopped process keeps its lock; nobody should have to guess which one it is."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, whole.home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})  # fmt: skip
    try:
        assert process.stdout.readline() == "held\n"
        assert wrong(whole) == {}
        since = (datetime.now(UTC) - timedelta(hours=9)).isoformat()
        write_json(whole.home / "locks" / "icd10.turn", {"turn": 1, "pid": process.pid, "host": "here", "since": since})
        assert any(f"process {process.pid} is stopped" in advice for advice in wrong(whole).values())
    finally:
        process.communicate("go\n", timeout=30)


def test_a_backup_that_is_late_or_missing_is_wrong(whole, tmp_path, monkeypatch):
    settings = whole.model_copy(update={"backups": str(tmp_path / "backups")})
    assert list(wrong(settings)) == ["There is no backup yet."]
    taken = take(settings.home, tmp_path / "backups", actor="t")
    assert wrong(settings) == {}
    late = datetime.now(UTC) + timedelta(days=10)
    monkeypatch.setattr(
        "probatum.doctor.datetime", type("Late", (datetime,), {"now": classmethod(lambda cls, tz=None: late)})
    )
    assert list(wrong(settings)) == [f"The last backup is of {taken.taken[:10]}."]
    shutil.rmtree(taken.path)


def test_a_release_whose_audit_is_gone_says_how_it_is_made_again_and_that_command_heals_it(
    whole, published, monkeypatch
):
    """P51: nothing can be built on it before, and everything after; the journal says that it was made again."""
    monkeypatch.setattr(Encoder, "load", classmethod(lambda *_, **__: published.encoder))
    serving = published.manifest
    (path,) = (whole.home / "audits").glob("*.json")
    before = path.read_bytes()
    path.unlink()
    ((what, advice),) = wrong(whole).items()
    assert f"audit that let release {serving.id} through is gone" in what
    assert f"`probatum audit --release {serving.id}` makes it again" in advice
    with pytest.raises(Damaged, match="--release"):
        audit(
            whole.home,
            whole.expectations,
            candidate_of(serving, serving.encoder, {}),
            published.encoder,
            serving=serving,
        )
    assert pipeline.audit_again(whole, serving.id, actor="kim").passed
    assert wrong(whole) == {} and path.read_bytes() == before
    record = Journal(whole.home / "journal.jsonl").records()[-1]
    told = {key: record[key] for key in ("action", "actor", "release", "passed", "same")}
    assert told == {"action": "audit-again", "actor": "kim", "release": serving.id, "passed": "True", "same": "yes"}
    with pytest.raises(Rejected, match="is there and whole"):
        pipeline.audit_again(whole, serving.id, actor="kim")
