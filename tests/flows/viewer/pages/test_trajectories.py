"""A problem, a trajectory, its calls and its labels."""

from collections import Counter
from math import exp

import pytest

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.app import ServerLinks
from redraft.flows.viewer.pages import calls, label, labels, problem, trajectory
from redraft.flows.viewer.pages.parts.calls import read_calls
from redraft.flows.viewer.pages.parts.drafts import LOGPROB, DraftRows, read_drafts
from redraft.flows.viewer.site import Site
from redraft.flows.viewer.store_reader import Reader


def one(reader: Reader, where: str) -> str:
    """A trajectory that fits."""
    [row] = reader.rows(
        f"SELECT trajectory_id FROM trajectories JOIN runs USING (run_id) WHERE {where} ORDER BY 1 LIMIT 1"
    )
    return row["trajectory_id"]


def drafts(reader: Reader, name: str) -> list[DraftRows]:
    return trajectory.read(reader, Address.of("trajectory", id=name))["drafts"]


def test_a_problem_has_every_trajectory_once_and_its_votes(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem, "PER_PAGE", 5)
    [asked] = reader.rows("SELECT problem_id FROM trajectories GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    name = asked["problem_id"]
    stored = reader.rows(f"FROM trajectories WHERE problem_id = '{name}'")
    page = problem.read(reader, Address.of("problem", id=name))
    found = [path for paths in page["by_unit"].values() for path in paths]
    while page["following"]:
        page = problem.read(reader, page["following"])
        found += [path for paths in page["by_unit"].values() for path in paths]
    wanted = {row["trajectory_id"] for row in stored if row["role"] != "rollout"}
    assert [path["trajectory_id"] for path in found] == list(dict.fromkeys(path["trajectory_id"] for path in found))
    assert {path["trajectory_id"] for path in found} == wanted
    answered = [row for row in stored if row["answer"] is not None and row["role"] != "rollout"]
    right = sum(bool(row["correct"]) for row in answered)
    votes = Counter(row["answer"] for row in answered if not row["correct"])
    assert sum(vote["votes"] for vote in page["votes"]) == page["drawn"] == len(wanted)
    none = [vote["votes"] for vote in page["votes"] if vote["answer"] is None]
    assert none == [len(wanted) - len(answered)] * (len(wanted) > len(answered))
    assert [vote["votes"] for vote in page["votes"] if vote["correct"]] == ([right] if right else [])
    assert {
        vote["answer"]: vote["votes"] for vote in page["votes"] if vote["answer"] is not None and not vote["correct"]
    } == votes


def test_votes_together_are_all_trajectories(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead ends and answers without a row of their own, too."""
    for row in reader.rows("SELECT problem_id FROM problems"):
        address = Address.of("problem", id=row["problem_id"])
        every = problem.read(reader, address)
        assert sum(vote["votes"] for vote in every["votes"]) == every["drawn"]
        with monkeypatch.context() as patch:
            patch.setattr(problem, "MOST_ANSWERS", 1)
            first, *others = problem.read(reader, address)["votes"]
        assert first == every["votes"][0] | {"share": first["share"]}
        assert sum(vote["votes"] for vote in others) == every["drawn"] - first["votes"]
        assert [vote["others"] for vote in others if vote["others"]] == [
            n for n in [sum(vote["answer"] is not None for vote in every["votes"]) - 1] if n
        ]
    none = "SELECT problem_id FROM trajectories WHERE answer IS NULL AND role <> 'rollout' LIMIT 1"
    [row] = reader.rows(none)
    text = Site(reader, ServerLinks()).render(Address.of("problem", id=row["problem_id"]))
    assert "<td>no answer</td>" in text


def test_roles_and_runs_narrow_a_problem(reader: Reader) -> None:
    [row] = reader.rows("SELECT problem_id, run_id FROM trajectories WHERE role = 'rollout' LIMIT 1")
    rolled = problem.read(reader, Address.of("problem", id=row["problem_id"], role="rollout"))
    assert rolled["listed"] == rolled["roles"]["rollout"]
    narrow = problem.read(reader, Address.of("problem", id=row["problem_id"], run=row["run_id"]))
    assert {unit["run_id"] for unit in narrow["units"]} == {row["run_id"]}
    assert narrow["units"][0]["searched"]
    assert len(narrow["all_units"]) > len(narrow["units"])


def test_every_page_of_a_problem_offers_the_graders_of_all_its_drafts(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problem, "PER_PAGE", 1)
    judged = (
        "SELECT problem_id, trajectory_id FROM grades JOIN trajectories USING (trajectory_id) WHERE step_id IS NOT NULL"
    )
    [row] = reader.rows(f"{judged} AND grader = 'prm' AND role <> 'rollout' LIMIT 1")
    page = problem.read(reader, Address.of("problem", id=row["problem_id"]))
    assert page["graders"][-1] == LOGPROB
    assert "prm" in page["graders"]
    rolled = reader.rows("SELECT problem_id FROM trajectories WHERE role = 'rollout' LIMIT 1")[0]["problem_id"]
    without = problem.read(reader, Address.of("problem", id=rolled, role="rollout"))
    shown = [step for paths in without["by_unit"].values() for path in paths for step in path["drafts"][-1].steps]
    assert not any("prm" in step["values"] for step in shown)
    assert "prm" in without["graders"]
    while page["following"]:
        page = problem.read(reader, page["following"])
        assert page["graders"] == problem.read(reader, Address.of("problem", id=row["problem_id"]))["graders"]


def test_a_run_or_role_that_is_not_there_is_told(reader: Reader) -> None:
    [row] = reader.rows("SELECT problem_id FROM problems LIMIT 1")
    for query, told in (({"run": "x"}, "no run 'x' in "), ({"role": "x"}, "no role 'x'; there are sample, search")):
        with pytest.raises(NotThere, match=told):
            problem.read(reader, Address.of("problem", id=row["problem_id"], **query))


def test_neighbours_are_the_problems_beside_it(reader: Reader) -> None:
    ids = [row["problem_id"] for row in reader.rows("SELECT problem_id FROM problems ORDER BY 1")]
    found = [problem.read(reader, Address.of("problem", id=name))["neighbours"] for name in ids]
    assert [each["before"] for each in found] == [None, *ids[:-1]]
    assert [each["following"] for each in found] == [*ids[1:], None]


def test_drafts_have_their_steps_in_order_and_the_values_that_the_store_has(reader: Reader) -> None:
    name = one(reader, "turns = 2 AND strategy = 'correct'")
    found = drafts(reader, name)
    assert [draft.turn for draft in found] == [1, 2]
    for draft in found:
        [turn] = reader.rows(f"FROM turns WHERE trajectory_id = '{name}' AND turn = {draft.turn}")
        assert "".join(step["text"] for step in draft.steps).strip() == turn["text"].strip()
        assert [step["number"] for step in draft.steps] == list(range(1, len(draft.steps) + 1))
        values = reader.rows(
            f"SELECT step_id, value FROM grades WHERE trajectory_id = '{name}' AND turn = {draft.turn}"
            " AND grader = 'prm' AND step_id IS NOT NULL"
        )
        assert {step["step_id"]: step["values"]["prm"] for step in draft.steps} == pytest.approx(
            {row["step_id"]: row["value"] for row in values}
        )
        for step in draft.steps:
            assert step["values"][LOGPROB] == pytest.approx(exp(step["logprob"] / step["tokens"]))
    assert found[0].between == []
    assert [step["by"] for step in found[1].between] == ["oracle"]


def test_nothing_is_read_of_no_trajectories(reader: Reader) -> None:
    assert read_drafts(reader, []) == {}


def test_what_changed_between_two_drafts(reader: Reader) -> None:
    name = one(reader, "turns = 2 AND strategy = 'correct'")
    page = trajectory.read(reader, Address.of("trajectory", id=name))
    [change] = page["changes"]
    first, second = reader.rows(f"FROM turns WHERE trajectory_id = '{name}' ORDER BY turn")
    assert change["feedback"] == second["feedback"]
    assert change["by"] == "oracle"
    assert (change["before"].facts["correct"], change["after"].facts["correct"]) == (
        first["correct"],
        second["correct"],
    )
    old, new = ([step["text"].strip() for step in change[part].steps] for part in ("before", "after"))
    differ = [place for place, text in enumerate(new) if place >= len(old) or old[place] != text]
    assert (change["first"]["number"] if change["first"] else None) == (differ[0] + 1 if differ else None)
    values = reader.rows(
        f"SELECT turn, value FROM grades WHERE trajectory_id = '{name}' AND grader = 'prm' AND step_id IS NULL"
        " ORDER BY turn"
    )
    [graded] = [grade for grade in change["graded"] if grade["grader"] == "prm"]
    assert [graded["before"], graded["after"]] == [row["value"] for row in values]


def test_a_trajectory_has_the_calls_that_wrote_its_steps(reader: Reader) -> None:
    name = one(reader, "turns = 2 AND strategy = 'correct'")
    page = trajectory.read(reader, Address.of("trajectory", id=name))
    wrote = {step["call_id"] for draft in page["drafts"] for step in draft.steps}
    assert {call["call_id"] for call in page["calls"]} == wrote
    for call in page["calls"]:
        [stored] = reader.rows(
            "SELECT messages::VARCHAR AS messages, response FROM calls JOIN prompts USING (prompt_hash)"
            f" WHERE call_id = '{call['call_id']}'"
        )
        for message in call["messages"]:
            assert f'"role":"{message["role"]}"' in stored["messages"]
        assert len(call["replies"]) == call["n"]
        assert all(reply["text"] for reply in call["replies"])
    texts = [reply["text"] for call in page["calls"] for reply in call["replies"]]
    assert page["drafts"][-1].facts["text"].strip() in [text.strip() for text in texts]


def test_all_calls_of_a_unit_come_page_by_page(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PER_PAGE", 3)
    [unit] = reader.rows("SELECT unit_id, count(*) AS n FROM calls GROUP BY 1 ORDER BY n DESC LIMIT 1")
    page = calls.read(reader, Address.of("calls", unit=unit["unit_id"]))
    found = [*page["calls"]]
    while page["following"]:
        page = calls.read(reader, page["following"])
        found += page["calls"]
    assert len({call["call_id"] for call in found}) == len(found) == unit["n"] == page["unit"]["calls"]
    times = [call["answered_at"] for call in found]
    assert times == sorted(times)
    assert page["before"]
    assert calls.read(reader, page["before"])["calls"]


def test_only_the_named_calls_are_read(reader: Reader) -> None:
    [call] = reader.rows("SELECT call_id, unit_id FROM calls LIMIT 1")
    assert [each["call_id"] for each in read_calls(reader, call["unit_id"], only=[call["call_id"]])] == [
        call["call_id"]
    ]
    assert read_calls(reader, call["unit_id"], only=[]) == []


@pytest.mark.parametrize(
    ("read", "address", "told"),
    [
        (problem.read, Address.of("problem", id="x"), "no problem 'x' in "),
        (problem.read, Address("problem"), "no problem '' in "),
        (label.read, Address.of("label", run="x"), "no run 'x' in "),
        (trajectory.read, Address.of("trajectory", id="x'y"), 'no trajectory "x\'y" in '),
        (calls.read, Address.of("calls", unit="x"), "no unit 'x' in "),
    ],
)
def test_what_is_not_there_is_told(reader: Reader, read: type, address: Address, told: str) -> None:
    with pytest.raises(NotThere, match=told):
        read(reader, address)


def test_labels_of_people_and_their_agreement(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "PER_PAGE", 10)
    page = labels.read(reader, Address("labels"))
    assert len(page["labels"]) == 10
    assert page["following"]
    rest = labels.read(reader, page["following"])
    assert len({(row["trajectory_id"], row["person"]) for row in page["labels"] + rest["labels"]}) == 16
    assert {(row["person"], row["labels"]) for row in page["people"]} == {("ann", 8), ("bob", 8)}
    [both] = [
        row for row in page["agreement"] if (row["person"], row["grader_model"], row["part"]) == ("ann", "bob", "draft")
    ]
    said = by_person(reader)
    alike = sum(said[place]["ann"] == said[place]["bob"] for place in said)
    assert (both["judged"], both["agreement"]) == (8, alike / 8)


def by_person(reader: Reader) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in reader.rows("FROM labels"):
        found.setdefault(row["trajectory_id"], {})[row["person"]] = row["verdict"]
    return found


def test_labels_show_beside_the_draft_that_they_are_about(reader: Reader) -> None:
    [row] = reader.rows("FROM labels WHERE person = 'ann' LIMIT 1")
    [first, *_] = drafts(reader, row["trajectory_id"])
    assert {(each["person"], each["remark"]) for each in first.labels} == {("ann", "ann looked"), ("bob", "bob looked")}


def test_the_draft_to_label_is_one_that_the_person_has_not_labelled_and_shows_no_key(reader: Reader) -> None:
    page = label.read(reader, Address("label"))
    assert page["place"] not in [(name, 1) for name in by_person(reader)]
    [turn] = reader.rows(f"FROM turns WHERE trajectory_id = '{page['place'][0]}' AND turn = {page['place'][1]}")
    assert "".join(page["draft"].shown.steps).strip() == turn["text"].strip()
    [run] = reader.rows("SELECT run_id FROM runs WHERE strategy = 'mcts'")
    narrow = label.read(reader, Address.of("label", run=run["run_id"]))
    [path] = reader.rows(f"FROM trajectories WHERE trajectory_id = '{narrow['place'][0]}'")
    assert path["run_id"] == run["run_id"]
    assert narrow["left"] < page["left"]
    with pytest.raises(NotThere, match="no run 'none' in "):
        label.read(reader, Address.of("label", run="none"))
