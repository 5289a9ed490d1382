"""The alphabetic index of ICD-10-CM: official words that are not in any title, each with the code they lead to.

A main term has terms below it, to nine levels. One with a code becomes a text of that code, in natural order where it
has two levels ("acute abdomen", not "Abdomen, acute"). One with `see` leads to another term, named word by word
("Pain, abdominal"): of the terms that have all those words, the one that says least besides is taken, and its code
gets the words of the first. "See condition" names no term and leads nowhere.

    Abdominalgia -> see "Pain, abdominal" -> R10.9          text of R10.9: "Abdominalgia"

The neoplasm and drug tables give a code a column; the heading of the column is part of the text, and of the words a
`see` may name ("Neoplasm, skin, benign").
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

_FILLER = frozenset(
    ["a", "an", "and", "by", "due", "for", "from", "in", "of", "on", "or", "the", "to", "type", "with", "without"]
)
_REDIRECT_STEPS = 4
_SPECIAL = frozenset(["burst", "chronic", "congenital", "neoplastic", "pathological"])  # a `see` that means it says it


@dataclass(frozen=True)
class IndexTerm:
    """One term: its path of titles from the main term down, the codes it has, the terms it sends to."""

    path: tuple[str, ...]
    codes: tuple[tuple[str, str], ...]  # (code, heading of the column or "")
    see: tuple[str, ...] = ()
    modifiers: str = ""  # the words in brackets, on the whole path: not said, but a `see` may name them


def read_index(root) -> list[IndexTerm]:
    """All terms of one index file, in the order of the file."""
    heads = {head.get("col"): _text(head) for head in root.iterfind("indexHeading/head")}
    return [term for main in root.iter("mainTerm") for term in _walk(main, (), "", heads)]


def resolve(terms: Iterable[IndexTerm], codes: set[str]) -> tuple[dict[str, list[str]], int]:
    """({code: texts}, how many terms lead to no code of the release)."""
    terms = list(terms)
    places = _Places(terms)
    texts: dict[str, dict[str, None]] = defaultdict(dict)
    unresolved = 0
    for term in terms:
        targets = term.codes or [found for see in term.see for found in places.follow(see, term.path[0])]
        found = [(code, head) for raw, head in targets if (code := _existing(raw, codes))]
        unresolved += not found
        for code, head in found:
            texts[code][_natural(term.path, head)] = None
    return {code: list(found) for code, found in texts.items()}, unresolved


class _Places:
    """All terms of an index, found by their words."""

    def __init__(self, terms: list[IndexTerm]):
        self._terms = terms
        self._levels: list[tuple[str, ...]] = []  # of each term: the word each of its titles is listed under
        self._sizes: list[int] = []  # of each term: words in its titles
        self._special: list[frozenset[str]] = []  # of each term: the special kinds its titles name
        self._by_main: dict[str, set[int]] = defaultdict(set)  # the word a main term is listed under
        self._by_word: dict[str, set[int]] = defaultdict(set)
        for number, term in enumerate(terms):
            titles = [words for part in term.path if (words := _keywords(part))] or [("",)]
            self._levels.append(tuple(words[0] for words in titles))
            self._sizes.append(sum(map(len, titles)))
            self._special.append(_SPECIAL.intersection(word for words in titles for word in words))
            self._by_main[titles[0][0]].add(number)
            for part in {*term.path, term.modifiers, *(head for _, head in term.codes)}:
                for word in _keywords(part):
                    self._by_word[word].add(number)

    def follow(self, see: str, main: str, steps: int = _REDIRECT_STEPS) -> list[tuple[str, str]]:
        """(code, heading) of the term that `see`, found under the main term `main`, names; further `see` are followed.

        Of the terms that have all its words: one whose last level it names (others are narrower than what is meant),
        with the fewest levels it does not name, rather under the same main term, rather no special kind that it does not
        name ("Fracture, toe" is none under "Fracture, pathological"), with the fewest words, and named level by level in
        their order.
        """
        asked = [word for part in see.split(",") if not _is_any(part) for word in _keywords(part)]
        if not asked or not steps:
            return []
        having = self._by_main.get(asked[0], set()).intersection(*(self._by_word.get(word, ()) for word in asked[1:]))
        meant = [
            (
                sum(word not in asked for word in self._levels[n]),
                self._terms[n].path[0] != main,
                len(self._special[n].difference(asked)),
                self._sizes[n],
                not _in_order(self._levels[n], asked),
                n,
            )
            for n in having
            if self._levels[n][-1] in asked
        ]
        if not meant:
            return []
        best = self._terms[min(meant)[-1]]
        if best.codes:
            return _columns(best, set(asked))
        return [found for further in best.see for found in self.follow(further, best.path[0], steps - 1)]


def _in_order(levels: tuple[str, ...], asked: list[str]) -> bool:
    """Whether the levels are named, where they are, from the main term down."""
    places = [asked.index(word) for word in levels if word in asked]
    return places == sorted(places)


def _columns(term: IndexTerm, asked: set[str]) -> list[tuple[str, str]]:
    """The first column whose heading has the words asked for, or all columns where none was."""
    headings = {head: asked.intersection(_keywords(head)) for _, head in term.codes}
    most = max(headings.values(), key=len)
    return [(code, "") for code, head in term.codes if headings[head] == most][:1] if most else list(term.codes)


def _walk(element, above: tuple[str, ...], modifiers: str, heads: dict) -> Iterator[IndexTerm]:
    title, codes, see, below = "", [], [], []
    for child in element:
        match child.tag:
            case "title":
                title = _title(child)
                modifiers = " ".join([modifiers, *(_text(nemod) for nemod in child)]).strip()
            case "code":
                codes.append((_text(child), ""))
            case "cell":
                codes.append((_text(child), heads.get(child.get("col"), "")))
            case "see":
                see.append(_text(child))
            case "term":
                below.append(child)
    path = (*above, title)
    codes = [(code, head) for code, head in codes if code.strip("-–— ")]
    if codes or see:
        yield IndexTerm(path, tuple(codes), tuple(see), modifiers)
    for child in below:
        yield from _walk(child, path, modifiers, heads)


def _title(element) -> str:
    """The title without its non-essential modifiers (<nemod>, in brackets)."""
    return " ".join(" ".join([element.text or "", *(child.tail or "" for child in element)]).split())


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


def _is_any(part: str) -> bool:
    """ "by site", "by type of machine": whichever it is, so no word of it names the term."""
    return part.strip().lower().startswith("by ")


@lru_cache(maxsize=100_000)
def _keywords(title: str) -> tuple[str, ...]:
    """The words that tell a title, alike in singular and plural: "Complication(s) due to" -> ("complication",)."""
    words = re.findall(r"[^\W_]+", re.sub(r"'s\b|\(s\)|\b(?:NEC|NOS)\b", "", title, flags=re.I).lower())
    return tuple(
        word[:-1] if len(word) > 3 and word[-1] == "s" and word[-2] != "s" else word
        for word in words
        if word not in _FILLER
    )
