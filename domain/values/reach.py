"""What an event of a type changes, and so what a grant must hold to say it (spec/events.md, Who may say it).

Each model of data says its own as `reach`; what the answer is for one event, projections/ledger/touched.py finds out
from the log before it.
"""

from enum import Enum


class Reach(Enum):
    """Whom or what an event of a type changes."""

    # The organizations where the ledger has its organization, member, branch or instructor, before and after it.
    WHERE_IT_STANDS = "where_it_stands"
    # An office's act changes no row: what it and the acts of the same name before it name.
    WHAT_IT_NAMES = "what_it_names"
    # As above, and the place of the office that issued it, as the act that began it says.
    AS_ITS_ISSUER = "as_its_issuer"
    # A rule, a target or a division that holds for everybody: a grant without limits of place.
    WHOLE_CITY = "whole_city"
    # Another event: what that and what takes its place change.
    ITS_TARGET = "its_target"
    # What the service states of its own log: no grant lets anybody else say it.
    THE_SERVICE = "the_service"
    # Who may do what: an administrator's grant without limits of place.
    ACCESS = "access"
