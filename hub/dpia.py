"""A draft of the data protection impact assessment, filled from what really runs; what only the owner knows is left in
square brackets.

Left out: any judgement. Source: GDPR, Art. 35(7), whose four parts are the sections 2 to 4 and the risks' measures.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contract.events import Birth, Profile
from contract.jurisdiction import consent_missing
from hub.notice import week
from hub.paper import Paper
from hub.templating import HERE
from hub.views import UNNAMED, Settings

MANIFEST: Final = HERE.parent / "models" / "affect" / "manifest.json"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PROFILES: Final[dict[Profile, str]] = {
    "dwell-only": "expressions never count towards a nudge",
    "aggregate": "expressions count a little towards a nudge, and only while at least 3 people are there",
    "consented": "one person's expression counts towards a nudge",
}


def draft(settings: Settings, births: tuple[Birth, ...], now_s: float) -> str:
    """The DPIA as Markdown."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template("dpia.md").render(
        settings=settings,
        shop="[shop]" if settings.shop_name == UNNAMED else settings.shop_name,
        births=births,
        today=f"{datetime.fromtimestamp(now_s, UTC):%Y-%m-%d}",
        consent=consent_missing(settings.jurisdiction, settings.express_consent),
        profiles=_PROFILES,
        week=lambda birth: week(birth.hours, _DAYS),
        figures=_figures,
    )


def _figures(birth: Birth, manifest: Path = MANIFEST) -> str:
    """The model card's figures, where the node runs the model that they were measured on."""
    known: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    if known.get("sha256") != birth.model:
        return "[figures of its model card: this hub does not hold the card of the model that this node runs]"
    measured = known["measured"]
    return (
        f"measured on {measured['images']} faces that it never saw: {100 * measured['accuracy']:.1f} % right, "
        f"macro-F1 {measured['macro_f1']:.3f}; nothing is known about errors by group of people"
    )


def print_dpia(markdown: str) -> bytes:
    """The draft as a PDF; of Markdown only what the draft uses."""
    paper = Paper("Data protection impact assessment")
    paper.add_page()
    for line in markdown.splitlines():
        match re.match(r"(#{1,3}|-) (.*)", line):
            case None:
                paper.say(line, 10.5) if line else paper.ln(2)
            case found if found[1] == "-":
                paper.ink(10)
                paper.cell(4, 4.9, "•")
                paper.multi_cell(0, 4.9, found[2], align="L", new_x="LMARGIN", new_y="NEXT")
            case found:
                paper.ln(1)
                paper.say(found[2], {1: 19, 2: 14, 3: 11.5}[len(found[1])], bold=True)
    return paper.body()
