"""The alphabetic index of ICD-10-CM: official words that are not in any title, each with the code they lead to.

A main term has terms below it, to nine levels. One with a code becomes a text of that code, in natural order where it
has two levels ("acute abdomen", not "Abdomen, acute"). One with `see` leads to another term, named word by word
("Pain, abdominal"): the path is walked from the main term down, and the code found there gets the words of the first.

    Abdominalgia -> see "Pain, abdominal" -> R10.9          text of R10.9: "Abdominalgia"

The neoplasm and drug tables give a code a column; the heading of the column is part of the text.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FILLER = frozenset(
    ["a", "an", "and", "by", "due", "for", "from", "in", "of", "on", "or", "the", "to", "type", "with", "without"]
)
_REDIRECT_STEPS = 4


@dataclass(frozen=True)
class IndexTerm:
    """One term: its path of titles from the main term down, the codes it has, the term it sends to."""

    path: tuple[str, ...]
    codes: tuple[tuple[str, str], ...]  # (code, heading of the column or "")
    see: str = ""


def read_index(root) -> list[IndexTerm]:
    """All terms of one index file, in the order of the file."""
    heads = {head.get("col"): _text(head) for head in root.iterfind("indexHeading/head")}
    return [term for main in root.iter("mainTerm") for term in _walk(main, (), heads)]


def resolve(terms: Iterable[IndexTerm], codes: set[str]) -> tuple[dict[str, list[str]], int]:
    """({code: texts}, how many terms lead to no code of the release)."""
    terms = list(terms)
    by_main: dict[str, list[tuple[frozenset[str], IndexTerm]]] = defaultdict(list)
    for term in terms:
        words = frozenset(word for part in term.path for word in _keywords(part))
        for word in _keywords(term.path[0]):
            by_main[word].append((words, term))
    texts: dict[str, dict[str, None]] = defaultdict(dict)
    unresolved = 0
    for term in terms:
        targets = term.codes or tuple((code, "") for code in _follow(term.see, by_main, _REDIRECT_STEPS))
        found = [(code, head) for raw, head in targets if (code := _existing(raw, codes))]
        unresolved += not found and bool(term.codes or term.see)
        for code, head in found:
            texts[code][_natural(term.path, head)] = None
    return {code: list(found) for code, found in texts.items()}, unresolved


def _walk(element, above: tuple[str, ...], heads: dict) -> Iterator[IndexTerm]:
    path = (*above, _title(element.find("title")))
    cells = [(_text(cell), heads.get(cell.get("col"), "")) for cell in element.iterfind("cell")]
    codes = [(_text(code), "") for code in element.iterfind("code")] + cells
    see = " ".join(_text(s) for s in element.iterfind("see"))
    codes = [(code, head) for code, head in codes if code.strip("-–— ")]
    if codes or see:
        yield IndexTerm(path, tuple(codes), see)
    for child in element.iterfind("term"):
        yield from _walk(child, path, heads)


def _title(element) -> str:
    """The title without its non-essential modifiers (<nemod>, in brackets)."""
    if element is None:
        return ""
    kept = (element.text or "") + " ".join(" " + (child.tail or "") for child in element)
    return " ".join(kept.split())


def _text(element) -> str:
    return " ".join("".join(element.itertext()).split())


def _natural(path: tuple[str, ...], head: str) -> str:
    """The path as people would say it: the last qualifier first where there are two levels."""
    parts = [part for part in path if part]
    if len(parts) == 2 and not _starts_with_filler(parts[1]):
        said = f"{parts[1]} {_first_form(parts[0])}"
    elif len(parts) >= 2:
        said = f"{_first_form(parts[0])} {' '.join(parts[1:])}"
    else:
        said = parts[0] if parts else ""
    said = re.sub(r"\b(NEC|NOS)\b", "", said).replace(" ,", ",")
    return " ".join(f"{said}, {head.lower()}".split()) if head else " ".join(said.split())


def _first_form(title: str) -> str:
    """ "Abdomen, abdominal" -> "Abdomen": the index lists the forms of a word behind commas."""
    first, _, rest = title.partition(",")
    return first if rest and " " not in first else title


def _starts_with_filler(part: str) -> bool:
    return part.split()[0].lower().strip("(),") in _FILLER


def _existing(raw: str, codes: set[str]) -> str:
    """The code as the release has it; "C79.8-" and codes grown longer since lead to the header."""
    code = raw.strip().rstrip("-").rstrip(".")
    return code if code in codes else ""


def _follow(see: str, by_main: dict[str, list[tuple[frozenset[str], IndexTerm]]], steps: int) -> list[str]:
    """Codes of the term that `see` names, following further `see` a few times."""
    if not see or not steps:
        return []
    wanted = [word for part in see.split(",") for word in _keywords(part)]
    if not wanted:
        return []
    reaching = [
        (len(have), i, term) for i, (have, term) in enumerate(by_main.get(wanted[0], ())) if have >= set(wanted)
    ]
    if not reaching:
        return []
    _, _, best = min(reaching)
    return [code for code, _ in best.codes[:1]] or _follow(best.see, by_main, steps - 1)


def _keywords(title: str) -> list[str]:
    return [
        word for word in re.findall(r"[a-z0-9']+", title.lower()) if word not in _FILLER and word not in ("nec", "nos")
    ]
