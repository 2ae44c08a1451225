"""Runs a hunting query, of the argument or of a file named by it, and writes its rows as CSV."""
import csv
import os
import sys

from bartizan_api import Api


def main():
    query = sys.argv[1] if len(sys.argv) > 1 else "DeviceRegistryEvents | limit 10"
    if os.path.exists(query):
        with open(query, encoding="utf-8") as file:
            query = file.read()
    answer = Api().call("POST", "/api/advancedqueries/run", {"Query": query})
    # The keys of every row are those of the schema, in its order.
    out = csv.DictWriter(sys.stdout, [column["Name"] for column in answer["Schema"]])
    out.writeheader()
    out.writerows(answer["Results"])


if __name__ == "__main__":
    main()
