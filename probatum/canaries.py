"""Canaries: fixed texts whose vectors are kept with a release, so that an encoder that changed silently is noticed.

    kept = keep(home, texts, encoder)              "9a1b…": audits/canaries/9a1b….json
    check_canaries(home, expectations, encoder, serving)     before anything is encoded; raises Damaged

The digest of an encoder is of its files. What a library, a driver or a processor makes of them may change beside it:
then the vectors of the same texts would no longer lie where those that serve do, and nothing is to be built on them.
The texts are in expectations/canaries.txt, one a line. They are compared where the encoder's digest is the same.
"""

import base64
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from probatum import digests
from probatum.audit_report import CANARIES, OWN_VECTORS, Finding
from probatum.errors import Damaged, Misconfigured
from probatum.files import read_json, write_json
from probatum.thresholds import Gate

if TYPE_CHECKING:
    from probatum.encoder import Encoder

_LIBRARIES = ("torch", "sentence-transformers", "transformers", "tokenizers", "numpy")
_LEAST_IN_COMMON = 0.5  # of the texts that were kept: with fewer, somebody replaced the texts rather than added some
_NEXT = (
    "Install the versions that serve, or change the encoder knowingly: set PROBATUM_ENCODER and refresh every source."
)


@dataclass(frozen=True)
class Canaries:
    """Vectors of the fixed texts, and what made them."""

    encoder: str  # digest
    vectors: Mapping[str, np.ndarray]  # {digest of a text: its vector}
    versions: Mapping[str, str]

    @classmethod
    def of(cls, texts: Sequence[str], encoder: "Encoder") -> "Canaries":
        keys = [digests.of_text(text) for text in texts]
        return cls(encoder.identity.digest, dict(zip(keys, encoder.encode(texts), strict=True)), versions())

    @classmethod
    def read(cls, home: Path, digest: str) -> "Canaries":
        raw = read_json(
            _file(home, digest), what="The canary vectors", next="Run `probatum verify`, then `probatum audit`."
        )
        if digests.of_json(raw) != digest:
            raise Damaged("The canary vectors are not what was written.", next="Restore them from a backup.")
        vectors = {key: np.frombuffer(base64.b64decode(value), "<f4") for key, value in raw["vectors"].items()}
        return cls(raw["encoder"], vectors, raw["versions"])

    def keep(self, home: Path) -> str:
        """Write them; returns their digest, which is their name."""
        if not _file(home, self.digest).exists():
            write_json(_file(home, self.digest), self._raw)
        return self.digest

    @cached_property
    def digest(self) -> str:
        return digests.of_json(self._raw)

    @cached_property
    def _raw(self) -> dict:
        vectors = {key: base64.b64encode(v.astype("<f4").tobytes()).decode() for key, v in self.vectors.items()}
        return {"encoder": self.encoder, "vectors": vectors, "versions": dict(self.versions)}


def canary_texts(expectations: Path) -> list[str]:
    """The fixed texts. Raises Misconfigured when there are none."""
    path = expectations / "canaries.txt"
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"{path.name} cannot be read ({type(error).__name__}).", next="Restore it from version control."
        ) from None
    texts = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not texts:
        raise Misconfigured(f"{path.name} holds no text.", next="Restore it from version control.")
    return texts


def versions() -> dict[str, str]:
    """What makes vectors here, besides the encoder's own files."""
    return {**{name: importlib.metadata.version(name) for name in _LIBRARIES}, "processor": platform.machine()}


def check_canaries(home: Path, expectations: Path, encoder: "Encoder", kept: str, gate: Gate) -> None:
    """Raise Damaged when this encoder no longer makes the vectors that are kept under that digest ("": none are)."""
    if kept:
        finding = compare(Canaries.read(home, kept), Canaries.of(canary_texts(expectations), encoder), gate)
        if not finding.passed:
            raise Damaged(f"The encoder changed: {finding.seen}.", safe="Nothing was encoded.", next=_NEXT)


def compare(before: Canaries | None, now: Canaries, gate: Gate) -> Finding:
    """Whether the same texts still have the same vectors."""
    if before is None or before.encoder != now.encoder:
        why = "nothing serves yet" if before is None else "another encoder serves"
        return Finding(rule=CANARIES, passed=True, seen=f"{len(now.vectors)} kept, none to compare with: {why}")
    common = sorted(before.vectors.keys() & now.vectors.keys())
    if len(common) < _LEAST_IN_COMMON * len(before.vectors):
        seen = f"only {len(common)} of the {len(before.vectors)} texts that were kept are asked; leave them as they are"
        return Finding(rule=CANARIES, passed=False, seen=seen)
    cosines = [_cosine(before.vectors[key], now.vectors[key]) for key in common]
    off = sum(not cosine >= gate.same_vector_cosine for cosine in cosines)
    seen = f"{off} of {len(common)} texts have another vector, the furthest at cosine {min(cosines):.6f}, least allowed {gate.same_vector_cosine}"
    if off:
        seen += f"; {_said(before.versions)} then, {_said(now.versions)} now"
    return Finding(rule=CANARIES, passed=not off, seen=seen)


def own_vectors(
    ids: Sequence[str], vectors: np.ndarray, encoded: Mapping[int, str], encoder: "Encoder", gate: Gate
) -> Finding:
    """Whether texts of a table have the vector the encoder gives them. encoded: {row: what the encoder is to read}."""
    rows = sorted(encoded)
    if not rows:
        return Finding(rule=OWN_VECTORS, passed=False, seen="there are no texts")
    made = encoder.encode([encoded[row] for row in rows])
    off = [r for r, v in zip(rows, made, strict=True) if not _cosine(vectors[r], v) >= gate.same_vector_cosine]
    seen = f"{len(off)} of {len(rows)} texts read again have another vector than is stored"
    first = tuple(ids[row] for row in off[:3])
    return Finding(
        rule=OWN_VECTORS, passed=not off, seen="; first ".join([seen, *[", ".join(first)] * bool(off)]), ids=first
    )


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    with np.errstate(invalid="ignore", over="ignore"):
        return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def _said(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _file(home: Path, digest: str) -> Path:
    return home / "audits" / "canaries" / f"{digest}.json"
