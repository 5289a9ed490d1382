"""What a refresh has to tell the world: its outcome as events, with names and payloads as in `probatum.alert_kinds`.

    news_of(settings, {"icd10": None}, outcome, run="0f3c…")
    ->  [News("probatum.release.refused", "icd10", {"source": "icd10", "reason": "…", "questions": [{"id": …, "top": […]}], …})]

What could not be reached is no news before the source is late. Ids, counts, names of files and reasons only.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from probatum.alert_kinds import KINDS, SUCCEEDED
from probatum.arriving import drop_zone
from probatum.audit import read_report
from probatum.audit_report import QuestionResult, SourceAudit
from probatum.dropzone import SIDECAR, receipts_at
from probatum.errors import Retryable
from probatum.quarantine import Quarantine
from probatum.release import Manifest, Releases, today
from probatum.settings import Settings

_NAMED = 20  # of questions and cases: an event of Prefect stays far below its largest size
_OWNER_CHARACTERS = 80


@dataclass(frozen=True)
class News:
    event: str
    source: str
    payload: Mapping


def news_of(chosen: Settings, origins: Mapping[str, str | None], outcome: Mapping, *, run: str) -> list[News]:
    """The events of one refresh. origins: {source: where it was read from}; outcome: see `probatum.outcome`."""
    serving = Releases(chosen.home).current()
    told: list[News] = []
    for source, origin in origins.items():
        about = {"source": source, "run": run}
        where = about | {"serving": _serving(serving, source), "receipts": _receipts(chosen, source, origin)}
        if cases := outcome["quarantined"].get(source):
            told.append(_news("quarantined", where | _cases(chosen, source, cases)))
        refusal = outcome["refused"].get(source)
        if refusal and refusal["exit_code"] != Retryable.exit_code:
            told.append(_refused(chosen, source, refusal, where))
        if failure := outcome["without_receipts"].get(source):
            told.append(_news("receipts", about | failure))
        if not refusal and not failure:
            told.append(News(SUCCEEDED, source, where | _success(chosen, source, outcome)))
    return told


def _refused(chosen: Settings, source: str, refusal: Mapping, where: dict) -> News:
    if not refusal.get("candidate"):
        return _news("invalid", where | {key: refusal[key] for key in ("reason", "safe", "next", "exit_code")})
    audit = read_report(chosen.home, refusal["candidate"]).sources.get(source)
    return _news("refused", where | refusal | (_failing(audit) if audit else {}))


def _failing(audit: SourceAudit) -> dict:
    """Questions without their answer in the first three hits, critical ones first, and what ranks there instead."""
    failing = sorted((q for q in audit.questions if not q.answered), key=lambda q: not q.critical)
    return {
        "failing": len(failing),
        "failing_critical": sum(q.critical for q in failing),
        "questions": [_question(q) for q in failing[:_NAMED]],
    }


def _question(result: QuestionResult) -> dict:
    return {"id": result.id, "critical": result.critical, "rank": result.rank, "top": list(result.top)}


def _cases(chosen: Settings, source: str, cases: list[dict]) -> dict:
    files = chosen.home / "drops" / source / "files"
    named = [case | {"owner": _owner(files, case["files"][0])} for case in cases[:_NAMED]]
    return {"cases": named, "more": len(cases) - len(named)}


def _owner(files: Path, name: str) -> str:
    """Who owns a dropped file, as its sidecar or its tags say; "" when nobody says."""
    try:
        owner = tomllib.loads((files / f"{name}{SIDECAR}").read_text("utf-8")).get("owner", "")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return ""
    return owner[:_OWNER_CHARACTERS] if isinstance(owner, str) else ""


def _success(chosen: Settings, source: str, outcome: Mapping) -> dict:
    cases = [case.id for case in Quarantine(chosen.home).all() if case.source == source]
    published = source in outcome["published"]
    return {
        "release": outcome["release"] if published else "",
        "published": published,
        "open_cases": cases,
        "stale": outcome["stale"].get(source, ""),
    }


def _serving(serving: Manifest | None, source: str) -> dict:
    if serving is None:
        return {}
    edition = serving.in_force(today()).get(source)
    return {"release": serving.id, "edition": edition.release if edition else ""}


def _receipts(chosen: Settings, source: str, origin: str | None) -> str:
    """Where the receipts of its drop zone begin; "" where it reads none."""
    place = drop_zone(chosen, source, origin)
    where = receipts_at(place) if place else None
    return f"{where}index.html" if where else ""


def _news(word: str, payload: dict) -> News:
    return News(KINDS[word].event, payload["source"], payload)
