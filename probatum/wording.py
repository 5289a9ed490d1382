"""Words: how a question and a title are cut into comparable words, and what clinicians' shorthand stands for.

    keywords("displaced fx of the R radius, healing")  ->  {"displac", "fractur", "right", "radius", "subsequ", …}

General English and general clinical shorthand only. What one code or one drug is called belongs to the lexicon.
"""

import re
from functools import lru_cache

from probatum.errors import Rejected

MOST_QUESTION_CHARACTERS = 10_000
_WORD = re.compile(r"[^\W_]+(?:\.\d+)?")
_STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "cannot",
        "code",
        "coded",
        "coding",
        "did",
        "do",
        "does",
        "for",
        "from",
        "get",
        "gets",
        "got",
        "had",
        "has",
        "have",
        "he",
        "her",
        "hers",
        "him",
        "his",
        "how",
        "i",
        "icd",
        "icd10",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "my",
        "need",
        "of",
        "off",
        "on",
        "or",
        "our",
        "put",
        "she",
        "so",
        "some",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "up",
        "us",
        "use",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "you",
        "your",
    ]
)
_SHORTHAND = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\b(rt|r|od)\b", "right"),
        (r"\b(lt|l|os)\b", "left"),
        (r"\b(bilat|both)\b|\bb/l\b", "bilateral"),
        (r"\b(fx|break|broken|broke)\b", "fracture"),
        (r"\bw/o\b|\bno\b|\bnot\b", "without"),
        (r"\b(hx|h/o)\b", "history"),
        (r"\bca\b", "cancer"),
        (r"\b(pt|pts)\b", "patient"),
        (r"\b(first visit|new injury|initial visit|just happened)\b", "initial encounter"),
        (
            r"\b(healing|healed|(follow.?up|return|second|clinic|check.?up|dressing change) visit|recheck|cast (check|off)|aftercare|back in clinic"
            r"|(dressing change|stitches out|suture removal|seen again|weeks? (on|later)|here for review))\b",
            "subsequent encounter routine healing",
        ),
        (
            r"\b(never|not|hasn.?t|failed to) (united?|knit(ted)?|join(ed)?)\b|\bnon.?union\b",
            "subsequent encounter nonunion",
        ),
        (r"\b(healed|set|united) (crooked|wrong|badly|bent)\b|\bmal.?union\b", "subsequent encounter malunion"),
        (r"\b(slow to heal|still not healed|healing slowly|delayed union)\b", "subsequent encounter delayed healing"),
        (r"\b(old injury|left from an? old|late effects?|years (after|ago)|long after|scar from)\b", "sequela"),
        (
            r"\b(nos|unsp|not (said|stated|recorded|written|documented|specified)|nothing recorded|doesn.?t say|unknown)\b",
            "unspecified",
        ),
    )
)
_ENDINGS = (
    "ations",
    "ation",
    "ically",
    "ities",
    "ments",
    "ness",
    "ment",
    "ings",
    "ical",
    "ity",
    "ies",
    "ing",
    "ion",
    "ive",
    "ous",
    "al",
    "es",
    "ed",
    "ic",
    "ly",
    "s",
    "e",
    "y",
)
_SHORTEST_STEM = 4
LATER_ENCOUNTER = frozenset({"sequela", "subsequ"})


def keywords(question: str) -> frozenset[str]:
    """The stems of a question's content words, those its shorthand stands for included."""
    lower = question.lower()
    meant = [words for pattern, words in _SHORTHAND if pattern.search(lower)]
    return stems(" ".join((lower, *meant)))


@lru_cache(maxsize=200_000)
def stems(text: str) -> frozenset[str]:
    """The stems of the content words of a title or phrase."""
    return frozenset(stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS)


def stem(word: str) -> str:
    """A crude English stem: enough to match "fractures" with "fracture" and "displacement" with "displaced"."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


def normalised(text: str) -> str:
    """Lower-case words with single spaces, for looking for a name inside a question."""
    return f" {' '.join(_WORD.findall(text.lower()))} "


def check_question(question: str) -> None:
    """Raise Rejected for an empty or endless question, or one that is not text."""
    if not question.strip():
        raise Rejected("The question is empty.", safe="Nothing was searched.", next="Ask with at least one word.")
    if len(question) > MOST_QUESTION_CHARACTERS:
        raise Rejected(
            f"The question has {len(question)} characters ({MOST_QUESTION_CHARACTERS} allowed).",
            safe="Nothing was searched.",
            next="Shorten it.",
        )
    if any("\ud800" <= character <= "\udfff" for character in question):  # what a terminal sends that is no UTF-8
        raise Rejected("The question is not text.", safe="Nothing was searched.", next="Send it as UTF-8.")


def dotted(code: str) -> str:
    """An ICD-10-CM code typed without its dot, with it; anything else as it is."""
    return code if len(code) < 4 or "." in code or "-" in code or code.isdigit() else f"{code[:3]}.{code[3:]}"
