"""Where clinical prose may be cut: every gap between two words, with how much harm a cut there does.

    gaps("Avoid NSAIDs. Give 0.5 mg of X, then stop.") -> [Gap(5, 6, PROTECTED), Gap(13, 14, SENTENCE), …]

A sentence end is best, then a clause mark, then a plain space. A gap that touches a number, lies inside a short bracket
or parts a list's stem from its first item is to be avoided. A gap inside a dose or range ("0.5 mg", "5 to 10
micrograms/min", "1 in 1,000", "500 mg twice daily"), after an abbreviation ("e.g.", "No. 5") or between a negation and
what it negates ("do not give patients", "contraindicated in pregnancy") is protected. There is no gap inside a word, so
"E11.9", "1.5-2" and "2 mg/kg/h" hold together by themselves.

The rules look at one word and its neighbours, in one pass: linear in the text, whatever the text. They know English,
and err towards not cutting: "for 5 days" is as protected as "5 mg". They do not parse: a negation is held to the two
content words after it, not to its whole scope.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

SENTENCE, CLAUSE, SPACE, AVOID, PROTECTED = range(5)

_SHORT_BRACKET_CHARACTERS = 60  # a longer one is prose in its own right
_WORDS_A_NEGATION_HOLDS = 2  # "not routinely recommended", "no known allergy": shorter parts the meaning

_WORD = re.compile(r"\S+")
_BRACKET = re.compile(rf"\([^()]{{1,{_SHORT_BRACKET_CHARACTERS}}}\)|\[[^\[\]]{{1,{_SHORT_BRACKET_CHARACTERS}}}\]")
_CLOSERS = ")]}\"'’”»*_⁰¹²³⁴⁵⁶⁷⁸⁹"  # closing marks and footnote signs may follow a full stop
_FULL_STOPS = (".", "!", "?", "…")
_OPENERS = "([{\"'‘“«*_"
_AROUND = _CLOSERS + _OPENERS + ",;:.!?•"
_NUMBER = re.compile(r"[<>≤≥=~≈±+−–-]*\.?\d[\d.,/^:×x−–-]*%?|[½¼¾⅓⅔]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NUMBER_WORDS = _words("one two three four five six seven eight nine ten twelve half")
_SYMBOLS = _words("< > ≤ ≥ = ~ ≈ ± + - − – / ^ x × * <= >=")
_LEADS_A_NUMBER = _SYMBOLS | _words(
    "to and or in than of at by per least most over under above below within ph bp hr rr inr spo2 "
    "about approximately "
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
_IN_A_DOSE = _words(  # what may follow number and unit and still be the dose
    "hg h2o / a an per every each once twice thrice times daily nightly weekly monthly hourly day bd bid tds tid qds "
    "qid od qd prn iv im sc po orally intravenously subcutaneously intramuscularly"
)
_LINKS_A_DOSE = _words("/ per every each a an times")
_NEGATIONS = _words(
    "not no never none nor neither without avoid avoided avoiding cannot contraindicated contraindication "
    "contraindications except unless stop withhold omit discontinue exclude excluding absence denies denied hardly"
)
_LATE_NEGATIONS = _words("not never")  # they belong to the word before as well: "should not"
_SMALL_WORDS = _words("a an the in to of with for be been is are on by if or and any")
_HELD_TOGETHER = frozenset(
    (first, second)
    for firsts, seconds in (
        ("less more greater fewer lower higher other rather earlier later", "than"),
        ("at", "least most"),
        ("up due", "to"),
        ("instead", "of"),
        ("rule ruled", "out"),
    )
    for first in firsts.split()
    for second in seconds.split()
)
_ABBREVIATIONS = _words(
    "approx. ca. cf. dr. prof. mr. mrs. ms. st. vs. viz. al. fig. figs. ref. refs. sect. ch. pp. incl. excl. "
    "spp. subsp. resp. inj. susp. sol."
)
_SHORT_BEFORE_A_NUMBER = _words("no. nos. max. min. tab. tabs. cap. caps. p. para. vol. wt.")
_DOTTED_LETTERS = re.compile(r"(?:[^\W\d_]\.){2,}")  # e.g., i.e., q.d., b.i.d., U.S.
_LIST_MARK = re.compile(r"[•‣◦▪●–—*-]|o|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)]")


@dataclass(frozen=True)
class Gap:
    """White space between two words, `text[left:right]`; a cut ends one part at `left`, the next begins at `right`."""

    left: int
    right: int
    rank: int  # SENTENCE … PROTECTED


def gaps(text: str) -> list[Gap]:
    """Every gap of `text` in order."""
    found = list(_ranked(text))
    inside = _inside_brackets(text)
    return [Gap(g.left, g.right, AVOID) if g.rank < AVOID and inside[g.left] else g for g in found]


def is_list_mark(word: str) -> bool:
    return bool(_LIST_MARK.fullmatch(word))


def _ranked(text: str) -> Iterator[Gap]:
    words = [match.span() for match in _WORD.finditer(text)]
    held = 0  # content words the last negation still holds
    in_dose = False
    first_on_line = True
    before = ""
    for i, ((start, end), (next_start, next_end)) in enumerate(pairwise(words)):
        left, right, space = text[start:end], text[next_start:next_end], text[end:next_start]
        after = text[slice(*words[i + 2])] if i + 2 < len(words) else ""
        left_bare, right_bare = _bare(left), _bare(right)
        mark = first_on_line and is_list_mark(left)
        glued = mark or _abbreviated(left, right, before) or (left_bare, right_bare) in _HELD_TOGETHER

        rank = _plain_rank(left, right, space)
        ends = rank == SENTENCE and not glued and left.rstrip(_CLOSERS).endswith(_FULL_STOPS)
        if left_bare in _NEGATIONS or left_bare.endswith(("n't", "n’t")):
            held = _WORDS_A_NEGATION_HOLDS
        elif held and left_bare and not mark and left_bare not in _SMALL_WORDS:
            held -= 1
        held = 0 if ends else held
        in_dose = not ends and _goes_on(in_dose, left, left_bare, right_bare)

        if glued or held or (rank > CLAUSE and (in_dose or right_bare in _LATE_NEGATIONS)):
            rank = PROTECTED
        elif rank > SENTENCE:
            rank = max(rank, _number_rank(before if left == "|" else left, right, after, rank))
        yield Gap(end, next_start, rank)
        first_on_line = "\n" in space
        before = left if left != "|" else before


def _bare(word: str) -> str:
    return word.strip(_AROUND).casefold() or (word if word in _SYMBOLS else "")


def _plain_rank(left: str, right: str, space: str) -> int:
    """What the punctuation says, before any protection."""
    last = left.rstrip(_CLOSERS)[-1:]
    if last in _FULL_STOPS:
        return AVOID if right[0].islower() else SENTENCE
    if space.count("\n") > 1:
        return SENTENCE
    if "\n" in space and is_list_mark(right):
        return AVOID if last == ":" else SENTENCE  # a list's stem stays with its first item
    if "\t" in space or ("\n" in space and right[0].isupper()):
        return CLAUSE
    if left[-1] in ",;:—)]" or left in ("–", "|"):
        return CLAUSE
    return AVOID if right == "|" else SPACE


def _number_rank(left: str, right: str, after: str, rank: int) -> int:
    """Protection by numbers. At a clause mark or a border only what would be torn off its number counts."""
    if _is_number(left):
        return PROTECTED
    if right in _SYMBOLS and _starts_number(after):
        return PROTECTED if rank > CLAUSE else rank
    if _starts_number(right):
        open_end = left.endswith(":") or _is_number(left.rstrip(",;"))  # "pH: 7.35", "5, 10 or 20 mg"
        return PROTECTED if open_end or _bare(left) in _LEADS_A_NUMBER else AVOID if rank > CLAUSE else rank
    if rank > CLAUSE and any(map(str.isdigit, chain(left, right))):
        return AVOID
    return rank


def _goes_on(in_dose: bool, left: str, left_bare: str, right_bare: str) -> bool:
    """Whether the gap after `left` is still inside "5 mg per day", "2 mg / kg", "one tablet twice daily"."""
    if _is_number(left):
        return True
    if not in_dose or left[-1] in ",;:)":
        return False
    return left_bare in _LINKS_A_DOSE or right_bare in _IN_A_DOSE


def _is_number(word: str) -> bool:
    """A number that wants its unit: nothing closes it."""
    core = word.lstrip(_OPENERS)
    return core.casefold() in _NUMBER_WORDS or (word[-1:] not in (".", ",", ";", ":") and bool(_NUMBER.fullmatch(core)))


def _starts_number(word: str) -> bool:
    core = word.lstrip(_OPENERS)
    return bool(_NUMBER.match(core)) or core.casefold().rstrip(_AROUND) in _NUMBER_WORDS


def _abbreviated(left: str, right: str, before: str) -> bool:
    core = left.lstrip(_OPENERS).casefold()
    if core in _ABBREVIATIONS or _DOTTED_LETTERS.fullmatch(core):
        return True
    if core in _SHORT_BEFORE_A_NUMBER and right[0].isdigit():
        return True
    # "… to stop. 2. Give …": a number of a list in running text, not the end of "grade 2."
    return bool(re.fullmatch(r"\d{1,2}[.)]", core)) and before[-1:] in (".", ":", ";", "!", "?")


def _inside_brackets(text: str) -> bytearray:
    inside = bytearray(len(text))
    for match in _BRACKET.finditer(text):
        inside[match.start() : match.end()] = b"\1" * len(match.group())
    return inside
