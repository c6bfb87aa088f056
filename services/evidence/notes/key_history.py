"""The keys that a log has signed with, one after another, and which of them a verifier follows (spec/evidence.md).

A change is a statement that the new key signs, and the old one too where the key was rotated. Whoever knows one key
follows rotations from there by themselves; an epoch that begins otherwise has a key to be made known by another way.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast, get_args

from domain.events.evidence import Because
from domain.tree.merkle import HASH_BYTES, TREE_SIZE_MAX
from domain.values.strict_json import NotJsonError, read_json
from services.evidence.notes.checkpoint import Checkpoint
from services.evidence.notes.notes import Note, NoteError, Signature, SignerKey, VerifierKey, parse_signature

STATEMENT: Final = "taizhang/log-key/1"
_MEMBERS: Final = frozenset(("epoch", "because", "old_key", "new_key", "size", "root_hash", "signatures"))


class Change(NamedTuple):
    """One change of the key: the epoch that begins, why, and the log's tree before it, the last that `old` may sign."""

    epoch: int
    because: Because
    old: VerifierKey
    new: VerifierKey
    size: int
    root_hash: bytes
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Change:
        """From the data of an event, or what /v1/log/keys lists; NoteError where it is mangled."""
        try:
            because, root_hash = data["because"], bytes.fromhex(data["root_hash"])
            _require(because in get_args(Because) and len(root_hash) == HASH_BYTES, "because or root_hash is none")
            for name in ("epoch", "size"):
                _require(type(data[name]) is int and 0 <= data[name] <= TREE_SIZE_MAX, f"{name} is no whole number")
            signatures = tuple(parse_signature(line) for line in data["signatures"])
            old, new = VerifierKey.parse(data["old_key"]), VerifierKey.parse(data["new_key"])
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise NoteError(f"this is no change of a log's key: {type(fault).__name__} {fault}") from None
        return cls(data["epoch"], cast("Because", because), old, new, data["size"], root_hash, signatures)

    def data(self) -> dict[str, Any]:
        """As `read` takes it."""
        return {
            "epoch": self.epoch, "because": self.because, "old_key": str(self.old), "new_key": str(self.new),
            "size": self.size, "root_hash": self.root_hash.hex(),
            "signatures": [each.line().removesuffix("\n") for each in self.signatures],
        }  # fmt: skip

    def text(self) -> str:
        """What is signed, a note's text."""
        root_hash = base64.b64encode(self.root_hash).decode()
        return (
            f"{STATEMENT}\nepoch {self.epoch}\nbecause {self.because}\nold {self.old}\nnew {self.new}\n"
            f"size {self.size}\nroot {root_hash}\n"
        )

    def signed(self, *keys: SignerKey) -> Change:
        """The same, with the signatures of these."""
        return self._replace(signatures=tuple(key.sign(self.text()) for key in keys))

    def check(self) -> None:
        """NoteError unless all whose word it takes have signed: the new key, and of a rotation the old one."""
        due = [self.old, self.new] if self.because == "rotated" else [self.new]
        found = {key for key, _ in Note(self.text(), self.signatures).verified_by(due)}
        if self.old == self.new or found != set(due):
            raise NoteError(f"the change to epoch {self.epoch} is not signed by {' and '.join(map(str, due))}")


class Epoch(NamedTuple):
    """A key and the largest tree that it may sign; None for the key in force."""

    key: VerifierKey
    until: int | None
    ended: Because | None


class KeyHistory(NamedTuple):
    """The first key of a log, and every change since; it was checked where `of` made it."""

    first: VerifierKey
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, first: VerifierKey, changes: Sequence[Change]) -> KeyHistory:
        """NoteError unless each change takes the place of the key before, at a larger tree, and is signed."""
        key, size = first, -1
        for epoch, change in enumerate(changes, 2):
            if change.epoch != epoch or change.old != key or change.size <= size:
                raise NoteError(
                    f"the log's keys do not follow one another: epoch {change.epoch} at size {change.size} takes the "
                    f"place of {change.old}, where epoch {epoch} after {key} is due"
                )
            change.check()
            key, size = change.new, change.size
        return cls(first, tuple(changes))

    @classmethod
    def read(cls, data: bytes) -> KeyHistory:
        """What GET /v1/log/keys answers; NoteError where it is mangled or does not hold."""
        try:
            value = read_json(data)
            _require(value.keys() == {"first", "changes"}, "it has the members first and changes")
            for each in value["changes"]:
                _require(each.keys() == _MEMBERS, f"a change has the members {', '.join(sorted(_MEMBERS))}")
            return cls.of(VerifierKey.parse(value["first"]), [Change.read(each) for each in value["changes"]])
        except (NotJsonError, KeyError, TypeError, ValueError, AttributeError) as fault:
            raise NoteError(f"this is no history of a log's keys: {type(fault).__name__} {fault}") from None

    def json(self) -> dict[str, Any]:
        """As `read` takes it."""
        return {"first": str(self.first), "changes": [each.data() for each in self.changes]}

    @property
    def current(self) -> VerifierKey:
        """The key in force."""
        return self.changes[-1].new if self.changes else self.first

    @property
    def epochs(self) -> list[Epoch]:
        """Each key with how far it signs."""
        keys = [self.first, *(each.new for each in self.changes)]
        ends: list[tuple[int | None, Because | None]] = [(each.size, each.because) for each in self.changes]
        return [Epoch(key, *end) for key, end in zip(keys, [*ends, (None, None)], strict=True)]


class LogKeys(NamedTuple):
    """The keys of one log that a verifier goes by: the one that it trusts, and those that follow from it."""

    trusted: VerifierKey
    epochs: tuple[Epoch, ...] = ()
    unfollowed: Change | None = None

    @classmethod
    def follow(cls, trusted: VerifierKey, history: KeyHistory | None) -> LogKeys:
        """From a key that is trusted: the earlier ones, which it vouches for, and on as far as keys were rotated.

        `unfollowed` is the first change after it that the old key did not sign.
        """
        epochs = [] if history is None else history.epochs
        at = next((n for n, epoch in enumerate(epochs) if epoch.key == trusted), None)
        if history is None or at is None:
            return cls(trusted, (Epoch(trusted, None, None),))
        later = history.changes[at:]
        end = next((n for n, change in enumerate(later) if change.because != "rotated"), len(later))
        return cls(trusted, tuple(epochs[: at + end + 1]), later[end] if end < len(later) else None)

    def or_by(self, history: KeyHistory) -> LogKeys:
        """These, or where nobody said what follows from the trusted key, what a history says that it signed itself."""
        known = len(self.epochs) > 1 or self.unfollowed is not None
        return self if known else LogKeys.follow(self.trusted, history)

    @property
    def current(self) -> VerifierKey:
        """The last key that is followed."""
        return self.epochs[-1].key if self.epochs else self.trusted

    def under(self, renamed: Callable[[VerifierKey], VerifierKey]) -> LogKeys:
        """The same keys under another name, for another tree; how far each signed there is not stated."""
        epochs = tuple(Epoch(renamed(each.key), None, None) for each in self.epochs)
        return LogKeys(renamed(self.trusted), epochs)

    def of(self, data: bytes) -> VerifierKey:
        """The key that a signed checkpoint must verify under; the current one where no other's name is on it.

        Raises:
            NoteError: it is mangled, or of a larger tree than the key that is named on it may sign.
        """
        note = Note.parse(data)
        size, named = Checkpoint.parse(note.text).size, {(each.name, each.key_id) for each in note.signatures}
        for epoch in reversed(self.epochs):
            if (epoch.key.name, epoch.key.key_id) in named:
                if epoch.until is not None and size > epoch.until:
                    raise NoteError(
                        f"it is of {size} events, and the key {epoch.key}, which was {epoch.ended}, signs none of more "
                        f"than {epoch.until}"
                    )
                return epoch.key
        return self.current


def _require(holds: bool, words: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise ValueError(words)
