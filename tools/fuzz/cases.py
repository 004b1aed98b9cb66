"""The inputs: the arguments, variables and files of one command. Each is a valid input with random changes."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from mutations import TEXTS, VALUES, mutated_bytes, mutated_text, mutated_value, rows_text

if TYPE_CHECKING:
    from template import Template

DB = "redraft.duckdb"
GENERATE = ("generate", "builtin:levels=1", "--limit", "2", "--strategy", "greedy", "--max-tokens", "20")
TEMPLATE = "template"  # the kind of valid inputs from which all others are made
REAL_SHARE = 0.02  # the share of inputs that are run as separate processes


@dataclass(frozen=True, slots=True)
class Case:
    """One input. `interrupt_s` is the time of Ctrl-C in seconds after the start, or None for no Ctrl-C."""

    number: int
    kind: str
    arguments: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    real: bool = False
    interrupt_s: float | None = None

    @property
    def texts(self) -> list[str]:
        """Returns all texts that the user gave."""
        return [*self.arguments, *self.env.values()]


def make_case(seed: int, number: int, template: "Template", kind: str | None = None) -> Case:
    """Returns the input with this number. The same seed and number give the same input."""
    chance = Random(f"{seed}/{number}")
    kind = kind or chance.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
    made = KINDS[kind][1](chance, template)
    real = kind == "interrupt" or chance.random() < REAL_SHARE
    return Case(number, kind, tuple(made.pop("arguments")), real=real and _can_be_run(made), **made)


def _can_be_run(made: Mapping[str, Any]) -> bool:
    """Returns True if the system can start a process with these texts, which must have no null character."""
    return not any("\0" in value for value in made.get("env", {}).values())


def _options(chance: Random, command: str, most: int) -> list[str]:
    """Returns some options of a command, with valid or invalid values."""
    from redraft.flows.cli.main import cli

    found: list[str] = []
    there = cli.get_command(None, command)  # type: ignore[arg-type]
    named = [one for one in (there.params if there else []) if one.opts[0].startswith("--") and one.name != "folder"]
    for one in chance.sample(named, min(len(named), chance.randint(0, most))):
        if getattr(one, "is_flag", False):
            found.append(one.opts[0])
        else:
            found += [one.opts[0], chance.choice([chance.choice(TEXTS), mutated_text(chance, str(one.default or "x"))])]
    return found


SMALL: Mapping[str, list[str]] = {
    "generate": ["builtin:levels=1", "--limit", "1", "--samples", "1", "--max-tokens", "3", "--patience", "0"],
    "solve": ["1 + 1?", "--max-tokens", "3", "--no-store"],
    "import": ["rows.jsonl", "--format", "chats"],
    "annotate": ["--limit", "1", "--grader", "likelihood"],
    "label": ["--from", "rows.jsonl", "--by", "me"],
    "evaluate": ["builtin:levels=1", "--limit", "1", "--samples", "1", "--max-tokens", "3", "--baseline", "0"],
    "export": ["out.jsonl"],
    "filter": [],
    "grade": ["It is 2.", "--answer", "2"],
    "query": ["FROM runs"],
    "train": ["rows.jsonl", "--out", "tuned"],
    "tree": [],
    "doctor": [],
    "schedule": ["made.yaml"],
    "strategies": [],
}
"""Each command with arguments that make it end soon."""


def _arguments(chance: Random, template: "Template") -> dict[str, Any]:
    command = chance.choice(list(SMALL))
    given = [command, *SMALL[command], *_options(chance, command, 3)]
    if chance.random() < 0.4:
        at = chance.randrange(len(given))
        given[at] = mutated_text(chance, given[at])
    if chance.random() < 0.1:
        given.append(chance.choice(TEXTS))
    files = {"rows.jsonl": rows_text([{"prompt": "1+1?", "completion": "2"}])}
    return {"arguments": given, "files": {**files, **_store(chance, template)}}


def _store(chance: Random, template: "Template") -> dict[str, bytes]:
    """Returns the template's store as a file, or no file."""
    return {DB: template.store} if chance.random() < 0.6 else {}


def _encoded(chance: Random, rows: list[Any], name: str) -> dict[str, bytes]:
    """Returns rows as a file in one of the formats. Its bytes may be corrupted too."""
    ending = chance.choice(["jsonl", "jsonl", "json", "csv", "parquet"])
    if ending == "jsonl":
        data = rows_text(rows)
    elif ending == "json":
        data = json.dumps(chance.choice([rows, {"data": rows}, {"version": 1, "rows": rows}])).encode()
    elif ending == "csv":
        data = _csv(rows)
    else:
        data = _parquet(rows)
    if chance.random() < 0.35:
        data = mutated_bytes(chance, data)
    return {f"{name}.{ending}": data}


def _csv(rows: list[Any]) -> bytes:
    text = io.StringIO()
    objects = [row for row in rows if isinstance(row, dict)]
    header = list({name: None for row in objects for name in row})
    writer = csv.writer(text)
    writer.writerow(header)
    for row in objects:
        writer.writerow([one if isinstance(one := row.get(name, ""), str) else json.dumps(one) for name in header])
    return text.getvalue().encode("utf-8", "surrogatepass")


def _parquet(rows: list[Any]) -> bytes:
    """Returns a Parquet file of those rows that have only scalar cells, lists of strings, or JSON strings."""
    import pyarrow
    from pyarrow import parquet

    objects = [row for row in rows if isinstance(row, dict)]
    names = list({name: None for row in objects for name in row})
    columns = {
        name.encode("utf-8", "replace").decode(): pyarrow.array([_plain(row.get(name)) for row in objects])
        for name in names
    }
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue().to_pybytes()


def _plain(value: Any) -> str | None:
    text = value if isinstance(value, str | None) else json.dumps(value)
    return text and text.encode("utf-8", "replace").decode()


def _source(chance: Random, template: "Template") -> dict[str, Any]:
    from template import problems

    rows = chance.sample(problems(), chance.randint(1, 4))
    rows = [mutated_value(chance, row) if chance.random() < 0.7 else row for row in rows]
    files = _encoded(chance, rows, "problems_test")
    given = ["generate", *files, "--strategy", "greedy", "--limit", "1", "--max-tokens", "2"]
    given += ["--skip-bad"] if chance.random() < 0.5 else []
    if chance.random() < 0.15:
        given += ["--question-column", chance.choice([*TEXTS[:40], "question", "prompt,answer"])]
    return {"arguments": given, "files": files}


def _import(chance: Random, template: "Template") -> dict[str, Any]:
    from template import labelled

    reader, rows = chance.choice(list(labelled().items()))
    rows = [mutated_value(chance, row) if chance.random() < 0.8 else row for row in rows]
    files = _encoded(chance, rows, "rows")
    given = ["import", *files, "--format", reader]
    given += ["--skip-bad"] if chance.random() < 0.5 else []
    return {"arguments": given, "files": files}


def _grade(chance: Random, template: "Template") -> dict[str, Any]:
    from template import replies

    rows = [mutated_value(chance, row) if chance.random() < 0.8 else row for row in replies()]
    files = _encoded(chance, rows, "replies")
    return {"arguments": ["grade", *files, *(["--json"] if chance.random() < 0.5 else [])], "files": files}


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return json.dumps(value) if not isinstance(value, float) else str(value)


def _toml(chance: Random, template: "Template") -> dict[str, Any]:
    from redraft.flows.cli.main import cli

    command = chance.choice(["generate", "query", "export", "filter", "grade", "import", "solve"])
    there = cli.get_command(None, command)  # type: ignore[arg-type]
    names = [one.opts[0][2:] for one in (there.params if there else []) if one.opts[0].startswith("--")]
    lines = []
    for name in chance.sample(names, min(len(names), chance.randint(1, 3))):
        value = chance.choice([
            *map(_toml_value, VALUES), "2026-01-01", "1979-05-27T07:32:00Z", "07:32:00", "inf", "-nan", "0x1F", "1_000",
            "'''a\nb'''", "[1, 2]", "{a = 1}", json.dumps(chance.choice(TEXTS)),
        ])  # fmt: skip
        lines.append(f"{chance.choice([name, name.replace('-', '_')])} = {value}")
    data = "\n".join(lines).encode("utf-8", "surrogatepass")
    if chance.random() < 0.2:
        data = mutated_bytes(chance, data)
    files = {"redraft.toml": data, "rows.jsonl": rows_text([{"prompt": "1+1?", "completion": "2"}])}
    given = [command, *SMALL[command]]
    return {"arguments": given, "files": {**files, **_store(chance, template)}}


def _environment(chance: Random, template: "Template") -> dict[str, Any]:
    from redraft.flows.cli.main import cli

    command = chance.choice(["generate", "query", "export", "filter", "grade", "import"])
    there = cli.get_command(None, command)  # type: ignore[arg-type]
    names = [str(one.envvar) for one in (there.params if there else []) if one.envvar]
    env = {name: chance.choice(TEXTS) for name in chance.sample(names, chance.randint(1, 3))}
    files = {"rows.jsonl": rows_text([{"prompt": "1+1?", "completion": "2"}])}
    return {"arguments": [command, *SMALL[command]], "env": env, "files": {**files, **_store(chance, template)}}


SQL = (
    "FROM runs", "SELECT count(*) FROM trajectories", "FROM pass_at_k", "FROM corrections", "FROM costs",
    "FROM labels", "SELECT unit_id, answer FROM trajectories WHERE correct ORDER BY unit_id", "SELECT 1 AS a, 1 AS a",
    "SELECT 'x'::INT", "SELECT DATE '294247-01-10'", "SELECT 'infinity'::TIMESTAMP", "SELECT INTERVAL '9999999' YEAR",
    "SELECT '\\xff'::BLOB", "SELECT 1e308 * 10, 'nan'::DOUBLE", "SELECT map {'a': [1, NULL]}",
    "SELECT repeat('x', 9999)", "FROM range(3000)", "SELECT 170141183460469231731687303715884105727::HUGEINT",
    "SELECT [NULL]", "SELECT NULL", "CREATE TABLE x (a INT)", "DROP TABLE raw.calls", "COPY runs TO 'x.csv'",
    "FROM 'rows.jsonl'", "ATTACH 'x.db'", "SET threads = 1", "PRAGMA version", "INSTALL httpfs",
    "SELECT getenv('HOME')", "FROM read_text('/etc/passwd')", "SELECT '-infinity'::DATE", "SELECT TIME '24:00:00'",
    "SELECT uuid()", "SELECT '1'::BIT", "SELECT {'a': 1}.b", "PIVOT runs ON stage USING count(*)", "DESCRIBE runs",
    "SHOW TABLES", "EXPLAIN FROM runs", "SELECT error('x')", "SELECT '2026-01-01 00:00:00+00'::TIMESTAMPTZ",
    "SELECT TIMETZ '12:00:00+15:59:59'", "SELECT 1 / 0", "SUMMARIZE runs",
)  # fmt: skip


def _sql(chance: Random, template: "Template") -> dict[str, Any]:
    sql = chance.choice(SQL)
    sql = mutated_text(chance, sql) if chance.random() < 0.5 else sql
    shape = chance.choice(
        [[], ["--csv"], ["--json"], ["--parquet", "out.parquet"], ["--parquet", chance.choice(TEXTS)]]
    )
    if chance.random() < 0.2:
        return {"arguments": ["annotate", *SMALL["annotate"], "--where", sql], "files": {DB: template.store}}
    return {"arguments": ["query", sql, *shape], "files": {DB: template.store}}


def _journal(chance: Random, template: "Template") -> dict[str, Any]:
    lines = list(template.lines)
    at = chance.randrange(len(lines))
    way = chance.random()
    if way < 0.4:
        lines[at] = json.dumps(mutated_value(chance, json.loads(lines[at]))).encode() + b"\n"
    elif way < 0.7:
        lines[at] = chance.choice(
            [b"[]\n", b"3\n", b'"call"\n', b"[" * 5000 + b"\n", b"\n", b'{"call": 3}\n', b"\xff\n"]
        )
    data = b"".join(lines)
    data = mutated_bytes(chance, data) if way >= 0.7 else data
    files = {f"{DB}.journal/{template.journal}": data}
    command = chance.choice([GENERATE, GENERATE, ("doctor",), ("query", "FROM runs")])
    return {"arguments": command, "files": {**files, **({DB: template.store} if command[0] != "generate" else {})}}


def _broken_store(chance: Random, template: "Template") -> dict[str, Any]:
    data = chance.choice([
        mutated_bytes(chance, template.store), template.store[: chance.randrange(len(template.store))], b"",
        b"SQLite format 3\0" + b"\0" * 4096, b"x" * 12288, template.store[:4096],
    ])  # fmt: skip
    command = chance.choice([
        ["query", "FROM runs"], ["export", "out.jsonl"], ["filter"], GENERATE, ["tree"], ["doctor"],
        ["annotate", *SMALL["annotate"]], ["query", "FROM trajectories", "--parquet", "x.parquet"],
    ])  # fmt: skip
    return {"arguments": command, "files": {DB: data}}


def _interrupt(chance: Random, template: "Template") -> dict[str, Any]:
    rows = rows_text([{"prompt": f"{n}+1?", "completion": "2", "label": 1} for n in range(3000)])
    graded = rows_text([{"reply": f"It is {n}.", "answer": "2"} for n in range(3000)])
    command = chance.choice([
        ["generate", "--limit", "20"], ["import", "rows.jsonl", "--format", "chats"], ["grade", "graded.jsonl"],
        ["query", "SELECT count(*) FROM range(100000000000)"], ["export", "out.jsonl"], ["solve", "1 + 1?"],
    ])  # fmt: skip
    files = {"rows.jsonl": rows, "graded.jsonl": graded, DB: template.store}
    return {"arguments": command, "files": files, "interrupt_s": chance.choice([0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0])}


Maker = Callable[[Random, "Template"], dict[str, Any]]
KINDS: Mapping[str, tuple[float, Maker]] = {
    "arguments": (20, _arguments),
    "source": (18, _source),
    "import": (18, _import),
    "grade": (8, _grade),
    "toml": (10, _toml),
    "environment": (7, _environment),
    "sql": (10, _sql),
    "journal": (4, _journal),
    "store": (4, _broken_store),
    "interrupt": (1, _interrupt),
}
"""The kinds of inputs: the percentage of each kind, and the function that makes one."""
