"""Takes the pictures of the page in docs/images, with Debian's chromium and chromium-driver and the real networks.

python benchmarks/page_pictures.py docs/images            the three of docs/serve.md
python benchmarks/page_pictures.py /tmp/pages --all       each in light, dark, Chinese and on a phone
"""

import argparse
import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

EXAMPLES = Path(__file__).parents[1] / "examples"
PATIENCE = 300  # Seconds.
LOOKS = {
    "light": ("light", "en", (1000, 1000)),
    "dark": ("dark", "en", (1000, 1000)),
    "chinese": ("light", "zh", (1000, 1000)),
    "phone": ("light", "en", (500, 900)),
}
SHOWN = 720  # Width in px of the pictures in the documents; with this quality, they stay below 150 kB.
QUALITY = 72


def main() -> None:
    """Saves each story's picture as ``page-<story>.jpg``, or ``page-<story>-<look>.jpg`` of every look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="every look, to be looked at")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with serving() as address:
        for look in LOOKS if arguments.all else ("light",):
            for story, play in STORIES.items():
                with browser(look) as driver:
                    driver.get(address)
                    play(driver)
                    name = f"page-{story}-{look}.jpg" if arguments.all else f"page-{story}.jpg"
                    save(driver, arguments.folder / name)


@contextmanager
def serving() -> Generator[str]:
    """Serves with the real networks, and yields the address."""
    command = [sys.executable, "-m", "photopulse", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        yield server.stderr.readline().split()[2]
        server.terminate()


@contextmanager
def browser(look: str) -> Generator[WebDriver]:
    """Opens a browser with a look: its colours, language and size."""
    colours, language, (width, height) = LOOKS[look]
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size={width},{height}"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.binary_location = _found("chromium")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_found("chromedriver")))
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": colours}]}
    )
    try:
        yield driver
    finally:
        driver.quit()


def _found(program: str) -> str:
    """Returns the path of an installed program."""
    path = shutil.which(program)
    if path is None:
        sys.exit(f"{program} is not installed: apt install chromium chromium-driver")
    return path


def find(driver: WebDriver, selector: str) -> WebElement:
    """Waits for an element that is seen."""
    seen = expected_conditions.visibility_of_element_located((By.CSS_SELECTOR, selector))
    return WebDriverWait(driver, PATIENCE).until(seen)


def restore(driver: WebDriver) -> None:
    """Restores the old portrait, and shows before and after."""
    find(driver, "#restore [name=file]").send_keys(str(EXAMPLES / "old_portrait.jpg"))
    find(driver, "#restore button").click()
    find(driver, "img-comparison-slider.rendered")


def faces(driver: WebDriver) -> None:
    """Finds the faces of the portrait, to choose some, with all settings shown."""
    find(driver, "#restore [name=file]").send_keys(str(EXAMPLES / "old_portrait.jpg"))
    find(driver, "#restore summary").click()
    find(driver, "#restore button[value=faces]").click()
    find(driver, ".faces button")


def upscale(driver: WebDriver) -> None:
    """Upscales the small face to three results."""
    find(driver, ".tabs label:nth-of-type(2)").click()
    find(driver, "#upscale [name=file]").send_keys(str(EXAMPLES / "face_16.png"))
    count = find(driver, "#upscale [name=count]")
    count.clear()
    count.send_keys("3")
    find(driver, "#upscale button").click()
    find(driver, ".gallery figure:nth-child(3) .notice")


STORIES: dict[str, Callable[[WebDriver], None]] = {"restore": restore, "faces": faces, "upscale": upscale}


def save(driver: WebDriver, path: Path) -> None:
    """Saves the whole page as JPEG."""
    decoded = "Promise.all([...document.images].map((one) => one.decode().catch(() => 0))).then(arguments[0])"
    driver.execute_async_script(decoded)
    size = driver.execute_script("return [innerWidth, document.documentElement.scrollHeight]")
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False},
    )
    with Image.open(io.BytesIO(driver.get_screenshot_as_png())) as image:
        small = image.convert("RGB")
        small.thumbnail((SHOWN, image.height), Image.Resampling.LANCZOS)
        small.save(path, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
