"""python -m bench.drift [SEEDS [FIRST]]: 400 days of probes over and over, to see how often watching cries wolf, and how late it sees one.

Each replay is a year and a month of weekly windows through the very code that judges (`probatum.drift`), of two kinds of behaviour:

- *retrieval*: the same 120 probes each week. A probe has its right document among fourteen others, with scores; each week all
  scores move a little, and what drifts is how far the right one lies above the others. Whether it is among the first three,
  the rankings and the scores follow from that.
- *drawn anew*: 200 other examples each week, as a behaviour whose examples are sampled has them; whether one keeps its rules is a coin.

Five stories: noise alone; a step of five points on day 200; a slide of five points over 200 days from day 100; weeks
without data; seasons that move the share by a point up and down. Nobody retrains in them, so that a second drift would show.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from probatum.drift.ledger import State, after
from probatum.drift.readings import Reading, Window
from probatum.drift.rules import DriftRules, drift_rules
from probatum.drift.verdict import DRIFTED, MISSING, judge_one

DAYS, EVERY = 400, 7
STEP_DAY, SLIDE_DAY, SLIDE_DAYS, POINTS = 200, 100, 200, 0.05
RIGHT = 0.93  # of the probes, at publication
_FIRST = date(2026, 1, 5)
# of scores; best right less best wrong has a spread of 0.23 over the samples' probes, as measured, and about so here
_OTHERS, _SPREAD, _RIGHT_SPREAD = 14, 0.12, 0.2
# How far each score moves from week to week. A whole new edition of the samples turned 1 of 80 probes; this turns about 1 of 100 every week.
WEEKLY = 0.01
SIZES = (("retrieval", 120), ("retrieval", 60), ("retrieval", 240), ("drawn anew", 200), ("drawn anew", 800))
_FLOOR = 0.35  # below it nothing is good enough


@dataclass(frozen=True)
class Story:
    """lost: by day, the share of what was right that is right no more. asked: by day, the share of probes that can be asked."""

    name: str
    lost: Callable[[int], float]
    asked: Callable[[int, np.random.Generator], float] = lambda day, chance: 1.0


STORIES = (
    Story("noise", lambda day: 0.0),
    Story("step", lambda day: POINTS * (day >= STEP_DAY)),
    Story("slide", lambda day: POINTS * min(1.0, max(0.0, (day - SLIDE_DAY) / SLIDE_DAYS))),
    Story("missing", lambda day: 0.0, lambda day, chance: 0.5 if day and chance.random() < 0.3 else 1.0),
    Story("seasons", lambda day: 0.01 * np.sin(2 * np.pi * day / 365)),
)


@dataclass(frozen=True)
class Replayed:
    """Days of the first window that was judged so, -1 for none."""

    drifts: int
    found: int
    missing_told: int
    missing: int


def replay(story: Story, kind: str, seed: int, rules: DriftRules, size: int = 0) -> Replayed:
    """One replay: 58 windows through the tests, the verdict and the ledger."""
    state, drifts, found, told, missing, slide, baseline = State(), 0, -1, 0, 0, 0.0, None
    for day, window in windows(story, kind, seed, size):
        verdict = judge_one(baseline, window, slide, rules)
        slide = verdict.slide
        baseline = baseline or window
        state, news = after(state, verdict, rules)
        missing += verdict.state == MISSING
        told += news == MISSING
        if news == DRIFTED:
            drifts, found = drifts + 1, day if found < 0 else found
    return Replayed(drifts, found, told, missing)


def windows(story: Story, kind: str, seed: int, size: int = 0) -> Iterator[tuple[int, Window]]:
    chance = np.random.default_rng([seed, *kind.encode()])
    make = {"retrieval": _retrieval, "drawn anew": _drawn_anew}[kind](chance, size)
    for day in range(0, DAYS, EVERY):
        readings = make(day, float(story.lost(day)))
        asked = story.asked(day, chance)
        kept = chance.random(len(readings)) < asked
        readings = tuple(
            r if k else Reading(r.id, missing="it could not be asked") for r, k in zip(readings, kept, strict=True)
        )
        yield day, Window(kind, (_FIRST + timedelta(days=day)).isoformat(), "champion", readings)


def _retrieval(chance: np.random.Generator, size: int) -> Callable[[int, float], list[Reading]]:
    """Probes whose right document stands among others; losing points is the right one coming down by as much as that takes."""
    size = size or 120
    scores, share = (
        _scores(chance, size),
        chance.exponential(1.0, size),
    )  # what drifts touches some probes more than others

    def make(day: int, lost: float) -> list[Reading]:
        now = scores + chance.normal(0, WEEKLY, scores.shape)
        now[:, 0] -= share * _down(round(lost, 4))
        order = np.argsort(-now, axis=1)
        rank = 1 + np.argmax(order == 0, axis=1)
        third = np.sort(now[:, 1:], axis=1)[:, -3]  # who is above it is among the first three
        return [
            Reading(
                id=f"p{n:03d}",
                ok=bool(rank[n] <= 3),
                quality=float(now[n, 0] - third[n]),
                top=tuple(f"d{d}" for d in order[n, :10]),
                level=float(now[n].max()),
                unanswered=bool(now[n].max() < _FLOOR),
            )
            for n in range(size)
        ]

    return make


def _scores(chance: np.random.Generator, size: int) -> np.ndarray:
    others = chance.normal(0.5, _SPREAD, (size, _OTHERS))
    right = chance.normal(0.5 + _above(), _RIGHT_SPREAD, (size, 1))
    return np.hstack([right, others])


@cache
def _above() -> float:
    return _solve(lambda above: _share(0.5 + above, 0.0), RIGHT, 0.0, 2.0)


@cache
def _down(lost: float) -> float:
    """How far right documents have to come down until so many points are lost."""
    return _solve(lambda down: -_share(0.5 + _above(), down), -(RIGHT - lost), -0.5, 0.5) if lost else 0.0


@cache
def _draws() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    third = np.sort(chance.normal(0.5, _SPREAD, (40_000, _OTHERS)), axis=1)[:, -3]
    return chance.normal(0, _RIGHT_SPREAD, 40_000), third, chance.exponential(1.0, 40_000)


def _share(at: float, down: float) -> float:
    right, third, touched = _draws()
    return float(np.mean(right + at - touched * down > third))


def _solve(rising: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def _drawn_anew(chance: np.random.Generator, size: int) -> Callable[[int, float], list[Reading]]:
    size = size or 200

    def make(day: int, lost: float) -> list[Reading]:
        right = chance.random(size) < 0.97 - lost
        part = np.where(right, 1.0, chance.integers(3, 9, size) / 10)  # of ten rules, the others keep three to eight
        length, refused = chance.lognormal(5.3, 0.4, size), chance.random(size) < 0.005
        return [
            Reading(
                f"{day}-{n}",
                ok=bool(right[n]),
                quality=float(part[n]),
                level=float(length[n]),
                unanswered=bool(refused[n]),
            )
            for n in range(size)
        ]

    return make


def main(seeds: int = 100, first: int = 0) -> None:
    rules = drift_rules(Path(__file__).parents[1] / "expectations")
    print(f"{seeds} seeds from {first}, {DAYS} days each; flips a week of 120 probes: {_flips():.2f}\n")
    print(
        "| behaviour | probes | story | false alarms a year | found | at the next window | days late, median (95 %) | points lost when found, median (95 %) | before 3 points | twice |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for kind, size in SIZES:
        for story in STORIES:
            done = [replay(story, kind, seed, rules, size) for seed in range(first, first + seeds)]
            print(_row(kind, size, story, done), flush=True)


def _flips() -> float:
    """Probes of 120 that are right in one week and not in another, noise alone."""
    found = []
    for seed in range(20):
        each = [{r.id: r.ok for r in window.readings} for _, window in windows(STORIES[0], "retrieval", seed)]
        found += [sum(each[0][i] != later[i] for i in later) for later in each[1:]]
    return float(np.mean(found))


def _row(kind: str, size: int, story: Story, done: list[Replayed]) -> str:
    began = {"step": STEP_DAY, "slide": SLIDE_DAY}.get(story.name, DAYS)
    false = sum(0 <= each.found < began for each in done) / (len(done) * min(began, DAYS) / 365)
    right = [each.found for each in done if each.found >= began]
    cells = [kind, str(size), story.name, f"{false:.2f}"]
    if began < DAYS and right:
        due = next(day for day in range(0, DAYS, EVERY) if day >= began)
        points = [100 * story.lost(day) for day in right]
        at_once = sum(day == due for day in right) / len(done) if story.name == "step" else None
        before = sum(point < 3 for point in points) / len(done) if story.name == "slide" else None
        cells += [
            f"{len(right)} of {len(done)}",
            "" if at_once is None else f"{at_once:.0%}",
            f"{np.median(right) - began:.0f} ({np.quantile(right, 0.95) - began:.0f})",
            f"{np.median(points):.1f} ({np.quantile(points, 0.95):.1f})",
            "" if before is None else f"{before:.0%}",
        ]
    else:
        cells += [f"{len(right)} of {len(done)}" if began < DAYS else "", "", "", "", ""]
    if story.name == "missing":
        cells[4] = (
            f"{sum(e.missing for e in done) / len(done):.1f} windows without data, told {sum(e.missing_told for e in done) / len(done):.1f} times"
        )
    return f"| {' | '.join([*cells, str(sum(each.drifts > 1 for each in done))])} |"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
