"""Pages for a browser: one file each, which asks for nothing, runs nothing, and shows the text of others as text.

    page("report.html", report=…)  ->  "<!doctype html>…"

Everything that is filled in is escaped; characters that turn the direction of reading, or that are not seen, are written
out (`probatum.printable`). The policy in each page's head allows its one style, by digest, and forbids everything else:
even markup that got through could load, run or send nothing.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_eval_context
from markupsafe import Markup, escape

from probatum.printable import printable

_PAGES = Path(__file__).parent / "pages"


def page(name: str, **facts: object) -> str:
    """The page of a template in probatum/pages; its head is `{% include "head.html" %}`, which needs `css` and `policy`."""
    css = (_PAGES / "page.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return _pages().get_template(name).render(css=css, policy=policy, **facts)


@cache
def _pages() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["count"] = lambda number: f"{number:,}"
    return pages


@pass_eval_context
def _shown(_context, value: object) -> object:
    """What is filled in: markup of ours as it is, all else as text that is only shown."""
    return value if isinstance(value, Markup) else escape(printable(str(value), keep_lines=True))
