"""A guideline as JSON: keys become headings, lists of flat objects become tables, HTML inside a string is read as HTML.

    {"Fluid": {"first": "500 mL", "steps": ["Give", "Reassess"]}}
    ->  Title("Fluid"), NarrativeText("first: 500 mL"), Title("steps"), ListItem("Give"), ListItem("Reassess")

An object in a list is headed by its title, name or id. Numbers stay as they are written (0.50 is not 0.5); null and
empty values are left out; false and 0 are not. A key that stands twice in one object is refused: which of the two was meant
nobody knows. UTF-8, or UTF-16 with its mark.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from unstructured.documents.elements import Element

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources.elements import html
from sources.elements.model import Grid, Reading, item, paragraph, table, title
from sources.elements.text import strict_text_of

_DEEPEST = 60
_TITLES = ("title", "name", "heading", "label", "question", "topic", "id", "code", "key")
_SHORT_CHARS = 200  # a longer value is a text of its own, under its key
_INLINE_CHARS = 40  # a list of values as short as these is said in one line
_MOST_COLUMNS = 30
_MARKUP = re.compile(
    r"</?(?:p|br|div|span|ul|ol|li|b|i|em|strong|sup|sub|table|tr|td|th|h[1-6]|a|dl|dt|dd)\b[^<>]*>", re.I
)
_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9a-f]{2,5}|[a-z]{2,8}\d{0,2});", re.I)
_CAMEL = re.compile(r"[a-z]{2,}(?:[A-Z][a-z]{2,})+")  # ageRange is two words; HbA1c, eGFR and pH are none
_SNAKE = re.compile(r"[a-z]{2,}(?:_[a-z]{2,})+")
_SCALARS = (str, bool)
_FAILURE = {"error", "errors", "error_description", "fault", "exception"}  # what a service answers instead of a file
_OF_AN_ANSWER = _FAILURE | {
    *("message", "status", "code", "detail", "timestamp", "path", "title", "type", "trace", "success")
}


class _Number(str):
    """A number as it is written."""


def read(path: Path, limits: Limits) -> Reading:
    """Raises Rejected for what is no JSON, for a key that stands twice, and for nesting deeper than 60."""
    value = _parsed(strict_text_of(path, path.name), path.name)
    _refuse_deep(value, path.name)
    if isinstance(value, dict) and _FAILURE & value.keys() and value.keys() <= _OF_AN_ANSWER:
        raise Rejected(f"{path.name} is an error message, not a guideline.", next="Check where it was saved from.")
    reader = _Reader(path.name)
    named = next((k for k in _TITLES[:3] if _is_named(value, k)), "") if isinstance(value, dict) else ""
    if named:
        reader.reading.title = _plain(value.pop(named))
        reader.reading.elements.append(title(reader.reading.title, depth=0))
    reader.reading.elements += reader.of(value, "", bool(named))
    return reader.reading


def _parsed(text: str, what: str) -> object:
    def once(pairs: list[tuple[str, object]]) -> dict:
        twice = sum(n > 1 for n in Counter(key for key, _ in pairs).values())
        if twice:
            raise Rejected(
                f"{what} has an object in which {twice} of {len(pairs)} keys stand twice.",
                next="Keep the one that is meant and send the file again.",
            )
        return dict(pairs)

    def strange(constant: str) -> object:
        raise ValueError(constant)

    try:
        return json.loads(text, object_pairs_hook=once, parse_float=_Number, parse_int=_Number, parse_constant=strange)
    except RecursionError:
        raise Rejected(f"{what} is nested deeper than {_DEEPEST} levels.", next=ASK_AGAIN) from None
    except json.JSONDecodeError as error:
        raise Rejected(f"{what} is not JSON: line {error.lineno} breaks it.", next=ASK_AGAIN) from None
    except ValueError:
        raise Rejected(f"{what} is not JSON: it holds a number that is none.", next=ASK_AGAIN) from None


def _refuse_deep(value: object, what: str) -> None:
    """Level by level, so that no depth is too much for the looking itself."""
    level = [value]
    for _ in range(_DEEPEST + 1):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [each for values in inner for each in values]
    if level:
        raise Rejected(f"{what} is nested deeper than {_DEEPEST} levels.", next=ASK_AGAIN)


class _Reader:
    def __init__(self, what: str):
        self._what = what
        self.reading = Reading()

    def of(self, value: object, key: str, depth: int) -> Iterator[Element]:
        """The elements of a value that is called `key`; depth: of the heading it would get."""
        if isinstance(value, dict):
            yield from self._object(value, key, depth)
        elif isinstance(value, list):
            yield from self._list([each for each in value if not _is_empty(each)], key, depth)
        elif not _is_empty(value):
            yield from self._scalar(value, key, depth)

    def _object(self, value: dict, key: str, depth: int) -> Iterator[Element]:
        if key:
            yield title(worded(key), depth=depth)
        yield from self._fields(value, "", depth + bool(key))

    def _fields(self, value: dict, headed_by: str, depth: int) -> Iterator[Element]:
        """What has a heading comes after what has none, which would stand below that heading."""
        made = [list(self.of(each, name, depth)) for name, each in value.items() if name != headed_by]
        for headed in (False, True):
            for elements in made:
                if elements and (elements[0].category == "Title") == headed:
                    yield from elements

    def _list(self, values: list, key: str, depth: int) -> Iterator[Element]:
        if not values:
            return
        if all(_is_scalar(each) for each in values):
            yield from self._values(values, key, depth)
            return
        if key:
            yield title(worded(key), depth=depth)
        below = depth + bool(key)
        if all(_is_flat(each) for each in values) and (grid := _grid(values)):
            yield table(grid)
            return
        for number, each in enumerate(values, 1):
            if isinstance(each, dict):
                named = next((n for n in _TITLES if _is_scalar(each.get(n)) and not _is_empty(each.get(n))), "")
                head = _plain(each[named]) if named else f"{worded(key) or 'Entry'} {number}"
                yield title(head if named != "id" else f"{worded(key) or 'Entry'} {head}", depth=below)
                yield from self._fields(each, named, below + 1)
            else:
                yield from self.of(each, "", below)

    def _values(self, values: list, key: str, depth: int) -> Iterator[Element]:
        if key and all(len(_plain(each)) <= _INLINE_CHARS and not _is_html(each) for each in values):
            yield paragraph(f"{worded(key)}: {', '.join(map(_plain, values))}")
            return
        if key:
            yield title(worded(key), depth=depth)
        for each in values:
            if _is_html(each):
                yield from self._html(each, depth + 1)
            else:
                yield item(_plain(each))

    def _scalar(self, value: object, key: str, depth: int) -> Iterator[Element]:
        if _is_html(value):
            found = list(self._html(value, depth + 1))
            if len(found) == 1 and found[0].category == "NarrativeText" and len(found[0].text) <= _SHORT_CHARS and key:
                yield paragraph(f"{worded(key)}: {found[0].text}")
                return
            if found and key:
                yield title(worded(key), depth=depth)
            yield from found
        elif len(said := _plain(value)) > _SHORT_CHARS and key:
            yield title(worded(key), depth=depth)
            yield from (paragraph(part) for part in _parts(str(value)))
        else:
            yield paragraph(f"{worded(key)}: {said}" if key else said)

    def _html(self, value: object, depth: int) -> Iterator[Element]:
        inner = html.read_fragment(str(value), self._what)
        self.reading.dropped += inner.dropped
        self.reading.flags += inner.flags
        for element in inner.elements:
            if element.category == "Title":
                element.metadata.category_depth = (element.metadata.category_depth or 0) + depth
            yield element


def worded(key: str) -> str:
    """A key as words: "ageRange" and "age_range" are "age range"; "HbA1c" and "T_max" stay."""
    if _SNAKE.fullmatch(key):
        return key.replace("_", " ")
    if _CAMEL.fullmatch(key):
        return re.sub(r"(?=[A-Z])", " ", key).lower()
    return " ".join(key.split())


def _grid(values: list[dict]) -> Grid | None:
    columns = list(dict.fromkeys(name for each in values for name in each))
    if not 2 <= len(columns) <= _MOST_COLUMNS:
        return None
    rows = [tuple("" if _is_empty(each.get(name)) else _plain(each[name]) for name in columns) for each in values]
    return Grid([tuple(worded(name) for name in columns), *rows], header=1)


def _is_named(value: dict, key: str) -> bool:
    return type(value.get(key)) is str and bool(value[key].strip()) and not _is_html(value[key])


def _is_flat(value: object) -> bool:
    return isinstance(value, dict) and all(
        _is_empty(each) or (_is_scalar(each) and not _is_html(each) and len(str(each)) <= _SHORT_CHARS)
        for each in value.values()
    )


def _is_scalar(value: object) -> bool:
    return isinstance(value, _SCALARS)


def _is_empty(value: object) -> bool:
    return value is None or value == [] or value == {} or (isinstance(value, str) and not value.strip())


def _is_html(value: object) -> bool:
    return isinstance(value, str) and bool(_MARKUP.search(value) or _ENTITY.search(value))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(value).split())


def _parts(text: str) -> Iterator[str]:
    yield from (said for part in re.split(r"\n\s*\n", text) if (said := " ".join(part.split())))
