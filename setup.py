"""Every folder with an `__init__.py` below the five rooms is a package of that name below `redraft`."""

from pathlib import Path

from setuptools import setup

ROOMS = ("agents", "flows", "graders", "llm", "store")
folders = {
    f"redraft.{file.parent.as_posix().replace('/', '.')}": file.parent.as_posix()
    for room in ROOMS
    for file in Path(room).rglob("__init__.py")
}
setup(packages=sorted(folders), package_dir=folders)
