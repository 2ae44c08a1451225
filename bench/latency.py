#!/usr/bin/env python3
"""What hunting feels of ingest, and how soon an acknowledged row is seen.

usage: bench/latency.py --bartizan PATH --ndjson FILE [--seconds S] [--out RESULT.json] [--folder DIR]

Loads the file's rows, measures the peak rate of durable ingest for some seconds, and then the times of hunting
questions: of an idle server, while other processes send rows at half of the peak, and of an idle server again. The
questions read every row, and the load leaves twice as many or more: what it costs is told beside both idle servers,
the one with as many rows as the load ended with, and the one with as few as it began with. At half of the peak it then
sends single rows beside the load and asks for each until it is seen: the time counts from its acknowledgement and
includes the question. Prints one JSON object.
"""
import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ingest  # noqa: E402

TABLE = ingest.TABLE
QUESTIONS = [
    f"{TABLE} | where ProcessCommandLine has 'EncodedCommand' | summarize count() by DeviceId | top 10 by count_",
    f"{TABLE} | where FileName =~ 'certutil.exe' | project Timestamp, DeviceName, ProcessCommandLine | take 100",
    f"{TABLE} | where SHA256 == '0123456789abcdef' | count",
    f"{TABLE} | summarize Events = count(), Devices = dcount(DeviceId) by FileName",
    f"{TABLE} | where DeviceName startswith 'host-12.' | summarize arg_max(Timestamp, *) by FileName",
    f"{TABLE} | where InitiatingProcessFileName == 'cmd.exe' and FileName == 'powershell.exe' | summarize make_set(AccountName, 50) by DeviceName | take 50",
]


def send_at(server, pieces, rate, seconds, sent):
    """Sends rows evenly at a rate over one connection; what was late is made up for as far as it goes."""
    connection, accepted, at = server.connect(), 0, 0
    started = time.time()
    while (now := time.time()) < started + seconds:
        body, rows = pieces[at % len(pieces)]
        due = started + accepted / rate
        if due > now:
            time.sleep(due - now)
        connection.request("POST", f"/api/ingest/{TABLE}", body, server.headers())
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 200:
            accepted += json.loads(text)["accepted"]
            at += 1
        else:
            time.sleep(0.1)
    sent.value = accepted / (time.time() - started)


class Load:
    """Other processes that send rows at a rate, a connection each."""

    def __init__(self, server, pieces, rate, seconds, connections):
        self.sent = [multiprocessing.Value("d", 0.0) for _ in range(connections)]
        process = multiprocessing.get_context("fork").Process
        begun = [(server, pieces, rate / connections, seconds, sent) for sent in self.sent]
        self.processes = [process(target=send_at, args=arguments) for arguments in begun]
        [process.start() for process in self.processes]

    def end(self):
        [process.join() for process in self.processes]
        return round(sum(sent.value for sent in self.sent))


def ask(connection, server, query):
    begun = time.time()
    connection.request("POST", "/api/advancedqueries/run", json.dumps({"Query": query}), server.headers("application/json"))
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{answer.status} {text[:300]} for {query}")
    return (time.time() - begun) * 1000, json.loads(text)["Results"]


def hunt(server, seconds):
    """The times of questions asked one after the other, in milliseconds."""
    connection, times, end, at = server.connect(), [], time.time() + seconds, 0
    while time.time() < end:
        times.append(ask(connection, server, QUESTIONS[at % len(QUESTIONS)])[0])
        at += 1
        time.sleep(0.02)
    return times


def percentile(times, share):
    return round(sorted(times)[min(int(len(times) * share), len(times) - 1)], 1)


def count(server):
    return server.hunt(f"{TABLE} | count")[0]["Count"]


def told(times):
    return {"questions": len(times), "median_ms": round(statistics.median(times), 1), "p99_ms": percentile(times, 0.99)}


def by_question(times):
    """Of the times of questions asked in turn: the median and the largest of each, in milliseconds."""
    each = [times[at::len(QUESTIONS)] for at in range(len(QUESTIONS))]
    return [[round(statistics.median(one)), round(max(one))] for one in each if one]


def visibility(server, seconds):
    sending, asking = server.connect(), server.connect()
    times, number, end = [], 4_000_000_000, time.time() + seconds
    while time.time() < end:
        number += 1
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        row = {"Timestamp": now, "DeviceId": "e" * 40, "DeviceName": "seen.example", "ActionType": "ProcessCreated", "ReportId": number}
        sending.request("POST", f"/api/ingest/{TABLE}", json.dumps(row), server.headers())
        answer = sending.getresponse()
        body = answer.read()
        if answer.status != 200:
            time.sleep(0.1)
            continue
        if json.loads(body)["accepted"] != 1:
            raise SystemExit(f"{body}")
        acknowledged = time.time()
        query = f"{TABLE} | where Timestamp >= datetime({now}) - 1m and DeviceId == '{'e' * 40}' and ReportId == {number} | count"
        while ask(asking, server, query)[1][0]["Count"] != 1:
            if time.time() > acknowledged + 10:
                raise SystemExit(f"row {number} is not seen 10 s after its acknowledgement")
        times.append((time.time() - acknowledged) * 1000)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bartizan", required=True)
    parser.add_argument("--ndjson", required=True)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--connections", type=int, default=3)
    parser.add_argument("--folder")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    pieces, small = ingest.bodies(arguments.ndjson, 10_000), ingest.bodies(arguments.ndjson, 2_000)
    folder = tempfile.mkdtemp(prefix="bartizan-latency-", dir=arguments.folder)
    server = ingest.Server(arguments.bartizan, folder)
    try:
        import threading
        results = {"accepted": 0, "refused": 0, "busy": 0, "sent": 0, "latencies": [], "lock": threading.Lock(),
                   "connections": arguments.connections, "kind": "application/x-ndjson"}
        threads = [threading.Thread(target=ingest.send, args=(server, pieces, 12, results, at)) for at in range(arguments.connections)]
        started = time.time()
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        peak = results["accepted"] / (time.time() - started)
        time.sleep(75)  # Flushed, merged and quiet.
        hunt(server, 5)
        idle = hunt(server, arguments.seconds)
        rows = [count(server)]
        load = Load(server, small, peak / 2, arguments.seconds + 4, arguments.connections)
        time.sleep(2)
        rows.append(count(server))
        busy = hunt(server, arguments.seconds)
        rows.append(count(server))
        half = load.end()
        time.sleep(75)
        hunt(server, 5)
        after = hunt(server, arguments.seconds)
        rows.append(count(server))
        load = Load(server, small, peak / 2, arguments.seconds + 4, arguments.connections)
        time.sleep(2)
        seen = visibility(server, arguments.seconds)
        beside_seen = load.end()
        ratio = lambda than: round(percentile(busy, 0.99) / percentile(than, 0.99), 2)
        result = {
            "peak_rows_per_s": round(peak),
            "idle_before": {**told(idle), "rows": rows[0], "by_question": by_question(idle)},
            "at_half_of_the_peak": {**told(busy), "rows_per_s": half, "rows": rows[1:3], "by_question": by_question(busy)},
            "idle_after": {**told(after), "rows": rows[3], "by_question": by_question(after)},
            "p99_ratio": ratio(after),
            "p99_ratio_to_fewer_rows": ratio(idle),
            "seen_after_acknowledgement": {**told(seen), "rows_per_s": beside_seen},
            "resident_mib": round(server.resident_bytes() / 2**20),
        }
    finally:
        server.stop()
        shutil.rmtree(folder)
    ingest.finish(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
