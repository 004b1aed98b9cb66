"""Measures how often the oracle is wrong or undecided, and its speed, in comparison with Math-Verify in the same run.

    python bench/accuracy/oracle.py [--every N] [--workers 2] [--against BIN] [--math-verify TESTS] [--failures FILE]

The sources are real solutions with their authors' verdicts; the cases in the tests; the golds (reference answers) of
MATH-500, of GSM8K and of other layouts, respelled in more than forty ways (`pairs/respell.py`); and near misses of the
golds (`pairs/near_misses.py`). A false acceptance is an unjustified verdict `right`; a false rejection is an
unjustified verdict `wrong`. Math-Verify gets only the mathematics.

`--every 50` takes every fiftieth pair of the golds. `--against BIN` is the folder of another build's programs, the
speed of which is measured too. `--math-verify TESTS` is the folder of Math-Verify's own tests (`pairs/published.py`):
each case with a different verdict by redraft is printed with redraft's reason.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pairs.pairs import DATA, Pair, cases, golds, missed, respelled, solutions
from pairs.published import published
from pairs.run import run, speeds
from pairs.table import HEAD, Counts, row, unexpected

ROUNDS = 3


@click.command()
@click.option("--every", default=1, help="Take each Nth pair of the golds, to be quick.")
@click.option("--draws", default=40, help="Golds of other problems for each gold.")
@click.option("--workers", default=2, help="Processes of each oracle.")
@click.option("--alone", is_flag=True, help="redraft's accuracy alone: no Math-Verify, no measurement of speed.")
@click.option("--against", type=click.Path(path_type=Path), help="The folder of another build's programs.")
@click.option("--math-verify", type=click.Path(exists=True, path_type=Path), help="The folder of Math-Verify's tests.")
@click.option("--failures", type=click.Path(path_type=Path), help="Write the pairs with other verdicts, as JSON lines.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(
    every: int,
    draws: int,
    workers: int,
    alone: bool,
    against: Path | None,
    math_verify: Path | None,
    failures: Path | None,
    as_json: bool,
) -> None:
    """Measures the oracle and prints the tables."""
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not there; this measures on the files in it")
    counts: list[Counts] = []
    other: list[dict[str, Any]] = []
    say = (lambda _: None) if as_json else click.echo
    say(row(HEAD))
    say(row(["---"] * len(HEAD)))
    for source, pairs in sources(every, draws, math_verify):
        found = run("redraft", pairs, workers)
        counts.append(Counts.of(source, "redraft", pairs, found))
        other += unexpected(pairs, found)
        say(counts[-1].line())
        if not alone:
            maths = [pair for pair in pairs if pair.kind == "math"]
            counts.append(Counts.of(source, "Math-Verify", maths, run("math_verify", maths, workers)))
            say(counts[-1].line())
    rates = {} if alone else dict(speed(workers, against))
    if not alone:
        say("\n" + row(["pairs a second", *next(iter(rates.values()))]))
        say(row(["---"] * (1 + len(next(iter(rates.values()))))))
        for source, rate in rates.items():
            say(row([source, *(f"{each:,.0f}" for each in rate.values())]))
    for pair in other:
        if pair["source"] == "published":
            say(
                f"\n{pair['answer']!r} <- {pair['reply']!r}: {pair['verdict']}, published as {pair['expected']}"
                f" (read as {pair['extracted']!r}; {pair['reason'] or 'compared'})"
            )
    if failures:
        failures.write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in other), encoding="utf-8")
    if as_json:
        click.echo(json.dumps({"counts": [each.as_json() for each in counts], "speed": rates, "unexpected": other}))


def sources(every: int, draws: int, tests: Path | None) -> Iterator[tuple[str, list[Pair]]]:
    """Yields the name of each source in the table, and its pairs."""
    yield "real solutions of GSM8K", list(solutions())
    yield "cases", list(cases())
    for name in ("math500", "gsm8k", "layouts"):
        found = golds(name)
        yield f"{name}, respelled", list(respelled(found))[::every]
        yield f"{name}, near misses", list(missed(found, draws))[::every]
    if tests:
        yield "Math-Verify's published cases", list(published(tests))


def speed(workers: int, against: Path | None) -> Iterator[tuple[str, dict[str, float]]]:
    """Yields the name and the pairs per second of redraft, of another build, and of Math-Verify."""
    python = Path(sys.executable)
    contestants = {"redraft": ("redraft", python)}
    if against:
        contestants["the other build"] = ("redraft", against.absolute() / "python")
    contestants["Math-Verify"] = ("math_verify", python)
    yield "replies of GSM8K", speeds(list(solutions()), contestants, workers, ROUNDS)
    wrapped = [pair for pair in respelled(golds("math500")) if pair.how.startswith("ending")]
    yield "golds of MATH-500 in replies", speeds(wrapped, contestants, workers, ROUNDS)


if __name__ == "__main__":
    main()
