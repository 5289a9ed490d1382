"""Doctor: what state this home is in, and for everything that is wrong the command that mends it.

Each finding is (level, what, advice): "ok", "note" or "wrong". Nothing is changed.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from probatum.audit_report import LEAST_QUESTIONS
from probatum.encoder_identity import identify
from probatum.errors import ProbatumError
from probatum.freshness import stale_sources
from probatum.golden import read_golden
from probatum.journal import Journal
from probatum.quarantine import Quarantine
from probatum.release import Manifest, Releases
from probatum.settings import Settings
from probatum.tables import open_table

_ROOM_BYTES = 2 << 30  # a full ICD-10-CM release with its vectors is about 0.5 GB, and two are kept while one is made


@dataclass(frozen=True)
class Finding:
    level: str
    what: str
    advice: str = ""


def examine(chosen: Settings) -> list[Finding]:
    """All findings, in the order a person would look."""
    findings = [
        _home(chosen.home),
        _guarded("The encoder", lambda: f"Encoder {identify(chosen)[1].name}, {identify(chosen)[1].precision}."),
    ]
    try:
        serving = Releases(chosen.home).current()
    except ProbatumError as error:
        return [*findings, Finding("wrong", error.happened, error.next)]
    if serving is None:
        findings.append(Finding("note", "No release has been published yet.", "Run `probatum refresh --all`."))
    else:
        findings += [
            Finding("ok", f"Release {serving.id} serves {', '.join(serving.sources)}."),
            *_tables(chosen.home, serving),
            *_golden(chosen, serving),
            *(
                Finding(
                    "note",
                    f"{source} is stale: {why}.",
                    f"Look at its publisher, then run `probatum refresh {source}`.",
                )
                for source, why in stale_sources(chosen.home, serving).items()
            ),
        ]
    findings.append(
        _guarded(
            "The journal", lambda: f"The journal is whole, {Journal(chosen.home / 'journal.jsonl').verify()} records."
        )
    )
    return findings + _quarantine(chosen.home)


def _home(home: Path) -> Finding:
    if not home.exists():
        return Finding("note", f"The home {home} does not exist yet.", "The first refresh makes it.")
    free = shutil.disk_usage(home).free
    if free < _ROOM_BYTES:
        return Finding(
            "wrong",
            f"Only {free >> 20} MiB are free where the home is ({_ROOM_BYTES >> 20} MiB needed).",
            "Free some space, or move the home and set PROBATUM_HOME.",
        )
    return Finding("ok", f"The home is {home}, {free >> 30} GiB free.")


def _guarded(what: str, look) -> Finding:
    try:
        return Finding("ok", look())
    except ProbatumError as error:
        return Finding("wrong", f"{what}: {error.happened}", error.next)


def _tables(home: Path, serving: Manifest) -> list[Finding]:
    findings = []
    for _, state in serving.all_states():
        for table in (state.documents, state.texts):
            try:
                pinned = open_table(home / "lance", table.name, table.version)
            except ProbatumError as error:
                findings.append(Finding("wrong", error.happened, error.next))
                continue
            if (rows := pinned.count()) != table.rows:
                findings.append(
                    Finding(
                        "wrong",
                        f"Table {table.name} has {rows:,} rows, the release says {table.rows:,}.",
                        "Run `probatum verify`, then `probatum rollback`.",
                    )
                )
            elif any(pinned.unindexed_rows().values()):
                findings.append(
                    Finding("wrong", f"Table {table.name} has rows no index covers.", "Refresh the source again.")
                )
    return findings or [Finding("ok", "All tables open, with every row indexed.")]


def _golden(chosen: Settings, serving: Manifest) -> list[Finding]:
    findings = []
    for name, state in serving.sources.items():
        try:
            count = len(read_golden(chosen.expectations, name, state.release))
        except ProbatumError as error:
            findings.append(Finding("wrong", error.happened, error.next))
            continue
        if count < LEAST_QUESTIONS:
            findings.append(
                Finding(
                    "wrong",
                    f"{name} has {count} golden questions for {state.release} ({LEAST_QUESTIONS} needed).",
                    f"Add reviewed ones to expectations/golden/{name}.jsonl.",
                )
            )
    return findings


def _quarantine(home: Path) -> list[Finding]:
    return [
        Finding("note", f"In quarantine: {item.id} ({', '.join(item.files[:2])}). {item.reason}", item.next)
        for item in Quarantine(home).all()
    ]
