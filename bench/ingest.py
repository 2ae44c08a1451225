#!/usr/bin/env python3
"""How fast rows become durable, beside what other engines load.

usage: bench/ingest.py --bartizan PATH --ndjson FILE [--out RESULT.json] [--peers chdb,duckdb,pyarrow]
                       [--connections N] [--body-rows N] [--seconds S] [--arrow] [--plain]

Starts a server on a folder of its own, sends the file's rows over HTTPS again and again for the given time, and
counts rows whose acknowledgement came: each one is checked against its table's schema and synced to the disk. Every
row that was sent is accepted, refused, or was in a request that was turned away, and hunting counts as many as were
accepted. More connections than the server can serve, such as 12 for five minutes, make it an overload test. The
flush to sorted Parquet files runs behind it, and its backlog at the end is part of the result. With --arrow the rows
are sent as Arrow IPC streams, made before the clock starts. With --plain they go to the port without TLS, as from a
proxy on the same machine, and nobody encrypts. Processor time of this program is told as well: it sends from the same
processors that the server works on. Peers load the same file in this process, one after the
other, five times each: what counts is the median. With --arrow chdb reads the same Arrow streams from files, and DuckDB
the columns from memory; the peer pyarrow sorts them and writes a Parquet file, without more. Prints one JSON object.
"""
import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

TABLE = "DeviceProcessEvents"
PEER_LOADS = 5


class Server:
    """A server with a tenant, an app and no sandbox fleet, and a token for it."""

    ARGUMENTS = ["--no-sandbox"]

    def __init__(self, binary, folder, plain=False):
        self.folder = folder
        self.plain_port = free_port() if plain else None
        self.log = open(os.path.join(folder, "server.log"), "ab")
        data = os.path.join(folder, "data")
        # One that an earlier server left names another port.
        if os.path.exists(os.path.join(data, "quickstart.json")):
            os.remove(os.path.join(data, "quickstart.json"))
        command = [binary, "quickstart", "--data", data, "--port", "0", *self.ARGUMENTS]
        if plain:
            command += ["--plain-listen", f"127.0.0.1:{self.plain_port}"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        connection = os.path.join(data, "quickstart.json")
        deadline = time.time() + 60
        while not os.path.exists(connection):
            if time.time() > deadline or self.process.poll() is not None:
                raise SystemExit(f"the server did not start; see {self.log.name}")
            time.sleep(0.05)
        self.connection = json.load(open(connection))
        self.tls = ssl.create_default_context(cafile=self.connection["ca_file"])
        self.base = urllib.parse.urlsplit(self.connection["base_url"])
        form = {
            "grant_type": "client_credentials",
            "client_id": self.connection["client_id"],
            "client_secret": self.connection["client_secret"],
            "scope": self.connection["base_url"] + "/.default",
        }
        url = self.connection["authority"] + "/oauth2/v2.0/token"
        answer = urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), context=self.tls)
        self.token = json.load(answer)["access_token"]

    def connect(self):
        if self.plain_port:
            connection = http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=120)
            connection.connect()
            return connection
        connection = http.client.HTTPSConnection(self.base.hostname, self.base.port, context=self.tls, timeout=120)
        connection.connect()
        return connection

    def headers(self, kind="application/x-ndjson"):
        return {"Authorization": "Bearer " + self.token, "Content-Type": kind}

    def hunt(self, query):
        connection = self.connect()
        connection.request("POST", "/api/advancedqueries/run", json.dumps({"Query": query}), self.headers("application/json"))
        return json.load(connection.getresponse())["Results"]

    def resident_bytes(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def disk_bytes(self, name):
        root = os.path.join(self.folder, "data", name)
        return sum(os.path.getsize(os.path.join(at, f)) for at, _, files in os.walk(root) for f in files)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def bodies(path, rows):
    """The file in pieces of so many rows."""
    pieces, piece = [], []
    with open(path, "rb") as lines:
        for line in lines:
            piece.append(line)
            if len(piece) == rows:
                pieces.append((b"".join(piece), rows))
                piece = []
    if piece:
        pieces.append((b"".join(piece), len(piece)))
    return pieces


def arrow_table(piece):
    """Rows as Arrow columns, with times as times."""
    import io

    import pyarrow
    import pyarrow.json
    table = pyarrow.json.read_json(io.BytesIO(piece))
    at = table.schema.get_field_index("Timestamp")
    times = table.column(at).cast(pyarrow.timestamp("us", tz="UTC"))
    return table.set_column(at, "Timestamp", times).combine_chunks()


def as_arrow(piece):
    """The same rows as an Arrow IPC stream."""
    import pyarrow
    body, rows = piece
    table = arrow_table(body)
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes(), rows


def send(server, pieces, seconds, results, at):
    connection = server.connect()
    accepted = refused = busy = sent = 0
    latencies = []
    end = time.time() + seconds
    position = at
    while time.time() < end:
        body, rows = pieces[position % len(pieces)]
        started = time.time()
        sent += rows
        connection.request("POST", f"/api/ingest/{TABLE}", body, server.headers(results["kind"]))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 200:
            report = json.loads(text)
            accepted += report["accepted"]
            refused += report["refused"]
            latencies.append(time.time() - started)
            position += results["connections"]
        elif answer.status in (429, 503):
            busy += rows
            time.sleep(0.05)
        else:
            raise SystemExit(f"{answer.status} {text[:300]}")
    with results["lock"]:
        results["accepted"] += accepted
        results["refused"] += refused
        results["busy"] += busy
        results["sent"] += sent
        results["latencies"] += latencies


def finish(result, out):
    """Prints a result, and writes it to a file where one is named."""
    text = json.dumps(result, indent=1)
    print(text)
    if out:
        with open(out, "w") as file:
            file.write(text + "\n")


def quarters(values):
    step = max(len(values) // 4, 1)
    return [values[at:at + step] for at in range(0, step * 4, step) if values[at:at + step]]


def bartizan(arguments):
    pieces = bodies(arguments.ndjson, arguments.body_rows)
    if arguments.arrow:
        pieces = [as_arrow(piece) for piece in pieces]
    folder = tempfile.mkdtemp(prefix="bartizan-bench-", dir=arguments.folder)
    server = Server(arguments.bartizan, folder, arguments.plain)
    try:
        results = {"accepted": 0, "refused": 0, "busy": 0, "sent": 0, "latencies": [], "lock": threading.Lock(),
                   "connections": arguments.connections,
                   "kind": "application/vnd.apache.arrow.stream" if arguments.arrow else "application/x-ndjson"}
        threads = [threading.Thread(target=send, args=(server, pieces, arguments.seconds, results, at))
                   for at in range(arguments.connections)]
        cpu, own = server.cpu_seconds(), time.process_time()
        started = time.time()
        [thread.start() for thread in threads]
        resident, hunting, asked = [], [], 0
        while any(thread.is_alive() for thread in threads):
            resident.append(server.resident_bytes())
            if time.time() > asked + 1:
                asked = time.time()
                server.hunt(f"{TABLE} | where Timestamp > ago(1h) and FileName == 'cmd.exe' | count")
                hunting.append(time.time() - asked)
            time.sleep(0.1)
        elapsed = time.time() - started
        cpu, own = server.cpu_seconds() - cpu, time.process_time() - own
        counted = server.hunt(f"{TABLE} | count")[0]["Count"]
        if counted != results["accepted"]:
            raise SystemExit(f"{results['accepted']} rows were accepted and {counted} are there")
        turned_away = results["sent"] - results["accepted"] - results["refused"]
        if turned_away != results["busy"]:
            raise SystemExit(f"{results['sent']} rows were sent; {results['busy']} of {turned_away} were turned away")
        backlog = server.disk_bytes("log")
        return {
            "scheme": "http" if arguments.plain else "https",
            "rows_per_s": round(results["accepted"] / elapsed),
            "rows": results["accepted"],
            "refused": results["refused"],
            "turned_away": results["busy"],
            "sent": results["sent"],
            "seconds": round(elapsed, 2),
            "server_cpu_us_per_row": round(cpu / max(results["accepted"], 1) * 1e6, 2),
            "client_cpu_us_per_row": round(own / max(results["accepted"], 1) * 1e6, 2),
            "answer_ms_median": round(statistics.median(results["latencies"]) * 1000, 1),
            "answer_ms_max": round(max(results["latencies"]) * 1000, 1),
            "hunting_ms_max": round(max(hunting) * 1000),
            "resident_mib_max": round(max(resident) / 2**20),
            "resident_mib_by_quarter": [round(max(part) / 2**20) for part in quarters(resident)],
            "log_mib_at_end": round(backlog / 2**20),
            "files_mib_at_end": round(server.disk_bytes("lake") / 2**20),
        }
    finally:
        server.stop()
        if not arguments.keep:
            shutil.rmtree(folder)


def loaded(rows, load, empty):
    """The rate of a peer: one load takes a second or two, and the machine's pace changes from one to the next."""
    rates = []
    for _ in range(PEER_LOADS):
        started = time.time()
        load()
        rates.append(round(rows / (time.time() - started)))
        empty()
    return {"rows_per_s": round(statistics.median(rates)), "each": rates}


def chdb(arguments, rows):
    from chdb import session
    peer = session.Session()
    peer.query("set max_threads=2")
    peer.query("set input_format_parallel_parsing=1")
    peer.query("set date_time_input_format='best_effort'")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        source = f"file('{arguments.ndjson}', JSONEachRow)"
        if arguments.arrow:
            # Several files: one is read by one thread.
            for number, (stream, _) in enumerate(map(as_arrow, bodies(arguments.ndjson, -(-rows // 8)))):
                with open(os.path.join(folder, f"{number}.arrow"), "wb") as file:
                    file.write(stream)
            source = f"file('{folder}/*.arrow', ArrowStream)"
        peer.query(f"create table j engine=MergeTree order by (DeviceId, Timestamp) as select * from {source} limit 0 "
                   "settings schema_inference_make_columns_nullable=0")
        return loaded(rows, lambda: peer.query(f"insert into j select * from {source}"),
                      lambda: peer.query("truncate table j"))


def duckdb(arguments, rows):
    import duckdb
    peer = duckdb.connect()
    peer.execute("set threads=2")
    source = f"read_json('{arguments.ndjson}', format='newline_delimited')"
    if arguments.arrow:
        peer.register("columns", arrow_table(b"".join(body for body, _ in bodies(arguments.ndjson, rows))))
        source = "columns"
    return loaded(rows, lambda: peer.execute(f"create table j as select * from {source}"), lambda: peer.execute("drop table j"))


def sorted_parquet(arguments, rows):
    """What a sorted zstd file costs another engine, from columns in its memory."""
    import pyarrow
    import pyarrow.parquet
    pyarrow.set_cpu_count(2)
    table = arrow_table(b"".join(body for body, _ in bodies(arguments.ndjson, rows)))
    order = [("DeviceId", "ascending"), ("Timestamp", "ascending")]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = os.path.join(folder, "sorted.parquet")
        return loaded(rows, lambda: pyarrow.parquet.write_table(table.sort_by(order), path, compression="zstd"),
                      lambda: os.remove(path))


PEERS = {"chdb": chdb, "duckdb": duckdb, "pyarrow": sorted_parquet}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bartizan", required=True)
    parser.add_argument("--ndjson", required=True)
    parser.add_argument("--out")
    parser.add_argument("--peers", default="chdb,duckdb")
    parser.add_argument("--connections", type=int, default=3)
    parser.add_argument("--body-rows", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--arrow", action="store_true", help="send Arrow IPC streams")
    parser.add_argument("--plain", action="store_true", help="send to the port without TLS")
    parser.add_argument("--folder", help="where the server's data goes; the system's temporary folder by default")
    parser.add_argument("--keep", action="store_true", help="leave the server's data there")
    arguments = parser.parse_args()
    result = {"bartizan": bartizan(arguments)}
    with open(arguments.ndjson, "rb") as lines:
        rows = sum(1 for _ in lines)
    for peer in filter(None, arguments.peers.split(",")):
        result[peer] = PEERS[peer](arguments, rows)
        result[peer]["ratio"] = round(result["bartizan"]["rows_per_s"] / result[peer]["rows_per_s"], 2)
    finish(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
