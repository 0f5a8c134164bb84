#!/usr/bin/env python3
"""The queries of dashboard.json, held against a store; see `dashboard.py --help`."""

import argparse
import json
import math
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

DASHBOARD = Path(__file__).with_name("dashboard.json")
# Grafana makes it of the data source's timeInterval (datasources.yml): four times that, or more.
RATE_INTERVAL = "20s"
STEP = 5
UNITS = {"s": "s", "cps": "/s", "percentunit": "", "short": ""}


def fill_in(text, destination=".*"):
    """The text with its variables filled in, as Grafana does it with All."""
    return text.replace("$__rate_interval", RATE_INTERVAL).replace("$destination", destination)


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def ask(url, path, **query):
    """The series that the store answers with."""
    address = f"{url.rstrip('/')}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"the store refuses {query['query']}: {error.read().decode()}") from error
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"no answer from a store at {url}: {error}") from error


def drawn(url, query, seconds, above=0.0):
    """The series that have something to draw: a value above that in the last seconds."""
    end = time.time()
    series = ask(url, "query_range", query=query, start=end - seconds, end=end, step=STEP)
    values = [(each["metric"], [float(value) for _, value in each["values"]]) for each in series]
    return [labels for labels, all in values if any(math.isfinite(v) and v > above for v in all)]


def destinations(url, dashboard):
    """The choices of the variable, read as Grafana reads them."""
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    variable = variables["destination"]
    query = re.fullmatch(r"query_result\((.*)\)", variable["query"]["query"])[1]
    pattern = re.compile(variable["regex"].strip("/"))
    found = []
    for series in ask(url, "query", query=query):
        labels = ", ".join(f'{name}="{value}"' for name, value in series["metric"].items())
        found += pattern.findall("{" + labels + "}")
    return sorted(set(found))


def check(dashboard, url, seconds, history):
    """The lines about what is empty."""
    failures = []
    if not ask(url, "query", query=f"count(messaging_client_sent_messages_total offset {history}s)"):
        failures.append(f"no metrics of {history} s ago")
    for panel in panels(dashboard):
        for target in panel["targets"]:
            query = fill_in(target["expr"])
            if not drawn(url, query, seconds):
                failures.append(f"empty: {panel['title']}: {query}")
    choices = destinations(url, dashboard)
    if not choices:
        failures.append("empty: the variable destination")
    # Each choice has to find what is its own in the first two panels, and no other destination.
    for choice in choices:
        # What Grafana does with a value: escaped for the regular expression, and for the string.
        escaped = re.sub(r"[\\^$.*+?()\[\]{}|]", r"\\\\\g<0>", choice)
        queries = [fill_in(panel["targets"][0]["expr"], escaped) for panel in panels(dashboard)[:2]]
        series = [labels for query in queries for labels in drawn(url, query, seconds, above=-1)]
        names = [l.get("messaging_destination_template") or l.get("messaging_destination_name") for l in series]
        if choice not in names or any(name not in (choice, None) for name in names):
            failures.append(f"destination {choice}: the dashboard shows {names}")
    return failures, choices


def vmui(dashboard, titles):
    """Panels with those titles, as a dashboard of VictoriaMetrics' own pages, three in a row."""
    chosen = {panel["title"]: panel for panel in panels(dashboard)}
    unknown = [title for title in titles if title not in chosen]
    if unknown:
        raise SystemExit(f"no panel of dashboard.json has the title {unknown[0]!r}")
    shown = [
        {
            "title": title,
            "unit": UNITS[chosen[title]["fieldConfig"]["defaults"]["unit"]],
            "expr": [fill_in(target["expr"]) for target in chosen[title]["targets"]],
            "alias": [target["legendFormat"] for target in chosen[title]["targets"]],
            "width": 4,
        }
        for title in titles or chosen
    ]
    title = "Queries of examples/shop/viewer/dashboard.json, drawn by VictoriaMetrics"
    return {"title": title, "rows": [{"title": title, "panels": shown}]}


def main():
    parser = argparse.ArgumentParser(description="The queries of dashboard.json.")
    commands = parser.add_subparsers(dest="command", required=True)
    checked = commands.add_parser("check", help="fails if a query has nothing to draw")
    checked.add_argument("url", help="the store, such as http://127.0.0.1:8428")
    checked.add_argument("--seconds", type=int, default=900, help="how far back to look [900]")
    checked.add_argument("--history", type=int, default=0, help="fails also if there is nothing that old, in seconds")
    drawn_by_store = commands.add_parser("vmui", help="prints panels as a dashboard of VictoriaMetrics' own pages")
    drawn_by_store.add_argument("title", nargs="*", help="the panels' titles [all]")
    arguments = parser.parse_args()
    dashboard = json.loads(DASHBOARD.read_text())
    if arguments.command == "vmui":
        json.dump(vmui(dashboard, arguments.title), sys.stdout, indent=2)
        return
    failures, choices = check(dashboard, arguments.url, arguments.seconds, arguments.history)
    if failures:
        print("\n".join(failures), file=sys.stderr)
        raise SystemExit(1)
    queries = sum(len(panel["targets"]) for panel in panels(dashboard))
    print(f"{queries} queries of {len(panels(dashboard))} panels draw something; destinations: {', '.join(choices)}")


if __name__ == "__main__":
    main()
