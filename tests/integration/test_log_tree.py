"""The stored log as a tree: roots, proofs and tiles from PostgreSQL equal those from the leaves, and what is signed."""

from pathlib import Path

import psycopg
import pytest

from domain.tree.leaf import leaf_in
from domain.tree.merkle import EMPTY_ROOT, leaf_hash, root
from domain.tree.proofs import verify_consistency, verify_inclusion
from services.evidence.notes.checkpoint import open_checkpoint
from services.evidence.notes.signing import CheckpointSigner, LogContradictsError
from services.log import tree
from services.log.tiles import Tile, decode_bundle, decode_raw_bundle, split_hashes, split_raw_part, tiles_of_level
from services.system.errors import NotFoundError
from tests.small_city import fill

pytestmark = pytest.mark.long

SIZE = 1_300


@pytest.fixture
def filled(database: str) -> str:
    fill(database, SIZE)
    return database


def new_signer(folder: Path) -> CheckpointSigner:
    path = folder / "keys" / "log.key"
    return CheckpointSigner(path, "log.example/test")


def as_superuser(conninfo: str, *statements: str) -> None:
    """Change the log as only the operator of the database can: without its triggers."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for table in ("log", "tile_root"):
            connection.execute(f"ALTER TABLE taizhang.{table} DISABLE TRIGGER USER")
        for statement in statements:
            connection.execute(statement)


def test_entries_hash_to_the_leaves_and_the_leaves_to_the_roots(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        entries: list[bytes] = []
        for tile in tiles_of_level(None, SIZE):
            entries += decode_bundle(tree.tile_bytes(connection, tile), tile.width)
            raw = decode_raw_bundle(tree.raw_bundle(connection, tile), tile.width)
            for leaf, part in zip(entries[-tile.width :], raw, strict=True):
                entry, event = split_raw_part(leaf, part)
                assert leaf_in(entry) == leaf
                assert event.startswith(b'{"specversion"')
        leaves = [leaf_hash(entry) for entry in entries]
        stored: list[bytes] = []
        for tile in tiles_of_level(0, SIZE):
            stored += split_hashes(tree.tile_bytes(connection, tile), tile.width)
        assert stored == leaves
        upper = split_hashes(tree.tile_bytes(connection, Tile(1, 0, SIZE // 256)), SIZE // 256)
        assert upper == [root(leaves[at : at + 256]) for at in range(0, SIZE - 255, 256)]
        for size in (0, 1, 255, 256, 257, 1024, SIZE):
            assert tree.LOG.root_at(connection, size) == root(leaves[:size])


def test_proofs_of_the_stored_log_verify(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        head = tree.LOG.root_at(connection, SIZE)
        leaves = tree.LOG.hashes_at(connection, 0, 0, SIZE)
        for position in (1, 2, 256, 257, 1024, SIZE):
            proof = tree.LOG.inclusion_proof(connection, position, SIZE)
            verify_inclusion(leaves[position - 1], position - 1, SIZE, proof, head)
        for old in (0, 1, 255, 256, 1000, SIZE):
            proof = tree.LOG.consistency_proof(connection, old, SIZE)
            verify_consistency(old, SIZE, proof, tree.LOG.root_at(connection, old), head)


def test_what_is_not_in_the_log_is_not_found(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        for call in (
            lambda: tree.LOG.root_at(connection, SIZE + 1),
            lambda: tree.LOG.root_at(connection, -1),
            lambda: tree.LOG.inclusion_proof(connection, 0, SIZE),
            lambda: tree.LOG.inclusion_proof(connection, 6, 5),
            lambda: tree.LOG.consistency_proof(connection, 5, SIZE + 1),
            lambda: tree.LOG.consistency_proof(connection, 6, 5),
            lambda: tree.tile_bytes(connection, Tile(0, 5)),
            lambda: tree.tile_bytes(connection, Tile(1, 0)),
            lambda: tree.raw_bundle(connection, Tile(None, 5, 21)),
        ):
            with pytest.raises(NotFoundError):
                call()


def test_an_empty_log_has_a_signed_checkpoint(database: str, tmp_path: Path) -> None:
    fill(database, 0)
    signer = new_signer(tmp_path)
    with psycopg.connect(database) as connection:
        checkpoint, _ = open_checkpoint(signer.checkpoint(connection), signer.verifier)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root_hash) == ("log.example/test", 0, EMPTY_ROOT)


def test_a_checkpoint_is_signed_once_for_each_size(filled: str, tmp_path: Path) -> None:
    with psycopg.connect(filled, autocommit=True) as connection:
        first = new_signer(tmp_path).checkpoint(connection)
        assert new_signer(tmp_path).checkpoint(connection) == first
        fill(filled, 10, skip=SIZE)
        signer = new_signer(tmp_path)
        checkpoint, _ = open_checkpoint(signer.checkpoint(connection), signer.verifier)
        assert checkpoint.size == SIZE + 10
        assert checkpoint.root_hash == tree.LOG.root_at(connection, SIZE + 10)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE taizhang.log SET leaf_hash = sha256('x') WHERE notification_id = 1300",
        "UPDATE taizhang.tile_root SET hash = sha256('x') WHERE index = 2",
        "DELETE FROM taizhang.log WHERE notification_id > 1290",
    ],
)
def test_a_log_that_was_changed_or_cut_gets_no_new_signature(filled: str, tmp_path: Path, statement: str) -> None:
    with psycopg.connect(filled, autocommit=True) as connection:
        new_signer(tmp_path).checkpoint(connection)
        as_superuser(filled, statement)
        with pytest.raises(LogContradictsError):
            new_signer(tmp_path).checkpoint(connection)


def test_a_spoilt_last_checkpoint_is_not_signed_over(filled: str, tmp_path: Path) -> None:
    with psycopg.connect(filled, autocommit=True) as connection:
        new_signer(tmp_path).checkpoint(connection)
        (tmp_path / "keys" / "log.key.checkpoint").write_bytes(b"")
        with pytest.raises(LogContradictsError, match="is not the log's last checkpoint"):
            new_signer(tmp_path).checkpoint(connection)
