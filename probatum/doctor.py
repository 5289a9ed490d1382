"""Doctor: what state this home is in, and for everything that is wrong the command that mends it.

Each finding is (level, what, advice): "ok", "note" or "wrong". Nothing is changed.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probatum import backup as backups
from probatum.audit_report import LEAST_QUESTIONS
from probatum.encoder_identity import identify
from probatum.errors import ProbatumError
from probatum.freshness import stale_sources
from probatum.golden import read_golden
from probatum.journal import Journal
from probatum.locks import running
from probatum.purge import begun
from probatum.quarantine import Quarantine
from probatum.release import Manifest, Releases
from probatum.routes import read_routes, routes_file
from probatum.scrub import MISSING_AUDIT, QUICK, mended_by, scrub
from probatum.settings import Settings
from probatum.tables import open_table
from probatum.waiting import WaitingRoom

_SHOWN = 5
_LONG = timedelta(hours=6)  # the longest a step of a refresh may take
_BACKUP_LATE = timedelta(days=9)  # one a week, and a day or two of grace
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
        return [*findings, Finding("wrong", error.happened, error.next), *_files(chosen.home), *_upkeep(chosen)]
    if serving is None:
        findings.append(Finding("note", "No release has been published yet.", "Run `probatum refresh --all`."))
    else:
        findings += [
            Finding("ok", f"Release {serving.id} serves {', '.join(serving.sources)}."),
            *_tables(chosen.home, serving),
            *_audit(chosen.home, serving),
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
    return [*findings, *_files(chosen.home), *_upkeep(chosen), *_alerts(chosen), *_people(chosen.home)]


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
    if home.stat().st_mode & 0o007:
        return Finding(
            "note",
            f"Everybody on this machine may look into {home}.",
            f"Run `chmod 750 {home}`: dropped files and quarantine lie in it.",
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


def _audit(home: Path, serving: Manifest) -> list[Finding]:
    """Whether the audit of what serves is there: the next candidate is compared with it, and nothing is written without."""
    from probatum.audit import serving_report

    try:
        serving_report(home, serving)
    except ProbatumError as error:
        return [Finding("wrong", error.happened, error.next)]
    return []


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


def _files(home: Path) -> list[Finding]:
    """Files that are not what was written. Blobs and caches, which are large, are left to `probatum scrub`."""
    found = scrub(home, kinds=QUICK)
    broken = [each for each in found.broken if each.what != MISSING_AUDIT]  # told with the release it is of
    wrong = [Finding("wrong", f"{each.path} {each.what}.", mended_by(each.path)) for each in broken[:_SHOWN]]
    if len(broken) > _SHOWN:
        wrong.append(Finding("wrong", f"{len(broken) - _SHOWN} more files are damaged.", "Run `probatum scrub`."))
    return wrong or [Finding("ok", f"{sum(found.counts.values()):,} files are what was written.")]


def _upkeep(chosen: Settings) -> list[Finding]:
    """A purge that did not end, who has held a lock for long, and whether there is a backup to go back to."""
    findings, now = [], datetime.now(UTC)
    if note := begun(chosen.home):
        findings.append(
            Finding(
                "wrong",
                f"A purge that {note['actor']} began on {note['at'][:10]} did not end ({note['why']}).",
                "Run `probatum purge` with the same words again; it goes on where it was.",
            )
        )
    for name, turn in running(chosen.home).items():
        if turn.since and now - datetime.fromisoformat(turn.since) > _LONG:
            findings.append(
                Finding(
                    "wrong",
                    f"The lock of {name} is held by {turn}.",
                    f"Look whether process {turn.pid} is stopped; when it is, end it, and the lock is free at once.",
                )
            )
    return [*findings, *_guarded_backup(chosen, now), *_at_rest(chosen)]


def _at_rest(chosen: Settings) -> list[Finding]:
    if chosen.at_rest:
        return [Finding("ok", f"Encrypted at rest, as somebody says: {chosen.at_rest}.")]
    advice = "Encrypt the disk, and say so in PROBATUM_AT_REST; the journal keeps it."
    return [Finding("note", "Nobody has said that the disk of the home is encrypted.", advice)]


def _guarded_backup(chosen: Settings, now: datetime) -> list[Finding]:
    if not chosen.backups:
        return [
            Finding("note", "No folder for backups is set.", "Set PROBATUM_BACKUPS, or run `probatum backup` yourself.")
        ]
    try:
        taken = backups.backups(Path(chosen.backups).expanduser())
    except ProbatumError as error:
        return [Finding("wrong", error.happened, error.next)]
    late = not taken or now - datetime.fromisoformat(taken[-1].taken) > _BACKUP_LATE
    if late:
        last = f"The last backup is of {taken[-1].taken[:10]}" if taken else "There is no backup yet"
        return [
            Finding("wrong", f"{last}.", "Run `probatum backup` now, and look why the deployment `maintain` did not.")
        ]
    return [Finding("ok", f"The last backup is of {taken[-1].taken[:10]}, release {taken[-1].release}.")]


def _alerts(chosen: Settings) -> list[Finding]:
    """Whether the file of routes can be read and sends anything to anybody."""
    try:
        routes = read_routes(chosen)
    except ProbatumError as error:
        return [Finding("wrong", error.happened, error.next)]
    if not routes.routes:
        place = routes_file(chosen)
        return [
            Finding(
                "note",
                f"Nobody is told of anything: {place.name} {'has no route' if place.exists() else 'is not there'}.",
                f"Name channels and routes in {place.name} and run `probatum alerts install`.",
            )
        ]
    silent = [name for name in routes.channels if name not in {route.channel for route in routes.routes}]
    return [
        Finding("note", f"No route leads to the channel {name}.", f"Add one to {routes_file(chosen).name}.")
        for name in silent
        if name != routes.last_resort
    ]


def _people(home: Path) -> list[Finding]:
    """What waits for somebody's decision: candidates, and files in quarantine."""
    try:
        waits = WaitingRoom(home).all()
    except ProbatumError as error:
        return [Finding("wrong", error.happened, error.next)]
    waiting = [
        Finding(
            "note",
            f"Candidate {each.candidate[:12]} ({', '.join(each.releases)}) waits for approval since {each.since[:16]} UTC.",
            "Run `probatum pending`.",
        )
        for each in waits
    ]
    return waiting + [
        Finding("note", f"In quarantine: {item.id} ({', '.join(item.files[:2])}). {item.reason}", item.advice)
        for item in Quarantine(home).all()
    ]
