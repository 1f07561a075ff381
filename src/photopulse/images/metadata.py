"""Metadata that marks pictures as synthetic or restored: text fields for people, an XMP packet for programs."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import cast
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from PIL import Image

from photopulse.images.opening import open_image

SYNTHETIC_KEY = "photopulse:synthetic"
RESTORED_KEY = "photopulse:restored"
UNCHANGED = "nothing"
"""Value of ``RESTORED_KEY`` in a photo to which nothing was done."""
XMP_KEYWORD = "XML:com.adobe.xmp"

_NAMESPACE = "urn:photopulse:metadata:1"
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_SOURCE_TYPE_OF = {
    (SYNTHETIC_KEY, "true"): "trainedAlgorithmicMedia",
    (RESTORED_KEY, "faces"): "compositeWithTrainedAlgorithmicMedia",
    (RESTORED_KEY, "photo"): "algorithmicallyEnhanced",
}
_MAX_XMP_BYTES = 2**20
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
{description}
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_DESCRIPTION = """  <rdf:Description rdf:about="" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:photopulse="{namespace}">
{properties}
  </rdf:Description>"""
_RDF_END = "</rdf:RDF>"


def synthetic_metadata(*, generator: str, seed: int, version: str, method: str, source: str | None) -> dict[str, str]:
    """Returns the metadata of a synthetic picture, for ``write_image``: that it is synthetic, and how it was made.

    Args:
        generator: name of the generator.
        seed: seed of the result.
        version: photopulse's version.
        method: name of the search method.
        source: name of the input picture; None if there was none.
    """
    metadata = {
        "Software": f"photopulse {version}",
        "Description": f"Synthetic face made by photopulse {version} ({generator}); it identifies no one",
        SYNTHETIC_KEY: "true",
        "photopulse:generator": generator,
        "photopulse:method": method,
        "photopulse:seed": str(seed),
        "photopulse:version": version,
    }
    if source is not None:
        metadata["photopulse:source"] = source
    return clean(metadata)


def restored_metadata(
    *,
    version: str,
    faces: int,
    fidelity: float,
    mode: str,
    source: str | None,
    generator: str | None = None,
    marked: int | None = None,
    changed: bool = True,
) -> dict[str, str]:
    """Returns the metadata of a restored photo, for ``write_image``: the program, and the number of redrawn faces.

    Args:
        version: photopulse's version.
        faces: number of faces that were partly redrawn by a network.
        fidelity: fidelity with which they were redrawn.
        mode: ``"archival"`` if nothing was generated, else ``"enhance"``.
        source: name of the input picture; None if there was none.
        generator: fingerprint of the networks that redrew faces; None if it is not known.
        marked: number of redrawn faces that have an invisible mark; None if it is not known.
        changed: whether anything was done to the photo; one that needs nothing is only written anew.
    """
    # Fields of all restored photos, then those that apply to some.
    redrawn = "; faces were partly redrawn by a neural network" if faces else ""
    redrawn = "; nothing was generated" if mode == "archival" else redrawn
    metadata = {
        "Software": f"photopulse {version}",
        "Description": f"Restored by photopulse {version}{redrawn}"
        if changed
        else f"Unchanged by photopulse {version}",
        RESTORED_KEY: ("faces" if faces else "photo") if changed else UNCHANGED,
        "photopulse:faces": str(faces),
        "photopulse:mode": mode,
        "photopulse:version": version,
    }
    if faces:
        metadata["photopulse:fidelity"] = f"{fidelity:g}"
        metadata |= {} if generator is None else {"photopulse:generator": generator}
        metadata |= {} if marked is None else {"photopulse:marked_faces": str(marked)}
    if source is not None:
        metadata["photopulse:source"] = source
    return clean(metadata)


def clean(metadata: Mapping[str, str]) -> dict[str, str]:
    """Replaces characters that text fields cannot hold: control characters, lone surrogates, carriage returns.

    Raises:
        ValueError: if a key is not 1 to 79 printable ASCII characters.
    """
    for key in metadata:
        if not 1 <= len(key) <= 79 or not key.isascii() or not key.isprintable() or key != key.strip():
            raise ValueError(f"a metadata key has 1 to 79 printable ASCII characters, got {key!r}")
    plain = {key: re.sub("\r\n?", "\n", value) for key, value in metadata.items()}
    return {key: _NOT_XML.sub("\ufffd", value) for key, value in plain.items()}


def xmp_packet(metadata: Mapping[str, str], given: bytes | None = None) -> bytes:
    """Builds an XMP packet with ``metadata`` in a property of our own and, where possible, in standard properties.

    Synthetic pictures get the digital source type "trained algorithmic media" (IPTC Photo Metadata 2023.2), photos
    with redrawn faces "composite with trained algorithmic media", other restored photos "algorithmically enhanced".

    Args:
        metadata: texts by key, cleaned by ``clean``.
        given: XMP packet of the input, whose properties (title, keywords, rating) are kept. It is left out if it is
            damaged or has properties of photopulse already.
    """
    # Our property, and the digital source type.
    kept = _kept_packet(given)
    properties = [f"   <photopulse:metadata>{escape(json.dumps(dict(metadata)))}</photopulse:metadata>"]
    for (key, value), kind in _SOURCE_TYPE_OF.items():
        if metadata.get(key) == value:
            properties.append(
                f"   <Iptc4xmpExt:DigitalSourceType>{_SOURCE_TYPES}{kind}</Iptc4xmpExt:DigitalSourceType>"
            )
    # Standard properties that the input does not have.
    if "Software" in metadata and "CreatorTool" not in kept:
        properties.append(f"   <xmp:CreatorTool>{escape(metadata['Software'])}</xmp:CreatorTool>")
    if "Description" in metadata and "dc:description" not in kept:
        text = f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(metadata["Description"])}</rdf:li></rdf:Alt>'
        properties.append(f"   <dc:description>{text}</dc:description>")
    # Add them to the input's packet if it stays valid XML, else write a packet of our own.
    description = _DESCRIPTION.format(namespace=_NAMESPACE, properties="\n".join(properties))
    if kept:
        before, _, after = kept.rpartition(_RDF_END)
        joined = f"{before}{description}\n{_RDF_END}{after}".encode()
        if _parsed(joined) is not None:
            return joined
    return _PACKET.format(description=description).encode()


def _kept_packet(given: bytes | None) -> str:
    """Returns the input's packet as text; empty if nothing can be added to it."""
    if given is None or _NAMESPACE.encode() in given or _parsed(given) is None:
        return ""
    text = given.decode("utf-8", errors="replace").strip("\0 \n\ufeff")
    return text if _RDF_END in text else ""


def _parsed(packet: bytes) -> ElementTree.Element | None:
    # Entity declarations can make an XML document expand in memory; XMP packets have none.
    if len(packet) > _MAX_XMP_BYTES or b"<!" in packet:
        return None
    with suppress(ElementTree.ParseError, ValueError):
        return ElementTree.fromstring(packet.strip(b"\0 \n"))
    return None


def read_metadata(path: Path) -> dict[str, str]:
    """Reads the ``metadata`` that ``write_image`` wrote, and the text fields of any PNG; {} if there are none.

    Raises:
        PhotopulseError: if the file is no readable picture.
    """
    with open_image(path, max_pixels=2**62) as (image, _):
        return _png_text(image) | _from_xmp(image)


def _png_text(image: Image.Image) -> dict[str, str]:
    if image.format != "PNG":
        return {}
    info = cast("dict[str, object]", image.info)
    return {key: str(value) for key, value in info.items() if isinstance(value, str) and key != XMP_KEYWORD}


def _from_xmp(image: Image.Image) -> dict[str, str]:
    """Reads our own property of a picture's XMP packet; {} if it is missing or damaged."""
    # Pillow keeps the packet under one of two names, as text or as bytes.
    packet: object = image.info.get("xmp") or image.info.get(XMP_KEYWORD)
    if isinstance(packet, str):
        packet = packet.encode()
    document = _parsed(packet) if isinstance(packet, bytes) else None
    if document is None:
        return {}
    # The property is a JSON object of texts.
    try:
        element = document.find(f".//{{{_NAMESPACE}}}metadata")
        found: object = json.loads(element.text or "") if element is not None else {}
    except ValueError:
        return {}
    items = cast("dict[str, object]", found).items() if isinstance(found, dict) else ()
    return {key: value for key, value in items if isinstance(value, str)}
