"""Does the journal show who did what, and does it show when somebody changed it?"""

import subprocess
import sys

import orjson
import pytest

from probatum.errors import Damaged
from probatum.journal import Journal


@pytest.fixture
def path(tmp_path):
    """A journal of five records."""
    path = tmp_path / "home" / "journal.jsonl"
    for n in range(5):
        Journal(path).add("publish", actor="coding lead", release=f"2026-11-20.{n}")
    return path


def test_records_come_back_in_order_with_who_what_and_when(path):
    records = Journal(path).records()
    assert [r["release"] for r in records] == [f"2026-11-20.{n}" for n in range(5)]
    assert {(r["action"], r["actor"]) for r in records} == {("publish", "coding lead")}
    assert [r["time"] for r in records] == sorted(r["time"] for r in records)
    assert Journal(path).verify() == 5


def test_a_journal_nobody_wrote_to_is_whole(tmp_path):
    assert Journal(tmp_path / "none").verify() == 0 and Journal(tmp_path / "none").records() == []


def edits():
    def edit(line, old, new):
        return lambda lines: [*lines[:line], lines[line].replace(old, new), *lines[line + 1 :]]

    return {
        "another actor": edit(1, b"coding lead", b"codinG lead"),
        "another actor in the last line": edit(4, b"coding lead", b"codinG lead"),
        "a space more": edit(2, b'"actor":', b'"actor": '),
        "the first line gone": lambda lines: lines[1:],
        "a line gone": lambda lines: lines[:2] + lines[3:],
        "the last line gone": lambda lines: lines[:-1],
        "two lines gone": lambda lines: lines[:-2],
        "everything gone": lambda lines: [],
        "two lines changed places": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        "a line twice": lambda lines: [*lines[:2], lines[1], *lines[2:]],
        "the last line twice": lambda lines: [*lines, lines[-1]],
        "a blank line": lambda lines: [*lines[:2], b"", *lines[2:]],
        "no JSON": lambda lines: [*lines[:2], b"publish", *lines[3:]],
        "no object": lambda lines: [*lines[:2], b"[]", *lines[3:]],
    }


@pytest.mark.parametrize("edit", edits().values(), ids=edits().keys())
def test_a_changed_journal_is_damaged_and_stays_so_when_more_is_added(path, edit):
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"".join(line + b"\n" for line in edit(lines)))
    for _ in range(2):
        with pytest.raises(Damaged, match="ournal"):
            Journal(path).verify()
        Journal(path).add("publish", actor="coding lead")


def test_the_first_broken_line_is_named(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"lead", b"Lead"), *lines[3:]]))
    with pytest.raises(Damaged, match="Line 4 of the journal"):
        Journal(path).verify()


@pytest.mark.parametrize("head", [b"", b"[]", b"{}", b'{"lines": "5"}', b'{"lines": 0, "digest": ""}', None])
def test_a_head_that_is_gone_or_nonsense_is_damage(path, head):
    file = path.with_name("journal.jsonl.head")
    if head is None:
        file.unlink()
    else:
        file.write_bytes(head)
    with pytest.raises(Damaged):
        Journal(path).verify()


@pytest.mark.parametrize("cut", [1, 20, 150])
def test_a_line_not_written_to_its_end_goes_with_the_next(path, cut):
    """P5, in small: the machine stopped while a record was written; it was never acknowledged."""
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines(keepends=True)[-1][:-cut])
    assert Journal(path).verify() == 5
    Journal(path).add("rollback", actor="on call")
    assert Journal(path).verify() == 6 and path.read_bytes().startswith(whole)


def test_a_record_may_be_there_before_the_head_counts_it(path):
    """P5, in small: the machine stopped between the record and the head."""
    head = path.with_name("journal.jsonl.head")
    before = head.read_bytes()
    Journal(path).add("rollback", actor="on call")
    head.write_bytes(before)
    assert Journal(path).verify() == 6
    Journal(path).add("publish", actor="coding lead")
    assert Journal(path).verify() == 7


def test_line_feeds_and_quotes_in_a_value_break_no_line(path):
    Journal(path).add("publish", actor='a\nb\r\u2028"c\\')
    assert Journal(path).verify() == 6 and Journal(path).records()[-1]["actor"] == 'a\nb\r\u2028"c\\'


def test_processes_that_write_at_once_write_one_after_the_other(path):
    script = (
        "import sys, pathlib\n"
        "from probatum.journal import Journal\n"
        "for n in range(20): Journal(pathlib.Path(sys.argv[1])).add('publish', actor=sys.argv[2], release=str(n))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, path, who]) for who in ("a", "b", "c")]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    assert Journal(path).verify() == 65
    for who in "abc":
        assert [r["release"] for r in Journal(path).records() if r["actor"] == who] == [str(n) for n in range(20)]


def test_a_line_is_plain_json(path):
    assert all(
        set(orjson.loads(line)) >= {"time", "action", "actor", "before"} for line in path.read_bytes().splitlines()
    )
