#!/usr/bin/env bash
# transformers 5.23.0: with `warmup_steps=0.03` a training of one step changes nothing, and reports success.
#
# What surprises: a `warmup_steps` below 1 is a share of all steps, and the share is rounded up. So three per cent of one
#   step, of four or of twenty are one step of warmup; and a warmup begins at a learning rate of zero. The optimizer runs
#   in that step, the loss is logged, `global_step` counts it, and the weights stay as they were. A training of one step
#   returns its base. A training of four steps has learnt from three quarters of its rows: the rows of the first batch
#   are read for nothing. `warmup_steps=1` does the same, though the word promises a gentle first step rather than none.
# Whom it hurts: those who train often and briefly: rounds of self-training, online methods that take a few steps between
#   two generations, tests that train for one step and compare. The usual three per cent are copied from long trainings,
#   where one lost step cannot be seen. A loop then evaluates the same model twice and finds that the round gave nothing.
# What to do instead: set `warmup_steps=0` for a training of few steps (below about a hundred), or take a scheduler whose
#   first factor is 1 / (warmup + 1). Check `args.get_warmup_steps(steps)` against the number of steps, and compare the
#   weights before and after.
#
# Trains one weight, y = w x from w = 1, towards 3, at a constant rate after the warmup. Prints for each setting the
# warmup, the first learning rates, and the weight. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/train.py" <<'PYTHON'
import sys

import torch
import transformers
from transformers import Trainer, TrainingArguments


class Line(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": ((self.w * x - labels) ** 2).mean()}


def train(steps: int, warmup: float) -> tuple[int, list[float], int, float]:
    arguments = TrainingArguments(
        output_dir=sys.argv[1],
        max_steps=steps,
        warmup_steps=warmup,
        learning_rate=0.1,
        lr_scheduler_type="constant_with_warmup",
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    model = Line()
    trainer = Trainer(model, arguments, train_dataset=[{"x": [1.0], "labels": [3.0]}] * 8)
    trainer.train()
    rates = [round(line["learning_rate"], 3) for line in trainer.state.log_history if "learning_rate" in line]
    return arguments.get_warmup_steps(steps), rates[:4], trainer.state.global_step, round(model.w.item(), 3)


print("transformers", transformers.__version__)
found = {}
for steps, warmup in ((1, 0), (1, 0.03), (1, 1), (4, 0), (4, 0.03)):
    found[steps, warmup] = train(steps, warmup)
    done = found[steps, warmup]
    print(f"max_steps={steps} warmup_steps={warmup}: warmup of {done[0]}, rates {done[1]}, {done[2]} steps, w = {done[3]}")
ok = (
    found[1, 0] == (0, [0.1], 1, 1.1)
    and found[1, 0.03] == found[1, 1] == (1, [0.0], 1, 1.0)
    and found[4, 0][3] > found[4, 0.03][3] > 1
    and found[4, 0.03][:3] == (1, [0.0, 0.1, 0.1, 0.1], 4)
)
print("as described" if ok else "CHANGED")
sys.exit(not ok)
PYTHON
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet transformers==5.23.0 torch==2.13.0 accelerate==1.14.0
"$folder/venv/bin/python" -W ignore "$folder/train.py" "$folder/out" 2> "$folder/err" | grep -v "^{" || { cat "$folder/err"; exit 1; }
