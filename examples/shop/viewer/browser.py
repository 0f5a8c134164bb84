#!/usr/bin/env python3
"""A picture of a page by headless Chromium; see `browser.py --help`."""

import argparse
import base64
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
]


class Browser:
    """A session of chromedriver: the WebDriver protocol, as far as it is needed."""

    def __init__(self, driver, width, height, scale, logs=()):
        arguments = [*ARGUMENTS, f"--window-size={width},{height}", f"--force-device-scale-factor={scale}"]
        options = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {log: "ALL" for log in logs},
        }
        self.session = f"{driver}/session"
        answer = self.call("POST", "", {"capabilities": {"alwaysMatch": options}})
        self.session += f"/{answer['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.session + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise SystemExit(f"chromedriver: {json.load(error)['value']['message']}") from error
        except OSError as error:
            raise SystemExit(f"no answer from chromedriver at {self.session}: {error}") from error

    def run(self, script):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def log(self, name):
        """What the log has since it was asked for the last time."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": name})]

    def tools(self, command, **parameters):
        """A command of Chromium's developer tools."""
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def wait_for(self, condition, seconds):
        deadline = time.monotonic() + seconds
        while not self.run(f"return Boolean({condition})"):
            if time.monotonic() > deadline:
                text = self.run("return document.body.innerText.slice(0, 300)")
                raise SystemExit(f"within {seconds} s the page did not come to {condition}: it says {text!r}")
            time.sleep(0.1)

    def fit(self, height):
        """Makes the window as high as that expression says, in pixels of the page."""
        rect = self.run(f"return [outerWidth, Math.ceil({height}) + outerHeight - innerHeight]")
        self.call("POST", "/window/rect", {"width": rect[0], "height": rect[1]})

    def picture(self, seconds):
        """The page, once it looks the same twice: whatever was moving or loading has ended."""
        deadline = time.monotonic() + seconds
        last = None
        while True:
            picture = base64.b64decode(self.call("GET", "/screenshot"))
            if picture == last:
                return picture
            if time.monotonic() > deadline:
                raise SystemExit(f"the page still changes after {seconds} s")
            last = picture
            time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description="Takes a picture of a page by headless Chromium.")
    parser.add_argument("page")
    parser.add_argument("picture", help="the PNG file to write")
    parser.add_argument("--driver", required=True, help="chromedriver, such as http://127.0.0.1:9515")
    parser.add_argument("--size", default="1400x1000", help="of the window [1400x1000]")
    parser.add_argument("--scale", default="1", help="pixels of the picture for one of the page [1]")
    parser.add_argument("--ready", required=True, help="an expression that is true once all is there")
    parser.add_argument("--stored", default="", metavar="NAME=VALUE", help="what the page has in its local storage")
    parser.add_argument("--height", required=True, help="an expression: how much of the page is shown, in pixels")
    parser.add_argument("--seconds", type=int, default=60, help="how long each step may take [60]")
    arguments = parser.parse_args()
    browser = Browser(arguments.driver, *arguments.size.split("x"), arguments.scale)
    try:
        if arguments.stored:
            # Only a page of the same origin can put it there.
            browser.call("POST", "/url", {"url": urllib.parse.urljoin(arguments.page, "/")})
            name, _, value = arguments.stored.partition("=")
            browser.run(f"localStorage.setItem({json.dumps(name)}, {json.dumps(value)})")
        browser.call("POST", "/url", {"url": arguments.page})
        browser.wait_for(arguments.ready, arguments.seconds)
        browser.fit(arguments.height)
        picture = browser.picture(arguments.seconds)
    finally:
        browser.call("DELETE", "")
    with open(arguments.picture, "wb") as file:
        file.write(picture)
    print(f"{arguments.picture}: {len(picture) // 1024} KiB", file=sys.stderr)


if __name__ == "__main__":
    main()
