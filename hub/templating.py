"""Templates and static files: how pages are made, and which build of them this is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from contract.jurisdiction import consent_missing
from hub.meter import FACE_BYTES, FACE_PX
from hub.views import Settings
from hub.words import ENDED, OUTCOMES, how_it_went, span

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"


@cache
def build() -> str:
    """A short name for the pages as they are now; changes when any template, script or style does."""
    digest = hashlib.sha256()
    for folder in (HERE / "templates", STATIC):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(path.relative_to(HERE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def static(path: str) -> str:
    """The address of a static file, which a browser may keep for ever."""
    return f"/static/{path}?v={build()}"


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page from one environment: escaped, and strict about names that are not there."""

    environment: Environment
    timezone: tzinfo

    @classmethod
    def of(cls, settings: Settings) -> Pages:

        def local(seconds: float, form: str) -> str:
            return datetime.fromtimestamp(seconds, settings.timezone).strftime(form)

        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.globals.update(
            settings=settings,
            consent_missing=consent_missing,
            static=static,
            face_bytes=FACE_BYTES,
            face_px=FACE_PX,
            build=build(),
            outcomes=OUTCOMES,
            ended=ENDED,
            session=None,
        )
        environment.filters.update(
            span=span,
            how_it_went=how_it_went,
            as_text=lambda payload: payload.decode("utf-8", "backslashreplace"),
            clock_time=lambda seconds: local(seconds, "%H:%M"),
            day_and_time=lambda seconds: local(seconds, "%A %-d %B, %H:%M"),
            stamp=lambda seconds: local(seconds, "%Y-%m-%d %H:%M:%S"),
        )
        return cls(environment, settings.timezone)

    def text(self, template: str, **values: Any) -> str:
        return self.environment.get_template(template).render(values)

    def page(
        self,
        request: Request,
        template: str,
        status_code: int = 200,
        **values: Any,
    ) -> Response:
        html = self.text(template, path=request.url.path, **values)
        return HTMLResponse(html, status_code, headers={"X-Attune-Build": build()})
