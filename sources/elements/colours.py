"""Colours as style sheets write them, and whether two are told apart.

rgb_of("#fff") -> (255, 255, 255, 1.0)      rgb_of("rgba(0, 0, 0, 0)") -> (0, 0, 0, 0.0)      rgb_of("url(x.png)") -> None
"""

import colorsys
import re

_HEX = re.compile(r"#([0-9a-f]{3,8})\b")
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^)]{1,60})\)")
_NAMED = {
    "white": "#ffffff",
    "snow": "#fffafa",
    "ivory": "#fffff0",
    "ghostwhite": "#f8f8ff",
    "floralwhite": "#fffaf0",
    "whitesmoke": "#f5f5f5",
    "mintcream": "#f5fffa",
    "azure": "#f0ffff",
    "black": "#000000",
    "red": "#ff0000",
    "yellow": "#ffff00",
    "lightyellow": "#ffffe0",
    "transparent": "#00000000",
}
_ALIKE = 16  # of 255, in every channel: nobody tells the two apart

Colour = tuple[int, int, int, float]  # red, green, blue of 255; opacity of 1


def rgb_of(said: str) -> Colour | None:
    """The first colour a value names, or None."""
    said = said.strip().lower()
    said = _NAMED.get(re.split(r"[^a-z#]", said, maxsplit=1)[0], said)
    if (match := _HEX.match(said)) and len(match[1]) in (3, 4, 6, 8):
        digits = match[1] if len(match[1]) > 4 else "".join(2 * digit for digit in match[1])
        red, green, blue, *rest = (int(digits[k : k + 2], 16) for k in range(0, len(digits), 2))
        return red, green, blue, rest[0] / 255 if rest else 1.0
    if match := _FUNCTION.match(said):
        return _from_function(match[1], match[2])
    return None


def alike(one: Colour, other: Colour) -> bool:
    return all(abs(a - b) <= _ALIKE for a, b in zip(one[:3], other[:3], strict=True))


def _from_function(kind: str, inside: str) -> Colour | None:
    parts = [part for part in re.split(r"[\s,/]+", inside) if part]
    try:
        values = [float(part.rstrip("%deg")) for part in parts]
    except ValueError:
        return None
    if len(values) not in (3, 4):
        return None
    opacity = values[3] / (100 if parts[3].endswith("%") else 1) if len(values) == 4 else 1.0
    if kind == "hsl":
        channels = colorsys.hls_to_rgb(values[0] / 360 % 1, values[2] / 100, values[1] / 100)
        return *(round(255 * channel) for channel in channels), opacity
    scaled = [value * 2.55 if part.endswith("%") else value for value, part in zip(values, parts, strict=True)]
    return *(round(min(max(value, 0), 255)) for value in scaled[:3]), opacity
