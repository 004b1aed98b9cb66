"""When calls were answered, and what their tries met: by day and by hour, against a count by hand."""

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from redraft.store import Store
from redraft.store.calls import Call
from redraft.store.journal import Journal
from redraft.store.json_records import call_to_json
from redraft.store.unit import Unit

NIGHT = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
KINDS = ("HTTP 429", "timeout", "down")


def drawn(make_call: Callable[..., Call]) -> list[Call]:
    """A hundred calls over four hours around midnight; some met failures, and some of these got no answer."""
    chance = random.Random(1)
    calls = []
    for number in range(100):
        tries = {kind: chance.randint(1, 3) for kind in KINDS if chance.random() < 0.2} or None
        moment = NIGHT + timedelta(minutes=chance.uniform(0, 240))
        calls.append(
            make_call(
                "u",
                number,
                model=chance.choice(["a", "b"]),
                prompt_tokens=chance.randint(1, 50),
                completion_tokens=chance.randint(1, 50),
                cost_usd=chance.choice([None, 0.5]),
                attempts=1 + sum((tries or {}).values()),
                error="no answer" if tries and chance.random() < 0.3 else None,
                answered_at=round(moment.timestamp(), 3),
                failed_tries=tries,
            )
        )
    return calls


@pytest.fixture
def calls(store: Store, make_unit: Callable[..., Unit], make_call: Callable[..., Call]) -> list[Call]:
    made = drawn(make_call)
    store.publish([make_unit([[("1", True)]], calls=[(call, []) for call in made])])
    return made


def moment(call: Call) -> datetime:
    assert call.answered_at is not None
    return datetime.fromtimestamp(call.answered_at, UTC).replace(tzinfo=None)


def test_tokens_by_day(store: Store, calls: list[Call]) -> None:
    expected = []
    for day, model in sorted({(moment(call).date(), call.model) for call in calls}):
        mine = [call for call in calls if (moment(call).date(), call.model) == (day, model)]
        expected.append((
            day, model, len(mine), sum(call.error is not None for call in mine),
            sum(call.prompt_tokens for call in mine), sum(call.completion_tokens for call in mine), 0, 0,
            sum(call.cost_usd or 0 for call in mine),
            sum(call.cost_usd is None and call.error is None for call in mine),
        ))  # fmt: skip
    assert len(expected) == 4
    assert store.query("FROM tokens_by_day").rows == expected


def test_provider_errors_by_hour(store: Store, calls: list[Call]) -> None:
    errors: Counter[tuple[datetime, str, str]] = Counter()
    cured: Counter[tuple[datetime, str, str]] = Counter()
    for call in calls:
        for kind, count in (call.failed_tries or {}).items():
            place = moment(call).replace(minute=0, second=0, microsecond=0), call.model, kind
            errors[place] += count
            cured[place] += count if call.error is None else 0
    expected = []
    for hour, model, kind in sorted(errors):
        mine = [c for c in calls if c.model == model and timedelta() <= moment(c) - hour < timedelta(hours=1)]
        place = hour, model, kind
        expected.append((*place, errors[place], cured[place], len(mine), sum(call.attempts for call in mine)))
    assert sum(errors.values()) > sum(cured.values()) > 0
    assert store.query("FROM provider_errors").rows == expected


def test_a_call_keeps_its_time_and_failures_through_journal_and_store(
    store: Store, make_unit: Callable[..., Unit], make_call: Callable[..., Call], tmp_path: Path
) -> None:
    call = make_call("u", 0, answered_at=1_767_355_200.125, failed_tries={"HTTP 429": 2})
    path = tmp_path / "calls.jsonl"
    journal = Journal(path)
    journal.record(call, [{"text": "x"}])
    journal.close()
    assert Journal(path).calls("u") == [(call, [{"text": "x"}])]
    unit = make_unit([[("1", True)]], calls=[(call, [{"text": "x"}])])
    store.publish([unit])
    [(again, _)] = store.calls([unit.unit_id])
    assert (again.answered_at, again.failed_tries) == (call.answered_at, call.failed_tries)
    assert store.query("SELECT answered_at, failed_tries->>'HTTP 429' FROM calls").rows == [
        (datetime(2026, 1, 2, 12, 0, 0, 125_000), "2")
    ]


def test_a_journal_from_before_there_were_times_is_read(tmp_path: Path, make_call: Callable[..., Call]) -> None:
    call = make_call("u", 0)
    told = call_to_json(call)
    assert not {"answered_at", "failed_tries"} & told.keys()
    path = tmp_path / "old.jsonl"
    path.write_text(json.dumps({"call": told, "choices": [{"text": "x"}]}) + "\n")
    assert Journal(path).calls("u") == [(call, [{"text": "x"}])]
