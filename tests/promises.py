"""Writes down what is promised from the tests that prove it, so that nothing says more than is tested.

A test whose docstring begins with a promise's number ("P3: the bound is strict.") gives one row in `tests/PROMISES.md`: its
name, which is a sentence, and what the docstring adds to it. README has one row a promise: the sentence it is known by, and
how many tests break the thing on purpose.

    python tests/promises.py     rewrites tests/PROMISES.md, and README.md between the two markers
"""

import ast
import re
from collections import Counter
from itertools import groupby
from pathlib import Path

TESTS = Path(__file__).parent
README, PAGE = TESTS.parent / "README.md", TESTS / "PROMISES.md"
BEGIN, END = "<!-- promises: written by `make promises` -->", "<!-- end of promises -->"
_PROMISED = re.compile(r"(P\d+(?:(?:,| and) P\d+)*): (.+)", re.S)

PROMISES = {
    1: "Readers see only published releases",
    2: "A publish is all or nothing, across tables, encoder and adapter",
    3: "Nothing is published that answers 90 % or less of any source's golden questions",
    4: "No critical question is lost",
    5: "A run that is killed changes nothing that serves, and run again it ends in the same release",
    6: "A rollback is one command that needs nothing, and the answers are those of before",
    7: "A broken, shrunken or rebuilt file of a publisher never reaches readers",
    8: "What was withdrawn is gone with the next release; what was superseded is not current",
    9: "Doses, units, codes and negations survive reading and chunking",
    10: "Every hit proves where it comes from",
    11: "Vectors of two encoders never meet",
    12: "The same inputs make the same release",
    13: "Damage on disk is noticed before it is served",
    14: "Two publishers never overwrite each other",
    15: "A source has one refresh at a time",
    16: "Ids of chunks are unique",
    17: "Only finite vectors of length one and the right width are stored or searched",
    18: "A full or broken disk changes nothing that serves",
    19: "Maintenance takes nothing that a kept release needs",
    20: "Compaction and indexes do not change answers",
    21: "Filters cannot be injected",
    22: "Backups restore",
    23: "Clocks do not matter",
    24: "Old homes open; later ones are refused",
    25: "Archives cannot exhaust the machine",
    26: "XML can neither expand nor reach out",
    27: "A reader may hang, crash or eat memory; the flow goes on",
    28: "Fetching talks to declared hosts alone, over verified TLS",
    29: "A publisher's bytes are pinned",
    30: "Nothing executable is ever loaded",
    31: "Models and adapters are loaded by sha256, offline",
    32: "A poisoned document cannot take over",
    33: "Text in documents is data",
    34: "No patient gets into the knowledge base",
    35: "Questions and texts are never logged",
    36: "A purge removes the bytes",
    37: "Every change is in the journal, and tampering shows",
    38: "Only named identities act, with the least rights",
    39: "Secrets do not leak",
    40: "Data is encrypted in transit and at rest, or Probatum says no",
    41: "The build is reproducible and known",
    42: "A retrain starts on evidence, once",
    43: "An adapter is promoted only when it is not worse",
    44: "Training never sees golden questions or probes",
    45: "Trouble with a GPU costs time, not truth",
    46: "Publishers may be down or slow; search does not notice",
    47: "Prefect may be down; search does not notice, and runs go on",
    48: "Memory and time stay within what is declared",
    49: "Overload is refused, not suffered",
    50: "The expectations are checked themselves",
    51: "Every error helps",
    52: "The documentation is true",
}


def promises(folder: Path) -> list[tuple[int, str, str]]:
    """(number, what is proved, file of the test), in the order of the numbers."""
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        for test in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
                found += [
                    (number, said, path.relative_to(folder.parent).as_posix()) for number, said in _promised_by(test)
                ]
    return sorted(found, key=lambda row: (row[0], row[2]))


def _promised_by(test: ast.FunctionDef) -> list[tuple[int, str]]:
    match = _PROMISED.match(ast.get_docstring(test) or "")
    if not match:
        return []
    name, said = test.name.removeprefix("test_").replace("_", " "), " ".join(match[2].split("\n\n")[0].split())
    tried = ". ".join(f"{part[:1].upper()}{part[1:]}" for part in (name, said)).replace("|", "\\|")
    return [(int(number), tried) for number in re.findall(r"\d+", match[1])]


def in_readme(text: str, rows: list[tuple[int, str, str]]) -> str:
    """The README with its table as the tests have it. Raises ValueError when the markers are gone, KeyError for an unknown promise."""
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    count = Counter(number for number, _, _ in rows)
    lines = ["| | promise | tests |", "|---|---|---|"]
    lines += [f"| **P{number}** | {PROMISES[number]} | {tests} |" for number, tests in sorted(count.items())]
    return "\n".join([f"{head}{BEGIN}", *lines, f"{END}{tail}"])


def page(rows: list[tuple[int, str, str]]) -> str:
    """tests/PROMISES.md: under each promise, what is tried and where."""
    lines = ["# What is promised, and tried", "", "Written by `make promises` from the docstrings of the tests."]
    for number, of_one in groupby(rows, key=lambda row: row[0]):
        lines += ["", f"## P{number}: {PROMISES[number]}", ""]
        lines += [f"- {said} (`{path.removeprefix('tests/')}`)" for _, said, path in of_one]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    README.write_text(in_readme(README.read_text("utf-8"), promises(TESTS)), "utf-8")
    PAGE.write_text(page(promises(TESTS)), "utf-8")
