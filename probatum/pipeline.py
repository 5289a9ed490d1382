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
from contextlib import suppress
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import orjson

from probatum import arriving, digests
from probatum.attested import attest
from probatum.audit_report import AuditReport
from probatum.breaker import check_loss, gone_from, predecessor
from probatum.candidates import candidate_of, fingerprint, write_source
from probatum.decisions import settle as settle_decisions
from probatum.drafts import Drafts
from probatum.encoder_identity import identify
from probatum.errors import Conflict, Damaged, Misconfigured, ProbatumError, Rejected
from probatum.files import read_json, write_json
from probatum.golden_files import GoldenFiles
from probatum.locks import one_refresh
from probatum.observing import noted_audit, noted_release, observed
from probatum.publish import Publisher
from probatum.quarantine import DISAGREES, TOO_FEW, UNFIT, Quarantine
from probatum.reading import Parsed, Served, dropped_in_all, read_snapshot
from probatum.records import Document, SnapshotFile
from probatum.release import Candidate, Manifest, Releases, SourceState, today
from probatum.screening import clinical_names, gate_code
from probatum.seams import seam
from probatum.settings import Settings
from probatum.settled import settled
from probatum.snapshots import Snapshot, Snapshots
from probatum.space import needs_room
from probatum.store import Store
from probatum.tables import open_table
from probatum.thresholds import largest_loss
from probatum.waiting import must_not_need_approval
from probatum.wearing import must_be_of_one_encoder, note_audited, with_adapter, worn

_AGAIN = "Run the refresh again."
ONE_DAY = timedelta(days=1)

fetch = needs_room("fetching")(arriving.fetch)  # the first of the steps


def already_serves(chosen: Settings, source, snapshot: str) -> bool:
    """Whether exactly this snapshot, read and encoded as it would be now, is what serves."""
    made_by = _made_by(chosen, source, snapshot)
    return any(state.made_by == made_by for state in _editions(chosen, source.name))


@observed("parse")
@needs_room("reading")
def parse(chosen: Settings, source, snapshot: str) -> str:
    """Read the snapshot's files in the sandbox; returns the digest of what was read. Raises Rejected when nothing could be."""
    parsed = _read(chosen, source, snapshot)
    Quarantine(chosen.home).close(source.name, (case.id for case in parsed.quarantined))
    described = {
        "paths": [str(path.relative_to(chosen.home)) for path in parsed.paths],
        "quarantined": [asdict(q) | {"next": q.advice} for q in parsed.quarantined],
        "kept": list(parsed.kept),
        "dropped": dropped_in_all(parsed.reports()),
    }
    digest = digests.of_json(described)
    write_json(_parsed_file(chosen, source.name, digest), described)
    return digest


def _read(chosen: Settings, source, snapshot: str) -> Parsed:
    return read_snapshot(
        chosen.home,
        Snapshots(chosen.home).read(source.name, snapshot),
        limits=source.limits,
        parser=source.parser_fingerprint(),
        per_file=source.per_file,
        names=clinical_names(chosen.home, Releases(chosen.home).current()),
        before=lambda: _served(chosen, source.name),
    )


def read_parsed(chosen: Settings, source: str, digest: str) -> dict:
    """{"paths", "quarantined", "kept", "dropped"} of a parse."""
    return read_json(_parsed_file(chosen, source, digest), what="The result of parsing", next=_AGAIN)


def as_known(
    chosen: Settings, source, documents: list[Document], takes_force: date
) -> tuple[list[Document], dict[str, str]]:
    """The documents under the ids they go by, without those that others supersede on the day they take force; and by which."""
    if not source.per_file:
        return documents, {}
    serving = Releases(chosen.home).current()
    return settled(chosen.home, documents, serving.sources.get(source.name) if serving else None, takes_force)


def snapshot_files(chosen: Settings, source: str, digest: str) -> tuple[SnapshotFile, ...]:
    return Snapshots(chosen.home).read(source, digest).files


def read_state(chosen: Settings, digest: str) -> SourceState:
    """The state of a source that a write left."""
    raw = read_json(_state_file(chosen, digest), what="A source's state", next=_AGAIN)
    return SourceState.model_validate(raw["state"])


@observed("write")
@needs_room("writing")
def write(
    chosen: Settings, source, snapshot: str, parsed: str, *, allowed_loss: float, adapter: str | None = None
) -> str:
    """Chunk, embed and merge into the tables of the source; returns the digest of its new state.

    adapter: identity of the one to encode with; by default that of what serves.

    Raises Rejected, and quarantines the snapshot, when too many documents are gone, when what changed is not what the
    publisher says changed, or when rows are not fit to be written.
    """
    from probatum.audit import check_encoder
    from probatum.encoder import Encoder

    taken = Snapshots(chosen.home).read(source.name, snapshot)
    described = read_parsed(chosen, source.name, parsed)
    read = Parsed(tuple(chosen.home / path for path in described["paths"]), (), ())
    serving = Releases(chosen.home).current()
    adapter = worn(chosen, serving) if adapter is None else adapter
    encoder = Encoder.load(chosen, adapter=adapter)
    check_encoder(chosen.home, chosen.expectations, encoder, serving)
    kind = UNFIT
    try:
        documents, _ = as_known(chosen, source, read.documents(), taken.release.valid_from)
        kind = TOO_FEW
        check_loss(
            taken.release,
            snapshot,
            len(documents),
            serving,
            gone=gone_from(_ids(chosen, predecessor(serving, taken.release)), (d.id for d in documents)),
            allowed=allowed_loss,
            expectations=chosen.expectations,
        )
        kind = DISAGREES
        _check_said(chosen, source, taken, documents, read.reports(), serving)
        kind = UNFIT
        state, _ = write_source(
            chosen.home,
            taken,
            documents,
            encoder,
            made_by=_made_by(chosen, source, snapshot, adapter),
            quarantined=[name for q in described["quarantined"] for name in q["files"][:1]],
            serving=serving.sources.get(source.name) if serving else None,
        )
    except Rejected as refused:
        raise Quarantine(chosen.home).set_aside(taken.release, taken.files, refused, kind) from refused
    digest = digests.of_json(state.model_dump(mode="json"))
    write_json(_state_file(chosen, digest), {"source": source.name, "state": state.model_dump(mode="json")})
    return digest


@observed("assemble")
@needs_room("assembling a candidate")
def assemble(chosen: Settings, states: Iterable[str], *, adapter: str | None = None) -> str:
    """A candidate of what serves with these states in place; returns its digest.

    adapter: identity of the one the states were written with; by default that of what serves. Raises Rejected when a state is of
    another encoder.
    """
    changed = {}
    for digest in states:
        raw = read_json(_state_file(chosen, digest), what="A source's state", next=_AGAIN)
        changed[raw["source"]] = SourceState.model_validate(raw["state"])
    serving = Releases(chosen.home).current()
    _, identity = identify(chosen, adapter=worn(chosen, serving) if adapter is None else adapter)
    candidate = candidate_of(serving, identity, changed)
    must_be_of_one_encoder(chosen.home, candidate)
    return _kept_candidate(chosen, candidate)


def served_documents(chosen: Settings, sources: Iterable) -> Iterator[Document]:
    """What serves today of these sources, as documents: read again where it is not at hand. Raises Rejected before the first release."""
    serving = Releases(chosen.home).current()
    if serving is None:
        raise Rejected("No release serves here.", safe="Nothing was read.", next="Run `probatum refresh --all` first.")
    in_force = serving.in_force(today())
    for source in sources:
        if state := in_force.get(source.name):
            documents = _read(chosen, source, state.snapshot).documents()  # no case in quarantine is over by this
            yield from as_known(chosen, source, documents, state.valid_from)[0]


@observed("wear")
@needs_room("assembling a candidate")
def wear(chosen: Settings, adapter: str) -> str:
    """A candidate of what serves whose questions are read with `adapter` ("": with none); returns its digest.

    Raises Rejected for an adapter of both sides, whose candidate is made by `write` and `assemble`, and before the first release.
    """
    serving = Releases(chosen.home).current()
    if serving is None:
        raise Rejected("No release serves that could wear an adapter.", next="Run `probatum refresh --all` first.")
    here = chosen
    if chosen.encoder_precision == "auto":  # of what serves, whatever this processor would take
        here = chosen.model_copy(update={"encoder_precision": serving.encoder.precision})
    _, identity = identify(here, adapter=adapter)
    return _kept_candidate(chosen, with_adapter(serving, identity))


def encode_anew(chosen: Settings, sources: Iterable, adapter: str) -> str:
    """A candidate of what serves in which every text and question is read with `adapter`; returns its digest.

    Raises Rejected before the first release, and while other editions of a source are kept: their texts are of another encoder.
    Conflict when somebody published meanwhile: what was encoded is not what serves any more.
    """
    serving, states = Releases(chosen.home).current(), []
    if serving is None:
        raise Rejected("No release serves that could wear an adapter.", next="Run `probatum refresh --all` first.")
    if kept := [name for name, editions in serving.editions.items() if editions]:
        raise Rejected(
            f"Other editions of {', '.join(kept)} are kept, and their texts would stay as the base reads them.",
            next="Wear one for questions, or wait until only one edition of each source serves.",
        )
    with one_refresh(chosen.home, serving.sources):
        for source in sources:
            if state := serving.sources.get(source.name):
                parsed = parse(chosen, source, state.snapshot)
                allowed = largest_loss(chosen.expectations, source.name)
                states.append(write(chosen, source, state.snapshot, parsed, allowed_loss=allowed, adapter=adapter))
        now = Releases(chosen.home).current()
        if now is None or now.id != serving.id:
            raise Conflict(
                f"Release {now.id if now else 'none'} was published while texts were encoded for one after {serving.id}.",
                next="Do it again, from what serves now.",
            )
        return assemble(chosen, states, adapter=adapter)


def serves(chosen: Settings, source: str, digest: str) -> bool:
    """Whether a state holds exactly what serves: the same release of the source, the same documents, the same texts."""
    new = read_state(chosen, digest)
    return any(
        (now.release, now.snapshot, now.documents.digest, now.texts.digest)
        == (new.release, new.snapshot, new.documents.digest, new.texts.digest)
        for now in _editions(chosen, source)
    )


@observed("audit")
@needs_room("auditing a candidate")
def audit(chosen: Settings, candidate: str) -> AuditReport:
    """Audit a candidate through the search that would serve it; the report is stored, and a page of it for people."""
    from probatum.audit import audit as audit_candidate
    from probatum.encoder import Encoder
    from probatum.report_page import write_report

    serving = Releases(chosen.home).current()
    read = read_candidate(chosen, candidate)
    encoder = Encoder.load(chosen, precision=read.encoder.precision, adapter=read.encoder.adapter)
    report = audit_candidate(chosen.home, chosen.expectations, read, encoder, serving=serving)
    if report.passed:
        note_audited(chosen.home, read.encoder)
    noted_audit(report)
    write_report(chosen.home, chosen.expectations, read, report)
    seam("after-audit")
    return report


def audit_again(chosen: Settings, release: str, *, actor: str) -> AuditReport:
    """Make the audit of a release again where its file is gone or damaged: of the same tables, against the release it came after.

    With today's questions, so it may say otherwise than the one that let it through; the journal says that it was made again, and
    whether it is the same. What has its audit is left as it is: Rejected. A release that serves serves on, whatever comes out.
    """
    from probatum.audit import audit as audit_candidate
    from probatum.audit import serving_report
    from probatum.encoder import Encoder

    releases = Releases(chosen.home)
    manifest = releases.readable(release)
    if _has_audit(lambda: serving_report(chosen.home, manifest)):
        raise Rejected(f"The audit of release {manifest.id} is there and whole.", next="Nothing is to be done.")
    before = releases.read(manifest.parent) if manifest.parent else None
    if before and not _has_audit(lambda: serving_report(chosen.home, before)):
        before = None  # compared with nothing, then
    content = Candidate(
        parent=manifest.parent, encoder=manifest.encoder, sources=manifest.sources, editions=manifest.editions
    )
    encoder = Encoder.load(chosen, precision=manifest.encoder.precision, adapter=manifest.encoder.adapter)
    for gone in (manifest.audit, manifest.candidate):  # a damaged one would be read before the new one
        (chosen.home / "audits" / f"{gone}.json").unlink(missing_ok=True)
    report = audit_candidate(chosen.home, chosen.expectations, content, encoder, serving=before)
    same = "yes" if report.digest() == manifest.audit else "no"
    Publisher(chosen.home).journal().add(
        "audit-again", actor=actor, release=manifest.id, passed=str(report.passed), same=same
    )
    return report


def _has_audit(read) -> bool:
    try:
        read()
    except (Damaged, Misconfigured):
        return False
    return True


@observed("publish")
@needs_room("publishing")
def publish(chosen: Settings, candidate: str, *, actor: str, why: str = "") -> Manifest:
    """Publish a candidate on its stored audit; why: the words of whoever approved it. Raises Rejected, Conflict."""
    from probatum.audit import read_report
    from probatum.report_page import write_report

    read, report = read_candidate(chosen, candidate), read_report(chosen.home, candidate)
    if not why:
        must_not_need_approval(chosen.expectations, read, Releases(chosen.home).current())
    manifest = Publisher(chosen.home).publish(read, report, actor=actor, why=why)
    noted_release(manifest)
    with suppress(ProbatumError, OSError):  # it serves, whether or not its page can say so
        write_report(chosen.home, chosen.expectations, manifest, report)
    with suppress(Damaged):  # it is published; `probatum golden drafts` says what is wrong with the list
        Drafts(chosen.home).look()
    return manifest


def settle(chosen: Settings, *, actor: str) -> None:
    """Write down what an earlier run, or a person, did and was killed before it could say so."""
    Publisher(chosen.home).settle(actor=actor)
    attest(chosen.home, chosen.at_rest, actor=actor)
    settle_decisions(chosen.home)
    GoldenFiles(chosen.home, chosen.expectations).settle()


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
    named = {t.name for _, s in serving.all_states() for t in (s.documents, s.texts)} if serving else set()
    return [name for name in Store(chosen.home / "lance").names() if name not in named]


def _editions(chosen: Settings, source: str) -> tuple[SourceState, ...]:
    serving = Releases(chosen.home).current()
    return serving.of_source(source) if serving else ()


def _check_said(
    chosen: Settings,
    source,
    snapshot: Snapshot,
    documents: list[Document],
    reports: list[dict],
    serving: Manifest | None,
) -> None:
    """Raise Rejected when the publisher's own account of what changed does not agree with what changed."""
    said = {key: value for report in reports for key, value in report["said"].items()}
    before = serving.before(source.name, snapshot.release.valid_from - ONE_DAY) if serving else None
    quarantine = Quarantine(chosen.home)
    if not said or quarantine.let_through(source.name, DISAGREES, [f.sha256 for f in snapshot.files]):
        return
    if wrong := source.disagreements(_facts_of(chosen, before) if before else {}, documents, said):
        since = f" since {before.release}" if before else ""
        raise Rejected(
            f"{source.name} {snapshot.release.name} is not what its publisher says changed{since}: {'; '.join(wrong[:5])}.",
            next="Look whether a file is missing, or whether the publisher has put out an erratum.",
        )


def _facts_of(chosen: Settings, state: SourceState) -> dict[str, dict]:
    """{document: its meta, title, valid_from and file} of what a state holds."""
    table = open_table(chosen.home / "lance", state.documents.name, state.documents.version)
    columns = ("title", "valid_from", "file")
    return {
        row["id"]: {**orjson.loads(row["meta"]), **{key: row[key] for key in columns}}
        for row in table.read(["id", "meta", *columns]).to_pylist()
    }


def _ids(chosen: Settings, state: SourceState | None) -> list[str]:
    if state is None:
        return []
    return (
        open_table(chosen.home / "lance", state.documents.name, state.documents.version).read(["id"])["id"].to_pylist()
    )


def _served(chosen: Settings, source: str) -> Iterator[Served]:
    """The snapshots of a source that serve and served before, newest first, each with the files not read from it."""
    releases = Releases(chosen.home)
    manifest = releases.current()
    while manifest and (state := manifest.sources.get(source)):
        yield Snapshots(chosen.home).read(source, state.snapshot), state.quarantined
        manifest = releases.read(manifest.parent) if manifest.parent else None


def _made_by(chosen: Settings, source, snapshot: str, adapter: str | None = None) -> str:
    _, identity = identify(chosen, adapter=worn(chosen) if adapter is None else adapter)
    parser = " ".join([source.parser_fingerprint(), gate_code(), *Quarantine(chosen.home).released(source.name)])
    return fingerprint(Snapshots(chosen.home).read(source.name, snapshot), parser, identity.digest)


def _kept_candidate(chosen: Settings, candidate: Candidate) -> str:
    write_json(_candidate_file(chosen, candidate.digest()), candidate.model_dump(mode="json"))
    return candidate.digest()


def _parsed_file(chosen: Settings, source: str, digest: str) -> Path:
    return chosen.home / "work" / source / f"parsed-{digest}.json"


def _state_file(chosen: Settings, digest: str) -> Path:
    return chosen.home / "candidates" / f"state-{digest}.json"


def _candidate_file(chosen: Settings, digest: str) -> Path:
    return chosen.home / "candidates" / f"{digest}.json"
