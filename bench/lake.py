#!/usr/bin/env python3
"""How long it takes to find something in a large lake, and how that grows.

usage: bench/lake.py --bartizan PATH --generator GEN_EVENTS.PY [--rows 10000000,100000000] [--out RESULT.json]
                     [--folder DIR] [--days N] [--keep]

Fills a server with synthetic events over Arrow streams, one in eight of them a network event, and after each number of
rows asks for one SHA256, one remote address, one rare word of a command line, each of which ten of the rows that were
added have, far from each other, and for the last day of one machine. Every
question is asked of a server that was just started with the system's page cache dropped (which needs root; without it
the caches are warm and the result says so), and then five times more. Prints one JSON object.

The generator is a module with `chunk`, `hex_of`, `TEMPLATES`, `HASHES_PER_FILE` and `START_US`, which makes rows of
DeviceProcessEvents from a seed.
"""
import argparse
import http.client
import importlib.util
import io
import json
import os
import queue
import shutil
import statistics
import sys
import tempfile
import threading
import time

import numpy
import pyarrow
import pyarrow.compute

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ingest import Server, finish  # noqa: E402

CHUNK_ROWS = 200_000
BODY_ROWS = 50_000
DEVICES = 5000
# Rows that have what is looked for, whatever the number of rows.
PLANTED = 10
DAY_US = 86_400_000_000


def load(path):
    spec = importlib.util.spec_from_file_location("generator", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_text(table, name, at, text):
    values = table.column(name).combine_chunks()
    mask = numpy.zeros(len(values), bool)
    mask[at] = True
    changed = pyarrow.compute.if_else(pyarrow.array(mask), pyarrow.scalar(text), values)
    return table.set_column(table.column_names.index(name), name, changed)


def network_events(rng, processes):
    """The same rows as connections of those processes."""
    n = processes.num_rows
    # A hundred thousand addresses, a few of them in most connections.
    number = numpy.minimum(rng.pareto(0.8, n) * 20, 99_999).astype(numpy.int64)
    parts = [pyarrow.array(number // 256).cast(pyarrow.string()), pyarrow.array(number % 256).cast(pyarrow.string())]
    address = pyarrow.compute.binary_join_element_wise(pyarrow.scalar("198"), pyarrow.scalar("18"), *parts, pyarrow.scalar("."))
    kept = ["Timestamp", "DeviceId", "DeviceName", "InitiatingProcessFileName", "InitiatingProcessId",
            "InitiatingProcessCommandLine", "ReportId"]
    table = processes.select(kept)
    table = table.append_column("ActionType", pyarrow.array(["ConnectionSuccess"] * n))
    table = table.append_column("RemoteIP", address)
    table = table.append_column("RemotePort", pyarrow.array(rng.integers(1, 65536, n), pyarrow.int32()))
    return table.append_column("Protocol", pyarrow.array(["Tcp"] * n))


def rare(total):
    """A hash, an address and a word that nothing has but what was planted when the lake grew to so many rows."""
    return f"{total:016x}" + "0123456789abcdef" * 3, f"203.0.{total // 1_000_000 % 256}.77", f"zanzibar{total}quokka"


def chunks(generator, total, days, first, seed):
    """Tables of rows `first` to `total`, evenly over the days, with what is looked for planted in ten of them."""
    rng = numpy.random.default_rng(seed)
    pool = len(generator.TEMPLATES) * generator.HASHES_PER_FILE
    hashes = (generator.hex_of(rng, pool, 40), generator.hex_of(rng, pool, 64))
    rng = numpy.random.default_rng([seed, first])
    span = days * DAY_US
    end = generator.START_US
    sha256, rare_address, word = rare(total)
    every = (total - first) // PLANTED
    done = first
    while done < total:
        n = min(CHUNK_ROWS, total - done)
        # Events of every moment of the days, so that each batch reaches into a few hours of one day.
        position = (done - first) / (total - first)
        start = end - span + int(position * span)
        rows = generator.chunk(rng, n, start, start + span * n // (total - first), DEVICES, done, hashes)
        network = n // 8
        processes, connections = rows.slice(network), network_events(rng, rows.slice(0, network))
        if (done - first) // every != (done - first + n) // every:
            processes = with_text(processes, "SHA256", 17, sha256)
            command = processes.column("ProcessCommandLine")[23].as_py()
            processes = with_text(processes, "ProcessCommandLine", 23, f"{command} --topic {word}")
            connections = with_text(connections, "RemoteIP", 5, rare_address)
        yield "DeviceProcessEvents", processes
        yield "DeviceNetworkEvents", connections
        done += n


def stream(table):
    out = io.BytesIO()
    with pyarrow.ipc.new_stream(out, table.schema) as writer:
        for batch in table.combine_chunks().to_batches():
            writer.write_batch(batch)
    return out.getvalue()


def fill(server, generator, first, total, days, seed, log):
    """Rows per second from the first to the last acknowledgement, the making of rows included, and of sending alone."""
    waiting = queue.Queue(maxsize=8)
    spent = [0.0]

    def make():
        for name, table in chunks(generator, total, days, first, seed):
            for at in range(0, table.num_rows, BODY_ROWS):
                part = table.slice(at, BODY_ROWS)
                waiting.put((name, stream(part), part.num_rows))
        waiting.put(None)

    threading.Thread(target=make, daemon=True).start()
    connection, accepted, started, told = server.connect(), 0, time.time(), 0
    while (item := waiting.get()) is not None:
        name, body, rows = item
        begun = time.time()
        while True:
            connection.request("POST", f"/api/ingest/{name}", body, server.headers("application/vnd.apache.arrow.stream"))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 200:
                break
            if answer.status not in (429, 503):
                raise SystemExit(f"{answer.status} {text[:300]}")
            time.sleep(0.2)
        spent[0] += time.time() - begun
        report = json.loads(text)
        if report["accepted"] != rows:
            raise SystemExit(f"{report}")
        accepted += rows
        if time.time() - told > 20:
            told = time.time()
            log(f"{first + accepted} rows, {accepted / (told - started):.0f} rows/s")
    return {"rows_per_s": round(accepted / (time.time() - started)), "sending_rows_per_s": round(accepted / spent[0])}


def settle(server, log, quiet):
    """Waits until files are flushed and nothing is merged any more."""
    def files():
        return sorted(os.path.join(at, f) for at, _, found in os.walk(os.path.join(server.folder, "data", "lake"))
                      for f in found if f.endswith(".parquet") and "_delta_log" not in at)
    before, since = None, time.time()
    while time.time() - since < quiet:
        now = files()
        if now != before:
            before, since = now, time.time()
            log(f"{len(now)} files")
        time.sleep(5)
    return len(before)


def drop_caches(binary):
    try:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as out:
            out.write("3")
    except OSError:
        return False
    with open(binary, "rb") as program:  # The program itself is warm.
        while program.read(1 << 24):
            pass
    return True


def ask(connection, server, query):
    begun = time.time()
    connection.request("POST", "/api/advancedqueries/run", json.dumps({"Query": query}), server.headers("application/json"))
    answer = connection.getresponse()
    text = answer.read()
    took = (time.time() - begun) * 1000
    if answer.status != 200:
        raise SystemExit(f"{answer.status} {text[:300]} for {query}")
    return took, json.loads(text)["Results"]


def measure(binary, folder, rows, cold_runs=3):
    # The most frequent device of the generator's skew is number 0: what a busy machine did on its last day.
    day = f"DeviceProcessEvents | where DeviceId == '{'00000123'}a1b2c3d4e5f60718293a4b5c6d7e8f90'"
    sha256, rare_address, word = rare(rows)
    questions = {
        "sha256": (f"DeviceProcessEvents | where SHA256 == '{sha256}' | project Timestamp, DeviceName, FileName", PLANTED),
        "remote_ip": (f"DeviceNetworkEvents | where RemoteIP == '{rare_address}' | project Timestamp, DeviceName, RemotePort", PLANTED),
        "rare_word": (f"DeviceProcessEvents | where ProcessCommandLine has '{word}' | project Timestamp, ProcessCommandLine", PLANTED),
        "machine_last_day": (f"{day} | where Timestamp > datetime(LAST) - 1d | project Timestamp, FileName, ProcessCommandLine", None),
    }
    found = {}
    for name, (query, expected) in questions.items():
        cold, warm = [], []
        for _ in range(cold_runs):
            is_cold = drop_caches(binary)
            server = Server(binary, folder)
            try:
                connection = server.connect()
                ask(connection, server, "print 1")
                if "LAST" in query:
                    last = ask(connection, server, "DeviceProcessEvents | summarize max(Timestamp)")[1][0]["max_Timestamp"]
                    query = query.replace("LAST", last)
                    continue
                took, results = ask(connection, server, query)
                if expected is not None and len(results) != expected:
                    raise SystemExit(f"{name}: {len(results)} rows where {expected} were planted")
                cold.append(took)
                warm += [ask(connection, server, query)[0] for _ in range(5)]
            finally:
                server.stop()
        found[name] = {"cold_ms": round(statistics.median(cold), 1), "warm_ms": round(statistics.median(warm), 1),
                       "rows": len(results), "is_cold": is_cold}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bartizan", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--rows", default="10000000,100000000")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", type=float, default=200, help="seconds without a new file that count as settled: a day is merged two minutes after its last one")
    parser.add_argument("--folder")
    parser.add_argument("--out")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    steps = [int(part) for part in arguments.rows.split(",")]
    if any(after - before < PLANTED * CHUNK_ROWS for before, after in zip([0, *steps], steps)):
        parser.error(f"each number of rows has to be {PLANTED * CHUNK_ROWS} more than the one before, at least")
    generator = load(arguments.generator)
    folder = tempfile.mkdtemp(prefix="bartizan-lake-", dir=arguments.folder)
    log = lambda text: print(text, file=sys.stderr, flush=True)
    result, first = {}, 0
    try:
        for total in steps:
            server = Server(arguments.bartizan, folder)
            filled = fill(server, generator, first, total, arguments.days, arguments.seed, log)
            filled["files"] = settle(server, log, arguments.quiet)
            filled["bytes_per_row"] = round(server.disk_bytes("lake") / total, 1)
            filled["resident_mib"] = round(server.resident_bytes() / 2**20)
            server.stop()
            log(json.dumps(filled))
            result[total] = {"fill": filled, "questions": measure(arguments.bartizan, folder, total)}
            log(json.dumps(result[total]))
            first = total
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)
        else:
            log(f"kept {folder}")
    finish(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
