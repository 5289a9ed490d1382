"""A publisher's feed by date: what is current is taken, what was withdrawn is not, and a feed that cannot be relied on is refused.

A real server on loopback sends the index and the guidance.
"""

import http.server
import json
import threading
from contextlib import contextmanager
from datetime import date
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.errors import Misconfigured, Rejected, Retryable
from probatum.reading import read_snapshot
from probatum.safeio import Limits
from probatum.snapshots import Snapshots
from sources.elements.listed import read_listing
from sources.feed import Feed, read_feed
from sources.feed_pages import NEVER, Entry
from sources.guidelines import Guidelines

LIMITS = Limits(retry_seconds=0.01, parse_seconds=60)
PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>Give {0} twice a day.</p></body></html>"
CHAPTERS = {"Title": "Croup", "Chapters": [{"Title": "Recommendations", "Content": "<p>Give dexamethasone.</p>"}]}


@contextmanager
def serving(pages):
    """pages: {path with query: bytes, str or JSON}. The server's url and the paths that were asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            page = pages.get(self.path)
            said = (
                page
                if isinstance(page, bytes)
                else page.encode()
                if isinstance(page, str)
                else json.dumps(page).encode()
            )
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def listed(id, status="Published", modified="2026-03-01", address=None, **more):
    return {"GuidanceNumber": id, "Title": f"About {id}", "Status": status, "LastModified": modified, **more} | (
        {"Link": {"Uri": address or f"/guidance/{id}.html", "Rel": "alternate"}}
    )


def found(pages, tmp_path, path="/feed.json"):
    with serving(pages) as (url, asked):
        return Guidelines().find(url + path, folder=tmp_path / "index"), asked


def taken(pages, tmp_path, path="/feed.json"):
    """What the release of a feed reads as, through snapshot and sandbox: {id: document}."""
    source = Guidelines()
    with serving(pages) as (url, _):
        release = source.find(url + path, folder=tmp_path / "index")
        snapshot = Snapshots(tmp_path).take(
            release.release, [(f.name, f.location) for f in release.files], LIMITS, frozenset()
        )
    read = read_snapshot(tmp_path, snapshot, limits=LIMITS, parser="1", per_file=True)
    assert not read.quarantined
    return {document.id: document for document in read.documents()}


# ---------------------------------------------------------------- what is taken


def test_a_feed_is_a_release_of_what_it_lists_as_current(tmp_path):
    """P8: withdrawn and superseded guidance is left out, and stands in the snapshot as such."""
    index = {
        "IndexItems": [
            listed("XX1"),
            listed("XX2", "Updated", "2026-05-06T10:00:00Z", "/guidance/xx2", ContentType="application/json; charset=utf-8"),
            listed("XX3", "Withdrawn", "2026-04-01"),
            listed("XX4", "Superseded by XX1"),
            listed("XX5", "Published", SupersededBy="XX2"),
            listed("XX6", "In consultation"),
        ]
    }  # fmt: skip
    pages = {"/feed.json": index, "/guidance/XX1.html": PAGE.format("gout"), "/guidance/xx2": CHAPTERS}
    release, asked = found(pages, tmp_path)
    assert asked == ["/feed.json"], "finding a release downloads the index alone"
    assert (release.release.name, release.release.valid_from) == ("2026-05-06", date(2026, 5, 6))
    assert [file.name for file in release.files] == ["XX1.html", "XX2.json", "release.toml"]
    gone = read_listing(tmp_path / "index" / "release.toml").gone
    assert [(entry.id, entry.status, entry.superseded_by) for entry in gone] == [
        ("XX3", "withdrawn", ""),
        ("XX4", "superseded", "XX1"),
        ("XX5", "superseded", "XX2"),
        ("XX6", "withdrawn", ""),
    ]
    documents = taken(pages, tmp_path)
    assert set(documents) == {"XX1", "XX2"}
    assert (documents["XX1"].title, documents["XX1"].valid_from) == ("About XX1", "2026-03-01")
    assert "Give gout twice a day" in documents["XX1"].text and "Give dexamethasone" in documents["XX2"].text
    assert documents["XX2"].valid_from == "2026-05-06" and documents["XX2"].file == "XX2.json"


def test_a_feed_goes_over_pages(tmp_path):
    pages = {
        "/feed.json": {"items": [listed("A")], "next": "/feed.json?page=2"},
        "/feed.json?page=2": {"items": [], "links": [{"rel": "next", "href": "feed.json?page=3"}]},
        "/feed.json?page=3": {"items": [listed("B")], "links": {"next": None}},
    }
    release, asked = found(pages, tmp_path)
    assert asked == list(pages) and [file.name for file in release.files] == ["A.html", "B.html", "release.toml"]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_entries_of_one_id_the_later_counts_and_on_one_day_the_withdrawal(tmp_path, order):
    """P8: in whatever order a feed of changes lists them."""
    changes = [
        listed("A", modified="2026-01-01"),
        listed("A", "withdrawn", "2026-02-01"),
        listed("B", "withdrawn", "2026-01-01"),
        listed("B", modified="2026-02-01T00:00:01+00:00"),
        listed("C", modified="2026-02-01"),
        listed("C", "withdrawn", "2026-02-01"),
        listed("D", modified="/Date(1767225600000)/"),
    ]
    release, _ = found({"/feed.json": {"items": changes[::order]}}, tmp_path)
    assert [file.name for file in release.files] == ["B.html", "D.html", "release.toml"]


ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">
  <title>Guidance by date</title><updated>2026-06-01T00:00:00Z</updated>
  <link rel="self" href="/feed.atom"/><link rel="next" href="/feed.atom?page=2"/>
  <entry><id>https://guidance.example/XX1</id><title>Gout</title><updated>2026-05-01T09:00:00Z</updated>
    <link rel="self" href="/nowhere"/><link rel="alternate" type="text/html" href="/guidance/1"/></entry>
  <entry><id>XX2</id><title>Old</title><updated>2026-04-01T09:00:00Z</updated>
    <category scheme="https://guidance.example/status" term="withdrawn"/><link href="/guidance/2"/></entry>
  <at:deleted-entry ref="XX3" when="2026-05-02T09:00:00Z"/>
</feed>"""


def test_a_feed_in_atom_is_read_too(tmp_path):
    second = ATOM.replace('<link rel="next" href="/feed.atom?page=2"/>', "").replace(">XX2<", ">XX3<")
    second = second.replace('<category scheme="https://guidance.example/status" term="withdrawn"/>', "")
    pages = {"/feed.atom": ATOM, "/feed.atom?page=2": second, "/guidance/1": PAGE.format("gout")}
    (document,) = taken(pages, tmp_path, "/feed.atom").values()
    assert document.id == "https://guidance.example/XX1" and document.title == "Gout"
    assert document.file.startswith("https---guidance.example-XX1-") and document.file.endswith(".html")
    gone = read_listing(tmp_path / "index" / "release.toml").gone
    assert [entry.id for entry in gone] == ["XX2", "XX3"], "a tombstone of May counts more than an entry of April"


def test_an_address_that_holds_one_file_gives_that_file(tmp_path):
    pages = {"/2026-10/dump.json": {"specificRecommendations": [{"id": 1, "title": "A", "text": "Do it."}]}}
    assert list(taken(pages, tmp_path, "/2026-10/dump.json")) == ["uspstf-1"]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ({"/feed.json": {"items": [listed("A", "Paused")]}}, "page 1: A has the status 'Paused', which is none of active,"),
        ({"/feed.json": {"items": [listed("A", "withdrawn")]}}, "lists nothing that is current"),
        ({"/feed.json": {"items": []}}, "lists nothing that is current"),
        ({"/feed.json": {"items": [listed("A", modified="soon")]}}, "A was modified at no date"),
        ({"/feed.json": {"items": [{"id": "A", "status": "current", "url": "/a.html"}]}}, "says of no entry when it was"),
        ({"/feed.json": {"items": [{"id": "A", "status": "current", "modified": "2026-01-01"}]}}, "has no address for A"),
        ({"/feed.json": {"items": [listed("A", address="https://[a")]}}, "gives an address that is none"),
        ({"/feed.json": {"items": [listed("A#1")]}}, "has an entry without an id"),
        ({"/feed.json": {"items": [listed("A" * 201)]}}, "has an entry without an id"),
        ({"/feed.json": {"items": [listed("A")], "next": "/feed.json"}}, "index without end"),
        ({"/feed.json": {"items": [listed("A")], "next": "/b"}, "/b": {"hello": 1}}, "a page 2 that is no index"),
        ({"/feed.json": {"items": [listed("A")], "next": "/b"}, "/b": "<html>"}, "page 2 is not well-formed XML"),
        ({"/feed.json": {"items": [listed("A")], "next": "/gone"}}, "answered 404"),
        ({"/feed.json": {"items": [listed("A")], "totalCount": 2}}, "says that it lists 2 entries, but 1 came"),
        ({"/feed.json": '{"items": ['}, "page 1 is not whole JSON"),
        ({"/feed.json": ATOM.replace("<feed", '<!DOCTYPE f [<!ENTITY a "b">]><feed')}, "declares a document type"),
    ],
)  # fmt: skip
def test_a_feed_that_cannot_be_relied_on_is_refused(tmp_path, pages, said):
    """P7: nobody guesses what was meant, in either direction."""
    with pytest.raises(Rejected, match=said):
        found(pages, tmp_path)


def test_an_index_without_end_is_refused(tmp_path):
    pages = {"/feed.json": {"items": [listed("A")], "next": "/feed.json?page=1"}}
    pages |= {
        f"/feed.json?page={n}": {"items": [listed("A")], "next": f"/feed.json?page={n + 1}"} for n in range(1, 300)
    }
    with pytest.raises(Rejected, match=r"index without end \(200 pages\)"):
        found(pages, tmp_path)


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/a.html",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "//elsewhere.example/a.html",
    ],
)
def test_a_feed_sends_nobody_to_a_host_that_is_not_allowed(tmp_path, address):
    """P28: the addresses in an index are judged before any is asked."""
    with pytest.raises(Misconfigured):
        found({"/feed.json": {"items": [listed("A", address=address)]}}, tmp_path)
    with pytest.raises(Misconfigured):
        found({"/feed.json": {"items": [listed("A")], "next": address}}, tmp_path)


def test_a_feed_elsewhere_sends_nobody_to_this_machine(tmp_path):
    """P28: what listens on loopback is not for a publisher to name."""
    from sources.feed import _check

    _check("http://127.0.0.1:8080/a.html", "http://127.0.0.1:8080/feed.json", frozenset())
    with pytest.raises(Misconfigured):
        _check("http://127.0.0.1:8080/a.html", "https://guidance.example/feed.json", frozenset({"guidance.example"}))
    with pytest.raises(Misconfigured, match="carries a user name or a password"):
        _check(
            "https://me:secret@guidance.example/a", "https://guidance.example/f.json", frozenset({"guidance.example"})
        )


def test_a_feed_is_asked_only_at_allowed_hosts(tmp_path):
    """P28: and the list comes from whoever asks."""
    with pytest.raises(Misconfigured, match=r"Host guidance\.invalid is not on the list"):
        Guidelines().find("https://guidance.invalid/feed.json", folder=tmp_path)
    with pytest.raises(Retryable, match=r"guidance\.invalid did not deliver"):
        read_feed(
            "https://guidance.invalid/feed.json",
            tmp_path,
            hosts=frozenset({"guidance.invalid"}),
            limits=LIMITS,
            endings=(".html",),
        )


# ---------------------------------------------------------------- what is written down

texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(texts, texts, texts), max_size=5, unique_by=lambda drawn: drawn[0]))
def test_the_listing_of_a_feed_says_exactly_what_the_feed_said(tmp_path_factory, drawn):
    """Whatever stands in its titles: quotes, backslashes, line ends."""
    current = tuple(
        Entry(f"i{n}", title, "current", NEVER, "", file=f"i{n}.html") for n, (_, title, _) in enumerate(drawn)
    )
    gone = (Entry("gone", "Old", "superseded", NEVER, superseded_by="i0" if drawn else "new"),)
    path = tmp_path_factory.mktemp("listing") / "release.toml"
    path.write_bytes(Feed(current, gone, date(2026, 5, 6)).listing().encode())
    read = read_listing(path)
    assert (read.name, read.valid_from) == ("2026-05-06", date(2026, 5, 6))
    assert [(e.id, e.file) for e in read.documents.values()] == [(e.id, e.file) for e in current]
    for entry, wanted in zip(read.documents.values(), current, strict=True):
        assert entry.title == wanted.title.replace("\x7f", "").strip()
    assert read.gone[0].superseded_by == gone[0].superseded_by


def test_no_name_of_a_file_leaves_its_folder(tmp_path):
    ids = ["../../etc/passwd", "a/b", "..", "C:\\x", "NG 51", "ng51", "a\u00e9"]
    release, _ = found({"/feed.json": {"items": [listed(id, address="/a.pdf") for id in ids]}}, tmp_path)
    names = [file.name for file in release.files[:-1]]
    assert len(set(names)) == len(ids) and all(name.endswith(".pdf") for name in names)
    assert not any(set(name) & set("/\\: ") for name in names)
    assert all(urlsplit(file.location).path == "/a.pdf" for file in release.files[:-1])
