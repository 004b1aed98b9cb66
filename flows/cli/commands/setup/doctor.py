"""`redraft doctor`: checks the installation, the model and the store."""

import click

from redraft.flows.cli import options


@click.command()
@options.DB
@options.MODEL
@options.API_BASE
@options.JSON
def doctor(db: str, model: str, api_base: str | None, json: bool) -> int:
    """Check the installation, the model and the store.

    The command prints what is installed, which model answers, what the store has, and how to repair faults. It asks the
    model for one token. The exit code is 1 if something is wrong.
    """
    from dataclasses import asdict
    from json import dumps

    from redraft.flows.cli.signals import run
    from redraft.flows.setup.doctor import examine
    from redraft.store.errors import plural

    findings = run(examine(db=db, model=model, api_base=api_base))
    wrong = [finding for finding in findings if finding.ok is False]
    if json:
        click.echo(dumps([asdict(finding) for finding in findings]))
        return int(bool(wrong))
    for finding in findings:
        mark, colour = MARKS[finding.ok]
        cure = f" -> {finding.cure}" if finding.cure else ""
        click.echo(f"{click.style(mark, fg=colour)} {finding.about:<9} {finding.says}{cure}")
    rest = sum(finding.ok is None for finding in findings)
    well = f"Nothing is wrong; {plural(rest, 'thing')} to know (!)." if rest else "All is well."
    click.echo(f"\n{plural(len(wrong), 'thing')} wrong" if wrong else f"\n{well}")
    return int(bool(wrong))


MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("!", "yellow")}
