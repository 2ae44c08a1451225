"""Isolates the machine of each new alert of high severity, once, and says so in the alert's comments.

Asking again is no harm: the key of a request is the alert's id, and an isolation that is open already is not an error.
With --release the machines are released again at the end, as a demonstration does.
"""
import json
import sys
import urllib.error
import urllib.request

from bartizan_api import Api, quoted


def isolate(api, alert):
    """The action, or none when the machine cannot take it."""
    url = f"{api.of['base_url']}/api/machines/{alert['machineId']}/isolate"
    body = {"Comment": f"alert {alert['id']}: {alert['title']}", "IsolationType": "Full", "ExternalId": alert["id"]}
    headers = {
        "Authorization": "Bearer " + api.token,
        "Content-Type": "application/json",
        "Idempotency-Key": "isolate-" + alert["id"],
    }
    try:
        return json.loads(api.open(url, json.dumps(body).encode(), "POST", headers))
    except urllib.error.HTTPError as error:
        code = json.loads(error.read())["error"]["code"]
        print(f"{alert['computerDnsName']}: {code}")
        return None


def main():
    api = Api()
    path = "/api/alerts?$filter=" + quoted("severity eq 'High' and status eq 'New'") + "&$top=20"
    isolated = {}
    for alert in api.call("GET", path)["value"]:
        if alert["machineId"] in isolated:
            continue
        action = isolate(api, alert)
        if action is None:
            continue
        action = api.wait(action)
        print(f"{alert['computerDnsName']}: {action['type']} {action['status']}")
        isolated[alert["machineId"]] = action["status"]
        change = {"status": "InProgress", "comment": f"isolated by action {action['id']}: {action['status']}"}
        api.call("PATCH", "/api/alerts/" + alert["id"], change)
    if "--release" in sys.argv:
        for machine in isolated:
            action = api.call("POST", f"/api/machines/{machine}/unisolate", {"Comment": "the demonstration is over"})
            print(f"{action['computerDnsName']}: {action['type']} {api.wait(action)['status']}")
    if any(status != "Succeeded" for status in isolated.values()):
        raise SystemExit("not every machine was isolated")


if __name__ == "__main__":
    main()
