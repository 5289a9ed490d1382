"""The plan: what a refresh would do, found out without writing a table.

The release is fetched into a snapshot and read in the sandbox (both are kept and not done again by the refresh), then
compared with what serves.
"""

from dataclasses import dataclass

from probatum import pipeline
from probatum.breaker import predecessor
from probatum.chunks import chunk
from probatum.encoder_identity import identify
from probatum.reading import Parsed
from probatum.records import SourceRelease
from probatum.release import Releases
from probatum.rows import document_rows
from probatum.settings import Settings
from probatum.snapshots import Snapshots
from probatum.tables import open_table
from probatum.vectorcache import missing_from_cache
from probatum.wearing import worn


@dataclass(frozen=True)
class Plan:
    source: str
    release: str
    valid_from: str
    origin: str
    files: int
    size_bytes: int
    serves: bool
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    texts: int = 0
    texts_to_encode: int = 0
    unreadable: tuple[str, ...] = ()


def plan_source(chosen: Settings, source, origin: str | None) -> Plan:
    """What refreshing `source` from `origin` would do. Raises what the refresh would raise while reading."""
    digest = pipeline.fetch(chosen, source, origin)
    snapshot = Snapshots(chosen.home).read(source.name, digest)
    release = snapshot.release
    facts = {
        "source": source.name,
        "release": release.name,
        "valid_from": release.valid_from.isoformat(),
        "origin": release.origin,
        "files": len(snapshot.files),
        "size_bytes": sum(f.size for f in snapshot.files),
    }
    if pipeline.already_serves(chosen, source, digest):
        return Plan(**facts, serves=True)
    described = pipeline.read_parsed(chosen, source.name, pipeline.parse(chosen, source, digest))
    read = Parsed(tuple(chosen.home / path for path in described["paths"]), (), ())
    documents, _ = pipeline.as_known(chosen, source, read.documents(), release.valid_from)
    rows = document_rows(documents)
    new, old = (
        dict(zip(rows["id"].to_pylist(), rows["hash"].to_pylist(), strict=True)),
        _hashes_before(chosen, release),
    )
    encoded = _texts(documents)
    _, identity = identify(chosen, adapter=worn(chosen))
    return Plan(
        **facts,
        serves=False,
        added=len(new.keys() - old.keys()),
        removed=len(old.keys() - new.keys()),
        changed=sum(old[i] != h for i, h in new.items() if i in old),
        unchanged=sum(old.get(i) == h for i, h in new.items()),
        texts=len(encoded),
        texts_to_encode=missing_from_cache(identity.digest, encoded, chosen.home / "vectors"),
        unreadable=tuple(f"{q['files'][0]}: {q['reason']}" for q in described["quarantined"]),
    )


def _hashes_before(chosen: Settings, release: SourceRelease) -> dict[str, str]:
    state = predecessor(Releases(chosen.home).current(), release)
    if state is None:
        return {}
    rows = open_table(chosen.home / "lance", state.documents.name, state.documents.version).read(["id", "hash"])
    return dict(zip(rows["id"].to_pylist(), rows["hash"].to_pylist(), strict=True))


def _texts(documents) -> list[str]:
    if all(d.layout == "record" for d in documents):  # no tokenizer is needed to know the texts of records
        return [text.encoded for d in documents for piece in chunk(d, lambda texts: [], 0) for text in piece.texts]
    from probatum.encoder import Encoder

    encoder = Encoder.load()
    return [
        text.encoded
        for d in documents
        for piece in chunk(d, encoder.count_tokens, encoder.max_tokens)
        for text in piece.texts
    ]
