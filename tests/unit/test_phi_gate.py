"""Does the gate tell a data owner where to look, and nothing else?"""

from probatum.errors import Rejected
from probatum.phi import ClinicalNames, Place, gate, refusal
from probatum.records import Block, Document

NAMES = ClinicalNames.of(["Parkinson's disease"])


def a_document(*parts, file="x.pdf", layout="sections", title="A protocol", meta=None, identity="x"):
    """parts: (kind, page, table, text), joined as readers join them."""
    text, blocks = "", []
    for kind, page, table, words in parts:
        text += ("\n" if table >= 0 else "\n\n") if text else ""
        blocks.append(Block(len(text), len(text) + len(words), kind, page, (), table))
        text += words
    return Document(
        identity, "guidelines", title, text, tuple(blocks), identity, "2026-07-01", file, "5f" * 32, layout, meta or {}
    )


LEAKY = a_document(
    ("heading", 1, -1, "Sepsis"),
    ("paragraph", 3, -1, "Give fluid."),
    ("paragraph", 3, -1, "As for MRN 00412345."),
    ("table-header", 5, 0, "MRN | DOB"),
    ("table-row", 5, 0, "00412346 | 12/03/1961"),
)


def test_a_place_is_a_page_a_paragraph_and_a_row():
    """P34: a person finds it without being told what it says."""
    (found,) = gate([a_document(("paragraph", 1, -1, "Call 604-555-0147.")), LEAKY], NAMES)
    assert found.places == (
        Place("mrn", 3, "paragraph", 2, 0, LEAKY.text.index("00412345")),
        Place("mrn", 5, "row", 2, 1, LEAKY.text.index("00412346")),
        Place("birth", 5, "row", 2, 1, LEAKY.text.index("12/03/1961")),
    )
    error = refusal([found])
    assert isinstance(error, Rejected)
    assert error.happened == (
        "x.pdf holds what looks like 2 medical record numbers and 1 date of birth (page 3, paragraph 2; page 5, table 1, row 2)."
    )
    assert error.next


def test_a_clean_document_passes():
    assert gate([a_document(("paragraph", 1, -1, "Patient: Parkinson. Pharmacy 604-555-0147."))], NAMES) == []


def test_a_format_without_pages_is_told_by_character():
    (found,) = gate([a_document(("paragraph", 0, -1, "Note."), ("list", 0, -1, "MRN 00412345"), file="x.md")], NAMES)
    assert "(list item 1, character 12)" in refusal([found]).happened


def test_entries_of_a_list_are_counted_not_named():
    """The id of a record can be made of what its row says."""
    rows = [
        a_document(
            ("title", 0, -1, f"drug {at}"),
            ("detail", 0, -1, words),
            file="list.csv",
            layout="record",
            identity=f"mary-{at}",
        )
        for at, words in enumerate(["Notes: none", "Notes: MRN 00412345", "Notes: MRN 00412346"])
    ]
    error = refusal(gate(rows, NAMES))
    assert error.happened.startswith("list.csv holds what looks like 2 medical record numbers (entry 2, character ")
    assert "; entry 3, character " in error.happened and "mary" not in str(error)


def test_a_title_and_fields_beside_the_text_are_looked_at():
    """P34: what is served is more than the text."""
    titled = a_document(("paragraph", 1, -1, "Give fluid."), title="MRN 00412345")
    field = a_document(("paragraph", 1, -1, "Give fluid."), meta={"owner": ["Patient: Mary Okafor"], "pages": 3})
    assert "(the title)" in refusal(gate([titled], NAMES)).happened
    assert "(a field beside the text)" in refusal(gate([field], NAMES)).happened


def test_a_file_whose_name_names_a_patient_is_called_by_its_digest():
    (found,) = gate([a_document(("paragraph", 1, -1, "Give fluid."), file="notes_MRN_00412345.pdf")], NAMES)
    error = refusal([found])
    assert error.happened.startswith("The file with sha256 5f5f5f5f5f5f holds") and "00412345" not in str(error)


def test_many_places_are_told_by_the_first_few():
    pages = [("paragraph", page, -1, f"MRN 004123{page:02}") for page in range(10, 40)]
    happened = refusal(gate([a_document(*pages)], NAMES)).happened
    assert "30 medical record numbers (page 10, paragraph 1; " in happened and happened.endswith(
        "; and 25 more places)."
    )


def test_files_that_are_read_together_are_refused_together():
    one, two = (a_document(("paragraph", 1, -1, "MRN 00412345"), file=name) for name in ("a.csv", "b.csv"))
    assert refusal(gate([one, two], NAMES)).happened.startswith("a.csv and b.csv hold what looks like 2 medical")
