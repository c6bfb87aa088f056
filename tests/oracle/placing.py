"""Bodies and the organizations that answer to them (domain.md, "Bodies: who answers for whom").

A placement takes effect once its body exists, on its day or later. Of the placements in effect of one kind the one
that was said last stands, the others are over; it counts while its body exists.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NONE = "none"


@dataclass
class Body:
    kind: str
    name: str
    parent: str | None


@dataclass
class Placement:
    """Where an organization was said to be: under a body, or under none of a kind (`body` null)."""

    body: str | None
    # Null until the body has existed at or after the placement.
    kind: str | None


def in_circle(start: str, parent: str | None, parent_of: Callable[[str], str | None]) -> bool:
    """Whether `start` under `parent` would stand above itself."""
    while parent is not None:
        if parent == start:
            return True
        parent = parent_of(parent)
    return False


def parent_of(bodies: Mapping[str, Body], body: str) -> str | None:
    found = bodies.get(body)
    return found.parent if found else None


def _settle(placements: list[Placement]) -> list[Placement]:
    """Of those in effect of one kind the last alone stays."""
    last = {placement.kind: placement for placement in placements if placement.kind}
    return [placement for placement in placements if placement.kind is None or last[placement.kind] is placement]


def place(
    placements: dict[str, list[Placement]], bodies: Mapping[str, Body], org: str, data: Mapping[str, Any]
) -> None:
    body = data["body"]
    there = placements.get(org, [])
    if body is None:
        placement = Placement(None, data["kind"])
    else:
        there = [placement for placement in there if placement.body != body]
        placement = Placement(body, bodies[body].kind if body in bodies else None)
    placements[org] = _settle([*there, placement])


def unplace(placements: dict[str, list[Placement]], org: str, body: str) -> str | None:
    there = placements.get(org, [])
    placements[org] = [placement for placement in there if placement.body != body]
    return None if len(placements[org]) < len(there) else "not_placed"


def apply(
    bodies: dict[str, Body], placements: dict[str, list[Placement]], name: str, data: Mapping[str, Any]
) -> str | None:
    """What a body's fact does; the anomaly's code where it contradicts what stands."""
    body = data["body"]
    known = bodies.get(body)
    if name == "created":
        if known:
            return "already_created"
        created = bodies[body] = Body(data["kind"], data["name"], None)
        for org, there in placements.items():
            for placement in there:
                if placement.body == body:
                    placement.kind = created.kind
            placements[org] = _settle(there)
        return _put_under(bodies, body, data["parent"]) if "parent" in data else None
    if not known:
        return "not_created"
    if name == "closed":
        del bodies[body]
        return None
    known.name = data.get("name", known.name)
    return _put_under(bodies, body, data["parent"]) if "parent" in data else None


def _put_under(bodies: Mapping[str, Body], body: str, parent: str | None) -> str | None:
    if in_circle(body, parent, lambda at: parent_of(bodies, at)):
        return "parent_in_circle"
    bodies[body].parent = parent
    return None


def chain(bodies: Mapping[str, Body], body: str) -> list[str]:
    """The body and those above it, from the top down; a parent that does not exist, or is of another kind, is none."""
    above = [body]
    while True:
        parent = bodies[above[-1]].parent
        if parent is None or parent not in bodies or bodies[parent].kind != bodies[body].kind:
            return above[::-1]
        above.append(parent)


def answers_to(bodies: Mapping[str, Body], there: list[Placement]) -> dict[str, str]:
    """By kind, the body that the placements `there` mean (`none` where it was said that there is none)."""
    found = {}
    for placement in there:
        if placement.body is None and placement.kind:
            found[placement.kind] = NONE
        elif placement.kind and placement.body is not None and placement.body in bodies:
            found[placement.kind] = placement.body
    return found
