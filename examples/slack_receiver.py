"""A small server that takes webhooks in the form of Slack, where there is no Slack: prints each text.

A webhook with `"format": "slack"` and the address of an incoming webhook of Slack needs no program of one's own. The
arguments are the port and, where messages are to be checked, a file with the webhook's secret.
"""
import base64
import hashlib
import hmac
import http.server
import json
import sys
import time


def is_good(secret, headers, body):
    """Whether the message was signed with the secret of the webhook, and lately."""
    if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    tag = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(given, f"v1,{tag}") for given in headers["webhook-signature"].split())


def serve(port, secret_file, take):
    """Hands each message that is good, and was not there before, to `take`."""
    seen = set()

    class Hook(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            secret = open(secret_file, encoding="utf-8").read().strip() if secret_file else None
            status = 204 if secret is None or is_good(secret, self.headers, body) else 400
            if status == 204 and self.headers["webhook-id"] not in seen:
                seen.add(self.headers["webhook-id"])
                take(json.loads(body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", port), Hook).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None, lambda message: print(message["text"], flush=True))
