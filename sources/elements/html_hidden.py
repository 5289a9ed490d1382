"""What a reader of an HTML page does not see, or should not be told: the reason an element is left out, or None.

    Hidden(root).reason(<nav>) -> "navigation"    (<p style="display:none">) -> "hidden text"

Only what the page itself says counts: tags, attributes, inline style, and plain class and id rules of its <style>.
White text is hidden only where no background is known that it could stand on.
"""

import re
from collections.abc import Iterator

from lxml import etree

_NOT_SHOWN = frozenset(("head", "link", "meta", "title"))
_NOT_TEXT = frozenset(
    ("script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "canvas", "video", "audio", "map")
)
_CONTROLS = frozenset(("button", "input", "select", "option", "textarea", "datalist"))
_STRUCK = frozenset(("del", "s", "strike"))
_ROLES = {"navigation": "navigation", "banner": "page header", "contentinfo": "page footer", "search": "navigation"}
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_AT_BLOCK = re.compile(r"@[^{;]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}|/\*.*?\*/", re.S)
_SIMPLE = re.compile(r"[a-z0-9]*([.#][\w-]+)", re.I)
_WHITE = re.compile(r"(?:#fff(?:fff)?|white|rgba?\(255,255,255(?:,1(?:\.0+)?)?\))(?:!important)?")
_NOTHING = re.compile(r"0(?:\.0+)?(?:px|pt|em|rem|%)?(?:!important)?")


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
        shown, visible = style.get("display", ""), style.get("visibility", "")
        if shown.startswith("none") or visible.startswith(("hidden", "collapse")):
            return "hidden text"
        if any(_NOTHING.fullmatch(style.get(name, "")) for name in ("font-size", "opacity")):
            return "hidden text"
        if "line-through" in style.get("text-decoration", "") + style.get("text-decoration-line", ""):
            return "text struck out"
        if _WHITE.fullmatch(style.get("color", "")) and not self._on_colour(element):
            return "hidden text"
        return None

    def _on_colour(self, element: etree._Element) -> bool:
        for above in (element, *element.iterancestors()):
            style = self._style(above)
            behind = style.get("background-color") or style.get("background")
            if behind and not _WHITE.match(behind) and not behind.startswith(("transparent", "none", "inherit")):
                return True
            if (self._linked and above.get("class")) or above.get("bgcolor"):
                return True  # a style sheet that is not here may colour it
        return False

    def _style(self, element: etree._Element) -> dict[str, str]:
        if not isinstance(element.tag, str):
            return {}
        found: dict[str, str] = {}
        names = [f".{name}" for name in (element.get("class") or "").split()]
        for name in [*names, f"#{element.get('id')}"]:
            found.update(self._rules.get(name, {}))
        found.update(_declarations(element.get("style") or ""))
        return found


def _inside(element: etree._Element, *tags: str) -> bool:
    return any(True for _ in element.iterancestors(*tags))


def _rules(root: etree._Element) -> Iterator[tuple[str, dict[str, str]]]:
    """Rules for one class or one id. Rules for print or narrow screens do not count."""
    for sheet in root.iter("style"):
        for selectors, body in _RULE.findall(_AT_BLOCK.sub("", sheet.text or "")):
            for selector in selectors.split(","):
                if match := _SIMPLE.fullmatch(selector.strip()):
                    yield match[1], _declarations(body)


def _declarations(style: str) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return {name.strip().lower(): re.sub(r"\s+", "", value).lower() for name, value in pairs}
