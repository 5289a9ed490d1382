"""Who is told of what, and what happens to a file of routes that says something else than its writer meant."""

from pathlib import Path

import pytest

from probatum.alert_kinds import KINDS, SUCCEEDED
from probatum.alerts import alert_of
from probatum.doctor import examine
from probatum.errors import Misconfigured
from probatum.routes import read_routes
from probatum.settings import Settings

CHANNELS = """
[channels.coding-slack]
block = "slack-webhook/coding"
[channels.pharmacy-mail]
block = "secret/pharmacy"
"""
ROUTES = """
[[route]]
source = "icd10"
events = ["refused", "late"]
channel = "coding-slack"
[[route]]
owner = "Pharmacy"
channel = "pharmacy-mail"
[[route]]
events = ["no-worker", "run-crashed"]
channel = "pharmacy-mail"
"""


def written(folder: Path, text: str) -> Settings:
    (folder / "alerts.toml").write_text(text, "utf-8")
    return Settings(home=folder / "home", expectations=folder)


def refused(source: str):
    return alert_of(
        KINDS["refused"].event, id="1", occurred="2026-11-20T05:00:00+00:00", payload={"source": source, "reason": "r"}
    )


def quarantined(*owners: str):
    cases = [{"id": f"case-{n}", "files": [f"{n}.pdf"], "reason": "r", "owner": o} for n, o in enumerate(owners)]
    return alert_of(
        KINDS["quarantined"].event,
        id="2",
        occurred="2026-11-20T05:00:00+00:00",
        payload={"source": "formulary", "cases": cases},
    )


def names(found) -> list[str]:
    return [channel.name for channel, _ in found]


def test_an_alert_goes_where_its_source_and_event_are_routed(tmp_path):
    routes = read_routes(written(tmp_path, CHANNELS + ROUTES))
    assert names(routes.sent_to(refused("icd10"))) == ["coding-slack"]
    assert routes.sent_to(refused("guidelines")) == []
    pool = alert_of(KINDS["no-worker"].event, id="3", occurred="2026-11-20T05:00:00+00:00", payload={"pool": "gpu"})
    assert names(routes.sent_to(pool)) == ["pharmacy-mail"]


def test_an_owner_hears_of_their_own_files_and_of_no_others(tmp_path):
    routes = read_routes(written(tmp_path, CHANNELS + ROUTES))
    ((channel, part),) = routes.sent_to(quarantined("pharmacy", "coding", "", "PHARMACY"))
    assert channel.name == "pharmacy-mail"
    assert [item.facts["files"] for item in part.items] == [["0.pdf"], ["3.pdf"]]
    assert routes.sent_to(quarantined("coding")) == []


def test_two_routes_to_one_channel_tell_it_once(tmp_path):
    routes = read_routes(written(tmp_path, CHANNELS + ROUTES + '[[route]]\nchannel = "coding-slack"\n'))
    assert names(routes.sent_to(refused("icd10"))) == ["coding-slack"]


def test_good_news_go_to_every_channel_which_knows_what_it_was_told(tmp_path):
    routes = read_routes(written(tmp_path, CHANNELS + ROUTES))
    well = alert_of(SUCCEEDED, id="4", occurred="2026-11-20T05:00:00+00:00", payload={"source": "icd10"})
    assert names(routes.sent_to(well)) == ["coding-slack", "pharmacy-mail"]


def test_without_a_file_nobody_is_told(tmp_path):
    assert read_routes(Settings(home=tmp_path, expectations=tmp_path)).channels == {}


def test_a_file_that_the_settings_name_must_be_there(tmp_path):
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_routes(Settings(home=tmp_path, expectations=tmp_path, alerts=str(tmp_path / "elsewhere.toml")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[route]\n", "cannot be read"),
        (CHANNELS + '[[route]]\nchannel = "coding"\n', "no channel 'coding'"),
        (CHANNELS + '[[route]]\nchannel = "coding-slack"\nevents = ["refusd"]\n', "no event refusd"),
        (CHANNELS + '[[route]]\nchannel = "coding-slack"\nevents = "refused"\n', "not a list"),
        (CHANNELS + '[[route]]\nchannel = "coding-slack"\nsourcs = "icd10"\n', "has no sourcs"),
        (CHANNELS + '[route]\nchannel = "coding-slack"\n', "two brackets"),
        (CHANNELS + '[[route]]\nchannel = "coding-slack"\nsource = 10\n', "are words"),
        ('[channels.a]\nblock = "https://hooks.example.org/T0/B0/key"\n', "not written type/name"),
        ('[channels."../a"]\nblock = "secret/a"\n', "small letters"),
        ('[channels.a]\nblock = "secret/a"\nurl = "x"\n', "has no url"),
        ("[channels]\na = 1\n", "where a table is expected"),
        ('last_resort = "pager"\n' + CHANNELS, "no channel 'pager'"),
        ("heartbeat_seconds = 5\n", "not a whole number"),
        ("run_late_after_minutes = 0\n", "not a whole number"),
        ("heartbeat_seconds = true\n", "not a whole number"),
    ],
)
def test_what_is_misspelt_is_refused_and_named(tmp_path, text, said):
    """P51: a route that silently leads nowhere would be found out on the day it is needed."""
    with pytest.raises(Misconfigured, match=said) as refusal:
        read_routes(written(tmp_path, text))
    assert "probatum alerts list" in refusal.value.next


def test_an_address_in_the_file_is_refused_without_being_repeated(tmp_path):
    """P39: who writes a webhook's address into the file finds it in no message."""
    with pytest.raises(Misconfigured) as refusal:
        read_routes(written(tmp_path, '[channels.a]\nblock = "https://hooks.example.org/T0/B0/key"\n'))
    assert "hooks.example.org" not in str(refusal.value)


def test_a_run_is_dead_after_three_heartbeats_of_the_slowest_worker(tmp_path):
    assert read_routes(written(tmp_path, CHANNELS)).dead_after.total_seconds() == 90
    assert read_routes(written(tmp_path, "heartbeat_seconds = 60\n")).dead_after.total_seconds() == 180


def test_the_routes_that_ship_are_sound():
    assert read_routes(Settings()).routes == ()


def test_the_doctor_says_that_nobody_is_told_and_what_a_file_of_routes_misspells(tmp_path):
    """P51: a file without a route looks like one with, until the day something is refused."""

    def said(text):
        return [
            (f.level, f.what) for f in examine(written(tmp_path, text)) if "told of" in f.what or "channel" in f.what
        ]

    assert said("") == [("note", "Nobody is told of anything: alerts.toml has no route.")]
    assert said(CHANNELS + ROUTES) == []
    assert said(CHANNELS + ROUTES.replace('"pharmacy-mail"', '"coding-slack"')) == [
        ("note", "No route leads to the channel pharmacy-mail.")
    ]
    ((level, what),) = said(CHANNELS + '[[route]]\nchannel = "codng-slack"\n')
    assert level == "wrong" and "there is no channel 'codng-slack'" in what


def test_a_candidate_of_several_sources_is_told_to_those_who_are_routed_one_of_them(tmp_path):
    routes = read_routes(written(tmp_path, CHANNELS + ROUTES.replace('"refused", ', '"waiting", "refused", ')))
    payload = {"candidate": "c0de" * 16, "sources": {"guidelines": "2026-10", "icd10": "2027"}}
    alert = alert_of(KINDS["waiting"].event, id="1", occurred="2026-11-20T05:00:00+00:00", payload=payload)
    assert [(channel.name, [item.source for item in part.items]) for channel, part in routes.sent_to(alert)] == [
        ("coding-slack", ["icd10"])
    ]
