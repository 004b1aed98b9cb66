"""No key is seen anywhere: not in what is printed, in errors, journals, stores, exports, or what is remembered."""

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.store import Store

KEYS = {"usual": "sk-proj-Zq83kfLw0PxT5vNm2RyB", "odd": "Kx/77+unusual=Blumen.topf~93"}
PIECE = 8
HIDDEN = ("sk-proj-",)  # says what it is, and no more


@pytest.mark.parametrize("route", ["direct", "litellm"])
@pytest.mark.parametrize("kind", KEYS)
async def test_a_key_that_a_provider_repeats_is_seen_nowhere(
    kind: str, route: str, openai_server: Any, openai_protocol: ModuleType, tmp_path: Path, commands: Any
) -> None:
    key = KEYS[kind]
    env = _keyed(route, key, openai_server.url)
    model = _model(route, openai_server.url)
    openai_server.write = None
    printed: list[str] = []
    faults = _echoes(openai_protocol, key)
    for command in _commands(model):
        openai_server.faults = faults if command[0] == "generate" else []
        openai_server.key = "another" if command[-1] == "--wrong" else None
        code, *written = await commands([part for part in command if part != "--wrong"], env)
        assert code in ((2,) if command[-1] == "--wrong" and command[0] != "doctor" else (0, 1)), written
        printed += written
    assert (key in openai_server.keys, faults) == (True, [])
    with Store(tmp_path / "redraft.duckdb") as store:
        told = store.query("SELECT count(*) FROM calls WHERE contains(error, '***')").rows
    assert told > [(5,)]
    _nowhere(tmp_path, printed, key)


@pytest.mark.parametrize("route", ["direct", "litellm"])
async def test_nor_is_it_after_a_kill(
    route: str, openai_server: Any, openai_protocol: ModuleType, tmp_path: Path, commands: Any
) -> None:
    key = KEYS["odd"]
    env = {**clean(), **_keyed(route, key, openai_server.url)}
    model = _model(route, openai_server.url)
    openai_server.write, openai_server.latency_ms = None, 20.0
    openai_server.faults = _echoes(openai_protocol, key)
    job = ["generate", *model, "--strategy", "best_of_n", "--samples", "2", "--limit", "400", "--concurrency", "4"]
    pipe = asyncio.subprocess.PIPE
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "redraft.flows.cli.main", *job, cwd=tmp_path, env=env, stdout=pipe, stderr=pipe
    )
    while len(openai_server.requests) < 60 and run.returncode is None:  # noqa: ASYNC110 - another process sets it
        await asyncio.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    printed = [part.decode() for part in await run.communicate()]
    [journal] = (tmp_path / "redraft.duckdb.journal").glob("*.jsonl")
    assert b"***" in journal.read_bytes()
    _nowhere(tmp_path, printed, key)
    _, *doctor = await commands(["doctor", *model], _keyed(route, key, openai_server.url))
    assert "ended without a word" in doctor[0]
    _nowhere(tmp_path, [*printed, *doctor], key)


@pytest.mark.parametrize("model", ["tiny", "anthropic/tiny", "embedded"])
@pytest.mark.parametrize("form", ["http://someone:{secret}@{place}", "http://{place}?api_key={secret}"])
async def test_a_key_in_an_address_is_not_kept(
    form: str, model: str, openai_server: Any, openai_protocol: ModuleType, tmp_path: Path, commands: Any
) -> None:
    secret = "Blumentopf-93-und-mehr"
    url = form.format(secret=secret, place=openai_server.url.removeprefix("http://"))
    openai_server.write = None
    openai_server.faults = [openai_protocol.Fault(500, {"error": {"message": f"{url} and {secret}"}})] * 2
    env = {"ANTHROPIC_API_KEY": "none", "OPENAI_API_KEY": "", "REDRAFT_API_KEY": ""}
    place = ["--model", model, "--api-base"]
    job = ["--strategy", "best_of_n", "--samples", "2", "--limit", "4"]
    judge = ["--grader", "prm", "--set", "grader.profile=judge", "--set", f"grader.model={model}"]
    printed: list[str] = []
    for command in (
        ["generate", *place, url, *job],
        ["doctor", *place, url],
        ["solve", "What is 1 + 1?", *place, url, "--json"],
        ["annotate", *judge, "--set", f"grader.api_base={url}"],
        ["generate", *place, url.replace("/v1", "/v2"), *job, "--seed", "2"],
        ["generate", *place, url.replace("http", "gopher"), *job, "--seed", "3"],
        ["generate", *place, url.replace(f":{openai_server.port}", ":9"), *job, "--seed", "4"],
    ):
        _, *written = await commands(command, env)
        printed += written
    if model == "tiny":
        with Store(tmp_path / "redraft.duckdb") as store:
            configs = store.query("SELECT config FROM runs ORDER BY started_at").rows
        assert "***" in json.loads(configs[0][0])["api_base"]
        assert "***" in next(one for [one] in configs if "grader.api_base" in one)
    assert all(printed[at] or printed[at + 1] for at in range(0, len(printed), 2))
    _nowhere(tmp_path, printed, secret)


@pytest.mark.parametrize("prefix", ["", "openai/", "classify:"])
async def test_nor_is_one_in_an_address_in_the_place_of_a_name(prefix: str, tmp_path: Path, commands: Any) -> None:
    secret = "Blumentopf-93-und-mehr"
    name = f"{prefix}http://someone:{secret}@127.0.0.1:9/v1"
    printed: list[str] = []
    for command in (
        ["generate", "--model", name, "--limit", "2"],
        ["generate", "--limit", "2", "--set", "feedback=self", "--set", f"feedback.model={name}"],
        ["annotate", "--model", name],
        ["solve", "What is 1 + 1?", "--model", name],
        ["evaluate", "--model", name, "--limit", "2"],
        ["doctor", "--model", name],
        ["train", "rows.jsonl", "--model", name, "--out", "tuned"],
        ["generate", "--limit", "2", "--seed", name],
    ):
        code, *written = await commands(command, {})
        printed += written
        assert code == (1 if command[0] == "doctor" else 2), written
        assert "***@127.0.0.1:9/v1" in written[0] + written[1] or command[0] == "annotate"
    _nowhere(tmp_path, printed, secret)


def _model(route: str, url: str) -> list[str]:
    return ["--model", "openai/tiny"] if route == "litellm" else ["--model", "tiny", "--api-base", url]


def _keyed(route: str, key: str, url: str) -> dict[str, str]:
    own = {"REDRAFT_API_KEY": key, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
    return {"REDRAFT_API_KEY": "", "OPENAI_API_KEY": key, "OPENAI_BASE_URL": url} if route == "litellm" else own


def _commands(model: list[str]) -> list[list[str]]:
    """What one does with redraft. The last word --wrong: with a key that is refused."""
    job = ["generate", *model, "--strategy", "best_of_n", "--samples", "2", "--limit", "20", "--concurrency", "2"]
    return [
        job,
        job,
        [*job, "--json", "--seed", "2"],
        [*job, "--replicate", "again", "--wrong"],
        ["doctor", *model],
        ["doctor", *model, "--json", "--wrong"],
        ["solve", "What is 1 + 1?", *model],
        ["solve", "What is 1 + 1?", *model, "--json", "--seed", "2"],
        ["filter", "--filter", "length"],
        ["export", "rows.jsonl", "--filter", "length"],
        ["query", "FROM calls", "--json"],
        ["query", "FROM raw.calls", "--parquet", "calls.parquet"],
    ]


def _echoes(protocol: ModuleType, key: str) -> list[Any]:
    """Failures that repeat the key, in every place that a provider might put it, and answers between them."""
    basic = base64.b64encode(f":{key}".encode()).decode()
    words = f"Your key {key} (Authorization: Bearer {key}, Basic {basic}, ?token={key}, {key[2:]}, {key[:-3]}) is odd."
    headers = {"X-Key": key, "Location": f"http://127.0.0.1/{key}", "Retry-After-Ms": "1"}
    error = {"message": words, "type": key, "code": key, "param": key}
    bodies = [{"error": error}, {"error": words}, {"detail": [{"loc": ["body", key], "msg": words}]}, {key: key}]
    statuses = (500, 400, 429, 409, 422, 503, 200)
    faults = [protocol.Fault(status, body, headers) for status in statuses for body in bodies]
    return [one for fault in faults for one in (fault, None)]


def _nowhere(folder: Path, printed: list[str], key: str) -> None:
    """Neither the key nor a piece of it is in what was printed, in any file, or in any row."""
    pieces = {key[at : at + PIECE] for at in range(len(key) - PIECE + 1)} - set(HIDDEN)
    pieces |= {base64.b64encode(f"{user}:{key}".encode()).decode()[8:] for user in ("", "someone")}
    for name, text in (*_files(folder), *_rows(folder), *(("what was printed", text) for text in printed)):
        seen = sorted(piece for piece in pieces if piece in text)
        assert not seen, f"{seen[0]} in {name}: {text[max(0, text.find(seen[0]) - 300) :][:600]}"


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file, byte by byte."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield str(file), file.read_bytes().decode("latin-1")


def _rows(folder: Path) -> Iterator[tuple[str, str]]:
    """Every row of every table, since DuckDB may pack texts."""
    for file in folder.glob("*.duckdb"):
        with Store(file) as store:
            tables = store.query("SELECT table_schema, table_name FROM information_schema.tables").rows
            for schema, table in tables:
                yield f"{schema}.{table}", repr(store.query(f'FROM "{schema}"."{table}"').rows)


def clean() -> Mapping[str, str]:
    """This environment without what would set options or keys."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("REDRAFT_", "OPENAI_"))}
