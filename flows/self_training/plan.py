"""The plan of a self-training loop: its method with the user's settings, its problems, and its identity."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redraft.flows.augmentation.selection import find_method, split_arguments
from redraft.flows.export import parts
from redraft.flows.generation.identity import identity
from redraft.flows.generation.run_config import plain_argument
from redraft.flows.self_training.models import LoopModel, first_model
from redraft.flows.self_training.training_method import MethodError, Part, TrainingMethod, flat, read_method, replaced
from redraft.flows.servers.model_server import Server
from redraft.flows.settings import ModelSettings, SelfTrainSettings
from redraft.flows.trainers.trainer import CLASSIFIERS, Trainer
from redraft.store.digest import digest
from redraft.store.errors import PartError, alternatives
from redraft.store.fields import described
from redraft.store.plugins.arguments import whole
from redraft.store.plugins.discovery import load
from redraft.store.problems import Problem

POLICY, VERIFIER = "policy", "verifier"
"""The roles of models in a loop."""
OWN = ("model", "arguments", "budget", "temperature", "top_k", "replicate")
"""Settings of a model that the loop itself sets for each of its runs."""
EVALUATION = {"strategy": "best_of_n", "temperature": 1.0}
"""How held-out problems are drafted: independent samples, the same in every method."""


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """The plan of a self-training loop. `rewriting` are arguments of `augment`, or None if rounds make no new
    questions. `drawing` and `measuring` are arguments of `generate`. `training` maps the role of a model to the
    arguments of the trainer. Raises MethodError, PartError and ModelError for mistakes, before a model is called."""

    loop_id: str
    method: TrainingMethod
    config: Mapping[str, Any]
    base: LoopModel
    problems: Sequence[Problem]
    heldout: Sequence[Problem]
    rewriting: Mapping[str, Any] | None
    drawing: Mapping[str, Any]
    measuring: Mapping[str, Any]
    make_trainer: Callable[[str], Trainer]
    training: Mapping[str, Mapping[str, Any]]
    make_server: Callable[[], Server] | None
    folder: Path
    replicate: str  # the loop's replicate, as the user named it

    def drawn_replicate(self, number: int) -> str:
        """Returns the replicate of the drafts of round `number`. It contains a hash of the problems, so that loops
        share drafts only if they draw the same problems."""
        rewritten = [digest("augment", self.config["method"]["augment"])] if self.rewriting else []
        return f"self-train {_problems_digest(self.problems, self.replicate, *rewritten)} {number}"

    @property
    def measured_replicate(self) -> str:
        """Returns the replicate of the samples on the held-out problems."""
        return f"held-out {_problems_digest(self.heldout, self.replicate)}"

    @property
    def trained_parts(self) -> Mapping[str, Part]:
        """Returns the parts that each round trains, by the model's role."""
        verifier = self.method.verifier
        return {POLICY: self.method.policy, **({VERIFIER: verifier} if verifier else {})}

    def export_parts(self, role: str) -> Any:
        """Returns the format and the filters of a model's rows, in the form of `export.parts`."""
        part = self.trained_parts[role]
        return parts(part.format, part.filters, part.flat_arguments, part.preset)

    @property
    def judged_by_base(self) -> bool:
        """Returns whether the grader that calls the verifier also calls the first model."""
        return bool(self.method.verifier) and "{base}" in self.method.verifier.judges.values()

    def judging(self, verifier: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the arguments of the grader that calls the verifier. Each model is given by its name as `model`, and
        by the address of its server, if it has one, as `api_base`."""
        part, found = self.method.verifier, dict[str, Any]()
        asked = {"{verifier}": verifier, "{base}": base}
        for key, value in (part.judges if part else {}).items():
            model = asked.get(value, {"model": value})
            found[f"grader.{key}"] = model["model"]
            if "api_base" in model:
                found["grader.api_base" if key == "model" else f"grader.{key}_api_base"] = model["api_base"]
        if part and part.loss in PROFILES and "api_base" in verifier:
            found["grader.profile"] = PROFILES[part.loss]
        return found


def loop_plan(given: SelfTrainSettings, problems: Sequence[Problem], heldout: Sequence[Problem]) -> LoopPlan:
    """Returns the plan of a loop. Raises the errors of `LoopPlan`."""
    method, given_arguments = replaced(read_method(given.method), given.arguments)
    base = first_model(given.model)
    own, arguments = _parted(given_arguments, PREFIX)
    serving, arguments = _parted(arguments, SERVING)
    server = load(given.server, "server") if given.server else None
    if serving and server is None:
        raise PartError(f"{SERVING}{min(serving)} is an argument of a server: name one by --server")
    served = whole(server, serving, "server", SERVING) if server else {}
    factory = load(given.trainer, "model trainer")
    embedded = given.trainer == "embedded"
    _check_starts(method)
    _check_losses(method, given.trainer, factory)
    _check_verifier(method, given, serving)
    training = {
        role: whole(factory, {**(part.training if embedded else {}), **own}, "trainer", PREFIX)
        for role, part in {POLICY: method.policy, VERIFIER: method.verifier}.items()
        if part
    }
    common = {name: getattr(given, name) for name in described(ModelSettings) if name not in OWN}
    drawing = {
        **common,
        "strategy": method.strategy,
        "grader": method.grader,
        "critic": method.critic,
        "samples": given.samples or method.samples or DEFAULT_SAMPLES,
        "temperature": _first(given.temperature, method.temperature, 1.0),
        "top_k": _first(given.top_k, method.top_k),
        "arguments": {**flat(method.arguments), **arguments},
    }
    rewriting = _rewriting(method, {**common, "temperature": drawing["temperature"]})
    measuring = {**common, "top_p": None, "min_p": None, "samples": given.heldout_samples, **EVALUATION}
    config = {
        "method": method.model_dump(mode="json", exclude=NEWER - {name for name in NEWER if getattr(method, name)}),
        "model": [base.name, base.model_id],
        **{name: _plain(drawing[name]) for name in RECORDED},
        "arguments": {key: plain_argument(key, value) for key, value in drawing["arguments"].items()},
        "heldout_samples": given.heldout_samples,
        "trainer": identity(given.trainer),
        "training": {key: plain_argument(key, value) for key, value in training[POLICY].items()},
        "replicate": given.replicate,
        "problems": _problems_digest(problems),
        "heldout": _problems_digest(heldout),
    }
    loop_id = digest("self-train", config)
    name = Path(given.method).stem
    found = LoopPlan(
        loop_id, method, config, base, problems, heldout, rewriting, drawing, measuring,
        lambda role: factory(**training[role]), training, server and (lambda: server(**served)),
        Path(given.out).expanduser() / f"{name}-{loop_id[:8]}", given.replicate,
    )  # fmt: skip
    for role in found.trained_parts:
        found.export_parts(role)
    return found


def _rewriting(method: TrainingMethod, common: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the arguments of `augment`, or None if the method makes no new questions. Raises PartError."""
    made = method.augment
    if made is None:
        return None
    arguments = flat(made.arguments)
    specs, own, _ = split_arguments(made.methods, arguments)
    for spec in specs:
        find_method(spec, own[load(spec, "augmentation").__name__])
    temperature = _first(made.temperature, common["temperature"])
    settings = {"methods": made.methods, "strategy": made.strategy, "samples": made.samples, "arguments": arguments}
    return {**common, **settings, "temperature": temperature}


def _check_starts(method: TrainingMethod) -> None:
    """Raises MethodError for a training that would begin with itself, or with a verifier that is not trained."""
    if method.policy.start == POLICY or (method.policy.start == VERIFIER and not method.verifier):
        there = "base, last, or verifier with a table [verifier]"
        raise MethodError(f"policy.start={method.policy.start!r}: a policy begins with {there}")
    if method.verifier and method.verifier.start == VERIFIER:
        raise MethodError("verifier.start='verifier': a verifier begins with base, last or policy")


def _check_losses(method: TrainingMethod, trainer: Any, factory: Any) -> None:
    """Raises MethodError for a loss that the trainer does not have."""
    losses = getattr(sys.modules.get(getattr(factory, "__module__", "")), "LOSSES", None)
    for part in (method.policy, method.verifier):
        if part and losses and part.loss not in losses:
            there = alternatives(part.loss, losses)
            raise MethodError(
                f"trainer {trainer!r} has no loss {part.loss!r} of the method; {there}: take another --trainer"
            )


def _check_verifier(method: TrainingMethod, given: SelfTrainSettings, serving: Mapping[str, Any]) -> None:
    """Raises MethodError for a verifier that no server would serve."""
    part = method.verifier
    if part is None or given.trainer != "trl":
        return
    if not given.server:
        raise MethodError("the method trains a verifier, which a server has to serve: take --server command")
    if part.loss not in CLASSIFIERS:
        return
    if given.server == "lora":
        raise MethodError("the method's verifier is a classifier, and --server lora serves policies: take command")
    if given.server == "command" and "verifier_command" not in serving:
        raise MethodError(
            "the method's verifier is a classifier, which needs a command line of its own: set"
            " server.verifier_command='vllm serve {model} --port {port} --runner pooling'"
        )


def _parted(given: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns a pair: the arguments whose names begin with a prefix, without the prefix, and all other arguments."""
    own = {key.removeprefix(prefix): value for key, value in given.items() if key.startswith(prefix)}
    return own, {key: value for key, value in given.items() if not key.startswith(prefix)}


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _problems_digest(problems: Sequence[Problem], *more: str) -> str:
    return digest("problems", sorted(problem.problem_id for problem in problems), *more)[:12]


PREFIX, SERVING = "trainer.", "server."
"""The prefixes of arguments of the trainer and of the server. The server's arguments are not part of a loop's identity,
because they do not change models or drafts."""
PROFILES = {"prm": "steps", "value": "value"}
"""The profiles with which the grader `prm` calls a served verifier, by the verifier's loss."""
NEWER = {"augment", "verifier"}
"""Fields of methods that are part of a loop's identity only if its method has them."""
DEFAULT_SAMPLES = 8
RECORDED = (
    "strategy", "grader", "critic", "samples", "temperature", "max_tokens", "top_p", "top_k", "min_p", "seed",
    "sandbox",
)  # fmt: skip
"""The settings of drawing that are part of the loop's identity."""
