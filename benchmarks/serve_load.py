"""Loads a server with toy networks as many clients at once do, and kills one in the middle.

    nice python benchmarks/serve_load.py --clients 50 --jobs 5

The toys take hardly any time, so that all is the server's own: what is measured is whether jobs are lost or change
their order, the memory, and how fast uploads, queue and downloads are.
"""

import argparse
import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

SIZE = 300  # px.
WAIT = 0.5  # Seconds until a server without room is asked again.
SERVER = Path(__file__).with_name("serve_toys.py")


def main() -> None:
    """Prints the figures of the load, and what is left after a server was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(load(folder, arguments.clients, arguments.jobs), indent=1))
        print(json.dumps(kill(folder), indent=1))


def load(folder: str, clients: int, jobs: int) -> dict[str, object]:
    """Lets ``clients`` send ``jobs`` pictures each, all at once, and fetch and delete the results."""
    server, address = start(folder)
    before, started = memory(server.pid), time.monotonic()
    try:
        done = asyncio.run(all_clients(address, clients, jobs))
    except BaseException:
        server.kill()
        raise
    seconds, peak = time.monotonic() - started, memory(server.pid, "VmHWM")
    left = len(list(Path(folder).rglob("photo.*")))
    server.send_signal(signal.SIGINT)
    server.wait()
    sent = [one for client in done for one in client]
    return {
        "jobs": clients * jobs,
        "results that are right": sum(one["right"] for one in sent),
        "clients whose jobs ended in the order in which they were sent": sum(
            [one["ended"] for one in client] == sorted(one["ended"] for one in client) for client in done
        ),
        "times that a client was told to wait": sum(one["refused"] for one in sent),
        "seconds": round(seconds, 1),
        "jobs per second": round(len(sent) / seconds, 1),
        "longest wait for a result, s": round(max(one["seconds"] for one in sent), 1),
        "memory before, MB": before,
        "memory at most, MB": peak,
        "pictures left": left,
        "folders left at exit": len(list(Path(folder).iterdir())),
    }


async def all_clients(address: str, clients: int, jobs: int) -> list[list[dict[str, float]]]:
    """Runs all clients at once, each from an address of its own."""
    return await asyncio.gather(*(one_client(address, number, jobs) for number in range(clients)))


async def one_client(address: str, number: int, jobs: int) -> list[dict[str, float]]:
    """Sends pictures one after the other without waiting for results, and follows all of them to their ends."""
    # A connection for each request: one that is kept can be closed by the server just when it is used again.
    transport = httpx.AsyncHTTPTransport(
        local_address=f"127.0.1.{number + 1}", limits=httpx.Limits(max_keepalive_connections=0)
    )
    async with httpx.AsyncClient(base_url=address, transport=transport, timeout=600) as client:
        following: list[asyncio.Task[dict[str, float]]] = []
        for k in range(jobs):
            content, level = picture(number * jobs + k)
            started, refused = time.monotonic(), 0
            while True:
                answer = await client.post("/api/v1/restore", files={"file": (f"{number}-{k}.png", content)})
                if answer.status_code not in (429, 503):
                    break
                refused += 1
                await asyncio.sleep(WAIT)
            job = answer.raise_for_status().json()
            following.append(asyncio.create_task(follow(client, job["id"], level, started, refused)))
        return await asyncio.gather(*following)


async def follow(client: httpx.AsyncClient, job: str, level: int, started: float, refused: int) -> dict[str, float]:
    """Follows a job by its events, fetches and deletes the result, and tells whether it is that of its picture."""
    state = ""
    async with client.stream("GET", f"/api/v1/jobs/{job}/events") as events:
        async for line in events.aiter_lines():
            state = json.loads(line.removeprefix("data: "))["state"] if line.startswith("data: ") else state
    ended = time.monotonic()
    answer = await client.get(f"/api/v1/jobs/{job}/result")
    with Image.open(io.BytesIO(answer.content)) as image:
        found = np.asarray(image.convert("L")).mean()
    await client.delete(f"/api/v1/jobs/{job}")
    # The toy adds a quarter to every pixel.
    right = state == "done" and bool(abs(found - (level + 64)) < 2)
    return {"right": right, "ended": ended, "seconds": ended - started, "refused": refused}


def picture(number: int, size: int = SIZE) -> tuple[bytes, int]:
    """A picture in a grey of its own, with a little noise, and its mean level."""
    level = 20 + number % 150
    noise = np.random.default_rng(number).integers(-3, 4, (size, size, 3))
    stream = io.BytesIO()
    Image.fromarray((level + noise).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue(), level


def kill(folder: str) -> dict[str, object]:
    """Kills a server that has jobs, and starts another one."""
    server, address = start(folder)
    jobs = [httpx.post(f"{address}/api/v1/restore", files={"file": ("a.png", picture(k)[0])}).json() for k in range(20)]
    server.kill()
    server.wait()
    left = len(list(Path(folder).rglob("photo.*")))
    again, address = start(folder)
    found = [httpx.get(f"{address}/api/v1/jobs/{job['id']}").status_code for job in jobs]
    after = len(list(Path(folder).rglob("photo.*")))
    again.send_signal(signal.SIGINT)
    again.wait()
    return {
        "jobs when it was killed": len(jobs),
        "pictures left by it": left,
        "answers for these jobs after the restart": sorted(set(found)),
        "pictures left after the restart": after,
    }


def start(folder: str) -> tuple["subprocess.Popen[str]", str]:
    """Starts a server with toy networks whose private folder lies in ``folder``; returns it with its address."""
    environment = os.environ | {"TMPDIR": folder}
    server = subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True, env=environment)
    assert server.stdout is not None
    return server, server.stdout.readline().strip()


def memory(pid: int, what: str = "VmRSS") -> int:
    """Memory of a process in MB, now or at most (``VmHWM``); Linux only."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) // 1024


if __name__ == "__main__":
    main()
