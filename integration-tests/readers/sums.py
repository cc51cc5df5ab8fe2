"""Counts and sums of the lake by programs that we did not write: delta-rs for Python, DuckDB and pandas.

Usage: sums.py LAKE, where LAKE is the folder of the tables. Prints one JSON object: reader -> figure -> value.
"""

import json
import sys
from decimal import Decimal

import duckdb
from deltalake import DeltaTable


def plain(value):
    return str(value.normalize()) if isinstance(value, Decimal) else value


def by_duckdb(files, column):
    listed = ", ".join("'" + file.removeprefix("file://") + "'" for file in files)
    query = f"select count(*), sum({column}) from read_parquet([{listed}], hive_partitioning = true)"
    count, total = duckdb.sql(query).fetchall()[0]
    return {"count": count, "sum": plain(total)}


def by_pandas(table, column):
    frame = table.to_pandas(columns=[column])
    values = [value for value in frame[column] if value is not None]
    return {"count": len(frame), "sum": plain(sum(values, Decimal(0)))}


def main():
    lake = sys.argv[1]
    figures = {}
    for name, column in [("records", "power_on_h"), ("joints", "temp_motor_c"), ("joints", "reducer_damage")]:
        table = DeltaTable(f"{lake}/{name}")
        arrow = table.to_pyarrow_table(columns=[column])
        totals = [value for value in arrow.column(column).to_pylist() if value is not None]
        figures[f"{name}.{column}"] = {
            "deltalake": {"count": arrow.num_rows, "sum": plain(sum(totals, Decimal(0)))},
            "duckdb": by_duckdb(table.file_uris(), column),
            "pandas": by_pandas(table, column),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
