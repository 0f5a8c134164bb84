#!/usr/bin/env python3
"""Checks an HTML report of the doctor in headless Chromium, and takes its picture; see `page.py --help`."""

import argparse
import contextlib
import json
import pathlib
import re
import subprocess
import sys

from browser import Browser

ROOT = pathlib.Path(__file__).resolve().parents[3]
PICTURE = ROOT / "crates/otel-messaging-cli/report.png"
WIDE, NARROW = 1100, 390

# What WCAG 2 asks for: 4.5 to 1, and 3 to 1 for large text. A pixel may be transparent, so the grounds are laid
# over each other.
CONTRAST = """
const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return [...n.slice(0, 3), n[3] ?? 1]; };
const over = (top, ground) => [0, 1, 2].map(i => top[i] * top[3] + ground[i] * (1 - top[3]));
const light = colour => { const [r, g, b] = colour.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b; };
const ground = element => { if (!element) return [255, 255, 255];
  const own = element.tagName === 'g' && element.querySelector(':scope > rect')
    ? getComputedStyle(element.querySelector(':scope > rect')).fill : getComputedStyle(element).backgroundColor;
  return over(parse(own === 'none' ? 'rgba(0, 0, 0, 0)' : own), ground(element.parentElement)); };
const poor = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement, style = getComputedStyle(element);
  if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
  const below = ground(element), colour = parse(element.tagName === 'text' ? style.fill : style.color);
  const [a, b] = [light(over(colour, below)), light(below)].sort((x, y) => y - x);
  const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  const ratio = (a + .05) / (b + .05);
  if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 60)}`);
}
return poor;
"""

# What a reader of the screen needs.
NAMES = """
return [
  ...[...document.querySelectorAll('svg[role=img]')].filter(e => !e.querySelector(':scope > title')?.textContent || !e.querySelector(':scope > desc')?.textContent),
  ...[...document.querySelectorAll('table')].filter(e => !e.querySelector('thead th[scope]')),
  ...[...document.querySelectorAll('[role=img], [role=region]')].filter(e => !e.getAttribute('aria-label') && !e.getAttribute('aria-labelledby')),
].map(element => element.outerHTML.slice(0, 100));
"""


@contextlib.contextmanager
def driver():
    """chromedriver, at a port of its own choice."""
    process = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            started = re.search(r"started successfully on port (\d+)", line)
            if started:
                yield f"http://127.0.0.1:{started[1]}"
                return
        raise SystemExit("chromedriver ended before it listened")
    finally:
        process.terminate()
        process.wait()


def fail_if(problems, what):
    if problems:
        raise SystemExit(f"{what}:\n" + "\n".join(f"  {each}" for each in problems))


def requests(browser):
    """The addresses that the page asked for."""
    events = [json.loads(entry)["message"] for entry in browser.log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def show(browser, page, scheme, width):
    browser.tools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    # A window cannot be as narrow as a telephone.
    browser.tools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    browser.call("POST", "/url", {"url": page})
    browser.wait_for("document.readyState === 'complete'", 30)


def check(browser, page, scheme, width, findings):
    show(browser, page, scheme, width)
    where = f"{scheme}, {width} pixels wide"
    title = browser.run("return document.title")
    if not re.fullmatch(r".+: .+ – otel-messaging", title) or not browser.run("return document.querySelector('h1').innerText"):
        raise SystemExit(f"the page is no report: its title is {title!r}")
    cards = browser.run("return document.querySelectorAll('details.finding').length")
    if findings is not None and cards != findings:
        raise SystemExit(f"the page has {cards} findings and not {findings}")
    wide = browser.run("return document.documentElement.scrollWidth")
    fail_if([] if wide <= width else [f"{wide} pixels"], f"{where}: the page is wider than its window")
    fail_if(browser.run(CONTRAST), f"{where}: text without contrast")
    fail_if(browser.run(NAMES), f"{where}: elements without names or headers")
    fail_if([each for each in requests(browser) if each not in (page, "data:,")], f"{where}: requests left the page")
    fail_if(browser.log("browser"), f"{where}: lines in the console")
    return title, cards


def picture(browser, page, scheme, width, height, file):
    show(browser, page, scheme, width)
    whole = browser.run("return Math.ceil(document.documentElement.getBoundingClientRect().height)")
    height = min(whole, height or whole)
    browser.tools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    file.write_bytes(browser.picture(30))
    print(f"{file}: {file.stat().st_size // 1024} KiB", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(
        description="Checks an HTML report in headless Chromium, light and dark, wide and narrow: title, findings, contrast, "
        "names, width, requests, console. Then takes its picture."
    )
    parser.add_argument("report", type=pathlib.Path, help="what `otel-messaging doctor … --html FILE` wrote")
    parser.add_argument("picture", type=pathlib.Path, nargs="?", default=PICTURE, help=f"the PNG file to write [{PICTURE.relative_to(ROOT)}]")
    parser.add_argument("--findings", type=int, help="how many cards of findings there have to be")
    parser.add_argument("--scheme", choices=["light", "dark"], default="light", help="of the picture [light]")
    parser.add_argument("--width", type=int, default=WIDE, help=f"of the picture [{WIDE}]")
    parser.add_argument("--height", type=int, help="of the picture at most [all]")
    arguments = parser.parse_args()
    if not arguments.report.is_file():
        raise SystemExit(f"there is no file {arguments.report}")
    page = arguments.report.resolve().as_uri()
    with driver() as address:
        browser = Browser(address, WIDE, 900, 1, logs=["browser", "performance"])
        try:
            for scheme in ("light", "dark"):
                for width in (WIDE, NARROW):
                    title, cards = check(browser, page, scheme, width, arguments.findings)
            picture(browser, page, arguments.scheme, arguments.width, arguments.height, arguments.picture)
        finally:
            browser.call("DELETE", "")
    print(f"{title}: {cards} findings")


if __name__ == "__main__":
    main()
