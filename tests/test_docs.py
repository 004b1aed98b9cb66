"""Every command, query and program in the README and the guides runs, in order, in a folder that has the examples."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from redraft.flows.cli.main import MODULES
from redraft.store import Store
from redraft.store.plugins.discovery import KINDS, names

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(sh|python|sql|toml)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

README_WORDS = 1200
CELL_WORDS = 25

ELSEWHERE = {
    "make demo": "tests/flows runs the same `redraft demo`",
    "make test": "this very run",
    "make check": "what CI runs",
    "make train": "an hour; tests/llm compares its result",
    "make test-train": "needs PyTorch",
    "redraft self-train --model": "needs PyTorch and a server; tests/flows/self_training has a round of each kind",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "needs vLLM; `make test-servers` loads adapters into one",
    "redraft self-train --rounds 1": "needs PyTorch; tests/flows/self_training has a smaller one",
    "make rise": "half an hour; tests/train tunes and measures on less",
    "prefect server start": "tests/flows starts one",
    "python bad_night.py": "tests/flows does, with a webhook of its own",
    "docker": "needs Docker; tests/test_house.py builds the wheel from the same files",
    "prefect deploy": "tests/flows deploys to it",
    "prefect worker start": "tests/flows runs one",
    "prefect work-pool create": "tests/flows does",
    "prefect deployment run": "tests/flows does",
    "langgraph dev": "tests/agents/studio/test_langgraph_dev.py runs one, and the page's client against it",
    "python bench/": "benchmarks take minutes",
    "source .venv/bin/activate": "the tests' environment is active",
    "export PREFECT_API_URL": "tests/flows has a server of its own",
    "git clone": "this very folder",
    "pip install": "tests/test_house.py installs the wheel",
}
"""Commands that no test here runs, and who does."""


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    for match in BLOCK.finditer(page.read_text()):
        yield match[1], match[2] or "", match[3]


def commands(text: str) -> list[str]:
    """The lines of a shell block, without those that somebody else runs; a trailing backslash goes on."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [
        line for line in lines if line.strip() and not line.startswith("#") and not line.startswith(tuple(ELSEWHERE))
    ]


def plain(command: str) -> list[str]:
    """The arguments of a `redraft` command that needs no shell; none of another command, or of one with a pipe."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    program, *arguments = lexer
    shell = program != "redraft" or any(not set(one) - set("|&;<>()") for one in arguments if one)
    return [] if shell else arguments


@contextmanager
def redraft(folder: Path, environment: dict[str, str]) -> Iterator[Callable[[list[str]], None]]:
    """Runs the commands of a page in one process, which imports once what all of them need."""
    command = [sys.executable, ROOT / "tests" / "flows" / "cli_run.py"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout

        def ask(arguments: list[str]) -> None:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps([arguments, {}]) + "\n")
            process.stdin.flush()
            code, out, err = json.loads(process.stdout.readline())
            assert code == 0, f"redraft {' '.join(arguments)}\n{out[-2000:]}\n{err[-2000:]}"

        yield ask
        process.stdin.close()


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [shutil.which(command[0], path=environment["PATH"]) or command[0], *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_says_works(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A block with a title is a file. SQL asks the database that the page's commands made last. PostgreSQL is there for
    a page that makes a database of it."""
    found = list(blocks(page))
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": "100", "NO_COLOR": "1"}
    if any("\ncreatedb " in f"\n{text}" for language, _, text in found if language == "sh"):
        environment |= request.getfixturevalue("postgres").environment(path)
    with redraft(tmp_path, environment) as ask:
        for language, title, text in found:
            if title:
                (tmp_path / title).write_text(text)
            elif language == "sh":
                for command in commands(text):
                    if arguments := plain(command):
                        ask(arguments)
                    else:
                        run(["bash", "-c", command], tmp_path, environment)
            elif language == "python":
                run([sys.executable, "-c", text], tmp_path, environment)
            elif language == "sql":
                database = max(tmp_path.rglob("*.duckdb"), key=lambda file: file.stat().st_mtime)
                for query in filter(str.strip, text.split(";")):
                    Store(database, create=False).query(query)


def test_every_part_is_in_the_docs() -> None:
    """A strategy, grader, critic, feedback, filter or format that no page names cannot be found."""
    text = "\n".join(page.read_text() for page in PAGES)
    parts = {name for kind in KINDS for name in names(kind)}
    missing = sorted(part for part in parts if f"`{part}`" not in text)
    assert missing == []


def test_every_command_is_in_the_docs() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    assert [command for command in MODULES if f"redraft {command}" not in text] == []


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    for command in ("generate", "solve", "evaluate", "filter", "export", "train", "query", "doctor", "demo"):
        assert f"redraft {command}" in text


def test_the_readme_is_read_in_minutes() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= README_WORDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_table_cell_is_short(page: Path) -> None:
    """What takes a sentence or two more stands below the table."""
    cells = [cell for line in prose(page) if line.startswith("|") for cell in re.split(r"(?<!\\)\|", line)]
    assert [cell for cell in cells if len(cell.split()) > CELL_WORDS] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading of it."""
    lost = [
        f"{file}#{heading}" for file, heading in links(page) if not (file.exists() and heading_is_in(file, heading))
    ]
    assert lost == []


def test_every_page_is_linked_from_the_readme() -> None:
    """A page or an example that the README does not name is found by nobody."""
    linked = {file for file, _ in links(ROOT / "README.md")}
    there = {*PAGES, *(ROOT / "examples").glob("*.py")} - {ROOT / "README.md"}
    assert sorted(file.name for file in there - linked) == []


def test_every_example_is_linked_from_the_page_about_own_parts() -> None:
    linked = {file for file, _ in links(ROOT / "docs" / "your-own.md")}
    assert sorted(file.name for file in set((ROOT / "examples").glob("*.py")) - linked) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_a_page_names_exists(page: Path) -> None:
    """A figure's command or test, a module, a file of weights: all of them move, and the page has to follow."""
    text = page.read_text()
    rooms = "agents|bench|examples|flows|graders|llm|store|tests"
    files = re.findall(rf"(?<![\w/.])((?:{rooms})/[\w/-]+\.(?:py|jsonl?|npz|sql))\b", text)
    modules = re.findall(r"\bredraft((?:\.[a-z_0-9]+)+)\b(?!\.)", re.sub(r"redraft\.(sft|duckdb|toml)[\w.]*", "", text))
    assert [file for file in files if not (ROOT / file).exists()] == []
    assert [module for module in modules if not is_importable(f"redraft{module}")] == []


@pytest.mark.parametrize(
    ("page", "program", "missing"),
    [
        ("schedule.md", "bad_night.py", "Name the address of a webhook"),
        ("studio.md", "ask_person.py", "Name a question"),
    ],
)
def test_a_program_without_its_argument_says_what_is_missing(page: str, program: str, missing: str) -> None:
    [text] = [text for _, title, text in blocks(ROOT / "docs" / page) if title == program]
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(missing)
    assert done.stderr.count("\n") == 1


def test_the_tasks_of_a_slurm_array_share_the_problems(tmp_path: Path) -> None:
    """The script of the guide, by a shell in Slurm's place; the tasks of this array begin at 1."""
    page = (ROOT / "docs" / "schedule.md").read_text()
    [script] = re.findall(r"^```bash title=array\.slurm\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "array.slurm").write_text(script)
    rows = [json.dumps({"question": f"What is {n} + {n}?", "answer": str(2 * n)}) for n in range(5)]
    (tmp_path / "problems.jsonl").write_text("\n".join(rows) + "\n")
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for task in (1, 2):
        array = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_TASK_COUNT": "2", "PATH": programs}
        given = ["problems.jsonl", "--strategy", "greedy", "--max-tokens", "8"]
        run(["bash", "array.slurm", *given], tmp_path, {**os.environ, **array})
    solved = []
    for task in (1, 2):
        with Store(tmp_path / f"part-{task}.duckdb") as store:
            solved.append({question for (question,) in store.query("SELECT question FROM problems").rows})
    assert [len(one) for one in solved] == [3, 2]
    assert len(solved[0] | solved[1]) == 5


def test_every_picture_is_shown() -> None:
    shown = {file for page in PAGES for file, _ in links(page)}
    assert sorted(file.name for file in set((ROOT / "docs").glob("*.svg")) - shown) == []


def is_importable(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return is_importable(module) and hasattr(import_module(module), attribute)


def prose(page: Path) -> list[str]:
    """The lines of a page outside of its code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL).splitlines()


def links(page: Path) -> list[tuple[Path, str]]:
    """Each file of the repository that a page links or shows, and the heading in it, if the link names one."""
    found = re.findall(r'\]\(([^)\s]*)\)|<img src="([^"]*)"', "\n".join(prose(page)))
    targets = [(target or picture).partition("#") for target, picture in found]
    local = [(file, heading) for file, _, heading in targets if ":" not in file]
    return [((page.parent / file).resolve() if file else page, heading) for file, heading in local]


def heading_is_in(file: Path, heading: str) -> bool:
    """Whether a page has a heading with this anchor, made as public hosts of repositories make it."""
    titles = [line.lstrip("# ") for line in prose(file) if line.startswith("#")] if heading else []
    return not heading or heading in [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
