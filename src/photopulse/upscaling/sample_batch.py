"""Writes random faces of a generator into a folder; runs can be resumed, and each picture is marked as synthetic."""

import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

from torch import Tensor

from photopulse.fingerprint import weights_hash
from photopulse.generators.protocol import Generator
from photopulse.images import synthetic_metadata, write_image
from photopulse.provenance.marked import marked
from photopulse.provenance.payload import MarkChoice, payload_of
from photopulse.provenance.signing import Signature, seal_created
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.keys import arithmetic, key, signed_key
from photopulse.runs.report import Report, ReportItem
from photopulse.runs.watcher import Watcher
from photopulse.upscaling.sample import check_sampling, sample_faces

COMMAND: Final = "sample"


@dataclass(frozen=True, kw_only=True)
class SampleSettings:
    """Settings for sampling faces.

    Attributes:
        truncation_psi: factor of the truncation trick; below 1, styles move towards the mean.
        size: height and width in px, which must divide the generator's resolution; None keeps that resolution.
        label: class of a conditional generator.
        mark: ``"on"`` for an invisible mark in each picture.
    """

    truncation_psi: float = 1.0
    size: int | None = None
    label: int | None = None
    mark: MarkChoice = "on"


def sample_files(
    seeds: range,
    folder: Path,
    generator: Generator,
    settings: SampleSettings,
    watcher: Watcher | None = None,
    *,
    signature: Signature | None = None,
) -> list[ReportItem]:
    """Draws one face for each seed into ``folder/<seed>.png``, six digits, and keeps ``folder/report.json``.

    A face that an earlier run drew with the same generator and settings is kept. One that fails becomes a
    failed row; the others go on.

    Args:
        seeds: random seeds of the faces.
        folder: folder of the pictures and the report.
        generator: generator from ``load_generator``.
        settings: settings of all faces.
        watcher: receives reports of progress; a step is one face.
        signature: what the pictures are signed with; None for no signature.

    Raises:
        PhotopulseError: if the generator does not support the settings, or the folder cannot be written to.
    """
    check_sampling(generator, seeds, size=settings.size, label=settings.label)
    watcher = watcher or Watcher()
    run_key = signed_key(key(generator.name, weights_hash(generator), settings, arithmetic()), signature)
    watcher.start("drawing faces", len(seeds))
    with Report(folder, COMMAND, resume=True) as report:
        for place, seed in enumerate(seeds):
            output, face_key = folder / f"{seed:06d}.png", key(run_key, seed)
            # Keep the face of an earlier run, or draw it.
            done = report.finished(output, face_key)
            if done is not None:
                row = replace(done, output=str(output))
                report.keep(place, row)
            else:
                row = _made(output, generator, settings, seed, face_key, signature)
                report.add(place, row)
            watcher.end(row, resumed=done is not None)
            watcher.step(place + 1)
    return report.items


def _made(
    output: Path, generator: Generator, settings: SampleSettings, seed: int, face_key: str, signature: Signature | None
) -> ReportItem:
    # Draw, mark and write the face, then make its row.
    started = time.perf_counter()
    try:
        ((_, drawn),) = sample_faces(
            generator, [seed], truncation_psi=settings.truncation_psi, size=settings.size, label=settings.label
        )
        image, mark = marked(drawn, payload_of(COMMAND, generator=generator.name, seed=seed), settings.mark)
        _save(output, image, generator, seed, settings, signature)
    except FAILURES as error:
        return ReportItem(input=f"seed {seed}", status="failed", error=reason(error), seed=seed)
    return ReportItem(
        input=f"seed {seed}",
        output=str(output),
        status="made",
        key=face_key,
        seconds=round(time.perf_counter() - started, 3),
        seed=seed,
        generator=generator.name,
        mark=mark,
        signed_by=None if signature is None else signature.name,
        size=(image.shape[-1], image.shape[-2]),
    )


def _save(
    output: Path,
    image: Tensor,
    generator: Generator,
    seed: int,
    settings: SampleSettings,
    signature: Signature | None,
) -> None:
    metadata = synthetic_metadata(
        generator=generator.name, seed=seed, version=version("photopulse"), method=COMMAND, source=None
    )
    metadata["photopulse:truncation_psi"] = str(settings.truncation_psi)
    seal = (
        None if signature is None else seal_created(signature, output.name, {generator.name: weights_hash(generator)})
    )
    write_image(output, image, metadata=metadata, seal=seal)
