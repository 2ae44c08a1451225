"""What a SIEM does today: pulls what changed since the last time, page by page, and keeps its place in a file.

A change that comes while it reads comes in this round or in the next one; what comes twice has the same id and time.
"""
import datetime
import json
import os
import sys

from bartizan_api import Api, quoted


def main():
    api, place = Api(), sys.argv[1] if len(sys.argv) > 1 else "siem-place.json"
    known = json.load(open(place, encoding="utf-8")) if os.path.exists(place) else {}
    two_days_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    since = known.get("since", two_days_ago.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"))
    seen = set(known.get("seen", []))
    path = f"/api/alerts?$expand=evidence&$orderby=lastUpdateTime&$filter={quoted('lastUpdateTime ge ' + since)}"
    count = 0
    while path:
        page = api.call("GET", path)
        for alert in page["value"]:
            version = f"{alert['id']} {alert['lastUpdateTime']}"
            if version not in seen:
                count += 1
                print(json.dumps({"id": alert["id"], "time": alert["lastUpdateTime"], "status": alert["status"], "severity": alert["severity"]}))
            if alert["lastUpdateTime"] > since:
                since, seen = alert["lastUpdateTime"], set()
            if alert["lastUpdateTime"] == since:
                seen.add(version)
        path = page.get("@odata.nextLink", "").removeprefix(api.of["base_url"])
    with open(place + ".new", "w", encoding="utf-8") as file:
        json.dump({"since": since, "seen": sorted(seen)}, file)
    os.replace(place + ".new", place)
    print(f"{count} alerts, since {since}", file=sys.stderr)


if __name__ == "__main__":
    main()
