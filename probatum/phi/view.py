"""A view of a text in which an identifier cannot hide behind typography, and which still knows the places.

    View("MRN： １２３‑４５").text  ->  "MRN: 123-45"        View(…).place(5)  ->  offset in the text as it came

Unusual spaces become spaces, hyphens and dashes "-", digits and letters of other widths or scripts' digits ASCII, and
what nobody sees (soft hyphens, zero-width marks) is left out. Line feeds stay. `low` is the same in small letters, of
the same length. One pass; a plain ASCII text is taken as it is.
"""

import re
import unicodedata
from bisect import bisect_right

_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
_GONE = re.compile(f"[{_INVISIBLE}]+")
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\v\f\x1c\x1d\x1e\x1f\x85"
_LINES = "\r\u2028\u2029"
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d\u30fc"
_MARKS = {"’": "'", "‘": "'", "ʼ": "'", "´": "'", "′": "'", "∶": ":", "꞉": ":", "․": ".", "﹕": ":"}


def _plain() -> dict[int, str]:
    """Every character that reads as an ASCII one: same length, so that offsets stay."""
    table = dict.fromkeys(_SPACES, " ") | dict.fromkeys(_LINES, "\n") | dict.fromkeys(_HYPHENS, "-") | _MARKS
    for code in range(0x80, 0x1FBFA):
        char = chr(code)
        if unicodedata.category(char) == "Nd":
            table[char] = str(unicodedata.decimal(char))
    table |= {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in table}
    return str.maketrans(table)


_PLAIN = _plain()
_ODD_ASCII = re.compile(r"[\v\f\r\x1c-\x1f]")
_ASCII_LOW = {code: code + 32 for code in range(65, 91)}


class View:
    def __init__(self, text: str):
        self._before: list[int] = []  # where, in the view, something was left out just before
        self._left_out: list[int] = []  # how many characters in all up to there
        if text.isascii():
            self.text = text.translate(_PLAIN) if _ODD_ASCII.search(text) else text
        else:
            self.text = self._without_invisible(text).translate(_PLAIN)
        low = self.text.lower()
        self.low = low if len(low) == len(self.text) else self.text.translate(_ASCII_LOW)  # "İ" is two in small letters

    def place(self, at: int) -> int:
        """The offset in the text as it came of the character at `at` in the view."""
        known = bisect_right(self._before, at)
        return at + self._left_out[known - 1] if known else at

    def _without_invisible(self, text: str) -> str:
        kept, at, gone = [], 0, 0
        for match in _GONE.finditer(text):
            kept.append(text[at : match.start()])
            gone += match.end() - match.start()
            at = match.end()
            self._before.append(at - gone)
            self._left_out.append(gone)
        return "".join([*kept, text[at:]])
