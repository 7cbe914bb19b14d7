"""The routes for other systems and for the page about them, and what a program reads when it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute

from hub.connect import api, metrics, page, sales_in
from hub.connect.connections import Connections
from hub.experiment_desk import ExperimentDesk
from hub.templating import Pages
from hub.views import Reads

METRICS: Final = "/metrics"
_REFUSED: Final = {
    400: f"A parameter cannot be used: times are ISO 8601 with a time zone, spans at most {api.DAYS_MAX} days.",
    401: "Send an API key as 'Authorization: Bearer KEY'; the owner makes one at /owner/connect.",
    403: "This key does not open this address.",
    404: "There is no such address: docs/api.md names those that there are.",
    405: "This address takes another method: docs/api.md says which.",
    429: "Too many wrong keys from this address: wait a minute.",
    503: "The hub cannot read its store: check the disk of the hub's machine.",
}


def routes(
    app: FastAPI,
    pages: Pages,
    reads: Reads,
    connections: Connections,
    clock: Callable[[], float],
    troubles: Callable[[], tuple[str, ...]],
    experiment: ExperimentDesk | None,
) -> list[BaseRoute]:
    """All of them; ``app`` learns where its keys are."""
    app.state.keys = connections.keys
    loopback = connections.part.metrics.loopback
    return [
        *api.routes(reads, clock, pages.timezone).routes,
        *metrics.routes(reads, clock, connections.lines, troubles, loopback).routes,
        *page.routes(pages, connections, clock).routes,
        *(sales_in.routes(experiment, clock).routes if experiment else ()),
    ]


def for_programs(request: Request) -> bool:
    """Whether a program asked, and no page."""
    return request.url.path.startswith(f"{api.ROOT}/") or request.url.path == METRICS


def refusal(code: int) -> Response:
    """Why it is refused, as JSON."""
    headers = {"WWW-Authenticate": "Bearer"} if code == 401 else None
    said = _REFUSED.get(code, "Something went wrong: the hub wrote down what.")
    return JSONResponse({"error": said}, code, headers=headers)
