"""PyTorch files are read as data: nothing in them is run, and no small file becomes a huge tensor."""

import argparse
import os
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError

from photopulse.errors import PhotopulseError
from photopulse.torch_file import (
    LEGACY_HEADER,
    read_safetensors,
    read_safetensors_metadata,
    read_torch_file,
    tensors_of,
    write_safetensors,
)


class Evil:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_come_back_from_both_formats(tmp_path, zipped):
    content = {"g_ema": {"a": torch.arange(6.0).reshape(2, 3)}, "args": argparse.Namespace(size=256)}
    torch.save(content, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    read = read_torch_file(tmp_path / "net.pt")
    assert read["g_ema"]["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read["args"].size == 256
    assert (tmp_path / "net.pt").read_bytes().startswith(LEGACY_HEADER) is not zipped


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_asks_for_code_runs_none(tmp_path, zipped):
    trace = tmp_path / "was-here"
    content = {"g_ema": torch.zeros(1), "args": argparse.Namespace(evil=Evil(f"touch {trace}"))}
    torch.save(content, tmp_path / "net.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(PhotopulseError, match=r"it asks for \w+\.system") as caught:
        read_torch_file(tmp_path / "net.pt")
    assert "runs no code" in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert not trace.exists()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "net.pt")
    with pytest.raises(PhotopulseError, match="not a file"):
        read_torch_file(tmp_path / "net.pt")
    with pytest.raises(OSError, match="not a file"):
        read_safetensors(tmp_path / "net.pt")


def test_a_compressed_archive_is_refused(tmp_path):
    torch.save({"a": torch.zeros(10**6)}, tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for entry in plain.namelist():
            bomb.writestr(entry, plain.read(entry))
    assert (tmp_path / "bomb.pt").stat().st_size < 20_000
    with pytest.raises(PhotopulseError, match="compressed"):
        read_torch_file(tmp_path / "bomb.pt")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(PhotopulseError, match="No such file"):
        read_torch_file(tmp_path / "none.pt")


def test_state_dicts_are_told_from_other_contents():
    parameter = torch.nn.Parameter(torch.ones(2))
    tensors = tensors_of({"a": parameter, "b": torch.zeros(3, 2).t()})
    assert tensors.keys() == {"a", "b"}
    assert not tensors["a"].requires_grad
    for other in (None, {}, [parameter], {"a": 1}, {1: parameter}):
        assert tensors_of(other) is None


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(1).expand(10**6, 10**6),
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2, device="meta"),
    ],
    ids=["repeated", "sparse", "meta"],
)
def test_tensors_that_are_not_plain_numbers_make_no_state_dict(tensor):
    assert tensors_of({"a": tensor}) is None


def test_one_storage_under_many_names_makes_no_state_dict():
    shared = torch.zeros(100, dtype=torch.float16)
    assert tensors_of({"a": shared, "b": shared}) is not None
    assert tensors_of({str(i): shared for i in range(200)}) is None


def test_safetensors_come_back_with_their_metadata(tmp_path: Path):
    path = tmp_path / "new" / "a.safetensors"
    tensors = {"a": torch.arange(3.0), "b": torch.ones(2, 2, dtype=torch.float16)}
    write_safetensors(path, tensors, {"sizes": "[2]"})
    assert read_safetensors_metadata(path) == {"sizes": "[2]"}
    read = read_safetensors(path)
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], values) and read[name].dtype == values.dtype for name, values in tensors.items())
    assert [file.name for file in path.parent.iterdir()] == ["a.safetensors"]


def test_the_same_tensors_and_metadata_give_the_same_bytes(tmp_path: Path):
    metadata = {f"key{i}": f'"{i}" ä' for i in range(8)}
    for name in ("a", "b"):
        write_safetensors(tmp_path / name, {"b": torch.ones(3), "a": torch.zeros(2)}, metadata)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_safetensors_metadata(tmp_path / "a") == metadata


def test_metadata_of_a_safetensors_file_without_any_are_empty(tmp_path: Path):
    safetensors.torch.save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors")
    assert read_safetensors_metadata(tmp_path / "a.safetensors") == {}


def test_a_flipped_bit_is_noticed_whatever_it_changes(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    write_safetensors(path, {"a": torch.arange(64.0), "b": torch.ones(8, dtype=torch.int32)}, {"settings": "12"})
    sound = path.read_bytes()
    for place in range(8, len(sound), 3):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        try:
            read = read_safetensors(path)
        except SafetensorError:
            continue
        # Only the checksum's own name may change unnoticed, and the spaces after the header.
        assert b"photopulse.sha256" not in path.read_bytes() or sound[place : place + 1] == b" "
        assert torch.equal(read["a"], torch.arange(64.0))


def test_a_header_of_thousands_of_tensors_is_refused_before_it_is_read(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    safetensors.torch.save_file({f"{i:06d}": torch.zeros(0) for i in range(20_000)}, path)
    for read in (read_safetensors, read_safetensors_metadata):
        with pytest.raises(SafetensorError, match="header has"):
            read(path)
