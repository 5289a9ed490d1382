"""One refresh of two files, for `test_sweep`: undisturbed, killed at a seam, or run again after that.

    python sweeping.py record HOME EXPECTATIONS ORIGIN          {"seams": […], "served": {…}} of a refresh to the end
    python sweeping.py kill EXPECTATIONS ORIGIN SEAM=HOME …     one process killed at each seam; {"seam": signal, …}
    python sweeping.py again EXPECTATIONS ORIGIN SEAM=HOME …    each home refreshed to its end; {"seam": {…}, …}
    python sweeping.py after EXPECTATIONS ORIGIN HOME SHARE=HOME …    the first is not disturbed, the others are killed after that
                                                                share of the time it took; {"share": status, …}
    python sweeping.py full EXPECTATIONS ORIGIN SEAM=HOME …     from the seam on no file may grow; {"seam": what was said, …}

Loading the encoder takes seconds and a sweep needs dozens of processes, so `kill` loads what is heavy once and forks. LanceDB
keeps threads that do not survive a fork, so it is imported in the children only.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

_ENDED = 3  # the status of a process nobody killed


def main(how: str, *given: str) -> None:
    told = {"record": record, "kill": kill, "again": again, "after": after, "full": full}[how](*given)
    sys.stdout.write(json.dumps(told))


def record(home: str, expectations: str, origin: str) -> dict:
    from probatum.seams import recorded

    _load_once(expectations)
    with recorded() as names:
        manifest = _refresh(home, expectations, origin)
    return {"seams": list(dict.fromkeys(names)), "served": _content(manifest)}


def kill(expectations: str, origin: str, *homes: str) -> dict:
    import great_expectations  # noqa: F401

    _load_once(expectations)
    assert "lancedb" not in sys.modules
    ended = {}
    for pair in homes:
        seam, home = pair.split("=")
        child = os.fork()
        if child == 0:
            _refresh_until(seam, home, expectations, origin)
        ended[seam] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return ended


def after(expectations: str, origin: str, undisturbed: str, *homes: str) -> dict:
    import great_expectations  # noqa: F401

    _load_once(expectations)
    assert "lancedb" not in sys.modules
    began = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(_forked(undisturbed, expectations, origin), 0)[1]) == _ENDED
    took, ended = time.monotonic() - began, {}
    for pair in homes:
        share, home = pair.split("=")
        child = _forked(home, expectations, origin)
        time.sleep(took * float(share))
        os.kill(child, signal.SIGKILL)
        ended[share] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return ended


def _forked(home: str, expectations: str, origin: str) -> int:
    child = os.fork()
    if child == 0:
        _refresh_until("never", home, expectations, origin)
    return child


def full(expectations: str, origin: str, *homes: str) -> dict:
    """What a refresh says when the disk is full from a seam on. A pipe carries it, for nothing can be written."""
    import great_expectations  # noqa: F401

    _load_once(expectations)
    said = {}
    for pair in homes:
        seam, home = pair.split("=")
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _refresh_full(seam, home, expectations, origin, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            said[seam] = json.loads(told.read() or b"{}")
        os.waitpid(child, 0)
    return said


def again(expectations: str, origin: str, *homes: str) -> dict:
    _load_once(expectations)
    return {seam: _content(_refresh(home, expectations, origin)) for seam, home in (pair.split("=") for pair in homes)}


def _load_once(expectations: str) -> None:
    """Every refresh of this process, and of what it forks, uses one encoder, which has been asked the golden questions."""
    import numpy as np
    import torch

    from probatum.encoder import Encoder

    torch.set_num_threads(1)  # several do not survive a fork
    encoder, known = Encoder.load(), {}
    work_out = encoder.encode

    def encode(texts, progress=None):
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(missing, work_out(missing, progress), strict=True))
        return np.array([known[text] for text in texts], np.float32).reshape(-1, encoder.identity.width)

    lines = (Path(expectations) / "golden" / "guidelines.jsonl").read_text("utf-8").splitlines()
    encode([json.loads(line)["question"] for line in lines])
    encoder.encode = encode
    Encoder.load = classmethod(lambda *_, **__: encoder)


def _refresh_until(seam: str, home: str, expectations: str, origin: str) -> None:
    """As the command line does it: the fault comes from the environment. Never returns."""
    from probatum import settings
    from probatum.seams import install_from_environment

    os.environ["PROBATUM_FAULT"] = f"kill:{seam}"
    settings.reset()
    install_from_environment(settings.settings().fault)
    try:
        _refresh(home, expectations, origin)
    finally:
        os._exit(_ENDED)  # not killed: the test says so


def _refresh_full(seam: str, home: str, expectations: str, origin: str, writing: int) -> None:
    """Never returns."""
    import resource

    from probatum import seams
    from probatum.errors import ProbatumError

    def fill(name: str) -> None:
        if name == seam:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    told = {"error": ""}
    try:
        with seams._installed(fill):
            fill("from the start")
            _refresh(home, expectations, origin)
    except ProbatumError as error:
        told = {"error": type(error).__name__, "happened": error.happened, "safe": error.safe, "next": error.next}
    except BaseException as error:
        told = {"error": type(error).__name__, "happened": str(error)[:300]}
    finally:
        os.write(writing, json.dumps(told).encode())
        os._exit(0)


def _refresh(home: str, expectations: str, origin: str):
    from small_runs import chosen, refresh

    from sources.guidelines import Guidelines

    return refresh(chosen(Path(home), Path(expectations)), Guidelines(), origin)


def _content(manifest) -> dict:
    state = manifest.sources["guidelines"]
    return {
        "candidate": manifest.candidate,
        "parent": manifest.parent,
        "documents": state.documents.digest,
        "texts": state.texts.digest,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
