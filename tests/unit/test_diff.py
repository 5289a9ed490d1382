"""Does the difference of two releases say what changed, and only that, in the words of its source?"""

from dataclasses import replace

import pytest
from small_home import drugs, protocols, report_of, write

from probatum.candidates import candidate_of
from probatum.diff import diff_releases, diff_states
from probatum.publish import Publisher
from probatum.records import Block, Document


def with_meta(document, **facts):
    return replace(document, meta=document.meta | facts)


def code(identity, title, billable=True):
    text = f"{identity} {title}"
    blocks = (Block(len(identity) + 1, len(text), "title"),)
    meta = {"billable": billable, "parent": identity[:3] if "." in identity else ""}
    return Document(
        identity, "icd10", title, text, blocks, identity[:3], "2026-10-01", "order.txt", "0" * 64, meta=meta
    )


def states(home, encoder, source, *releases):
    return [write(home, encoder, source, documents) for documents in releases]


@pytest.fixture(scope="module")
def formulary(encoder, tmp_path_factory):
    """Two releases: one drug gone, one new, one in each way changed, one whose date alone moved on."""
    home, before = tmp_path_factory.mktemp("diff"), drugs()
    after = before[1:]
    after[0] = with_meta(after[0], tier="9")
    after[1] = with_meta(after[1], restriction="unrestricted", tier="1")
    after[2] = replace(after[2], title="Apixaban 5 mg film-coated tablet")
    after[3] = replace(after[3], text=after[3].text.replace("Loop", "Strong"))
    after[4] = replace(after[4], valid_from="2026-10-02", file="october.csv", sha256="1" * 64)
    after.append(replace(after[5], id="D-0100", title="Something new 1 mg"))
    return home, *states(home, encoder, "formulary", before, after)


def test_drugs_added_removed_and_changed_are_told_apart(formulary):
    home, before, after = formulary
    diff = diff_states(home, "formulary", before, after)
    assert diff.added == (("D-0100", "Something new 1 mg"),)
    assert diff.removed == (("D-0000", "Amoxicillin 500 mg capsule"),)
    assert {c.id: dict(c.facts) for c in diff.changed} == {
        "D-0001": {"tier": ("1", "9")},
        "D-0002": {"tier": ("2", "1"), "restriction": ("specialist only", "unrestricted")},
        "D-0003": {"title": ("Apixaban 5 mg tablet", "Apixaban 5 mg film-coated tablet")},
        "D-0004": {"text": ("", "")},
    }
    assert [c.id for c in diff.flips("tier")] == ["D-0001", "D-0002"] and not diff.is_empty()


def test_a_document_whose_date_or_file_moved_on_is_no_change(formulary):
    home, before, after = formulary
    assert "D-0005" not in {c.id for c in diff_states(home, "formulary", before, after).changed}


def test_the_difference_read_backwards_is_the_opposite(formulary):
    home, before, after = formulary
    there, back = (diff_states(home, "formulary", *pair) for pair in ((before, after), (after, before)))
    assert (there.added, there.removed) == (back.removed, back.added)
    assert {(c.id, k, v) for c in there.changed for k, v in c.facts.items()} == {
        (c.id, k, v[::-1]) for c in back.changed for k, v in c.facts.items()
    }


def test_nothing_differs_from_itself_and_everything_from_nothing(formulary):
    home, before, _ = formulary
    assert diff_states(home, "formulary", before, before).is_empty()
    first, last = diff_states(home, "formulary", None, before), diff_states(home, "formulary", before, None)
    assert len(first.added) == len(last.removed) == 24 and not (first.removed or first.changed or last.added)
    assert (first.before, last.after) == ("", "")


def test_codes_are_counted_as_the_publishers_addenda_count_them(small_home, encoder):
    """A billable code that becomes a header is a deletion and an addition there, and a flip here."""
    before = [
        code("A00", "Cholera", False),
        code("A00.0", "Classical cholera"),
        code("A00.1", "El Tor"),
        code("A00.9", "Cholera, unspecified"),
    ]
    after = [
        before[0],
        with_meta(before[1], billable=False),
        code("A00.01", "Classical, mild"),
        code("A00.1", "El Tor cholera"),
        code("A01.0", "Typhoid"),
    ]
    diff = diff_states(small_home, "icd10", *states(small_home, encoder, "icd10", before, after))
    assert [i for i, _ in diff.added] == ["A00.01", "A01.0"] and [i for i, _ in diff.removed] == ["A00.9"]
    assert [c.facts for c in diff.flips("billable")] == [{"billable": (True, False)}]
    assert diff.official_counts() == {"added": 3, "deleted": 2, "revised": 1}


def test_a_protocol_that_takes_the_place_of_another_supersedes_it(small_home, encoder):
    before = protocols()[:4]
    new = replace(with_meta(before[1], number="P-77", supersedes="P-01"), id="asthma-2027.md", file="asthma-2027.md")
    after = [before[0], new, with_meta(before[2], version="3")]
    diff = diff_states(small_home, "guidelines", *states(small_home, encoder, "guidelines", before, after))
    assert diff.superseded == (("asthma-attack.md", "asthma-2027.md"),)
    assert [i for i, _ in diff.removed] == ["asthma-attack.md", "central-line-care.md"]
    assert [(c.id, c.facts) for c in diff.changed] == [("blood-transfusion.md", {"version": (None, "3")})]


def test_a_superseded_protocol_that_is_still_there_is_not_reported_as_gone(small_home, encoder):
    before = protocols()[:2]
    after = [*before, replace(with_meta(before[1], supersedes="P-01", number="P-77"), id="b.md", file="b.md")]
    diff = diff_states(small_home, "guidelines", *states(small_home, encoder, "guidelines", before, after))
    assert diff.superseded == () and diff.removed == () and len(diff.added) == 1


def test_two_releases_are_compared_source_by_source_the_unchanged_included(published):
    home, first = published.home, published.manifest
    state = write(home, published.encoder, "formulary", drugs()[2:], serving=first.sources["formulary"])
    candidate = candidate_of(first, published.encoder.identity, {"formulary": state})
    second = Publisher(home).publish(candidate, report_of(candidate), actor="t")
    diffs = {diff.source: diff for diff in diff_releases(home, first, second)}
    assert [i for i, _ in diffs["formulary"].removed] == ["D-0000", "D-0001"] and diffs["guidelines"].is_empty()
    assert (diffs["formulary"].before, diffs["formulary"].after) == ("2026-10-01/24", "2026-10-01/22")
    told = diffs["formulary"].as_json()
    assert told["removed"][0] == ["D-0000", "Amoxicillin 500 mg capsule"] and told["changed"] == []
