"""A file that cannot be read as a full list."""

from collections.abc import Callable

from domain.fieldwork.lists import Refusal
from services.system.errors import TaizhangError


class ListRefusedError(TaizhangError):
    """The whole file is refused; `refusal` names where, the rule and the remedy."""

    def __init__(
        self, rule: str, message: str, *, row: int = 0, column: str = "", value: str = "", sheet: str = ""
    ) -> None:
        where = " ".join(filter(None, (sheet and f"sheet {sheet}", f"row {row}" if row else "")))
        super().__init__(f"{where}: {message}" if where else message)
        self.refusal = Refusal(row, column, value, rule, message, sheet)

    def __reduce__(self) -> tuple[Callable[[Refusal], "ListRefusedError"], tuple[Refusal]]:
        """It may have to come from another process."""
        return _again, (self.refusal,)


def _again(refusal: Refusal) -> ListRefusedError:
    row, column, value, rule, message, sheet, _ = refusal
    return ListRefusedError(rule, message, row=row, column=column, value=value, sheet=sheet)
