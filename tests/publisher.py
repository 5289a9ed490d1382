"""A publisher's server that knows ETags, dates and ranges, and breaks where a test says; and two ways to ask it."""

import re
from datetime import date

from http_servers import LIMITS, NOBODY

from probatum.records import SourceRelease
from probatum.safeio import download
from probatum.snapshots import Snapshots

BODY = bytes(range(256)) * 2000  # 500 KiB
OTHER = BODY[::-1]
RELEASE = SourceRelease("icd10", "2026", date(2025, 10, 1), "public domain", "https://allowed.example/a.zip")


class Publisher:
    """Answers conditions and ranges as it should. `breaks_at`: bytes after which the connection dies, one a request."""

    def __init__(self, body=BODY, etag='"v1"', modified="Wed, 01 Oct 2025 08:00:00 GMT", breaks_at=(), **headers):
        self.body, self.etag, self.modified, self.breaks_at = body, etag, modified, list(breaks_at)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.ranges, self.statuses = True, []

    def __call__(self, handler):
        begin, status = 0, 200
        asked = handler.headers
        version = ("If-None-Match", self.etag) if asked["If-None-Match"] else ("If-Modified-Since", self.modified)
        if asked[version[0]] and asked[version[0]] == version[1]:
            self.statuses.append(304)
            return self._head(handler, 304, {})
        if self.ranges and asked["Range"] and asked["If-Range"] == self.etag:
            begin, status = int(re.fullmatch(r"bytes=(\d+)-", asked["Range"])[1]), 206
        self.statuses.append(status)
        sent = self.body[begin:]
        said = {"Content-Length": str(len(sent))} | self.headers
        if status == 206:
            said["Content-Range"] = f"bytes {begin}-{len(self.body) - 1}/{len(self.body)}"
        self._head(handler, status, said)
        if self.breaks_at and (end := self.breaks_at.pop(0)) is not None:
            handler.wfile.write(sent[:end])
            handler.close_connection = True
            handler.connection.shutdown(2)
        else:
            handler.wfile.write(sent)

    def _head(self, handler, status, headers):
        handler.send_response(status)
        for name, value in {"ETag": self.etag, "Last-Modified": self.modified, **headers}.items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()


def fetch(url, folder, **given):
    folder.mkdir(exist_ok=True)
    answer = download(url, folder / "a.zip", limits=LIMITS, allowed_hosts=NOBODY, **given)
    return answer, (folder / "a.zip").read_bytes() if answer.status == 200 else None


def take(home, url):
    return Snapshots(home).take(RELEASE, [("a.zip", url)], LIMITS, NOBODY).files[0]
