"""Guidelines and protocols as a hospital's committee drops them: documents, slides, tables and pages, in a folder or a zip.

A folder may hold a `release.toml` that names the release and says what each file is; without one, every readable file
is a current document and the release takes its name from the folder.

    name = "2026-07"                                     [[documents]]
    valid_from = 2026-07-01                              file = "ngh-prot-012-adult-sepsis.pdf"
                                                         version = "3"   status = "current"   effective = 2026-07-01

Beside a file, `x.pdf.probatum.toml` may say the same of it alone. From publishers: a dump of recommendations or a piece of
guidance in chapters as JSON (told by its shape), and the address of a feed, which is a release of all it lists as current.

Each file gives one Document of sections: headings, paragraphs, list items and table rows with page and heading path.
A file listed as superseded or withdrawn gives none. A file that cannot be read whole is refused with the reason, and
does not take the others with it. Nothing is recognised from pictures (no OCR).
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from importlib import metadata
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from probatum.digests import of_file, of_text
from probatum.errors import Misconfigured, Rejected
from probatum.identity import SIDECAR
from probatum.records import Document, SourceRelease
from probatum.safeio import ASK_AGAIN, Limits
from sources.base import Found, Offered, Source
from sources.elements import front
from sources.elements.judge import judge
from sources.elements.listed import RELEASE_FILE, Listed, Listing, read_listing, read_sidecar, together
from sources.elements.readers import FILES, READ_WITH, SUFFIXES, reader_of
from sources.locate import files_at, is_address, said_by_names, to_be_told, valid_from_name

SAMPLES = Path(__file__).parent / "samples" / "guidelines"
DEFAULT_RELEASE = "2026-07"
PUBLISHED = (".json",)  # may have a publisher's own shape
FEED_ENDINGS = (".json", ".xml", ".atom")  # of an address that may be a feed


class Guidelines(Source):
    name = "guidelines"
    title = "Clinical guidelines and protocols"
    licence = "as stated in each document; the embedded sample is invented and part of this project"
    cadence = timedelta(days=1)  # committees publish on any day; looking costs nothing
    limits = Limits()
    per_file = True

    def find(self, origin: str | None, *, hosts: frozenset[str] = frozenset(), folder: Path | None = None) -> Found:
        """The release at a folder, a file, an https address or a publisher's feed; None: the embedded sample.

        hosts: that a feed may be asked at. folder: for its index, which has to lie somewhere until the release is taken in.
        """
        origin = origin or str(SAMPLES / DEFAULT_RELEASE)
        if is_address(origin) and urlsplit(origin).path.lower().endswith(FEED_ENDINGS):
            return self._published(origin, hosts, folder or Path(tempfile.mkdtemp(prefix="probatum-feed-")))
        files = _offered(origin)
        listing = _listing(origin)
        name, valid_from = valid_from_name([origin, *(file.name for file in files)])
        dated = said_by_names([origin]) is not None  # a date in the name of one document names no release
        if listing:
            _all_there(listing, files)
            dated = dated or bool(listing.name)
            name, valid_from = listing.name or name, listing.valid_from or valid_from
        _all_beside_something(files)
        release = SourceRelease(self.name, name, valid_from, self.licence, to_be_told(origin), dated)
        return Found(release, tuple(files))

    def parse(self, files: Mapping[str, Path], release: SourceRelease) -> Iterator[Document]:
        """The documents of each file, in order of name. `release.toml` and sidecars among the files say what they are.

        What a sidecar or a document supersedes by its number is told in `meta`: `probatum.superseded` sees all of a release.
        """
        toml = next((path for name, path in files.items() if PurePosixPath(name).name == RELEASE_FILE), None)
        listing = read_listing(toml) if toml else Listing()
        for name, path in sorted(files.items()):
            if path == toml or name.endswith(SIDECAR):
                continue
            listed = listing.of(name)
            if beside := files.get(name + SIDECAR):
                listed = together(listed, read_sidecar(beside, name))
            if not listed.is_current:
                continue
            if name.lower().endswith(".zip"):
                documents = self._inside(name, path, release)
            elif name.lower().endswith(PUBLISHED):
                documents = _published(name, path, listed, release, self.limits)
            else:
                documents = [_declared(_document(name, path, listed, release, self.limits), listed)]
            yield from (_said_of(document, listed) for document in documents)

    def _inside(self, name: str, path: Path, release: SourceRelease) -> Iterator[Document]:
        """The documents in a zip, which may say of themselves what they are. They cite the zip: it is what was kept."""
        from sources.elements.zipped import members

        with members(name, path, self.limits, (*FILES, RELEASE_FILE, SIDECAR)) as inside:
            for document in self.parse(inside, release):
                yield replace(document, sha256=of_file(path))

    def _published(self, origin: str, hosts: frozenset[str], folder: Path) -> Found:
        """The release of a feed; where the address holds something else, that one file."""
        from sources.feed import Feed, read_feed

        folder.mkdir(parents=True, exist_ok=True)
        feed = read_feed(origin, folder, hosts=hosts, limits=self.limits, endings=SUFFIXES)
        if not isinstance(feed, Feed):
            name, valid_from = valid_from_name([origin])
            files = [replace(_offered(origin)[0], location=str(feed))]
        else:
            name, valid_from = feed.modified.isoformat(), feed.modified
            listing = folder / RELEASE_FILE
            listing.write_text(feed.listing(), "utf-8")
            files = [Offered(entry.file, entry.address) for entry in feed.current]
            files.append(Offered(RELEASE_FILE, str(listing)))
        dated = not isinstance(feed, Feed)  # two changes in one day share a date
        release = SourceRelease(self.name, name, valid_from, self.licence, to_be_told(origin), dated)
        return Found(release, tuple(files))

    def parser_fingerprint(self) -> str:
        read_with = " ".join(metadata.version(name) for name in READ_WITH)
        return f"{super().parser_fingerprint()[:12]}-{of_text(read_with)[:12]}"


def _offered(origin: str) -> list[Offered]:
    path = urlsplit(origin).path if is_address(origin) else origin
    endings = SUFFIXES
    if (is_address(origin) or Path(origin).expanduser().is_file()) and not path.lower().endswith(endings):
        raise Misconfigured(
            f"{PurePosixPath(path).name or origin} has no ending that tells its format.",
            next=f"Give --from a folder, or a file or address ending in {', '.join(endings)}.",
        )
    found = files_at(origin, suffixes=(*endings, RELEASE_FILE, SIDECAR))
    return [f for f in found if f.name.lower().endswith(endings) or f.name == RELEASE_FILE or f.name.endswith(SIDECAR)]


def _listing(origin: str) -> Listing | None:
    path = Path(origin).expanduser() / RELEASE_FILE
    return read_listing(path) if not is_address(origin) and path.is_file() else None


def _all_there(listing: Listing, files: list[Offered]) -> None:
    if doubt := listing.in_doubt(file.name for file in files):
        raise Rejected(
            f"{RELEASE_FILE} tells of files that are in several folders: {', '.join(doubt[:5])}.",
            next="Name them with their folder, as in ward/protocol.pdf, and run the refresh again.",
        )
    there = {file.name for file in files}
    missing = [file for file in listing.documents if listing.of(file).is_current and file not in there]
    if missing:
        raise Rejected(
            f"{RELEASE_FILE} lists {len(missing)} current documents that are not there: {', '.join(missing[:5])}.",
            next="Add the files, or mark them withdrawn, and run the refresh again.",
        )


def _all_beside_something(files: list[Offered]) -> None:
    """A sidecar whose file is not there describes a document that was forgotten, or misnamed."""
    there = {file.name for file in files}
    alone = [
        file.name
        for file in files
        if file.name.endswith(SIDECAR)
        and file.name.removesuffix(SIDECAR) not in there
        and read_sidecar(Path(file.location), file.name.removesuffix(SIDECAR)).is_current
    ]
    if alone:
        raise Rejected(
            f"{len(alone)} files describe a current document that is not there: {', '.join(alone[:5])}.",
            next="Add the document, or mark it withdrawn, and run the refresh again.",
        )


def _published(name: str, path: Path, listed: Listed, release: SourceRelease, limits: Limits) -> Iterator[Document]:
    """JSON: what publishers send is told by its shape, anything else is read as it stands."""
    from sources import chapters, feed_pages, recommendations
    from sources.json_pages import load

    judge(name, path, limits)
    raw = load(path, name)
    listed = replace(listed, file=name)
    if recommendations.fits(raw):
        yield from recommendations.documents(raw, path, listed, release)
    elif chapters.fits(raw):
        if feed_pages.standing(*chapters.status(raw)) in ("current", None):
            yield chapters.document(raw, path, listed, release)
    elif feed_pages.is_index(raw):
        raise Rejected(f"{name} lists guidance but holds none.", next="Give --from the https address it came from.")
    elif not recommendations.means_to_fit(raw):
        yield _declared(_document(name, path, listed, release, limits), listed)
    else:
        raise Rejected(
            f"{name} is JSON of a shape that is not known: no recommendations and no chapters.",
            next="Take it out of the release, or ask the publisher for another format.",
        )


def _declared(document: Document, listed: Listed) -> Document:
    """Called by the id it was given; else by its file's name."""
    return replace(document, id=listed.id, family=listed.id) if listed.id else document


def _said_of(document: Document, listed: Listed) -> Document:
    said = {"trust": listed.trust, "superseded_by": listed.superseded_by}
    return replace(document, meta=document.meta | {key: value for key, value in said.items() if value})


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
    words = unquote(PurePosixPath(name).stem).replace("_", " ").replace("-", " ").split()
    return " ".join(words)[:1].upper() + " ".join(words)[1:]
