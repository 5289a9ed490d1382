"""A publisher's feed of guidance by date, in the shape of NICE's syndication service: what there is, and what is no longer.

    {"IndexItems": [{"GuidanceNumber": "NG51", "Title": "Sepsis", "Status": "Updated", "LastModified": "2024-01-31",
                     "Link": {"Uri": "/guidance/ng51.json"}}, {"GuidanceNumber": "CG64", "Status": "Withdrawn", …}],
     "next": "/guidance?page=2"}                                                         or Atom with entries and rel="next"

    ->  Feed(current=(Entry("NG51", …),), gone=(Entry("CG64", …),), modified=date(2024, 1, 31))

Only the index is downloaded here, from allowed hosts, page by page. Of two entries of one id the one modified last counts,
and where that is equal the one that says it is gone. A status nobody knows stops the refresh: guessing would either serve
what was withdrawn or withdraw what is in force. No key is sent with the request: a service that wants one cannot be asked.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit

from probatum.digests import of_text
from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits, check_address, download, is_loopback, xml_events
from sources.json_pages import Record, load, moment
from sources.locate import is_address

_LISTS = ("items", "entries", "indexItems", "guidance", "results", "documents")
_CURRENT = frozenset(("", "published", "updated", "current", "active", "final", "live", "inforce"))
_GONE = frozenset(("withdrawn", "superseded", "replaced", "terminated", "archived", "retired", "deleted", "expired"))
_NOT_YET = frozenset(("draft", "indevelopment", "inconsultation", "consultation", "inprogress", "awaitingdevelopment", "proposed"))  # fmt: skip
_PAGES = 200  # of an index; a publisher with 100 entries a page has 20,000 pieces of guidance then
_PAGE_BYTES = 32 << 20
_TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "application/json": ".json",
}
_ATOM, _TOMBSTONE = "{http://www.w3.org/2005/Atom}", "{http://purl.org/atompub/tombstones/1.0}"
_MOST_ID_CHARS = 200
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    """status: "current", "superseded", "withdrawn" or "draft". modified: as the feed says it, _NEVER where it does not."""

    id: str
    title: str
    status: str
    modified: datetime
    address: str = ""  # of its content
    kind: str = ""  # media type of the content, where the feed says it
    superseded_by: str = ""
    file: str = ""  # what its content is called here


@dataclass(frozen=True)
class Feed:
    current: tuple[Entry, ...]
    gone: tuple[Entry, ...]  # withdrawn, superseded, or not published yet
    modified: date  # the newest change

    def listing(self) -> str:
        """What `release.toml` says of such a release: the current files and, for the record, those left out."""
        lines = [f"name = {_quoted(self.modified.isoformat())}", f"valid_from = {self.modified.isoformat()}"]
        for entry in (*self.current, *self.gone):
            said = {
                "file": entry.file if entry.status == "current" else "",
                "id": entry.id,
                "title": entry.title,
                "status": "withdrawn" if entry.status == "draft" else entry.status,
                "superseded_by": entry.superseded_by if entry.status == "superseded" else "",
                "effective": _day(entry) if entry.status == "current" else "",
            }
            lines += ["", "[[documents]]", *(f"{key} = {_quoted(value)}" for key, value in said.items() if value)]
        return "\n".join([*lines, ""])


def read_feed(
    origin: str, folder: Path, *, hosts: frozenset[str], limits: Limits, endings: Sequence[str]
) -> Feed | Path:
    """The feed at an https address; or, when that is no feed, where its download lies.

    folder: for the downloads. endings: of files that can be read; content with another is taken for what the feed says it is.

    Raises Rejected for a feed that cannot be relied on, and what `download` raises.
    """
    found: list[Entry] = []
    asked: list[str] = []
    page: str | None = origin
    while page:
        if page in asked or len(asked) == _PAGES:
            raise Rejected(f"{_host(origin)} sends an index without end ({len(asked)} pages).", next=ASK_AGAIN)
        asked.append(page)
        path = folder / f"index-{len(asked)}"
        _check(page, origin, hosts)
        download(page, path, limits=replace(limits, file_bytes=_PAGE_BYTES), allowed_hosts=hosts)
        read = _page(path, page, f"The index of {_host(origin)}, page {len(asked)}", limits)
        if read is None and len(asked) == 1:
            return path
        if read is None:
            raise Rejected(f"{_host(origin)} sends a page {len(asked)} that is no index.", next=ASK_AGAIN)
        entries, page, total = read
        found += entries
        if not page and total > len(found):
            raise Rejected(
                f"The index of {_host(origin)} says that it lists {total} entries, but {len(found)} came.",
                next="Check whether it has further pages, and give an address that lists them all.",
            )
    return _feed(found, origin, hosts, endings)


def is_index(raw: object) -> bool:
    """Whether JSON is an index, by its shape: a list of objects that each have an id and a status, a date or an address."""
    listed = _listed(Record(raw)) if isinstance(raw, dict) else None
    return bool(listed) and all(
        isinstance(one, dict)
        and bool(Record(one).text("guidanceNumber", "number", "reference", "id"))
        and any(
            name in Record(one) for name in ("status", "lastModified", "modified", "dateModified", "updated", "link")
        )
        for one in listed
    )


def standing(said: str, superseded_by: str = "") -> str | None:
    """ "current", "superseded", "withdrawn" or "draft" of what a publisher calls it; None for a word that is not known."""
    word = "".join(char for char in said.casefold().partition(" by ")[0] if char.isalnum())
    if superseded_by or word in ("superseded", "replaced"):
        return "superseded"
    if word in _CURRENT:
        return "current"
    return "withdrawn" if word in _GONE else "draft" if word in _NOT_YET else None


def _feed(found: list[Entry], origin: str, hosts: frozenset[str], endings: Sequence[str]) -> Feed:
    newest: dict[str, Entry] = {}
    for entry in sorted(found, key=lambda e: (e.modified, e.status != "current")):
        newest[entry.id] = entry
    current = [replace(e, file=_file(e, endings)) for e in newest.values() if e.status == "current"]
    for entry in current:
        if not entry.address:
            raise Rejected(f"The index of {_host(origin)} has no address for {entry.id}.", next=ASK_AGAIN)
        _check(entry.address, origin, hosts)
    if not current:
        raise Rejected(f"The index of {_host(origin)} lists nothing that is current.", next=ASK_AGAIN)
    modified = max(entry.modified for entry in found)
    if modified == _NEVER:
        raise Rejected(f"The index of {_host(origin)} says of no entry when it was modified.", next=ASK_AGAIN)
    gone = [entry for entry in newest.values() if entry.status != "current"]
    in_order = [tuple(sorted(group, key=lambda e: e.id)) for group in (current, gone)]
    return Feed(in_order[0], in_order[1], modified.date())


def _file(entry: Entry, endings: Sequence[str]) -> str:
    """A plain file name made of the id, with the ending of its content."""
    plain = "".join(char if char.isalnum() or char in "._-" else "-" for char in entry.id)
    name = plain if plain == entry.id else f"{plain}-{of_text(entry.id)[:8]}"
    ending = PurePosixPath(urlsplit(entry.address).path).suffix.lower()
    return name + (ending if ending in endings else _TYPES.get(entry.kind.partition(";")[0].strip().lower(), ".html"))


def _check(address: str, origin: str, hosts: frozenset[str]) -> None:
    """A feed of another machine must not send us to this one, nor to a host that is not allowed."""
    check_address(address, hosts, loopback=is_loopback(urlsplit(origin).hostname or ""))
    is_address(address)  # refuses one that carries a password


def _page(path: Path, address: str, what: str, limits: Limits) -> tuple[list[Entry], str | None, int] | None:
    """The entries of one page, the address of the next, and how many there are in all (0: not said); None: no index."""
    with path.open("rb") as stream:
        begins = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if begins == b"<":
        return _atom_page(path, address, what, limits)
    raw = load(path, what)
    if not isinstance(raw, dict) or not (is_index(raw) or _listed(Record(raw)) == []):
        return None
    top = Record(raw)
    entries = [_entry(Record(one), address, what) for one in _listed(top) or []]
    total = top.text("total", "totalCount", "totalResults", "resultCount")
    return entries, _next(top, address), int(total) if total.isdigit() else 0


def _listed(top: Record) -> list | None:
    for name in _LISTS:
        if isinstance(found := top.take(name), list):
            return found
    return None


def _entry(record: Record, page: str, what: str) -> Entry:
    link = record.take("contentUrl", "link", "links", "url", "uri", "href")
    links = link if isinstance(link, list) else [link]
    address, kind = next((pair for one in links if (pair := _link(one))[0]), ("", ""))
    return _judged(
        id=record.text("guidanceNumber", "number", "reference", "id"),
        title=record.text("title", "name"),
        said=record.text("status", "state"),
        modified=record.text("lastModified", "lastModifiedDate", "modified", "dateModified", "updated", "lastUpdated"),
        address=urljoin(page, address) if address else "",
        kind=record.text("contentType", "type") or kind,
        superseded_by=record.text("supersededBy", "replacedBy"),
        what=what,
    )


def _link(link: object) -> tuple[str, str]:
    """(address, media type) of a link as a string or an object; one to a next page or to itself elsewhere is none."""
    if isinstance(link, str):
        return link, ""
    record = Record(link if isinstance(link, dict) else {})
    if record.text("rel").casefold() in ("next", "prev", "self"):
        return "", ""
    return record.text("uri", "href", "url"), record.text("type", "contentType")


def _next(top: Record, page: str) -> str | None:
    link = top.take("next", "nextUrl", "nextLink")
    links = top.take("links", "link", "paging")
    if isinstance(links, dict):
        link = link or Record(links).take("next", "nextUrl")
    for one in links if isinstance(links, list) else []:
        if isinstance(one, dict) and Record(one).text("rel").casefold() == "next":
            link = link or one
    record = Record(link if isinstance(link, dict) else {"href": link})
    address = record.text("uri", "href", "url")
    return urljoin(page, address) if address else None


def _atom_page(path: Path, address: str, what: str, limits: Limits) -> tuple[list[Entry], str | None, int] | None:
    entries: list[Entry] = []
    following, root = None, ""
    with path.open("rb") as stream:
        for event, element in xml_events(stream, limits, what=what):
            root = root or element.tag
            if event == "start" or root != f"{_ATOM}feed":
                continue
            if element.tag == f"{_ATOM}entry":
                entries.append(_atom_entry(element, address, what))
                element.clear()
            elif element.tag == f"{_TOMBSTONE}deleted-entry":
                id, when = element.get("ref", ""), element.get("when", "")
                entries.append(_judged(id=id, title="", said="deleted", modified=when, what=what))
            elif element.tag == f"{_ATOM}link" and element.get("rel") == "next":
                following = urljoin(address, element.get("href", ""))
    return (entries, following, 0) if root == f"{_ATOM}feed" else None


def _atom_entry(element, page: str, what: str) -> Entry:
    links = {link.get("rel") or "alternate": link for link in element.iterfind(f"{_ATOM}link")}
    link = links.get("enclosure", links.get("alternate"))
    terms = {
        c.get("scheme", "").rpartition("/")[2].casefold(): c.get("term", "")
        for c in element.iterfind(f"{_ATOM}category")
    }
    content = element.find(f"{_ATOM}content")
    address = link.get("href", "") if link is not None else content.get("src", "") if content is not None else ""
    return _judged(
        id=" ".join(element.findtext(f"{_ATOM}id", "").split()),
        title=" ".join(element.findtext(f"{_ATOM}title", "").split()),
        said=terms.get("status", ""),
        modified=element.findtext(f"{_ATOM}updated", "").strip(),
        address=urljoin(page, address) if address else "",
        kind=link.get("type", "") if link is not None else "",
        superseded_by=terms.get("superseded-by", ""),
        what=what,
    )


def _judged(
    *,
    id: str,
    title: str,
    said: str,
    modified: str,
    what: str,
    address: str = "",
    kind: str = "",
    superseded_by: str = "",
) -> Entry:
    """An entry whose status is known. "Superseded by NG51" says by what."""
    if not id or len(id) > _MOST_ID_CHARS or "#" in id or not id.isprintable():
        raise Rejected(f"{what} has an entry without an id that can be used.", next=ASK_AGAIN)
    said, _, by = said.partition(" by ")
    superseded_by = superseded_by or by.strip()
    status = standing(said, superseded_by)
    if status is None:
        known = ", ".join(sorted(filter(None, _CURRENT | _GONE | _NOT_YET)))
        raise Rejected(f"{what}: {id} has the status {said[:30]!r}, which is none of {known}.", next=ASK_AGAIN)
    when = moment(modified) if modified else _NEVER
    if when is None:
        raise Rejected(f"{what}: {id} was modified at no date or time in ISO form.", next=ASK_AGAIN)
    return Entry(id, title, status, when, address, kind, superseded_by)


def _day(entry: Entry) -> str:
    return "" if entry.modified == _NEVER else entry.modified.date().isoformat()


def _host(address: str) -> str:
    return urlsplit(address).hostname or "the publisher"


def _quoted(text: str) -> str:
    """A string of TOML; JSON's are, but for the one control character it leaves alone."""
    return json.dumps(text.replace("\x7f", ""), ensure_ascii=False)
