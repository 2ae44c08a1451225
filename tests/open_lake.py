"""Reads a server's lake as others do and compares it with what hunting says.

usage: open_lake.py live LAKE SECONDS       every reader sees whole versions, and never fewer rows than before
       open_lake.py equal LAKE CONNECTION   every table has the same rows for every reader and for hunting
"""

import collections
import datetime
import glob
import json
import os
import ssl
import sys
import time
import urllib.parse
import urllib.request

import deltalake
import duckdb
import polars
import pyarrow
import pyarrow.dataset

ROWS_COMPARED_MAX = 20_000  # Larger tables are compared by sums alone.


def tables(lake):
    """Table name to its root, for the one tenant of the lake."""
    logs = glob.glob(os.path.join(lake, "*", "*", "_delta_log"))
    return {os.path.basename(os.path.dirname(log)): os.path.dirname(log) for log in sorted(logs)}


def duckdb_connection():
    """DuckDB, and whether its `delta` extension is there. Where it is not, DuckDB reads the log's list of files."""
    folder = os.path.join(os.path.dirname(os.path.dirname(duckdb.__file__)), "duckdb_ext", "extensions")
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    loaded = set()
    for name in ["icu", "parquet", "delta"]:
        for path in glob.glob(os.path.join(folder, f"v{duckdb.__version__}", "*", f"{name}.duckdb_extension")):
            connection.execute(f"load '{path}'")
            loaded.add(name)
    connection.execute("set timezone = 'UTC'")
    return connection, "delta" in loaded


DUCKDB, HAS_DELTA_SCAN = duckdb_connection()


def duckdb_source(root):
    if HAS_DELTA_SCAN:
        return f"delta_scan('{root}')"
    files = deltalake.DeltaTable(root).file_uris()
    return f"read_parquet({files!r}, union_by_name = true)"


def summed(columns):
    """What is compared of a whole table: name, column, and whether it is the length of text or a number."""
    text = [(f"c{name}", name, True) for name, kind in columns if kind == "string"]
    return text + [(f"n{name}", name, False) for name, kind in columns if kind in ("long", "integer")]


def sums(columns, length):
    """The same as SQL; `length` is the function that counts characters."""
    parts = ["count(*) as n", 'count(distinct "_sequence") as d']
    of = lambda name, is_text: f'{length}("{name}")' if is_text else f'"{name}"'
    parts += [f'sum({of(name, is_text)}) as "{alias}"' for alias, name, is_text in summed(columns)]
    return ", ".join(parts)


def columns_of(table):
    return [(field.name, field.type.type) for field in table.schema().fields]


def number(value):
    """Sums of large numbers run over 64 bits with some readers and not with others."""
    return 0 if value is None else int(value) % 2**64


def by_deltalake(root, columns):
    query = deltalake.QueryBuilder().register("t", deltalake.DeltaTable(root))
    text = f"select {sums(columns, 'character_length')} from t"
    return {name: number(value) for name, value in pyarrow.table(query.execute(text)).to_pylist()[0].items()}


def by_duckdb(root, columns):
    reply = DUCKDB.execute(f"select {sums(columns, 'length')} from {duckdb_source(root)}")
    names = [column[0] for column in reply.description]
    return {name: number(value) for name, value in zip(names, reply.fetchone())}


def by_polars(root, columns):
    column = polars.col
    parts = [polars.len().alias("n"), column("_sequence").n_unique().alias("d")]
    of = lambda name, is_text: column(name).str.len_chars() if is_text else column(name)
    parts += [of(name, is_text).sum().alias(alias) for alias, name, is_text in summed(columns)]
    return {name: number(value) for name, value in polars.scan_delta(root).select(parts).collect().row(0, named=True).items()}


def by_pyarrow(root, columns):
    """The data set that deltalake makes for pandas and pyarrow: all rows, also through a filter of text."""
    data = deltalake.DeltaTable(root).to_pyarrow_dataset()
    text = next(name for name, kind in columns if kind == "string")
    table = data.to_table(columns=["_sequence"], filter=pyarrow.dataset.field(text) != "no such text")
    sequences = table["_sequence"].to_pylist()
    return {"n": len(sequences), "d": len(set(sequences)), "n_sequence": number(sum(sequences))}


READERS = {"deltalake": by_deltalake, "duckdb": by_duckdb, "polars": by_polars}


class Hunting:
    def __init__(self, connection):
        with open(connection) as file:
            self.connection = json.load(file)
        self.tls = ssl.create_default_context(cafile=self.connection["ca_file"])
        base = self.connection["base_url"]
        form = urllib.parse.urlencode({
            "grant_type": "client_credentials",
            "client_id": self.connection["client_id"],
            "client_secret": self.connection["client_secret"],
            "scope": f"{base}/.default",
        })
        self.token = self.post(f"{self.connection['authority']}/oauth2/v2.0/token", form.encode(), {})["access_token"]

    def post(self, url, body, headers):
        request = urllib.request.Request(url, body, headers)
        with urllib.request.urlopen(request, context=self.tls) as reply:
            return json.load(reply)

    def ask(self, query):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = json.dumps({"Query": query}).encode()
        return self.post(f"{self.connection['base_url']}/api/advancedqueries/run", body, headers)["Results"]


def live(lake, seconds):
    """Readers of every kind, again and again, while rows come in."""
    seen, rounds, versions = collections.Counter(), 0, set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, root in tables(lake).items():
            columns = columns_of(deltalake.DeltaTable(root))
            for reader, read in READERS.items():
                found = read(root, columns)
                count, distinct = found["n"], found["d"]
                assert count == distinct, f"{reader} sees {count} rows and {distinct} sequences of {name}"
                assert count >= seen[reader, name], f"{reader} sees {count} rows of {name} after {seen[reader, name]}"
                seen[reader, name] = count
            versions.add((name, deltalake.DeltaTable(root).version()))
        rounds += 1
        time.sleep(0.5)
    assert versions, "nothing was published"
    print(f"{rounds} rounds over {len(versions)} versions of {len(tables(lake))} tables; at the end:")
    for (reader, name), count in sorted(seen.items()):
        print(f"  {reader} {name} {count}")


def equal(lake, connection):
    hunting = Hunting(connection)
    compared = 0
    for name, root in tables(lake).items():
        columns = columns_of(deltalake.DeltaTable(root))
        found = {reader: read(root, columns) for reader, read in READERS.items()}
        first = found["deltalake"]
        assert all(values == first for values in found.values()), f"readers differ on {name}: {found}"
        differing = {key: value for key, value in by_pyarrow(root, columns).items() if first[key] != value}
        assert not differing, f"the pyarrow data set differs on {name}: {differing}"
        compare_with_hunting(hunting, name, root, columns, first)
        compared += 1
        print(f"{name}: {first['n']} rows, the same for {', '.join(READERS)}, pyarrow and hunting")
    assert compared, "no table is published"
    print(f"DuckDB {duckdb.__version__} read {'with delta_scan' if HAS_DELTA_SCAN else 'the list of files'}")


def compare_with_hunting(hunting, name, root, columns, expected):
    # Sequences are the lake's own: hunting does not know them.
    parts = [part for part in summed(columns) if not part[1].startswith("_")]
    asked = [f"s{at} = sum({f'strlen({column})' if is_text else column})" for at, (_, column, is_text) in enumerate(parts)]
    answer = hunting.ask(f"{name} | summarize n = count(), {', '.join(asked)}")[0]
    assert answer["n"] == expected["n"], f"{name}: {expected['n']} rows are published, hunting counts {answer['n']}"
    for at, (alias, column, _) in enumerate(parts):
        assert number(answer[f"s{at}"]) == expected[alias], f"{name}.{column}: another sum in hunting"
    if expected["n"] <= ROWS_COMPARED_MAX:
        wanted = [column for column, _ in columns if not column.startswith("_")]
        kinds = dict(columns)
        there = hunting.ask(f"{name} | project {', '.join(wanted)}")
        there = collections.Counter(comparable(row, wanted, kinds) for row in there)
        for reader, rows in (
            ("polars", polars.scan_delta(root).collect().iter_rows(named=True)),
            ("deltalake", deltalake.DeltaTable(root).to_pyarrow_table().to_pylist()),
        ):
            here = collections.Counter(comparable(row, wanted, kinds) for row in rows)
            assert there == here, f"{name} by {reader}: other rows, such as {next(iter((there - here) or (here - there)))}"


def comparable(row, wanted, kinds):
    """A row as text: times to the last digit, which files have in a column of its own, and a missing text as the
    empty one."""
    values = []
    for column in wanted:
        value = row.get(column)
        if isinstance(value, datetime.datetime):
            value = value.strftime("%Y-%m-%dT%H:%M:%S.%f") + str(row[f"_{column}_tick"] or 0)
        elif kinds[column] == "timestamp" and value:
            value = value.rstrip("Z")
            value = (value if "." in value else value + ".").ljust(27, "0")
        elif kinds[column] == "string":
            value = json_or_text(value)
        elif kinds[column] == "boolean" and value is not None:
            value = bool(value)
        values.append(str(value))
    return tuple(values)


def json_or_text(value):
    """Hunting gives a dynamic column as what its JSON means, files hold the JSON as text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True) if value is not None else ""


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["live", lake, seconds]:
            live(lake, float(seconds))
        case ["equal", lake, connection]:
            equal(lake, connection)
        case _:
            sys.exit(__doc__)
