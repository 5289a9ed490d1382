"""What is known of an address that was fetched from: which bytes came, and by what the publisher names that version.

    home/fetched/<32 hex>.json
    {"address": "www.cdc.gov/nchs/a.zip", "etag": "\"5f-6c\"", "last_modified": "Wed, 01 Oct 2025 08:00:00 GMT",
     "sha256": "3f9c…", "size": 20190312, "checked": "2026-11-20T02:00:04Z", "changed": "2026-10-02T02:00:09Z", "status": 304}

So that a publisher is asked for news, not for the same megabytes every night; and so that "not modified" is a fact with a
date. The file's name is the digest of the whole address: what stands behind a "?" may be a signature and is not written.
It helps to ask; nothing that serves depends on it, and a file that cannot be read is as good as none.
"""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from probatum import digests
from probatum.errors import Damaged
from probatum.files import read_json, write_json
from probatum.safeio import Answer, Known


@dataclass(frozen=True)
class Fetched:
    address: str  # host and path
    etag: str
    last_modified: str
    sha256: str
    size: int
    checked: str  # when the publisher was last heard, in UTC
    changed: str  # when these bytes were first sent
    status: int  # of the last answer: 200 or 304

    def known(self) -> Known:
        return Known(self.etag, self.last_modified, self.sha256)


class FetchedTable:
    def __init__(self, home: Path):
        self._folder = home / "fetched"

    def of(self, url: str) -> Fetched | None:
        """What is known of an address; None when it was never fetched."""
        path = self._file(url)
        if not path.exists():
            return None
        try:
            return Fetched(**read_json(path, what="The record of an address", next="Delete it."))
        except (Damaged, TypeError):  # the file is fetched whole, and the record written anew
            return None

    def arrived(self, url: str, answer: Answer, sha256: str, size: int) -> Fetched:
        """Record that these bytes came. `changed` stays when they are the bytes that came before."""
        now, before, parts = _now(), self.of(url), urlsplit(url)
        same = before is not None and before.sha256 == sha256
        return self._write(
            url,
            Fetched(
                address=f"{parts.hostname}{parts.path}",
                etag=answer.etag,
                last_modified=answer.last_modified,
                sha256=sha256,
                size=size,
                checked=now,
                changed=before.changed if same else now,
                status=answer.status,
            ),
        )

    def unchanged(self, url: str, fetched: Fetched, answer: Answer) -> Fetched:
        """Record that the publisher says so."""
        return self._write(
            url, replace(fetched, checked=_now(), last_modified=answer.last_modified, status=answer.status)
        )

    def _write(self, url: str, fetched: Fetched) -> Fetched:
        write_json(self._file(url), asdict(fetched))
        return fetched

    def _file(self, url: str) -> Path:
        return self._folder / f"{digests.of_text(urlsplit(url)._replace(fragment='').geturl())[:32]}.json"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
