"""The final draft: the last, the best and the most frequent draft of a tree, and what stands if turns failed."""

from msgspec.structs import replace

from redraft.agents.correction.drafts import answered_drafts
from redraft.agents.correction.final_answer import PICKS
from redraft.agents.sampling.graph import Tree
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")
DEAD = "!"


def drafted(sample: int, *answers: str | None) -> Trajectory:
    """A sample with a draft for each answer; a last "!" is a turn that failed."""
    trajectory = Trajectory(QUESTION, sample=sample)
    for turn, answer in enumerate(answers):
        trajectory = trajectory.respond("Again.", "none") if turn else trajectory
        if answer == DEAD:
            return replace(trajectory, stop=Stop.FAILED, reason="The line is dead.")
        trajectory = replace(
            trajectory.grow(f"#### {answer}", 0 if turn else sample), stop=Stop.ANSWERED, answer=answer
        )
    return trajectory


def tree(*samples: tuple[str | None, ...], grades: dict[str, float] | None = None) -> Tree:
    """A tree of these samples; with `grades` every draft is graded by its answer, in the order of the turns."""
    made = Tree(QUESTION)
    made.keep(drafted(number, *answers) for number, answers in enumerate(samples))
    if grades is not None:
        drafts = [draft for trajectory in made.trajectories.values() for draft in answered_drafts(trajectory)]
        for draft in sorted(drafts, key=lambda draft: draft.turn):
            value = grades.get(draft.answer or "")
            made.graded.append((draft, Grade("g", draft.trajectory_id, draft.turn, value=value)))
    return made


def picked(how: str, made: Tree) -> tuple[str | None, int, int, Role] | None:
    """The picked draft's answer, turn, sample and role."""
    found = PICKS[how](made)
    return found and (found.answer, found.turn, found.sample, found.role)


def test_without_drafts_or_answers_nothing_is_picked() -> None:
    for how in PICKS:
        assert picked(how, Tree(QUESTION)) is None
        assert picked(how, tree((None,), (None, None), grades={})) is None
        assert picked(how, tree((DEAD,))) is None


def test_last_is_the_vote_of_the_last_drafts_if_nothing_graded_them() -> None:
    # The first drafts agree on 1, the last ones on 2; "2.0" is the same answer, and the first of them stands for it.
    assert picked("last", tree(("1", "3"), ("1", "2.0"), ("1", "2"))) == ("2.0", 2, 1, Role.SAMPLE)


def test_last_is_the_best_graded_of_the_last_drafts() -> None:
    made = tree(("9", "1"), ("2",), ("3", "2"), grades={"9": 0.9, "1": 0.1, "2": 0.5, "3": 0.8})
    assert picked("last", made) == ("2", 1, 1, Role.SAMPLE)  # of equals the first


def test_last_falls_back_on_the_drafts_before_a_failure() -> None:
    assert picked("last", tree(("1", "2", DEAD), ("3", DEAD))) == ("2", 2, 0, Role.SEARCH)
    made = tree(("1", "2", DEAD), ("3", DEAD), grades={"1": 0.9, "2": 0.1, "3": 0.5})
    assert picked("last", made) == ("3", 1, 1, Role.SEARCH)  # each sample's last draft counts: 0.1 and 0.5
    ended = tree(("1", DEAD), ("2",), grades={"1": 0.9, "2": 0.1})
    assert picked("last", ended) == ("2", 1, 1, Role.SAMPLE)  # a sample that ended comes first


def test_best_is_the_best_graded_draft_of_all_turns() -> None:
    grades = {"1": 0.4, "2": 0.2, "3": 0.3}
    assert picked("best", tree(("1", "2"), ("3",), grades=grades)) == ("1", 1, 0, Role.SEARCH)
    assert picked("best", tree(("2", "1"), ("3",), grades=grades)) == ("1", 2, 0, Role.SAMPLE)
    assert picked("best", tree(("1", DEAD), ("3",), grades=grades)) == ("1", 1, 0, Role.SEARCH)
    assert picked("best", tree(("1", "2"))) is None  # nothing is graded


def test_majority_counts_every_draft_and_prefers_a_whole_trajectory() -> None:
    assert picked("majority", tree(("1", "2", "1"), ("3",))) == ("1", 3, 0, Role.SAMPLE)
    assert picked("majority", tree(("1", "1", "2"), ("3",))) == ("1", 1, 0, Role.SEARCH)
    assert picked("majority", tree(("1", "2"), ("3", "1.0"))) == ("1.0", 2, 1, Role.SAMPLE)


def test_of_equally_frequent_answers_the_earliest_turn_wins() -> None:
    assert picked("majority", tree(("1", "2"), ("3", "4"))) == ("1", 1, 0, Role.SEARCH)
    assert picked("majority", tree((None, "2"), ("3", "4"))) == ("3", 1, 1, Role.SEARCH)


def test_a_draft_before_a_failure_votes() -> None:
    assert picked("majority", tree(("1", DEAD), ("2",), ("1", "3"))) == ("1", 1, 0, Role.SEARCH)


def test_the_picked_draft_alone_is_not_the_sample_and_has_its_own_id() -> None:
    found = PICKS["majority"](tree(("1", "1", "2")))
    assert found is not None
    assert (found.trajectory_id, found.text(), found.chosen) == ("u/0", "#### 1", False)
