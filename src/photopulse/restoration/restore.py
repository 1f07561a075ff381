"""Restores one photo: cleans, repairs and enlarges it, and redraws its faces."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.images import Photo
from photopulse.images.given import ImageLike, read_given
from photopulse.images.gray import gray_of, is_gray
from photopulse.images.resize import resized
from photopulse.images.transparent import with_visible_colours
from photopulse.provenance.payload import payload_of
from photopulse.restoration.choice import check_chosen
from photopulse.restoration.face_mark import mark_faces
from photopulse.restoration.faces import FoundFace, RestoredFace, find_faces, keep_faces, paste_faces, restore_faces
from photopulse.restoration.grain import without_grain
from photopulse.restoration.grain_back import measure_grain, with_grain
from photopulse.restoration.kit import RestoreKit
from photopulse.restoration.look import PhotoDamage, measurable
from photopulse.restoration.mend import Mending, mendings
from photopulse.restoration.networks import RestoreNetworks
from photopulse.restoration.plan import RestorePlan, Size, plan_restoration
from photopulse.restoration.repair import read_mask, repair
from photopulse.restoration.restored_photo import RestoredPhoto
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import Stage, Stages
from photopulse.restoration.tint import Tint, find_tint

_LITTLE_GROWTH = 1.4


def restore_photo(
    photo: ImageLike,
    *,
    mask: ImageLike | None = None,
    settings: RestoreSettings | None = None,
    kit: RestoreKit | None = None,
    on_stage: Callable[[Stage], None] | None = None,
) -> RestoredPhoto:
    """Restores a photo of any size, with any number of faces or none.

    The damage is measured first: an undamaged photo is returned unchanged, a slightly damaged one is cleaned slightly.
    Scratches, creases, dust, spots and tears are found and filled if that is asked for (``repair``). Halftone
    screens and fading are corrected (``mendings``). The photo network cleans the photo at one size or several, see
    ``plan_restoration``; for a larger photo, the full-size network applies the change at full size; the enlarging
    network does the rest of the enlargement. Each face that lacks detail is redrawn by a generator such that it fits,
    and pasted. Grain is added at the end if it is asked for, and redrawn faces are marked. A photo in shades of one
    colour stays one.

    Args:
        photo: a path, bytes, an open file, a PIL image, or pixels in an array or a tensor, see ``ImageLike``.
        mask: picture of the photo's size, given in the same ways; its white parts are repaired, and no damage is
            searched for.
        settings: settings of the restoration; the defaults if None.
        kit: kit from ``RestoreKit.load`` for these settings; loaded for the CPU if None.
        on_stage: function that is called with the name of each stage when it begins.

    Raises:
        PhotopulseError: if the picture cannot be read, a chosen face is not in it, or a network is missing, fails, or
            returns an invalid picture.
        ValueError: if given pixels have another shape, type or range than those of ``ImageLike``, or there is a mask
            although the settings repair nothing.
    """
    # Read and mend the photo, find its faces, and clean it.
    settings = settings or RestoreSettings()
    _check_mask(mask, settings)
    kit = kit or RestoreKit.load(settings)
    stages = Stages(on_stage)
    with torch.no_grad():
        begun = _begun(photo, mask, settings, kit, stages)
        given, plan, networks, large = begun.given, begun.plan, begun.networks, begun.large
        share, tint = _share_to_clean(begun.left, settings, plan, given), find_tint(begun.mended)
        found = _found(begun, kit, settings, stages)
        # Faces are pasted in place, which must not change the caller's picture.
        image = (
            torch.lerp(large, _cleaned(large, begun.measured, networks, plan, stages), share)
            if share
            else large.clone()
        )
        grain = measure_grain(large, image) if settings.grain and share else None
        # Redraw the faces, enlarge, paste.
        growth = plan.final[0] / plan.restored[0]
        if found:
            with stages.stage("faces"):
                found = restore_faces(large, found, networks, fidelity=settings.fidelity, growth=growth)
                if share:
                    keep_faces(image, large, found)
        if plan.final != plan.restored and settings.strength != 0:
            with stages.stage("enlarge"):
                image = _to_final(image, plan.final, networks if settings.may_enlarge else None)
        drawn = any(face.crop is not None for face in found)
        if drawn:
            with stages.stage("paste"):
                # In the final size: faces are drawn larger than most photos show them.
                paste_faces(image, found, growth=growth)
        # Grain, strength, and the colours of the given photo.
        if grain is not None:
            with stages.stage("grain"):
                image = with_grain(image, grain, torch.Generator().manual_seed(settings.seed), growth=growth)
        if settings.strength is not None:
            image = _mixed(given.pixels, image, plan.final, settings.strength)
        if drawn:
            found = mark_faces(
                image,
                found,
                payload_of("restore", generator=kit.fingerprints["face"], seed=0),
                settings.mark,
                growth=growth,
            )
        image = _in_its_colours(image, given, tint if share or drawn else None)
        alpha = None if given.alpha is None else _resized_alpha(given.alpha, plan.final)
    return RestoredPhoto(
        photo=replace(given, pixels=image, alpha=alpha, dpi=_grown(given, plan.final)),
        damage=begun.damage,
        mended=tuple(stage for stage, _ in begun.needed),
        cleaned=share if settings.cleans_the_photo else None,
        mask=begun.mask,
        faces=tuple(face.told for face in found) if settings.looks_for_faces else None,
        settings=settings,
        seconds=stages.seconds,
        networks=kit.fingerprints,
        given_size=(given.pixels.shape[3], given.pixels.shape[2]),
    )


def find_photo_faces(
    photo: ImageLike,
    *,
    mask: ImageLike | None = None,
    settings: RestoreSettings | None = None,
    kit: RestoreKit | None = None,
    on_stage: Callable[[Stage], None] | None = None,
) -> tuple[RestoredFace, ...]:
    """Returns the faces that ``restore_photo`` finds with these arguments, the largest first, and restores nothing.

    ``restored`` says of each face whether it would be redrawn, unless the generator then cannot fit it.

    Raises:
        PhotopulseError, ValueError: as ``restore_photo``.
    """
    settings = settings or RestoreSettings()
    _check_mask(mask, settings)
    kit = kit or RestoreKit.load(settings)
    stages = Stages(on_stage)
    with torch.no_grad():
        found = _found(_begun(photo, mask, settings, kit, stages), kit, settings, stages)
    return tuple(face.told for face in found)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Begun:
    """A photo that was repaired and mended, before its faces are searched for and it is cleaned.

    Attributes:
        name: name of the photo for messages.
        given: photo as it was read.
        networks: networks of the restoration.
        plan: sizes of the restoration.
        damage: damage of the photo as it was read.
        left: damage after the mending.
        needed: corrections of halftone and fading that were made.
        mask: mask of what was repaired; None if no repair was asked for.
        mended: photo (1, 3, H, W) after repair and corrections.
        measured: the same in the colours in which damage can be measured.
        large: mended photo at the size at which it is restored.
    """

    name: str
    given: Photo
    networks: RestoreNetworks
    plan: RestorePlan
    damage: PhotoDamage
    left: PhotoDamage
    needed: list[Mending]
    mask: Tensor | None
    mended: Tensor
    measured: Tensor
    large: Tensor


def _begun(
    photo: ImageLike, mask: ImageLike | None, settings: RestoreSettings, kit: RestoreKit, stages: Stages
) -> _Begun:
    # Read the photo and measure its damage.
    with stages.stage("read"):
        name, given, measured = _read(photo)
    networks = RestoreNetworks(kit, name)
    plan = _plan((given.pixels.shape[3], given.pixels.shape[2]), settings)
    with stages.stage("look"):
        damage = kit.look(measured)
    # Fill scratches and spots.
    mended, damaged = given.pixels, None
    if settings.repairs:
        with stages.stage("repair"):
            repaired = repair(given, networks, None if mask is None else read_mask(mask, given, name))
        measured = repaired.pixels if measured is given.pixels else measured
        mended, damaged = repaired.pixels, repaired.mask
    # Correct halftone and fading. Dots count as noise, and stretched tones amplify it: measure the damage again.
    needed = mendings(damage, settings)
    mended, measured = _mended(mended, measured, needed, stages)
    return _Begun(
        name=name,
        given=given,
        networks=networks,
        plan=plan,
        damage=damage,
        left=kit.look(measured) if needed else damage,
        needed=needed,
        mask=damaged,
        mended=mended,
        measured=measured,
        large=resized(mended, *plan.restored[::-1]),
    )


def _check_mask(mask: ImageLike | None, settings: RestoreSettings) -> None:
    if mask is not None and not settings.repairs:
        raise ValueError('a mask tells what is repaired: it goes with repair="auto"')


def _plan(size: Size, settings: RestoreSettings) -> RestorePlan:
    """Returns the sizes of the restoration; archival mode cleans at the photo's own size and then interpolates."""
    plan = plan_restoration(size, longer_side=settings.working_size, scale=settings.scale, final=settings.size)
    if settings.draws_anew:
        return plan
    return replace(plan_restoration(size, longer_side=settings.working_size), final=plan.final)


def _mended(photo: Tensor, measured: Tensor, needed: list[Mending], stages: Stages) -> tuple[Tensor, Tensor]:
    """Returns the corrected photo, and the corrected picture in which its damage can be measured."""
    for stage, mend in needed:
        with stages.stage(stage):
            alike = measured is photo
            photo = mend(photo)
            measured = photo if alike else mend(measured)
    return photo, measured


def _found(begun: _Begun, kit: RestoreKit, settings: RestoreSettings, stages: Stages) -> list[FoundFace]:
    if not settings.looks_for_faces:
        return []
    growth = begun.large.shape[3] / begun.given.pixels.shape[3]
    with stages.stage("detect"):
        found = find_faces(begun.large, _detector(kit, begun.name), settings, growth=growth)
    check_chosen(settings.faces, [face.box for face in found], begun.name)
    return found


def _share_to_clean(damage: PhotoDamage, settings: RestoreSettings, plan: RestorePlan, given: Photo) -> float:
    """Returns the weight of the cleaned picture in the result, in [0, 1].

    It is 1 for a photo that is enlarged before it is cleaned, because enlarging blurs it.
    """
    if not settings.cleans_the_photo:
        return 0.0
    grows = plan.restored[0] > given.pixels.shape[3]
    if grows or settings.strength is not None:
        return 1.0
    return damage.strength if settings.draws_anew else damage.dirt


def _in_its_colours(image: Tensor, given: Photo, tint: Tint | None) -> Tensor:
    """Returns the image without the colours that a network may have added to a gray or tinted photo."""
    if given.gray or is_gray(given.pixels):
        return _grayed(image)
    return image if tint is None else tint.of(image)


def _mixed(given: Tensor, restored: Tensor, size: Size, strength: float) -> Tensor:
    """Returns the interpolation between the resized input (strength 0) and the restored picture (1)."""
    plain = resized(given, *size[::-1])
    return torch.lerp(plain, restored, strength) if strength else plain.clone()


def _cleaned(large: Tensor, measured: Tensor, networks: RestoreNetworks, plan: RestorePlan, stages: Stages) -> Tensor:
    # Clean at one size after the other. Only the first has grain: the following ones are cleaned already.
    small, cleaned = large, large
    seen = measured
    with stages.stage("photo"):
        for width, height in plan.cleaned:
            small = resized(cleaned, height, width)
            cleaned = networks.photo(without_grain(small, resized(seen, height, width)))
            seen = cleaned
    if plan.cleaned[-1] == plan.restored:
        return cleaned
    # Apply the change at full size.
    with stages.stage("full_size"):
        return networks.full_size(small, cleaned, large)


def _to_final(image: Tensor, size: Size, networks: RestoreNetworks | None) -> Tensor:
    """Returns the image at its final size, enlarged by the network, then resized by cubic interpolation.

    Up to a factor of 1.4 the network is not used: doubling and downscaling again takes time and shows no more detail.
    Without networks, all of the enlargement is interpolated.
    """
    while networks is not None and max(size[0] / image.shape[3], size[1] / image.shape[2]) > _LITTLE_GROWTH:
        image = networks.enlarge(image)
    return resized(image, *size[::-1])


def _grown(photo: Photo, size: Size) -> tuple[float, float] | None:
    """Returns the resolution in dots per inch with which the result prints as large as the input; None if unknown."""
    if photo.dpi is None:
        return None
    return photo.dpi[0] * size[0] / photo.pixels.shape[3], photo.dpi[1] * size[1] / photo.pixels.shape[2]


def _grayed(image: Tensor) -> Tensor:
    """Returns the luma in all three channels."""
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
    """Returns the photo's name for messages, the photo in its own colour space, and the pixels to be measured."""
    name, read = read_given(photo, own_colours=True)
    measured = measurable(read)
    if read.alpha is not None:
        read = replace(read, pixels=with_visible_colours(read.pixels, read.alpha))
    return name, read, measured
