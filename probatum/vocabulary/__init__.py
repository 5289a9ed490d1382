"""What people say at the bedside and what documents write: groups of words that mean the same.

    clinical.tsv   formal words <tab> how it is said                      "creatinine"  <-  "creat | kidney numbers"
    drugs.tsv      ingredient <tab> synonyms <tab> brands <tab> classes <tab> uses

    meant("creat up on vanc, stop?")  ->  ("creatinine", "vancomycin", "glycopeptide antibiotic", …)

Written from general clinical knowledge, for any document of any hospital, and reviewed as data. A question keeps its
own words; what it means is added to them.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
_WORD = re.compile(r"[^\W_]+(?:[-'&/.][^\W_]+)*")
_LONGEST_PHRASE_WORDS = 5
_MOST_ADDED = 8
_SHORTEST_NAME = 3  # characters: shorter drug names are words of other things


def meant(question: str) -> tuple[str, ...]:
    """Formal words for what a question says, in its order, none that it holds already."""
    said = question.lower().replace("’", "'")
    words = _WORD.findall(said)
    added: dict[str, None] = {}
    for at in range(len(words)):
        added |= dict.fromkeys(formal for formal in _longest(words, at) if formal.lower() not in said)
    return tuple(added)[:_MOST_ADDED]


def _longest(words: list[str], at: int) -> tuple[str, ...]:
    """The formal words of the longest known phrase that begins at `at`."""
    known = _phrases()
    for length in range(min(_LONGEST_PHRASE_WORDS, len(words) - at), 0, -1):
        phrase = " ".join(words[at : at + length])
        if found := known.get(phrase) or known.get(phrase.removesuffix("s")):
            return found
    return ()


@cache
def _phrases() -> dict[str, tuple[str, ...]]:
    """{how it is said, in lower case: formal words}."""
    phrases: dict[str, tuple[str, ...]] = {}
    for formal, said in _rows("clinical.tsv"):
        words = tuple(word.strip() for word in formal.split("|"))
        for phrase in said.split("|"):
            key = _key(phrase)
            phrases[key] = (*phrases.get(key, ()), *words)
    for ingredient, synonyms, brands, classes, *_ in _rows("drugs.tsv"):
        name, kind = ingredient.replace(" + ", " "), classes.split("|")[0].strip()
        phrases[_key(name)] = (*phrases.get(_key(name), ()), kind)
        for other in f"{synonyms}|{brands}".split("|"):
            if len(key := _key(other)) > _SHORTEST_NAME:
                phrases[key] = (*phrases.get(key, ()), name, kind)
    return phrases


def _key(phrase: str) -> str:
    return " ".join(_WORD.findall(phrase.lower()))


def _rows(name: str) -> Iterator[list[str]]:
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        if not line.startswith("#") and "\t" in line:
            yield line.split("\t")
