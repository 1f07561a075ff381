"""Clients that are too slow are sent away; those that wait are not."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest

from .conftest import finish, picture

HEAD = b"POST /api/v1/restore HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
PATIENCE = 60  # Seconds.


@pytest.fixture
def looking_often(monkeypatch):
    monkeypatch.setattr("photopulse.web.connection._LOOK_EVERY", 0.3)


def connected(address: str) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def is_sent_away(act: Callable[[], None]) -> bool:
    """Does something again and again until the connection is closed."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            act()
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_a_request_whose_head_does_not_end_is_not_waited_for(looking_often, listening):
    with connected(listening) as client:
        client.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        # Bytes that come now and then do not help.
        assert is_sent_away(lambda: client.sendall(b"a"))


def test_an_answer_that_nobody_takes_is_not_kept(looking_often, listening):
    # More than the system's buffers hold.
    large = picture(2500, 2500)
    job = finish(httpx.Client(base_url=listening, timeout=PATIENCE), send_large(listening, large))
    with connected(listening) as client:
        ask_slowly(client, job)
        time.sleep(2)
        taken = 0
        with suppress(OSError):
            while part := client.recv(65536):
                taken += len(part)
    assert taken < len(large)


def test_who_takes_an_answer_slowly_but_steadily_gets_it_whole(looking_often, listening):
    large = picture(1500, 1500)
    job = finish(httpx.Client(base_url=listening, timeout=PATIENCE), send_large(listening, large))
    taken = b""
    with connected(listening) as client:
        ask_slowly(client, job)
        while len(taken) < len(large) and (part := client.recv(2**16)):
            taken += part
            time.sleep(len(part) / 1e6)
    assert taken.endswith(large[-1000:])


def test_who_takes_a_few_bytes_now_and_then_is_sent_away(looking_often, listening):
    large = picture(1500, 1500)
    job = finish(httpx.Client(base_url=listening, timeout=PATIENCE), send_large(listening, large))
    with connected(listening) as client:
        ask_slowly(client, job)
        # What had been sent before can still be read: the least that the system holds, and no more.
        for _ in range(40):
            client.recv(10)
            time.sleep(0.05)
        left = 0
        with suppress(OSError):
            while part := client.recv(2**16):
                left += len(part)
    assert left < len(large) / 2


def ask_slowly(client: socket.socket, job: dict) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
    client.sendall(f"GET /api/v1/jobs/{job['id']}/input HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())


def send_large(address: str, content: bytes) -> httpx.Response:
    return httpx.post(
        f"{address}/api/v1/faces", files={"file": ("a.png", content)}, data={"mode": "archival"}, timeout=PATIENCE
    )


def test_who_waits_for_a_job_is_not_sent_away(looking_often, serve_toys, toy_models, patient):
    address = serve_toys(toy_models(photo_net=patient))
    files = {"file": ("a.png", picture())}
    job = httpx.post(f"{address}/api/v1/restore", files=files).json()
    assert patient.reached.wait(PATIENCE)
    with httpx.stream("GET", f"{address}/api/v1/jobs/{job['id']}/events", timeout=PATIENCE) as events:
        lines = events.iter_lines()
        assert next(lines) == "event: job"
        time.sleep(1.5)
        patient.go_on.set()
        assert '"state": "done"' in list(lines)[-2]


@pytest.mark.parametrize("limit", ["_SILENCE", "_LONGEST"])
def test_an_upload_that_stops_or_never_ends_is_refused(limit, listening, monkeypatch):
    monkeypatch.setattr(f"photopulse.web.gate.{limit}", 0.5)
    with connected(listening) as client:
        client.sendall(HEAD + b"Content-Length: 99999\r\n\r\n--x\r\n")
        client.settimeout(0.1)
        answer = b""
        ends = time.monotonic() + PATIENCE
        while not answer and time.monotonic() < ends:
            try:
                if limit == "_LONGEST":
                    client.sendall(b"a")
                answer = client.recv(12)
            except TimeoutError:
                continue
    assert answer == b"HTTP/1.1 408"


def test_an_upload_that_is_slow_but_steady_is_taken(listening, monkeypatch):
    monkeypatch.setattr("photopulse.web.gate._LONGEST", 0.5)
    content = picture(300, 300)
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + content + b"\r\n--x--\r\n"
    with connected(listening) as client:
        client.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode())
        for start in range(0, len(body), len(body) // 10):
            client.sendall(body[start : start + len(body) // 10])
            time.sleep(0.1)
        assert client.recv(12) == b"HTTP/1.1 202"
