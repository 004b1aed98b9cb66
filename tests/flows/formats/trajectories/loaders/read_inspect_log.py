"""What Inspect's own reader makes of a log: `python read_inspect_log.py FILE`. It prints as JSON the facts of the
header, the metrics as the log has them and as Inspect computes them anew, and what samples and summaries say."""

import json
import sys
from typing import Any

from inspect_ai.log import (
    EvalLog,
    list_eval_logs,
    read_eval_log,
    read_eval_log_sample_summaries,
    read_eval_log_samples,
    recompute_metrics,
)

file = sys.argv[1]


def metrics(log: EvalLog) -> Any:
    assert log.results
    return [
        [each.name, each.scored_samples, each.unscored_samples, {name: m.value for name, m in each.metrics.items()}]
        for each in log.results.scores
    ]


def main() -> None:
    [listed] = list_eval_logs(file.rpartition("/")[0])
    log = read_eval_log(listed)
    written = metrics(log)
    recompute_metrics(log)
    samples = [
        {
            "id": sample.id, "epoch": sample.epoch, "input": sample.input, "target": sample.target,
            "messages": [[each.role, each.text] for each in sample.messages],
            "thoughts": [part.reasoning for each in sample.messages if isinstance(each.content, list)
                         for part in each.content if part.type == "reasoning"],
            "scores": {name: str(score.value) for name, score in (sample.scores or {}).items()},
            "completion": sample.output.completion, "error": sample.error and sample.error.message,
            "calls": [[event.output.usage and event.output.usage.output_tokens,
                       len(event.output.choices)] for event in sample.events if event.event == "model"],
        }
        for sample in read_eval_log_samples(file)
    ]  # fmt: skip
    summaries = read_eval_log_sample_summaries(file)
    found = {
        "status": log.status, "model": log.eval.model, "task": log.eval.task, "solver": log.eval.solver,
        "epochs": log.eval.config.epochs, "listed": listed.task, "written": written, "computed": metrics(log),
        "usage": {name: [used.input_tokens, used.output_tokens] for name, used in log.stats.model_usage.items()},
        "samples": samples, "summaries": [[each.id, each.epoch] for each in summaries],
    }  # fmt: skip
    sys.stdout.write(f"\n{json.dumps(found)}\n")


main()
