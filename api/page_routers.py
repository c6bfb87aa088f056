"""The pages' routers."""

from typing import Final

from api.access import me_page
from api.acts import acts_page
from api.assessment import (
    assessments_page,
    bulletin_page,
    compare_page,
    flows_page,
    scores_page,
    sealing_page,
    series_page,
    statutory_page,
)
from api.desk import today_page
from api.fieldwork import (
    matches_page,
    measures_page,
    orders_page,
    regions_page,
    reminders_page,
    supervisors_page,
    surveys_page,
    weak_branches_page,
)
from api.inspection import changes_page, event_page, event_trail_page, evidence_page, signals_page, vintage_page
from api.intake import lists_page, notices_page, quarantine_page, sources_page
from api.ledger import branches_page, dossier_page, explain_page, organizations_page, rates_page, search_page
from api.site import static_files
from api.visits import visits_page

PAGES: Final = (
    static_files.router, rates_page.router, search_page.router, explain_page.router, organizations_page.router,
    dossier_page.router, branches_page.router,
    event_page.router, changes_page.router, vintage_page.router, signals_page.router, event_trail_page.router,
    evidence_page.router, sources_page.router, quarantine_page.router, notices_page.router,
    series_page.router, assessments_page.router, compare_page.router,
    sealing_page.router, bulletin_page.router, flows_page.router, scores_page.router, statutory_page.router,
    measures_page.router,
    reminders_page.router, surveys_page.router, lists_page.router, weak_branches_page.router, matches_page.router,
    supervisors_page.router, regions_page.router, orders_page.router, me_page.router, today_page.router,
    acts_page.router, visits_page.router,
)  # fmt: skip
