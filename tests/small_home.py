"""A real release in miniature: 24 drugs and 16 protocols of an invented hospital, encoded and stored as any other.

    documents = drugs() + protocols()
    states = {"formulary": write(home, encoder, "formulary", drugs()), …}
    candidate = candidate_of(None, encoder.identity, states)

Nothing here is a stand-in: the encoder, the tables and the audit are the ones that serve. The golden questions are made
from the titles, so that they can be many: they test the machinery, never the quality of an answer.
"""

import json
import shutil
from dataclasses import asdict, replace
from datetime import date
from itertools import product
from pathlib import Path

import numpy as np

from probatum import digests
from probatum.audit_report import RULES, AuditReport, Finding, QuestionResult, SourceAudit, TableCheck
from probatum.candidates import candidate_of, write_source
from probatum.encoder import Encoder
from probatum.records import Block, Document, SourceRelease
from probatum.release import Candidate
from probatum.safeio import Limits
from probatum.snapshots import Snapshot, Snapshots

EXPECTATIONS = Path(__file__).parents[1] / "expectations"
RELEASED = date(2026, 10, 1)

_DRUGS = {
    "amoxicillin": ("Amoxil", "Penicillins", "500 mg capsule", "250 mg/5 mL suspension"),
    "apixaban": ("Eliquis", "Anticoagulants", "2.5 mg tablet", "5 mg tablet"),
    "furosemide": ("Lasix", "Loop diuretics", "40 mg tablet", "20 mg/2 mL injection"),
    "insulin glargine": ("Lantus", "Insulins", "100 units/mL vial", "100 units/mL pen"),
    "levothyroxine": ("Synthroid", "Thyroid hormones", "25 microgram tablet", "100 microgram tablet"),
    "meropenem": ("Merrem", "Carbapenems", "500 mg vial", "1 g vial"),
    "metformin": ("Glucophage", "Biguanides", "500 mg tablet", "1 g modified-release tablet"),
    "morphine": ("Oramorph", "Opioids", "10 mg/5 mL oral solution", "10 mg/mL injection"),
    "ondansetron": ("Zofran", "Antiemetics", "4 mg tablet", "4 mg/2 mL injection"),
    "salbutamol": ("Ventolin", "Bronchodilators", "100 microgram inhaler", "5 mg/2.5 mL nebule"),
    "sertraline": ("Zoloft", "Antidepressants", "50 mg tablet", "100 mg tablet"),
    "warfarin": ("Coumadin", "Anticoagulants", "1 mg tablet", "5 mg tablet"),
}
_PROTOCOLS = {
    "anaphylaxis": ("Adrenaline", "Give 500 micrograms of adrenaline into the thigh and repeat after 5 minutes."),
    "asthma-attack": ("Nebulisers", "Drive the nebuliser with oxygen at 6 L/min and reassess the peak flow."),
    "blood-transfusion": ("Identity check", "Two members of staff compare the wristband with the bag at the bedside."),
    "central-line-care": ("Dressing", "Change the transparent dressing every 7 days or as soon as it lifts."),
    "chest-drain": ("Clamping", "Do not clamp a drain that bubbles, not even for a transfer to imaging."),
    "diabetic-ketoacidosis": ("Fixed-rate insulin", "Start insulin at 0.1 units/kg/h once fluids are running."),
    "falls-prevention": ("Footwear", "Offer well-fitting slippers and keep the call bell within reach."),
    "fasting-before-surgery": ("Clear fluids", "Clear fluids may be taken until 2 hours before induction."),
    "hyperkalaemia": ("Calcium", "Give 30 mL of calcium gluconate 10 % when the ECG shows broad complexes."),
    "neutropenic-sepsis": ("First hour", "Antibiotics are given within 60 minutes, before any result is back."),
    "oxygen-targets": ("Retainers", "Aim for a saturation of 88 to 92 % in people who retain carbon dioxide."),
    "pressure-ulcers": ("Turning", "Reposition at least every 4 hours and relieve the heels with a pillow."),
    "seizures": ("Benzodiazepines", "Give lorazepam 4 mg intravenously when a convulsion exceeds 5 minutes."),
    "stroke-swallowing": ("Water test", "Nothing by mouth until the swallow screen has been passed."),
    "urinary-catheters": ("Removal", "Review the indication daily and remove the catheter early in the morning."),
    "venous-thromboembolism": ("Stockings", "Do not fit compression stockings where the foot pulses are absent."),
}
# sections of a few words would be read together with the next one
_ABOUT = (
    "It is read together with the drug chart, the allergy record and the results of the day, and replaces none of them."
)
_AFTER = (
    "Write the time into the chart, tell the nurse in charge what was done, and ask for help early if it does not work."
)
_REVIEW = (
    "What was learned is told to all wards within a week, and the protocol is changed where it was not clear enough."
)
_ASK_DRUG = (
    "Do we stock {title}?", "{title} restrictions", "who may order {title}", "is {title} on the list", "tier of {title}",
)  # fmt: skip
_ASK_PROTOCOL = (
    "protocol for {title}", "{title}: what to do", "{title} {section}", "what does the {title} guideline say", "{section} in {title}",
    "{title}, where is it written", "{title} policy of the ward",
)  # fmt: skip


class RememberingEncoder(Encoder):
    """The encoder itself; what it was asked once it need not work out twice, so that thousands of searches are cheap."""

    def __init__(self, encoder: Encoder):
        super().__init__(encoder._model, encoder.identity, encoder._batch_tokens)
        self._remembered: dict[str, np.ndarray] = {}
        self.asked: list[str] = []  # every text that came to be encoded, in the order it came

    def _encode(self, texts, progress=None):
        self.asked += texts
        missing = [text for text in dict.fromkeys(texts) if text not in self._remembered]
        self._remembered |= zip(missing, super()._encode(missing, progress), strict=True)
        return np.array([self._remembered[text] for text in texts], np.float32).reshape(-1, self.identity.width)


def drugs(released: date = RELEASED) -> list[Document]:
    """Two strengths a drug, folded into one family; tier and restriction vary."""
    found = []
    for n, (name, (brand, group, *strengths)) in enumerate(_DRUGS.items()):
        for m, strength in enumerate(strengths):
            tier, restriction = str(n % 3 + 1), ("unrestricted", "specialist only")[n % 2]
            parts = [("title", f"{name.capitalize()} {strength}"), ("synonym", f"{brand} {strength}")]
            parts += [("detail", f"{group}. Tier {tier}, {restriction}.")]
            meta = {"tier": tier, "restriction": restriction, "status": "current", "rxcui": str(100_000 + 2 * n + m)}
            found.append(_document(f"D-{2 * n + m:04d}", "formulary", parts, name, "drugs.csv", released, meta))
    return found


def protocols(released: date = RELEASED) -> list[Document]:
    """One file a protocol, three sections each."""
    found = []
    for n, (name, (section, said)) in enumerate(_PROTOCOLS.items()):
        title = name.replace("-", " ").capitalize()
        about = f"This protocol of {title.lower()} is for adults on all wards. {_ABOUT}"
        review = f"The {title.lower()} group looks at every case once a month. {_REVIEW}"
        parts = [("heading", title), ("paragraph", about)]
        parts += [("heading", section), ("paragraph", f"{said} {_AFTER}")]
        parts += [("heading", "Review"), ("paragraph", review)]
        meta = {"status": "current", "number": f"P-{n:02d}"}
        found.append(_document(f"{name}.md", "guidelines", parts, f"{name}.md", f"{name}.md", released, meta))
    return found


def _document(identity, source, parts, family, file, released, meta) -> Document:
    text, blocks, section = "", [], ()
    sections = source == "guidelines"
    for kind, said in parts:
        section = (said,) if kind == "heading" else section
        blocks.append(Block(len(text), len(text) + len(said), kind, int(sections), section))
        text += said + "\n"
    text = text.removesuffix("\n")
    sha256 = digests.of_text(text if sections else file)
    layout = "sections" if sections else "record"
    day = released.isoformat()
    return Document(identity, source, parts[0][1], text, tuple(blocks), family, day, file, sha256, layout, meta)


def marked(document: Document, words: str, identity: str) -> Document:
    """Another document like this one that is called `words` and nothing else."""
    return replace(
        document,
        id=identity,
        title=words,
        text=words,
        family=identity,
        blocks=(Block(0, len(words), "title"),),
        meta=document.meta | {"rxcui": ""},
    )


def take(home: Path, source: str, documents: list[Document]) -> Snapshot:
    """A snapshot of files that hold what the documents say they were read from."""
    folder = home / "drop"
    folder.mkdir(parents=True, exist_ok=True)
    files = {d.file: d.text if source == "guidelines" else d.file for d in documents}
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    day = max(d.valid_from for d in documents)
    release = SourceRelease(source, f"{day}/{len(documents)}", date.fromisoformat(day), "CC0", "test")
    return Snapshots(home).take(release, [(n, str(folder / n)) for n in files], Limits(), frozenset())


def write(home: Path, encoder: Encoder, source: str, documents: list[Document], *, serving=None):
    """The state of a source that holds exactly these documents."""
    return write_source(home, take(home, source, documents), documents, encoder, made_by="test", serving=serving)[0]


def small_candidate(home: Path, encoder: Encoder) -> Candidate:
    """Both sources, written and not published."""
    states = {
        "formulary": write(home, encoder, "formulary", drugs()),
        "guidelines": write(home, encoder, "guidelines", protocols()),
    }
    return candidate_of(None, encoder.identity, states)


def report_of(candidate: Candidate, **hits: tuple[int, int] | SourceAudit) -> AuditReport:
    """An audit of the candidate: (hits, questions) for the sources named, a passing one for the others."""
    sources = {}
    for name in candidate.sources:
        told = hits.get(name, (100, 100))
        sources[name] = told if isinstance(told, SourceAudit) else source_audit(name, *told)
    digest = candidate.digest()
    return AuditReport(candidate=digest, encoder=candidate.encoder.digest, sources=sources, against=candidate.parent)


def source_audit(name: str, hits: int, questions: int, *, lost: tuple[str, ...] = ()) -> SourceAudit:
    """`hits` of `questions` are answered by the first hit; lost: ids of further, critical ones that are not."""
    results = [
        QuestionResult(
            id=f"{name}-{n:03d}", slice="any", critical=False, rank=n < hits, strict_rank=n < hits, top=("D-0001",)
        )
        for n in range(questions)
    ]
    results += [
        QuestionResult(id=i, slice="any", critical=True, rank=0, strict_rank=0, top=("D-0007", "D-0008")) for i in lost
    ]
    check = TableCheck(table=f"{name}-texts", name="id-unique", passed=True, seen="all")
    held = tuple(Finding(rule=rule, passed=True, seen="all") for rule in RULES)
    return SourceAudit(source=name, golden="0" * 64, questions=tuple(results), checks=(check,), findings=held)


def questions() -> dict[str, list[dict]]:
    """{source: golden questions}, at least a hundred each, every document expected by several."""
    asked: dict[str, list[dict]] = {"formulary": [], "guidelines": []}
    for document, words in product(drugs(), _ASK_DRUG):
        asked["formulary"].append(_golden(document, words.format(title=document.title)))
    for document, words in product(protocols(), _ASK_PROTOCOL):
        section, said = _PROTOCOLS[document.id.removesuffix(".md")]
        title = document.title.lower()
        asked["guidelines"].append(_golden(document, words.format(title=title, section=section.lower(), said=said)))
    return {name: [{"id": f"{name}-{n:03d}", **q} for n, q in enumerate(qs)] for name, qs in asked.items()}


def _golden(document: Document, question: str) -> dict:
    return {
        "source": document.source,
        "slice": "mechanical",
        "question": question,
        "expects": [{"document": document.id}],
        "severity": "routine",
        "rationale": "The title stands in the question.",
        "role": "test writer",
        "reviewed_on": "2026-11-20",
    }


def write_expectations(folder: Path) -> Path:
    """Golden questions of the two sources, with the project's own suites and thresholds."""
    shutil.copytree(EXPECTATIONS / "suites", folder / "suites")
    for name in ("thresholds.toml", "retention.toml", "canaries.txt"):
        shutil.copy(EXPECTATIONS / name, folder)
    (folder / "golden").mkdir()
    for source, asked in questions().items():
        (folder / "golden" / f"{source}.jsonl").write_text("\n".join(map(json.dumps, asked)) + "\n", "utf-8")
    return folder


def answers(searcher, asked, k: int = 10) -> list[tuple]:
    """What a searcher says, bit for bit, without the name of the release it says it of."""
    found = []
    for question in asked:
        for hit in searcher.search(question, k=k):
            said = asdict(hit)
            found.append((question, json.dumps(said, sort_keys=True), hit.score.hex()))
    return found
