"""Does the report say what changed, why a candidate is refused, and nothing that was not asked to be shown elsewhere?"""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_home import drugs, protocols, questions, report_of, source_audit
from small_reports import ADDED, CHANGED, GONE, HOSTILE, WITHDRAWN, changed_drugs, questions_in
from typer.testing import CliRunner

from probatum import cli
from probatum import settings as settings_module
from probatum.audit_report import QuestionResult
from probatum.charts import chart, floor_of
from probatum.errors import Damaged, Misconfigured
from probatum.html_pages import page
from probatum.pipeline import publish
from probatum.report import Point, compare_answers, describe
from probatum.report_files import report_of as page_of
from probatum.report_files import summary_of
from probatum.report_page import summary, write_report

pytestmark = pytest.mark.xdist_group("reports")  # the history is made once, for the browser as well


@pytest.fixture(scope="module")
def described(history):
    contents = (history.first, history.second, history.refused)
    pairs = zip(contents, history.audits, strict=True)
    return [describe(history.home, history.expectations, content, audit) for content, audit in pairs]


def source(report, name):
    return next(each for each in report.sources if each.name == name)


class _Shown(HTMLParser):
    """The words of a page as a browser shows them, and its tags."""

    def __init__(self, text: str):
        super().__init__()
        self.words, self.tags, self._quiet = [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._quiet += tag == "style"

    def handle_endtag(self, tag):
        self._quiet -= tag == "style"

    def handle_data(self, data):
        if not self._quiet:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def shown(history, content) -> _Shown:
    digest = content.candidate if hasattr(content, "candidate") else content.digest()
    return _Shown(page_of(history.home, digest).read_text("utf-8"))


# What it says


def test_every_audit_leaves_a_page_and_a_summary_those_refused_too(history):
    for audit in history.audits:
        assert page_of(history.home, audit.candidate).is_file() and summary_of(history.home, audit.candidate).is_file()
    assert not history.audits[2].passed


def test_the_first_release_has_nothing_to_be_compared_with(described):
    report = described[0]
    assert report.parent == "" and report.passed
    assert [(s.before, s.diff, len(s.history), s.figures_before) for s in report.sources] == [(None, None, 1, {})] * 2
    assert [s.texts.new for s in report.sources] == [s.state.texts.rows for s in report.sources]


def test_what_changed_in_the_source_is_what_was_changed(described):
    diff = source(described[1], "formulary").diff
    assert [i for i, _ in diff.removed] == [WITHDRAWN] and [i for i, _ in diff.added] == [ADDED]
    assert [(c.id, dict(c.facts)) for c in diff.changed] == [(CHANGED, {"tier": ("2", "4")})]
    assert source(described[1], "guidelines").diff.is_empty()


def test_texts_are_counted_as_a_set_of_ids_and_contents_would_be(history, described):
    """The oracle reads the rows one by one."""
    from probatum.tables import open_table

    def rows(manifest, name):
        texts = manifest.sources[name].texts
        table = open_table(history.home / "lance", texts.name, texts.version).read(["id", "hash"])
        return [tuple(row.values()) for row in table.to_pylist()]

    for name in ("formulary", "guidelines"):
        old, new = rows(history.first, name), rows(history.second, name)
        told = source(described[1], name).texts
        assert told.same == sum(row in old for row in new) and told.new == len(new) - told.same
        assert told.gone == sum(row not in new for row in old)


def test_questions_lost_are_those_of_what_is_gone(history, described):
    lost = source(described[2], "guidelines").answers.lost
    asked = questions()["guidelines"]
    assert {each.result.id for each in lost} == {q["id"] for q in asked if q["expects"][0]["document"] in GONE}
    words = questions_in(history.expectations, "guidelines")
    assert all(each.question == words[each.result.id] for each in lost)


def test_what_was_open_before_is_still_open_and_not_lost_again(described):
    before, now = source(described[1], "formulary").answers, source(described[2], "formulary").answers
    assert {a.result.id for a in before.lost} == {a.result.id for a in now.still_open} and not now.lost


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.integers(0, 30), st.tuples(st.booleans(), st.sampled_from([None, True, False]))))
def test_every_question_is_won_lost_open_or_answered_as_before(pairs):
    now = {i: a for i, (a, _) in pairs.items()}
    then = {i: b for i, (_, b) in pairs.items() if b is not None}
    told = compare_answers(_audit_of(now), _audit_of(then), {})
    found = {name: {int(a.result.id) for a in getattr(told, name)} for name in ("won", "lost", "still_open")}
    assert found["won"] == {i for i, a in now.items() if a and then.get(i) is False}
    assert found["lost"] == {i for i, a in now.items() if not a and then.get(i) is True}
    assert found["still_open"] == {i for i, a in now.items() if not a} - found["lost"]
    assert told.first_asked == len(now.keys() - then.keys())


def _audit_of(answered: dict[int, bool]):
    asked = [
        QuestionResult(id=str(i), slice="s", critical=False, rank=int(a), strict_rank=0, top=())
        for i, a in answered.items()
    ]
    return source_audit("icd10", 0, 0).model_copy(update={"questions": tuple(asked)})


def test_charts_go_over_the_releases_in_their_order_and_end_with_the_candidate(history, described):
    points = source(described[2], "guidelines").history
    assert [p.release for p in points] == [history.first.id, history.second.id, ""]
    assert [p.figures["all"]["@3"] for p in points] == pytest.approx([1.0, 1.0, 98 / 112])


def test_a_release_whose_audit_cannot_be_read_leaves_a_gap_and_no_error(history, tmp_path):
    import shutil

    home = shutil.copytree(history.home, tmp_path / "home")
    path = home / "audits" / f"{history.first.candidate}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"of": "another version"}))
    report = describe(home, history.expectations, history.refused, history.audits[2])
    assert [p.release for p in source(report, "guidelines").history] == [history.second.id, ""]


# The page


def test_the_page_of_a_refused_candidate_says_why_and_what_still_serves(history):
    text = shown(history, history.refused).text
    assert "Refused, because guidelines : hit rate @3 is 0.875, not above 0.90" in text
    assert f"Nothing was published; release {history.second.id} still serves." in text
    assert "14 lost" in text and "urinary catheters policy of the ward" in text


def test_the_page_of_a_candidate_says_it_is_published_once_it_is(history, tmp_path):
    path = write_report(history.home, history.expectations, history.second, history.audits[1])
    assert f"Release {history.second.id}" in _Shown(path.read_text("utf-8")).text
    assert "It passed its audit; it serves now." in _Shown(path.read_text("utf-8")).text


def test_publishing_writes_the_page_anew(published, encoder):
    from small_home import write

    from probatum.audit import audit
    from probatum.candidates import candidate_of
    from probatum.files import write_json
    from probatum.settings import Settings

    states = {"formulary": write(published.home, encoder, "formulary", changed_drugs())}
    candidate = candidate_of(published.manifest, encoder.identity, states)
    audited = audit(published.home, published.expectations, candidate, encoder, serving=published.manifest)
    path = write_report(published.home, published.expectations, candidate, audited)
    assert "It may be published" in path.read_text("utf-8")
    write_json(published.home / "candidates" / f"{candidate.digest()}.json", candidate.model_dump(mode="json"))
    manifest = publish(
        Settings(home=published.home, expectations=published.expectations), candidate.digest(), actor="t"
    )
    assert f"Release {manifest.id}" in path.read_text("utf-8")


def test_a_page_that_cannot_be_written_does_not_undo_a_release(published, encoder):
    from probatum.audit import audit
    from probatum.files import write_json
    from probatum.release import Candidate, Releases
    from probatum.settings import Settings

    manifest = published.manifest
    candidate = Candidate(parent=manifest.id, sources=manifest.sources, encoder=manifest.encoder)
    write_json(published.home / "candidates" / f"{candidate.digest()}.json", candidate.model_dump(mode="json"))
    audit(published.home, published.expectations, candidate, encoder, serving=manifest)
    page_of(published.home, candidate.digest()).mkdir(parents=True)  # a folder stands where the file goes
    chosen = Settings(home=published.home, expectations=published.expectations)
    assert publish(chosen, candidate.digest(), actor="t").id == Releases(published.home).current().id != manifest.id


def test_names_and_titles_that_are_markup_are_shown_as_text(history):
    """P33: what documents are called is on the page, letter by letter; none of it is a tag, a style, a link or a template."""
    read = shown(history, history.refused)
    for identity, title in HOSTILE.items():
        assert f"{identity} {_written_out(title)}" in read.text
    assert {tag for tag, _ in read.tags} & {"script", "img", "iframe", "object", "form", "base"} == set()
    assert [tag for tag, _ in read.tags].count("style") == 1
    assert not any(name.startswith("on") or name == "style" for _, attrs in read.tags for name in attrs)
    raw = page_of(history.home, history.refused.digest()).read_text("utf-8")
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", raw)


def _written_out(title: str) -> str:
    return title.replace("\u202e", "\\u202e").replace("\u2066", "\\u2066")


def test_a_page_loads_nothing_and_links_only_to_what_is_there(history):
    for content in (history.second, history.refused):
        read = shown(history, content)
        policy = next(a["content"] for t, a in read.tags if a.get("http-equiv") == "Content-Security-Policy")
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        links = [a[name] for _, a in read.tags for name in ("href", "src") if name in a]
        ids = {a["id"] for _, a in read.tags if "id" in a}
        for link in links:
            file = history.home / "reports" / link
            assert link == "data:," or link.removeprefix("#") in ids or file.is_file(), link


@given(st.text(), st.text())
@settings(max_examples=60, deadline=None)
def test_whatever_a_check_saw_is_text_on_the_page(seen, reason):
    """P33: by construction, whatever the words."""
    told = {"page_title": seen, "renderer_type": "", "sections": [{"content_blocks": [_table(reason)]}]}
    text = page("data-docs.html", document=told, up="", words=_as_it_is, called=str, is_line=lambda _: False)
    tags = {tag for tag, _ in _Shown(text).tags}
    assert tags <= {"html", "head", "title", "meta", "link", "style", "body", "h1", "p", "div", "table", "tr", "td"}


def _table(words: str) -> dict:
    return {"content_block_type": "table", "table": [[words]]}


def _as_it_is(words: object) -> Iterator[tuple[str, str, str]]:
    yield str(words), "", ""


# The summary, which leaves the machine


def test_the_summary_has_ids_and_counts_and_no_content(history, described):
    """P35: no title, no question, no text: it goes into Prefect."""
    content = {d.title for d in [*drugs(), *protocols(), *changed_drugs()]} | set(HOSTILE.values())
    content |= {q["question"] for asked in questions().values() for q in asked}
    for report in described:
        text = summary(report)
        assert [words for words in content if words in text] == []
    assert "guidelines is refused, because: hit rate @3 is 0.875, not above 0.90" in summary(described[2])
    assert "Lost in guidelines: guidelines-098, guidelines-099" in summary(described[2])


def test_a_name_is_no_markdown():
    """P33: a file called like a link makes none."""
    from probatum.report_page import _plain

    name = "![x](https://evil.example/x.png)|<b>`a`\n# b"
    said = _plain(name)
    assert "\n" not in said and not re.search(r"(?<!\\)[!\[\]()<>|`#*]", said)


# The command


def run(history, *arguments, **others):
    chosen = {"PROBATUM_HOME": str(history.home), "PROBATUM_EXPECTATIONS": str(history.expectations)}
    settings_module.reset()
    return CliRunner().invoke(cli.app, ["report", *arguments], env=chosen | others, catch_exceptions=True)


def test_the_command_prints_where_the_page_is(history):
    assert run(history).stdout.strip() == str(page_of(history.home, history.second.candidate))
    assert run(history, history.first.id).stdout.strip() == str(page_of(history.home, history.first.candidate))
    refused = str(page_of(history.home, history.refused.digest()))
    assert run(history, "--candidate", history.refused.digest()[:10]).stdout.strip() == refused
    told = json.loads(run(history, "--candidate", "newest", "--json").stdout)
    assert told["page"] == refused and Path(told["summary"]).is_file()


def test_the_command_opens_the_page_when_it_is_told_to(history, tmp_path, monkeypatch):
    import webbrowser

    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    run(history, "--open")
    assert opened == [page_of(history.home, history.second.candidate).as_uri()]


def test_a_release_and_a_candidate_at_once_are_refused(history):
    assert isinstance(run(history, history.first.id, "--candidate", "newest").exception, Misconfigured)


def test_a_home_without_a_release_is_told_what_to_do(small_home, history):
    done = run(history, PROBATUM_HOME=str(small_home))
    assert isinstance(done.exception, Misconfigured) and "refresh" in done.exception.next


def test_a_candidate_that_was_not_audited_has_no_report(published):
    from probatum.audit import read_report

    with pytest.raises(Damaged, match="probatum audit"):
        read_report(published.home, "0" * 64)


# The charts


def points(*rates: float) -> list[Point]:
    return [Point(f"r{n}", {"all": {"@3": rate, "low": rate - 0.05, "high": min(1, rate + 0.05)}}) for n, rate in enumerate(rates)]  # fmt: skip


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_every_release_has_a_place_inside_and_better_is_higher(rates):
    told = points(*rates)
    drawn = chart(told, "all", floor=floor_of(told))
    assert len(drawn.marks) == len(rates)
    assert all(0 <= mark.x <= drawn.width and 0 <= mark.y <= drawn.height for mark in drawn.marks)
    assert [m.x for m in drawn.marks] == sorted({m.x for m in drawn.marks})
    for mark in drawn.marks:
        assert mark.is_low == (not mark.rate > 0.90)
        assert mark.high <= mark.y + 1e-6 <= mark.low + 1e-6 + 1e-6
        if abs(mark.rate - 0.9) > 1e-9:
            assert (mark.y > drawn.bound) == mark.is_low


def test_a_slice_that_a_release_did_not_have_has_no_place_there():
    told = [*points(0.95), Point("r1", {}), *points(0.96)]
    assert len(chart(told, "all", floor=0.8).marks) == 2


def test_an_audit_of_nothing_has_a_page_too(published, tmp_path):
    """The least there can be: no question asked."""
    manifest = published.manifest
    audit = report_of(manifest, formulary=source_audit("formulary", 0, 0), guidelines=(0, 3))
    report = describe(
        published.home, published.expectations, manifest, audit.model_copy(update={"candidate": manifest.candidate})
    )
    from probatum.report_page import html

    assert "0.0 %" in html(report) and "only 0 golden questions" in summary(report)
