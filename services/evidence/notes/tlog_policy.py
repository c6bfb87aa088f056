"""Which logs, which witnesses, and how many of them (C2SP tlog-policy): a file that a verifier brings along."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.evidence.notes.notes import NoteError, SignatureType, VerifierKey

BYTES_MAX: Final = 256 * 1024
NONE: Final = "none"
_FORBIDDEN: Final = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_NUMBER: Final = re.compile(rb"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Group:
    """So many of its members must have witnessed a checkpoint, each a witness or a group."""

    due: int
    members: tuple[bytes, ...]


@dataclass(slots=True)
class Policy:
    """A policy; names are octets, as the file has them. `quorum` is the name of a witness or group, or `none`."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[bytes, VerifierKey] = field(default_factory=dict)
    groups: dict[bytes, Group] = field(default_factory=dict)
    quorum: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> "Policy":
        """Read a policy; NoteError names the line that is wrong."""
        if len(data) > BYTES_MAX or _FORBIDDEN.search(data):
            raise NoteError(f"a policy is text of at most {BYTES_MAX} bytes without control characters but tab")
        if data and not data.endswith(b"\n"):
            raise NoteError("each line of a policy ends in a newline")
        policy, member_of = cls(), dict[bytes, bytes]()
        for number, line in enumerate(data.split(b"\n"), 1):
            words = re.split(rb"[ \t]+", line.strip(b" \t"))
            if words == [b""] or words[0].startswith(b"#"):
                continue
            try:
                policy._take(words, member_of)
            except NoteError as fault:
                raise NoteError(f"line {number} of the policy: {fault}") from None
        if not policy.quorum:
            raise NoteError("a policy has one line `quorum NAME`, or `quorum none`")
        return policy

    def _take(self, words: list[bytes], member_of: dict[bytes, bytes]) -> None:
        match words:
            case [b"log", key, *url] if len(url) <= 1:
                self.logs.append(self._new_key(key, SignatureType.ED25519, self.logs))
            case [b"witness", name, key, *url] if len(url) <= 1:
                self._require_new(name)
                self.witnesses[name] = self._new_key(key, SignatureType.COSIGNATURE, self.witnesses.values())
            case [b"group", name, due, *members] if members:
                self._require_new(name)
                self.groups[name] = self._group(name, due, members, member_of)
            case [b"quorum", name] if not self.quorum:
                if name != NONE.encode():
                    self._require_known(name)
                self.quorum = name
            case _:
                raise NoteError(f"{b' '.join(words)[:100]!r} is no line of log, witness, group, or the one of quorum")

    def _new_key(self, text: bytes, kind: SignatureType, known: Collection[VerifierKey]) -> VerifierKey:
        try:
            key = VerifierKey.parse(text.decode())
        except UnicodeDecodeError:
            raise NoteError(f"{text[:100]!r} is not UTF-8") from None
        if key.type is not kind:
            raise NoteError(f"key {key.name} is of type {key.type.name.lower()}, here is due {kind.name.lower()}")
        if any(key.public == each.public for each in known):
            raise NoteError(f"the public key of {key.name} is there twice")
        return key

    def _group(self, name: bytes, due: bytes, members: Sequence[bytes], member_of: dict[bytes, bytes]) -> Group:
        for each in members:
            self._require_known(each)
            if each in member_of:
                raise NoteError(f"{each!r} is a member of {member_of[each]!r} already: each name is of one group")
            member_of[each] = name
        count = {b"all": len(members), b"any": 1}.get(due)
        if count is None:
            count = int(due) if _NUMBER.fullmatch(due) else 0
        if not 1 <= count <= len(members):
            raise NoteError(f"{due!r} of {len(members)} members: give all, any, or a number from 1 to {len(members)}")
        return Group(count, tuple(members))

    def _require_new(self, name: bytes) -> None:
        if name == NONE.encode() or name in self.witnesses or name in self.groups:
            raise NoteError(f"the name {name!r} is taken: a name is given once, and none is none")

    def _require_known(self, name: bytes) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise NoteError(f"{name!r} is the name of no witness or group on a line before")

    def is_met(self, signed: Collection[VerifierKey]) -> bool:
        """Whether the witnesses that cosigned a checkpoint are enough."""
        if self.quorum == NONE.encode():
            return True
        met: dict[bytes, bool] = {name: key in signed for name, key in self.witnesses.items()}
        for name, group in self.groups.items():  # members stand on lines before
            met[name] = sum(met[each] for each in group.members) >= group.due
        return met[self.quorum]

    @property
    def quorum_name(self) -> str:
        """The name of the quorum, to be shown."""
        return self.quorum.decode(errors="backslashreplace")


def policy_text(log: VerifierKey, address: str | None, witnesses: Mapping[VerifierKey, str]) -> str:
    """A policy that asks for every one of the witnesses, by their addresses; for none where there are none."""
    lines = [" ".join(filter(None, ("log", str(log), address)))]
    lines += [f"witness {key.name} {key} {url}" for key, url in witnesses.items()]
    names = [key.name for key in witnesses]
    if len(names) > 1:
        lines.append(f"group witnesses all {' '.join(names)}")
    lines.append(f"quorum {'witnesses' if len(names) > 1 else names[0] if names else NONE}")
    return "".join(f"{line}\n" for line in lines)
