"""What became of a refresh, source by source, as plain JSON: ids, reasons and digests, never content."""

from collections.abc import Iterable, Mapping

from probatum.errors import ProbatumError, Rejected, Retryable

REFUSED, POSTPONED = "Refused", "Postponed"  # by us; by a publisher who cannot be reached today


class Outcome:
    """Collects while a refresh runs. `as_json` is what the flow returns; `exit_code` what a command ends with."""

    def __init__(self) -> None:
        self._steps: dict[str, dict[str, str]] = {}
        self._release = ""
        self._candidate = ""
        self._candidates: dict[str, str] = {}
        self._published: list[str] = []
        self._unchanged: list[str] = []
        self._held: list[str] = []
        self._needs_approval: list[str] = []
        self._refused: dict[str, dict] = {}
        self._quarantined: dict[str, list[dict]] = {}
        self._stale: dict[str, str] = {}
        self._carried: dict[str, str] = {}
        self._without_receipts: dict[str, dict] = {}

    def step(self, source: str, **ids: str) -> None:
        """Note what a step left for a source: snapshot, parsed, state."""
        self._steps.setdefault(source, {}).update(ids)

    def unchanged(self, source: str) -> None:
        self._unchanged.append(source)

    def run_of(self, source: str) -> dict:
        """What was done with one source, by ids: for its receipts."""
        refused = self._refused.get(source, {})
        return {
            **self._steps.get(source, {}),
            "candidate": self._candidates.get(source, self._candidate),
            "release": self._release if source in self._published else "",
            "held": source in self._held,
            "refused": {key: refused[key] for key in ("reason", "next", "exit_code") if refused},
        }

    def quarantined(self, source: str, items: list[dict], kept: list[str]) -> None:
        """Files set aside while the rest of the source goes on. kept: those whose former version still serves."""
        if items:
            self._quarantined[source] = [
                {
                    "id": i["id"],
                    "files": i["files"][:1],
                    "reason": i["reason"],
                    "next": i["next"],
                    "former_version_serves": i["files"][0] in kept,
                }
                for i in items
            ]

    def carried_over(self, source: str, words: str) -> None:
        """What of the release before stays because the new one holds only a part; nothing when it is whole."""
        if words:
            self._carried[source] = words

    def stale(self, source: str, why: str) -> None:
        """What serves of a source may be out of date, and why; nothing when it is not."""
        if why:
            self._stale[source] = why

    def without_receipts(self, source: str, error: ProbatumError) -> None:
        """The receipts of a drop zone could not be written; the next refresh writes them."""
        self._without_receipts[source] = {"reason": error.happened, "next": error.next, "exit_code": error.exit_code}

    def refused(self, source: str, error: ProbatumError, candidate: str = "") -> None:
        """candidate: the one an audit refused, when it came to that."""
        self._refused[source] = {
            "reason": error.happened,
            "safe": error.safe,
            "next": error.next,
            "exit_code": error.exit_code,
            "candidate": candidate,
        }

    def refused_by_audit(self, candidate: str, failures: Mapping[str, list[str]], changed: Iterable[str]) -> list[str]:
        """Note what the audit refused; returns the changed sources that may still go on (none if an unchanged one fails)."""
        self._candidate = candidate
        self._candidates |= dict.fromkeys(failures, candidate)
        for source in failures:
            self.refused(
                source,
                Rejected(
                    "; ".join(failures[source]) + ".",
                    next=f"Run `probatum audit --candidate {candidate[:12]}` for every failing question.",
                ),
                candidate,
            )
        going_on = [source for source in changed if source not in failures]
        if set(failures) <= set(changed):
            return going_on
        for source in going_on:
            self.refused(
                source,
                Rejected(
                    f"It would be published beside {', '.join(sorted(set(failures) - set(changed)))}, which no longer passes.",
                    next="Mend that source first.",
                ),
                candidate,
            )
        return []

    def published(self, release: str, candidate: str, sources: Iterable[str]) -> None:
        self._release, self._candidate, self._published = release, candidate, list(sources)
        self._candidates |= dict.fromkeys(sources, candidate)

    def held(self, candidate: str, sources: Iterable[str], *, needs_approval: bool = False) -> None:
        """The candidate passed and waits for somebody to publish it. needs_approval: to say why, as well."""
        self._candidate, self._held = candidate, list(sources)
        self._candidates |= dict.fromkeys(self._held, candidate)
        self._needs_approval = self._held if needs_approval else []

    def succeeded(self, source: str) -> bool:
        """Whether nothing was refused of a source so far."""
        return source not in self._refused

    @property
    def exit_code(self) -> int:
        failures = [*self._refused.values(), *self._without_receipts.values()]
        return max((failure["exit_code"] for failure in failures), default=0)

    def state(self) -> str:
        """The name of a failed run's state. What was refused is told by events of its own: it is no run that broke."""
        codes = {refusal["exit_code"] for refusal in self._refused.values()}
        return "Failed" if not codes else POSTPONED if codes == {Retryable.exit_code} else REFUSED

    def as_json(self) -> dict:
        return {
            "release": self._release,
            "candidate": self._candidate,
            "published": self._published,
            "held": bool(self._held),
            "waits_for_approval": self._needs_approval,
            "unchanged": self._unchanged,
            "refused": self._refused,
            "quarantined": self._quarantined,
            "stale": self._stale,
            "carried_over": self._carried,
            "without_receipts": self._without_receipts,
            "exit_code": self.exit_code,
        }

    def message(self) -> str:
        """One line for a run's state."""
        parts = [f"release {self._release} published ({', '.join(self._published)})"] if self._release else []
        parts += [f"waits for approval: {', '.join(self._needs_approval)}"] if self._needs_approval else []
        parts += [f"waits: {', '.join(self._held)}"] if self._held and not self._needs_approval else []
        parts += [f"unchanged: {', '.join(self._unchanged)}"] if self._unchanged else []
        parts += [f"{source} refused: {refusal['reason']}" for source, refusal in self._refused.items()]
        return "; ".join(parts) or "nothing to do"
