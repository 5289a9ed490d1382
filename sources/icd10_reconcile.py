"""Whether what changed from one release of ICD-10-CM to the next is what the publisher's addenda say changed.

    reconcile({"A77.41": ("Ehrlichiosis chafeensis", True), …}, {…}, addenda)
        -> ["2 codes are new and the addenda do not add them: D13.91, D13.99.", …]      [] when they agree

Codes are compared with their flag, as the publisher counts: a billable code that became a header went and came. Short
titles are not kept, so revisions of the short title alone are counted, not checked. Messages hold codes and numbers,
never titles. Which of the two is wrong is for a person to say.
"""

from collections.abc import Iterable, Iterator, Mapping

from sources.icd10_addenda import CODES, HEADERS, TOTAL, Addenda, Line

Codes = Mapping[str, tuple[str, bool]]  # dotted code: (title, billable)
_Flagged = tuple[str, bool]
_SHOWN = 5  # codes of one disagreement; a list of hundreds is not read


def reconcile(before: Codes, after: Codes, addenda: Addenda, *, titles: bool = True) -> list[str]:
    """Every disagreement, in words. before: the release that the addenda lead from.

    titles: whether both releases took their titles from the same kind of file; those of the tabular list differ from
    those of the order file in hundreds of codes, which is no revision.
    """
    seen = _Seen(before, after, addenda.headers)
    told = _Told(addenda)
    return [
        *_unread(addenda),
        *_differ(told.added - seen.gained, "added by the addenda and not new"),
        *_differ(seen.gained - told.added, "new and not added by the addenda"),
        *_differ(told.deleted - seen.lost, "deleted by the addenda and not gone"),
        *_differ(seen.lost - told.deleted, "gone and not deleted by the addenda"),
        *(_titles(seen, told, before, after, addenda) if titles else ()),
        *_counts(seen, addenda, before, after, titles),
    ]


def reconcile_after(after: Codes, addenda: Addenda) -> list[str]:
    """The disagreements that the later release shows alone, where the one that the addenda lead from is not at hand."""
    there, told = _flagged(after, addenda.headers), _Told(addenda)
    return [
        *_unread(addenda),
        *_differ(told.added - there, "added by the addenda and not there"),
        *_differ(told.deleted & there, "deleted by the addenda and still there"),
        *_sizes(after, addenda, "after", "now"),
    ]


class _Seen:
    """What really changed, of what the addenda speak of."""

    def __init__(self, before: Codes, after: Codes, headers: bool):
        old, new = _flagged(before, headers), _flagged(after, headers)
        self.gained, self.lost = new - old, old - new
        self.renamed = {(code, flag) for code, flag in old & new if _words(before, code) != _words(after, code)}


class _Told:
    """What the addenda list. A revision of the flag is a deletion and an addition, as everywhere else in them."""

    def __init__(self, addenda: Addenda):
        flips = [(old, new) for old, new in addenda.revisions if old.billable != new.billable]
        self.added = {(line.code, line.billable) for line in (*addenda.additions, *(new for _, new in flips))}
        self.deleted = {(line.code, line.billable) for line in (*addenda.deletions, *(old for old, _ in flips))}
        self.revised = {
            (new.code, new.billable)
            for old, new in addenda.revisions
            if old.billable == new.billable and old.title != new.title
        }


def _flagged(codes: Codes, headers: bool) -> set[_Flagged]:
    return {(code, billable) for code, (_, billable) in codes.items() if headers or billable}


def _words(codes: Codes, code: str) -> str:
    return " ".join(codes[code][0].split())


def _unread(addenda: Addenda) -> Iterator[str]:
    if addenda.unread:
        first = ", ".join(map(str, addenda.unread[:_SHOWN]))
        yield f"{_some(len(addenda.unread), 'line')} of the addenda cannot be read, first {first}."


def _titles(seen: _Seen, told: _Told, before: Codes, after: Codes, addenda: Addenda) -> Iterator[str]:
    yield from _differ(told.revised - seen.renamed, "revised by the addenda and not renamed")
    yield from _differ(seen.renamed - told.revised, "renamed and not revised by the addenda")
    new = [*addenda.additions, *(line for _, line in addenda.revisions)]
    old = [*addenda.deletions, *(line for line, _ in addenda.revisions)]
    yield from _differ(_other_title(after, new), "titled otherwise than the addenda say")
    yield from _differ(_other_title(before, old), "titled before otherwise than the addenda say")


def _other_title(codes: Codes, lines: Iterable[Line]) -> set[_Flagged]:
    return {
        (line.code, line.billable)
        for line in lines
        if line.code in codes and codes[line.code][1] == line.billable and _words(codes, line.code) != line.title
    }


def _counts(seen: _Seen, addenda: Addenda, before: Codes, after: Codes, titles: bool) -> Iterator[str]:
    for part, counts in addenda.counts.items():
        told = {"additions": counts.additions, "deletions": counts.deletions}
        found = {"additions": seen.gained, "deletions": seen.lost}
        if titles and counts.revisions is not None:
            told["revisions"] = counts.revisions - _short_only(addenda, part)
            found["revisions"] = seen.renamed
        for what, number in told.items():
            really = sum(_is_of(part, flag) for _, flag in found[what])
            if number is not None and number != really:
                yield f"The addenda count {number} {what}{_of(part)}; there are {really}."
    yield from _sizes(before, addenda, "before", "before")
    yield from _sizes(after, addenda, "after", "now")


def _short_only(addenda: Addenda, part: str) -> int:
    """Revisions that leave the long title as it is: as counted, else as listed."""
    counted = addenda.counts[part].short_only
    if counted is not None:
        return counted
    return sum(
        old.title == new.title and _is_of(part, new.billable)
        for old, new in addenda.revisions
        if old.billable == new.billable
    )


def _sizes(codes: Codes, addenda: Addenda, when: str, word: str) -> Iterator[str]:
    for part, counts in addenda.counts.items():
        told, really = getattr(counts, when), sum(_is_of(part, flag) for _, flag in codes.values())
        if told is not None and told != really:
            whose = {HEADERS: "headers", CODES: "billable codes", TOTAL: "headers and codes"}[part]
            yield f"The addenda count {told} {whose} {word}; there are {really}."


def _is_of(part: str, billable: bool) -> bool:
    return part == TOTAL or billable == (part == CODES)


def _of(part: str) -> str:
    return {HEADERS: " of headers", CODES: " of billable codes", TOTAL: ""}[part]


def _differ(found: set[_Flagged], how: str) -> Iterator[str]:
    if found:
        named = [f"{code}{'' if billable else ' (header)'}" for code, billable in sorted(found)]
        more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        yield f"{_some(len(named), 'code')} {'is' if len(named) == 1 else 'are'} {how}: {', '.join(named[:_SHOWN])}{more}."


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
