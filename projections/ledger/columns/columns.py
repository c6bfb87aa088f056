"""The ledger's tables as columns in memory: what a rate or a list is read from.

`Columns` grows by whole batches; a `Snapshot` is a view of it at one position that never changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.ledger.activity import ActivityPolicy
from domain.ledger.entities import says_legal_person
from domain.ledger.placements import NOTHING_SAID, Answers
from domain.ledger.policy import DEFAULT_POLICY, Policy
from domain.values.terms import BODY_KINDS, CATEGORIES, FORMATIONS, KINDS, Formation
from projections.ledger.rows import ActivityPolicyEntry, Entry, PolicyEntry

Int32 = NDArray[np.int32]

# One row of `entry` as COPY in binary gives it (PostgreSQL, COPY, Binary Format): the number of
# fields, then each field's length and its bytes, all big-endian.
ENTRY_FIELDS: Final = (
    "entry", "position", "org_no", "day_from", "day_to", "previous", "attributes_no", "excluded",
    "full_members", "probationary_members", "activists", "standalone", "joint", "affiliated", "instructors",
    "full_elsewhere", "probationary_elsewhere", "answers", "effective_standalone", "effective_joint",
    "effective_affiliated",
)  # fmt: skip
_WIRE: Final = np.dtype(
    [("fields", ">i2")]
    + [
        item
        for name in ENTRY_FIELDS
        for item in ((f"{name}_length", ">i4"), (name, ">i8" if name == "position" else ">i4"))
    ]
)
# Signature, flags, length of the extension; and what stands in place of a further row's number of fields.
COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER: Final = b"\xff\xff"
_KEPT: Final[dict[str, type[np.generic]]] = {
    "position": np.int32, "org_no": np.int32, "day_from": np.int32, "day_to": np.int32,
    "previous": np.int32, "attributes_no": np.int32, "excluded": np.int8,
    "full_members": np.int32, "probationary_members": np.int32, "activists": np.int32,
    "formations": np.int8, "instructed": np.bool_, "full_elsewhere": np.int32, "probationary_elsewhere": np.int32,
    "answers": np.int32,
    "effective": np.int8,
}  # fmt: skip
# Those of them that are made of several fields.
_MADE: Final = ("formations", "instructed", "effective")
_ATTRIBUTES: Final[dict[str, type[np.generic]]] = {
    "org_no": np.int32, "kind": np.int8, "category": np.int8, "region": np.int32, "industry": np.int32,
    "employees": np.int32, "legal_person": np.bool_,
}  # fmt: skip
# The columns that count members, each member in one of them.
MEMBERS: Final = (
    "full_members", "probationary_members", "activists", "full_elsewhere", "probationary_elsewhere",
)  # fmt: skip
UNKNOWN: Final = -1
_INT32_MAX: Final = 2**31 - 1


def wire(entries: Sequence[Entry]) -> bytes:
    """The entries as COPY in binary takes them, with its header and trailer."""
    values = np.array([(*entry[:6], *entry.state) for entry in entries], np.int64)
    rows = np.zeros(len(entries), _WIRE)
    rows["fields"] = len(ENTRY_FIELDS)
    for i, name in enumerate(ENTRY_FIELDS):
        rows[f"{name}_length"] = rows.dtype[name].itemsize
        rows[name] = values[:, i]
    return COPY_HEADER + rows.tobytes() + COPY_TRAILER


def unwired(wire: bytes) -> NDArray[Any]:
    """Rows of `entry` in COPY's binary format, without its header and trailer, by the names of ENTRY_FIELDS."""
    return np.frombuffer(wire, _WIRE)


def kept(rows: Mapping[str, NDArray[Any]] | NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What the columns keep of rows of `entry`, which are given as arrays by the names of ENTRY_FIELDS."""
    found = {name: rows[name] for name in _KEPT if name not in _MADE}
    found["formations"] = (rows["standalone"] > 0) * 1 + (rows["joint"] > 0) * 2 + (rows["affiliated"] > 0) * 4
    found["instructed"] = rows["instructors"] > 0
    found["effective"] = (
        (rows["effective_standalone"] > 0) * 1
        + (rows["effective_joint"] > 0) * 2
        + (rows["effective_affiliated"] > 0) * 4
    )
    return found


def up_to(ordered: Int32, number: int) -> int:
    """How many of the numbers in ascending order are not above one.

    Of a number of its own type: with Python's, NumPy would first turn the whole array into 64 bits.
    """
    return int(np.searchsorted(ordered, np.int32(min(number, _INT32_MAX)), side="right"))


class Coded:
    """Distinct texts and their numbers, in order of first sight."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text, a new one if it was not seen before."""
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return found


class _Growing:
    """Arrays of one length that grow together by doubling."""

    def __init__(self, kinds: dict[str, type[np.generic]]) -> None:
        self.length = 0
        self._capacity = 1 << 12
        self.arrays: dict[str, NDArray[Any]] = {n: np.zeros(self._capacity, t) for n, t in kinds.items()}

    def extend(self, count: int, values: dict[str, Any]) -> None:
        end = self.length + count
        if end > self._capacity:
            # A third more, not twice: at millions of rows the spare room is what costs.
            self._capacity = max(end, self._capacity * 4 // 3)
            for name, array in self.arrays.items():
                larger = np.zeros(self._capacity, array.dtype)
                larger[: self.length] = array[: self.length]
                self.arrays[name] = larger
        for name, value in values.items():
            self.arrays[name][self.length : end] = value
        self.length = end

    def view(self) -> dict[str, NDArray[Any]]:
        return {name: array[: self.length] for name, array in self.arrays.items()}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The columns as of one position; later batches do not show in it.

    `entries` and `attributes` are arrays by name; `regions` and `industries` the texts that the
    arrays number; `answers` which bodies organizations answer to; `orgs` the identifiers by
    organization number. `coded` keeps what groupings make of the texts: by dimension, of how many,
    the number of each and what stands behind a number.
    """

    position: int
    entries: dict[str, NDArray[Any]]
    attributes: dict[str, NDArray[Any]]
    organizations: int
    orgs: Sequence[str]
    regions: Sequence[str]
    industries: Sequence[str]
    answers: "AnswersColumns"
    policies: Sequence[PolicyEntry]
    activity_policies: Sequence[ActivityPolicyEntry]
    coded: dict[str, tuple[int, NDArray[np.int64], list[str | None]]]

    def known(self, position: int) -> int:
        """How many entries were made by a position."""
        return up_to(self.entries["position"], position)

    def policy(self, day: int, known_at: int) -> Policy:
        """The policy in force on a day, as known at a position."""
        for entry in reversed(self.policies):
            if entry.position <= known_at and entry.day_from <= day < entry.day_to:
                counted: tuple[Formation, ...] = tuple(f for f in FORMATIONS if f in entry.formations_counted)
                return Policy(
                    entry.full_members_for_branch, entry.employees_for_branch, counted,
                    "here_and_elsewhere" if entry.members_counted == "here_and_elsewhere" else "here",
                    DEFAULT_POLICY.small_unit if entry.small_unit is None else entry.small_unit,
                )  # fmt: skip
        return DEFAULT_POLICY

    def activity_policy(self, day: int, known_at: int) -> ActivityPolicy | None:
        """The activity policy in force on a day, as known at a position; None where none is."""
        for entry in reversed(self.activity_policies):
            if entry.position <= known_at and entry.day_from <= day < entry.day_to:
                return entry.policy
        return None

    def is_judged(self, day: int, known_at: int) -> bool:
        """Whether an activity policy is in force on a day, as known at a position."""
        return self.activity_policy(day, known_at) is not None


class AttributesRow(NamedTuple):
    """What the columns keep of one row of `attributes`."""

    org_no: int
    kind: str
    category: str
    region: str
    industry: str | None
    employees: int | None
    legal_person: bool | None


class AnswersColumns(NamedTuple):
    """The distinct answers by number, of each kind of body the number of its text; UNKNOWN where nobody said.

    `of` grows at its end alone, and so do the texts.
    """

    of: Sequence[Answers]
    kinds: dict[str, Int32]
    texts: Sequence[str]


class Columns:
    """The growing columns; one thread adds, any number read snapshots."""

    def __init__(self) -> None:
        self._entries = _Growing(_KEPT)
        self._attributes = _Growing(_ATTRIBUTES)
        self._orgs: list[str] = []
        self._regions, self._industries = Coded(), Coded()
        self._policies: list[PolicyEntry] = []
        self._answers: list[Answers] = []
        self._bodies = Coded()
        self._by_kind: dict[str, list[int]] = {kind: [] for kind in BODY_KINDS}
        self.add_answers([NOTHING_SAID])
        self._activity_policies: list[ActivityPolicyEntry] = []
        self._coded: dict[str, tuple[int, NDArray[np.int64], list[str | None]]] = {}

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """How many entries, attributes, organizations, policies, answers and activity policies are in."""
        return (
            self._entries.length, self._attributes.length, len(self._orgs), len(self._policies), len(self._answers),
            len(self._activity_policies),
        )  # fmt: skip

    def add_entries(self, wire: bytes) -> None:
        """Add rows of `entry` in COPY's binary format, without its header and trailer."""
        rows = unwired(wire)
        self._entries.extend(len(rows), kept(rows))

    def add_attributes(self, rows: Sequence[AttributesRow]) -> None:
        """Add rows of `attributes`, in order of their numbers."""
        self._attributes.extend(
            len(rows),
            {
                "org_no": [r.org_no for r in rows],
                "kind": [KINDS.index(r.kind) for r in rows],
                "category": [CATEGORIES.index(r.category) for r in rows],
                "region": [self._regions.number(r.region) for r in rows],
                "industry": [UNKNOWN if r.industry is None else self._industries.number(r.industry) for r in rows],
                "employees": [UNKNOWN if r.employees is None else r.employees for r in rows],
                "legal_person": [says_legal_person(r.kind, r.category, r.legal_person) for r in rows],
            },
        )

    def add_organizations(self, orgs: Sequence[str]) -> None:
        """Add identifiers, in order of their numbers."""
        self._orgs.extend(orgs)

    def add_policies(self, policies: Sequence[PolicyEntry]) -> None:
        """Add policy entries, in order of position."""
        self._policies.extend(policies)

    def add_activity_policies(self, policies: Sequence[ActivityPolicyEntry]) -> None:
        """Add entries of the activity policy, in order of position."""
        self._activity_policies.extend(policies)

    def add_answers(self, answers: Sequence[Answers]) -> None:
        """Add answers, in order of their numbers."""
        for each in answers:
            for kind, body in zip(BODY_KINDS, each.bodies, strict=True):
                self._by_kind[kind].append(UNKNOWN if body is None else self._bodies.number(body))
        self._answers.extend(answers)

    def snapshot(self, position: int) -> Snapshot:
        """The columns as they stand, complete up to `position`."""
        return Snapshot(
            position, self._entries.view(), self._attributes.view(), len(self._orgs), self._orgs,
            self._regions.texts, self._industries.texts,
            AnswersColumns(
                self._answers,
                {kind: np.array(numbers, np.int32) for kind, numbers in self._by_kind.items()},
                self._bodies.texts,
            ),
            tuple(self._policies), tuple(self._activity_policies), self._coded,
        )  # fmt: skip
