"""The options that several commands share. Each option has the same name, meaning and environment variable in all
commands.

An option for a field of a settings class is made from the field: `setting(Settings, "samples")`.
"""

import re
from collections.abc import Callable, Mapping
from getpass import getuser
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

from redraft.flows.cli.option import Option
from redraft.flows.settings import ExportSettings, ModelSettings, Selection, Settings, StoreSettings, WorkerSettings
from redraft.llm.limits import Budget, Limits
from redraft.store.fields import described

if TYPE_CHECKING:
    from redraft.llm.prompts.prompts import Prompts
    from redraft.llm.usage import Prices

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option(name: str, help: str = "", **facts: Any) -> Decorator:
    """Returns the decorator of an option. A user may also set it as REDRAFT_<NAME> in the environment, or in
    redraft.toml."""
    if facts.get("multiple"):
        help = f"{help} May be repeated."
    shown = facts.pop("show_default", facts.get("default") not in (None, "") and not facts.get("is_flag", False))
    return click.option(f"--{name}", cls=Option, help=help, envvar=variable(name), show_default=shown, **facts)


def variable(name: str) -> str:
    """Returns the name of the environment variable of an option."""
    return f"REDRAFT_{name.upper().replace('-', '_')}"


def setting(kind: type, name: str, flag: str = "", **facts: Any) -> Decorator:
    """Returns the decorator of the option for a field of settings. The field defines its name, help, type, bounds and
    default. `flag` is another name for the option. `facts` are further arguments of `option`, which override those of
    the field."""
    field = described(kind)[name]
    words = set(re.findall(r"\w+", str(field.type)))
    found: dict[str, Any] = {"help": field.metadata["about"]}
    if isinstance(field.default, str | int | float | tuple):
        found["default"] = field.default
    if "Spec" in words:
        found["parts"] = flag or name
    if "bool" in words:
        found["is_flag"] = True
    elif "Literal" in words:
        found["type"] = click.Choice(re.findall(r"""["'](\w+)["']""", str(field.type)))
    elif words & {"int", "float"}:
        whole, bounds = "int" in words, field.metadata["bounds"]
        low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
        limits = {"min": low, "max": high, "min_open": "gt" in bounds, "max_open": "lt" in bounds}
        found["type"] = (Whole if whole else Finite)(**limits) if bounds else int if whole else float
        found["metavar"] = "N" if whole else "X"
    else:
        found["metavar"] = "NAME"
    return option(flag or name.replace("_", "-"), **{**found, **facts})


def pairs(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> Mapping[str, str]:
    """Returns a mapping from the keys to the values of `key=value` strings."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{text!r} is not of the form key=value, as in --set turns=2")
        found[key.strip()] = value.strip()
    return found


def solver_pairs(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> Mapping[str, str]:
    """Returns `pairs` without arguments of filters and formats, which redraft.toml may have for other commands."""
    from redraft.flows.cli.shared_options import for_solving

    return for_solving(context, pairs(context, parameter, given))


def prices(context: click.Context, parameter: click.Parameter, given: str | None) -> "Prices | None":
    """Returns the Prices for a string such as `2.5,10` or `2.5,10,1.25`. The numbers are in dollars per million tokens;
    Prices are in dollars per token."""
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
    """Returns the prompts in a file. Raises PromptError if the file is not valid."""
    from redraft.llm.prompts.prompts import Prompts

    return Prompts.read(given) if given else Prompts()


def paced(given: dict[str, Any]) -> dict[str, Any]:
    """Returns the values of options as keyword arguments of a stage. The options of PACE and BUDGETS become the limits
    and the two budgets."""
    limits = Limits(**{field: given.pop(flag.replace("-", "_")) for flag, field in LIMITS.items()})
    budgets = {kind: Budget(**{name: given.pop(f"{kind}_{name}") for name in described(Budget)}) for kind in OWNERS}
    return {**given, **budgets, "limits": limits}


class Whole(click.IntRange):
    """The click type of an integer in a range."""

    name = "whole number"


class Finite(click.FloatRange):
    """The click type of a number in a range. NaN and infinity are refused."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if number is not None and not isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number


def usual_filters() -> str:
    """Returns a sentence that lists the default filters."""
    from redraft.flows.filters.filter import DEFAULTS

    return f"Default: {', '.join(DEFAULTS)}."


def usual_filters_of_formats() -> str:
    """Returns a sentence that lists the default filters of each format."""
    from redraft.flows.formats.format import default_filters
    from redraft.store.plugins.discovery import load, names

    formats: dict[tuple[str, ...], list[str]] = {}
    for name in names("format"):
        formats.setdefault(default_filters(load(name, "format")), []).append(name)
    usual = "; ".join(f"{', '.join(names)}: {' '.join(filters) or 'none'}" for filters, names in formats.items())
    return f"Default: the filters of the format ({usual})."


def preset_names() -> str:
    """Returns a sentence that lists the names of the presets."""
    from redraft.flows.presets.preset import names

    return f"Available: {', '.join(names())}."


def method_names() -> str:
    """Returns a sentence that lists the names of the methods of self-training."""
    from redraft.flows.self_training.training_method import names

    return f"Available: {', '.join(names())}."


def several(*decorators: Decorator) -> Decorator:
    """Returns one decorator that applies several decorators. The help lists their options in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


DB = setting(StoreSettings, "db", metavar="PATH")
MODEL = setting(ModelSettings, "model")
API_BASE = setting(ModelSettings, "api_base", metavar="URL")
PROMPTS = setting(ModelSettings, "prompts", callback=prompts, metavar="FILE")
PRICES = setting(ModelSettings, "prices", callback=prices, metavar="IN,OUT")
STRATEGY = setting(Settings, "strategy", more=lambda: "See `redraft strategies`.")
GRADER = setting(Settings, "grader")
CRITIC = setting(Settings, "critic")
SET = option(
    "set",
    "An argument of the strategy or of one of its parts, as in turns=2 or feedback.threshold=-0.5; or a part, as in"
    " feedback=NAME.",
    parts="feedback",
    multiple=True,
    callback=solver_pairs,
    metavar="KEY=VALUE",
)
FILTER_SET = option(
    "set",
    "An argument of the format, or of a filter, as in cap.most=2.",
    multiple=True,
    callback=pairs,
    metavar="KEY=VALUE",
)
SAMPLES = setting(Settings, "samples")
TEMPERATURE = setting(ModelSettings, "temperature")
MAX_TOKENS = setting(ModelSettings, "max_tokens")
TRUNCATION = several(setting(ModelSettings, "top_p"), setting(ModelSettings, "top_k"), setting(ModelSettings, "min_p"))
"""The options that truncate sampling. An option that is not given is not sent to the model."""

LIMIT = setting(Selection, "limit")
SEED = setting(ModelSettings, "seed")
REPLICATE = setting(ModelSettings, "replicate")
CONCURRENCY = setting(ModelSettings, "concurrency")
WORKERS = setting(WorkerSettings, "workers")
SANDBOX = setting(ModelSettings, "sandbox")
BATCH = setting(Settings, "batch")
QUESTION_COLUMN = setting(Selection, "question_column")
ANSWER_COLUMN = setting(Selection, "answer_column")
SKIP_BAD = setting(Selection, "skip_bad")
JSON = option("json", "Print JSON, for scripts; progress is printed as JSON lines to standard error.", is_flag=True)
OVERWRITE = option("overwrite", "Replace the file if it exists.", is_flag=True)
FORMAT = setting(ExportSettings, "format")
FILTER = setting(ExportSettings, "filters", "filter", more=usual_filters, multiple=True)
FORMAT_FILTER = setting(ExportSettings, "filters", "filter", more=usual_filters_of_formats, multiple=True)
PRESET = setting(ExportSettings, "preset", more=preset_names)
TRAINER = setting(ExportSettings, "trainer", "for", parts="trainer")
SHARDS = setting(ExportSettings, "shards")
VALIDATION = setting(ExportSettings, "validation")
INCLUDE_HELDOUT = setting(ExportSettings, "include_heldout")
RUN = setting(ExportSettings, "run", metavar="RUN_ID")


def solver(samples: Decorator) -> Decorator:
    """Returns the decorator of the options that decide how a question is solved. The default of --samples depends on
    the command."""
    return several(
        *(MODEL, API_BASE, PROMPTS, PRICES, STRATEGY, GRADER, CRITIC, SET, samples),
        *(TEMPERATURE, TRUNCATION, MAX_TOKENS, SEED, SANDBOX),
    )


LIMITS = {
    "requests-per-minute": "requests_per_minute",
    "tokens-per-minute": "tokens_per_minute",
    "timeout": "timeout_s",
    "patience": "patience_s",
}
"""The options that are fields of Limits, by field name."""

PACE = several(*(setting(Limits, field, flag) for flag, field in LIMITS.items()))

OWNERS = {"budget": "this run", "problem_budget": "each problem"}
"""The two budgets, and the scope of each in help texts."""


def amount(kind: str, name: str) -> Decorator:
    """Returns the decorator of the option for one limit of a budget, such as --problem-budget-calls."""
    about = described(Budget)[name].metadata["about"].removesuffix(".")
    return setting(Budget, name, f"{kind}-{name}".replace("_", "-"), help=f"{about}, for {OWNERS[kind]}.")


BUDGETS = several(*(amount(kind, name) for kind in OWNERS for name in described(Budget)))


def login() -> str:
    """Returns the login name of the user who runs the command. Raises UsageError if the user has no login name."""
    try:
        return getuser()
    except (OSError, KeyError, ImportError):  # the exception depends on the version of Python
        raise click.UsageError("your login has no name here: say who labels with --by NAME") from None
