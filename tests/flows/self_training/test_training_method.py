"""Methods of self-training: what the shipped ones say, and the line that a bad one gets."""

from pathlib import Path

import pytest

from redraft.flows.self_training.training_method import MethodError, flat, names, read_method, replaced

PUBLISHED = {  # strategy, samples, temperature, preset or format, begins with, rows of, loss
    "mended": ("best_of_n", 8, None, "mended", "last", "last", "sft"),
    "rest_em": ("best_of_n", 32, 0.7, "rest_em", "base", "last", "sft"),
    "rft": ("best_of_n", 100, 0.7, "rft", "base", "all", "sft"),
    "rise": ("correct", 1, None, "rise", "last", "all", "sft"),
    "self_rewarding": ("best_of_n", 4, 0.7, "self_rewarding", "last", "last", "dpo"),
    "star": ("rationalise", 1, None, "star", "base", "last", "sft"),
    "v_star": ("best_of_n", 16, 0.7, "sft", "base", "all", "sft"),
    "math_shepherd": ("best_of_n", 15, 0.7, "sft", "last", "last", "sft"),
    "rest_mcts": ("rest_mcts", 1, None, "rest_mcts", "last", "last", "sft"),
    "grpo": ("best_of_n", 4, None, "prompts", "last", "last", "grpo"),
    "score": ("best_of_n", 1, None, "prompts", "last", "last", "score"),
    "step_weighted": ("best_of_n", 8, None, "step_weights", "last", "last", "sft"),
    "from_reward_model": ("best_of_n", 8, None, "sft", "verifier", "last", "sft"),
    "distilled_search": ("beam", 1, None, "sft", "last", "last", "sft"),
}
VERIFIERS = {  # preset or format, begins with, rows of, loss, grader, grades the search
    "v_star": ("v_star", "base", "all", "dpo", "implicit", False),
    "math_shepherd": ("prm", "base", "all", "prm", "prm", False),
    "rest_mcts": ("value", "last", "last", "value", "prm", True),
    "from_reward_model": ("prm", "policy", "last", "prm", "prm", False),
}


def test_each_method_has_the_published_choices_and_says_whose_it_is() -> None:
    found = {name: read_method(name) for name in names()}
    assert {
        name: (
            one.strategy, one.samples, one.temperature, one.policy.preset or one.policy.format, one.policy.start,
            one.policy.rows, one.policy.loss,
        )
        for name, one in found.items()
    } == PUBLISHED  # fmt: skip
    assert all("arXiv" in one.about for one in found.values())
    assert {
        name: (part.preset or part.format, part.start, part.rows, part.loss, part.grader, part.searches)
        for name, one in found.items()
        if (part := one.verifier)
    } == VERIFIERS


def test_arguments_of_a_part_have_its_name_before_a_point() -> None:
    assert flat({"style": "text", "cap": {"most": 2}}) == {"style": "text", "cap.most": 2}


def test_a_round_may_begin_with_new_questions(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[augment]\nmethods = ["rephrase", "fobar"]\nsamples = 2\n[augment.arguments.rephrase]\nrewrites = 3\n'
    )
    made = read_method(tmp_path / "mine.toml").augment
    assert made
    assert (made.methods, made.strategy, made.samples, made.temperature) == (
        ["rephrase", "fobar"], "self_consistency", 2, None
    )  # fmt: skip
    assert flat(made.arguments) == {"rephrase.rewrites": 3}
    assert read_method("rft").augment is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[augment]\nsamples = 2", "augment.methods: Field required"),
        ("[augment]\nmethods = []", "augment.methods: List should have at least 1 item"),
        ("[augment]\nmethods = ['fobar']\nsample = 2", "augment.sample: Extra inputs are not permitted"),
        ("strategy = [", "is no TOML"),
        ("samples = 0", "samples: Input should be greater than or equal to 1; a method has about, augment, strategy"),
        ("[policy]\nstart = 'first'", "policy.start: Input should be 'base', 'last', 'policy' or 'verifier'"),
        ("[polciy]\nstart = 'base'", "polciy: Extra inputs are not permitted"),
    ],
)
def test_a_bad_method_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(MethodError, match=line):
        read_method(tmp_path / "mine.toml")


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(MethodError, match=r"none\.toml: No such file"):
        read_method(tmp_path / "none.toml")


OWN = """
about = "mine"
strategy = "self_consistency"
critic = "step"
samples = 3
temperature = 0.5
top_k = 10

[arguments]
adaptive = true

[labels]
grader = "rollout"
where = "turn = 1"

[labels.arguments.grader]
rollouts = 4

[policy]
format = "sft"
filters = ["correct", "score"]
start = "last"
rows = "last"
loss = "dpo"

[policy.arguments.score]
grader = "rollout"
least = 0.5

[policy.training]
epochs = 2
"""


def test_a_method_of_ones_own_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN)
    found = read_method(str(tmp_path / "mine.toml"))
    assert found.labels
    assert (found.labels.grader, found.labels.where, flat(found.labels.arguments)) == (
        "rollout", "turn = 1", {"grader.rollouts": 4}
    )  # fmt: skip
    assert (found.strategy, found.critic, found.samples, found.temperature, found.top_k, dict(found.arguments)) == (
        "self_consistency", "step", 3, 0.5, 10, {"adaptive": True}
    )  # fmt: skip
    part = found.policy
    assert (part.preset, part.format, part.filters, part.start, part.rows, part.loss) == (
        None, "sft", ["correct", "score"], "last", "last", "dpo"
    )  # fmt: skip
    assert part.flat_arguments == {"score.grader": "rollout", "score.least": 0.5}
    assert part.training == {"epochs": 2}


def test_arguments_replace_what_a_method_says_of_a_model() -> None:
    given = {
        "turns": 2, "trainer.rate": 1e-4, "policy.start": "last", "policy.rows": "all",
        "policy.filters": "correct, duplicates, cap most=2", "policy.style": "text", "verifier.start": "base",
        "policy.cap.most": 3,
    }  # fmt: skip
    before = read_method("rest_mcts")
    found, left = replaced(before, given)
    assert left == {"turns": 2, "trainer.rate": 1e-4}
    part = found.policy
    assert (part.start, part.rows, part.filters, part.flat_arguments) == (
        "last", "all", ["correct", "duplicates", "cap most=2"], {"style": "text", "cap.most": 3}
    )  # fmt: skip
    assert (found.verifier and found.verifier.start, before.policy.rows) == ("base", "last")
    assert replaced(before, {}) == (before, {})


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"verifier.start": "base"}, "verifier.start replaces nothing: the method trains no verifier"),
        ({"policy.start": "first"}, "policy.start='first': Input should be 'base', 'last', 'policy' or"),
    ],
)
def test_what_cannot_be_replaced_is_one_line(given: dict[str, str], line: str) -> None:
    with pytest.raises(MethodError, match=line):
        replaced(read_method("rft"), given)
