"""What the invented city is drawn with: chance, days, codes."""

import random
from collections.abc import Sequence
from datetime import date
from typing import Final


def stream(seed: int, *parts: object) -> random.Random:
    """A stream of its own for each subject, so that a change in one leaves the others as they were.

    Seeded by text: CPython hashes that with SHA-512, alike on every version and machine.
    """
    return random.Random(":".join(map(str, (seed, *parts))))  # noqa: S311  # demo data, no secret


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Split `total` into whole numbers in proportion to `weights`, by largest remainders.

    The parts add up to `total`; ties go to the first.
    """
    whole = sum(weights)
    shares = [total * weight / whole for weight in weights]
    parts = [int(share) for share in shares]
    order = sorted(range(len(weights)), key=lambda i: (parts[i] - shares[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def between(rng: random.Random, first: int, last: int) -> int:
    """A whole number from `first` to `last`, both included; `last` where the span is empty."""
    return first + int(rng.random() * (last - first + 1)) if last > first else last


def day(text: str) -> int:
    """The ordinal of a date written YYYY-MM-DD."""
    return date.fromisoformat(text).toordinal()


OPENING: Final = day("2023-06-01")
"""The ledger opens: the registries hand over their stock."""
SPEECH: Final = day("2024-09-30")
"""The campaign's launch speech gives its figures as of the end of this day."""
CAMPAIGN: Final = day("2024-10-08")
"""The campaign's first working day."""
DEADLINE: Final = day("2024-12-31")
"""Coverage targets and full work coverage are due."""
END: Final = day("2025-06-30")
"""All eligible organizations are covered; the history ends."""
FORMATION_DAYS: Final = 90
"""A branch is due this many days after the organization became eligible, and not before DEADLINE."""

QUARTER_ENDS: Final = tuple(
    map(
        day,
        (
            "2023-06-30", "2023-09-30", "2023-12-31", "2024-03-31", "2024-06-30",
            "2024-09-30", "2024-12-31", "2025-03-31", "2025-06-30",
        ),
    )
)  # fmt: skip

_FIRST: Final = day("2023-05-01")
_LAST: Final = day("2026-06-30")
_ISO: Final = tuple(date.fromordinal(n).isoformat() for n in range(_FIRST, _LAST + 1))
DAY_SECONDS: Final = 86_400


def iso(ordinal: int) -> str:
    """The date as YYYY-MM-DD; from 2023-05-01 to 2026-06-30."""
    return _ISO[ordinal - _FIRST]


def instant(ordinal: int, second: int) -> str:
    """The RFC 3339 time of a second (from 0) of a day, with the offset of Asia/Shanghai."""
    return f"{_ISO[ordinal - _FIRST]}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+08:00"


ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015, table 1: no I, O, S, V, Z."""
_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}
# GB 11714: letters count from 10 by their place in the whole Latin alphabet, so I and O have values too.
_INNER_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_INNER_VALUES: Final = {character: int(character, 36) for character in ALPHABET}
_INNER_CHECK: Final = "0123456789X0"

_SERIALS: Final = 31**6
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
PREFIXES: Final = {
    "private_enterprise": "91",
    "foreign_enterprise": "91",
    "sole_proprietor": "92",
    "association": "51",
    "service_institution": "52",
    "foundation": "53",
}
"""GB 32100-2015, 4.2 and 4.3: registering department (market 9, civil affairs 5) and type, by category."""


def credit_code(category: str, authority: str, serial: int) -> str:
    """An `uscc:` identifier (GB 32100-2015) whose inner GB 11714 digit holds as well.

    Args:
        category: one of `PREFIXES`.
        authority: the registering authority's division code, six digits.
        serial: from 0 to 31**6 - 1, once per authority.
    """
    # An odd step through the whole range, prime to 31, so that neighbours look nothing alike.
    number = (serial * 387_420_489 + 104_729) % _SERIALS
    body = "MA"
    for _ in range(6):
        number, rest = divmod(number, 31)
        body += ALPHABET[rest]
    inner = sum(_INNER_VALUES[c] * w for c, w in zip(body, _INNER_WEIGHTS, strict=True))
    code = PREFIXES[category] + authority + body + _INNER_CHECK[11 - inner % 11]
    outer = sum(_VALUES[c] * w for c, w in zip(code, _WEIGHTS, strict=True))
    return f"uscc:{code}{ALPHABET[-outer % 31]}"


def pseudonym(prefix: str, number: int) -> str:
    """An opaque `member:` or `person:` identifier, one to one with numbers below 2**32.

    Letters alone, so that it can never hold the digits of an identity or mobile number.
    """
    scattered = ((number * 2_654_435_761) ^ 0x5BD1E995) & 0xFFFFFFFF
    text = ""
    for _ in range(7):
        scattered, rest = divmod(scattered, 26)
        text += _LETTERS[rest]
    return f"{prefix}:{text}"
