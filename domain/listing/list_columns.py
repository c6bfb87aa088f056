"""The headings of lists: those of licences, statistics and offices' ledgers by field, and those never read."""

import re
from typing import Final, Literal

from domain.listing.list_cells import seen

ListField = Literal[
    "org", "category", "name", "region", "town", "village", "industry", "employees", "supervisor", "address", "status"
]

# The headings that registries and offices use, by field, the surer ones first; as `plain_heading` gives them.
USUAL_HEADINGS: Final[dict[ListField, tuple[str, ...]]] = {
    "org": (
        "统一社会信用代码", "社会信用代码", "信用代码", "统一代码", "法人单位统一社会信用代码", "统一社会信用代码证号",
        "统一信用代码", "统一社会信用代码(纳税人识别号)", "纳税人识别号(统一社会信用代码)",
        "机构代码或统一社会信用代码", "统一社会信用代码(注册号)", "统一社会信用代码/注册号", "注册号/统一社会信用代码",
        "群体编号", "编号代码", "组织机构代码", "登记证号", "注册号", "org",
    ),
    "name": (
        "名称", "企业名称", "单位名称", "单位名称(全称)", "单位全称", "企业全称", "企业名称(全称)", "单位详细名称",
        "法人单位名称", "社会组织名称", "组织名称", "机构名称", "市场主体名称", "经营主体名称", "主体名称", "群体名称",
        "name",
    ),
    # In ledgers of social organizations 社会组织性质 is the kind of registration, 类别 the field of work.
    "category": (
        "社会组织性质", "社会组织种类", "社会组织类型", "企业类型", "市场主体类型", "经营主体类型", "组织类型",
        "组织类别", "单位性质类别", "类型", "类别", "经济类型", "登记类型", "category",
    ),
    "region": (
        "行政区划代码", "区划代码", "所属区划代码", "行政区划", "所属行政区划", "县(市、区)", "县(市,区)", "县(区)",
        "县市区", "所属县区", "所属区县", "所在区县", "所属县(市、区)", "所在县(市、区)", "所属县(市,区)",
        "所在县(市,区)", "所属地区", "所在地区", "所属区域", "region",
    ),
    "town": (
        "所在乡镇(街道)", "所属乡镇(街道)", "乡镇(街道)", "所属乡镇", "所在乡镇", "所属街道", "所在街道", "乡镇街道",
        "镇街", "所属镇街", "街镇", "所在街镇", "所属街镇", "所属乡镇街道", "所在乡镇街道", "街道(乡镇)",
        "所属街道(乡镇)", "town",
    ),
    "village": ("所属村(社区)", "所在村(社区)", "村(社区)", "所属社区", "所在社区", "社区(村)", "村社区",
        "所属社区(村)", "所在社区(村)", "所属村社区", "village"),
    "industry": (
        "行业代码", "国民经济行业代码", "国民经济行业代码(大类)", "国民经济行业代码(小类)", "国民经济行业代码(中类)",
        "国民经济行业代码(门类)", "行业", "行业类别", "所属行业", "经济行业", "行业门类", "industry",
    ),
    "employees": (
        "从业人数", "从业人员", "从业人员数", "从业人员数量", "从业人员总数", "从业人员人数", "员工人数", "员工数",
        "员工总数", "职工人数", "职工总数", "在岗职工人数", "组织总人数", "从业人员期末人数",
        "期末从业人数", "期末从业人员", "期末从业人员数", "年末从业人数", "年末从业人员数", "用工人数", "员工数量",
        "employees",
    ),
    "supervisor": ("主管单位", "业务主管单位", "行业主管部门", "主管部门", "上级主管部门", "supervisor"),
    "address": (
        "地址", "住所", "住所(经营场所)", "经营场所", "注册地址", "登记地址", "企业注册地", "详细地址", "经营地址",
        "实际经营地", "实际经营地址", "企业经营地", "address",
    ),
    "status": (
        "登记状态", "企业登记状态", "企业状态", "主体状态", "市场主体状态", "社会组织状态", "登记情况", "存续状态",
        "经营状态", "状态", "经营状况", "运营状态", "是否注销", "是否已注销", "是否吊销", "是否存续", "是否在业",
        "是否正常经营", "是否经营", "是否营业", "是否在营", "是否有效", "注销标志", "注销标识", "吊销标志", "吊销标识",
        "登记机关状态", "登记状态名称", "主体状态名称", "单位状态", "组织状态", "机构状态", "当前状态", "存续情况",
        "status",
    ),
}  # fmt: skip

# What is filled in only where the registration is over: one of these, and behind it one of those.
_ENDED: Final = re.compile(r"(?<!未)(?:注销|吊销|撤销|迁出)")
_OF_AN_END: Final = re.compile(r"日期|时间|原因")
# Under which yes says that the registration is over.
_ASKS_IF_OVER: Final = re.compile(r"注销|吊销|撤销|迁出")
SERIAL_HEADINGS: Final = frozenset(("序号", "编号", "序", "no", "no.", "行号", "顺序号"))

_UNITS: Final = "人|名|个|户|家|万元|元|平方米|必填|选填|可选"
_UNIT: Final = re.compile(rf"(?:\((?:单位[::]?)?(?:{_UNITS})\)|/(?:{_UNITS})){{1,8}}$")
_BRACKETS: Final = str.maketrans("[]【】〔〕［］", "()()()()")
_NUMBERED: Final = re.compile(r"^(?:\([0-9]{1,2}\)|[0-9]{1,2}[.、])(?=[^0-9])")
_EDGES: Final = "*:;,.、"
# 企业主管部门 and 行业主管部门 are bodies: no 业主 stands in them.
_PERSONAL: Final = re.compile(
    r"法定代表人|法人代表|法人姓名|法人电话|法人身份|^法人$|负责人|联系人|书记|出资人|投资人|投资者|股东|合伙人|实际控制人|"
    r"业主(?!管)|经营者|户主|经办人|代理人|签字人|网格员|包联(?:干部|领导|人)|联络员|指导员|董事(?!会)|监事(?!会)|经理$|会长$|理事长|秘书长|首席代表|"
    r"姓名|(?:人员|职工|员工|律师|会计师|税务师|党员)名单|电话|手机|座机|固话|传真|联系方式|邮箱|e-?mail|^tel|phone|mobile|微信|qq|身份证|证件号|证件类型|护照|驾驶证|"
    r"银行账[号户]|性别|民族|宗教信仰|出生|生日|年龄|学历|学位|教育程度|文化程度|职称|籍贯|户籍|户口|家庭(?:住址|地址|成员)|住址|健康|婚姻|"
    r"政治面貌|是否是?(?:中共)?党员|社会职务|职务|入党|党费|党性分析|不合格党员"
)
# Numbers of people and answers of yes or no about offices' work name nobody.
_NUMBERS: Final = re.compile(r"(?:数|数量|人数|总数|名额)$|^是否(?:选派|建立|配备|派驻)|^(?:有无|是否有)")
_MEMBERS: Final = re.compile(
    r"党员(?:总|人)?(?:数|数量)$|^(?:正式|预备|从业人员中)党员$|^组织关系不?在本(?:企业|单位)的党员$|^未转入组织关系的(?:党员)?$|"
    r"积极分子(?:人数|数)$|^申请入党(?:人数|数)$"
)
_ALWAYS: Final = re.compile(r"党费|党性分析|不合格党员|出资人不支持|身份证|电话|手机|是否是?(?:中共)?党员")


def plain_heading(heading: str) -> str:
    """A heading in one width, without blanks, marks at its ends, its number and unit: 3.从业人数（人） is 从业人数."""
    found = _NUMBERED.sub("", seen(heading).translate(_BRACKETS).lower().strip(_EDGES))
    return _UNIT.sub("", found).strip(_EDGES) or found


def is_ended(heading: str) -> bool:
    """Whether a column of this heading is filled in only where the registration is over."""
    ended = _ENDED.search(heading)
    return ended is not None and _OF_AN_END.search(heading, ended.end()) is not None


def asks_if_over(heading: str) -> bool:
    """Whether yes under this heading says that the registration is over."""
    return bool(_ASKS_IF_OVER.search(heading))


def counts_members(heading: str) -> bool:
    """Whether a column counts Party members, whom the ledger counts from events of its own: 党员数, 正式党员人数."""
    return bool(_MEMBERS.search(heading))


def is_personal(heading: str) -> bool:
    """Whether a column of this heading, as `plain_heading` gives it, holds data of persons, which are never read."""
    return bool(_PERSONAL.search(heading)) and not (_NUMBERS.search(heading) and not _ALWAYS.search(heading))
