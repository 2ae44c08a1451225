"""From the newest alerts to what their machines talked to: severe open alerts, then a hunting query by their machines.

The query has the names of tables and columns of 2019, which many scripts still have.
"""
from bartizan_api import Api


def main():
    api = Api()
    alerts = api.call("GET", "/api/alerts?$top=10")["value"]
    severe = [alert for alert in alerts if alert["severity"] in ("Medium", "High") and alert["status"] in ("New", "InProgress")]
    machines = sorted({alert["machineId"] for alert in severe})
    if not machines:
        raise SystemExit("no severe alert is open")
    listed = ", ".join(f'"{machine}"' for machine in machines)
    query = f"""
        NetworkCommunicationEvents
        | where MachineId in ({listed}) and isnotempty(RemoteUrl)
        | summarize ConnectionsCount = count() by MachineId, RemoteUrl
        | top 20 by ConnectionsCount
    """
    answer = api.call("POST", "/api/advancedqueries/run", {"Query": query})
    print(f"{len(severe)} severe alerts on {len(machines)} machines")
    for row in answer["Results"]:
        print(f"{row['ConnectionsCount']:>6}  {row['MachineId'][:8]}  {row['RemoteUrl']}")


if __name__ == "__main__":
    main()
