"""Writing receipts beside a drop zone: JSON for machines, HTML for people, and one page that lists them all."""

from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from probatum.dropzone import safe_name
from probatum.files import read_json, write_json
from probatum.objects import Objects
from probatum.receipts import Receipt, gone
from probatum.release import Manifest
from probatum.safeio import is_plain_name

_PAGES = Path(__file__).parent / "pages"
_NEWS = ("version", "sha256", "documents", "parsed", "no_longer_answered", "proposed_questions", "tags")
_JSON, _HTML = "application/json", "text/html; charset=utf-8"


def leave(
    place: Path, store: Objects, receipts: Iterable[Receipt], *, serving: Manifest | None, served: Container[str]
) -> int:
    """Write the receipts that say something new, and a last one for files that are gone; returns how many.

    place: the folder in the home that remembers what was written. served: digests of the files that what serves was made
    from. Nothing is written twice.
    """
    known: dict[str, dict] = {}
    if (remembered := place / "receipts.json").exists():
        known = read_json(remembered, what="The list of receipts", next="Delete it; all are written again.")
    now = {receipt.file: receipt.as_json() for receipt in receipts}
    names = {told["sha256"]: key for key, told in now.items() if told["status"] in ("served", "staged")}
    for key in known.keys() - now.keys():
        told = known[key]
        called = names.get(told["sha256"], "") if told["sha256"] else ""
        left = gone(told, serving, still_served=told["sha256"] in served, now_called=called)
        now[key] = told if told["status"] == "gone" else left.as_json()
    now = {key: orjson.loads(orjson.dumps(value)) for key, value in now.items()}
    now |= {key: known[key] for key in now.keys() & known.keys() if _still_true(known[key], now[key])}
    news = [key for key, value in now.items() if known.get(key) != value]
    for key in news:
        _write(store, now[key])
    if news:
        store.put("index.html", _page("index.html", receipts=[now[key] for key in sorted(now)], link=_link), _HTML)
        write_json(remembered, now)
    return len(news)


def _still_true(told: Mapping, now: Mapping) -> bool:
    """Whether a file is served as it was told before: that there is a later release since is no news."""
    return told["status"] == now["status"] == "served" and all(told.get(key) == now.get(key) for key in _NEWS)


def _write(store: Objects, receipt: Mapping) -> None:
    """For a file's version, and as the latest: the page people keep open."""
    told, page = orjson.dumps(receipt, option=orjson.OPT_INDENT_2), _page("receipt.html", receipt=receipt)
    folder = _folder(receipt["file"])
    for name in (quote(receipt["version"], safe=""), "latest"):
        store.put(f"{folder}/{name}.json", told, _JSON)
        store.put(f"{folder}/{name}.html", page, _HTML)


def _folder(key: str) -> str:
    """Where the receipts of a key go: under the key itself, unless no path could be called so."""
    return key if is_plain_name(key) and "//" not in key else safe_name(key)


def _link(key: str) -> str:
    """The latest receipt of a file, seen from the page that lists them."""
    return f"{quote(_folder(key), errors='surrogatepass')}/latest.html"


def _page(name: str, **facts: object) -> bytes:
    pages = Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined)
    return pages.get_template(name).render(**facts).encode("utf-8", "replace")
