"""Do the Data Docs say what was checked and how it went, without a value, without a request, without a way in?"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

sys.path.append(str(Path(__file__).parent))  # the tables that are broken on purpose

from test_table_checks import SUITES, checks, meta, rename, stored, tables

SECRET = "zq-canary-words"
HOSTILE = 'A00"><script>alert(1)</script><img src=//evil.example/x>\u202egnp'


class _Read(HTMLParser):
    """Tags, links and words of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.links, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        self.words.append(data)


def pages(folder: Path) -> dict[str, _Read]:
    return {p.relative_to(folder).as_posix(): _Read(p.read_text("utf-8")) for p in folder.rglob("*.html")}


def built(folder: Path, *broken, source="icd10") -> dict[str, _Read]:
    found = tables(source)
    for break_it in broken:
        break_it(*found)
    checks(source, *found, docs=folder)
    return pages(folder)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> tuple[Path, dict[str, _Read]]:
    folder = tmp_path_factory.mktemp("docs") / "data-docs" / "icd10"
    return folder, built(folder)


def fill_with_secrets(documents, texts, vectors):
    """Every column of both tables that may hold words, and a column that cannot be compared."""
    for column in ("title", "text", "sha256", "valid_from", "family", "file"):
        documents[column] = SECRET
    documents["meta"] = [f'{{"billable": "{SECRET}"}}'] * len(documents)
    texts["start"] = SECRET
    texts["document_id"] = SECRET
    texts["text"] = f"{SECRET} and more"


def test_there_is_a_page_for_each_suite_and_each_result_and_one_that_leads_to_all(good):
    folder, found = good
    names = sorted(name.split("/")[0] + "/" + name.split("/")[1] for name in found if "/" in name)
    assert names == ["expectations/icd10-documents.html", "expectations/icd10-texts.html", "validations/icd10-documents", "validations/icd10-texts"]  # fmt: skip
    for name, read in found.items():
        for link in read.links:
            if link != "data:,":
                assert (folder / name).parent.joinpath(unquote(link)).resolve().is_file(), (name, link)
    assert {unquote(link) for link in found["index.html"].links} >= {name for name in found if "/" in name}


@pytest.mark.parametrize("part", ["documents", "texts"])
def test_every_expectation_stands_on_its_page_with_the_reason_for_it(good, part):
    words = " ".join(good[1][f"expectations/icd10-{part}.html"].words)
    asked = [e for e in stored("icd10", part)["expectations"] if "above_rows" not in e["meta"]]
    assert asked
    assert [e["meta"]["name"] for e in asked if " ".join(e["notes"].split()) not in " ".join(words.split())] == []


def test_what_failed_is_said_with_its_count_and_its_first_ids(tmp_path):
    found = built(tmp_path / "docs", meta(billable="yes"))
    words = next(" ".join(read.words) for name, read in found.items() if name.startswith("validations/icd10-documents"))
    assert "1 unexpected values found" in " ".join(words.split())
    assert "A00.0000" in words and "yes" not in words.split()
    failed = [attrs for read in found.values() for _, attrs in read.tags if "failed" in (attrs.get("class") or "")]
    assert len(failed) == 3  # in the list of all, over the page of its table, and where it stands


def test_no_value_of_a_cell_is_on_any_page(tmp_path):
    """P35: what a check finds wrong is told by count and id; not even an exception repeats what it stumbled over."""
    folder = tmp_path / "docs"
    built(folder, fill_with_secrets)
    everything = "".join(p.read_text("utf-8") for p in folder.rglob("*") if p.is_file())
    assert "unexpected values found" in everything
    assert SECRET not in everything


def test_a_page_asks_for_nothing_and_runs_nothing(good):
    """A page of Great Expectations' own takes parts from six hosts; these take none."""
    folder, found = good
    for name, read in found.items():
        assert {tag for tag, _ in read.tags} & {"script", "img", "iframe", "object", "form"} == set(), name
        assert [link for link in read.links if re.match(r"(?:\w+:)?//|\w+:(?!,)", link) and link != "data:,"] == []
        policy = next(a["content"] for tag, a in read.tags if a.get("http-equiv") == "Content-Security-Policy")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert [p.suffix for p in folder.rglob("*") if p.is_file() and p.suffix != ".html"] == []


def test_an_id_that_is_markup_is_shown_as_text(tmp_path):
    """P33: nothing of it is obeyed, neither a tag nor a character that turns the line around."""
    found = built(tmp_path / "docs", rename(HOSTILE))
    text = "".join(p.read_text("utf-8") for p in (tmp_path / "docs").rglob("*.html"))
    assert "&lt;script&gt;" in text and "<script" not in text and "<img" not in text and "\u202e" not in text
    assert not any(tag in ("script", "img") for read in found.values() for tag, _ in read.tags)


def test_the_pages_of_an_earlier_audit_are_gone(tmp_path):
    folder = tmp_path / "docs"
    before = set(built(folder))
    after = set(built(folder))
    assert len(before) == len(after) == 5


def test_the_suites_are_those_in_the_files(good):
    assert {p.stem for p in SUITES.glob("icd10-*.json")} == {
        Path(n).stem for n in good[1] if n.startswith("expectations/")
    }
