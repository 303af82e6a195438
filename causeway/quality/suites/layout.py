"""What is expected of the columns of any table: one row a column that a table has or should have."""

from causeway.quality.expectations import Suite, between, true

COLUMNS = Suite(
    "columns",
    "a column of a table",
    (
        true("table_there", "table_there", "refuse", "every table of the kind is there; without rows it is empty"),
        true("column_there", "there", "refuse", "whoever reads the table needs it"),
        true("column_known", "known", "refuse", "nobody reads it, and the next step would not know what to do with it"),
        true("column_type", "type_agrees", "refuse", "readers take the type of the schema for granted", "types"),
        between("keys_filled", "nulls", 0, 0, "refuse", "a row without its key or time cannot be placed"),
        between("rows_of_known_clips", "strays", 0, 0, "refuse", "rows of a clip that is not there"),
    ),
)
