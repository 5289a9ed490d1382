"""Scrub: every digest in a home computed again; everything that is not what was written is named by its file.

    scrub(home)  ->  Scrubbed(counts={"blobs": 31, "sealed files": 214, …}, broken=(Broken("blobs/3f9c…", "is not …"),), …)

`verify` looks at one release and stops at the first damage; this looks at everything and goes on. It changes nothing. What can be
made again (the cache of vectors, what was parsed) is looked at too, because damage there would get into the next release.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from probatum import digests
from probatum.adapters.kept import FILES, wrong_files
from probatum.adapters.record import RECORD
from probatum.adapters.registry import Adapters
from probatum.audit_report import AuditReport
from probatum.ended import ended
from probatum.errors import Damaged, ProbatumError
from probatum.files import read_sealed
from probatum.home_format import must_be_ours
from probatum.journal import Journal
from probatum.release import Candidate, Manifest, Releases
from probatum.seals import Broken, Seals
from probatum.snapshots import Snapshots
from probatum.vectorcache import broken_vectors
from probatum.verify import verify

KINDS = (
    "blobs",
    "snapshots",
    "tables",
    "vector caches",
    "adapters",
    "releases",
    "candidates",
    "audits",
    "notes",
    "journal",
    "what serves",
)
QUICK = (
    "tables",
    "releases",
    "candidates",
    "audits",
    "notes",
    "snapshots",
    "adapters",
)  # all but what is large or looked at otherwise
_FROM_BACKUP = (
    "Run `probatum restore BACKUP --damaged`, which puts back exactly the files that are not what was written."
)
_MENDED_BY = {
    "lance/": f"{_FROM_BACKUP} Without a backup, `probatum rollback` to a release whose tables are whole.",
    "seals/": _FROM_BACKUP,
    "blobs/": f"{_FROM_BACKUP} Without a backup, delete it and refresh the source again.",
    "current.json": "Run `probatum releases` and `probatum rollback RELEASE` to serve a whole one.",
    "releases/": f"{_FROM_BACKUP} If it serves, `probatum rollback RELEASE` to another first.",
    "vectors/": "Delete the file; the next refresh encodes anew what it needs.",
    "adapters/lives.json": f"{_FROM_BACKUP} Copy it from there by hand: it changes with every promotion.",
    "adapters/": f"{_FROM_BACKUP} Without a backup, `probatum rollback` to a release that does not wear it.",
    "audits/": f"{_FROM_BACKUP} Without a backup, `probatum audit --release RELEASE` makes that of a release again, and `probatum audit --candidate …` any other.",
    "candidates/": "Delete the file and run the refresh again.",
    "journal": "Compare the journal with that of a backup; somebody or something changed it.",
    "release ": "Run `probatum rollback` to serve a whole one, then refresh the source again.",
}
MISSING_AUDIT = "is missing, and let through what serves"
_NOTES = (
    "ended",
    "kept",
    "looked",
    "fetched",
    "quarantine",
    "purged",
    "drops",
    "locks",
)  # JSON that nothing else vouches for


@dataclass(frozen=True)
class Scrubbed:
    """counts: {kind: how many were looked at}. unsealed: files of tables that no digest is known of."""

    counts: dict[str, int]
    broken: tuple[Broken, ...]
    unsealed: int = 0


def scrub(home: Path, *, kinds: Collection[str] = KINDS, spans: int = 200) -> Scrubbed:
    """Look at everything, or at some kinds. spans: how many texts of each source that serves are looked up in their documents."""
    looks: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
        "blobs": lambda: _blobs(home),
        "snapshots": lambda: _snapshots(home),
        "tables": lambda: _tables(home),
        "vector caches": lambda: _vectors(home),
        "adapters": lambda: _adapters(home),
        "releases": lambda: _releases(home),
        "candidates": lambda: _candidates(home),
        "audits": lambda: _audits(home),
        "notes": lambda: _notes(home),
        "journal": lambda: _journal(home),
        "what serves": lambda: _serving(home, spans),
    }
    counts, broken = {}, []
    for kind in kinds:
        seen = list(looks[kind]())
        counts[kind] = len({path for path, _ in seen})
        broken += [Broken(path, what) for path, what in seen if what]
    seals = Seals(home)
    unsealed = 0 if any(b.path.startswith("seals/") for b in broken) else sum(map(_unsealed(seals), _table_names(home)))
    return Scrubbed(counts, tuple(broken), unsealed)


def mended_by(path: str) -> str:
    """What to do about a file that is not what was written."""
    return next((advice for start, advice in _MENDED_BY.items() if path.startswith(start)), _FROM_BACKUP)


def _blobs(home: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((home / "blobs").glob("*")):
        yield f"blobs/{path.name}", "" if digests.of_file(path) == path.name else "is not what came"


def _snapshots(home: Path) -> Iterator[tuple[str, str]]:
    known = Snapshots(home)
    for path in sorted((home / "snapshots").glob("*/*.json")):
        shown = path.relative_to(home).as_posix()
        yield shown, wrong if (wrong := _wrong(lambda p=path: _named(known, p))) else ""


def _named(known: Snapshots, path: Path) -> None:
    for file in known.read(path.parent.name, path.stem).files:
        if not known.purged(file.sha256):
            known.blob(file.sha256)


def _tables(home: Path) -> Iterator[tuple[str, str]]:
    seals = Seals(home)
    for table in seals.tables():
        found: list[Broken] = []
        if wrong := _wrong(lambda t=table, f=found: f.extend(seals.broken(t))):
            yield f"seals/{table}.json", wrong
            continue
        yield f"seals/{table}.json", ""
        yield from ((each.path, each.what) for each in found)


def _table_names(home: Path) -> list[str]:
    return [path.name.removesuffix(".lance") for path in sorted((home / "lance").glob("*.lance"))]


def _unsealed(seals: Seals) -> Callable[[str], int]:
    return lambda table: len(seals.unsealed(table))


def _vectors(home: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((home / "vectors").glob("*.sqlite")):
        try:
            bad = broken_vectors(path)
            wrong = f"holds {bad} vectors that are not what was encoded" if bad else ""
        except sqlite3.DatabaseError as error:
            wrong = f"is no whole database ({type(error).__name__})"
        yield f"vectors/{path.name}", wrong


def _adapters(home: Path) -> Iterator[tuple[str, str]]:
    root, worn = home / "adapters", "" if _wrong(Releases(home).current) else _worn(home)
    if worn and not (root / worn).is_dir():
        yield from ((f"adapters/{worn}/{name}", "is missing, and worn by what serves") for name in (RECORD, *FILES))
    if (root / "lives.json").exists():
        yield "adapters/lives.json", _wrong(Adapters(home).all)
    for folder in sorted(path for path in root.glob("*") if path.is_dir() and not path.name.startswith(".")):
        try:
            wrong = list(wrong_files(folder, folder.name))
        except (ProbatumError, OSError):
            wrong = [RECORD]
        for name in (RECORD, *FILES):
            yield f"adapters/{folder.name}/{name}", "is not what was added" if name in wrong else ""


def _worn(home: Path) -> str:
    serving = Releases(home).current()
    return serving.encoder.adapter if serving else ""


def _releases(home: Path) -> Iterator[tuple[str, str]]:
    releases = Releases(home)
    if releases.pointer.exists():
        yield "current.json", _wrong(releases.current)
    if (home / "format.json").exists():
        yield "format.json", _wrong(lambda: must_be_ours(home))
    told = _journalled(home)
    for path in sorted(releases.folder.glob("*.json")):
        yield (
            f"releases/{path.name}",
            _wrong(lambda p=path: releases.read(p.stem))
            or _otherwise(releases.read(path.stem), told.get(path.stem, "")),
        )


def _otherwise(manifest: Manifest, published: str) -> str:
    """Whether a manifest is another than the journal says was published, or names another candidate than it holds."""
    content = Candidate(
        parent=manifest.parent, sources=manifest.sources, editions=manifest.editions, encoder=manifest.encoder
    )
    whole = content.digest() == manifest.candidate and published in ("", manifest.digest())
    return "" if whole else "is not what was published"


def _journalled(home: Path) -> dict[str, str]:
    """{release: digest of its manifest} as the journal has it, as far as it can be read."""
    records = Journal(home / "journal.jsonl").legible()
    return {r["release"]: r["manifest"] for r in records if "release" in r and "manifest" in r}


def _candidates(home: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((home / "candidates").glob("*.json")):
        yield f"candidates/{path.name}", _wrong(lambda p=path: _parsed(p)) or _misnamed(path)


def _misnamed(path: Path) -> str:
    raw = _parsed(path)
    try:
        if path.name.startswith("state-"):
            digest = f"state-{digests.of_json(raw['state'])}"
        else:
            digest = Candidate.model_validate(raw).digest()
    except (ValueError, KeyError, TypeError):  # pydantic's errors are ValueErrors
        return "is not whole"
    return "" if digest == path.stem else "is not what was written"


def _audits(home: Path) -> Iterator[tuple[str, str]]:
    if missing := _missing_audit(home):
        yield missing, MISSING_AUDIT
    for path in sorted((home / "audits").glob("*.json")):
        yield f"audits/{path.name}", _wrong(lambda p=path: _report(p))
    for path in sorted((home / "audits" / "answers").glob("*.json")):
        yield f"audits/answers/{path.name}", _wrong(lambda p=path: _sealed(p))


def _missing_audit(home: Path) -> str:
    """The file that should say why what serves could be published, where nothing does."""
    if _wrong(Releases(home).current) or not (serving := Releases(home).current()):
        return ""
    names = [f"audits/{digest}.json" for digest in (serving.candidate, serving.audit)]
    return "" if any((home / name).exists() for name in names) else names[0]


def _report(path: Path) -> None:
    report = AuditReport.model_validate(_sealed(path))
    if path.stem not in (report.candidate, report.digest()):  # by its digest: the one that let through what serves
        raise Damaged("It is of another candidate.", next="Run `probatum audit` again.")


def _notes(home: Path) -> Iterator[tuple[str, str]]:
    for folder in _NOTES:
        for path in sorted((home / folder).rglob("*")):
            if path.suffix in (".json", ".turn") and path.is_file():
                yield path.relative_to(home).as_posix(), _wrong(lambda p=path: _parsed(p))


def _journal(home: Path) -> Iterator[tuple[str, str]]:
    yield "journal.jsonl", _wrong(Journal(home / "journal.jsonl").verify)


def _serving(home: Path, spans: int) -> Iterator[tuple[str, str]]:
    """Content, beyond bytes: rows against their digests, texts in their documents."""
    if not _wrong(Releases(home).current) and (serving := Releases(home).current()):
        wrong = f"has ended ({end.how})" if (end := ended(home, serving.id)) else ""
        yield f"release {serving.id}", wrong or _wrong(lambda: verify(home, serving, spans=spans))


def _wrong(look: Callable[[], object]) -> str:
    """What is wrong, in words; "" when the look raises nothing."""
    try:
        look()
    except ProbatumError as error:
        return f"is damaged: {error.happened.rstrip('.')}"
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:  # JSON's and Unicode's are ValueErrors
        return f"cannot be read ({type(error).__name__})"
    return ""


def _parsed(path: Path) -> dict:
    return orjson.loads(path.read_bytes())


def _sealed(path: Path) -> dict:
    return read_sealed(path, what="An audit", next="Run `probatum audit` again.")
