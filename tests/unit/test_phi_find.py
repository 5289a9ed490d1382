"""What says who a patient is, and what only looks like it? Everybody here is invented."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.phi import KINDS, NEAR, ClinicalNames, find_identifiers

NAMES = ClinicalNames.of(
    [
        "Parkinson's disease",
        "Wilson disease",
        "Graves' disease",
        "Gilbert syndrome",
        "sepsis of an adult male",
        "Bell palsy",
    ]
)


def found(text: str) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.end]) for each in find_identifiers(text, NAMES)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Patient name: Mary O'Brien, ward 5", "name", "Mary O'Brien"),
        ("PATIENT NAME: OKAFOR, MARY", "name", "OKAFOR, MARY"),
        ("patient name: mary okafor", "name", "mary okafor"),
        ("Patient: Mary Graves", "name", "Mary Graves"),
        ("Patient: José Muñoz-García.", "name", "José Muñoz-García"),
        ("Patient | Mary Okafor | Ward 5", "name", "Mary Okafor"),
        ("On Monday patient: Mary Okafor fell.", "name", "Mary Okafor"),
        ("Seen by the team, room 12 patient: Mrs Okafor", "name", "Mrs Okafor"),
        ("Patient name | Mary Okafor", "name", "Mary Okafor"),
        ("Pt name Ludwig van Straten", "name", "Ludwig van Straten"),
        ("Patient Name\n\nMary Okafor", "name", "Mary Okafor"),
        ("Next of kin: Chidi Okafor", "name", "Chidi Okafor"),
        ("a patient named Mary Okafor was", "name", "Mary Okafor"),
        ("The patient, Mary Okafor, was given heparin", "name", "Mary Okafor"),
        ("Mrs Okafor is a 71-year-old woman", "name", "Okafor"),
        ("Mr. Paul Bell was admitted with sepsis", "name", "Paul Bell"),
        ("Dear Mrs Okafor,", "name", "Okafor"),
        ("Name: Mary Okafor\nAge: 71  Sex: F", "name", "Mary Okafor"),
        ("MRN 00412345", "mrn", "00412345"),
        ("MRN: 4412", "mrn", "4412"),
        ("M.R.N. #00-41-23-45", "mrn", "00-41-23-45"),
        ("Medical record number is 445566", "mrn", "445566"),
        ("Hospital No: RXK 123456", "mrn", "RXK 123456"),
        ("Patient ID = AB123456", "mrn", "AB123456"),
        ("MRN | 00412345 |", "mrn", "00412345"),
        ("Medical\nrecord  number: 00412345", "mrn", "00412345"),
        ("the hospital\nnumber 00412345", "mrn", "00412345"),
        ("MRN:\n00412345", "mrn", "00412345"),
        ("ＭＲＮ：\u00a0１２３\u2011４５６", "mrn", "１２３\u2011４５６"),
        ("M\u200bRN: 445\u00ad566", "mrn", "445\u00ad566"),
        ("SSN 219-09-9998", "ssn", "219-09-9998"),
        ("social security number: 219099998", "ssn", "219099998"),
        ("seen before (219-09-9998)", "ssn", "219-09-9998"),
        ("219–09–\n9998 was", "ssn", "219–09–\n9998"),
        ("NHS number: 943 476 5919", "nhs", "943 476 5919"),
        ("NHS No. 9434765919", "nhs", "9434765919"),
        ("record of 943 476 5919, ward 5", "nhs", "943 476 5919"),
        ("PHN: 9876 543 210", "plan", "9876 543 210"),
        ("Medicare number 1EG4-TE5-MK73", "plan", "1EG4-TE5-MK73"),
        ("her 1EG4TE5MK73 was", "plan", "1EG4TE5MK73"),
        ("Health plan ID: XYZ123456789", "plan", "XYZ123456789"),
        ("SIN: 046 454 286", "sin", "046 454 286"),
        ("DOB 12/03/1961", "birth", "12/03/1961"),
        ("D.O.B.: 1961-03-12", "birth", "1961-03-12"),
        ("Date of\nbirth: 12-Mar-61", "birth", "12-Mar-61"),
        ("born on 12 March 1961", "birth", "12 March 1961"),
        ("Birthdate March 12, 1961", "birth", "March 12, 1961"),
        ("paid with 4111 1111 1111 1111", "card", "4111 1111 1111 1111"),
        ("Credit card number: 4111111111111111", "card", "4111111111111111"),
        ("Patient phone: 604-555-0147", "phone", "604-555-0147"),
        ("Home telephone number 020 7946 0123", "phone", "020 7946 0123"),
        ("Patient's e-mail: mary.okafor@mail.example", "email", "mary.okafor@mail.example"),
        ("Home address: 12 Elm Street, Vancouver", "address", "12 Elm Street"),
        ("She lives at 12 Elm Street", "address", "12 Elm Street"),
    ],
)
def test_an_identifier_of_a_patient_is_found_where_it_stands(text, kind, value):
    """P34: each kind by its label, shape or check digit, whatever the typography."""
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Patient: Parkinson",
        "Patient: Adult Male",
        "Patient: Wilson Disease",
        "Mr. Bell was thanked by the committee",
        "Ms. Jane Smith, MD, reports grants from two companies",
        "Patient name: ____________  DOB: __/__/____  MRN: ________",
        "Patient name | Dose | Route",
        "Patient name\n\nAllergies\n\nPharmacist",
        "Patient Name and Date of Birth must be checked",
        "Record the MRN, the NHS number and the date of birth.",
        "in the same patient: ACEIs, ARBs, or renin inhibitors",
        "Patient: Yeah, I smoke.",
        "Generic name: Amoxicillin Clavulanate",
        "Name: Jane Smith\nTitle: Chair, Guideline Committee",
        "Phone: 604-555-0147, fax 604-555-0148, info@hospital.example, 12 Elm Street, Vancouver V5Z 1M9",
        "Corresponding author: jane.smith@university.example, +44 20 7946 0123",
        "Patient helpline 1-800-555-0199",
        "Patient phone: 1-800-555-0199",
        "Patient e-mail: info@hospital.example",
        "children born on 1 September 2021 are eligible",
        "people born on or after 1 January 1957",
        "James Parkinson (1755-1824)",
        "AHRQ Contract No. 290-02-0017",
        "000-12-3456, 666-12-3456 and 912-34-5678 were never issued",
        "call 943 476 5919",
        "604 555 0199, 943 476 5919",
        "NDC 0002-8215-01 and 50242-040-62",
        "CAS 50-78-2, ISBN 978-0-306-40615-7, doi:10.1001/jama.2016.6458",
        "SNOMED CT 39113611000001102; 4561511000001107",
        "In all 1,234,567 patients; patient number 12 of 40",
        "Policy number: 01-234 Licence no. 123456",
        "a 94-year-old woman; aged 92; age over 90",
        "SIN: 046 454 287",
    ],
)
def test_what_publishers_rightly_write_is_let_in(text):
    """P34: contacts of organisations, eponyms, empty forms, catalogue numbers and cohorts are nobody's identifiers."""
    assert found(text) == []


@pytest.mark.parametrize(
    "label",
    [
        "MRN",
        "mr #",
        "medical record number",
        "health record no.",
        "hospital number",
        "hosp no",
        "patient number",
        "patient's ID",
        "pt id",
        "client no",
        "chart number",
        "unit record number",
        "UR number",
        "case note number",
        "NHI",
        "CHI number",
        "H&C number",
        "inpatient number",
    ],
)
def test_every_label_of_a_record_number_is_known(label):
    assert found(f"{label}: 00412345") == [("mrn", "00412345")]


@pytest.mark.parametrize(
    "label",
    [
        "Health plan number",
        "health card no.",
        "insurance ID",
        "medicare number",
        "Medicaid ID",
        "member ID",
        "membership number",
        "subscriber no",
        "beneficiary number",
        "policyholder ID",
        "insurance policy number",
        "CareCard number",
        "personal health number",
        "provincial health number",
        "PHN",
        "MBI",
        "HICN",
        "ULI",
        "RAMQ",
        "OHIP number",
        "Medicare beneficiary identifier",
    ],
)
def test_every_label_of_a_health_plan_is_known(label):
    assert found(f"{label}: 9876543210") == [("plan", "9876543210")]


@pytest.mark.parametrize(
    "label", ["credit card", "debit card number", "payment card", "bank card", "Visa", "Mastercard", "card number"]
)
def test_every_label_of_a_payment_card_is_known(label):
    assert found(f"{label}: 4111111111111111") == [("card", "4111111111111111")]


@pytest.mark.parametrize(
    "label", ["DOB", "d.o.b.", "date of birth", "Date-of-birth", "birth date", "birthdate", "born", "born on the"]
)
def test_every_label_of_a_date_of_birth_is_known(label):
    assert found(f"{label} 12 March 1961") == [("birth", "12 March 1961")]


@pytest.mark.parametrize(
    "label",
    [
        "Patient name",
        "Patient's full name",
        "pt. name",
        "client name",
        "name of patient",
        "Name of the patient",
        "surname",
        "forename",
        "last name",
        "first name",
        "given names",
        "family name",
        "Patient",
        "Next of kin",
        "Patient surname",
        "Inpatient",
    ],
)
def test_every_label_of_a_name_is_known(label):
    assert found(f"{label}: Ngozi Adeyemi") == [("name", "Ngozi Adeyemi")]


@pytest.mark.parametrize(
    "label",
    [
        "Patient phone",
        "home telephone",
        "patient's mobile number",
        "personal fax",
        "next of kin phone",
        "NOK tel",
        "client contact number",
    ],
)
def test_every_label_of_an_own_telephone_is_known(label):
    assert found(f"{label}: 604-555-0147") == [("phone", "604-555-0147")]


CONTACTS = "Tel 604-555-0147, mary.okafor@mail.example, 12 Elm Street, age 94, serial number: AB12345"


def test_ways_to_reach_somebody_count_beside_a_patient():
    """P34: near an identifier that names the patient, and not beyond."""
    kinds = [kind for kind, _ in found(f"MRN: 00412345. {CONTACTS}")]
    assert kinds == ["mrn", "phone", "email", "address", "old", "serial"]
    assert found(CONTACTS) == []
    assert [kind for kind, _ in found(f"MRN: 00412345 {'x ' * NEAR}{CONTACTS}")] == ["mrn"]


def test_a_column_says_what_the_values_below_it_are():
    """P34: a table with a header, as readers write it and as people paste it."""
    for mark in (" | ", "\t", ";", ", "):
        rows = [("Name", "MRN", "Phone"), ("Mary Okafor", "00412345", "604-555-0147"), ("J. Smith", "00412346", "")]
        text = "Ward list\n\n" + "\n".join(mark.join(row) for row in rows) + "\n\nAfter it 00412347"
        assert found(text) == [
            ("name", "Mary Okafor"),
            ("mrn", "00412345"),
            ("phone", "604-555-0147"),
            ("name", "J. Smith"),
            ("mrn", "00412346"),
        ]


def test_a_panel_of_experts_is_a_table_of_names_and_stays():
    assert (
        found("Name | Role | E-mail\nJane Smith | Chair | jane@university.example\nPaul Bell | Nurse | p@b.example")
        == []
    )


def test_an_empty_text_holds_nothing():
    assert found("") == [] and found("\n") == [] and found("\u200b") == []


def test_an_identifier_carries_no_text():
    (identifier,) = find_identifiers("MRN: 00412345", NAMES)
    assert (identifier.kind, identifier.start, identifier.end) == ("mrn", 5, 13)
    assert "00412345" not in repr(identifier)


PIECES = st.sampled_from(
    [
        "Patient: ",
        "Mary Okafor",
        "MRN: ",
        "00412345",
        " | ",
        "\n",
        "\n\n",
        "DOB ",
        "12/03/1961",
        "219-09-9998",
        "Tel 604-555-0147",
        "a.b@c.example",
        "Name: ",
        "Mr. ",
        "\u200b",
        "１２３",
        "\t",
        ", ",
        "943 476 5919",
        " is a 71-year-old",
        "é",
        "12 Elm Street",
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_identifiers_are_in_order_apart_and_inside_the_text(text):
    identifiers = find_identifiers(text, NAMES)
    ends = [0, *(each.end for each in identifiers)]
    for before, each in zip(ends, identifiers, strict=False):
        assert before <= each.start < each.end <= len(text)
        assert each.kind in KINDS and text[each.start : each.end].strip()


@given(st.lists(PIECES, max_size=12).map("".join), st.lists(PIECES, max_size=12).map("".join))
def test_what_stands_far_away_hides_nothing(before, after):
    """P34: an identifier is found whatever else the document holds."""
    far = "\n\n" + "Give fluid. " * (NEAR // 6) + "\n\n"
    assert ("mrn", "00998877") in found(f"{before}{far}MRN: 00998877{far}{after}")
    assert ("name", "Ngozi Adeyemi") in found(f"{before}{far}Patient name: Ngozi Adeyemi{far}{after}")
