"""Budgets against a server's own bill, whatever fails on the way."""

import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.flows.generate import generate
from redraft.llm.limits import Budget, Limits
from redraft.llm.usage import Prices, Usage

PRICES = Prices(prompt=1e-5, completion=1e-4, cached=5e-6)
FAULTS = ("429+", "500", "drop", "cut", "blank", "empty", "malformed", "few", "truncated", "nan", "hang")
"""Not "many": what a provider writes beyond what it was asked for nobody can set aside."""


@pytest.mark.parametrize("number", range(20))
async def test_a_budget_is_never_exceeded(
    number: int, openai_server: Any, openai_protocol: ModuleType, tmp_path: Path
) -> None:
    chance, server = random.Random(number), openai_server
    most: dict[str, Any] = {
        "calls": chance.choice([None, chance.randint(1, 25)]),
        "tokens": chance.choice([None, chance.randint(500, 12_000)]),
        "usd": chance.choice([None, chance.uniform(0.01, 1.0)]),
    }
    if not any(most.values()):
        most["tokens"] = 5_000
    server.write, server.latency_ms, server.jitter = None, 5.0, 0.9
    drawn = (chance.choice(FAULTS) if chance.random() < 0.3 else None for _ in range(400))
    server.faults = [openai_protocol.named(fault, "0.01") if fault else None for fault in drawn]

    summary = await generate(
        "builtin",
        db=tmp_path / "redraft.duckdb",
        model="tiny",
        api_base=server.url,
        strategy=chance.choice(["best_of_n", "self_consistency"]),
        samples=chance.randint(1, 4),
        max_tokens=chance.choice([40, 160]),
        limit=16,
        concurrency=8,
        limits=Limits(wait_s=0.01, timeout_s=0.5),
        budget=Budget(**most),
        prices=PRICES,
    )

    entries = server.record.entries
    prompt = sum(entry.prompt_tokens for entry in entries)
    written = sum(entry.produced for entry in entries)
    usd = PRICES.cost(Usage(prompt, written, cached=sum(entry.cached_tokens for entry in entries)))
    bill = {"calls": len(entries), "tokens": prompt + written, "usd": usd}
    assert {what: amount for what, amount in bill.items() if amount > (most[what] or float("inf"))} == {}
    assert summary.used is not None
    assert bill["calls"] <= summary.used.calls
    assert bill["tokens"] <= summary.used.tokens
    assert usd <= summary.used.usd + 1e-9
    assert summary.spent or summary.trajectories >= 16
