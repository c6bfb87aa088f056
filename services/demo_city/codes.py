"""Identifiers that hold their own checks: credit codes and pseudonyms."""

from typing import Final

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
