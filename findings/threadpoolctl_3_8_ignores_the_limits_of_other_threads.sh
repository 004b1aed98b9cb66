#!/usr/bin/env bash
# threadpoolctl 3.8.0 with numpy's own OpenBLAS: one lasting limit in the main thread makes the limits of all other
# threads do nothing, without a word; with 3.6.0 they hold.
#
# What surprises: `threadpool_limits(limits=2)` without `with` is the usual way to limit a whole program. The thread that
#   calls it becomes the only one that may change OpenBLAS's threads, for as long as it lives, which for the main thread
#   is the whole run. A later `with threadpool_limits(limits=1)` in a worker thread changes nothing, raises nothing and
#   warns of nothing: products in it run with 2 threads.
# Whom it hurts: servers and libraries that compute in threads and limit BLAS there, beside a program that has set its
#   own limit: they lose the speed of one thread for small products, and results that have to be equal to the last bit
#   differ, since OpenBLAS rounds by its number of threads.
# What to do instead: set lasting limits by OPENBLAS_NUM_THREADS before numpy is imported. Where a worker's limit must
#   hold, compare `threadpool_info()` after setting it, or call `clear_controlling_thread(force=True)` of the OpenBLAS
#   controller before.
#
# Prints the number of OpenBLAS's threads in a worker thread that asked for 1, with both versions, without and with a
# lasting limit of the main thread. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet "numpy==2.4.6"
cat > "$folder/run.py" <<'PYTHON'
import sys
from threading import Thread

import numpy as np
import threadpoolctl
from threadpoolctl import threadpool_info, threadpool_limits

lasting, wanted = sys.argv[1] == "lasting", int(sys.argv[2])
np.ones((2, 2)) @ np.ones((2, 2))
seen = []


def openblas():
    return next(library["num_threads"] for library in threadpool_info() if library["internal_api"] == "openblas")


def work():
    with threadpool_limits(limits=1):
        seen.append(openblas())


if lasting:
    threadpool_limits(limits=2)
else:
    with threadpool_limits(limits=2):
        pass
worker = Thread(target=work)
worker.start()
worker.join()
limit = "a lasting limit of 2" if lasting else "no lasting limit"
print(f"threadpoolctl {threadpoolctl.__version__}, numpy {np.__version__}, {limit}: the worker asks for 1, has {seen[0]}")
assert seen == [wanted], seen
PYTHON
export OPENBLAS_NUM_THREADS=2
for version in 3.6.0 3.8.0; do
  "$python" -m pip install --quiet "threadpoolctl==$version"
  "$python" "$folder/run.py" none 1
  "$python" "$folder/run.py" lasting $([ $version = 3.8.0 ] && echo 2 || echo 1)
done
