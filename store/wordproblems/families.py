"""The seven families of built-in word problems, as data: what can happen in a story, and three ways to say each thing.

In an `Event`, `numbers` says how each number is drawn; `steps` are equations over single letters: `v` is the
running value of the story, `a` to `c` the event's numbers, `p` and `q` results within the event. Every step has a note,
in which `{e}` is the equation. A step that assigns `v` moves the story on.
"""

from dataclasses import dataclass, field
from typing import Literal

Draw = Literal["small", "big", "part", "divisor", "round"]
"""small, big: grow with the level; part: less than `v`; divisor: divides `v`; round: a multiple of ten above `v`."""


@dataclass(frozen=True, slots=True)
class Event:
    says: tuple[str, ...]
    steps: tuple[tuple[str, str, str], ...]  # (letter assigned, equation, note)
    numbers: dict[str, Draw] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    slots: dict[str, tuple[str, ...]]
    starts: tuple[Event, ...]
    events: tuple[Event, ...]
    asks: tuple[str, ...]


NAMES = (
    "Ann",
    "Ben",
    "Cara",
    "Dan",
    "Eva",
    "Finn",
    "Gina",
    "Hugo",
    "Ida",
    "Jack",
    "Kim",
    "Leo",
    "Mia",
    "Noah",
)

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

BUS = Family(
    slots={
        "ride": ("bus", "train", "boat", "tram"),
        "stop": ("the park", "the school", "the bridge", "the market"),
    },
    starts=(
        Event(
            (
                "A {ride} starts with {a} rows of {b} people.",
                "In a {ride}, {a} rows are taken by {b} people each.",
                "{b} people sit in each of {a} rows of a {ride}.",
            ),
            (("v", "a*b", "The {ride} starts with {e} people."),),
            {"a": "small", "b": "small"},
        ),
        Event(
            (
                "A {ride} starts with {a} adults and {b} children.",
                "{a} adults and {b} children are in a {ride} at the start.",
                "At first, a {ride} carries {a} adults and {b} children.",
            ),
            (("v", "a+b", "The {ride} starts with {e} people."),),
            {"a": "big", "b": "big"},
        ),
    ),
    events=(
        Event(
            (
                "At {stop}, {a} people get off.",
                "{a} people leave at {stop}.",
                "At {stop} the {ride} loses {a} people.",
            ),
            (("v", "v-a", "After they leave, it is {e}."),),
            {"a": "part"},
        ),
        Event(
            ("Then {a} people get on.", "{a} new people enter.", "At the next stop {a} people come in."),
            (("v", "v+a", "With the new people, it is {e}."),),
            {"a": "big"},
        ),
        Event(
            (
                "Next, {a} groups of {b} get on.",
                "{a} groups enter, with {b} people in each.",
                "Then come {a} groups, each of {b} people.",
            ),
            (("p", "a*b", "The groups are {e} people."), ("v", "v+p", "With the groups, it is {e}.")),
            {"a": "small", "b": "small"},
        ),
        Event(
            (
                "All of them change evenly into {a} cars.",
                "They are moved into {a} cars, evenly.",
                "{a} cars then take equal parts of them.",
            ),
            (("v", "v/a", "One car takes {e} people."),),
            {"a": "divisor"},
        ),
    ),
    asks=(
        "How many people are in it now?",
        "How many people does it carry at the end?",
        "What is the number of people in it now?",
    ),
)

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

FAMILIES: dict[str, Family] = {
    "inventory": INVENTORY,
    "shopping": SHOPPING,
    "compare": COMPARE,
    "wage": WAGE,
    "bus": BUS,
    "farm": FARM,
    "book": BOOK,
}
