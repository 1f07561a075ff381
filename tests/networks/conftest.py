"""Weights fetched through photopulse itself, and networks in ncnn's format packed byte by byte."""

import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from photopulse.networks.realesrgan import load_realesrgan
from photopulse.networks.rrdb import RRDBNet

Layer = tuple[Sequence[float], Sequence[float] | None]
WriteNcnn = Callable[[Sequence[str], Sequence[Layer]], Path]


@pytest.fixture(scope="session")
def realesrgan() -> RRDBNet:
    """The published network, fetched as a user does."""
    subprocess.run(
        [sys.executable, "-m", "photopulse", "models", "get", "realesrgan-x4plus"], check=True, capture_output=True
    )
    return load_realesrgan()


@pytest.fixture
def write_ncnn(tmp_path: Path) -> WriteNcnn:
    """Writes ``net.param`` with these layer lines and ``net.bin`` with these weights and biases."""

    def write(lines: Sequence[str], layers: Sequence[Layer]) -> Path:
        param = tmp_path / "net.param"
        param.write_text("\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines]) + "\n")
        raw = b""
        for weight, bias in layers:
            raw += b"\x47\x6b\x30\x01" + struct.pack(f"<{len(weight)}e", *weight)
            raw += bytes(-len(raw) % 4) + struct.pack(f"<{len(bias or ())}f", *(bias or ()))
        param.with_suffix(".bin").write_bytes(raw)
        return param

    return write
