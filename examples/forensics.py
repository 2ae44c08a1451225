"""Collects an investigation package from a machine (its id or name is the argument) and lists what is in it."""
import io
import sys
import zipfile

from bartizan_api import Api


def main():
    api = Api()
    name = sys.argv[1] if len(sys.argv) > 1 else api.call("GET", "/api/machines?$top=1")["value"][0]["id"]
    machine = api.call("GET", "/api/machines/" + name)
    path = f"/api/machines/{machine['id']}/collectInvestigationPackage"
    action = api.wait(api.call("POST", path, {"Comment": "forensics"}))
    if action["status"] != "Succeeded":
        raise SystemExit(f"{action['status']}: {action['troubleshootInfo']}")
    link = api.call("GET", f"/api/machineactions/{action['id']}/GetPackageUri")["value"]
    with zipfile.ZipFile(io.BytesIO(api.download(link))) as package:
        for entry in package.infolist():
            print(f"{entry.file_size:>10}  {entry.filename}")


if __name__ == "__main__":
    main()
