import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data"


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data is not in {DATA}")
def test_the_oracle_agrees_with_real_verdicts_and_accepts_golds_only() -> None:
    command = [sys.executable, str(ROOT / "bench" / "accuracy" / "oracle.py"), "--json", "--draws", "20"]
    figures = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert (figures["solutions"]["checked"], figures["solutions"]["rejected"]) == (2638, [])
    for name, least in (("gsm8k", 8792), ("math500", 500)):
        figure = figures[name]
        assert figure["equal"] >= least
        assert figure["unequal"] >= 20 * least
        assert figure["undecided"] <= 0.01 * figure["unequal"]
        assert figure["false_rejections"] <= 0.005 * figure["equal"], figure["rejected"]
        assert figure["false_acceptances"] <= 0.002 * figure["unequal"], figure["accepted"]
