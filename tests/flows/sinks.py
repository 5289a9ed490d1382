"""Where alerts arrive in tests: a web server and a mail server on loopback that keep what they are sent."""

import asyncio
import email
import email.policy
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class WebSink:
    """`bodies` holds what was posted, in order; `status` is what it answers with."""

    def __init__(self):
        self.bodies: list[str] = []
        self.status = 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if outer.status == 200:
                    outer.bodies.append(body)
                answer = b"ok" if outer.status == 200 else b""  # what Slack says, and others ignore
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"


class MailSink:
    """A mail server that takes what it is given; `mails` holds the messages as they came."""

    def __init__(self):
        self.mails: list[email.message.EmailMessage] = []
        self.port = 0

    def texts(self) -> list[str]:
        return [f"{mail['Subject']}\n{mail.get_body(('plain', 'html')).get_content()}" for mail in self.mails]

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        async with await asyncio.start_server(self._talk, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await stop.wait()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper().strip()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                data = (await reader.readuntil(b"\r\n.\r\n"))[:-5].replace(b"\r\n..", b"\r\n.")
                self.mails.append(email.message_from_bytes(data, policy=email.policy.default))
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                break
        writer.close()


@contextmanager
def web_sink() -> Iterator[WebSink]:
    sink = WebSink()
    thread = threading.Thread(target=sink.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        sink.http.shutdown()
        sink.http.server_close()
        thread.join(5)


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    sink, ready, loop = MailSink(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(sink.serve(ready, stop),), daemon=True)
    thread.start()
    try:
        assert ready.wait(10)
        yield sink
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        loop.close()
