r"""Text of others on a terminal or in a log: whatever it holds, it is shown and never obeyed.

    printable("5\u202e mg\x1b[31m\nRelease 9 is published")   ->   r"5\u202e mg\x1b[31m\nRelease 9 is published"

Characters that move a cursor, colour, turn the direction of reading, end a line or are not seen at all are written as
Python writes them. What people read (letters, marks, signs of any script, emoji) is left as it is. Two different texts
may be shown alike: a text that holds the five characters "\x1b[" looks as an escape does here.
"""

import re
from functools import cache
from unicodedata import category

_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # controls, formats, surrogates, without a meaning, line ends
_PLAIN = re.compile(r"[ -~\u00a1-\u00ac\u00ae-\u02ff]*")  # nearly every text: nothing to look at closely


def printable(text: str, *, keep_lines: bool = False) -> str:
    """The text on one line; keep_lines: line feeds and tabs stay, for a text that is shown in full."""
    if _PLAIN.fullmatch(text):
        return text
    return "".join(char if keep_lines and char in "\n\t" else _shown(char) for char in text)


def printable_json(line: str) -> str:
    """JSON that says the same, in characters a terminal only shows."""
    if _PLAIN.fullmatch(line):
        return line
    return "".join(char if category(char) not in _UNSEEN else _in_json(char) for char in line)


@cache
def _shown(char: str) -> str:
    if category(char) not in _UNSEEN:
        return char
    return repr(char)[1:-1] if not char.isprintable() else f"\\u{ord(char):04x}"


def _in_json(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
