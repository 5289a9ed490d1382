"""How text is stored: one way to write each letter, and nothing in it that nobody sees.

    tidied("ﬁrst\u200b dose \u202e10\u2079/L")  ->  "first dose 10⁹/L"

Letters are composed (NFC), ligatures spelt out. Control characters, zero-width characters, tags, variation selectors
and marks that turn the direction of reading are taken out; odd line ends become spaces. It is not NFKC, which makes
10⁹ into 109, and µ stays the sign it was. It does not say what was taken out: see `suspicion`.
"""

import unicodedata

CONTROLS = "".join(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r\v\f\x85")
DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
TAGS = "".join(map(chr, range(0xE0000, 0xE0080)))  # a whole alphabet without a shape
ZERO_WIDTH = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\u206a"
    "\u206b\u206c\u206d\u206e\u206f\u3164\ufeff\uffa0"
)
_SELECTORS = "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_TABLE = str.maketrans(
    _LIGATURES
    | dict.fromkeys("\v\f\x85\u2028\u2029", " ")
    | dict.fromkeys(CONTROLS + DIRECTIONS + TAGS + ZERO_WIDTH + _SELECTORS, "")
)


def tidied(text: str) -> str:
    return unicodedata.normalize("NFC", text.translate(_TABLE))
