"""A patient's identifiers in what a publisher or a ward sends, through a whole refresh: nothing of it is let in or told.

One file a format, with a name, two numbers and a day of birth in it. Looked through afterwards is the whole home, every
byte and every row, but for the kept bytes themselves (`blobs`), and everything that was said.
"""

import csv
import io
import json
import shutil
import zipfile
from pathlib import Path

import lancedb
import pytest
from small_home import drugs
from small_runs import chosen, codes, drop, loaded_once, order_file, protocol, protocols, refresh, served, write
from small_runs import write_expectations as questions
from test_phi import WRITERS, Canary

from probatum import deliver, pipeline, show
from probatum.errors import Rejected
from probatum.outcome import Outcome
from probatum.quarantine import IDENTIFIERS, RELEASED, Quarantine
from probatum.search import Searcher
from sources.formulary import Formulary
from sources.guidelines import Guidelines
from sources.icd10 import Icd10

SECRETS = ("Kowalczyk", "Zdzislawa", "00418857", "17/03/1958", "512-44-9083")
PLANTED = "Patient name: Zdzislawa Kowalczyk, MRN 00418857, date of birth 17/03/1958, SSN 512-44-9083."
KEPT = ("blobs",)  # the bytes as they were sent, by digest
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


class _Line(Canary):
    """All of it as one sentence."""

    @property
    def words(self) -> str:
        return PLANTED


LINE = _Line("", "", PLANTED)


@pytest.fixture(scope="module", autouse=True)
def one_encoder(encoder):
    with loaded_once(encoder):
        yield


@pytest.fixture(scope="module")
def published_runs(tmp_path_factory):
    """Codes and protocols serve."""
    folder = tmp_path_factory.mktemp("clean")
    settings = chosen(folder / "home", questions(folder / "expectations"))
    refresh(settings, Guidelines(), drop(folder / "2026-07", protocols()))
    refresh(settings, Icd10(), drop(folder / "2026-04-01", {"order-2026.txt": order_file(codes())}))
    return settings


@pytest.fixture
def serving(published_runs, tmp_path):
    return chosen(shutil.copytree(published_runs.home, tmp_path / "home"), published_runs.expectations)


def written(folder: Path, suffix: str) -> bytes:
    """A file of a format, with what was planted in its running text."""
    path = folder / f"one.{suffix}"
    WRITERS[suffix](path, LINE, False)
    data = path.read_bytes()
    path.unlink()
    return data


def of_guidelines(folder: Path) -> dict[str, bytes]:
    """One file a format that the guidelines are read from."""
    folder.mkdir()
    specific = {"id": 1, "title": "Sore feet", "grade": "B", "text": PLANTED, "general": "7"}
    general = {"title": "Sore feet", "specific": [1], "rationale": "<p>They hurt.</p>", "clinical": "<p>Rest.</p>"}
    recommendations = {"specificRecommendations": [specific], "generalRecommendations": {"7": general}, "grades": {}}
    chapter = {"ChapterTitle": "Care", "Sections": [{"SectionTitle": "First", "Content": f"<p>{PLANTED}</p>"}]}
    chapters = {"Title": "Sore hands", "Chapters": [{"Title": "Care", "Content": f"<p>{PLANTED}</p>"} | chapter]}
    return {
        **{f"leak-{suffix}.{suffix}": written(folder, suffix) for suffix in ("txt", "md", "html", "docx", "pdf")},
        "leak-recommendations.json": json.dumps(recommendations).encode(),
        "leak-chapters.json": json.dumps(chapters).encode(),
    }


def table(*rows: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return out.getvalue()


ENTRY = {"plan_id_type": "HIOS-PLAN-ID", "plan_id": "11111AA0000001", "drug_tier": "GENERIC", "years": [2026]}
ENTRY |= {"prior_authorization": False, "step_therapy": False, "quantity_limit": False}
LISTED = {"resourceType": "MedicationKnowledge", "id": "d1", "status": "active"}
LISTED |= {"code": {"coding": [{"system": RXNORM, "code": "308182", "display": f"amoxicillin. {PLANTED}"}]}}
LABEL = f"""<?xml version="1.0"?><document xmlns="urn:hl7-org:v3"><id root="x"/><code code="34391-3"/><title>Drug Facts</title>
<effectiveTime value="20240113"/><setId root="AB-12"/><versionNumber value="1"/><component><structuredBody>
<component><section><code code="48780-1"/><subject><manufacturedProduct><manufacturedProduct><name>Northstat</name>
<asEntityWithGeneric><genericMedicine><name>atorvastatin</name></genericMedicine></asEntityWithGeneric>
</manufacturedProduct></manufacturedProduct></subject></section></component>
<component><section><code code="34067-9"/><title>Uses</title><text><paragraph>{PLANTED}</paragraph></text></section></component>
</structuredBody></component></document>"""
MOIETY = "<VIRTUAL_THERAPEUTIC_MOIETIES><VTM><VTMID>111</VTMID><NM>Adenosine</NM></VTM></VIRTUAL_THERAPEUTIC_MOIETIES>"
PRODUCT = f"""<VIRTUAL_MED_PRODUCTS><VMPS><VMP><VPID>222</VPID><VTMID>111</VTMID><NM>Adenosine 6mg vials. {PLANTED}</NM></VMP></VMPS>
</VIRTUAL_MED_PRODUCTS>"""
CLINICAL_DRUG = ["ntp_code", "ntp_formal_name", "ntp_en_description", "ntp_fr_description", "ntp_status", "ntp_status_effective_time", "ntp_type"]  # fmt: skip
LEAKY_DRUG = ["9000001", "codeine 15 mg oral tablet", PLANTED, "NA", "Active", "20200102", "NA"]
ROWS = (["Item ID", "Generic name", "Strength", "Notes"], ["N-1", "amlodipine", "5 mg tablet", PLANTED])
OF_FORMULARIES = {
    "CSV": {"list.csv": table(*ROWS)},
    "CSV in an archive": {"list.zip": zipped(list_csv=table(*ROWS))},
    "XLSX": {"list.xlsx": None},
    "FHIR": {"drugs.json": json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": LISTED}]}).encode()},
    "FHIR by lines": {"drugs.ndjson": json.dumps(LISTED).encode() + b"\n"},
    "QHP": {"drugs.json": json.dumps([{"rxnorm_id": "308182", "drug_name": f"amoxicillin {PLANTED}", "plans": [ENTRY]}]).encode()},
    "SPL": {"label.xml": LABEL.encode()},
    "dm+d": {"f_vtm.xml": MOIETY.encode(), "f_vmp.xml": PRODUCT.encode()},
    "CCDD": {"ntp.csv": table(CLINICAL_DRUG, LEAKY_DRUG)},
}  # fmt: skip


def everything_in(home: Path, *, but=KEPT) -> dict[str, str]:
    """{file or table: all it holds, as text} of a home."""
    said = {}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home)
        if path.is_file() and name.parts[0] not in but:
            said[str(name)] = f"{name} {path.read_bytes().decode('utf-8', 'replace')}"
    if (home / "lance").is_dir():
        database = lancedb.connect(home / "lance")  # its files may be compressed
        for name in database.list_tables().tables:
            said[f"table {name}"] = str(database.open_table(name).to_arrow().to_pylist())
    return said


def told_in(said: dict[str, str]) -> dict[str, list[str]]:
    """Which of the secrets stand where."""
    found = {where: [s for s in SECRETS if s.lower() in text.lower()] for where, text in said.items()}
    return {where: secrets for where, secrets in found.items() if secrets}


def refused_at_reading(settings, source, origin: str) -> Rejected:
    with pytest.raises(Rejected) as refused:
        pipeline.parse(settings, source, pipeline.fetch(settings, source, origin))
    return refused.value


def shown(settings, capsys, parsed=None, error=None) -> dict[str, str]:
    """Everything the command line and a run's result say of it."""
    outcome = Outcome()
    if parsed:
        outcome.quarantined("guidelines", parsed["quarantined"], parsed["kept"])
    if error:
        outcome.refused("guidelines", error)
        show.error(error)
    for as_json in (False, True):
        show.outcome(outcome.as_json(), as_json)
        show.cases(Quarantine(settings.home).ever(), as_json)
        for case in Quarantine(settings.home).ever():
            show.case(case, settings.home, as_json)
    printed = capsys.readouterr()
    return {"printed": printed.out, "printed as errors": printed.err, "message": outcome.message()}


def test_what_is_looked_through_holds_what_serves(serving):
    """The search for secrets would find them: words that do serve are found, in tables and through compression."""
    assert any("colchicine" in text for where, text in everything_in(serving.home).items() if where.startswith("table"))
    assert told_in({"x": PLANTED}) == {"x": list(SECRETS)}


def test_a_guideline_that_names_a_patient_is_refused_in_every_format_and_the_others_go_on(serving, tmp_path, capsys):
    """P34: one file a format in one folder: each is in quarantine, nothing of them is anywhere, and the rest is published."""
    leaky = of_guidelines(tmp_path / "leaky")
    files = protocols() | {"gout.md": protocol("gout", "Rest the joint.")} | leaky
    origin = drop(tmp_path / "2026-10", files)
    manifest = refresh(serving, Guidelines(), origin)
    cases = Quarantine(serving.home).all()
    assert sorted(case.files[0] for case in cases) == sorted(leaky)
    assert {case.kind for case in cases} == {IDENTIFIERS}
    state = manifest.sources["guidelines"]
    assert state.documents.rows == len(protocols()) and state.quarantined == tuple(sorted(leaky))
    assert "Rest the joint" in " ".join(hit.text for hit in Searcher.open(serving.home).search("gout treatment"))
    parsed = pipeline.parse(serving, Guidelines(), pipeline.fetch(serving, Guidelines(), origin))
    said = shown(serving, capsys, parsed=pipeline.read_parsed(serving, "guidelines", parsed))
    assert told_in(everything_in(serving.home) | said) == {}
    for case in cases:
        assert "medical record number" in case.reason and case.files[0] in case.reason


def test_a_protocol_that_now_names_a_patient_keeps_the_version_that_serves(serving, tmp_path):
    """P34: who adds a patient to the protocol of burns takes nothing away from those who need it."""
    files = protocols() | {"burns.md": protocol("burns", PLANTED), "gout.md": protocol("gout", "Rest the joint.")}
    refresh(serving, Guidelines(), drop(tmp_path / "2026-10", files))
    hits = Searcher.open(serving.home).search("burns treatment", source="guidelines", k=20)
    assert "running water for 20 minutes" in " ".join(hit.text for hit in hits if hit.document_id == "burns.md")
    assert told_in(everything_in(serving.home)) == {}


@pytest.mark.parametrize("form", OF_FORMULARIES)
def test_a_formulary_that_names_a_patient_is_refused_in_every_format(published, tmp_path, capsys, form):
    """P34: as a whole, for half a formulary is none; and what served before still serves."""
    settings = chosen(published.home, published.expectations)
    before = served(settings.home)
    files = OF_FORMULARIES[form]
    if form == "XLSX":
        files = {"list.xlsx": written(tmp_path, "xlsx")}
    error = refused_at_reading(settings, Formulary(), drop(tmp_path / "2026-10", files))
    (case,) = Quarantine(settings.home).all()
    assert case.kind == IDENTIFIERS and sorted(case.files) == sorted(files), case.reason
    assert served(settings.home) == before
    assert told_in(everything_in(settings.home) | shown(settings, capsys, error=error)) == {}


@pytest.mark.parametrize("form", ["order file", "archive"])
def test_a_code_set_that_names_a_patient_is_refused(serving, tmp_path, capsys, form):
    """P34: a title is text like any other."""
    before = served(serving.home)
    data = order_file(codes() | {"A00X": (f"Inflammation. {PLANTED}", True)})
    files = {"order-2027.txt": data} if form == "order file" else {"codes-2027.zip": zipped(order_txt=data)}
    error = refused_at_reading(serving, Icd10(), drop(tmp_path / "2026-10-01", files))
    assert [case.kind for case in Quarantine(serving.home).all()] == [IDENTIFIERS]
    assert served(serving.home) == before
    assert told_in(everything_in(serving.home) | shown(serving, capsys, error=error)) == {}


def test_who_releases_it_gets_exactly_these_bytes_at_the_next_refresh(serving, tmp_path):
    """P34: a name that is no patient's goes through once somebody said so; the same file with another word does not."""
    named = protocol("burns", "Mrs Patient name: Florence Nightingale, MRN 00000001, wrote the first version.")
    files = protocols() | {"burns.md": named}
    refresh(serving, Guidelines(), drop(tmp_path / "2026-10", files))
    (case,) = Quarantine(serving.home).all()
    Quarantine(serving.home).decide(case.id, RELEASED, actor="matron", why="She is in every history book.")
    refresh(serving, Guidelines(), str(tmp_path / "2026-10"))
    assert "Nightingale" in str(everything_in(serving.home))
    other = files | {"burns.md": named.replace("wrote", "did not write")}
    refresh(serving, Guidelines(), drop(tmp_path / "2026-11", other))
    (again,) = Quarantine(serving.home).all()
    assert again.id != case.id and again.kind == IDENTIFIERS
    assert "did not write" not in str(everything_in(serving.home))


def test_a_formulary_that_was_released_is_written_and_another_is_not(published, tmp_path):
    """P34: the same for what is read as a whole."""
    settings = chosen(published.home, published.expectations)
    rows = [[d.id, d.family, d.title.partition(" ")[2], ""] for d in drugs()]
    rows[0][3] = "Patient name: Florence Nightingale."
    origin = drop(tmp_path / "2026-10", {"list.csv": table(ROWS[0], *rows)})
    refused_at_reading(settings, Formulary(), origin)
    (case,) = Quarantine(settings.home).all()
    Quarantine(settings.home).decide(case.id, RELEASED, actor="pharmacist", why="It is the name of a ward.")
    assert pipeline.read_state(settings, write(settings, Formulary(), origin)).documents.rows == len(rows)
    rows[1][3] = rows[0][3]
    refused_at_reading(settings, Formulary(), drop(tmp_path / "2026-11", {"list.csv": table(ROWS[0], *rows)}))


def test_what_lies_in_a_drop_zone_and_names_a_patient_gets_a_receipt_that_does_not(serving, tmp_path):
    """P34: its owner learns the kinds and places; of the home, only the copy of the drop zone and the kept bytes hold it."""
    place = tmp_path / "guidelines" / "incoming"
    drop(place, protocols() | {"leak.md": written(tmp_path, "md")})
    outcome, source = Outcome(), Guidelines()
    snapshot = pipeline.fetch(serving, source, str(place))
    parsed = pipeline.parse(serving, source, snapshot)
    state = write(serving, source, str(place))
    outcome.step("guidelines", snapshot=snapshot, parsed=parsed, state=state)
    assert deliver.receipts(serving, source, str(place), outcome.run_of("guidelines")) == len(protocols()) + 1
    receipts = {str(path): path.read_text() for path in (place.parent / "receipts").rglob("*") if path.is_file()}
    assert any("medical record number" in text for text in receipts.values())
    copies = ("blobs", "drops")
    assert told_in(receipts | everything_in(serving.home, but=copies)) == {}
    dropped = everything_in(serving.home)
    assert set(told_in(dropped)) == {"drops/guidelines/files/leak.md"}


@pytest.mark.parametrize("header", [(), ("Patient name", "MRN", "Date of birth")], ids=["headerless", "with a header"])
def test_a_list_of_patients_sent_as_a_formulary_is_refused_without_its_words(published, tmp_path, capsys, header):
    """P34: what has no column for a drug is never looked through for patients, so its refusal repeats none of its rows."""
    settings = chosen(published.home, published.expectations)
    rows = [["Zdzislawa Kowalczyk", "00418857", "17/03/1958"], ["Jan Nowak", "00418858", "18/03/1958"]]
    error = refused_at_reading(
        settings, Formulary(), drop(tmp_path / "2026-10", {"list.csv": table(*filter(None, [header]), *rows)})
    )
    assert ("no column for the drug's name" in error.happened) == (not header)
    assert told_in(everything_in(settings.home) | shown(settings, capsys, error=error)) == {}


def test_a_refused_file_is_read_again_and_screened_once(serving, tmp_path):
    """P34: nothing of what was read of it stays in the home, so the second refresh reads it again, and says the same."""
    origin = drop(tmp_path / "2026-10", protocols() | {"leak.md": written(tmp_path, "md")})
    source = Guidelines()
    snapshot = pipeline.fetch(serving, source, origin)
    first = pipeline.parse(serving, source, snapshot)
    work = serving.home / "work" / "guidelines"
    results = {path: path.stat().st_mtime_ns for path in work.glob("*.screened-*.json")}
    assert len(list(work.glob("*.screened-*.json"))) == len(list(work.glob("*.jsonl"))) + 1
    assert pipeline.parse(serving, source, snapshot) == first
    assert {path: path.stat().st_mtime_ns for path in results} == results
    assert len(Quarantine(serving.home).all()) == 1
