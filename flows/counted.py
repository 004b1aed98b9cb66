"""Numbers of things, in English."""


def counted(number: int, noun: str) -> str:
    """Such as "1 problem" and "2,000 problems"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
