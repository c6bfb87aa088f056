"""The field's own words, and one word for one thing, wherever people read them."""

import re

import pytest

from api.fieldwork.due_dates import TITLES
from api.site.texts import TEXTS
from services.commands.inspection import SIGNAL_TITLES

# What offices write otherwise (党组织数 counts branches; 疑似重复登记 and the anomaly are registrations said twice).
UNSAID = re.compile(
    "(?<!党)组织数|组织名单|未组建|规模以上从业|层级|外资企业|撤回指导员|入册|出册|未经营|不在范围|矛盾|短命|临期|借调|空壳组织|"
    "跟得上|跟不上|名次|凭据|稽核|已知时点|隔离|重投|弃置|散列|(?<!县（市、)县区|区县|(?<!乡镇（)街道社区|乡镇街道|村社区"
)


def test_no_text_has_a_word_that_offices_do_not_use() -> None:
    found = {key: told["zh"] for key, told in TEXTS.items() if UNSAID.search(told["zh"])}
    assert found == {}


def test_industry_is_no_trade() -> None:
    assert [key for key, told in TEXTS.items() if re.search(r"\btrades?\b", told["en"], re.IGNORECASE)] == []


@pytest.mark.parametrize("signal", SIGNAL_TITLES)
def test_a_signal_has_one_name_in_shell_and_page(signal: str) -> None:
    told = TEXTS[f"signal.{signal}"]
    assert SIGNAL_TITLES[signal] == (told["zh"], told["en"])


@pytest.mark.parametrize("measure", TITLES)
def test_a_measure_has_one_name_in_calendar_and_page(measure: str) -> None:
    assert TITLES[measure] == TEXTS[f"measure.{measure}"]["zh"]


def test_every_text_has_the_same_places_in_both_languages() -> None:
    places = re.compile(r"{(\w+)")
    found = {
        key: told for key, told in TEXTS.items() if set(places.findall(told["zh"])) != set(places.findall(told["en"]))
    }
    assert found == {}
