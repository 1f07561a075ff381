"""The form of a job that restores a photo, or finds its faces: the settings and names of `photopulse restore`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import File, Form, UploadFile

from photopulse.restoration.batch_settings import RestoreBatchSettings
from photopulse.restoration.choice import parse_face
from photopulse.restoration.names import OutputFormat
from photopulse.restoration.settings import Enlarger, Halftone, Mode, Part, Repair, RestoreSettings, Tone
from photopulse.web.forms import MOST_SEED, Picture, bad_settings

_MOST_SCALE = 4
_WORKING_SIZES = (64, 2048)
_RESTORE = RestoreSettings()


@dataclass(frozen=True, kw_only=True)
class RestoreForm:
    """A form that was read and checked.

    Attributes:
        file: the photo.
        mask: picture that is white where the photo is damaged; None if there is none.
        settings: settings of the restoration.
        format: format of the result; None keeps the input's.
        save_mask: whether a picture of what was repaired is made, too.
    """

    file: UploadFile
    mask: UploadFile | None
    settings: RestoreSettings
    format: OutputFormat | None
    save_mask: bool


def read_restore_form(
    file: Picture,
    scale: Annotated[float, Form(ge=1, le=_MOST_SCALE, description="Width and height grow by it.")] = _RESTORE.scale,
    sr: Annotated[
        Enlarger, Form(description="What enlarges at last: own, or realesrgan, which is slow.")
    ] = _RESTORE.sr,
    strength: Annotated[
        float | None, Form(ge=0, le=1, description="Share of the restoration; else as much as the damage asks.")
    ] = _RESTORE.strength,
    fidelity: Annotated[
        float, Form(ge=0, le=1, description="0: most convincing face; 1: nearest to the input.")
    ] = _RESTORE.fidelity,
    mode: Annotated[Mode, Form(description="archival: nothing is generated.")] = _RESTORE.mode,
    only: Annotated[Part | None, Form(description="Only the faces, or only the photo.")] = _RESTORE.only,
    halftone: Annotated[Halftone, Form(description="auto: remove the dots of print.")] = _RESTORE.halftone,
    tone: Annotated[Tone, Form(description="auto: correct fading.")] = _RESTORE.tone,
    grain: Annotated[bool, Form(description="Add grain like the film grain that was removed.")] = _RESTORE.grain,
    seed: Annotated[int, Form(ge=0, le=MOST_SEED, description="Of the grain.")] = _RESTORE.seed,
    repair: Annotated[
        Repair, Form(description="auto: fill scratches, creases, spots and tears where any are found.")
    ] = _RESTORE.repair,
    mask: Annotated[
        UploadFile | None,
        File(description="Repair what is white in this picture, which is as large as the photo; turns repair on."),
    ] = None,
    save_mask: Annotated[bool, Form(description="Also give a picture of what was repaired; turns repair on.")] = False,
    max_faces: Annotated[int, Form(ge=0, le=64, description="So many of the largest.")] = _RESTORE.max_faces,
    face: Annotated[
        list[str], Form(max_length=64, description="Only this one: N, from 1, or X,Y in px. May be repeated.")
    ] = [],  # noqa: B006
    working_size: Annotated[
        int, Form(ge=_WORKING_SIZES[0], le=_WORKING_SIZES[1], description="Longer side when cleaned, px.")
    ] = _RESTORE.working_size,
    format: Annotated[OutputFormat | None, Form(description="Of the result; else the input's, or png.")] = None,
) -> RestoreForm:
    """Returns the settings of a form.

    Raises:
        PhotopulseError: if they contradict each other.
    """
    repairs = mask is not None or save_mask
    with bad_settings():
        settings = RestoreSettings(
            scale=scale,
            sr=sr,
            strength=strength,
            fidelity=fidelity,
            mode=mode,
            only=only,
            halftone=halftone,
            tone=tone,
            grain=grain,
            seed=seed,
            repair="auto" if repairs else repair,
            max_faces=max_faces,
            faces=tuple(parse_face(text) for text in face),
            working_size=working_size,
        )
        # Checks that a mask is used.
        RestoreBatchSettings(restore=settings, save_mask=repairs)
    return RestoreForm(file=file, mask=mask, settings=settings, format=format, save_mask=save_mask)
