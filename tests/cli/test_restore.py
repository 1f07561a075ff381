"""`photopulse restore` as a user meets it, on toy networks; once with the real detector."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.images import write_image
from photopulse.restoration.look import PhotoDamage
from photopulse.restoration.screens import Screen
from photopulse.restoration.tone import Fading


@pytest.fixture
def loaded(monkeypatch, toy_restore_kit):
    """The settings and devices for which networks were loaded."""
    calls = []

    def load(settings, device):
        calls.append((settings, device))
        return toy_restore_kit(faces=[(60, 45, 40)])

    monkeypatch.setattr("photopulse.restoration.kit.RestoreKit.load", load)
    return calls


@pytest.fixture
def photos(tmp_path):
    """A folder with one.jpg and two.png, 120 x 90 px."""
    for name in ("one.jpg", "two.png"):
        write_image(tmp_path / "photos" / name, torch.full((1, 3, 90, 120), 0.4))
    return tmp_path / "photos"


@pytest.fixture
def restore(tmp_path, loaded, one_thread):
    return lambda *arguments: CliRunner().invoke(app, ["restore", "-o", str(tmp_path / "out"), *map(str, arguments)])


def test_a_folder_is_restored(restore, photos, tmp_path):
    result = restore(photos)
    assert result.exit_code == 0, result.stderr
    assert [line.split("  ")[:2] for line in result.stdout.splitlines()] == [
        [str(tmp_path / "out" / name), "restored"] for name in ("one.jpg", "two.png")
    ]
    assert result.stderr == f"2 restored; report: {tmp_path / 'out' / 'report.json'}\n"
    with Image.open(tmp_path / "out" / "one.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (120, 90))
        assert max(layer[1] for layer in picture.layer) == 1  # no colour subsampling


def test_the_screen_says_how_many_faces_were_restored(restore, photos, loaded, monkeypatch, toy_restore_kit):
    assert restore(photos / "two.png").stdout.split("  ")[2] == "1 of 1 face restored"
    many = toy_restore_kit(faces=[(30, 45, 30), (90, 45, 28), (60, 20, 20)])
    monkeypatch.setattr("photopulse.restoration.kit.RestoreKit.load", lambda *_: many)
    told = restore(photos / "two.png", "--max-faces", 2).stdout.split("  ")[2]
    assert told == "2 of 3 faces restored, --max-faces 3 does all"
    chosen = restore(photos / "two.png", "--face", 2, "--face", "60,20", "--json")
    faces = json.loads(chosen.stdout)["items"][0]["faces"]
    assert [face["restored"] for face in faces] == [False, True, True]
    assert faces[0]["why_not"] == "other faces were chosen"
    assert faces[0]["evidence"].keys() == {"pixels", "effective_resolution", "blur", "noise", "blocks"}


@pytest.fixture
def loaded_with(loaded, monkeypatch, toy_restore_kit):
    """Makes the command load a kit that finds these faces."""

    def load(faces, **others):
        kit = toy_restore_kit(faces=faces, **others)
        monkeypatch.setattr("photopulse.restoration.kit.RestoreKit.load", lambda *_: kit)

    return load


def test_the_screen_says_in_short_why_faces_were_left(restore, photos, loaded_with):
    loaded_with([(30, 45, 30), (90, 45, 28), (60, 20, 10)], misfit=2.0)
    told = restore(photos / "two.png", "--face", 1, "--face", 3).stdout.split("  ")[2]
    assert told == "0 of 3 faces restored (1 too small, 1 unlike what the generator knows, 1 not chosen)"


def test_the_screen_says_that_no_face_was_found_but_not_where_none_was_looked_for(restore, photos, loaded_with):
    loaded_with([])
    assert restore(photos / "two.png").stdout.split("  ")[1:3] == ["restored", "no face found"]
    assert restore(photos / "two.png").stdout.split("  ")[1:] == [
        "restored",
        "no face found",
        "kept from an earlier run\n",
    ]
    assert "face" not in restore(photos / "two.png", "--only", "photo").stdout.split("  ", 1)[1]
    assert "face" not in restore(photos / "two.png", "--max-faces", 0).stdout.split("  ", 1)[1]


@pytest.mark.parametrize(
    ("face", "told"),
    [
        ("2", "cannot restore face 2 of {}: 1 face was found. Choose --face 1, or leave --face out."),
        (
            "5,5",
            "cannot restore the face at 5,5 of {}: no face lies at 5,5. "
            "Leave --face out, or choose a place within a face: the face is at 60,45.",
        ),
    ],
)
def test_a_chosen_face_that_is_not_there_is_an_error_with_exit_code_1(restore, photos, tmp_path, face, told):
    result = restore(photos / "two.png", "--face", 1, "--face", face)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {told.format(photos / 'two.png')}\n1 failed")
    assert not (tmp_path / "out" / "two.png").exists()


@pytest.mark.parametrize("option", [["--only", "photo"], ["--max-faces", "0"]])
def test_a_chosen_face_where_none_are_looked_for_is_wrong_usage(restore, photos, loaded, option):
    result = restore(photos, "--face", 1, *option)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: faces were chosen, but ")
    assert loaded == []


def test_a_folder_of_the_inputs_is_refused_as_output_and_stays_as_it_is(photos, loaded, one_thread):
    result = CliRunner().invoke(app, ["restore", str(photos / "two.png"), "-o", str(photos)])
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: cannot write {photos / 'two.png'}: it is one of the inputs. Choose another folder with -o.\n"
    )
    assert sorted(path.name for path in photos.iterdir()) == ["one.jpg", "two.png"]


@pytest.mark.parametrize("text", ["first", "1.5", "1,2,3", "0", "nan,3"])
def test_a_face_that_is_no_number_and_no_place_is_wrong_usage(restore, photos, text):
    result = restore(photos / "two.png", "--face", text)
    assert result.exit_code == 2
    assert "face" in result.stderr
    assert "Traceback" not in result.stderr


def test_every_option_reaches_the_restoration(restore, photos, loaded, tmp_path):
    options = "--scale 1.5 --sr realesrgan --only face --fidelity 0.2 --working-size 320 --max-faces 3"
    result = restore(photos / "two.png", *options.split(), "--format", "webp", "--compare", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    ((settings, device),) = loaded
    assert (settings.scale, settings.sr, settings.only, settings.fidelity) == (1.5, "realesrgan", "face", 0.2)
    assert (settings.working_size, settings.max_faces, device) == (320, 3, "cpu")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [".photopulse.jsonl", "report.json", "two.webp", "two_compare.png"]
    assert Image.open(tmp_path / "out" / "two.webp").size == (180, 135)


def test_json_is_the_report_and_a_rerun_goes_on_unless_fresh(restore, photos, tmp_path):
    result = restore(photos, "--json")
    assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "report.json").read_text())
    assert result.stdout.count('"why_not"') == 2
    assert restore(photos).stdout.count("kept from an earlier run") == 2
    assert restore(photos, "--fresh").stdout.count("kept from an earlier run") == 0


def test_a_photo_that_fails_is_told_and_the_exit_code_is_1(restore, photos):
    (photos / "bad.png").write_bytes(b"no picture")
    result = restore(photos)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: cannot read {photos / 'bad.png'}")
    assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    "wrong",
    [["--scale", "3"], ["--fidelity", "1.5"], ["--sr", "magic"], ["--working-size", "8"], ["--only", "hair"]],
)
def test_wrong_usage_exits_with_2_before_any_network_is_loaded(restore, photos, loaded, wrong):
    assert restore(photos, *wrong).exit_code == 2
    assert loaded == []


def test_missing_inputs_exit_with_2(restore, tmp_path):
    result = restore(tmp_path / "nowhere.jpg")
    assert result.exit_code == 2
    assert "nowhere.jpg" in result.stderr


def test_an_interruption_exits_with_130(restore, photos, monkeypatch):
    def interrupt(*arguments, **others):
        raise KeyboardInterrupt

    monkeypatch.setattr("photopulse.restoration.worker.restore_photo", interrupt)
    result = restore(photos)
    assert result.exit_code == 130
    assert "goes on from there" in result.stderr


@pytest.mark.weights
def test_the_faces_of_a_real_photo_are_found_and_told(restore, tmp_path, toy_restore_kit, face_weights, monkeypatch):
    from skimage import data

    from photopulse.faces.detect import FaceDetector

    detector = FaceDetector.load()
    monkeypatch.setattr("photopulse.restoration.kit.RestoreKit.load", lambda *_: toy_restore_kit(detector=detector))
    portrait = data.astronaut()[:256, 100:356]
    # Somebody made it small and large again: there is something to restore.
    portrait = np.asarray(Image.fromarray(portrait).resize((80, 80)).resize((256, 256), Image.Resampling.BICUBIC))
    Image.fromarray(np.concatenate([portrait, portrait[:, ::-1]], axis=1)).save(tmp_path / "two.png")
    result = restore(tmp_path / "two.png", "--json")
    assert result.exit_code == 0, result.stderr
    (item,) = json.loads(result.stdout)["items"]
    assert [face["restored"] for face in item["faces"]] == [True, True]
    middles = sorted(np.mean([corner[0] for corner in face["corners"]]) for face in item["faces"])
    assert middles[0] + middles[1] == pytest.approx(511, abs=4)  # mirrored


def test_inspect_says_what_is_wrong_and_does_nothing(restore, photos, loaded, tmp_path):
    (photos / "broken.png").write_bytes(b"no picture")
    result = restore(photos, "--inspect")
    assert result.exit_code == 1
    assert "two.png  120 x 90  noise 0.0  colour noise 0.0  no blocks  no edges  needs no cleaning" in result.stdout
    assert "broken.png" in result.stderr
    (photos / "broken.png").unlink()
    result = restore(photos, "--inspect", "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [Path(row["input"]).name for row in rows] == ["one.jpg", "two.png"]
    assert rows[1] | {"input": ""} == {
        "input": "", "size": [120, 90], "noise": 0.0, "chroma_noise": 0.0, "jpeg_quality": 100, "blur": None,
        "strength": 0.0, "to_repair": 0.0, "frames": 1, "missing_rows": 0, "cut_off": False, "screens": [],
        "fading": {"amount": 0.0, "black": [102.0] * 3, "white": [102.0] * 3, "one_tint": True},
    }  # fmt: skip
    assert (loaded, (tmp_path / "out").exists()) == ([], False)


def test_inspect_tells_of_the_file_what_a_person_should_know(restore, photos):
    pages = [Image.new("L", (60, 40), shade) for shade in (50, 100, 150)]
    pages[0].save(photos / "pages.tif", save_all=True, append_images=pages[1:])
    noise = Image.effect_noise((200, 160), 60)
    for name, progressive in (("cut.jpg", False), ("progressive.jpg", True)):
        noise.save(photos / name, progressive=progressive)
        data = (photos / name).read_bytes()
        (photos / name).write_bytes(data[: len(data) * 3 // 4])
    lines = {Path(line.split("  ")[0]).name: line for line in restore(photos, "--inspect").stdout.splitlines()}
    assert lines["pages.tif"].endswith("only picture 1 of 3")
    assert "rows of the file are missing" in lines["cut.jpg"]
    assert lines["progressive.jpg"].endswith("the file is truncated")
    assert lines["two.png"].endswith("needs no cleaning")


def test_subfolders_are_searched_and_mirrored_but_not_the_results(restore, photos, tmp_path):
    for folder in ("a", "b/deep"):
        (photos / folder).mkdir(parents=True)
        Image.new("RGB", (40, 30), (90, 120, 60)).save(photos / folder / "one.jpg")
    plain = restore(photos)
    assert "2 subfolders not searched (--recursive searches them)" in plain.stderr
    result = restore(photos, "--recursive", "--compare")
    assert result.exit_code == 0, result.stderr
    assert "note:" not in result.stderr
    out = tmp_path / "out"
    rows = json.loads((out / "report.json").read_text())["items"]
    names = [Path(row["output"]).relative_to(out).as_posix() for row in rows]
    assert names == ["one.jpg", "two.png", "a/one.jpg", "b/deep/one.jpg"]
    sheets = [Path(row["compare"]).relative_to(out).as_posix() for row in rows]
    assert sheets == ["one_compare.png", "two_compare.png", "a/one_compare.png", "b/deep/one_compare.png"]
    assert all((out / name).is_file() for name in names + sheets)
    again = restore(photos, "--recursive", "--compare")
    assert again.stdout.count("kept from an earlier run") == 4


def test_what_is_passed_over_cut_off_or_one_of_several_is_said(restore, photos, tmp_path):
    (photos / "plan.pdf").write_bytes(b"x")
    pages = [Image.new("L", (60, 40), shade) for shade in (50, 100, 150)]
    pages[0].save(photos / "pages.tif", save_all=True, append_images=pages[1:])
    noise = Image.effect_noise((200, 160), 60)
    noise.save(photos / "whole.jpg")
    data = (photos / "whole.jpg").read_bytes()
    (photos / "whole.jpg").unlink()
    (photos / "cut.jpg").write_bytes(data[: len(data) * 3 // 4])
    result = restore(photos, "--only", "photo")
    assert result.exit_code == 0, result.stderr
    assert "note: not read: 1 .pdf" in result.stderr
    assert "only picture 1 of 3" in result.stdout
    assert "rows of the file are missing" in result.stdout
    rows = {Path(row["input"]).name: row for row in json.loads((tmp_path / "out" / "report.json").read_text())["items"]}
    assert rows["pages.tif"]["frames"] == 3
    assert 20 < rows["cut.jpg"]["missing_rows"] < 80
    assert "frames" not in rows["cut.jpg"]


def test_what_was_mended_is_on_the_screen_and_in_the_report(restore, photos, loaded_with, tmp_path):
    faded = Fading(amount=1, black=(80, 60, 60), white=(230, 220, 200), one_tint=False)
    dots = Screen(period=4, angle=45, lines=False, strength=8)
    printed = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=100, blur=None, fading=faded, screens=(dots,))
    loaded_with([], look=lambda _photo: printed)
    told = restore(photos / "two.png").stdout.split("  ")
    assert told[1:5] == ["restored", "dots of print removed", "fading corrected", "not cleaned"]
    left = restore(photos / "two.png", "--tone", "off", "--mode", "archival").stdout.split("  ")
    assert left[1:4] == ["restored", "dots of print removed", "fading left"]
    (row,) = json.loads((tmp_path / "out" / "report.json").read_text())["items"]
    assert (row["mended"], row["mode"], row["faces"]) == (["halftone"], "archival", None)
    assert row["damage"]["fading"]["black"] == [80, 60, 60]
    assert row["damage"]["screens"][0]["period"] == 4


def test_a_mask_repairs_and_is_saved_and_the_line_says_how_much(restore, photos, tmp_path):
    mask = torch.zeros(1, 3, 90, 120)
    mask[:, :, 10:19] = 1
    write_image(tmp_path / "mask.png", mask)
    result = restore(photos / "two.png", "--mask", tmp_path / "mask.png", "--save-mask")
    assert result.exit_code == 0, result.stderr
    assert "repaired in 10.00%" in result.stdout
    assert (tmp_path / "out" / "two_mask.png").is_file()
    assert restore(photos, "--mask", tmp_path / "mask.png").exit_code == 2
    assert restore(photos, "--mask", tmp_path / "mask.png", "--only", "face").exit_code == 2
    for repair in (("--repair", "auto"), ("--mask", tmp_path / "mask.png")):
        refused = restore(photos / "two.png", "--mode", "archival", *repair)
        assert (refused.exit_code, "archival generates nothing" in refused.stderr) == (2, True)


def test_one_input_that_is_missing_or_empty_does_not_stop_the_others(restore, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    result = restore(photos / "one.jpg", tmp_path / "nowhere.jpg", tmp_path / "empty")
    assert result.exit_code == 1
    assert "No such file" in result.stderr
    rows = json.loads((tmp_path / "out" / "report.json").read_text())["items"]
    assert [row["status"] for row in rows] == ["restored", "failed", "failed"]
    assert restore(tmp_path / "nowhere.jpg").exit_code == 2


def test_results_in_the_folder_of_the_inputs_are_no_inputs_the_next_time(photos, loaded, one_thread):
    def again(*options):
        return CliRunner().invoke(app, ["restore", str(photos), "-o", str(photos), "--format", "webp", *options])

    assert again("--compare").exit_code == 0
    assert {file.name for file in photos.glob("*.*p*g")} >= {"one.jpg", "two.png", "one_compare.png"}
    result = again("--compare")
    assert "4 earlier results" in result.stderr
    assert [line.split("  ")[-1] for line in result.stdout.splitlines()] == ["kept from an earlier run"] * 2
    named = CliRunner().invoke(app, ["restore", str(photos / "one.webp"), "-o", str(photos)])
    assert named.exit_code in (0, 2)
    assert "one.webp" in named.stdout + named.stderr


@pytest.fixture
def signing(tmp_path):
    pytest.importorskip("c2pa", reason="the extra provenance is not installed")
    from photopulse.provenance.local_chain import make_local_chain

    make_local_chain(tmp_path / "signing")
    return tmp_path / "signing"


@pytest.mark.parametrize("archival", [False, True])
def test_restored_photos_are_signed_and_say_what_was_done(restore, photos, signing, tmp_path, archival):
    import io

    import c2pa

    mode = ("--mode", "archival") if archival else ()
    options = ("--sign", signing / "key.pem", "--certificate", signing / "chain.pem", "--json", *mode)
    (row,) = json.loads(restore(photos / "one.jpg", *options).stdout)["items"]
    assert row["signed_by"] == "local signer"
    content = (tmp_path / "out" / "one.jpg").read_bytes()
    with c2pa.Reader("image/jpeg", io.BytesIO(content)) as reader:
        told = json.loads(reader.json())
    last = told["manifests"][told["active_manifest"]]
    assert [one["title"] for one in last["ingredients"]] == ["one.jpg"]
    opened, edited = next(one for one in last["assertions"] if "actions" in one["label"])["data"]["actions"]
    assert opened["action"] == "c2pa.opened"
    kind = edited["digitalSourceType"].rpartition("/")[2]
    if archival:
        assert kind == "algorithmicallyEnhanced"
        assert edited["description"] == "the photo was cleaned by networks, by 100.0 %"
        assert edited["parameters"]["photopulse.networks"].keys() == {"photo"}
    else:
        assert kind == "compositeWithTrainedAlgorithmicMedia"
        assert edited["description"].startswith("1 of 1 faces were redrawn by a generator; ")
        networks = edited["parameters"]["photopulse.networks"]
        assert networks == {name: row["networks"][name] for name in ("face", "photo")}
    # Another certificate, or none, makes another result; the same makes the same.
    assert restore(photos / "one.jpg", *options).exit_code == 0
    (again,) = json.loads(restore(photos / "one.jpg", *options).stdout)["items"]
    assert again["key"] == row["key"]
    (plain,) = json.loads(restore(photos / "one.jpg", "--json", *mode).stdout)["items"]
    assert plain["key"] != row["key"]
    assert "signed_by" not in plain


def test_a_key_that_cannot_be_used_ends_it_before_the_networks_are_loaded(restore, photos, signing, loaded, tmp_path):
    (tmp_path / "empty.pem").write_text("")
    result = restore(photos, "--sign", tmp_path / "empty.pem", "--certificate", signing / "chain.pem")
    assert result.exit_code == 2
    assert "not valid PEM" in result.stderr
    assert restore(photos, "--sign", signing / "key.pem").exit_code == 2
    assert loaded == []
    assert not (tmp_path / "out").exists()


def test_faces_are_marked_unless_it_is_switched_off(restore, photos):
    marks = [
        [face["mark"] for face in json.loads(restore(photos / "two.png", *extra, "--json").stdout)["items"][0]["faces"]]
        for extra in ((), ("--mark", "off"))
    ]
    assert marks == [["too small"], ["off"]]
