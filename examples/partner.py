"""A partner's app in many tenants: one app, a token for each tenant, the same calls; the tenant of the token says whose data
it is.

The arguments are ids of tenants whose administrators let the app in (`bartizan partner-app add`); without any it is the
tenant of the connection file.
"""
import base64
import json
import sys
import urllib.parse

from bartizan_api import Api


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def main():
    home = Api()
    for tenant in sys.argv[1:] or [home.of["tenant_id"]]:
        customer = Api()
        url = f"{home.of['base_url']}/{tenant}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials", "client_id": home.of["client_id"],
            "client_secret": home.of["client_secret"], "scope": home.of["base_url"] + "/.default",
        }
        customer.token = json.loads(customer.open(url, urllib.parse.urlencode(form).encode()))["access_token"]
        if claims(customer.token)["tid"] != tenant:
            raise SystemExit(f"the token is not of {tenant}")
        alerts = customer.call("GET", "/api/alerts?$top=1&$count=true")
        foreign = [alert["id"] for alert in alerts["value"] if alert["aadTenantId"] != tenant]
        if foreign:
            raise SystemExit(f"{foreign} are of another tenant")
        print(f"{tenant}: {alerts['@odata.count']} alerts")


if __name__ == "__main__":
    main()
