"""XML can neither expand nor reach out: no document type, no entity, no depth, no foreign file."""

import io
import socket
import threading
import time
import zipfile
from datetime import date

import docx
import openpyxl
import pytest

from probatum.errors import Rejected
from probatum.records import SourceRelease
from probatum.safeio import Limits, xml_events
from sources.formulary import Formulary
from sources.guidelines import Guidelines
from sources.icd10 import Icd10

TABULAR = (
    b"<ICD10CM.tabular><chapter><name>1</name><desc>One</desc><section id='A00-A09'><desc>Some</desc>"
    b"<diag><name>A00</name><desc>Words</desc></diag></section></chapter></ICD10CM.tabular>"
)
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE ICD10CM.tabular [<!ENTITY a "ha ha ha ha ha ha ha ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(ord("b"), ord("k")))
    + b"]><ICD10CM.tabular><chapter><desc>&j;</desc></chapter></ICD10CM.tabular>"
)
BLOW_UP = (
    b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 60_000 + b'">]><ICD10CM.tabular>' + b"&a;" * 60_000 + b"</ICD10CM.tabular>"
)


def read(data, limits=None):
    return [event for event, _ in xml_events(io.BytesIO(data), limits or Limits(), what="list.xml")]


def refusal(data):
    began = time.monotonic()
    with pytest.raises(Rejected) as refused:
        read(data)
    assert "list.xml" in refused.value.happened and refused.value.next
    assert time.monotonic() - began < 5
    return refused.value.happened


def of_source(source, name, data, tmp_path):
    path = tmp_path / "bytes"
    path.write_bytes(data)
    return list(source.parse({name: path}, SourceRelease(source.name, "2026-10", date(2026, 10, 1), "test", "test")))


@pytest.fixture
def listener():
    """A port on loopback and the connections it saw."""
    seen, server = [], socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            seen.append(connection.recv(200))
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n<!ENTITY x 'reached'>")
            connection.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield server.getsockname()[1], seen
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


def reaching(port):
    """Documents that would make a careless parser call back: entities, parameter entities, a DTD, XInclude, a stylesheet."""
    url = f"http://127.0.0.1:{port}/x".encode()
    body = b"<ICD10CM.tabular>%s</ICD10CM.tabular>"
    return {
        "entity": b'<!DOCTYPE r [<!ENTITY x SYSTEM "' + url + b'">]>' + body % b"&x;",
        "file": b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + body % b"&x;",
        "parameter": b'<!DOCTYPE r [<!ENTITY % x SYSTEM "' + url + b'"> %x;]>' + body % b"",
        "dtd": b'<!DOCTYPE ICD10CM.tabular SYSTEM "' + url + b'">' + body % b"",
        "public dtd": b'<!DOCTYPE ICD10CM.tabular PUBLIC "-//X//Y//EN" "' + url + b'">' + body % b"",
    }


def test_an_ordinary_tabular_list_is_read(tmp_path):
    assert read(TABULAR).count("start") == read(TABULAR).count("end") == 9
    assert [d.id for d in of_source(Icd10(), "tabular.xml", TABULAR, tmp_path)] == ["A00"]


@pytest.mark.parametrize("data", [LAUGHS, BLOW_UP], ids=["billion laughs", "quadratic blow-up"])
def test_entities_do_not_expand(data, tmp_path):
    """P26: a kilobyte does not become gigabytes, and sixty kilobytes not four gigabytes."""
    assert "declares a document type or an entity" in refusal(data)
    with pytest.raises(Rejected, match="declares a document type or an entity"):
        of_source(Icd10(), "tabular.xml", data, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_even_when_it_does_nothing(encoding):
    """P26: no source needs one, so none is read."""
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE ICD10CM.tabular><ICD10CM.tabular/>'
    assert "declares a document type" in refusal(text.encode(encoding))


@pytest.mark.parametrize("way", list(reaching(0)))
def test_external_entities_reach_nobody(way, listener, tmp_path):
    """P26: a listening socket sees no connection, whichever way the document asks for one."""
    port, seen = listener
    data = reaching(port)[way]
    assert "declares a document type" in refusal(data)
    with pytest.raises(Rejected):
        of_source(Icd10(), "tabular.xml", data, tmp_path)
    assert seen == []


def test_the_listening_socket_would_have_seen_a_connection(listener):
    port, seen = listener
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.sendall(b"hello")
        assert b"reached" in caller.recv(200)
    assert seen == [b"hello"]


def test_xinclude_and_stylesheets_are_not_followed(listener):
    """P26: what merely names an address is text."""
    port, seen = listener
    url = f"http://127.0.0.1:{port}/x"
    data = (
        f'<?xml-stylesheet href="{url}"?><ICD10CM.tabular xmlns:xi="http://www.w3.org/2001/XInclude" '
        f'xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:noNamespaceSchemaLocation="{url}"><xi:include href="{url}"/></ICD10CM.tabular>'
    )
    assert read(data.encode()).count("start") == 2
    assert seen == []


@pytest.mark.parametrize("member", ["word/document.xml", "word/styles.xml", "[Content_Types].xml"])
def test_a_word_document_reaches_nobody(member, listener, tmp_path):
    """P26: the XML inside a DOCX is XML too."""
    port, seen = listener
    word, out, changed = docx.Document(), io.BytesIO(), io.BytesIO()
    word.add_paragraph("Give 500 mL of fluid and reassess.")
    word.save(out)
    kinds = f'<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:{port}/x"><!ENTITY f SYSTEM "file:///etc/hostname">]>'.encode()
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == member:
                head, _, rest = data.partition(b"?>")
                data = head + b"?>" + kinds + rest.replace(b"Give 500", b"&e;&f;Give 500")
            new.writestr(name, data)
    with pytest.raises(Rejected, match="declares a document type"):
        of_source(Guidelines(), "protocol.docx", changed.getvalue(), tmp_path)
    assert seen == []


def test_a_workbook_reaches_nobody(listener, tmp_path):
    """P26: the XML inside an XLSX is XML too."""
    port, seen = listener
    book, out, changed = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    book.active.append(["Drug", "Strength"])
    book.save(out)
    kinds = f'<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:{port}/x">]>'.encode()
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, kinds + old.read(name) if name.endswith("sheet1.xml") else old.read(name))
    with pytest.raises(Rejected, match="document type or an entity"):
        of_source(Formulary(), "list.xlsx", changed.getvalue(), tmp_path)
    assert seen == []


@pytest.mark.parametrize("deep", [201, 10_000, 1_000_000])
def test_deep_nesting_is_refused(deep):
    """P26: ten thousand levels end in a sentence, not in a stack."""
    assert "nested deeper than 200 levels" in refusal(b"<a>" * deep + b"</a>" * deep)


def test_two_hundred_levels_are_fine():
    assert read(b"<a>" * 200 + b"</a>" * 200).count("start") == 200


def test_codes_nested_ten_thousand_deep_are_refused(tmp_path):
    """P26: the reader of codes walks down the tree, and never gets a tree it could fall off."""
    nested = b"<diag><name>A00</name>" * 10_000 + b"</diag>" * 10_000
    data = b"<ICD10CM.tabular><chapter><section>" + nested + b"</section></chapter></ICD10CM.tabular>"
    with pytest.raises(Rejected, match="nested deeper"):
        of_source(Icd10(), "tabular.xml", data, tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a>",
        b"<a></b>",
        b"<a>&nbsp;</a>",
        b"<a>\x00</a>",
        b"<a>\xff\xfe</a>",
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="gb2312"?><a/>',
        b'<?xml version="1.0" encoding="no-such-encoding"?><a/>',
        b"<a/><b/>",
        b"<a " + b"b" * 100_000,
        TABULAR[:-30],
    ],
)
def test_what_is_no_xml_is_refused(data):
    """P7: broken XML, and XML in an encoding nobody knows, end in the same refusal."""
    assert "not well-formed XML" in refusal(data)
