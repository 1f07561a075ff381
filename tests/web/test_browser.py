"""The page in a real browser: Debian's chromium, driven by Selenium."""

import io
import json
import re
import shutil
import time
import zipfile
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from .conftest import picture

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
webdriver = pytest.importorskip("selenium.webdriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromium-driver are not installed")

PATIENCE = 120  # Seconds.
SLIDER = "document.querySelector('img-comparison-slider')"
PROGRESS = ["restoring", "reading", "looking at the damage"]
# The outline of what has the focus, or of the label around it.
FOCUS = """
const has = document.activeElement;
const styles = [has, has.closest('label') ?? has].map((one) => getComputedStyle(one).outlineStyle);
return styles.find((style) => style !== 'none') ?? 'none';
"""


@pytest.fixture
def browser(tmp_path):
    """A browser that keeps a log of its console and of every request."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.add_argument("--window-size=1000,1200")
    # Downloads go nowhere else.
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path / "downloads")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(PATIENCE)
    yield driver
    driver.quit()


@pytest.fixture
def find(browser):
    """Waits for an element that is seen and returns it."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support import expected_conditions
    from selenium.webdriver.support.ui import WebDriverWait

    def wait(selector):
        seen = expected_conditions.visibility_of_element_located((By.CSS_SELECTOR, selector))
        return WebDriverWait(browser, PATIENCE).until(seen)

    return wait


@pytest.fixture
def photo(tmp_path):
    """A photo of 120 x 90 px."""
    (tmp_path / "old photo.png").write_bytes(picture())
    return tmp_path / "old photo.png"


@pytest.fixture
def face(tmp_path):
    """A face of 8 px."""
    (tmp_path / "face.png").write_bytes(picture(8, 8))
    return tmp_path / "face.png"


@pytest.fixture
def downloaded(tmp_path):
    """Waits for a download and returns its content."""

    def wait(name):
        path, ends = tmp_path / "downloads" / name, time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < ends, f"{name} was not downloaded"
            time.sleep(0.05)
        return path.read_bytes()

    return wait


@pytest.fixture(autouse=True)
def _quiet(browser):
    """After every test: no error was written to the console but of refused requests, no other host was asked."""
    yield
    errors = [
        entry for entry in browser.get_log("browser") if not re.search(r"status of (404|422|429)", entry["message"])
    ]
    assert errors == []
    assert hosts(browser) == {urlsplit(browser.current_url).netloc}


def count(browser, selector) -> int:
    return len(browser.find_elements("css selector", selector))


def phone(browser) -> None:
    """Gives the page the size of a phone's screen."""
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def overhang(browser) -> int:
    """Pixels by which the page is wider than the screen."""
    return browser.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")


def wait_until(condition) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def hosts(browser) -> set[str]:
    """Every host that was asked for anything."""
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    urls = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).netloc for url in urls if urlsplit(url).scheme in ("http", "https", "ws")}


def drop(browser, form, path) -> None:
    """Drops a file onto a form."""
    script = """
    const [form, name, bytes] = arguments;
    const given = new DataTransfer();
    given.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
    const drop = new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true });
    document.querySelector(form).dispatchEvent(drop);
    """
    browser.execute_script(script, form, path.name, list(path.read_bytes()))


def width_of_pictures(browser, selector) -> list[int]:
    script = """
    const [selector, done] = arguments;
    const images = [...document.querySelectorAll(selector)];
    Promise.all(images.map((image) => image.decode())).then(() => done(images.map((image) => image.naturalWidth)));
    """
    return browser.execute_async_script(script, selector)


def test_a_photo_is_uploaded_restored_compared_and_downloaded(browser, find, listening, photo, downloaded):
    browser.get(listening)
    find("#restore [name=scale] option:nth-child(3)").click()
    find("#restore input[type=file]").send_keys(str(photo))
    find("#restore button").click()
    assert find("img-comparison-slider.rendered").get_attribute("aria-label").startswith("Before on the left")
    assert width_of_pictures(browser, ".pane img") == [120, 240]
    assert find("article h2").text == "old photo.png"
    assert find("article .notice").text == "Detail that the photo had lost is invented."
    find("article a").click()
    with Image.open(io.BytesIO(downloaded("old photo.png"))) as image:
        assert image.size == (240, 180)
    for zoomed, width in (("8", 240 * 8), ("", None)):
        find(f"article .row option[value='{zoomed}']").click()
        assert width is None or browser.execute_script(f"return {SLIDER}.offsetWidth * devicePixelRatio") == width


def test_faces_are_chosen_before_and_after_a_restoration(browser, find, listening, photo):
    browser.get(listening)
    find("#restore input[type=file]").send_keys(str(photo))
    # Before: nothing is restored yet, and the face is left out.
    find("#restore button[value=faces]").click()
    found = find(".faces button[aria-pressed=true]")
    assert found.accessible_name == "Face 1"
    assert count(browser, "img-comparison-slider") == 0
    found.click()
    find("article button.quiet").click()
    find("img-comparison-slider.rendered")
    assert count(browser, "article") == 2
    assert count(browser, "article:first-child .faces") == 0
    # After: the restored photo's face is chosen again.
    find("article:last-child .faces button").click()
    find("article:last-child button.quiet").click()
    find("article:nth-child(3)")
    find("article:first-child img-comparison-slider.rendered")
    find("article:first-child summary").click()
    assert find("article:first-child .faces button").get_attribute("aria-pressed") == "true"


def test_a_face_is_upscaled_to_several_results_on_a_phone(browser, find, listening, face, downloaded):
    phone(browser)
    browser.get(listening)
    find(".tabs label:nth-of-type(2)").click()
    find("#upscale input[type=file]").send_keys(str(face))
    number = find("#upscale [name=count]")
    number.clear()
    number.send_keys("2")
    find("#upscale button").click()
    find(".gallery figure:nth-child(2) .notice")
    assert width_of_pictures(browser, ".gallery img") == [32, 8, 8] * 2
    notices = browser.execute_script("return [...document.querySelectorAll('.notice')].map((one) => one.textContent)")
    assert notices == ["Imaginary face: it fits the input, and identifies no one."] * 2
    find("article > .row a").click()
    with zipfile.ZipFile(io.BytesIO(downloaded("results.zip"))) as archive:
        assert archive.namelist() == ["face_0.png", "face_1.png"]
    assert overhang(browser) <= 0


@pytest.mark.parametrize("form", ["restore", "upscale", "verify"])
def test_no_form_is_wider_than_a_phone_and_every_field_has_a_name(browser, find, listening, form):
    phone(browser)
    browser.get(listening)
    find(f".tabs label:has([value={form}])").click()
    find(f"#{form} summary").click()
    assert overhang(browser) <= 0
    for field in browser.find_elements("css selector", f"#{form} input, #{form} select, #{form} button, #language"):
        assert field.accessible_name, field.get_attribute("outerHTML")
    browser.get(f"{listening}/api.html")
    find("#api article")
    assert overhang(browser) <= 0


def test_results_of_several_photos_are_downloaded_together_even_after_a_reload(
    browser, find, listening, photo, tmp_path, downloaded
):
    (tmp_path / "second.png").write_bytes(picture(seed=1))
    browser.get(listening)
    find("#restore input[type=file]").send_keys(f"{photo}\n{tmp_path / 'second.png'}")
    find("#restore button").click()
    wait_until(lambda: count(browser, "img-comparison-slider.rendered") == 2)
    # Another tab, such as this one after it was loaded anew, finds its jobs again, and what was sent.
    browser.refresh()
    wait_until(lambda: count(browser, "img-comparison-slider.rendered") == 2)
    assert [one.text for one in browser.find_elements("css selector", "h2")] == ["second.png", "old photo.png"]
    find("#all a").click()
    with zipfile.ZipFile(io.BytesIO(downloaded("results.zip"))) as archive:
        assert archive.namelist() == ["old photo.png", "second.png"]
    find("article summary").click()
    find("article details button.quiet").click()
    wait_until(lambda: count(browser, "img-comparison-slider.rendered") == 3)
    # What is deleted does not come back.
    for _ in range(3):
        find("article > .row > button").click()
    browser.refresh()
    find("#restore button")
    assert count(browser, "article") == 0


def test_a_job_tells_its_progress_and_is_canceled(browser, find, serve_toys, toy_models, patient, photo):
    browser.get(serve_toys(toy_models(photo_net=patient)))
    find("#restore input[type=file]").send_keys(str(photo))
    find("#restore button").click()
    assert patient.reached.wait(PATIENCE)
    wait_until(lambda: find(".told").text.split(" \u203a ")[:3] == PROGRESS)
    find("#restore button").click()
    wait_until(lambda: find("article:first-child .told").text.startswith("Waiting: 1 before it."))
    for _ in range(2):
        find("article > .row > button").click()
    assert count(browser, "article") == 0
    assert browser.switch_to.active_element.get_attribute("type") == "file"
    patient.go_on.set()


def test_photos_for_which_there_is_no_room_wait_until_there_is(browser, find, serve_toys, toy_models, patient, photo):
    browser.get(serve_toys(toy_models(photo_net=patient), max_jobs_each=1))
    find("#restore input[type=file]").send_keys(str(photo))
    find("#restore button").click()
    assert patient.reached.wait(PATIENCE)
    find("#restore button").click()
    wait_until(lambda: find("article:first-child .told").text == "The server is full: waiting for room.")
    patient.go_on.set()
    find("article:first-child img-comparison-slider.rendered")


def test_a_mask_is_sent_and_what_was_repaired_is_shown(browser, find, listening, photo, tmp_path):
    Image.new("L", (120, 90), 0).save(tmp_path / "mask.png")
    browser.get(listening)
    find("#restore summary").click()
    find("#restore [name=file]").send_keys(str(photo))
    find("#restore [name=mask]").send_keys(str(tmp_path / "mask.png"))
    find("#restore [name=save_mask]").click()
    find("#restore button").click()
    find("img-comparison-slider.rendered")
    find("article summary").click()
    assert width_of_pictures(browser, "article details:first-of-type img") == [120]


def test_a_broken_picture_is_told_and_the_keyboard_does_all(browser, find, listening, photo, tmp_path):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    (tmp_path / "broken.png").write_bytes(b"rubbish")
    browser.get(listening)
    # By tab from the head of the page through the form: every place shows that it has the focus.
    names = []
    for _ in range(20):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        names.append(browser.switch_to.active_element.accessible_name)
        assert browser.execute_script(FOCUS) != "none", names[-1]
        if names[-1] == "Find the faces first":
            break
    assert names[:2] == ["Language", "Restore"]
    assert {"Enlarge by", "Scratches and spots", "More settings", "Restore"} <= set(names)
    find("#restore [name=file]").send_keys(str(tmp_path / "broken.png"))
    find("#restore button").send_keys(Keys.ENTER)
    assert find("#trouble").text.startswith("broken.png: cannot read the given picture: it is not a picture")
    # The slider moves while an arrow key is held down.
    browser.execute_script("document.querySelector('#restore').reset()")
    find("#restore [name=file]").send_keys(str(photo))
    find("#restore button").send_keys(Keys.ENTER)
    slider = find("img-comparison-slider.rendered")
    middle = browser.execute_script(f"return {SLIDER}.value")
    browser.execute_script("arguments[0].focus()", slider)
    ActionChains(browser).key_down(Keys.ARROW_RIGHT).perform()
    wait_until(lambda: browser.execute_script(f"return {SLIDER}.value") > middle)
    ActionChains(browser).key_up(Keys.ARROW_RIGHT).perform()


def test_the_language_changes_all_words_and_stays(browser, find, listening, photo):
    browser.get(listening)
    find("#restore input[type=file]").send_keys(str(photo))
    find("#restore button").click()
    find("img-comparison-slider.rendered")
    find("#language").send_keys("中")
    assert find("#restore button").text == "开始修复"
    assert find("article .notice").text == "照片中已丢失的细节是虚构的。"
    browser.refresh()
    assert find("#restore button").text == "开始修复"
    assert browser.execute_script("return document.documentElement.lang") == "zh"


def test_a_picture_is_checked_by_the_keyboard_and_told_in_both_languages(browser, find, listening, tmp_path):
    from selenium.webdriver.common.keys import Keys

    from photopulse.images import from_uint8, write_image
    from photopulse.provenance.embed import add_mark
    from photopulse.provenance.payload import payload_of

    pixels = from_uint8(np.array(Image.open(io.BytesIO(picture(260, 256)))))
    payload = payload_of("sample", generator="tiny", seed=3)
    told = {"photopulse:generator": "<b>tiny</b>", "photopulse:seed": "3", "photopulse:synthetic": "true"}
    write_image(tmp_path / "marked.png", add_mark(pixels, payload), metadata=told)
    browser.get(listening)
    browser.execute_script("document.querySelector('[name=what]:checked').focus()")
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    find("#verify [name=file]").send_keys(str(tmp_path / "marked.png"))
    find("#verify button").send_keys(Keys.ENTER)
    assert find("article .notice").text == "It says that it is synthetic."
    words = find("article .origin").text
    assert f"by the command sample, {payload}" in words
    assert "generator: <b>tiny</b>" in words
    assert "It differs from the metadata" in words
    assert width_of_pictures(browser, "article .faces img") == [260]
    # There is nothing to download.
    assert count(browser, "article > .row a") == 0
    find("#language").send_keys("中")
    assert find("article .notice").text == "图片自称是合成的。"
    assert "与元数据不一致" in find("article .origin").text


def test_a_picture_that_says_nothing_is_not_called_a_photo(browser, find, listening, photo):
    browser.get(listening)
    find(".tabs label:has([value=verify])").click()
    drop(browser, "#verify", photo)
    find("#verify button").click()
    assert find("article .notice").text == "Nothing was found. That does not mean that it is a photo."
