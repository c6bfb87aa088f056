"""The branches' ledger as the oracle folds it, and histories in which branches stand under others."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from tests.fact_data import DAYS_TO_COME, ORGANIZATIONS, REGIONS
from tests.histories import Delivery
from tests.oracle import facts as oracle_facts
from tests.oracle import rows as oracle_rows
from tests.sending import envelope


def above_all(number: int) -> list[Delivery]:
    """A committee above both branches of a history, of which now and then one stands under the other."""
    about, source = {"effective_on": DAYS_TO_COME[number % 12]}, "/office/tree"
    top = f"branch:top-{number}"
    formed = {**about, "branch": top, "name": "行业党委", "tier": ["committee", "general_branch"][number % 2],
              "formation": "joint", "region": REGIONS[number % 5], "covers": [ORGANIZATIONS[number % 6]]}  # fmt: skip
    moved = {"branch:a": top, "branch:b": top if number % 3 else "branch:a"}
    return [
        envelope("top", "branch.formed", formed, source),
        *(envelope(name, "branch.changed", {"effective_on": "2024-02-29", "branch": name, "parent": parent}, source)
          for name, parent in moved.items()),
    ]  # fmt: skip


class Folded(NamedTuple):
    """The oracle's word at one pair of clocks: branches as the list shows them, the organizations of each's figures."""

    branches: dict[str, dict[str, Any]]
    figures: dict[str, set[str]]
    rows: Mapping[str, Mapping[str, Any]]
    is_judged: bool

    def sees(self, name: str, scope: str) -> bool:
        regions = {self.rows[org]["region"] for org in self.figures[name]} or {self.branches[name]["region"]}
        return all(region.startswith(scope) for region in regions)


def folded(told: list[Delivery], day: date, known_at: int) -> Folded:
    facts, _ = oracle_facts.known_facts(oracle_facts.accepted(told)[:known_at])
    state, rows, _ = oracle_rows.ledger(facts, day)
    of = oracle_rows.branch_rows(state, day)
    own = {name: {org for org in each["covers"] if org in rows} for name, each in of.items()}

    def under(name: str) -> set[str]:
        below = {other for other, each in of.items() if each["parent"] == name}
        return below.union(*map(under, below))

    figures = {
        name: own[name] if each["tier"] == "branch" else own[name].union(*(own[other] for other in under(name)))
        for name, each in of.items()
    }
    policy, shown = state.activity_policy, {}
    for name, each in of.items():
        first, last = each["term"]
        lacks = []
        if policy is not None and not each["in_effect"]:
            vacant = each["vacant_since"]
            lacks = ["none_below"] if each["tier"] != "branch" else [
                lack for lack, missing in (
                    ("term_over", last is not None and last < day),
                    ("without_secretary", vacant is not None and (day - vacant).days > policy["vacant_days_max"]),
                    ("no_meetings", bool(each["missed"])),
                ) if missing
            ]  # fmt: skip
        shown[name] = {
            **{key: each[key] for key in ("name", "tier", "formation", "region", "parent", "groups", "in_effect")},
            "branch": name, "formed_on": state.branches[name].formed_on.isoformat(),
            "covers": len(own[name]), "covers_in_all": len(figures[name]), "lacks": lacks,
            **{key: sum(rows[org][key] for org in figures[name])
               for key in ("full_members", "probationary_members", "activists", "members_elsewhere")},
            "term_from": first.isoformat(), "term_to": None if last is None else last.isoformat(),
            "vacant_since": None if each["vacant_since"] is None else each["vacant_since"].isoformat(),
        }  # fmt: skip
    return Folded(shown, figures, rows, policy is not None)
