"""Says what a restoration did to a photo, for its signed credentials."""

from collections.abc import Collection, Mapping, Sequence

from photopulse.restoration.faces import RestoredFace
from photopulse.restoration.plan import Size
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import Stage

_FEW = 0.001  # A smaller share is not told as 0.0 %.


def is_generated(faces: Sequence[RestoredFace], repaired: float | None) -> bool:
    """Returns whether a part of the photo was generated: a redrawn face, or damage that was filled."""
    return any(face.restored for face in faces) or bool(repaired)


def networks_used(
    networks: Mapping[str, str], stages: Collection[Stage], settings: RestoreSettings, *, drawn: bool
) -> dict[str, str]:
    """Returns those of the loaded networks whose stages were run.

    Args:
        networks: fingerprints of the loaded networks, by their names.
        stages: stages that were run.
        settings: settings of the restoration.
        drawn: whether a face was redrawn.
    """
    ran = {
        "face": drawn,
        "photo": "photo" in stages or "faces" in stages,
        "full_size": "full_size" in stages,
        "enlarge": "enlarge" in stages and settings.may_enlarge,
        "damage_mask": "repair" in stages,
        "inpaint": "repair" in stages,
    }
    return {name: told for name, told in networks.items() if ran[name]}


def described(
    faces: Sequence[RestoredFace],
    repaired: float | None,
    mended: Sequence[str],
    cleaned: float | None,
    sizes: tuple[Size, Size],
) -> str:
    """Returns what was done, in words; "" if nothing was done.

    Args:
        faces: faces that were found.
        repaired: share of the pixels that were filled; None if no repair was asked for.
        mended: corrections that were made: ``"halftone"``, ``"tone"``.
        cleaned: weight of the cleaned picture outside of faces; None if the photo was not to be cleaned.
        sizes: width and height before and after.
    """
    drawn = sum(face.restored for face in faces)
    before, after = ("{} x {} px".format(*size) for size in sizes)
    done: Mapping[str, bool] = {
        f"{drawn} of {len(faces)} faces were redrawn by a generator": drawn > 0,
        f"{_percent(repaired or 0)} of the pixels were filled by a network, where damage was found": bool(repaired),
        "a halftone screen was removed": "halftone" in mended,
        "fading was corrected": "tone" in mended,
        f"the photo was cleaned by networks, by {_percent(cleaned or 0)}": bool(cleaned),
        f"it was resized from {before} to {after}": before != after,
    }
    return "; ".join(words for words, is_so in done.items() if is_so)


def _percent(share: float) -> str:
    return "less than 0.1 %" if share < _FEW else f"{100 * share:.1f} %"
