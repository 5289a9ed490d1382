"""Does a file that covers one plan of many replace that plan and leave the others as they serve?"""

import json

import pytest
from small_home import report_of
from small_runs import chosen, loaded_once, write_expectations

from probatum import completing, pipeline
from probatum.errors import Rejected
from probatum.files import write_sealed
from probatum.publish import Publisher
from probatum.release import Manifest
from probatum.thresholds import largest_loss
from sources.formulary import Formulary

PLANS = {"A1": "atorvastatin", "B2": "bisoprolol", "C3": "candesartan"}


@pytest.fixture
def settings(tmp_path, encoder):
    with loaded_once(encoder):
        yield chosen(tmp_path / "home", write_expectations(tmp_path / "expectations"))


def plan_file(folder, plan: str, tier: str, name: str = ""):
    """Ten strengths of one drug, covered by one plan."""
    folder.mkdir(parents=True, exist_ok=True)
    cover = {"plan_id_type": "HIOS-PLAN-ID", "plan_id": plan, "drug_tier": tier, "prior_authorization": False, "step_therapy": False, "quantity_limit": False, "years": [2026]}  # fmt: skip
    drugs = [
        {"rxnorm_id": f"{ord(plan[0])}{n:04d}", "drug_name": f"{PLANS[plan]} {5 * n} MG Oral Tablet", "plans": [cover]}
        for n in range(1, 11)
    ]
    path = folder / (name or f"drugs-{plan}-2026-07.json")
    path.write_text(json.dumps(drugs), "utf-8")
    return path


def publish(settings, origin) -> tuple[Manifest, str]:
    """The release of what is at `origin`, and the word on what was carried over."""
    source = Formulary()
    snapshot = pipeline.fetch(settings, source, str(origin))
    snapshot, parsed, words = completing.complete(
        settings, source, snapshot, pipeline.parse(settings, source, snapshot)
    )
    allowed = largest_loss(settings.expectations, source.name)
    state = pipeline.write(settings, source, snapshot, parsed, allowed_loss=allowed)
    candidate = pipeline.read_candidate(settings, pipeline.assemble(settings, [state]))
    report = report_of(candidate)
    write_sealed(settings.home / "audits" / f"{report.candidate}.json", report.model_dump(mode="json"))
    return Publisher(settings.home).publish(candidate, report, actor="test"), words


def tiers(settings, manifest: Manifest) -> dict[str, set[str]]:
    facts = pipeline._facts_of(settings, manifest.sources["formulary"])
    return {plan: {f["tier"] for i, f in facts.items() if i.startswith(plan)} for plan in PLANS}


def test_one_plan_of_many_replaces_only_itself(settings, tmp_path):
    for plan in PLANS:
        plan_file(tmp_path / "all", plan, "GENERIC")
    publish(settings, tmp_path / "all")
    new = plan_file(tmp_path / "new", "B2", "BRAND", "drugs-B2-2026-10.json")
    manifest, words = publish(settings, new)
    assert tiers(settings, manifest) == {"A1": {"GENERIC"}, "B2": {"BRAND"}, "C3": {"GENERIC"}}
    assert "2 parts" in words and "A1, C3" in words
    assert manifest.sources["formulary"].documents.rows == 30


def test_a_folder_is_always_all_there_is(settings, tmp_path):
    """P8: a plan that is no longer in the folder was taken away; the breaker asks whether that is right."""
    for plan in PLANS:
        plan_file(tmp_path / "all", plan, "GENERIC")
    publish(settings, tmp_path / "all")
    plan_file(tmp_path / "less", "B2", "BRAND", "drugs-B2-2026-10.json")
    with pytest.raises(Rejected, match="are gone"):
        publish(settings, tmp_path / "less")


def test_other_bytes_under_the_name_of_a_part_are_silently_changed(settings, tmp_path):
    """P29: for the file of that part, and for no other."""
    for plan in PLANS:
        plan_file(tmp_path / "all", plan, "GENERIC")
    publish(settings, tmp_path / "all")
    publish(settings, plan_file(tmp_path / "one", "B2", "BRAND", "drugs-B2-2026-10.json"))
    publish(settings, plan_file(tmp_path / "two", "C3", "BRAND", "drugs-C3-2026-10.json"))
    with pytest.raises(Rejected, match="silently changed"):
        publish(settings, plan_file(tmp_path / "three", "B2", "SPECIALTY", "drugs-B2-2026-10.json"))


def test_the_same_part_again_is_what_serves(settings, tmp_path):
    for plan in PLANS:
        plan_file(tmp_path / "all", plan, "GENERIC")
    publish(settings, tmp_path / "all")
    new = plan_file(tmp_path / "new", "B2", "BRAND", "drugs-B2-2026-10.json")
    publish(settings, new)
    source = Formulary()
    snapshot = pipeline.fetch(settings, source, str(new))
    whole, _, _ = completing.complete(settings, source, snapshot, pipeline.parse(settings, source, snapshot))
    assert pipeline.already_serves(settings, source, whole)
