"""The page in a real browser: Debian's chromium, driven by Selenium."""

import json
import shutil
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
webdriver = pytest.importorskip("selenium.webdriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromium-driver are not installed")

PATIENCE = 120  # Seconds.


@pytest.fixture
def browser(tmp_path):
    """A browser that keeps a log of its console and of every request."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.add_argument("--window-size=1000,1200")
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
    pixels = np.random.default_rng(0).integers(60, 120, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "old photo.png")
    return tmp_path / "old photo.png"


@pytest.fixture
def face(tmp_path):
    """A face of 8 px."""
    pixels = np.random.default_rng(1).integers(60, 120, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "face.png")
    return tmp_path / "face.png"


def hosts(browser) -> set[str]:
    """Every host that was asked for anything."""
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    urls = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).netloc for url in urls if urlsplit(url).scheme in ("http", "https", "ws")}


def width_of_pictures(browser, selector) -> list[int]:
    script = """
    const [selector, done] = arguments;
    const images = [...document.querySelectorAll(selector)];
    Promise.all(images.map((image) => image.decode())).then(() => done(images.map((image) => image.naturalWidth)));
    """
    return browser.execute_async_script(script, selector)


def test_a_photo_is_uploaded_restored_compared_and_deleted(browser, find, listening, photo, tmp_path):
    browser.get(listening)
    find("#restore [name=scale] option:nth-child(3)").click()
    find("#restore input[type=file]").send_keys(str(photo))
    find("#restore button").click()
    assert find("img-comparison-slider.rendered").get_attribute("aria-label").startswith("Before on the left")
    assert width_of_pictures(browser, ".pane img") == [120, 240]
    assert find("article h2").text == "old photo.png"
    assert find("article .notice").text == "Detail that the photo had lost is invented."
    assert find("article a").get_attribute("download") == "old photo.png"
    browser.save_screenshot(str(tmp_path / "restored.png"))
    find("article summary").click()
    find(".faces button[aria-pressed=true]").click()
    find("details > button").click()
    find("article:nth-child(2)")
    find("article:first-child img-comparison-slider.rendered")
    for _ in range(2):
        find("article > .row > button").click()
    assert browser.execute_script("return document.querySelectorAll('article').length") == 0
    assert browser.get_log("browser") == []
    assert hosts(browser) == {urlsplit(listening).netloc}


def test_a_face_is_upscaled_to_a_gallery_on_a_phone(browser, find, listening, face):
    browser.set_window_size(390, 844)
    browser.get(listening)
    find(".tabs label:nth-of-type(2)").click()
    find("#upscale input[type=file]").send_keys(str(face))
    count = find("#upscale [name=count]")
    count.clear()
    count.send_keys("2")
    find("#upscale button").click()
    find(".gallery figure:nth-child(2) .notice")
    assert width_of_pictures(browser, ".gallery img") == [32, 8, 8] * 2
    notices = browser.execute_script("return [...document.querySelectorAll('.notice')].map((one) => one.textContent)")
    assert notices == ["Imaginary face: it fits the input, and identifies no one."] * 2
    wide = browser.execute_script("return document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    assert browser.get_log("browser") == []


def test_a_broken_picture_is_told_and_the_keyboard_does_all(browser, find, listening, tmp_path):
    from selenium.webdriver.common.keys import Keys

    (tmp_path / "broken.png").write_bytes(b"rubbish")
    browser.get(listening)
    find("#restore input[type=file]").send_keys(str(tmp_path / "broken.png"))
    find("#restore button").send_keys(Keys.ENTER)
    assert find("#trouble").text.startswith("broken.png: cannot read the given picture: it is not a picture")
    find("#language").send_keys("中")
    assert find("#restore button").text == "开始修复"
    browser.get(f"{listening}/api.html")
    assert find("#api article h2").text == "POST /api/v1/restore"
    errors = [entry for entry in browser.get_log("browser") if "422" not in entry["message"]]
    assert errors == []
