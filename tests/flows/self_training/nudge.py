"""A trainer without PyTorch: `nudge.py ROWS BASE OUT` writes the weights of BASE, of which one is moved a little, by a
hash of the rows. OUT is made at once and filled slowly, so that a kill finds it half-written."""

import hashlib
import sys
import time
from pathlib import Path

import numpy as np

rows, base, out = (Path(argument) for argument in sys.argv[1:4])
out.mkdir(parents=True)
(out / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
time.sleep(float(sys.argv[4]) if len(sys.argv) > 4 else 0)
with np.load(base / "weights.npz") as packed:
    arrays = {name: packed[name] for name in packed.files}
name = "embedding.weight.scale"
moved = 1 + int(hashlib.sha256(rows.read_bytes()).hexdigest()[:4], 16) / 1e8
arrays[name] = (arrays[name] * moved).astype(arrays[name].dtype)
np.savez_compressed(out / "weights.npz", **arrays)
print(f"nudged by {moved}")  # noqa: T201 - what a trainer says
