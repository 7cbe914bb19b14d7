"""A publisher, a hub that serves what it published over real HTTP, and a node's slots."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from contract.release import Kind
from deploy.keys import make_keys, packed, publish
from edge.update import flow
from edge.update.fetch import Source
from edge.update.slots import Slots

Answer = Callable[[str, bytes], tuple[bytes, int]]


class FakeWays:
    """A machine on which every version does well, unless it is said what ails it."""

    def __init__(self, sick: str = "") -> None:
        self.sick = sick
        self.did: list[str] = []
        self.spoilt = ""
        self.position = 0
        self.judged_since: list[int] = []

    def prepare(self, slot: Path) -> None:
        self.did.append(f"prepare {slot.name}")
        if self.spoilt:
            raise flow.UpdateError(self.spoilt)

    def restart(self) -> None:
        self.did.append("restart")

    def mark(self) -> flow.Mark:
        return flow.Mark(self.position)

    def wait(self, seconds: float) -> None:
        self.did.append(f"wait {seconds:g}")

    def ails(self, slot: Path, mark: flow.Mark) -> str:
        self.judged_since.append(mark.position)
        return self.sick


@dataclass(slots=True)
class Publisher:
    """Keys and a repository in a folder."""

    folder: Path

    def __post_init__(self) -> None:
        make_keys(self.keys)

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def pinned(self) -> Path:
        return self.repository / "metadata/1.root.json"

    def release(
        self, software: str, models: str = "m1", *, files: int = 3, life: dict[str, timedelta] | None = None
    ) -> int:
        """Publishes a version: a few files that all say which one it is."""
        archives: dict[Kind, bytes] = {}
        for kind, version in (("software", software), ("models", models)):
            made = self.folder / "made" / kind / version
            made.mkdir(parents=True, exist_ok=True)
            for number in range(files):
                (made / f"part-{number}").write_text(f"{version} {number}\n" * 50)
            archives[kind] = packed(made)  # type: ignore[index]
        return publish(self.keys, self.repository, archives, life)


@dataclass(slots=True)
class Serving:
    """A folder over HTTP. ``bend`` changes answers: what is sent, and the length that is claimed."""

    folder: Path
    bend: Answer = field(default=lambda _, content: (content, len(content)))
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def served(folder: Path) -> Iterator[Serving]:
    """Serves ``/updates/…`` from a folder."""
    serving = Serving(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            serving.asked.append(self.path)
            place = serving.folder / self.path.removeprefix("/updates/")
            if not place.is_file():
                self.send_error(404)
                return
            content, length = serving.bend(self.path, place.read_bytes())
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    serving.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield serving
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def update(
    slots: Slots,
    hub: Serving,
    publisher: Publisher,
    ways: FakeWays | None = None,
    when: flow.When = flow.ALWAYS,
) -> str:
    """One run of the command, from its root of trust on."""
    return flow.update(slots, Source(hub.url, publisher.pinned, slots.folder), ways or FakeWays(), when)


def runs(slots: Slots) -> tuple[str, str]:
    """Software and models in the current slot, which must be whole and of one version each."""
    name = slots.current()
    assert name is not None
    assert slots.whole(name)
    said = [
        {path.read_text().split()[0] for path in (slots.path(name) / kind).iterdir()} for kind in ("software", "models")
    ]
    assert [len(one) for one in said] == [1, 1]
    return said[0].pop(), said[1].pop()
