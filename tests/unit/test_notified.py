"""Does a channel hear of a trouble once, whatever comes twice, late, at the same time or in another order?"""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.alert_kinds import COMPLETED, KINDS, READY, RECOVERED, SUCCEEDED
from probatum.alerts import alert_of
from probatum.notified import Told

START = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


def at(minute: int) -> str:
    return (START + timedelta(minutes=minute)).isoformat()


def alert(word_or_event: str, minute: int, id: str = "", **payload):
    event = KINDS[word_or_event].event if word_or_event in KINDS else word_or_event
    payload = {"source": "icd10", **payload} if "pool" not in payload else payload
    return alert_of(event, id=id or f"event-{minute}", occurred=at(minute), payload=payload)


def case(*ids: str) -> list[dict]:
    return [{"id": id, "files": [f"{id}.pdf"], "reason": "r"} for id in ids]


def tell(home, told) -> tuple[list[str], list[str]]:
    """(keys that are news, kinds that are over) for a channel that then hears them."""
    with Told(home, "slack") as channel:
        due = channel.due(told)
        channel.note(told)
    return [item.key for item in due.new], sorted(trouble["kind"] for trouble in due.over)


def test_an_event_that_comes_twice_is_told_once(tmp_path):
    """P47: Prefect acts at least once; a person hears it once."""
    refused = alert("refused", 1, reason="hit rate")
    assert len(tell(tmp_path, refused)[0]) == 1
    assert tell(tmp_path, refused) == ([], [])


def test_an_event_that_comes_twice_is_told_once_even_when_it_is_over_in_between(tmp_path):
    refused = alert("refused", 1, reason="hit rate")
    tell(tmp_path, refused)
    tell(tmp_path, alert(SUCCEEDED, 2))
    assert tell(tmp_path, refused) == ([], [])


def test_the_same_trouble_of_the_next_morning_is_not_told_again_and_another_one_is(tmp_path):
    tell(tmp_path, alert("refused", 1, reason="hit rate"))
    assert tell(tmp_path, alert("refused", 2, reason="hit rate")) == ([], [])
    assert len(tell(tmp_path, alert("refused", 3, reason="a question is lost"))[0]) == 1


def test_what_is_over_is_told_once_and_then_it_may_begin_again(tmp_path):
    """P46: one recovery notice, and a new alert for a new failure."""
    tell(tmp_path, alert("refused", 1, reason="hit rate"))
    assert tell(tmp_path, alert(SUCCEEDED, 2)) == ([], ["refused"])
    assert tell(tmp_path, alert(SUCCEEDED, 3)) == ([], [])
    assert len(tell(tmp_path, alert("refused", 4, reason="hit rate"))[0]) == 1


def test_one_notice_ends_all_troubles_of_a_source_and_those_of_no_other(tmp_path):
    tell(tmp_path, alert("refused", 1, reason="hit rate"))
    tell(tmp_path, alert("run-crashed", 2, run="a", deployment="refresh-icd10"))
    tell(tmp_path, alert("run-late", 3, run="b", deployment="refresh-icd10"))
    tell(tmp_path, alert("invalid", 4, source="formulary", reason="half a file"))
    assert tell(tmp_path, alert(SUCCEEDED, 5)) == ([], ["refused", "run-crashed", "run-late"])
    with Told(tmp_path, "slack") as channel:
        assert [trouble["about"] for trouble in channel.open_troubles()] == ["formulary"]


def test_a_file_that_is_still_in_quarantine_is_not_over_and_not_told_again(tmp_path):
    assert len(tell(tmp_path, alert("quarantined", 1, cases=case("a", "b")))[0]) == 2
    assert tell(tmp_path, alert(SUCCEEDED, 2, open_cases=["a"])) == ([], ["quarantined"])
    assert tell(tmp_path, alert("quarantined", 3, cases=case("a", "c")))[0] == ["quarantined/icd10/c"]


def test_a_source_that_is_stale_still_is_late(tmp_path):
    tell(tmp_path, alert("late", 1, why="overdue"))
    assert tell(tmp_path, alert(SUCCEEDED, 2, stale="overdue")) == ([], [])
    assert tell(tmp_path, alert(RECOVERED, 3)) == ([], ["late"])


def test_a_pool_and_a_run_without_a_source_have_recoveries_of_their_own(tmp_path):
    tell(tmp_path, alert("no-worker", 1, pool="gpu"))
    tell(tmp_path, alert("run-failed", 2, source="", deployment="refresh-all", run="a"))
    assert tell(tmp_path, alert(READY, 3, pool="cpu")) == ([], [])
    assert tell(tmp_path, alert(READY, 4, pool="gpu")) == ([], ["no-worker"])
    assert tell(tmp_path, alert(COMPLETED, 5, source="", deployment="refresh-all", run="b")) == ([], ["run-failed"])


def test_a_run_that_waits_every_morning_is_one_alert_and_each_crash_is_one(tmp_path):
    assert len(tell(tmp_path, alert("run-late", 1, run="a", deployment="refresh-icd10"))[0]) == 1
    assert tell(tmp_path, alert("run-late", 2, run="b", deployment="refresh-icd10")) == ([], [])
    assert len(tell(tmp_path, alert("run-crashed", 3, run="a"))[0]) == 1
    assert len(tell(tmp_path, alert("run-crashed", 4, run="b"))[0]) == 1


def test_bad_news_that_come_after_the_good_say_that_it_is_over_and_leave_nothing_open(tmp_path):
    tell(tmp_path, alert(SUCCEEDED, 9))
    with Told(tmp_path, "slack") as channel:
        due = channel.due(late := alert("refused", 5, reason="hit rate"))
        assert due.new and due.already_over == at(9)
        channel.note(late)
        assert channel.open_troubles() == []


def test_a_message_that_was_not_sent_is_due_again(tmp_path):
    refused = alert("refused", 1, reason="hit rate")
    with pytest.raises(RuntimeError), Told(tmp_path, "slack") as channel:
        assert channel.due(refused)
        raise RuntimeError
    assert len(tell(tmp_path, refused)[0]) == 1


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"events": {}}', b'{"events": 1, "open": {}, "ended": {}}', b"\xff"])
def test_a_damaged_ledger_silences_nobody(tmp_path, damage):
    """P13: an alert too many is better than none."""
    tell(tmp_path, alert("refused", 1, reason="hit rate"))
    path = tmp_path / "alerts" / "slack.json"
    path.write_bytes(damage)
    assert len(tell(tmp_path, alert("refused", 2, reason="hit rate"))[0]) == 1
    assert path.with_suffix(".damaged").read_bytes() == damage


def test_what_one_channel_heard_another_has_not(tmp_path):
    refused = alert("refused", 1, reason="hit rate")
    tell(tmp_path, refused)
    with Told(tmp_path, "mail") as channel:
        assert channel.due(refused)


def test_eight_notifiers_at_once_send_one_message(tmp_path):
    """P47: the channel's lock is held while it is sent."""
    send = (
        "import sys, pathlib, time, tests.unit.test_notified as t\n"
        "home = pathlib.Path(sys.argv[1])\n"
        "a = t.alert('refused', 1, reason='hit rate')\n"
        "with t.Told(home, 'slack') as c:\n"
        "    if c.due(a):\n"
        "        time.sleep(0.2)\n"
        "        (home / 'sent').open('a').write('x')\n"
        "    c.note(a)\n"
    ).replace("tests.unit.test_notified", "test_notified")
    folder = __file__.rpartition("/")[0]
    started = [
        subprocess.Popen([sys.executable, "-c", f"import sys; sys.path.insert(0, {folder!r})\n{send}", tmp_path])
        for _ in range(8)
    ]
    assert [process.wait(120) for process in started] == [0] * 8
    assert (tmp_path / "sent").read_text() == "x"


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["refused", "invalid"]), st.sampled_from(["a", "b"])),
        st.tuples(st.just(SUCCEEDED), st.just("")),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.data())
def test_in_whatever_order_and_however_often_each_event_comes_nothing_is_lost(tmp_path_factory, events, data):
    """P47: every trouble is told at least once; in order, exactly as one who remembers everything would tell it."""
    home = tmp_path_factory.mktemp("ledger")
    alerts = [alert(kind, n, id=str(n), reason=reason) for n, (kind, reason) in enumerate(events)]
    repeated = [each for each in alerts for _ in range(data.draw(st.integers(1, 2)))]
    in_order = [tell(home, each) for each in repeated]
    assert [said for said in in_order if said != ([], [])] == [said for said in _oracle(alerts) if said != ([], [])]
    shuffled = tmp_path_factory.mktemp("ledger")
    told = {key for each in data.draw(st.permutations(repeated)) for key in tell(shuffled, each)[0]}
    assert told == {item.key for each in alerts for item in each.items}


def _oracle(alerts) -> list[tuple[list[str], list[str]]]:
    open_now, said = {}, []
    for each in alerts:
        if each.items:
            (item,) = each.items
            said.append(([] if item.key in open_now else [item.key], []))
            open_now[item.key] = each.kind
        else:
            said.append(([], sorted(open_now.values())))
            open_now = {}
    return said
