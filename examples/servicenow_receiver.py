"""A table of incidents as a table API of ServiceNow has it, to try the webhook format `serviceNow`: one ticket for each
alert, whatever comes twice.

In ServiceNow itself a scripted REST resource or an import set with a transform map that coalesces on `correlation_id` does
the same. The arguments are the port, a file with the webhook's secret, and the file that the table is written to.
"""
import json
import os
import sys

from slack_receiver import serve

table = {}


def take(row):
    ticket = table.setdefault(row["correlation_id"], {"number": f"INC{len(table) + 1:07d}"})
    ticket.update(row)
    path = sys.argv[3]
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(list(table.values()), file, indent=1)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2], take)
