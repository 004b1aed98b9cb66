"""Compares an answer with the key, as a mathematician would. The result is None if equality can't be decided."""

from redraft.graders.answers.mathematics.comparison.assignments import same_assignments
from redraft.graders.answers.mathematics.comparison.listings import same_lists
from redraft.graders.answers.mathematics.comparison.relations import same_regions, same_relations
from redraft.graders.answers.mathematics.comparison.result import NotMine
from redraft.graders.answers.mathematics.comparison.scalars import same_others
from redraft.graders.answers.mathematics.comparison.simplify import conditions_of, simplified
from redraft.graders.answers.mathematics.comparison.words import same_words
from redraft.graders.answers.mathematics.forms import Form, Words
from redraft.graders.answers.mathematics.reading.parser import parse
from redraft.graders.answers.normalize import unwrap


def equal(gold: str, given: str) -> bool | None:
    """Returns whether an answer equals the key; None if that can't be decided. Raises Unread if one of the texts can't
    be parsed completely. docs/oracle.md describes the conventions."""
    return same(parse(unwrap(gold)), parse(unwrap(given)))


def same(gold: Form, given: Form) -> bool | None:
    """Returns whether two forms are equal; None if that can't be decided. The order of the arguments matters: the key
    is the first."""
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
