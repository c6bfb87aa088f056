"""The words of lists that mean a value: categories, states of registration, sections of industries, marks."""

import re
from typing import Final, Literal

from domain.values.terms import DeregistrationReason

Status = Literal["active"] | DeregistrationReason

CATEGORY_WORDS: Final[dict[str, str]] = {
    "私营企业": "private_enterprise", "民营企业": "private_enterprise", "内资企业": "private_enterprise",
    "私营": "private_enterprise", "民营": "private_enterprise",
    "外资企业": "foreign_enterprise", "外商投资企业": "foreign_enterprise", "外商投资": "foreign_enterprise",
    "港澳台商投资企业": "hmt_enterprise", "港澳台商投资": "hmt_enterprise", "港澳台商": "hmt_enterprise",
    "港澳台投资企业": "hmt_enterprise", "港澳台企业": "hmt_enterprise",
    "个体工商户": "sole_proprietor", "个体": "sole_proprietor", "个体户": "sole_proprietor",
    "社会团体": "association", "社团": "association", "基金会": "foundation",
    "社会服务机构": "service_institution", "民办非企业单位": "service_institution", "民办非企业": "service_institution",
    "民非": "service_institution", "律师事务所": "law_firm", "会计师事务所": "accounting_firm",
    "税务师事务所": "tax_agent_firm", "快递员": "courier", "外卖配送员": "food_delivery", "网约车司机": "ride_hailing",
    "货车司机": "truck_driver", "其他": "other_group",
}  # fmt: skip

# The states of registration that registries write, beside what stands in brackets after them.
STATUS_WORDS: Final[dict[str, Status]] = {
    **dict.fromkeys(
        (
            "存续", "在业", "开业", "在营", "在册", "正常", "有效", "在营在册", "在业存续", "存续在业", "登记成立",
            "成立", "设立", "正常经营", "营业", "正常营业", "active",
        ),
        "active",
    ),
    **dict.fromkeys(("注销", "已注销", "依法注销", "简易注销", "解散", "dissolved"), "dissolved"),
    **dict.fromkeys(
        ("吊销", "已吊销", "吊销未注销", "吊销已注销", "吊销,未注销", "吊销,已注销", "撤销", "撤销登记", "被撤销",
         "责令关闭", "revoked"),
        "revoked",
    ),
    **dict.fromkeys(("迁出", "已迁出", "moved_away"), "moved_away"),
    **dict.fromkeys(("合并注销", "被合并", "merged"), "merged"),
}  # fmt: skip

# Headings that ask: what yes and no mean under them. What is not named stops the list.
STATUS_QUESTIONS: Final[dict[str, dict[bool, Status]]] = {
    "是否注销": {True: "dissolved", False: "active"}, "是否已注销": {True: "dissolved", False: "active"},
    "是否吊销": {True: "revoked", False: "active"}, "是否存续": {True: "active"}, "是否在业": {True: "active"},
    "是否正常经营": {True: "active"}, "是否经营": {True: "active"}, "是否营业": {True: "active"},
    "是否在营": {True: "active"}, "是否有效": {True: "active"},
    "注销标志": {True: "dissolved", False: "active"}, "注销标识": {True: "dissolved", False: "active"},
    "吊销标志": {True: "revoked", False: "active"}, "吊销标识": {True: "revoked", False: "active"},
}  # fmt: skip

# GB/T 4754-2017, the names of the sections.
SECTION_WORDS: Final[dict[str, str]] = {
    "农、林、牧、渔业": "A", "采矿业": "B", "制造业": "C", "电力、热力、燃气及水生产和供应业": "D", "建筑业": "E",
    "批发和零售业": "F", "交通运输、仓储和邮政业": "G", "住宿和餐饮业": "H",
    "信息传输、软件和信息技术服务业": "I", "金融业": "J", "房地产业": "K", "租赁和商务服务业": "L",
    "科学研究和技术服务业": "M", "水利、环境和公共设施管理业": "N", "居民服务、修理和其他服务业": "O", "教育": "P",
    "卫生和社会工作": "Q", "文化、体育和娱乐业": "R", "公共管理、社会保障和社会组织": "S", "国际组织": "T",
}  # fmt: skip

YES: Final = frozenset(("是", "有", "√", "✓", "✔", "☑", "✅", "1", "Y", "YES", "TRUE", "V", "●", "■", "对"))
NO: Final = frozenset((
    "", "否", "无", "没有", "×", "✗", "✘", "☐", "□", "○", "0", "N", "NO", "FALSE", "-", "--", "—", "——", "/",
))  # fmt: skip

BRACKETED: Final = re.compile(r"\([^()]*\)$")
# 存续（在营、开业、在册）, 在营（开业）企业: each of these words by itself.
STATUS_PARTS: Final = re.compile(r"[^()、,;/]+")
# 已注销, 2024年1月注销, 被吊销营业执照; not 拟注销 or 注销代办.
OVER: Final = re.compile(
    r"(?:[0-9年月日./-]{4,12})?(?:该|此|本)?(?:户|企业|单位|组织|机构|公司)?(?:于[0-9年月日./-]{4,12})?"
    r"(?:已经?|已被|被|已于[0-9年月日./-]{4,12}|现已|依法)?(?:办理)?(?:简易|合并|强制|依法)?(?:注销|吊销|撤销|迁出|解散)"
    r"(?:登记|企业|状态|营业执照|手续|外地|外省|外市|本市|本区)?(?:[,(]?[未已]注销\)?)?[。.!]?"
)
