#!/usr/bin/env python3
"""Hunting queries beside DuckDB and chdb on the same Parquet files.

usage: bench/hunting.py --bartizan PATH --generator GEN_EVENTS.PY [--rows 20000000] [--runs 5] [--out RESULT.json]
                        [--folder DIR | --lake DIR] [--only NAME,...] [--keep]

Fills a server with synthetic events, one in eight of them a network event, waits until its files are merged, and asks
each question of the server and of both peers in turn, as often as there are runs. The peers read the Parquet files of
the server's own lake. Answers are compared: a question whose answers differ is an error. Of each the median time and
the median processor time are printed as one JSON object; the times of the server are those of its HTTP answers.

`--lake` takes a folder that an earlier run kept. The generator is a module as `lake.py` describes it.
"""
import argparse
import glob
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.parse

import pyarrow
import pyarrow.compute

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lake  # noqa: E402
from ingest import Server, finish  # noqa: E402

RARE = lake.RARE_SHA256
DAYS = 3
lake.BODY_ROWS = 20_000  # With JSON in them rows are larger than those of `lake.py`.

# name: (KQL, SQL for DuckDB, SQL for chdb; None where it is that for DuckDB). Tables are `p` and `n` in SQL.
WORDS = "downloadstring|frombase64string|invoke-webrequest"
TERMS = ["MiniDump", "DownloadString", "urlcache", "EncodedCommand", "comsvcs", "mimikatz", "sekurlsa", "vssadmin",
         "wbadmin", "bcdedit", "nltest", "ntdsutil"]
TERMS_KQL = ", ".join(f'"{term}"' for term in TERMS)
TERMS_SQL = "|".join(TERMS).lower()
QUESTIONS = {
    "contains": (
        'DeviceProcessEvents | where ProcessCommandLine contains "encodedcommand" | count',
        """select count(*) from p where "ProcessCommandLine" ilike '%encodedcommand%'""", None),
    "regex": (
        rf'DeviceProcessEvents | where ProcessCommandLine matches regex @"(?i)({WORDS})\s*\(" | count',
        rf"""select count(*) from p where regexp_matches("ProcessCommandLine", '({WORDS})\s*\(', 'i')""",
        rf"""select count(*) from p where match("ProcessCommandLine", '(?i)({WORDS})\\s*\\(')"""),
    "count_by": (
        'DeviceProcessEvents | where ActionType == "ProcessCreated" and FileName in ("powershell.exe", "cmd.exe", "rundll32.exe")'
        " | summarize n = count() by DeviceName, FileName | order by n desc, DeviceName asc, FileName asc | take 50",
        """select "DeviceName", "FileName", count(*) as n from p where "ActionType" = 'ProcessCreated'
           and "FileName" in ('powershell.exe', 'cmd.exe', 'rundll32.exe') group by 1, 2 order by n desc, 1, 2 limit 50""", None),
    "dcount_by_hour": (
        "DeviceProcessEvents | summarize d = dcount(AccountName) by h = bin(Timestamp, 1h) | order by h asc | project d",
        """select approx_count_distinct("AccountName") from p group by date_trunc('hour', "Timestamp") order by date_trunc('hour', "Timestamp")""",
        """select uniqHLL12("AccountName") from p group by toStartOfHour("Timestamp") order by toStartOfHour("Timestamp")"""),
    "windowed_self_join": (
        'let parents = DeviceProcessEvents | where FileName == "powershell.exe" | project DeviceId, ProcessId, Started = Timestamp;'
        ' DeviceProcessEvents | where FileName in ("rundll32.exe", "certutil.exe", "schtasks.exe")'
        " | join kind=inner parents on DeviceId, $left.InitiatingProcessId == $right.ProcessId"
        " | where Timestamp between (Started .. 1h) | count",
        """select count(*) from p a join p c on a."DeviceId" = c."DeviceId" and a."ProcessId" = c."InitiatingProcessId"
           where a."FileName" = 'powershell.exe' and c."FileName" in ('rundll32.exe', 'certutil.exe', 'schtasks.exe')
           and c."Timestamp" >= a."Timestamp" and c."Timestamp" <= a."Timestamp" + interval 1 hour""", None),
    "hash": (
        f"DeviceProcessEvents | where SHA256 == '{RARE}' | summarize count(), min(FileName)",
        f"""select count(*), coalesce(min("FileName"), '') from p where "SHA256" = '{RARE}'""", None),
    "arg_max": (
        "DeviceProcessEvents | summarize arg_max(Timestamp, ProcessCommandLine) by DeviceId"
        " | summarize count(), max(strlen(ProcessCommandLine))",
        """select count(*), max(length(c)) from (select "DeviceId", arg_max("ProcessCommandLine", "Timestamp") as c from p group by 1) t""",
        """select count(*), max(length(c)) from (select "DeviceId", argMax("ProcessCommandLine", "Timestamp") as c from p group by 1) t"""),
    "has_any_list": (
        f"DeviceProcessEvents | where ProcessCommandLine has_any ({TERMS_KQL}) | summarize n = count() by FileName | order by n desc, FileName asc",
        rf"""select "FileName", count(*) as n from p where regexp_matches("ProcessCommandLine", '\b({TERMS_SQL})\b', 'i') group by 1 order by n desc, 1""",
        rf"""select "FileName", count(*) as n from p where match("ProcessCommandLine", '(?i)\\b({TERMS_SQL})\\b') group by 1 order by n desc, 1"""),
    "has_term": (
        'DeviceProcessEvents | where ProcessCommandLine has "certutil" | count',
        r"""select count(*) from p where regexp_matches("ProcessCommandLine", '\bcertutil\b', 'i')""",
        """select count(*) from p where hasTokenCaseInsensitive("ProcessCommandLine", 'certutil')"""),
    "json_path": (
        'DeviceProcessEvents | extend f = parse_json(AdditionalFields) | where tostring(f.Integrity.Level) == "High"'
        " | summarize n = count() by zone = tostring(f.Origin.Zone) | order by zone asc",
        """select json_extract_string("AdditionalFields", '$.Origin.Zone') as zone, count(*) as n from p
           where json_extract_string("AdditionalFields", '$.Integrity.Level') = 'High' group by 1 order by 1""",
        """select JSONExtractString("AdditionalFields", 'Origin', 'Zone') as zone, count(*) as n from p
           where JSONExtractString("AdditionalFields", 'Integrity', 'Level') = 'High' group by 1 order by 1"""),
    "process_to_network": (
        'DeviceNetworkEvents | where RemotePort < 20000 | join kind=inner (DeviceProcessEvents | where FileName =~ "PowerShell.exe")'
        " on DeviceId, $left.InitiatingProcessId == $right.ProcessId"
        " | summarize n = count() by RemoteIP | top 20 by n | summarize sum(n), max(n), count()",
        """select sum(n), max(n), count(*) from (select "RemoteIP", count(*) as n from n join p on n."DeviceId" = p."DeviceId"
           and n."InitiatingProcessId" = p."ProcessId" where "RemotePort" < 20000 and lower(p."FileName") = 'powershell.exe'
           group by 1 order by n desc limit 20) t""", None),
    "make_set": (
        "DeviceProcessEvents | summarize files = make_set(FileName), n = count() by AccountName"
        " | where array_length(files) > 10 | summarize count(), sum(n)",
        """select count(*), sum(n) from (select "AccountName", list_distinct(list("FileName")) as f, count(*) as n from p group by 1) t where len(f) > 10""",
        """select count(*), sum(n) from (select "AccountName", groupUniqArray("FileName") as f, count(*) as n from p group by 1) t where length(f) > 10"""),
    "mv_expand": (
        'DeviceProcessEvents | where FileName == "cmd.exe" | mv-expand tag = parse_json(AdditionalFields).Tags to typeof(string)'
        " | summarize n = count() by tag | order by tag asc",
        """select tag, count(*) as n from (select unnest(json_extract_string("AdditionalFields", '$.Tags[*]')) as tag from p
           where "FileName" = 'cmd.exe') t group by 1 order by 1""",
        """select tag, count(*) as n from (select arrayJoin(JSONExtract(assumeNotNull("AdditionalFields"), 'Tags', 'Array(String)')) as tag from p
           where "FileName" = 'cmd.exe') t group by 1 order by 1"""),
    "time_series": (
        "DeviceProcessEvents | summarize n = count() by bin(Timestamp, 10m), FileName | summarize count(), sum(n), max(n)",
        """select count(*), sum(n), max(n) from (select time_bucket(interval 10 minutes, "Timestamp") as t, "FileName", count(*) as n from p group by 1, 2) t""",
        """select count(*), sum(n), max(n) from (select toStartOfTenMinutes("Timestamp") as t, "FileName", count(*) as n from p group by 1, 2) t"""),
    "rare_anti_join": (
        "let seen = DeviceProcessEvents | where Timestamp < datetime(SPLIT) | distinct SHA256;"
        " DeviceProcessEvents | where Timestamp >= datetime(SPLIT) | join kind=leftanti seen on SHA256"
        " | summarize n = count() by FileName | order by n desc, FileName asc",
        """select "FileName", count(*) as n from p where "Timestamp" >= timestamp 'SPLIT' and "SHA256" not in
           (select "SHA256" from p where "Timestamp" < timestamp 'SPLIT') group by 1 order by n desc, 1""",
        """select "FileName", count(*) as n from p where "Timestamp" >= toDateTime64('SPLIT', 6, 'UTC') and "SHA256" not in
           (select "SHA256" from p where "Timestamp" < toDateTime64('SPLIT', 6, 'UTC')) group by 1 order by n desc, 1"""),
    "rare_files": (
        "DeviceProcessEvents | summarize devices = dcount(DeviceId), n = count() by SHA256 | where devices < 3 | summarize count(), sum(n)",
        """select count(*), sum(n) from (select "SHA256", count(distinct "DeviceId") as d, count(*) as n from p group by 1) t where d < 3""", None),
    "hidden_shell": (
        'DeviceProcessEvents | where FileName =~ "POWERSHELL.EXE" and ProcessCommandLine has "hidden" and FolderPath startswith @"c:\\windows"'
        " | summarize n = count() by DeviceName | order by n desc, DeviceName asc | take 10",
        """select "DeviceName", count(*) as n from p where lower("FileName") = 'powershell.exe' and regexp_matches("ProcessCommandLine", '\\bhidden\\b', 'i')
           and starts_with(lower("FolderPath"), 'c:\\windows') group by 1 order by n desc, 1 limit 10""",
        """select "DeviceName", count(*) as n from p where lower("FileName") = 'powershell.exe' and hasTokenCaseInsensitive("ProcessCommandLine", 'hidden')
           and startsWith(lower("FolderPath"), 'c:\\\\windows') group by 1 order by n desc, 1 limit 10"""),
    "extract": (
        "DeviceProcessEvents | extend host = extract(@\"https?://([^/'\\s]+)\", 1, ProcessCommandLine) | where isnotempty(host)"
        " | summarize n = count() by host | summarize count(), sum(n), max(n)",
        """select count(*), sum(n), max(n) from (select regexp_extract("ProcessCommandLine", 'https?://([^/''\\s]+)', 1) as host, count(*) as n
           from p where host <> '' group by 1) t""",
        """select count(*), sum(n), max(n) from (select extract("ProcessCommandLine", 'https?://([^/\\'\\\\s]+)') as host, count(*) as n
           from p where host <> '' group by 1) t"""),
    "distinct": (
        "DeviceProcessEvents | distinct DeviceName, AccountName | count",
        """select count(*) from (select distinct "DeviceName", "AccountName" from p) t""", None),
    "union": (
        "union DeviceProcessEvents, DeviceNetworkEvents | summarize n = count() by DeviceId | order by n desc, DeviceId asc | take 10",
        """select "DeviceId", count(*) as n from (select "DeviceId" from p union all select "DeviceId" from n) t group by 1 order by n desc, 1 limit 10""", None),
    "latest": (
        'DeviceProcessEvents | where FileName == "certutil.exe" | top 100 by Timestamp | summarize count(), max(ReportId)',
        """select count(*), max("ReportId") from (select * from p where "FileName" = 'certutil.exe' order by "Timestamp" desc limit 100) t""", None),
    "statistics": (
        "DeviceProcessEvents | summarize count(), min(ProcessId), max(ProcessId), s = sum(ProcessId) by FileName | order by FileName asc",
        """select "FileName", count(*), min("ProcessId"), max("ProcessId"), sum("ProcessId") from p group by 1 order by 1""", None),
}


def with_fields(generator):
    """The generator's rows with JSON in AdditionalFields."""
    plain = generator.chunk

    def chunk(rng, n, *rest):
        table = plain(rng, n, *rest)
        pick = lambda values: pyarrow.array(values).take(pyarrow.array(rng.integers(0, len(values), n)))
        text = pyarrow.scalar
        fields = pyarrow.compute.binary_join_element_wise(
            text('{"Integrity":{"Level":"'), pick(["High", "Medium", "Low", "System"]),
            text('","Elevated":true},"Session":'), pyarrow.array(rng.integers(0, 9, n)).cast(pyarrow.string()),
            text(',"Origin":{"Zone":"'), pick(["Internet", "Intranet", "Local", "Trusted"]),
            text('","Url":"https://files.example.org/a"},"Tags":["'), pick(["signed", "unsigned"]), text('","'),
            pick(["lolbin", "script", "office", "none"]), text('"]}'), text(""))
        return table.append_column("AdditionalFields", fields)

    generator.chunk = chunk
    return generator


class Bartizan:
    def __init__(self, server, question):
        self.server, self.question, self.connection = server, question, server.connect()

    def cpu(self):
        return self.server.cpu_seconds()

    def ask(self, query):
        _, rows = lake.ask(self.connection, self.server, query)
        return [list(row.values()) for row in rows]


class DuckDb:
    def __init__(self, tables, threads):
        import duckdb
        self.version = duckdb.__version__
        self.engine = duckdb.connect()
        self.engine.execute(f"set threads={threads}")
        for name, folder in tables.items():
            self.engine.execute(f"create view {name} as select * from read_parquet('{folder}/*.parquet')")

    def cpu(self):
        return sum(os.times()[:2])

    def ask(self, query):
        return [list(row.values()) for row in self.engine.sql(query).to_arrow_table().to_pylist()]


class ChDb:
    def __init__(self, tables, threads):
        import chdb
        from chdb import session
        self.version = str(chdb.__version__)
        self.engine = session.Session()
        self.engine.query(f"set max_threads={threads}")
        for name, folder in tables.items():
            self.engine.query(f"create view {name} as select * from file('{folder}/*.parquet', Parquet)")

    def cpu(self):
        return sum(os.times()[:2])

    def ask(self, query):
        answer = self.engine.query(query, "JSONCompactEachRow")
        return [json.loads(line) for line in str(answer).splitlines() if line]


def live_files(root):
    """The files of a table's last version: its folder also has those that were merged lately."""
    live = set()
    for path in sorted(glob.glob(os.path.join(root, "_delta_log", "*.json"))):
        with open(path) as lines:
            for action in map(json.loads, lines):
                if "add" in action:
                    live.add(action["add"]["path"])
                if "remove" in action:
                    live.discard(action["remove"]["path"])
    return [os.path.join(root, urllib.parse.unquote(path)) for path in sorted(live)]


def peers_folders(folder, into):
    """Folders with links to the files of processes and of connections, for engines that want one pattern."""
    tables = {}
    for name, table in (("p", "DeviceProcessEvents"), ("n", "DeviceNetworkEvents")):
        [root] = glob.glob(os.path.join(folder, "data", "lake", "*", table))
        tables[name] = os.path.join(into, name)
        os.makedirs(tables[name])
        for number, path in enumerate(live_files(root)):
            os.symlink(path, os.path.join(tables[name], f"{number:05}.parquet"))
    return tables


def same(name, left, right):
    """Whether two answers are one; of what peers estimate DuckDB is wrong by 8% at times."""
    if len(left) != len(right):
        return False
    tolerance = 0.15 if name == "dcount_by_hour" else 1e-9
    for ours, theirs in zip(left, right):
        for a, b in zip(ours, theirs):
            if isinstance(a, str) or isinstance(b, str):
                a_text, b_text = str(a), str(b)
                if a_text != b_text and not (a_text.isdigit() and b_text.isdigit() and int(a_text) == int(b_text)):
                    return False
            elif not math.isclose(float(a or 0), float(b or 0), rel_tol=tolerance, abs_tol=1e-9):
                return False
    return True


def measure(engines, runs, only, split, log):
    result = {}
    for name, (kql, duck, ch) in QUESTIONS.items():
        if only and name not in only:
            continue
        texts = {"bartizan": kql, "duckdb": duck, "chdb": ch or duck}
        texts = {engine: text.replace("SPLIT", split) for engine, text in texts.items()}
        answers, times = {}, {engine: ([], []) for engine in engines}
        for run in range(runs + 1):
            for engine, peer in engines.items():
                before, begun = peer.cpu(), time.perf_counter()
                answers[engine] = peer.ask(texts[engine])
                took, cpu = time.perf_counter() - begun, peer.cpu() - before
                # The first run warms the caches of all.
                if run:
                    times[engine][0].append(took)
                    times[engine][1].append(cpu)
        for engine in engines:
            if not same(name, answers["bartizan"], answers[engine]):
                raise SystemExit(f"{name}: {engine} answers {answers[engine][:3]}, not {answers['bartizan'][:3]}")
        result[name] = {engine: {"ms": round(statistics.median(wall) * 1000, 1), "cpu_ms": round(statistics.median(cpu) * 1000)}
                        for engine, (wall, cpu) in times.items()}
        peers = [engine for engine in engines if engine != "bartizan"]
        if peers:
            # Of the same moment: other work on the machine slows all of a round down.
            ratios = [times["bartizan"][0][run] / min(times[peer][0][run] for peer in peers) for run in range(runs)]
            result[name]["ratio"] = round(statistics.median(ratios), 3)
            cpu = min(result[name][peer]["cpu_ms"] for peer in peers)
            result[name]["cpu_ratio"] = round(result[name]["bartizan"]["cpu_ms"] / max(cpu, 1), 3)
        log(f"{name}: {json.dumps(result[name])}")
    return result


def wait_until_idle(server, log, seconds=600):
    """What the server does behind a start, such as reading all events for profiles, is not part of a question."""
    until = time.time() + seconds
    while time.time() < until:
        before = server.cpu_seconds()
        time.sleep(3)
        if server.cpu_seconds() - before < 0.1:
            return
    log("the server did not become idle")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bartizan", required=True)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", type=float, default=100, help="seconds without a new file that count as settled")
    parser.add_argument("--engines", default="bartizan,duckdb,chdb")
    parser.add_argument("--only")
    parser.add_argument("--folder")
    parser.add_argument("--lake")
    parser.add_argument("--out")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    log = lambda text: print(text, file=sys.stderr, flush=True)
    folder = arguments.lake or tempfile.mkdtemp(prefix="bartizan-hunting-", dir=arguments.folder)
    server = Server(arguments.bartizan, folder)
    links = tempfile.TemporaryDirectory()
    try:
        if not arguments.lake:
            generator = with_fields(lake.load(arguments.generator))
            log(json.dumps(lake.fill(server, generator, 0, arguments.rows, DAYS, arguments.seed, log)))
            log(f"{lake.settle(server, log, arguments.quiet)} files")
            # Started anew, it has no rows outside of files.
            server.stop()
            server = Server(arguments.bartizan, folder)
        ours = Bartizan(server, None)
        bounds = ours.ask("DeviceProcessEvents | summarize a = min(Timestamp), b = max(Timestamp), n = count() | project tostring(bin(a + (b - a) * 0.9, 1s)), n")[0]
        split, rows = bounds[0].replace("T", " ")[:19], bounds[1]
        tables = peers_folders(folder, links.name)
        makers = {"bartizan": lambda: ours, "duckdb": lambda: DuckDb(tables, arguments.threads), "chdb": lambda: ChDb(tables, arguments.threads)}
        engines = {name: makers[name]() for name in arguments.engines.split(",")}
        only = arguments.only and arguments.only.split(",")
        wait_until_idle(server, log)
        measured = measure(engines, arguments.runs, only, split, log)
    finally:
        server.stop()
        if not arguments.lake and not arguments.keep:
            shutil.rmtree(folder)
        else:
            log(f"kept {folder}")
    ratios = [of["ratio"] for of in measured.values() if "ratio" in of]
    versions = {name: engine.version for name, engine in engines.items() if name != "bartizan"}
    result = {"rows_of_processes": rows, "versions": versions, "questions": measured}
    if ratios:
        result["geometric_mean_of_ratios"] = round(statistics.geometric_mean(ratios), 3)
        result["greatest_ratio"] = max(ratios)
        result["geometric_mean_of_cpu_ratios"] = round(statistics.geometric_mean(
            max(of["cpu_ratio"], 0.001) for of in measured.values()), 3)
    finish(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
