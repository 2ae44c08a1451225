"""The least of a client: a token, requests, and waiting for an action. Python's own library only.

Reads the file that `bartizan quickstart` writes: its path is the variable BARTIZAN, or bartizan-data/quickstart.json.
"""
import json
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request


class Api:
    def __init__(self, path=None):
        path = path or os.environ.get("BARTIZAN", "bartizan-data/quickstart.json")
        with open(path, encoding="utf-8") as file:
            self.of = json.load(file)
        self.tls = ssl.create_default_context(cafile=self.of["ca_file"] or None)
        form = {
            "grant_type": "client_credentials",
            "client_id": self.of["client_id"],
            "client_secret": self.of["client_secret"],
            "scope": self.of["base_url"] + "/.default",
        }
        url = self.of["authority"] + "/oauth2/v2.0/token"
        self.token = json.loads(self.open(url, urllib.parse.urlencode(form).encode()))["access_token"]

    def open(self, url, body=None, method=None, headers=None):
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        with urllib.request.urlopen(request, context=self.tls) as reply:
            return reply.read()

    def call(self, method, path, body=None):
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            text = self.open(self.of["base_url"] + path, data, method, headers)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if text else None

    def download(self, link):
        """A link needs no token."""
        return self.open(link)

    def wait(self, action, seconds=120):
        """Polls an action until it is over."""
        end = time.monotonic() + seconds
        while True:
            action = self.call("GET", "/api/machineactions/" + action["id"])
            if action["status"] not in ("Pending", "InProgress"):
                return action
            if time.monotonic() > end:
                raise SystemExit(f"{action['type']} is still {action['status']}")
            time.sleep(0.5)


def quoted(filter_text):
    return urllib.parse.quote(filter_text)
