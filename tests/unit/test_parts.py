"""When one plan of many comes alone, do the others stay as they were, and only then?"""

from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.errors import Rejected
from probatum.parts import Carried, Held, beside, carried_over, is_whole, of_document, of_row, read_otherwise
from probatum.records import Document

PARTS = st.sampled_from(["A", "B", "C", "D"])
SERVING = (Held("A", "a.json"), Held("A", "a.json"), Held("B", "b.json"), Held("C", "c-1.json"), Held("C", "c-2.json"))


def carried(new, serving=SERVING, **said):
    return carried_over(serving, new, **({"single_file": True} | said))


# what stays


def test_a_part_of_which_nothing_is_said_is_carried_over():
    assert carried([Held("B", "b-new.json")]) == Carried(("a.json", "c-1.json", "c-2.json"), ("A", "C"))


def test_all_files_of_a_replaced_part_go_whatever_they_are_called():
    assert carried([Held("C", "c-1.json")]) == Carried(("a.json", "b.json"), ("A", "B"))


def test_a_part_that_is_new_comes_beside_all_that_serve():
    assert carried([Held("D", "d.json")]).parts == ("A", "B", "C")


def test_nothing_is_carried_into_the_first_release():
    assert carried([Held("A", "a.json")], serving=()) == Carried()


def test_a_source_without_parts_is_replaced_whole():
    assert carried([Held("", "new.csv")], serving=[Held("", "old.csv")]) == Carried()


def test_documents_of_no_part_are_never_carried():
    serving = [Held("", "loose.csv"), Held("A", "a.json")]
    assert carried([Held("B", "b.json")], serving=serving) == Carried(("a.json",), ("A",))


# what is complete


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ([Held("B", "b-new.json")], {"single_file": False}),
        ([Held("B", "b-new.json")], {"said_whole": True}),
        ([Held("B", "all.json"), Held("D", "all.json")], {}),
    ],
    ids=["a-folder", "said-to-be", "more-than-one-part"],
)
def test_a_complete_release_carries_nothing(new, said):
    assert carried(new, **said) == Carried()


def test_a_single_file_of_one_part_is_not_complete():
    assert not is_whole([Held("A", "a"), Held("A", "a")], single_file=True)


def test_a_release_of_no_document_takes_nothing_over():
    """It is the breaker's: carried parts would hide that nothing was read."""
    assert carried([]) == Carried()


# what is in doubt


def test_a_file_of_several_parts_is_not_replaced_by_half():
    serving = [Held("A", "all.json"), Held("B", "all.json")]
    with pytest.raises(Rejected, match=r"all\.json holds A, which this release replaces") as refused:
        carried([Held("A", "a.json")], serving=serving)
    assert "folder" in refused.value.next


def test_a_file_with_documents_of_no_part_is_not_torn_either():
    with pytest.raises(Rejected, match="documents of no part"):
        carried([Held("B", "b.json")], serving=[Held("A", "all.json"), Held("", "all.json")])


def test_a_file_that_has_the_name_of_another_part_is_refused():
    with pytest.raises(Rejected, match=r"b\.json holds another part"):
        carried([Held("A", "b.json")])


def test_an_id_that_is_a_paragraph_is_cut_short():
    assert len(Carried(("f",), ("x" * 5_000,)).words()) < 300


# what is said, and what is checked after


def test_what_stays_is_said():
    assert Carried().words() == ""
    assert Carried(("a",), ("A",)).words() == "1 part of which this release says nothing stays as it is: A."
    assert Carried(("a",), tuple("ABCDEFG")).words().endswith("stay as they are: A, B, C, D, E and 2 more.")


def test_a_part_that_reads_otherwise_is_named():
    new = [Held("B", "b-new.json")]
    stays = carried(new)
    composed = [Held("A", "a.json"), Held("A", "a.json"), Held("B", "b-new.json"), Held("C", "c-1.json")]
    assert read_otherwise(SERVING, new, composed, stays) == ("C",)
    composed.append(Held("C", "c-2.json"))
    assert read_otherwise(SERVING, new, composed, stays) == ()
    assert read_otherwise(SERVING, new, [*composed, Held("drugs of no plan", "x")], stays) == ("drugs of no plan",)
    assert read_otherwise(SERVING, new, [*composed, new[0]], stays) == ("B",)


def test_files_that_gave_no_document_go_along_with_what_is_carried():
    stays = carried([Held("B", "b-new.json")])
    former = ["a.json", "b.json", "c-1.json", "c-2.json", "plans.json", "index.json"]
    assert beside(stays, SERVING, former, ["b-new.json", "plans.json"]) == ("index.json",)
    assert beside(Carried(), SERVING, former, ["b-new.json"]) == ()


def test_a_document_and_its_row_belong_to_the_same_part():
    document = Document(
        "1", "formulary", "t", "t", (), "f", "2026-01-01", "a.zip", "0", meta={"part": "A", "plan": "A", "member": "x"}
    )
    row = {"file": document.file, "meta": orjson.dumps(document.meta).decode()}
    assert of_document(document) == of_row(row) == Held("A", "a.zip")
    assert of_row({"file": "f", "meta": "{}"}) == Held("", "f")


# whatever comes


@given(st.lists(st.tuples(PARTS, st.integers(0, 9)), max_size=12))
def test_after_any_drops_each_part_is_what_was_dropped_last(drops):
    """Against a slow account of it: a dictionary from part to file."""
    serving: list[Held] = []
    account: dict[str, str] = {}
    for count, (part, version) in enumerate(drops):
        new = [Held(part, f"{part}-{version}-{count}.json")]
        stays = carried_over(serving, new, single_file=True)
        composed = [*(each for each in serving if each.file in stays.files), *new]
        assert read_otherwise(serving, new, composed, stays) == ()
        serving, account = composed, account | {part: new[0].file}
    assert {each.part: each.file for each in serving} == account and len(serving) == len(account)


@given(
    st.lists(st.builds(Held, st.sampled_from(["", "A", "B", "C"]), st.sampled_from(["1", "2", "3", "4"])), max_size=10),
    st.lists(st.builds(Held, st.sampled_from(["", "A", "D"]), st.sampled_from(["4", "5"])), max_size=3),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_a_part_is_never_of_two_releases_and_never_half_there(serving, new, single_file, random):
    """And what serves of other parts is either all there, or replaced on purpose, or the release is refused."""
    try:
        stays = carried_over(serving, new, single_file=single_file)
    except Rejected as refused:
        assert refused.next and single_file
        return
    kept = [each for each in serving if each.file in stays.files]
    assert {each.part for each in kept}.isdisjoint({"", *(each.part for each in new)})
    assert set(stays.files).isdisjoint(each.file for each in new)
    assert Counter(kept) == Counter(each for each in serving if each.part in stays.parts)
    if not is_whole(new, single_file=single_file):
        assert {each.part for each in serving} <= {"", *stays.parts, *(each.part for each in new)}
    turned = sorted(serving, key=lambda _: random.random())
    assert carried_over(turned, new[::-1], single_file=single_file) == stays
