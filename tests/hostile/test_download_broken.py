"""What happens when a transfer breaks: it goes on where it broke, or begins anew; never is it a mixed file."""

import threading
from dataclasses import replace

import pytest
from http_servers import LIMITS, refusal, sends, serving
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publisher import BODY, OTHER, Publisher, fetch, take

from probatum import digests
from probatum.errors import Rejected, Retryable
from probatum.snapshots import Snapshots


def test_a_transfer_that_breaks_goes_on_where_it_broke(tmp_path):
    """P46: resets in the middle cost what was missing, not the whole."""
    publisher = Publisher(breaks_at=[100_000, 200_000])
    with serving(publisher) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    assert publisher.statuses == [200, 206, 206]
    assert [h.get("If-Range") for h in server.headers] == [None, '"v1"', '"v1"']


def test_a_transfer_that_keeps_breaking_is_left_to_the_next_run_which_goes_on(tmp_path):
    """P46: bounded within a run; what has come is kept for the next, and then gone."""
    publisher = Publisher(breaks_at=[50_000] * 4)
    with serving(publisher) as server:
        with pytest.raises(Retryable):
            take(tmp_path, f"{server.url}/a.zip")
        assert not (tmp_path / "blobs").exists() and not (tmp_path / "fetched").exists()
        assert sorted(path.suffix for path in (tmp_path / "incoming" / "broken").iterdir()) == [".json", ".part"]
        assert take(tmp_path, f"{server.url}/a.zip").sha256 == digests.of_bytes(BODY)
    assert publisher.statuses == [200, 206, 206, 206, 206]
    assert server.headers[4]["Range"] == "bytes=200000-"
    assert [path for path in (tmp_path / "incoming").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("publisher", [{"etag": None}, {"etag": 'W/"v1"'}], ids=["no tag", "weak tag"])
def test_without_a_strong_tag_a_transfer_begins_anew(tmp_path, publisher):
    """P29: nothing says that the rest is the rest of the same file."""
    publisher = Publisher(**publisher, breaks_at=[100_000] * 4)
    with serving(publisher) as server:
        refusal(Retryable, f"{server.url}/a.zip", tmp_path, keep_in=tmp_path / "kept")
        assert publisher.statuses == [200] * 4 and not (tmp_path / "kept").exists()
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    assert all("Range" not in headers for headers in server.headers)


def test_a_server_that_knows_no_ranges_starts_over(tmp_path):
    publisher = Publisher(breaks_at=[100_000, 300_000])
    publisher.ranges = False
    with serving(publisher) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    assert publisher.statuses == [200, 200, 200]


def test_a_file_that_changes_in_the_middle_of_its_transfer_is_never_mixed(tmp_path):
    """P29: If-Range asks for the rest of the old one or the whole new one."""
    publisher = Publisher(breaks_at=[100_000])

    def answer(handler):
        if publisher.statuses:
            publisher.body, publisher.etag = OTHER, '"v2"'
        publisher(handler)

    with serving(answer) as server:
        got, body = fetch(f"{server.url}/a.zip", tmp_path)
    assert body == OTHER and got.etag == '"v2"' and publisher.statuses == [200, 200]


LIES = {
    "another total": {"Content-Range": f"bytes 100000-{len(BODY)}/{len(BODY) + 1}"},
    "another beginning": {"Content-Range": f"bytes 0-{len(BODY) - 1}/{len(BODY)}"},
    "another end": {"Content-Range": f"bytes 100000-200000/{len(BODY)}"},
    "another version": {"ETag": '"v2"'},
    "no range": {"Content-Range": ""},
    "not bytes": {"Content-Range": "pages 1-2/3"},
    "no total": {"Content-Range": f"bytes 100000-{len(BODY) - 1}/*"},
    "packed": {"Content-Encoding": "gzip"},
    "unsatisfiable": None,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_rest_that_is_not_the_rest_of_this_file_starts_over(tmp_path, lie):
    """P29: another total, place or version is another file, though it says 206."""
    publisher = Publisher(breaks_at=[100_000])

    def answer(handler):
        if "Range" not in handler.headers:
            return publisher(handler)
        if lie is None:
            return sends(b"", 416)(handler)
        rest = OTHER[100_000:]
        said = {"ETag": '"v1"', "Content-Range": f"bytes 100000-{len(BODY) - 1}/{len(BODY)}"} | lie
        handler.send_response(206)
        for name, value in ({"Content-Length": str(len(rest))} | said).items():
            if value:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(rest)

    with serving(answer) as server:
        assert fetch(f"{server.url}/a.zip", tmp_path)[1] == BODY
    assert ["Range" in headers for headers in server.headers] == [False, True, False]


def test_a_rest_that_is_too_long_ends_the_run_at_the_limit(tmp_path):
    """P28: the limit counts what came before the break, too."""
    publisher = Publisher(breaks_at=[len(BODY) - 1000])
    with serving(publisher) as server:
        limits = replace(LIMITS, file_bytes=len(BODY) - 500)
        refusal(Rejected, f"{server.url}/a.zip", tmp_path, limits, keep_in=tmp_path / "kept")
    assert publisher.statuses == [200, 206] and not (tmp_path / "kept").exists()


@pytest.mark.parametrize("harm", ["changed", "longer", "shorter", "undescribed", "nonsense", "of another version"])
def test_what_was_kept_and_is_not_as_described_is_thrown_away(tmp_path, harm):
    """P29: between two runs anything may happen to half a file."""
    publisher, kept = Publisher(breaks_at=[100_000] * 4), tmp_path / "kept"
    with serving(publisher) as server:
        url = f"{server.url}/a.zip"
        refusal(Retryable, url, tmp_path, keep_in=kept)
        part, described = next(kept.glob("*.part")), next(kept.glob("*.json"))
        came = part.read_bytes()
        assert came == BODY[: len(came)] and len(came) == 400_000
        if harm in ("changed", "longer", "shorter"):
            part.write_bytes({"changed": b"x" + came[1:], "longer": came + b"x", "shorter": came[:-1]}[harm])
        elif harm == "undescribed":
            described.unlink()
        elif harm == "nonsense":
            described.write_bytes(b'{"size": "many"}')
        else:
            publisher.body, publisher.etag = OTHER, '"v2"'
        assert fetch(url, tmp_path / "again", keep_in=kept)[1] == publisher.body
    assert list(kept.glob("*.part")) == [] or harm == "undescribed"


def test_two_who_fetch_the_same_file_do_not_take_the_same_half(tmp_path):
    """P29: what was kept goes to one of them."""
    publisher, kept = Publisher(breaks_at=[100_000] * 4), tmp_path / "kept"
    with serving(publisher) as server:
        refusal(Retryable, f"{server.url}/a.zip", tmp_path, keep_in=kept)
        got = []
        both = [
            threading.Thread(target=lambda n=n: got.append(fetch(f"{server.url}/a.zip", tmp_path / n, keep_in=kept)[1]))
            for n in ("one", "two")
        ]
        for each in both:
            each.start()
        for each in both:
            each.join(30)
    assert got == [BODY, BODY]
    assert publisher.statuses[4:].count(206) <= 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    breaks=st.lists(st.none() | st.integers(0, 3000), max_size=12),
    body=st.binary(min_size=1, max_size=3000),
    ranges=st.booleans(),
    changes_after=st.integers(1, 12),
)
def test_whatever_breaks_the_file_is_one_version_whole(tmp_path_factory, breaks, body, ranges, changes_after):
    """P29: over any breaks, runs and a change in between, what arrives is the old file or the new one."""
    publisher, home = Publisher(body, breaks_at=breaks), tmp_path_factory.mktemp("home")
    publisher.ranges = ranges
    new = body[::-1] + b"!"

    def answer(handler):
        if len(publisher.statuses) >= changes_after:
            publisher.body, publisher.etag = new, '"v2"'
        publisher(handler)

    with serving(answer) as server:
        for _ in range(6):
            try:
                file = take(home, f"{server.url}/a.zip")
                break
            except Retryable:
                assert not (home / "blobs").exists()
    assert Snapshots(home).blob(file.sha256).read_bytes() in (body, new)
