"""The line of a mistake: it repeats little of what was given, and broken texts are refused before any work."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from redraft.flows.cli.errors import MOST, MOST_REPEATED, one_line
from redraft.flows.cli.option import without_others

LONG = "a" * 50 + "b" * 250


@pytest.mark.parametrize(
    ("given", "text", "line"),
    [
        ("short", "no file short", "no file short"),
        (LONG, f"no file {LONG}: check it", f"no file {LONG[:97]}...: check it"),
        (f"turns={LONG}", f"turns={LONG!r} does not fit", f"turns='{LONG[:97]}...' does not fit"),
        ("word\n" * 50, f"{'word ' * 50}is none", f"{('word ' * 50)[:97]}... is none"),
        ("\\x\n" * 50, repr("\\x\n" * 50), "'\\\\x\\n"),
    ],
    ids=["short", "long", "value", "lines", "escapes"],
)
def test_a_message_repeats_at_most_a_hundred_characters_of_a_text(given: str, text: str, line: str) -> None:
    found = one_line(text, [given])
    assert found.startswith(line)
    written = [" ".join(given.split()), repr(given)[1:-1]]
    windows = [found[at : at + MOST_REPEATED + 1] for at in range(len(found) - MOST_REPEATED)]
    assert not any(window in text for window in windows for text in written)


def test_a_very_long_message_loses_its_middle() -> None:
    found = one_line(f"no column among {', '.join(map(str, range(9999)))}: name one", [])
    assert (found[:15], found[-10:], len(found) <= MOST) == ("no column among", ": name one", True)


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        ([b"query", b"FROM \xff"], {}, "redraft: argument 2 is not UTF-8, 'FROM \\udcff': write it as UTF-8,"),
        ([b"generate", b"--db", b"\xe9.duckdb"], {}, "redraft: argument 3 is not UTF-8, '\\udce9.duckdb'"),
        ([b"query", b"FROM runs"], {b"REDRAFT_DB": b"\xff"}, "redraft: REDRAFT_DB is not UTF-8, '\\udcff'"),
    ],
)
def test_a_text_that_is_not_utf_8_is_told_by_its_place(
    arguments: list[bytes], env: dict[bytes, bytes], says: str, tmp_path: Path
) -> None:
    command = [os.fsencode(sys.executable), b"-m", b"redraft.flows.cli.main", *arguments]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environb, **env}, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().startswith(says)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["generate", "--db", "a" * 300], "can't be opened (File name too long): name another file with --db"),
        (["query", "FROM runs", "--db", "a" * 300], "can't be opened (File name too long)"),
        (["generate", "a" * 300 + ".jsonl"], "can't be read (File name too long): name another file"),
        (["generate", "--strategy", "a" * 300], "or your own as path.py:function"),
        (["schedule", "a" * 300], "cannot be written: File name too long"),
        (
            ["grade", "-3", "--answer", "3"],
            "write a text that begins with a dash after --, as in `redraft grade ... --",
        ),
        (["grade", "x", "--choices", "[1, 2]"], "--choices belong to one reply"),
        (["import", "nowhere.jsonl", "--format", "chats"], "no file nowhere.jsonl: check the name"),
        (["query", "FROM runs"], "run `redraft generate` or `redraft import` first"),
    ],
)
async def test_more_mistakes_in_one_line(commands: Any, arguments: list[str], says: str) -> None:
    code, out, err = await commands(arguments, {})
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert len(err) < 800


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["store", "copy", "nowhere.duckdb", "new/"], "`redraft generate` or `redraft import` first, or name one\n"),
        (["store", "copy", "nowhere/", "new.duckdb"], "`redraft generate` or `redraft import` first, or name one\n"),
        (["store", "copy", "a" * 300, "new/"], "can't be opened (File name too long): name another file\n"),
        (["store", "compact", "nowhere/"], "`redraft generate` or `redraft import` first, or name one\n"),
        (["store", "copy", "rows.jsonl", "new/"], "name another file\n"),
    ],
)
async def test_no_cure_names_an_option_that_the_command_lacks(
    commands: Any, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    code, out, err = await commands(arguments, {})
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.endswith(says), err
    assert "--" not in err


def test_an_option_that_a_command_has_stays_in_its_cures() -> None:
    @click.group()
    def group() -> None: ...

    @group.command()
    @click.option("--db")
    def part(db: str) -> None: ...

    told = "name another with --db, or name another with --model, or set it with --prices IN,OUT"
    short = "name another with --db, or name another, or set it with --prices IN,OUT"
    assert without_others(told, part) == without_others(told, group) == short
    assert without_others(told, None) == told
