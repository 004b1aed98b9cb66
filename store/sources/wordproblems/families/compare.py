"""Word problems that compare two people: who has more, and how much more."""

from redraft.store.sources.wordproblems.families.family import NAMES, Event, Family

COMPARE = Family(
    slots={
        "who": NAMES,
        "two": ("Olga", "Paul", "Rita", "Sam"),
        "three": ("Tina", "Umar", "Vera"),
        "thing": ("marbles", "points", "stickers", "fish"),
    },
    starts=(
        Event(
            (
                "{who} has {a} {thing}, and {two} has {b} times as many.",
                "{two} has {b} times as many {thing} as {who}, who has {a}.",
                "With {a} {thing}, {who} has few; {two} has {b} times that number.",
            ),
            (("v", "a*b", "{two} has {e} {thing}."),),
            {"a": "small", "b": "small"},
        ),
        Event(
            (
                "{who} has {a} {thing}, and {two} has {b} more than {who}.",
                "{two} has {b} more {thing} than {who}, who has {a}.",
                "{who} owns {a} {thing}; {two} owns {b} more.",
            ),
            (("v", "a+b", "{two} has {e} {thing}."),),
            {"a": "big", "b": "big"},
        ),
    ),
    events=(
        Event(
            (
                "{three} has {a} fewer than that.",
                "{three} has that number less {a}.",
                "Compared to that, {three} is short of {a}.",
            ),
            (("v", "v-a", "{three} has {e}."),),
            {"a": "part"},
        ),
        Event(
            (
                "The best one has {a} times that.",
                "The best of all is {a} times as high.",
                "A champion reaches {a} times that number.",
            ),
            (("v", "v*a", "The best is {e}."),),
            {"a": "small"},
        ),
        Event(
            (
                "A team of {a} with {b} each joins them.",
                "They are joined by {a} others, who have {b} each.",
                "{a} others join, each with {b}.",
            ),
            (("p", "a*b", "The others have {e}."), ("v", "v+p", "Joined, it is {e}.")),
            {"a": "small", "b": "small"},
        ),
        Event(
            (
                "The next one has {a} more.",
                "Someone else has {a} more than that.",
                "Another one has that and {a} more.",
            ),
            (("v", "v+a", "The next one has {e}."),),
            {"a": "big"},
        ),
    ),
    asks=(
        "How many {thing} is that at last?",
        "How many {thing} does it come to?",
        "What is the last number of {thing}?",
    ),
)
