"""Contacts that an instructor has made with an organization, as its office tells them."""

from typing import Literal

from domain.values.fields import FactData, InstructorId, OrganizationId
from domain.values.reach import Reach

ContactKind = Literal["visit", "call", "online", "meeting"]


class ContactMade(FactData):
    """One contact on `effective_on`; what was said in it no event carries."""

    reach = Reach.WHAT_IT_NAMES
    org: OrganizationId
    instructor: InstructorId
    kind: ContactKind
