"""How what somebody looks for may be written in a name: word by word, in simplified or traditional characters."""

from typing import Final

from opencc import OpenCC

from domain.values.names import one_width

WORDS_MAX: Final = 8
_CONVERTERS: Final = tuple(OpenCC(name) for name in ("t2s", "hk2s", "tw2s", "s2t"))


def wanted(part: str) -> list[frozenset[str]]:
    """The words of what is looked for, each in every form of which a name may hold one; blanks part them.

    Words beyond the first WORDS_MAX go with the last of these, as one.
    """
    return [
        frozenset((word, *(converter.convert(word) for converter in _CONVERTERS)))
        for word in one_width(part).split(maxsplit=WORDS_MAX - 1)
    ]
