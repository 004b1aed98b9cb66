"""The command line as a real process: what it says, what it refuses, and in how many lines."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from redraft.flows.cli.main import MODULES, cli

Redraft = Callable[..., subprocess.CompletedProcess[str]]
Mistake = Callable[..., str]

TINY = ("generate", "builtin:levels=1", "--limit", "2", "--samples", "2", "--max-tokens", "60")


def test_redraft_alone_is_its_help(redraft: Redraft) -> None:
    alone = redraft()
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, redraft("--help").stdout, "")


def test_help_names_every_command_at_once(redraft: Redraft) -> None:
    shown = redraft("--help").stdout
    assert [command for command in MODULES if f"\n  {command} " not in shown] == []
    for command in ("generate", "query", "demo"):
        assert "Options:" in redraft(command, "--help").stdout


def test_every_option_says_what_it_does_and_has_its_variable(redraft: Redraft) -> None:
    context = cli.make_context("redraft", ["--help"], resilient_parsing=True)
    for name in MODULES:
        command = cli.get_command(context, name)
        assert command is not None
        assert (command.help or "").split("\n")[0].endswith((".", "'FROM runs'."))
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert getattr(parameter, "help", "").endswith(".")
                flag = parameter.opts[0].removeprefix("--").upper().replace("-", "_")
                assert parameter.envvar == f"REDRAFT_{flag}"


def test_generate_then_ask(redraft: Redraft, tmp_path: Path) -> None:
    done = redraft(*TINY, "--set", "feedback=oracle")
    assert done.returncode == 0, done.stderr
    for line in ("first draft right", "last draft right", "pass@2", "majority", "tokens written", "redraft.duckdb"):
        assert line in done.stdout
    assert "2 problems: correct on embedded" in done.stderr
    assert redraft("query", "SELECT count(*) AS n FROM trajectories", "--csv").stdout == "n\n4\n"
    assert json.loads(redraft("query", "SELECT 1 AS a, 'b' AS c", "--json").stdout) == [{"a": 1, "c": "b"}]
    assert "│ 4 │" in redraft("query", "SELECT count(*) AS n FROM trajectories").stdout
    assert redraft("query", "FROM steps", "--parquet", "steps.parquet").returncode == 0
    assert duckdb.sql(f"SELECT count(*) > 4 FROM '{tmp_path / 'steps.parquet'}'").fetchall() == [(True,)]


def test_a_second_run_does_nothing_and_says_so(redraft: Redraft) -> None:
    first = json.loads(redraft(*TINY, "--json").stdout)
    second = redraft(*TINY, "--json")
    again = json.loads(second.stdout)
    events = [json.loads(line) for line in second.stderr.splitlines()]
    assert [event["event"] for event in events] == ["begin", "end"]
    assert (events[0]["problems"], events[0]["done"]) == (2, 2)
    assert (again["calls"], again["tokens"]) == (0, 0)
    assert first["tokens"] == first["all_tokens"] == again["all_tokens"] > 0
    kept = ("trajectories", "first", "last", "pass_at_k", "selectors")
    assert [first[name] for name in kept] == [again[name] for name in kept]


def test_two_runs_and_a_query_at_once(redraft: Redraft, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "redraft.flows.cli.main", *TINY, "--db", "shared.duckdb", "--seed"]
    redraft(*TINY, "--db", "shared.duckdb")
    runs = [subprocess.Popen([*command, seed], cwd=tmp_path, stderr=subprocess.DEVNULL) for seed in ("1", "2")]
    asked = 0
    while any(run.poll() is None for run in runs):
        answer = redraft("query", "SELECT count(*) AS n FROM trajectories", "--csv", "--db", "shared.duckdb")
        assert answer.returncode == 0, answer.stderr
        assert int(answer.stdout.split()[1]) % 2 == 0
        asked += 1
    assert [run.returncode for run in runs] == [0, 0]
    assert asked > 1
    answer = redraft("query", "SELECT count(*) AS n FROM trajectories", "--csv", "--db", "shared.duckdb")
    assert answer.stdout == "n\n12\n"


def test_the_same_job_twice_at_once_is_shared(redraft: Redraft, tmp_path: Path) -> None:
    job = ("generate", "--limit", "20", "--samples", "2")
    run = subprocess.Popen([sys.executable, "-m", "redraft.flows.cli.main", *job], cwd=tmp_path, stderr=subprocess.PIPE)
    _journal(tmp_path)
    second = redraft(*job, "--json")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["trajectories"] == 40
    assert run.wait(120) == 0
    answer = redraft("query", "SELECT count(*) AS n, count(DISTINCT unit_id) AS units FROM raw.commits", "--csv")
    assert answer.stdout == "n,units\n20,20\n"


def test_ctrl_c_keeps_what_is_finished(redraft: Redraft, tmp_path: Path) -> None:
    job = ("generate", "builtin:levels=1", "--limit", "60", "--samples", "2", "--concurrency", "2")
    command = [sys.executable, "-m", "redraft.flows.cli.main", *job, "--json"]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert run.stderr is not None
    while "unit" not in (line := run.stderr.readline()) or json.loads(line)["problems"] < 3:
        assert line
    run.send_signal(signal.SIGINT)
    out, rest = run.communicate(timeout=60)
    assert run.returncode == 130
    assert (out, "Traceback" in rest) == ("", False)
    assert json.loads(rest.strip().splitlines()[-1]) == {"event": "end", "status": "interrupted"}
    kept = int(redraft("query", "SELECT count(DISTINCT problem_id) AS n FROM trajectories", "--csv").stdout.split()[1])
    assert 3 <= kept < 60
    again = redraft(*job, "--json")
    assert json.loads(again.stderr.splitlines()[0])["done"] == kept
    assert json.loads(again.stdout)["trajectories"] == 120


def test_options_from_file_and_environment(redraft: Redraft, tmp_path: Path) -> None:
    (tmp_path / "redraft.toml").write_text(
        'db = "file.duckdb"\nmax-tokens = 60\nsamples = 3\nlimit = 1\n[set]\nturns = 1\n'
    )
    redraft("generate", "builtin:levels=1", "--samples", "2", env={"REDRAFT_SAMPLES": "4", "REDRAFT_SEED": "5"})
    config = redraft("query", "SELECT config FROM runs", "--json").stdout
    given = json.loads(json.loads(config)[0]["config"])
    assert (given["samples"], given["seed"], given["max_tokens"], given["arguments"]) == (2, 5, 60, {"turns": "1"})
    assert (tmp_path / "file.duckdb").exists()


def test_mistakes_in_the_file_of_options(mistake: Mistake, tmp_path: Path) -> None:
    file = tmp_path / "redraft.toml"
    file.write_text("sampels = 3\n")
    assert mistake("query", "FROM runs").startswith("redraft: redraft.toml: no option 'sampels'; there are again,")
    file.write_text("samples = [\n")
    assert "redraft.toml is no TOML: Invalid value" in mistake("generate")
    file.write_text('samples = "many"\n')
    assert "'many' is not a valid whole number" in mistake("generate")
    for line, says in {
        "top-p = [0.5]": "['0.5'] is a list, and this option takes one value",
        "max-tokens = 1.5": "'1.5' is not a valid whole number",
        "max-tokens = true": "'true' is not a valid whole number",
        "timeout = 2026-01-01": "'2026-01-01' is not a valid number",
        "batch = 3": "'3' is not a valid boolean",
        'db = ["a"]': "['a'] is a list, and this option takes one value",
        'db = ""': "no file is named: name one with --db",
        "temperature = inf": "inf is no finite number",
        "model = [[1], 2]": "'model' is a list in a list: give it one value, as on the command line",
        "filter = [{a = 1}]": "'filter' is a table: give it one value",
        "limit.a = 1": "'limit' is a table: give it one value",
        "max_tokens = 1\nmax-tokens = 2": "'max_tokens' and 'max-tokens' are the same option: keep one of them",
        'model = "a\\u0000b"': "'model' is a text with a zero byte",
        "seed = 9999-99-99": "redraft.toml is no TOML: Expected newline",
        "set = {a = [1, 2]}": "'set' is a list in a list",
    }.items():
        file.write_text(f"{line}\n")
        assert says in mistake("generate"), line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("generat",), "no command 'generat'; there are annotate, augment,"),
        (("generate", "--strategy", "gredy"), "or your own as path.py:function. Did you mean 'greedy'?"),
        (("generate", "--sample", "3"), "No such option '--sample'"),
        (("generate", "--samples", "0"), "0 is not in the range x>=1"),
        (("generate", "--set", "samples=3"), "'samples' is an option of its own: give it as --samples"),
        (("generate", "--temperature", "nan"), "nan is no finite number"),
        (("generate", "--budget-usd", "inf"), "inf is no finite number"),
        (("generate", "--prices", "2"), "'2' is not of the form IN,OUT"),
        (("generate", "--prompts", "none.toml"), "none.toml can't be read"),
        (("generate", "--batch"), "embedded has no batches"),
        (("generate", "--set", "turns"), "'turns' is not of the form key=value"),
        (("generate", "--set", "trns=2"), "no argument 'trns' of strategy 'correct'; there are agree, branches"),
        (("generate", "--set", "turns=two"), "turns='two' does not fit: it wants a whole number"),
        (("generate", "--set", "feedback=nope"), "no feedback 'nope'; there are critic, fixed, "),
        (("generate", "--strategy", "nope"), "no strategy 'nope'; there are "),
        (("generate", "--critic", "nope"), "no critic 'nope'; there are model, none"),
        (("generate", "--strategy", "best_of_n", "--grader", "mth"), "no grader 'mth'; there are implicit, judge"),
        (("generate", "nowhere.jsonl"), "no file nowhere.jsonl"),
        (("generate", "builtin:level=9"), "builtin has no setting 'level'"),
        (("generate", "--db", "no/such/folder.duckdb"), "there is no folder 'no/such'"),
        (("generate", "--db", "/proc/redraft.duckdb"), "/proc/redraft.duckdb"),
        (("solve", " "), "the question is empty"),
        (("query", "FROM runs"), "no database 'redraft.duckdb': run `redraft generate` or `redraft import` first"),
        (("export", "rows.jsonl"), "no database 'redraft.duckdb'"),
        (
            ("filter", "--filter", "corect"),
            "no filter 'corect'; there are agreement, answered, cap, chosen, contaminated, correct, difficulty,",
        ),
        (("query", "FROM runs", "--csv", "--json"), "use one of --csv, --json and --parquet"),
    ],
)
def test_a_mistake_is_one_line(mistake: Mistake, arguments: tuple[str, ...], says: str) -> None:
    assert says in mistake(*arguments)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("broken.jsonl", '{"question": "1+1?"}\n{"question": \n', "broken.jsonl, line 2: broken JSON"),
        ("empty.jsonl", '{"question": "1+1?"}\n{"question": " "}\n', "empty.jsonl, line 2: the question is empty"),
        ("twice.jsonl", '{"question": "1+1?"}\n{"question": "1+1?", "answer": 2}\n', "twice.jsonl, line 2: the same"),
        ("long.jsonl", '{"question": "1+1?"}\n{"question": "%s"}\n' % ("x" * 10_000_000), "long.jsonl, line 2: 9.5 MB"),
        ("wrong.csv", "frage,antwort\n1+1?,2\n", "wrong.csv, line 2: no column for the question among frage, antwort"),
        ("short.csv", "question,answer\n1+1?,2\n2+2?\n", "short.csv, line 3: 1 cell where the header has 2"),
        ("nothing.jsonl", "", "nothing.jsonl is empty"),
        ("odd.xlsx", "x", "odd.xlsx: no reader for '.xlsx'"),
    ],
    ids=["broken", "empty", "twice", "long", "wrong", "short", "nothing", "odd"],
)
def test_bad_rows_are_named_by_file_and_line(
    mistake: Mistake, redraft: Redraft, tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    assert says in mistake("generate", name)
    if text.startswith('{"question": "1+1?"}'):
        done = redraft("generate", name, "--skip-bad", "--samples", "1", "--max-tokens", "20", "--set", "turns=1")
        assert done.returncode == 0, done.stderr
        assert f"left out: {says}" in done.stderr
        assert redraft("query", "SELECT question FROM problems", "--csv").stdout == "question\n1+1?\n"


def test_columns_by_other_names(redraft: Redraft, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("frage,antwort\n1+1?,2\n")
    columns = ("--question-column", "frage", "--answer-column", "antwort")
    done = redraft("generate", "wrong.csv", *columns, "--samples", "1", "--max-tokens", "20", "--set", "turns=1")
    assert done.returncode == 0, done.stderr
    assert redraft("query", "SELECT question, answer FROM problems", "--csv").stdout == "question,answer\n1+1?,2\n"


def test_stores_that_are_none_of_ours(mistake: Mistake, redraft: Redraft, tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("not a database at all\n" * 1000)
    assert "text.duckdb: it is not a DuckDB database" in mistake("generate", "--db", "text.duckdb")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute("CREATE TABLE mine (a INTEGER)")
    assert "other.duckdb: it is a DuckDB database, but not one of redraft's" in mistake(
        "query", "FROM mine", "--db", "other.duckdb"
    )
    redraft("generate", "builtin:levels=1", "--limit", "1", "--samples", "1", "--max-tokens", "5")
    with duckdb.connect(str(tmp_path / "redraft.duckdb")) as newer:
        newer.execute("INSERT INTO raw.migrations VALUES (99, '099_later.sql', now()::TIMESTAMP)")
    assert "written by a newer redraft (schema 99" in mistake("generate")
    (tmp_path / "file").write_text("")
    assert "file/redraft.duckdb" in mistake("generate", "--db", "file/redraft.duckdb")


def test_a_full_disk_is_one_line_and_loses_nothing(redraft: Redraft, tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: writing fails in the same places."""
    job = ("generate", "builtin:levels=1", "--limit", "30", "--samples", "4", "--max-tokens", "60")
    limited = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000));"
    limited += f"from redraft.flows.cli.main import main; main({list(job)!r})"
    redraft("generate", "builtin:levels=1", "--limit", "1", "--samples", "1", "--max-tokens", "5")
    done = subprocess.run(
        [sys.executable, "-c", limited], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "can't be written" in done.stderr.splitlines()[-1] or "grow" in done.stderr.splitlines()[-1]
    again = redraft(*job, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["trajectories"] == 120


def test_no_key_is_one_line(redraft: Redraft) -> None:
    done = redraft("generate", "--model", "openai/gpt-4o", "--limit", "1", env={"OPENAI_API_KEY": ""})
    plan, line = done.stderr.splitlines()
    assert plan.startswith("1 problem: correct on openai/gpt-4o")
    assert line.startswith("redraft: openai refuses the key for openai/gpt-4o, or there is none.")
    assert done.returncode == 2


def _journal(folder: Path) -> None:
    end = time.monotonic() + 60
    while not list(folder.glob("*.journal/*.jsonl")) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
