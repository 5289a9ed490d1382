"""What leaves this machine for Slack, Teams and PagerDuty: the request that each block of Prefect makes, sent to a web server here.

The addresses stay the real ones until the last moment, where the request is turned to loopback; whether the three services
show it well only they can say.
"""

import json
import socket

import pytest
import requests
from prefect.blocks.notifications import MicrosoftTeamsWebhook, PagerDutyWebHook, SlackWebhook
from sinks import web_sink

from probatum.alert_kinds import KINDS
from probatum.alerts import alert_of
from probatum.errors import Retryable
from probatum.messages import written
from probatum.notified import Due
from probatum.routes import Channel
from tasks import notify

SECRET = "TIiajkdnlazkcOXrIdevi7FQ"
TEAMS = f"https://prod-24.westeurope.logic.azure.com:443/workflows/{'6' * 32}/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SECRET}"
CHANNELS = {
    "slack": (
        lambda: SlackWebhook(url=f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{SECRET}"),
        "hooks.slack.com",
    ),
    "teams": (lambda: MicrosoftTeamsWebhook(url=TEAMS), "logic.azure.com"),
    "pager": (lambda: PagerDutyWebHook(integration_key=SECRET[:24] + "a" * 8, api_key="k"), "events.pagerduty.com"),
}
PAYLOAD = {
    "source": "icd10",
    "candidate": "c0de" * 16,
    "reason": "hit rate @3 is 0.890, not above 0.90; <!channel> & more.",
    "next": "Run `probatum audit --candidate c0dec0dec0de` for every failing question.",
    "failing": 1,
    "questions": [{"id": "icd10-0123", "critical": True, "rank": 0, "top": ["A00.1"]}],
    "serving": {"release": "2026-11-20.1", "edition": "2026-10"},
}


def message():
    alert = alert_of(KINDS["refused"].event, id="1", occurred="2026-11-20T05:31:02+00:00", payload=PAYLOAD)
    return written(alert, Due(alert.items), {"Run": "http://127.0.0.1:4200/runs/flow-run/0f3c"})


@pytest.fixture(params=CHANNELS)
def channel(request, monkeypatch):
    """(a channel, the host it means, the addresses it asked for, the sink they end in)"""
    make, host = CHANNELS[request.param]
    asked, really = [], requests.Session.request
    with web_sink() as sink:
        monkeypatch.setattr(
            socket, "gethostbyname", lambda _: "203.0.113.9"
        )  # the block looks whether it is a private one
        monkeypatch.setattr(notify, "_block", lambda _: make())

        def turned(session, method, url, **rest):
            asked.append(url)
            return really(session, method, f"{sink.url}hook", **rest)

        monkeypatch.setattr(requests.Session, "request", turned)
        yield Channel(request.param, f"{request.param}/x"), host, asked, sink


def test_the_whole_message_goes_out_in_one_request(channel):
    """P35: and nothing in it calls anybody or makes a link of its own."""
    where, host, asked, sink = channel
    notify.send(where, message())
    (address,), (body,) = asked, sink.bodies
    assert host in address
    texts = list(_texts(json.loads(body)))
    assert any(text.strip() == message().subject for text in texts)
    sent = next(text for text in texts if text.startswith("What failed"))
    assert sent.replace("&amp;", "&") == message().body
    assert "<!channel>" not in body


def test_a_service_that_refuses_is_noticed_and_its_address_is_in_no_word_of_it(channel):
    """P39: so that it is tried again, and the test of the channels says that it does not work."""
    where, _, _, sink = channel
    sink.status = 404
    with pytest.raises(Retryable, match="did not take the message") as failed:
        notify.send(where, message())
    assert SECRET not in str(failed.value) and "https://" not in str(failed.value)


def _texts(said):
    """Every text in what was sent."""
    if isinstance(said, str):
        yield said
    for inner in said.values() if isinstance(said, dict) else said if isinstance(said, list) else ():
        yield from _texts(inner)
