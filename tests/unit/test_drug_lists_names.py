"""Is the drug told from its strength, form and brand in the ways publishers write names?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.drug_lists.names import Parts, parts


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        (
            "tacrolimus 0.001 MG/MG Topical Ointment [Protopic]",
            Parts("tacrolimus", "0.001 MG/MG Topical Ointment", "Protopic"),
        ),
        ("aspirin 81 MG / omeprazole 40 MG Oral Tablet", Parts("aspirin / omeprazole", "81 MG / 40 MG Oral Tablet")),
        (
            "12 HR guaifenesin 600 MG Extended Release Oral Tablet",
            Parts("guaifenesin", "600 MG Extended Release Oral Tablet"),
        ),
        (
            "0.4 ML enoxaparin sodium 100 MG/ML Prefilled Syringe",
            Parts("enoxaparin sodium", "100 MG/ML Prefilled Syringe"),
        ),
        (
            "codeine 8 mg and paracetamol 500 mg oral tablet",
            Parts("codeine / paracetamol", "8 mg / 500 mg oral tablet"),
        ),
        ("Adenosine 6mg/2ml solution for injection vials", Parts("Adenosine", "6mg/2ml solution for injection vials")),
        ("chlorhexidine gluconate 2 % medicated sponge", Parts("chlorhexidine gluconate", "2 % medicated sponge")),
        (
            "factor VIII 500 unit powder and solvent for solution",
            Parts("factor VIII", "500 unit powder and solvent for solution"),
        ),
        ("Lamivudine + Tenofovir disoproxil", Parts("Lamivudine / Tenofovir disoproxil")),
        ("vitamin B12", Parts("vitamin B12")),
        (
            "{7 (inert ingredients 1 MG Oral Tablet) / 21 (norethindrone 0.5 MG Oral Tablet) } Pack [Brevi]",
            Parts("norethindrone", "0.5 MG Oral Tablet", "Brevi"),
        ),
    ],
)
def test_a_name_is_taken_apart(name, apart):
    assert parts(name) == apart


@given(st.text(min_size=1, max_size=60))
def test_no_name_loses_its_drug(name):
    assert parts(name).drug
