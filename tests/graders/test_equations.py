import pytest

from redraft.graders.equations import equations


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The boxes hold 5*9=45 hats, and 45 - 5 = 41 are left.", [("5*9=45", True), ("45 - 5 = 41", False)]),
        ("1,000+1=1,001 and 490/8=55 and 7÷2=3.5", [("1,000+1=1,001", True), ("490/8=55", False), ("7÷2=3.5", True)]),
        ("3−5=-2, 4/0=0", [("3−5=-2", True), ("4/0=0", False)]),
        ("x=3, 2+2 is 4, a1+2=3, 1+2+3=6, 9 * 2+3=21, 5+5=8+2, 2^3+1=9", []),
    ],
)
def test_equations_are_found_and_worked(text: str, found: list[tuple[str, bool]]) -> None:
    assert list(equations(text)) == found
