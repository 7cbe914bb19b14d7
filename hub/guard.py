"""What a request must look like before any page sees it, and what every answer carries.

Rules:
- The hub answers to its own names only, so that no other site's name can be pointed at it.
- Plain http is for loopback; every other name needs https.
- A write must come from a page of this very origin, and be small; one address, and all together, may write so often.
  A program comes with a key, which no browser adds by itself, so that no origin is asked of it.
- Answers allow no inline script or style, no framing and no other origin; what is not static is never cached.

Left out: who somebody is (`hub.auth`).
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import URL, Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.limits import Tries
from hub.plan_picture import SENT_BYTES_MAX
from hub.sales_csv import BYTES_MAX as SALES_BYTES_MAX

BODY_BYTES_MAX: Final = 16_384
PROGRAMS: Final = "/api/v1/"  # whose routes look at no cookie
LARGER: Final = {  # read after the door only
    "/owner/plan": 131_072,
    "/owner/plan/picture": SENT_BYTES_MAX,
    "/owner/experiment/sales": SALES_BYTES_MAX,
}
WRITES_A_MINUTE: Final = 240
WRITES_IN_ALL: Final = 2_400
_READS: Final = ("GET", "HEAD", "OPTIONS")
LOOPBACK: Final = frozenset(("127.0.0.1", "localhost", "[::1]", "::1"))
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# same-origin, not no-referrer: with the latter a browser sends "Origin: null" with a form of our own.
_SECURITY: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), screen-wake-lock=(self)",
}


class Guard:
    """ASGI middleware; streams pass through it unbuffered."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = LOOPBACK | frozenset(hosts)
        self._writes = Tries(a_minute=WRITES_A_MINUTE, in_all=WRITES_IN_ALL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), scope)
            await send(message)

        refusal = _refusal(scope, self._hosts) or self._too_often(scope)
        answer = self._app if refusal is None else PlainTextResponse(refusal[1], refusal[0])
        await answer(scope, receive, send_guarded)

    def _too_often(self, scope: Scope) -> tuple[int, str] | None:
        if scope["method"] in _READS or self._writes.allow((scope.get("client") or ("",))[0]):
            return None
        return 429, "Too many writes from this address: wait a moment, then try again."


def _dress(headers: MutableHeaders, scope: Scope) -> None:
    for name, value in _SECURITY.items():
        headers[name] = value
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000"
    static = scope["path"].startswith("/static/")
    if static and b"v=" in scope["query_string"]:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    elif "cache-control" not in headers:
        headers["Cache-Control"] = "no-cache" if static else "no-store"


def _refusal(scope: Scope, hosts: frozenset[str]) -> tuple[int, str] | None:
    headers = Headers(scope=scope)
    host = URL(f"//{headers.get('host', '')}").hostname or ""
    if host not in hosts:
        return 421, "This hub does not answer to that name: use the address it printed when it started."
    if scope["scheme"] != "https" and host not in LOOPBACK:
        return 403, "This hub speaks plain http only to its own machine: use its https address."
    if scope["method"] in _READS:
        return None
    if not scope["path"].startswith(PROGRAMS) and not _same_origin(headers, scope["scheme"]):
        return 403, "This was not sent from a page of this hub: open the page again and retry."
    length = headers.get("content-length", "")
    bytes_max = LARGER.get(scope["path"], BODY_BYTES_MAX)
    if not length.isdecimal() or int(length) > bytes_max:
        return 413, f"What is sent here may have at most {bytes_max} bytes, and must say how many it has."
    return None


def _same_origin(headers: Headers, scheme: str) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    return origin == f"{scheme}://{headers.get('host')}"
