#!/usr/bin/env python3
"""How soon entities are answered when there are many of them.

usage: bench/entities.py --bartizan PATH [--empty PATH] [--folder DIR] [--keep] [--out RESULT.json]
                         [--machines N] [--alerts N] [--indicators N] [--seconds S]

Lets the sandbox make some machines, alerts and incidents, stops the server, and multiplies their rows in its database:
a million machines, five million alerts, a million indicators unless told otherwise. Then asks over HTTPS on one
connection, one question after the other: single entities, filtered first pages, ten thousand pages of a walk. With
`wrk` and the example `empty_handler` of crate `server` (`--empty`), also how many machines a second are read beside a
handler that does nothing but answer with the same JSON. `--keep` takes up and leaves the filled folder. Needs 16 GiB of
disk. Prints one JSON object.
"""
import argparse
import json
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ingest  # noqa: E402

CHUNK = 50_000
# The time within which a filtered first page is expected, 99 times of 100.
FIRST_PAGE_MS = 50
TICKS_1970 = 621_355_968_000_000_000
# Rows of a table with what differs from the row that they were made of: `n` is the number of the row, from 0.


def machine_expression(n):
    return f"printf('%08x%032x', ({n} * 2654435761) & 4294967295, {n})"


MACHINE_ID = machine_expression("n")


def group_expression(n):
    return f"('Site ' || (({n}) % 40))"


def told(ticks):
    seconds = f"(({ticks}) - {TICKS_1970}) / 10000000"
    return f"strftime('%Y-%m-%dT%H:%M:%S', {seconds}, 'unixepoch') || '.' || printf('%07d', ({ticks}) % 10000000) || 'Z'"


class Filling:
    """Multiplies the rows of a stopped server's database."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("synchronous = OFF", "cache_size = -2000000", "temp_store = MEMORY", "journal_mode = OFF", "foreign_keys = OFF"):
            self.db.execute(f"PRAGMA {pragma}")
        self.tenant = self.one("SELECT tenant FROM machines LIMIT 1")
        self.now = int(time.time()) * 10_000_000 + TICKS_1970
        self.sequence = self.one("SELECT value FROM counters WHERE tenant = ? AND name = 'updated'", self.tenant)

    def one(self, sql, *values):
        return self.db.execute(sql, values).fetchone()[0]

    def fill(self, table, count, columns, members, where="1"):
        """`columns` and `members` of the JSON are expressions over `n` and the row `t`."""
        templates = f"{table}_templates"
        self.db.execute(f"CREATE TEMP TABLE {templates} AS SELECT ROW_NUMBER() OVER () - 1 AS template, * FROM {table} WHERE {where}")
        kinds = self.one(f"SELECT COUNT(*) FROM {templates}")
        names = [row[1] for row in self.db.execute(f"PRAGMA table_info({table})")]
        if "body" in names:
            patched = ", ".join(f"'$.{name}', {value}" for name, value in members.items())
            columns = {**columns, "body": f"json_set(t.body, {patched})", "updated_sequence": f"n + {self.sequence + 1}"}
        values = ", ".join(columns.get(name, f"t.{name}") for name in names)
        taken = self.db.execute("SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND tbl_name = ? AND sql IS NOT NULL", (table,)).fetchall()
        for kind, name, _ in taken:
            self.db.execute(f"DROP {kind} {name}")
        for first in range(0, count, CHUNK):
            last = min(first + CHUNK, count) - 1
            self.db.execute("BEGIN")
            self.db.execute(
                f"WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) "
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM numbers JOIN {templates} t ON t.template = n % {kinds}")
            self.db.execute("COMMIT")
        for _, _, sql in taken:
            self.db.execute(sql)
        counted = self.one(f"SELECT COUNT(*) FROM {table}")
        self.db.execute("UPDATE entity_counts SET rows_count = ? WHERE tenant = ? AND kind = ?", (counted, self.tenant, table))
        if "body" in names:
            self.sequence += count
        print(f"  {count} rows of {table}", file=sys.stderr, flush=True)

    def machines(self, count):
        name = "printf('host-%07d.contoso.example', n)"
        seen = f"{self.now} - n * 600000"
        risk = "CASE WHEN n % 1000 = 7 THEN 'High' WHEN n % 50 = 7 THEN 'Medium' ELSE 'None' END"
        address = "printf('10.%d.%d.%d', (n >> 16) & 255, (n >> 8) & 255, n & 255)"
        health = "CASE WHEN n % 200 = 11 THEN 'Inactive' WHEN n % 5000 = 13 THEN 'NoSensorData' ELSE 'Active' END"
        group, number = group_expression("n"), "100 + n % 40"
        self.fill(
            "machines", count,
            {"id": MACHINE_ID, "computer_dns_name": name, "last_seen": seen, "risk_score": risk, "last_ip_address": address,
             "health_status": health, "rbac_group_id": number, "rbac_group_name": f"lower({group})"},
            {"id": MACHINE_ID, "computerDnsName": name, "lastSeen": told(seen), "riskScore": risk, "lastIpAddress": address,
             "healthStatus": health, "rbacGroupId": number, "rbacGroupName": group},
        )
        for table in ("machine_strings", "machine_addresses"):
            self.db.execute(f"CREATE TEMP TABLE {table}_templates AS SELECT * FROM {table}")
            names = [row[1] for row in self.db.execute(f"PRAGMA table_info({table})")]
            values = ", ".join({"id": MACHINE_ID, "ip_address": address}.get(name, f"s.{name}") for name in names)
            for first in range(0, count, CHUNK):
                last = min(first + CHUNK, count) - 1
                self.db.execute("BEGIN")
                self.db.execute(
                    f"WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) "
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM numbers "
                    f"JOIN machines_templates t ON t.template = n % (SELECT COUNT(*) FROM machines_templates) JOIN {table}_templates s ON s.id = t.id")
                self.db.execute("COMMIT")

    def incidents(self, count):
        base = 1_000_000
        created = f"{self.now} - {count} * 20000000 + n * 20000000"
        self.fill(
            "incidents", count,
            {"id": f"CAST(n + {base} AS TEXT)", "incident_id": f"n + {base}", "created_time": created, "last_update_time": created},
            {"incidentId": f"n + {base}", "createdTime": told(created), "lastUpdateTime": told(created)},
        )
        self.db.execute("UPDATE counters SET value = ? WHERE tenant = ? AND name = 'incident'", (base + count, self.tenant))

    def alerts(self, count, machines):
        created = f"{self.now} - {count} * 2000000 + n * 2000000"
        number = f"printf('da%d_%d', {created}, n)"
        machine = machine_expression(f"(n % {machines})")
        name = f"printf('host-%07d.contoso.example', n % {machines})"
        status = "CASE WHEN n % 100 = 3 THEN 'InProgress' WHEN n % 20 = 3 THEN 'New' ELSE 'Resolved' END"
        assigned = "CASE WHEN n % 1000 = 3 THEN 'analyst' || (n % 7) || '@contoso.example' END"
        group = group_expression(f"n % {machines}")
        columns = {
            "id": number, "machine_id": machine, "computer_dns_name": name, "rbac_group_name": f"lower({group})", "incident_id": "1000000 + n / 10", "status": status,
            "assigned_to": assigned, "alert_creation_time": created, "last_update_time": created, "first_event_time": created, "last_event_time": created,
        }
        members = {
            "id": number, "machineId": machine, "computerDnsName": name, "rbacGroupName": group, "incidentId": "1000000 + n / 10", "status": status,
            "assignedTo": assigned, "alertCreationTime": told(created), "lastUpdateTime": told(created), "firstEventTime": told(created),
            "lastEventTime": told(created), "evidence": "json('[]')", "comments": "json('[]')", "description": "'a description'",
        }
        self.fill("alerts", count, {**columns, "description": "'a description'"}, members)

    def indicators(self, count):
        kind = "t.indicator_type"
        value = (f"CASE {kind} WHEN 'IpAddress' THEN printf('198.%d.%d.%d', (n >> 16) & 255, (n >> 8) & 255, n & 255) "
                 f"WHEN 'FileSha256' THEN printf('%064x', n) WHEN 'Url' THEN 'http://h' || n || '.example/' ELSE 'd' || n || '.example' END")
        created = f"{self.now} - {count} * 20000000 + n * 20000000"
        expires = f"CASE WHEN n % 10 < 7 THEN {created} + 90 * 864000000000 END"
        columns = {
            "id": "CAST(n + 1000 AS TEXT)", "value_key": f"{kind} || ':' || {value}", "indicator_value": value,
            "creation_time": created, "last_update_time": created, "expiration_time": expires,
        }
        members = {
            "id": "CAST(n + 1000 AS TEXT)", "indicatorValue": value, "creationTimeDateTimeUtc": told(created),
            "lastUpdateTime": told(created), "expirationTime": f"CASE WHEN n % 10 < 7 THEN {told(f'{created} + 90 * 864000000000')} END",
        }
        self.fill("indicators", count, columns, members)
        for name, number in (("indicators", self.one("SELECT COUNT(*) FROM indicators")), ("indicator_id", count + 2000)):
            self.db.execute("UPDATE counters SET value = ? WHERE tenant = ? AND name = ?", (number, self.tenant, name))

    def finish(self):
        self.db.execute("UPDATE counters SET value = ? WHERE tenant = ? AND name = 'updated'", (self.sequence, self.tenant))
        self.db.execute("DELETE FROM changes")
        self.db.execute(
            "INSERT OR IGNORE INTO changes SELECT tenant, updated_sequence, 'indicator', id, 'created' FROM indicators "
            f"WHERE updated_sequence > {self.sequence - 1_000_000}")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.close()


def prepare(binary, folder, arguments):
    """A data folder with rows of the sandbox, multiplied."""
    server = start(binary, folder, ["--devices", "12"])
    kinds = [("IpAddress", "198.51.100.1"), ("DomainName", "a.example"), ("Url", "http://a.example/"), ("FileSha256", "0" * 64)]
    for kind, value in kinds:
        body = {"indicatorType": kind, "indicatorValue": value, "action": "Alert", "title": "t", "description": "d"}
        call(server, "POST", "/api/indicators", body)
    deadline = time.time() + 120
    while int(call(server, "GET", "/api/alerts/$count")) < 6 or int(call(server, "GET", "/api/machines/$count")) < 12:
        if time.time() > deadline:
            raise SystemExit("the sandbox made no alerts")
        time.sleep(1)
    server.stop()
    began = time.time()
    filling = Filling(os.path.join(folder, "data", "state.db"))
    filling.machines(arguments.machines)
    filling.incidents(arguments.alerts // 10)
    filling.alerts(arguments.alerts, arguments.machines)
    filling.indicators(arguments.indicators)
    filling.finish()
    print(f"  filled in {time.time() - began:.0f} s", file=sys.stderr)


def start(binary, folder, more):
    class Quick(ingest.Server):
        ARGUMENTS = [*more, "--rate-limit-factor", "1000000"]
    return Quick(binary, folder)


def call(server, method, path, body=None):
    connection = server.connect()
    connection.request(method, path, json.dumps(body) if body else None, server.headers("application/json"))
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{method} {path}: {answer.status} {text[:300]}")
    return text


class Asking:
    """One connection; every answer has to be a good one."""

    def __init__(self, server):
        self.server, self.connection = server, server.connect()

    def get(self, path, more={}):
        began = time.perf_counter()
        self.connection.request("GET", path, headers={**self.server.headers("application/json"), **more})
        answer = self.connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {text[:300]}")
        return took, text


def times(samples):
    samples = sorted(samples)
    return {"median_ms": round(statistics.median(samples), 2), "p99_ms": round(samples[min(len(samples) - 1, int(len(samples) * 0.99))], 2)}


def encoded(text):
    return urllib.parse.quote(text, safe="'()$=&,")


def machine_id(n):
    return f"{(n * 2654435761) & 0xFFFFFFFF:08x}{n:032x}"


def singles(asking, arguments, dice):
    result = {}
    alerts = json.loads(asking.get("/api/alerts?$top=500&$select=id")[1])["value"]
    alerts += json.loads(asking.get(f"/api/alerts?$top=500&$select=id&$skip={arguments.alerts // 2}")[1])["value"]
    for name, path in (
        ("machines", lambda: f"/api/machines/{machine_id(dice.randrange(arguments.machines))}"),
        ("machines by name", lambda: f"/api/machines/host-{dice.randrange(arguments.machines):07d}.contoso.example"),
        ("alerts", lambda: f"/api/alerts/{dice.choice(alerts)['id']}"),
        ("indicators", lambda: f"/api/indicators/{1000 + dice.randrange(arguments.indicators)}"),
    ):
        result[name] = times([asking.get(path())[0] for _ in range(2000)])
    return result


# What clients ask for, and what reads most: a filter, and other options behind a bar.
LISTS = {
    "machines": [
        "", "| $orderby=lastSeen desc", "| $orderby=computerDnsName", "| $skip=1000", "| $count=true",
        "computerDnsName eq 'host-{n:07d}.contoso.example'", "startswith(computerDnsName,'host-{n:07d}')", "startswith(computerDnsName,'host-')",
        "computerDnsName eq 'host-{n:07d}.contoso.example' and healthStatus eq 'Active' and riskScore eq 'None' and osPlatform eq 'Windows10'",
        "computerDnsName eq 'host-{n:07d}.contoso.example' AND healthStatus eq 'Active' | $count=true", "id eq '{machine}'", "id in ('{machine}','{other}')",
        "healthStatus eq 'Active'", "healthStatus eq 'Inactive'", "healthStatus eq 'NoSensorData'", "healthStatus ne 'Active'",
        "riskScore eq 'High'", "riskScore eq 'Medium'", "riskScore in ('High','Medium')", "riskScore eq 'High' or riskScore eq 'Medium'",
        "healthStatus eq 'Active' and riskScore eq 'High'", "healthStatus eq 'Inactive' and riskScore eq 'High'",
        "riskScore eq 'High' | $orderby=lastSeen desc", "riskScore eq 'Medium' | $orderby=lastSeen desc", "osPlatform eq 'Linux'", "osPlatform eq 'NoSuch'",
        "lastSeen ge 2020-01-01T00:00:00Z", "lastSeen ge {hour}", "lastSeen ge {minute} | $orderby=lastSeen desc", "lastSeen gt {hour} and lastSeen le {minute}",
        "lastSeen lt {day} and healthStatus eq 'Active'", "lastSeen ge {hour} and riskScore eq 'High'",
        "rbacGroupName eq 'Site {site}'", "rbacGroupName eq 'NoSuch'", "rbacGroupId eq 1{site}", "rbacGroupId eq 4711", "rbacGroupId eq 1{site} and riskScore eq 'High'",
        "machineTags/any(t: t eq 'vip')", "machineTags/any(t: t eq 'Simulated')", "lastIpAddress eq '10.3.{b}.{b}'", "lastIpAddress eq '192.0.2.200'",
        "lastExternalIpAddress eq '192.0.2.10'", "deviceValue eq 'High' and riskScore eq 'Medium'", "aadDeviceId eq 'none'", "exposureLevel eq 'None'", "exposureLevel eq 'Low'",
        "version eq '0'", "onboardingStatus eq 'InsufficientInfo'", "onboardingStatus eq 'Onboarded'",
    ],
    "alerts": [
        "", "| $orderby=lastUpdateTime desc", "| $expand=evidence", "| $skip=1000", "| $orderby=alertCreationTime",
        "severity eq 'High'", "severity eq 'High' and status eq 'New'", "status eq 'New'", "status ne 'Resolved'", "status in ('New','InProgress')",
        "status eq 'New' or status eq 'InProgress'", "severity in ('High','Medium') and status in ('New','InProgress')", "severity eq 'Medium' and status eq 'InProgress'",
        "(severity eq 'High' or severity eq 'Medium') and status ne 'Resolved'", "severity eq 'Informational' and status eq 'New'",
        "lastUpdateTime ge 2020-01-01T00:00:00Z", "lastUpdateTime gt {minute} | $expand=evidence", "lastUpdateTime ge {hour} | $orderby=lastUpdateTime",
        "lastUpdateTime ge {day} | $orderby=lastUpdateTime&$expand=evidence", "lastUpdateTime ge {day} and status eq 'New'", "lastUpdateTime ge {day} and severity eq 'High' | $orderby=lastUpdateTime",
        "lastUpdateTime ge {month} and status eq 'InProgress' | $orderby=lastUpdateTime", "lastUpdateTime ge 2090-01-01T00:00:00Z", "lastEventTime ge 2090-01-01T00:00:00Z",
        "alertCreationTime ge 2020-01-01T00:00:00Z", "alertCreationTime gt {hour} and alertCreationTime le {minute}", "alertCreationTime ge {month} and alertCreationTime lt {day}",
        "alertCreationTime ge {day} and severity eq 'High'", "alertCreationTime ge {day} and severity eq 'High' and status eq 'New'", "severity eq 'High' and alertCreationTime ge 2020-01-01T00:00:00Z",
        "alertCreationTime ge {month} and alertCreationTime lt {day} and severity eq 'Medium' and status eq 'New'",
        "severity eq 'High'and alertCreationTime gt {hour}", "severity eq 'High' | $orderby=alertCreationTime", "severity eq 'High' | $orderby=lastUpdateTime desc",
        "status eq 'New' | $orderby=lastUpdateTime", "machineId eq '{machine}'", "machineId eq '{machine}' and status eq 'New'", "computerDnsName eq 'host-{n:07d}.contoso.example'",
        "rbacGroupName eq 'Site {site}'", "rbacGroupName eq 'NoSuch'", "rbacGroupName eq 'Site {site}' and severity eq 'High'",
        "assignedTo eq 'analyst3@contoso.example'", "assignedTo eq 'nobody'", "assignedTo eq null and status eq 'New'", "incidentId eq {incident}",
        "category eq 'CommandAndControl'", "category eq 'NoSuch'", "detectionSource eq 'NoSuch'", "detectionSource eq 'CustomDetection'", "investigationId eq 4711",
        "mitreTechniques/any(t: t eq 'T9999')",
    ],
    "indicators": [
        "", "| $orderby=lastUpdateTime desc", "| $count=true", "| $skip=1000",
        "indicatorValue eq 'd{n}.example'", "indicatorValue eq 'd{n}.example' and indicatorType eq 'DomainName'", "indicatorValue in ['198.0.{b}.{b}','x']",
        "startswith(indicatorValue,'d{n}')", "indicatorType eq 'IpAddress'", "indicatorType eq 'IpAddress' and action eq 'Block'", "indicatorType eq 'IpAddress' and severity eq 'High'",
        "action eq 'Block'", "action eq 'Alert'", "severity eq 'High'", "createdBy eq 'nobody'", "title eq 'nothing'", "externalId eq 'x'", "externalId in ('x','y') or id in ('{n}','7')",
        "source eq 'nobody'", "lastUpdateTime ge 2090-01-01T00:00:00Z", "lastUpdateTime ge {day}", "lastUpdateTime gt {day} | $orderby=lastUpdateTime",
        "creationTimeDateTimeUtc ge 2020-01-01T00:00:00Z", "creationTimeDateTimeUtc ge {day} and indicatorType eq 'Url'", "expirationTime lt 2020-01-01T00:00:00Z",
        "expirationTime le 2090-01-01T00:00:00Z",
    ],
}
AGES = {"minute": 60, "hour": 3600, "day": 86_400, "month": 30 * 86_400}


def first_pages(asking, arguments, dice):
    """First pages of a hundred; a list that takes long is asked for less often."""
    result, all_times = {}, []
    for set_name, lists in LISTS.items():
        for told in lists:
            if arguments.match and not re.search(arguments.match, f"{set_name}: {told}"):
                continue
            condition, _, more = told.partition("|")
            samples = []
            for _ in range(arguments.samples):
                n = dice.randrange(arguments.machines)
                ages = {name: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(arguments.filled - seconds)) for name, seconds in AGES.items()}
                known = {"n": n, "b": n % 256, "site": f"{n % 40:02d}", "machine": machine_id(n), "other": machine_id((n * 7) % arguments.machines)}
                text = condition.strip().format(**known, **ages, incident=1_000_000 + n % (arguments.alerts // 10)).replace("'Site 0", "'Site ")
                options = ["$top=100", f"$filter={encoded(text)}" if text else "", encoded(more.strip())]
                samples.append(asking.get(f"/api/{set_name}?{'&'.join(option for option in options if option)}")[0])
                if sum(samples) > arguments.patience * 1000:
                    break
            result[f"{set_name}: {told}"] = {**times(samples), "times": len(samples)}
            all_times += samples
    over = {name: of for name, of in result.items() if of["p99_ms"] > FIRST_PAGE_MS}
    worst = max(result.items(), key=lambda item: item[1]["p99_ms"], default=None)
    return {"all": times(all_times), "lists": len(result), "over": over, "worst": worst, "by_list": result}


def walk(asking, path, pages):
    """A walk by next links in pages of 100 items: the first hundred pages beside the last."""
    prefer, samples, seen = {"Prefer": "odata.maxpagesize=100"}, [], set()
    for _ in range(pages):
        took, text = asking.get(path, prefer)
        samples.append(took)
        page = json.loads(text)
        ids = [item["id"] for item in page["value"]]
        if len(ids) != 100 or seen.intersection(ids):
            raise SystemExit(f"{path}: {len(ids)} items on page {len(samples)}, or one that was there before")
        seen.update(ids)
        if "@odata.nextLink" not in page:
            break
        path = page["@odata.nextLink"].split("/", 3)[3]
        path = "/" + path
    first, last = statistics.median(samples[:100]), statistics.median(samples[-100:])
    return {"pages": len(samples), "first_ms": round(first, 2), "last_ms": round(last, 2), "ratio": round(last / first, 2)}


def wrk(url, token, seconds):
    command = ["wrk", "-t", "1", "-c", "16", "-d", f"{seconds}s", "-H", f"Authorization: Bearer {token}", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:
        raise SystemExit(f"wrk: {text}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def beside_empty(server, asking, empty, folder, seconds):
    """Requests a second of one machine, and of a handler that answers with the same bytes over the same TLS."""
    path = f"/api/machines/{machine_id(4711)}"
    body = os.path.join(folder, "machine.json")
    with open(body, "wb") as file:
        file.write(asking.get(path)[1])
    tls = os.path.join(folder, "data", "tls")
    process = subprocess.Popen([empty, body, os.path.join(tls, "server.pem"), os.path.join(tls, "server.key")], stdout=subprocess.PIPE, text=True)
    try:
        other = "https://" + process.stdout.readline().strip() + path
        own = server.connection["base_url"] + path
        pairs = [(wrk(own, server.token, seconds), wrk(other, server.token, seconds)) for _ in range(3)]
    finally:
        process.terminate()
        process.wait()
    own, other = (statistics.median(each) for each in zip(*pairs))
    return {"machines_per_s": round(own), "empty_handler_per_s": round(other), "ratio": round(own / other, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bartizan", required=True)
    parser.add_argument("--empty")
    parser.add_argument("--machines", type=int, default=1_000_000)
    parser.add_argument("--alerts", type=int, default=5_000_000)
    parser.add_argument("--indicators", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--patience", type=float, default=2, help="seconds that one list is asked for at most")
    parser.add_argument("--match", help="only lists that this expression finds")
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--folder")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    folder = arguments.folder or tempfile.mkdtemp(prefix="bartizan-entities-")
    os.makedirs(folder, exist_ok=True)
    filled = os.path.join(folder, "filled")
    if not os.path.exists(filled):
        prepare(arguments.bartizan, folder, arguments)
        open(filled, "w").close()
    arguments.filled = os.path.getmtime(filled)
    server = start(arguments.bartizan, folder, ["--no-sandbox"])
    result, dice = {}, random.Random(1)
    try:
        asking = Asking(server)
        parts = {
            "singles": lambda: singles(asking, arguments, dice),
            "first_pages": lambda: first_pages(asking, arguments, dice),
            "walk_machines": lambda: walk(asking, "/api/machines", arguments.pages),
            "walk_alerts": lambda: walk(asking, "/api/alerts", arguments.pages),
            "beside_empty": lambda: beside_empty(server, asking, arguments.empty, folder, arguments.seconds) if arguments.empty else None,
        }
        for name, part in parts.items():
            if not arguments.only or name in arguments.only.split(","):
                result[name] = part()
        result["resident_mib"] = round(server.resident_bytes() / 2**20)
        result["database_mib"] = round(os.path.getsize(os.path.join(folder, "data", "state.db")) / 2**20)
    finally:
        server.stop()
        if not arguments.keep:
            shutil.rmtree(folder)
    ingest.finish(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
