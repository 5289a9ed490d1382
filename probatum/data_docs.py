"""Data Docs: what Great Expectations says of the tables of a candidate, as pages that load nothing.

    home/reports/<candidate>/data-docs/icd10/index.html      both suites, each with how it went
    …/expectations/icd10-texts.html                          what is expected, and why (the notes of the suite)
    …/validations/icd10-texts/…/….html                       what was seen: counts, and ids of three rows

The words are Great Expectations' own (its renderers); its view is not used, which takes styles, scripts and pictures from
six hosts. Here every text is escaped, there is no script, and a policy forbids the page to ask for anything.
Values were taken out before (`probatum.checkpoint`). Imports Great Expectations: import it where it is used.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from great_expectations.render import RenderedContent
from great_expectations.render.renderer.site_builder import SiteBuilder

from probatum.html_pages import page

_VIEW = {"module_name": __name__, "class_name": "PlainView"}
_PLACE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_HELD, _FAILED = ("fa-check", "ge-success"), ("fa-times", "fa-exclamation", "ge-failed")
_INDEX = {"ExpectationSuitePageRenderer": "../index.html", "ValidationResultsPageRenderer": "../../../../index.html"}
_CALLED = {"Sampled Unexpected Values": "The first of them, by id"}  # values were taken out


def site(folder: Path) -> dict:
    """How Great Expectations is told to build the pages in `folder`."""
    return {
        "module_name": __name__,
        "class_name": "PlainSite",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.absolute())},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "view": _VIEW},
        "site_section_builders": {"expectations": {"view": _VIEW}, "validations": {"view": _VIEW}, "profiling": "None"},
    }


class PlainSite(SiteBuilder):
    """A site of pages alone: four megabytes of fonts and pictures stay where they are."""

    def build(self, resource_identifiers=None, build_index: bool = True):
        for section in self.site_section_builders.values():
            section.build(resource_identifiers=resource_identifiers)
        _, links = self.site_index_builder.build(build_index=build_index)
        return self.get_resource_url(only_if_exists=False), links


class PlainView:
    """What the builders call a view: a rendered document in, a page out."""

    def __init__(self, **_):
        pass

    def render(self, document: RenderedContent, **_) -> str:
        told = document.to_json_dict()
        up = _INDEX.get(told["renderer_type"], "")
        return page("data-docs.html", document=told, up=up, words=words, called=_called, is_line=_is_line)


def words(template: object) -> Iterator[tuple[str, str, str]]:
    """The parts of a string template, or of anything else that is shown: (text, kind, link).

    kind: "" (a word), "value" (what stands for a parameter), "held" or "failed" (what Great Expectations shows as an icon).
    """
    if not isinstance(template, Mapping):
        yield "" if template is None else str(template), "", ""
        return
    styling, params = template.get("styling") or {}, template.get("params") or {}
    link = _inside((styling.get("attributes") or {}).get("href", "")) if template.get("tag") == "a" else ""
    text, at = template["template"], 0
    for found in _PLACE.finditer(text):
        yield text[at : found.start()], "", link
        at, name = found.end(), found[1] or found[2]
        yield _param(params.get(name), name, (styling.get("params") or {}).get(name) or {}, link)
    yield text[at:], "", link


def _param(value: object, name: str, styling: Mapping, link: str) -> tuple[str, str, str]:
    shown = " ".join([*styling.get("classes", ()), value if name == "html_success_icon" else ""])
    for kind, marks in (("held", _HELD), ("failed", _FAILED)):
        if any(mark in shown for mark in marks):
            return "", kind, ""
    if value is None or (value == "" and styling.get("tag") == "i"):
        return "", "", link
    said = ", ".join(f"{v}" for v in value.values()) if isinstance(value, Mapping) else str(value)
    return said, "" if link or styling.get("tag") == "strong" else "value", link


def _inside(link: str) -> str:
    """A link to another of these pages; any other is none."""
    return link if re.fullmatch(r"[\w.%-]+(?:/[\w.%-]+)*\.html", link) else ""


def _is_line(part: object) -> bool:
    """A ruled line between two expectations, which Great Expectations makes an item of their list."""
    first = part[0] if isinstance(part, list) and len(part) == 1 else part
    return isinstance(first, Mapping) and first.get("string_template", {}).get("tag") == "hr"


def _called(heading: object) -> object:
    return _CALLED.get(heading, heading) if isinstance(heading, str) else heading
