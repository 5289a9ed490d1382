"""Does a secret that is in the environment, or that somebody typed where it does not belong, ever come out again?"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from probatum.settings import Settings

ROOT = Path(__file__).parents[2]
CANARY = "s3cr3t-canary-8d1f"
WHERE_SECRETS_STAND = {
    "AWS_ACCESS_KEY_ID": f"AKIA{CANARY}",
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "AWS_SESSION_TOKEN": CANARY,
    "PREFECT_API_AUTH_STRING": f"admin:{CANARY}",
    "PREFECT_API_KEY": CANARY,
    "PREFECT_SERVER_API_AUTH_STRING": f"admin:{CANARY}",
    "PREFECT_API_DATABASE_CONNECTION_URL": "",
    "SMTP_PASSWORD": CANARY,
}
COMMANDS = {
    "doctor": ["doctor"],
    "a refresh of what is not there": ["refresh", "formulary", "--from", "/nowhere/2026-07.csv"],
    "a refresh from an address with a password": ["refresh", "formulary", "--from", f"https://me:{CANARY}@example.org/x.csv"],
    "a search without a release": ["search", "furosemide"],
    "alerts": ["alerts", "list"],
    "a wrong command": ["publishh"],
}  # fmt: skip
# What a key looks like, of kinds that are checked by their own shape.
KEYS = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{20,}|-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"
)
OF_DOCUMENTATION = {"AKIAIOSFODNN7EXAMPLE"}  # the one AWS writes in its own manuals


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    places = {
        "PROBATUM_HOME": str(folder / "home"),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "PROBATUM_", "AWS_"))}
    given = {key: value for key, value in WHERE_SECRETS_STAND.items() if value}
    return folder, kept | given | places


@pytest.mark.slow
@pytest.mark.parametrize("what", COMMANDS)
def test_no_command_says_a_secret_or_writes_one_down(environment, what):
    """P39: neither on the screen, with everything logged, nor in any file of the home or of Prefect's."""
    folder, env = environment
    done = subprocess.run(
        [sys.executable, "-m", "probatum.cli", *COMMANDS[what]],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.stdout + done.stderr).strip() and CANARY not in done.stdout + done.stderr
    held = [path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert not held


def test_settings_hold_no_secret(monkeypatch):
    """P39: there is no setting for one, so no print of them and no traceback can show one."""
    for key, value in WHERE_SECRETS_STAND.items():
        monkeypatch.setenv(key, value)
    assert CANARY not in repr(Settings()) and CANARY not in Settings().model_dump_json()
    assert not [name for name in Settings.model_fields if re.search("secret|password|token$|credential", name)]


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=120)
    return done.stdout if done.returncode == 0 else ""


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no checkout")
def test_no_commit_holds_what_looks_like_a_key():
    """P39: whatever was ever added, not only what stands there now."""
    history = _git("log", "--all", "-p", "--unified=0", "--no-color", "--no-textconv")
    assert len(history) > 1_000_000 or "shallow" in _git("rev-parse", "--is-shallow-repository")
    assert set(KEYS.findall(history)) - OF_DOCUMENTATION == set()


@pytest.mark.parametrize("key", ["AKIA" + "ABCDEFGHIJKLMNOP", "ghp_" + "a1" * 18, "xoxb-" + "1234567890-" * 3])
def test_a_key_would_be_recognised(key):
    """P39: else the test above could not fail."""
    assert KEYS.search(f'token = "{key}"')
