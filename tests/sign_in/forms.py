"""A browser without a screen: it reads forms from pages and sends them."""

import html.parser
from urllib.parse import urljoin

import requests


class Forms(html.parser.HTMLParser):
    """The forms of a page: where they are sent to, and what is in them."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, pairs):
        pairs = dict(pairs)
        if tag == "form":
            self.forms.append({"action": pairs["action"], "method": pairs.get("method", "get"), "fields": {}})
        elif tag in ("input", "button") and "name" in pairs and self.forms and pairs.get("type") != "checkbox":
            if tag == "input":
                self.forms[-1]["fields"][pairs["name"]] = pairs.get("value", "")

    def handle_data(self, data):
        self.text.append(data)


class Browser:
    def __init__(self, base):
        self.base, self.session = base, requests.Session()

    def open(self, url):
        return self._follow("get", url, {})

    def _follow(self, method, url, fields):
        """Goes where it is led, and answers with a page, or with an address that is not of the server."""
        for _ in range(10):
            options = {"params": fields} if method == "get" else {"data": fields}
            answer = self.session.request(method, url, allow_redirects=False, timeout=30, **(options if fields else {}))
            if answer.status_code in (302, 303):
                url, method, fields = urljoin(url, answer.headers["location"]), "get", {}
                if not url.startswith(self.base):
                    return url
                continue
            self.url, self.page, self.status = url, answer.text, answer.status_code
            return None
        raise AssertionError("too many redirects")

    def submit(self, **fields):
        """Sends the first form of the page."""
        form = Forms(self.page).forms[0]
        return self._follow(form["method"], urljoin(self.url, form["action"]), {**form["fields"], **fields})
