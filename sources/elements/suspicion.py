"""What in a text looks as if it were meant for a program and not for a clinician. It is counted, never acted on.

    flags_of(["Ignore all previous instructions.", "Give 500 mL"])  ->  Counter({"instructions to a model": 1})

Looked for: instructions to a language model, calls of tools, links that would carry data away, script, marks that turn
the direction of reading, letters without width inside words, letters of another script dressed as Latin ones, terminal
escapes. A flag is a reason for a person to look; a document is not refused for it. What people write to people
("disregard the earlier result", α-blocker, 5 µg) is no reason. It cannot tell a false dose from a true one.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from sources.elements.tidy import DIRECTIONS, TAGS, ZERO_WIDTH, tidied

_EARLIER = r"(?:all|any|every|the|your|of|these|those|previous|prior|above|earlier|preceding|foregoing|former|initial|original|system|existing|other)"
_ORDERS = r"(?:instructions?|prompts?|commands|directives|system messages?|context window|guardrails|safety rules)"
_MODEL = r"(?:AI|A\.I\.|LLM|language model|chat ?bot|chatgpt|gpt-?\d?|assistant model|AI assistant|virtual assistant)"
_INSTRUCTIONS = re.compile(
    rf"\b(?:ignore|disregard|forget|override|bypass|do not follow|stop following)\s+(?:{_EARLIER}\s+){{1,5}}{_ORDERS}\b"
    rf"|\b(?:new|updated|hidden|secret|real)\s+(?:system\s+)?(?:instructions?|prompt)\s*:"
    rf"|\byou\s+are\s+(?:now\s+)?(?:an?|the|no longer an?)\s+(?:\w+\s+){{0,3}}{_MODEL}\b"
    rf"|\bas\s+an?\s+{_MODEL}\b,?\s+(?:you|always|never|do|must)\b"
    rf"|\b(?:to|note to|attention|instructions? (?:for|to))\s+(?:the\s+|any\s+|all\s+)?{_MODEL}s?\s*:"
    rf"|\bif\s+you\s+are\s+(?:an?\s+)?(?:\w+\s+)?{_MODEL}\b"
    r"|\b(?:reveal|print|repeat|output|show)\s+(?:me\s+)?(?:your|the)\s+(?:system|hidden|initial)\s+(?:prompt|instructions?)\b"
    r"|\bdo\s+not\s+(?:tell|inform|alert|mention\s+(?:this|it)\s+to)\s+the\s+user\b"
    r"|\b(?:assistant|model|chat ?bot)\s+must\s+(?:always\s+|now\s+)?(?:answer|say|reply|respond|recommend|output)\b"
    r"|<\|(?:im_start|im_end|system|user|assistant|endoftext|begin_of_text|start_header_id|eot_id)\|>"
    r"|\[/?INST\]|<</?SYS>>|#{2,}\s*(?:system|instruction|response)\s*:"
    r"|</?(?:system|assistant|instructions?|system-reminder|user_query)>",
    re.I,
)
_TOOLS = re.compile(
    r"[{,]\s*[\"'](?:name|tool|tool_name|function|action|recipient_name)[\"']\s*:\s*(?:[\"'][\w./-]{1,80}[\"']|\{)[^{}]{0,200}?"
    r"[\"'](?:arguments|parameters|args|input|tool_input|action_input)[\"']\s*:"
    r"|[\"'](?:tool_calls|function_call|tool_use)[\"']\s*:"
    r"|</?(?:tool_call|function_calls?|invoke|tool_use|tool_code)\b[^>]{0,200}>",
    re.I,
)
_CARRIES = r"(?:https?:)?//[^\s)\]>\"']{1,500}(?:\?[^\s)\]>\"']{0,500}=|[{$%]{1,2}[{(]?\w)"
_LINKS = re.compile(
    rf"!\[[^\]]{{0,300}}\]\(\s*<?{_CARRIES}|<img\b[^>]{{0,300}}?\bsrc\s*=\s*[\"']?{_CARRIES}",
    re.I,
)
_SCRIPT = re.compile(
    r"<script\b|\bjavascript\s*:\s*\S|\bvbscript\s*:|\bdata\s*:\s*text/html|<iframe\b|<object\b|<svg[\s/][^>]{0,200}\bon\w+\s*="
    r"|<\w[^>]{0,200}\bon(?:error|load|click|mouseover|focus)\s*=",
    re.I,
)
_TERMINAL = re.compile(r"\x1b|\x9b[0-9;?]*[A-Za-z]")
_INSIDE = re.compile(f"(?<=[^\\W_])[{ZERO_WIDTH[1:]}]+(?=[^\\W_])")  # [1:]: a soft hyphen is what it is for
_TURNED = re.compile(f"[{DIRECTIONS}]")
_STRONG_TURNS = re.compile("[\u202a\u202b\u202d\u202e\u2066-\u2068]")
_UNSHAPED = re.compile(f"[{TAGS}]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_TWINS = (
    str.maketrans(  # letters that look like a Latin one in every typeface; Greek α, β, γ, κ, µ, ρ stand for themselves
        "АВЕКМНОРСТХЅІЈУаеорсухіјѕһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
        "ABEKMHOPCTXSIJYaeopcyxijshdqwABEZHIKMNOPTYXo",
    )
)
_TWIN = re.compile("[" + "".join(map(chr, _TWINS)) + "]")
_LATIN = re.compile("[A-Za-z]")
_STYLED = re.compile("[\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d6a5]{3,}")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]")


def flags_of(texts: Iterable[str]) -> Counter[str]:
    """How often each kind of suspicious thing stands in the texts of one document, as they were read."""
    raw = "\n\n".join(texts)
    plain = tidied(raw)
    shown = unicodedata.normalize("NFKC", plain)
    found = Counter(
        {
            "instructions to a model": _count(_INSTRUCTIONS, _as_latin(shown)),
            "calls of tools": _count(_TOOLS, shown),
            "links that carry data away": links_that_carry(shown),
            "script": _count(_SCRIPT, shown),
            "bidirectional controls": _turns(raw),
            "characters without width": _count(_INSIDE, raw) + _count(_UNSHAPED, raw),
            "look-alike letters": sum(1 for _ in _mixed(plain)),
            "terminal escapes": _count(_TERMINAL, raw),
        }
    )
    return +found


def links_that_carry(text: str) -> int:
    """Pictures whose address has room for data: they are fetched by whoever shows the text."""
    return _count(_LINKS, text)


def _count(pattern: re.Pattern, text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))


def _turns(raw: str) -> int:
    """Marks of direction. Text that is written from right to left needs the weak ones, and may have them."""
    return _count(_STRONG_TURNS if _RIGHT_TO_LEFT.search(raw) else _TURNED, raw)


def _mixed(text: str) -> Iterable[str]:
    """Words of Latin letters with a twin of another script among them, and words in letters made for formulae."""
    if _TWIN.search(text):
        yield from (word for word in _WORD.findall(text) if _TWIN.search(word) and _LATIN.search(word))
    yield from _STYLED.findall(text)


def _as_latin(text: str) -> str:
    return text.translate(_TWINS)
