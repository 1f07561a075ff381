"""The form of a job that upscales faces: the settings and names of `photopulse upscale`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Form, UploadFile

from photopulse.search.fast import FastSettings
from photopulse.search.names import Quality
from photopulse.upscaling.batch_settings import BatchSettings
from photopulse.upscaling.upscale import UpscaleSettings
from photopulse.web.forms import MOST_SEED, Picture, bad_settings
from photopulse.web.upscale_task import UpscaleTask

_MOST_RESULTS = 16
_MOST_FACES = 8
_LONGEST_DEGRADATION = 200
_BATCH = BatchSettings()
_UPSCALE = _BATCH.upscale


@dataclass(frozen=True, kw_only=True)
class UpscaleForm:
    """A form that was read and checked: the picture, and what is done with it."""

    file: UploadFile
    task: UpscaleTask


def read_upscale_form(
    file: Picture,
    count: Annotated[int, Form(ge=1, le=_MOST_RESULTS, description="Results for each face.")] = _BATCH.count,
    quality: Annotated[Quality, Form(description="How long the search tries.")] = _UPSCALE.fast.quality,
    seed: Annotated[int, Form(ge=0, le=MOST_SEED, description="Of the first result.")] = _BATCH.seed,
    eps: Annotated[float, Form(ge=0, le=1, description="Downscaling error that is close enough.")] = _UPSCALE.fast.eps,
    time_limit: Annotated[
        float | None, Form(ge=0.1, le=600, description="Stop trying after so many seconds.")
    ] = _UPSCALE.fast.time_limit,
    degradation: Annotated[
        str,
        Form(
            max_length=_LONGEST_DEGRADATION,
            description="What made the input small, and with + what else happened to it, e.g. jpeg:30+noise:25.",
        ),
    ] = _UPSCALE.degradation,
    align: Annotated[
        Literal["16", "32", "64", "128", "256"] | None,
        Form(description="The picture is a photo: find its faces, and shrink them to this size, px."),
    ] = None,
    fit: Annotated[bool, Form(description="Crop and shrink a face of another size.")] = _BATCH.fit,
    exact: Annotated[bool, Form(description="Correct faces until they downscale to the input.")] = _UPSCALE.exact,
    max_faces: Annotated[int, Form(ge=1, le=_MOST_FACES, description="Of a photo: the largest.")] = 1,
) -> UpscaleForm:
    """Returns the settings of a form.

    Raises:
        PhotopulseError: if they contradict each other.
    """
    with bad_settings():
        if count * max_faces > _MOST_RESULTS:
            raise ValueError(f"count times max_faces may be {_MOST_RESULTS} at most")
        settings = BatchSettings(
            upscale=UpscaleSettings(
                degradation=degradation,
                fast=FastSettings(quality=quality, eps=eps, time_limit=time_limit),
                exact=exact,
            ),
            count=count,
            seed=seed,
            align_size=None if align is None else int(align),
            fit=fit,
        )
    task = UpscaleTask(
        settings=settings.upscale,
        count=settings.count,
        seed=settings.seed,
        align=settings.align_size,
        fit=settings.fit,
        max_faces=max_faces,
    )
    return UpscaleForm(file=file, task=task)
