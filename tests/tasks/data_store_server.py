"""A server that speaks the EUMETSAT Data Store's API, as far as we use it, and misbehaves when told to."""

import hashlib
import io
import json
import socket
import struct
import threading
import time
import zipfile
from base64 import b64encode
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

KEY, SECRET = "key-0123456789", "secret-9876543210"
COLLECTION = "EO:EUM:DAT:TEST"
_OPTIONS = """<?xml version="1.0"?><OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/">
<Url type="application/json" template="x"><Parameter name="dtstart"/><Parameter name="dtend"/>
<Parameter name="set"/><Parameter name="pi"/><Parameter name="si"/></Url></OpenSearchDescription>"""


@dataclass
class StoredProduct:
    """One product: its files, and what is said about it."""

    id: str
    start: str  # "2024-06-01T12:00:00"
    entries: dict[str, bytes]
    quality: str | None = "NOMINAL"
    md5: str | None = ""  # "": the right one
    size_kb: float | None = 1.0
    updated: str = "2024-06-01T12:20:00.000Z"

    def zipped(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in self.entries.items():
                archive.writestr(zipfile.ZipInfo(name), content)
        return buffer.getvalue()


@dataclass
class DataStoreServer:
    """Products, and what to do wrong: ``faults[part of a path]`` is a list of faults, one per request.

    A fault is a status, a (status, headers, body), or one of ``reset``, ``short``, ``slow``, ``drip``, ``wrong`` and
    ``not json``.
    """

    products: list[StoredProduct] = field(default_factory=list)
    faults: dict[str, list] = field(default_factory=dict)
    expires_in: float = 3600.0
    requests: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    tokens: int = 0
    page_twice: bool = False
    ranges_supported: bool = True

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"store": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def asked(self, part):
        """How many requests had this in their path."""
        return sum(part in path for path in self.requests)

    def fault_of(self, path):
        for part, faults in self.faults.items():
            if part in path and faults:
                return faults.pop(0)
        return None


class _Handler(BaseHTTPRequestHandler):
    store: DataStoreServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Quiet."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        path = unquote(self.path)
        self.store.requests.append(path)
        fault = self.store.fault_of(path)
        if isinstance(fault, int):
            return self._send(fault, json.dumps({"title": "sorry", "description": "on purpose"}).encode())
        if isinstance(fault, tuple):
            return self._send(fault[0], fault[2], fault[1])
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)  # closing sends RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            return None
        if fault == "slow":
            time.sleep(1.5)
        if fault == "not json":
            return self._send(200, b"<html>maintenance</html>")
        return self._route(path, fault)

    def _route(self, path, fault):
        url = urlsplit(path)
        if url.path == "/token":
            return self._token()
        if self.headers.get("Authorization") != f"Bearer token-{self.store.tokens}":
            return self._send(401, b'{"title": "Unauthorised"}')
        if url.path.endswith("/osdd"):
            return self._send(200, _OPTIONS.encode())
        if url.path.endswith("/os"):
            return self._json(self._found(parse_qs(url.query)))
        name = url.path.split("/products/")[1].split("/")[0]
        product = next((p for p in self.store.products if p.id == name), None)
        if product is None:
            return self._send(404, b'{"title": "no such product"}')
        if "/browse/" in url.path:
            return self._json(_feature(product))
        if url.path.endswith("/metadata"):
            quality = {} if product.quality is None else {"qualityStatus": product.quality}
            return self._json({"properties": {"productInformation": {"qualityInformation": quality}}})
        whole = not url.path.endswith("/entry")
        entry = None if whole else parse_qs(url.query)["name"][0]
        return self._content(
            f"{product.id}.zip" if whole else entry,
            product.zipped() if whole else product.entries[entry],
            fault,
        )

    def _token(self):
        basic = b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {basic}":
            return self._send(
                401, json.dumps({"title": f"bad key {self.headers.get('Authorization')}"}).encode()
            )
        self.store.tokens += 1
        return self._json({"access_token": f"token-{self.store.tokens}", "expires_in": self.store.expires_in})

    def _found(self, query):
        first, last = query["dtstart"][0], query["dtend"][0]
        found = [p for p in self.store.products if first <= p.start < last]
        first_index = int(query["si"][0])
        page = found[first_index : first_index + int(query["c"][0])]
        return {
            "totalResults": len(found),
            "features": [_feature(p) for p in (page * 2 if self.store.page_twice else page)],
        }

    def _content(self, name, data, fault):
        start, status, headers = 0, 200, {"Content-Disposition": f'attachment; filename="{name}"'}
        wanted = self.headers.get("Range", "")
        self.store.ranges.append(wanted)
        if wanted and self.store.ranges_supported:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            if start >= len(data):
                return self._send(416, b"{}")
            status, headers["Content-Range"] = 206, f"bytes {start}-{len(data) - 1}/{len(data)}"
        body = data[start:]
        if fault == "wrong":
            body = bytes(byte ^ 1 for byte in body)
        headers["Content-Length"] = str(len(body))
        self._head(status, headers)
        if fault == "short":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif fault == "drip":
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.05)
        else:
            self.wfile.write(body)
        return None

    def _json(self, value):
        return self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status, body, headers=None):
        self._head(status, {**(headers or {}), "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _head(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _feature(product):
    md5 = hashlib.md5(product.zipped()).hexdigest() if product.md5 == "" else product.md5
    return {
        "id": product.id,
        "geometry": {},
        "properties": {
            "identifier": product.id,
            "parentIdentifier": COLLECTION,
            "date": f"{product.start}.000Z/{product.start}.000Z",
            "updated": product.updated,
            "acquisitionInformation": [],
            "productInformation": {} if product.size_kb is None else {"size": product.size_kb},
            "extraInformation": {} if md5 is None else {"md5": md5},
            "links": {"sip-entries": [{"title": name} for name in product.entries]},
        },
    }
