"""The steps between a publisher's release and ours, each taking and leaving small values: ids and digests.

    snapshot  = fetch(home, source, origin)                  "3f9c…"
    parsed    = parse(home, source, snapshot)                "9a1b…"      None: it already serves
    state     = write(home, source, snapshot, parsed)        "77e0…"
    candidate = assemble(home, [state, …])                   "c0de…"
    failures  = audit(home, candidate)                       {"icd10": ["hit rate @3 is 0.89, …"]}
    release   = publish(home, candidate)                     "2026-11-20.1"

Every value names a file under the home, so a run that was killed goes on where it was, and an orchestrator never
carries content. Sources are passed in: this library does not know them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from probatum import digests
from probatum.audit_report import AuditReport
from probatum.breaker import check_loss
from probatum.candidates import candidate_of, fingerprint, write_source
from probatum.encoder_identity import identify
from probatum.errors import Rejected
from probatum.files import read_json, write_json
from probatum.publish import Publisher
from probatum.quarantine import Quarantine
from probatum.reading import Parsed, Served, read_snapshot
from probatum.release import Candidate, Manifest, Releases, SourceState
from probatum.settings import Settings
from probatum.snapshots import Snapshots
from probatum.store import Store

_AGAIN = "Run the refresh again."


def fetch(chosen: Settings, source, origin: str | None) -> str:
    """Bring the bytes of a release in; returns the digest of the snapshot."""
    found = source.find(origin)
    taken = Snapshots(chosen.home).take(
        found.release,
        [(f.name, f.location) for f in found.files],
        source.limits,
        chosen.hosts(),
        chosen.authorities(),
    )
    return taken.digest()


def already_serves(chosen: Settings, source, snapshot: str) -> bool:
    """Whether exactly this snapshot, read and encoded as it would be now, is what serves."""
    serving = Releases(chosen.home).current()
    state = serving.sources.get(source.name) if serving else None
    return state is not None and state.made_by == _made_by(chosen, source, snapshot)


def parse(chosen: Settings, source, snapshot: str) -> str:
    """Read the snapshot's files in the sandbox; returns the digest of what was read. Raises Rejected when nothing could be."""
    parsed = read_snapshot(
        chosen.home,
        Snapshots(chosen.home).read(source.name, snapshot),
        limits=source.limits,
        parser=source.parser_fingerprint(),
        per_file=source.per_file,
        before=lambda: _served(chosen, source.name),
    )
    described = {
        "paths": [str(path.relative_to(chosen.home)) for path in parsed.paths],
        "quarantined": [asdict(q) for q in parsed.quarantined],
        "kept": list(parsed.kept),
    }
    digest = digests.of_json(described)
    write_json(_parsed_file(chosen, source.name, digest), described)
    return digest


def read_parsed(chosen: Settings, source: str, digest: str) -> dict:
    """{"paths", "quarantined", "kept"} of a parse."""
    return read_json(_parsed_file(chosen, source, digest), what="The result of parsing", next=_AGAIN)


def write(chosen: Settings, source, snapshot: str, parsed: str, *, allowed_loss: float) -> str:
    """Chunk, embed and merge into the tables of the source; returns the digest of its new state.

    Raises Rejected, and quarantines the snapshot, when too many documents are gone or rows are not fit to be written."""
    from probatum.encoder import Encoder

    taken = Snapshots(chosen.home).read(source.name, snapshot)
    described = read_parsed(chosen, source.name, parsed)
    serving = Releases(chosen.home).current()
    try:
        documents = Parsed(tuple(chosen.home / path for path in described["paths"]), (), ()).documents()
        check_loss(
            taken.release, snapshot, len(documents), serving, allowed=allowed_loss, expectations=chosen.expectations
        )
        state, _ = write_source(
            chosen.home,
            taken,
            documents,
            Encoder.load(chosen),
            made_by=_made_by(chosen, source, snapshot),
            quarantined=[name for q in described["quarantined"] for name in q["files"][:1]],
            serving=serving.sources.get(source.name) if serving else None,
        )
    except Rejected as refused:
        kept = Quarantine(chosen.home).put(
            source.name, taken.release.name, list(taken.files), reason=refused.happened, next=refused.next
        )
        raise Rejected(
            f"{refused.happened} It is in quarantine as {kept.id}.", safe=refused.safe, next=refused.next
        ) from refused
    digest = digests.of_json(state.model_dump(mode="json"))
    write_json(_state_file(chosen, digest), {"source": source.name, "state": state.model_dump(mode="json")})
    return digest


def assemble(chosen: Settings, states: Iterable[str]) -> str:
    """A candidate of what serves with these states in place; returns its digest."""
    changed = {}
    for digest in states:
        raw = read_json(_state_file(chosen, digest), what="A source's state", next=_AGAIN)
        changed[raw["source"]] = SourceState.model_validate(raw["state"])
    _, identity = identify(chosen)
    candidate = candidate_of(Releases(chosen.home).current(), identity, changed)
    write_json(_candidate_file(chosen, candidate.digest()), candidate.model_dump(mode="json"))
    return candidate.digest()


def serves(chosen: Settings, source: str, digest: str) -> bool:
    """Whether a state holds exactly what serves: the same release of the source, the same documents, the same texts."""
    serving = Releases(chosen.home).current()
    now = serving.sources.get(source) if serving else None
    raw = read_json(_state_file(chosen, digest), what="A source's state", next=_AGAIN)
    new = SourceState.model_validate(raw["state"])
    return now is not None and (now.release, now.snapshot, now.documents.digest, now.texts.digest) == (
        new.release,
        new.snapshot,
        new.documents.digest,
        new.texts.digest,
    )


def audit(chosen: Settings, candidate: str) -> AuditReport:
    """Audit a candidate through the search that would serve it; the report is stored."""
    from probatum.audit import audit as audit_candidate
    from probatum.encoder import Encoder

    serving = Releases(chosen.home).current()
    read = read_candidate(chosen, candidate)
    return audit_candidate(
        chosen.home, chosen.expectations, read, Encoder.load(chosen, precision=read.encoder.precision), serving=serving
    )


def publish(chosen: Settings, candidate: str, *, actor: str) -> Manifest:
    """Publish a candidate on its stored audit. Raises Rejected, Conflict."""
    from probatum.audit import read_report

    return Publisher(chosen.home).publish(
        read_candidate(chosen, candidate), read_report(chosen.home, candidate), actor=actor
    )


def settle(chosen: Settings, *, actor: str) -> None:
    """Write down what an earlier run did and was killed before it could say so."""
    Publisher(chosen.home).settle(actor=actor)


def find_candidate(chosen: Settings, beginning: str | None) -> str:
    """The digest of the newest candidate, or of the one it begins with. Raises Rejected when there is none, or several."""
    paths = sorted(
        (p for p in (chosen.home / "candidates").glob("*.json") if not p.name.startswith("state-")),
        key=lambda p: p.stat().st_mtime,
    )
    if beginning:
        paths = [p for p in paths if p.stem.startswith(beginning)]
    if not paths or (beginning and len(paths) > 1):
        raise Rejected(
            f"{len(paths) or 'No'} candidate{'s' if len(paths) > 1 else ''} found.",
            next="Run `probatum refresh --hold` to make one, or give more of its digest.",
        )
    return paths[-1].stem


def read_candidate(chosen: Settings, digest: str) -> Candidate:
    return Candidate.model_validate(read_json(_candidate_file(chosen, digest), what="The candidate", next=_AGAIN))


def unfinished_tables(chosen: Settings) -> list[str]:
    """Tables in the store that the serving release does not name: refused candidates, other encoders."""
    serving = Releases(chosen.home).current()
    named = {t.name for s in serving.sources.values() for t in (s.documents, s.texts)} if serving else set()
    return [name for name in Store(chosen.home / "lance").names() if name not in named]


def _served(chosen: Settings, source: str) -> Iterator[Served]:
    """The snapshots of a source that serve and served before, newest first, each with the files not read from it."""
    releases = Releases(chosen.home)
    manifest = releases.current()
    while manifest and (state := manifest.sources.get(source)):
        yield Snapshots(chosen.home).read(source, state.snapshot), state.quarantined
        manifest = releases.read(manifest.parent) if manifest.parent else None


def _made_by(chosen: Settings, source, snapshot: str) -> str:
    _, identity = identify(chosen)
    return fingerprint(Snapshots(chosen.home).read(source.name, snapshot), source.parser_fingerprint(), identity.digest)


def _parsed_file(chosen: Settings, source: str, digest: str) -> Path:
    return chosen.home / "work" / source / f"parsed-{digest}.json"


def _state_file(chosen: Settings, digest: str) -> Path:
    return chosen.home / "candidates" / f"state-{digest}.json"


def _candidate_file(chosen: Settings, digest: str) -> Path:
    return chosen.home / "candidates" / f"{digest}.json"
