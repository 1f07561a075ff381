"""The result of a restoration, and how it is written to a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from photopulse.images import Photo, restored_metadata, write_image
from photopulse.images.opening import GIVEN
from photopulse.provenance.signing import Edit, Signature, seal_edited
from photopulse.restoration.edits import described, is_generated, networks_used
from photopulse.restoration.faces import RestoredFace
from photopulse.restoration.look import PhotoDamage
from photopulse.restoration.plan import Size
from photopulse.restoration.settings import RestoreSettings
from photopulse.restoration.stages import Stage


@dataclass(frozen=True, kw_only=True, eq=False)
class RestoredPhoto:
    """A restored photo, with a record of what was done to it.

    Attributes:
        photo: result with the alpha channel, bit depth, colour profile and metadata of the input.
        damage: damage that was measured in the input.
        mended: stages that corrected the photo before it was cleaned: ``"halftone"``, ``"tone"``.
        cleaned: weight of the cleaned picture in the result outside of faces, in [0, 1]; None if only faces were to be
            restored.
        mask: mask (1, 1, H, W) in px of the input, 1 where it was repaired, else 0; None if no repair was asked for.
        faces: faces that were found, largest first; None if none were searched for.
        settings: settings of the restoration.
        seconds: duration of each stage in seconds; stages that were not run are absent.
        networks: fingerprints of the networks that were loaded, by their names, see ``RestoreKit``.
        given_size: width and height of the input in px.
    """

    photo: Photo
    damage: PhotoDamage
    mended: tuple[Stage, ...]
    cleaned: float | None
    mask: Tensor | None
    faces: tuple[RestoredFace, ...] | None
    settings: RestoreSettings
    seconds: dict[Stage, float]
    networks: Mapping[str, str]
    given_size: Size

    @property
    def image(self) -> Tensor:
        """Returns the pixels, (1, 3, H, W) float32 in [0, 1] on the CPU, in the colours of ``photo.icc_profile``."""
        return self.photo.pixels

    @property
    def repaired(self) -> float | None:
        """Returns the share of the input's pixels that were repaired; None if no repair was asked for."""
        return None if self.mask is None else self.mask.mean().item()

    @property
    def size(self) -> Size:
        """Returns the width and height in px."""
        return self.image.shape[3], self.image.shape[2]

    def save(
        self,
        path: str | Path,
        *,
        source: str | None = None,
        signature: Signature | None = None,
        opened: Path | None = None,
    ) -> None:
        """Writes the photo, with metadata about the restoration, in the format that the suffix names.

        Bit depth, alpha channel, colour profile and EXIF data of the input are kept where the format supports them.

        Args:
            path: file to write.
            source: name of the input, which is written into the metadata.
            signature: what the file is signed with, before anything is written; None for no signature.
            opened: the input's file, which becomes an ingredient of the signed credentials.
        """
        # Describe the restoration, then write the pixels with all metadata.
        photo = self.photo
        metadata = restored_metadata(
            version=version("photopulse"),
            faces=sum(face.restored for face in self.faces or ()),
            fidelity=self.settings.fidelity,
            mode=self.settings.mode,
            source=source,
            generator=self.networks.get("face"),
            changed=bool(self._done()),
            marked=sum(face.mark not in {None, "off", "too small"} for face in self.faces or ()),
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
            iptc=photo.iptc,
            dpi=photo.dpi,
            gray=photo.gray,
            seal=None if signature is None else seal_edited(signature, Path(path).name, self._edit(source, opened)),
        )

    def _done(self) -> str:
        """Returns what was done to the photo, in words; "" if nothing was done."""
        sizes = self.given_size, self.size
        return described(self.faces or (), self.repaired, self.mended, self.cleaned, sizes)

    def _edit(self, source: str | None, opened: Path | None) -> Edit:
        """Returns what the credentials tell of the restoration."""
        faces = self.faces or ()
        return Edit(
            generated=is_generated(faces, self.repaired),
            description=self._done(),
            networks=networks_used(
                self.networks, self.seconds, self.settings, drawn=any(face.restored for face in faces)
            ),
            title=source or GIVEN,
            file=opened,
        )
