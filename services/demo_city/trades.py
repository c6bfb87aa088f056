"""Industries (GB/T 4754-2017) with plausible shares, and names of organizations."""

import random
from typing import Final

from services.demo_city.places import PLACES

INTERNET: Final = "I64"
_INTERNET_CODES: Final = ("I64", "I64", "I64", "I641", "I642", "I642", "I643", "I644", "I645", "I649")

# Division, share among companies, share among sole proprietors, and the trade's word in a name.
_TRADES: Final = (
    ("A01", 1.6, 0.8, "农业"), ("A05", 0.8, 0.3, "农机服务"), ("C13", 2.0, 0.9, "粮油加工"), ("C14", 1.4, 0.6, "食品"),
    ("C17", 1.2, 0.1, "纺织"), ("C18", 1.8, 0.8, "服饰"), ("C20", 1.0, 0.5, "木业"), ("C21", 1.5, 0.3, "家具"),
    ("C23", 1.0, 0.2, "印务"), ("C26", 1.4, 0.0, "化工"), ("C29", 1.6, 0.0, "塑业"), ("C30", 2.0, 0.2, "建材"),
    ("C33", 2.4, 0.3, "金属制品"), ("C34", 2.2, 0.0, "机械"), ("C38", 1.7, 0.0, "电气"), ("C39", 1.9, 0.0, "电子"),
    ("D44", 0.3, 0.0, "新能源"), ("E47", 2.2, 0.0, "建筑工程"), ("E48", 2.1, 0.0, "市政工程"),
    ("E50", 4.6, 1.2, "装饰"), ("F51", 16.0, 7.0, "贸易"), ("F52", 9.0, 30.0, "百货"), ("G54", 3.0, 2.4, "运输"),
    ("G59", 1.6, 0.2, "仓储"), ("G60", 1.0, 0.9, "快递服务"), ("H61", 1.3, 1.4, "宾馆"), ("H62", 4.2, 19.0, "餐饮"),
    ("I65", 3.4, 0.0, "软件"), ("J69", 0.3, 0.0, "信息咨询"), ("K70", 3.1, 0.8, "房产经纪"), ("L71", 1.1, 0.6, "租赁"),
    ("L72", 7.8, 0.7, "商务服务"), ("M73", 1.1, 0.0, "科技"), ("M74", 2.4, 0.2, "检测技术"),
    ("M75", 2.3, 0.1, "技术推广"),
    ("N78", 0.9, 0.2, "环卫"), ("O80", 1.9, 11.0, "美容美发"), ("O81", 1.5, 6.5, "汽车修理"), ("O82", 1.0, 2.2, "家政"),
    ("P83", 1.5, 0.6, "教育"), ("Q84", 0.7, 0.7, "诊所"), ("R88", 0.8, 0.2, "文化传媒"), ("R89", 0.6, 0.5, "健身"),
    ("R90", 0.8, 1.6, "娱乐"),
)  # fmt: skip
_COMPANIES: Final = [share for _, share, _, _ in _TRADES]
_SHOPS: Final = [share for _, _, share, _ in _TRADES]
_WORDS: Final = {code: word for code, _, _, word in _TRADES} | {INTERNET: "网络科技"}

# Of each category: the industry, words of a name, and the offices that supervise it (主管单位).
_SOCIAL: Final = {
    "association": (
        "S95",
        ("行业协会", "商会", "志愿者协会", "体育协会", "书画协会", "学会"),
        ("工商业联合会", "体育局", "民政局", "科学技术协会"),
    ),
    "service_institution": (
        "P83",
        ("幼儿园", "培训学校", "职业技能培训中心"),
        ("教育局", "人力资源和社会保障局"),
    ),
    "foundation": ("S95", ("慈善基金会", "教育基金会"), ("民政局",)),
}
_CARE: Final = ("Q85", ("社会工作服务中心", "养老服务中心", "助残服务中心"), ("民政局", "残疾人联合会"))

# All that a social organization of a county may have, without the county's name.
SUPERVISORS: Final = tuple(
    dict.fromkeys(each for *_, supervisors in (*_SOCIAL.values(), _CARE) for each in supervisors)
)

_BRAND_FIRST: Final = "瑞恒嘉盛鼎昊泽宏锦辰启博盈诚茂源晟铭悦卓优汇聚凯旭朗翔逸馨雅"
_BRAND_SECOND: Final = "达通和兴泰丰联创科信航远森润邦捷益华景川禾木石云帆成顺安康宁"


def industry(rng: random.Random, category: str) -> str:
    """A division's code for an economic organization outside internet services."""
    return rng.choices(_TRADES, _SHOPS if category == "sole_proprietor" else _COMPANIES)[0][0]


def internet_industry(rng: random.Random) -> str:
    """I64 (互联网和相关服务), now and then down to the group of three digits."""
    return _INTERNET_CODES[int(rng.random() * len(_INTERNET_CODES))]


def _brand(rng: random.Random) -> str:
    number = int(rng.random() * len(_BRAND_FIRST) * len(_BRAND_SECOND) * len(_BRAND_FIRST))
    number, third = divmod(number, len(_BRAND_FIRST))
    first, second = divmod(number, len(_BRAND_SECOND))
    ending = _BRAND_FIRST[third] if number % 3 == 0 else ""
    return _BRAND_FIRST[first] + _BRAND_SECOND[second] + ending


def company_name(rng: random.Random, category: str, county: str, code: str) -> str:
    """A name as the market registry would enter it: place, brand, trade, form."""
    place = PLACES[county].zh
    word = _WORDS[code[:3]]
    if category == "sole_proprietor":
        return f"{place}{_brand(rng)}{word}店"
    if category == "foreign_enterprise":
        return f"{_brand(rng)}{word}（澜渡）有限公司"
    return f"{place[:2]}{_brand(rng)}{word}有限公司"


def social_organization(rng: random.Random, category: str, county: str) -> tuple[str, str, str]:
    """Name, industry and supervisor (主管单位) of a social organization."""
    code, words, supervisors = _SOCIAL[category]
    if category == "service_institution" and rng.random() < 0.45:
        code, words, supervisors = _CARE
    place = PLACES[county].zh
    name = f"{place}{_brand(rng)}{rng.choice(words)}"
    return name, code, f"{place}{rng.choice(supervisors)}"


def address(rng: random.Random, region: str) -> str:
    """An address below the place that the region code names."""
    street = _BRAND_SECOND[int(rng.random() * len(_BRAND_SECOND))] + _BRAND_FIRST[int(rng.random() * 30)]
    return f"{PLACES[region].zh}{street}路{1 + int(rng.random() * 400)}号"
