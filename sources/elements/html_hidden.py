"""What a reader of an HTML page does not see, or should not be told: the reason an element is left out, or None.

    Hidden(root).reason(<nav>) -> "navigation"    (<p style="display:none">) -> "hidden text"

Only what the page itself says counts: tags, attributes, inline style, and plain class and id rules of its <style>.
Text in the colour of what is behind it is hidden; white text, only where no other background is known.
"""

import re
from collections.abc import Iterator

from lxml import etree

from sources.elements.colours import Colour, alike, rgb_of

_PAPER = (255, 255, 255, 1.0)
_SEEN = 0.1  # less opaque than this is not seen
_NOT_SHOWN = frozenset(("head", "link", "meta", "title"))
_NOT_TEXT = frozenset(
    ("script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "canvas", "video", "audio", "map")
)
_CONTROLS = frozenset(("button", "input", "select", "option", "textarea", "datalist"))
_STRUCK = frozenset(("del", "s", "strike"))
_ROLES = {"navigation": "navigation", "banner": "page header", "contentinfo": "page footer", "search": "navigation"}
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_EVERYWHERE = re.compile(r"@media\s+(?:all|screen)\s*\{((?:[^{}]*\{[^{}]*\})*)[^{}]*\}", re.I)
_AT_BLOCK = re.compile(r"@[^{;]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}|/\*.*?\*/", re.S)
_SIMPLE = re.compile(r"[a-z0-9]*([.#][\w-]+)", re.I)
_NOTHING = re.compile(r"0*(?:\.0\d*)?(?:px|pt|em|rem|%|vw|vh)?")
_SMALL = re.compile(r"(?:0*[01](?:\.\d+)?|0*\.\d+)(?:px|pt)")  # up to 1.9 points
_AWAY = re.compile(r"-(?:\d{4,}(?:\.\d+)?(?:px|pt)|\d{3,}(?:\.\d+)?(?:em|rem|vw|vh|%))")  # where no page is
_CLIPPED = re.compile(r"rect\((?:[01](?:px)?[, ]*){4}\)|inset\((?:50|100)%.*\)|circle\(0.*\)")
_FLAT = re.compile(r"scale[xy]?\(0(?:,0)?\)")


class Hidden:
    """Knows the style rules of one page."""

    def __init__(self, root: etree._Element):
        self._rules = dict(_rules(root))
        self._linked = bool(root.xpath(".//link[contains(@rel, 'stylesheet')]"))

    def reason(self, element: etree._Element) -> str | None:
        tag = element.tag
        if tag in _NOT_SHOWN:
            return "comment"
        if tag in _NOT_TEXT:
            return "scripts and drawings"
        if tag in _CONTROLS:
            return "form controls"
        if tag in _STRUCK:
            return "text struck out"
        if tag == "nav":
            return "navigation"
        if tag == "footer" and not _inside(element, "blockquote", "article", "section"):
            return "page footer"
        if tag == "header" and not _inside(element, "main", "article", "section") and element.find(".//h1") is None:
            return "page header"
        if (role := element.get("role")) in _ROLES:
            return _ROLES[role]
        hidden = element.get("hidden")
        if (hidden is not None and hidden != "until-found") or element.get("aria-hidden") == "true":
            return "hidden text"
        return self._by_style(element)

    def _by_style(self, element: etree._Element) -> str | None:
        style = self._style(element)
        if not style:
            return None
        if _takes_away(style):
            return "hidden text"
        if "line-through" in style.get("text-decoration", "") + style.get("text-decoration-line", ""):
            return "text struck out"
        if not style.keys() & {"color", "background", "background-color"} or "text" in style.get("background-clip", ""):
            return None
        colours = (self._style(above).get("color", "") for above in (element, *element.iterancestors()))
        ink = rgb_of(next(filter(None, colours), ""))
        return "hidden text" if ink and self._is_on(ink, element) else None

    def _is_on(self, ink: Colour, element: etree._Element) -> bool:
        """Whether letters of a colour stand on that same colour; a page is white where nothing else is known."""
        if ink[3] < _SEEN:
            return True
        for above in (element, *element.iterancestors()):
            style = self._style(above)
            if style.get("background-image", "none") != "none":
                return False
            behind = style.get("background-color") or style.get("background") or above.get("bgcolor")
            if behind and not behind.startswith(("transparent", "none", "inherit")):
                paper = rgb_of(behind)
                return paper is not None and paper[3] >= _SEEN and alike(ink, paper)
            if self._linked and above.get("class"):
                return False  # a style sheet that is not here may colour it
        return alike(ink, _PAPER)

    def _style(self, element: etree._Element) -> dict[str, str]:
        if not isinstance(element.tag, str):
            return {}
        found: dict[str, str] = {}
        if element.tag == "font" and (colour := element.get("color")):
            found["color"] = colour.strip().lower()
        names = [f".{name}" for name in (element.get("class") or "").split()]
        for name in [*names, f"#{element.get('id')}"]:
            found.update(self._rules.get(name, {}))
        found.update(_declarations(element.get("style") or ""))
        return found


def _takes_away(style: dict[str, str]) -> bool:
    """Not displayed, without size, transparent, moved off the page or cut away."""
    shown, visible = style.get("display", ""), style.get("visibility", "")
    if shown == "none" or visible in ("hidden", "collapse") or style.get("content-visibility") == "hidden":
        return True
    if any(_NOTHING.fullmatch(style.get(name, "-")) for name in ("font-size", "opacity")):
        return True
    if _SMALL.fullmatch(style.get("font-size", "")) or _FLAT.search(style.get("transform", "")):
        return True
    if any(
        _AWAY.fullmatch(style.get(name, ""))
        for name in ("left", "top", "right", "bottom", "text-indent", "margin-left")
    ):
        return True
    if any(_CLIPPED.fullmatch(style.get(name, "")) for name in ("clip", "clip-path")):
        return True
    small = any(_NOTHING.fullmatch(style.get(name, "-")) for name in ("height", "width", "max-height", "max-width"))
    return small and style.get("overflow", "").startswith("hidden")


def _inside(element: etree._Element, *tags: str) -> bool:
    return any(True for _ in element.iterancestors(*tags))


def _rules(root: etree._Element) -> Iterator[tuple[str, dict[str, str]]]:
    """Rules for one class or one id. Rules for print or narrow screens do not count."""
    for sheet in root.iter("style"):
        for selectors, body in _RULE.findall(_AT_BLOCK.sub("", _EVERYWHERE.sub(r"\1", sheet.text or ""))):
            for selector in selectors.split(","):
                if match := _SIMPLE.fullmatch(selector.strip()):
                    yield match[1], _declarations(body)


def _declarations(style: str) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return {name.strip().lower(): " ".join(value.lower().replace("!important", "").split()) for name, value in pairs}
