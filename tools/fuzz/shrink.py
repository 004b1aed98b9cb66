"""Reduces a failing input to a smaller one."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from cases import Case

TRIES = 80


def smallest(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Returns the smallest input found for which `fails` returns True, after at most TRIES inputs."""
    tries = TRIES
    while tries > 0:
        for smaller in _smaller(case):
            tries -= 1
            if fails(smaller):
                case = smaller
                break
            if tries <= 0:
                break
        else:
            return case
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Yields smaller inputs: without one option, variable or file, or with half of a text or a file."""
    for name in case.env:
        yield replace(case, env={key: value for key, value in case.env.items() if key != name})
    for at in range(1, len(case.arguments)):
        yield replace(case, arguments=case.arguments[:at] + case.arguments[at + 1 :])
        yield replace(case, arguments=case.arguments[:at] + case.arguments[at + 2 :])
    for name, data in case.files.items():
        if name.endswith((".duckdb", ".parquet")):
            continue
        for part in _parts(data):
            yield replace(case, files={**case.files, name: part})
    for at, text in enumerate(case.arguments):
        if len(text) > 200:
            yield replace(case, arguments=(*case.arguments[:at], text[: len(text) // 2], *case.arguments[at + 1 :]))


def _parts(data: bytes) -> Iterator[bytes]:
    lines = data.splitlines(keepends=True)
    if len(lines) > 1:
        for at in range(len(lines)):
            yield b"".join(lines[:at] + lines[at + 1 :])
    elif len(data) > 40:
        yield data[: len(data) // 2]
        yield data[len(data) // 2 :]
