"""The alerts there are: the word that routes use, the event it comes from, its payload, and when it is told again.

    KINDS["refused"]   Kind("refused", "probatum.release.refused", "an audit refused a candidate", ("source", …), …)

The names and payloads are stable: other systems may subscribe to them. README's table is made from this one.
A payload holds ids, counts, names of files and reasons; never a text of a document, never a question.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """word: in the file of routes. again: what makes it news again while it is not over."""

    word: str
    event: str
    when: str
    payload: tuple[str, ...]
    again: str


_RUN = ("run", "name", "deployment", "source", "state", "why")
KINDS = {
    kind.word: kind
    for kind in (
        Kind(
            "invalid",
            "probatum.source.invalid",
            "what a publisher sent was refused before any audit",
            ("source", "reason", "safe", "next", "exit_code", "serving", "run", "receipts"),
            "another reason",
        ),
        Kind(
            "refused",
            "probatum.release.refused",
            "the audit refused a candidate",
            (
                "source", "candidate", "reason", "safe", "next", "exit_code", "failing", "failing_critical",
                "questions", "serving", "run", "receipts",
            ),
            "another reason",
        ),
        Kind(
            "quarantined",
            "probatum.document.quarantined",
            "files were set aside, and the rest of the source went on",
            ("source", "cases", "more", "serving", "run", "receipts"),
            "another file",
        ),
        Kind(
            "waiting",
            "probatum.release.waiting",
            "a candidate passed its audit, and somebody has to approve it",
            ("candidate", "sources", "parent", "since", "next"),
            "another candidate",
        ),
        Kind("late", "probatum.source.late", "a source is stale", ("source", "why", "run"), "never while it is late"),
        Kind(
            "receipts",
            "probatum.receipts.failed",
            "no receipts could be written",
            ("source", "reason", "next", "exit_code", "run"),
            "another reason",
        ),
        Kind("run-failed", "prefect.flow-run.Failed", "a run failed for a reason of its own", _RUN, "another run"),
        Kind("run-crashed", "prefect.flow-run.Crashed", "a run ended without a word", _RUN, "another run"),
        Kind("run-late", "prefect.flow-run.Late", "a run did not start when it was due, nor ten minutes later", _RUN, "another deployment"),
        Kind("no-worker", "prefect.work-pool.not-ready", "no worker serves a pool", ("pool",), "another pool"),
        Kind(
            "drift",
            "probatum.behaviour.drifted",
            "what serves behaves otherwise than at publication",
            ("behaviour", "drift", "champion", "figure", "before", "now", "since", "reasons", "next", "serving", "report", "run"),
            "another drift",
        ),
        Kind(
            "retrain",
            "probatum.behaviour.kept",
            "a retrain ended without a new champion",
            ("behaviour", "drift", "outcome", "adapter", "reasons", "next", "report", "run"),
            "another drift or outcome",
        ),
        Kind(
            "probes-missing",
            "probatum.probes.missing",
            "too few probes could be asked to judge a behaviour",
            ("behaviour", "reason", "since", "next", "serving", "report", "run"),
            "never while they are missing",
        ),
    )
}  # fmt: skip

SUCCEEDED = "probatum.source.succeeded"  # a source was published, or has nothing new
RECOVERED = "probatum.source.recovered"  # what was late is no longer
DECIDED = (
    "probatum.release.decided"  # what waited was approved, declined or published, or a newer candidate took its place
)
BEHAVES = "probatum.behaviour.recovered"  # a drift is over
PROBED = "probatum.probes.complete"  # probes that were missing can be asked again
COMPLETED = "prefect.flow-run.Completed"
READY = "prefect.work-pool.ready"
# what each piece of good news ends, for its source, candidate, deployment or pool
ENDS = {
    SUCCEEDED: ("invalid", "refused", "quarantined", "late", "receipts", "run-failed", "run-crashed", "run-late"),
    RECOVERED: ("late",),
    DECIDED: ("waiting",),
    BEHAVES: ("drift", "retrain"),
    PROBED: ("probes-missing",),
    COMPLETED: ("run-failed", "run-crashed", "run-late"),
    READY: ("no-worker",),
}
RECOVERY = {
    SUCCEEDED: ("source", "release", "published", "open_cases", "stale", "serving", "run", "receipts"),
    RECOVERED: ("source", "why", "succeeded", "run"),
    DECIDED: ("candidate", "sources", "decision"),
    BEHAVES: ("behaviour", "drift", "champion", "before", "now", "serving", "report", "run"),
    PROBED: ("behaviour", "serving", "report", "run"),
    COMPLETED: _RUN,
    READY: ("pool",),
}


def kind_of(event: str) -> Kind | None:
    return next((kind for kind in KINDS.values() if kind.event == event), None)


def table() -> str:
    """The table for people, in markdown."""
    lines = ["| in routes | event | when | payload | told again for |", "|---|---|---|---|---|"]
    lines += [
        f"| `{kind.word}` | `{kind.event}` | {kind.when} | {', '.join(kind.payload)} | {kind.again} |"
        for kind in KINDS.values()
    ]
    lines += [
        f"| (recovery) | `{event}` | ends {', '.join(ENDS[event])} | {', '.join(payload)} | |"
        for event, payload in RECOVERY.items()
    ]
    return "\n".join(lines)
