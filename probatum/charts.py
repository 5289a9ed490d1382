"""The charts of the report: hit rate @3 over releases, with the line it has to be above.

    chart([Point("2026-11-20.1", …), Point("", …)], "lay", floor=0.6)  ->  Chart(places=((18.0, 31.2), (342.0, 24.6)), …)

Only places are worked out here, as numbers; `pages/report.html` draws them as SVG. No library does that: matplotlib is not
among the dependencies, and what is (altair) draws in the browser, by script.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probatum.audit_report import STRICTLY_ABOVE
from probatum.report import Point

_LEFT, _RIGHT, _TOP, _BOTTOM, _NO_LABELS = 34.0, 10.0, 8.0, 22.0, 7.0  # room for the labels, in units of the drawing
_LABELS = 3  # first, one between, last: ids are long


@dataclass(frozen=True)
class Mark:
    """One release in a chart."""

    x: float
    y: float
    low: float  # the ends of the 95 % interval, as places
    high: float
    release: str
    rate: float
    is_low: bool  # not above the line
    waits: bool  # a candidate, not a release


@dataclass(frozen=True)
class Chart:
    width: float
    height: float
    marks: tuple[Mark, ...]
    bound: float  # where the line is
    grid: tuple[tuple[float, str], ...]  # (y, label)
    labels: tuple[tuple[float, str, str], ...]  # (x, anchor, text)
    left: float = _LEFT
    right: float = _RIGHT

    @property
    def path(self) -> str:
        return " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in self.marks)


def chart(
    points: Sequence[Point],
    part: str,
    *,
    floor: float,
    bound: float = STRICTLY_ABOVE,
    width: float = 360,
    height: float = 180,
    labelled: bool = True,
) -> Chart:
    """The releases that have figures of this slice. floor: the lowest rate that has a place (see `floor_of`). bound: the line."""
    step = (width - _LEFT - _RIGHT) / max(len(points) - 1, 1)
    start = _LEFT if len(points) > 1 else (width + _LEFT - _RIGHT) / 2  # one alone stands in the middle

    room = height - _TOP - (_BOTTOM if labelled else _NO_LABELS)

    def y(rate: float) -> float:
        return _TOP + (1 - max(rate, floor)) / (1 - floor) * room

    marks = tuple(
        Mark(
            x=start + n * step,
            y=y(row["@3"]),
            low=y(row["low"]),
            high=y(row["high"]),
            release=point.release,
            rate=row["@3"],
            is_low=not row["@3"] > bound,
            waits=not point.release,
        )
        for n, point in enumerate(points)
        if (row := point.figures.get(part))
    )
    steps = range(round(floor * 10), 11)
    every = 1 if len(steps) <= 5 else 2
    grid = tuple((y(tenth / 10), f"{tenth / 10:.1f}") for tenth in reversed(steps) if (10 - tenth) % every == 0)
    return Chart(width, height, marks, y(bound), grid, tuple(_labels(points, start, step)) if labelled else ())


def floor_of(points: Iterable[Point]) -> float:
    """A tenth below every rate, and below the line: one scale for all charts of a source."""
    rates = [row["@3"] for point in points for row in point.figures.values()]
    return max(0.0, math.floor(min([*rates, STRICTLY_ABOVE]) * 10 - 0.5) / 10)


def _labels(points: Sequence[Point], start: float, step: float):
    last = len(points) - 1
    chosen = range(len(points)) if len(points) <= _LABELS else (0, last // 2, last)
    for n in chosen:
        anchor = "middle" if last == 0 or n not in (0, last) else "start" if n == 0 else "end"
        yield start + n * step, anchor, points[n].release or "candidate"
