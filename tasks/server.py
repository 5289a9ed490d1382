"""The Prefect server that commands about setting up and alerts talk to: one that is named, answers, and is to be trusted."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import prefect
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import Event
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from probatum.errors import Misconfigured, Retryable
from probatum.safeio import is_loopback

UNCHANGED = "Nothing was changed or sent."


@contextmanager
def the_server() -> Iterator[SyncPrefectClient]:
    """A client of it. Raises Misconfigured where none is named (Prefect would start one for itself), where the line to it is open
    or where it is of another version; Retryable when it is silent.
    """
    address = PREFECT_API_URL.value()
    if not address:
        raise Misconfigured(
            "No Prefect server is named.",
            safe=UNCHANGED,
            next="Set PREFECT_API_URL, as for the workers; without a server, `probatum refresh` runs by itself.",
        )
    if urlsplit(address).scheme != "https" and not is_loopback(urlsplit(address).hostname or ""):
        raise Misconfigured(
            "The Prefect server is named by an http address that leaves this machine.",
            safe=UNCHANGED,
            next="Put TLS in front of it and set PREFECT_API_URL to https://…",
        )
    with get_client(sync_client=True) as client:
        _refuse_another_version(client)
        yield client


def took_event(event: Event) -> bool:
    """Hand the server an event of ours from outside of a run. False where there is no server, or none that takes it."""
    if not PREFECT_API_URL.value():
        return False
    try:
        with the_server() as client:
            client.request("POST", "/events", json=[event.model_dump(mode="json")]).raise_for_status()
    except (Misconfigured, Retryable, httpx.HTTPError):
        return False
    return True


def _refuse_another_version(client: SyncPrefectClient) -> None:
    if failed := client.api_healthcheck():
        raise _silent(type(failed).__name__)
    try:
        version = client.api_version()
    except PrefectHTTPStatusError as error:  # it lives, and wants a password
        raise _silent(str(error.response.status_code)) from None
    if version != prefect.__version__:
        raise Misconfigured(
            f"The server is Prefect {version}, and this is Prefect {prefect.__version__}.",
            safe=UNCHANGED,
            next="Run the same version on both: the one of requirements.lock.",
        )


def _silent(why: str) -> Retryable:
    return Retryable(
        f"The Prefect server does not answer ({why}).",
        safe=UNCHANGED,
        next="See that it is up, and that PREFECT_API_URL and PREFECT_API_AUTH_STRING are what it expects.",
    )
