"""Is a candidate that was made worse on purpose refused, whichever way, and does the refusal say which?

A small real release serves; each way makes a candidate from it as an accident or an attacker might, audits it with the real
audit, and hands candidate and report to `publish()` itself.
"""

import copy
import json
import re
import shutil
from dataclasses import dataclass, replace

import lancedb
import numpy as np
import pyarrow as pa
import pytest
import small_home
import torch
from small_home import drugs, protocols, write, write_expectations

from probatum.alert_kinds import KINDS
from probatum.alerts import alert_of
from probatum.audit import audit, check_encoder, read_report, serving_report
from probatum.candidates import candidate_of
from probatum.encoder import Encoder
from probatum.errors import Damaged, ProbatumError
from probatum.messages import written
from probatum.news import news_of
from probatum.notified import Due
from probatum.outcome import Outcome
from probatum.publish import Publisher
from probatum.records import Block
from probatum.release import Candidate, Manifest, Releases
from probatum.settings import Settings
from probatum.store import Store

CRITICAL = {  # protocol: (a question, what stands in the answer)
    "chest-drain.md": (
        "the drain is bubbling and he goes to imaging, may I clamp it",
        "Do not clamp a drain that bubbles",
    ),
    "seizures.md": ("the convulsion has lasted over five minutes, which benzodiazepine now", "Give lorazepam 4 mg"),
    "oxygen-targets.md": ("she retains carbon dioxide, what saturation do we aim for", "saturation of 88 to 92 %"),
    "neutropenic-sepsis.md": ("how soon must the first antibiotics be in for neutropenic sepsis", "within 60 minutes"),
    "blood-transfusion.md": ("who compares the wristband with the bag of blood at the bedside", "Two members of staff"),
}
BRANDS = (  # invented: an encoder knows the real ones by heart
    "Quorvex", "Zelmira", "Hystoban", "Pravuno", "Ombrelic", "Tindaro", "Welquist", "Fyzzam", "Jorliten", "Nexabrid", "Ulvoret", "Brimosa",
)  # fmt: skip
OLD, NEW = "stroke-swallowing.md", "swallowing-after-stroke.md"
SUPERSEDED = "water test before anything by mouth after a stroke"


@dataclass(frozen=True)
class Serving:
    """What serves, and where a worse one is made."""

    home: object
    expectations: object
    manifest: Manifest
    encoder: Encoder

    def write(self, source, documents):
        return write(self.home, self.encoder, source, documents, serving=self.manifest.sources[source])

    def candidate(self, **changed) -> Candidate:
        return candidate_of(self.manifest, self.encoder.identity, changed)

    def publish(self, candidate, encoder=None):
        serving = Releases(self.home).current()
        report = audit(self.home, self.expectations, candidate, encoder or self.encoder, serving=serving)
        return Publisher(self.home).publish(candidate, report, actor="t")

    def lines(self, name):
        return [json.loads(line) for line in (self.expectations / "golden" / f"{name}.jsonl").read_text().splitlines()]

    def put(self, name, lines):
        (self.expectations / "golden" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")


def golden(identity, source, question, part, **rest):
    said = {"severity": "routine", "rationale": "Written for this.", "role": "test writer", "reviewed_on": "2026-11-20"}
    return {"id": identity, "source": source, "slice": part, "question": question, **said, **rest}


@pytest.fixture(scope="module")
def serving_once(encoder, tmp_path_factory):
    """The small release, with critical questions anchored in the text, a slice of brands, and a negative question."""
    folder = tmp_path_factory.mktemp("worse")
    made = Serving(folder / "home", write_expectations(folder / "expectations"), None, encoder)
    critical = [
        golden(
            f"critical-{n}",
            "guidelines",
            asked,
            "scene",
            severity="critical",
            expects=[{"document": d, "anchor": said}],
        )
        for n, (d, (asked, said)) in enumerate(CRITICAL.items())
    ]
    made.put("guidelines", [*made.lines("guidelines"), *critical])
    by_brand = {b: [{"document": d.id} for d in listed() if b in d.text] for b in BRANDS[:8]}
    brands = [golden(f"brand-{b}", "formulary", f"{b} please", "brand", expects=e) for b, e in by_brand.items()]
    made.put("formulary", [*made.lines("formulary"), *brands])
    forbids = [{"document": OLD}]
    made.put(
        "guidelines-negative",
        [golden("negative-1", "guidelines", SUPERSEDED, "superseded", forbids=forbids, release="2026-10-01/17")],
    )
    states = {
        name: write(made.home, encoder, name, of) for name, of in (("formulary", listed()), ("guidelines", protocols()))
    }
    return replace(made, manifest=made.publish(candidate_of(None, encoder.identity, states)))


def listed(slipped=0):
    """The small list under invented brands; slipped: by how many drugs their column is off."""
    names = list(small_home._DRUGS)
    branded = {n: (BRANDS[i - slipped], *small_home._DRUGS[n][1:]) for i, n in enumerate(names)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_home, "_DRUGS", branded)
        return drugs()


@pytest.fixture
def serving(serving_once, tmp_path):
    home = shutil.copytree(serving_once.home, tmp_path / "home")
    return replace(
        serving_once, home=home, expectations=shutil.copytree(serving_once.expectations, tmp_path / "expectations")
    )


def better():
    """One drug in another tier: nothing is wrong with it."""
    changed = listed()
    changed[3] = replace(changed[3], meta=changed[3].meta | {"tier": "3"})
    return changed


def moved(serving, change, *, index=True, optimize=None):
    """A candidate whose table of drug texts somebody changed behind the back of what writes it: {column: change(column)}."""
    state = serving.write("formulary", better())
    table = lancedb.connect(serving.home / "lance").open_table(state.texts.name)
    rows = change(table.to_arrow())
    table.merge_insert("id").when_matched_update_all().execute(rows)
    if index:
        Store(serving.home / "lance")._index(table, anew=("words",))
    texts = state.texts.model_copy(update={"version": table.version})
    return serving.candidate(formulary=state.model_copy(update={"texts": texts}))


def with_vectors(rows, vectors):
    column = pa.FixedSizeListArray.from_arrays(pa.array(np.asarray(vectors, np.float32).reshape(-1)), vectors.shape[1])
    return rows.set_column(rows.schema.get_field_index("vector"), rows.schema.field("vector"), column)


def vectors_of(rows):
    return np.asarray(rows["vector"].combine_chunks().values, np.float32).reshape(len(rows), -1)


def swapped_vectors(serving):
    return moved(serving, lambda rows: with_vectors(rows, np.roll(vectors_of(rows), 7, axis=0))), None


def vectors_of_another_length(serving):
    return moved(serving, lambda rows: with_vectors(rows, vectors_of(rows) * 2)), None


def a_stale_index(serving):
    return moved(serving, lambda rows: rows.slice(0, 3), index=False), None


def ids_twice(serving):
    state = serving.write("formulary", better())
    table = lancedb.connect(serving.home / "lance").open_table(state.texts.name)
    table.add(table.to_arrow().slice(0, 2))
    Store(serving.home / "lance")._index(table, anew=("words",))
    texts = state.texts.model_copy(update={"version": table.version, "rows": table.count_rows()})
    return serving.candidate(formulary=state.model_copy(update={"texts": texts})), None


def half_the_corpus(serving):
    return serving.candidate(formulary=serving.write("formulary", listed()[:12])), None


def another_encoder(serving):
    """Tables of the one, under the name of another."""
    other = Encoder(serving.encoder._model, replace(serving.encoder.identity, digest="f" * 64), 4096)
    return candidate_of(serving.manifest, other.identity, serving.manifest.sources), other


def an_encoder_that_changed(serving):
    """The same files, so the same digest; a library makes other vectors of them."""
    model = copy.deepcopy(serving.encoder._model)
    weight = model[0].auto_model.encoder.layer[5].output.dense.weight
    with torch.no_grad():
        weight.mul_(1 + 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(7)).to(weight.dtype))
    changed = Encoder(model, serving.encoder.identity, 4096)
    return serving.candidate(formulary=serving.write("formulary", better())), changed


def poisoned_documents(serving):
    """Each made to be found for one critical question, and wrong."""
    made = [
        protocol(f"note-{n}.md", f"{asked}? {asked}: no, never, wait until tomorrow.")
        for n, (asked, _) in enumerate(CRITICAL.values())
    ]
    return serving.candidate(guidelines=serving.write("guidelines", [*protocols(), *made])), None


def protocol(name, said):
    text = (
        f"{said}\nIt is read with the drug chart and the results of the day, and it replaces none of them on any ward."
    )
    blocks = (Block(0, len(said), "heading", 1, (said,)), Block(len(said) + 1, len(text), "paragraph", 1, (said,)))
    return replace(protocols()[0], id=name, file=name, family=name, title=said, text=text, blocks=blocks)


def a_superseded_guideline(serving):
    """The new one came, the old one stayed."""
    old = next(p for p in protocols() if p.id == OLD)
    return serving.candidate(
        guidelines=serving.write("guidelines", [*protocols(), replace(old, id=NEW, file=NEW, family=NEW)])
    ), None


def truncated_texts(serving):
    """Read to the middle and no further, every one."""
    return serving.candidate(guidelines=serving.write("guidelines", [cut(p) for p in protocols()])), None


def cut(document):
    blocks = document.blocks[:2]
    return replace(document, blocks=blocks, text=document.text[: blocks[-1].end])


def a_shrunken_golden_set(serving):
    lines = serving.lines("formulary")
    serving.put("formulary", [q for q in lines if not q["id"].endswith("7")])
    return serving.candidate(formulary=serving.write("formulary", better())), None


def a_slice_that_got_worse(serving):
    """The column of the brands slipped by four drugs: more than ninety in a hundred questions are answered as before."""
    return serving.candidate(formulary=serving.write("formulary", listed(slipped=4))), None


WAYS = {
    swapped_vectors: r"own-vectors: \d+ of 48 texts read again have another vector than is stored",
    vectors_of_another_length: r"vector-length failed|vector-norm failed|norm",
    a_stale_index: r"unindexed-rows failed \(\d+ rows outside",
    ids_twice: r"id-unique failed",
    half_the_corpus: r"documents-withdrawn failed \(12 of 24 that serve are gone",
    another_encoder: r"was written by encoder 7195|vectors of two encoders are never compared",
    an_encoder_that_changed: r"canaries: \d+ of \d+ texts have another vector.* torch 2.* then, torch 2.* now",
    poisoned_documents: r"newcomers: \d new documents among the first three of critical questions.*note-\d.*copies: \d documents repeat a question",
    a_superseded_guideline: r"negatives: 1 of 1 found what they forbid.*negative-1 found stroke-swallowing.md",
    truncated_texts: r"questions-stand: .* needs review: critical-",
    a_shrunken_golden_set: r"questions-kept: .* gone without one: formulary-007",
    a_slice_that_got_worse: r"no-regression: .*slice brand lost \d of 8 more than it won, 2 allowed",
}


def alerted(serving, candidate, error):
    """What people are sent: of each source the audit refused; of the run, where an audit could not be made."""
    chosen, outcome = Settings(home=serving.home, expectations=serving.expectations), Outcome()
    if (
        not (serving.home / "audits" / f"{candidate.digest()}.json").exists()
        or candidate.digest() == serving.manifest.candidate
    ):
        run = {
            "run": "0f3c",
            "name": "n",
            "deployment": "refresh-formulary",
            "source": "formulary",
            "why": error.happened,
        }
        events = [(KINDS["run-failed"].event, run)]
    else:
        failures = read_report(serving.home, candidate.digest()).failures()
        outcome.refused_by_audit(candidate.digest(), failures, list(failures))
        news = news_of(chosen, dict.fromkeys(failures), outcome.as_json(), run="0f3c")
        events = [(each.event, each.payload) for each in news]
    alerts = [alert_of(event, id="1", occurred="2026-11-20T05:31:02+00:00", payload=said) for event, said in events]
    return [written(alert, Due(alert.items), {}) for alert in alerts]


def content_of(serving):
    """What is in no alert: the questions, and the words of the answers to the critical ones."""
    asked = [line["question"] for name in ("formulary", "guidelines") for line in serving.lines(name)]
    return {*(words for words in asked if " " in words), SUPERSEDED, *(said for _, said in CRITICAL.values())}


def test_there_are_twelve_ways():
    assert len(WAYS) >= 12


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_candidate_made_worse_is_refused_and_the_refusal_says_why(serving, way):
    """P3, P4, P32: publish() itself refuses, what serves stays what it was, and the alert names the reason without a word of content."""
    candidate, encoder = way(serving)
    with pytest.raises(ProbatumError, match=f"(?s){WAYS[way]}") as refused:
        serving.publish(candidate, encoder)
    assert Releases(serving.home).current() == serving.manifest
    told = alerted(serving, candidate, refused.value)
    assert any(re.search(f"(?s){WAYS[way]}", message.body) for message in told), told
    for message in told:
        assert "\nWhat still serves\n" in message.body and "\nWhat to do\n" in message.body
        assert not [words for words in content_of(serving) if words in message.body]


def test_a_candidate_that_is_not_worse_is_published(serving):
    """The ways above would be refused, too, if nothing ever passed."""
    published = serving.publish(serving.candidate(formulary=serving.write("formulary", better())))
    assert Releases(serving.home).current() == published != serving.manifest


def test_the_audit_of_another_candidate_lets_nothing_through(serving):
    """P3: nor does one of the same candidate that was compared with another release."""
    good = serving.candidate(formulary=serving.write("formulary", better()))
    report = audit(serving.home, serving.expectations, good, serving.encoder, serving=serving.manifest)
    bad, _ = half_the_corpus(serving)
    with pytest.raises(ProbatumError, match="The audit is of candidate"):
        Publisher(serving.home).publish(bad, report, actor="t")
    alone = audit(serving.home, serving.expectations, good, serving.encoder)
    with pytest.raises(ProbatumError, match="compared the candidate with release none"):
        Publisher(serving.home).publish(good, alone, actor="t")


def test_a_rule_that_was_not_tried_is_a_reason_to_refuse(serving):
    """P3: a report without a rule's finding is no audit."""
    good = serving.candidate(formulary=serving.write("formulary", better()))
    report = audit(serving.home, serving.expectations, good, serving.encoder, serving=serving.manifest)
    fewer = {n: a.model_copy(update={"findings": a.findings[1:]}) for n, a in report.sources.items()}
    with pytest.raises(ProbatumError, match="not tried: canaries"):
        Publisher(serving.home).publish(good, report.model_copy(update={"sources": fewer}), actor="t")


def test_auditing_what_serves_again_does_not_change_what_the_next_is_compared_with(serving):
    """P50: nor can a smaller set of questions be brought in that way."""
    again = candidate_of(serving.manifest, serving.encoder.identity, {})
    candidate, _ = a_shrunken_golden_set(serving)
    audit(serving.home, serving.expectations, again, serving.encoder, serving=serving.manifest)
    assert serving_report(serving.home, serving.manifest).digest() == serving.manifest.audit
    with pytest.raises(ProbatumError, match="gone without one: formulary-007"):
        serving.publish(candidate)


def test_a_silent_change_of_the_encoder_is_noticed_before_anything_is_encoded(serving):
    """The refresh stops as damaged; no text was read by the changed encoder."""
    _, changed = an_encoder_that_changed(serving)
    check_encoder(serving.home, serving.expectations, serving.encoder, serving.manifest)
    with pytest.raises(Damaged, match="The encoder changed") as refused:
        check_encoder(serving.home, serving.expectations, changed, serving.manifest)
    assert refused.value.safe == "Nothing was encoded."
