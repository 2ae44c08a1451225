"""What the test of object stores needs besides a server.

usage: object_stores.py rows FIRST COUNT                        lines of DeviceProcessEvents with numbers from FIRST on
       object_stores.py container ENDPOINT ACCOUNT KEY NAME     makes a container of Azure Blob Storage
       object_stores.py delta URL OPTIONS                       counts the rows of a published table
"""

import base64
import datetime
import hashlib
import hmac
import json
import random
import sys
import urllib.parse
import urllib.request


def rows(first, count):
    for number in range(first, first + count):
        words = random.Random(number)
        print(json.dumps({
            "Timestamp": f"2026-05-06T10:{number // 60 % 60:02}:{number % 60:02}Z",
            "DeviceId": f"{number % 7 + 1:040x}",
            "DeviceName": f"pc{number % 7}.example",
            "ActionType": "ProcessCreated",
            "FileName": f"tool{number}.exe",
            "ProcessCommandLine": " ".join(f"{words.getrandbits(48):x}" for _ in range(8)),
            "SHA256": f"{words.getrandbits(256):064x}",
            "ReportId": number,
        }))


def container(endpoint, account, key, name):
    """One request, signed with the key of the account."""
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
    path = urllib.parse.urlparse(endpoint).path.rstrip("/")
    resource = f"/{account}{path}/{name}\nrestype:container"
    canonical = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    signed = "PUT" + "\n" * 12 + canonical + resource
    signature = hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {account}:{base64.b64encode(signature).decode()}"
    headers["Content-Length"] = "0"
    request = urllib.request.Request(f"{endpoint}/{name}?restype=container", b"", headers, method="PUT")
    del request.headers["Content-length"]
    request.add_header("Content-Type", "")
    urllib.request.urlopen(request).close()


def delta(url, options):
    import deltalake

    table = deltalake.DeltaTable(url, storage_options=json.loads(options))
    reader = deltalake.QueryBuilder().register("t", table)
    import arro3.core

    counted = arro3.core.Table(reader.execute('select count(*) as n, count(distinct "ReportId") as d from t'))
    print(*(counted[name][0].as_py() for name in ("n", "d")))


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "rows":
        rows(int(arguments[0]), int(arguments[1]))
    elif command == "container":
        container(*arguments)
    elif command == "delta":
        delta(*arguments)
    else:
        sys.exit(__doc__)
