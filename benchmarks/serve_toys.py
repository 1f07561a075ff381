"""Serves with toy networks that take hardly any time, for serve_load.py and serve_rubbish.py; prints the address."""

import signal
from contextlib import suppress

import torch
from torch import Tensor, nn

from photopulse.errors import PhotopulseError
from photopulse.networks.full_size import FullSizeNet
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.look import PhotoDamage
from photopulse.search.kit import SearchKit
from photopulse.web.app import make_app
from photopulse.web.listening import serve
from photopulse.web.models import Models
from photopulse.web.settings import ServeSettings


class Brighter(nn.Module):
    """Adds a quarter to every pixel."""

    def forward(self, photo: Tensor) -> Tensor:
        """Returns the photo, brighter."""
        return photo + 0.25


class NoFaces:
    """Stands for the face detector."""

    def detect(self, _photo: Tensor) -> list[object]:
        """Finds nothing."""
        return []


def no_search() -> SearchKit:
    """There is no generator: searches fail with an error that a client can read."""
    raise PhotopulseError("cannot search", why="this server has toys only", fix="use photopulse serve")


def toy_models() -> Models:
    """Returns the models that the toys stand for."""
    kit = RestoreKit(
        detector=NoFaces(),  # pyright: ignore[reportArgumentType]
        face_restorer=None,
        photo_net=Brighter(),
        full_size_net=FullSizeNet().eval(),
        enlarge_net=None,
        look=lambda _photo: PhotoDamage(noise=20, chroma_noise=5, jpeg_quality=20, blur=2),
    )
    return Models(restore_kit=lambda: kit, search_kit=no_search, detector=NoFaces)  # pyright: ignore[reportArgumentType]


def main() -> None:
    """Serves until it is interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    with suppress(KeyboardInterrupt):
        settings = ServeSettings(port=0)
        serve(settings, lambda: make_app(settings, toy_models()), on_ready=lambda address: print(address, flush=True))


if __name__ == "__main__":
    main()
