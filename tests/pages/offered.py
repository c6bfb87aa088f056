"""Lists sent to the demo city and not published: what each answer to a list looks like."""

import hashlib
import re
from typing import Final

from tests.fix_service import Service
from tests.full_lists import as_csv

# Its facts are the city's; as its list the file would end all the groups that it does not name.
TRANSPORT: Final = "/registry/post-and-transport"
NEWCOMER: Final = "/registry/couriers"
_GROUPS: Final = [
    [f"group:990101-courier-{n:03}", f"城西{n}站", "快递员", "990101", "G60", str(10 + n), f"城西路{n}号"]
    for n in range(12)
]
_KNOWN: Final = ["group:880103-courier-000", "青隅区快递员第一组", "快递员", "880103", "G60", "99", "青隅路1号"]
GOOD: Final = as_csv([_KNOWN, *_GROUPS, ["合计", "", "", "", "", "13", ""]], "gb18030")
BAD: Final = as_csv([_KNOWN, ["9.1330106E+17", *_GROUPS[0][1:]], [*_GROUPS[1][:3], "城西", *_GROUPS[1][4:]]])


def plan(content: bytes, source: str) -> str:
    """The address of what a list would publish."""
    digest = hashlib.sha256(content).hexdigest()
    return f"/daily/lists/{digest}?as_of=2024-11-30&source={source}&name=2024-11.csv"


def offer(service: Service) -> None:
    """Send both files, as the page's form does."""
    page = service.http.get("/daily/lists")
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token is not None
    for content in (GOOD, BAD):
        answer = service.http.post(
            "/daily/lists",
            data={"token": token[1], "source": NEWCOMER, "date": "2024-11-30"},
            files={"file": ("2024-11.csv", content)},
            headers={"origin": service.url},
        )
        assert answer.status_code == 303, answer.text
