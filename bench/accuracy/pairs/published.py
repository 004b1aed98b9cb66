"""The published test cases of Math-Verify, read from its tests, which are not part of this repository (Apache-2.0 and
MIT).

pip download math-verify==0.9.0 --no-deps --no-binary :all: && tar xzf math_verify-0.9.0.tar.gz
python bench/accuracy/oracle.py --math-verify math_verify-0.9.0/tests
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from pairs.pairs import Pair


def published(folder: Path) -> Iterator[Pair]:
    """Yields each key, reply and verdict that appear as three literals in a test's parameters. The verdict is that of
    Math-Verify's authors. If redraft's verdict differs, the table has the reason."""
    for file in sorted(folder.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List) and len(node.elts) == 3:
                gold, given, expected = (one.value if isinstance(one, ast.Constant) else None for one in node.elts)
                if isinstance(gold, str) and isinstance(given, str) and isinstance(expected, int):
                    yield Pair("published", file.stem, "math", gold, given, "right" if expected else "not right")
