"""The key of a result: what it depends on changes it, and nothing else."""

import hashlib
import json
import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.runs.keys import arithmetic, key


@dataclass(frozen=True)
class Inner:
    step: float = 0.5


@dataclass(frozen=True)
class Settings:
    name: str = "fast"
    kernel: Path | None = None
    inner: Inner = Inner()


def test_the_keys_of_results_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "small.png").write_bytes(b"small")
    # Worked by hand from the format: changed, it would throw away all results that people have.
    content = hashlib.sha256(b"small").hexdigest()
    told = f'["{version("photopulse")}", "a filter", 0, [1.5, null], {{"bytes": "{content}"}}]'
    assert key("a filter", 0, (1.5, None), tmp_path / "small.png") == hashlib.sha256(told.encode()).hexdigest()


def test_settings_count_by_their_values_however_deep(tmp_path: Path) -> None:
    assert key(Settings()) == key(Settings())
    assert key(Settings()) != key(Settings(name="classic"))
    assert key(Settings()) != key(Settings(inner=Inner(step=0.25)))
    kernel = tmp_path / "kernel.npy"
    kernel.write_bytes(b"1")
    first = key(Settings(kernel=kernel))
    kernel.write_bytes(b"2")
    assert key(Settings(kernel=kernel)) != first


def test_a_file_counts_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    for name, content in (("a", b"same"), ("b", b"same"), ("c", b"other")):
        (tmp_path / name).write_bytes(content)
    assert key(tmp_path / "a") == key(tmp_path / "b") == key(b"same")
    assert key(tmp_path / "a") != key(tmp_path / "c")
    with pytest.raises(FileNotFoundError):
        key(tmp_path / "missing")


def test_a_network_counts_by_its_weights() -> None:
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    other.load_state_dict(one.state_dict())
    assert key(one) == key(other)
    nn.init.zeros_(other.weight)
    assert key(one) != key(other)


def test_an_array_counts_by_shape_type_and_values() -> None:
    pixels = np.arange(6, dtype=np.uint8)
    keys = [
        key(pixels),
        key(pixels.reshape(2, 3)),
        key(pixels.astype(np.int16)),
        key(pixels[::-1]),
        key(b"\0\1\2\3\4\5"),
    ]
    assert len(set(keys)) == len(keys)
    assert key(pixels[::2]) == key(pixels[::2].copy())


def test_the_order_of_a_mapping_does_not_count_but_that_of_parts_does() -> None:
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})
    assert key("a", "b") != key("b", "a")


def test_what_looks_alike_has_different_keys() -> None:
    alike: list[object] = [1, "1", 1.0, True, None, "None", (1,), ("1",), {1: 2}, {"1": 2}, b"1", "", ()]
    assert len({key(part) for part in alike}) == len(alike)
    assert key("ab", "c") != key("a", "bc")


def test_names_that_are_no_unicode_have_keys() -> None:
    assert key("\udcff") != key("?")


def test_what_cannot_be_told_apart_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be made of a object"):
        key(object())
    with pytest.raises(TypeError, match="set"):
        key({1, 2})


def test_a_key_is_a_sha256_in_hex() -> None:
    assert len(key()) == 64
    assert json.loads(json.dumps(key())) == key()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_folder_or_a_pipe_is_refused_before_it_is_read(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(PhotopulseError, match="a folder or device, not a file"):
            key(path)


def test_the_number_of_threads_is_part_of_what_a_result_depends_on(one_thread):
    alone = key("result", arithmetic())
    assert key("result", arithmetic()) == alone
    torch.set_num_threads(2)
    assert key("result", arithmetic()) != alone
