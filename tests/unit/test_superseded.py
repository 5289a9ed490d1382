"""Is what another document replaces left out, however it is named, and is nonsense refused?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.errors import Rejected
from probatum.records import Document
from probatum.superseded import Claim, superseded, without_superseded


def called(id, *, file="", number="", supersedes="", superseded_by=""):
    meta = {"number": number, "supersedes": supersedes, "superseded_by": superseded_by}
    return Document(id, "guidelines", id, "text", (), id, "2026-07-01", file or id, "0" * 64, "sections", meta)


@pytest.mark.parametrize("named", ["old.pdf", "OLD.PDF", "P-15", "ward/old.pdf", "P-1, P-15", "x, old.pdf"])
def test_what_is_superseded_by_id_number_or_file_is_left_out(named):
    """P8: what was superseded is not returned as current."""
    old, new = called("ward/old.pdf", number="P-15"), called("new.pdf", supersedes=named)
    assert without_superseded([old, new]) == ([new], {"ward/old.pdf": "new.pdf"})
    other_way = called("ward/old.pdf", superseded_by="new.pdf")
    assert without_superseded([other_way, called("new.pdf")])[1] == {"ward/old.pdf": "new.pdf"}


def test_a_file_without_its_folder_is_meant_only_where_that_leaves_no_doubt():
    both, new = [called("ward/a.pdf"), called("icu/a.pdf")], called("new.pdf", supersedes="a.pdf")
    assert without_superseded([*both, new])[1] == {}
    assert without_superseded([*both, called("a.pdf"), new])[1] == {"a.pdf": "new.pdf"}


def test_a_file_of_many_documents_is_the_name_of_none():
    many = [called(f"uspstf-{n}", file="dump.json") for n in range(3)]
    new = called("new.pdf", supersedes="dump.json")
    assert without_superseded([*many, new]) == ([*many, new], {})


def test_who_was_superseded_still_supersedes():
    """P8: of three generations the youngest is current."""
    line = [called("a"), called("b", supersedes="a"), called("c", supersedes="b")]
    assert [document.id for document in without_superseded(line)[0]] == ["c"]


def test_an_older_version_of_the_same_number_is_superseded_and_not_the_document_itself():
    versions = [called("v3.pdf", number="P-1"), called("v4.pdf", number="P-1", supersedes="P-1")]
    assert without_superseded(versions)[1] == {"v3.pdf": "v4.pdf"}
    assert without_superseded(versions[1:]) == (versions[1:], {})


def test_a_renamed_document_is_still_meant_by_the_name_it_had():
    """P8: and a new version under a new name may say that it supersedes the old name."""
    moved, new = called("b.pdf"), called("new.pdf", supersedes="a.pdf")
    assert without_superseded([moved, new], {"b.pdf": "a.pdf"})[1] == {"b.pdf": "new.pdf"}
    assert without_superseded([called("v4.pdf", supersedes="v3.pdf")], {"v4.pdf": "v3.pdf"})[1] == {}


def test_a_name_nobody_has_supersedes_nothing():
    assert without_superseded([called("a", supersedes="P-0")])[1] == {}


@pytest.mark.parametrize("claim", [{"supersedes": "a.pdf"}, {"superseded_by": "A.pdf"}])  # fmt: skip
def test_a_document_that_supersedes_itself_is_refused(claim):
    with pytest.raises(Rejected, match=r"a\.pdf says that it supersedes itself"):
        without_superseded([called("a.pdf", **claim), called("b.pdf")])


def test_a_circle_is_refused_with_its_members():
    documents = [called("a", supersedes="b"), called("b", supersedes="c"), called("c", supersedes="a"), called("d")]
    with pytest.raises(Rejected, match="3 documents supersede each other in a circle, or hang on one: a, b, c"):
        without_superseded(documents)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] != pair[1]), max_size=12))
def test_a_circle_is_found_exactly_where_there_is_one(pairs):
    """Against a slow walk from every document."""
    claims = [
        Claim(str(n), frozenset([str(n)]), supersedes=frozenset(str(old) for new, old in pairs if new == n))
        for n in range(8)
    ]

    def reaches(start):
        seen, waiting = set(), {old for new, old in pairs if new == start}
        while waiting:
            seen |= waiting
            waiting = {old for new, old in pairs if new in waiting} - seen
        return seen

    if any(n in reaches(n) for n in range(8)):
        with pytest.raises(Rejected, match="circle"):
            superseded(claims)
    else:
        assert superseded(claims).keys() == {str(old) for _, old in pairs}
