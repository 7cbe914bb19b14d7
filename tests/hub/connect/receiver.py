"""A receiver on this machine: a web server that keeps what it is sent, and answers as a test says."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_S = 20.0


@dataclass(frozen=True)
class Came:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, in order. ``codes`` are the answers still to give, then 204; none while ``open`` is not set."""

    url: str = ""
    came: queue.Queue[Came] = field(default_factory=queue.Queue)
    codes: list[int] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)

    def next(self) -> Came:
        return self.came.get(timeout=WAIT_S)


@contextmanager
def receiver(*codes: int) -> Iterator[Receiver]:
    """Runs until the block is left."""
    state = Receiver(codes=list(codes))
    state.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            state.came.put(Came(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            state.open.wait(WAIT_S)
            code = state.codes.pop(0) if state.codes else 204
            self.send_response(code)
            if 300 <= code < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.open.set()
        server.shutdown()
        thread.join()
        server.server_close()
