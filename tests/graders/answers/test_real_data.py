"""The oracle on real data, by a quick form of `bench/accuracy/oracle.py`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data"


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data is not in {DATA}")
def test_the_oracle_agrees_with_real_verdicts_and_accepts_golds_only() -> None:
    command = [sys.executable, str(ROOT / "bench" / "accuracy" / "oracle.py"), "--json", "--alone", "--every", "25"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    solutions, cases, *golds = found["counts"]
    assert (solutions["pairs"], solutions["expected"]) == (2638, 2638)
    assert cases["expected"] == cases["pairs"] > 400
    respelled = [row for row in golds if row["source"].endswith("respelled")]
    missed = [row for row in golds if row["source"].endswith("near misses")]
    assert len(respelled) == len(missed) == 3
    assert sum(row["false_acceptances"] for row in missed) == 0, found["unexpected"]
    asked = sum(row["pairs"] for row in respelled)
    assert asked > 2000
    assert sum(row["false_rejections"] for row in respelled) <= 0.002 * asked, found["unexpected"]
    assert sum(row["undecided"] for row in respelled) <= 0.01 * asked, found["unexpected"]
