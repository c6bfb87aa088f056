"""Supervision orders (督办单): issued to an office, acknowledged, answered, sent back, closed; each an event.

Every act names the division of the office that the order was issued to: who may say it, and who is told of it, goes by
that.
"""

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from domain.values.fields import CalendarDate, Days, FactData, Named, OfficeId, RegionCode, Remark
from domain.values.reach import Reach

OrderId = Annotated[str, Named("order")]
# What an order is about; words of one's own stand beside it, in `asks`.
OrderGround = Literal[
    "measures_overdue", "rectification_overdue", "survey_behind", "target_behind", "data_in_doubt", "other"
]  # fmt: skip
OrderAnswer = Literal["done", "under_way", "not_possible"]
SentBackFor = Literal["incomplete", "not_shown", "other"]
OrderOutcome = Literal["done", "withdrawn", "overtaken"]
LEVELS_MAX: Final = 4


def _each_once(offices: list[str]) -> list[str]:
    if len(set(offices)) != len(offices):
        raise PydanticCustomError("office_repeated", "an order rises to each office once; name it once")
    return offices


def _due_later(said_on: date, due_on: date) -> None:
    if due_on < said_on:
        raise PydanticCustomError(
            "due_before_said", "an answer is due on the day of the act or later; name a later day"
        )


class OrderIssued(FactData):
    """An order to an office of a division, by another one; `by_region` is null where that is the whole city's.

    Unanswered at the end of `due_on` it rises to the first of `rises_to` on the day after, and to the next one every
    `rise_days` days.
    """

    identifier = "order"
    reach = Reach.AS_ITS_ISSUER
    order: OrderId
    office: OfficeId
    region: RegionCode
    by: OfficeId
    by_region: RegionCode | None
    ground: OrderGround
    asks: Remark
    due_on: CalendarDate
    rises_to: Annotated[list[OfficeId], Field(max_length=LEVELS_MAX, default_factory=list), AfterValidator(_each_once)]
    rise_days: Days = 7

    @model_validator(mode="after")
    def _in_order(self) -> "OrderIssued":
        _due_later(self.effective_on, self.due_on)
        return self


class OrderAcknowledged(FactData):
    identifier = "order"
    reach = Reach.WHAT_IT_NAMES
    order: OrderId
    region: RegionCode


class OrderAnswered(FactData):
    identifier = "order"
    reach = Reach.WHAT_IT_NAMES
    order: OrderId
    region: RegionCode
    says: OrderAnswer
    remark: Remark | None = None


class OrderSentBack(FactData):
    """The answer will not do: the order is unanswered again, until another date."""

    identifier = "order"
    reach = Reach.AS_ITS_ISSUER
    order: OrderId
    region: RegionCode
    lacks: SentBackFor
    remark: Remark | None = None
    due_on: CalendarDate

    @model_validator(mode="after")
    def _in_order(self) -> "OrderSentBack":
        _due_later(self.effective_on, self.due_on)
        return self


class OrderClosed(FactData):
    identifier = "order"
    reach = Reach.AS_ITS_ISSUER
    order: OrderId
    region: RegionCode
    outcome: OrderOutcome
