"""Is a marketplace formulary read drug by drug and plan by plan, and is what is not shown counted?"""

import json
from datetime import date

import pytest

from probatum.errors import Rejected
from probatum.records import SourceRelease
from sources.formulary import Formulary

RELEASE = SourceRelease("formulary", "2026-07", date(2026, 7, 1), "test", "test")
BASE = "https://payer.example/qhp/"


def entry(plan="11111AA0000001", tier="GENERIC", **said):
    flags = {"prior_authorization": False, "step_therapy": False, "quantity_limit": False}
    return {"plan_id_type": "HIOS-PLAN-ID", "plan_id": plan, "drug_tier": tier, **flags, "years": [2026], **said}


def drug(code="308182", name="amoxicillin 250 MG Oral Capsule", *entries, **said):
    return {"rxnorm_id": code, "drug_name": name, "plans": list(entries or (entry(),)), **said}


def plan(identity="11111AA0000001", name="Hillside Silver", **said):
    cost = {
        "pharmacy_type": "1-MONTH-IN-RETAIL",
        "copay_amount": 20.0,
        "copay_opt": "AFTER-DEDUCTIBLE",
        "coinsurance_rate": None,
    }
    tier = {"drug_tier": "GENERIC", "mail_order": True, "cost_sharing": [cost]}
    return {"plan_id_type": "HIOS-PLAN-ID", "plan_id": identity, "marketing_name": name, "formulary": [tier], **said}


def parse(tmp_path, **files):
    source, paths = Formulary(), {}
    for name, value in files.items():
        paths[f"{name}.json"] = tmp_path / name
        paths[f"{name}.json"].write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return source, {document.id: document for document in source.parse(paths, RELEASE)}


def test_a_drug_is_a_document_for_each_plan_that_covers_it(tmp_path):
    both = drug("308182", "amoxicillin 250 MG Oral Capsule", entry("A1"), entry("B2", "BRAND", quantity_limit=True))
    _, documents = parse(tmp_path, drugs=[both])
    assert list(documents) == ["A1-308182", "B2-308182"]
    assert {d.meta["part"] for d in documents.values()} == {"A1", "B2"}
    assert {d.family for d in documents.values()} == {"amoxicillin"}
    assert documents["B2-308182"].meta["restriction"] == "quantity limit"
    assert documents["A1-308182"].meta["restriction"] == "none"
    assert "Tier: BRAND" in documents["B2-308182"].text and "Tier: GENERIC" in documents["A1-308182"].text


def test_the_name_the_code_and_the_plan_are_on_the_page(tmp_path):
    _, documents = parse(tmp_path, drugs=[drug()], plans=[plan()])
    document = documents["11111AA0000001-308182"]
    assert document.title == "amoxicillin 250 MG Oral Capsule"
    assert document.meta["codes"] == {"rxnorm": ["308182"]} and document.meta["rxcui"] == "308182"
    assert document.meta["plan"] == "Hillside Silver (11111AA0000001)" and "Plan: Hillside Silver" in document.text
    assert "Cost 1-MONTH-IN-RETAIL: copay amount 20.0, copay opt AFTER-DEDUCTIBLE" in document.text
    assert (document.meta["generic"], document.meta["strength"]) == ("amoxicillin", "250 MG Oral Capsule")


def test_a_formulary_that_is_one_object_and_not_a_list_is_read(tmp_path):
    one = plan()
    _, documents = parse(tmp_path, drugs=[drug()], plans=[{**one, "formulary": one["formulary"][0]}])
    assert "copay amount 20.0" in documents["11111AA0000001-308182"].text


def test_numbers_keep_their_digits(tmp_path):
    text = json.dumps([plan()]).replace('"coinsurance_rate": null', '"coinsurance_rate": 0.10')
    _, documents = parse(tmp_path, drugs=[drug()], plans=text)
    assert "coinsurance rate 0.10" in documents["11111AA0000001-308182"].text


def test_fields_nobody_described_are_shown_with_the_drug_and_counted_for_the_plan(tmp_path):
    odd = drug("1", "x 5 MG Oral Tablet", entry(age_limit="18+"), therapeutic_class="statin")
    source, documents = parse(
        tmp_path, drugs=[odd], plans=[plan(plan_contact="a@payer.example", network=[{"network_tier": "P"}])]
    )
    text = documents["11111AA0000001-1"].text
    assert "age limit: 18+" in text and "therapeutic class: statin" in text
    assert source.dropped == {"plans.network.network_tier": 1, "plans.plan_contact": 1}


def test_an_index_says_which_files_are_the_release(tmp_path):
    index = {
        "plan_urls": [BASE + "plans.json"],
        "formulary_urls": [BASE + "drugs.json"],
        "provider_urls": [BASE + "p.json"],
    }
    old = [drug("999", "warfarin 5 MG Oral Tablet")]
    source, documents = parse(tmp_path, index=index, plans=[plan()], drugs=[drug()], drugs_old=old)
    assert list(documents) == ["11111AA0000001-308182"]
    assert source.dropped["files no index names"] == 1 and source.dropped["index.provider_urls"] == 1


def test_a_file_the_index_names_and_nobody_sent_is_missed(tmp_path):
    index = {"plan_urls": [], "formulary_urls": [BASE + "drugs-1.json", BASE + "drugs-2.json"]}
    with pytest.raises(Rejected, match=r"index.json names drugs-2.json, which is not beside it"):
        parse(tmp_path, index=index, **{"drugs-1": [drug()]})


def test_two_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for folder, name in (("gold", "warfarin 5 MG Oral Tablet"), ("silver", "digoxin 0.125 MG Oral Tablet")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "drugs.json").write_text(json.dumps([drug("1", name)]))
    (tmp_path / "index.json").write_text(json.dumps({"formulary_urls": [BASE + "silver/drugs.json"]}))
    names = ("index.json", "gold/drugs.json", "silver/drugs.json")
    documents = list(Formulary().parse({name: tmp_path / name for name in names}, RELEASE))
    assert [document.title for document in documents] == ["digoxin 0.125 MG Oral Tablet"]


def test_two_drugs_under_one_code_are_both_there_and_one_said_twice_is_there_once(tmp_path):
    one, other = drug("7", "mesalamine 200 MG Oral Tablet"), drug("7", "azithromycin 500 MG Oral Tablet")
    source, documents = parse(tmp_path, a=[one, other], b=[one])
    assert sorted(documents) == [
        "11111AA0000001-7-azithromycin-500-mg-oral-tablet",
        "11111AA0000001-7-mesalamine-200-mg-oral-tablet",
    ]
    assert source.dropped == {"drugs said twice, word for word": 1}


def test_one_drug_listed_for_two_years_has_two_documents_whatever_the_order(tmp_path):
    old, new = drug("7", "x 5 MG Tablet", entry(years=[2025])), drug("7", "x 5 MG Tablet", entry(years=[2026]))
    _, forth = parse(tmp_path, drugs=[old, new])
    _, back = parse(tmp_path, drugs=[new, old])
    assert len(forth) == 2 and {i: d.text for i, d in forth.items()} == {i: d.text for i, d in back.items()}


def test_a_plan_of_another_kind_is_another_plan(tmp_path):
    _, documents = parse(
        tmp_path, drugs=[drug("7", "x 5 MG Tablet", entry("P1"), entry("P1", plan_id_type="STATE-ID"))]
    )
    assert {d.meta["part"] for d in documents.values()} == {"P1", "STATE-ID:P1"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([{"rxnorm_id": "1", "plans": []}], r"drugs.json, drug 1, has no drug_name"),
        ([drug(), {"drug_name": "x", "plans": []}], r"drug 2, has no rxnorm_id"),
        ([{"rxnorm_id": "1", "drug_name": "x", "plans": "all"}], r"drug 1, has no list of plans"),
        ([drug("1", "x", entry(plan=""))], r"drug 1, is covered by a plan without plan_id"),
        ([drug(), 7], r"drugs.json has no object as record 2"),
    ],
)
def test_a_broken_drug_is_refused_by_its_number(tmp_path, wrong, said):
    with pytest.raises(Rejected, match=said):
        parse(tmp_path, drugs=wrong)


def test_plans_without_drugs_are_no_formulary(tmp_path):
    with pytest.raises(Rejected, match=r"no list of drugs"):
        parse(tmp_path, plans=[plan()])


def test_a_plan_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(Rejected, match=r"plan 11111AA0000001 stands twice"):
        parse(tmp_path, plans=[plan(), plan()], drugs=[drug()])


def test_providers_are_counted_and_not_read(tmp_path):
    source, _ = parse(tmp_path, drugs=[drug()], providers=[{"npi": "1", "plans": []}, {"npi": "2", "plans": []}])
    assert source.dropped == {"providers.json, a list of providers": 2}
