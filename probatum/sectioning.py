"""Cuts a document of sections into pieces an encoder can read whole, without tearing what must stay together.

    cut(document, encoder.count_tokens, encoder.max_tokens) -> [Piece(start=0, end=412, page=3,
        section=("Antibiotics", "Renal dosing"), text="Adult sepsis > Antibiotics > Renal dosing\nGive 0.5 mg/kg …"), …]

A piece is one span of the document: whole blocks of one section, about 200 of MiniLM's 256 tokens where the section is
long, balanced rather than a long one and a stub. The spans cover every character but white space exactly once, in
order. What stays together: a heading, a caption, a table's header or a list's stem ("Do not give in:") and what
follows it; a table, if it fits; a paragraph, if it fits; a sentence, a clause, a dose, a negation (`boundaries`).

A section of a few words joins the sibling or child after it; such a piece stands under their common path and shows
their headings in its text. A later part of a table or list repeats the header rows or the stem in its text, not in
its span. Headings with nothing after them at the document's end are a piece of their own: nothing written is lost.

Nothing is longer than `max_tokens`: if no allowed boundary comes within them the cut is at a protected gap, and a
"word" beyond them is halved until it fits.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, takewhile

from probatum import boundaries
from probatum.records import Block, Document

CountTokens = Callable[[Sequence[str]], list[int]]

_AIM_SHARE = 0.78  # of max_tokens: about 200 of 256, so that a paragraph more still fits
_PATH_SHARE = 0.25  # a heading path that takes more is shortened
_REPEAT_SHARE = 0.4  # a table header or list stem that takes more is not repeated
_LEAD_SHARE = 0.5  # of the room: longer headings, captions and headers are read as prose
_TINY_TOKENS = 25  # a section with a shorter body says little when alone
_GRAINS_A_ROOM = 16  # finer choices of where to cut between words change a piece by a few per cent
_TIGHTER_SHARES = (1.0, 0.85, 0.7, 0.5)  # for tokenizers whose parts do not add up; WordPiece's do

# What a cut costs, against the squared relative distance of the pieces from the ideal size.
_AT_BLOCK, _IN_LIST, _IN_TABLE, _BEFORE_CAPTION = 0.0, 0.03, 0.06, 4.0
_AT_RANK = {
    boundaries.SENTENCE: 0.06,
    boundaries.CLAUSE: 0.5,
    boundaries.SPACE: 1.5,
    boundaries.AVOID: 4.0,
    boundaries.PROTECTED: 12.0,
}
_IN_A_WORD = 25.0
_TABLE_KINDS = frozenset(("table-header", "table-row"))
_Span = tuple[int, int]
_Path = tuple[str, ...]


@dataclass(frozen=True)
class Piece:
    """What `cut` yields: a span, where it stands, and the text to find it by.

    text: the heading path, then the span's words; for a later part of a table, the header rows repeated before them.
    """

    start: int
    end: int
    page: int
    section: tuple[str, ...]
    text: str


def cut(document: Document, count_tokens: CountTokens, max_tokens: int) -> list[Piece]:
    """The pieces of a document in reading order. max_tokens: the encoder's, special tokens included.

    count_tokens is called a handful of times a document, with many texts each; no text is counted twice. If its counts
    of parts do not add up, tighter limits are tried; a tokenizer that defeats those too gets pieces over max_tokens.
    """
    tokens = _Tokens(count_tokens)
    sections = list(_sections(_covering(document)))
    pieces: list[Piece] = []
    for share in _TIGHTER_SHARES:
        pieces = _pieces(document, sections, tokens, int(max_tokens * share))
        if max(tokens.raw(piece.text for piece in pieces), default=0) <= max_tokens:
            break
    return pieces


class _Tokens:
    """Token counts, each distinct text counted once; `of` leaves out the special tokens."""

    def __init__(self, count_tokens: CountTokens):
        self._count = count_tokens
        self._special = count_tokens([""])[0]
        self._known = {"": self._special}

    def raw(self, texts: Iterable[str]) -> list[int]:
        texts = list(texts)
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._count(new), strict=True) if new else ())
        return [self._known[text] for text in texts]

    def of(self, texts: Iterable[str]) -> list[int]:
        return [count - self._special for count in self.raw(texts)]


@dataclass(frozen=True)
class _Section:
    """A run of blocks under one path, its headings first."""

    path: _Path
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class _Part:
    """What is kept whole if it fits: a block, or a table, with all that leads to it.

    headings end where `opened` is; lead (headings, captions, header rows, a stem) ends where the body starts. repeat:
    the header or stem to show again if a piece begins inside. cost: of a cut before it.
    """

    start: int
    opened: int
    body: int
    end: int
    page: int
    path: _Path
    headings: tuple[str, ...]
    lead_tokens: int
    tokens: int  # of the body
    cost: float
    repeat: _Span | None = None
    repeat_tokens: int = 0


def _pieces(document: Document, sections: list[_Section], tokens: _Tokens, max_tokens: int) -> list[Piece]:
    text = document.text
    blocks = [block for section in sections for block in section.blocks]
    sizes = dict(zip(blocks, tokens.of(text[b.start : b.end] for b in blocks), strict=True))
    groups = _joined(sections, sizes)
    lines = _path_lines(document.title, groups, tokens, max_tokens)
    parts, rooms = [], []
    for group in groups:
        room = max(1, max_tokens - max(tokens.raw(lines[path] for path in _group_paths(group))))
        rooms.append(room)
        parts.append([part for section in group for part in _Parts(text, section, sizes, room, max_tokens)])
    pieces: list[Piece] = []
    for group, members, room in zip(groups, _fitting(text, parts, rooms, tokens), rooms, strict=True):
        for run in _packed(members, room, int(room - (1 - _AIM_SHARE) * max_tokens)):
            section = _common(group) if len({part.path for part in run}) > 1 else run[0].path
            pieces.append(_piece(document, run, section, lines[section]))
    return pieces


def _covering(document: Document) -> list[Block]:
    """The document's blocks without white space at their edges, and a paragraph for every word no block covers."""
    text = document.text
    found, at = [], 0
    last = Block(0, 0, "paragraph")
    for block in (*sorted(document.blocks, key=lambda b: (b.start, b.end)), Block(len(text), len(text), "paragraph")):
        start, end = max(block.start, at), min(block.end, len(text))
        found.append(replace(last, start=at, end=start, kind="paragraph", table=-1))
        if end > start:
            found.append(replace(block, start=start, end=end))
            at, last = end, block
        else:
            at = max(at, start)
    return _captions_numbered([tight for block in found if (tight := _tight(text, block)).start < tight.end])


def _tight(text: str, block: Block) -> Block:
    inside = text[block.start : block.end]
    start = block.start + len(inside) - len(inside.lstrip())
    return replace(block, start=start, end=start + len(inside.strip()))


def _captions_numbered(blocks: list[Block]) -> list[Block]:
    """A caption the reader gave no table to goes with the table after it, or else the one before it."""
    tables = [block.table if block.kind in _TABLE_KINDS else -1 for block in blocks]
    around = zip(blocks, [*tables[1:], -1], [-1, *tables], strict=False)
    return [
        replace(b, table=after if after >= 0 else before) if b.kind == "caption" and b.table < 0 else b
        for b, after, before in around
    ]


def _sections(blocks: list[Block]) -> Iterator[_Section]:
    """One per heading and path. Headings count to the body after them; those with none become a body of their own."""
    headings: list[Block] = []
    body: list[Block] = []
    for block in blocks:
        if body and (block.kind == "heading" or block.section != body[-1].section):
            yield _Section(body[-1].section, (*headings, *body))
            headings, body = [], []
        (headings if block.kind == "heading" else body).append(block)
    if body:
        yield _Section(body[-1].section, (*headings, *body))
    elif headings:
        yield _Section(headings[-1].section, tuple(replace(block, kind="paragraph") for block in headings))


def _joined(sections: list[_Section], sizes: dict[Block, int]) -> list[list[_Section]]:
    """Sections to be cut as one: tiny ones with the sibling or descendant after them."""
    groups: list[list[_Section]] = []
    words = 0
    for section in sections:
        size = sum(sizes[block] for block in section.blocks if block.kind != "heading")
        if groups and words < _TINY_TOKENS and _is_next_of_kin(groups[-1][-1].path, section.path):
            groups[-1].append(section)
            words += size
        else:
            groups.append([section])
            words = size
    return groups


def _is_next_of_kin(path: _Path, following: _Path) -> bool:
    return following[: len(path)] == path or (bool(path and following) and following[:-1] == path[:-1])


def _group_paths(group: list[_Section]) -> set[_Path]:
    return {_common(group), *(section.path for section in group)}


def _common(group: list[_Section]) -> _Path:
    columns = zip(*(section.path for section in group), strict=False)
    return tuple(column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns))


def _path_lines(title: str, groups: list[list[_Section]], tokens: _Tokens, max_tokens: int) -> dict[_Path, str]:
    """The line a piece begins with, by its path: "Adult sepsis > Antibiotics > Renal dosing\n"."""
    names = {path: _names(title, path) for group in groups for path in _group_paths(group)}
    texts = {path: _line(parts) for path, parts in names.items()}
    allowed = max_tokens * _PATH_SHARE
    counts = zip(texts, tokens.of(texts.values()), strict=True)
    shorter = {path: list(_shorter(names[path])) for path, count in counts if count > allowed}
    tokens.of(line for lines in shorter.values() for line in lines)
    for path, lines in shorter.items():
        texts[path] = next((line for line in lines if tokens.of([line])[0] <= allowed), "")
    return texts


def _names(title: str, path: _Path) -> list[str]:
    names = [name for name in (_one_line(name) for name in (title, *path)) if name]
    return names[1:] if len(names) > 1 and names[0].casefold() == names[1].casefold() else names


def _line(names: Sequence[str]) -> str:
    return " > ".join(names) + "\n" if names else ""


def _shorter(names: list[str]) -> Iterator[str]:
    """Ever shorter forms: first without the middle, then with less of the title, last with less of the heading."""
    first, *rest = names
    for kept in (4, 3, 2, 1):
        if kept < len(rest):
            yield _line([first, "…", *rest[-kept:]])
    middle = ["…"] if len(rest) > 1 else []
    for characters in (120, 80, 50, 30, 15):
        yield _line([_clipped(first, characters), *middle, *(_clipped(name, 2 * characters) for name in rest[-1:])])


def _clipped(name: str, characters: int) -> str:
    """The beginning of a name, cut where prose may be cut if that leaves half of it."""
    if len(name) <= characters:
        return name
    allowed = [gap.left for gap in boundaries.gaps(name[: characters + 1]) if gap.rank <= boundaries.SPACE]
    return name[: allowed[-1] if allowed and allowed[-1] > characters // 2 else characters].rstrip() + "…"


class _Parts:
    """Iterates over the parts of one section."""

    def __init__(self, text: str, section: _Section, sizes: dict[Block, int], room: int, max_tokens: int):
        self._text, self._section, self._sizes, self._room = text, section, sizes, room
        self._most_repeated = max_tokens * _REPEAT_SHARE
        self._lead: list[Block] = []

    def __iter__(self) -> Iterator[_Part]:
        for _, blocks in groupby(self._section.blocks, key=lambda block: block.table):
            run = list(blocks)
            yield from self._of_table(run) if run[0].table >= 0 else self._of_prose(run)

    def _of_prose(self, run: list[Block]) -> Iterator[_Part]:
        stem: list[Block] = []
        for block, before in zip(run, [None, *run], strict=False):
            if block.kind == "heading" or self._is_stem(block):
                self._lead.append(block)
                stem = [block] if block.kind == "paragraph" else stem
            elif block.kind == "list":
                again = before is not None and before.kind == "list"
                yield from self._with_lead([block], _IN_LIST if again else _AT_BLOCK, stem)
            else:
                stem = []
                yield from self._with_lead([block], _AT_BLOCK)

    def _is_stem(self, block: Block) -> bool:
        """Whether it opens what follows: "Avoid in:". One inside a list is not repeated: where it ends is unknown."""
        return self._text[block.end - 1] == ":" and block is not self._section.blocks[-1]

    def _of_table(self, run: list[Block]) -> Iterator[_Part]:
        rows = [i for i, block in enumerate(run) if block.kind == "table-row"] or [len(run) - 1]
        opening, rest = run[: rows[0]], run[rows[0] :]
        if self._tokens([*self._lead, *run]) <= self._room:
            self._lead += opening
            yield from self._with_lead(rest, _AT_BLOCK)
            return
        header: list[Block] = []
        for block, after in zip(run, [*run[1:], None], strict=True):
            if block.kind == "table-header" and after is not None:
                header = [*header, block] if self._lead and self._lead[-1].kind == "table-header" else [block]
                self._lead.append(block)
            elif block.kind == "caption" and block.start < run[rows[0]].start:
                self._lead.append(block)
            else:
                first = block is run[rows[0]]
                cost = _BEFORE_CAPTION if block.kind == "caption" else _AT_BLOCK if first else _IN_TABLE
                yield from self._with_lead([block], cost, header if block.kind == "table-row" else ())

    def _with_lead(self, body: list[Block], cost: float, repeat: Sequence[Block] = ()) -> Iterator[_Part]:
        lead, self._lead = self._lead, []
        apart = 0 if self._tokens([*lead, *body]) <= self._room else self._too_long(lead)
        if apart:
            yield from self._with_lead(lead[:apart], _AT_BLOCK)
        lead = lead[apart:]
        repeat = repeat if self._tokens(repeat) <= self._most_repeated else ()
        headings = list(takewhile(lambda block: block.kind == "heading", lead))
        first = (*lead, *body)[0]
        yield _Part(
            start=first.start,
            opened=headings[-1].end if headings else first.start,
            body=body[0].start,
            end=body[-1].end,
            page=first.page,
            path=self._section.path,
            headings=tuple(_one_line(self._text[b.start : b.end]).casefold() for b in headings),
            lead_tokens=self._tokens(lead),
            tokens=self._tokens(body),
            cost=cost,
            repeat=(repeat[0].start, repeat[-1].end) if repeat else None,
            repeat_tokens=self._tokens(repeat),
        )

    def _too_long(self, lead: list[Block]) -> int:
        """How many blocks from the front are read as prose, so that the rest leaves room for what it leads to."""
        return next(n for n in range(len(lead) + 1) if self._tokens(lead[n:]) <= self._room * _LEAD_SHARE)

    def _tokens(self, blocks: Iterable[Block]) -> int:
        return sum(self._sizes[block] for block in blocks)


def _fitting(text: str, parts: list[list[_Part]], rooms: list[int], tokens: _Tokens) -> list[list[_Part]]:
    """The parts, those that do not fit replaced by what they can be cut into, rank by rank, all parts together."""
    long = [
        (part, room - max(part.lead_tokens, part.repeat_tokens))
        for group, room in zip(parts, rooms, strict=True)
        for part in group
        if part.tokens + max(part.lead_tokens, part.repeat_tokens) > room
    ]
    fragments = {part: [_Fragment(part.body, part.end, part.cost, part.tokens)] for part, _ in long}
    gaps = {part: boundaries.gaps(text[part.body : part.end]) for part, _ in long}
    for rank in _AT_RANK:
        for part, room in long:
            fragments[part] = _cut_at(part, fragments[part], gaps[part], rank, room)
        _count(text, fragments.values(), tokens)
    while any([_halve(fragments[part], room) for part, room in long]):
        _count(text, fragments.values(), tokens)
    ready = {part: _rejoined(fragments[part], room) for part, room in long}
    return [[unit for part in group for unit in _units(part, ready.get(part))] for group in parts]


@dataclass
class _Fragment:
    start: int
    end: int
    cost: float
    tokens: int = -1  # not counted yet


def _cut_at(
    part: _Part, fragments: list[_Fragment], gaps: list[boundaries.Gap], rank: int, room: int
) -> list[_Fragment]:
    """The fragments longer than `room` cut at every gap of `rank`."""
    allowed = iter([gap for gap in gaps if gap.rank == rank])
    gap = next(allowed, None)
    done: list[_Fragment] = []
    for fragment in fragments:
        start, cost = fragment.start, fragment.cost
        while gap and part.body + gap.left < fragment.end:
            if fragment.tokens > room and part.body + gap.left > start:
                done.append(_Fragment(start, part.body + gap.left, cost))
                start, cost = part.body + gap.right, _AT_RANK[rank]
            gap = next(allowed, None)
        done.append(fragment if start == fragment.start else _Fragment(start, fragment.end, cost))
    return done


def _halve(fragments: list[_Fragment], room: int) -> bool:
    """Cuts words too long for `room` in two; whether there were any."""
    halves: list[_Fragment] = []
    for fragment in fragments:
        middle = (fragment.start + fragment.end) // 2
        if fragment.tokens > room and middle > fragment.start:
            halves += _Fragment(fragment.start, middle, fragment.cost), _Fragment(middle, fragment.end, _IN_A_WORD)
        else:
            halves.append(fragment)
    found = len(halves) > len(fragments)
    fragments[:] = halves
    return found


def _rejoined(fragments: list[_Fragment], room: int) -> list[_Fragment]:
    """Single words put together again to a grain of the room, over the worst gaps first: fewer choices to weigh."""
    for cost in sorted({f.cost for f in fragments[1:] if f.cost >= _AT_RANK[boundaries.SPACE]}, reverse=True):
        joined = fragments[:1]
        for fragment in fragments[1:]:
            last = joined[-1]
            if fragment.cost == cost and last.tokens + fragment.tokens <= room // _GRAINS_A_ROOM:
                joined[-1] = _Fragment(last.start, fragment.end, last.cost, last.tokens + fragment.tokens)
            else:
                joined.append(fragment)
        fragments = joined
    return fragments


def _count(text: str, many: Iterable[list[_Fragment]], tokens: _Tokens) -> None:
    new = [fragment for fragments in many for fragment in fragments if fragment.tokens < 0]
    for fragment, count in zip(new, tokens.of(text[f.start : f.end] for f in new), strict=True):
        fragment.tokens = count


def _units(part: _Part, fragments: list[_Fragment] | None) -> Iterator[_Part]:
    if fragments is None:
        yield part
        return
    head, *others = fragments
    yield replace(part, end=head.end, tokens=head.tokens)
    for f in others:
        later = replace(part, start=f.start, opened=f.start, body=f.start, headings=(), lead_tokens=0)
        yield replace(later, end=f.end, tokens=f.tokens, cost=f.cost)


def _packed(units: list[_Part], room: int, aim: int) -> list[list[_Part]]:
    """Runs of units, each within `room`: those with the least cost of cuts and of distance from the ideal size."""
    sizes = [max(1, unit.lead_tokens + unit.tokens) for unit in units]
    total = sum(sizes)
    if total <= room:
        return [units]
    ideal = total / max(2, round(total / max(1, aim)))
    best: list[tuple[float, int]] = [(0.0, 0)]  # by number of units: the cost, and where the last run begins
    for end in range(1, len(units) + 1):
        size, options = 0, []
        for begin in range(end - 1, -1, -1):
            size += sizes[begin]
            shown = size + (units[begin].repeat_tokens if _repeats(units[begin]) else 0)
            if size > room and options:
                break
            if shown <= room or begin == end - 1:
                options.append((best[begin][0] + (shown / ideal - 1) ** 2 + (units[begin].cost if begin else 0), begin))
        best.append(min(options))
    runs, end = [], len(units)
    while end:
        runs.append(units[best[end][1] : end])
        end = best[end][1]
    return runs[::-1]


def _repeats(unit: _Part) -> bool:
    return unit.repeat is not None and unit.start > unit.repeat[0]


def _piece(document: Document, run: list[_Part], section: _Path, line: str) -> Piece:
    text, first, end = document.text, run[0], run[-1].end
    names = _names(document.title, section)
    said = line == _line(names) and {name.casefold() for name in names}.issuperset(first.headings)
    shown = text[first.opened if said else first.start : end].lstrip()  # a heading in the path is not said twice
    repeated = text[slice(*first.repeat)] + "\n" if _repeats(first) else ""
    return Piece(first.start, end, first.page, section, line + repeated + shown)


def _one_line(name: str) -> str:
    return " ".join(name.split())
