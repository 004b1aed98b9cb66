"""The seven families of built-in word problems, one file for each."""

from redraft.store.sources.wordproblems.families.book import BOOK
from redraft.store.sources.wordproblems.families.bus import BUS
from redraft.store.sources.wordproblems.families.compare import COMPARE
from redraft.store.sources.wordproblems.families.family import Family
from redraft.store.sources.wordproblems.families.farm import FARM
from redraft.store.sources.wordproblems.families.inventory import INVENTORY
from redraft.store.sources.wordproblems.families.shopping import SHOPPING
from redraft.store.sources.wordproblems.families.wage import WAGE

FAMILIES: dict[str, Family] = {
    "inventory": INVENTORY,
    "shopping": SHOPPING,
    "compare": COMPARE,
    "wage": WAGE,
    "bus": BUS,
    "farm": FARM,
    "book": BOOK,
}
