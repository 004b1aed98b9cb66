"""Word problems about passengers who get on and off a bus."""

from redraft.store.sources.wordproblems.families.family import Event, Family

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
