"""Connections that say nothing, slowly, too much, or what no browser says, and how the pages fare meanwhile."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Final

import httpx

from bench.hostile.running import Hub

PATIENCE_S: Final = 20.0
TRICKLE_S: Final = 0.5
PAGES: Final = ("/", "/enter", "/notice/en")
_HEAD: Final = b"Host: 127.0.0.1\r\n"
_SLOW: Final = (
    b"",
    b"GET / HTTP/1.1\r\n" + _HEAD + b"X-Slow: ",
    b"POST /enter HTTP/1.1\r\n" + _HEAD + b"Content-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 1000000\r\n\r\nkey=",
)
_PATHS: Final = (
    "/static/../hub.toml", "/static/../../../../etc/passwd", "/static/%2e%2e/%2e%2e/hub/app.py",
    "/static/..%2f..%2fapp.py", "/static/%252e%252e/app.py", "/static/..\\..\\app.py", "/static//etc/passwd",
    "/static/%00", "/static/attune.css%00.html", "/static/%c0%ae%c0%ae/app.py", "//127.0.0.1/owner", "/./owner",
    "/owner/../staff", "/OWNER", "/owner%20", "/owner;x=1", "/owner/.", "/%6fwner", "/owner?role=owner",
    "/notice/../../hub.toml", "/notice/%2e%2e%2fhub.toml", "/notice/xx", "/updates/metadata/..%2f..%2fdoors.db",
    "/updates/targets/../../hub.db", "/updates/metadata/%2e%2e", "/audit/export", "/api/v1/nudges", "/metrics", "/docs",
    "/openapi.json", "/.git/config", "/hub.db", "/doors.db", "/" + "a" * 60_000,
)  # fmt: skip
_HEADS: Final = (
    b"X-A: b\r\nSet-Cookie: __Host-attune=owned\r\n",
    b"X-A: b\r\n Folded: line\r\n",
    b"Host: evil.example\r\n",
    b"X-Forwarded-For: 10.0.0.1, evil\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\n",
    b"Cookie: " + b"a=b; " * 3_000 + b"\r\n",
    b"Cookie: __Host-attune=../../doors.db; session=\xff\xfe\r\n",
    b"Accept-Language: " + b"de;q=9, " * 2_000 + b"\r\n",
    b"Accept-Language: \xff\xff\r\n",
    b"Range: bytes=" + b"0-1," * 500 + b"5-\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 9" + b"9" * 30 + b"\r\n",
    b"Expect: 100-continue\r\nContent-Length: 10\r\n",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b"".join(b"X-%d: y\r\n" % number for number in range(3_000)),
)  # fmt: skip
_FOREIGN: Final = (b"root:x:0", b"def create_app", b"SQLite format", b"evil.example", b"__Host-attune=owned")


@dataclass(slots=True)
class Fared:
    """How the pages fared. Units: ms, medians and 95th percentiles without and with the slow ones.

    ``told`` are answers that hold what nobody may see, or what somebody put into a header; ``broken`` answers from 500.
    """

    slow: int = 0
    quiet_p95_ms: float = 0.0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    failed: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def attack(running: Hub, slow: int, asked: int) -> Fared:
    """``slow`` connections at once, ``asked`` pages while they stand; then tricks, one by one."""
    found = Fared(slow)
    found.quiet_p95_ms = _p95(_asked(running, asked)[0])
    with _standing(running, slow):
        took_ms, found.failed = _asked(running, asked)
    found.p50_ms, found.p95_ms = quantiles(took_ms, n=20)[9], _p95(took_ms)
    for name, request in _tricks():
        _one(running, found, name, request)
    return found


def _p95(took_ms: Sequence[float]) -> float:
    return quantiles(took_ms, n=20)[18]


def _asked(running: Hub, asked: int) -> tuple[list[float], int]:
    took_ms, failed = [], 0
    for number in range(asked):
        began_s = time.perf_counter()
        try:
            answer = httpx.get(f"http://127.0.0.1:{running.port}{PAGES[number % len(PAGES)]}", timeout=PATIENCE_S)
            failed += answer.status_code != 200
        except httpx.HTTPError:
            failed += 1
        took_ms.append((time.perf_counter() - began_s) * 1000)
    return took_ms, failed


@contextmanager
def _standing(running: Hub, count: int) -> Iterator[None]:
    """Silent ones, ones that never end their head, and ones that never end their body; a byte each now and then."""
    ends, over = [], threading.Event()
    for number in range(count):
        end = socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S)
        end.sendall(_SLOW[number % len(_SLOW)])
        ends.append(end)

    def trickle() -> None:
        while not over.wait(TRICKLE_S):
            for number, end in enumerate(ends):
                with suppress(OSError):
                    end.sendall(b"x" * bool(number % len(_SLOW)))

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for end in ends:
            end.close()


def _tricks() -> Iterator[tuple[str, bytes]]:
    for path in _PATHS:
        yield path[:60], b"GET " + path.encode() + b" HTTP/1.1\r\n" + _HEAD + b"Connection: close\r\n\r\n"
    for head in _HEADS:
        name, rest = head[:60].decode("latin-1"), _HEAD + head + b"Connection: close\r\n\r\n"
        yield name, b"GET /enter HTTP/1.1\r\n" + rest
        yield name, b"POST /enter HTTP/1.1\r\n" + rest + b"key=a"
    body = b"key=" + b"a" * 20_000_000
    yield "a body of 20 MB", b"POST /enter HTTP/1.1\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        _HEAD, len(body), body,
    )  # fmt: skip
    chunks = b"".join(b"10000\r\n" + b"a" * 65_536 + b"\r\n" for _ in range(300)) + b"0\r\n\r\n"
    yield "20 MB in chunks", b"POST /enter HTTP/1.1\r\n" + _HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    yield "no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50
    yield "no version", b"GET /\r\n\r\n"
    yield "another method", b"TRACE / HTTP/1.1\r\n" + _HEAD + b"Connection: close\r\n\r\n"


def _one(running: Hub, found: Fared, name: str, request: bytes) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_S) as end:
        answer = _exchange(end, request)
    status = int(answer[9:12]) if answer[:5] == b"HTTP/" and answer[9:12].isdigit() else 0
    found.answers[status] += 1
    if status >= 500:
        found.broken.append(f"{name!r} was answered with {status}")
    if any(word in answer for word in _FOREIGN):
        found.told.append(name)


def _exchange(end: socket.socket, request: bytes) -> bytes:
    """What was answered by the time that the other side hangs up or says no more; it may hang up before it has all."""
    answer, left = b"", memoryview(request)
    end.setblocking(False)
    with selectors.DefaultSelector() as ready:
        ready.register(end, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while events := ready.select(timeout=3.0):
            try:
                if events[0][1] & selectors.EVENT_READ:
                    came = end.recv(65_536)
                    if not came:
                        break
                    answer += came
                elif left:
                    left = left[end.send(left) :]
                    if not left:
                        ready.modify(end, selectors.EVENT_READ)
            except OSError:
                break
    return answer
