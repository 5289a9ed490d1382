"""Everything that can be set, and the only place that reads the environment.

Each setting is an environment variable with the prefix PROBATUM_ (PROBATUM_HOME=/srv/probatum), or a key of
`probatum.toml` in the home folder for the people who keep settings in files. Telemetry of every library used is
turned off here, before anything that has some is imported: `probatum.settings` is imported first everywhere.
"""

import os
from functools import cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from probatum.errors import Misconfigured

_QUIET = {
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "1",  # unstructured
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",  # the encoder is a folder with a known digest, never a download
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
for _name, _value in _QUIET.items():
    os.environ.setdefault(_name, _value)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PROBATUM_", extra="forbid")

    home: Path = Field(Path("~/.probatum"), description="where snapshots, tables and releases live")
    expectations: Path = Field(
        Path(__file__).parent.parent / "expectations", description="golden questions, suites, thresholds, differences"
    )
    alerts: str = Field("", description="TOML file that says who is told of what; empty: alerts.toml in `expectations`")
    encoder: str = Field("", description="folder with a sentence-transformers model; empty: the embedded default")
    encoder_sha256: str = Field("", description="sha256 of its model.safetensors; required with `encoder`")
    encoder_revision: str = Field("", description="the name and revision to show for it")
    encoder_precision: str = Field("auto", pattern="^(auto|fp32|bf16)$")
    encoder_batch_tokens: int = Field(32768, gt=0, description="tokens encoded at once: bounds the memory")
    language_model: str = Field("", description="folder with the causal language model that behaviours are trained on")
    language_model_sha256: str = Field(
        "", description="sha256 of its model.safetensors; required with `language_model`"
    )
    training_data: str = Field(
        "", description="folder or s3://bucket with <behaviour>/train.jsonl and the other sets of each behaviour"
    )
    drops: str = Field("", description="s3://bucket or a folder; each source reads <drops>/<source>/incoming/")
    drops_queue: str = Field("", description="URL of the SQS queue that gets the bucket's events; hints, never needed")
    backups: str = Field("", description="folder that `maintain` leaves backups in; on another disk; empty: none")
    at_rest: str = Field(
        "",
        description="how the disk of the home is encrypted, and who says so; goes into the journal; empty: nobody said",
    )
    query_records: bool = Field(
        False, description="keep keyed records of what is asked, without the questions, to see whether it moves"
    )
    fault: str = Field("", description="for tests: a seam to die at, e.g. kill:after-write")
    image: str = Field("", description="the image of deploy/Dockerfile by digest, for work pools that run containers")
    telemetry: str = Field(
        "", description="where traces and metrics go by OTLP; https, or http on loopback; empty: nowhere"
    )
    log: str = Field("", pattern="^(json)?$", description="json: one line a step on standard error")
    allowed_hosts: str = Field("", description="comma-separated hosts sources may be fetched from")
    object_endpoint: str = Field("", description="an S3-compatible server instead of AWS; https, or http on loopback")
    object_kms_key: str = Field("", description="id of the KMS key that what is put into a bucket is encrypted with")
    tls_authorities: str = Field("", description="PEM file of further certificate authorities, as of an intranet")

    def hosts(self) -> frozenset[str]:
        return frozenset(host.strip().lower() for host in self.allowed_hosts.split(",") if host.strip())

    def authorities(self) -> Path | None:
        return Path(self.tls_authorities).expanduser() if self.tls_authorities else None


@cache
def settings() -> Settings:
    """The settings of this process, read once. Raises Misconfigured with the name of the wrong one."""
    try:
        read = Settings()
    except ValidationError as error:
        wrong = "; ".join(f"PROBATUM_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise Misconfigured(f"Settings are wrong: {wrong}.", next="Correct the environment and run again.") from None
    return read.model_copy(
        update={"home": read.home.expanduser().absolute(), "expectations": read.expectations.absolute()}
    )


def reset() -> None:
    """Forget what was read (tests change the environment)."""
    settings.cache_clear()


def processor_limited() -> bool:
    """Whether somebody keeps oneDNN from using every instruction of this processor (bf16 is slow without its own)."""
    return "ONEDNN_MAX_CPU_ISA" in os.environ
