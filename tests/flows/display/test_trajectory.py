import pytest

from redraft.flows.display.trajectory import mark


@pytest.mark.parametrize(
    ("text", "tick"),
    [
        ("The work pays 7*6=42 pages.", "✓"),
        ("It is 42-2=36 pages.", "✗"),
        ("1,200 / 4 = 300, then 300 + 0.5 = 300.5", "✓"),
        ("5*2=10, 10+1=12", "✗"),
        ("5/0=5", "✗"),
        ("3 - 5 = -2", "✓"),
        ("#### 36", "·"),
    ],
)
def test_a_tick_says_whether_the_equations_of_a_step_hold(text: str, tick: str) -> None:
    assert mark(text).plain == tick
