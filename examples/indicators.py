"""Indicators both ways: addresses that a firewall saw become indicators, and a list of indicators becomes one that a
firewall fetches without a token. What alerts name as addresses and URLs is written as a list, too.
"""
import datetime

from bartizan_api import Api

SEEN_BY_FIREWALL = ["198.51.100.7", "198.51.100.8", "bad.fabrikam.example"]


def indicator(value):
    is_address = value.replace(".", "").isdigit()
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    return {
        "indicatorValue": value,
        "indicatorType": "IpAddress" if is_address else "DomainName",
        "action": "Block",
        "title": "seen by the firewall",
        "description": "sent by examples/indicators.py",
        "expirationTime": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def main():
    api = Api()
    submit = lambda: api.call("POST", "/api/indicators/import", {"Indicators": [indicator(value) for value in SEEN_BY_FIREWALL]})["value"]
    first, again = submit(), submit()
    if [item["id"] for item in first] != [item["id"] for item in again] or any(item["isFailed"] for item in again):
        raise SystemExit(f"sending them again made others: {again}")
    print(f"{len(first)} indicators, the same when sent again")

    made = api.call("POST", "/api/indicatorlists", {"name": "firewall", "filter": "action eq 'Block' and indicatorType eq 'IpAddress'"})
    listed = api.download(made["url"]).decode().split()
    if not {"198.51.100.7", "198.51.100.8"} <= set(listed):
        raise SystemExit(f"the list has {listed}")
    print(f"{len(listed)} addresses at an address that needs no token")

    alerts = api.call("GET", "/api/alerts?$expand=evidence&$top=50")["value"]
    places = {item["ipAddress"] or item["url"] for alert in alerts for item in alert["evidence"] if item["entityType"] in ("Ip", "Url")}
    print(f"{len(places)} places in the evidence of {len(alerts)} alerts")

    bundle = api.call("GET", "/api/indicators/stix")
    patterns = [item["pattern"] for item in bundle["objects"]]
    if "[ipv4-addr:value = '198.51.100.7']" not in patterns:
        raise SystemExit(f"the bundle has {patterns}")
    print(f"{len(patterns)} indicators as STIX")

    api.call("DELETE", "/api/indicatorlists/" + made["id"])
    api.call("POST", "/api/indicators/BatchDelete", {"IndicatorIds": [item["id"] for item in first]})


if __name__ == "__main__":
    main()
