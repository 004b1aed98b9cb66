"""The user's own trainer: a real program, with what it is given, and what its faults are called."""

import asyncio
import json
import shlex
import sys
import time
from pathlib import Path

import pytest

from redraft.flows.trainers.command import command
from redraft.flows.trainers.trainer import Trained, TrainingError, TrainingTask
from redraft.store.errors import PartError

ECHO = """
import json, pathlib, sys
out = pathlib.Path(sys.argv[3])
out.mkdir()
(out / "given").write_text(json.dumps(sys.argv[1:]))
print("done")"""


def program(code: str, *places: str) -> str:
    return shlex.join([sys.executable, "-c", code.replace("{", "{{").replace("}", "}}"), *places])


def task(folder: Path, **given: object) -> TrainingTask:
    return TrainingTask(rows=folder / "rows.jsonl", base="mine/model-7b", out=folder / "a round" / "policy", **given)  # type: ignore[arg-type]


async def test_the_program_gets_the_places_and_its_folder_is_the_model(tmp_path: Path) -> None:
    said: list[str] = []
    line = program(ECHO, "{rows}", "{base}", "{out}", "{loss}", "--seed={seed}")
    found = await command(command=line)(task(tmp_path, loss="dpo", seed=3, say=said.append))
    out = str(tmp_path / "a round" / "policy")
    assert found == Trained(out)
    assert said == ["done"]
    given = json.loads(Path(out, "given").read_text())
    assert given == [str(tmp_path / "rows.jsonl"), "mine/model-7b", out, "dpo", "--seed=3"]


async def test_a_later_round_begins_with_the_folder_before_and_names_are_templates(tmp_path: Path) -> None:
    trainer = command(command=program(ECHO, "x", "{base}", "{out}"), model="hosted_vllm/{out}", base="weights-7b")
    first = await trainer(task(tmp_path))
    assert first.model == f"hosted_vllm/{tmp_path / 'a round' / 'policy'}"
    assert json.loads((tmp_path / "a round/policy/given").read_text())[1] == "weights-7b"
    (tmp_path / "two").mkdir()
    await trainer(task(tmp_path / "two", weights=tmp_path / "before"))
    assert json.loads((tmp_path / "two/a round/policy/given").read_text())[1] == str(tmp_path / "before")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (program("print('no room'); raise SystemExit(4)"), "ended with exit code 4: no room: mend it, and the same"),
        (program("import os; os.kill(os.getpid(), 9)"), "ended with signal 9: mend it"),
        (program("pass"), "ended without an error, but wrote nothing to .*policy: mend the command"),
        ("no-such-program {rows}", "no-such-program cannot be started .No such file or directory.: mend the trainer's"),
    ],
)
async def test_a_fault_is_one_line(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(TrainingError, match=says) as told:
        await command(command=line)(task(tmp_path))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "is empty: write a program with"),
        ("train 'a", "cannot be read: No closing quotation"),
        ("train {row}", "{row} in '{row}' is no place; there are rows"),
    ],
)
def test_a_command_that_cannot_be_run_is_told_at_once(line: str, says: str) -> None:
    with pytest.raises(PartError, match=says):
        command(command=line)


async def test_a_stopped_loop_ends_the_program_and_its_children(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    code = f"import time\nwhile True: open({str(alive)!r}, 'w').write(str(time.time())); time.sleep(.05)"
    line = shlex.join(["sh", "-c", program(code).replace("{{", "{").replace("}}", "}") + " & wait"])
    work = asyncio.create_task(command(command=line)(task(tmp_path)))
    while not alive.exists():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.02)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await asyncio.sleep(0.2)
    written = alive.read_text()
    time.sleep(0.3)  # noqa: ASYNC251 - nothing else runs
    assert alive.read_text() == written
