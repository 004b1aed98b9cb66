"""The house itself: one name a module, no heavy import on the way to a first answer, a wheel that works."""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("agents", "flows", "graders", "llm", "store")


def python(code: str, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | environment
    )
    return run.stdout.strip()


def test_no_module_is_loaded_under_two_names() -> None:
    """`store.trajectory` and `redraft.store.trajectory` would be two modules with two sets of classes."""
    doubled = [name for name in sys.modules if name.split(".")[0] in FOLDERS]
    assert doubled == []


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import redraft.flows.cli.main", ("duckdb", "litellm", "langgraph", "prefect", "numpy")),
        ("import redraft.flows.cli.commands.use.query", ("litellm", "langgraph", "prefect", "numpy")),
        ("import redraft.store.trajectory", ("duckdb",)),
        ("import redraft.flows.generate", ("litellm", "prefect")),
        ("import redraft.graders.oracle", ("sympy", "math_verify", "pydantic_monty")),
    ],
)
def test_what_is_not_needed_is_not_imported(code: str, heavy: tuple[str, ...]) -> None:
    loaded = python(f"{code}\nimport sys\nprint(*(m for m in {heavy!r} if m in sys.modules))")
    assert loaded == ""


@pytest.mark.parametrize(
    ("module", "homes"),
    [
        ("duckdb", ("store/",)),
        ("litellm", ("llm/providers/via_litellm/", "llm/providers/batch/litellm_batches.py")),
        ("langgraph", ("agents/",)),
        ("prefect", ("flows/scheduled.py", "flows/deployment/")),
        ("math_verify", ("graders/answers/math_verify_process.py",)),
        ("pydantic_monty", ("graders/programs/monty_process.py", "graders/programs/monty.py")),
        ("matplotlib", ("flows/plots/",)),
        ("openTSNE", ("flows/plots/",)),
        ("torch", ("llm/providers/embedded/training/", "flows/trainers/hugging_face/")),
        ("transformers", ("flows/trainers/hugging_face/",)),
        ("trl", ("flows/trainers/hugging_face/losses/",)),
        ("peft", ("flows/trainers/hugging_face/",)),
    ],
)
def test_a_third_party_has_one_home(module: str, homes: tuple[str, ...]) -> None:
    strangers = [
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if module in _imports(path) and not path.relative_to(ROOT).as_posix().startswith(homes)
    ]
    assert strangers == []


def _imports(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return {name.split(".")[0] for name in [*plain, *(n.module or "" for n in nodes if isinstance(n, ast.ImportFrom))]}


@pytest.mark.pairs
@pytest.mark.xdist_group("prefect_server")  # beside the tests of the schedule, which use the same environment
def test_a_wheel_works_in_a_clean_environment(
    installed: Path, dockerfile: Mapping[str, list[str]], tmp_path: Path
) -> None:
    """The wheel is built as the Dockerfile builds it, from what .dockerignore leaves, and used away from there."""
    context = installed.parents[1] / "context"
    assert [name for name in dockerfile["COPY"] if not (context / name).exists()] == []
    assert not {file.name for file in context.iterdir()} & {"tests", "docs", "demo", ".venv", ".git"}
    assert (installed / dockerfile["CMD"][0]).exists()
    run = subprocess.run(
        [installed / "redraft", "generate", "--limit", "2", "--samples", "2", "--db", "a.duckdb", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    counted = subprocess.run(
        [installed / "redraft", "query", "--db", "a.duckdb", "--csv", "select count(*) as n from trajectories"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert counted.stdout.split() == ["n", "4"]
    command = [installed / "redraft", "view", "--db", "a.duckdb"]
    viewed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    told = "redraft: no latex2mathml here, which pages need: pip install 'redraft[view]'\n"
    assert (viewed.returncode, viewed.stderr) == (2, told)
    [home] = installed.parent.glob("lib/python*/site-packages/redraft/flows/viewer")
    for folder in ("templates", "static"):
        assert sorted(file.name for file in (home / folder).iterdir()) == sorted(
            file.name for file in (ROOT / "flows" / "viewer" / folder).iterdir()
        )
