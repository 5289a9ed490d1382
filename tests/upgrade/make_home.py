"""Writes the home that this version of Probatum leaves, for all later ones to open: run it once a version, before it is released.

    python tests/upgrade/make_home.py     ->  tests/upgrade/homes/0.1.0.zip

The small release of `small_home`, published, in fp32 so that every processor can ask it; and in answers.json beside it what
some questions found, id by id.
"""

import json
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from small_home import questions, small_candidate, write_expectations  # noqa: E402

from probatum import __version__  # noqa: E402
from probatum.audit import audit  # noqa: E402
from probatum.encoder import Encoder  # noqa: E402
from probatum.publish import Publisher  # noqa: E402
from probatum.search import Searcher  # noqa: E402
from probatum.settings import Settings  # noqa: E402

_LEFT_OUT = ("reports", "drop", "locks")  # pages for people, and what is no part of a release


def asked() -> list[str]:
    """Some questions of each source."""
    return [q["question"] for each in questions().values() for q in each[::9]]


def found(searcher: Searcher) -> dict[str, list[str]]:
    """{question: ids of the first three}"""
    return {question: [hit.document_id for hit in searcher.search(question, k=3)] for question in asked()}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home, expectations = Path(folder) / "home", write_expectations(Path(folder) / "expectations")
        encoder = Encoder.load(Settings(home=home, encoder_precision="fp32"))
        candidate = small_candidate(home, encoder)
        Publisher(home).publish(candidate, audit(home, expectations, candidate, encoder), actor="make_home")
        target = HERE / "homes" / f"{__version__}.zip"
        target.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(home.rglob("*")):
                inside = path.relative_to(home)
                if path.is_file() and inside.parts[0] not in _LEFT_OUT and path.suffix != ".lock":
                    archive.write(path, f"home/{inside}")
            archive.writestr("answers.json", json.dumps(found(Searcher.open(home, encoder)), indent=1))


if __name__ == "__main__":
    main()
