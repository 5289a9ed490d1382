"""A guideline as HTML, read so that nothing a reader of the page sees is lost and nothing else gets in.

    <p>Platelets 50 × 10<sup>9</sup>/L</p>  ->  NarrativeText("Platelets 50 × 10⁹/L")

Kept: spanned cells (filled in), definition lists, folded <details>, numbers of ordered lists. Left out and counted:
scripts, navigation, footers, form controls, text that is hidden (display:none, aria-hidden, no size, white on white)
or struck out. The page's <main> is read where it holds most of the words. No script is run and nothing is fetched.
"""

import codecs
import re
from collections.abc import Iterable
from pathlib import Path

from lxml import etree
from lxml import html as lxml_html
from unstructured.documents.elements import Element

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources.elements.html_hidden import Hidden
from sources.elements.html_tables import grid_of, is_data
from sources.elements.model import Reading, caption, item, paragraph, table, title, without_bullet, words
from sources.elements.scripts import lowered, raised
from sources.elements.text import SAVE_AS_UTF_8

_DEEPEST = 1_000
_MOST_ELEMENTS = 1_000_000  # tags of one page; a book of 300 pages has 30,000
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD_BYTES = 4096
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_:.-]{2,40})", re.I)
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,100}?encoding=[\"']([a-zA-Z0-9_.-]{2,40})", re.I)
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer "
        "form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol p pre section summary"
        " table tbody td tfoot th thead tr ul",
    )
)
_HEADING_CLASS = re.compile(r"(?:^|[\s_-])(?:head(?:ing)?|mso-?heading|h)[\s_-]?([1-6A-Fa-f])(?=$|[\s_-])", re.I)
_ERROR_TITLE = re.compile(
    r"^\W*(?:error\W*)?(?:40[0-9]|41[0-9]|429|50[0-9])\b|^\W*error\b|"
    r"\b(?:not found|access denied|forbidden|unauthori[sz]ed|bad gateway|service unavailable|gateway time-?out|"
    r"just a moment|attention required|sign in|log in)\b",
    re.I,
)
_ERROR_WORDS = 400  # an error page is short; a guideline on "access denied" is not
_LEAST_IN_MAIN = 0.5


def read(path: Path, limits: Limits) -> Reading:
    """Raises Rejected for an error page, nesting deeper than 1,000, or a page without text."""
    data = path.read_bytes()
    if b"\0" in data and not data.startswith(
        _WIDE
    ):  # most likely UTF-16 without its mark: ≤ would become two other letters
        raise Rejected(f"{path.name} holds binary data where a web page was expected.", next=SAVE_AS_UTF_8)
    return read_text(decoded(data), path.name)


def read_text(text: str, what: str) -> Reading:
    """A whole page, which may turn out to be an error page."""
    root = _parsed(text, what)
    reading = Reading(title=_page_title(root))
    hidden, content = Hidden(root), _content(root)
    _Walker(hidden, reading).walk(content)
    _count_left_around(root, content, hidden, reading)
    heading = next((e.text for e in reading.elements if e.category == "Title"), "")
    _refuse_error_page(reading, heading, what)
    reading.title = heading or reading.title
    return reading


def read_fragment(text: str, what: str) -> Reading:
    """As `read_text`, of a piece of a page, such as HTML inside JSON: it has no title and cannot be an error page."""
    root = _parsed(text, what)
    reading = Reading()
    _Walker(Hidden(root), reading).walk(root)
    return reading


def decoded(data: bytes) -> str:
    """By byte-order mark, then what the page declares, then UTF-8, then Windows-1252 (as browsers read latin-1)."""
    if data.startswith(codecs.BOM_UTF8):
        return data.decode("utf-8-sig", errors="replace")
    if data.startswith(_WIDE):
        return data.decode("utf-16", errors="replace")
    head = data[:_HEAD_BYTES]
    declared = [m[1].decode("ascii").lower() for m in (_XML_ENCODING.search(head), _META_CHARSET.search(head)) if m]
    for name in [*declared, "utf-8"]:
        try:
            return data.decode("cp1252" if name in ("iso-8859-1", "latin-1", "latin1", "us-ascii") else name)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", errors="replace")


def _parsed(text: str, what: str) -> etree._Element:
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text).replace("\0", "")
    parser = lxml_html.HTMLParser(huge_tree=True, no_network=True)
    try:
        root = lxml_html.document_fromstring(text, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        raise Rejected(f"{what} holds no page.", next=ASK_AGAIN) from None
    depth = count = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        count += event == "start"
        if depth > _DEEPEST:
            break
        if count > _MOST_ELEMENTS:
            raise Rejected(f"{what} has more than {_MOST_ELEMENTS} tags.", next="Split it.")
    if depth > _DEEPEST or any(entry.level == etree.ErrorLevels.FATAL for entry in parser.error_log):
        raise Rejected(f"{what} is nested deeper than {_DEEPEST} levels.", next=ASK_AGAIN)
    return root


def _content(root: etree._Element) -> etree._Element:
    """The one <main> or <article> where it holds most of the page's words, else the body."""
    body = root.find("body") if root.find("body") is not None else root
    for path in (".//main | .//*[@role='main']", ".//article"):
        found = body.xpath(path)
        if len(found) == 1 and _size(found[0]) >= _LEAST_IN_MAIN * _size(body):
            return found[0]
    return body


def _count_left_around(root: etree._Element, content: etree._Element, hidden: Hidden, reading: Reading) -> None:
    """What was left out because it stands outside the main part of the page."""
    walk = etree.iterwalk(root, events=("start",))
    for _, element in walk:
        reason = hidden.reason(element) if isinstance(element.tag, str) else None
        if element is content:
            walk.skip_subtree()
        elif reason and element.tag != "head":
            count_left_out(reason, element, reading)
            walk.skip_subtree()


def count_left_out(reason: str, element: etree._Element, reading: Reading) -> None:
    """Hidden words are flagged as well: who reads the page never saw them."""
    reading.dropped.update({reason: 1} if reason != "comment" else {})
    if reason == "hidden text" and any(char.isalnum() for text in element.itertext() for char in text):
        reading.flags["hidden text"] += 1


def _size(element: etree._Element) -> int:
    return sum(len(text) for text in element.xpath(".//text()[not(ancestor::script or ancestor::style)]"))


def _page_title(root: etree._Element) -> str:
    said = " ".join((root.findtext(".//title") or "").split())
    return re.split(r"\s+[|–—·]\s+", said)[0]


def _refuse_error_page(reading: Reading, heading: str, what: str) -> None:
    said = sum(len(list(words(e.text))) for e in reading.elements)
    if said < _ERROR_WORDS and any(_ERROR_TITLE.search(name) for name in (reading.title, heading) if name):
        raise Rejected(f"{what} is an error or sign-in page, not a guideline.", next="Check where it was saved from.")


class _Walker:
    """Goes through a page in order, gathers inline text, and ends an element where a block starts or ends."""

    def __init__(self, hidden: Hidden, reading: Reading):
        self._hidden, self._reading = hidden, reading
        self._texts: list[list[str]] = [[]]  # the last one is being written: superscripts have their own
        self._lists: list[list] = []  # [next number or None, type] of the open lists
        self._item: list[str] = []  # marks of the open items, "" for bullets
        self._fresh = False  # the open item has not said anything yet
        self._heading: list[int] = []
        self._caption = 0
        self._held = ""  # after a term or a summary: what joins it to what it explains

    def walk(self, root: etree._Element) -> None:
        walk = etree.iterwalk(root, events=("start", "end"))
        skipped = None
        for event, element in walk:
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                reason = self._hidden.reason(element) if tag else "comment"
                if reason or (tag == "table" and is_data(element)):
                    if reason:
                        count_left_out(reason, element, self._reading)
                    else:
                        self._table(element)
                    walk.skip_subtree()
                    skipped = element
                    continue
                self._start(tag, element)
                self._texts[-1].append(element.text or "")
                continue
            if element is not skipped:
                self._end(tag)
            skipped = None
            if element is not root:
                self._texts[-1].append(element.tail or "")
        self._flush()

    def _start(self, tag: str, element: etree._Element) -> None:
        if tag in ("sup", "sub"):
            self._texts.append([])
        elif tag == "br":
            self._texts[-1].append("\n")
        elif tag == "img":
            self._texts[-1].append(" ")
        if tag not in _BLOCKS:
            return
        if not (self._held and tag in ("dd", "p", "div")):
            self._flush()
        if tag in ("ul", "ol", "menu", "dl"):
            start = element.get("start", "1")
            numbered = tag == "ol" and "none" not in (element.get("style") or "").replace("list-style-image: none", "")
            first = int(start) if start.lstrip("-").isdecimal() else 1
            self._lists.append([first, element.get("type", "1")] if numbered else [None, ""])
        elif tag == "li":
            self._item.append(self._mark(element))
            self._fresh = True
        elif depth := _depth(tag, element):
            self._heading.append(depth)
        elif tag in ("figcaption", "caption"):
            self._caption += 1

    def _end(self, tag: str) -> None:
        if tag in ("sup", "sub") and len(self._texts) > 1:
            said = "".join(self._texts.pop())
            self._texts[-1].append(raised(said) if tag == "sup" else lowered(said))
        if tag not in _BLOCKS:
            return
        if tag in ("dt", "summary"):
            said = " ".join("".join(self._texts[-1]).split())
            if said:
                self._held = "" if said.endswith((":", ".", "?", "!")) else ":"
                self._texts[-1] = [said + self._held + " "]
                self._held = self._held or " "
            return
        self._flush()
        if tag in ("ul", "ol", "menu", "dl") and self._lists:
            self._lists.pop()
        elif tag == "li" and self._item:
            self._item.pop()
            self._fresh = False
        elif tag in ("figcaption", "caption"):
            self._caption -= 1

    def _mark(self, element: etree._Element) -> str:
        if not self._lists or self._lists[-1][0] is None:
            return ""
        value = element.get("value", "")
        number = int(value) if value.isdecimal() else self._lists[-1][0]
        self._lists[-1][0] = number + 1
        kind = self._lists[-1][1]
        if kind in ("a", "A") and 1 <= number <= 26:
            return f"{chr(ord(kind) + number - 1)}. "
        return f"{number}. "

    def _flush(self) -> None:
        while len(self._texts) > 1:  # a block inside a superscript
            self._texts[-2].append("".join(self._texts.pop()))
        text = " ".join("".join(self._texts[0]).split())
        self._texts, self._held = [[]], ""
        depth = self._heading.pop() if self._heading else 0
        if text:
            self._reading.elements.append(self._element(text, depth))

    def _element(self, text: str, depth: int) -> Element:
        if depth:
            return title(text, depth=depth - 1)
        if self._caption:
            return caption(text)
        if self._item:
            mark, self._fresh = (self._item[-1] if self._fresh else ""), False
            return item(mark + (without_bullet(text) or text), depth=len(self._item) - 1)
        said = without_bullet(text)
        return item(said) if said is not None else paragraph(text)

    def _table(self, element: etree._Element) -> None:
        self._flush()
        above = element.find("caption")
        if above is not None and (said := inline(above, self._hidden)):
            self._reading.elements.append(caption(said))
        grid = grid_of(element, lambda cell: inline(cell, self._hidden, self._reading))
        if grid:
            self._reading.elements.append(table(grid))


def inline(element: etree._Element, hidden: Hidden, outer: Reading | None = None) -> str:
    """The visible text of a cell or caption on one line; items of a list in it are separated by "; "."""
    inner = Reading()
    _Walker(hidden, inner).walk(element)
    if outer is not None:
        outer.dropped.update(inner.dropped)
        outer.flags.update(inner.flags)
    return joined(inner.elements)


def joined(elements: Iterable[Element]) -> str:
    text = ""
    for element in elements:
        both = text and element.category == "ListItem" and not text.endswith((":", ";"))
        text += ("; " if both else " " if text else "") + element.text.replace("\n", "; ")
    return text


def _depth(tag: str, element: etree._Element) -> int:
    """1 for the outermost heading, 0 for no heading: by tag, by role, or by a class such as head-B or Heading2."""
    if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
        return int(tag[1])
    if element.get("role") == "heading":
        level = element.get("aria-level", "2")
        return int(level) if level.isdecimal() else 2
    match = _HEADING_CLASS.search(element.get("class") or "") if tag in ("p", "div") else None
    if not match or any(child.tag in _BLOCKS for child in element):
        return 0
    return int(match[1]) if match[1].isdecimal() else ord(match[1].upper()) - ord("A") + 1
