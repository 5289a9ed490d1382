"""Does everything an owner drops into S3 come back with a receipt: two hundred files, twenty of them bad, by event and without?

moto's server stands for S3 and SQS, over HTTP, with a bucket that keeps versions and tells a queue of what is put. The
refresh is the command as it is installed, in processes of their own.
"""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import docx
import openpyxl
import pytest
from reportlab.pdfgen import canvas
from s3_servers import BUCKET, ENVIRONMENT, make_bucket, moto_server, raw_client

from probatum import deliver, pipeline
from probatum.errors import Retryable
from probatum.outcome import Outcome
from probatum.release import Releases
from probatum.settings import Settings
from probatum.tables import open_table
from sources.guidelines import Guidelines

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
INCOMING, RECEIPTS = "guidelines/incoming/", "guidelines/receipts/"
ORGANS = [
    "liver",
    "kidney",
    "spleen",
    "heart",
    "lung",
    "brain",
    "eye",
    "ear",
    "nose",
    "throat",
    "skin",
    "bone",
    "muscle",
    "nerve",
    "blood",
    "lymph",
    "thyroid",
    "pancreas",
    "stomach",
    "bowel",
]
WAYS = ("{}", "protocol for {}", "what to do in {}", "{} on the ward", "how do we treat {}", "the {} guideline")
GOOD, BAD = 180, 20
ONLY_INCOMING = {"Key": {"FilterRules": [{"Name": "prefix", "Value": INCOMING}]}}  # receipts are no news for us


def topics() -> list[str]:
    kinds = ("biopsy", "injury", "infection", "pain", "scan", "bleeding", "swelling", "screening", "discharge")
    return [f"{organ} {kind}" for kind in kinds for organ in ORGANS]


def paragraphs(topic: str) -> list[str]:
    dose = len(topic) * 5
    return [
        f"This protocol is about {topic} in adults on every ward of the hospital.",
        f"Give {dose} mg of the first-line drug for {topic} and look again after {len(topic)} hours; do not repeat it.",
        f"The group for {topic} meets once a month and reads every case of {topic} that went wrong.",
    ]


def as_markdown(topic: str) -> bytes:
    first, *rest = paragraphs(topic)
    return "\n\n".join([f"# {topic.capitalize()}", first, "## Treatment", *rest]).encode()


def as_html(topic: str) -> bytes:
    body = "".join(f"<p>{said}</p>" for said in paragraphs(topic))
    return f"<html><head><title>{topic}</title></head><body><h1>{topic.capitalize()}</h1>{body}</body></html>".encode()


def as_docx(topic: str) -> bytes:
    document, out = docx.Document(), io.BytesIO()
    document.add_heading(topic.capitalize(), 1)
    for said in paragraphs(topic):
        document.add_paragraph(said)
    document.save(out)
    return out.getvalue()


def as_pdf(topic: str) -> bytes:
    out = io.BytesIO()
    page = canvas.Canvas(out)
    page.setTitle(topic.capitalize())
    for number, said in enumerate([topic.capitalize(), *paragraphs(topic)]):
        page.drawString(60, 760 - 30 * number, said[:95])
    page.save()
    return out.getvalue()


def as_xlsx(topic: str) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.title = topic[:30]
    book.active.append(["step", "what to do"])
    for number, said in enumerate(paragraphs(topic), 1):
        book.active.append([number, said])
    book.save(out)
    return out.getvalue()


def as_text(topic: str) -> bytes:
    return "\n\n".join([topic.capitalize(), *paragraphs(topic)]).encode()


def as_zip(topic: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{topic}.md", as_markdown(topic))
    return out.getvalue()


FORMATS = {".md": as_markdown, ".html": as_html, ".docx": as_docx, ".pdf": as_pdf, ".txt": as_text, ".xlsx": as_xlsx, ".zip": as_zip}  # fmt: skip


def good() -> dict[str, bytes]:
    """{key: bytes} of a hundred and eighty protocols in seven formats, some under awkward keys."""
    found = {}
    for number, topic in enumerate(topics()):
        suffix = (*FORMATS, ".md", ".md", ".md")[number % (len(FORMATS) + 3)]
        folder = ("", "ward 7/", "Übersicht+neu/", "a&b=c/")[number % 4]
        found[f"{folder}{topic.replace(' ', '-')}{suffix}"] = FORMATS[suffix](topic)
    return found


def bad() -> dict[str, bytes]:
    """Twenty files nobody should be served."""
    whole = as_pdf("whole")
    broken = {
        "empty.md": b"",
        "blank.txt": b" \n\n ",
        "error-page.html": b"<html><head><title>503 Service Unavailable</title></head><body><h1>503</h1></body></html>",
        "cut.pdf": whole[: len(whole) // 3],
        "no.pdf": b"this is no PDF at all",
        "cut.docx": as_docx("cut")[:900],
        "cut.zip": as_zip("cut")[:80],
        "cut.xlsx": as_xlsx("cut")[:700],
        "lies.pdf": as_docx("lies"),
        "lies.docx": as_text("lies"),
        "nul.txt": b"Give 5 mg\x00\x00\x00 now",
        "deep.html": b"<div>" * 20_000 + b"deep" + b"</div>" * 20_000,
        "picture.zip": b"PK\x05\x06" + b"\x00" * 18,
        "twice.json": b'{"title": "a", "title": "b"}',
        "entity.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        "mrn.md": b"# Case\n\nPatient: Jane Canarysmith\n\nMRN: 84736251\n\nDOB: 03/04/1961\n",
        "ssn.html": b"<html><body><h1>Case</h1><p>SSN: 219-09-9999, Patient name: John Canaryfield</p></body></html>",
        "nhs.txt": b"Case\n\nNHS number: 943 476 5919\n\nPatient: Mary Canarywood\n",
        "macro.docm": as_docx("macro"),
        "program.exe": b"MZ\x90\x00" + b"\x00" * 60,
    }
    assert len(broken) == BAD
    return broken


@dataclass
class Zone:
    """The server, the home, and the command."""

    endpoint: str
    queue: str
    home: Path
    expectations: Path
    last: subprocess.CompletedProcess | None = None

    def s3(self):
        return raw_client("s3", self.endpoint)

    def put(self, files: dict[str, bytes]) -> None:
        for key, data in files.items():
            self.s3().put_object(Bucket=BUCKET, Key=INCOMING + key, Body=data)

    def delete(self, key: str) -> None:
        self.s3().delete_object(Bucket=BUCKET, Key=INCOMING + key)

    def run(self, *arguments: str) -> int:
        settings = {
            "PROBATUM_HOME": str(self.home),
            "PROBATUM_EXPECTATIONS": str(self.expectations),
            "PROBATUM_DROPS": f"s3://{BUCKET}",
            "PROBATUM_DROPS_QUEUE": self.queue,
            "PROBATUM_OBJECT_ENDPOINT": self.endpoint,
            "OMP_NUM_THREADS": "2",
        }
        self.last = subprocess.run(
            [sys.executable, "-m", "probatum.cli", *arguments],
            env={**os.environ, **ENVIRONMENT, **settings},
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        return self.last.returncode

    def receipts(self) -> dict[str, dict]:
        """{file: its latest receipt}, as its owner finds them in the bucket."""
        found = {}
        for page in self.s3().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=RECEIPTS):
            for entry in page.get("Contents", ()):
                if entry["Key"].endswith("/latest.json"):
                    body = self.s3().get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
                    found[entry["Key"].removeprefix(RECEIPTS).removesuffix("/latest.json")] = json.loads(body)
        return found

    def served(self) -> set[str]:
        state = Releases(self.home).current().sources["guidelines"]
        table = open_table(self.home / "lance", state.documents.name, state.documents.version)
        return set(table.read(["file"])["file"].to_pylist())

    def messages(self) -> int:
        said = raw_client("sqs", self.endpoint).get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])
        return sum(int(said["Attributes"][f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible"))


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    """A bucket with two hundred files in it, refreshed once because of an event."""
    folder = tmp_path_factory.mktemp("zone")
    with moto_server() as endpoint:
        make_bucket(endpoint, BUCKET, versions=True)
        sqs = raw_client("sqs", endpoint)
        queue = sqs.create_queue(QueueName="drops", Attributes={"VisibilityTimeout": "3600"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        raw_client("s3", endpoint).put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": ONLY_INCOMING}]
            },
        )
        made = Zone(endpoint, queue, folder / "home", write_expectations(folder / "expectations"))
        made.put(good() | bad())
        made.put({f"{next(iter(good()))}.questions.csv": b"question,expected\nWho sees the liver?,Treatment\nx,\n"})
        assert made.messages() > 200
        assert made.run("refresh", "--dropped") == 0, made.last.stdout + made.last.stderr
        yield made


def write_expectations(folder: Path) -> Path:
    """Easy questions about the good protocols, so that the real gate lets them through."""
    from small_runs import EXPECTATIONS, _golden

    (folder / "golden").mkdir(parents=True)
    (folder / "suites").symlink_to(EXPECTATIONS / "suites")
    (folder / "canaries.txt").symlink_to(EXPECTATIONS / "canaries.txt")
    (folder / "thresholds.toml").symlink_to(EXPECTATIONS / "thresholds.toml")
    asked = [(key, WAYS[0].format(topic)) for key, topic in zip(good(), topics(), strict=True)][:120]
    names = [
        (f"{key}/{topic}.md" if key.endswith(".zip") else key, q)
        for (key, q), topic in zip(asked, topics(), strict=False)
    ]
    lines = [_golden("guidelines", n, safe(name), question) for n, (name, question) in enumerate(names)]
    (folder / "golden" / "guidelines.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def safe(key: str) -> str:
    from probatum.dropzone import safe_name

    return safe_name(key)


def test_every_file_has_a_receipt_and_only_good_ones_are_served(zone):
    """P7: two hundred files came, a hundred and eighty are served, twenty are refused or left out, each with a reason."""
    told = zone.receipts()
    assert set(told) >= set(good()) | set(bad())
    assert {key for key in good() if told[key]["status"] != "served"} == set()
    for key in bad():
        assert told[key]["status"] in ("refused", "left out"), key
        assert told[key]["summary"] and told[key]["next"], key
    assert Counter(told[key]["status"] for key in bad())["refused"] >= BAD - 3


def test_a_receipt_says_what_was_read_and_in_which_release_it_is_served(zone):
    release, everything = Releases(zone.home).current().id, zone.receipts()
    for key in good():
        told = everything[key]
        assert told["release"] == release and told["parsed"]["words"] > 20 and told["parsed"]["documents"] == 1, key
        assert told["passages"]["count"] >= 1 and told["passages"]["preview"][0]["text"], key
        assert len(told["sha256"]) == 64
    assert everything[next(iter(good()))]["newly_answered"]


def test_identifiers_are_refused_without_repeating_them(zone):
    """P34: the receipt names the kind and the place, and no page beside the drop zone holds the words."""
    told = zone.receipts()
    for key in ("mrn.md", "ssn.html", "nhs.txt"):
        assert told[key]["status"] == "refused" and told[key]["case"]
    everything = json.dumps(told)
    assert not re.search(r"Canary(smith|field|wood)|84736251|219-09-9999|943 476 5919", everything)


def test_the_messages_are_taken_off_the_queue_when_the_refresh_is_done(zone):
    release = Releases(zone.home).current().id
    assert zone.run("refresh", "--dropped") == 0, zone.last.stderr  # what is left is about ourselves
    assert zone.messages() == 0 and Releases(zone.home).current().id == release


def test_proposed_questions_wait_for_review_and_gate_nothing(zone):
    (line,) = (zone.home / "proposals" / "guidelines.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["status"] == "waiting"
    about, receipts = next(iter(good())), zone.receipts()
    told = receipts[about]["proposed_questions"]
    assert told["waiting"] == 1 and len(told["refused"]) == 1
    assert "taken for review: 1, refused: 1" in receipts[f"{about}.questions.csv"]["summary"]


def test_there_is_a_page_for_every_receipt_and_one_that_lists_them(zone):
    names = [entry["Key"] for page in zone.s3().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=RECEIPTS) for entry in page["Contents"]]  # fmt: skip
    assert sum(name.endswith("/latest.html") for name in names) == len(zone.receipts())
    page = zone.s3().get_object(Bucket=BUCKET, Key=f"{RECEIPTS}index.html")["Body"].read().decode()
    assert page.count("<tr>") == len(zone.receipts()) + 1


def test_without_events_the_listing_finds_the_same_and_what_changed_since(zone):
    """The listing is the truth: an overwrite, a deletion and a newcomer are found by the next scheduled refresh."""
    keys = [key for key in good() if key.endswith(".md") and "/" not in key][
        ::-1
    ]  # of the last no golden question asks
    assert zone.run("refresh", "guidelines") == 0 and "Nothing new" in zone.last.stdout
    before, first = zone.receipts(), Releases(zone.home).current().id
    zone.put({keys[0]: as_markdown("changed") + b"\n\nGive 77 mg.\n", "late.md": as_markdown("late arrival")})
    zone.delete(keys[1])
    raw_client("sqs", zone.endpoint).purge_queue(QueueUrl=zone.queue)
    assert zone.run("refresh", "guidelines") == 0, zone.last.stdout + zone.last.stderr
    told, release = zone.receipts(), Releases(zone.home).current().id
    assert release != first
    assert told["late.md"]["status"] == told[keys[0]]["status"] == "served"
    assert told[keys[0]]["version"] != before[keys[0]]["version"] and told[keys[0]]["passages"]["gone"] >= 1
    assert told[keys[1]]["status"] == "gone" and keys[1] not in zone.served()
    assert told[keys[2]] == before[keys[2]]  # served since the first, and nothing new to say


def test_a_bucket_that_cannot_be_reached_is_no_news_for_an_owner(zone, monkeypatch):
    """P46: it is tried again later; what serves still serves, and the receipts stand as they are."""
    for name, value in {**ENVIRONMENT, "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    before, release = zone.receipts(), Releases(zone.home).current().id
    chosen = Settings(
        home=zone.home, expectations=zone.expectations, drops=f"s3://{BUCKET}", object_endpoint="http://127.0.0.1:9"
    )
    with pytest.raises(Retryable) as failed:
        pipeline.fetch(chosen, Guidelines(), None)
    outcome = Outcome()
    outcome.refused("guidelines", failed.value)
    assert outcome.exit_code == 10 and deliver.receipts(chosen, Guidelines(), None, outcome.run_of("guidelines")) == 0
    assert zone.receipts() == before and Releases(zone.home).current().id == release
