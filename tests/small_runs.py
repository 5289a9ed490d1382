"""Small feeds as publishers send them, and the steps of a refresh one after the other, without Prefect.

    manifest = refresh(chosen, Icd10(), origin)          # fetch, parse, write, assemble, audit, publish

The codes are invented (thirty categories of four codes), the protocols too; the questions are so easy that the real audit
lets them through. Nothing is a stand-in.
"""

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from probatum import pipeline
from probatum.encoder import Encoder
from probatum.release import Manifest, Releases
from probatum.settings import Settings
from probatum.thresholds import largest_loss

EXPECTATIONS = Path(__file__).parents[1] / "expectations"
_PARTS = ("toe", "heel", "ankle", "knee", "hip", "wrist", "thumb", "elbow", "shoulder", "ear", "eyelid", "scalp")
_PROTOCOLS = {
    "adder-bites": "Immobilise the limb and give 8000 units of antivenom if swelling passes the wrist.",
    "burns": "Cool the burn under running water for 20 minutes and cover it with cling film.",
    "croup": "Give a single dose of dexamethasone 0.15 mg/kg by mouth.",
    "dehydration": "Offer 50 mL/kg of oral rehydration solution over 4 hours.",
    "epistaxis": "Pinch the soft part of the nose for 15 minutes and lean forward.",
    "frostbite": "Rewarm in water at 38 degrees for 30 minutes and do not rub.",
    "gout": "Start colchicine 500 micrograms twice a day and check the kidneys first.",
    "head-injury": "Repeat the neurological observations every half hour for 2 hours.",
    "impetigo": "Use hydrogen peroxide cream before any antibiotic for 5 days.",
    "jellyfish-stings": "Rinse with seawater and remove the tentacles with tweezers.",
    "kidney-stones": "Give diclofenac 75 mg into the muscle and look at the ultrasound.",
    "lead-poisoning": "Measure the blood lead level and call the poisons centre above 45.",
}
_WAYS = (
    "{}", "protocol for {}", "what to do in {}", "{} on the ward", "how do we treat {}", "{} policy", "the {} guideline", "{} first steps", "management of {}",
)  # fmt: skip


def codes(categories: int = 30) -> dict[str, tuple[str, bool]]:
    """{code without dot: (title, billable)}: five a category."""
    found = {}
    for n in range(categories):
        part = f"{('left', 'right', 'both')[n % 3]} {_PARTS[n % 12]}, kind {n}"
        found[f"A{n:02d}"] = (f"Inflammation of {part}", False)
        for d, grade in enumerate(("mild", "moderate", "severe", "unspecified")):
            found[f"A{n:02d}{d}"] = (f"Inflammation of {part}, {grade}", True)
    return found


def order_line(number: int, code: str, title: str, billable: bool) -> str:
    return f"{number:05d} {code:<7} {int(billable)} {title[:60]:<60} {title}"


def order_file(listed: dict[str, tuple[str, bool]]) -> bytes:
    """As the publisher sends it: fixed columns, CRLF."""
    lines = [order_line(n, code, *content) for n, (code, content) in enumerate(listed.items(), 1)]
    return "\r\n".join([*lines, ""]).encode("cp1252")


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def protocol(name: str, said: str = "") -> str:
    """The Markdown of one protocol; said: a further sentence."""
    title = name.replace("-", " ").capitalize()
    return (
        f"# {title}\n\nThis protocol is about {title.lower()} in adults.\n\n## Treatment\n\n{_PROTOCOLS[name]} {said}\n"
        f"\n## Review\n\nThe group for {title.lower()} meets once a month.\n"
    )


def protocols() -> dict[str, str]:
    return {f"{name}.md": protocol(name) for name in _PROTOCOLS}


def drop(folder: Path, files: dict[str, str | bytes]) -> str:
    """A folder as a committee leaves it; its path as an origin."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return str(folder)


def write_expectations(folder: Path) -> Path:
    """A hundred easy questions of the codes, and as many of the protocols, with the project's suites and thresholds."""
    (folder / "golden").mkdir(parents=True)
    shutil.copytree(EXPECTATIONS / "suites", folder / "suites")
    for name in ("thresholds.toml", "retention.toml", "canaries.txt"):
        shutil.copy(EXPECTATIONS / name, folder)
    for source, questions in _asked().items():
        lines = [_golden(source, n, document, question) for n, (document, question) in enumerate(questions)]
        (folder / "golden" / f"{source}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def retire(expectations: Path, source: str, document: str) -> None:
    """Every golden question that expects a document is retired, with a reason, as its reviewer would."""
    path = expectations / "golden" / f"{source}.jsonl"
    asked = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    gone = [q for q in asked if any(e.get("document") == document for e in q["expects"])]
    left = [q for q in asked if q not in gone]
    left += [q | {"id": f"{q['id']}-again", "question": f"please: {q['question']}"} for q in left[:20]]
    path.write_text("\n".join(map(json.dumps, left)) + "\n", "utf-8")
    why = {"reason": "The document was withdrawn.", "role": "test writer", "retired_on": "2026-11-20"}
    lines = [json.dumps({"id": q["id"], **why, "question": q}) for q in gone]
    (expectations / "retired").mkdir(exist_ok=True)
    (expectations / "retired" / f"{source}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def _asked() -> dict[str, list[tuple[str, str]]]:
    """{source: [(document, question), …]}"""
    titles = {f"{code[:3]}.{code[3:]}": title for code, (title, _) in codes().items() if len(code) > 3}
    return {
        "icd10": [(code, f"code {code}, {title.lower()}") for code, title in list(titles.items())[:100]],
        "guidelines": [(f"{name}.md", way.format(name.replace("-", " "))) for name in _PROTOCOLS for way in _WAYS],
    }


def _golden(source: str, number: int, document: str, question: str) -> str:
    return json.dumps(
        {
            "id": f"{source}-easy-{number:03d}",
            "source": source,
            "slice": "easy",
            "question": question,
            "expects": [{"document": document}],
            "severity": "routine",
            "rationale": "It is asked by its name.",
            "role": "test writer",
            "reviewed_on": "2026-11-20",
        }
    )


@contextmanager
def loaded_once(encoder) -> Iterator[None]:
    """Every step uses this one encoder, which knows the easy questions: loading it and asking them takes most of a refresh."""
    encoder.encode([question for pairs in _asked().values() for _, question in pairs])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Encoder, "load", classmethod(lambda *_, **__: encoder))
        yield


def chosen(home: Path, expectations: Path) -> Settings:
    return Settings(home=home, expectations=expectations)


def write(settings: Settings, source, origin: str) -> str:
    """The new state of a source. Raises what a refresh reports."""
    snapshot = pipeline.fetch(settings, source, origin)
    parsed = pipeline.parse(settings, source, snapshot)
    allowed = largest_loss(settings.expectations, source.name)
    return pipeline.write(settings, source, snapshot, parsed, allowed_loss=allowed)


def refresh(settings: Settings, source, origin: str) -> Manifest:
    """A whole refresh; the release that serves after it. Raises what a refresh reports."""
    snapshot = pipeline.fetch(settings, source, origin)
    if pipeline.already_serves(settings, source, snapshot):
        return Releases(settings.home).current()
    state = write(settings, source, origin)
    if pipeline.serves(settings, source.name, state):
        return Releases(settings.home).current()
    candidate = pipeline.assemble(settings, [state])
    report = pipeline.audit(settings, candidate)
    assert report.passed, report.failures()
    return pipeline.publish(settings, candidate, actor="test")


def served(home: Path) -> dict[str, bytes]:
    """Every byte that decides what consumers read: the pointer and the manifests."""
    files = [home / "current.json", *sorted((home / "releases").glob("*.json"))]
    return {path.name: path.read_bytes() for path in files if path.exists()}
