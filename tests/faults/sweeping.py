"""One refresh of two files, for `test_sweep`: undisturbed, killed at a seam, or run again after that.

    python sweeping.py record HOME EXPECTATIONS ORIGIN          {"seams": […], "served": {…}} of a refresh to the end
    python sweeping.py kill EXPECTATIONS ORIGIN SEAM=HOME …     one process killed at each seam; {"seam": signal, …}
    python sweeping.py again EXPECTATIONS ORIGIN SEAM=HOME …    each home refreshed to its end; {"seam": {…}, …}

Loading the encoder takes seconds and a sweep needs dozens of processes, so `kill` loads what is heavy once and forks. LanceDB
keeps threads that do not survive a fork, so it is imported in the children only.
"""

import json
import os
import sys
from pathlib import Path


def main(how: str, *given: str) -> None:
    told = {"record": record, "kill": kill, "again": again}[how](*given)
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
        os._exit(3)  # not killed: the test says so


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
