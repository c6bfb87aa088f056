"""Matching: how alike two records are, and what persons have decided of them."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from domain.events.facts import Fact

DECIDED: Final = "taizhang.match.decided.v1"
# Legal forms say nothing of who it is; a group, a shop, a works or a centre does.
_FORMS: Final = re.compile(
    r"股份有限公司|有限责任公司|有限公司|分公司|(?<!总)公司|个体工商户|(?:普通|有限|特殊普通)合伙"
)
_OUTSIDE: Final = re.compile(r"[\s\[\]【】<>《》〈〉「」『』\"'“”‘’·•.,、,;:：\-—–_/\\|*#&+]+")
_BRACKETS: Final = re.compile(r"\(([^()]*)\)")
# A unit of administration before another: what ends so by chance (超市, 门市, 社区, 园区) is none.
_UNIT: Final = r"[\u4e00-\u9fff]{1,6}?(?:省|自治区|(?<![超门夜早菜花集都城])市(?!场)|自治州|(?<![社小园景校厂])区|县)"
_SUFFIX: Final = re.compile(r"(?:特别行政区|[壮回维藏蒙]?[古吾尔族]{0,3}自治[区州县]|地区|新区|省|市|区|县|旗)$")
_DIGITS: Final = {each: value for value, each in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
    "壹": 1,
    "贰": 2,
    "叁": 3,
}
_NUMBER: Final = re.compile(
    r"第?([0-9]+|[零〇一二两三四五六七八九十百壹贰叁]+)(?=分?[店号部厂院校园期组队站场楼层所连坊馆座栋室区门小中高分]|$)"
    r"|第([0-9]+|[零〇一二两三四五六七八九十百]+)|([0-9]+)|([a-z])(?=[店区座馆栋楼])"
)
_SIDES: Final = re.compile(r"[东西南北上下前后左右内外]")
_BRANCH: Final = re.compile(r"分公司|分店|分部|分院|分校|分会|分行|分所|分园|分厂|门店|营业部|办事处|连锁店")
# What many names have alike: trades, services, kinds of premises.
_WORDS: Final = (
    "超市|便利店|便利|商贸|贸易|商务|商业|百货|五金|建材|家具|家居|家政|家电|电器|"
    "电子商务|电子|网络|信息|技术|科技|软件|数码|通讯|手机|餐饮|餐厅|餐馆|饭店|饭庄|"
    "酒店|酒楼|宾馆|旅馆|民宿|小吃|面馆|火锅|烧烤|快餐|早餐|奶茶|茶楼|茶叶|咖啡|蛋糕|"
    "烘焙|食品|食堂|水果|生鲜|蔬菜|粮油|副食|烟酒|药房|药店|大药房|医药|医院|诊所|门诊|"
    "口腔|卫生|健康|养老|居家|日间|照料|护理|托育|社区|小区|园区|小镇|农贸|市场|批发|"
    "零售|物流|快递|速运|配送|运输|货运|客运|出租|汽车|汽修|维修|修理|洗车|驾驶|建筑|"
    "建设|装饰|装修|工程|设计|咨询|策划|文化|传媒|传播|广告|艺术|教育|培训|学校|幼儿园|"
    "中学|小学|辅导|图书|书店|文具|图文|打印|印刷|包装|机械|设备|制造|加工|模具|塑料|"
    "化工|金属|服装|服饰|鞋业|纺织|美容|美发|理发|健身|体育|摄影|鲜花|花店|花卉|宠物|"
    "眼镜|珠宝|玻璃|门窗|物业|房地产|置业|投资|实业|发展|国际|供应链|管理|服务|经营|"
    "经销|销售|农业|种植|养殖|合作社|农民|专业|律师|会计|会计师|税务|税务师|事务所|"
    "研究院|研究所|研究|基金会|促进会|促进|志愿者|志愿|公益|慈善|社会|工作|协会|商会|"
    "学会|联合会|行业|中心|集团|总公司|工作室|工厂|商行|商店|经营部|门市部|经营店|分店|"
    "门店|连锁|连锁店|骑手|外卖|网约车|货车|司机|站点|便民|综合|服务处|校区"
)
_TRADES: Final = re.compile(
    "|".join(sorted(_WORDS.split("|"), key=len, reverse=True)) + "|[店厂部馆坊站铺屋行社会所院]$"
)


class Plain(NamedTuple):
    """A name as it is compared: without place and legal form; the part that is its own; the marks of one among several.

    Attributes:
        text: all that is left.
        own: of it what is no trade, service or kind of premises.
        marks: numbers (as digits), letters and sides in order, and a branch's mark. Names whose marks differ are not
            alike: 一店 and 二店, 东门 and 西门, a firm and its branch.
    """

    text: str
    own: str
    marks: tuple[str, ...]


Pair = frozenset[str]


class Decision(NamedTuple):
    """What a person decided of two records; `undone_on` is None while it stands."""

    match: str
    org: str
    other: str
    same: bool
    reason: str
    decided_on: date
    undone_on: date | None
    undone_reason: str | None
    decided_by: Sequence[int]


class Contradicted(NamedTuple):
    """A fact without effect: decided while a decision of the name or the pair stands, or undone while none does."""

    match: str
    contradiction: Literal["already_decided", "not_decided"]
    position: int


def plain_name(name: str, places: Sequence[str] = ()) -> Plain:
    """A name without the places that all names of the county share, legal form, brackets and white space.

    澜渡市高朗区瑞达（商贸）有限公司 gives 瑞达商贸.

    Args:
        name: as a registry or a grid worker has it, in simplified characters and one width.
        places: names of the county and of what it is in. Of smaller ones none: they tell names apart.
    """
    known = [each for place in places for each in (place, _SUFFIX.sub("", place)) if len(each) > 1]
    text = _bracketed(name)
    text = _BRACKETS.sub(lambda found: "" if found[1] in known else found[1], text).replace("(", "").replace(")", "")
    marks = (*_marks(text),)
    text = _NUMBER.sub(_in_digits, text)
    stripped = _FORMS.sub("", text) or text
    if known:
        stripped = _without_places(stripped, sorted(known, key=len, reverse=True))
    return Plain(stripped, _own(stripped), marks)


def closed_up(name: str) -> str:
    """A name in one width and in small letters, without brackets, punctuation and white space; nothing else is lost."""
    return _bracketed(name).replace("(", "").replace(")", "")


def _bracketed(name: str) -> str:
    """As `closed_up`, with what brackets there are as round ones."""
    return _OUTSIDE.sub("", unicodedata.normalize("NFKC", name).lower().replace("〔", "(").replace("〕", ")"))


def _own(text: str) -> str:
    before = None
    while before != text:
        before, text = text, _TRADES.sub("", text)
    return text


def _without_places(text: str, known: Sequence[str]) -> str:
    """Places off the front one after another, units that stand before a known one with it, while something is left."""
    front = re.compile(rf"(?:{_UNIT}){{0,2}}?(?:{'|'.join(map(re.escape, known))})[省市区县]?")
    while (found := front.match(text)) and _own(text[found.end() :]):
        text = text[found.end() :]
    return text


def _in_digits(found: re.Match[str]) -> str:
    return found[4] or str(_number(next(filter(None, found.groups()))))


def _marks(text: str) -> Iterator[str]:
    yield from map(_in_digits, _NUMBER.finditer(text))
    yield from _SIDES.findall(text)
    if _BRANCH.search(text):
        yield "branch"


def _number(text: str) -> int:
    if text.isdecimal() and text.isascii():
        return int(text[:18])
    value, digit = 0, 0
    for each in text:
        unit = {"十": 10, "百": 100}.get(each)
        if unit is None:
            digit = digit * 10 + _DIGITS[each]
        else:
            value, digit = value + (digit or 1) * unit, 0
    return value + digit


def match_of(org: str, other: str, after: int) -> str:
    """The name of a decision of two records, whichever is named first.

    It is of the pair and of the state that it is made on: `after` is the position of the last event that speaks of the
    pair, 0 before the first. Two decisions made on one state have one name.
    """
    pair = " ".join(sorted((org, other)))
    return f"match:{hashlib.sha256(pair.encode()).hexdigest()[:32]}-{after}"


def pair_of(data: Mapping[str, Any]) -> Pair:
    """The two records that a decision is of, by its event's data."""
    return frozenset((data["org"], data.get("other") or data["visit"]))


def decisions(facts: Iterable[Fact]) -> tuple[list[Decision], list[Contradicted]]:
    """Every decision after its facts, given in canonical order; once undone, the same pair may be decided anew.

    Of a pair one decision stands at most, whatever the names: another one made while it does has no effect.
    """
    found: dict[str, Decision] = {}
    standing: dict[Pair, str] = {}
    wrong: list[Contradicted] = []
    for fact in facts:
        before = found.get(fact.entity)
        stands = before is not None and before.undone_on is None
        if fact.type == DECIDED:
            pair = pair_of(fact.data)
            if stands or pair in standing:
                wrong.append(Contradicted(fact.entity, "already_decided", fact.position))
            else:
                found[fact.entity], standing[pair] = _decided(fact), fact.entity
        elif before is None or not stands:
            wrong.append(Contradicted(fact.entity, "not_decided", fact.position))
        else:
            found[fact.entity] = _undone(before, fact)
            del standing[frozenset((before.org, before.other))]
    return list(found.values()), wrong


def _decided(fact: Fact) -> Decision:
    data = fact.data
    other = data.get("other") or data["visit"]
    return Decision(
        fact.entity, data["org"], other, data["same"], data["reason"], fact.effective_on, None, None, fact.decided_by
    )


def _undone(before: Decision, fact: Fact) -> Decision:
    decided_by = (*before.decided_by, *fact.decided_by)
    return before._replace(undone_on=fact.effective_on, undone_reason=fact.data["reason"], decided_by=decided_by)


def decided_pairs(made: Iterable[Decision]) -> frozenset[Pair]:
    """The pairs of which a decision stands, whichever it is."""
    return frozenset(frozenset((each.org, each.other)) for each in made if each.undone_on is None)
