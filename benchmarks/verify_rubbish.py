"""Gives `photopulse verify` damaged and hostile files: no crash, no false "valid", no error that is not its own.

    nice python benchmarks/verify_rubbish.py --files 500

Of each kind of file in ``KINDS`` as many are made, from a seed, and given to the command in batches. What it tells is
compared with what may be told: credentials are intact only where the pixels are those that were signed.
"""

import argparse
import io
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photopulse.provenance.local_chain import make_local_chain
from photopulse.provenance.signing import Signature, load_signature, seal_created

SHORT = 3.0
"""Seconds after which one of the certificates expires."""

_BATCH = 50
_HALVES = "0011-0010-8000-00aa00389b71"  # Of the identifiers of JUMBF boxes.


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file, and what may be told of it.

    Attributes:
        suffix: suffix of its name.
        content: content.
        claims: whether its metadata may say that it is synthetic.
        trusted: whether it must be told as trusted.
    """

    suffix: str
    content: bytes
    claims: bool = False
    trusted: bool = False


@dataclass(frozen=True, kw_only=True)
class Bases:
    """Intact signed pictures, by their suffixes: two of each format, and the same without a signature."""

    signed: Mapping[str, Sequence[bytes]]
    plain: Mapping[str, bytes]
    expired: bytes
    own: bytes

    def any(self, draw: random.Random) -> tuple[str, bytes]:
        """Returns the suffix and the content of a signed picture."""
        suffix = draw.choice(list(self.signed))
        return suffix, draw.choice(self.signed[suffix])


def make_bases(signature: Signature, expired: Signature, own: Signature) -> Bases:
    """Signs pictures of random pixels; those of ``expired`` must be looked at only after its certificate's end."""
    formats = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP", ".tif": "TIFF"}
    seal = seal_created(signature, "picture", {"tiny": "abc"})
    plain = {suffix: [_picture(kind, seed) for seed in (0, 1)] for suffix, kind in formats.items()}
    return Bases(
        signed={suffix: [seal(one) for one in two] for suffix, two in plain.items()},
        plain={suffix: two[0] for suffix, two in plain.items()},
        expired=seal_created(expired, "picture", {"tiny": "abc"})(plain[".png"][0]),
        own=seal_created(own, "picture", {"tiny": "abc"})(plain[".png"][0]),
    )


def _picture(kind: str, seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (72, 88, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


# Damage.


def intact(draw: random.Random, bases: Bases) -> Case:
    """The control: what is intact is trusted."""
    suffix, content = bases.any(draw)
    return Case(suffix=suffix, content=content, trusted=True)


def cut(draw: random.Random, bases: Bases) -> Case:
    """The end is missing."""
    suffix, content = bases.any(draw)
    return Case(suffix=suffix, content=content[: draw.randrange(len(content))])


def flipped(draw: random.Random, bases: Bases) -> Case:
    """Some bits are others."""
    suffix, content = bases.any(draw)
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return Case(suffix=suffix, content=bytes(changed))


def overwritten(draw: random.Random, bases: Bases) -> Case:
    """A part is random."""
    suffix, content = bases.any(draw)
    start, length = draw.randrange(len(content)), draw.choice((1, 16, 256, 4096))
    return Case(suffix=suffix, content=content[:start] + draw.randbytes(length) + content[start + length :])


def tampered(draw: random.Random, bases: Bases) -> Case:
    """One pixel is another, and the file is valid otherwise."""
    content = draw.choice(bases.signed[".png"])
    chunks = _chunks(content)
    raw = bytearray(zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT")))
    row = draw.randrange(72) * (1 + 3 * 88)
    raw[row + 1 + draw.randrange(3 * 88)] ^= 1 << draw.randrange(8)
    others = [(kind, data) for kind, data in chunks if kind not in {b"IDAT", b"IEND"}]
    return Case(suffix=".png", content=_png([*others, (b"IDAT", zlib.compress(bytes(raw))), (b"IEND", b"")]))


def swapped(draw: random.Random, bases: Bases) -> Case:
    """It has the credentials of another picture."""
    first, second = draw.sample(list(bases.signed[".png"]), 2)
    own = [(kind, data) for kind, data in _chunks(first) if kind != b"caBX"]
    return Case(suffix=".png", content=_png([own[0], (b"caBX", _manifest(second)), *own[1:]]))


def swapped_jpeg(draw: random.Random, bases: Bases) -> Case:
    """The same for JPEG, whose credentials are in segments."""
    first, second = draw.sample(list(bases.signed[".jpg"]), 2)
    segments, rest = _segments(first)
    others = [one for one in segments if one[1] != 0xEB]
    foreign = [one for one in _segments(second)[0] if one[1] == 0xEB]
    return Case(suffix=".jpg", content=b"\xff\xd8" + b"".join([*others, *foreign]) + rest)


# Certificates.


def expired(_draw: random.Random, bases: Bases) -> Case:
    """Its certificate has expired."""
    return Case(suffix=".png", content=bases.expired)


def self_signed(_draw: random.Random, bases: Bases) -> Case:
    """It was signed by somebody with a root of his own."""
    return Case(suffix=".png", content=bases.own)


# Containers.


def renamed(draw: random.Random, bases: Bases) -> Case:
    """Its name says another format, or none."""
    _, content = bases.any(draw)
    return Case(suffix=draw.choice((".png", ".jpg", ".svg", ".pdf", ".heic", ".dng", ".gif", ".jxl")), content=content)


def foreign(draw: random.Random, bases: Bases) -> Case:
    """The credentials are in a file of another kind, or behind its end."""
    manifest = _manifest(bases.signed[".png"][0])
    gif, bmp = _picture("GIF", 3), _picture("BMP", 3)
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><metadata>' + manifest.hex().encode() + b"</metadata></svg>"
    suffix, content = draw.choice(
        [
            (".gif", gif + manifest),
            (".bmp", bmp + manifest),
            (".png", bases.plain[".png"] + manifest),
            (".png", bases.plain[".png"] + bases.signed[".png"][0]),
            (".jpg", bases.plain[".jpg"] + bases.signed[".jpg"][0]),
            (".svg", svg),
            (".c2pa", manifest),
            (".png", b"%PDF-1.7\n" + bases.signed[".png"][0]),
            (".zip", b"PK\3\4" + bases.signed[".png"][0]),
            (".heic", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + manifest),
        ]
    )
    return Case(suffix=suffix, content=content)


# Bombs.


def broken_boxes(draw: random.Random, bases: Bases) -> Case:
    """Its credentials have wrong lengths and random bytes, in a chunk whose checksum is right."""
    manifest = bytearray(_manifest(bases.signed[".png"][0]))
    for _ in range(draw.choice((1, 4, 32))):
        place = draw.randrange(len(manifest) - 4)
        manifest[place : place + 4] = draw.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1", draw.randbytes(4)))
    return _with_manifest(bases, bytes(manifest))


def deep_boxes(draw: random.Random, bases: Bases) -> Case:
    """Its boxes lie in boxes, thousands of times."""
    content = b""
    for _ in range(draw.choice((100, 3_000, 20_000))):
        content = _box(b"jumb", _description("63326d61", "urn:c2pa:x") + content)
    return _with_manifest(bases, _box(b"jumb", _description("63327061", "c2pa") + content))


def deep_values(draw: random.Random, bases: Bases) -> Case:
    """A claim whose CBOR holds lists in lists, or announces more than there is."""
    depth = draw.choice((1_000, 100_000))
    inner = draw.choice((b"\x81" * depth + b"\0", b"\xa1\0" * depth + b"\0", b"\x9b" + b"\xff" * 8, b"\x5f" * depth))
    claim = _box(b"jumb", _description("6332636c", "c2pa.claim.v2") + _box(b"cbor", inner))
    signature = _box(b"jumb", _description("63326373", "c2pa.signature") + _box(b"cbor", inner))
    store = _box(b"jumb", _description("63326173", "c2pa.assertions"))
    manifest = _box(b"jumb", _description("63326d61", "urn:c2pa:x") + store + claim + signature)
    return _with_manifest(bases, _box(b"jumb", _description("63327061", "c2pa") + manifest))


def many_pixels(draw: random.Random, _bases: Bases) -> Case:
    """Its header announces far more pixels than it has."""
    side = draw.choice((60_000, 2**31 - 1))
    header = (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return Case(suffix=".png", content=_png([header, (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]))


def much_text(draw: random.Random, bases: Bases) -> Case:
    """Its text fields become large, expand entities, nest, or command the terminal."""
    own = _chunks(bases.plain[".png"])
    entities = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a xmlns:p="urn:photopulse:metadata:1"><p:metadata>%s</p:metadata></a>'
    )
    text = draw.choice(
        [
            (b"zTXt", b"photopulse:seed\0\0" + zlib.compress(bytes(64_000_000))),
            (b"tEXt", b"photopulse:generator\0" + b"\x1b[31m\x1b]0;x\x07" * 50),
            (b"tEXt", b"photopulse:synthetic\0true"),
            (b"iTXt", b"photopulse:source\0\0\0\0\0" + "\u202e\u2066\n\r\0".encode() * 50),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + entities),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet % (b"[" * 100_000) + b"</x:xmpmeta>"),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"<a>" * 50_000 + b"</a>" * 50_000),
        ]
    )
    return Case(suffix=".png", content=_png([own[0], text, *own[1:]]), claims=True)


KINDS: tuple[Callable[[random.Random, Bases], Case], ...] = (
    intact,
    cut,
    flipped,
    overwritten,
    tampered,
    swapped,
    swapped_jpeg,
    expired,
    self_signed,
    renamed,
    foreign,
    broken_boxes,
    deep_boxes,
    deep_values,
    many_pixels,
    much_text,
)


def _chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    place, chunks = 8, list[tuple[bytes, bytes]]()
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        chunks.append((png[place + 4 : place + 8], png[place + 8 : place + 8 + length]))
        place += 12 + length
    return chunks


def _png(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    framed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def _manifest(png: bytes) -> bytes:
    return next(data for kind, data in _chunks(png) if kind == b"caBX")


def _with_manifest(bases: Bases, manifest: bytes) -> Case:
    own = _chunks(bases.plain[".png"])
    return Case(suffix=".png", content=_png([own[0], (b"caBX", manifest), *own[1:]]))


def _segments(jpeg: bytes) -> tuple[list[bytes], bytes]:
    """Returns the segments of a JPEG before its first table, and the rest."""
    place, segments = 2, list[bytes]()
    while jpeg[place + 1] >= 0xE0:
        end = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        segments.append(jpeg[place:end])
        place = end
    return segments, jpeg[place:]


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _description(kind: str, label: str) -> bytes:
    identifier = bytes.fromhex((kind + _HALVES).replace("-", ""))
    return _box(b"jumd", identifier + b"\3" + label.encode() + b"\0")


# What is told.


def troubles(case: Case, path: Path, row: Mapping[str, Any], bases: Bases) -> list[str]:
    """Returns what is wrong with a row of `verify --json --trust`."""
    wrong: list[str] = []
    if row["error"] is not None:
        return (
            [f"a foreign error: {row['error']}"] if "unexpected" in row["error"] or "Traceback" in row["error"] else []
        )
    credentials = row["credentials"]
    state = None if credentials is None else credentials["state"]
    if state in {"trusted", "valid"} and not any(
        np.array_equal(_pixels(path.read_bytes()), _pixels(one)) for two in bases.signed.values() for one in two
    ):
        wrong.append(f"{state}, but other pixels were signed")
    if case.trusted != (state == "trusted") and (case.trusted or case.content in (bases.expired, bases.own)):
        wrong.append(f"it is told as {state}")
    if row["verdict"] != "nothing found" and state not in {"trusted", "valid"} and not case.claims:
        wrong.append(f"it is told as {row['verdict']}")
    if row["mark"]["found"]:
        wrong.append("a mark was found")
    return wrong


def _pixels(content: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def verified(paths: Sequence[Path], root: Path) -> tuple[list[dict[str, Any]], str]:
    """Runs the command on files; returns its rows, and what is wrong with how it ended."""
    command = [sys.executable, "-m", "photopulse", "verify", "--quick", "--json", "--trust", str(root)]
    ran = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False)
    if ran.returncode not in {0, 1, 3} or "Traceback" in ran.stderr:
        return [], f"it ended with {ran.returncode}: {ran.stderr[-500:]}"
    rows = json.loads(ran.stdout)
    return rows, "" if len(rows) == len(paths) else f"{len(rows)} rows for {len(paths)} files"


def signatures(folder: Path) -> tuple[Signature, Signature, Signature]:
    """Makes chains in a folder: one that is trusted, one that has expired soon, one of somebody else."""
    made: list[Signature] = []
    for name, valid in (
        ("known", timedelta(days=1)),
        ("expired", timedelta(seconds=SHORT)),
        ("own", timedelta(days=1)),
    ):
        make_local_chain(folder / name, valid=valid)
        made.append(load_signature(str(folder / name / "key.pem"), folder / name / "chain.pem"))
    return made[0], made[1], made[2]


def main() -> None:
    """Makes the files, has them verified, and prints what was told of each kind; exit code 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, wrong = random.Random(options.seed), list[str]()
    told: dict[str, Counter[str]] = {kind.__name__: Counter() for kind in KINDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bases = make_bases(*signatures(folder))
        time.sleep(SHORT + 0.5)
        kinds = [KINDS[number % len(KINDS)] for number in range(options.files)]
        cases = [(kind.__name__, kind(draw, bases)) for kind in kinds]
        paths = [folder / f"{number:05}{case.suffix}" for number, (_, case) in enumerate(cases)]
        for path, (_, case) in zip(paths, cases, strict=True):
            path.write_bytes(case.content)
        started = time.monotonic()
        for start in range(0, len(paths), _BATCH):
            some = slice(start, start + _BATCH)
            rows, ended = verified(paths[some], folder / "known" / "root.pem")
            wrong += [ended] if ended else []
            for path, (kind, case), row in zip(paths[some], cases[some], rows, strict=False):
                state = "refused" if row["error"] else (row["credentials"] or {"state": "no credentials"})["state"]
                told[kind][state] += 1
                wrong += [f"{kind} {path.name}: {one}" for one in troubles(case, path, row, bases)]
        seconds = time.monotonic() - started
    for kind, counts in told.items():
        print(f"{kind}: {', '.join(f'{count} {state}' for state, count in counts.most_common())}")
    print(f"{len(paths)} files in {seconds:.0f} s; {len(wrong)} wrong", *wrong, sep="\n")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
