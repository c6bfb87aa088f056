"""A question's table as a workbook or as CSV, from its own answers: `@taken_away` beside the question.

The endpoint answers as it answers for JSON, page after page, all from the one version of the ledger that its request is
pinned to; so who may ask, what is withheld, and what is recorded as read are the question's own.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import chain
from typing import Annotated, Any, Final, Literal, NamedTuple

from fastapi import Query, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.asking import cursors
from api.exports.columns import Field, fields_of
from api.exports.document import Column, Document, Table, Value
from api.exports.figures import NOTES, dimension_title, doubts, sentence
from api.exports.files import as_file
from api.site.addresses import address
from api.site.formats import Names, moment
from api.site.texts import Lang, text
from api.web.answers import Answer
from api.web.parts import parts_of
from api.web.problems import invalid
from domain.inspection.wrong_clock import WrongClock
from services.system.settings import SHANGHAI

FORMS: Final = ("csv", "xlsx")
Form = Annotated[
    Literal["json", "csv", "xlsx"],
    Query(description="xlsx: the whole table as a workbook; csv: as a ZIP of CSV with its CSVW metadata. Both have all "
          "pages, and take neither `limit` nor `cursor`."),
]  # fmt: skip
In = Annotated[Lang, Query(description="The language of a workbook or of CSV.")]
Rows = Callable[[dict[str, Any]], Iterable[Mapping[str, Any]]]


class Sheet(NamedTuple):
    """What of an answer is its table.

    rows: the list in the answer, or what makes it of the answer.
    shape: one row's.
    at_once: how many rows a page has; many where each page costs the whole question.
    total: whether the answer's `total` is the last row.
    """

    rows: str | Rows
    shape: type[BaseModel]
    at_once: int = 1_000
    total: bool = False

    def rows_of(self, answer: dict[str, Any]) -> Iterable[Mapping[str, Any]]:
        """The rows of one answer."""
        if not isinstance(self.rows, str):
            return self.rows(answer)
        found: list[dict[str, Any]] = answer[self.rows]
        return found


WHOLE: Final = 1_000_000
_ADDED: Final = (
    inspect.Parameter("format", inspect.Parameter.KEYWORD_ONLY, default="json", annotation=Form),
    inspect.Parameter("lang", inspect.Parameter.KEYWORD_ONLY, default="zh", annotation=In),
)
# These are of a form of the answer, and no part of the question.
_FREE: Final = frozenset(("format", "lang", "min_position"))


def taken_away(sheet: Sheet) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a question the parameters `format` and `lang`, and its table in these forms."""

    def made(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*, format: str, lang: Lang, **given: Any) -> Response:  # noqa: A002, ANN401 - parameters of the query
            answer: Response = endpoint(**given)
            return answer if format == "json" else _file(answer, sheet, endpoint, given, format, lang)

        async def awaited(*, format: str, lang: Lang, **given: Any) -> Response:  # noqa: A002, ANN401 - as above
            answer: Response = await endpoint(**given)
            if format == "json":
                return answer
            return await run_in_threadpool(_file, answer, sheet, endpoint, given, format, lang)

        wrapper: Callable[..., Response | Awaitable[Response]] = (
            awaited if inspect.iscoroutinefunction(endpoint) else asked
        )
        signature = inspect.signature(endpoint)
        said: dict[str, object] = {
            "__name__": endpoint.__name__, "__qualname__": endpoint.__qualname__, "__module__": endpoint.__module__,
            "__doc__": endpoint.__doc__, "sheet": sheet, "forms": FORMS,
            "__signature__": signature.replace(parameters=[*signature.parameters.values(), *_ADDED]),
        }  # fmt: skip
        for name, value in said.items():
            setattr(wrapper, name, value)
        return wrapper

    return made


def _file(  # noqa: PLR0917 - one question
    first: Response, sheet: Sheet, endpoint: Callable[..., Any], given: dict[str, Any], form: str, lang: Lang
) -> Response:
    request: Request = given["request"]
    for name in ("limit", "cursor"):
        if name in request.query_params:
            rule = f"format={form} has all pages; leave {name} away"
            raise invalid(f"query.{name}", request.query_params[name], "format_whole", rule)
    if not isinstance(first, Answer):
        return first
    if "limit" in given:
        first = endpoint(**given | {"limit": sheet.at_once})
    answers = _answers(first, endpoint, given, sheet)
    document = _document(request, next(answers), answers, sheet, lang)
    return as_file(document, "xlsx" if form == "xlsx" else "csv", parts_of(request).drawer.draw)


def _answers(
    first: Response, endpoint: Callable[..., Any], given: dict[str, Any], sheet: Sheet
) -> Iterator[dict[str, Any]]:
    """The answer's pages, each read when it is asked for."""
    found = first
    while isinstance(found, Answer):
        page = found.read()
        yield page
        following = page.get("next")
        if following is None:
            return
        given = given | {"limit": sheet.at_once, "cursor": following}
        if "clocks" in given:
            after = cursors.decode(following, given["request"]).after
            given["clocks"] = given["clocks"]._replace(after=after)
        found = endpoint(**given)


def taken_from(
    request: Request, answers: Iterable[dict[str, Any]], first: dict[str, Any], sheet: Sheet, lang: Lang
) -> tuple[list[Column], Iterator[list[Value]]]:
    """The columns in a language, and the rows of these answers, of which `first` is the first page."""
    parts, clocks = parts_of(request), first.get("this", first)
    known, as_of = clocks.get("known_at"), clocks.get("as_of")
    regions = parts.regions.at(parts.queries, parts.queries.position if known is None else known["position"])
    names = Names(lang, regions, date.fromisoformat(as_of) if as_of else date.max)
    group_by: list[str] = first.get("group_by", [])
    fields = fields_of(sheet.shape)

    def rows() -> Iterator[list[Value]]:
        for answer in answers:
            yield from (_row(names, group_by, fields, each) for each in sheet.rows_of(answer))
        if sheet.total:
            yield _row(names, group_by, fields, first["total"])

    return [*_keys(lang, group_by), *(each.column(lang) for each in fields)], rows()


def _document(
    request: Request, first: dict[str, Any], rest: Iterable[dict[str, Any]], sheet: Sheet, lang: Lang
) -> Document:
    columns, rows = taken_from(request, chain((first,), rest), first, sheet, lang)
    clocks, route = first.get("this", first), request.scope["route"]
    known, as_of = clocks.get("known_at"), clocks.get("as_of")
    words = [word for word in route.path_format.split("/")[2:] if not word.startswith("{")]
    has_rates = any(each.kind == "percent" for each in columns)
    return Document(
        name="-".join([*words, as_of] if as_of else words),
        lang=lang,
        title=title_of(route, lang),
        sentence=_sentence(lang, as_of, known),
        tables=[Table("list", text(lang, "export.sheet.list"), columns, rows)],
        chart=None,
        evidence=_evidence(request, first, lang),
        notes=[text(lang, key) for key in (NOTES if has_rates else NOTES[-1:])],
    )


def _row(names: Names, group_by: list[str], fields: list[Field], row: Mapping[str, Any]) -> list[Value]:
    key = row.get("key")
    cells: list[Value] = [] if not group_by else [None if key is None else key.get(name) for name in group_by]
    words = [text(names.lang, "total") if key is None else " · ".join(names.term(n, key.get(n)) for n in group_by)]
    return [*(words if group_by else []), *cells, *(each.value(names, row) for each in fields)]


def _keys(lang: Lang, group_by: list[str]) -> list[Column]:
    """The group in words, then the code of each dimension."""
    titles = [dimension_title(lang, name) for name in group_by]
    coded = [
        Column(name, text(lang, "export.code", name=title), "text")
        for name, title in zip(group_by, titles, strict=True)
    ]
    return [Column("group", " · ".join(titles), "text"), *coded] if group_by else []


def title_of(route: APIRoute, lang: Lang) -> str:
    """A call's summary has both languages, the Chinese first: 台账 The ledger's rows."""
    zh, _, en = (route.summary or "").partition(" ")
    return zh if lang == "zh" else en


def _sentence(lang: Lang, as_of: str | None, known: dict[str, Any] | None) -> str:
    if known is None:
        return text(lang, "export.sentence.moment", moment=moment(datetime.now(SHANGHAI)))
    recorded = known["recorded_at"] and datetime.fromisoformat(known["recorded_at"])
    wrong = [WrongClock(**each) for each in known.get("clock_wrong", ())]
    if as_of is not None:
        return sentence(lang, as_of, known["position"], recorded, wrong)
    told = text(lang, "export.sentence.known", position=known["position"], recorded=moment(recorded))
    return " ".join([told, *doubts(lang, wrong)])


def _evidence(request: Request, answer: dict[str, Any], lang: Lang) -> list[tuple[str, str]]:
    """The tree and the rules where the answer is of the ledger, and the address of the same as JSON."""
    clocks = answer.get("this", answer)
    known, pairs = clocks.get("known_at"), {}
    if known is not None:
        found = parts_of(request).queries.evidence(known["position"])
        pairs = {"tree_size": str(found.tree_size), "root_hash": found.root_hash, "ruleset": found.ruleset}
        if found.read_by is not None:
            pairs["read_by"] = found.read_by
    if "other" in answer and "this" in answer:
        other = answer["other"]
        pairs["other"] = f"as_of={other['as_of']} known_at={other['known_at']['position']}"
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name not in _FREE:
            given.setdefault(name, []).append(value)
    if known is not None:
        given |= {"known_at": known["position"]} | ({"as_of": clocks["as_of"]} if "as_of" in clocks else {})
    pairs["address"] = address(request.url.path, given)
    return [(text(lang, f"export.evidence.{name}"), value) for name, value in pairs.items()]
