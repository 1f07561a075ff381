"""Reading pickles safely: what official files hold comes back, what they must not hold runs nothing."""

import copyreg
import functools
import importlib
import io
import os
import pickle
import struct
import subprocess
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from photopulse.errors import PhotopulseError
from photopulse.safe_pickle.arrays import PickledArray
from photopulse.safe_pickle.machine import RefusedPickleError
from photopulse.safe_pickle.read import Placeholder, pickle_errors, read_pickle
from photopulse.safe_pickle.torch_storage import PickledStorage, PickledTensor


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.reduced = function, args

    def __reduce__(self) -> Any:
        return self.reduced


def written(tmp_path: Path, raw: bytes) -> Path:
    path = tmp_path / "network.pkl"
    path.write_bytes(raw)
    return path


def refusal(path: Path) -> str:
    """Reads the file and all tensors at its top; returns why that failed."""
    with pytest.raises(PhotopulseError) as caught, pickle_errors(path):
        realize(read_pickle(path))
    assert str(path) in caught.value.what
    return caught.value.why


def realize(value: object) -> None:
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, PickledStorage):
            item.values()
        elif isinstance(item, PickledTensor):
            item.tensor()
        elif isinstance(item, PickledArray):
            item.array()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_come_back_as_they_were(tmp_path, protocol):
    shared = ["x", 300, -(2**70), 0.5, None, True]
    value = {
        "a": shared,
        "b": shared,
        "t": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
        "s": {"p", "q"},
        7: b"\xff\0",
    }
    if protocol == 2:
        value[7] = "ÿ\0"  # protocol 2 spells bytes as text and leaves it to the reader of an array to encode it
    path = written(tmp_path, pickle.dumps(value, protocol))
    read = read_pickle(path)
    assert read == value
    assert read["a"] is read["b"]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i8", "|u1", "<f2"])
def test_arrays_keep_values_shape_and_order(tmp_path, protocol, dtype):
    array = (np.random.default_rng(0).normal(size=(3, 4, 5)) * 50 + 100).astype(dtype)
    content = [array, np.asfortranarray(array), array[0, 0, 0], np.zeros((0, 3), np.float32)]
    plain, fortran, scalar, empty = read_pickle(written(tmp_path, pickle.dumps(content, protocol)))
    np.testing.assert_array_equal(plain.array(), array)
    np.testing.assert_array_equal(fortran.array(), array)
    assert scalar == array[0, 0, 0]
    assert empty.array().shape == (0, 3)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_tensors_keep_values_views_and_dtype(tmp_path, protocol, dtype):
    base = torch.arange(24).reshape(2, 3, 4).to(dtype)
    content = [
        base,
        base[1:, ::2].transpose(1, 2),
        torch.nn.Parameter(base.float()),
        torch.empty(0),
        base[0, 0, 1],
    ]
    read = read_pickle(written(tmp_path, pickle.dumps(content, protocol)))
    for got, wanted in zip(read, content, strict=True):
        assert got.tensor().dtype == wanted.dtype
        assert torch.equal(got.tensor(), wanted.detach())


def test_a_tensor_is_a_copy_of_its_own(tmp_path):
    (read,) = read_pickle(written(tmp_path, pickle.dumps([torch.zeros(3)])))
    read.tensor().fill_(1)
    assert torch.equal(read.tensor(), torch.zeros(3))


def test_ordered_dicts_sizes_and_dtypes_become_plain_ones(tmp_path):
    content = [OrderedDict(a=1), torch.Size([2, 3]), torch.float32, torch.device("cpu")]
    assert read_pickle(written(tmp_path, pickle.dumps(content))) == [
        {"a": 1}, (2, 3), torch.float32, "torch.device"
    ]  # fmt: skip


def test_names_of_the_training_code_become_inert_placeholders(tmp_path):
    raw = b"\x80\x02cdnnlib.tflib.network\nNetwork\n)\x81}X\x01\x00\x00\x00aK\x01sb."
    read = read_pickle(written(tmp_path, raw))
    assert isinstance(read, Placeholder)
    assert (read.module, read.name, read.args, read.state) == (
        "dnnlib.tflib.network",
        "Network",
        (),
        {"a": 1},
    )


def hostile(marker: Path) -> dict[str, bytes]:
    """Pickles that would make the file ``marker`` or crash, by the name of their trick."""
    command = f"touch {marker}"
    text = f"open({str(marker)!r}, 'w')"
    system = Call(os.system, command)
    evil = pickle.dumps(system, 2)
    real = io.BytesIO()
    torch.save(torch.zeros(4)._typed_storage(), real, _use_new_zipfile_serialization=False)
    head = real.getvalue()[: real.getvalue().index(b"\x80\x02}")]
    zipped = io.BytesIO()
    torch.save(torch.zeros(2), zipped)
    objects = np.empty(1, dtype=object)
    objects[0] = system
    load = torch.storage._load_from_bytes
    calls = {
        "system": system,
        "eval": Call(eval, text),
        "exec": Call(exec, text),
        "popen": Call(subprocess.Popen, ["touch", str(marker)]),
        "getattr": Call(getattr, "x", "upper"),
        "import": Call(importlib.import_module, "antigravity"),
        "partial": functools.partial(os.system, command),
        "codec": Call(__import__("_codecs").encode, "x", "rot13"),
        "array of objects": objects,
        "torch load": Call(torch.load, io.BytesIO(evil)),
        "list of calls": [1, {"a": (system,)}],
        "storage is a call": Call(load, evil),
        "storage goes on with a call": Call(load, head + evil),
        "storage is a zip": Call(load, zipped.getvalue()),
        "storage of text": Call(load, 7),
    }
    opcodes = {
        "dotted name": b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.",
        "dotted name in an inert package's clothes": b"\x80\x04\x8c\x0adnnlibx.os\x8c\x06system\x93.",
        "old global": f"cos\nsystem\n(S'{command}'\ntR.".encode(),
        "inst": f"(S'{command}'\nios\nsystem\n.".encode(),
        "extension": b"\x80\x02\x82\xf1X\x01\x00\x00\x00x\x85R.",
        "state of a name": b"\x80\x02ccollections\nOrderedDict\n}b.",
        "state of a class": b"\x80\x02cdnnlib.tflib.network\nNetwork\n}b.",
        "reconstructor": b"\x80\x02ccopyreg\n_reconstructor\ncdnnlib\nA\nc__builtin__\nobject\nN\x87R.",
        "call of a value": b"\x80\x02X\x01\x00\x00\x00x)R.",
        "call of an object": b"\x80\x02cdnnlib\nA\n)\x81)R.",
        "name made of bytes": b"\x80\x04C\x02osC\x06system\x93.",
        "persistent id": b"\x80\x02X\x01\x00\x00\x00xQ.",
        "deep key": b"\x80\x02})" + b"\x85" * 200_000 + b"Ns.",
        "items of a list": b"\x80\x02]K\x01K\x02s.",
        "appends to a dict": b"\x80\x02}K\x01a.",
        "empty stack": b"\x80\x02.",
        "unknown memo": b"\x80\x02h\x07.",
        "mark that was never set": b"\x80\x02t.",
        "long declared": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.",
        "nothing": b"",
    }
    return {name: pickle.dumps(value) for name, value in calls.items()} | opcodes


@pytest.mark.parametrize("trick", sorted(hostile(Path("none"))))
def test_a_hostile_pickle_is_refused_and_runs_nothing(tmp_path, trick):
    marker = tmp_path / "pwned"
    assert refusal(written(tmp_path, hostile(marker)[trick]))
    assert not marker.exists()


def test_the_hostile_pickles_do_harm_elsewhere(tmp_path):
    marker = tmp_path / "pwned"
    pickle.loads(hostile(marker)["system"])
    assert marker.exists()


def test_the_refusal_says_which_name_was_asked_for(tmp_path):
    why = refusal(written(tmp_path, b"cos\nsystem\n."))
    assert why == "refused: it asks for os.system"


def test_extension_codes_that_this_process_knows_are_refused(tmp_path):
    copyreg.add_extension(os.system.__module__, "system", 241)
    try:
        why = refusal(written(tmp_path, hostile(tmp_path / "pwned")["extension"]))
    finally:
        copyreg.remove_extension(os.system.__module__, "system", 241)
    assert "EXT1" in why


def test_a_circle_of_lists_and_a_huge_memo_index_are_only_data(tmp_path):
    read = read_pickle(written(tmp_path, b"\x80\x02]r\xff\xff\xff\xffj\xff\xff\xff\xffa."))
    assert read[0] is read


def test_a_file_of_too_many_opcodes_is_refused(tmp_path):
    assert "opcodes" in refusal(written(tmp_path, b"\x80\x02" + b"N0" * 2_000_001 + b"N."))


def test_a_file_over_the_limit_is_refused(tmp_path):
    path = written(tmp_path, pickle.dumps("x" * 100))
    with pytest.raises(PhotopulseError, match="more than 64 bytes"):
        read_pickle(path, max_bytes=64)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PhotopulseError, match=r"nowhere\.pkl: No such file"):
        read_pickle(tmp_path / "nowhere.pkl")


def storage_of(values: torch.Tensor) -> PickledStorage:
    buffer = io.BytesIO()
    torch.save(values._typed_storage(), buffer, _use_new_zipfile_serialization=False)
    return PickledStorage(buffer.getvalue())


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (25,), (1,)),
        (24, (1,), (1,)),
        (0, (2, 2), (23, 1)),
        (0, (2**40,), (0,)),
        (-1, (2,), (1,)),
        (0, (2, -1), (1, 1)),
        (2**63, (1,), (1,)),
        (0, (2,), (2**62,)),
        (0, (2, 2), (1,)),
        (0, [2], [1]),
        (0, (2.0,), (1,)),
        (0, (1,) * 9, (1,) * 9),
        (25, (0,), (1,)),
    ],
)
def test_a_view_beyond_its_storage_is_refused(offset, size, stride):
    storage = storage_of(torch.zeros(24))
    assert storage.values().numel() == 24
    with pytest.raises((RefusedPickleError, ValueError)):
        PickledTensor(storage, offset, size, stride).tensor()


def test_the_last_number_of_a_storage_can_be_read():
    storage = storage_of(torch.tensor([1.0, 2.0, 3.0]))
    assert PickledTensor(storage, 2, (1,), (1,)).tensor().tolist() == [3]
    assert PickledTensor(storage, 0, (2,), (2,)).tensor().tolist() == [1, 3]


@pytest.mark.parametrize("end", [*range(0, 400, 23), -1])
def test_a_truncated_storage_is_refused(end):
    storage = storage_of(torch.zeros(40))
    storage.raw = storage.raw[:end]
    with pytest.raises((RefusedPickleError, ValueError, IndexError, TypeError)):
        storage.values()


@pytest.mark.parametrize(
    "state",
    [
        (1, (3,), "f4", False, b"\0" * 12),
        (1, (2**40, 2**40), np.dtype("f4"), False, b""),
        (1, (3,), np.dtype("f4"), False, b"\0" * 11),
        (1, (-3,), np.dtype("f4"), False, b""),
        (1, (3,), np.dtype("f4"), False, [1, 2, 3]),
        (1,),
        None,
    ],
)
def test_an_array_whose_shape_type_and_bytes_disagree_is_refused(tmp_path, state):
    class Shell:
        def __reduce__(self) -> Any:
            return np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), state

    assert refusal(written(tmp_path, pickle.dumps(Shell())))


SAMPLE = pickle.dumps(
    [torch.arange(6.0).reshape(2, 3), np.arange(4.0), {"a": np.float32(1)}, torch.nn.Parameter(torch.ones(2))]
)


@pytest.mark.parametrize("end", range(0, len(SAMPLE), 29))
def test_a_truncated_file_is_refused(tmp_path, end):
    assert refusal(written(tmp_path, SAMPLE[:end]))


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_damaged_file_loads_or_is_refused(tmp_path_factory, flips):
    raw = bytearray(SAMPLE)
    for position, value in flips:
        raw[position] = value
    folder = tmp_path_factory.mktemp("damaged")
    path = written(folder, bytes(raw))
    with suppress(PhotopulseError), pickle_errors(path):
        realize(read_pickle(path))
    assert [entry.name for entry in folder.iterdir()] == ["network.pkl"]
