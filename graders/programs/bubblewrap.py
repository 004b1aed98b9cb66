"""Confines CPython with bubblewrap, if the system has it. A program sees no files except the interpreter and its
library, and has no network, no other processes and no privileges.

All mounts are read-only, the root is empty, and there is no /proc and no /dev. A system call filter forbids new
processes, sockets, and other calls that reach large parts of the kernel. bubblewrap needs user namespaces, which some
systems forbid.
"""

import os
import platform
import shutil
import struct
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import IO

WORKER = Path(__file__).with_name("cpython_process.py")


def command(filter_fd: int) -> list[str]:
    """Returns the command that starts the worker. `filter_fd` is the descriptor of an open file that contains
    `system_calls()`. Raises FileNotFoundError if bubblewrap is not installed."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise FileNotFoundError("bwrap is not installed")
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    mounts = [
        *(word for folder in SYSTEM for word in _mount(Path(folder))),
        *("--ro-bind", str(python), str(python), "--ro-bind", str(library), str(library)),
        *(word for file in _shared_library() for word in ("--ro-bind", str(file.resolve()), str(file))),
        *(word for folder in HIDDEN if (library / folder).is_dir() for word in _empty(library / folder)),
        *("--ro-bind", str(WORKER), "/worker.py", "--remount-ro", "/"),
    ]
    walls = "--unshare-all --die-with-parent --new-session --cap-drop ALL --hostname sandbox --uid 65534 --gid 65534"
    return [bwrap, *walls.split(), *mounts, "--seccomp", str(filter_fd), str(python), *FLAGS, "/worker.py"]


def environment(hash_seed: int) -> dict[str, str]:
    """Returns the environment variables of the worker. `hash_seed` changes the hashes of strings, and so the iteration
    order of sets."""
    libraries = sysconfig.get_config_var("LIBDIR") or ""
    return {"PYTHONHASHSEED": str(hash_seed), "LANG": "C.UTF-8", "LD_LIBRARY_PATH": libraries}


@cache
def unavailable() -> str | None:
    """Returns the reason why this system can't confine CPython, in one line; None if it can. The first call starts
    bubblewrap once to test it."""
    if sys.platform != "linux" or platform.machine() not in CALLS:
        return f"bubblewrap confines on Linux (x86-64, AArch64), and this is {sys.platform} ({platform.machine()})"
    try:
        with filter_file() as file:
            fd = file.fileno()
            done = subprocess.run(
                [*command(fd)[:-1], "-c", "print(6 * 7)"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env=environment(0),
                pass_fds=(fd,),
                timeout=START_S,
            )
    except FileNotFoundError:
        return "bwrap is not on the PATH: install the system's package bubblewrap"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bwrap does not start: {error}"
    if done.stdout.strip() == "42":
        return None
    said = done.stderr.strip().splitlines()
    return f"bwrap cannot confine here, because {said[-1] if said else f'it ended with status {done.returncode}'}"


def filter_file() -> IO[bytes]:
    """Returns an open file that contains `system_calls()`, positioned at its beginning."""
    file = os.fdopen(os.memfd_create("filter"), "w+b")
    file.write(system_calls(platform.machine()))
    file.flush()
    file.seek(0)
    return file


def system_calls(machine: str) -> bytes:
    """Returns the system call filter, as classic BPF for seccomp(2). The calls in `CALLS` fail; new threads are
    allowed, and new processes are not. A call of another architecture kills the process."""
    calls, clone, arch = CALLS[machine], CLONE[machine], ARCHITECTURE[machine]
    lines = [_load(4), _jump(EQUAL, arch, 1, 0), _end(KILL), _load(0)]
    if machine == "x86_64":
        lines += [_jump(AT_LEAST, 0x40000000, 0, 1), _end(KILL)]  # the calls of x32
    for number in calls:
        lines += [_jump(EQUAL, number, 0, 1), _end(REFUSE | EPERM)]
    lines += [_jump(EQUAL, CLONE3, 0, 1), _end(REFUSE | ENOSYS)]  # the C library then uses clone, which is checked
    lines += [_jump(EQUAL, clone, 0, 3), _load(16), _jump(ANY_BIT, CLONE_THREAD, 1, 0), _end(REFUSE | EPERM)]
    return b"".join([*lines, _end(ALLOW)])


def _mount(folder: Path) -> tuple[str, ...]:
    if folder.is_symlink():
        return ("--symlink", os.readlink(folder), str(folder))
    return ("--ro-bind", str(folder), str(folder)) if folder.is_dir() else ()


def _empty(folder: Path) -> tuple[str, ...]:
    return ("--tmpfs", str(folder), "--remount-ro", str(folder))


def _shared_library() -> list[Path]:
    """Returns the interpreter's shared library, if it has one outside the system's folders."""
    file = Path(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "")
    return [file] if file.is_file() and not file.is_relative_to("/usr/lib") else []


def _load(offset: int) -> bytes:
    return struct.pack("HBBI", 0x20, 0, 0, offset)


def _jump(test: int, value: int, if_so: int, if_not: int) -> bytes:
    return struct.pack("HBBI", test, if_so, if_not, value)


def _end(action: int) -> bytes:
    return struct.pack("HBBI", 0x06, 0, 0, action)


SYSTEM = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")
"""The folders of system libraries that the interpreter is linked with."""
HIDDEN = ("site-packages", "dist-packages", "test", "ensurepip", "idlelib")
FLAGS = ("-s", "-S", "-P", "-B")
START_S = 60.0
EQUAL, AT_LEAST, ANY_BIT = 0x15, 0x35, 0x45
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS = 1, 38
CLONE_THREAD, CLONE3 = 0x10000, 435
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
SHARED = (425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442)  # io_uring, new mounts, pidfd_getfd
CALLS = {
    "x86_64": (
        *(57, 58),  # fork, vfork
        *(41,),  # socket
        *(101, 310, 311, 312),  # ptrace, process_vm_readv, process_vm_writev, kcmp
        *(272, 308, 165, 166, 155, 161),  # unshare, setns, mount, umount2, pivot_root, chroot
        *(248, 249, 250),  # add_key, request_key, keyctl
        *(321, 298, 323, 304),  # bpf, perf_event_open, userfaultfd, open_by_handle_at
        *(175, 313, 176, 246, 320),  # init_module, finit_module, delete_module, kexec_load, kexec_file_load
        *(103, 135, 154, 172, 173),  # syslog, personality, modify_ldt, iopl, ioperm
        *SHARED,
    ),
    "aarch64": (
        *(198,),  # socket
        *(117, 270, 271, 272),  # ptrace, process_vm_readv, process_vm_writev, kcmp
        *(97, 268, 40, 39, 41, 51),  # unshare, setns, mount, umount2, pivot_root, chroot
        *(217, 218, 219),  # add_key, request_key, keyctl
        *(280, 241, 282, 265),  # bpf, perf_event_open, userfaultfd, open_by_handle_at
        *(105, 273, 106, 104, 294),  # init_module, finit_module, delete_module, kexec_load, kexec_file_load
        *(116, 92),  # syslog, personality
        *SHARED,
    ),
}
"""The numbers of the system calls that fail, by the machine's architecture."""
