"""`taizhang decide-match` and `undo-match`: what a person decides of two records, from a shell."""

from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

import typer

from domain.fieldwork.matching import Decision
from services.commands.client import Client, ServiceError
from services.commands.console import OUT, AsOf
from services.commands.sending import publish
from services.fieldwork.match_decisions import SOURCE, Answer, Said, match_event, standing_decision
from services.system.settings import SHANGHAI, load

Org = Annotated[str, typer.Argument(help="组织 the organization, by its code")]
Other = Annotated[str, typer.Argument(help="另一组织, 或走访 another organization, or a visit")]
Reason = Annotated[str, typer.Option(help="理由 why; it is recorded for good")]
Source = Annotated[str, typer.Option(help="来源 whose decision it is")]
_WORDS: Final = {True: "同一 the same", False: "不同 different"}


def decide_match(  # noqa: PLR0917 - typer reads options from parameters
    org: Org,
    other: Other,
    answer: Annotated[Literal["same", "different"], typer.Option(help="认定 what they are")],
    reason: Reason,
    as_of: AsOf = None,
    source: Source = SOURCE,
) -> None:
    """认定匹配 Decide that two records are the same organization, or are not; `taizhang matches` shows candidates.

    Example: taizhang decide-match uscc:91880107MA0000007X visit:880107-unknown-1 --answer same --reason 同址同人
    """
    _say(org, other, answer, as_of, reason, source)


def undo_match(org: Org, other: Other, reason: Reason, as_of: AsOf = None, source: Source = SOURCE) -> None:
    """撤销认定 Undo the decision of two records that stands; the pair is a candidate again.

    Example: taizhang undo-match uscc:91880107MA0000007X visit:880107-unknown-1 --reason 核实为两家
    """
    _say(org, other, "undo", as_of, reason, source)


def _say(org: str, other: str, answer: Answer, as_of: str | None, reason: str, source: str) -> None:  # noqa: PLR0917 - what is said
    on = datetime.now(SHANGHAI).date() if as_of is None else _day(as_of)
    with Client(load()) as client:
        made = client.get("/v1/matches", {"as_of": on.isoformat()})["decisions"]
        stands = standing_decision(map(_decision, made), org, other)
        event = match_event(Said(org, other, answer, on, reason, source), stands)
        if event is None:
            raise ServiceError(_nothing_to_do(org, other, stands))
        outcome = publish(client, iter([event]), lambda *_: None)
    if outcome.quarantined:
        _, quarantine_id, words = outcome.quarantined[0]
        raise ServiceError(f"the decision was refused and is kept in quarantine under {quarantine_id}: {words}")
    OUT.print(f"已记录 Recorded at position {outcome.position}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; give YYYY-MM-DD") from None


def _decision(shown: dict[str, Any]) -> Decision:
    """A decision as the service tells it."""
    undone_on = shown["undone_on"]
    days = {"decided_on": date.fromisoformat(shown["decided_on"]), "undone_on": undone_on and _day(undone_on)}
    return Decision(**{**shown, **days})


def _nothing_to_do(org: str, other: str, stands: Decision | None) -> str:
    if stands is None:
        return f"no decision of {org} and {other} stands on that date; taizhang decide-match makes one"
    return (
        f"{stands.match} stands since {stands.decided_on}: {org} and {other} are {_WORDS[stands.same]} "
        f"({stands.reason}); taizhang undo-match undoes it first"
    )
