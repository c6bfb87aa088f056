"""Divisions by name: 澄江区, 澜渡市澄江区, or a town's name below its county's."""

from collections.abc import Iterable, Mapping
from typing import Final

from domain.listing.list_cells import CellError, seen

_ABOVE_MAX: Final = 3
_LENGTHS: Final = (2, 4, 6, 9, 12)


class Places:
    """The divisions that have a name, found by it, alone or after the names of those above."""

    def __init__(self, names: Iterable[tuple[str, str]] = ()) -> None:
        """From codes and names, as the ledger has them on a date."""
        self.names: Mapping[str, str] = {code: seen(name) for code, name in names}
        self._by_name: dict[str, list[str]] = {}
        for code in self.names:
            for said in self._said(code):
                self._by_name.setdefault(said, []).append(code)

    def _said(self, code: str) -> Iterable[str]:
        above = [self.names[code[:n]] for n in _LENGTHS if n < len(code) and code[:n] in self.names][-_ABOVE_MAX:]
        name = self.names[code]
        return {"".join(above[at:]) + name for at in range(len(above) + 1)}

    def find(self, name: str, below: str = "") -> str:
        """The code of the division of a name, below a division where one is given.

        Raises:
            CellError: none has the name, or more than one.
        """
        found = [code for code in self._by_name.get(seen(name), ()) if code.startswith(below) and code != below]
        where = f" below {below}" if below else ""
        if not found and below and self.names.get(below) == seen(name):
            return below
        if not found:
            raise CellError(
                "place_unknown",
                f"no division{where} of this name is known on the list's date; write its code, say in the profile "
                "(values, region) which code the name means, or set the column aside by name (set_aside)",
            )
        if len(found) > 1:
            raise CellError(
                "place_ambiguous",
                f"{len(found)} divisions{where} have this name, {', '.join(sorted(found)[:5])}; write the code, or the "
                "name after its county's",
            )
        return found[0]
