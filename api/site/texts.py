"""The pages' texts in Chinese and English: texts/*.json, each key with its two texts."""

import json
from importlib import resources
from typing import Any, Final, Literal, get_args

Lang = Literal["zh", "en"]
LANGS: Final[tuple[Lang, ...]] = get_args(Lang)
# As the attribute `lang` of HTML names them (BCP 47).
TAGS: Final[dict[Lang, str]] = {"zh": "zh-CN", "en": "en"}


def _read() -> dict[str, dict[Lang, str]]:
    found: dict[str, dict[Lang, str]] = {}
    for file in sorted((resources.files("api.site") / "texts").iterdir(), key=lambda each: each.name):
        for key, (zh, en) in json.loads(file.read_text(encoding="utf-8")).items():
            if key in found:
                raise ValueError(f"{file.name}: the text {key} stands in another file already")
            found[key] = {"zh": zh, "en": en}
    return found


TEXTS: Final = _read()


def text(lang: Lang, key: str, **values: Any) -> str:  # noqa: ANN401 - whatever the text has a place for
    """The text of a key in a language, its places filled in.

    Raises:
        KeyError: there is no such text, or a place of it has no value.
    """
    return TEXTS[key][lang].format(**values)


def has(key: str) -> bool:
    """Whether there is a text of this key."""
    return key in TEXTS
