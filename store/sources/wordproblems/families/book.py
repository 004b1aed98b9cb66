"""Word problems about the pages of a book that someone reads."""

from redraft.store.sources.wordproblems.families.family import NAMES, Event, Family

BOOK = Family(
    slots={"who": NAMES, "text": ("book", "novel", "report", "diary")},
    starts=(
        Event(
            (
                "{who} reads {a} pages of a {text} on each of {b} days.",
                "For {b} days, {who} reads {a} pages of a {text} a day.",
                "A {text} is read by {who}, {a} pages a day for {b} days.",
            ),
            (("v", "a*b", "In these days {who} reads {e} pages."),),
            {"a": "small", "b": "small"},
        ),
    ),
    events=(
        Event(
            (
                "Then {who} reads {a} more pages.",
                "{a} more pages follow.",
                "After that {who} reads another {a} pages.",
            ),
            (("v", "v+a", "With those, it is {e} pages."),),
            {"a": "big"},
        ),
        Event(
            (
                "The {text} has {a} pages, and {who} wants to know what is left.",
                "Of its {a} pages, the rest is still to be read, and that rest counts now.",
                "What is left of the {text}'s {a} pages is looked at next.",
            ),
            (("v", "a-v", "The rest is {e} pages."),),
            {"a": "round"},
        ),
        Event(
            (
                "This is spread evenly over {a} days.",
                "{who} takes {a} days for this, with equal parts a day.",
                "Over {a} days, each day gets an equal part of this.",
            ),
            (("v", "v/a", "A day gets {e} pages."),),
            {"a": "divisor"},
        ),
        Event(
            (
                "{a} of these pages are pictures and do not count.",
                "But {a} pages are pictures, which do not count.",
                "Without counting {a} pictures, the pages are fewer.",
            ),
            (("v", "v-a", "Without pictures it is {e} pages."),),
            {"a": "part"},
        ),
        Event(
            (
                "On {a} weekends {who} reads {b} pages each.",
                "{who} adds {b} pages on each of {a} weekends.",
                "{a} weekends bring {b} pages each.",
            ),
            (
                ("p", "a*b", "The weekends bring {e} pages."),
                ("v", "v+p", "With the weekends, it is {e} pages."),
            ),
            {"a": "small", "b": "small"},
        ),
    ),
    asks=("How many pages is that?", "How many pages does it come to?", "What is the number of pages?"),
)
