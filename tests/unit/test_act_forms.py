"""Forms are made from the domain's types: every field and choice has its words, and entries are data and back."""

import pytest

from api.acts.entries import EMPTY, data_of, entries_of
from api.acts.fields import EMPTIED, NEVER_ASKED, every, fields_of
from api.acts.offered import WITHOUT_FORM, short
from api.acts.words import Words, choice_key, faulted, label_key
from api.site.texts import LANGS, TEXTS
from domain.events.envelope import check_data
from domain.events.facts import family_of
from domain.events.types import CORRECTED, EVENT_TYPES, RETRACTED
from domain.values.reasons import Reason
from tests.access.attacks import HERE
from tests.acting import FACTS, samples
from tests.every_type import RIGHTS, allowed

FORMS = sorted(set(EVENT_TYPES) - set(WITHOUT_FORM))


@pytest.mark.parametrize("type_", FORMS, ids=short)
def test_every_field_and_every_choice_has_its_words_in_both_languages(type_: str) -> None:
    fields = every(fields_of(type_))
    assert fields
    assert [each.path for each in fields if label_key(type_, each) is None] == []
    values = [(each, value) for each in fields if each.sort != "map" for value in each.options]
    assert [(each.path, value) for each, value in values if (choice_key(each, value) or "") not in TEXTS] == []
    for lang in LANGS:
        for each in fields:
            Words(lang, type_).hints(each)
    assert f"acts.family.{family_of(type_)}" in TEXTS
    # What is no identifier is refused by a rule of its family's name.
    families = {"organization" if each.family == "org" else each.family for each in fields if each.family}
    assert [family for family in families if f"rule.{family}" not in TEXTS] == []


@pytest.mark.parametrize("type_", FACTS, ids=short)
def test_what_is_entered_is_the_data_and_the_data_is_what_is_entered(type_: str) -> None:
    fields = fields_of(type_)
    asked = set()
    for data in samples(type_):
        assert not check_data(type_, data), check_data(type_, data)
        entries = entries_of(fields, data)
        assert data_of(fields, entries, lambda name: name) == data
        asked |= {".".join("*" if step.isdecimal() else step for step in name.split(".")) for name in entries}
    leaves = {each.path for each in every(fields) if each.sort not in ("part", "rows")}
    assert leaves - {name.removesuffix(EMPTY) for name in asked} == set(), "a field that no sample fills"


@pytest.mark.parametrize("type_", [each for each in FACTS if short(each).endswith(".changed")], ids=short)
def test_what_a_null_empties_can_be_emptied(type_: str) -> None:
    least = samples(type_)[0]
    optional = [each for each in fields_of(type_) if not each.required]
    taken = {each.name for each in optional if not check_data(type_, {**least, each.name: None})}
    assert taken == EMPTIED[type_] == {each.name for each in optional if each.can_empty}


def test_whether_an_owner_is_a_member_is_never_asked() -> None:
    for type_, paths in NEVER_ASKED.items():
        assert not paths & {each.path for each in every(fields_of(type_))}
        corrected = fields_of("taizhang.event.corrected.v1", type_)
        assert not [each for each in every(corrected) if each.path.endswith("owner.value")]


@pytest.mark.parametrize("right", sorted(RIGHTS.keys() - {"another registry"}))
def test_a_type_is_offered_where_intake_would_let_it_be_said_somewhere(right: str) -> None:
    """The law over both readers of a right: what the page offers, and what intake lets in at some place."""
    for type_ in EVENT_TYPES.keys() - {CORRECTED, RETRACTED}:
        assert RIGHTS[right].could_say(type_) == allowed(right, type_, HERE), type_


def test_what_is_wrong_with_the_subject_stands_beside_the_field_that_it_is_made_of() -> None:
    type_ = "taizhang.organization.registered.v1"
    beside, general = faulted(
        fields_of(type_), [Reason("unseen_characters", "/subject", "x", "leave it out")], Words("en", type_)
    )
    assert (list(beside), general) == (["data.org"], [])
