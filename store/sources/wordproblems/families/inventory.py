"""Word problems about things that someone keeps, gives away, finds and shares."""

from redraft.store.sources.wordproblems.families.family import NAMES, Event, Family

INVENTORY = Family(
    slots={
        "who": NAMES,
        "thing": ("hats", "cards", "coins", "shells", "stamps", "beads"),
        "box": ("boxes", "bags"),
    },
    starts=(
        Event(
            (
                "{who} has {a} {box} with {b} {thing} each.",
                "There are {b} {thing} in each of {who}'s {a} {box}.",
                "{who} owns {a} {box}, and every one holds {b} {thing}.",
            ),
            (("v", "a*b", "The {box} hold {e} {thing}."),),
            {"a": "small", "b": "small"},
        ),
        Event(
            (
                "{who} has {a} {thing} at home and {b} at school.",
                "At home {who} keeps {a} {thing}, and at school {b}.",
                "{who} stores {a} {thing} at home and another {b} at school.",
            ),
            (("v", "a+b", "In both places there are {e} {thing}."),),
            {"a": "big", "b": "big"},
        ),
    ),
    events=(
        Event(
            (
                "{who} gives away {a} of them.",
                "Then {a} of them are given away.",
                "A friend gets {a} of them from {who}.",
            ),
            (("v", "v-a", "After giving, {e} are left."),),
            {"a": "part"},
        ),
        Event(
            ("{who} finds {a} more.", "Later {a} more turn up.", "{who} then gets {a} more."),
            (("v", "v+a", "With the new ones, it is {e}."),),
            {"a": "big"},
        ),
        Event(
            (
                "{who} buys {a} packs of {b}.",
                "Then {a} packs with {b} in each are bought.",
                "{who} adds {a} packs that hold {b} each.",
            ),
            (("p", "a*b", "The packs hold {e}."), ("v", "v+p", "With the packs, it is {e}.")),
            {"a": "small", "b": "small"},
        ),
        Event(
            (
                "They are shared equally by {a} friends, and {who} is one of them.",
                "{who} splits them into {a} equal parts and keeps one part.",
                "{who} keeps one of {a} equal shares.",
            ),
            (("v", "v/a", "One share is {e}."),),
            {"a": "divisor"},
        ),
    ),
    asks=(
        "How many {thing} does {who} have now?",
        "How many {thing} are there in the end?",
        "What number of {thing} does {who} end up with?",
    ),
)
