"""Tickets by polling, where no webhook can come in: a ticket for each alert that changed, and what people do with a ticket
told to its alert.

The ticket's own change brings the alert back in the next round: what the ticket system said is known by the time of the
answer, so that it is no news.
"""
import datetime
import json

from bartizan_api import Api, quoted

ROUNDS = 2


def changed(api, since):
    path = "/api/alerts?$expand=evidence&$orderby=lastUpdateTime&$filter=" + quoted(f"lastUpdateTime gt {since}")
    while path:
        page = api.call("GET", path)
        yield from page["value"]
        path = page.get("@odata.nextLink", "").removeprefix(api.of["base_url"])


def main():
    api, tickets, said = Api(), {}, {}
    since = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for number in range(ROUNDS):
        news = 0
        for alert in changed(api, since):
            since = max(since, alert["lastUpdateTime"])
            if said.get(alert["id"]) == alert["lastUpdateTime"]:
                continue
            news += 1
            files = {item["fileName"] for item in alert["evidence"] if item["fileName"]}
            tickets[alert["id"]] = {"title": alert["title"], "state": alert["status"], "about": sorted(files)}
        print(f"round {number + 1}: {news} alerts changed, {len(tickets)} tickets")
        if number == 0 and tickets:
            # Somebody works on a ticket.
            alert = next(iter(tickets))
            change = {
                "status": "Resolved", "assignedTo": "desk@contoso.example", "classification": "TruePositive",
                "determination": "SecurityTesting", "comment": "ticket 1 is closed",
            }
            answer = api.call("PATCH", "/api/alerts/" + alert, change)
            said[alert] = answer["lastUpdateTime"]
            tickets[alert]["state"] = answer["status"]
            if not answer["resolvedTime"] or answer["comments"][-1]["comment"] != change["comment"]:
                raise SystemExit(f"the alert is not as the ticket says: {json.dumps(answer)}")
            print(f"{alert} is {answer['status']}, assigned to {answer['assignedTo']}")


if __name__ == "__main__":
    main()
