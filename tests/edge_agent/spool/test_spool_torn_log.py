"""What a power cut leaves of the write-ahead log and beside it: never damage, and each commit that was
synced is read. What the disk has lost of synced commits: damage, never forgotten without a word.
"""

import random
import shutil
import sqlite3
from contextlib import closing

import pytest

from edge_agent.spool.errors import SpoolCorruptError
from edge_agent.spool.file_image import PAGE_BYTES, FileImage
from edge_agent.spool.schema import connect, create_file, prepare

HEADER, FRAME = 32, 24 + PAGE_BYTES
LONG = "b" * 900  # four rows a page
SECTOR = 512


def commit(connection, numbers):
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO boots VALUES (?, ?, 0)", [(n, f"{n}{LONG}") for n in numbers]
    )
    connection.execute("COMMIT")


def boots(path):
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT boot FROM boots ORDER BY boot")]


def log_of(path):
    return path.with_name(f"{path.name}-wal")


class Cut:
    """File and log as they were after three commits; `ends` are the log's sizes after each."""

    COMMITS = (range(1, 3), range(3, 12), range(12, 15))

    def __init__(self, folder):
        self.folder = folder
        path = folder / "made.db"
        create_file(path)
        prepare(path)
        self.ends = []
        with closing(connect(path)) as connection:
            commit(connection, range(100, 140))  # a longer life of the log before this one
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self.older = log_of(path).read_bytes()
            for numbers in self.COMMITS:
                commit(connection, numbers)
                self.ends.append(self._end_of(log_of(path).read_bytes()))
            self.file, self.log = path.read_bytes(), log_of(path).read_bytes()[: self.ends[-1]]

    def _end_of(self, log):
        """Where the frames of its own life end."""
        salts, end = log[16:24], HEADER
        while log[end + 8 : end + 16] == salts:
            end += FRAME
        return end

    def lay(self, log, *, file=None, name="spool.db"):
        path = self.folder / name
        path.write_bytes(self.file if file is None else file)
        log_of(path).write_bytes(log)
        return path

    def rows_after(self, commits):
        first = [*range(100, 140)]
        return sorted(n for numbers in self.COMMITS[:commits] for n in numbers) + first


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    return Cut(tmp_path_factory.mktemp("cut"))


def torn_at(cut, end):
    """Ways in which a log whose synced part ends in `end` may be torn there. Its head lies in one
    sector: it is there or not.
    """
    if end < HEADER:
        end = 0
    return {
        "cut off": cut.log[:end],
        "zeros": cut.log[:end].ljust(len(cut.log), b"\0"),
        "the life before": cut.log[:end] + cut.older[end:],
    }


def synced_until(cut, end):
    return sum(one <= end for one in cut.ends)


@pytest.mark.parametrize("how", ["cut off", "zeros", "the life before"])
def test_a_log_torn_anywhere_is_no_damage(cut, how):
    edges = range(HEADER, len(cut.log), FRAME)
    near = {edge + off for edge in edges for off in (-1, 0, 4, 8, 12, 16, 20, 24, 480)}
    for end in sorted(near | set(range(0, len(cut.log), 8_009))):
        path = cut.lay(torn_at(cut, end)[how])
        with closing(FileImage(path)) as image:
            assert not image.log.damaged, end
    for end in (0, HEADER, cut.ends[0], cut.ends[1] + 5, cut.ends[2]):
        path = cut.lay(torn_at(cut, end)[how])
        prepare(path)
        assert boots(path) == cut.rows_after(synced_until(cut, end)), end


def test_a_last_commit_written_in_any_pieces_is_no_damage(cut):
    """The disk writes sectors in any order; what stands there else is of the life before."""
    draw = random.Random(1)
    start = cut.ends[-2]
    for _ in range(25):
        log = bytearray(cut.log[:start] + cut.older[start : len(cut.log)])
        for sector in range(start // SECTOR * SECTOR, len(cut.log), SECTOR):
            if draw.random() < 0.5:
                piece = slice(max(sector, start), min(sector + SECTOR, len(cut.log)))
                log[piece] = cut.log[piece]
        path = cut.lay(bytes(log))
        with closing(FileImage(path)) as image:
            assert not image.log.damaged
        prepare(path)
        assert boots(path) in (cut.rows_after(2), cut.rows_after(3))


def test_a_second_cut_in_a_log_that_was_torn_before(cut, tmp_path):
    """The first cut left the end of a commit; a program beside kept the log from being moved; the
    second cut tore a shorter commit, behind which that end still lies, with the same salts.
    """
    log = bytearray(cut.log)
    log[cut.ends[1] + 100] ^= 1  # the last commit, torn
    torn = cut.lay(bytes(log))
    with closing(connect(torn)) as connection:
        commit(connection, [50])
        (tmp_path / "s.db").write_bytes(torn.read_bytes())
        log = bytearray(log_of(torn).read_bytes())
    assert len(log) == len(cut.log), "it does not reach over the old end"
    again = tmp_path / "s.db"
    last = cut.ends[1] + 24
    while log[last - 20 : last - 16] == b"\0\0\0\0":  # to the commit frame
        last += FRAME
    log[last + 77] ^= 1
    log_of(again).write_bytes(log)
    with closing(FileImage(again)) as image:
        assert image.log.lost
        assert not image.log.damaged
    prepare(again)
    assert boots(again) == cut.rows_after(2)


def test_a_commit_mark_of_the_life_before_is_not_believed(tmp_path):
    """Frame 41 begins 8 bytes before the end of a sector, so that a torn write may leave page number
    and commit mark of the log's life before in front of salts and checksum of this one.
    """
    number, head = 41, HEADER + 41 * FRAME
    assert head % SECTOR == SECTOR - 8
    path = tmp_path / "s.db"
    create_file(path)
    prepare(path)
    with closing(connect(path)) as connection:
        for one in range(number - 2):
            commit(connection, [one + 1])
            if log_of(path).stat().st_size > head - 2 * FRAME:
                break
        synced = boots(path)
        commit(connection, range(100, 130))
        file, log = path.read_bytes(), bytearray(log_of(path).read_bytes())
    assert len(log) > head + 2 * FRAME, "more of the last commit follows"
    assert log[head + 4 : head + 8] == b"\0" * 4, "it is not its end"
    log[head : head + 8] = b"\0\0\0\x03\0\0\0\x09"
    path = tmp_path / "cut.db"
    path.write_bytes(file)
    log_of(path).write_bytes(log)
    with closing(FileImage(path)) as image:
        assert not image.log.damaged
    prepare(path)
    assert boots(path) == synced


def spoil(data, place, length=1):
    spoilt = bytearray(data)
    for at in range(place, place + length):
        spoilt[at] ^= 0xFF
    return bytes(spoilt)


@pytest.mark.parametrize(
    ("what", "length"),
    [(0, 1), (8, 1), (16, 1), (24, 1), (2_000, 300)],
    ids=["number", "salt", "checksum", "first byte", "in the page"],
)
@pytest.mark.parametrize("frame", [0, 1])
def test_a_synced_commit_that_does_not_read_is_damage(cut, frame, what, length):
    place = HEADER + frame * FRAME + what
    path = cut.lay(spoil(cut.log, place, length))
    with pytest.raises(SpoolCorruptError):
        prepare(path)
    assert path.read_bytes() == cut.file
    assert log_of(path).read_bytes() == spoil(cut.log, place, length), "untouched"


def test_a_spoilt_head_of_the_log_is_damage(cut):
    path = cut.lay(spoil(cut.log, 16))
    with pytest.raises(SpoolCorruptError):
        prepare(path)


def test_what_lies_beside_after_a_cut_is_not_believed(cut, tmp_path):
    """Shared memory of another life, cut or zeroed; pages of the file that the log holds, torn."""
    for number, memory in enumerate((b"", b"\0" * 32_768, bytes(range(256)) * 128, b"\7" * 100)):
        path = cut.lay(cut.log, name=f"shm-{number}.db")
        path.with_name(f"{path.name}-shm").write_bytes(memory)
        prepare(path)
        assert boots(path) == cut.rows_after(3)
    with closing(FileImage(cut.lay(cut.log))) as image:
        held = sorted(image.log.pages)
    file = bytearray(cut.file)
    for page in held:
        start = (page - 1) * PAGE_BYTES
        file[start : start + 2_048] = b"\xee" * len(file[start : start + 2_048])
    torn = cut.lay(cut.log, file=bytes(file), name="torn.db")
    prepare(torn)
    assert boots(torn) == cut.rows_after(3)
    shutil.rmtree(tmp_path)
