"""Word problems about the money that someone earns and spends."""

from redraft.store.sources.wordproblems.families.family import NAMES, Event, Family

WAGE = Family(
    slots={
        "who": NAMES,
        "job": ("baker", "driver", "tutor", "painter", "nurse"),
        "day": ("Monday", "Friday", "Sunday"),
    },
    starts=(
        Event(
            (
                "{who} is a {job} and earns {a} dollars an hour for {b} hours.",
                "For {b} hours of work as a {job}, {who} gets {a} dollars an hour.",
                "As a {job}, {who} works {b} hours at {a} dollars an hour.",
            ),
            (("v", "a*b", "The work pays {e} dollars."),),
            {"a": "small", "b": "small"},
        ),
    ),
    events=(
        Event(
            (
                "On {day} there are {a} extra hours at {b} dollars.",
                "{who} works {a} more hours on {day} for {b} dollars each.",
                "{a} hours on {day} bring {b} dollars each.",
            ),
            (("p", "a*b", "The extra hours pay {e} dollars."), ("v", "v+p", "The sum is {e} dollars.")),
            {"a": "small", "b": "small"},
        ),
        Event(
            (
                "The rent takes {a} dollars.",
                "{who} pays {a} dollars of rent.",
                "From this, {a} dollars go to rent.",
            ),
            (("v", "v-a", "After rent, {e} dollars remain."),),
            {"a": "part"},
        ),
        Event(
            (
                "A tip of {a} dollars comes on top.",
                "{who} also gets {a} dollars as a tip.",
                "There is a tip of {a} dollars too.",
            ),
            (("v", "v+a", "With the tip it is {e} dollars."),),
            {"a": "big"},
        ),
        Event(
            (
                "This happens for {a} weeks.",
                "{who} does the same for {a} weeks.",
                "It goes on like this for {a} weeks.",
            ),
            (("v", "v*a", "Over the weeks it is {e} dollars."),),
            {"a": "small"},
        ),
    ),
    asks=(
        "How many dollars does {who} have?",
        "How much money does {who} have in the end?",
        "What sum does {who} hold, in dollars?",
    ),
)
