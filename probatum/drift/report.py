"""The report of a window: a page, its figures as JSON, and a summary; ids and numbers alone, no question and no text.

    write_report(home, verdict, baseline, windows, state, rules)
    ->  home/reports/drift/retrieval/2026-12-06.html, and .json and .md beside it

Every window leaves one, the steady ones too: what was looked at and found well is part of the story.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from scipy.stats import binomtest

from probatum.charts import chart, floor_of
from probatum.drift.ledger import State
from probatum.drift.overlap import rank_overlap
from probatum.drift.readings import Window, pairs, rate
from probatum.drift.rules import DriftRules
from probatum.drift.verdict import BASELINE, DRIFTED, MISSING, STEADY, SUSPECTED, Verdict
from probatum.files import write_atomically
from probatum.html_pages import page
from probatum.report import Point

_SAID = {
    BASELINE: "The first window: what later ones are compared with",
    STEADY: "Steady: it behaves as it did at publication",
    SUSPECTED: "Suspected: one sign alone, which starts nothing",
    DRIFTED: "Drifted from what was published",
    MISSING: "Not judged: too few probes could be asked",
}
_WINDOWS_SHOWN = 52


@dataclass(frozen=True)
class Part:
    """One part of the probes (a source): shares right then and now, and the ids that turned."""

    name: str
    size: int
    before: float
    now: float
    lost: tuple[str, ...]
    won: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    day: str
    release: str
    size: int
    right: float
    overlap: float | None


def report_of(home: Path, behaviour: str, day: str) -> Path:
    return home / "reports" / "drift" / behaviour / f"{day}.html"


def write_report(
    home: Path, verdict: Verdict, baseline: Window | None, windows: Sequence[Window], state: State, rules: DriftRules
) -> Path:
    """windows: of this champion, oldest first, the judged one last. Returns the page's path."""
    parts, rows = parts_of(baseline, windows[-1]), [_row(baseline, window) for window in windows[-_WINDOWS_SHOWN:]]
    path = report_of(home, verdict.behaviour, verdict.day)
    facts = verdict.as_json() | {"parts": [asdict(part) for part in parts], "decided": decided(state, verdict)}
    write_atomically(path.with_suffix(".json"), orjson.dumps(facts, option=orjson.OPT_INDENT_2) + b"\n")
    write_atomically(path.with_suffix(".md"), summary(verdict, parts, decided(state, verdict)).encode())
    html = page(
        "drift.html",
        verdict=verdict,
        said=_SAID[verdict.state],
        decided=decided(state, verdict),
        rules=rules,
        parts=parts,
        rows=rows,
        missing=list(windows[-1].missing().items()),
        charts=_charts(baseline, windows[-_WINDOWS_SHOWN:], verdict, rules),
    )
    write_atomically(path, html.encode())
    return path


def summary(verdict: Verdict, parts: Sequence[Part], what_follows: str) -> str:
    """Markdown of ids and counts."""
    lines = [f"# {verdict.behaviour}, {verdict.day}: {verdict.state}", "", _SAID[verdict.state] + ".", ""]
    lines += [f"- {reason}" for reason in verdict.reasons]
    lines += [
        "",
        what_follows,
        "",
        "| part | probes | at publication | now | lost | won |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {p.name} | {p.size} | {p.before:.3f} | {p.now:.3f} | {len(p.lost)} | {len(p.won)} |" for p in parts]
    if verdict.tests:
        lines += ["", "| test | seen | chance | fires |", "|---|---|---|---|"]
        lines += [f"| {t.name} | {t.seen} | {t.chance:.1e} | {'yes' if t.fires else 'no'} |" for t in verdict.tests]
    return "\n".join(lines) + "\n"


def decided(state: State, verdict: Verdict) -> str:
    """In one sentence, what follows from this window."""
    if drift := state.open:
        treated = any(retrain.drift == drift.id for retrain in state.retrains)
        return f"Drift {drift.id} is open since {drift.found}; {'it was retrained for once, and is not again' if treated else 'it asks for one retrain'}."
    if verdict.state == DRIFTED:
        return "Nothing is asked for: the drift before it is over too short a while ago."
    if verdict.state == MISSING:
        return "Nothing is decided without data; what serves still serves."
    return "Nothing is to be done."


def parts_of(baseline: Window | None, now: Window) -> list[Part]:
    both = pairs(baseline, now) if baseline else []
    names = sorted({here.part for _, here in both})
    return [_part(name, [(then, here) for then, here in both if here.part == name]) for name in names]


def _part(name: str, both: list) -> Part:
    return Part(
        name or "all",
        len(both),
        rate(then for then, _ in both),
        rate(here for _, here in both),
        tuple(here.id for then, here in both if then.ok and not here.ok),
        tuple(here.id for then, here in both if here.ok and not then.ok),
    )


def _row(baseline: Window | None, window: Window) -> Row:
    left = [
        rank_overlap(then.top, here.top) for then, here in (pairs(baseline, window) if baseline else ()) if then.top
    ]
    seen = window.seen().values()
    return Row(window.day, window.release, len(seen), rate(seen), sum(left) / len(left) if left else None)


def _charts(baseline: Window | None, windows: Sequence[Window], verdict: Verdict, rules: DriftRules) -> dict:
    """{title: chart} of the share that is right, over the windows that have figures; the whole first, then each part."""
    shown = [window for window in windows if window.seen()]
    if not shown or not baseline or not baseline.seen():
        return {}
    points = [_point(baseline, "publication"), *(_point(window, window.day) for window in shown)]
    floor = floor_of(points)
    names = sorted({name for point in points for name in point.figures} - {"all"})
    bound = {name: max(row["@3"] - rules.step_loss, floor) for name, row in points[0].figures.items()}
    drawn = {"all probes": chart(points, "all", floor=floor, bound=bound["all"])}
    if len(names) > 1:
        small = {"width": 224, "height": 104, "labelled": False}
        drawn |= {name: chart(points, name, floor=floor, bound=bound.get(name, floor), **small) for name in names}
    return drawn


def _point(window: Window, day: str) -> Point:
    seen = list(window.seen().values())
    names = {"all": seen} | {r.part: [s for s in seen if s.part == r.part] for r in seen if r.part}
    return Point(day, {name: _shares(sum(r.ok for r in rows), len(rows)) for name, rows in names.items()})


def _shares(right: int, of: int) -> dict:
    bounds = binomtest(right, of).proportion_ci(method="wilson")
    return {"@3": right / of, "low": bounds.low, "high": bounds.high, "n": of}
