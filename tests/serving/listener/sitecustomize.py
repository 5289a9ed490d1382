"""Put on PYTHONPATH by test_no_network.py: every Python process writes down where it connects and what names it looks up."""

import os
import sys

_OUT = os.environ["CONNECTIONS_SEEN"]
_ADDRESS_AT = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}


def _note(event, arguments):
    if event in _ADDRESS_AT:
        address = arguments[_ADDRESS_AT[event]]
        host = address[0] if isinstance(address, tuple) else address
        line = f"{event} {host!r}\n".encode()
        out = os.open(_OUT, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(out, line)
        os.close(out)


with open(f"{_OUT}.processes", "a", encoding="utf-8") as processes:
    processes.write(" ".join(sys.orig_argv).replace("\n", " ") + "\n")
sys.addaudithook(_note)
