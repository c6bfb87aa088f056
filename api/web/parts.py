"""The parts of the service that a request needs, made once when the application starts."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from starlette.requests import Request

from api.web.awaited import Awaited
from api.web.places import AllPlaces
from api.web.seats import AllSeats, Seat, seat_of
from domain.values.scope import Scope
from services.access.api_keys import Keyring
from services.access.grants import Grants
from services.access.oidc import Provider
from services.access.persons import Persons
from services.access.rate_limits import RateLimits
from services.access.reading_trail import Readings
from services.access.seal import Seal
from services.access.sessions import Sessions
from services.fieldwork.outlines import KnownOutlines
from services.fieldwork.regions import KnownRegions
from services.intake.group_commit import GroupCommit
from services.intake.intake import Intake
from services.intake.quarantine import Quarantine
from services.intake.quarantine_expiry import Expiry
from services.ledger.queries import Queries
from services.ledger.view import PinnedView
from services.lists.uploads import Uploads
from services.log.recorder import LogRecorder
from services.postgres.database import open_pool
from services.serving.drawing import Drawer
from services.system.files import load_or_create_secret
from services.system.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """Settings, who may call, intake, the log, and the answers; in a request's own also who asks."""

    settings: Settings
    keyring: Keyring
    grants: Grants
    intake: Intake
    group_commit: GroupCommit
    recorder: LogRecorder
    quarantine: Quarantine
    queries: Queries
    readings: Readings
    seal: Seal
    sessions: Sessions
    provider: Provider | None
    rate_limits: RateLimits
    persons: Persons
    drawer: Drawer
    regions: KnownRegions
    uploads: Uploads
    places: AllPlaces
    asker: str
    outlines: KnownOutlines
    seats: AllSeats
    seat: Seat
    awaited: Awaited


def parts_of(request: Request) -> Parts:
    """The parts of the application that serves this request, its questions limited to what the caller may see.

    They are pinned: one request is answered from one version of the ledger, from its first read to its last. Made once
    for each state of knowledge of who asks, since a request asks for them many times.
    """
    parts, state = parts_of_all(request), request.scope["state"]
    # Until access.decide has let the caller in, nothing is in sight.
    scope: Scope = state.get("scope", ())
    asked_by = (scope, state.get("reader", "anyone"))
    if state.get("asked_by") != asked_by:
        view = state.setdefault("view", PinnedView(parts.queries.view))
        state["parts"] = replace(
            parts, queries=parts.queries.within(scope, view), asker=asked_by[1], seat=seat_of(request.scope)
        )
        state["asked_by"] = asked_by
    return cast("Parts", state["parts"])


def parts_of_all(request: Request) -> Parts:
    """The parts of the application that serves this request, of nobody in particular.

    For admission, which asks who calls; its questions of the ledger have no limit.
    """
    return cast("Parts", request.app.state.parts)


@contextmanager
def open_parts(settings: Settings) -> Iterator[Parts]:
    """Make the parts, and at the end close them in the opposite order: what waits for a commit is still taken in."""
    with ExitStack() as stack:
        intake = Intake.open(settings.conninfo, "http")
        stack.callback(intake.close)
        group_commit = GroupCommit(intake)
        stack.callback(group_commit.close)
        expiry = Expiry(intake.writer, timedelta(days=settings.quarantine_days))
        expiry.start()
        stack.callback(expiry.close)
        queries = stack.enter_context(Queries.open(settings.conninfo))
        readings = Readings(stack.enter_context(open_pool(settings.conninfo, "readings", size_max=2)))
        keyring = Keyring(settings.api_keys_path)
        grants = Grants(stack.enter_context(open_pool(settings.conninfo, "grants", size_max=1)))
        persons = Persons(
            stack.enter_context(open_pool(settings.conninfo, "persons", size_max=2)),
            load_or_create_secret(settings.data / "keys" / "persons.key"),
        )
        seal, provider = Seal(settings.data / "keys"), provider_of(settings)
        sessions = Sessions(
            stack.enter_context(open_pool(settings.conninfo, "sessions", size_min=0, size_max=4)),
            timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours),
        )  # fmt: skip
        if provider is not None:
            stack.callback(provider.close)
        drawer = Drawer()
        stack.callback(drawer.close)
        uploads = Uploads(settings.data / "uploads")
        stack.callback(uploads.close)
        seats = AllSeats.of(settings)
        yield Parts(
            settings, keyring, grants, intake, group_commit, intake.recorder, Quarantine(intake.writer), queries,
            readings, seal, sessions, provider, RateLimits(0 if settings.dev else settings.requests_per_second),
            persons, drawer, KnownRegions(), uploads, AllPlaces.of(settings), "",
            KnownOutlines(settings.data / "outlines"), seats, Seat(seats.work), Awaited(),
        )  # fmt: skip


def provider_of(settings: Settings) -> Provider | None:
    """The provider that people sign in with, if there is one."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = settings.oidc_client_secret
    return Provider(
        settings.oidc_issuer, settings.oidc_client_id, None if secret is None else secret.get_secret_value(),
        settings.oidc_audience,
    )  # fmt: skip
