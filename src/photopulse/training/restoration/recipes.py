"""The five trainings of the restoration, each one call: from photos, or faces, to a file of weights."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from photopulse.degrade.photo import DamageRecipe, Damages
from photopulse.errors import PhotopulseError
from photopulse.fingerprint import weights_hash
from photopulse.images import synthetic_metadata
from photopulse.networks.enlarge import EnlargeNet
from photopulse.networks.face import FaceNet, FaceNetSettings, make_decoder
from photopulse.networks.face_decoder import FaceDecoder
from photopulse.networks.files import read_network
from photopulse.networks.full_size import FullSizeNet
from photopulse.networks.photo import PhotoNet, PhotoNetSettings
from photopulse.networks.shipped import ENLARGE, FACE, FULL_SIZE, PHOTO, load_photo_net
from photopulse.training.compute import Compute
from photopulse.training.loop import Trained
from photopulse.training.restoration.enlarge import EnlargeTraining, train_enlarge
from photopulse.training.restoration.face_crops import FaceCrops
from photopulse.training.restoration.face_gan import FaceGANTraining, train_face_gan
from photopulse.training.restoration.face_restoration import FaceTraining, train_face
from photopulse.training.restoration.face_store import SearchWatcher, gather_faces
from photopulse.training.restoration.files import held_apart, spread, usable_photos
from photopulse.training.restoration.full_size import FullSizeTraining, full_size_restorer, train_full_size
from photopulse.training.restoration.pairs import Pairs, PhotoCrops, damage_and_restore_size, make_pairs
from photopulse.training.restoration.photo import PhotoTraining, train_photo
from photopulse.training.restoration.sheets import write_face_sheet, write_grid_of_faces, write_photo_sheet
from photopulse.training.restoration.train import Restorer, restore_plainly
from photopulse.training.run import Material, Plan, TrainingWatcher, run_plan

FACE_DECODER = "face-decoder"
_SHOWN = 6

TrainOnPhotos = Callable[[Sequence[Path], Path], Iterator[Trained]]


def run_photo(
    files: Sequence[Path],
    output: Path,
    settings: PhotoTraining,
    *,
    start: Path | None = None,
    compute: Compute,
    fresh: bool = False,
    watcher: TrainingWatcher | None = None,
) -> Path:
    """Trains the photo network and returns the file of its weights, ``output/photo.safetensors``; see ``run_plan``.

    Args:
        files: photos; one that is named twice is seen twice as often. Those that cannot be opened or are smaller than
            a crop are left out with a note.
        output: made if need be.
        settings: the recipe.
        start: a file of a photo network, whose weights are the first ones; without it they are random.
        compute: where to compute.
        fresh: forget what an earlier training left in ``output``.
        watcher: hears how it goes.
    """

    begun = None if start is None else _read_photo_net(start)
    if begun is not None and begun.settings != settings.network:
        raise PhotopulseError(
            f"cannot begin with the weights of {start}",
            why="that network has other sizes",
            fix="leave --start out, or give a network of the usual sizes",
        )

    def train(learned: Sequence[Path], checkpoint: Path) -> Iterator[Trained]:
        return train_photo(learned, settings, start=begun, checkpoint=checkpoint, compute=compute)

    plan = Plan(
        name="photo",
        kind=PHOTO,
        steps=settings.optimisation.steps,
        asked={"settings": asdict(settings), "start_sha256": None if begun is None else weights_hash(begun)},
        sizes=settings.network,
        network=PhotoNet(settings.network),
        prepare=lambda heard: _photos(files, settings.crops, settings.damage, train, restore_plainly, heard),
    )
    return run_plan(plan, output, compute=compute, fresh=fresh, watcher=watcher)


def run_full_size(
    files: Sequence[Path],
    output: Path,
    settings: FullSizeTraining,
    *,
    photo_net: Path | None = None,
    compute: Compute,
    fresh: bool = False,
    watcher: TrainingWatcher | None = None,
) -> Path:
    """Trains the full-size network as ``run_photo`` does the photo network: ``output/full-size.safetensors``.

    ``photo_net`` is a file of a trained photo network, by default the one that comes with photopulse.
    """
    small_net = _read_photo_net(photo_net).to(compute.device)

    def train(learned: Sequence[Path], checkpoint: Path) -> Iterator[Trained]:
        return train_full_size(learned, small_net, settings, checkpoint=checkpoint, compute=compute)

    restore = full_size_restorer(small_net, settings)
    plan = Plan(
        name="full-size",
        kind=FULL_SIZE,
        steps=settings.optimisation.steps,
        asked={"settings": asdict(settings), "photo_net_sha256": weights_hash(small_net)},
        sizes=settings.network,
        network=FullSizeNet(settings.network),
        prepare=lambda heard: _photos(files, settings.crops, settings.damage, train, restore, heard),
    )
    return run_plan(plan, output, compute=compute, fresh=fresh, watcher=watcher)


def run_enlarge(
    files: Sequence[Path],
    output: Path,
    settings: EnlargeTraining,
    *,
    compute: Compute,
    fresh: bool = False,
    watcher: TrainingWatcher | None = None,
) -> Path:
    """Trains the super-resolution network as ``run_photo`` does the photo network: ``output/enlarge.safetensors``."""

    def train(learned: Sequence[Path], checkpoint: Path) -> Iterator[Trained]:
        return train_enlarge(learned, settings, checkpoint=checkpoint, compute=compute)

    photos = partial(_photos, files, settings.crops, settings.damage, train, restore_plainly, same_size=False)
    plan = Plan(
        name="enlarge",
        kind=ENLARGE,
        steps=settings.optimisation.steps,
        asked={"settings": asdict(settings)},
        sizes=settings.network,
        network=EnlargeNet(settings.network),
        prepare=photos,
    )
    return run_plan(plan, output, compute=compute, fresh=fresh, watcher=watcher)


def run_face_gan(
    files: Sequence[Path],
    output: Path,
    settings: FaceGANTraining,
    *,
    compute: Compute,
    fresh: bool = False,
    watcher: TrainingWatcher | None = None,
) -> Path:
    """Trains the face network's decoder as a GAN: ``output/face-gan.safetensors``; the rest is as in ``run_photo``.

    ``files`` are photos with faces, or faces; what was found in them is kept in ``output/faces``.
    """

    def prepare(heard: TrainingWatcher) -> Material:
        learned, _, told = _faces(files, output, heard)
        return Material(
            told=told,
            train=lambda checkpoint: train_face_gan(learned, settings, checkpoint=checkpoint, compute=compute),
            show=show,
        )

    def show(path: Path, decoder: nn.Module, step: int) -> None:
        release = version("photopulse")
        said = synthetic_metadata(generator="face-gan", seed=0, version=release, method="sample", source=None)
        write_grid_of_faces(path, cast(FaceDecoder, decoder), size=settings.size_in(step), metadata=said)

    plan = Plan(
        name="face-gan",
        kind=FACE_DECODER,
        steps=settings.steps,
        asked={"settings": asdict(settings)},
        sizes=settings.network,
        network=make_decoder(settings.network),
        prepare=prepare,
    )
    return run_plan(plan, output, compute=compute, fresh=fresh, watcher=watcher)


def run_face(
    files: Sequence[Path],
    output: Path,
    settings: FaceTraining,
    *,
    decoder: Path | None = None,
    photo_net: Path | None = None,
    compute: Compute,
    fresh: bool = False,
    watcher: TrainingWatcher | None = None,
) -> Path:
    """Trains the face network: ``output/face.safetensors``; the rest is as in ``run_face_gan``.

    ``decoder`` is a file that ``run_face_gan`` wrote, whose sizes the network then has; by default the decoder begins
    with random weights. ``photo_net`` is a file of the photo network, by default the one that comes with photopulse.
    """
    cleaner = _read_photo_net(photo_net)
    start: FaceDecoder | None = None
    if decoder is not None:
        start, sizes = _read_decoder(decoder)
        settings = replace(settings, network=sizes)

    def prepare(heard: TrainingWatcher) -> Material:
        if start is None:
            heard.on_note("the decoder begins with random weights; --decoder gives it those of `train face-gan`")
        learned, apart, told = _faces(files, output, heard)
        pairs = [_held_out_face(face, settings.damage, place) for place, face in enumerate(apart)]
        return Material(
            told=told,
            train=lambda checkpoint: train_face(
                learned, settings, decoder=start, photo_net=cleaner, checkpoint=checkpoint, compute=compute
            ),
            show=lambda path, network, _step: write_face_sheet(path, network, cleaner, pairs),
        )

    plan = Plan(
        name="face",
        kind=FACE,
        steps=settings.optimisation.steps,
        asked={
            "settings": asdict(settings),
            "decoder_sha256": weights_hash(start) if start else None,
            "photo_net_sha256": weights_hash(cleaner),
        },
        sizes=settings.network,
        network=FaceNet(settings.network),
        prepare=prepare,
    )
    return run_plan(plan, output, compute=compute, fresh=fresh, watcher=watcher)


def _photos(
    files: Sequence[Path],
    crops: PhotoCrops,
    damage: Damages,
    train: TrainOnPhotos,
    restore: Restorer,
    watcher: TrainingWatcher,
    *,
    same_size: bool = True,
) -> Material:
    """Sorts the photos out, and makes a pair of each that is held out."""
    learned, apart = held_apart(usable_photos(files, least_side=crops.size, on_note=watcher.on_note), most=_SHOWN)
    pairs = [
        make_pairs([file], crops, 1, torch.Generator().manual_seed(place), recipe=damage, same_size=same_size)
        for place, file in enumerate(apart)
    ]
    return Material(
        told={"photos": len(learned), "held_out": [file.name for file in apart]},
        train=lambda checkpoint: train(learned, checkpoint),
        show=lambda path, network, _step: write_photo_sheet(path, network, pairs, restore),
    )


def _faces(
    files: Sequence[Path], output: Path, watcher: TrainingWatcher
) -> tuple[FaceCrops, list[torch.Tensor], dict[str, object]]:
    """Finds the faces; returns those to learn from, a few others, upright, and what settings.json says of them."""
    faces = gather_faces(
        files, output / "faces", watcher=SearchWatcher(on_face=watcher.on_face, on_note=watcher.on_note)
    )
    apart = spread(len(faces), most=_SHOWN)
    learned = faces.without(apart)
    if not len(learned):
        raise PhotopulseError(
            "cannot train on the faces of one photo",
            why="they are kept apart to look at, and then none is left to learn from",
            fix="give more photos of faces (a thousand and more are good)",
        )
    told: dict[str, object] = {"faces": len(learned), "held_out_faces": apart}
    return learned, [faces.upright(place) for place in apart], told


def _held_out_face(face: torch.Tensor, damage: DamageRecipe, place: int) -> Pairs:
    random = torch.Generator().manual_seed(place)
    return Pairs(damaged=damage_and_restore_size(face, damage, random), sharp=face)


def _read_photo_net(path: Path | None) -> PhotoNet:
    if path is None:
        return load_photo_net()
    return read_network(path, PHOTO, lambda sizes: PhotoNet(PhotoNetSettings(**sizes)))


def _read_decoder(path: Path) -> tuple[FaceDecoder, FaceNetSettings]:
    read: list[FaceNetSettings] = []

    def make(sizes: dict[str, Any]) -> FaceDecoder:
        read.append(FaceNetSettings(**sizes))
        return make_decoder(read[0])

    decoder = read_network(path, FACE_DECODER, make)
    return decoder, read[0]
