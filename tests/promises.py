"""Writes README's table of promises from the tests that prove them, so that it cannot say more than is tested.

A test whose docstring begins with a promise's number ("P3: the bound is strict.") gives one row: its name, which is a
sentence, and what the docstring adds to it.

    python tests/promises.py     rewrites README.md between the two markers
"""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
README = TESTS.parent / "README.md"
BEGIN, END = "<!-- promises: written by `make promises` -->", "<!-- end of promises -->"
_PROMISED = re.compile(r"(P\d+(?:(?:,| and) P\d+)*): (.+)", re.S)


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


def table(rows: list[tuple[int, str, str]]) -> str:
    lines = ["| | what is tried | where |", "|---|---|---|"]
    before = 0
    for number, said, path in rows:
        lines.append(f"| {f'**P{number}**' if number != before else ''} | {said} | {path.removeprefix('tests/')} |")
        before = number
    return "\n".join(lines)


def in_readme(text: str, rows: list[tuple[int, str, str]]) -> str:
    """The README with its table as the tests say it. Raises ValueError when the markers are gone."""
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{table(rows)}\n{END}{tail}"


if __name__ == "__main__":
    README.write_text(in_readme(README.read_text("utf-8"), promises(TESTS)), "utf-8")
