"""Writes the sha256 of every file a lock is installed from, out of pip's own report, as pip takes them back.

    pip install --dry-run --ignore-installed --no-deps --report report.json -r requirements.lock
    python deploy/hashes.py report.json > requirements.hashes
    prefect==3.8.8 --hash=sha256:…

They are of the files for CPython 3.11 on Linux on x86, which is what the image is. torch is left out: one version of it is
several files, with and without the libraries of a graphics card, and a site chooses; it names the sha256 of its choice itself.
"""

import json
import sys
from pathlib import Path

CHOSEN_BY_THE_SITE = {"torch"}


def lines(report: dict) -> list[str]:
    """In the order of the names. Raises ValueError where pip did not learn a hash."""
    found = []
    for each in report["install"]:
        name, version = each["metadata"]["name"], each["metadata"]["version"]
        if name in CHOSEN_BY_THE_SITE:
            continue
        sha256 = each["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
        if not sha256:
            raise ValueError(f"pip's report has no sha256 of {name}")
        found.append(f"{name}=={version} --hash=sha256:{sha256}")
    return sorted(found, key=str.casefold)


if __name__ == "__main__":
    print("\n".join(lines(json.loads(Path(sys.argv[1]).read_text("utf-8")))))
