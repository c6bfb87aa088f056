"""The pages' routers."""

from typing import Final

from api.pages import (
    assessment,
    branches,
    comparing,
    dossier,
    event,
    explain,
    inspection,
    intake,
    ledger,
    lists,
    matches,
    overview,
    quarantine,
    regions,
    reminders,
    sealing,
    signals,
    static_files,
    surveys,
    trail,
    trend,
    vintage,
    work,
)

PAGES: Final = (
    static_files.router, overview.router, explain.router, ledger.router, dossier.router, event.router,
    inspection.router, vintage.router, signals.router, trail.router, intake.router, quarantine.router,
    trend.router, assessment.router, comparing.router, sealing.router, work.router, reminders.router,
    surveys.router, lists.router, branches.router, matches.router, regions.router,
)  # fmt: skip
