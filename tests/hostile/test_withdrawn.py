"""What a publisher withdrew is gone from the next release, and what was superseded is not returned, however it was said."""

import csv
import io
import json
import shutil

import pytest
from small_home import drugs
from small_runs import chosen, drop, loaded_once, protocols, refresh, write, write_expectations

from probatum import pipeline
from probatum.audit import read_report
from probatum.candidates import candidate_of
from probatum.diff import diff_releases
from probatum.errors import Rejected
from probatum.lookup import look_up
from probatum.release import Releases
from probatum.search import Searcher
from sources.formulary import Formulary
from sources.guidelines import Guidelines

OLD, NEW = "burns.md", "scalds.md"
REPLACING = "# Scalds\n\nThis protocol is about scalds.\n\n## Treatment\n\nCool the skin for 10 minutes.\n\n## Review\n\nYearly.\n"
LISTED = 'name = "2026-10"\nvalid_from = 2026-07-15\n[[documents]]\nfile = "{}"\n{}\n'
WAYS = {
    "by its own sidecar": {f"{OLD}.probatum.toml": 'status = "superseded"\nsuperseded_by = "scalds.md"\n'},
    "by the sidecar of the new one": {f"{NEW}.probatum.toml": f'supersedes = "{OLD}"\n'},
    "by its entry in release.toml": {"release.toml": LISTED.format(OLD, 'status = "superseded"')},
    "by the new one's entry in release.toml": {"release.toml": LISTED.format(NEW, f'supersedes = "{OLD}"')},
    "by deletion": {OLD: None},
}


@pytest.fixture(scope="module", autouse=True)
def one_encoder(encoder):
    with loaded_once(encoder):
        yield


@pytest.fixture(scope="module")
def published_runs(tmp_path_factory):
    """Twelve protocols serve, and no question expects the one that will go."""
    folder = tmp_path_factory.mktemp("to-be-withdrawn")
    settings = chosen(folder / "home", write_expectations(folder / "expectations"))
    path = settings.expectations / "golden" / "guidelines.jsonl"
    kept = [json.loads(line) for line in path.read_text().splitlines() if OLD not in line]
    kept += [q | {"id": f"{q['id']}-again", "question": f"please: {q['question']}"} for q in kept[:20]]
    path.write_text("\n".join(map(json.dumps, kept)) + "\n")
    refresh(settings, Guidelines(), drop(folder / "2026-07", protocols()))
    return settings


@pytest.mark.parametrize("way", WAYS)
def test_a_superseded_guideline_is_absent_however_that_was_said(published_runs, tmp_path, way):
    """P8: from every search and by its id, while the new one answers; the difference of the releases names it, and the audit counts it."""
    settings = chosen(shutil.copytree(published_runs.home, tmp_path / "home"), published_runs.expectations)
    files = {name: text for name, text in (protocols() | {NEW: REPLACING} | WAYS[way]).items() if text is not None}
    before = Releases(settings.home).current()
    manifest = refresh(settings, Guidelines(), drop(tmp_path / "2026-10", files))
    hits = Searcher.open(settings.home).search("burns: cool under running water", source="guidelines", k=100)
    assert OLD not in {hit.document_id for hit in hits} and NEW in {hit.document_id for hit in hits}
    with pytest.raises(Rejected, match="no document"):
        look_up(settings.home, manifest, OLD, None)
    assert look_up(settings.home, before, OLD, None)["id"] == OLD
    (changed,) = diff_releases(settings.home, before, manifest)
    assert [identity for identity, _ in changed.removed] == [OLD]
    assert manifest.sources["guidelines"].quarantined == ()
    checks = {c.name: c.seen for c in read_report(settings.home, manifest.candidate).sources["guidelines"].checks}
    assert checks["documents-withdrawn"] == "1 of 12 that serve are gone, 20% allowed"


def test_a_drug_that_is_gone_from_the_list_has_no_hits(published, tmp_path):
    """P8: neither by its name nor by its number, and what it was listed with before is still answered of that release."""
    settings = chosen(published.home, published.expectations)
    left = [d for d in drugs() if d.family != "warfarin"]
    out = io.StringIO()
    listed = [["Item ID", "Generic name", "Strength"], *([d.id, d.family, d.title.partition(" ")[2]] for d in left)]
    csv.writer(out).writerows(listed)
    origin = drop(tmp_path / "2026-11", {"list-2026-11.csv": out.getvalue()})
    state = pipeline.read_state(settings, write(settings, Formulary(), origin))
    candidate = candidate_of(published.manifest, published.encoder.identity, {"formulary": state})
    searcher = Searcher.of(settings.home, candidate, published.encoder)
    gone = [d for d in drugs() if d.family == "warfarin"]
    for question in ["warfarin", "warfarin 5 mg tablet", *(d.id for d in gone)]:
        found = searcher.search(question, source="formulary", k=100)
        assert [hit for hit in found if "warfarin" in f"{hit.title} {hit.text}".lower()] == []
        assert published.searcher().search(question, source="formulary")[0].title.startswith("Warfarin")
    assert state.documents.rows == len(left)
