"""The summary of a run: the accuracy of first and last drafts, the accuracy of each method of selecting among the first
drafts, and the cost of the run. For people, a summary is also formatted as lines and caveats."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from redraft.graders.statistics import Interval
from redraft.llm.usage import Amount
from redraft.store.errors import plural
from redraft.store.html import notes, table


@dataclass(frozen=True, slots=True)
class Summary:
    """A run, with all stored data of its recipe and replicate on the problems that it was given.

    Shares are means over problems, with 95% bootstrap intervals over problems. `selectors` has the accuracy of each
    method of selecting one of a problem's first drafts; ties are averaged. `chosen` is the accuracy of the agent's own
    pick.
    """

    db: str
    run_id: str
    recipe: str
    strategy: str
    model: str
    problems: int
    trajectories: int
    new: int = 0  # trajectories that this run sampled and that did not fail
    right: int = 0  # trajectories whose last draft is right; for a search: problems whose pick is right
    graded_problems: int = 0  # problems with a draft that the oracle could judge
    known_problems: int = 0  # problems whose answer is known, with or without a draft
    feedback: str | None = None  # the strategy's feedback
    grader: str | None = None  # the strategy's grader
    asked: int | None = None  # the number of samples per problem in this run's settings
    samples: int = 0  # the minimum number of first drafts of a graded problem: the k of pass@k
    most_samples: int = 0  # the maximum number of first drafts of a graded problem
    graded: int = 0  # values of drafts and steps by graders other than the oracle and the likelihood
    ungraded: int = 0  # drafts and steps to which a grader gave no value
    ungraded_by: str | None = None  # the grader that most often gave no value
    ungraded_because: str | None = None  # that grader's most frequent reason
    drafts: int = 0  # drafts of all turns
    likelihoods: int = 0  # drafts whose likelihood is known
    first: Interval | None = None
    last: Interval | None = None
    gain: Interval | None = None  # last - first, paired by problem
    chosen: Interval | None = None  # the agent's own pick
    right_to_wrong: int = 0
    wrong_to_right: int = 0
    redrafted: int = 0  # trajectories with more than one draft
    undecided: int = 0
    oracle_used: bool = False
    pass_at_1: float | None = None
    pass_at_k: float | None = None
    selectors: Mapping[str, float] = field(default_factory=dict)
    tokens: int = 0  # completion tokens of this run
    prompt_tokens: int = 0
    calls: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    all_tokens: int = 0  # completion tokens of all runs of this recipe and replicate
    failures: Mapping[str, int] = field(default_factory=dict)  # failed trajectories by reason
    spent: str | None = None  # a sentence with the limit of this run's budget that was used up
    used: Amount | None = None  # how much of the run's budget was used, if it has one
    ended_by_budget: int = 0  # trajectories that ended because their problem's budget was used up

    @property
    def failed(self) -> int:
        """Returns the number of failed trajectories. The same command tries them again."""
        return sum(self.failures.values())

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0

    def __repr__(self) -> str:
        shares = {"first": self.first, "last": self.last, "pick": self.chosen}
        right = ", ".join(f"{name} {share.estimate:.1%} right" for name, share in shares.items() if share)
        counts = f"{plural(self.problems, 'problem')}, {plural(self.trajectories, 'trajectory')}"
        return f"<Summary {counts}, {right or 'no answer known'}: {self.db}>"

    def _repr_html_(self) -> str:
        return table(lines(self)) + notes(caveats(self))

    def one_line(self) -> str:
        """Returns the counts as one line: "5 problems, 10 trajectories: 4 right; 10 new, 0 already there"."""
        failed = f", {self.failed:,} failed" if self.failed else ""
        right = f"{self.right:,} right" if self.known_problems else "no problem has a known answer"
        there = self.trajectories - self.failed - self.new
        return (
            f"{plural(self.problems, 'problem')}, {plural(self.trajectories, 'trajectory')}: "
            f"{right}{failed}; {self.new:,} new, {there:,} already there"
        )

    def to_json(self) -> str:
        """Returns the fields as one JSON object."""
        return json.dumps(asdict(self) | {"tokens_per_second": round(self.tokens_per_second, 1)})


def lines(summary: Summary) -> list[tuple[str, str, str]]:
    """Returns a triple of the name, the value and the remark for every line of the summary."""
    s = summary
    made = [("problems", f"{s.problems:,}", ""), ("trajectories", f"{s.trajectories:,}", _redrafted(s))]
    if s.first and s.last:
        made += [
            ("first draft right", *_share(s.first)),
            ("last draft right", *_share(s.last)),
            ("wrong to right", f"{s.wrong_to_right:,}", f"and right to wrong {s.right_to_wrong:,}"),
            ("pass@1", f"{s.pass_at_1:.1%}", ""),
        ]
        if s.samples > 1:
            made.append((f"pass@{s.samples}", f"{s.pass_at_k:.1%}", f"any of {s.samples} first drafts is right"))
        if s.most_samples > 1:
            choices = s.selectors.items()
            made += [(name, f"{value:.1%}", _candidates(s) if name == "majority" else "") for name, value in choices]
    if s.chosen:
        made.append(("the agent's pick", *_share(s.chosen)))
    return [
        *made,
        ("tokens written", f"{s.tokens:,}", f"{s.tokens_per_second:,.0f} a second"),
        ("time", f"{s.seconds:.1f} s", f"{plural(s.calls, 'call')}{_cost(s)}"),
        ("data", s.db, f"strategy {s.strategy}{_parts(s)}, model {s.model}"),
    ]


def caveats(summary: Summary) -> list[str]:
    """Returns the reasons to doubt the numbers, each as one or two sentences."""
    s = summary
    found = [f"{count:,} failed: {reason}" for reason, count in s.failures.items()]
    if found:
        found.append("The accuracies above leave out failed trajectories. The same command tries them again.")
    if s.spent:
        found.append(f"{s.spent} Problems that it did not reach are not counted. The same command continues from here.")
    if s.ended_by_budget:
        found.append(
            f"{s.ended_by_budget:,} of {s.trajectories:,} trajectories ended because their problem's budget was used"
            " up; the accuracies leave out trajectories without a draft."
        )
    if s.oracle_used:
        found.append(f"{_oracle(s)} (oracle_used): an upper bound, not a fair score.")
    if s.drafts and not s.likelihoods and "likelihood" in (s.feedback, s.grader):
        found.append(
            "The model gave no log-probabilities, so likelihood could not judge: choose another feedback or grader."
        )
    if s.ungraded:
        found.append(_ungraded(s))
    if s.undecided:
        found.append(f"Left out: {plural(s.undecided, 'draft')} that could not be compared with the known answer.")
    if not s.trajectories:
        found.append("The strategy gave no drafts.")
    if not s.known_problems:
        found.append("No problem here has a known answer, so no draft counts as right or wrong.")
    elif (s.first or s.chosen) and s.graded_problems < s.problems:
        found.append(f"The accuracies are over {s.graded_problems:,} of {s.problems:,} problems.")
    return found


def _candidates(summary: Summary) -> str:
    few, many = summary.samples, summary.most_samples
    return f"and below: chosen among {few if few == many else f'{few} to {many}'} first drafts"


def _redrafted(summary: Summary) -> str:
    more = summary.asked is not None and summary.samples > summary.asked
    return f"{summary.redrafted:,} redrafted" + (f", {summary.samples} a problem stored" if more else "")


def _parts(summary: Summary) -> str:
    """Returns the names of the feedback and the grader, if the strategy has them, as text."""
    named = {"feedback": summary.feedback, "grader": summary.grader}
    parts = ", ".join(f"{part} {name}" for part, name in named.items() if name)
    return f" ({parts})" if parts else ""


def _oracle(summary: Summary) -> str:
    if summary.feedback == "oracle" and summary.redrafted:
        return "The feedback for redrafts used the known answer"
    return f"The known answer was used{' to choose a draft' if summary.grader == 'oracle' else ''}"


def _ungraded(summary: Summary) -> str:
    none = "" if summary.graded else ", and no other draft has one"
    have = f"{plural(summary.ungraded, 'draft')} {'has' if summary.ungraded == 1 else 'have'}"
    because = (summary.ungraded_because or "no reason was given").removesuffix(".")
    return f"{have} no grade by {summary.ungraded_by}{none}; most frequent reason: {because}."


def _share(interval: Interval) -> tuple[str, str]:
    return f"{interval.estimate:.1%}", f"95% between {interval.low:.1%} and {interval.high:.1%}"


def _cost(summary: Summary) -> str:
    return f", ${summary.cost_usd:,.4f}" if summary.cost_usd else ""
