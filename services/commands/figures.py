"""Rates as the shell shows them."""

from typing import Any, Final

RATE_TITLES: Final = {
    "organization_coverage": "组织覆盖率\norganization\ncoverage",
    "work_coverage": "工作覆盖率\nwork\ncoverage",
    "eligible_coverage": "应建已建率\neligible\ncoverage",
    "employee_coverage": "从业人员覆盖率\nemployee\ncoverage",
}


def rate_text(rate: dict[str, Any]) -> str:
    """A percentage of two places above both sides."""
    value = rate["value"]
    sides = f"{rate['numerator']:,}\n/ {rate['denominator']:,}"
    if value is None:
        return f"—\n{sides}"
    # Exact: four places of a ratio are two of a percentage.
    whole = value.replace(".", "").lstrip("0").rjust(3, "0")
    return f"{whole[:-2]}.{whole[-2:]}%\n{sides}"
