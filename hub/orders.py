"""Words from the pages to the nodes: stop sensing, go on, prove it, take a ledger as begun anew.

Rules:
- Said first and written down after: what stops a camera waits for no disk.
- The hub's ledger keeps which room a word came from, and when; no name. Each node's ledger keeps what it heard.
- Everybody who works in the shop may stop the cameras, and let them go on; no word from here lowers a floor.

Left out: obeying (`edge.courier`), and the switch on the camera, which needs no hub.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException
from fastapi.responses import RedirectResponse, Response

from contract.events import Command
from hub.auth import AUDIT, OWNER, STAFF, Session
from hub.views import Desk, Reads


def routes(reads: Reads, desk: Desk, clock: Callable[[], float]) -> APIRouter:
    """A door for each word."""
    router = APIRouter()

    def order(command: Command, *nodes: str) -> None:
        if not desk.order(command, nodes or tuple(node.name for node in reads.nodes()), clock()):
            raise HTTPException(502)

    @router.post("/staff/pause")
    def pause(session: Annotated[Session, Depends(STAFF)]) -> Response:
        order(Command(command="pause", by=session.role))
        return RedirectResponse("/staff", 303)

    @router.post("/staff/resume")
    def resume(session: Annotated[Session, Depends(STAFF)]) -> Response:
        order(Command(command="resume", by=session.role))
        return RedirectResponse("/staff", 303)

    @router.post("/audit/prove")
    def prove(session: Annotated[Session, Depends(AUDIT)], node: Annotated[str, Form(max_length=32)]) -> Response:
        if node not in {one.name for one in reads.nodes()}:
            raise HTTPException(404)
        order(Command(command="self-test", by=session.role), node)
        return RedirectResponse(f"/audit?asked={node}#proofs", 303)

    @router.post("/owner/ledgers/accept")
    def accept(session: Annotated[Session, Depends(OWNER)], node: Annotated[str, Form(max_length=32)]) -> Response:
        if node not in {ledger.log for ledger in reads.ledgers()}:
            raise HTTPException(404)
        desk.accept_ledger(node, clock())
        order(Command(command="accept-ledger", by=session.role, log=node))
        return RedirectResponse("/audit#ledgers", 303)

    return router
