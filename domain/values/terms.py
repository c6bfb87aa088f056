"""The field's terms as values (spec/domain.md, first table; spec/events.md, Types)."""

from typing import Final, Literal, get_args

Kind = Literal["new_economic", "new_social", "new_employment_group"]
Category = Literal[
    "private_enterprise",
    "hmt_enterprise",
    "foreign_enterprise",
    "sole_proprietor",
    "association",
    "foundation",
    "service_institution",
    "law_firm",
    "accounting_firm",
    "tax_agent_firm",
    "courier",
    "food_delivery",
    "ride_hailing",
    "truck_driver",
    "other_group",
]
Formation = Literal["standalone", "joint", "affiliated"]
Standing = Literal["activist", "probationary", "full"]
# Whether a member's relation (组织关系) is with the party organizations here.
Relation = Literal["here", "elsewhere"]
MembersCounted = Literal["here", "here_and_elsewhere"]
# As what a member counts where they are: by standing, of those elsewhere apart; activists have no relation yet.
CountedAs = Literal["full", "probationary", "activist", "full_elsewhere", "probationary_elsewhere"]
# What a person assigned to an organization is: 党建工作指导员 or 联络员.
Role = Literal["instructor", "liaison"]
Tier = Literal["committee", "general_branch", "branch"]
# 支部党员大会, 支委会, 党小组会, 党课, 主题党日, 组织生活会.
MeetingKind = Literal["general", "branch_committee", "group", "lecture", "theme_day", "life"]
# Periods of the calendar in which meetings are asked for.
Per = Literal["month", "quarter", "half_year", "year"]
SecretaryState = Literal["filled", "vacant"]
# Who answers for organizations (谁主管谁负责): each kind of body a hierarchy of its own.
BodyKind = Literal["supervising_unit", "industry_department", "park", "building", "market", "platform"]
Measure = Literal["establish_large", "establish", "combine", "instruct"]
DeregistrationReason = Literal["dissolved", "revoked", "merged", "moved_away"]
ExclusionReason = Literal["not_operating", "duplicate", "out_of_scope"]
RateName = Literal[
    "organization_coverage",
    "work_coverage",
    "eligible_coverage",
    "employee_coverage",
    "eligible_standalone_coverage",
    "effective_coverage",
]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TIERS: Final[tuple[Tier, ...]] = get_args(Tier)
MEETING_KINDS: Final[tuple[MeetingKind, ...]] = get_args(MeetingKind)
CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)
STANDINGS: Final[tuple[Standing, ...]] = get_args(Standing)
COUNTED_AS: Final[tuple[CountedAs, ...]] = get_args(CountedAs)
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
BODY_KINDS: Final[tuple[BodyKind, ...]] = get_args(BodyKind)
EXCLUSION_REASONS: Final[tuple[ExclusionReason, ...]] = get_args(ExclusionReason)

# Strongest first: an organization counts under the first of these that covers it.
FORMATIONS: Final[tuple[Formation, ...]] = get_args(Formation)

CATEGORIES_OF_KIND: Final[dict[Kind, tuple[Category, ...]]] = {
    "new_economic": ("private_enterprise", "hmt_enterprise", "foreign_enterprise", "sole_proprietor"),
    "new_social": (
        "association",
        "foundation",
        "service_institution",
        "law_firm",
        "accounting_firm",
        "tax_agent_firm",
    ),
    "new_employment_group": ("courier", "food_delivery", "ride_hailing", "truck_driver", "other_group"),
}

Anomaly = Literal[
    "already_registered",
    "not_registered",
    "category_of_another_kind",
    "already_enrolled",
    "transfer_from_mismatch",
    "not_enrolled",
    "already_formed",
    "not_formed",
    "parent_in_circle",
    "extension_too_long",
    "already_assigned",
    "not_assigned",
    "already_excluded",
    "not_excluded",
    "already_created",
    "not_created",
    "body_not_created",
    "not_placed",
    "covers_inactive",
    "member_at_inactive",
    "target_unknown",
    "replacement_unfit",
    "target_not_a_fact",
    "event_held",
]
ANOMALIES: Final[tuple[Anomaly, ...]] = get_args(Anomaly)
