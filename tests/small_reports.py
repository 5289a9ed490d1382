"""The small home with a history: two releases, and a candidate that is refused.

    history = make_history(home, expectations, encoder)      # History(first, second, refused)

The second release withdraws a drug, changes the tier of another and takes in a new one; the candidate loses two protocols of
sixteen, which is allowed, and with them fourteen answers of a hundred and twelve, which is not. It also brings hostile names.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from small_home import drugs, marked, protocols, write

from probatum import pipeline
from probatum.audit import audit
from probatum.audit_report import AuditReport
from probatum.candidates import candidate_of
from probatum.files import write_json
from probatum.publish import Publisher
from probatum.release import Candidate, Manifest
from probatum.report_page import write_report
from probatum.settings import Settings

WITHDRAWN, CHANGED, ADDED = "D-0004", "D-0009", "D-0999"
GONE = ("urinary-catheters.md", "venous-thromboembolism.md")
HOSTILE = {
    "D-1000": "<script>alert('title')</script>",
    "D-1001": "[click](https://evil.example) ![x](https://evil.example/x.png)",
    'D-1002"><img src="https://evil.example/x.png" onerror="alert(1)">': "\u202egm 005 \u2066dose",
    "D-1003": "</title></style><style>@import url(https://evil.example/x.css)</style>",
    "D-1004": "{{ 7 * 7 }} {% raw %} &lt;b&gt;",
}


@dataclass(frozen=True)
class History:
    home: Path
    expectations: Path
    first: Manifest
    second: Manifest
    refused: Candidate
    audits: tuple[AuditReport, AuditReport, AuditReport]

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, expectations=self.expectations)


def make_history(home: Path, expectations: Path, encoder) -> History:
    """All three, each with its report."""
    _looked_at(expectations, "formulary", WITHDRAWN)
    first, one = _publish(home, expectations, encoder, None, drugs(), protocols())
    second, two = _publish(home, expectations, encoder, first, changed_drugs(), protocols())
    kept = [protocol for protocol in protocols() if protocol.id not in GONE]
    hostile = [marked(drugs()[0], title, identity) for identity, title in HOSTILE.items()]
    refused, three = _try(home, expectations, encoder, second, [*changed_drugs(), *hostile], kept)
    write_json(home / "candidates" / f"{refused.digest()}.json", refused.model_dump(mode="json"))
    return History(home, expectations, first, second, refused, (one, two, three))


def _looked_at(expectations: Path, source: str, document: str) -> None:
    """The reviewer of the questions that expect a document knows that it goes; they stay and are not answered."""
    asked = map(json.loads, (expectations / "golden" / f"{source}.jsonl").read_text("utf-8").splitlines())
    why = {"reason": "The drug is withdrawn.", "role": "test writer", "reviewed_on": "2026-11-20"}
    lines = [json.dumps({"needs_review": q["id"], **why}) for q in asked if q["expects"][0].get("document") == document]
    path = expectations / "known_differences" / f"{source}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def changed_drugs():
    kept = [drug for drug in drugs() if drug.id not in (WITHDRAWN, CHANGED)]
    changed = next(drug for drug in drugs() if drug.id == CHANGED)
    new = marked(drugs()[0], "Naloxone 400 micrograms/mL injection", ADDED)
    return [*kept, replace(changed, meta=changed.meta | {"tier": "4"}), new]


def questions_in(expectations: Path, source: str) -> dict[str, str]:
    lines = (expectations / "golden" / f"{source}.jsonl").read_text("utf-8").splitlines()
    return {told["id"]: told["question"] for told in map(json.loads, lines)}


def _try(home, expectations, encoder, serving, formulary, guidelines) -> tuple[Candidate, AuditReport]:
    states = {
        "formulary": write(home, encoder, "formulary", formulary),
        "guidelines": write(home, encoder, "guidelines", guidelines),
    }
    candidate = candidate_of(serving, encoder.identity, states)
    report = audit(home, expectations, candidate, encoder, serving=serving)
    write_report(home, expectations, candidate, report)
    return candidate, report


def _publish(home, expectations, encoder, serving, formulary, guidelines) -> tuple[Manifest, AuditReport]:
    candidate, report = _try(home, expectations, encoder, serving, formulary, guidelines)
    write_json(pipeline._candidate_file(Settings(home=home), candidate.digest()), candidate.model_dump(mode="json"))
    return Publisher(home).publish(candidate, report, actor="test"), report
