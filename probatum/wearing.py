"""Which adapter an encoder wears: the one that what serves names, and how a trained one becomes a candidate.

    worn(settings())             ->  "3f9c…": identity of the adapter of the release that serves; "" for none
    with_adapter(serving, …)     ->  a candidate of what serves whose questions are read with the adapter

An adapter is no setting: the manifest of a release names it, so going back to a release goes back to its adapter. One that reads
questions only changes no vector of a text: its candidate has the tables that serve, and publishing it takes no time. One for both
sides makes another encoder: every source is written anew, and nothing written with the former encoder fits (P11).
"""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from probatum.adapters.kept import read_record, whole_folder
from probatum.adapters.registry import Adapters
from probatum.encoder_identity import EncoderIdentity, base_of
from probatum.errors import Damaged, Rejected
from probatum.release import Candidate, EncoderState, Manifest, Releases
from probatum.settings import Settings
from probatum.tables import encoder_of

KIND = NAME = "retrieval"  # there is one adapter of search at a time
_MAY_SERVE = ("audited", "champion", "retired")


def worn(chosen: Settings, serving: Manifest | None = None) -> str:
    """Identity of the adapter a refresh encodes with: that of what serves, unless the settings name another base."""
    serving = serving or Releases(chosen.home).current()
    if not serving or not serving.encoder.adapter:
        return ""
    named = serving.encoder.adapter
    return named if read_record(whole_folder(chosen.home, named)).base == base_of(chosen) else ""


def with_adapter(serving: Manifest, identity: EncoderIdentity) -> Candidate:
    """What serves, asked through `identity`. Raises Rejected where the texts would have to be encoded anew."""
    if identity.digest != serving.encoder.digest:
        raise Rejected(
            f"Adapter {identity.adapter[:12]} reads texts too: the vectors of release {serving.id} are not of its encoder.",
            next="Wear one for questions; one that reads texts comes with a candidate in which every text is encoded anew.",
        )
    return Candidate(
        parent=serving.id,
        sources=serving.sources,
        editions=serving.editions,
        encoder=EncoderState(**asdict(identity)),
    )


def must_be_of_one_encoder(home: Path, candidate: Candidate) -> None:
    """Raise Rejected when a table of the candidate was written by another encoder than it names (P11)."""
    for source, state in candidate.all_states():
        named = encoder_of(home / "lance", state.texts.name)
        if named != candidate.encoder.digest:
            raise Rejected(
                f"{source} {state.release} holds vectors of encoder {named[:12] or 'unknown'}…, "
                f"the candidate names {candidate.encoder.digest[:12]}….",
                next="Write this source again with the encoder of the candidate; vectors of two encoders are never mixed.",
            )


def must_be_fit_to_serve(home: Path, encoder: EncoderState) -> None:
    """Raise Rejected when a release would be published with an adapter that nobody audited."""
    if encoder.adapter:
        status = Adapters(home).life(encoder.adapter).status
        if status not in _MAY_SERVE:
            raise Rejected(
                f"Adapter {encoder.adapter[:12]} is {status}: only one that passed an audit may serve.",
                next="Audit a candidate that wears it.",
            )
        whole_folder(home, encoder.adapter)


def note_audited(home: Path, encoder: EncoderState) -> None:
    """Its candidate passed: an adapter that was only trained is audited now."""
    if encoder.adapter and Adapters(home).life(encoder.adapter).status == "trained":
        Adapters(home).move(encoder.adapter, "audited", actor="audit")


def follow(home: Path, manifest: Manifest, *, actor: str) -> None:
    """Make the adapter of what serves the champion, and retire the one before; nothing where it is so already.

    What serves was decided by the pointer: a registry that is damaged is no reason to stay with a release that is.
    """
    if not (home / "adapters").is_dir():
        return
    adapters, wanted, why = Adapters(home), manifest.encoder.adapter, f"release {manifest.id} serves"
    with suppress(Damaged, Rejected):
        if adapters.champion(KIND, NAME) == wanted:
            return
        if wanted:
            adapters.promote(wanted, actor=actor, why=why)
        else:
            adapters.retire_champion(KIND, NAME, actor=actor, why=why)
