"""The application with toy networks, and clients of it."""

import io
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image
from torch import nn

from photopulse.generators.files.checkpoint import save_checkpoint
from photopulse.generators.files.load import load_generator
from photopulse.search.kit import SearchKit
from photopulse.web.app import make_app
from photopulse.web.listening import make_server
from photopulse.web.models import Models
from photopulse.web.settings import ServeSettings

HERE = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def _shared_cache(shared_cache):  # pyright: ignore[reportUnusedFunction]
    pass


@pytest.fixture(scope="session")
def tiny_file(tiny_generator, tmp_path_factory) -> Path:
    """The toy generator (32 px) as a file."""
    path = tmp_path_factory.mktemp("generator") / "tiny.safetensors"
    save_checkpoint(tiny_generator, path)
    return path


class Finder:
    """The toy detector with the meshes that `align` and `verify` ask for."""

    def __init__(self, toy) -> None:
        self.detect, self.mesher = toy.detect, self
        self.face_mesh = self.fit = toy.fit


@pytest.fixture
def toy_models(toy_restore_kit, tiny_file) -> Callable[..., Models]:
    """Builds models of toys; what is given goes into the kit that restores."""

    def build(**others) -> Models:
        kit = toy_restore_kit(faces=[(60, 45, 40)], **others)
        return Models(
            restore_kit=lambda: kit,
            search_kit=lambda: SearchKit.find(load_generator(str(tiny_file))),
            detector=lambda: Finder(kit.detector),
        )

    return build


@pytest.fixture
def connect(toy_models) -> Iterator[Callable[..., TestClient]]:
    """Starts applications with these settings: ``connect(max_jobs=2)`` is a client of one."""
    clients: list[TestClient] = []

    def start(models=None, *, base_url=HERE, **settings) -> TestClient:
        app = make_app(ServeSettings(**settings), models or toy_models())
        client = TestClient(app, base_url=base_url)
        clients.append(client.__enter__())
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def serve_toys() -> Iterator[Callable[..., str]]:
    """Starts servers that listen on this machine: ``serve_toys(models, max_jobs=2)`` is the address of one."""
    ends: list[Callable[[], None]] = []

    def start(models: Models, **settings) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        server = make_server(make_app(ServeSettings(**settings), models))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()

        def end() -> None:
            server.should_exit = True
            thread.join()
            listener.close()

        ends.append(end)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for end in ends:
        end()


@pytest.fixture
def listening(serve_toys, toy_models) -> str:
    """The address of a server with toy networks that listens on this machine."""
    return serve_toys(toy_models())


class Patient(nn.Module):
    """A photo network that tells that it was reached, and then waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = Event(), Event()

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        self.reached.set()
        assert self.go_on.wait(120)
        return photo


@pytest.fixture
def patient() -> Iterator[Patient]:
    """Holds every job that restores until ``go_on`` is set."""
    network = Patient()
    yield network
    network.go_on.set()


def picture(width: int = 120, height: int = 90, kind: str = "PNG", seed: int = 0) -> bytes:
    """A file with random pixels."""
    pixels = np.random.default_rng(seed).integers(60, 120, (height, width, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def send(client: TestClient, kind: str = "restore", content: bytes | None = None, name: str = "a.png", **fields):
    """Posts a picture and returns the response."""
    files = {"file": (name, picture() if content is None else content)}
    return client.post(f"/api/v1/{kind}", files=files, data=fields)


def finish(client: TestClient, response) -> dict:
    """Follows a job to its end and returns it."""
    assert response.status_code == 202, response.text
    address = f"/api/v1/jobs/{response.json()['id']}"
    assert "event: job" in client.get(f"{address}/events").text
    return client.get(address).json()
