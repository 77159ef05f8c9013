"""A headless Chromium that counts what it asked for and what it complained about."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

WAIT_S = 30
_DRIVERS = ("/usr/bin/chromedriver", "chromedriver")
_BROWSERS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")


def installed(names: tuple[str, ...]) -> str:
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        pytest.skip(f"no {names[-1]} is installed")
    return found


def field_of(form: WebElement, name: str) -> list[WebElement]:
    return form.find_elements(By.CSS_SELECTOR, f"[name='{name}']")


class Page:
    """One page, used as a clerk would."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        # In one go: what is shown may be replaced at any moment.
        script = """
            const shown = (each) => each.innerText.trim();
            return [...document.querySelectorAll(arguments[0])].map(shown);
        """
        found: list[str] = self.driver.execute_script(script, selector)
        return found

    def text(self, selector: str) -> str:
        return " ".join(self.texts(selector))

    def fill(self, selector: str, text: str) -> None:
        field = self.one(selector)
        field.clear()
        field.send_keys(text)

    def click(self, selector: str) -> None:
        self.one(selector).click()

    def double_click(self, selector: str) -> None:
        ActionChains(self.driver).double_click(self.one(selector)).perform()

    def until(self, selector: str, text: str) -> None:
        def shown(_: Any) -> bool:
            return any(text in each for each in self.texts(selector))

        message = f"{selector} does not say {text}: {self.text('main')}"
        WebDriverWait(self.driver, WAIT_S).until(shown, message)

    def act(self, name: str, **fields: str) -> None:
        """Open the form of an action, fill it in by field name, send it."""
        forms = self.driver.find_elements(By.CSS_SELECTOR, f"form[data-action='{name}']")
        form = next(each for each in forms if all(field_of(each, field) for field in fields))
        if fields:
            form.find_element(By.XPATH, "ancestor::details/summary").click()
        for field, text in fields.items():
            [element] = field_of(form, field)
            if element.tag_name == "select":
                Select(element).select_by_value(text)
            else:
                element.clear()
                element.send_keys(text)
        form.find_element(By.TAG_NAME, "button").click()

    def complaints(self) -> list[str]:
        """What went wrong by the browser's own log, refusals of our own aside."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")  # type: ignore[no-untyped-call]
            if entry["level"] == "SEVERE"
        ]

    def hosts(self) -> set[str]:
        """Whom the browser has asked for anything."""
        entries = [
            json.loads(each["message"])["message"]
            for each in self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        ]
        urls = [
            entry["params"]["request"]["url"]
            for entry in entries
            if entry["method"] == "Network.requestWillBeSent"
        ]
        return {url.split("/")[2] for url in urls if url.startswith(("http:", "https:"))}

    def unlabelled(self) -> list[str]:
        """Fields and buttons a screen reader has no name for."""
        script = """
            const named = (e) => e.labels?.length || e.getAttribute("aria-label") || e.textContent;
            return [...document.querySelectorAll("input, select, textarea, button")]
                .filter((e) => !named(e)).map((e) => e.outerHTML);
        """
        found: list[str] = self.driver.execute_script(script)
        return found


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    options = webdriver.ChromeOptions()
    options.binary_location = installed(_BROWSERS)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
        f"--user-data-dir={folder}/profile",
        "--window-size=1000,1400",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(installed(_DRIVERS)))
    try:
        yield Page(driver)
    finally:
        driver.quit()
