"""Who is somebody, and who is a syndrome?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.errors import Damaged
from probatum.phi import ClinicalNames

TITLES = (
    "Parkinson's disease",
    "Wilson disease with young onset",
    "Graves' disease",
    "Gilbert syndrome",
    "Austin Flint murmur",
    "Charcot-Marie-Tooth disease",
    "AMOXICILLIN TRIHYDRATE 500 MG",
    "Sepsis in an adult male",
    "mark of injection, brown",
)
NAMES = ClinicalNames.of(TITLES)


@pytest.mark.parametrize("words", [["Parkinson"], ["WILSON"], ["Graves"], ["Gilbert's"], ["Amoxicillin"], ["Sepsis"]])
def test_an_eponym_or_drug_alone_is_nobody(words):
    assert NAMES.are_nobody(words)


@pytest.mark.parametrize(
    "words", [["Austin", "Flint"], ["Adult", "Male"], ["Wilson", "Disease"], ["Amoxicillin", "Trihydrate"]]
)
def test_words_that_stand_together_in_titles_are_nobody(words):
    assert NAMES.are_nobody(words)


@pytest.mark.parametrize("words", [["James", "Wilson"], ["Mary", "Graves"], ["Austin", "Gilbert"], ["Okafor"]])
def test_an_eponym_with_a_first_name_is_somebody(words):
    assert not NAMES.are_nobody(words)


def test_without_titles_everybody_is_somebody():
    assert not ClinicalNames().are_nobody(["Parkinson"])


def test_names_are_saved_sorted_and_read_back_the_same(tmp_path):
    NAMES.save(tmp_path / "names.txt")
    assert ClinicalNames.load(tmp_path / "names.txt") == NAMES
    first, *lines = (tmp_path / "names.txt").read_text("utf-8").splitlines()
    assert first.endswith(NAMES.digest) and lines == sorted(lines)
    assert ClinicalNames.of(reversed(TITLES)).digest == NAMES.digest


def test_a_list_that_was_changed_by_hand_is_damaged(tmp_path):
    path = tmp_path / "names.txt"
    NAMES.save(path)
    path.write_text(path.read_text("utf-8") + "p okafor\n", "utf-8")
    with pytest.raises(Damaged) as damaged:
        ClinicalNames.load(path)
    assert "okafor" not in str(damaged.value)


@given(st.lists(st.text(st.sampled_from("abcÉ '’-İßA"), max_size=20), max_size=6))
def test_any_titles_can_be_saved_and_read_back(titles):
    names = ClinicalNames.of(titles)
    assert ClinicalNames.parsed(names.text()) == names
