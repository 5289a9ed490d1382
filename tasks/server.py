"""The Prefect server that commands about alerts talk to: one that was named, and answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL

from probatum.errors import Misconfigured, Retryable


@contextmanager
def the_server() -> Iterator[SyncPrefectClient]:
    """A client of it. Raises Misconfigured where none is named (Prefect would start one for itself), Retryable when it is silent."""
    address = PREFECT_API_URL.value()
    if not address:
        raise Misconfigured(
            "No Prefect server is named, and alerts need one.",
            safe="Nothing was changed or sent.",
            next="Set PREFECT_API_URL, as for the workers.",
        )
    with get_client(sync_client=True) as client:
        if failed := client.api_healthcheck():
            raise Retryable(
                f"The Prefect server does not answer ({type(failed).__name__}).",
                safe="Nothing was changed or sent.",
                next="See that it is up and that PREFECT_API_URL is its address.",
            )
        yield client
