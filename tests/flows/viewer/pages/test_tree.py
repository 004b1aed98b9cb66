"""A tree as columns: every step once, in the order in which it grew."""

from typing import Any

import pytest

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.pages.tree import columns, in_growth, read
from redraft.flows.viewer.store_reader import Reader, Row


def page(reader: Reader, strategy: str) -> tuple[str, dict[str, Any]]:
    """The largest tree of a strategy."""
    [row] = reader.rows(
        f"SELECT unit_id FROM steps JOIN runs USING (run_id) WHERE strategy = '{strategy}'"
        " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    return row["unit_id"], read(reader, Address.of("tree", unit=row["unit_id"]))


@pytest.mark.parametrize("strategy", ["mcts", "rest_mcts", "correct", "best_of_n"])
def test_every_step_is_there_once_with_its_parent_before_it(reader: Reader, strategy: str) -> None:
    unit, found = page(reader, strategy)
    tree = found["tree"]
    stored = {row["step_id"]: row for row in reader.rows(f"FROM steps WHERE unit_id = '{unit}'")}
    ids = [f"{unit}/{place}" for place in tree["place"]]
    assert set(ids) == set(stored)
    assert len(ids) == len(stored) == found["steps"]
    for number, name in enumerate(ids):
        parent = tree["parent"][number]
        assert (ids[parent] if parent >= 0 else None) == stored[name]["parent_id"]
        assert parent < number
        for column in ("text", "by", "turn", "tokens", "value", "visits"):
            assert tree[column][number] == stored[name][column]


def test_it_grew_in_the_order_of_its_calls(reader: Reader) -> None:
    unit, found = page(reader, "mcts")
    times = {row["call_id"]: row["answered_at"] for row in reader.rows(f"FROM calls WHERE unit_id = '{unit}'")}
    calls = {row["step_id"]: row["call_id"] for row in reader.rows(f"FROM steps WHERE unit_id = '{unit}'")}
    grown = [times[calls[f"{unit}/{place}"]] for place in found["tree"]["place"]]
    assert grown == sorted(grown)


def test_ends_rollouts_and_decisions(reader: Reader) -> None:
    unit, found = page(reader, "rest_mcts")
    tree = found["tree"]
    stored = reader.rows(f"FROM trajectories WHERE unit_id = '{unit}'")
    place = {f"{unit}/{name}": number for number, name in enumerate(tree["place"])}
    wanted = {(place[row["leaf_step_id"]], row["trajectory_id"], row["role"], row["chosen"]) for row in stored}
    assert {(end[0], end[1], end[2], end[5]) for end in tree["ends"]} == wanted
    for number, rollout in enumerate(tree["rollout"]):
        name = f"{unit}/{tree['place'][number]}"
        through = [row for row in stored if row["leaf_step_id"] == name or row["leaf_step_id"].startswith(f"{name}.")]
        assert rollout == (bool(through) and all(row["role"] == "rollout" for row in through))
    assert any(tree["rollout"])
    unit, found = page(reader, "mcts")
    decisions = reader.rows(f"FROM grades WHERE unit_id = '{unit}' AND grader = 'critic'")
    told = {(f"{unit}/{found['tree']['place'][row[0]]}", row[1]) for row in found["tree"]["decisions"]}
    assert told == {(row["step_id"], row["verdict"]) for row in decisions}


def test_values_of_graders_lie_at_their_steps(reader: Reader) -> None:
    unit, found = page(reader, "best_of_n")
    stored = reader.rows(
        f"SELECT step_id, value FROM grades WHERE unit_id = '{unit}' AND grader = 'prm' AND step_id IS NOT NULL"
    )
    values = dict(zip(found["tree"]["place"], found["tree"]["grades"]["prm"], strict=True))
    wanted = {row["step_id"].removeprefix(f"{unit}/"): row["value"] for row in stored}
    assert {name: value for name, value in values.items() if value is not None} == pytest.approx(wanted)


def step(name: str, grown: float | None, **facts: Any) -> Row:
    parent, dot, _ = name.rpartition(".")
    return {
        "step_id": f"u/{name}",
        "parent_id": f"u/{parent}" if dot else None,
        "depth": name.count(".") + 1,
        "grown": grown,
        "text": name,
        "by": "model",
        "turn": 1,
        "tokens": 1,
        "value": None,
        "visits": None,
        "likelihood": None,
        **facts,
    }


def test_no_step_comes_before_its_parent_whatever_the_clocks_say() -> None:
    steps = [step("0", 5.0), step("1", 1.0), step("0.0", 2.0), step("0.1", None), step("1.0", 3.0), step("0.0.0", None)]
    assert [each["text"] for each in in_growth(steps)] == ["1", "1.0", "0", "0.0", "0.1", "0.0.0"]


def test_siblings_are_in_the_order_of_their_numbers() -> None:
    steps = [step(str(number), 1.0) for number in (10, 9, 2)]
    assert [each["text"] for each in in_growth(steps)] == ["2", "9", "10"]


def test_what_belongs_to_no_step_of_the_tree_is_left_out() -> None:
    end = {
        "leaf_step_id": None,
        "trajectory_id": "u:0",
        "role": "sample",
        "answer": None,
        "correct": None,
        "chosen": False,
    }
    decision = {"step_id": "v/0", "verdict": "right", "value": 1.0, "reason": None}
    found = columns("u", [step("0", 1.0)], [end | {"stop": "failed"}], [decision], [])
    assert (found["ends"], found["decisions"], found["rollout"], found["grades"]) == ([], [], [False], {})


def test_a_tree_that_is_not_there_is_told(reader: Reader) -> None:
    with pytest.raises(NotThere, match="no unit 'x' in "):
        read(reader, Address.of("tree", unit="x"))
