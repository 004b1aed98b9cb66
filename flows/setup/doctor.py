"""Checks the installation, the model and the store, and names a cure for each fault."""

import platform
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from redraft.flows.fleet.worker_report import abandoned, budgets, workers
from redraft.graders.answers.checker import Checker
from redraft.graders.programs.bubblewrap import unavailable
from redraft.graders.programs.result import SandboxError
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.capabilities import Capabilities, Continuing
from redraft.llm.limits import amount_text
from redraft.llm.model import Message, Model, ModelError, Request
from redraft.llm.prompts.templates import fill
from redraft.llm.providers.route import route
from redraft.llm.providers.shared.redaction import redact_addresses
from redraft.store.ducklake.address import is_ducklake
from redraft.store.errors import RedraftError, plural
from redraft.store.journal_files import has_answer, is_locked, run_files
from redraft.store.tables.store import Store
from redraft.store.trajectory import Verdict
from redraft.store.waiting import off_loop


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `ok` is None if the result is only information. `cure` describes how to repair a
    fault."""

    about: str
    says: str
    ok: bool | None = True
    cure: str = ""


async def examine(*, db: str, model: str = "embedded", api_base: str | None = None) -> list[Finding]:
    """Runs all checks, which takes seconds, and returns the findings. A fault that a check finds is a Finding, not an
    exception."""
    return [
        *installed(),
        *await answers(model, api_base),
        await compares(),
        await runs_programs(),
        *await off_loop(holds, db),
    ]


def installed() -> list[Finding]:
    """Returns the versions of redraft, of Python, and of the packages that redraft needs."""
    system = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    found = [Finding("redraft", f"{version('redraft')}, {system}")]
    present, missing = [], []
    for name in NEEDED:
        try:
            present.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    found.append(Finding("packages", ", ".join(present)))
    if missing:
        found.append(Finding("packages", f"not installed: {', '.join(missing)}", False, "install redraft anew"))
    return found


async def answers(name: str, api_base: str | None) -> list[Finding]:
    """Calls the model for one token (the embedded model for one draft). Returns findings with its reply and its
    capabilities."""
    start = time.perf_counter()
    try:
        asked = route(name, api_base)
        try:
            reply = await asked.complete(_request(asked))
            seconds = time.perf_counter() - start
            able = await asked.probe()
        finally:
            await asked.close()
    except ModelError as error:
        cure = "" if "Set " in str(error) or api_base else "name another with --model"
        return [Finding("model", f"{redact_addresses(name)} does not answer: {error}", False, cure)]
    choice = reply.choices[0]
    words = " ".join((choice.text or choice.thinking).split())
    return [
        Finding("model", f"{name} answers: {choice.tokens} tokens in {seconds:.2f} s: {words[:60]!r}"),
        Finding("abilities", can(able)),
    ]


def can(able: Capabilities) -> str:
    """Returns one line with the capabilities that a model has, the capabilities that redraft works around, and the
    capabilities that are not known yet. Sampling parameters, such as top-p, are named only if it is known whether they
    are supported, because redraft tests them when a run first uses them."""
    by_word: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for field, words in ABILITIES.items():
        by_word[getattr(able, field)].append(words)
    going_on = able.continuing
    by_word[None if going_on is None else going_on is not Continuing.NONE].append(
        f"going on from a draft{f' ({going_on})' if going_on not in (None, Continuing.NONE) else ''}"
    )
    by_word[True] += [words for field, words in DRAWING.items() if getattr(able, field)]
    refused = [words for field, words in DRAWING.items() if getattr(able, field) is False]
    told = [f"{lead}{', '.join(by_word[known])}" for known, lead in LEADS.items() if by_word[known]]
    return "; ".join([*told, *([f"refused: {', '.join(refused)}"] if refused else [])])


async def compares() -> Finding:
    """Tests that the oracle's checker considers two notations of half of x equal."""
    async with Checker() as checker:
        ruling = await checker.equal(r"\frac{x}{2}", "0.5x")
    if ruling.verdict is Verdict.RIGHT:
        return Finding("oracle", r"Math-Verify finds that \frac{x}{2} is 0.5x")
    return Finding(
        "oracle", f"Math-Verify does not work: {ruling.reason or ruling.verdict}", False, "install redraft anew"
    )


async def runs_programs() -> Finding:
    """Tests that the sandbox runs a program, and that CPython can be confined for programs that Monty does not
    support."""
    try:
        async with Sandbox(workers=1) as sandbox:
            outcome = await sandbox.run("6 * 7")
    except SandboxError as error:
        return Finding("sandbox", str(error), False, "install redraft anew")
    if outcome.value != 42:
        return Finding("sandbox", f"Monty does not work: {outcome.error}", False, "install redraft anew")
    reason = await off_loop(unavailable)
    if reason:
        return Finding("sandbox", f"Monty runs programs, and nothing runs what it lacks: {reason}")
    return Finding("sandbox", "Monty runs programs, and CPython what it lacks with --sandbox cpython")


def holds(db: str) -> list[Finding]:
    """Returns findings about the store's rows, runs and units, its journals, and the free space of its disk."""
    if not is_ducklake(db) and not Path(db).exists():
        return [Finding("store", f"{db} does not exist yet", None, "`redraft generate` makes it")]
    try:
        store = Store(db, create=False, patience=PATIENCE_S)
        rows = {name: store.query(f"SELECT count(*) FROM {name}").rows[0][0] for name in TABLES}
        runs = store.query("SELECT status, count(*) FROM runs GROUP BY status ORDER BY status").rows
        units = store.query(UNITS).rows
        size, facts = store.size() / 2**20, store.facts()
    except RedraftError as error:
        return [Finding("store", str(error), False)]
    found = [
        Finding("store", f"{db}, {size:.1f} MB: " + ", ".join(f"{count:,} {name}" for name, count in rows.items())),
        Finding("runs", ", ".join(f"{count:,} {status}" for status, count in runs) or "none"),
        Finding("units", ", ".join(f"{count:,} {status}" for status, count in units) or "none"),
    ]
    if any(status == "failed" for status, _ in units):
        found.append(Finding("units", "some failed", None, "the same command tries them again"))
    if facts:
        found.append(Finding("catalog", facts))
    found += _unfinished(store)
    found += shared(store)
    found += unregistered(store)
    free = shutil.disk_usage(store.place.absolute().parent).free / 2**30
    found.append(Finding("disk", f"{free:,.1f} GB free", free > LEAST_GB, "" if free > LEAST_GB else "free some space"))
    return found


def _unfinished(store: Store) -> list[Finding]:
    """Returns findings about killed runs and about journals with unused replies. A killed run still has the status
    "running", but no process has locked its journal. Such a journal has model replies that the run can use when it is
    continued."""
    killed, waiting = 0, 0
    at_work = {worker.recipe for worker in workers(store.leases_folder) if worker.alive}
    for (recipe,) in store.query(RUNNING).rows:
        path = store.journal_path(recipe)
        killed += recipe not in at_work and (path is None or not any(map(is_locked, run_files(path))))
    for path in store.journals.glob("*.jsonl") if store.journals else ():
        waiting += not is_locked(path) and has_answer(path)
    found = []
    if killed:
        told = f"{plural(killed, 'run')} ended without a word, killed or cut off"
        found.append(Finding("runs", told, None, "give the same command again: it goes on from there"))
    if waiting:
        told = f"{plural(waiting, 'journal')} with answers that are not in the store yet"
        found.append(Finding("journal", told, None, "give the same command again: it goes on from them"))
    return found


def shared(store: Store) -> list[Finding]:
    """Returns findings about the workers that share the store, about their versions, and about leases of runs that were
    stopped."""
    there = workers(store.leases_folder)
    found = [
        Finding("worker", str(worker), None if worker.cure else True, worker.cure)
        for worker in sorted(there, key=lambda worker: (worker.recipe, worker.facts.host, worker.facts.pid))
    ]
    versions = sorted({worker.facts.version for worker in there if worker.alive})
    if len(versions) > 1:
        told = f"workers of several versions: {', '.join(versions)}"
        found.append(Finding("versions", told, None, "they share the work; install one version before the next run"))
    at_work = {worker.recipe for worker in there if worker.alive}
    for recipe in abandoned(store.leases_folder):
        told = f"leases of recipe {recipe} are left, and no worker"
        found.append(Finding("leases", told, None, "the same command goes on, and removes them"))
    for folder, amounts in budgets(store.leases_folder, [worker.facts.name for worker in there if worker.alive]):
        recipe = folder.name.partition("-")[0]
        if recipe not in at_work:
            used = ", ".join(amount_text(what, amount) for what, amount in amounts.items() if amount) or "nothing"
            told = f"a stopped run of recipe {recipe} has used {used} of its budget"
            cure = f"the same command has the rest; to give it the whole budget, remove {folder}"
            found.append(Finding("budget", told, None, cure))
    return found


def unregistered(store: Store) -> list[Finding]:
    """Returns findings on the segments of a folder store that no entry of its log names, since a process was killed."""
    found = []
    for finished, state, cure in LEFTOVERS:
        ages = [leftover.age_s for leftover in store.leftovers() if leftover.is_finished == finished]
        if ages:
            told = f"{plural(len(ages), f'{state} segment')} of killed processes, up to {age_text(max(ages))} old"
            found.append(Finding("segments", told, None, cure.format(db=store.path)))
    return found


def age_text(seconds: float) -> str:
    """Returns an age in words, such as "3 minutes"."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}s"
    return plural(int(seconds), "second")


def _request(model: Model) -> Request:
    if model.name.partition(":")[0] != "embedded":
        return Request((Message("user", "Say yes."),), max_tokens=1)
    question = "Ann has 3 bags with 4 pens each. How many pens does Ann have?"
    return Request((Message("user", fill(model.templates["solve"], question=question)),), max_tokens=60, seeds=(0,))


ABILITIES = {
    "n": "several samples a call",
    "seed": "seeds",
    "logprobs": "log-probabilities",
    "stop": "stop strings",
    "stop_reason": "saying which",
    "schema": "JSON schemas",
    "temperature": "temperature",
}
DRAWING = {"top_p": "top-p", "top_k": "top-k", "min_p": "min-p", "beam": "beam search over tokens"}
LEADS: dict[bool | None, str] = {True: "", False: "worked around: ", None: "not known yet: "}
NEEDED = ("duckdb", "numpy", "tokenizers", "math-verify", "langgraph", "litellm", "aiohttp", "pydantic", "prefect")
TABLES = ("problems", "trajectories", "steps", "turns", "grades", "calls", "datasets")
LEFTOVERS = (
    (True, "unregistered", "nothing is lost: `redraft store compact {db}`, or what writes next, registers them"),
    (False, "unfinished", "the same command writes their units again, and removes them"),
)
"""The kinds of segments that killed processes left, and what becomes of them."""
LEAST_GB = 0.5
PATIENCE_S = 5.0  # the time limit in seconds for another process to release the store

RUNNING = """
SELECT recipe FROM runs GROUP BY recipe HAVING arg_max(status, run_id) = 'running'"""

UNITS = """
SELECT status, count(*) FROM (SELECT arg_max(status, attempt) AS status FROM raw.commits GROUP BY unit_id)
GROUP BY status ORDER BY status"""
