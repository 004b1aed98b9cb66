"""The server's pages other than calls of its model: models, files and batches."""

from typing import Any

import orjson
from aiohttp import web

from openai_protocol.batches import Answered, Batches
from openai_protocol.behaviour import Behaviour
from openai_protocol.calls import Reply, error


class Pages:
    """The pages `/v1/models`, `/v1/files`, `/v1/batches` and the pages below them."""

    def __init__(self, behaviour: Behaviour, answered: Answered) -> None:
        self._behaviour = behaviour
        self._batches = Batches(answered)

    async def reply(self, request: web.BaseRequest) -> Reply | None:
        """Returns the reply, or None if a fault drops the connection."""
        kind, *rest = request.path.removeprefix("/v1/").split("/")
        fault = self._behaviour.batch_faults.pop(0) if self._behaviour.batch_faults and kind != "models" else None
        if fault and isinstance(fault.status, int):
            return Reply(fault.status, orjson.dumps(fault.body), fault.headers)
        if fault:
            return None
        try:
            match kind:
                case "models" if not rest:
                    return _json(self._models())
                case "files":
                    return await self._file(request, rest)
                case "batches":
                    return await self._batch(request, rest)
        except KeyError as missing:
            return error(404, f"There is no {missing} in {kind}.", "not_found", "id")
        return _unknown(request)

    def _models(self) -> dict[str, Any]:
        names = sorted(self._behaviour.models or {"mock"})
        listed = [{"id": name, "object": "model", "created": 1, "owned_by": "mock"} for name in names]
        return {"object": "list", "data": listed}

    async def _file(self, request: web.BaseRequest, rest: list[str]) -> Reply:
        match request.method, rest:
            case "POST", []:
                form = await request.post()
                file = form["file"]
                if not isinstance(file, web.FileField):
                    return error(400, "'file' must be a file.", "invalid_request_error", "file")
                return _json(self._batches.upload(file.file.read(), str(form["purpose"]), file.filename))
            case "GET", [name]:
                return _json(self._batches.files[name])
            case "GET", [name, "content"]:
                return Reply(200, self._batches.contents[name], {"Content-Type": "application/octet-stream"})
        return _unknown(request)

    async def _batch(self, request: web.BaseRequest, rest: list[str]) -> Reply:
        match request.method, rest:
            case "POST", []:
                behaviour, body = self._behaviour, orjson.loads(await request.read())
                return _json(self._batches.create(body, behaviour.batch_s, behaviour.batch_answers))
            case "GET", []:
                return _json({"object": "list", "data": list(self._batches.batches.values()), "has_more": False})
            case "GET", [name]:
                return _json(await self._batches.look(name))
            case "POST", [name, "cancel"]:
                return _json(self._batches.cancel(name))
        return _unknown(request)


def _json(data: dict[str, Any]) -> Reply:
    return Reply(200, orjson.dumps(data))


def _unknown(request: web.BaseRequest) -> Reply:
    return error(404, f"Unknown request URL: {request.method} {request.path}.", "not_found")
