"""When two names are one: full-width and half-width letters, digits and brackets, and blanks around them."""

from typing import Final

# Full-width forms of ASCII (Unicode, Halfwidth and Fullwidth Forms, U+FF01 to U+FF5E) and the ideographic space.
FULL_WIDTH: Final = "".join(map(chr, range(0xFF01, 0xFF5F))) + "\u3000"
HALF_WIDTH: Final = "".join(map(chr, range(0x21, 0x7F))) + " "
_ONE_WIDTH: Final = str.maketrans(FULL_WIDTH, HALF_WIDTH)


def one_width(words: str) -> str:
    """The words with （） as (), full-width letters and digits as plain ones, without blanks around."""
    return words.translate(_ONE_WIDTH).strip()


def same_words(one: object, other: object) -> bool:
    """Whether two values of a field are one; of words the width says nothing."""
    if isinstance(one, str) and isinstance(other, str):
        return one == other or one_width(one) == one_width(other)
    return one == other
