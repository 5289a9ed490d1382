"""python -m bench.ablation [HOME]: what each piece of retrieval brings on the golden questions of what serves in HOME.

Totals only: which question went wrong is not shown, so that nobody tunes on one. Plain rankings are exact cosines over
the very vectors of the release; the last line of each source is the search that serves.
"""

import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from probatum import search
from probatum.asking import answers
from probatum.encoder import Encoder
from probatum.golden import GoldenQuestion, read_golden
from probatum.release import Releases, SourceState
from probatum.search import MEMBERS_SHOWN, Searcher
from probatum.settings import settings
from probatum.tables import open_table

HOME = Path(__file__).parents[1] / ".demo" / "home"
_RECORDS = (
    ("titles alone, plain cosine", ("title",), False),
    ("+ official synonyms as further texts", ("title", "synonym"), False),
    ("+ the lexicon", ("title", "synonym", "lexicon"), False),
    ("+ families folded", ("title", "synonym", "lexicon"), True),
)
_SECTIONS = (
    ("sections alone, plain cosine", ("section",), False),
    ("+ each sentence under its headings", ("section", "sentence"), False),
)


class Plain:
    """The texts of one source, ranked by cosine alone."""

    def __init__(self, home: Path, state: SourceState, encoder: Encoder):
        columns = ["document_id", "chunk_id", "family", "kind", "start", "end", "vector"]
        texts = open_table(home / "lance", state.texts.name, state.texts.version).read(columns)
        self._vectors = np.stack(texts["vector"].to_numpy()).astype(np.float32)
        self._rows = texts.drop_columns(["vector"]).to_pylist()
        documents = open_table(home / "lance", state.documents.name, state.documents.version).read(["id", "text"])
        self._texts = dict(zip(documents["id"].to_pylist(), documents["text"].to_pylist(), strict=True))
        self._encoder = encoder
        passages: dict[str, tuple[int, int]] = {}
        for row in self._rows:
            start, end = passages.get(row["chunk_id"], (row["start"], row["end"]))
            passages[row["chunk_id"]] = (min(start, row["start"]), max(end, row["end"]))
        self._passages = passages

    def hits(self, question: str, kinds: Collection[str], folded: bool, k: int) -> list[SimpleNamespace]:
        """The first k chunks, or with `folded` the first k families, each with the members a hit would show."""
        cosines = self._vectors @ self._encoder.encode_query(question)
        groups: dict[str, list[str]] = {}
        chosen: dict[str, dict] = {}
        for i in np.argsort(-cosines, kind="stable"):
            row = self._rows[i]
            if row["kind"] not in kinds or row["chunk_id"] in chosen:
                continue
            key = row["family"] if folded else row["chunk_id"]
            if len(groups) == k and key not in groups:
                break
            chosen[row["chunk_id"]] = row
            groups.setdefault(key, []).append(row["chunk_id"])
        return [self._hit([chosen[c] for c in group[: 1 + MEMBERS_SHOWN]]) for group in groups.values()]

    def _hit(self, rows: Sequence[dict]) -> SimpleNamespace:
        first, *others = rows
        start, end = self._passages[first["chunk_id"]]
        return SimpleNamespace(
            document_id=first["document_id"],
            text=self._texts[first["document_id"]][start:end],
            members=[SimpleNamespace(document_id=row["document_id"]) for row in others],
        )


def main() -> None:
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else HOME
    manifest = Releases(home).current()
    if manifest is None:
        sys.exit(f"No release serves in {home}. Run `make demo` first, or name a home.")
    encoder = Encoder.load(precision=manifest.encoder.precision, adapter=manifest.encoder.adapter)
    searcher = Searcher.of(home, manifest, encoder)
    print(f"release {manifest.id}, encoder {manifest.encoder.name}, {manifest.encoder.precision}")
    for name, state in manifest.sources.items():
        questions = read_golden(settings().expectations, name, state.release)
        print(f"\n{name} {state.release}: {len(questions)} golden questions")
        plain = Plain(home, state, encoder)
        for title, kinds, folded in _SECTIONS if name == "guidelines" else _RECORDS:
            _line(title, questions, [plain.hits(q.question, kinds, folded, 10) for q in questions])
        with _no_vocabulary():
            _line("+ words, weights, choice of the member", questions, list(_asked(searcher, questions)))
        _line("+ formal words for bedside ones: what serves", questions, list(_asked(searcher, questions)))


def _asked(searcher: Searcher, questions: Sequence[GoldenQuestion]) -> Iterator[list]:
    for question in questions:
        yield searcher.search(question.question, source=question.source, k=10)


class _no_vocabulary:
    """Search without the vocabulary, for as long as it lasts."""

    def __enter__(self):
        self._meant, search.meant = search.meant, lambda question: ()

    def __exit__(self, *_):
        search.meant = self._meant


def _line(title: str, questions: Sequence[GoldenQuestion], found: Sequence[Sequence]) -> None:
    ranks = [
        next((n for n, hit in enumerate(hits, 1) if answers(question.expects, hit)), 99)
        for question, hits in zip(questions, found, strict=True)
    ]
    lay = [rank for rank, question in zip(ranks, questions, strict=True) if question.slice == "lay"]
    parts = [f"@{k} {np.mean([rank <= k for rank in ranks]):.3f}" for k in (1, 3, 10)]
    print(f"  {title:46s} {'  '.join(parts)}" + (f"  lay @3 {np.mean([r <= 3 for r in lay]):.3f}" if lay else ""))


if __name__ == "__main__":
    main()
