#!/usr/bin/env python3
"""How much disk events take, indexes included, beside a MergeTree of chdb with zstd.

usage: bench/size.py --bartizan PATH --ndjson FILE [--out RESULT.json] [--folder DIR]

Sends the file's rows to a server, waits until its files are merged, and counts the bytes of the files that are listed
(replaced ones wait for the end of the grace period and do not count). The peer has the same rows in one part, sorted
by device and time, with its column codec set to zstd. Prints one JSON object.
"""
import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ingest  # noqa: E402


def bartizan(arguments, pieces):
    folder = tempfile.mkdtemp(prefix="bartizan-size-", dir=arguments.folder)
    server = ingest.Server(arguments.bartizan, folder)
    try:
        connection, rows = server.connect(), 0
        for body, count in pieces:
            while True:
                connection.request("POST", f"/api/ingest/{ingest.TABLE}", body, server.headers())
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200:
                    break
                time.sleep(0.1)
            rows += json.loads(text)["accepted"]
        listed, since = None, time.time()
        while time.time() - since < 170:
            found = len([1 for at, _, names in os.walk(os.path.join(folder, "data", "lake")) for _ in names])
            if found != listed:
                listed, since = found, time.time()
            time.sleep(5)
        server.stop()
        # Files that a Delta reader sees are those that are listed; each has its index beside it.
        log = os.path.join(folder, "data", "lake")
        paths = {}
        for at, _, names in os.walk(log):
            if at.endswith("_delta_log"):
                root = os.path.dirname(at)
                for name in sorted(name for name in names if re.fullmatch(r"\d{20}\.json", name)):
                    for line in open(os.path.join(at, name)):
                        action = json.loads(line)
                        if "add" in action:
                            paths[os.path.join(root, action["add"]["path"])] = True
                        if "remove" in action:
                            paths.pop(os.path.join(root, action["remove"]["path"]), None)
        files = sum(os.path.getsize(path) for path in paths)
        indexes = sum(os.path.getsize(index) for path in paths
                      if os.path.exists(index := re.sub(r"([^/]+)\.parquet$", r"_\1.terms", path)))
        return {"rows": rows, "files": len(paths), "bytes_per_row": round((files + indexes) / rows, 1),
                "index_bytes_per_row": round(indexes / rows, 1)}
    finally:
        shutil.rmtree(folder)


def chdb(arguments, rows):
    from chdb import session
    folder = tempfile.mkdtemp(prefix="chdb-size-", dir=arguments.folder)
    peer = session.Session(folder)
    try:
        peer.query("set max_threads=2")
        peer.query("set date_time_input_format='best_effort'")
        source = f"file('{arguments.ndjson}', JSONEachRow)"
        described = json.loads(str(peer.query(f"describe table {source}", "JSON")))["data"]
        bare = {column["name"]: re.sub(r"^Nullable\((.*)\)$", r"\1", column["type"]) for column in described}
        columns = ", ".join(f"`{name}` {kind} codec(ZSTD(3))" for name, kind in bare.items())
        peer.query(f"create table j ({columns}) engine=MergeTree order by (DeviceId, Timestamp)")
        peer.query(f"insert into j select * from {source}")
        peer.query("optimize table j final")
        size = json.loads(str(peer.query(
            "select sum(bytes_on_disk) as bytes, sum(rows) as rows from system.parts where table = 'j' and active", "JSON")))
        size = size["data"][0]
        return {"rows": int(size["rows"]), "bytes_per_row": round(int(size["bytes"]) / int(size["rows"]), 1)}
    finally:
        peer.close()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bartizan", required=True)
    parser.add_argument("--ndjson", required=True)
    parser.add_argument("--folder")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    pieces = ingest.bodies(arguments.ndjson, 10_000)
    result = {"bartizan": bartizan(arguments, pieces), "chdb": chdb(arguments, sum(rows for _, rows in pieces))}
    result["ratio"] = round(result["bartizan"]["bytes_per_row"] / result["chdb"]["bytes_per_row"], 2)
    ingest.finish(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
