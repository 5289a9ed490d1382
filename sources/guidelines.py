"""Guidelines and protocols as a hospital's committee drops them: documents, slides, tables and pages, in a folder or a zip.

A folder may hold a `release.toml` that names the release and says what each file is; without one, every readable file
is a current document and the release takes its name from the folder.

    name = "2026-07"                                     [[documents]]
    valid_from = 2026-07-01                              file = "ngh-prot-012-adult-sepsis.pdf"
                                                         version = "3"   status = "current"   effective = 2026-07-01

Each file gives one Document of sections: headings, paragraphs, list items and table rows with page and heading path.
A file listed as superseded or withdrawn gives none. A file that cannot be read whole is refused with the reason, and
does not take the others with it. Nothing is recognised from pictures (no OCR).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from importlib import metadata
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from probatum.digests import of_file, of_text
from probatum.errors import Misconfigured, Rejected
from probatum.records import Document, SourceRelease
from probatum.safeio import ASK_AGAIN, Limits
from sources.base import Found, Offered, Source
from sources.elements import front
from sources.elements.judge import judge
from sources.elements.listed import RELEASE_FILE, Listed, Listing, read_listing
from sources.elements.readers import FILES, READ_WITH, SUFFIXES, reader_of
from sources.locate import files_at, is_address, to_be_told, valid_from_name

SAMPLES = Path(__file__).parent / "samples" / "guidelines"
DEFAULT_RELEASE = "2026-07"


class Guidelines(Source):
    name = "guidelines"
    title = "Clinical guidelines and protocols"
    licence = "as stated in each document; the embedded sample is invented and part of this project"
    cadence = timedelta(days=1)  # committees publish on any day; looking costs nothing
    limits = Limits()
    parser_version = "2"
    per_file = True

    def find(self, origin: str | None) -> Found:
        """The release at a folder, a file or an https address; None: the embedded sample."""
        origin = origin or str(SAMPLES / DEFAULT_RELEASE)
        files = _offered(origin)
        listing = _listing(origin)
        name, valid_from = valid_from_name([origin, *(file.name for file in files)])
        if listing:
            _all_there(listing, files)
            name, valid_from = listing.name or name, listing.valid_from or valid_from
        return Found(SourceRelease(self.name, name, valid_from, self.licence, to_be_told(origin)), tuple(files))

    def parse(self, files: Mapping[str, Path], release: SourceRelease) -> Iterator[Document]:
        """A document a file, in order of name. `release.toml`, where it is among the files, says what they are."""
        toml = next((path for name, path in files.items() if PurePosixPath(name).name == RELEASE_FILE), None)
        listing = read_listing(toml) if toml else Listing()
        for name, path in sorted(files.items()):
            listed = listing.of(name)
            if path == toml or not listed.is_current:
                continue
            if name.lower().endswith(".zip"):
                yield from self._inside(name, path, release)
            else:
                yield _document(name, path, listed, release, self.limits)

    def _inside(self, name: str, path: Path, release: SourceRelease) -> Iterator[Document]:
        """The documents in a zip, which may have a `release.toml` of its own. They cite the zip: it is what was kept."""
        from sources.elements.zipped import members

        with members(name, path, self.limits, (*FILES, RELEASE_FILE)) as inside:
            for document in self.parse(inside, release):
                yield replace(document, sha256=of_file(path))

    def parser_fingerprint(self) -> str:
        return f"{self.parser_version}-{of_text(' '.join(metadata.version(name) for name in READ_WITH))[:12]}"


def _offered(origin: str) -> list[Offered]:
    path = urlsplit(origin).path if is_address(origin) else origin
    if (is_address(origin) or Path(origin).expanduser().is_file()) and not path.lower().endswith(SUFFIXES):
        raise Misconfigured(
            f"{PurePosixPath(path).name or origin} has no ending that tells its format.",
            next=f"Give --from a folder, or a file or address ending in {', '.join(SUFFIXES)}.",
        )
    found = files_at(origin, suffixes=(*SUFFIXES, RELEASE_FILE))
    return [file for file in found if file.name.lower().endswith(SUFFIXES) or file.name == RELEASE_FILE]


def _listing(origin: str) -> Listing | None:
    path = Path(origin).expanduser() / RELEASE_FILE
    return read_listing(path) if not is_address(origin) and path.is_file() else None


def _all_there(listing: Listing, files: list[Offered]) -> None:
    there = {file.name for file in files}
    missing = [entry.file for entry in listing.documents.values() if entry.is_current and entry.file not in there]
    if missing:
        raise Rejected(
            f"{RELEASE_FILE} lists {len(missing)} current documents that are not there: {', '.join(missing[:5])}.",
            next="Add the files, or mark them withdrawn, and run the refresh again.",
        )


def _document(name: str, path: Path, listed: Listed, release: SourceRelease, limits: Limits) -> Document:
    from sources.elements.flatten import flatten
    from sources.elements.suspicion import flags_of
    from sources.elements.tidy import tidied

    try:
        suffix = judge(name, path, limits)
        reading = reader_of(suffix)(path, limits)
    except Rejected as error:  # a snapshot file is called by its digest; a person knows it by its name
        raise Rejected(error.happened.replace(path.name, name), safe=error.safe, next=error.next) from None
    text, blocks = flatten(reading.elements)
    if not any(char.isalnum() for char in text):
        raise Rejected(f"{name} holds no text.", next=ASK_AGAIN)
    said = front.said_by(text)
    flags = reading.flags + flags_of([reading.title, *(element.text for element in reading.elements)])
    effective = listed.effective or said.effective
    return Document(
        id=name,
        source=release.source,
        title=tidied(listed.title or reading.title or _title_from(name)),
        text=text,
        blocks=blocks,
        family=name,
        valid_from=(effective or release.valid_from).isoformat(),
        file=name,
        sha256=of_file(path),
        layout="sections",
        meta={
            "number": listed.number,
            "version": listed.version or said.version,
            "status": listed.status,
            "effective": effective.isoformat() if effective else "",
            "review_by": listed.review_by.isoformat() if listed.review_by else "",
            "owner": listed.owner,
            "supersedes": listed.supersedes,
            "format": suffix[1:],
            "pages": reading.pages,
            "words": len(text.split()),
            "tables": len({block.table for block in blocks} - {-1}),
            "dropped": dict(sorted(reading.dropped.items())),
            "flags": dict(sorted(flags.items())),
        },
    )


def _title_from(name: str) -> str:
    words = PurePosixPath(name).stem.replace("_", " ").replace("-", " ").split()
    return " ".join(words)[:1].upper() + " ".join(words)[1:]
