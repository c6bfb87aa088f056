"""`/daily/visits`: the page that a phone keeps, so that visits are entered without a network.

What is served here is the same for everybody and tells nothing of anybody: the list and what is entered come and go by
the calls that the page shows, and lie on the device sealed (api/site/static/visits_store.js).
"""

import hashlib
import json
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from api.acts.fields import DATA, Field, fields_of
from api.acts.words import Words
from api.asking.questions import open_to_anyone, shows
from api.fieldwork import surveys
from api.site.base import CONTENT_SECURITY_POLICY, Page, Paged, tidy
from api.site.static_files import content, static
from api.site.texts import LANGS, TEXTS, Lang
from api.visits import visits

PATH: Final = "/daily/visits"
WORKER: Final = f"{PATH}/worker.js"
MANIFEST: Final = f"{PATH}/manifest.webmanifest"
# What the page is made of; the worker keeps these and the page itself, and nothing else.
FILES: Final = ("taizhang.css", "visits.css", "visits_store.js", "visits_send.js", "visits.js", "icon.svg")
# The texts that scripts put in, by their names without this.
_TEXTS: Final = "visits.js."
# A worker has a policy of its own: it may ask this service, and load the scripts that send.
_WORKER_POLICY: Final = "default-src 'none'; connect-src 'self'; script-src 'self'"
_NO_CACHE: Final = "no-cache"

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)


@router.get(PATH, response_model=None, dependencies=[Depends(tidy)])
@shows(visits.post, visits.get_sender, surveys.get, surveys.get_list)
def get(page: Paged) -> HTMLResponse:
    """The page, empty; its scripts fill it from what the device keeps."""
    return _shell(page.request, page.lang)


def _shell(request: Request, lang: Lang) -> HTMLResponse:
    page, words = Page(request, lang), Words(lang, visits.VISIT)
    fields = {each.path.removeprefix(f"{DATA}."): each for each in fields_of(visits.VISIT)}
    response = page.render(
        "visits.html",
        words=words,
        fields=fields,
        unknown={each.name: each for each in fields["unknown"].parts},
        findings=[_finding(each) for each in fields["findings"].parts],
        at=lambda other: f"{PATH}?lang={other}",
        manifest=f"{MANIFEST}?lang={lang}",
        worker=WORKER,
        scope=PATH,
        texts={key.removeprefix(_TEXTS): both[lang] for key, both in TEXTS.items() if key.startswith(_TEXTS)},
    )
    response.headers["content-security-policy"] = f"{CONTENT_SECURITY_POLICY}; manifest-src 'self'"
    return response


def _finding(field: Field) -> tuple[Field, Field, Field | None]:
    """A finding, whether it is clear, and its value where one is asked for."""
    parts = {each.name: each for each in field.parts}
    return field, parts["clear"], parts.get("value")


@router.get(WORKER, response_model=None)
@open_to_anyone("a script of the pages")
def get_worker(request: Request) -> Response:
    """The page's worker, which names the content of all that it keeps: another content is another worker."""
    kept = [f"{PATH}?lang={lang}" for lang in LANGS] + [static(name) for name in FILES]
    digest = hashlib.sha256(json.dumps(kept).encode())
    for lang in LANGS:
        digest.update(bytes(_shell(request, lang).body))
    given: dict[str, Any] = {
        "version": digest.hexdigest()[:12], "kept": kept, "page": PATH, "first": kept[0],
        "scripts": [static("visits_store.js"), static("visits_send.js")],
    }  # fmt: skip
    text = f"const GIVEN = {json.dumps(given)};\n{content('visits_worker.js').decode()}"
    headers = {
        "content-security-policy": _WORKER_POLICY, "service-worker-allowed": PATH, "cache-control": _NO_CACHE,
    }  # fmt: skip
    return Response(text, media_type="text/javascript; charset=utf-8", headers=headers)


@router.get(MANIFEST, response_model=None)
@open_to_anyone("what a phone calls the page that it keeps")
def get_manifest(page: Paged) -> Response:
    """The page as a phone installs it (W3C Web Application Manifest)."""
    told = {
        "id": PATH, "start_url": f"{PATH}?lang={page.lang}", "scope": PATH, "display": "standalone", "lang": page.lang,
        "name": page.t("visits.app"), "short_name": page.t("visits.app.short"), "theme_color": "#9b1c1c",
        "background_color": "#ffffff",
        "icons": [{"src": static("icon.svg"), "sizes": "any", "type": "image/svg+xml"}],
    }  # fmt: skip
    text = json.dumps(told, ensure_ascii=False)
    return Response(text, media_type="application/manifest+json", headers={"cache-control": _NO_CACHE})
