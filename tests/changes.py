"""Makes changes, and runs consumers of them that are killed at random: see changes.sh."""
import argparse
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import multiprocessing
import os
import random
import signal
import ssl
import sys
import threading
import time
import urllib.parse

BATCH = 200
# So often at least a consumer is killed before it has seen all.
KILLS_MIN = 3


class Api:
    def __init__(self, arguments):
        self.at = urllib.parse.urlsplit(arguments.base)
        self.tls = ssl.create_default_context(cafile=arguments.ca)
        self.token = open(arguments.token).read().strip()

    def open(self, method, path, body=None, headers={}, timeout=30):
        connection = http.client.HTTPSConnection(self.at.hostname, self.at.port, context=self.tls, timeout=timeout)
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json", **headers}
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def call(self, method, path, body=None):
        """Until the server is there."""
        for _ in range(600):
            try:
                answer = self.open(method, path, json.dumps(body) if body is not None else None)
                text = answer.read()
                if answer.status < 500:
                    assert answer.status < 300, (method, path, answer.status, text[:300])
                    return json.loads(text) if text else None
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.1)
        raise SystemExit(f"{method} {path}: no answer")


def append(file, line):
    file.write(line + "\n")
    file.flush()


def whole_lines(path):
    """The lines of a file, but for a last one that was being written when its writer was killed."""
    text = open(path).read() if os.path.exists(path) else ""
    return text[: text.rfind("\n") + 1].splitlines()


def cut(path):
    """Takes the unfinished line away."""
    lines = whole_lines(path)
    with open(path, "w") as file:
        file.write("".join(line + "\n" for line in lines))
    return lines


def follow_stream(arguments, path):
    """A consumer of the stream: goes on behind the last id that it noted."""
    api, lines = Api(arguments), cut(path)
    last = lines[-1].split()[0] if lines else "0"
    with open(path, "a") as seen:
        while True:
            try:
                answer = api.open("GET", "/api/changes/stream?kind=indicator", headers={"Last-Event-ID": last}, timeout=20)
                if answer.status != 200:
                    raise OSError(answer.status)
                event = {}
                while line := answer.readline().decode():
                    name, _, value = line.rstrip("\n").partition(": ")
                    if line == "\n" and "data" in event:
                        data = json.loads(event["data"])
                        assert str(data["sequence"]) == event["id"], event
                        append(seen, f"{event['id']} {data['id']}")
                        last, event = event["id"], {}
                    elif name:
                        event[name] = value
            except (OSError, http.client.HTTPException):
                time.sleep(0.2)


def receive(arguments, path):
    """A consumer of the webhook: notes what it took before it answers."""
    secret = base64.b64decode(open(arguments.secret).read().strip().removeprefix("whsec_"))
    cut(path)
    seen = open(path, "a")

    class Hook(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            id, at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
            tag = base64.b64encode(hmac.new(secret, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
            good = any(hmac.compare_digest(given, f"v1,{tag}") for given in self.headers["webhook-signature"].split())
            if good:
                data = json.loads(body)["data"]
                append(seen, f"{data['sequence']} {data['id']} {id}")
            self.send_response(204 if good else 400)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        allow_reuse_address = True

    Server(("127.0.0.1", arguments.receiver), Hook).serve_forever()


def forked(run, *of):
    """Runs in a process of its own that ends with this one, however this one ends."""
    parent = os.getpid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    def watched():
        threading.Thread(target=watch, daemon=True).start()
        run(*of)

    process = multiprocessing.get_context("fork").Process(target=watched, daemon=True)
    process.start()
    return process


def killed_again_and_again(run, arguments, path, dice):
    """Runs a consumer in a process of its own that is killed from time to time; a step at a time."""
    process, dies = None, 0
    while True:
        if process is None or not process.is_alive():
            process = forked(run, arguments, path)
            dies = time.time() + dice.uniform(0.3, arguments.life)
        if time.time() > dies:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            killed[path] = killed.get(path, 0) + 1
        yield process


def change(api, number):
    """Some hundreds of changes by one call."""
    submissions = [
        {"indicatorValue": f"d{at}.example", "indicatorType": "DomainName", "action": "Alert", "title": f"at {number}", "description": "d"}
        for at in range(BATCH)
    ]
    # One that was cut off by the death of the server is sent again: then there are more changes.
    answer = api.call("POST", "/api/indicators/import", {"Indicators": submissions})
    assert all(not item["isFailed"] for item in answer["value"]), answer


def truth(api):
    """The feed, as it is listed."""
    since, feed = 0, []
    while True:
        page = api.call("GET", f"/api/changes?kind=indicator&since={since}&top=1000")
        feed += [(change["sequence"], change["id"]) for change in page["value"]]
        since = page["since"]
        if "@odata.nextLink" not in page:
            return feed


killed = {}


def main():
    parser = argparse.ArgumentParser()
    for name in ("base", "ca", "token", "secret", "folder"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("receiver", "changes"):
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args()
    arguments.life = 1.5 if arguments.changes < 20_000 else 20
    dice = random.Random(arguments.changes)
    api = Api(arguments)
    paths = {name: os.path.join(arguments.folder, f"seen-{name}") for name in ("stream", "webhook")}
    consumers = [
        killed_again_and_again(follow_stream, arguments, paths["stream"], dice),
        killed_again_and_again(receive, arguments, paths["webhook"], dice),
    ]
    maker = forked(make, arguments)
    deadline = time.time() + 120 + arguments.changes / 20
    feed = None
    while True:
        processes = [next(consumer) for consumer in consumers]
        time.sleep(0.1)
        if maker.is_alive():
            continue
        assert maker.exitcode == 0, "the changes could not be made"
        feed = feed or truth(api)
        last = [lines[-1].split()[0] if (lines := whole_lines(path)) else "0" for path in paths.values()]
        if all(int(sequence) >= feed[-1][0] for sequence in last):
            break
        assert time.time() < deadline, f"{last} of {feed[-1][0]}"
    [process.kill() for process in processes]
    assert len(feed) >= arguments.changes, len(feed)
    for name, path in paths.items():
        lines = [line.split() for line in whole_lines(path)]
        first, ids = {}, {}
        for sequence, id, *message in lines:
            first.setdefault(int(sequence), id)
            # What comes again comes under the same id.
            assert ids.setdefault(int(sequence), message) == message, (sequence, message)
        order = list(first)
        assert order == sorted(order), f"{name}: not in order"
        # An indicator is what it is when the message is made; which one changed is told by every change.
        missing = [change for change in feed if first.get(change[0]) != change[1]]
        assert not missing, f"{name}: {len(missing)} changes are missing, such as {missing[0]}"
        assert len(first) == len(feed), f"{name}: {len(first) - len(feed)} changes too many"
        assert killed.get(path, 0) >= KILLS_MIN, f"{name}: killed {killed.get(path, 0)} times only"
        print(f"  {name}: {len(feed)} changes in order, {len(lines) - len(feed)} repeats, killed {killed.get(path, 0)} times")


def make(arguments):
    api = Api(arguments)
    for number in range((arguments.changes + BATCH - 1) // BATCH):
        change(api, number)
        with open(os.path.join(arguments.folder, "sent.new"), "w") as sent:
            sent.write(str((number + 1) * BATCH))
        os.rename(os.path.join(arguments.folder, "sent.new"), os.path.join(arguments.folder, "sent"))
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
