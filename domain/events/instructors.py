"""Who is assigned to an organization as its instructor or liaison, and the contacts that its office tells of."""

from typing import Literal

from domain.values.fields import FactData, InstructorId, OrganizationId
from domain.values.reach import Reach
from domain.values.terms import Role

ContactKind = Literal["visit", "call", "online", "meeting"]


class InstructorAssigned(FactData):
    identifier = "org"
    reach = Reach.WHERE_IT_STANDS
    org: OrganizationId
    instructor: InstructorId
    role: Role = "instructor"


class InstructorWithdrawn(FactData):
    identifier = "org"
    reach = Reach.WHERE_IT_STANDS
    org: OrganizationId
    instructor: InstructorId


class ContactMade(FactData):
    """One contact on `effective_on`; what was said in it no event carries."""

    reach = Reach.WHAT_IT_NAMES
    org: OrganizationId
    instructor: InstructorId
    kind: ContactKind
