"""Plain-language names and abbreviations, written from general clinical knowledge and reviewed as data.

    sources/lexicon/icd10/chNN.tsv   code <tab> term | term      further texts of a code
    probatum/vocabulary/drugs.tsv    ingredient <tab> synonyms <tab> brands <tab> classes <tab> uses (search reads it too)

What a publisher did not say is marked as ours wherever it is shown. No golden question is ever a source of a term.
"""

from collections import defaultdict
from functools import cache
from pathlib import Path

from probatum import vocabulary
from sources.lexicon.ingredients import Drug, DrugLexicon

_FOLDER = Path(__file__).parent


@cache
def by_code() -> dict[str, list[str]]:
    """{dotted ICD-10-CM code: plain-language names}."""
    terms: dict[str, list[str]] = defaultdict(list)
    for path in sorted((_FOLDER / "icd10").glob("*.tsv")):
        for code, *rest in _rows(path):
            terms[code] += [term for term in _terms(rest[0]) if term not in terms[code]]
    return dict(terms)


@cache
def drugs() -> DrugLexicon:
    """The drug lexicon: its rows, and `find`, which finds them in the name a publisher gives a drug."""
    rows = (row + [""] * 4 for row in _rows(vocabulary.FOLDER / "drugs.tsv"))
    return DrugLexicon(Drug(row[0].lower(), *(tuple(_terms(field)) for field in row[1:5])) for row in rows)


def _rows(path: Path):
    for line in path.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            fields = [part.strip() for part in line.split("\t")]
            if len(fields) > 1:
                yield fields


def _terms(field: str) -> list[str]:
    return [" ".join(term.split()) for term in field.split("|") if term.strip()]
