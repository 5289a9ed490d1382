"""Flows run from the command line, without a server: what Prefect is told before it is imported."""

import os


def quiet_prefect(*, verbose: bool = False) -> None:
    """Prefect reads its settings when it is imported, so this comes before any flow is."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "INFO" if verbose else "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")  # 20 is too few on a busy machine
