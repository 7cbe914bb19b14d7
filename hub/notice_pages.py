"""What anybody may open without a link: the notice in every language, its PDF and code, and an opt-out tag to print.

Left out: the page of what is sensed now (`hub.app`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache
from typing import Final

import segno
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from contract.events import Birth
from hub.auth import ANYONE
from hub.badges import opt_out_sheet
from hub.notice import LANGUAGES, OPEN_LINE, Notice, names, notice_of
from hub.notice_sheet import print_notice
from hub.templating import Pages
from hub.views import Reads, Settings

_PDF: Final = "application/pdf"


def births(reads: Reads) -> Iterator[Birth]:
    """What each node last said that it senses."""
    return (node.birth for node in reads.nodes() if node.birth)


def routes(pages: Pages, reads: Reads, settings: Settings) -> APIRouter:
    """The notice's pages."""
    router = APIRouter(dependencies=[Depends(ANYONE)])

    def wanted(language: str) -> Notice:
        if language not in LANGUAGES:
            raise HTTPException(404)
        return notice_of(language, settings, births(reads))

    @router.get("/notice/{language}", response_class=HTMLResponse)
    def notice(request: Request, language: str) -> Response:
        return pages.page(
            request, "notice.html", notice=wanted(language), languages=names(), open_line=OPEN_LINE, lang=language
        )

    @router.get("/public/notice-{language}.pdf")
    def sheet(language: str) -> Response:
        return Response(print_notice(wanted(language)), media_type=_PDF)

    @router.get("/public/code-{language}.svg")
    def code(language: str) -> Response:
        picture = io.BytesIO()
        segno.make(wanted(language).url, error="m").save(picture, kind="svg", scale=4, border=2, light="white")
        return Response(picture.getvalue(), media_type="image/svg+xml")

    @router.get("/public/opt-out.pdf")
    def opt_out() -> Response:
        return Response(_opt_out(), media_type=_PDF)

    return router


_opt_out = cache(opt_out_sheet)
