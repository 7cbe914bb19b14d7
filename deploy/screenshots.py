"""``make screenshots``: every page of a running demo in a real browser, on tablet, phone and desktop.

Rules:
- Which pages there are is asked of the app: a page that is added is in the next pictures by itself.
- A picture has a palette and at most 150 kB, so that the repository stays small.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from contract.errors import AttuneError, LinkError
from deploy.demo import HUB, Shop, shop
from deploy.past import remember, walk
from hub.app import allowed, create_app
from hub.auth import Doors, Role
from hub.commissioning import FakeCommissioning
from hub.connect.connections import Connections
from hub.connect.keys import Keys
from hub.connect.settings import ConnectPart
from hub.doors_secrets import Secrets
from hub.experiment_desk import FakeExperiment
from hub.fakes import FakeShop
from hub.plan import FakePlan
from hub.rules import FakeRules
from hub.store import FILE, Store
from hub.views import Settings

FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SIZES: Final[dict[str, ViewportSize]] = {
    "tablet": {"width": 1180, "height": 820},
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1600, "height": 1000},
}
TALL: Final = 1.6  # a long page is shown to so many times the height of the screen
COLOURS: Final = (256, 128, 64)
BYTES_MAX: Final = 150_000
NUDGE_S: Final = 120.0
OPEN: Final = "article.nudge[data-state=open]"
FILLED: Final = {"language": "en"}
LOCKED: Final = "/staff/locked"
GALLERY: Final = "pages.md"
DAYS: Final = 27
AFTERNOON_H: Final = 16
ABOUT: Final = f"""\
Taken from the demo by `make screenshots`, on a tablet, a phone and a desktop. Its customers are drawings with real
photographs of faces. The {DAYS + 1} days behind it are made up: visits, nudges and their answers, the experiment with
its sales, and the plan. The walks are those of the scene `walk`."""
_HUB: Final = f"""\
timezone = "{{timezone}}"
{HUB.replace("rest_s = 20.0", "rest_s = 30.0")}
[connect.home_assistant]
enabled = true
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One page; ``role`` is who sees it, None for anyone."""

    path: str
    role: Role | None

    @property
    def name(self) -> str:
        """What its pictures are called."""
        return self.path.strip("/").replace("/", "-") or "public"


def shown() -> tuple[Shown, ...]:
    """Every page of the hub that a browser can open by its address alone, from the app's own routes."""
    with tempfile.TemporaryDirectory(prefix="attune-pages-") as folder:
        doors, fake = Doors.open(Path(folder) / "doors.db"), FakeShop()
        keys = Keys.open(Path(folder) / "doors.db")
        app = create_app(
            reads=fake,
            desk=fake,
            doors=doors,
            changes=fake.changes,
            settings=Settings(),
            connections=Connections(keys, ConnectPart()),
            rules=FakeRules(),
            experiment=FakeExperiment(),
            plan=FakePlan(),
            commissioning=FakeCommissioning(),
        )
        pages = tuple(_pages(app.routes))
        keys.close()
        doors.close()
    return pages


def _pages(routes: Sequence[object]) -> Iterator[Shown]:
    for route in routes:
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and route.response_class is HTMLResponse:
            door = allowed(route)
            path = re.sub(r"\{(\w+)\}", lambda found: FILLED.get(found[1], found[0]), route.path)
            if "{" not in path:  # else it is of one thing only, which the demo may not have
                yield Shown(path, door.roles[0] if door and door.roles else None)


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m deploy.screenshots``."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.screenshots",
        description="Run the demo, wait for a nudge, and save pictures of every page. Takes about four minutes.",
    )
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    program = shutil.which("chromium")
    try:
        if program is None:
            raise LinkError("There is no chromium to take pictures with: install it (Debian: apt install chromium).")
        options.out.mkdir(parents=True, exist_ok=True)
        timezone = os.environ["TZ"] = afternoon(time.gmtime().tm_hour)  # the demo's processes are of that zone too
        time.tzset()
        with (
            tempfile.TemporaryDirectory(prefix="attune-demo-") as folder,
            shop(0, "day", _past(Path(folder)), history=False, settings=_HUB.format(timezone=timezone)) as running,
            sync_playwright() as playwright,
        ):
            keys = Keys.open(running.data / "hub" / "doors.db")
            keys.make("Weekly report", ("today", "hours"))
            keys.close()
            doors = Doors.open(running.data / "hub" / "doors.db")
            Secrets(doors.db, time.time).set_pin("482913")
            doors.close()
            browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
            _take_all(browser, running, options.out)
            browser.close()
        gallery = options.out.parent / GALLERY
        gallery.write_text(gallery_of(shown(), options.out.name), encoding="utf-8")
    except AttuneError as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 1
    return 0


def _past(data: Path) -> Path:
    """A data folder with weeks behind it."""
    (data / "hub").mkdir()
    store = Store(data / "hub" / FILE)
    try:
        remember(store, time.time(), DAYS)
        walk(store, time.time())
    finally:
        store.close()
    return data


def afternoon(utc_hour: int) -> str:
    """A time zone in which it is between four and five in the afternoon, so that there is a day to show."""
    ahead_h = (AFTERNOON_H - utc_hour + 11) % 24 - 11
    return f"Etc/GMT{-ahead_h:+d}"  # in these names the sign is turned round


def _take_all(browser: Browser, running: Shop, out: Path) -> None:
    for role in ("staff", "owner", "auditor", None):  # staff first: by then a nudge has come, and every camera senses
        contexts = {size: _visitor(browser, running, role, size) for size in SIZES}
        for page in sorted((page for page in shown() if page.role == role), key=lambda page: page.path == LOCKED):
            opened = {size: _open(context, running, page) for size, context in contexts.items()}
            for size, tab in opened.items():
                if page.path == "/staff":  # its board is drawn anew whenever something happens
                    tab.locator(OPEN).first.wait_for(timeout=NUDGE_S * 1000)
                _take(tab, size, out / f"{page.name}-{size}.png")
            if page.path == "/staff":
                _answer(opened["tablet"])
            for tab in opened.values():
                tab.close()
        for context in contexts.values():
            context.close()


def _visitor(browser: Browser, running: Shop, role: str | None, size: str) -> BrowserContext:
    context = browser.new_context(viewport=SIZES[size], timezone_id=os.environ["TZ"], reduced_motion="reduce")
    if role is not None:
        tab = context.new_page()
        tab.goto(running.links[role])
        tab.wait_for_url(lambda url: "/enter" not in url)
        tab.close()
    return context


def _open(context: BrowserContext, running: Shop, page: Shown) -> Page:
    tab = context.new_page()
    if page.path == "/staff/offline":  # which leaves by itself when it reaches the hub
        tab.route("**/*", lambda route: route.abort() if route.request.resource_type == "fetch" else route.continue_())
    answer = tab.goto(running.url + ("/staff" if page.path == LOCKED else page.path))
    if answer is None or answer.status >= 400:
        raise AttuneError(f"The page {page.path} is not to be had: look into the hub's log above.")
    if page.path == "/staff":
        tab.locator(OPEN).first.wait_for(timeout=NUDGE_S * 1000)
    elif page.path == LOCKED:
        tab.get_by_role("button", name="Lock", exact=True).click()
        tab.wait_for_url(f"**{LOCKED}")
    elif page.path == "/owner":
        _wait_until_all_is_sent(tab)
    return tab


def _wait_until_all_is_sent(tab: Page) -> None:
    """The hours that were played in are sent within seconds, which the node tells once a minute."""
    until_s = time.monotonic() + NUDGE_S
    while "records still to send" in tab.content() and time.monotonic() < until_s:
        tab.wait_for_timeout(2_000)
        tab.reload()


def _take(tab: Page, size: str, target: Path) -> None:
    tab.wait_for_timeout(800)  # charts draw
    width, height = SIZES[size]["width"], SIZES[size]["height"]
    long = int(tab.evaluate("document.documentElement.scrollHeight"))
    clip = {"x": 0, "y": 0, "width": width, "height": min(max(long, height), int(TALL * height))}
    target.write_bytes(small(tab.screenshot(full_page=True, clip=clip)))  # type: ignore[arg-type]
    print(f"took {target}", flush=True)


def _answer(tab: Page) -> None:
    """Goes to the nudge and says that it helped, so that the owner's page has an answer to show."""
    tab.get_by_role("button", name="On my way").first.click()
    tab.get_by_role("button", name="Helped").first.click()


def small(png: bytes) -> bytes:
    """The picture with a palette; fewer colours where it would be too large, and as it is with the fewest."""
    whole, kept = Image.open(io.BytesIO(png)).convert("RGB"), b""
    for colours in COLOURS:
        packed = io.BytesIO()
        whole.quantize(colours, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
        kept = packed.getvalue()
        if len(kept) <= BYTES_MAX:
            break
    return kept


def gallery_of(pages: tuple[Shown, ...], folder: str) -> str:
    """A page of all pictures."""
    lines = ["# Every page", "", ABOUT, ""]
    for page in pages:
        lines += [f"## `{page.path}`", "", f"For {page.role or 'anyone'}.", ""]
        lines += [f"![{page.path} on a {size}]({folder}/{page.name}-{size}.png)" for size in SIZES]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
