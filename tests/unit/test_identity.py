"""Does a document stay who it is when its file is called something else, and does nobody take another's place?"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.digests import of_text
from probatum.identity import Known, carried_over, likeness, renamed, sketch
from probatum.records import Document

LONG = "Give oxygen to a target saturation of 94 per cent, take cultures before antibiotics, and measure lactate within an hour. "


def called(name, text="", *, number="", title="", id="") -> Document:
    meta = {"number": number} if number else {}
    said = text or f"{name} says what nobody else says"
    return Document(id or name, "guidelines", title or name, said, (), id or name, "2026-07-01", name, of_text(said), "sections", meta)  # fmt: skip


def after(before, now):
    """The release as it serves: every document under the id it goes by."""
    ids = carried_over([Known.of(document) for document in before], now)
    return [renamed(document, ids[document.id]) if document.id in ids else document for document in now]


def identities(documents):
    """{file: id}"""
    return {document.file: document.id for document in documents}


# ---------------------------------------------------------------- what is recognised


def test_the_same_bytes_under_a_new_name_are_the_same_document():
    assert identities(after([called("a.pdf", LONG)], [called("b.pdf", LONG)])) == {"b.pdf": "a.pdf"}


def test_the_same_number_under_a_new_name_is_the_same_document():
    before, now = [called("a.pdf", "Version one.", number="P-12")], [called("b.pdf", "All new.", number="p-12 ")]
    assert identities(after(before, now)) == {"b.pdf": "a.pdf"}


def test_the_same_title_and_most_of_the_words_are_the_same_document():
    before = [called("a.pdf", LONG * 3, title="Adult sepsis")]
    now = [called("b.pdf", LONG * 3 + "Reviewed in July.", title="Adult  Sepsis")]
    assert identities(after(before, now)) == {"b.pdf": "a.pdf"}


@pytest.mark.parametrize(
    "newcomer",
    [
        called("b.pdf", LONG.replace("oxygen", "air"), title="Burns"),
        called("b.pdf", "Cool the burn under running water for twenty minutes and cover it.", title="Adult sepsis"),
        called("b.pdf", LONG + "And more.", title="Adult sepsis", number="P-99"),
    ],
    ids=["another title", "other words", "another number"],
)
def test_what_only_resembles_it_is_new(newcomer):
    before = [called("a.pdf", LONG, title="Adult sepsis", number="P-12")]
    assert identities(after(before, [newcomer])) == {"b.pdf": "b.pdf"}


def test_a_document_whose_name_is_still_there_is_not_looked_for():
    """The old version kept as a copy beside the new one does not take its place."""
    before = [called("a.pdf", LONG, number="P-1")]
    now = [called("a.pdf", LONG + "New.", number="P-1"), called("a-old.pdf", LONG, number="P-1")]
    assert identities(after(before, now)) == {"a.pdf": "a.pdf", "a-old.pdf": "a-old.pdf"}


@pytest.mark.parametrize("how", ["bytes", "number", "title"])
def test_what_fits_two_is_left_as_new(how):
    text, number, title = (LONG, "", "") if how == "bytes" else ("", "P-1", "") if how == "number" else ("", "", "Same")
    before = [called("a.pdf", text, number=number, title=title)]
    now = [called("b.pdf", text, number=number, title=title), called("c.pdf", text, number=number, title=title)]
    assert carried_over([Known.of(document) for document in before], now) == {}
    assert carried_over([Known.of(document) for document in now], before) == {}


def test_a_declared_id_is_kept_whatever_the_content_was_called():
    before = [called("a.pdf", LONG)]
    assert identities(after(before, [called("b.pdf", LONG, id="sepsis")])) == {"b.pdf": "sepsis"}
    assert identities(after([called("a.pdf", LONG, id="sepsis")], [called("b.pdf", LONG)])) == {"b.pdf": "sepsis"}


# ---------------------------------------------------------------- over several releases


def test_a_renamed_document_stays_who_it_is_in_every_later_release():
    served = [called("a.pdf", LONG)]
    for name, text in (("b.pdf", LONG), ("b.pdf", "Rewritten from the start."), ("c.pdf", "Rewritten from the start.")):
        served = after(served, [called(name, text)])
        assert [(d.id, d.family, d.file) for d in served] == [("a.pdf", "a.pdf", name)]


def test_a_newcomer_under_the_name_of_one_that_was_renamed_gets_an_id_of_its_own_and_keeps_it():
    served = after([called("a.pdf", LONG)], [called("b.pdf", LONG)])
    served = after(served, [called("b.pdf", LONG), called("a.pdf", "Burns.")])
    assert served[0].id == "a.pdf" and served[1].id == f"a.pdf@{of_text('Burns.')[:8]}"
    again = after(served, [called("b.pdf", LONG), called("a.pdf", "Burns, second version.")])
    assert [d.id for d in again] == [d.id for d in served]


def test_two_that_exchange_their_names_stay_who_they_are():
    before = [called("a.pdf", "one"), called("b.pdf", "two")]
    assert identities(after(before, [called("a.pdf", "two"), called("b.pdf", "one")])) == {"a.pdf": "b.pdf", "b.pdf": "a.pdf"}  # fmt: skip


names = st.lists(st.sampled_from([f"{letter}.pdf" for letter in "abcdefghij"]), min_size=1, max_size=8, unique=True)


@given(st.data(), names)
def test_no_permutation_of_names_ever_loses_or_merges_an_identity(data, first):
    """P8: in release after release the same contents under any names: each stays the document it was."""
    contents = [f"content {n}" for n in range(len(first))]
    served = [called(name, text) for name, text in zip(first, contents, strict=True)]
    known = {document.text: document.id for document in served}
    for _ in range(data.draw(st.integers(1, 4))):
        chosen = data.draw(names.filter(lambda drawn: len(drawn) >= len(first)))
        served = after(served, [called(name, text) for name, text in zip(chosen, contents, strict=False)])
        assert {document.text: document.id for document in served} == known


@given(st.data())
def test_whatever_is_added_dropped_renamed_and_rewritten_two_documents_never_share_an_id(data):
    """P16: and what keeps its name and its bytes keeps its id."""
    served: list[Document] = []
    for _ in range(data.draw(st.integers(1, 5))):
        drawn = data.draw(names)
        now = [
            called(
                name, f"content {data.draw(st.integers(0, 5))}", number=data.draw(st.sampled_from(["", "P-1", "P-2"]))
            )
            for name in drawn
        ]
        former, served = served, after(served, now)
        assert len({document.id for document in served}) == len(now)
        assert [document.file for document in served] == drawn
        unchanged = {(d.file, d.sha256): d.id for d in former}
        assert all(unchanged.get((d.file, d.sha256), d.id) == d.id for d in served)


@given(st.data(), names)
def test_the_order_of_the_documents_does_not_matter(data, drawn):
    """P12: the same two releases, the same identities."""
    before = [called(name, f"content {data.draw(st.integers(0, 3))}") for name in drawn]
    now = [called(name, f"content {data.draw(st.integers(0, 3))}") for name in data.draw(names)]
    known = [Known.of(document) for document in before]
    expected = carried_over(known, now)
    assert carried_over(data.draw(st.permutations(known)), data.draw(st.permutations(now))) == expected


# ---------------------------------------------------------------- likeness


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.lists(st.sampled_from("abcdefgh"), max_size=60))
def test_the_likeness_of_short_texts_is_exactly_the_share_of_common_runs(one, other):
    def runs(words):
        return {tuple(words[at : at + 3]) for at in range(len(words) - 2)}

    either = runs(one) | runs(other)
    wanted = len(runs(one) & runs(other)) / len(either) if either else 0.0
    if len(either) <= 256:
        assert likeness(sketch(" ".join(one)), sketch(" ".join(other))) == pytest.approx(wanted)


def test_the_likeness_of_long_texts_is_about_the_share_of_common_runs():
    first = [f"word{n}" for n in range(4000)]
    for kept in (3200, 2000, 800):
        other = first[:kept] + [f"other{n}" for n in range(4000 - kept)]
        wanted = (kept - 2) / (2 * 3998 - kept + 2)
        assert likeness(sketch(" ".join(first)), sketch(" ".join(other))) == pytest.approx(wanted, abs=0.1)


def test_a_document_can_be_known_without_its_text_once_it_was_seen():
    known = Known.of(called("a.pdf", LONG, number=" P-1 ", title="Adult  Sepsis"))
    assert (known.number, known.title, len(known.sketch) > 8) == ("p-1", "adult sepsis", True)
    assert replace(known) == known
