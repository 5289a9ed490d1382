"""Says which image or code of a deployment file may be another tomorrow; `make lint` runs it, and a site runs it on its own files.

    python deploy/pinned.py deploy prefect.yaml /etc/probatum/compose.env
    compose.env:3: the image postgres:17 is named by a tag; name it by digest (name@sha256:…)

An image is pinned by its sha256, code by a commit. What has to be filled in first (`${BASE}`, `{{ image }}`, `IMAGE`, nothing) is no
name yet. It ends with 1 when it found something.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

_IMAGE = re.compile(
    r"""^\s*(?:-\s*)?(?:
        FROM\s+(?:--\S+\s+)? | ["']?image["']?\s*:\s* | (?:export\s+|ARG\s+)?\w*(?:IMAGE|BASE)\s*=\s*
    )["']?([^\s"',]+)""",
    re.X,
)
_BRANCH = re.compile(r"""^\s*(?:-\s*)?["']?(?:branch|tag)["']?\s*:\s*["']?([^\s"',]+)""")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_TO_BE_FILLED_IN = re.compile(r"[${]|IMAGE$")
_READ = {".yaml", ".yml", ".json", ".env", ".example", ".service", ""}


def floating(text: str) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of everything that has a name which may come to mean something else."""
    for number, line in enumerate(text.splitlines(), 1):
        image, branch = _IMAGE.match(line), _BRANCH.match(line)
        if image and not _TO_BE_FILLED_IN.match(image[1]) and not _DIGEST.search(image[1]):
            yield number, f"the image {image[1]} is named by a tag; name it by digest (name@sha256:…)"
        if branch and not _TO_BE_FILLED_IN.match(branch[1]):
            yield number, f"the code is that of {branch[1]}, which moves; name a commit (commit_sha: …)"


def files(places: list[str]) -> Iterator[Path]:
    for place in map(Path, places):
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from (path for path in inside if path.is_file() and path.suffix in _READ)


def main(places: list[str]) -> int:
    found = [
        f"{path.name}:{number}: {wrong}"
        for path in files(places)
        for number, wrong in floating(path.read_text("utf-8"))
    ]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
