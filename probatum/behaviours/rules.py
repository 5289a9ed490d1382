"""The rules an output can be checked by: each says in a few words what is broken, or nothing.

    Numbered(name="numbered-plan", kind="numbered", section="Plan:").broken(text, facts)  ->  "line 9 is not item 2"

A rule of a TOML file names its `kind`, one of the classes below, and gives it parameters. What is said of a broken rule
holds line numbers and headings of the rule itself, never words of the output: it goes into reports and logs.
Whatever a rule needs to know of the world (the codes of the published release) is handed in as `Facts`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator

from probatum.audit_report import Frozen

LONGEST_OUTPUT_CHARS = 20_000  # more is no note; patterns are tried on no more than that
ICD10 = r"[A-TV-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?"  # the shape of an ICD-10-CM code with its dot
_CODE = re.compile(rf"(?<![\w.]){ICD10}(?![\w.]*\w)")
_IN_PARENTHESES = re.compile(rf"\(({ICD10}(?:, {ICD10})*)\)")
_WHOLE_PATTERN_CHARS = 300


@dataclass(frozen=True)
class Facts:
    """What rules know of the world. codes: the billable ICD-10-CM codes of the release that serves, with their dots."""

    codes: frozenset[str] = frozenset()


class _Rule(Frozen):
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{2,40}$")
    why: str = Field(min_length=3)  # for the people who review the file and read the report

    def broken(self, text: str, facts: Facts) -> str:
        """What is wrong in a few words; "" where the rule is kept."""
        raise NotImplementedError


class _Patterned(_Rule):
    pattern: str = Field(min_length=2, max_length=_WHOLE_PATTERN_CHARS)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"the pattern is no regular expression ({error})") from None
        return pattern

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


class Sections(_Rule):
    """Each heading stands once, opens its line, and they come in this order; something stands under each."""

    kind: Literal["sections"]
    sections: tuple[str, ...] = Field(min_length=1)

    def broken(self, text: str, facts: Facts) -> str:
        lines = _lines(text)
        at = [[n for n, line in enumerate(lines) if _heads(line, heading)] for heading in self.sections]
        for heading, places in zip(self.sections, at, strict=True):
            if len(places) != 1:
                return f"{heading} stands {_times(len(places))}"
        order = [places[0] for places in at]
        if order != sorted(order):
            return "the sections are not in order"
        if order[0] != 0:
            return f"something stands before {self.sections[0]}"
        empty = [h for h in self.sections if not any(line.strip() for line in section_of(text, h, self.sections))]
        return f"nothing stands under {empty[0]}" if empty else ""


class Line(_Patterned):
    """Exactly one line matches the pattern, in the section where one is named."""

    kind: Literal["line"]
    section: str = ""

    def broken(self, text: str, facts: Facts) -> str:
        lines = section_of(text, self.section) if self.section else _lines(text)
        found = sum(1 for line in lines if self._compiled.fullmatch(line.strip()))
        where = f" under {self.section}" if self.section else ""
        return "" if found == 1 else f"the line stands {_times(found)}{where}"


class LastLine(_Patterned):
    """The last line that is not empty matches the pattern."""

    kind: Literal["last-line"]

    def broken(self, text: str, facts: Facts) -> str:
        last = next((line.strip() for line in reversed(_lines(text)) if line.strip()), "")
        return "" if self._compiled.fullmatch(last) else "the last line is another"


class Codes(_Rule):
    """Every line of the section has an ICD-10 code in parentheses; none stands outside them."""

    kind: Literal["codes"]
    section: str

    def broken(self, text: str, facts: Facts) -> str:
        lines = [line for line in section_of(text, self.section) if line.strip()]
        if not lines:
            return f"nothing stands under {self.section}"
        for number, line in enumerate(lines, 1):
            if not _IN_PARENTHESES.search(line):
                return f"line {number} under {self.section} has no code in parentheses"
            outside = _CODE.findall(_IN_PARENTHESES.sub("", line))
            if any("." in code or code in facts.codes for code in outside):  # vitamin B12 is no code
                return f"line {number} under {self.section} has a code outside parentheses"
        return ""


class ValidCodes(_Rule):
    """Every code that stands in parentheses, anywhere, is a billable one of the release; there is at least one."""

    kind: Literal["valid-codes"]

    def broken(self, text: str, facts: Facts) -> str:
        found = [code for group in _IN_PARENTHESES.findall(text) for code in group.split(", ")]
        if not found:
            return "there is no code"
        wrong = sum(1 for code in found if code not in facts.codes)
        return f"{wrong} of {len(found)} codes are not in the release" if wrong else ""


class Numbered(_Rule):
    """The lines of the section are items "1. …", "2. …" in order, at least `least` of them; `ends` may follow them."""

    kind: Literal["numbered"]
    section: str
    least: int = Field(1, ge=1)
    ends: tuple[str, ...] = ()  # beginnings of lines that close the section and are no items

    def broken(self, text: str, facts: Facts) -> str:
        items = [line.strip() for line in section_of(text, self.section) if line.strip()]
        while items and self.ends and items[-1].startswith(self.ends):
            items.pop()
        for number, line in enumerate(items, 1):
            if not re.match(rf"{number}\. \S", line):
                return f"line {number} under {self.section} is not item {number}"
        return "" if len(items) >= self.least else f"{len(items)} items under {self.section}, {self.least} at least"


class OneOf(_Rule):
    """The whole output is one of the labels, and nothing else."""

    kind: Literal["one-of"]
    labels: tuple[str, ...] = Field(min_length=2)

    def broken(self, text: str, facts: Facts) -> str:
        return "" if text.strip() in self.labels else "the output is none of the labels"


class Absent(_Patterned):
    """The pattern is found nowhere: a refusal, a placeholder, a bullet."""

    kind: Literal["absent"]

    def broken(self, text: str, facts: Facts) -> str:
        found = len(self._compiled.findall(text[:LONGEST_OUTPUT_CHARS]))
        return f"it is there {_times(found)}" if found else ""


class Words(_Rule):
    """So many words, from `least` to `most`."""

    kind: Literal["words"]
    least: int = Field(1, ge=0)
    most: int = Field(gt=0)

    def broken(self, text: str, facts: Facts) -> str:
        count = len(text.split())
        return "" if self.least <= count <= self.most else f"{count} words, {self.least} to {self.most} wanted"


Rule = Annotated[
    Sections | Line | LastLine | Codes | ValidCodes | Numbered | OneOf | Absent | Words, Field(discriminator="kind")
]


def section_of(text: str, heading: str, headings: Iterable[str] = ()) -> list[str]:
    """The lines under `heading`, up to the next line that is a heading: one of `headings`, or a short one that ends with a colon.

    What stands on the heading's own line after it is the first line: "Assessment: Migraine (G43.909)".
    """
    lines = _lines(text)
    start = next((n for n, line in enumerate(lines) if _heads(line, heading)), None)
    if start is None:
        return []
    own = lines[start].strip()[len(heading) :].strip()
    found = [own] if own else []
    for line in lines[start + 1 :]:
        if any(_heads(line, other) for other in headings) or _looks_like_a_heading(line):
            break
        found.append(line)
    return found


def _lines(text: str) -> list[str]:
    return text[:LONGEST_OUTPUT_CHARS].strip("\n").split("\n")


def _heads(line: str, heading: str) -> bool:
    return line.strip().startswith(heading)


def _looks_like_a_heading(line: str) -> bool:
    return re.fullmatch(r"[A-Z][A-Za-z /-]{1,40}:", line.strip()) is not None


def _times(count: int) -> str:
    return {0: "nowhere", 1: "once", 2: "twice"}.get(count, f"{count} times")
