"""The web application: pages, their files, labels by people, and access control. Errors are shown as pages with one
sentence."""

import json
import re
import secrets
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from redraft.agents.human_label import judgement_from_json
from redraft.flows.annotation.drafts import drafts
from redraft.flows.label import VERDICTS, labels_of_text
from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.site import Site
from redraft.flows.viewer.store_reader import Reader
from redraft.store.errors import RedraftError, StoreError, alternatives
from redraft.store.tables.labels import Label
from redraft.store.tables.store import Store

STATIC = Path(__file__).with_name("static")
LONGEST_LABEL = 20_000  # the maximum size of a label in bytes
NEEDED = {
    "trajectory_id": (str, "a text"),
    "turn": (int, "a whole number"),
    "draft_key": (str, "a text"),
    "verdict": (str, "a text"),
}
"""The fields that every label has, with their types."""
FIELDS = (*NEEDED, "first_wrong_step", "remark", "key_shown")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""Headers of every response: only scripts and styles of this server, no embedding in frames, and no requests from other
origins."""


class ServerLinks:
    """Links between pages that a server renders."""

    live = True

    def page(self, address: Address) -> str:
        return str(address)

    def file(self, name: str) -> str:
        return f"/static/{name}"


def application(store: Store, person: str, token: str, port: int) -> ASGIApp:
    """Returns the application. `token` grants access, `person` is the author of new labels, and `port` is the port on
    which it listens."""
    site = Site(Reader(store, person), ServerLinks())

    async def page(request: Request) -> Response:
        address = Address.read(request.url.path, request.url.query)
        return await run_in_threadpool(_page, site, address)

    async def changes(request: Request) -> Response:
        return JSONResponse({"stamp": await run_in_threadpool(site.reader.stamp)})

    async def label(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():  # a body may come without Content-Length
            body += part
            if len(body) > LONGEST_LABEL:
                return PlainTextResponse(f"a label has at most {LONGEST_LABEL:,} bytes", 413)
        try:
            given = json.loads(body)
        except (ValueError, RecursionError):
            return PlainTextResponse("the label is no JSON", 400)
        return await run_in_threadpool(_label, site.reader, given)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if re.fullmatch(r"[a-z]+\.(js|css)", name) and (STATIC / name).is_file():
            return FileResponse(STATIC / name)
        return PlainTextResponse(f"no file {name!r}", 404)

    routes = [
        Route("/static/{name}", file),
        Route("/changes", changes),
        Route("/label", label, methods=["POST"]),
        Route("/{name:path}", page),
    ]
    return Guard(Starlette(routes=routes), token, port)


def _page(site: Site, address: Address) -> Response:
    try:
        return HTMLResponse(site.render(address))
    except NotThere as error:
        return HTMLResponse(site.trouble(f"{error}"), 404)
    except StoreError as error:
        return HTMLResponse(site.trouble(f"{error}"), 503)


def _label(reader: Reader, given: Any) -> Response:
    """Stores a label for every draft with the same text, as `redraft label` does. Returns a response with status 400
    and a sentence if the label is invalid, and with status 409 if the draft has changed in the meantime."""
    try:
        _check_fields(given)
        place = (given["trajectory_id"], given["turn"])
        found = drafts(reader.store, [place]).get(place)
        if found is None or found.key != given["draft_key"]:
            return PlainTextResponse("a run has replaced this draft: load the page again", 409)
        facts = {name: given.get(name) for name in ("verdict", "first_wrong_step", "remark")}
        told = judgement_from_json(facts, len(found.shown.steps), VERDICTS)
    except ValueError as error:
        return PlainTextResponse(f"the label does not fit: {error}", 400)
    try:
        judged = (told.verdict, told.first_wrong_step, told.remark)
        label = Label(*place, reader.person, *judged, found.key, given.get("key_shown", False))
        reader.store.label(labels_of_text(reader.store, label))
    except RedraftError as error:
        return PlainTextResponse(str(error), 503)
    return JSONResponse({"person": reader.person, "verdict": told.verdict})


def _check_fields(given: Any) -> None:
    """Raises ValueError if a label is not an object, lacks a field of NEEDED, or has a field of another name or
    type."""
    if not isinstance(given, dict):
        raise ValueError(f"it is no JSON object with {', '.join(FIELDS)}")
    for name in given:
        if name not in FIELDS:
            raise ValueError(f"no field {name!r}; {alternatives(name, FIELDS)}")
    for name, (kind, words) in NEEDED.items():
        if name not in given:
            raise ValueError(f"the field {name!r} is missing")
        if type(given[name]) is not kind:
            raise ValueError(f"{name}={given[name]!r} is not {words}")
    if type(given.get("key_shown", False)) is not bool:
        raise ValueError(f"key_shown={given['key_shown']!r} is not true or false")


class Guard:
    """Middleware that allows only requests with the token, from this machine, and not from pages of another origin. The
    token comes once in the address, and afterwards in a cookie that scripts cannot read. All responses get HEADERS."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token, self._port = app, token, port
        self._cookie = f"redraft_{port}"  # browsers share cookies between the ports of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), text.encode()) for name, text in HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        request = Request(scope)
        await (self._refusal(request) or self._welcome(request) or self._app)(scope, receive, answer)
        return None

    def _refusal(self, request: Request) -> Response | None:
        hosts = [f"{name}:{self._port}" for name in ("127.0.0.1", "localhost")]
        if request.headers.get("host") not in hosts:  # protects against DNS rebinding by another site
            return PlainTextResponse("this is a page of 127.0.0.1 alone", 403)
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        foreign = origin is not None and origin not in [f"http://{host}" for host in hosts]
        visit = request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"
        if foreign or (site in ("cross-site", "same-site") and not visit):
            return PlainTextResponse("a page of another origin may not ask this server", 403)
        given = request.query_params.get("token") or request.cookies.get(self._cookie) or ""
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return PlainTextResponse(
                "open the address that `redraft view` printed: it has the token of this session, and this one has not",
                403,
            )
        return None

    def _welcome(self, request: Request) -> Response | None:
        """Returns a redirect to the same page without the token in its address, and with the token in a cookie."""
        if "token" not in request.query_params:
            return None
        address = Address.read(request.url.path, request.url.query).but(token=None)
        response = RedirectResponse(str(address), 303)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="lax", path="/")
        return response
