"""Word problems about a harvest that a farm packs and sells."""

from redraft.store.sources.wordproblems.families.family import NAMES, Event, Family

FARM = Family(
    slots={"who": NAMES, "crop": ("apples", "pears", "plums", "melons", "carrots")},
    starts=(
        Event(
            (
                "{who} picks {a} {crop} from each of {b} trees.",
                "On a farm, {b} trees give {who} {a} {crop} each.",
                "Each of {b} plants gives {a} {crop} to {who}.",
            ),
            (("v", "a*b", "All give {e} {crop}."),),
            {"a": "small", "b": "small"},
        ),
    ),
    events=(
        Event(
            ("{a} of the {crop} are bad.", "But {a} {crop} rot.", "{who} throws {a} bad {crop} away."),
            (("v", "v-a", "The good ones are {e}."),),
            {"a": "part"},
        ),
        Event(
            (
                "{who} packs them into baskets of {a} and counts the baskets.",
                "Each basket takes {a} of them, and the baskets are counted.",
                "They fill baskets that take {a} each, and {who} counts baskets from now on.",
            ),
            (("v", "v/a", "That fills {e} baskets."),),
            {"a": "divisor"},
        ),
        Event(
            (
                "A neighbor brings {a} more.",
                "{a} more come from a neighbor.",
                "{who} gets another {a} from a neighbor.",
            ),
            (("v", "v+a", "With the neighbor's, it is {e}."),),
            {"a": "big"},
        ),
        Event(
            (
                "{who} sells each for {a} dollars and counts the dollars.",
                "Each is sold for {a} dollars, and the money is counted.",
                "They are sold at {a} dollars each, and now {who} counts dollars.",
            ),
            (("v", "v*a", "The sale brings {e} dollars."),),
            {"a": "small"},
        ),
        Event(
            (
                "Then {a} carts with {b} each arrive.",
                "{a} carts arrive, and each brings {b}.",
                "{b} come in each of {a} carts.",
            ),
            (("p", "a*b", "The carts bring {e}."), ("v", "v+p", "With the carts, it is {e}.")),
            {"a": "small", "b": "small"},
        ),
    ),
    asks=(
        "What does {who} count at last?",
        "How many does {who} count in the end?",
        "What number does {who} get?",
    ),
)
