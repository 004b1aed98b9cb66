"""Measures the readability of the repository, each measure with its limit: `make measures`.

    python tools/measure.py               # prints them; fails if one exceeds its limit
    python tools/measure.py --base REV    # also prints those of a revision

A limit that differs from the aim is a ratchet: when the measure improves, write the new number here.
"""

import argparse
import ast
import io
import subprocess
import sys
import tarfile
import tempfile
import tokenize
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

ROOMS = ("agents", "flows", "graders", "llm", "store")
FOLDERS = (*ROOMS, "tests", "bench", "examples", "tools")
Sources = Mapping[PurePosixPath, str]

SHARED_NAMES: Mapping[tuple[str, str], str] = {
    (
        "agents",
        "critic",
    ): "the part of that name: the protocol of critics, and the feedback that asks one",
    ("agents", "final_answer"): "chooses the answer when the work on a question has ended",
    ("agents", "none"): "the part of that name: it does nothing",
    ("agents", "prm"): "the part of that name: it decides by a process reward model",
    ("flows", "accuracy"): "shares of right answers, as numbers and as a picture",
    ("flows", "command"): "the part of that name: it runs a program of the user",
    ("flows", "report"): "a result in words, for terminals, Markdown and notebooks",
    ("flows", "result"): "what the stage returns, and how it is shown",
    ("flows/viewer", "charts"): "the charts of a store: what they show, and how they are drawn",
    ("llm/providers", "errors"): "the route's failures as ModelErrors",
    ("llm/providers", "learned"): "what was learned of a model in earlier calls",
    ("llm/providers", "model"): "the route's Model",
    ("llm/providers", "prompts"): "messages as the text that the model reads",
    ("llm/providers", "replies"): "reads the route's replies",
    ("llm/providers", "reward_model"): "the route's reward models",
}
"""File names that sibling folders may share, by the parent folder, with the common meaning of the name."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number about the repository. It fails if it exceeds `limit`; `aim` is its target."""

    title: str
    value: Callable[["Repository"], float]
    limit: float
    aim: float
    better: Literal["lower", "higher"] = "lower"
    detail: Callable[["Repository"], list[str]] = lambda _: []

    def fails(self, found: float) -> bool:
        return found > self.limit if self.better == "lower" else found < self.limit


@dataclass(frozen=True, slots=True)
class Repository:
    """The Python files of a folder by their paths, and the README."""

    sources: Sources
    readme: str

    @classmethod
    def read(cls, root: Path) -> "Repository":
        files = (file for folder in FOLDERS for file in sorted((root / folder).rglob("*.py")))
        sources = {PurePosixPath(file.relative_to(root).as_posix()): file.read_text("utf-8") for file in files}
        return cls(sources, (root / "README.md").read_text("utf-8"))

    @property
    def rooms(self) -> Sources:
        return {path: text for path, text in self.sources.items() if path.parts[0] in ROOMS}


def folder_sizes(repository: Repository) -> Counter[str]:
    """Returns the number of Python files in each folder, without `__init__.py` and `__main__.py`."""
    return Counter(str(path.parent) for path in repository.sources if not path.stem.startswith("__"))


def largest_folder(repository: Repository) -> float:
    return max(folder_sizes(repository).values(), default=0)


def words(repository: Repository) -> set[str]:
    """Returns the distinct words in the file names of the five packages, without `__init__`."""
    return {word for path in repository.rooms if path.stem != "__init__" for word in path.stem.split("_") if word}


def words_per_file(repository: Repository) -> float:
    """Returns the distinct words in file names per file. A new field of work needs new words, so a limit on the count
    alone would forbid it."""
    files = sum(path.stem != "__init__" for path in repository.rooms)
    return round(len(words(repository)) / max(files, 1), 2)


def single_words(repository: Repository) -> list[str]:
    """Returns the words that occur in only one file name, by package. They are the first candidates for replacement by
    a known word."""
    known = words(repository)
    files: defaultdict[str, list[PurePosixPath]] = defaultdict(list)
    for path in repository.rooms:
        for word in set(path.stem.split("_")) & known:
            files[word].append(path)
    rooms: defaultdict[str, list[str]] = defaultdict(list)
    for word, paths in sorted(files.items()):
        if len(paths) == 1:
            rooms[paths[0].parts[0]].append(word)
    return [f"{room}: {' '.join(found)}" for room, found in sorted(rooms.items())]


def shared_names(repository: Repository) -> list[str]:
    """Returns the file names that two sibling folders share and that SHARED_NAMES does not list."""
    folders: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for path in repository.rooms:
        if not path.stem.startswith("__") and len(path.parts) > 2:
            folders[str(path.parent.parent), path.stem].append(path.parent.name)
    return sorted(
        f"{above}/{{{','.join(sorted(names))}}}/{stem}.py"
        for (above, stem), names in folders.items()
        if len(names) > 1 and (above, stem) not in SHARED_NAMES
    )


def imports(repository: Repository) -> dict[str, set[str]]:
    """Returns a dict from each module to the modules of this repository that it imports, including imports inside
    functions."""
    modules = {module_name(path): text for path, text in repository.rooms.items()}
    return {name: set(_imported(ast.parse(text), modules)) - {name} for name, text in modules.items()}


def module_name(path: PurePosixPath) -> str:
    """Returns `redraft.agents.build` for `agents/build.py`, and `redraft.agents` for `agents/__init__.py`."""
    parts = path.with_suffix("").parts
    return ".".join(["redraft", *(parts[:-1] if parts[-1] == "__init__" else parts)])


def circles(repository: Repository) -> list[list[str]]:
    """Returns the groups of modules that import each other: the strongly connected components with more than one
    module."""
    graph = imports(repository)
    reachable = {name: _reachable(graph, name) for name in graph}
    groups = {
        frozenset({name, *(other for other in reachable[name] if name in reachable[other])})
        for name in graph
        if name in reachable[name]
    }
    return sorted(sorted(group) for group in groups)


def code_lines(text: str) -> int:
    """Returns the number of lines with code: not blank, not a comment, and not part of a docstring."""
    quiet = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {line for each in tokens if each.type not in quiet for line in range(each.start[0], each.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def tests_to_code(repository: Repository) -> float:
    """Returns the lines of code in tests/ divided by those in the five packages, to three digits."""
    tests = sum(code_lines(text) for path, text in repository.sources.items() if path.parts[0] == "tests")
    code = sum(map(code_lines, repository.rooms.values()))
    return round(tests / code, 3) if code else 0.0


def _imported(tree: ast.AST, modules: Mapping[str, str]) -> Iterator[str]:
    """Yields the modules that a syntax tree imports, without imports only for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in inner if name in modules)
            if node.module in modules and not all(name in modules for name in inner):
                yield node.module
        else:
            yield from _imported(node, modules)


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """Returns the modules that importing `start` imports."""
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(graph[name])
    return found


MEASURES = (
    Measure(
        "Python files in the largest folder",
        largest_folder,
        limit=14,
        aim=14,
        detail=lambda r: [f"{folder}: {n}" for folder, n in folder_sizes(r).most_common(5)],
    ),
    Measure(
        "Circles of imports between modules",
        lambda r: len(circles(r)),
        limit=0,
        aim=0,
        detail=lambda r: [" <-> ".join(group) for group in circles(r)],
    ),
    Measure(
        "Different words in the file names of the rooms, for a file",
        words_per_file,
        limit=0.65,
        aim=0.6,
        detail=single_words,
    ),
    Measure(
        "File names that sibling folders share, unexplained",
        lambda r: len(shared_names(r)),
        limit=0,
        aim=0,
        detail=shared_names,
    ),
    Measure("Lines of tests for a line of code", tests_to_code, limit=1.0, aim=1.0, better="higher"),
    Measure("Words in the README", lambda r: len(r.readme.split()), limit=1200, aim=1000),
)


def at_revision(root: Path, revision: str) -> Repository:
    """Returns the repository at a revision."""
    archive = subprocess.run(["git", "-C", root, "archive", revision], capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
        return Repository.read(Path(folder))


def report(now: Repository, before: Repository | None = None) -> tuple[list[str], bool]:
    """Returns the lines of the table, and True if every measure is within its limit."""
    head = f"{'':<52}{'before':>9}{'now':>9}{'limit':>9}{'aim':>9}"
    lines = [head if before else head.replace("   before", "")]
    good = True
    for measure in MEASURES:
        found = measure.value(now)
        numbers = [*([measure.value(before)] if before else []), found, measure.limit, measure.aim]
        fails = measure.fails(found)
        good = good and not fails
        lines.append(f"{measure.title:<52}" + "".join(f"{number:>9g}" for number in numbers) + " FAILS" * fails)
        lines += [f"    {line}" for line in measure.detail(now) if fails]
    return lines, good


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--base", metavar="REV", help="a revision whose measures are printed beside those of now")
    base = parser.parse_args().base
    root = Path(__file__).resolve().parents[1]
    lines, good = report(Repository.read(root), at_revision(root, base) if base else None)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
