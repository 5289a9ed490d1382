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
from datetime import date
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from probatum.digests import of_text
from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits, check_address, download, is_loopback
from sources.feed_pages import NEVER, Entry, host_of, read_page
from sources.locate import is_address

_PAGES = 200  # of an index; a publisher with 100 entries a page has 20,000 pieces of guidance then
_PAGE_BYTES = 32 << 20  # 20,000 entries of 1 KiB on one page still fit
_TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "application/json": ".json",
}


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
            raise Rejected(f"{host_of(origin)} sends an index without end ({len(asked)} pages).", next=ASK_AGAIN)
        asked.append(page)
        path = folder / f"index-{len(asked)}"
        _check(page, origin, hosts)
        download(page, path, limits=replace(limits, file_bytes=_PAGE_BYTES), allowed_hosts=hosts)
        read = read_page(path, page, f"The index of {host_of(origin)}, page {len(asked)}", limits)
        if read is None and len(asked) == 1:
            return path
        if read is None:
            raise Rejected(f"{host_of(origin)} sends a page {len(asked)} that is no index.", next=ASK_AGAIN)
        entries, page, total = read
        found += entries
        if not page and total > len(found):
            raise Rejected(
                f"The index of {host_of(origin)} says that it lists {total} entries, but {len(found)} came.",
                next="Check whether it has further pages, and give an address that lists them all.",
            )
    return _feed(found, origin, hosts, endings)


def _feed(found: list[Entry], origin: str, hosts: frozenset[str], endings: Sequence[str]) -> Feed:
    newest: dict[str, Entry] = {}
    for entry in sorted(found, key=lambda e: (e.modified, e.status != "current")):
        newest[entry.id] = entry
    current = [replace(e, file=_file(e, endings)) for e in newest.values() if e.status == "current"]
    for entry in current:
        if not entry.address:
            raise Rejected(f"The index of {host_of(origin)} has no address for {entry.id}.", next=ASK_AGAIN)
        _check(entry.address, origin, hosts)
    if not current:
        raise Rejected(f"The index of {host_of(origin)} lists nothing that is current.", next=ASK_AGAIN)
    modified = max(entry.modified for entry in found)
    if modified == NEVER:
        raise Rejected(f"The index of {host_of(origin)} says of no entry when it was modified.", next=ASK_AGAIN)
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


def _day(entry: Entry) -> str:
    return "" if entry.modified == NEVER else entry.modified.date().isoformat()


def _quoted(text: str) -> str:
    """A string of TOML; JSON's are, but for the one control character it leaves alone."""
    return json.dumps(text.replace("\x7f", ""), ensure_ascii=False)
