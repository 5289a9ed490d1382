"""Do receipts say what is true now, once, on pages that nothing in a file can take over?"""

import json
from dataclasses import replace

import pytest

from probatum.objects import store_at
from probatum.receipt_files import leave
from probatum.receipts import Receipt

SERVED = Receipt(
    file="gout.md", version="v1", size=10, sha256="a" * 64, modified="2026-11-20T05:30:00+00:00", status="served",
    summary="It is served since release 2026-11-20.1.", release="2026-11-20.1", source="guidelines",
)  # fmt: skip


@pytest.fixture
def zone(tmp_path):
    (tmp_path / "receipts").mkdir()
    return tmp_path


def write(zone, *receipts, served=(), serving=None) -> int:
    return leave(zone / "place", store_at(str(zone / "receipts")), receipts, serving=serving, served=served)


def told(zone, file: str = "gout.md") -> dict:
    return json.loads((zone / "receipts" / file / "latest.json").read_text("utf-8"))


def test_the_same_receipt_is_not_written_twice(zone):
    assert write(zone, SERVED) == 1
    assert write(zone, SERVED) == 0
    assert write(zone, replace(SERVED, summary="It is served since release 2026-11-21.1.", release="2026-11-21.1")) == 0
    assert told(zone)["release"] == "2026-11-20.1"


def test_another_version_has_a_receipt_of_its_own_beside_the_first(zone):
    write(zone, SERVED)
    assert write(zone, replace(SERVED, version="v2", sha256="b" * 64)) == 1
    names = {path.name for path in (zone / "receipts" / "gout.md").iterdir()}
    assert names == {"v1.json", "v1.html", "v2.json", "v2.html", "latest.json", "latest.html"}


def test_a_deleted_file_is_gone_only_when_nothing_that_serves_was_made_from_it(zone):
    """P8: an owner who takes a wrong protocol away is not told that it is out before it is."""
    write(zone, SERVED)
    write(zone, served={SERVED.sha256})
    assert told(zone)["status"] == "deleted, still served" and told(zone)["next"]
    write(zone, served=set())
    assert told(zone)["status"] == "gone" and write(zone) == 0


def test_a_renamed_file_is_told_its_new_name(zone):
    write(zone, SERVED)
    write(zone, replace(SERVED, file="gout-2026.md"), served={SERVED.sha256})
    assert told(zone)["summary"] == "It is called gout-2026.md now."


def test_nothing_in_a_name_or_a_text_is_read_as_html(zone):
    """P33: a page of receipts shows what a file is called and does nothing it says."""
    evil = "<img src=x onerror=alert(1)>.md"
    write(zone, replace(SERVED, file=evil, summary="<script>alert(2)</script>", tags={"owner": '"><b>'}))
    pages = [path.read_text("utf-8") for path in (zone / "receipts").rglob("*.html")]
    assert len(pages) == 3
    for page in pages:
        assert "<script" not in page and "<img" not in page and "<b>&" not in page and '"><b>' not in page


@pytest.mark.parametrize("key", ["ward 7/a+b&c=d.md", "Übersicht/naïve 100%.pdf", "a\nb.md"])
def test_every_key_has_a_page_that_the_list_links_to(zone, key):
    from urllib.parse import unquote

    write(zone, replace(SERVED, file=key))
    page = (zone / "receipts" / "index.html").read_text("utf-8")
    link = page.partition('href="')[2].partition('"')[0]
    assert (zone / "receipts" / unquote(link)).is_file()
