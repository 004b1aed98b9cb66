"""`redraft solve`: solves one question and shows it step by step."""

from typing import TYPE_CHECKING, Any

import click

from redraft.flows.cli import options
from redraft.flows.settings import Settings

if TYPE_CHECKING:
    from redraft.store.unit import Unit


@click.command()
@click.argument("question")
@options.option("answer", "The known answer, for the verdict and for feedback=oracle.", metavar="TEXT")
@options.DB
@options.option("no-store", "Store nothing.", is_flag=True)
@options.solver(options.setting(Settings, "samples", default=1))
@options.REPLICATE
@options.JSON
def solve(
    question: str,
    answer: str | None,
    db: str,
    no_store: bool,
    json: bool,
    set: dict[str, str],
    critic: str | None,
    **given: Any,
) -> int:
    """Solve one QUESTION, and show each step.

    Each step is shown as it is written, then the critique of the draft, then the redraft. By default, the model is its
    own critic, and the feedback names the first step of low log-probability.
    """
    from rich.console import Console

    from redraft.flows.cli.signals import run
    from redraft.flows.settings_validation import read
    from redraft.flows.solve import solve as show
    from redraft.store.problems import Problem
    from redraft.store.tables.store import Store

    if not question.strip():
        raise click.UsageError("the question is empty")
    own = "none" if set.get("feedback") == "human" else "model"  # a person sees each draft
    settings = read(Settings, {**given, "arguments": set, "critic": critic or own})
    console = Console(highlight=False, quiet=json)
    problem = Problem(question.strip(), answer, source="solve")
    unit = run(show(problem, settings, Store(":memory:") if no_store else db, console))
    return _report(unit, None if no_store else db, json)


def _report(unit: "Unit", db: str | None, json: bool) -> int:
    from redraft.flows.solve import pick, verdict

    chosen = pick(unit)
    failed = next((path.reason for path in unit.trajectories if path.reason and path.stop == "failed"), None)
    if json:
        from json import dumps

        found = {
            "answer": chosen.answer if chosen else None,
            "text": chosen.text() if chosen else None,
            "turns": chosen.turn if chosen else 0,
            "verdict": verdict(unit, chosen) if chosen else None,
            "failed": failed,
            "unit": unit.unit_id,
            "db": db,
        }
        click.echo(dumps(found))
    elif chosen is None:
        click.echo(f"No draft: {failed}", err=True)
    else:
        known = verdict(unit, chosen)
        told = f" ({known})" if known else ""
        click.echo(f"\nAnswer: {chosen.answer or 'none'}{told}" + (f"   kept in {db}" if db else ""))
    return 1 if unit.status == "failed" else 0
