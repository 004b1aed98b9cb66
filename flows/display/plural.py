"""Numbers of things, in English."""


def counted(number: int, noun: str) -> str:
    """Such as "1 problem", "2,000 problems" and "3 trajectories"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"
