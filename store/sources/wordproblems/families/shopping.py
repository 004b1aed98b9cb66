"""Word problems about the price of a purchase."""

from redraft.store.sources.wordproblems.families.family import NAMES, Event, Family

SHOPPING = Family(
    slots={
        "who": NAMES,
        "item": ("pens", "cups", "toys", "plants", "socks"),
        "other": ("books", "lamps", "kites", "pots"),
    },
    starts=(
        Event(
            (
                "{who} buys {a} {item} at {b} dollars each.",
                "In a shop, {who} takes {a} {item} that cost {b} dollars each.",
                "{item} cost {b} dollars each, and {who} buys {a} of them.",
            ),
            (("v", "a*b", "The {item} cost {e} dollars."),),
            {"a": "small", "b": "small"},
        ),
    ),
    events=(
        Event(
            (
                "{who} also buys {a} {other} at {b} dollars each.",
                "{a} {other} for {b} dollars each are added.",
                "{who} adds {a} {other}, each priced at {b} dollars.",
            ),
            (("p", "a*b", "The {other} cost {e} dollars."), ("v", "v+p", "Together that is {e} dollars.")),
            {"a": "small", "b": "small"},
        ),
        Event(
            (
                "Shipping is {a} dollars.",
                "{a} dollars are added for shipping.",
                "The shop asks {a} dollars for shipping.",
            ),
            (("v", "v+a", "With shipping it is {e} dollars."),),
            {"a": "big"},
        ),
        Event(
            (
                "A coupon takes {a} dollars off.",
                "{who} has a coupon worth {a} dollars.",
                "The price falls by {a} dollars with a coupon.",
            ),
            (("v", "v-a", "The coupon makes it {e} dollars."),),
            {"a": "part"},
        ),
        Event(
            (
                "The cost is split evenly among {a} people.",
                "{a} people share the cost evenly.",
                "{who} and the others, {a} people in all, pay equal parts.",
            ),
            (("v", "v/a", "Each one pays {e} dollars."),),
            {"a": "divisor"},
        ),
    ),
    asks=(
        "How many dollars does {who} pay?",
        "How much does {who} have to pay?",
        "What does {who} pay, in dollars?",
    ),
)
