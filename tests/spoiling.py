"""What somebody may do to a bundle before handing it on."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from typing import Any

from domain.tree.merkle import node_hash
from domain.tree.proofs import read_proof, shared_ranges
from services.evidence.bundles.answers import fold
from services.evidence.bundles.bundle import answer_of
from services.evidence.copies.lines import read_line
from services.evidence.copies.stored import StoredEvent, event_of
from services.evidence.notes.notes import Note
from tests.forging import BEGINNING, THIEF, Members


class Spoiled:
    """A bundle's parts, open to be changed, and put together again."""

    def __init__(self, members: Members) -> None:
        self.manifest = json.loads(members["manifest.json"])
        self.answer = json.loads(members["answer.json"])
        self.lines = [json.loads(line) for line in members["events.jsonl"].splitlines()]
        self.note = members["checkpoint"]
        self.tree = read_proof(members["tree"])
        complete = members.get("complete.json")
        self.besides = [] if complete is None else [read_line(json.loads(complete)["stated"])]

    def members(self) -> Members:
        return {
            "manifest.json": json.dumps(self.manifest).encode(),
            "checkpoint": self.note,
            "answer.json": json.dumps(self.answer).encode(),
            "events.jsonl": b"".join(json.dumps(line).encode() + b"\n" for line in self.lines),
            "tree": b"".join(self.tree),
        }

    def answer_again(self) -> None:
        """Let the answer be what the events shown give for the organizations listed."""
        stored = [_stored(line) for line in self.lines]
        state = fold([event_of(each) for each in stored], date.fromisoformat(self.manifest["as_of"]))
        self.answer = json.loads(json.dumps(answer_of(state, self.manifest["organizations"])))


def _stored(line: dict[str, Any]) -> StoredEvent:
    said = line["recorded"]
    return StoredEvent(
        said["position"], said["source"], said["id"], b"", BEGINNING, said["publisher"], said["intake"],
        line["raw"].encode(), b"", None, None, None,
    )  # fmt: skip


def _event_left_out(spoiled: Spoiled, rng: random.Random) -> None:
    del spoiled.lines[rng.randrange(len(spoiled.lines))]


def _correction_left_out(spoiled: Spoiled, rng: random.Random) -> None:
    words = [n for n, line in enumerate(spoiled.lines) if "taizhang.event." in line["raw"]]
    del spoiled.lines[rng.choice(words)]


def _organization_left_out(spoiled: Spoiled, rng: random.Random) -> None:
    left_out = rng.choice(spoiled.manifest["organizations"])
    spoiled.manifest["organizations"].remove(left_out)
    if rng.random() < 0.5:
        spoiled.answer_again()


def _organization_put_in(spoiled: Spoiled, rng: random.Random) -> None:
    given = spoiled.manifest["organizations"]
    given.insert(rng.randrange(len(given) + 1), rng.choice([*given, "group:another"]))


def _row_left_out(spoiled: Spoiled, rng: random.Random) -> None:
    del spoiled.answer["rows"][rng.randrange(len(spoiled.answer["rows"]))]


def _row_changed(spoiled: Spoiled, rng: random.Random) -> None:
    row = rng.choice(spoiled.answer["rows"])
    name = rng.choice(["full_members", "organization_covered", "work_covered", "org", "measure", "surplus"])
    value = row.get(name)
    row[name] = (not value) if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}x"


def _row_repeated(spoiled: Spoiled, rng: random.Random) -> None:
    spoiled.answer["rows"].append(rng.choice(spoiled.answer["rows"]))


def _figure_changed(spoiled: Spoiled, rng: random.Random) -> None:
    counts = spoiled.answer["counts"]
    name = rng.choice([*counts, "surplus"])
    said = counts.get(name, 0)
    # What nobody could answer is null in an honest one.
    counts[name] = rng.choice([0, 1] if said is None else [said + 1, said + 0.5, None])


def _rate_changed(spoiled: Spoiled, rng: random.Random) -> None:
    rate = spoiled.answer["rates"][rng.choice(list(spoiled.answer["rates"]))]
    rate[rng.choice(["numerator", "denominator", "value", "surplus"])] = "1.0001"


def _foreign_figure(spoiled: Spoiled, rng: random.Random) -> None:
    spoiled.answer[rng.choice(["total", "groups", "whole"])] = deepcopy(spoiled.answer["counts"])


def _node_changed(spoiled: Spoiled, rng: random.Random) -> None:
    """A hash of the tree changed, left out, added, or two of them in each other's place."""
    tree, at = spoiled.tree, rng.choice(range(len(spoiled.tree)))
    match rng.randrange(5):
        case 0:
            data = bytearray(tree[at])
            data[rng.randrange(32)] ^= 1 << rng.randrange(8)
            tree[at] = bytes(data)
        case 1:
            del tree[at]
        case 2:
            tree.insert(at, tree[at])
        case 3:
            tree.append(rng.randbytes(32))
        case _:
            other = rng.choice([n for n, each in enumerate(tree) if each != tree[at]])
            tree[at], tree[other] = tree[other], tree[at]


def _node_cut(spoiled: Spoiled, rng: random.Random) -> None:
    at = rng.choice(range(len(spoiled.tree)))
    spoiled.tree[at] = spoiled.tree[at][: rng.randrange(1, 32)]


def _event_left_out_for_its_hash(spoiled: Spoiled, rng: random.Random) -> None:
    """An event left out, and the tree's hashes such that what is left is in the tree."""
    at = rng.randrange(len(spoiled.lines))
    shown = [*map(read_line, spoiled.lines), *spoiled.besides]
    leaves = {each.position - 1: each.leaf_hash for each in shown}
    size, gone = spoiled.manifest["tree_size"], read_line(spoiled.lines[at]).position - 1
    before = dict(zip(shared_ranges(leaves, size), spoiled.tree, strict=True))
    hashed = leaves.pop(gone)

    def root(low: int, high: int) -> bytes:
        if high - low == 1:
            return hashed
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        both = ((low, middle), (middle, high))
        return node_hash(*(before[each] if each in before else root(*each) for each in both))

    del spoiled.lines[at]
    spoiled.tree = [before[each] if each in before else root(*each) for each in shared_ranges(leaves, size)]


def _position_changed(spoiled: Spoiled, rng: random.Random) -> None:
    line = rng.choice(spoiled.lines)
    line["recorded"]["position"] += rng.choice([-1, 1, 1000, -1000, 0.5, True])


def _lines_swapped_or_repeated(spoiled: Spoiled, rng: random.Random) -> None:
    at = rng.randrange(len(spoiled.lines))
    spoiled.lines.insert(rng.randrange(len(spoiled.lines) + 1), spoiled.lines[at])


def _bytes_changed(spoiled: Spoiled, rng: random.Random) -> None:
    line = rng.choice(spoiled.lines)
    at = rng.randrange(len(line["raw"]))
    line["raw"] = line["raw"][:at] + chr(ord(line["raw"][at]) ^ 1 << rng.randrange(7)) + line["raw"][at + 1 :]


def _recorded_changed(spoiled: Spoiled, rng: random.Random) -> None:
    line = rng.choice(spoiled.lines)
    name, value = rng.choice([
        ("publisher", "nobody"), ("recorded_at", "2024-03-03T00:00:00.000000Z"), ("id", "x"), ("source", "/x"),
        ("position", line["recorded"]["position"] + 1), ("surplus", 1), ("raw_sha256", "0" * 64),
    ])  # fmt: skip
    line["recorded"][name] = value


def _blinding_changed(spoiled: Spoiled, rng: random.Random) -> None:
    """Another value, none, that of another event, or the form of an erased one, whose bytes prove nothing."""
    line, other = rng.choice(spoiled.lines), rng.choice(spoiled.lines)
    match rng.randrange(5):
        case 0:
            line["blinding"] = "%064x" % (int(line["blinding"], 16) ^ 1 << rng.randrange(256))
        case 1:
            del line["blinding"]
        case 2:
            line["blinding"] = other["blinding"] if other is not line else "0" * 64
        case 3:
            line["commitment"] = line["blinding"]
        case _:
            line["commitment"] = line.pop("blinding")


def with_member(entry: str, name: str, value: object) -> str:
    """An entry of which something else is recorded."""
    content = json.loads(entry)
    record = content.get("entry", content)
    record[name] = value
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _clock_changed(spoiled: Spoiled, rng: random.Random) -> None:
    last, size = spoiled.lines[-1]["recorded"]["position"], spoiled.manifest["tree_size"]
    spoiled.manifest["known_at"] = rng.choice([last - 1, size + 1, size + 1000, 0, -1, last - 0.5, None])


def _date_changed(spoiled: Spoiled, rng: random.Random) -> None:
    spoiled.manifest["as_of"] = rng.choice(["1950-01-01", "2024-02-30", "20240229", None])


def _manifest_changed(spoiled: Spoiled, rng: random.Random) -> None:
    name = rng.choice([*spoiled.manifest, "surplus"])
    other = {
        "key": str(THIEF.verifier), "tree_size": spoiled.manifest["tree_size"] - 1, "rules": "0" * 64,
        "origin": "log.example/other", "question": {}, "organizations": {}, "as_of": "1950-01-01", "known_at": 1 << 70,
    }  # fmt: skip
    spoiled.manifest[name] = other.get(name, "other")


def _question_changed(spoiled: Spoiled, rng: random.Random) -> None:
    question = spoiled.manifest["question"]
    name, value = rng.choice([
        ("organizations", ["group:another"]), ("filters", {"region": "98"}), ("regions", {"2": "98"}),
        ("regions", {"3": "510"}), ("filters", {"region": 51}), ("filters", {"other": "x"}), ("count", "none"),
        ("surplus", 1),
    ])  # fmt: skip
    question[name] = value


def _checkpoint_changed(spoiled: Spoiled, rng: random.Random) -> None:
    text = Note.parse(spoiled.note).text
    other = rng.choice([text.replace("\n", "x\n", 1), text.replace("\n", "\n1", 1), text[:-9] + "AAAAAAA=\n"])
    signed = THIEF.sign(rng.choice([text, other]))
    spoiled.note = Note(text, (signed,)).to_bytes() if rng.random() < 0.5 else spoiled.note.replace(
        text.encode(), other.encode()
    )  # fmt: skip


#: By name what may be done to any bundle of a group; each makes it false, or unreadable.
FORGERIES: dict[str, Callable[[Spoiled, random.Random], None]] = {
    forgery.__name__.removeprefix("_"): forgery
    for forgery in (
        _event_left_out, _event_left_out_for_its_hash, _correction_left_out, _organization_left_out,
        _organization_put_in, _row_left_out, _row_changed, _row_repeated, _figure_changed, _rate_changed,
        _foreign_figure, _node_changed, _node_cut, _position_changed, _lines_swapped_or_repeated, _bytes_changed,
        _recorded_changed, _blinding_changed, _clock_changed, _date_changed, _manifest_changed, _question_changed,
        _checkpoint_changed,
    )
}  # fmt: skip
