"""What every page stands on: its language, its links, its clocks, and the template around it."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Annotated, Any, Final, NamedTuple, get_args

from fastapi import Depends, Query, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from api.asking.clocks import Clocks, read_date, read_instant, today
from api.asking.questions import Not, Question, let_in, question_of
from api.site import formats
from api.site.addresses import Addresses, Value, address
from api.site.figures import By, gap_to, segment_of
from api.site.formats import Names
from api.site.named_places import lead_to_code, offered
from api.site.raw_bytes import legible
from api.site.static_files import static
from api.site.texts import LANGS, TAGS, Lang, has, text
from api.web.browsers import cookie_name, keep
from api.web.cookies import cookie
from api.web.parts import parts_of, parts_of_all
from domain.ledger.rates import RATES, not_in, rates
from domain.values.periods import months_before
from domain.values.scope import Scope, by_body, by_region
from services.access.callers import ROLES, Holder, together
from services.ledger.meaning import bodies_at
from services.ledger.queries import Queries
from services.ledger.view import first_day
from services.system.settings import SHANGHAI

# Which pages the navigation shows, in order: the text `nav.NAME` and the path.
NAVIGATION: Final = (
    ("overview", "/"), ("today", "/today"), ("ledger", "/ledger"), ("inspection", "/inspection"), ("intake", "/intake"),
    ("work", "/daily"), ("acts", "/acts"), ("assessment", "/assessment"),
)  # fmt: skip

# Everything comes from the service itself, and nothing is written into the page.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# Without a referrer to itself, a browser would name no origin with a form (Fetch, section 3.2, Origin).
_HEADERS: Final = {"content-security-policy": CONTENT_SECURITY_POLICY, "referrer-policy": "same-origin"}
LANG_COOKIE: Final = "taizhang-lang"
_YEAR_S: Final = 31_536_000
_EPOCH: Final = date(1970, 1, 1).toordinal()

_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("api.site"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(
    whole=formats.whole, percent=formats.percent, points=formats.points, day=formats.day, moment=formats.moment
)
_ENVIRONMENT.filters.update(not_in=not_in, runs=formats.runs, ratio=formats.ratio, goal=formats.goal, legible=legible)
_ENVIRONMENT.globals.update(
    static=static,
    rates=rates,
    rate_counts=RATES,
    langs=LANGS,
    all_by=get_args(By),
    months_before=months_before,
    segment_of=segment_of,
    gap_to=gap_to,
    tags=TAGS,
    has_text=has,
)


def warm() -> None:
    """Have the first page's templates compiled before anybody asks."""
    for name in ("overview", "base", "macros", "clocks", "trend_figure", "first_visit", "problem"):
        _ENVIRONMENT.get_template(f"{name}.html")


def chosen_language(request: Request) -> Lang:
    """The language of the address, else the one that this browser chose last, else Chinese."""
    given = request.query_params.get("lang"), _language_kept(request)
    return next((lang for wanted in given for lang in LANGS if lang == wanted), LANGS[0])


def _language_kept(request: Request) -> str | None:
    return cookie(request, cookie_name(parts_of_all(request), LANG_COOKIE))


class Page:
    """One page in the making: the language, the links, and what the template needs."""

    def __init__(self, request: Request, lang: Lang) -> None:
        self.request = request
        self.lang = lang
        self.addresses = Addresses(request.url.path, request.query_params)

    def t(self, key: str, **values: Any) -> str:  # noqa: ANN401 - whatever the text has a place for
        """A text in the page's language."""
        return text(self.lang, key, **values)

    def here(self, **changes: Value) -> str:
        """This page in another state."""
        return self.addresses.here(changes)

    def pinned(self, clocks: Clocks) -> dict[str, Value]:
        """Both clocks settled, so that what a link leads to can never differ from the figure it stands on."""
        return {"as_of": clocks.as_of.isoformat(), "known_at": clocks.position}

    def may_open(self, path: str) -> bool:
        """Whether whoever looks may open a page; nothing leads to what answers 403."""
        holders: Sequence[Holder] = getattr(self.request.state, "holders", ())
        rule: Question | None = self.request.app.state.pages.get(path)
        return rule is not None and bool(let_in(holders, rule))

    def act(self, name: str, given: Mapping[str, object]) -> str:
        """Where an act has its form, filled so far; nothing where no grant of whoever looks lets it be said."""
        rule: Question | None = self.request.app.state.pages.get("/acts/{act}")
        holders: Sequence[Holder] = getattr(self.request.state, "holders", ())
        rights = [right for holder in (let_in(holders, rule) if rule else ()) for right in holder.rights]
        if not any(right.could_say(f"taizhang.{name}.v1") for right in rights):
            return ""
        return self.addresses.to(f"/acts/{name}", {"with": [f"{field}:{value}" for field, value in given.items()]})

    def render(self, template: str, status: int = 200, api: str = "", **context: Any) -> HTMLResponse:  # noqa: ANN401 - the template's
        """The page. With `clocks` among the context it shows the clocks bar; `api` is where the same is data."""
        clocks, names = context.get("clocks"), Names(self.lang)
        reader = reader_of(self.request)
        if isinstance(clocks, Clocks):
            parts = parts_of(self.request)
            names = Names(self.lang, parts.regions.at(parts.queries, clocks.position), clocks.as_of)
            context["told"] = told(clocks, self.addresses.query.get("known_at", [""])[0])
            context["pinned"] = self.pinned(clocks)
            context["slider"] = slider(clocks, parts.queries)
        else:
            context["clocks"] = None
            if reader is not None and reader.scope:
                parts = parts_of(self.request)
                names = Names(self.lang, parts.regions.at(parts.queries, parts.queries.position), today())
        html = _ENVIRONMENT.get_template(template).render(
            page=self,
            t=self.t,
            lang=self.lang,
            here=self.here,
            to=self.addresses.to,
            place=names.place,
            term=names.term,
            offered=partial(offered, self.request),
            navigation=[each for each in NAVIGATION if self.may_open(each[1])],
            may_open=self.may_open,
            reader=reader,
            limits=self._limits(reader, names),
            path=self.request.url.path,
            api=api,
            taken_away=self._taken_away(api),
            today=today(),
            signed_in=is_signed_in(self.request),
            **context,
        )
        response = HTMLResponse(html, status, headers=_HEADERS)
        if self.request.query_params.get("lang") == self.lang != _language_kept(self.request):
            # No secret: the next page without a language in its address is in the one that was chosen.
            parts = parts_of_all(self.request)
            keep(response, parts, cookie_name(parts, LANG_COOKIE), self.lang, _YEAR_S)
        return response

    def _limits(self, reader: "Reader | None", names: Names) -> list[str]:
        """The names of the places and bodies that a reader is limited to."""
        scope = None if reader is None else reader.scope
        limits = list(map(names.place, by_region(scope)))
        if parts := by_body(scope):
            queries = parts_of(self.request).queries
            there = bodies_at(queries.everywhere(), today(), queries.position).existing
            for region, body in parts:
                name = there[body].name if body in there else body
                limits.append(f"{names.place(region)} {name}" if region else name)
        return limits

    def _taken_away(self, api: str) -> list[tuple[str, str]]:
        """By form where the table of what this page shows can be had; none where the question has no such form."""
        shown = question_of(self.request.scope["route"].endpoint) if api and "route" in self.request.scope else None
        if shown is None or isinstance(shown.forms, Not):
            return []
        path, _, query = api.partition("?")
        given = QueryParams(query)
        kept: dict[str, Value] = {name: given.getlist(name) for name in given if name not in ("limit", "cursor")}
        return [(form, address(path, {**kept, "format": form, "lang": self.lang})) for form in shown.forms]


class Reader(NamedTuple):
    """Who looks: the name, the roles (None: every one), what is in sight (None: all)."""

    name: str
    roles: list[str] | None
    scope: Scope


def reader_of(request: Request) -> Reader | None:
    """Who looks at a page, as its head says it; None where nobody was let in."""
    holders: Sequence[Holder] = getattr(request.state, "holders", ())
    if not holders:
        return None
    held = together(holders)
    return Reader(held.name, None if held.roles == ROLES else sorted(held.roles), held.scope)


def is_signed_in(request: Request) -> bool:
    """Whether the browser has a session that can be ended."""
    parts = parts_of(request)
    return not parts.settings.dev and cookie(request, cookie_name(parts)) is not None


class Told(NamedTuple):
    """The clocks in words: the date of the knowledge, None before there was any, and whether it is the latest."""

    known_on: date | None
    latest: bool


class Slider(NamedTuple):
    """The ends of the clocks' sliders: days since 1970-01-01, and the last position."""

    first: int
    last: int
    as_of: int
    head: int


def slider(clocks: Clocks, queries: Queries) -> Slider:
    """From the first day of which the ledger tells to today, and further where the question is."""
    first = first_day(queries.view.current) or clocks.as_of.toordinal()
    days = [each - _EPOCH for each in (first, today().toordinal(), clocks.as_of.toordinal())]
    return Slider(min(days), max(days), days[2], max(queries.position, clocks.position))


def told(clocks: Clocks, asked: str) -> Told:
    """How the sentence of the clocks bar names the state of knowledge.

    An instant is named by its own date, a position by the date on which it was learned, the latest by today; what comes
    before the first position is named as such.
    """
    if asked and not clocks.position:
        return Told(None, False)
    if not asked:
        return Told(today(), True)
    if not asked.isdecimal():
        return Told(read_instant("known_at", asked).astimezone(SHANGHAI).date(), False)
    learned = clocks.known.learned_at
    return Told(None if learned is None else learned.astimezone(SHANGHAI).date(), False)


def page(
    request: Request,
    lang: Annotated[
        Lang | None, Query(description="The page's language; left out: the one last chosen, else Chinese.")
    ] = None,
) -> Page:
    """The page that this request asks for."""
    return Page(request, lang or chosen_language(request))


Paged = Annotated[Page, Depends(page)]


async def tidy(
    request: Request,
    known_on: Annotated[
        str | None, Query(description="As known when this day ended in Asia/Shanghai; leads on to `known_at`.")
    ] = None,
    since_on: Annotated[
        str | None, Query(description="Since what was known when this day ended; leads on to `since`.")
    ] = None,
) -> None:
    """Lead a form's address on to the plain one: fields left empty go, a day of knowledge becomes its last instant.

    A router's dependency, so that it comes before the page's own parameters are read.
    """
    await lead_to_code(request)
    items = request.query_params.multi_items()
    if all(value for _, value in items) and known_on is None and since_on is None:
        return
    addresses = Addresses(request.url.path, request.query_params)
    changes: dict[str, Value] = {"known_on": None, "since_on": None}
    if known_on:
        day = read_date("known_on", known_on)
        # A day that is not over has no last state of knowledge yet: what is known now is asked for.
        changes["known_at"] = end_of(day) if day < today() else None
    if since_on:
        changes["since"] = end_of(read_date("since_on", since_on))
    raise HTTPException(303, headers={"location": addresses.here(changes)})


def end_of(day: date) -> str:
    """The last instant of a day in Asia/Shanghai, as `known_at` takes it."""
    return f"{day.isoformat()}T23:59:59.999999+08:00"
