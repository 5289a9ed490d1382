"""The words of an alert: what failed, which questions and what now ranks first, what still serves, what to do, where to look.

    written(alert, due, links={"run": "http://…"})
    ->  Message("Probatum: icd10 is refused", "What failed\\n  hit rate @3 is 0.872, not above 0.90 …")

Plain text for Slack, mail and pagers alike, of ids, counts and reasons: no text of a document and no question is in what it
is made of. Names come from outside: no markup of theirs is obeyed, and nobody is called by one.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probatum.alert_kinds import DECIDED
from probatum.alerts import Alert
from probatum.notified import Due
from probatum.printable import printable

_REASON_CHARACTERS = 900  # a pager shows less, a chat cuts at 3,000
_NAMED = 10
_MARKUP = str.maketrans({"<": "‹", ">": "›", "`": "'"})  # Slack and Teams call people and make links with these
_CALLS_PEOPLE = re.compile(r"@(?=everyone|here|channel|all\b)", re.I)
_STILL = "What served before still serves."
_HEADLINES = {
    "invalid": "{about}: what was sent is refused",
    "refused": "{about}: the candidate is refused",
    "quarantined": "{about}: {n} in quarantine",
    "waiting": "{about} waits for approval",
    "late": "{about} is late",
    "receipts": "{about}: no receipts were written",
    "run-failed": "a run of {about} failed",
    "run-crashed": "a run of {about} crashed",
    "run-late": "a run of {about} did not start",
    "no-worker": "no worker in pool {about}",
    "drift": "{about} has drifted",
    "retrain": "{about} was retrained, and what serves stays",
    "probes-missing": "{about} cannot be judged: probes are missing",
    "test": "a test",
}


@dataclass(frozen=True)
class Message:
    subject: str
    body: str


def written(alert: Alert, due: Due, links: Mapping[str, str]) -> Message:
    """The message of what is due to one channel. links: {what it is: address}."""
    if not due.new and alert.kind != "test":
        return _recovery(alert, due, links)
    headline = _HEADLINES[alert.kind].format(about=_of_sources(alert) or _plain(alert.about), n=_files(len(due.new)))
    over = [f"It is over: {_plain(alert.about)} was well again at {due.already_over[:16]} UTC."]
    return Message(
        f"Probatum: {headline}",
        _body(
            (
                "What waits" if alert.kind == "waiting" else "What failed",
                _what_failed(alert, due) + (over if due.already_over else []),
            ),
            ("Questions", _questions(alert.payload)),
            ("What still serves", _serving(alert)),
            ("What to do", _what_to_do(alert)),
            ("Links", _links(links)),
        ),
    )


def _recovery(alert: Alert, due: Due, links: Mapping[str, str]) -> Message:
    ended = [
        f"{_HEADLINES[trouble['kind']].format(about=_plain(trouble['about']), n='a file')}, since {trouble['since'][:16]} UTC"
        for trouble in due.over
    ]
    decided = f"{_of_sources(alert)} is {_plain(alert.payload.get('decision', 'decided'))}"
    return Message(
        f"Probatum: {decided if alert.event == DECIDED else f'{_plain(alert.about)} is well again'}",
        _body(
            ("What is over", _some(dict.fromkeys(ended))),  # of several sources that wait together
            ("What serves", _serving(alert)),
            ("What to do", ["Nothing."]),
            ("Links", _links(links)),
        ),
    )


def _what_failed(alert: Alert, due: Due) -> list[str]:
    said = alert.payload
    if alert.kind == "quarantined":
        more = [f"and {said['more']} more"] if said.get("more") else []
        return _some([_case(item.facts) for item in due.new]) + more
    if alert.kind == "test":
        return ["Nothing. This shows that messages arrive here."]
    if alert.kind == "waiting":
        return [f"{_plain(alert.about).capitalize()} passed its audit: {_of_sources(alert)}."]
    if alert.kind == "no-worker":
        return [f"No worker serves the pool {_plain(alert.about)}; its runs wait."]
    if alert.kind == "drift":
        figure = f"{said.get('figure')}: {said.get('before')} at publication, {said.get('now')} now."
        return [_plain(figure), *_some(map(_plain, said.get("reasons", ())))]
    if alert.kind == "retrain":
        return [
            f"The retrain ended as {_plain(said.get('outcome', ''))}.",
            *_some(map(_plain, said.get("reasons", ()))),
        ]
    candidate = f"Candidate {_plain(said['candidate'])[:12]}: " if said.get("candidate") else ""
    run = f"Run {_plain(said['name'])}: " if alert.kind.startswith("run-") and said.get("name") else ""
    return [f"{run}{candidate}{_plain(said.get('reason') or said.get('why') or 'no reason was given')}"]


def _case(facts: Mapping) -> str:
    files = ", ".join(_plain(name) for name in facts.get("files", ()))
    former = " Its former version still serves." if facts.get("former_version_serves") else ""
    return f"{files} ({_plain(facts['id'])}): {_plain(facts.get('reason', ''))}{former}"


def _questions(said: Mapping) -> list[str]:
    if not said.get("failing"):
        return []
    listed = [
        f"{_plain(q['id'])}{' (critical)' if q.get('critical') else ''}: "
        f"{_plain(', '.join(q.get('top', ())) or 'nothing')} now rank{'s' if len(q.get('top', ())) < 2 else ''} first"
        for q in said.get("questions", ())
    ]
    count = (
        f"{said['failing']} not answered in the first three hits, {said.get('failing_critical', 0)} of them critical:"
    )
    return [count, *_some(listed, of=said["failing"])]


def _serving(alert: Alert) -> list[str]:
    if alert.kind == "waiting":
        return [f"Release {_plain(alert.payload['parent'])}."] if alert.payload.get("parent") else []
    serving = alert.payload.get("serving") or {}
    if not serving.get("release"):
        return (
            [_STILL]
            if alert.kind
            in ("run-failed", "run-crashed", "run-late", "late", "no-worker", "drift", "retrain", "probes-missing")
            else []
        )
    edition = f", with {_plain(alert.source)} {_plain(serving['edition'])}" if serving.get("edition") else ""
    return [f"Release {_plain(serving['release'])}{edition}."]


def _what_to_do(alert: Alert) -> list[str]:
    said = alert.payload
    advice = {
        "late": f"Run `probatum refresh {alert.source}`; if it fails too, ask the publisher.",
        "run-failed": "Open the run; once the cause is mended, run it again: it goes on where it was.",
        "run-crashed": "Run it again: it goes on where it was. If it crashes again, look at memory and disk of the worker.",
        "run-late": "See that a worker of its pool is up: `prefect work-pool inspect POOL`.",
        "no-worker": f"Start one: `prefect worker start --pool {_plain(alert.about)}`.",
        "test": "Nothing.",
    }
    if alert.kind == "quarantined":
        return [
            "Run `probatum quarantine show CASE`. "
            + " ".join(dict.fromkeys(_plain(c.get("next", "")) for c in said["cases"][:3]))
        ]
    if alert.kind == "waiting":
        name = _plain(said.get("candidate", ""))[:12]
        return [
            f"Look: `probatum audit --candidate {name}`. Then decide: `probatum approve {name} --why …` or "
            f"`probatum decline {name} --why …`."
        ]
    return [_plain(said.get("next", ""), code=True) or advice.get(alert.kind, "") or "See the run."]


def _of_sources(alert: Alert) -> str:
    """ "guidelines 2026-10, icd10 2027" of what waits or waited; "" for everything else."""
    if alert.kind != "waiting" and alert.event != DECIDED:
        return ""
    return ", ".join(_plain(f"{name} {release}") for name, release in (alert.payload.get("sources") or {}).items())


def _links(links: Mapping[str, str]) -> list[str]:
    return [f"{what}: {address}" for what, address in links.items() if address]


def _body(*sections: tuple[str, list[str]]) -> str:
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in sections if lines)


def _some(lines: Iterable[str], of: int = 0) -> list[str]:
    lines = list(lines)
    more = max(of, len(lines)) - min(len(lines), _NAMED)
    return lines[:_NAMED] + ([f"and {more} more"] if more > 0 else [])


def _files(number: int) -> str:
    return "a file" if number == 1 else f"{number} files"


def _plain(text: object, *, code: bool = False) -> str:
    """On one line, without what a chat obeys. code: our own advice keeps the quotes round its commands."""
    said = printable(str(text)).translate({k: v for k, v in _MARKUP.items() if not code or k != ord("`")})
    said = _CALLS_PEOPLE.sub("@ ", said)
    return said if len(said) <= _REASON_CHARACTERS else f"{said[:_REASON_CHARACTERS]} …"
