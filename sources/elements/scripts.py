"""Superscripts and subscripts in plain text, because 10⁹ is not 109.

    raised("9") -> "⁹"     raised("th") -> "th"     raised("a,b") -> "^(a,b)"
    lowered("3") -> "₃"    lowered("1c") -> "1c"

A raised text is a power, a charge or a note mark and must never run into the number before it; what has no Unicode
form is written ^(…). Ordinals and marks like † stay as they are. A lowered text without a Unicode form is a name
(HbA1c, Cmax), and is what people write without it: it stays plain.
"""

_UP = dict(zip("0123456789+-−=()abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
_DOWN = dict(zip("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_PLAIN = {"st", "nd", "rd", "th", "®", "™", "©", "TM", "SM", "o", "º", "°"}
_MARKS = set("*†‡§¶#⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻.,;:'\"’”")


def raised(text: str) -> str:
    return _changed(text, _UP, otherwise="^({})")


def lowered(text: str) -> str:
    return _changed(text, _DOWN, otherwise="{}")


def _changed(text: str, forms: dict[str, str], otherwise: str) -> str:
    core = text.strip()
    if not core or core in _PLAIN or set(core) <= _MARKS:
        return text
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    if all(char in forms for char in core):
        return before + "".join(forms[char] for char in core) + after
    return before + otherwise.format(core) + after
