"""The auditor's page: every event received, byte for byte, what was refused and why, and the way to check it all.

Rules:
9. What is shown is what arrived; nothing is rounded, renamed or left out, and nothing here can be changed.
-  Long lists are paged by id, newest first, so that a page stays what it was while events arrive.

Left out: making and checking the export (it comes from the hub's audit, and is checked with no hub at all).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.background import BackgroundTask

from contract.events import KINDS, Kind
from hub import meter, proofs
from hub.auth import AUDIT, Session
from hub.codes import cosigners_of, picture_of
from hub.days import day_start_s
from hub.templating import Pages
from hub.views import Reads

PAGE: Final = 50
_COMMON: Final = frozenset(("v", "node", "zone", "boot", "seq", "t_mono_s", "t_wall", "model", "config"))
Here = Annotated[Session, Depends(AUDIT)]
_SHOWN: Final[tuple[Kind, ...]] = tuple(kind for kind in KINDS if kind not in ("config", "command", "stored"))


def gist(payload: bytes) -> str:
    """What sets one event apart, for skimming; the bytes stand beside it."""
    try:
        body = json.loads(payload)
    except ValueError:
        return "not JSON"
    own = {key: value for key, value in body.items() if key not in _COMMON} if isinstance(body, dict) else {}
    said = " · ".join(f"{key} {_brief(value)}" for key, value in own.items())
    return said[:200] or "nothing of its own"


def _brief(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_brief(part)}" for key, part in value.items())
    if isinstance(value, list):
        plain = [str(part) for part in value if not isinstance(part, dict | list)]
        return ", ".join(plain) or (f"{len(value)} of them" if value else "none")
    return value if isinstance(value, str) else json.dumps(value)


def routes(
    pages: Pages,
    reads: Reads,
    clock: Callable[[], float],
    export: Callable[[Path], None] | None,
    restored: Callable[[float], str] = lambda since_s: "",
) -> APIRouter:
    """The auditor's pages, all of them read-only."""
    router = APIRouter()
    pages.environment.filters.update(gist=gist, picture=picture_of, cosigners=cosigners_of)

    @router.get("/audit", response_class=HTMLResponse)
    def audit(
        request: Request,
        session: Here,
        before: Annotated[int | None, Query(ge=1)] = None,
        node: Annotated[str, Query(max_length=32)] = "",
        kind: Annotated[str, Query(max_length=12)] = "",
        zone: Annotated[str, Query(pattern="^[0-9]{0,2}$")] = "",
        asked: Annotated[str, Query(max_length=32)] = "",
    ) -> Response:
        events = reads.events(
            before=before, limit=PAGE + 1, node=node or None, kind=kind or None, zone=int(zone) if zone else None
        )
        nodes = reads.nodes()
        return pages.page(
            request,
            "audit.html",
            session=session,
            events=events[:PAGE],
            older=events[PAGE - 1].id if len(events) > PAGE else None,
            first=before is None,
            chosen={"node": node, "kind": kind, "zone": zone},
            nodes=nodes,
            zones=sorted({spec.id for view in nodes if view.birth for spec in view.birth.zones}),
            kinds=_SHOWN,
            counts=reads.counts(),
            ledgers=reads.ledgers(),
            restored=restored(0.0),
            meters=meter.meters(reads, day_start_s(clock(), pages.timezone)),
            exports=export is not None,
            proofs=proofs.proofs(reads),
            proof_says=proofs.SAYS,
            asked=asked,
        )

    @router.get("/audit/refused", response_class=HTMLResponse)
    def refused(request: Request, session: Here, before: Annotated[int | None, Query(ge=1)] = None) -> Response:
        found = reads.refused(before=before, limit=PAGE + 1)
        older = found[PAGE - 1].id if len(found) > PAGE else None
        return pages.page(
            request, "refused_events.html", session=session, refused=found[:PAGE], older=older, first=before is None
        )

    @router.get("/audit/export.zip")
    def download(session: Here) -> Response:
        if export is None:
            raise HTTPException(404)
        handle, name = tempfile.mkstemp(prefix="attune-export-", suffix=".zip")
        os.close(handle)
        path = Path(name)
        try:
            export(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return FileResponse(
            path, media_type="application/zip", filename="attune-export.zip", background=BackgroundTask(path.unlink)
        )

    return router
