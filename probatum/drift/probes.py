"""Probes: questions in users' words that watch what serves between releases. They never gate, and nobody trains on them.

    expectations/probes/icd10.jsonl   one question a line, in the shape of golden questions (see `probatum.golden`)

A probe that is a golden question, or nearly one, would watch what the gate already promised, and would leak it into whatever is
looked at between releases; `must_not_be_golden` names the pairs. Found by the words alone (the same, but for case, order and
stop words), and by the encoder where there is one (a cosine above 0.95, as everywhere else here).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from pydantic import ValidationError

from probatum.asking import answers
from probatum.drift.readings import RETRIEVAL, Reading, Window
from probatum.encoder_identity import of_questions
from probatum.errors import Damaged, Misconfigured, Rejected
from probatum.golden import GoldenQuestion
from probatum.golden_checks import Documents
from probatum.release import Manifest, today
from probatum.search import Hit, Searcher
from probatum.tables import open_table
from probatum.wording import keywords

if TYPE_CHECKING:
    from probatum.encoder import Encoder

ANSWERED_WITHIN = 3
NEAR_COSINE = 0.95
_RANKS = 10
_EDGE = 0.0001  # the least a quality is away from the edge: on which side, says its rank
_NOTHING_FOUND = -0.5
_SAFE = "Nothing was probed, and nothing was decided."


def probed_sources(expectations: Path) -> tuple[str, ...]:
    """Names of the sources that have probes."""
    return tuple(sorted(path.stem for path in (expectations / "probes").glob("*.jsonl")))


def read_probes(expectations: Path, source: str) -> list[GoldenQuestion]:
    """Every probe of a source. Raises Misconfigured naming file and line."""
    path = expectations / "probes" / f"{source}.jsonl"
    found: dict[str, GoldenQuestion] = {}
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else [], 1):
        try:
            probe = GoldenQuestion.model_validate(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            raise _wrong(path, number, f"is no JSON ({error})") from None
        except ValidationError as error:
            first = error.errors()[0]
            raise _wrong(path, number, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        if not probe.expects or probe.source != source:
            raise _wrong(path, number, f"{probe.id} has to be of {source} and to expect something")
        if probe.id in found:
            raise _wrong(path, number, f"the id {probe.id} is there twice")
        found[probe.id] = probe
    return list(found.values())


def must_not_be_golden(
    probes: Sequence[GoldenQuestion], golden: Sequence[GoldenQuestion], encoder: "Encoder | None" = None
) -> None:
    """Raises Misconfigured with the ids of probes that are golden questions, or nearly."""
    if found := golden_among(probes, golden, encoder):
        listed = "; ".join(f"{probe} is {other}" for probe, other in found[:5])
        raise Misconfigured(
            f"{len(found)} probes are golden questions, or nearly: {listed}.",
            safe=_SAFE,
            next="Ask something else in expectations/probes; golden questions gate, probes watch.",
        )


def golden_among(
    probes: Sequence[GoldenQuestion], golden: Sequence[GoldenQuestion], encoder: "Encoder | None" = None
) -> list[tuple[str, str]]:
    """(id of the probe, id of the golden question it repeats), each probe once."""
    by_words: Mapping[object, str] = {key: each.id for each in golden for key in _ways(each.question)}
    found = {p.id: by_words[key] for p in probes for key in _ways(p.question) if key in by_words}
    if encoder and probes and golden:
        near = encoder.encode([p.question for p in probes]) @ encoder.encode([g.question for g in golden]).T
        for n, probe in enumerate(probes):
            if near[n].max() > NEAR_COSINE:
                found.setdefault(probe.id, golden[int(near[n].argmax())].id)
    return sorted(found.items())


def probe(searcher: Searcher, home: Path, manifest: Manifest, probes: Iterable[GoldenQuestion], day: str) -> Window:
    """Ask every probe; one that cannot be asked, or whose document is no longer there, is a reading that is missing, with the reason."""
    there = _There(home, manifest)
    readings = tuple(_reading(searcher, manifest, each, there) for each in probes)
    return Window(RETRIEVAL, day, of_questions(manifest.encoder), readings, manifest.id)


class _There:
    """Which of the documents that probes expect are in the release: what was withdrawn cannot be found, and has not drifted."""

    def __init__(self, home: Path, manifest: Manifest):
        self._home, self._states, self._known = home, manifest.in_force(today()), dict[str, Documents]()

    def stands(self, asked: GoldenQuestion) -> bool:
        if asked.source not in self._known:
            table = self._states[asked.source].documents
            ids = open_table(self._home / "lance", table.name, table.version).read(["id"])["id"].to_pylist()
            self._known[asked.source] = Documents(dict.fromkeys(ids, ""))
        expected = (each.model_copy(update={"anchor": ""}) for each in asked.expects)
        return any(self._known[asked.source].stands(each) for each in expected)


def _reading(searcher: Searcher, manifest: Manifest, asked: GoldenQuestion, there: _There) -> Reading:
    if asked.source not in manifest.sources:
        return Reading(asked.id, asked.source, missing=f"the release has no {asked.source}")
    try:
        hits = searcher.search(asked.question, source=asked.source, k=_RANKS)
    except (Damaged, Rejected) as failed:
        return Reading(asked.id, asked.source, missing=f"it could not be asked ({type(failed).__name__})")
    found = reading_of(asked, hits)
    if not found.ok and not there.stands(asked):
        return Reading(asked.id, asked.source, missing="its document is in the release no more")
    return found


def reading_of(asked: GoldenQuestion, hits: Sequence[Hit]) -> Reading:
    """What the hits of a probe say; quality: how far the best right one is above (below) the edge of the first three."""
    right = [answers(asked.expects, hit) for hit in hits]
    ok = any(right[:ANSWERED_WITHIN])
    return Reading(
        id=asked.id,
        part=asked.source,
        ok=ok,
        quality=round(_quality(hits, right, ok), 4),
        top=tuple(dict.fromkeys(hit.document_id for hit in hits)),
        level=hits[0].score if hits else 0.0,
        unanswered=not any(hit.enough for hit in hits),
    )


def _quality(hits: Sequence[Hit], right: Sequence[bool], ok: bool) -> float:
    """Against the third of the wrong ones: whoever is above it is among the first three. Its sign is that of `ok`, ties included."""
    if not hits:
        return _NOTHING_FOUND
    wrong = [hit.score for hit, is_right in zip(hits, right, strict=True) if not is_right]
    edge = wrong[ANSWERED_WITHIN - 1] if len(wrong) >= ANSWERED_WITHIN else min(hit.score for hit in hits)
    best = next((hit.score for hit, is_right in zip(hits, right, strict=True) if is_right), hits[-1].score)
    return max(best - edge, _EDGE) if ok else min(best - edge, -_EDGE)


def _ways(question: str) -> tuple[object, ...]:
    """What two questions that are the same have in common: their words in any case, and what of them tells anything."""
    squeezed = " ".join(question.split()).casefold().strip(" ?.!")
    told = keywords(question)
    return (squeezed, told) if len(told) >= 3 else (squeezed,)  # names of one drug are all alike


def _wrong(path: Path, number: int, what: str) -> Misconfigured:
    return Misconfigured(f"{path.name} of the probes, line {number}: {what}.", safe=_SAFE, next="Correct the line.")
