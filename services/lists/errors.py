"""A file that cannot be read as a full list."""

from domain.lists import Refusal
from services.errors import TaizhangError


class ListRefusedError(TaizhangError):
    """The whole file is refused; `refusal` names where, the rule and the remedy."""

    def __init__(self, rule: str, message: str, *, row: int = 0, column: str = "", value: str = "") -> None:
        where = f"row {row}: " if row else ""
        super().__init__(f"{where}{message}")
        self.refusal = Refusal(row, column, value, rule, message)
