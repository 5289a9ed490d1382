"""Are formularies in FHIR read whole, whatever their resources came in and however they refer to each other?"""

import contextlib
import json
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probatum.errors import Rejected
from probatum.records import SourceRelease
from sources.formulary import Formulary

RELEASE = SourceRelease("formulary", "2026-07", date(2026, 7, 1), "test", "test")
GUIDE = "http://hl7.org/fhir/us/davinci-drug-formulary/"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
BASE = "https://payer.example/fhir/"


def extension(name, **value):
    return {"url": f"{GUIDE}StructureDefinition/usdf-{name}-extension", **value}


def concept(system, code, display=None):
    coding = {"system": f"{GUIDE}CodeSystem/usdf-{system}-TEMPORARY-TRIAL-USE", "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def drug(identity="drug-1", code="308182", display="amoxicillin 250 MG Oral Capsule", **said):
    codes = {"coding": [{"system": RXNORM, "code": code, "display": display}]}
    return {"resourceType": "MedicationKnowledge", "id": identity, "status": "active", "code": codes, **said}


def formulary(identity="formulary-1", value="F1", name="Hillside Formulary"):
    kind = {"resourceType": "InsurancePlan", "id": identity, "status": "active", "name": name}
    return kind | {"identifier": [{"system": "urn:payer", "value": value}]}


def item(identity="item-1", to="MedicationKnowledge/drug-1", of="InsurancePlan/formulary-1", *more, subject=None):
    return {
        "resourceType": "Basic",
        "id": identity,
        "code": {"coding": [{"system": f"{GUIDE}CodeSystem/usdf-InsuranceItemTypeCS", "code": "formulary-item"}]},
        "subject": subject or {"reference": to},
        "extension": [
            extension("FormularyReference", valueReference={"reference": of}),
            extension("DrugTierID", valueCodeableConcept=concept("DrugTierCS", "generic", "Generic")),
            *more,
        ],
    }


def payer():
    cost = {
        "type": concept("BenefitCostTypeCS", "copay", "Copay"),
        "qualifiers": [concept("CostShareOptionCS", "after-deductible", "After Deductible")],
        "value": {"value": 20, "unit": "$"},
    }
    other = {
        "type": concept("DrugTierCS", "brand"),
        "cost": [{"type": concept("BenefitCostTypeCS", "copay"), "value": {"value": 99}}],
    }
    specific = {
        "category": concept("PharmacyBenefitTypeCS", "1-month-in-retail", "1 month in network retail"),
        "benefit": [{"type": concept("DrugTierCS", "generic"), "cost": [cost]}, other],
    }
    return {
        "resourceType": "InsurancePlan",
        "id": "payer-1",
        "name": "Hillside Silver",
        "identifier": [{"value": "S1"}],
        "coverage": [
            {
                "extension": [
                    extension("FormularyReference", valueReference={"reference": "InsurancePlan/formulary-1"})
                ],
                "type": {"text": "drug policy"},
                "benefit": [{"type": {"text": "drug"}}],
            }
        ],
        "plan": [{"specificCost": [specific]}],
    }


def parse(tmp_path, *files):
    source, paths = Formulary(), {}
    for number, value in enumerate(files):
        path = tmp_path / f"{number}.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
        paths[path.name] = path
    return source, {document.id: document for document in source.parse(paths, RELEASE)}


def bundle(*resources, urls=None, **said):
    entries = [
        {"resource": r} | ({"fullUrl": url} if url else {})
        for r, url in zip(resources, urls or [None] * len(resources), strict=True)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries, **said}


def lines(*resources):
    return "\n".join(map(json.dumps, resources)) + "\n"


@pytest.mark.parametrize(
    "packed",
    [
        lambda *r: list(r),
        lambda *r: [lines(*r)],
        lambda *r: [bundle(*r)],
        lambda *r: [lines(*r[:2]), bundle(*r[2:])],
        lambda *r: [lines(bundle(*r[:1]), bundle(*r[1:]))],
        lambda *r: [json.dumps(bundle(*r), indent=1)],
    ],
    ids=["one a file", "one a line", "a bundle", "lines and a bundle", "bundles a line", "indented"],
)
def test_resources_read_the_same_whatever_they_came_in(tmp_path, packed):
    _, documents = parse(tmp_path, *packed(item(), drug(), formulary(), payer()))
    document = documents["item-1"]
    assert document.title == "amoxicillin 250 MG Oral Capsule" and document.family == "amoxicillin"
    assert document.meta["part"] == "F1" and document.meta["codes"] == {"rxnorm": ["308182"]}
    assert document.meta["plan"] == "Hillside Formulary (F1); Hillside Silver (S1)"
    assert "Cost in S1, 1 month in network retail: Copay 20 $, After Deductible" in document.text
    assert "99" not in document.text  # what another tier costs


@pytest.mark.parametrize(
    ("reference", "urls"),
    [
        ("MedicationKnowledge/drug-1", None),
        ("MedicationKnowledge/drug-1/_history/3", None),
        (BASE + "MedicationKnowledge/drug-1", None),
        (BASE + "MedicationKnowledge/drug-1", [None, BASE + "MedicationKnowledge/drug-1", None]),
        ("MedicationKnowledge/drug-1", [BASE + "Basic/item-1", BASE + "MedicationKnowledge/drug-1", None]),
        (
            "urn:uuid:0d9d5c4e-7b5f-4b0e-9d8e-111111111111",
            [None, "urn:uuid:0d9d5c4e-7b5f-4b0e-9d8e-111111111111", None],
        ),
        ("urn:oid:1.2.3.4", [None, "urn:oid:1.2.3.4", None]),
    ],
)
def test_references_are_followed_in_every_form(tmp_path, reference, urls):
    _, documents = parse(tmp_path, bundle(item(to=reference), drug(), formulary(), urls=urls))
    assert documents["item-1"].meta["rxcui"] == "308182"


def test_a_contained_drug_and_one_named_by_its_identifier_are_found(tmp_path):
    inside = item(to="#it") | {"contained": [drug("it")]}
    named = item(
        "item-2", of="x", subject={"type": "InsurancePlan", "identifier": {"system": "urn:payer", "value": "F1"}}
    )
    _, documents = parse(tmp_path, bundle(inside, formulary()))
    assert documents["item-1"].meta["rxcui"] == "308182"
    named["extension"][0] = extension("FormularyReference", valueReference=named.pop("subject"))
    named["subject"] = {"reference": "MedicationKnowledge/drug-1"}
    _, documents = parse(tmp_path, bundle(named, formulary(), drug()))
    assert documents["item-2"].meta["part"] == "F1"


def test_resources_without_ids_are_named_by_plan_and_code(tmp_path):
    resources = [item(to="urn:uuid:2", of="urn:uuid:3"), drug(), formulary()]
    for resource in resources:
        del resource["id"]
    _, documents = parse(tmp_path, bundle(*resources, urls=["urn:uuid:1", "urn:uuid:2", "urn:uuid:3"]))
    assert list(documents) == ["F1-308182"]


def test_two_servers_may_use_one_id_for_two_drugs(tmp_path):
    one, other = BASE, "https://other.example/fhir/"
    resources = [
        item("a"),
        drug(),
        formulary(),
        item("b"),
        drug(code="11289", display="warfarin 5 MG Oral Tablet"),
        formulary(value="F2"),
    ]
    urls = [base + f"{r['resourceType']}/{r['id']}" for base, r in zip([one] * 3 + [other] * 3, resources, strict=True)]
    _, documents = parse(tmp_path, bundle(*resources, urls=urls))
    assert [(d.family, d.meta["part"]) for d in documents.values()] == [("amoxicillin", "F1"), ("warfarin", "F2")]


def test_limits_are_the_restriction_and_their_details_the_criteria(tmp_path):
    detail = {
        "extension": [{"url": "MaximumDaily", "valueQuantity": {"value": 2}}],
        "url": extension("QuantityLimitDetail")["url"],
    }
    said = item(
        "item-1",
        "MedicationKnowledge/drug-1",
        "InsurancePlan/formulary-1",
        extension("PriorAuthorization", valueBoolean=True),
        extension("PriorAuthorizationNewStartsOnly", valueBoolean=True),
        extension("StepTherapyLimit", valueBoolean=False),
        extension("QuantityLimit", valueBoolean=True),
        detail,
        extension("AdditionalCoverageInformation", valueMarkdown="Only after a trial of ampicillin."),
        extension("AvailabilityPeriod", valuePeriod={"start": "2026-01-01", "end": "2026-12-31"}),
    )
    _, documents = parse(tmp_path, bundle(said, drug(), formulary()))
    document = documents["item-1"]
    assert document.meta["restriction"] == "prior authorization (new starts only); quantity limit"
    assert document.meta["criteria"] == "Only after a trial of ampicillin.\nQuantity limit: Maximum daily 2"
    assert (document.valid_from, document.meta["effective_until"]) == ("2026-01-01", "2026-12-31")


def test_unknown_codes_and_extensions_are_kept_in_words_and_counted(tmp_path):
    said = item(
        "item-1",
        "MedicationKnowledge/drug-1",
        "InsurancePlan/formulary-1",
        extension("AgeLimit", valueString="18 and over"),
    )
    said["extension"][1] = extension("DrugTierID", valueCodeableConcept=concept("DrugTierCS", "tier-nobody-knows"))
    source, documents = parse(tmp_path, bundle(said, drug(status="sleeping"), formulary()))
    document = documents["item-1"]
    assert document.meta["tier"] == "tier-nobody-knows" and "Age limit: 18 and over" in document.text
    assert document.meta["status"] == "sleeping" and "Status: sleeping" in document.text
    assert source.dropped == {"codes the guide does not list: DrugTierCS": 1}


def test_other_resources_and_unused_fields_are_counted_and_nothing_of_them_is_shown(tmp_path):
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "Marchbanks"}]}
    plan = payer() | {"contact": [{"telecom": [{"system": "phone", "value": "555-0100"}]}]}
    source, documents = parse(tmp_path, bundle(item(), drug(), formulary(), plan, patient))
    assert "Marchbanks" not in str(documents) and "555-0100" not in str(documents)
    assert source.dropped["FHIR resources Patient"] == 1
    assert source.dropped["InsurancePlan.contact.telecom.value"] == 1


def test_a_drug_of_no_formulary_stands_for_itself(tmp_path):
    _, documents = parse(
        tmp_path, bundle(item(), drug(), formulary(), drug("drug-2", "11289", "warfarin 5 MG Oral Tablet"))
    )
    assert documents["MedicationKnowledge-drug-2"].family == "warfarin"
    assert documents["MedicationKnowledge-drug-2"].meta["part"] == "FHIR drugs of no formulary"


def test_the_first_version_of_the_guide_lists_the_drug_itself(tmp_path):
    old = drug(extension=[extension("PlanID", valueString="P1"), extension("StepTherapyLimit", valueBoolean=True)])
    plan = {
        "resourceType": "List",
        "status": "current",
        "mode": "snapshot",
        "title": "Hillside Bronze",
        "identifier": [{"value": "P1"}],
    }
    _, documents = parse(tmp_path, old, plan)
    document = documents["P1-drug-1"]
    assert document.meta["part"] == "P1" and document.meta["plan"] == "Hillside Bronze (P1)"
    assert document.meta["restriction"] == "step therapy"


def test_what_was_entered_in_error_is_no_document(tmp_path):
    source, documents = parse(tmp_path, bundle(item(), drug(), formulary(), drug("drug-2", status="entered-in-error")))
    assert list(documents) == ["item-1"] and source.dropped["drugs entered in error"] == 1


def test_what_is_said_twice_is_read_once_and_what_contradicts_itself_is_refused(tmp_path):
    source, documents = parse(tmp_path, bundle(item(), drug(), formulary()), drug())
    assert list(documents) == ["item-1"] and source.dropped == {"FHIR resources said twice, word for word": 1}
    with pytest.raises(Rejected, match=r"MedicationKnowledge/drug-1 stands twice in this release and says two things"):
        parse(tmp_path, bundle(item(), drug(), formulary()), drug(display="ampicillin 250 MG Oral Capsule"))


def test_an_item_whose_drug_was_not_sent_is_refused(tmp_path):
    with pytest.raises(Rejected, match=r"Basic/item-1 lists a drug that is not in the release"):
        parse(tmp_path, bundle(item(), formulary()))


def test_one_page_of_many_is_no_release(tmp_path):
    page = bundle(item(), drug(), formulary(), total=300, link=[{"relation": "next", "url": BASE + "?page=2"}])
    with pytest.raises(Rejected, match=r"3 of the 300 resources"):
        parse(tmp_path, page)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"status": ["active"]}, "status"),
        ({"code": {"coding": [{"code": {"x": "Marchbanks"}}]}}, "code.coding.0.code"),
        ({"nonsense": "Marchbanks"}, "nonsense"),
    ],
)
def test_what_is_not_fhir_is_refused_by_its_place_and_without_its_words(tmp_path, wrong, place):
    with pytest.raises(Rejected) as refused:
        parse(tmp_path, lines(drug(), {**drug("drug-2"), **wrong}))
    assert f"0.json, line 2: this MedicationKnowledge is not valid FHIR R4 at {place}" in str(refused.value)
    assert "Marchbanks" not in str(refused.value)


def test_a_broken_line_is_refused_by_its_number(tmp_path):
    with pytest.raises(Rejected, match=r"0.json, line 2, is no JSON"):
        parse(tmp_path, lines(drug()) + '{"resourceType": "Basic"\n')


def places(value, place=()):
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, found in inner:
        yield from places(found, (*place, key))


WHOLE = bundle(item(), drug(), formulary(), payer())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.sampled_from([place for place in places(WHOLE) if place]),
    other=st.sampled_from([None, [], {}, "x", 7, True, [None], [{}], {"a": 1}, ["x"], -1.5, ""]),
)
def test_whatever_stands_in_any_place_is_read_or_refused(tmp_path, place, other):
    changed = json.loads(json.dumps(WHOLE))
    around = changed
    for key in place[:-1]:
        around = around[key]
    around[place[-1]] = other
    with contextlib.suppress(Rejected):
        _, documents = parse(tmp_path, changed)
        assert all(document.title and document.meta["part"] for document in documents.values())
