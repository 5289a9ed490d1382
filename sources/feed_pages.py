"""The pages of a publisher's index of guidance, in JSON or Atom, and what the publisher's words for its standing mean.

    {"GuidanceNumber": "CG64", "Title": "…", "Status": "Superseded by NG12", "LastModified": "2024-01-31", "Link": {"Uri": "…"}}
    ->  Entry("CG64", "…", "superseded", datetime(2024, 1, 31, tzinfo=UTC), address="https://…", superseded_by="NG12")

Keys are found whatever their capitals, under the names that several publishers use. Nothing is asked of anybody here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits, xml_events
from sources.json_pages import Record, load, moment

_LISTS = ("items", "entries", "indexItems", "guidance", "results", "documents")
_CURRENT = frozenset(("", "published", "updated", "current", "active", "final", "live", "inforce"))
_GONE = frozenset(("withdrawn", "superseded", "replaced", "terminated", "archived", "retired", "deleted", "expired"))
_NOT_YET = frozenset(("draft", "indevelopment", "inconsultation", "consultation", "inprogress", "awaitingdevelopment", "proposed"))  # fmt: skip
_ATOM, _TOMBSTONE = "{http://www.w3.org/2005/Atom}", "{http://purl.org/atompub/tombstones/1.0}"
_MOST_ID_CHARS = 200
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    """status: "current", "superseded", "withdrawn" or "draft". modified: as the feed says it, NEVER where it does not."""

    id: str
    title: str
    status: str
    modified: datetime
    address: str = ""  # of its content
    kind: str = ""  # media type of the content, where the feed says it
    superseded_by: str = ""
    file: str = ""  # what its content is called here


def read_page(path: Path, address: str, what: str, limits: Limits) -> tuple[list[Entry], str | None, int] | None:
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


def host_of(address: str) -> str:
    return urlsplit(address).hostname or "the publisher"


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
        address=_joined(page, address),
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
    return _joined(page, address) or None


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
                following = _joined(address, element.get("href", "")) or None
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
        address=_joined(page, address),
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
    when = moment(modified) if modified else NEVER
    if when is None:
        raise Rejected(f"{what}: {id} was modified at no date or time in ISO form.", next=ASK_AGAIN)
    return Entry(id, title, status, when, address, kind, superseded_by)


def _joined(page: str, address: str) -> str:
    try:
        return urljoin(page, address) if address else ""
    except ValueError:
        raise Rejected(f"The index of {host_of(page)} gives an address that is none.", next=ASK_AGAIN) from None
