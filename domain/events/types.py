"""The event types and their data (spec/events.md, Types).

Each type is one pydantic model of its `data`; `EVENT_TYPES` is the registry of all of them.
"""

from typing import Annotated, Any, Final

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.events.access import AccessGranted, AccessKeyRegistered, AccessRevoked
from domain.events.activity import ActivityPolicyAdopted
from domain.events.assessment import AssessmentSealed, AssessmentSuperseded
from domain.events.bodies import (
    BasisAdopted,
    BodyChanged,
    BodyClosed,
    BodyCreated,
    OrganizationPlaced,
    OrganizationUnplaced,
)
from domain.events.branches import (
    BranchChanged,
    BranchCoverageChanged,
    BranchDissolved,
    BranchFormed,
    BranchMeetingHeld,
    BranchSecretaryReported,
    BranchTermBegan,
    BranchTermExtended,
)
from domain.events.campaigns import CampaignClosed, CampaignOpened, CampaignTargetSet, WordingAdopted
from domain.events.clock import ClockFoundWrong
from domain.events.evidence import EvidenceBlinded, EvidenceErased, EvidenceKeyChanged, EvidenceRooted
from domain.events.instructors import ContactMade, InstructorAssigned, InstructorWithdrawn
from domain.events.lists import ListProfiled, ListStated
from domain.events.matching import MatchDecided, MatchUndone
from domain.events.measures import (
    MeasureAssigned,
    MeasureDeadlinesAdopted,
    MeasureExtended,
    RectificationClosed,
    RectificationOpened,
)
from domain.events.orders import OrderAcknowledged, OrderAnswered, OrderClosed, OrderIssued, OrderSentBack
from domain.events.province import (
    CityChanged,
    CityJoined,
    CityLeft,
    CityReported,
    CityReportRefused,
    FileKept,
    ReportAsked,
)
from domain.events.regions import (
    RegionCreated,
    RegionMerged,
    RegionMoved,
    RegionRenamed,
    RegionRetired,
    RegionSplit,
)
from domain.events.scores import ScoreReported, ScoreSheetAdopted
from domain.events.surveys import SurveyOpened, VisitMade
from domain.values.fields import (
    Address,
    Data,
    Days,
    Employees,
    EventName,
    FactData,
    IndustryCode,
    MemberId,
    Name,
    OrganizationId,
    Reason,
    RegionCode,
    Threshold,
    at_least_one,
    given,
)
from domain.values.reach import Reach
from domain.values.terms import (
    CATEGORIES_OF_KIND,
    Category,
    DeregistrationReason,
    ExclusionReason,
    Formation,
    Kind,
    MembersCounted,
    Relation,
    Standing,
)

# Facts of one day and one instant apply in this order (spec/domain.md, The ledger, step 3).
START, CHANGE, END = 0, 1, 2


class OrganizationRegistered(FactData):
    identifier = "org"
    reach = Reach.WHERE_IT_STANDS
    org: OrganizationId
    kind: Kind
    category: Category
    name: Name
    region: RegionCode
    industry: IndustryCode | None = None
    employees: Employees | None = None
    supervisor: Name | None = None
    address: Address | None = None
    registered_region: RegionCode | None = None
    legal_person: bool | None = None
    above_scale: bool | None = None

    @model_validator(mode="after")
    def _kind_agrees(self) -> "OrganizationRegistered":
        if self.category not in CATEGORIES_OF_KIND[self.kind]:
            raise PydanticCustomError(
                "category_of_another_kind",
                "{kind} has the categories {categories}",
                {"kind": self.kind, "categories": ", ".join(CATEGORIES_OF_KIND[self.kind])},
            )
        prefix = "group:" if self.kind == "new_employment_group" else "uscc:"
        if not self.org.startswith(prefix):
            raise PydanticCustomError(
                "organization_of_another_kind",
                "{kind} is identified by {prefix}",
                {"kind": self.kind, "prefix": prefix},
            )
        given(self, "registered_region", "legal_person", "above_scale")
        return self


class OrganizationChanged(FactData):
    identifier = "org"
    reach = Reach.WHERE_IT_STANDS
    org: OrganizationId
    category: Category | None = None
    name: Name | None = None
    region: RegionCode | None = None
    industry: IndustryCode | None = None
    employees: Employees | None = None
    supervisor: Name | None = None
    address: Address | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "OrganizationChanged":
        at_least_one(self, "category", "name", "region", "industry", "employees", "supervisor", "address")
        given(self, "category", "name", "region")
        return self


class OrganizationDeregistered(FactData):
    identifier = "org"
    reach = Reach.WHERE_IT_STANDS
    org: OrganizationId
    reason: DeregistrationReason


class OrganizationExcluded(FactData):
    identifier = "org"
    reach = Reach.WHERE_IT_STANDS
    org: OrganizationId
    reason: ExclusionReason


class OrganizationReadmitted(FactData):
    identifier = "org"
    reach = Reach.WHERE_IT_STANDS
    org: OrganizationId


class MemberEnrolled(FactData):
    identifier = "member"
    reach = Reach.WHERE_IT_STANDS
    member: MemberId
    standing: Standing
    org: OrganizationId | None
    relation: Relation = "here"


class MemberTransferred(FactData):
    identifier = "member"
    reach = Reach.WHERE_IT_STANDS
    member: MemberId
    from_org: OrganizationId | None
    to_org: OrganizationId | None
    standing: Standing | None = None
    relation: Relation = "here"

    @model_validator(mode="after")
    def _standing_given(self) -> "MemberTransferred":
        given(self, "standing")
        return self


class MemberStandingChanged(FactData):
    identifier = "member"
    reach = Reach.WHERE_IT_STANDS
    member: MemberId
    standing: Standing


class MemberRelationChanged(FactData):
    identifier = "member"
    reach = Reach.WHERE_IT_STANDS
    member: MemberId
    relation: Relation


class MemberRemoved(FactData):
    identifier = "member"
    reach = Reach.WHERE_IT_STANDS
    member: MemberId


class PolicyAdopted(FactData):
    reach = Reach.WHOLE_CITY
    full_members_for_branch: Threshold
    employees_for_branch: Threshold
    formations_counted: Annotated[list[Formation], Field(min_length=1, max_length=3)]
    members_counted: MembersCounted = "here"
    small_unit: Employees = 10


class SignalsAdopted(FactData):
    reach = Reach.WHOLE_CITY
    backdated_days: Days
    backdated_grace_days: Days
    short_lived_days: Days
    moved_days: Days
    without_members_days: Days
    exclusion_days: Days
    exclusion_factor: Threshold
    exclusions_min: Threshold
    correction_days: Days
    correction_sigmas: Threshold
    corrections_min: Threshold
    never_met_days: Days = 180
    uncontacted_days: Days = 90


class EventCorrected(Data):
    reach = Reach.ITS_TARGET
    corrects: EventName
    replacement: dict[str, Any]
    reason: Reason


class EventRetracted(Data):
    reach = Reach.ITS_TARGET
    retracts: EventName
    reason: Reason


_MODELS: Final[dict[str, tuple[type[Data], int | None]]] = {
    "organization.registered": (OrganizationRegistered, START),
    "organization.changed": (OrganizationChanged, CHANGE),
    "organization.deregistered": (OrganizationDeregistered, END),
    "organization.excluded": (OrganizationExcluded, CHANGE),
    "organization.readmitted": (OrganizationReadmitted, CHANGE),
    "organization.placed": (OrganizationPlaced, CHANGE),
    "organization.unplaced": (OrganizationUnplaced, CHANGE),
    "member.enrolled": (MemberEnrolled, START),
    "member.transferred": (MemberTransferred, CHANGE),
    "member.standing_changed": (MemberStandingChanged, CHANGE),
    "member.relation_changed": (MemberRelationChanged, CHANGE),
    "member.removed": (MemberRemoved, END),
    "branch.formed": (BranchFormed, START),
    "branch.coverage_changed": (BranchCoverageChanged, CHANGE),
    "branch.changed": (BranchChanged, CHANGE),
    "branch.term_began": (BranchTermBegan, CHANGE),
    "branch.term_extended": (BranchTermExtended, CHANGE),
    "branch.meeting_held": (BranchMeetingHeld, CHANGE),
    "branch.secretary_reported": (BranchSecretaryReported, CHANGE),
    "branch.dissolved": (BranchDissolved, END),
    "instructor.assigned": (InstructorAssigned, START),
    "instructor.withdrawn": (InstructorWithdrawn, END),
    "body.created": (BodyCreated, START),
    "body.changed": (BodyChanged, CHANGE),
    "body.closed": (BodyClosed, END),
    "basis.adopted": (BasisAdopted, CHANGE),
    "policy.adopted": (PolicyAdopted, CHANGE),
    "activity_policy.adopted": (ActivityPolicyAdopted, CHANGE),
    "signals.adopted": (SignalsAdopted, CHANGE),
    "campaign.opened": (CampaignOpened, START),
    "campaign.target_set": (CampaignTargetSet, CHANGE),
    "campaign.closed": (CampaignClosed, END),
    "wording.adopted": (WordingAdopted, CHANGE),
    "score_sheet.adopted": (ScoreSheetAdopted, CHANGE),
    "score.reported": (ScoreReported, CHANGE),
    "clock.found_wrong": (ClockFoundWrong, CHANGE),
    "access.granted": (AccessGranted, START),
    "access.revoked": (AccessRevoked, END),
    "access.key_registered": (AccessKeyRegistered, START),
    "list.profiled": (ListProfiled, CHANGE),
    "list.stated": (ListStated, CHANGE),
    "assessment.sealed": (AssessmentSealed, START),
    "assessment.superseded": (AssessmentSuperseded, END),
    "evidence.blinded": (EvidenceBlinded, CHANGE),
    "evidence.erased": (EvidenceErased, CHANGE),
    "evidence.key_changed": (EvidenceKeyChanged, CHANGE),
    "evidence.rooted": (EvidenceRooted, CHANGE),
    "city.joined": (CityJoined, START),
    "city.changed": (CityChanged, CHANGE),
    "city.left": (CityLeft, END),
    "city.reported": (CityReported, CHANGE),
    "city.report_refused": (CityReportRefused, CHANGE),
    "report.asked": (ReportAsked, CHANGE),
    "file.kept": (FileKept, CHANGE),
    "measure.deadlines_adopted": (MeasureDeadlinesAdopted, CHANGE),
    "measure.assigned": (MeasureAssigned, CHANGE),
    "measure.extended": (MeasureExtended, CHANGE),
    "rectification.opened": (RectificationOpened, START),
    "rectification.closed": (RectificationClosed, END),
    "order.issued": (OrderIssued, START),
    "order.acknowledged": (OrderAcknowledged, CHANGE),
    "order.answered": (OrderAnswered, CHANGE),
    "order.sent_back": (OrderSentBack, CHANGE),
    "order.closed": (OrderClosed, END),
    "contact.made": (ContactMade, CHANGE),
    "survey.opened": (SurveyOpened, START),
    "visit.made": (VisitMade, CHANGE),
    "region.created": (RegionCreated, START),
    "region.renamed": (RegionRenamed, CHANGE),
    "region.retired": (RegionRetired, END),
    "region.merged": (RegionMerged, END),
    "region.split": (RegionSplit, END),
    "region.moved": (RegionMoved, END),
    "match.decided": (MatchDecided, START),
    "match.undone": (MatchUndone, END),
    "event.corrected": (EventCorrected, None),
    "event.retracted": (EventRetracted, None),
}
EVENT_TYPES: Final[dict[str, type[Data]]] = {f"taizhang.{name}.v1": model for name, (model, _) in _MODELS.items()}
RANKS: Final[dict[str, int]] = {f"taizhang.{name}.v1": rank for name, (_, rank) in _MODELS.items() if rank is not None}
CORRECTED: Final = "taizhang.event.corrected.v1"
RETRACTED: Final = "taizhang.event.retracted.v1"
