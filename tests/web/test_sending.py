"""Pictures are sent whole, or told to be gone."""

import asyncio

import pytest

from photopulse.web.refusals import RefusedError
from photopulse.web.sending import send_archive, send_picture
from photopulse.web.tasks import Result

from .conftest import picture


@pytest.fixture
def kept(tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    return tmp_path / "a.png"


async def body(response) -> bytes:
    return b"".join([part async for part in response.body_iterator])


def result(path):
    return Result(path=path, name="老照片 \u201d.png", shown=path, before=path, notice="")


def test_a_picture_that_is_deleted_while_it_is_sent_comes_whole(kept):
    response = send_picture(kept, name="老照片.png")
    content = kept.read_bytes()
    kept.unlink()
    assert asyncio.run(body(response)) == content
    assert response.headers["content-length"] == str(len(content))
    assert response.headers["content-type"] == "image/png"
    assert (
        response.headers["content-disposition"]
        == "attachment; filename*=utf-8''" + "".join(f"%{byte:02X}" for byte in "老照片".encode()) + ".png"
    )


def test_what_was_deleted_is_not_found(kept, tmp_path):
    gone = tmp_path / "gone.png"
    with pytest.raises(RefusedError) as refused:
        send_picture(gone)
    assert refused.value.status == 404
    with pytest.raises(RefusedError) as refused:
        send_archive([result(kept), result(gone)], tmp_path, "all.zip")
    assert refused.value.status == 404
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_an_archive_of_more_than_its_bytes_is_refused_before_it_is_packed(kept, tmp_path):
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(2**28 + 1)  # Takes no room.
    with pytest.raises(RefusedError, match="more than 512 MiB together") as refused:
        send_archive([result(kept), result(large), result(large)], tmp_path, "all.zip")
    assert refused.value.status == 413
