"""Hints from a queue: both shapes, repeats, test events, and messages that are none of ours."""

import json
import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3_servers import ENVIRONMENT, moto_server, raw_client

from probatum.errors import Misconfigured
from probatum.object_events import Hint, done, objects_in, waiting

KEY = "formulary/list v2+ü 100%.csv"
CODED = "formulary/list+v2%2B%C3%BC+100%25.csv"


def straight(key=CODED, bucket="dropzone", source="aws:s3"):
    return {"Records": [{"eventSource": source, "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}  # fmt: skip


def bridged(key=KEY, bucket="dropzone"):
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": bucket}, "object": {"key": key}}}  # fmt: skip


TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "dropzone"}
FOREIGN = ["", "{", "[]", "null", "7", '"s3"', "{}", '{"Records": []}', '{"Records": [1]}', '{"Records": null}', '{"Type": "Notification"}',
           json.dumps(straight(source="aws:sns")), json.dumps(straight(key="")), json.dumps(straight(key=None)), json.dumps(straight(key="%FF")),
           json.dumps({"source": "aws.ec2", "detail": {}}), json.dumps({"source": "aws.s3"})]  # fmt: skip


@pytest.fixture(scope="module")
def moto():
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def sqs(moto):
    return raw_client("sqs", moto)


@pytest.fixture
def queue(sqs):
    return sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]


def left(sqs, queue) -> int:
    return int(
        sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"]
    )


@pytest.mark.parametrize(
    "said",
    [straight(), bridged(), {"Type": "Notification", "Message": json.dumps(straight())}, straight(source="minio:s3")],
    ids=["straight", "by EventBridge", "by SNS", "another maker's"],
)
def test_each_shape_names_the_object_as_it_is_called(said):
    assert objects_in(json.dumps(said)) == [("dropzone", KEY)]


def test_one_message_may_hint_at_several_objects():
    both = {"Records": straight("a+b")["Records"] + straight("c%2Fd")["Records"]}
    assert objects_in(json.dumps(both)) == [("dropzone", "a b"), ("dropzone", "c/d")]


@pytest.mark.parametrize("body", FOREIGN)
def test_what_is_no_event_of_a_bucket_is_none(body):
    assert objects_in(body) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(
    st.sampled_from(["Records", "s3", "bucket", "name", "object", "key", "source", "detail", "eventSource", "Type", "Message", "Event"]), v)))  # fmt: skip
def test_no_message_breaks_the_reading_of_it(value):
    """P28: a queue is written by others."""
    found = objects_in(json.dumps(value))
    assert found is None or all(isinstance(part, str) for pair in found for part in pair)


def test_hints_are_taken_off_when_they_are_done_and_not_before(sqs, queue):
    for body in (straight(), bridged(), straight()):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))
    first = waiting(queue)
    assert [(hint.bucket, hint.key) for hint in first.hints] == [("dropzone", KEY)] * 3 and first.set_aside == 0
    again = waiting(queue)
    assert len(again.hints) == 3 and left(sqs, queue) == 3
    assert done(queue, again.hints) == 3 and left(sqs, queue) == 0
    done(queue, again.hints)
    assert waiting(queue).hints == ()


def test_a_test_event_is_thrown_away_and_foreign_messages_are_counted_and_left(sqs, queue):
    for body in (json.dumps(TEST_EVENT), "none of ours", '{"Records": []}', json.dumps(bridged())):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    found = waiting(queue)
    assert [hint.key for hint in found.hints] == [KEY] and found.set_aside == 2
    assert done(queue, found.hints) == 1
    assert left(sqs, queue) == 2


def test_more_hints_than_fit_one_answer_all_come(sqs, queue):
    for begin in range(0, 40, 10):
        entries = [{"Id": str(n), "MessageBody": json.dumps(bridged(f"k{begin + n}"))} for n in range(10)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "60"})
    found = waiting(queue)
    assert {hint.key for hint in found.hints} == {f"k{n}" for n in range(40)}
    assert done(queue, found.hints) == 40


def test_what_a_bucket_really_sends_is_understood(moto, sqs, queue):
    s3, name = raw_client("s3", moto), f"b-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    s3.put_object(Bucket=name, Key=KEY, Body=b"x")
    found = waiting(queue)
    assert {(hint.bucket, hint.key) for hint in found.hints} == {(name, KEY)} and found.set_aside == 0


@pytest.mark.parametrize(
    "url", ["", "queue", "https://", "https://sqs.us-east-1.amazonaws.com/", "http://sqs.example/1/q"]
)
def test_an_address_that_is_no_queue_or_has_no_tls_is_refused(url):
    """P40: http only to this machine."""
    with pytest.raises(Misconfigured):
        waiting(url)


def test_a_queue_that_is_not_there_is_named(moto):
    with pytest.raises(Misconfigured, match="There is no queue gone"):
        waiting(f"{moto}/123456789012/gone")
    assert done(f"{moto}/123456789012/gone", ()) == 0
    with pytest.raises(Misconfigured):
        done(f"{moto}/123456789012/gone", [Hint("b", "k", "r")])
