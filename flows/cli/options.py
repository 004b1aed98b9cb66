"""The options that commands share: one name, one meaning and one environment variable each, everywhere."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

from redraft.flows.cli.part_option import PartOption
from redraft.flows.cli.sourced_option import SourcedOption

if TYPE_CHECKING:
    from redraft.llm.prompts.prompts import Prompts
    from redraft.llm.usage import Prices

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option(name: str, help: str = "", **facts: Any) -> Decorator:
    """One option, which may also be given as REDRAFT_<NAME> or in redraft.toml."""
    shown = facts.pop("show_default", facts.get("default") is not None and not facts.get("is_flag", False))
    facts.setdefault("cls", SourcedOption)
    return click.option(f"--{name}", help=help, envvar=variable(name), show_default=shown, **facts)


def variable(name: str) -> str:
    """The environment variable of an option."""
    return f"REDRAFT_{name.upper().replace('-', '_')}"


def part(noun: str, **facts: Any) -> dict[str, Any]:
    """The facts of an option that names such a part: its help lists those that ship. The others are PartOption's."""
    return {"cls": PartOption, "noun": noun, **facts}


def pairs(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> Mapping[str, str]:
    """`key=value` texts as a mapping."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{text!r} is not of the form key=value, as in --set turns=2")
        found[key.strip()] = value.strip()
    return found


def prices(context: click.Context, parameter: click.Parameter, given: str | None) -> "Prices | None":
    """`2.5,10` or `2.5,10,1.25` in dollars a million tokens, as Prices in dollars a token."""
    from redraft.llm.usage import Prices

    if given is None:
        return None
    try:
        numbers = [float(text) / 1e6 for text in given.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3) or not all(0 <= number < float("inf") for number in numbers):
        raise click.BadParameter(f"{given!r} is not of the form IN,OUT or IN,OUT,CACHED, as in --prices 2.5,10")
    return Prices(*numbers)


def prompts(context: click.Context, parameter: click.Parameter, given: str | None) -> "Prompts":
    """The prompts of a file. Raises PromptError."""
    from redraft.llm.prompts.prompts import Prompts

    return Prompts.read(given) if given else Prompts()


def paced(given: dict[str, Any]) -> dict[str, Any]:
    """What the options of PACE and BUDGETS say, as `generate` takes it: the limits and the two budgets."""
    from redraft.llm.client.budget import Budget
    from redraft.llm.limits import Limits

    names = {"requests_per_minute": None, "tokens_per_minute": None, "timeout": "timeout_s", "patience": "patience_s"}
    limits = {to or name: given.pop(name) for name, to in names.items()}
    budgets = {
        kind: Budget(**{what: given.pop(f"{kind}_{what}") for what in AMOUNTS}) for kind in ("budget", "problem_budget")
    }
    return {**given, **budgets, "limits": Limits(**limits)}


class Finite(click.FloatRange):
    """A number in a range that is neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if number is not None and not isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number


def usual_filters() -> str:
    """The filters that act if none are named."""
    from redraft.flows.filters.filter import DEFAULTS

    return ", ".join(DEFAULTS)


def usual_filters_of_formats() -> str:
    """The filters that each format has if none are named."""
    from redraft.flows.formats.format import filters_of
    from redraft.store.plugins.discovery import load, names

    formats: dict[tuple[str, ...], list[str]] = {}
    for name in names("format"):
        formats.setdefault(filters_of(load(name, "format")), []).append(name)
    return "; ".join(f"{', '.join(names)}: {' '.join(filters) or 'none'}" for filters, names in formats.items())


def several(*decorators: Decorator) -> Decorator:
    """Decorators as one, in the order in which their options are to be listed."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


DB = option("db", "The DuckDB file that everything is kept in.", default="redraft.duckdb", metavar="PATH")
MODEL = option(
    "model",
    "Which language model: 'embedded' ships with redraft; any other name goes through LiteLLM.",
    default="embedded",
    metavar="NAME",
)
API_BASE = option(
    "api-base",
    "The address of an OpenAI-compatible server that has the model, or several with commas between them.",
    metavar="URL",
)
PROMPTS = option(
    "prompts", "A TOML file of wordings, examples and a system prompt of your own.", callback=prompts, metavar="FILE"
)
PRICES = option(
    "prices",
    "What the model costs, in dollars a million tokens read, written, and (if it differs) read from a cache.",
    callback=prices,
    metavar="IN,OUT",
)
STRATEGY = option(
    "strategy",
    "Who writes: {names}, or your own as path.py:function; see `redraft strategies`.",
    default="correct",
    metavar="NAME",
    **part("strategy"),
)
GRADER = option(
    "grader",
    "Who judges drafts for the strategy: {names}, or your own; its own choice by default.",
    metavar="NAME",
    **part("grader"),
)
CRITIC = option(
    "critic",
    "Who tells the strategy whether to go on: {names}, or your own; its own choice by default.",
    metavar="NAME",
    **part("critic"),
)
SET = option(
    "set",
    "An argument of the strategy or of a part of it, as in turns=2 or feedback.threshold=-0.5, or such a part, as in"
    " feedback=NAME: {names}. May be repeated.",
    **part("feedback"),
    multiple=True,
    callback=pairs,
    metavar="KEY=VALUE",
)
FILTER_SET = option(
    "set",
    "An argument of the format, or of a filter as in cap.most=2. May be repeated.",
    multiple=True,
    callback=pairs,
    metavar="KEY=VALUE",
)


def samples(default: int) -> Decorator:
    """--samples, whose default depends on the command."""
    return option(
        "samples",
        "Independent drafts a problem; a larger number than before adds the difference.",
        type=click.IntRange(1),
        default=default,
        metavar="N",
    )


SAMPLES = samples(8)
TEMPERATURE = option(
    "temperature",
    "How freely the model draws; 0 takes the likeliest word each time.",
    type=Finite(0),
    default=1.0,
    metavar="T",
)
MAX_TOKENS = option("max-tokens", "The most tokens of one draft.", type=click.IntRange(1), default=1024, metavar="N")
TRUNCATION = several(
    option(
        "top-p",
        "Draw among the fewest likeliest tokens that have so much probability together.",
        type=Finite(0, 1, min_open=True),
        metavar="P",
    ),
    option("top-k", "Draw among so many of the likeliest tokens.", type=click.IntRange(1), metavar="K"),
    option(
        "min-p",
        "Draw among the tokens with at least so much of the likeliest one's probability.",
        type=Finite(0, 1, max_open=True),
        metavar="P",
    ),
)
"""Which tokens a draw chooses among; what is not given is left to the model."""

LIMIT = option("limit", "The first N problems only.", type=click.IntRange(1), metavar="N")
SEED = option("seed", "The same seed gives the same drafts, where the model can.", type=int, default=0, metavar="N")
REPLICATE = option(
    "replicate",
    "A name for a fresh repetition of the same job; the same name goes on with it.",
    default="",
    show_default=False,
    metavar="NAME",
)
CONCURRENCY = option(
    "concurrency",
    "The most calls to the model at one time; of a provider as many as it bears.",
    type=click.IntRange(1),
    default=64,
    metavar="N",
)
JSON = option("json", "Print JSON, for scripts; progress goes to standard error as JSON lines.", is_flag=True)
QUESTION_COLUMN = option("question-column", "The column of the questions, where it has no usual name.", metavar="NAME")
ANSWER_COLUMN = option("answer-column", "The column of the answers, where it has no usual name.", metavar="NAME")
SKIP_BAD = option("skip-bad", "Leave out rows that cannot be read, and say how many.", is_flag=True)
OVERWRITE = option("overwrite", "Replace the file where it exists.", is_flag=True)
FILTER = option(
    "filter",
    "A filter, in order: {names}, or your own as path.py:function. May be repeated. Without it: {usual}.",
    **part("filter", usual=usual_filters),
    multiple=True,
    metavar="NAME",
)
FORMAT_FILTER = option(
    "filter",
    "A filter, in order: {names}, or your own as path.py:function. May be repeated. Without it those of the format"
    " ({usual}).",
    **part("filter", usual=usual_filters_of_formats),
    multiple=True,
    metavar="NAME",
)
INCLUDE_HELDOUT = option(
    "include-heldout",
    "Take held-out problems too (of a split such as test or heldout), kept to measure by.",
    is_flag=True,
)
RUN = option("run", 'Only what this run wrote; see `redraft query "FROM runs"`.', metavar="RUN_ID")

SOLVER = several(
    MODEL, API_BASE, PROMPTS, PRICES, STRATEGY, GRADER, CRITIC, SET, SAMPLES, TEMPERATURE, TRUNCATION, MAX_TOKENS, SEED
)
"""Everything that decides how a question is solved."""

ONE_SOLVER = several(
    MODEL,
    API_BASE,
    PROMPTS,
    PRICES,
    STRATEGY,
    GRADER,
    CRITIC,
    SET,
    samples(1),
    TEMPERATURE,
    TRUNCATION,
    MAX_TOKENS,
    SEED,
)
"""The same, with one draft by default."""

AMOUNTS = {
    "calls": ("calls", click.IntRange(0), "N"),
    "tokens": ("tokens, read and written", click.IntRange(0), "N"),
    "usd": ("US dollars", Finite(0), "X"),
    "seconds": ("seconds", Finite(0), "S"),
}
"""What a budget may be of."""

BUDGETS = several(
    *(
        option(f"{kind}-{what}", f"The most {words} that {whose} may use.", type=type, metavar=metavar)
        for kind, whose in (("budget", "this run"), ("problem-budget", "each problem"))
        for what, (words, type, metavar) in AMOUNTS.items()
    )
)

BATCH = option(
    "batch",
    "Ask by the provider's batches: half the price, an answer within a day; stopped, the same command goes on.",
    is_flag=True,
)

PACE = several(
    option("requests-per-minute", "The most calls a minute.", type=click.IntRange(1), metavar="N"),
    option("tokens-per-minute", "The most tokens a minute, read and written.", type=click.IntRange(1), metavar="N"),
    option("timeout", "Seconds until a call counts as lost.", type=Finite(0.1), default=600.0, metavar="S"),
    option(
        "patience",
        "Seconds that a provider which has answered before may be away.",
        type=Finite(0),
        default=900.0,
        metavar="S",
    ),
)
