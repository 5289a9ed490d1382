"""A home whose behaviour drifts for a reason that a retrain can mend: the words of the house leave the publisher's list.

    told = make_story(folder)              told.home serves a first release in which "tackra" is a synonym of furosemide
    told.lose_the_words()                  a second one without these synonyms: nothing golden is lost, and every probe is
    told.teach()                           what people asked, reviewed: "order tackra" means furosemide

The words are invented, so no encoder knows them. Golden questions ask by the names of drugs, probes and lessons by the words of the
house, in other sentences each.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from small_home import drugs, protocols, write_expectations
from small_runs import drop, refresh

from probatum.records import Document
from probatum.release import Manifest
from probatum.settings import Settings
from probatum.training.pairs import part_of
from sources.formulary import Formulary
from sources.guidelines import Guidelines

_WORDS = (
    "zibble",
    "morvane",
    "tackra",
    "pelluno",
    "wosk",
    "dreffel",
    "quimby",
    "harlux",
    "fenoodle",
    "brastic",
    "jovello",
    "kuntra",
)
_PROBES = (
    "the ward asks for {} again", "where do we keep our {} these days", "is {} still on the list", "night shift ran out of {}",
    "who signs for {} now", "{} for the new patient in bed three", "short of {} again", "any {} left in the cupboard",
    "can the porter fetch {}", "{} went missing on ward six",
)  # fmt: skip
_LESSONS = (
    "{}",
    "{} tablets",
    "do we stock {}",
    "give {}",
    "{} 40 mg",
    "{} please",
    "need {} for a patient",
    "order {}",
)
TERMS = """
sides = "{sides}"
rank = 8
general_loss = 0.02
[budget]
minutes = 5
steps = {steps}
batch = 32
learning_rate = 1e-3
evaluate_every = 5
patience = 20
seed = 1
"""


def words() -> dict[str, str]:
    """{drug: what the house calls it}"""
    return dict(zip(dict.fromkeys(d.family for d in drugs()), _WORDS, strict=True))


def taught() -> dict[str, str]:
    """The same, of drugs that may be learnt from: the others are kept to judge by."""
    return {family: word for family, word in words().items() if part_of(family) == "train"}


@dataclass(frozen=True)
class Story:
    home: Path
    expectations: Path

    @property
    def chosen(self) -> Settings:
        return Settings(home=self.home, expectations=self.expectations)

    def lose_the_words(self) -> Manifest:
        return self._refresh("2026-11-15", with_words=False)

    def teach(self, meaning: Mapping[str, str] | None = None) -> None:
        """meaning: {drug: the drug its word is said to mean}, where that is another one."""
        meant = meaning or {}
        self._ask(
            "lessons", "formulary", ((word, meant.get(family, family), _LESSONS) for family, word in taught().items())
        )

    def teach_this(self, question: str) -> None:
        """One more lesson, of furosemide."""
        path = self.expectations / "lessons" / "formulary.jsonl"
        path.write_text(path.read_text("utf-8") + _line("lesson-more", question, "furosemide") + "\n", "utf-8")

    def steps(self, count: int, sides: str = "query") -> None:
        (self.expectations / "retrieval.toml").write_text(TERMS.format(steps=count, sides=sides), "utf-8")

    def _ask(self, folder: str, source: str, of: Iterable[tuple[str, str, tuple[str, ...]]]) -> None:
        lines = [
            _line(f"{folder}-{word}-{n}", way.format(word), family)
            for word, family, ways in of
            for n, way in enumerate(ways)
        ]
        (self.expectations / folder).mkdir(exist_ok=True)
        (self.expectations / folder / f"{source}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")

    def _refresh(self, day: str, *, with_words: bool) -> Manifest:
        """A release of the list as the hospital would send it."""
        path = self.home.parent / f"{day}.csv"
        with path.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(
                ("item_id", "generic_name", "strength_form", "brand_names", "drug_class", "tier", "restriction")
            )
            for each in drugs():
                strength = each.title.removeprefix(each.family.capitalize()).strip()
                brand, kind = _said_of(each)
                brands = f"{brand}; {words()[each.family]}" if with_words else brand
                rows.writerow((each.id, each.family, strength, brands, kind, each.meta["tier"], "none"))
        return refresh(self.chosen, Formulary(), str(path))


def make_story(folder: Path, *, steps: int = 60) -> Story:
    (folder / "home").mkdir()
    story = Story(folder / "home", write_expectations(folder / "expectations"))
    story.steps(steps)
    story._ask("probes", "formulary", ((word, family, _PROBES) for family, word in taught().items()))
    story.teach()
    refresh(story.chosen, Guidelines(), drop(folder / "2026-10-01", {d.id: _as_markdown(d) for d in protocols()}))
    story._refresh("2026-10-01", with_words=True)
    return story


def golden_of_the_house(story: Story, question: str, family: str) -> None:
    """A critical golden question in words of the house."""
    path = story.expectations / "golden" / "formulary.jsonl"
    asked = json.loads(_line("formulary-house", question, family)) | {"severity": "critical"}
    path.write_text(path.read_text("utf-8") + json.dumps(asked) + "\n", "utf-8")


def _as_markdown(protocol: Document) -> str:
    marks = {"heading": "## ", "paragraph": ""}
    said = [marks[block.kind] + protocol.text[block.start : block.end] for block in protocol.blocks]
    return "\n\n".join(said).removeprefix("#") + "\n"


def _said_of(drug: Document) -> tuple[str, str]:
    """(its brand, what kind of drug it is), as `small_home` has them."""
    said = {block.kind: drug.text[block.start : block.end] for block in drug.blocks}
    return said["synonym"].split()[0], said["detail"].partition(".")[0]


def _line(identity: str, question: str, family: str) -> str:
    expects = [{"document": d.id} for d in drugs() if d.family == family]
    return json.dumps(
        {
            "id": identity, "source": "formulary", "slice": "any", "question": question, "expects": expects, "severity": "routine",
            "rationale": "what the house calls it", "role": "test", "reviewed_on": "2026-11-30",
        }
    )  # fmt: skip
