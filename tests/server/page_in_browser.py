"""The page for people in a browser that selenium drives, in a person's words."""

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

_SECONDS = 30


class PageInBrowser:
    """What a person sees and does; elements go by their CSS selectors."""

    def __init__(self, browser):
        self.browser = browser

    def open(self, address):
        self.browser.get(f"http://{address}/")

    def find(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        """Returns the texts in the document, also of what is scrolled away."""
        script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
        return self.browser.execute_script(script, selector)

    def wait_for(self, selector, expected):
        """Waits until the texts of `selector` are `expected`."""
        WebDriverWait(self.browser, _SECONDS, poll_frequency=0.05).until(
            lambda _: self.texts(selector) == expected, f"{selector}: expected {expected}"
        )

    def type(self, text, field="#text"):
        (area,) = self.find(field)
        area.clear()
        area.send_keys(text)

    def choose(self, field, value):
        self.find(f'{field} option[value="{value}"]')[0].click()

    def visible(self, selector):
        return self.find(selector)[0].is_displayed()
