"""Quick dataclasses beside plain ones."""

import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, replace
from typing import Any

import pytest

from redraft.store.quick import quick


@dataclass(frozen=True, slots=True)
class Plain:
    """A point with a name."""

    x: int
    y: float = 2.0
    name: str | None = None
    marks: list[int] = field(default_factory=list)
    length: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", self.x + self.y)


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    """A point with a name."""

    x: int
    y: float = 2.0
    name: str | None = None
    marks: list[int] = field(default_factory=list)
    length: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", self.x + self.y)


@pytest.mark.parametrize(
    ("given", "named"), [((1,), {}), ((1, 3.0, "a"), {}), ((), {"x": 1, "marks": [4]}), ((1,), {"y": 5.0})]
)
def test_a_quick_dataclass_is_made_like_a_plain_one(given: tuple[Any, ...], named: dict[str, Any]) -> None:
    made = Quick(*given, **named)
    assert asdict(made) == asdict(Plain(*given, **named))
    assert replace(made, name="b") == Quick(made.x, made.y, "b", made.marks)
    assert pickle.loads(pickle.dumps(made)) == made
    assert made.marks is not Quick(1).marks


def test_it_has_the_same_signature_and_refuses_the_same() -> None:
    assert inspect.signature(Quick).parameters.keys() == inspect.signature(Plain).parameters.keys()
    assert inspect.get_annotations(Quick.__init__) == inspect.get_annotations(Plain.__init__)
    wrongs: list[dict[str, Any]] = [{}, {"x": 1, "z": 2}]
    for wrong in wrongs:
        with pytest.raises(TypeError):
            Quick(**wrong)
    with pytest.raises(FrozenInstanceError):
        setattr(Quick(1), "x", 2)  # noqa: B010 - as a careless caller would
