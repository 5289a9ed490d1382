"""Retention: which releases stay, each with the reason, and which expire. By release, never by the age of a file.

    decide(home, policy, now)  ->  Decision(kept={"2026-11-20.1": "serves", …}, expired=("2025-01-03.2", …))

What serves and its parent stay, so does what somebody keeps by name, the newest few, and what is young. Numbers are
reviewed data: expectations/retention.toml. A clock that runs ahead may make everything look old; what serves, its parent, the
newest and the kept ones stay all the same. Deciding only; `probatum.maintenance` acts on it.
"""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from probatum.ended import ended
from probatum.errors import Misconfigured
from probatum.files import read_json, write_json
from probatum.release import Releases


class Policy(BaseModel):
    """The numbers of expectations/retention.toml; what each is for stands there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_last: int = Field(ge=2)  # what serves and one to go back to
    keep_days: int = Field(ge=0)
    unfinished_days: int = Field(ge=1)
    most_fragments: int = Field(ge=1)
    most_deleted: float = Field(gt=0, le=1)
    keep_backups: int = Field(ge=1)


@dataclass(frozen=True)
class Decision:
    """kept: {release: why}. expired: those that end now, oldest first."""

    kept: dict[str, str]
    expired: tuple[str, ...]


def read_policy(expectations: Path) -> Policy:
    """The reviewed numbers. Raises Misconfigured: nothing is deleted by a number nobody chose."""
    path = expectations / "retention.toml"
    try:
        return Policy.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        wrong = [".".join(map(str, e["loc"])) for e in error.errors()] if isinstance(error, ValidationError) else []
        raise Misconfigured(
            f"{path.name} does not say what to keep ({', '.join(wrong) or type(error).__name__}).",
            safe="Nothing was deleted.",
            next="Copy the project's own into your expectations, and correct it there.",
        ) from None


def decide(home: Path, policy: Policy, now: datetime | None = None) -> Decision:
    """Which releases stay and why. Those that ended before are in neither."""
    now, releases = now or datetime.now(UTC), Releases(home)
    serving = releases.current()
    there = [manifest for manifest in releases.all() if not ended(home, manifest.id)]
    kept: dict[str, str] = {}
    if serving:
        kept[serving.id] = "serves"
        if serving.parent in {manifest.id for manifest in there}:
            kept[serving.parent] = "came before what serves"
    named = kept_by_name(home)
    newest = {manifest.id for manifest in there[-policy.keep_last :]}
    for manifest in there:
        if manifest.id in named:
            kept.setdefault(manifest.id, f"kept by {named[manifest.id]['actor']}")
        elif manifest.id in newest:
            kept.setdefault(manifest.id, f"one of the newest {policy.keep_last}")
        elif now - manifest.created < timedelta(days=policy.keep_days):
            kept.setdefault(manifest.id, f"younger than {policy.keep_days} days")
    return Decision(kept, tuple(manifest.id for manifest in there if manifest.id not in kept))


def kept_by_name(home: Path) -> dict[str, dict]:
    """{release: {"actor", "why", "at"}} of those that somebody keeps."""
    found = sorted((home / "kept").glob("*.json"))
    return {
        path.stem: read_json(path, what="The note on a kept release", next="Run `probatum keep` for it again.")
        for path in found
    }


def keep(home: Path, release: str, *, actor: str, why: str) -> None:
    """Keep a release until somebody lets it go. Raises Rejected for one that is not there or has ended."""
    manifest = Releases(home).readable(release)
    write_json(home / "kept" / f"{manifest.id}.json", {"actor": actor, "why": why, "at": datetime.now(UTC).isoformat()})


def let_go(home: Path, release: str) -> bool:
    """Keep a release by name no longer; whether anybody did."""
    path = home / "kept" / f"{Releases(home).read(release).id}.json"
    if there := path.exists():
        path.unlink()
    return there
