"""The publisher's addenda, in its wording and in others, are read; what they say is held against what changed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.icd10_addenda import Addenda, Counts, Line, read_addenda
from sources.icd10_reconcile import reconcile, reconcile_after

BEFORE = {
    "A00": ("Cholera", False),
    "A00.0": ("Cholera, clasic", True),
    "A00.1": ("Cholera, eltor", True),
    "D13": ("Growth of the gut", False),
    "D13.9": ("Growth somewhere in the gut", True),
    "R05": ("Cough", True),
}
AFTER = {
    "A00": ("Cholera", False),
    "A00.0": ("Cholera, classic", True),
    "D13": ("Growth of the gut", False),
    "D13.9": ("Growth somewhere in the gut", False),
    "D13.91": ("Familial growth of the gut", True),
    "D13.99": ("Other growth of the gut", True),
    "R05": ("Cough", True),
}
FOOTER = """
Headers
  2 headers in icd10cm_order_2031.txt
  3 headers in icd10cm_order_2032.txt
      1 additions
      0 deletions
      0 revisions
of which
      0 revisions to both long and short titles
      0 revisions to long title only
      0 revisions to short title only

Codes
  4 codes in icd10cm_order_2031.txt
  4 codes in icd10cm_order_2032.txt
      2 additions
      2 deletions
      2 revisions
of which
      1 revisions to both long and short titles
      0 revisions to long title only
      1 revisions to short title only
"""


def order_line(keyword, code, title, billable, short=""):
    return f"{keyword + ':':<12} {int(billable)} {code.replace('.', ''):<7} {short or title[:60]:<60} {title}"


LISTED = [
    order_line("Revise from", "A00.0", "Cholera, clasic", True),
    order_line("Revise to", "A00.0", "Cholera, classic", True),
    order_line("Delete", "A00.1", "Cholera, eltor", True),
    order_line("Delete", "D13.9", "Growth somewhere in the gut", True),
    order_line("Add", "D13.9", "Growth somewhere in the gut", False),
    order_line("Add", "D13.91", "Familial growth of the gut", True),
    order_line("Add", "D13.99", "Other growth of the gut", True),
    order_line("Revise from", "R05", "Cough", True, short="Cogh"),
    order_line("Revise to", "R05", "Cough", True, short="Cough"),
]
TEXT = "\r\n".join([*LISTED, *FOOTER.splitlines()])


def counts_of(*lines, listed=LISTED[2:3]):
    """What the prose below one entry counts."""
    return read_addenda("\n".join([*listed, "", *lines])).counts


class TestReading:
    """What do the addenda list, and what do they count?"""

    def test_every_entry_has_its_code_its_flag_and_its_long_title(self):
        told = read_addenda(TEXT)
        assert told.headers
        assert [(line.code, line.billable) for line in told.additions] == [
            ("D13.9", False),
            ("D13.91", True),
            ("D13.99", True),
        ]
        assert told.deletions[0] == Line("A00.1", "Cholera, eltor", True)
        assert [(old.title, new.title) for old, new in told.revisions] == [
            ("Cholera, clasic", "Cholera, classic"),
            ("Cough", "Cough"),
        ]

    def test_the_prose_says_sizes_changes_and_from_what_to_what(self):
        told = read_addenda(TEXT)
        assert told.counts == {
            "headers": Counts(before=2, after=3, additions=1, deletions=0, revisions=0, short_only=0),
            "codes": Counts(before=4, after=4, additions=2, deletions=2, revisions=2, short_only=1),
        }
        assert told.names == ("icd10cm_order_2031.txt", "icd10cm_order_2032.txt")

    def test_the_code_addenda_have_no_flag_and_no_headers(self):
        told = read_addenda(
            "Add:         D1391   Familial growth\r\n\r\nCodes\r\n  4 codes in a_1.txt\r\n  1 additions\r\n"
        )
        assert not told.headers
        assert told.additions == (Line("D13.91", "Familial growth", True),)

    def test_a_release_that_changes_nothing_has_the_prose_alone(self):
        text = "\r\nCodes\r\n  74260 codes in x_2.txt\r\n  74260 codes in x_2.txt\r\n  0 additions\r\n  0 deletions\r\n  0 revisions\r\n"
        told = read_addenda(text)
        assert told.counts["codes"] == Counts(74260, 74260, 0, 0, 0)
        assert (told.additions, told.deletions, told.revisions) == ((), (), ())

    @pytest.mark.parametrize(
        ("lines", "counts"),
        [
            (["252 additions", "36 deletions", "13 revisions"], {"total": Counts(None, None, 252, 36, 13)}),
            (["Codes:", "Additions: 1,252", "Deletions: 36", "Revisions: 13"], {"codes": Counts(None, None, 1252, 36, 13)}),
            (["252 codes were added, 36 were deleted and 13 revised."], {"codes": Counts(None, None, 252, 36, 13)}),
            (["Total additions: 324", "Total deletions: 36"], {"total": Counts(None, None, 324, 36)}),
            (["There are 252 new codes in FY 2032.", "No codes were deleted or revised."], {"codes": Counts(None, None, 252, 0, 0)}),
            (["Billable codes", "No changes"], {"codes": Counts(None, None, 0, 0, 0)}),
            (["Total codes in 2031: 74,044", "Total codes in 2032: 74,260"], {"codes": Counts(74044, 74260)}),
            (["72 headers and 252 codes in all: 324 additions"], {"total": Counts(additions=324)}),
            (["Additions to headers: 72", "Additions to codes: 252"], {"headers": Counts(additions=72), "codes": Counts(additions=252)}),
            (["Effective October 1, 2032", "Prepared in 2031-06"], {}),
        ],
    )  # fmt: skip
    def test_counts_are_read_by_the_words_beside_them(self, lines, counts):
        assert counts_of(*lines) == counts

    @pytest.mark.parametrize(
        "text",
        [
            "ICD-10-CM files\nThe order file has 74260 codes.\nSee the addenda for additions.",
            "Add       - Abscess (connective tissue) K65.1\nRevise from - Acne\nRevise to   - Acne NEC",
            "Add: Excludes1: cough (R05)\nDelete: Includes: sneezing",
            "A000 Cholera\nA001 Cholera, eltor",
            "",
        ],
    )
    def test_what_is_no_addenda_of_codes_is_none(self, text):
        assert read_addenda(text) is None

    def test_a_line_that_begins_as_an_entry_and_is_none_is_remembered(self):
        told = read_addenda("\n".join([*LISTED[:3], "Add:   ???", *LISTED[3:]]))
        assert told.unread == (4,)
        assert len(told.additions) == 3

    def test_a_revision_without_its_other_half_is_kept(self):
        old, new = read_addenda("\n".join([LISTED[0], LISTED[2]])).revisions[0]
        assert (old.code, new.title) == ("A00.0", "")

    def test_it_survives_being_written_down(self):
        told = read_addenda(TEXT)
        assert Addenda.from_json(json.loads(json.dumps(told.as_json()))) == told


class TestReconciling:
    """Do the addenda say what changed?"""

    def test_addenda_that_tell_all_agree_a_code_that_became_a_header_included(self):
        assert reconcile(BEFORE, AFTER, read_addenda(TEXT)) == []

    def test_code_addenda_are_held_against_billable_codes_alone(self):
        lines = [line[:13] + line[15:23] + line[84:] for line in LISTED if line[13] == "1"][:-2]
        prose = "\nCodes\n4 codes in a_2031.txt\n4 codes in a_2032.txt\n2 additions\n2 deletions\n1 revisions"
        told = read_addenda("\n".join([*lines, *prose.splitlines()]))
        assert not told.headers and len(told.additions) == 2
        assert reconcile(BEFORE, AFTER, told) == []

    def test_a_code_that_is_new_and_not_told_is_named_and_counted(self):
        assert reconcile(BEFORE, AFTER | {"R05.1": ("Acute cough", True)}, read_addenda(TEXT)) == [
            "1 code is new and not added by the addenda: R05.1.",
            "The addenda count 2 additions of billable codes; there are 3.",
            "The addenda count 4 billable codes now; there are 5.",
        ]

    def test_a_code_that_is_lost_is_named(self):
        less = {code: said for code, said in AFTER.items() if code != "R05"}
        assert "1 code is gone and not deleted by the addenda: R05." in reconcile(BEFORE, less, read_addenda(TEXT))

    def test_what_is_told_and_did_not_happen_is_named(self):
        told = reconcile(BEFORE, BEFORE, read_addenda(TEXT))
        assert "3 codes are added by the addenda and not new: D13.9 (header), D13.91, D13.99." in told
        assert "2 codes are deleted by the addenda and not gone: A00.1, D13.9." in told
        assert "1 code is revised by the addenda and not renamed: A00.0." in told

    def test_a_flag_that_flips_untold_is_a_deletion_and_an_addition(self):
        assert reconcile(BEFORE, AFTER | {"R05": ("Cough", False)}, read_addenda(TEXT))[:2] == [
            "1 code is new and not added by the addenda: R05 (header).",
            "1 code is gone and not deleted by the addenda: R05.",
        ]

    def test_a_new_title_that_is_not_told_or_told_otherwise_is_named_without_its_words(self):
        told = read_addenda(TEXT)
        assert reconcile(BEFORE, AFTER | {"R05": ("Coughing", True)}, told)[0] == (
            "1 code is renamed and not revised by the addenda: R05."
        )
        other = reconcile(BEFORE, AFTER | {"D13.99": ("Another thing", True)}, told)
        assert other == ["1 code is titled otherwise than the addenda say: D13.99."]

    def test_counts_that_the_lists_do_not_bear_out_are_a_disagreement(self):
        told = read_addenda(TEXT.replace("2 deletions", "7 deletions"))
        assert reconcile(BEFORE, AFTER, told) == ["The addenda count 7 deletions of billable codes; there are 2."]

    def test_lines_that_cannot_be_read_are_a_disagreement(self):
        told = read_addenda("Add:  ???\n" + TEXT)
        assert reconcile(BEFORE, AFTER, told) == ["1 line of the addenda cannot be read, first 1."]

    def test_of_many_codes_five_are_shown(self):
        more = {f"X{n}": ("New", True) for n in range(10, 30)}
        assert reconcile(BEFORE, AFTER | more, read_addenda(TEXT))[0] == (
            "20 codes are new and not added by the addenda: X10, X11, X12, X13, X14 and 15 more."
        )

    def test_titles_from_another_kind_of_file_are_no_revisions(self):
        assert reconcile({**BEFORE, "R05": ("Coûgh", True)}, AFTER, read_addenda(TEXT), titles=False) == []

    def test_a_release_alone_shows_what_is_missing_and_what_stayed(self):
        assert reconcile_after(AFTER, read_addenda(TEXT)) == []
        assert reconcile_after(BEFORE, read_addenda(TEXT)) == [
            "3 codes are added by the addenda and not there: D13.9 (header), D13.91, D13.99.",
            "2 codes are deleted by the addenda and still there: A00.1, D13.9.",
            "The addenda count 3 headers now; there are 2.",
        ]


CODES = st.sampled_from(["A00", "A00.0", "B01", "B01.1", "C7A", "C7A.00", "S52.5XXA", "QA0"])
RELEASES = st.dictionaries(CODES, st.tuples(st.sampled_from(["One", "Two", "Three"]), st.booleans()))


def told_of(before, after):
    """The addenda a careful publisher writes: the slow and obvious way."""
    gone = [(c, *before[c]) for c in before if c not in after or after[c][1] != before[c][1]]
    come = [(c, *after[c]) for c in after if c not in before or after[c][1] != before[c][1]]
    both = [c for c in before if c in after and before[c][1] == after[c][1] and before[c][0] != after[c][0]]
    lines = [order_line("Delete", c, t, f) for c, t, f in gone] + [order_line("Add", c, t, f) for c, t, f in come]
    for c in both:
        lines += [order_line("Revise from", c, *before[c]), order_line("Revise to", c, *after[c])]
    for word, flag in (("Headers", False), ("Codes", True)):
        lines += ["", word]
        lines += [f"  {sum(f == flag for _, f in side.values())} {word.lower()} in icd10cm_order_{name}.txt" for name, side in (("2031", before), ("2032", after))]  # fmt: skip
        lines += [f"  {sum(f == flag for _, _, f in come)} additions", f"  {sum(f == flag for _, _, f in gone)} deletions"]  # fmt: skip
        lines += [f"  {sum(after[c][1] == flag for c in both)} revisions"]
    return "\r\n".join(lines)


@given(RELEASES, RELEASES)
def test_addenda_written_from_two_releases_always_agree_with_them(before, after):
    assert reconcile(before, after, read_addenda(told_of(before, after))) == []


@given(RELEASES, RELEASES, RELEASES)
def test_addenda_of_another_change_agree_only_if_it_is_the_same(before, after, other):
    assert (reconcile(before, other, read_addenda(told_of(before, after))) == []) == (other == after)
