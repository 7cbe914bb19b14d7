"""``make screenshots``: the pages of a running demo in a real browser, for the README and the docs."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from contract.errors import AttuneError, LinkError
from deploy.demo import Shop, shop

FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SIZES: Final = {"staff": (1280, 800), "staff-phone": (390, 844), "owner": (1280, 1180), "auditor": (1280, 900)}
NUDGE_S: Final = 120.0


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m deploy.screenshots``."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.screenshots",
        description="Run the demo, wait for a nudge, and save a picture of every page. Takes about a minute.",
    )
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    program = shutil.which("chromium")
    try:
        if program is None:
            raise LinkError("There is no chromium to take pictures with: install it (Debian: apt install chromium).")
        options.out.mkdir(parents=True, exist_ok=True)
        with shop(0, "day", None, history=True) as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
            for name in SIZES:
                _take(browser, running, name, options.out / f"{name}.png")
            browser.close()
    except AttuneError as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 1
    return 0


def _take(browser: Browser, running: Shop, name: str, target: Path) -> None:
    role = name.partition("-")[0]
    width, height = SIZES[name]
    page = browser.new_page(viewport={"width": width, "height": height}, timezone_id="Europe/Vienna")
    page.goto(running.links[role])
    if role == "staff":
        page.locator("article.nudge[data-state=open]").first.wait_for(timeout=NUDGE_S * 1000)
    if role == "owner":
        page.get_by_role("link", name="Day").click()
    page.wait_for_timeout(1200)  # charts draw and cards slide in
    page.screenshot(path=str(target))
    page.close()
    print(f"took {target}")


if __name__ == "__main__":
    sys.exit(main())
