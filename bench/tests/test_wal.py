from bench import wal

LINES = """\
rmgr: Heap        len (rec/tot):    143/   143, tx:        902, lsn: 0/01A4, desc: INSERT off 5, \
blkref #0: rel 1663/16384/16500 blk 3
rmgr: Btree       len (rec/tot):     64/  8000, tx:        902, lsn: 0/01B4, desc: INSERT_LEAF off 5, \
blkref #0: rel 1663/16384/16501 blk 1 FPW
rmgr: Heap        len (rec/tot):     57/    57, tx:        902, lsn: 0/01B6, desc: DELETE off 1, \
blkref #0: rel 1663/16384/1259 blk 1
rmgr: Transaction len (rec/tot):     34/    34, tx:        902, lsn: 0/01C4, desc: COMMIT 2026-11-27"""


def test_records_are_counted_by_the_file_they_change() -> None:
    names = {"16384/16500": "a table", "16384/16501": "its indexes"}
    found = wal.by_part(LINES.splitlines(), names)
    assert found == {"a table": 143, "its indexes": 8000, wal.REST: 57 + 34}
