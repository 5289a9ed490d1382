"""Search: a question in, cited hits out, always from one published release.

    searcher = Searcher.open(home)                       # the release that serves
    searcher.search("broken collarbone", source="icd10") -> [Hit(rank=1, document_id="S42.009A", …), …]

For each source:
1. An exact code, item id or RxCUI in the question comes first, whatever the rest says.
2. Texts near the question's vector and chunks that match its words (BM25) name the candidate families.
3. Every text of those families is compared exactly. A document scores its best text or the best of a document above it,
   plus its share of the words; its family takes its best score.
4. Inside a family, the member is chosen by the words of the question that tell the members apart, and where the
   question does not say, by what the source says is usual (billable, first encounter).
5. Hits of one family fold into one that shows its members.

Nothing here can write. The weights were chosen on the tuning questions of bench/dev, never on golden questions.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson

from probatum.ended import must_be_readable
from probatum.enough import is_enough
from probatum.errors import Damaged, Misconfigured, Rejected
from probatum.freshness import stale
from probatum.observing import observed_search
from probatum.release import Candidate, Manifest, Releases, SourceState, today
from probatum.settings import settings
from probatum.spelling import Spelling
from probatum.tables import PinnedTable, open_table
from probatum.vocabulary import meant
from probatum.wording import (
    LATER_ENCOUNTER,
    MOST_QUESTION_CHARACTERS,
    check_question,
    dotted,
    keywords,
    normalised,
    stems,
)

if TYPE_CHECKING:
    from probatum.encoder import Encoder

MOST_HITS = 100
MEMBERS_SHOWN = 5
ACCEPTED = "accepted"  # of a document of which nothing else is said
PIECES = ("section", "sentence")  # kinds of texts that are cut from a document of sections
FILTERS = ("billable", "tier", "restriction", "document_id", "family", "kind")
LEAST_A_SOURCE, LEAST_MERGED = 3, 10  # without a source named, each has at least so many among so many hits
_NEAREST_TEXTS, _MATCHING_CHUNKS = 400, 300
_NAMED_IN_FULL = ("icd10",)  # its own lexicon says how each code is called: a question needs no formal words
_FAMILIES_COMPARED, _PASSAGES_COMPARED = 12, 60
# weights, in the unit of a cosine
_WORDS = 0.4  # best BM25 of the question counts this much
_WORDS_OF_PASSAGE, _OF_DOCUMENT = 0.3, 0.25
_PASSAGES_WEIGHED = 2
_OF_PIECE = 0.35  # the rest is the best sentence's
_SENTENCES, _SENTENCES_WEIGHED = 0.5, 3  # a passage that answers seldom does so in one sentence alone
_TITLE_SAID, _TITLE_NEAR = 0.1, 0.35  # a document's title: its share of words in the question, and its cosine
_NO_SENTENCE = 0.05  # a passage without sentences of its own is taken by its sections, a little lower
_ABOVE = 0.02  # what a text of a document above loses
_NAMED = 0.15  # a name of the document stands in the question, word for word
_TITLE, _TELLING, _UNASKED = (
    0.3,
    0.35,
    0.12,
)  # inside a family: title's cosine, words that tell apart, words not asked for
_UNASKED_MOST = 2.0
_SAYS_NOTHING = stems("unspecified initial encounter without other closed")
_CODE = re.compile(
    r"\b[A-Za-z][0-9][0-9A-Za-z](?:\.?[0-9A-Za-z]{1,4})?\b|\b[A-Z]{2}\d(?:\.[0-9A-Z]{1,4})?\b|\b[A-Za-z]{2,8}-[0-9A-Za-z-]{2,20}\b|\b\d{3,18}\b"
)
_ROW = (
    "document_id",
    "chunk_id",
    "family",
    "parent",
    "kind",
    "text",
    "prior",
    "page",
    "section",
    "start",
    "end",
    "match_start",
    "match_end",
)


@dataclass(frozen=True)
class Member:
    """Another document of a hit's family, as it ranked."""

    document_id: str
    title: str


@dataclass(frozen=True)
class Hit:
    """One answer, with everything needed to replay it: text is document[start:end] of the release named."""

    rank: int
    source: str
    release: str
    source_release: str
    document_id: str
    title: str
    section: str
    page: int
    text: str
    matched: str  # the very words that were found
    start: int
    end: int
    citation: str
    valid_from: str
    file: str
    sha256: str
    score: float
    exact: bool
    members: tuple[Member, ...] = ()
    meta: dict = field(default_factory=dict)
    chunk_id: str = ""
    stale: str = ""  # why the source may be out of date; "" when it is not
    trust: str = ACCEPTED  # what its owner says of the document; else that it was published through the gate
    flags: dict = field(default_factory=dict)  # {what looks meant for a program rather than a reader: how often}
    enough: bool = True  # whether anything its source has is near enough to the question to be an answer (`enough`)

    def as_json(self) -> dict:
        return asdict(self)


def nothing_good_enough(hits: Sequence[Hit]) -> bool:
    """Whether no source has an answer: the hits are the nearest there is, and not near."""
    return not any(hit.enough for hit in hits)


class Searcher:
    """Search in one release (or, for the audit, in a candidate: the same code answers both)."""

    def __init__(self, home: Path, content: Manifest | Candidate, encoder: "Encoder"):
        self.release = getattr(content, "id", "candidate")
        self._home, self._content, self._encoder = home, content, encoder
        self._opened: dict[tuple[str, int, int], _SourceSearch] = {}
        self._spellings: dict[tuple[int, ...], Spelling] = {}
        self._must_be_readable()
        self._in_force(None)  # what is not whole says so before the first question

    @classmethod
    def open(cls, home: Path, encoder: "Encoder | None" = None) -> "Searcher":
        """The release that serves. Raises Misconfigured before the first publish, Damaged if it is not whole."""
        manifest = Releases(home).current()
        if manifest is None:
            raise Misconfigured(
                "No release has been published yet.", safe="Nothing was searched.", next="Run `probatum refresh --all`."
            )
        return cls.of(home, manifest, encoder) if encoder else cls.of_release(home, manifest)

    @classmethod
    def of(cls, home: Path, release: Manifest | Candidate, encoder: "Encoder") -> "Searcher":
        wanted, here = release.encoder, encoder.identity
        if (wanted.digest, wanted.adapter) != (here.digest, here.adapter):
            raise Misconfigured(
                f"The release was made by encoder {release.encoder.name} ({release.encoder.digest[:12]}…, {release.encoder.precision}), "
                f"loaded is {encoder.identity.name} ({encoder.identity.digest[:12]}…, {encoder.identity.precision}).",
                safe="Nothing was searched: vectors of two encoders are never compared.",
                next="Set PROBATUM_ENCODER (and PROBATUM_ENCODER_PRECISION) to the release's, or refresh with the new one.",
            )
        return cls(home, release, encoder)

    @classmethod
    def of_release(cls, home: Path, manifest: Manifest) -> "Searcher":
        """Any release, with the encoder of the settings in the precision the release was made with."""
        from probatum.encoder import Encoder

        made = manifest.encoder
        chosen = settings().model_copy(update={"home": home})  # where the adapter is that it names
        return cls.of(home, manifest, Encoder.load(chosen, precision=made.precision, adapter=made.adapter))

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self._content.sources)

    @observed_search
    def search(
        self,
        question: str,
        *,
        source: str | None = None,
        k: int = 10,
        where: Mapping[str, object] | None = None,
        as_of: date | None = None,
    ) -> list[Hit]:
        """The best k hits (at most 100). where: filters as values, e.g. {"billable": True, "tier": "1"}.

        Without a source all are searched, and each has at least three among ten hits. as_of: answered from the editions in force
        on that day; without it, today's (of a candidate: its own). Raises Rejected for an empty or endless question and
        for a day before the first edition, Misconfigured for an unknown source or filter.
        """
        if not 1 <= k <= MOST_HITS:
            raise Rejected(
                f"{k} hits were asked for (1 to {MOST_HITS} possible).",
                safe="Nothing was searched.",
                next=f"Ask for 1 to {MOST_HITS}.",
            )
        if unknown := sorted(set(where or {}) - set(FILTERS)):
            raise Misconfigured(
                f"Unknown filter {unknown[0]}.", safe="Nothing was searched.", next=f"Filters: {', '.join(FILTERS)}."
            )
        if source and source not in self._content.sources:
            raise Misconfigured(
                "Unknown source.", safe="Nothing was searched.", next=f"Sources here: {', '.join(self.sources)}."
            )
        try:
            return self._search(question, source, k, where or {}, as_of)
        except Damaged:  # what was open is gone from the disk: somebody cleaned up, or it is damage indeed
            self._must_be_readable()
            raise

    def _search(
        self, question: str, source: str | None, k: int, where: Mapping[str, object], as_of: date | None
    ) -> list[Hit]:
        editions = self._in_force(as_of, source)
        asked = self._asked(question, editions)
        chosen = [source] if source else list(editions)
        wide = k if source else max(k, LEAST_MERGED)  # so that who asks for three gets the first three of ten
        found = {name: editions[name].search(asked, wide, where) for name in chosen}
        ranked = found[source] if source else _merged(found, question, wide)
        late = {name: self._stale(name, editions[name].state) if as_of is None else "" for name in chosen}
        return [replace(hit, rank=rank, stale=late[hit.source]) for rank, hit in enumerate(ranked[:k], 1)]

    def mended(self, question: str) -> str:
        """The question as it is read: a slip of the pen mended by the words of all sources."""
        return self._spelling(self._in_force(None)).corrected(question)

    def vector_of(self, question: str) -> np.ndarray:
        """The question as a unit vector, for who watches what is asked."""
        return self._encoder.encode_query(question)

    def _must_be_readable(self) -> None:
        if isinstance(self._content, Manifest):
            must_be_readable(self._home, self._content.id)

    def _in_force(self, as_of: date | None, source: str | None = None) -> dict[str, "_SourceSearch"]:
        """Every source as it stands on a day. A candidate is audited as what it brings, whenever that takes force."""
        if as_of is not None:
            self._refuse_before_the_first(as_of, source)
        by_day = isinstance(self._content, Manifest) or as_of is not None
        states = self._content.in_force(as_of or today()) if by_day else self._content.sources
        return {name: self._open(name, state) for name, state in states.items()}

    def _stale(self, source: str, state: SourceState) -> str:
        """A candidate is no older than the publisher has it."""
        return stale(self._home, source, state) if isinstance(self._content, Manifest) else ""

    def _refuse_before_the_first(self, as_of: date, source: str | None) -> None:
        for name in [source] if source else self.sources:
            first = self._content.of_source(name)[-1]
            if first.valid_from > as_of:
                raise Rejected(
                    f"Release {self.release} has no edition of {name} that was in force on {as_of}; "
                    f"its first, {first.release}, took force on {first.valid_from}.",
                    safe="Nothing was searched.",
                    next="Ask for a later day, or name a source that goes back so far with --source.",
                )

    def _open(self, name: str, state: SourceState) -> "_SourceSearch":
        key = (name, state.documents.version, state.texts.version)
        if key not in self._opened:
            digest = self._encoder.identity.digest
            self._opened[key] = _SourceSearch(
                name,
                state,
                self.release,
                open_table(self._home / "lance", state.documents.name, state.documents.version),
                open_table(self._home / "lance", state.texts.name, state.texts.version, encoder_digest=digest),
                self._encoder,
            )
        return self._opened[key]

    def _asked(self, question: str, editions: Mapping[str, "_SourceSearch"]) -> "_Question":
        """The question as asked, and midway between it and what it means in formal words."""
        check_question(question)
        text = self._spelling(editions).corrected(question)
        vector = self._encoder.encode_query(text)
        formal = meant(text)
        if not formal:
            return _Question(question, text, text, keywords(text), vector, vector)
        fuller = f"{text} ({', '.join(formal)})"[:MOST_QUESTION_CHARACTERS]
        both = vector + self._encoder.encode_query(fuller)
        return _Question(question, text, fuller, keywords(fuller), vector, both / np.linalg.norm(both))

    def _spelling(self, editions: Mapping[str, "_SourceSearch"]) -> Spelling:
        """The words of every text of these editions; made at the first question."""
        key = tuple(map(id, editions.values()))
        if key not in self._spellings:
            texts = (text for source in editions.values() for text in source.texts())
            self._spellings[key] = Spelling(texts, self._encoder.words())
        return self._spellings[key]


@dataclass(frozen=True)
class _Question:
    typed: str
    text: str  # its slips mended
    fuller: str  # with formal words added
    keywords: frozenset[str]
    vector: np.ndarray
    fuller_vector: np.ndarray


@dataclass
class _Document:
    """One candidate document (of records) or passage (of sections) while it is being scored."""

    id: str
    family: str
    parent: str
    prior: float
    title: str = ""
    title_cosine: float = -1.0
    sentences: list[float] = field(default_factory=list)  # the cosine of each
    cosine: float = -1.0
    best: dict | None = None  # the row that matched best
    names: list[str] = field(default_factory=list)
    words: float = 0.0
    score: float = 0.0


class _Titles:
    """What the titles of a source's documents say of a question.

    A title whose words the question holds names the right document. One that is merely near it does not: every text of
    the document was encoded under that title, so its nearness was counted already and is taken off again.
    """

    def __init__(self, documents: PinnedTable, encoder: "Encoder"):
        self._documents, self._encoder = documents, encoder
        self._vectors: dict[str, np.ndarray] = {}

    def worth(self, asked: _Question, vector: np.ndarray, ids: Iterable[str]) -> dict[str, float]:
        """{document id: what its title adds to the score of its passages}."""
        return {i: _TITLE_SAID * self._said(i, asked.keywords) - _TITLE_NEAR * self._near(i, vector) for i in ids}

    def _said(self, document_id: str, keywords: frozenset[str]) -> float:
        """The share of the title's words in the question, rare words counting more."""
        words = self._words[document_id]
        return sum(self._rarity[w] for w in words & keywords) / (sum(self._rarity[w] for w in words) or 1.0)

    def _near(self, document_id: str, vector: np.ndarray) -> float:
        title = self._all[document_id]
        if title not in self._vectors:
            self._vectors[title] = self._encoder.encode([title])[0]
        return float(self._vectors[title] @ vector)

    @cached_property
    def _all(self) -> dict[str, str]:
        return {row["id"]: row["title"] for row in self._documents.read(["id", "title"]).to_pylist()}

    @cached_property
    def _words(self) -> dict[str, frozenset[str]]:
        return {i: stems(title) for i, title in self._all.items()}

    @cached_property
    def _rarity(self) -> dict[str, float]:
        count = Counter(word for words in self._words.values() for word in words)
        return {word: math.log((len(self._all) + 1) / (n + 0.5)) for word, n in count.items()}


class _SourceSearch:
    def __init__(
        self,
        name: str,
        state: SourceState,
        release: str,
        documents: PinnedTable,
        texts: PinnedTable,
        encoder: "Encoder",
    ):
        self.name, self.state, self._release, self._documents, self._texts = name, state, release, documents, texts
        self._titles = _Titles(documents, encoder)
        self._encoder = encoder

    def search(self, asked: _Question, k: int, where: Mapping[str, object]) -> list[Hit]:
        exact = self._exact(asked.typed, where)
        words, vector = (
            (asked.text, asked.vector) if self.name in _NAMED_IN_FULL else (asked.fuller, asked.fuller_vector)
        )
        matching = self._texts.matching(words, _MATCHING_CHUNKS, where=where)
        nearest = self._texts.nearest(vector, _NEAREST_TEXTS, where=where)
        compared = _PASSAGES_COMPARED if self._of_sections else _FAMILIES_COMPARED
        families = _rough_families(nearest, matching)[: max(compared, k)]
        groups: dict[str, list[_Document]] = defaultdict(list)
        for document in self._compared(asked, vector, families, matching, where):
            groups[document.family].append(document)
        best = sorted(groups, key=lambda f: (-max(d.score for d in groups[f]), f))
        hits = self._hits(exact, [_within(groups[family], asked.keywords) for family in best], k)
        enough = bool(exact) or self._is_enough(dict.fromkeys((asked.text, words)), nearest, where)
        return [replace(hit, enough=enough) for hit in hits]

    def _is_enough(self, words: Iterable[str], nearest: Sequence[Mapping], where: Mapping[str, object]) -> bool:
        """Whether the nearest is near enough, by the base: an adapter for questions brings them nearer to whatever there is."""
        identity = self._encoder.identity
        if identity.sides == "query":
            vector = np.sum([self._encoder.encode_plainly(said) for said in words], axis=0)
            nearest = self._texts.nearest(vector / np.linalg.norm(vector), 1, where=where)
        near = 1.0 - nearest[0]["_distance"] if nearest else -1.0
        return is_enough(identity.floors, near, of_sections=self._of_sections)

    def texts(self) -> list[str]:
        return self._texts.read(["text"])["text"].to_pylist()

    @cached_property
    def _of_sections(self) -> bool:
        """Whether this is a source of passages rather than of records: most of its texts are pieces of documents."""
        kinds = Counter(self._texts.read(["kind"])["kind"].to_pylist())
        return sum(kinds[kind] for kind in PIECES) > kinds.total() / 2

    def _exact(self, question: str, where: Mapping[str, object]) -> list[str]:
        """Documents whose code, item id or RxCUI stands in the question, in its order."""
        whole = question.strip()
        wanted: list[str] = []
        for word in [whole, *_CODE.findall(question)]:
            if word == whole or (any(c.isdigit() for c in word) and (word.isupper() or word.isdigit())):
                wanted += [word, word.upper(), dotted(word.upper())]
        wanted = list(dict.fromkeys(w for w in wanted if len(w) <= 40))
        if not wanted:
            return []
        by_id = [row["id"] for row in self._documents.where("id", wanted, columns=["id"])]
        digits = [w for w in wanted if w.isdigit()]
        by_id += [row["id"] for row in self._documents.where("code", digits, columns=["id"])] if digits else []
        if where and by_id:
            allowed = self._texts.where("document_id", by_id, columns=["document_id"], also=where)
            by_id = [row["document_id"] for row in allowed]
        return list(dict.fromkeys(sorted(by_id, key=lambda i: wanted.index(i) if i in wanted else len(wanted))))

    def _compared(
        self,
        asked: _Question,
        vector: np.ndarray,
        families: Sequence[str],
        matching: Sequence[dict],
        where: Mapping[str, object],
    ) -> list[_Document]:
        """Every document of the candidate families, scored."""
        if not families:
            return []
        documents: dict[str, _Document] = {}
        for row in self._texts.families(vector, families, _ROW, where=where).to_pylist():
            key = row["chunk_id"]
            if key not in documents:
                documents[key] = _Document(row["document_id"], row["family"], row["parent"], row["prior"])
            _take_in(documents[key], row)
        most = matching[0]["_score"] if matching else 1.0
        for row in matching:
            if row["chunk_id"] in documents:
                documents[row["chunk_id"]].words = row["_score"] / most
        if self._of_sections:
            _score_passages(documents.values(), self._titles.worth(asked, vector, {d.id for d in documents.values()}))
        else:
            _score_records(documents.values(), asked)
        return list(documents.values())

    def _hits(self, exact: Sequence[str], folded: Sequence[list[_Document]], k: int) -> list[Hit]:
        shown: list[tuple[_Document, list[_Document], bool]] = [(group[0], group[1:], False) for group in folded]
        if exact:
            rows = {
                r["document_id"]: r
                for r in self._texts.where("document_id", list(exact), columns=_ROW)
                if r["kind"] in ("title", "section")
            }
            first = [
                (_Document(i, rows[i]["family"], "", 0.0, best=rows[i], score=10.0), [], True)
                for i in exact
                if i in rows
            ]
            ids = {document.id for document, _, _ in first}
            shown = first + [
                (d, [m for m in others if m.id not in ids], x) for d, others, x in shown if d.id not in ids
            ]
        shown = shown[:k]
        ids = {d.id for d, others, _ in shown for d in [d, *others[:MEMBERS_SHOWN]]}
        documents = {row["id"]: row for row in self._documents.where("id", sorted(ids))}
        return [self._hit(d, others[:MEMBERS_SHOWN], exact, documents) for d, others, exact in shown]

    def _hit(self, found: _Document, others: Iterable[_Document], exact: bool, documents: Mapping[str, dict]) -> Hit:
        document, row = documents[found.id], found.best
        own = row["document_id"] == found.id
        start, end = (row["start"], row["end"]) if own else (0, len(document["text"]))
        members = {m.id: Member(m.id, documents[m.id]["title"]) for m in others if m.id != found.id}
        meta = orjson.loads(document["meta"])
        return Hit(
            rank=0,
            source=self.name,
            release=self._release,
            source_release=self.state.release,
            document_id=found.id,
            title=document["title"],
            section=row["section"],
            page=row["page"],
            text=document["text"][start:end],
            matched=row["text"],
            start=start,
            end=end,
            citation=self._citation(document, row),
            valid_from=document["valid_from"],
            file=document["file"],
            sha256=document["sha256"],
            score=round(found.score, 4),
            exact=exact,
            members=tuple(members.values()),
            meta=meta,
            chunk_id=row["chunk_id"] if own else f"{found.id}#record",
            trust=meta.get("trust") or ACCEPTED,
            flags=meta.get("flags") or {},
        )

    def _citation(self, document: Mapping, row: Mapping) -> str:
        place = [document["id"] if not self._of_sections else document["title"]]
        place += [row["section"]] if row["section"] else []
        place += [f"page {row['page']}"] if row["page"] else []
        return f"{', '.join(place)} ({self.name} {self.state.release}, in force from {document['valid_from']}; release {self._release})"


def _take_in(document: _Document, row: dict) -> None:
    """Note what one text of a document says of it."""
    cosine = 1.0 - row["_distance"]
    if row["kind"] == "title":
        document.title = row["text"]
    if row["kind"] in ("title", "section"):
        document.title_cosine = max(document.title_cosine, cosine)
    if row["kind"] == "sentence":
        document.sentences.append(cosine)
    else:
        document.names.append(row["text"])
    if cosine > document.cosine:
        document.cosine, document.best = cosine, row


def _score_passages(passages: Iterable[_Document], titles: Mapping[str, float]) -> None:
    """A passage scores its best piece, its best sentence, its best sentences together, its share of the words, and its document.

    A document is worth the mean of its best passages (the right one is seldom right in one place only), and its title.
    """
    of_document: dict[str, list[float]] = defaultdict(list)
    for passage in passages:
        best = sorted(passage.sentences)[-_SENTENCES_WEIGHED:] or [passage.title_cosine - _NO_SENTENCE]
        sentence = max(best[-1], passage.title_cosine - _NO_SENTENCE)
        passage.score = (
            _OF_PIECE * passage.title_cosine + (1 - _OF_PIECE) * sentence + _SENTENCES * sum(best) / len(best)
        )
        passage.score += _WORDS_OF_PASSAGE * passage.words
        of_document[passage.id].append(passage.score)
    worth = {
        i: sum(sorted(scores)[-_PASSAGES_WEIGHED:]) / len(scores[-_PASSAGES_WEIGHED:])
        for i, scores in of_document.items()
    }
    for passage in passages:
        passage.score += _OF_DOCUMENT * worth[passage.id] + titles[passage.id]


def _score_records(records: Iterable[_Document], asked: _Question) -> None:
    """A record scores its best text, or a little less than the best of a record above it, its words, and its name."""
    said = normalised(asked.text)
    by_id = {record.id: record for record in records}
    for record in sorted(by_id.values(), key=lambda d: len(d.id)):
        above = by_id.get(record.parent)
        if above and above.cosine - _ABOVE > record.cosine:
            record.cosine, record.best = above.cosine - _ABOVE, above.best
        named = any(normalised(name) in said for name in record.names if len(name) > 3)
        record.score = record.cosine + _WORDS * record.words + _NAMED * named


def _rough_families(nearest: Sequence[dict], matching: Sequence[dict]) -> list[str]:
    """Families of the candidates, best first, by the best cosine plus the best share of BM25 seen in each."""
    cosine: dict[str, float] = {}
    for row in nearest:
        cosine.setdefault(row["family"], 1.0 - row["_distance"])
    words: dict[str, float] = {}
    for row in matching:
        words.setdefault(row["family"], row["_score"] / matching[0]["_score"])
    least = min(cosine.values(), default=0.0)
    score = {f: cosine.get(f, least) + _WORDS * words.get(f, 0.0) for f in {**cosine, **words}}
    return sorted(score, key=lambda f: (-score[f], f))


def _within(group: list[_Document], asked: frozenset[str]) -> list[_Document]:
    """The members of a family, the one the question means first."""
    if len(group) == 1:
        return group
    titles = {d.id: stems(d.title) for d in group}
    count = Counter(word for words in titles.values() for word in words)
    everything = math.log(len(group) + 1)
    telling = {word: math.log((len(group) + 1) / (n + 0.5)) for word, n in count.items()}
    wanted = sum(telling[word] for word in asked if word in telling) or 1.0
    usual = not (asked & LATER_ENCOUNTER)

    def fit(document: _Document) -> float:
        words = titles[document.id]
        told = sum(telling[word] for word in words & asked) / wanted
        unasked = sum(telling[word] for word in words - asked - _SAYS_NOTHING) / (3 * everything)
        prior = document.prior if usual else 0.0
        return (
            document.score
            + _TITLE * document.title_cosine
            + _TELLING * told
            - _UNASKED * min(unasked, _UNASKED_MOST)
            + prior
        )

    return sorted(group, key=lambda d: (-fit(d), d.id))


def _merged(found: Mapping[str, list[Hit]], question: str, k: int) -> list[Hit]:
    """Hits of several sources in one list: exact ones first, then by cosine and the share of the question's words."""
    asked = keywords(question)

    def worth(hit: Hit) -> tuple:
        share = len(asked & stems(f"{hit.title} {hit.matched} {hit.text[:2000]}")) / (len(asked) or 1)
        return (hit.exact, share + min(hit.score, 1.5))

    ranked = sorted((hit for hits in found.values() for hit in hits), key=worth, reverse=True)
    least = min(LEAST_A_SOURCE, k // max(len(found), 1))
    kept = {id(hit) for hits in found.values() for hit in hits[:least]}
    room = k - len(kept)
    for hit in ranked:
        if id(hit) not in kept and room > 0:
            kept.add(id(hit))
            room -= 1
    return [hit for hit in ranked if id(hit) in kept]
