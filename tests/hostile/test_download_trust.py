"""Whom does a download believe? Certificates, name servers, and addresses that are written to mislead."""

import ipaddress
import socket
import threading
import time
from dataclasses import replace

import pytest
from http_servers import DAY, LIMITS, NOBODY, Authority, redirects_to, refusal, sends, serving
from hypothesis import given
from hypothesis import strategies as st

from probatum.errors import Misconfigured, Retryable
from probatum.safeio import download, transport
from probatum.safeio.addresses import resolve

ALLOWED = frozenset({"allowed.example"})


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def named(monkeypatch):
    """A name server of the test's own: `named(host, address, …)`; every other name is looked up as ever."""
    real, names = socket.getaddrinfo, {}

    def look_up(host, port, *args, **kwargs):
        if host in names:
            return [found for address in names[host] for found in real(address, port, *args, **kwargs)]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return lambda host, *addresses: names.update({host: addresses})


def test_a_certificate_of_a_trusted_authority_is_accepted(tmp_path, authority):
    """P28: what an intranet's own authority vouches for is fetched; else the refusals below would prove nothing."""
    with serving(sends(b"the file"), authority.context("127.0.0.1")) as server:
        download(f"{server.url}/a", tmp_path / "a", limits=LIMITS, allowed_hosts=NOBODY, authorities=authority.pem)
    assert (tmp_path / "a").read_bytes() == b"the file"


@pytest.mark.parametrize(
    ("shown", "trusts", "said"),
    [
        ({"name": "127.0.0.1", "begins": -2 * DAY, "ends": -DAY}, True, "certificate has expired"),
        ({"name": "127.0.0.1", "begins": DAY, "ends": 2 * DAY}, True, "not yet valid"),
        ({"name": "127.0.0.1", "signs_itself": True}, True, "self-signed certificate"),
        ({"name": "elsewhere.example"}, True, "IP address mismatch"),
        ({"name": "127.0.0.1"}, False, "unable to get local issuer"),
    ],
    ids=["expired", "not yet", "self-signed", "wrong host", "unknown authority"],
)
def test_a_certificate_that_proves_nothing_is_refused(tmp_path, authority, shown, trusts, said):
    """P28: TLS is verified, each way it can be wrong; not one request is sent."""
    with serving(sends(b"the file"), authority.context(**shown)) as server:
        refused = refusal(Retryable, f"{server.url}/a", tmp_path, authorities=authority.pem if trusts else None)
    assert "certificate that is not accepted" in refused.happened and said in refused.happened
    assert "PROBATUM_TLS_AUTHORITIES" in refused.next
    assert server.asked == []


def test_a_name_is_held_to_its_certificate_though_its_address_is_asked(tmp_path, authority):
    """P28: the connection goes to the address that was judged; the certificate and the Host header are the name's."""
    with serving(sends(b"the file"), authority.context("localhost")) as server:
        url = server.url.replace("127.0.0.1", "localhost") + "/a"
        download(url, tmp_path / "a", limits=LIMITS, allowed_hosts=NOBODY, authorities=authority.pem)
        assert server.headers[0]["Host"] == f"localhost:{server.http.server_address[1]}"
        refused = refusal(Retryable, f"{server.url}/a", tmp_path / "b", authorities=authority.pem)
    assert "IP address mismatch" in refused.happened


def test_a_file_that_holds_no_authorities_is_named(tmp_path):
    (tmp_path / "ca.pem").write_text("not a certificate")
    with serving(sends(b"the file")) as server:
        refused = refusal(Misconfigured, f"{server.url}/a", tmp_path, authorities=tmp_path / "ca.pem")
    assert "ca.pem" in refused.happened and "PROBATUM_TLS_AUTHORITIES" in refused.next


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::",  # this machine
        "169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::",  # its link
        "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",  # metadata of clouds
        "::ffff:127.0.0.1", "224.0.0.1", "ff02::1", "255.255.255.255", "fec0::1", "100.64.0.1",
    ],
)  # fmt: skip
def test_an_allowed_name_that_leads_where_nobody_may_go_is_refused(tmp_path, named, address):
    """P28: the name server has no say in it; nothing is asked, whatever is listed."""
    named("allowed.example", address)
    refused = refusal(Misconfigured, "https://allowed.example/a", tmp_path, hosts=ALLOWED)
    assert f"sends allowed.example to {address}" in refused.happened


def test_one_forbidden_address_among_others_refuses_the_name(named):
    named("allowed.example", "93.184.215.14", "127.0.0.1")
    with pytest.raises(Misconfigured):
        resolve("allowed.example", 443)


@pytest.mark.parametrize("address", ["10.1.2.3", "172.16.0.9", "192.168.1.1", "fd12::1", "93.184.215.14"])
def test_an_allowed_name_may_be_an_intranets(named, address):
    named("allowed.example", address)
    assert resolve("allowed.example", 443) == (address,)


def test_this_machine_by_name_is_this_machine(named):
    """P28: what is let through as loopback goes nowhere else."""
    named("localhost", "93.184.215.14")
    with pytest.raises(Misconfigured):
        resolve("localhost", 80)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).filter(lambda address: not address.is_loopback))
def test_an_address_that_may_be_asked_is_public_or_of_a_private_network(address):
    """P28: whatever the form, an address on the link or of many machines is never asked."""
    private = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]
    try:
        resolve(str(address), 443)
    except Misconfigured:
        return
    assert address.is_global or any(address in network for network in private)
    assert not (address.is_link_local or address.is_multicast or address.is_unspecified)


def test_a_name_that_changes_its_mind_is_asked_where_it_was_judged(tmp_path, named, monkeypatch):
    """P28: the connection uses the address that was looked at, without a second look-up."""
    looked_up, real = [], transport.resolve
    with serving(sends(b"the file")) as server:

        def judged(host, port):
            looked_up.append(host)
            found = real("127.0.0.1", port)
            named("localhost", "192.0.2.1")  # from now on
            return found

        monkeypatch.setattr(transport, "resolve", judged)
        url = server.url.replace("127.0.0.1", "localhost")
        download(f"{url}/a", tmp_path / "a", limits=LIMITS, allowed_hosts=NOBODY)
    assert looked_up == ["localhost"] and (tmp_path / "a").read_bytes() == b"the file"


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/a", "http://0x7f000001/a", "http://0177.0.0.1/a", "http://127.1/a",  # 127.0.0.1, written oddly
        "https://2852039166/a", "https://0xa9fea9fe/a", "https://[::ffff:169.254.169.254]/a", "http://[::ffff:127.0.0.1]:1/a",
        "http://127.0.0.1@169.254.169.254/a", "https://allowed.example:pw@169.254.169.254/a",
        "https://169.254.169.254#@allowed.example/a", "https://169.254.169.254\\@allowed.example/a",
        "https://allowed.example\\@169.254.169.254/a", "https://allowed.example%2f@169.254.169.254/a",
        "https://me:secret@allowed.example/a", "http://me:secret@127.0.0.1/a",
        "https://allowed.example./a", "https://ａllowed.example/a", "https://127.0.0.1.nip.io/a",
    ],
)  # fmt: skip
def test_an_address_that_is_written_to_mislead_is_refused(tmp_path, url):
    """P28: decimal and hexadecimal forms, IPv4 within IPv6, user names that look like hosts; no password is shown."""
    refused = refusal(Misconfigured, url, tmp_path, hosts=ALLOWED)
    assert "secret" not in str(refused)


def test_metadata_is_refused_even_when_somebody_lists_it(tmp_path):
    """P28: no setting opens the way to a cloud's credentials."""
    for host in ("169.254.169.254", "::ffff:169.254.169.254", "2852039166", "0xa9fea9fe"):
        url = f"https://[{host}]/a" if ":" in host else f"https://{host}/a"
        refusal(Misconfigured, url, tmp_path, hosts=frozenset({host}))


def test_a_redirect_from_a_trusted_host_to_plain_http_is_refused(tmp_path, authority):
    """P28: no downgrade, not even to the host that was asked."""
    with serving(redirects_to("http://allowed.example/a"), authority.context("127.0.0.1")) as server:
        refused = refusal(Misconfigured, f"{server.url}/a", tmp_path, hosts=ALLOWED, authorities=authority.pem)
    assert "http address refused" in refused.happened


@pytest.mark.parametrize("where", ["status line", "headers", "chunk size"])
def test_an_answer_that_drips_is_hung_up_on(tmp_path, monkeypatch, where):
    """P28: not only the body: a byte a moment of anything is an answer that does not come."""
    monkeypatch.setattr(transport, "ANSWER_S", 0.4)
    monkeypatch.setattr(transport, "RETRIES", 1)
    over = threading.Event()

    def answer(handler):
        if where == "headers":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        if where == "chunk size":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")
        while not over.wait(0.05):
            handler.wfile.write(b"x")

    with serving(answer) as server:
        began = time.monotonic()
        refusal(Retryable, f"{server.url}/a", tmp_path, replace(LIMITS, download_seconds=1))
        over.set()
    assert time.monotonic() - began < 5
