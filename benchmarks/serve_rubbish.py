"""Sends rubbish to every address of the server: no answer may be an error of the server, no file may appear.

    nice python benchmarks/serve_rubbish.py --each 10000

Requests go to the application itself, without a network; the server's own handling of broken HTTP, of uploads that stop
and of slow clients is tried through sockets, against ``serve_toys.py``.
"""

import argparse
import asyncio
import json
import random
import signal
import socket
import string
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import serve_load
from serve_toys import toy_models

from photopulse.web.app import make_app
from photopulse.web.settings import ServeSettings

ADDRESSES = [
    ("POST", "/api/v1/restore"),
    ("POST", "/api/v1/faces"),
    ("POST", "/api/v1/upscale"),
    ("POST", "/api/v1/verify"),
    ("GET", "/api/v1/jobs/{}"),
    ("GET", "/api/v1/jobs/{}/events"),
    ("GET", "/api/v1/jobs/{}/preview"),
    ("GET", "/api/v1/jobs/{}/input"),
    ("GET", "/api/v1/jobs/{}/mask"),
    ("GET", "/api/v1/jobs/{}/result"),
    ("GET", "/api/v1/jobs/{}/results/{}"),
    ("GET", "/api/v1/jobs/{}/results/{}/{}"),
    ("DELETE", "/api/v1/jobs/{}"),
    ("GET", "/api/v1/results.zip?job={}"),
    ("GET", "/{}"),
    ("GET", "/healthz?{}"),
    ("GET", "/metrics?{}"),
]
FIELDS = ["file", "mask", "scale", "sr", "seed", "face", "format", "degradation", "count", "align", "eps", "nothing"]
SCRAPS = [
    "", "..", "../" * 20 + "etc/passwd", "%2e%2e%2f" * 9, "\0", "a" * 5000, "\u202e\U0001f600\ufffd", "🙂" * 300, "-1",
    "nan", "1e999", "9" * 400, "{}", '{"a":' * 2000, "[" * 9000, "<script>", "'; DROP", "C:\\con", "/dev/zero",
    "\r\nSet-Cookie: a=b", "noise:1e308", "jpeg:" + "9" * 99, "motion:100+" * 15, "0x10", "\u0661", "true", "photo",
    "shown", "before",
]  # fmt: skip

VALUES = [
    "1",
    "2",
    "0.5",
    "auto",
    "off",
    "own",
    "realesrgan",
    "1,1",
    "png",
    "tiff",
    "jpeg:30+noise:25",
    "box",
    "16",
    "0",
]


def main() -> None:
    """Prints how often each status was answered, and what else was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=10_000, help="requests to each address")
    parser.add_argument("--slow", action="store_true", help="also clients that stop half way; takes two minutes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        before = files_outside()
        print(json.dumps(asyncio.run(rubbish(arguments.each)), indent=1))
        told = {
            "files that appeared elsewhere": sorted(files_outside() - before),
            "left": [path.name for path in Path(folder).iterdir()],
        }
        print(json.dumps(told, indent=1))
        print(json.dumps(broken_http(folder, slow=arguments.slow), indent=1))


def files_outside() -> set[str]:
    """The files of the folders in which a path that was taken for one would end."""
    places = [Path.cwd(), Path.cwd().parent, Path.home(), Path("/"), Path("/etc")]
    return {str(path) for place in places for path in place.iterdir() if not path.name.startswith(("tmp", ".org", "."))}


async def rubbish(each: int) -> dict[str, Any]:
    """Sends ``each`` requests to every address; returns the numbers of answers by status."""
    app = make_app(ServeSettings(max_megabytes=1, max_jobs=8, max_jobs_each=8), toy_models())
    statuses: Counter[str] = Counter()
    errors: list[str] = []
    started = time.monotonic()
    async with app.router.lifespan_context(app):
        draw = random.Random(0)
        for method, pattern in ADDRESSES:
            for _ in range(each):
                path = pattern.format(*(draw.choice([*SCRAPS, scrap(draw)]) for _ in range(3)))
                body, kind = content(draw) if method == "POST" or draw.random() < 0.05 else (b"", "")
                try:
                    status = await ask(app, method, path, body, kind)
                except Exception as error:  # It would be an answer with the status 500.
                    status = 500
                    errors.append(f"{method} {pattern}: {error!r}"[:300])
                statuses[f"{method} {pattern}: {status}"] += 1
            print(f"{method} {pattern}: {each} requests, {len(errors)} errors so far", file=sys.stderr)
    found = {name: count for name, count in statuses.items() if int(name[-3:]) >= 500 and not name.endswith("503")}
    return {
        "requests": sum(statuses.values()),
        "seconds": round(time.monotonic() - started, 1),
        "by status": dict(Counter({s: sum(c for n, c in statuses.items() if n.endswith(s)) for s in
                                   {name[-3:] for name in statuses}})),
        "errors of the server": found,
        "such as": sorted(set(errors))[:9],
    }  # fmt: skip


def scrap(draw: random.Random) -> str:
    """A few random characters, of ASCII or of all of Unicode."""
    letters = string.printable if draw.random() < 0.7 else [chr(draw.randrange(0xD7FF)) for _ in range(20)]
    return "".join(draw.choices(letters, k=draw.randrange(30)))


def content(draw: random.Random) -> tuple[bytes, str]:
    """The body of a request and its type: forms with rubbish in their fields, names and files, JSON, or noise."""
    if draw.random() < 0.2:
        kinds = ["application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=", "\x7f", ""]
        return draw.choice(SCRAPS).encode(), draw.choice([*kinds, "application/x-www-form-urlencoded"])
    # Half of the forms begin with a sound picture, so that what follows is looked at.
    parts: list[bytes] = []
    if draw.random() < 0.5:
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        parts.append(head + serve_load.picture(draw.randrange(9), 16)[0] + b"\r\n")
    for _ in range(draw.randrange(4)):
        name = draw.choice([*FIELDS, draw.choice(SCRAPS)] if draw.random() < 0.3 else FIELDS).replace('"', "")
        file = f'; filename="{draw.choice(SCRAPS)}"' if draw.random() < 0.5 else ""
        value = draw.choice([draw.choice(SCRAPS).encode(), draw.choice(VALUES).encode(), picture_scrap(draw)])
        parts.append(f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value + b"\r\n")
    end = b"--x--\r\n" if draw.random() < 0.8 else b""
    return b"".join(parts) + end, "multipart/form-data; boundary=x"


def picture_scrap(draw: random.Random) -> bytes:
    """A small picture with broken bytes, or the head of a huge one."""
    whole = bytearray(serve_load.picture(draw.randrange(9), 16)[0])
    if draw.random() < 0.3:
        whole[16:24] = bytes([255] * 8)  # Width and height of a PNG.
    for _ in range(draw.randrange(4)):
        whole[draw.randrange(len(whole))] = draw.randrange(256)
    return bytes(whole[: draw.randrange(len(whole))]) if draw.random() < 0.3 else bytes(whole)


async def ask(app: Any, method: str, path: str, body: bytes, kind: str) -> int:
    """Returns the status that the application answers; a stream of events is left after its head."""
    place, _, query = path.partition("?")
    headers = [(b"host", b"127.0.0.1"), (b"content-type", kind.encode("latin-1", "replace"))]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": place, "raw_path": place.encode("utf-8", "replace"), "root_path": "",
        "query_string": query.encode("utf-8", "replace"), "headers": headers, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000), "state": {},
    }  # fmt: skip
    status = 0
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(scope, receive, send)
    return status


def broken_http(folder: str, *, slow: bool) -> dict[str, Any]:
    """Sends what is no HTTP, stops uploads half way, and is slow; then asks whether the server still answers."""
    server, address = serve_load.start(folder)
    host, port = address.removeprefix("http://").split(":")
    draw = random.Random(1)
    found: Counter[str] = Counter()
    head = b"POST /api/v1/restore HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    for k in range(500):
        with socket.create_connection((host, int(port)), timeout=5) as client:
            if k % 2:
                client.sendall(head + b"Content-Length: 100000\r\n\r\n--x\r\n" + draw.randbytes(500))
                found["uploads that stopped"] += 1
            else:
                client.sendall(draw.choice([draw.randbytes(300), b"GET " + b"a" * 99999, head * 50]) + b"\r\n\r\n")
                status = client.recv(12)[9:12].decode("latin-1")
                found[f"answers to what is no HTTP: {status or 'closed'}"] += 1
    told: dict[str, Any] = dict(found)
    if slow:
        # More clients that send a byte now and then, or read nothing, than there may be connections.
        clients = [socket.create_connection((host, int(port))) for _ in range(600)]
        begun = time.monotonic()
        while time.monotonic() - begun < 120:
            for client in clients:
                try:
                    client.sendall(b"G")
                except OSError:
                    told["slow clients that were sent away"] = told.get("slow clients that were sent away", 0) + 1
                    clients.remove(client)
            if answers(host, int(port)) and time.monotonic() - begun > 5:
                break
            time.sleep(5)
        told["seconds until others were served beside 600 slow clients"] = round(time.monotonic() - begun)
    told["answers afterwards"] = answers(host, int(port))
    told["memory at most, MB"] = serve_load.memory(server.pid, "VmHWM")
    server.send_signal(signal.SIGINT)
    server.wait()
    told["left at exit"] = [path.name for path in Path(folder).iterdir()]
    return told


def answers(host: str, port: int) -> bool:
    """Says whether the server answers as it should."""
    with socket.create_connection((host, port), timeout=30) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        return client.recv(12) == b"HTTP/1.1 200"


if __name__ == "__main__":
    main()
