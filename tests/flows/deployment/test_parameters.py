"""What the flows take and say: a real server holds every parameter to its bounds; passwords go nowhere; a provider that
stumbles is asked again, and paid once."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Mapping
from dataclasses import fields
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.augment import augment
from redraft.flows.deployment import parameters
from redraft.flows.export import export
from redraft.flows.filter import filter
from redraft.flows.generate import generate
from redraft.flows.self_train import self_train
from redraft.flows.settings import SettingsError
from redraft.llm.limits import Budget, Limits
from redraft.store import Store

FLOWS = ("generate", "annotate", "filter", "export", "nightly")
NOT_TAKEN = {"progress", "source_name", "overwrite", "workers"}
PASSWORD = "Blumentopf93"


async def program(code: str, folder: Path, env: Mapping[str, str]) -> list[Any]:
    """What a program prints, line by line as JSON."""
    pipe = asyncio.subprocess.PIPE
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=folder, env={**os.environ, **env}, stdout=pipe, stderr=pipe
    )
    out, err = await run.communicate()
    assert run.returncode == 0, err.decode()
    assert PASSWORD not in err.decode()
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize(
    ("model", "stage"),
    [
        (parameters.Generate, generate),
        (parameters.Annotate, annotate),
        (parameters.Augment, augment),
        (parameters.SelfTrain, self_train),
        (parameters.Filter, filter),
        (parameters.Export, export),
    ],
)
def test_a_flow_takes_what_its_stage_takes(model: type[parameters.Parameters], stage: Any) -> None:
    taken = {name: one.default for name, one in signature(stage).parameters.items() if name not in NOT_TAKEN}
    assert taken.keys() <= model.model_fields.keys()
    plain = {name: default for name, default in taken.items() if isinstance(default, int | float | str) and default}
    assert {name: model.model_fields[name].default for name in plain} == plain


def test_a_night_takes_what_its_stages_take() -> None:
    parts = (parameters.Generate, parameters.Filter, parameters.Export)
    assert {name for part in parts for name in part.model_fields} <= parameters.Nightly.model_fields.keys()
    assert [field.name for field in fields(Budget)] == list(parameters.BudgetParameters.model_fields)
    limits = {field.name: field.default for field in fields(Limits) if field.name != "concurrency"}
    assert {name: field.default for name, field in parameters.LimitParameters.model_fields.items()} == limits


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"limit": -3}, "limit=-3 must be at least 1"),
        ({"budget": {"euros": 5}}, "budget has no 'euros'; there are calls, tokens, usd, seconds"),
        ({"bugdet": {"usd": 5}}, "this flow has no 'bugdet'; there are db, "),
        ({"limits": {"tries": 0}}, "limits.tries=0 must be at least 1"),
        ({"prices": [1]}, "prices=[1] must be a list of at least 2"),
        ({"api_base": f"http://me:{PASSWORD}@host/v1"}, "api_base: an address with a password"),
        ({"api_base": f"gpu1:8000,me:{PASSWORD}@gpu2:8000"}, "api_base: an address with a password"),
        ({"api_base": f"http://host/v1?api_KEY={PASSWORD}"}, "api_base: an address with a password"),
        ({"model": f"openai/http://me:{PASSWORD}@host/v1"}, "model: an address with a password"),
        ({"arguments": {"critic.api_base": f"me:{PASSWORD}@h"}}, "arguments: an address with a password"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(given: Mapping[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parameters.Generate.read(given)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


async def test_the_server_refuses_wrong_values(prefect_server: Mapping[str, str], tmp_path: Path) -> None:
    schemas, *answers, refused, state = await program(DEPLOYED, tmp_path, prefect_server)
    assert tuple(schemas) == FLOWS
    for schema in schemas.values():
        definitions = [one for one in schema["definitions"].values() if "properties" in one]
        for name, one in [item for part in (schema, *definitions) for item in part["properties"].items()]:
            assert one.get("description"), name
            kinds = {kind.get("type"): kind for kind in (one, *one.get("anyOf", ()))}
            number = kinds.get("integer") or kinds.get("number") or {}
            assert not number or name == "seed" or {"minimum", "exclusiveMinimum"} & number.keys(), name
    assert [flow for flow, _, told in answers if told is None] == list(FLOWS)  # each with what it may be given
    for flow, given, told in answers:
        if told is not None:
            [name] = given
            assert "Validation failed for field" in told, (flow, given, told)
            assert name in told
            if PASSWORD in json.dumps(given):
                assert "REDRAFT_API_BASE" in told
    assert "REDRAFT_API_BASE" in refused  # by the deployment itself
    assert state[0] == "FAILED"
    assert "REDRAFT_API_BASE" in state[1]
    assert not _stored(prefect_server)


async def test_a_provider_that_stumbles_is_asked_again_and_paid_once(
    prefect_server: Mapping[str, str], prefect_api: Any, openai_server: Any, openai_protocol: ModuleType, tmp_path: Path
) -> None:
    openai_server.write = lambda messages, seed, index: r"I add. The answer is \boxed{4}"
    openai_server.faults = [None, openai_protocol.Fault(500)]
    sums = [{"question": f"What is {number} + {number}?", "answer": str(2 * number)} for number in (1, 2, 3)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(one) + "\n" for one in sums))
    address = openai_server.url.replace("//", f"//me:{PASSWORD}@")
    mended, repeated, more, few, none, strange, typo, spent = await program(
        NIGHTS, tmp_path, {**prefect_server, "REDRAFT_API_BASE": address, "NIGHT_API_BASE": address}
    )
    assert mended == [
        "COMPLETED",
        "3 problems, 3 trajectories: 1 right; 3 new, 0 already there; 1 kept in sums.sft.jsonl",
    ]
    assert repeated[1] == "3 problems, 3 trajectories: 1 right; 0 new, 3 already there; 1 kept in sums.sft.jsonl"
    assert more[1].startswith("3 problems, 6 trajectories: 2 right; 3 new, 3 already there; ")
    assert few[0] == "FAILED"
    assert few[1].startswith("Too few right: 2, and min_right is 3. Too few new: 0, and min_new is 1. Too few kept: ")
    assert none[0] == "FAILED"
    assert none[1].startswith("api_base: the environment of the worker has no NIGHT_AWAY")
    assert strange[0] == "FAILED"
    assert strange[1].startswith("no strategy 'nope'")
    assert typo == ["FAILED", "format 'sft' has no argument 'nope'; there are style"]  # before a model is paid: 8 calls
    assert spent[0] == "COMPLETED"  # a shard of 2 problems has used up the budget
    assert spent[1].startswith("3 problems, 2 trajectories: ")
    assert spent[1].endswith("The flow run's budget of 2 calls is used up.")
    paid = [entry for entry in openai_server.record.entries if entry.fault is None and entry.charged]
    with Store(tmp_path / "redraft.duckdb") as store:
        [[calls, tokens]] = store.query(
            "SELECT count(*), sum(prompt_tokens + completion_tokens) FROM calls WHERE error IS NULL"
        ).rows
        sources = store.query("SELECT DISTINCT config->>'source', config->>'api_base' FROM runs ORDER BY ALL").rows
    assert (len(paid), sum(entry.charged for entry in paid)) == (calls, tokens)
    assert calls == 8
    assert sources == [("sums.jsonl", openai_server.url.replace("//", "//***@"))]
    nights = {"flow_runs": {"deployment_id": {"is_null_": True}}, "flows": {"name": {"any_": ["nightly"]}}}
    tries = sorted(task["run_count"] for task in prefect_api("task_runs/filter", nights))
    assert tries == [1] * (len(tries) - 1) + [2]  # a mistake is not tried again
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes()
    assert not _stored(prefect_server)


def _stored(server: Mapping[str, str]) -> list[str]:
    """What the server's database and log have of the password."""
    home = Path(server["PREFECT_HOME"])
    with sqlite3.connect(home / "prefect.db") as database:
        rows = [line for line in database.iterdump() if PASSWORD in line]
    return rows + [line for line in (home / "server.log").read_text().splitlines() if PASSWORD in line]


DEPLOYED = f"""
import asyncio, json
from prefect import get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.utilities.callables import parameter_schema
from redraft.flows import scheduled

NAMES = {FLOWS!r}
SECRET = "http://me:{PASSWORD}@host/v1"
NEEDED = {{"export": {{"file": "a.jsonl"}}}}
RIGHT = {{
    "generate": {{"limit": None, "budget": {{"usd": 5}}, "prices": [1, 2], "arguments": {{"turns": 2}}}},
    "annotate": {{"where": "turn = 1", "arguments": {{"grader.rollouts": 2}}, "api_base": "env:HERE"}},
    "filter": {{"filters": ["correct"], "min_kept": 1}},
    "export": {{"file": "b.jsonl", "arguments": {{"style": "messages", "cap.most": 2}}}},
    "nightly": {{"samples": 8, "limit": 40, "api_base": None, "budget": None, "limits": {{"tries": 2}}}},
}}
CALLS = [
    {{"limit": -3}}, {{"budget": {{"euros": 5}}}}, {{"budget": {{"usd": -1}}}}, {{"limits": {{"tries": 0}}}},
    {{"temperature": "hot"}}, {{"prices": [1]}}, {{"top_p": 0}}, {{"retries": -1}}, {{"api_base": SECRET}},
    {{"model": SECRET}}, {{"arguments": {{"critic.api_base": SECRET[7:]}}}}, {{"arguments": {{"x": SECRET}}}},
]
WRONG = {{
    "generate": [*CALLS, {{"samples": 0}}, {{"min_right": -1}}, {{"source": SECRET}}],
    "annotate": [*CALLS, {{"min_values": 0.5}}],
    "filter": [{{"filters": [3]}}, {{"min_kept": -1}}, {{"db": ""}}],
    "export": [{{"format": 3}}, {{"min_kept": "none"}}],
    "nightly": [*CALLS, {{"export_arguments": 3}}, {{"samples": 2.5}}, {{"min_kept": -1}}],
}}

async def made(client, name, given):
    flow = getattr(scheduled, name)
    return await client.create_deployment(
        await client.create_flow(flow), f"parameters-{{name}}", paused=True, parameters=given,
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(), enforce_parameter_schema=True,
    )

async def refused(call):
    try:
        await call
    except PrefectHTTPStatusError as error:
        assert error.response.status_code in (409, 422), error
        answer = error.response.json()
        return answer.get("detail") or answer["exception_detail"][0]["msg"]

async def main():
    print(json.dumps({{name: getattr(scheduled, name).parameters.model_dump() for name in NAMES}}))
    async with get_client() as client:
        for name in NAMES:
            deployment = await made(client, name, NEEDED.get(name, {{}}))
            for given in [RIGHT[name], *WRONG[name]]:
                run = client.create_flow_run_from_deployment(deployment, parameters=given)
                print(json.dumps([name, given, await refused(run)]))
            await client.delete_deployment(deployment)
        print(json.dumps(await refused(made(client, "nightly", {{"api_base": SECRET}}))))
    state = await scheduled.nightly(api_base=SECRET, arguments={{"critic.api_base": SECRET}}, return_state=True)
    print(json.dumps([state.type.value, state.message]))

asyncio.run(main())
"""

NIGHTS = """
import asyncio, json, os
from prefect.blocks.system import Secret
from redraft.flows import scheduled

scheduled.SHARD = 2

async def night(**given):
    usual = {
        "source": "sums.jsonl", "model": "tiny", "strategy": "best_of_n", "samples": 1, "concurrency": 1,
        "limits": {"tries": 1}, "retry_delay_s": 0, "file": "sums.sft.jsonl", "filters": ["correct"],
    }
    state = await scheduled.nightly(**{**usual, **given}, return_state=True)
    print(json.dumps([state.type.value, state.message]))

async def main():
    await Secret(value=os.environ["NIGHT_API_BASE"]).asave("night-address", overwrite=True)
    await night()
    await night(api_base="env:NIGHT_API_BASE")
    await night(api_base="secret:night-address", samples=2)
    await night(samples=2, min_right=3, min_new=1, min_kept=9)
    await night(api_base="env:NIGHT_AWAY")
    await night(strategy="nope")
    await night(replicate="typo", export_arguments={"nope": 1})
    await night(replicate="again", budget={"calls": 2})

asyncio.run(main())
"""
