"""Completing: what of the release that serves stays beside a new one that holds only a part of it (`probatum.parts`)."""

from probatum import parts, pipeline
from probatum.arriving import is_one_file, refuse_silently_changed
from probatum.errors import Rejected
from probatum.quarantine import UNFIT, Quarantine
from probatum.reading import Parsed
from probatum.records import Document
from probatum.release import Releases
from probatum.settings import Settings
from probatum.snapshots import Snapshots
from probatum.tables import open_table


def complete(chosen: Settings, source, snapshot: str, parsed: str) -> tuple[str, str, str]:
    """(snapshot, parsed, a word on it) with the parts that serve and of which a release of one file says nothing.

    Raises Rejected, and quarantines the snapshot, where nobody can tell what it replaces.
    """
    taken, serving = Snapshots(chosen.home).read(source.name, snapshot), Releases(chosen.home).current()
    before = serving.before(source.name, taken.release.valid_from) if serving else None
    if not is_one_file(taken.release.origin):
        return snapshot, parsed, ""
    if before is None:
        refuse_silently_changed(chosen, taken)
        return snapshot, parsed, ""
    table = open_table(chosen.home / "lance", before.documents.name, before.documents.version)
    there = [parts.of_row(row) for row in table.read(["file", "meta"]).to_pylist()]
    new = [parts.of_document(document) for document in _documents(chosen, source.name, parsed)]
    former = {file.name: file for file in pipeline.snapshot_files(chosen, source.name, before.snapshot)}
    try:
        carried = parts.carried_over(there, new, single_file=True)
    except Rejected as refused:
        raise Quarantine(chosen.home).set_aside(taken.release, taken.files, refused, UNFIT) from refused
    refuse_silently_changed(chosen, taken, part=bool(carried.files))
    if not carried.files:
        return snapshot, parsed, ""
    try:
        beside = parts.beside(carried, there, former, [file.name for file in taken.files])
        whole = Snapshots(chosen.home).compose(taken, [former[name] for name in (*carried.files, *beside)])
        read = pipeline.parse(chosen, source, whole.digest())
        composed = [parts.of_document(document) for document in _documents(chosen, source.name, read)]
        if otherwise := parts.read_otherwise(there, new, composed, carried):
            raise Rejected(
                f"{source.name} {taken.release.name} holds only a part, and read beside the rest it gives other documents of {', '.join(otherwise[:3])}.",
                next="Put it into a folder with the files of all other parts, and give that folder.",
            )
    except Rejected as refused:
        raise Quarantine(chosen.home).set_aside(taken.release, taken.files, refused, UNFIT) from refused
    return whole.digest(), read, carried.words()


def _documents(chosen: Settings, source: str, parsed: str) -> list[Document]:
    described = pipeline.read_parsed(chosen, source, parsed)
    return Parsed(tuple(chosen.home / path for path in described["paths"]), (), ()).documents()
