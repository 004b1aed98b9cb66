"""Adapters that a server loads and unloads: the routes of vLLM over HTTP, with the words of its refusals.

`test_real_servers.py` asks vLLM itself."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from redraft.flows.servers.lora import ADAPTERS, lora
from redraft.flows.servers.model_server import ServerError, ServingTask


class Routes:
    """A server with both routes. It refuses a name that is loaded twice, or that it does not have."""

    def __init__(self) -> None:
        self.loaded: dict[str, str] = {}
        self.refusal = ""  # if not empty, each request is refused with this text
        self.url = ""

    async def load(self, request: web.Request) -> web.Response:
        given = await request.json()
        if self.refusal or given["lora_name"] in self.loaded:
            return self._refuse(f"The lora adapter '{given['lora_name']}' has already been loaded.")
        self.loaded[given["lora_name"]] = given["lora_path"]
        return web.Response(text="Success")

    async def unload(self, request: web.Request) -> web.Response:
        given = await request.json()
        if self.refusal or given["lora_name"] not in self.loaded:
            return self._refuse(f"The lora adapter '{given['lora_name']}' cannot be found.")
        del self.loaded[given["lora_name"]]
        return web.Response(text="Success")

    def _refuse(self, text: str) -> web.Response:
        return web.Response(status=400, text=json.dumps({"error": {"message": self.refusal or text}}))


@pytest.fixture
async def routes() -> AsyncIterator[Routes]:
    routes, app = Routes(), web.Application()
    app.router.add_post("/v1/load_lora_adapter", routes.load)
    app.router.add_post("/v1/unload_lora_adapter", routes.unload)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    routes.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield routes
    await runner.cleanup()


@pytest.fixture
def adapters(tmp_path: Path) -> Path:
    (tmp_path / ADAPTERS).write_text("{}")
    return tmp_path


def task(weights: Path | None, api_base: str | None) -> ServingTask:
    return ServingTask(name="round-1", weights=weights, api_base=api_base, say=lambda line: None)


async def test_adapters_are_loaded_while_the_model_is_asked(routes: Routes, adapters: Path) -> None:
    async with lora()(task(adapters, routes.url)) as served:
        assert (served.model, served.api_base) == ("round-1", routes.url)
        assert routes.loaded == {"round-1": str(adapters.resolve())}
    assert routes.loaded == {}


async def test_adapters_that_are_there_or_gone_already_are_no_error(routes: Routes, adapters: Path) -> None:
    routes.loaded["round-1"] = "by a run that was killed"
    async with lora()(task(adapters, routes.url)):
        routes.loaded.clear()  # the server was started again


async def test_a_refusal_is_an_error_also_at_the_end(routes: Routes, adapters: Path) -> None:
    with pytest.raises(ServerError, match=r"unload_lora_adapter refuses adapters \(400, .*not allowed"):
        async with lora()(task(adapters, routes.url)):
            routes.refusal = "This key is not allowed to change adapters."
    with pytest.raises(ServerError, match=r"/load_lora_adapter refuses adapters .* start it as VLLM_ALLOW"):
        async with lora()(task(adapters, routes.url)):
            pass


async def test_what_is_missing_is_said(routes: Routes, adapters: Path) -> None:
    async with lora()(task(None, routes.url)) as served:
        assert (served.model, routes.loaded) == ("round-1", {})  # the server's own model
    (adapters / ADAPTERS).unlink()
    for api_base, said in ((None, "needs the address of a vLLM server"), (routes.url, "has no adapters")):
        with pytest.raises(ServerError, match=said):
            async with lora()(task(adapters, api_base)):
                pass
