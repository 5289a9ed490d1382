"""Thousands of damaged files: each is read or refused, the flow goes on, and nothing is left anywhere.

The fast part runs always; PROBATUM_FUZZ=10000 asks for that many. The seed is in every failure.
"""

import io
import os
import random
import re
import shutil
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from guideline_files import MAKERS, read_in_sandbox

from probatum.sandbox import Refusal

FILES = int(os.environ.get("PROBATUM_FUZZ", "240"))
SEED = int(os.environ.get("PROBATUM_FUZZ_SEED", "20261121"))
BATCH = 500  # files of one process: few starts, and no more on the disk than this
KEYS = (
    b"\0",
    b"\xff\xfe",
    b"<",
    b"]]>",
    b"&#0;",
    b"PK\x03\x04",
    b"9" * 30,
    b"-1",
    b"{" * 50,
    b'"',
    b"%PDF-",
    b"\x1b[2J",
)
VALUES = (b"", b"-1", b"0", b"99999999999", b"x", b"1e309", b"A1:XFD1048576", b"true", "é".encode(), b"..", b"rId1")
QUOTED, NAME, NUMBER = re.compile(rb'"([^"<>]{0,60})"'), re.compile(rb"</?([a-z:]{1,20})"), re.compile(rb"(\d{1,6})")


def mutated(dice: random.Random, whole: bytes, other: bytes) -> bytes:
    """Bytes flipped, cut off, doubled, moved, or spliced with another file; mostly a few, sometimes many."""
    data = bytearray(whole)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(data) or 1)
        length = dice.choice((1, 2, 4, 16, 64, 256))
        match dice.randrange(10):
            case 0:
                for _ in range(dice.choice((1, 4, 32))):
                    if data:
                        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            case 1:
                del data[at:]
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = data[at : at + length] * dice.choice((1, 2, 50))
            case 4:
                data[at : at + length] = dice.randbytes(length)
            case 5:
                start = dice.randrange(len(other))
                data[at : at + length] = other[start : start + length]
            case 6:
                data[at:at] = dice.choice(KEYS)
            case (
                7 | 8 | 9
            ):  # what stays well-formed gets further: another value in quotation marks, another name or number
                found = list((QUOTED, QUOTED, NAME, NUMBER)[dice.randrange(4)].finditer(data))
                if found:
                    start, end = dice.choice(found).span(1)
                    data[start:end] = dice.choice((*VALUES, dice.choice(found)[1]))
    return bytes(data)


def repacked(dice: random.Random, whole: bytes, other: bytes) -> bytes:
    """A zip with one member mutated and every checksum right, so that what reads the member gets to see it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as sound, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        names = [name for name in sound.namelist() if sound.getinfo(name).file_size]
        likely = [
            name for name in names if re.search(r"document|slide\d|notesSlide\d|sheet|shared|styles|\.md|\.csv", name)
        ]
        chosen = dice.choice(likely if dice.random() < 0.7 else names)
        for name in sound.namelist():
            data = sound.read(name)
            packed.writestr(name, mutated(dice, data, other) if name == chosen else data)
    return out.getvalue()


def batches(folder: Path, count: int) -> Iterator[list[Path]]:
    sound = {}
    for suffix, make in MAKERS.items():
        make(folder / f"sound.{suffix}")
        sound[suffix] = (folder / f"sound.{suffix}").read_bytes()
    dice, suffixes = random.Random(SEED), list(MAKERS)
    for first in range(0, count, BATCH):
        made = []
        for number in range(first, min(first + BATCH, count)):
            suffix = suffixes[number % len(suffixes)]
            path = folder / f"{number:05d}.{suffix}"
            change = repacked if sound[suffix].startswith(b"PK") and dice.random() < 0.8 else mutated
            path.write_bytes(change(dice, sound[suffix], sound[dice.choice(suffixes)]))
            made.append(path)
        yield made


def test_the_files_that_are_mutated_are_sound_to_begin_with(tmp_path):
    paths = [tmp_path / f"sound.{suffix}" for suffix in MAKERS]
    for path in paths:
        MAKERS[path.suffix[1:]](path)
    for path, outcome in zip(paths, read_in_sandbox(tmp_path, paths), strict=True):
        assert not isinstance(outcome, Refusal), (path.name, outcome)
        assert "0.5 mg" in " ".join(document.text for document in outcome) or "0.5" in outcome[0].text


@pytest.mark.slow
def test_a_damaged_file_is_read_or_refused_and_leaves_nothing_behind(tmp_path):
    """P27: mutated files of every format end as documents or as a refusal in words; no reader crashes, no file is left."""
    files = tmp_path / "files"
    files.mkdir()
    before = set(Path(tempfile.gettempdir()).glob("probatum-zip-*"))
    kinds: Counter[tuple[str, str]] = Counter()
    strange = []
    began = time.monotonic()
    for paths in batches(files, FILES):
        for path, outcome in zip(paths, read_in_sandbox(tmp_path, paths), strict=True):
            kind = outcome.kind if isinstance(outcome, Refusal) else "read"
            kinds[path.suffix[1:], kind] += 1
            if kind not in ("read", "rejected"):
                strange.append((path.name, kind, outcome.reason))
            elif kind == "rejected":
                assert outcome.reason and outcome.advice, path.name
            else:
                assert all("\0" not in document.text and "\x1b" not in document.text for document in outcome), path.name
            path.unlink()
        assert {each.suffix for each in (tmp_path / "read").iterdir()} <= {".jsonl", ".json"}
        shutil.rmtree(tmp_path / "read")
    told = ", ".join(f"{suffix} {kind} {count}" for (suffix, kind), count in sorted(kinds.items()))
    print(f"\nseed {SEED}, {FILES} files, {time.monotonic() - began:.0f} s: {told}")
    assert strange == [], f"seed {SEED}"
    assert kinds.total() == FILES
    assert {path.name for path in tmp_path.iterdir()} == {"files", "sandbox"}
    assert {path.name for path in (tmp_path / "sandbox").iterdir()} <= {"job.json", "notes.jsonl", "stderr.txt"}
    assert {path.name for path in files.iterdir()} == {f"sound.{suffix}" for suffix in MAKERS}
    assert set(Path(tempfile.gettempdir()).glob("probatum-zip-*")) == before
