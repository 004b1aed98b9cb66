"""Whether an answer equals the key, as a mathematician reads both. None is for what can't be told."""

from redraft.graders.answers.mathematics.comparison.assignments import same_assignments
from redraft.graders.answers.mathematics.comparison.listings import same_lists
from redraft.graders.answers.mathematics.comparison.relations import same_regions, same_relations
from redraft.graders.answers.mathematics.comparison.rulings import NotMine
from redraft.graders.answers.mathematics.comparison.scalars import same_others
from redraft.graders.answers.mathematics.comparison.simplify import conditions_of, simplified
from redraft.graders.answers.mathematics.comparison.words import same_words
from redraft.graders.answers.mathematics.forms import Form, Words
from redraft.graders.answers.mathematics.reading.parser import parse


def equal(gold: str, given: str) -> bool | None:
    """Whether an answer equals the key; None if it can't be told. All of both texts is read. Raises Unread for a text
    that is not. The conventions are those of docs/oracle.md."""
    return same(parse(gold), parse(given))


def same(gold: Form, given: Form) -> bool | None:
    """Whether two answers are equal; not symmetric: the key comes first."""
    conditions = conditions_of(gold), conditions_of(given)
    if all(conditions) and conditions[0] != conditions[1]:
        return None
    gold, given = simplified(gold), simplified(given)
    if gold == given:
        return True
    if isinstance(gold, Words) or isinstance(given, Words):
        return same_words(gold, given)
    for compare in (same_assignments, same_regions, same_relations, same_lists, same_others):
        ruling = compare(gold, given, same)
        if not isinstance(ruling, NotMine):
            return ruling
    return False if type(gold) is not type(given) else None
