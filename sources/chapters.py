"""One piece of guidance as JSON with HTML chapters, in the shape of NICE's structured documents.

    {"GuidanceNumber": "NG51", "Title": "Sepsis", "LastModified": "2024-01-31T…", "Chapters": [
        {"Title": "Recommendations", "Content": "<div>…</div>", "Sections": [{"Title": …, "Content": …}, …]}, …]}

    ->  one Document: every chapter a section, every section of it one below; known by what the feed or the file calls it

Keys are found whatever their capitals. What is not read is counted. Content may hold headings of its own.
"""

from pathlib import Path

from probatum.errors import Rejected
from probatum.records import Document, SourceRelease
from probatum.safeio import ASK_AGAIN
from sources.elements.listed import Listed
from sources.json_pages import Page, Record, plain

_CHAPTERS = ("chapters", "sections")
_CONTENT = ("content", "html", "body", "contentHtml")
_DEEPEST = 8  # a chapter of a chapter of a …


def fits(raw: object) -> bool:
    """Whether this is such a document, by its shape: chapters, or sections, that are objects with content."""
    return isinstance(raw, dict) and any(
        isinstance(one, dict) and any(name in Record(one) for name in (*_CONTENT, *_CHAPTERS))
        for one in _of(Record(raw))
    )


def status(raw: dict) -> tuple[str, str]:
    """What it says of its own standing, and by what it was superseded."""
    record = Record(raw)
    return record.text("status", "state"), record.text("supersededBy", "replacedBy")


def document(raw: dict, path: Path, listed: Listed, release: SourceRelease) -> Document:
    """Raises Rejected for one without words."""
    record, what = Record(raw), listed.file
    about = record.take("metadataApplicationProfile", "metadata")
    profile = Record(about if isinstance(about, dict) else {})
    name = listed.title or plain(record.text("title", "longTitle") or profile.text("title"), what)
    page = Page(name or what, what)
    page.html("", record.take("titleContent", "overview", "summary"))
    _add(page, record, 1, what)
    if not page.says_something:
        raise Rejected(f"{what} holds no text.", next=ASK_AGAIN)
    number = record.text("guidanceNumber", "number", "reference")
    modified = record.day("lastModified", "modified", "updated") or profile.day("modified", "issued")
    published = {
        "number": listed.number or number,
        "kind": record.text("guidanceType"),
        "address": record.text("uri", "url"),
    }
    for known in ("longTitle", "id", "status", "state"):
        record.text(known)
    page.dropped.update(record.unread())
    return page.document(listed.id or what, path, listed, release, effective=modified, meta=published)


def _add(page: Page, record: Record, depth: int, what: str) -> None:
    for chapter in _of(record):
        if not isinstance(chapter, dict) or depth > _DEEPEST:
            page.dropped["chapters that are no chapters"] += 1
            continue
        part = Record(chapter)
        name, content = plain(part.text("title", "name"), what), part.take(*_CONTENT)
        if name and not (isinstance(content, str) and any(char.isalnum() for char in content)):
            page.heading(name, depth)
        else:
            page.html(name, content, depth)
        _add(page, part, depth + 1, what)
        for known in ("chapterId", "sectionId", "id", "uri", "url", "order"):  # where it stands, not what it says
            part.take(known)
        page.dropped.update(part.unread())


def _of(record: Record) -> list:
    found = record.take(*_CHAPTERS)
    return found if isinstance(found, list) else list(found.values()) if isinstance(found, dict) else []
