"""Slices of a budget: the whole is never exceeded, whoever takes, gives back or dies."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redraft.store.leases.leases import Leases
from redraft.store.leases.slices import Slices, State, settled_state
from redraft.store.leases.usage import Usage, usage_path

Join = Callable[..., Slices]

SPENDER = """
import sys
from pathlib import Path
from redraft.store.leases.leases import Leases
from redraft.store.leases.slices import Slices, State, settled_state
from redraft.store.leases.usage import Usage, usage_path
leases = Leases(Path(sys.argv[1]) / "recipe", "")
leases.join()
slices = Slices(Path(sys.argv[1]) / "budget", {"calls": 400}, leases)
print("ready", flush=True)
sys.stdin.readline()
used = 0
while taken := slices.take({"calls": 3}, {"calls": 1}):
    spent = min(taken["calls"], 2)
    slices.give_back({"calls": spent}, {}, {"calls": taken["calls"] - spent})
    used += spent
print(used)
slices.leave()
leases.leave()
"""


@pytest.fixture
def join(tmp_path: Path) -> Iterator[Join]:
    """Makes a worker with the budget of the same run."""
    made: list[Leases] = []

    def joined(**whole: float) -> Slices:
        leases = Leases(tmp_path / "recipe", "")
        leases.join()
        made.append(leases)
        return Slices(tmp_path / "budget", whole, leases)

    yield joined
    for leases in made:
        leases.resign()


def test_a_slice_is_a_part_of_the_whole_or_as_much_as_is_needed(join: Join) -> None:
    slices = join(tokens=1600, calls=8)
    assert slices.take({"tokens": 10, "calls": 1}, {"tokens": 10, "calls": 1}) == {"tokens": 100, "calls": 1}
    assert slices.take({"tokens": 700, "calls": 1}, {"tokens": 10, "calls": 1}) == {"tokens": 700, "calls": 1}
    assert slices.take({"tokens": 900, "calls": 3}, {"tokens": 10, "calls": 1}) == {"tokens": 800, "calls": 3}
    assert slices.take({"tokens": 10}, {"tokens": 10}) == {}


def test_dollars_are_no_whole_numbers(join: Join) -> None:
    slices = join(usd=0.16)
    assert slices.take({"usd": 0.001}, {"usd": 0.001})["usd"] == pytest.approx(0.01)
    slices.give_back({"usd": 0.004}, {}, {"usd": 0.006})
    assert slices.state().used == {"usd": 0.004}
    assert slices.state().taken == {}


def test_what_one_gives_back_another_may_take(join: Join) -> None:
    first, second = join(calls=10), join(calls=10)
    first.take({"calls": 10}, {"calls": 1})
    assert second.take({"calls": 1}, {"calls": 1}) == {}
    assert second.want()
    assert first.is_wanted()
    assert not second.is_wanted()
    first.give_back({"calls": 4}, {}, {"calls": 5})
    assert second.take({"calls": 9}, {"calls": 1}) == {"calls": 5}
    assert not first.is_wanted()
    second.give_back({"calls": 5}, {}, {})
    first.give_back({"calls": 1}, {}, {})
    assert not first.want()
    assert first.state().used == {"calls": 10}


def kill(tmp_path: Path, slices: Slices) -> None:
    """Lets others take a worker for dead."""
    (tmp_path / "recipe" / f"worker-{slices.worker()}").unlink()


def test_what_a_dead_worker_used_is_used_and_the_rest_of_its_slice_is_free(join: Join, tmp_path: Path) -> None:
    first, second = join(calls=10), join(calls=10)
    first.take({"calls": 6}, {"calls": 1})
    first.record(Usage({"calls": 2, "tokens": 200}))
    assert second.take({"calls": 9}, {"calls": 1}) == {"calls": 4}
    kill(tmp_path, first)
    assert second.take({"calls": 9}, {"calls": 1}) == {"calls": 4}
    assert second.state().used == {"calls": 2, "tokens": 200, "usd": 0.0}
    assert not usage_path(tmp_path / "budget", first.worker()).exists()


def test_calls_in_flight_at_a_kill_count_at_the_mean_of_the_answered_calls(join: Join, tmp_path: Path) -> None:
    """Ten calls of 60 tokens were answered; twenty were in flight, which could use 1,500 tokens each."""
    first, second = join(tokens=40_000), join(tokens=40_000)
    first.take({"tokens": 31_000}, {"tokens": 1})
    flight, prompts = {"calls": 20, "tokens": 30_000}, {"calls": 20, "tokens": 6_000}
    first.record(Usage({"calls": 10, "tokens": 600}, flight, prompts))
    kill(tmp_path, first)
    assert second.take({"tokens": 40_000}, {"tokens": 1}) == {"tokens": 40_000 - 600 - 20 * 60}


def test_before_the_first_answer_calls_in_flight_count_at_their_prompts(join: Join, tmp_path: Path) -> None:
    first, second = join(tokens=40_000), join(tokens=40_000)
    first.take({"tokens": 31_000}, {"tokens": 1})
    first.record(Usage({}, {"calls": 20, "tokens": 30_000}, {"calls": 20, "tokens": 6_000}))
    kill(tmp_path, first)
    assert second.take({"tokens": 10_000}, {"tokens": 1}) == {"tokens": 10_000}
    state = settled_state(tmp_path / "budget", {second.worker()})
    assert (state.spent("tokens"), state.spent("calls")) == (6_000, 20)
    second.record(Usage({"calls": 2, "tokens": 200}))  # the mean of a call is 100 tokens, as is known now
    assert second.take({"tokens": 40_000}, {"tokens": 1}) == {"tokens": 40_000 - 10_000 - 20 * 100}


@pytest.mark.parametrize(
    ("what", "answered", "expected"),
    [
        ("calls", {"calls": 4, "tokens": 400, "usd": 0.4}, 4 + 3),
        ("tokens", {"calls": 4, "tokens": 400, "usd": 0.4}, 400 + 300),
        ("usd", {"calls": 4, "tokens": 400, "usd": 0.4}, 0.4 + 0.3),
        ("tokens", {"calls": 1, "tokens": 7000}, 7000 + 900),  # never more than they could use
        ("tokens", {"calls": 3, "tokens": 100}, 100 + 100),
        ("tokens", {"calls": 7, "tokens": 100}, 100 + 43),  # 42.9, and a token is whole
        ("tokens", {}, 60),
        ("usd", {}, 0.06),
    ],
)
def test_unknown_calls_count_at_the_mean_and_never_at_more_than_they_could_use(
    what: str, answered: dict[str, float], expected: float
) -> None:
    unknown, prompts = {"calls": 3, "tokens": 900, "usd": 0.9}, {"calls": 3, "tokens": 60, "usd": 0.06}
    state = State(used=dict(answered), unknown=unknown, prompts=prompts)
    assert state.spent(what) == pytest.approx(expected)
    assert state.spent(what) - answered.get(what, 0) <= unknown[what]


def test_all_that_a_dead_worker_had_taken_is_used_if_it_left_no_file(join: Join, tmp_path: Path) -> None:
    """As a worker of an older version, or one whose disk was full."""
    first, second = join(calls=10), join(calls=10)
    first.take({"calls": 6}, {"calls": 1})
    usage_path(tmp_path / "budget", first.worker()).unlink()
    kill(tmp_path, first)
    assert second.take({"calls": 9}, {"calls": 1}) == {"calls": 4}
    assert second.state().used == {"calls": 6}


def test_a_worker_that_leaves_gives_back_what_it_did_not_use(join: Join, tmp_path: Path) -> None:
    first, second = join(calls=10), join(calls=10)
    first.take({"calls": 6}, {"calls": 1})
    first.record(Usage({"calls": 2}, {"calls": 1}, {"calls": 1}))
    first.leave()
    assert second.take({"calls": 9}, {"calls": 1}) == {"calls": 7}
    first.leave()  # once more does no harm
    assert second.state().used == {"calls": 2}
    assert second.state().unknown == {"calls": 1}


def test_what_is_noted_while_a_worker_lives_counts_once(join: Join, tmp_path: Path) -> None:
    first, second = join(calls=10), join(calls=10)
    first.take({"calls": 6}, {"calls": 1})
    first.give_back({"calls": 2}, {"calls": 1}, {"calls": 1})
    first.record(Usage({"calls": 1}, {"calls": 2}, {"calls": 2}))  # used since then; and all of an unknown usage
    assert second.take({"calls": 9}, {"calls": 1}) == {"calls": 5}
    kill(tmp_path, first)
    state = second.state()
    assert (state.used["calls"], state.unknown["calls"], state.spent("calls")) == (3, 2, 5)


def test_calls_of_an_unknown_usage_count_at_their_most_while_their_worker_is_there(join: Join) -> None:
    first, second = join(tokens=1600), join(tokens=1600)
    first.take({"tokens": 900}, {"tokens": 1})
    first.give_back({"calls": 1, "tokens": 10}, {"calls": 1, "tokens": 890}, {"tokens": 0})
    first.record(Usage({}, {"calls": 1, "tokens": 890}, {"calls": 1, "tokens": 5}))
    assert second.take({"tokens": 1600}, {"tokens": 1}) == {"tokens": 700}
    assert not second.want()  # nobody can give anything back
    second.leave()
    first.leave()
    assert second.state().spent("tokens") == 10 + 10


def test_a_worker_that_was_taken_for_dead_begins_anew_and_counts_nothing_twice(join: Join, tmp_path: Path) -> None:
    first, second = join(calls=10), join(calls=10)
    first.take({"calls": 3}, {"calls": 1})
    first.record(Usage({"calls": 2}))
    kill(tmp_path, first)
    second.take({"calls": 1}, {"calls": 1})
    first.give_back({"calls": 2}, {}, {"calls": 1})  # it does not know yet
    first.leave()
    assert second.state().used["calls"] == 2


def test_a_run_that_goes_on_has_what_is_left(join: Join) -> None:
    first = join(calls=10)
    first.take({"calls": 6}, {"calls": 1})
    first.give_back({"calls": 6}, {}, {})
    assert join(calls=10).take({"calls": 9}, {"calls": 1}) == {"calls": 4}
    assert join(calls=20).take({"calls": 9}, {"calls": 1}) == {"calls": 9}  # a larger budget


def test_the_next_run_has_the_whole(join: Join, tmp_path: Path) -> None:
    first = join(calls=10)
    first.take({"calls": 10}, {"calls": 1})
    first.remove()
    assert not (tmp_path / "budget").exists()
    assert join(calls=10).take({"calls": 10}, {"calls": 1}) == {"calls": 10}


def test_time_counts_while_a_worker_is_there(join: Join, tmp_path: Path) -> None:
    """The clock is that of the file system, which the test sets back."""
    first = join(calls=1)
    assert first.note_time() == 0
    state = tmp_path / "budget" / "1"

    def age(seconds: int) -> None:
        nonlocal state
        [state] = [path for path in (tmp_path / "budget").iterdir() if path.name == max(os.listdir(state.parent))]
        at = first.state().noted_at
        state.write_bytes(state.read_bytes().replace(str(at).encode(), str(at - seconds * 10**9).encode()))

    age(50)
    assert 50 <= first.note_time() < 80
    second = join(calls=1)
    age(40)
    assert 90 <= second.note_time() < 150
    for path in (tmp_path / "recipe").glob("worker-*"):
        path.unlink()
    age(3600)
    assert 90 <= join(calls=1).note_time() < 150  # nobody was at work meanwhile


def test_processes_that_take_at_once_use_the_whole_and_no_more(tmp_path: Path) -> None:
    spenders = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for spender in spenders:
        assert spender.stdout
        assert spender.stdout.readline() == "ready\n"
    for spender in spenders:
        assert spender.stdin
        spender.stdin.write("\n")
        spender.stdin.flush()
    used = [float(spender.communicate()[0]) for spender in spenders]
    assert sum(used) <= 400
    leases = Leases(tmp_path / "recipe", "")
    slices = Slices(tmp_path / "budget", {"calls": 400}, leases)
    assert slices.state().used == {"calls": sum(used)}
    assert len(os.listdir(tmp_path / "budget")) <= 2  # older states are gone


@pytest.mark.parametrize("seed", range(5))
def test_random_workers_never_exceed_the_budget(join: Join, tmp_path: Path, seed: int) -> None:
    """Three workers take, use and give back at random, and die; what was used or is taken stays within the whole."""
    chance, whole, used = random.Random(seed), 50, 0.0
    workers = {number: (join(calls=whole), 0.0) for number in range(3)}
    for _ in range(60):
        number = chance.randrange(3)
        slices, held = workers[number]
        if chance.random() < 0.1:
            spent = chance.randint(0, int(held))
            slices.record(Usage({"calls": spent}))
            kill(tmp_path, slices)
            used += spent
            workers[number] = (join(calls=whole), 0.0)
        elif held and chance.random() < 0.5:
            spent = chance.randint(0, int(held))
            slices.give_back({"calls": spent}, {}, {"calls": held - spent})
            used += spent
            workers[number] = (slices, 0.0)
        else:
            taken = slices.take({"calls": chance.randint(1, 9)}, {"calls": 1})
            workers[number] = (slices, held + taken.get("calls", 0))
        assert used + sum(held for _, held in workers.values()) <= whole
