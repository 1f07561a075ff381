"""From an old, blurred, noisy or small photo to a clean one, its faces restored."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.images import Photo, read_image, restored_metadata, write_image
from photopulse.images.given import ImageLike
from photopulse.images.gray import gray_of
from photopulse.images.resize import resized
from photopulse.images.transparent import with_visible_colours
from photopulse.restoration.choice import check_chosen
from photopulse.restoration.faces import (
    FaceAnswer,
    FoundFace,
    RestoredFace,
    find_faces,
    keep_faces,
    paste_faces,
    restore_faces,
    told_of,
)
from photopulse.restoration.grain import without_grain
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.look import PhotoDamage, measurable
from photopulse.restoration.networks import RestoreNetworks
from photopulse.restoration.plan import RestorePlan, Size, plan_restoration
from photopulse.restoration.repair import read_mask, repair
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import Stage, Stages
from photopulse.restoration.tint import find_tint

_LITTLE_GROWTH = 1.4


@dataclass(frozen=True, kw_only=True, eq=False)
class RestoredPhoto:
    """A restored photo, and what was done.

    Attributes:
        photo: the picture with all that a faithful copy needs: opacity, depth, colour profile, camera and date.
        damage: of the input, and so how much it was cleaned.
        cleaned: share of the cleaned picture that was used, 0 to 1, faces apart; None where none was asked for.
        mask: (1, 1, H, W), 1 where the input was damaged and is repaired, else 0; None where that was not asked for.
        faces: that were found, the largest first; None where none were looked for.
        settings: that were followed.
        seconds: by stage; stages that were not needed are not there.
    """

    photo: Photo
    damage: PhotoDamage
    cleaned: float | None
    mask: Tensor | None
    faces: tuple[RestoredFace, ...] | None
    settings: RestoreSettings
    seconds: dict[Stage, float]

    @property
    def image(self) -> Tensor:
        """The pixels, (1, 3, H, W) float32 in [0, 1] on the CPU, in the colours of ``photo.icc_profile``."""
        return self.photo.pixels

    @property
    def repaired(self) -> float | None:
        """The part of the input's pixels that was damaged and is repaired; None where that was not asked for."""
        return None if self.mask is None else self.mask.mean().item()

    @property
    def size(self) -> Size:
        """Width and height in px."""
        return self.image.shape[3], self.image.shape[2]

    def save(self, path: str | Path, *, source: str | None = None) -> None:
        """Writes the photo with metadata that say how it was restored; the suffix chooses the format.

        Depth, opacity, profile and EXIF data of the input are kept as far as the format holds them.

        Args:
            path: of the picture.
            source: name of the input, for the metadata.
        """
        photo = self.photo
        metadata = restored_metadata(
            version=version("photopulse"),
            faces=sum(face.restored for face in self.faces or ()),
            fidelity=self.settings.fidelity,
            source=source,
        )
        write_image(
            Path(path),
            photo.pixels,
            metadata=metadata,
            alpha=photo.alpha,
            bits=photo.bits,
            icc_profile=photo.icc_profile,
            exif=photo.exif,
            xmp=photo.xmp,
            comment=photo.comment,
            dpi=photo.dpi,
            gray=photo.gray,
        )


def restore_photo(
    photo: ImageLike,
    *,
    mask: ImageLike | None = None,
    settings: RestoreSettings | None = None,
    kit: RestoreKit | None = None,
    on_stage: Callable[[Stage], None] | None = None,
) -> RestoredPhoto:
    """Restores a photo of any size with any number of faces, none too.

    Scratches, creases, dust, spots and tears are found and filled first where that is asked for, see ``repair``. One
    look tells how damaged the photo is besides: what needs no cleaning gets none, and what needs little gets little.
    The photo network cleans it at one size or several, see ``plan_restoration``; if the photo is larger, the full-size
    network does the same to the photo itself; the enlarging network does what is left to do. Each face that lacks
    detail is drawn anew by a generator, so that it fits, and pasted at last. A photo in the shades of one colour stays
    one.

    Args:
        photo: a picture file, or pixels (1, 3, H, W) in [0, 1].
        mask: likewise, as large as the photo: what is white in it is repaired, and no damage is looked for.
        settings: of the restoration.
        kit: from ``RestoreKit.load`` for these settings; loaded anew, for the CPU, if None.
        on_stage: hears each stage as it begins.

    Raises:
        PhotopulseError: if the picture cannot be read, a chosen face is not in it, or a network is missing, fails, or
            returns what is no picture.
        ValueError: if the given pixels are not of that shape, or there is a mask and nothing is to be repaired.
    """
    settings = settings or RestoreSettings()
    if mask is not None and not settings.repairs:
        raise ValueError('a mask is of what is repaired: it goes with repair="auto"')
    kit = kit or RestoreKit.load(settings)
    stages = Stages(on_stage)
    with stages.stage("read"):
        name, given, measured = _read(photo)
    networks = RestoreNetworks(kit, name)
    plan = plan_restoration(
        (given.pixels.shape[3], given.pixels.shape[2]),
        longer_side=settings.working_size,
        scale=settings.scale,
        final=settings.size,
    )
    with torch.no_grad():
        with stages.stage("look"):
            damage, tint = kit.look(measured), find_tint(given.pixels)
        before, damaged = given.pixels, None
        if settings.repairs:
            with stages.stage("repair"):
                own = None if mask is None else read_mask(mask, given, name)
                repaired = repair(given, networks, own)
            given, damaged = replace(given, pixels=repaired.pixels), repaired.mask
        share = _share_to_clean(damage, settings, plan, given)
        large = resized(given.pixels, *plan.restored[::-1])
        found: list[FoundFace] = []
        if settings.looks_for_faces:
            with stages.stage("detect"):
                growth = large.shape[3] / given.pixels.shape[3]
                found = find_faces(large, _detector(kit, name), settings, growth=growth)
            check_chosen(settings.faces, [face.box for face in found], name)
        image, answers = _restored(large, measured, found, networks, share, plan, stages, settings)
        if plan.final != plan.restored and settings.strength != 0:
            with stages.stage("enlarge"):
                image = _to_final(image, plan.final, networks)
        drawn = [answer for answer in answers if answer.face.told.restored]
        if drawn:
            with stages.stage("paste"):
                # In the final size: faces are drawn larger than most photos show them.
                paste_faces(image, drawn, growth=plan.final[0] / plan.restored[0])
        if settings.strength is not None:
            image = _mixed(before, image, plan.final, settings.strength)
        if given.gray or _is_gray(given.pixels):
            image = _grayed(image)
        elif tint is not None and (share or drawn):
            image = tint.of(image)
        alpha = None if given.alpha is None else _resized_alpha(given.alpha, plan.final)
    return RestoredPhoto(
        photo=replace(given, pixels=image, alpha=alpha, dpi=_grown(given, plan.final)),
        damage=damage,
        cleaned=share if settings.cleans_the_photo else None,
        mask=damaged,
        faces=tuple(told_of(found, answers)) if settings.looks_for_faces else None,
        settings=settings,
        seconds=stages.seconds,
    )


def _restored(
    large: Tensor,
    measured: Tensor,
    found: list[FoundFace],
    networks: RestoreNetworks,
    share: float,
    plan: RestorePlan,
    stages: Stages,
    settings: RestoreSettings,
) -> tuple[Tensor, list[FaceAnswer]]:
    """Restores a picture that has the size ``plan.restored``; its chosen faces are still to be pasted."""
    chosen = [face for face in found if face.told.restored]
    # Faces are pasted in place, which must not change the caller's picture.
    image = torch.lerp(large, _cleaned(large, measured, networks, plan, stages), share) if share else large.clone()
    if not found:
        return image, []
    with stages.stage("faces"):
        answers: list[FaceAnswer] = []
        if chosen:
            growth = plan.final[0] / plan.restored[0]
            answers = restore_faces(large, chosen, networks, fidelity=settings.fidelity, growth=growth)
        if share:
            left = [face for face in found if not face.told.restored]
            left += [answer.face for answer in answers if not answer.face.told.restored]
            keep_faces(image, large, left)
    return image, answers


def _share_to_clean(damage: PhotoDamage, settings: RestoreSettings, plan: RestorePlan, given: Photo) -> float:
    """How much of the cleaned picture is wanted; what grows before it is cleaned is blurred by that."""
    if not settings.cleans_the_photo:
        return 0.0
    grows = plan.restored[0] > given.pixels.shape[3]
    return 1.0 if grows or settings.strength is not None else damage.strength


def _mixed(given: Tensor, restored: Tensor, size: Size, strength: float) -> Tensor:
    """The restored picture, or less of it, or none."""
    plain = resized(given, *size[::-1])
    return torch.lerp(plain, restored, strength) if strength else plain.clone()


def _cleaned(large: Tensor, measured: Tensor, networks: RestoreNetworks, plan: RestorePlan, stages: Stages) -> Tensor:
    small, cleaned = large, large
    # Only what was never cleaned has grain.
    seen = measured
    with stages.stage("photo"):
        for width, height in plan.cleaned:
            small = resized(cleaned, height, width)
            cleaned = networks.photo(without_grain(small, resized(seen, height, width)))
            seen = cleaned
    if plan.cleaned[-1] == plan.restored:
        return cleaned
    with stages.stage("full_size"):
        return networks.full_size(small, cleaned, large)


def _to_final(image: Tensor, size: Size, networks: RestoreNetworks) -> Tensor:
    """A little growth is left to cubic curves: to enlarge twice and shrink again costs time and shows nothing more."""
    while max(size[0] / image.shape[3], size[1] / image.shape[2]) > _LITTLE_GROWTH:
        image = networks.enlarge(image)
    return resized(image, *size[::-1])


def _grown(photo: Photo, size: Size) -> tuple[float, float] | None:
    """The pixels in an inch with which the photo prints as large as before."""
    if photo.dpi is None:
        return None
    return photo.dpi[0] * size[0] / photo.pixels.shape[3], photo.dpi[1] * size[1] / photo.pixels.shape[2]


def _is_gray(photo: Tensor) -> bool:
    red, green, blue = photo.unbind(1)
    return torch.equal(red, green) and torch.equal(red, blue)


def _grayed(image: Tensor) -> Tensor:
    """The luma in all three channels; a network may have brought colours into a gray picture."""
    return gray_of(image).repeat(1, 3, 1, 1)


def _resized_alpha(alpha: Tensor, size: Size) -> Tensor:
    if (alpha.shape[3], alpha.shape[2]) == size:
        return alpha
    return resized(alpha.expand(-1, 3, -1, -1), *size[::-1])[:, :1]


def _detector(kit: RestoreKit, name: str) -> FaceDetector:
    if kit.detector is None:
        raise PhotopulseError(
            f"cannot restore the faces of {name}",
            why="the face detector was not loaded",
            fix="load the kit for the same settings",
        )
    return kit.detector


def _read(photo: ImageLike) -> tuple[str, Photo, Tensor]:
    """Reads a picture in its own colours, with a name for messages; and its pixels as they can be measured."""
    if not isinstance(photo, Tensor):
        read = read_image(Path(photo), own_colours=True)
        measured = measurable(read)
        if read.alpha is not None:
            read = replace(read, pixels=with_visible_colours(read.pixels, read.alpha))
        return str(photo), read, measured
    if photo.ndim != 4 or photo.shape[:2] != (1, 3) or not photo.is_floating_point():
        raise ValueError(f"pixels must be floats (1, 3, H, W), but are {photo.dtype} {tuple(photo.shape)}")
    pixels = photo.detach().float().cpu().clamp(0, 1)
    given = Photo(pixels=pixels, alpha=None, gray=False, bits=8, icc_profile=None, exif=None)
    return "the given picture", given, pixels
