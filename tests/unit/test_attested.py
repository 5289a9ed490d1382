"""Is it written down what somebody says of the encryption that software cannot see?"""

from small_runs import chosen

from probatum.attested import attest
from probatum.doctor import examine
from probatum.journal import Journal
from probatum.pipeline import settle

SAID = "LUKS on the volume; infrastructure"


def told(home):
    return [(r["actor"], r["at_rest"]) for r in Journal(home / "journal.jsonl").records() if r["action"] == "attest"]


def test_what_is_said_of_the_disk_is_journalled_once_and_again_when_it_changes(small_home):
    """P40: software on a disk cannot see whether it is encrypted; who says so stands in the journal."""
    for said, actor in ((SAID, "a"), (SAID, "b"), ("", "c"), ("another disk", "d"), (SAID, "e")):
        attest(small_home, said, actor=actor)
    assert told(small_home) == [("a", SAID), ("d", "another disk"), ("e", SAID)]
    assert Journal(small_home / "journal.jsonl").verify() == 3


def test_every_refresh_begins_by_writing_it_down_and_the_doctor_reminds_of_it(small_home, tmp_path):
    """P40: until somebody has said it."""
    silent = chosen(small_home, tmp_path)
    assert any("Nobody has said" in f.what and "PROBATUM_AT_REST" in f.advice for f in examine(silent))
    settle(silent, actor="t")
    assert told(small_home) == []
    settings = silent.model_copy(update={"at_rest": SAID})
    settle(settings, actor="t")
    assert told(small_home) == [("t", SAID)]
    assert not any("Nobody has said" in f.what for f in examine(settings))
