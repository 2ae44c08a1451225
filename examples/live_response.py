"""Puts a script into the library, runs it on a machine (its id or name is the argument) and prints what it said."""
import gzip
import json
import sys
import uuid

from bartizan_api import Api

SCRIPT = "# Simulated devices know these commands.\ninfo\necho looking for $1\nstarted $1\nconnections\n"


def put(api, name, content):
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{content}\r\n',
        f'--{boundary}\r\nContent-Disposition: form-data; name="OverrideIfExists"\r\n\r\ntrue\r\n',
        f"--{boundary}--\r\n",
    ]
    headers = {
        "Authorization": "Bearer " + api.token,
        "Content-Type": "multipart/form-data; boundary=" + boundary,
    }
    api.open(api.of["base_url"] + "/api/libraryfiles", "".join(parts).encode(), "POST", headers)


def main():
    api = Api()
    name = sys.argv[1] if len(sys.argv) > 1 else api.call("GET", "/api/machines?$top=1")["value"][0]["id"]
    machine = api.call("GET", "/api/machines/" + name)
    put(api, "look.txt", SCRIPT)
    params = [{"key": "ScriptName", "value": "look.txt"}, {"key": "Args", "value": "powershell"}]
    body = {"Comment": "triage", "Commands": [{"type": "RunScript", "params": params}]}
    action = api.wait(api.call("POST", f"/api/machines/{machine['id']}/runliveresponse", body))
    link = api.call("GET", f"/api/machineactions/{action['id']}/GetLiveResponseResultDownloadLink(index=0)")["value"]
    result = json.loads(gzip.decompress(api.download(link)))
    print(result["script_output"], end="")
    if action["status"] != "Succeeded":
        raise SystemExit(result["script_errors"])


if __name__ == "__main__":
    main()
