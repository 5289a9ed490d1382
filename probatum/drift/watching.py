"""Watching: one look at what serves, from the probes to the report and to what is news.

    look = Watch(settings).retrieval(day)              ask the probes, keep the window, judge it, write the report
    look = Watch(settings).figures("soap-note", day)   the same with a behaviour's own numbers, as `readings.leave_figures` left them
    look.verdict.state, look.news                "drifted", ["drifted"]

The baseline of a champion is what it said at publication: the first readable release that its encoder made is asked once, with
the probes of today. A release is immutable and search is repeatable, so this is what it would have said on the day; where that
release has expired, the first one that is left is taken. Whatever serves later is compared with that, so that a slide has no baseline that slides along.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from probatum.drift.evidence import Test
from probatum.drift.ledger import Ledger, State
from probatum.drift.moved import moved
from probatum.drift.probes import must_not_be_golden, probe, probed_sources, read_probes
from probatum.drift.queries import QueryRecords
from probatum.drift.readings import RETRIEVAL, Reading, Window, Windows, figures_of, read_figures
from probatum.drift.report import write_report
from probatum.drift.rules import drift_rules
from probatum.drift.verdict import Verdict, judge
from probatum.encoder_identity import of_questions
from probatum.ended import ended
from probatum.errors import Misconfigured
from probatum.golden import GoldenQuestion, every_question
from probatum.release import Manifest, Releases
from probatum.search import Searcher
from probatum.settings import Settings


@dataclass(frozen=True)
class Look:
    """untold: what has to be told, (kind, id of the drift): of this look, and of one before it that was cut short."""

    verdict: Verdict
    untold: tuple[tuple[str, str], ...]
    page: str

    def as_json(self) -> dict:
        return {"verdict": self.verdict.as_json(), "untold": [list(each) for each in self.untold], "page": self.page}


class Watch:
    """See the module. actor: for the journal."""

    def __init__(self, chosen: Settings, *, actor: str):
        self._chosen, self._actor = chosen, actor
        self._rules = drift_rules(chosen.expectations)

    def retrieval(self, day: date) -> Look:
        """Ask the probes of every source. Raises Misconfigured where there is nothing to ask, or where a probe is a golden question."""
        from probatum.encoder import Encoder

        home, manifest = self._chosen.home, Releases(self._chosen.home).current()
        if manifest is None:
            raise Misconfigured(
                "No release has been published yet.", safe="Nothing was probed.", next="Run `probatum refresh --all`."
            )
        worn = manifest.encoder
        encoder = Encoder.load(self._chosen, precision=worn.precision, adapter=worn.adapter)
        probes = self._probes(encoder)
        windows = Windows(home, RETRIEVAL)
        now = probe(Searcher.of(home, manifest, encoder), home, manifest, probes, day.isoformat())
        if len(now.seen()) >= self._rules.answered_share * len(probes) or windows.baseline(now.champion):
            self._complete_baseline(windows, now, manifest, encoder, probes)
        return self._judged(windows, now, self._moved(day, manifest))

    def figures(self, behaviour: str, day: date) -> Look:
        """A window of a behaviour, whose numbers somebody else found. Where there are none since the last look, that is what is missing."""
        windows = Windows(self._chosen.home, behaviour)
        now = read_figures(figures_of(self._chosen.home, behaviour), behaviour)
        before = windows.all()
        if before and before[-1].day >= now.day and before[-1].day < day.isoformat():
            why = f"no figures since {now.day}"
            now = replace(
                now, day=day.isoformat(), readings=tuple(Reading(r.id, r.part, missing=why) for r in now.readings)
            )
        elif windows.baseline(now.champion) is None and len(now.readings) >= self._rules.least_probes:
            windows.set_baseline(now)
        return self._judged(windows, now, None)

    def _probes(self, encoder) -> list[GoldenQuestion]:
        expectations = self._chosen.expectations
        found: list[GoldenQuestion] = []
        for source in probed_sources(expectations):
            probes = read_probes(expectations, source)
            must_not_be_golden(probes, every_question(expectations, source), encoder)
            found += probes
        if not found:
            raise Misconfigured(
                "There are no probes.", safe="Nothing was probed.", next="Write expectations/probes/<source>.jsonl."
            )
        return found

    def _complete_baseline(self, windows: Windows, now: Window, manifest: Manifest, encoder, probes) -> None:
        """Probes the baseline has no answer of are asked of the release it is of, and added: yesterday's own stay as they were.

        Of a source that came later, that is the first release which has it.
        """
        known, home = windows.baseline(now.champion), self._chosen.home
        there = known.seen() if known else {}
        readings = {reading.id: reading for reading in known.readings} if known else {}
        for source in sorted({each.source for each in probes if each.id not in there}):
            new = [each for each in probes if each.source == source and each.id not in there]
            first = self._first_release(now.champion, manifest, source)
            if first.id == manifest.id:
                asked = [reading for reading in now.readings if reading.part == source and reading.id not in there]
            else:
                day = first.created.date().isoformat()
                asked = list(probe(Searcher.of(home, first, encoder), home, first, new, day).readings)
            readings |= {reading.id: reading for reading in asked}
        whole = replace(known or now, readings=tuple(readings.values()))
        if not known:
            first = self._first_release(now.champion, manifest)
            whole = replace(whole, release=first.id, day=first.created.date().isoformat())
        if whole != known:
            windows.set_baseline(whole)

    def _first_release(self, champion: str, otherwise: Manifest, source: str = "") -> Manifest:
        """The first that is left of those whose questions the champion reads; of a source, the first that has it."""
        home = self._chosen.home
        made = (r for r in Releases(home).all() if of_questions(r.encoder) == champion and not ended(home, r.id))
        return next((release for release in made if not source or source in release.sources), otherwise)

    def _moved(self, day: date, manifest: Manifest) -> Test | None:
        """Whether people ask other things than in the weeks after publication; None where that was not recorded."""
        if not self._chosen.query_records:
            return None
        records, span = QueryRecords(self._chosen.home), timedelta(days=self._rules.query_days)
        published = self._first_release(of_questions(manifest.encoder), manifest).created.date()
        if published + span > day - span:
            return None
        return moved(records.places(published, published + span), records.places(day - span, day), self._rules)

    def _judged(self, windows: Windows, now: Window, queries: Test | None) -> Look:
        """Keep the window, judge it, note it, write the report; in this order, so that a look that was cut short can be done again."""
        windows.keep(now)
        kept = [window for window in windows.all(now.champion) if window.day <= now.day]
        baseline = windows.baseline(now.champion)
        verdict = judge(baseline, kept, self._rules, queries=queries)
        ledger = Ledger(self._chosen.home, now.behaviour, self._rules)
        ledger.note(verdict, actor=self._actor)
        page = write_report(self._chosen.home, verdict, baseline, kept, ledger.state(), self._rules)
        return Look(verdict, ledger.state().untold, str(page))


def behaviours_with_figures(chosen: Settings) -> list[str]:
    """Names of the behaviours that somebody left numbers of."""
    return sorted(path.parent.name for path in (chosen.home / "drift").glob("*/figures.json"))


def status(chosen: Settings) -> dict[str, State]:
    """{behaviour: its ledger's state}, of all that were ever watched."""
    rules = drift_rules(chosen.expectations)
    found = sorted((chosen.home / "drift").glob("*/ledger.json"))
    return {path.parent.name: Ledger(chosen.home, path.parent.name, rules).state() for path in found}
