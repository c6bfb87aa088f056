"""`taizhang reconcile`: a full list beside the source's facts, and what would be published."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from domain.events.facts import Fact
from domain.events.lists import ListProfiled
from domain.fieldwork.list_cells import Cell
from domain.fieldwork.lists import Listed, Refusal, RowRefusedError, compare, event, listed
from services.lists import delimited, workbook
from services.lists.errors import ListRefusedError
from services.lists.headings import Sorter
from services.lists.scratch import Scratch, keep_list

FILE_BYTES_MAX: Final = 512 << 20
# Up to this size the start of another process would cost more than it saves.
TOGETHER_BYTES_MAX: Final = 24 << 20
SAMPLES_MAX: Final = 10
REFUSALS_KEPT_MAX: Final = 100
_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"


@dataclass(slots=True)
class Report:
    """What a list says beside its source's facts.

    Attributes:
        file: its name, SHA-256, size in bytes and encoding.
        rows: how many rows of each sort: `row`, `repeated`, `blank`, `total`, `note`, `heading`.
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

    @property
    def held_back(self) -> bool:
        """Whether a person must confirm the number of deregistrations first."""
        percent_max = self.profile.deregistered_percent_max if self.profile else 0
        return self.differences["deregistered"] * 100 > self.active * percent_max

    def hindrance(self, confirmed: int | None) -> str | None:
        """Why the differences may not be published, and the remedy; None if they may.

        Args:
            confirmed: the number of deregistrations that a person has confirmed, if any.
        """
        if self.refused:
            return (
                f"{self.refused} rows cannot be read, and organizations missed in them would seem deregistered; "
                "correct the rows named and send the list again"
            )
        if not self.rows["row"]:
            return "the list holds no organization; check that it is the whole list"
        gone = self.differences["deregistered"]
        if self.held_back and confirmed != gone:
            return (
                f"the list would deregister {gone} of {self.active} active organizations, over the limit of "
                f"{self.profile.deregistered_percent_max if self.profile else 0} %; if that is so, confirm the number: "
                f"--confirm {gone}"
            )
        return None

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
            "active": self.active,
            "differences": {name: self.differences[name] for name in names},
            "fields": dict(self.fields),
            "samples": self.samples,
            "left_out": self.left_out,
            "refused": self.refused,
            "refusals": [refusal._asdict() for refusal in self.refusals],
            "needs_confirmation": self.differences["deregistered"] if self.held_back else None,
        }


def read_rows(path: Path) -> tuple[Iterator[tuple[int, list[Cell]]], str]:
    """The rows of a file, and how they are written: `xlsx`, or a text encoding.

    Raises:
        ListRefusedError: it is neither a workbook nor a text, or too large.
    """
    size = path.stat().st_size
    if size > FILE_BYTES_MAX:
        raise ListRefusedError("file_size", f"the file has over {FILE_BYTES_MAX >> 20} MiB; send it in parts by region")
    with path.open("rb") as file:
        begin = file.read(4)
    if begin == _ZIP:
        return workbook.rows(path), "xlsx"
    if begin == _OLD_EXCEL:
        raise ListRefusedError(
            "old_excel", "this is an Excel file of before 2007, or one with a password; save it as .xlsx without one"
        )
    encoding = delimited.encoding_of(path)
    return ((number, list(row)) for number, row in delimited.rows(path, encoding)), encoding


def reconcile(  # noqa: PLR0917 - one question
    path: Path, source: str, as_of: date, profile: ListProfiled | None, facts: Iterable[Fact], scratch: Scratch
) -> Report:
    """Compare a list with its source's facts; the events that make both agree are kept in `scratch`.

    Args:
        path: the list.
        source: whose list it is.
        as_of: the date whose end it describes.
        profile: how its columns are named; None: by the usual headings.
        facts: the source's own facts of organizations that stand, effective by the date.
        scratch: an empty scratch space.

    Raises:
        ListRefusedError: the file cannot be read as a list at all.
    """
    if path.stat().st_size > TOGETHER_BYTES_MAX:
        # The facts come in while another process reads the list.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            reading = pool.submit(read_list, path, source, as_of, profile, scratch.folder)
            scratch.add_facts(facts)
            report = reading.result()
    else:
        report = read_list(path, source, as_of, profile, scratch.folder)
        if not report.refused:
            scratch.add_facts(facts)
    if not report.refused:
        scratch.attach_list()
        _compare(report, scratch)
    return report


def read_list(path: Path, source: str, as_of: date, profile: ListProfiled | None, folder: Path) -> Report:
    """Read a list, as `reconcile` says; its rows are kept in the folder, what cannot be read is in the report."""
    rows, encoding = read_rows(path)
    report = Report(source, as_of, {**_about(path), "encoding": encoding})
    sorter = Sorter(source, as_of.isoformat(), profile)
    for again in keep_list(folder, _read(report, sorter, rows)):
        report.rows["repeated"] += 1
        if not again.equal:
            message = f"row {again.first} says otherwise of {again.org}; leave only the right one of the two"
            report.refuse(Refusal(again.row, _code_column(sorter), again.org, "listed_twice", message))
    report.profile = sorter.profile
    return report


def _about(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "sha256": digest, "bytes": path.stat().st_size}


def _code_column(sorter: Sorter) -> str:
    return sorter.profile.columns["org"] if sorter.profile else ""


def _read(report: Report, sorter: Sorter, rows: Iterator[tuple[int, list[Cell]]]) -> Iterator[tuple[int, Listed]]:
    """The organizations, each with its row's number; all else goes into the report."""
    for each in sorter.sort(rows):
        report.rows[each.what] += 1
        if each.what in ("total", "note") and len(report.left_out) < SAMPLES_MAX:
            report.left_out.append({"row": each.number, "what": each.what, "shown": each.shown})
        if each.what != "row" or sorter.profile is None:
            continue
        try:
            yield each.number, listed(each.number, each.cells, sorter.profile)
        except RowRefusedError as error:
            report.refuse(error.refusal)


def _compare(report: Report, scratch: Scratch) -> None:
    assert report.profile is not None  # noqa: S101 - as above
    for org, before, now in scratch.pairs(report.as_of):
        difference, data = compare(before, now)
        report.active += before.attributes is not None
        if before.attributes is None and now is None:
            continue
        report.differences[difference] += 1
        if difference == "unchanged":
            continue
        samples = report.samples.setdefault(difference, [])
        if len(samples) < SAMPLES_MAX:
            name = before.attributes.name if before.attributes else data.get("name")
            was = {f: getattr(before.attributes, f) for f in data} if difference == "changed" else {}
            samples.append({"org": org, "name": name, "before": was, "after": data})
        if difference == "kind_differs":
            continue
        if difference == "deregistered":
            data = {"reason": report.profile.deregistered_reason}
        if difference == "changed":
            report.fields.update(data.keys())
        scratch.keep(event(report.source, org, difference, data, report.as_of, before.last_ns))
