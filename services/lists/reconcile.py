"""`taizhang reconcile`: a full list beside the source's facts, and what would be published."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.events.lists import HEADING_LENGTH_MAX, KEPT_ROWS_MAX, ListProfiled
from domain.fieldwork.list_sets import Settled
from domain.fieldwork.list_statements import WHOLE, Part
from domain.fieldwork.lists import GONE, NOWHERE, Listed, Refusal, RowRefusedError, listed
from domain.ledger.entities import Attributes
from domain.listing.list_columns import counts_members, plain_heading
from domain.listing.list_places import Places
from services.lists.facts import Heard, hear
from services.lists.plan import SAMPLES_MAX, Ask, Plan, Planner, new_statement
from services.lists.reading import Reading
from services.lists.scratch import Scratch, keep_list

# Up to this size the start of another process would cost more than it saves.
TOGETHER_BYTES_MAX: Final = 24 << 20
REFUSALS_KEPT_MAX: Final = 100
# What is over may say so in another column too.
_ENDED: Final = frozenset(("ended", "over_unread"))
UNREAD_MAX: Final = 200
UNREAD_SHOWN_MAX: Final = 20


@dataclass(slots=True)
class Report:
    """What a list says beside its source's facts.

    Attributes:
        file: its name, SHA-256, size in bytes and encoding.
        rows: how many rows of each sort: `row`, `repeated`, `gone` (rows whose state says that the registration is
            over), `blank`, `total`, `note`, `heading`.
        reading: the sheets, and every column with what became of it (`Reading.as_json`).
        unread: columns that are not read, and that no list of the source was published without before.
        differences: organizations by difference (`registered`, `changed`, `deregistered`, `unchanged`, `kind_differs`).
        fields: of those changed, how many by field.
        samples: by difference the first ten, with what changes.
        active: organizations that the source's facts have active at the end of the date.
        refused: how many rows cannot be read; `refusals` holds the first hundred.
    """

    source: str
    as_of: date
    file: dict[str, Any]
    profile: ListProfiled | None = None
    rows: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    active: int = 0
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    plan: Plan | None = None
    reading: dict[str, Any] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    @property
    def held_back(self) -> bool:
        """Whether a person must confirm the plan first, for it takes many organizations away."""
        percent_max = self.profile.deregistered_percent_max if self.profile else 0
        return self.plan is not None and self.plan.gone * 100 > self.active * percent_max

    def hindrance(self, confirmed: str | None, since: str = "") -> str | None:
        """Why the plan may not be published, and the remedy; None if it may.

        Args:
            confirmed: the name of the plan that a person has looked at and confirmed, if any.
            since: what came since then, in words.
        """
        if self.refused:
            return (
                f"{self.refused} rows cannot be read, and organizations missed in them would seem deregistered; "
                "correct the rows named and send the list again"
            )
        if not self.rows["row"]:
            return "the list holds no organization; check that it is the whole list"
        plan = self.plan
        assert plan is not None  # noqa: S101 - there is one where all rows were read
        if plan.kept_rows > KEPT_ROWS_MAX:
            return (
                f"{plan.kept_rows:,} rows say what this source's facts cannot be made to say (another kind, or another "
                f"source has the organization), at most {KEPT_ROWS_MAX:,} may; check the column of categories, or send "
                "the list in parts by region"
            )
        if confirmed is not None and confirmed.rpartition("-")[2] != plan.digest:
            why = f"since then came {since}" if since else "the file, its date, its part or the profile is another"
            return (
                f"this is another plan than the one confirmed ({confirmed}): {why}; nothing was published. Look at the "
                f"plan as it is, and confirm {plan.name}"
            )
        whys = self._to_be_confirmed(plan) if confirmed is None else []
        return f"{'; '.join(whys)}; if that is so, confirm this plan: --confirm {plan.name}" if whys else None

    def _to_be_confirmed(self, plan: Plan) -> list[str]:
        """What a person must have seen before the plan is published."""
        whys = []
        if self.unread and plan.events:
            names = ", ".join(self.unread[:UNREAD_SHOWN_MAX]) + (" …" if len(self.unread) > UNREAD_SHOWN_MAX else "")
            whys.append(
                f"{len(self.unread)} columns or hidden sheets are not read, and the ledger would not have what they "
                f"say: {names}. Name their fields in a profile (columns), or set them aside by name (set_aside)"
            )
        if self.held_back:
            whys.append(
                f"the list would deregister {plan.gone} of {self.active} active organizations, over the limit of "
                f"{self.profile.deregistered_percent_max if self.profile else 0} %"
            )
        return whys

    def refuse(self, refusal: Refusal) -> None:
        """Count a row that cannot be read, and keep why."""
        self.refused += 1
        if len(self.refusals) < REFUSALS_KEPT_MAX:
            self.refusals.append(refusal)

    def as_json(self) -> dict[str, Any]:
        """The report as answers show it."""
        names = ("registered", "changed", "deregistered", "unchanged", "kind_differs")
        return {
            "source": self.source,
            "as_of": self.as_of,
            "file": self.file,
            "profile": self.profile.model_dump(mode="json", exclude={"effective_on"}) if self.profile else None,
            "rows": dict(self.rows),
            **self.reading,
            "unread": self.unread,
            "active": self.active,
            "differences": {name: self.differences[name] for name in names},
            "fields": dict(self.fields),
            "samples": self.samples,
            "left_out": self.left_out,
            "refused": self.refused,
            "refusals": [refusal._asdict() for refusal in self.refusals],
            "needs_confirmation": self.plan.gone if self.plan and self.held_back else None,
            "part": self.plan.part.as_json() if self.plan else None,
            "elsewhere": self.plan.elsewhere if self.plan else 0,
            "ledger_lacks": {
                "count": self.plan.lacking_count,
                "samples": [each.as_json() for each in self.plan.lacking],
            }
            if self.plan
            else {"count": 0, "samples": []},
            "plan": self.plan.as_json() if self.plan else None,
        }


class Compared(NamedTuple):
    """What a list is compared with.

    Attributes:
        parts: what the source has said (`services.lists.facts.lines`), cut anywhere.
        ask: what other sources have of some organizations.
        part: which part of the source's stock the list is.
    """

    parts: Iterable[bytes]
    ask: Ask
    part: Part = WHOLE


def reconcile(  # noqa: PLR0917 - one question
    path: Path, source: str, as_of: date, profile: ListProfiled | None, beside: Compared, scratch: Scratch,
    places: Places = NOWHERE,
) -> Report:  # fmt: skip
    """Compare a list with what its source has said; the events of the plan are kept in `scratch`.

    Args:
        path: the list.
        source: whose list it is.
        as_of: the date whose end it describes.
        profile: how its columns are named; None: by the usual headings.
        beside: what it is compared with.
        scratch: an empty scratch space.
        places: the divisions by name, where the list names them so.

    Raises:
        ListRefusedError: the file cannot be read as a list at all.
    """
    heard = None
    if path.stat().st_size > TOGETHER_BYTES_MAX:
        # The facts come in while another process reads the list.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            reading = pool.submit(read_list, path, source, as_of, profile, scratch.folder, places, beside.part)
            heard = hear(beside.parts)
            scratch.add(heard.said)
            report = reading.result()
    else:
        report = read_list(path, source, as_of, profile, scratch.folder, places, beside.part)
        if not report.refused:
            heard = hear(beside.parts)
            scratch.add(heard.said)
    if heard is not None and not report.refused:
        scratch.attach_list()
        _compare(report, heard, beside, scratch)
    return report


def read_list(  # noqa: PLR0917 - one question
    path: Path, source: str, as_of: date, profile: ListProfiled | None, folder: Path, places: Places = NOWHERE,
    part: Part = WHOLE,
) -> Report:  # fmt: skip
    """Read a list, as `reconcile` says; its rows are kept in the folder, what cannot be read is in the report."""
    report = Report(source, as_of, _about(path))
    reading = Reading(path, source, as_of, profile)
    for again in keep_list(folder, _read(report, reading, places, part)):
        report.rows["repeated"] += 1
        if not again.equal:
            message = f"{reading.where(again.first)} says otherwise of {again.org}; leave only the right one of the two"
            refusal = Refusal(0, _code_column(reading), again.org, "listed_twice", message)
            report.refuse(reading.placed(again.row, refusal))
    report.profile = reading.profile
    report.file["encoding"] = reading.encoding
    report.reading = reading.as_json()
    return report


def _about(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "sha256": digest, "bytes": path.stat().st_size}


def _code_column(reading: Reading) -> str:
    return reading.profile.columns.get("org", "") if reading.profile else ""


def _read(report: Report, reading: Reading, places: Places, part: Part) -> Iterator[tuple[int, Listed]]:
    """The organizations, each with its row's number; all else goes into the report."""
    for each in reading.rows():
        report.rows[each.what] += 1
        if each.what in ("total", "note") and len(report.left_out) < SAMPLES_MAX:
            left = reading.placed(each.number, Refusal(0, "", "", "", ""))
            report.left_out.append({"row": left.row, "sheet": left.sheet, "what": each.what, "shown": each.shown})
        if each.what != "row":
            continue
        try:
            found = listed(0, each.cells, each.profile, places)
        except RowRefusedError as error:
            report.refuse(reading.placed(each.number, each.refusal or error.refusal))
            continue
        if GONE in found.fields:
            report.rows["gone"] += 1
        # What is over may say when it ended; nothing else of it is read.
        if each.refusal is not None and not (GONE in found.fields and each.refusal.rule in _ENDED):
            report.refuse(reading.placed(each.number, each.refusal))
            continue
        outside = _outside(found, part, each.profile.columns.get("region", "region"))
        if outside is not None:
            report.refuse(reading.placed(each.number, outside))
            continue
        yield each.number, found


def _outside(found: Listed, part: Part, column: str) -> Refusal | None:
    """Why a row has no place in a list of regions: its organization would stay as it is, unseen. None where it has."""
    region = found.fields.get("region")
    if not part.regions or GONE in found.fields or part.covers(region):
        return None
    message = f"this is a list of {', '.join(part.regions)}; leave the row to the list of its own region"
    return Refusal(0, column, str(region), "outside_part", message)


def _compare(report: Report, heard: Heard, beside: Compared, scratch: Scratch) -> None:
    profile = report.profile
    assert profile is not None  # noqa: S101 - headings or a profile were found, or the list was refused
    told = {"category", "name", "region"} | profile.columns.keys() | profile.constants.keys()
    fields = told.intersection(Attributes._fields)
    listed = (row.org for _, row in scratch.rows()) if beside.part.pages else ()
    rows = report.rows["row"] - report.rows["repeated"]
    new = new_statement(report.as_of, beside.part, fields, profile.deregistered_reason, rows, listed)
    unread = _unread(report)
    known = {name for each in heard.stated for name in each.unread}
    report.unread = [name for name in unread if name not in known]
    new = new._replace(unread=tuple(unread[:UNREAD_MAX]))
    planner = Planner(report.source, new, report.file["sha256"], heard, scratch, beside.ask)
    report.plan = planner.plan
    for org, found in planner.settled(scratch.pairs()):
        report.active += found.before is not None and found.change is not None
        if found.change is None:
            continue
        if found.change != "elsewhere":
            report.differences[found.change] += 1
        if found.change != "unchanged":
            _sample(report, org, found)


def _unread(report: Report) -> list[str]:
    """The headings of the columns that are not read, or their letters; and hidden sheets."""
    hidden = {
        f"sheet {each['sheet']}"[:HEADING_LENGTH_MAX] for each in report.reading["sheets"] if each["what"] == "hidden"
    }
    columns = [
        each for each in report.reading["columns"]
        if each["what"] == "not_read" and not counts_members(plain_heading(each["heading"]))
    ]  # fmt: skip
    return sorted({plain_heading(each["heading"])[:HEADING_LENGTH_MAX] or each["column"] for each in columns} | hidden)


def _sample(report: Report, org: str, found: Settled) -> None:
    """Keep the first of each difference, with what changes."""
    before, after = found.before, found.after
    changes = {}
    if before is not None and after is not None:
        changes = {name: value for name, value in after._asdict().items() if getattr(before, name) != value}
        report.fields.update(changes.keys())
    samples = report.samples.setdefault(str(found.change), [])
    if len(samples) < SAMPLES_MAX:
        shown = before or after
        was = {name: getattr(before, name) for name in changes}
        is_ = changes if before is not None else _given(after)
        samples.append({"org": org, "name": shown and shown.name, "before": was, "after": is_})


def _given(after: Attributes | None) -> dict[str, Any]:
    return {} if after is None else {name: value for name, value in after._asdict().items() if value is not None}
