import numpy as np
import pyarrow as pa

from causeway.clips.left_out import LeftOut


def masks(n, **rows):
    return {reason: np.isin(np.arange(n), chosen) for reason, chosen in rows.items()}


def test_a_row_counts_under_its_first_reason_and_by_its_number_in_the_file():
    left_out = LeftOut("box")
    table = pa.table({"x": np.arange(5)})
    kept = left_out.without(table, masks(5, late=[1, 3], odd=[0, 3]), np.array([10, 12, 14, 16, 18]))
    assert kept.column("x").to_pylist() == [2, 4]
    assert left_out.without(table, masks(5, late=[], odd=[4]), np.arange(20, 25)).num_rows == 4
    assert left_out.entries() == (
        ("box rows", "late", "2 of 10, the first is row 12"),
        ("box rows", "odd", "2 of 10, the first is row 10"),
    )


def test_pieces_without_numbers_are_the_file_one_after_another():
    left_out = LeftOut("light state")
    table = pa.table({"x": np.arange(3)})
    assert left_out.without(table, masks(3, bad=[])) is table
    left_out.without(table, masks(3, bad=[2]))
    assert left_out.entries() == (("light state rows", "bad", "1 of 6, the first is row 5"),)
