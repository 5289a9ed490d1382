"""A guideline as XML, DocBook, JATS or a publisher's own: made HTML by what its elements hold, then read as HTML is.

    <sec><label>2</label><title>Fluid</title><p>10<sup>9</sup>/L</p></sec>   ->  Title("2 Fluid"), NarrativeText("10⁹/L")
    <drug><name>heparin</name><dose unit="units">5000</dose></drug>          ->  Title("heparin"), "dose (unit units): 5000"

An element that holds a title is headed by it, another that holds elements by its own name; an element that holds only
words is "name: words". Tables may be HTML's or CALS's, spans included; a run of flat records is a table. A document
type, an entity or nesting deeper than 200 is refused before anything is expanded; nothing it names is fetched.
"""

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from xml.etree.ElementTree import Element

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits, xml_events
from sources.elements import html
from sources.elements.json import worded
from sources.elements.model import Reading

_MOST_ELEMENTS = 500_000
_TITLES = ("title", "heading", "head", "headline", "article-title", "name", "displayname")
_ABOVE_TITLE = ("info", "title-group", "article-meta", "front", "sectioninfo", "articleinfo", "bookinfo", "titleinfo")
_PLAIN = frozenset(  # containers whose name says nothing
    re.findall(
        r"[\w-]+",
        "article book body front back sec section sect1 sect2 sect3 sect4 sect5 chapter part appendix div document doc root "
        "content contents data guideline guidelines topic list-of entries items records informaltable tgroup main abstract "
        "table-wrap formalpara article-meta title-group info preface app app-group",
    )
)
_PARAGRAPHS = frozenset(re.findall(r"[\w-]+", "p para simpara paragraph line attribution"))
_LISTS = {
    **dict.fromkeys(re.findall(r"[\w-]+", "list itemizedlist ul simplelist bulletlist"), "ul"),
    **dict.fromkeys(re.findall(r"[\w-]+", "orderedlist ol procedure numberedlist"), "ol"),
}
_ITEMS = frozenset(re.findall(r"[\w-]+", "listitem list-item li item member step"))
_INLINE = frozenset(
    re.findall(
        r"[\w-]+",
        "b i em strong bold italic emphasis u underline xref link ulink ext-link a span sc phrase quote named-content text"
        " styled-content citetitle literal code abbrev acronym trademark monospace br email uri",
    )
)
_SAME = {"sup": "sup", "superscript": "sup", "sub": "sub", "subscript": "sub", "strike": "del", "del": "del"}
_SILENT = ("id", "class", "style", "role", "lang", "href", "type", "space", "base", "schemalocation", "version", "src")
_MOST_COLUMNS = 30


def read(path: Path, limits: Limits) -> Reading:
    """Raises Rejected for what is no XML, declares a document type or an entity, or is nested deeper than 200."""
    root = _root(path, limits)
    writer = _Writer()
    writer.block(root, 1)
    reading = html.read_fragment(f"<html><body>{''.join(writer.parts)}</body></html>", path.name)
    reading.title = next((e.text for e in reading.elements if e.category == "Title"), "")
    return reading


def _root(path: Path, limits: Limits) -> Element:
    root, count = None, 0
    with path.open("rb") as stream:
        for event, element in xml_events(stream, limits, what=path.name):
            root = element if root is None else root
            count += event == "start"
            if count > _MOST_ELEMENTS:
                raise Rejected(f"{path.name} has more than {_MOST_ELEMENTS} elements.", next="Split it.")
    if root is None:
        raise Rejected(f"{path.name} holds no element.", next=ASK_AGAIN)
    return root


class _Writer:
    """Writes HTML. depth: of the heading a block would get; HTML has six, the deepest go on at the sixth."""

    def __init__(self):
        self.parts: list[str] = []

    def block(self, element: Element, depth: int) -> None:
        tag = _name(element)
        if tag in ("table", "tgroup", "informaltable") and _rows(element):
            self._table(element)
        elif tag in _LISTS:
            self._list(element, _LISTS[tag], depth)
        elif tag in _PARAGRAPHS or tag in _INLINE or tag in _SAME:
            self._paragraph(element, "", depth)
        elif not len(element) or _is_mixed(element):
            self._paragraph(element, _label(element), depth)
        else:
            self._section(element, tag, depth)

    def _section(self, element: Element, tag: str, depth: int) -> None:
        heading, said = _heading(element)
        if heading:
            self._heading(heading, depth)
        elif tag not in _PLAIN and tag not in _ITEMS and depth > 1:
            self._heading(_label(element), depth)
        below = depth + (bool(heading) or (tag not in _PLAIN and tag not in _ITEMS and depth > 1))
        children = [child for child in element if child not in said and isinstance(child.tag, str)]
        if grid := _records(children):
            self.parts.append(grid)
            return
        for child in (*filter(_is_field, children), *(each for each in children if not _is_field(each))):
            self.block(child, below)  # a field after a section would seem to be a part of that section

    def _heading(self, text: str, depth: int) -> None:
        level = min(depth, 6)
        self.parts.append(f"<h{level}>{text}</h{level}>")

    def _list(self, element: Element, tag: str, depth: int) -> None:
        tag = "ol" if element.get("list-type") in ("order", "alpha-lower", "roman-lower") else tag
        self.parts.append(f"<{tag}>")
        for child in element:
            if _name(child) in _ITEMS:
                self.parts.append("<li>")
                if len(child) and not _is_mixed(child):
                    for inner in child:
                        self.block(inner, depth)
                else:
                    self.parts.append(_inline(child))
                self.parts.append("</li>")
            else:
                self.block(child, depth)
        self.parts.append(f"</{tag}>")

    def _paragraph(self, element: Element, label: str, depth: int) -> None:
        """Words with what stands among them; a list or table among the words is a block of its own."""
        said = [escape(element.text or "")]
        for child in element:
            if _is_block(child):
                self._said(label, said)
                said, label = [], ""
                self.block(child, depth)
            else:
                said.append(_inline_element(child))
            said.append(escape(child.tail or ""))
        self._said(label, said)

    def _said(self, label: str, said: list[str]) -> None:
        words = "".join(said).strip()
        if words or ("(" in label and label):
            self.parts.append(f"<p>{label}{': ' if label and words else ''}{words}</p>")

    def _table(self, element: Element) -> None:
        above = next((child for child in element if _name(child) in ("title", "caption")), None)
        if above is not None:
            self.parts.append(f"<figcaption>{_inline(above)}</figcaption>")
        for group in [each for each in element.iter() if _name(each) == "tgroup"] or [element]:
            columns = [each.get("colname", "") for each in group if _name(each) == "colspec"]
            self.parts.append("<table>")
            for row, head in _rows(group):
                self.parts.append("<thead>" if head else "<tbody>")
                self.parts.append("<tr>" + "".join(_cell(cell, head, columns) for cell in row) + "</tr>")
                self.parts.append("</thead>" if head else "</tbody>")
            self.parts.append("</table>")


def _rows(table: Element) -> list[tuple[list[Element], bool]]:
    """(cells, whether in the head) of every row, in order; rows of a table inside a cell are not its own."""
    found: list[tuple[list[Element], bool]] = []

    def walk(element: Element, head: bool) -> None:
        for child in element:
            name = _name(child)
            if name in ("tr", "row"):
                found.append(([cell for cell in child if _name(cell) in ("td", "th", "entry")], head))
            elif name in ("thead", "tbody", "tfoot", "tgroup"):
                walk(child, name == "thead")

    walk(table, False)
    return [(cells, head) for cells, head in found if cells]


def _cell(cell: Element, head: bool, columns: list[str]) -> str:
    across, down = cell.get("colspan", ""), cell.get("rowspan", "")
    first, last = cell.get("namest", ""), cell.get("nameend", "")
    if first in columns and last in columns:
        across = str(columns.index(last) - columns.index(first) + 1)
    if cell.get("morerows", "").isdecimal():
        down = str(int(cell.get("morerows")) + 1)
    spans = "".join(f' {name}="{n}"' for name, n in (("colspan", across), ("rowspan", down)) if n.isdecimal())
    tag = "th" if head or _name(cell) == "th" else "td"
    return f"<{tag}{spans}>{_inline(cell)}</{tag}>"


def _records(children: list[Element]) -> str:
    """A table of two or more siblings of one name that hold only leaves, each leaf once."""
    if len(children) < 2 or len({child.tag for child in children}) > 1 or _name(children[0]) in _PARAGRAPHS | _ITEMS:
        return ""
    rows = []
    for child in children:
        if not len(child) or (child.text or "").strip() or any(len(leaf) or _is_block(leaf) for leaf in child):
            return ""
        row = {_label(leaf): _inline(leaf) for leaf in child}
        if len(row) < len(child):
            return ""
        rows.append(row)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not 2 <= len(columns) <= _MOST_COLUMNS:
        return ""
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{row.get(name, '')}</td>" for name in columns) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _heading(element: Element) -> tuple[str, list[Element]]:
    """The title an element holds, with its number, and the children that said it."""
    number = next((child for child in element if _name(child) == "label"), None)
    for child in element:
        name = _name(child)
        if name in _TITLES and (words := _inline(child)):
            said = [child] if number is None else [number, child]
            return (f"{_inline(number)} {words}" if number is not None else words), said
        if name in _ABOVE_TITLE and (found := _heading(child))[0]:
            return found[0], [child] if len(child) == len(found[1]) else []
    return "", []


def _label(element: Element) -> str:
    """The element's name in words, and what its attributes say: "dose (unit mg)"."""
    said = [
        f"{worded(name.rpartition('}')[2])} {' '.join(value.split())}"
        for name, value in element.attrib.items()
        if value.strip()
        and name.rpartition("}")[2].lower() not in _SILENT
        and not name.startswith("{http://www.w3.org/")
    ]
    name = worded(_raw_name(element).replace("-", "_"))
    return escape(f"{name} ({', '.join(said)})" if said else name)


def _inline(element: Element) -> str:
    parts = [escape(element.text or "")]
    for child in element:
        parts.append(_inline_element(child))
        parts.append(escape(child.tail or ""))
    return re.sub(r"\s+", " ", "".join(parts)).strip()


def _inline_element(child: Element) -> str:
    if not isinstance(child.tag, str):
        return ""
    name = _name(child)
    if name in _SAME:
        return f"<{_SAME[name]}>{_inline(child)}</{_SAME[name]}>"
    if name == "br":
        return "<br>"
    parts = [escape(child.text or "")]
    for inner in child:
        parts += [_inline_element(inner), escape(inner.tail or "")]
    said = "".join(parts)
    return f" {said} " if name not in _INLINE else said


def _is_mixed(element: Element) -> bool:
    return any(text.strip() for text in _texts(element))


def _texts(element: Element) -> Iterable[str]:
    yield element.text or ""
    yield from (child.tail or "" for child in element)


def _is_field(element: Element) -> bool:
    """A name and a value, as in a record."""
    return not len(element) and _name(element) not in _PARAGRAPHS | _ITEMS | _INLINE | _LISTS.keys()


def _is_block(element: Element) -> bool:
    return (
        _name(element) in _LISTS
        or _name(element) in _PARAGRAPHS
        or _name(element) in ("table", "table-wrap", "informaltable")
    )


def _name(element: Element) -> str:
    return _raw_name(element).lower()


def _raw_name(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
