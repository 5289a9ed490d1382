"""What an alert says: enough to act on, nothing a chat obeys, and no more than its payload holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.alert_kinds import DECIDED, ENDS, KINDS, RECOVERED, SUCCEEDED
from probatum.alerts import alert_of
from probatum.messages import Message, written
from probatum.notified import Due

WHEN = "2026-11-20T05:31:02+00:00"
SERVING = {"release": "2026-11-20.1", "edition": "2026-10"}
RUN = {"run": "0f3c", "name": "refresh-icd10", "deployment": "refresh-icd10", "state": "Crashed"}
PAYLOADS = {
    "invalid": {"reason": "icd10 2027 has 61,204 codes; 5 % may go.", "next": "Look at it.", "serving": SERVING},
    "refused": {
        "candidate": "c0de" * 16,
        "reason": "hit rate @3 is 0.890, not above 0.90.",
        "next": "Run `probatum audit --candidate c0dec0dec0de` for every failing question.",
        "failing": 14,
        "failing_critical": 1,
        "questions": [{"id": "icd10-0123", "critical": True, "rank": 0, "top": ["A00.1", "B02"]}]
        + [{"id": f"icd10-{n}", "critical": False, "rank": 5, "top": ["A09"]} for n in range(13)],
        "serving": SERVING,
    },
    "quarantined": {
        "cases": [
            {"id": "2026-11-20-icd10-3f9c0a12", "files": ["a.pdf"], "reason": "It cannot be read.", "next": "Send it again.", "former_version_serves": True}
        ],
        "more": 3,
        "serving": SERVING,
    },
    "waiting": {"candidate": "c0de" * 16, "sources": {"icd10": "2027"}, "parent": "2026-11-20.1", "since": WHEN},
    "late": {"why": "its publisher was last reached on 2026-10-01"},
    "receipts": {"reason": "The bucket denies it.", "next": "Grant s3:PutObject."},
    "run-failed": RUN | {"why": "A refresh of icd10 is already running."},
    "run-crashed": RUN | {"why": "No heartbeat for 90 s: it is dead."},
    "run-late": RUN,
    "no-worker": {"pool": "gpu", "source": ""},
    "drift": {
        "behaviour": "retrieval", "drift": "5b1c5b1c", "source": "", "figure": "share of probes that are right", "before": 0.94, "now": 0.88,
        "reasons": ["step: 6.0 points fewer are right, 2.5 matter"], "next": "Read the report.", "serving": SERVING,
    },
    "retrain": {
        "behaviour": "retrieval", "drift": "5b1c5b1c", "source": "", "outcome": "kept", "adapter": "3f9c" * 16,
        "reasons": ["no-regression: slice icd10 lost 12 of 900 more than it won"], "next": "Read the report.",
    },
    "probes-missing": {"behaviour": "retrieval", "source": "", "reason": "60 of 120 probes could be asked", "next": "See why.", "serving": SERVING},
}  # fmt: skip


def message(word: str, links=None, **payload) -> Message:
    told = alert_of(KINDS[word].event, id="1", occurred=WHEN, payload={"source": "icd10"} | PAYLOADS[word] | payload)
    return written(told, Due(told.items), links or {})


def test_there_is_a_message_for_every_kind():
    assert set(PAYLOADS) == set(KINDS)


@pytest.mark.parametrize("word", KINDS)
def test_every_message_says_what_failed_what_serves_and_what_to_do(word):
    """P51: an alert is an error somebody reads on a telephone."""
    said = message(word)
    assert said.subject.startswith("Probatum: ") and any(name in said.subject for name in ("icd10", "gpu", "retrieval"))
    assert said.body.startswith("What waits\n  " if word == "waiting" else "What failed\n  ")
    assert "\n\nWhat to do\n  " in said.body
    if "serving" in KINDS[word].payload or word.startswith("run-") or word in ("late", "no-worker", "drift", "retrain"):
        assert "\n\nWhat still serves\n  " in said.body
    assert "None" not in said.body and "{" not in said.body


def test_a_refused_release_is_told_with_its_questions_and_what_ranks_first_now():
    """P4: which question is lost, and to what."""
    assert message("refused", links={"Run": "http://127.0.0.1:4200/runs/flow-run/0f3c", "Receipts": ""}).body == (
        "What failed\n"
        "  Candidate c0dec0dec0de: hit rate @3 is 0.890, not above 0.90.\n"
        "\n"
        "Questions\n"
        "  14 not answered in the first three hits, 1 of them critical:\n"
        "  icd10-0123 (critical): A00.1, B02 now rank first\n"
        + "".join(f"  icd10-{n}: A09 now ranks first\n" for n in range(9))
        + "  and 4 more\n"
        "\n"
        "What still serves\n"
        "  Release 2026-11-20.1, with icd10 2026-10.\n"
        "\n"
        "What to do\n"
        "  Run `probatum audit --candidate c0dec0dec0de` for every failing question.\n"
        "\n"
        "Links\n"
        "  Run: http://127.0.0.1:4200/runs/flow-run/0f3c"
    )


def test_a_quarantined_file_is_told_with_its_case_and_what_serves_in_its_place():
    said = message("quarantined")
    assert said.subject == "Probatum: icd10: a file in quarantine"
    assert "a.pdf (2026-11-20-icd10-3f9c0a12): It cannot be read. Its former version still serves." in said.body
    assert "and 3 more" in said.body


def test_a_recovery_names_what_is_over_and_asks_for_nothing():
    told = alert_of(SUCCEEDED, id="2", occurred=WHEN, payload={"source": "icd10", "serving": SERVING})
    over = (
        {"kind": "refused", "about": "icd10", "since": WHEN},
        {"kind": "quarantined", "about": "icd10", "since": WHEN},
    )
    assert written(told, Due(over=over), {}) == Message(
        "Probatum: icd10 is well again",
        "What is over\n"
        "  icd10: the candidate is refused, since 2026-11-20T05:31 UTC\n"
        "  icd10: a file in quarantine, since 2026-11-20T05:31 UTC\n"
        "\n"
        "What serves\n"
        "  Release 2026-11-20.1, with icd10 2026-10.\n"
        "\n"
        "What to do\n"
        "  Nothing.",
    )


def test_a_candidate_that_waits_is_told_with_what_it_changes_and_how_to_decide_and_then_that_it_was():
    """P51: for whoever is routed one of its sources."""
    said = PAYLOADS["waiting"] | {"sources": {"formulary": "2026-10", "guidelines": "2026-10"}}
    alert = alert_of(KINDS["waiting"].event, id="1", occurred=WHEN, payload=said)
    assert [item.source for item in alert.items] == ["formulary", "guidelines"]
    assert written(alert, Due(alert.items), {}) == Message(
        "Probatum: formulary 2026-10, guidelines 2026-10 waits for approval",
        "What waits\n"
        "  Candidate c0dec0dec0de passed its audit: formulary 2026-10, guidelines 2026-10.\n"
        "\n"
        "What still serves\n"
        "  Release 2026-11-20.1.\n"
        "\n"
        "What to do\n"
        "  Look: `probatum audit --candidate c0dec0dec0de`. Then decide: `probatum approve c0dec0dec0de --why …` or "
        "`probatum decline c0dec0dec0de --why …`.",
    )
    decided = {"candidate": said["candidate"], "sources": {"guidelines": "2026-10"}, "decision": "approved"}
    over = alert_of(DECIDED, id="2", occurred=WHEN, payload=decided)
    troubles = ({"kind": "waiting", "about": over.about, "since": WHEN},) * 2
    assert over.about == alert.about and over.ends == ("waiting",)
    told = written(over, Due(over=troubles), {})
    assert told.subject == "Probatum: guidelines 2026-10 is approved"
    assert told.body.count("candidate c0dec0dec0de waits for approval, since 2026-11-20T05:31 UTC") == 1


def test_bad_news_that_come_late_say_that_it_is_over():
    told = alert_of(KINDS["refused"].event, id="1", occurred=WHEN, payload={"source": "icd10"} | PAYLOADS["refused"])
    said = written(told, Due(told.items, already_over="2026-11-21T05:30:00+00:00"), {})
    assert "It is over: icd10 was well again at 2026-11-21T05:30 UTC." in said.body


@pytest.mark.parametrize(
    "name", ["<!channel>", "<https://evil.example|click>", "@everyone", "@HERE", "`x`", "a\n\nb", "\x1b[31m", "\u202e"]
)
@pytest.mark.parametrize("word", ["refused", "quarantined", "run-crashed"])
def test_no_markup_of_a_name_is_obeyed_and_nobody_is_called_by_it(word, name):
    """P33: a file may be called what it likes."""
    case = {"id": "c", "files": [name], "reason": name, "next": name}
    question = {"id": name, "critical": False, "rank": 0, "top": [name]}
    said = message(
        word,
        cases=[case],
        questions=[question],
        reason=name,
        why=name,
        name=name,
        next="Look.",
        serving={"release": name, "edition": name},
    )
    plain = f"{said.subject}\n{said.body}".replace("`probatum quarantine show CASE`", "")
    for obeyed in ("<", ">", "@everyone", "@HERE", "`x", "\x1b", "\u202e", "a\n\nb"):
        assert obeyed not in plain


@given(st.sampled_from(sorted(KINDS)), st.dictionaries(st.text(max_size=5), st.text(), max_size=3))
def test_what_a_payload_holds_besides_is_never_said(word, extra):
    """P35: a message is made of the fields it knows; whatever else comes along stays out."""
    marked = {f"x{key}": f"canary{value}" for key, value in extra.items()}
    assert message(word, **marked) == message(word)
    assert "canary" not in message(word, **marked).body


def test_a_long_reason_is_cut():
    assert len(message("invalid", reason="x" * 50_000).body) < 2000


def test_what_is_no_news_makes_no_alert():
    about = {"source": "icd10"}
    assert alert_of("prefect.flow-run.Running", id="1", occurred=WHEN, payload=about) is None
    assert alert_of(KINDS["refused"].event, id="1", occurred=WHEN, payload={}) is None
    assert alert_of(RECOVERED, id="1", occurred=WHEN, payload=about | {"succeeded": True}) is None
    assert {alert_of(event, id="1", occurred=WHEN, payload=about).event for event in ENDS} == set(ENDS)
