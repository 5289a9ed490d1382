"""A guideline as Markdown: made HTML by the markdown package, then read as HTML is.

Front matter ("---", then "title: …") gives the title. `10^9^` and `H~2~O` are raised and lowered as in pandoc;
`~~old~~` is struck out, and left out.
"""

import re
from pathlib import Path

import markdown

from probatum.errors import Rejected
from probatum.safeio import ASK_AGAIN, Limits
from sources.elements import html
from sources.elements.model import Reading
from sources.elements.suspicion import links_that_carry
from sources.elements.text import text_of

_FRONT = re.compile(r"\A---\s*\n(.*?)\n(?:---|\.\.\.)\s*\n", re.S)
_TITLE = re.compile(r"^title\s*:\s*[\"']?(.+?)[\"']?\s*$", re.I | re.M)
_SCRIPTS = (
    (re.compile(r"~~(?=\S)(.{1,2000}?)(?<=\S)~~", re.S), r"<del>\1</del>"),
    (re.compile(r"(?<![\^\\])\^([^\s^]{1,12})\^(?!\^)"), r"<sup>\1</sup>"),
    (re.compile(r"(?<![~\\])~([^\s~]{1,12})~(?!~)"), r"<sub>\1</sub>"),
)
_EXTENSIONS = ("tables", "def_list", "fenced_code", "sane_lists", "footnotes")
_MOST_LINES = 60_000  # with words; the package takes some 10 s for them, and a book has 15,000
_MOST_OPEN = (
    1_000  # brackets in one paragraph that nothing closes: each is looked for to the end, in the square of their number
)
_DEEPEST_QUOTE = re.compile(r"^(?:\s*>){50,}", re.M)  # the package calls itself once a level


def read(path: Path, limits: Limits) -> Reading:
    text = text_of(path)
    if _DEEPEST_QUOTE.search(text):
        raise Rejected(f"{path.name} quotes deeper than 50 levels.", next=ASK_AGAIN)
    lines = sum(bool(line.strip()) for line in text.split("\n"))
    if lines > _MOST_LINES:
        raise Rejected(
            f"{path.name} has {lines} lines ({_MOST_LINES} allowed), more than paragraphs need.", next="Split it."
        )
    for opening, closing in ("[]", "<>"):
        if any(part.count(opening) - part.count(closing) > _MOST_OPEN for part in re.split(r"\n\s*\n", text)):
            raise Rejected(f"{path.name} opens more than {_MOST_OPEN} brackets that it does not close.", next=ASK_AGAIN)
    front = _FRONT.match(text)
    text = text[front.end() :] if front else text
    for pattern, replacement in _SCRIPTS:
        text = pattern.sub(replacement, text)
    reading = html.read_text(f"<html><body>{markdown.markdown(text, extensions=_EXTENSIONS)}</body></html>", path.name)
    if links := links_that_carry(text):  # pictures are not read, and would not be seen in the text
        reading.flags["links that carry data away"] = links
    if front and (said := _TITLE.search(front[1])):
        reading.title = said[1]
    return reading
