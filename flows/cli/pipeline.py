"""Runs the commands of a pipeline file one after another. A pipeline file is TOML with a table for each command. The
keys of a table are the command's options, as in redraft.toml."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from redraft.flows.cli.config_file import option_values, read_toml
from redraft.flows.cli.option import PLACES
from redraft.store.errors import RedraftError, alternatives

FOLDER = Path(__file__).parents[1] / "pipelines"
STAGES = ("import", "augment", "diversity", "generate", "annotate", "filter", "export", "train")


class PipelineError(RedraftError):
    """Raised if a pipeline cannot be used. The message names the file and the mistake."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One command of a pipeline, with the values of its options."""

    name: str
    command: click.Command
    values: Mapping[str, Any]


def names() -> list[str]:
    """Returns the names of redraft's own pipelines, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read_pipeline(name: str, group: click.Group, context: click.Context) -> tuple[str, list[Stage]]:
    """Returns a pair: the pipeline's description (`about`), and its stages in the order of the file. `name` is the name
    of one of redraft's pipelines, or the path of a .toml file. Raises PipelineError for a wrong file, table or key."""
    own = name.endswith(".toml")
    if not own and name not in names():
        raise PipelineError(
            f"no pipeline {name[:100]!r}; {alternatives(name, names())}; one of your own is a file that ends in .toml"
        )
    file = Path(name).expanduser() if own else FOLDER / f"{name}.toml"
    data = read_toml(file)
    if data is None:
        raise PipelineError(f"{file}: there is no such file")
    about = data.pop("about", "")
    stages = []
    for stage, table in data.items():
        command = group.get_command(context, stage) if stage in STAGES else None
        if command is None or not isinstance(table, dict):
            raise PipelineError(f"{file}: no table [{stage}]; {alternatives(stage, STAGES)}")
        known = [one.name.replace("_", "-") for one in command.params if one.name]
        for key in table:
            if key.replace("_", "-") not in known:
                raise PipelineError(f"{file}, [{stage}]: no option {key!r}; {alternatives(key, known)}")
        stages.append(Stage(stage, command, option_values(file, table)))
    if not stages:
        raise PipelineError(f"{file}: no table: write one for each command, such as [augment]")
    return str(about), stages


def run_pipeline(name: str, stages: list[Stage], given: Mapping[str, Any], parent: click.Context) -> int:
    """Runs the stages, and returns the exit code of the first stage that fails, or 0. The options of all stages are
    checked before the first stage runs. An option in `given` overrides the option of every stage; `source` and `limit`
    apply only to the first stage."""
    with ExitStack() as contexts:
        given_to = [_arguments(stage, given, first=stage is stages[0]) for stage in stages]
        made = [_context(name, stage, own, parent) for stage, own in zip(stages, given_to, strict=True)]
        for context in made:
            contexts.enter_context(context)
        for stage, context in zip(stages, made, strict=True):
            click.echo(f"{name}: {stage.name}", err=True)
            if code := stage.command.invoke(context) or 0:
                click.echo(f"{name}: stopped, since {stage.name} failed; the same command continues with it", err=True)
                return code
    return 0


def _arguments(stage: Stage, given: Mapping[str, Any], *, first: bool) -> list[str]:
    """Returns the options in `given` that the stage has, as command-line arguments of the stage."""
    found: list[str] = []
    for one in stage.command.params:
        if one.name in given and (first or one.name not in ("source", "limit")):
            found += [str(given[one.name])] if isinstance(one, click.Argument) else [one.opts[-1], str(given[one.name])]
    return found


def _context(name: str, stage: Stage, arguments: list[str], parent: click.Context) -> click.Context:
    """Returns the click context of a stage. The environment and `arguments` override the pipeline file, and the file
    overrides redraft.toml."""
    base = (parent.default_map or {}).get(stage.name, {})
    places = parent.meta.setdefault(PLACES, {})
    places.update({(stage.name, key): f"[{stage.name}] of the pipeline {name}" for key in stage.values})
    context = stage.command.make_context(stage.name, arguments, parent=parent, default_map={**base, **stage.values})
    if stage.name in ("export", "filter"):
        _check(context.params)
    return context


def _check(given: Mapping[str, Any]) -> None:
    """Checks formats, filters and their arguments before the first call to a model. Raises PartError and
    PresetError."""
    from redraft.flows.export import parts

    filters = given.get("filter") or None
    if "format" in given or filters:
        parts(given.get("format"), filters, given.get("set"), given.get("preset"))
