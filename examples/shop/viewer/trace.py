#!/usr/bin/env python3
"""Finds the trace in Jaeger that has spans of all the services; see `trace.py --help`."""

import argparse
import json
import urllib.parse
import urllib.request


def traces(url, service):
    query = urllib.parse.urlencode({"service": service, "lookback": "1h", "limit": 200})
    try:
        with urllib.request.urlopen(f"{url}/api/traces?{query}", timeout=10) as answer:
            return json.load(answer)["data"]
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"no answer from Jaeger at {url}: {error}") from error


def services(trace):
    return {process["serviceName"] for process in trace["processes"].values()}


def missing_parents(trace):
    """The spans that name a parent which is not there."""
    known = {span["spanID"] for span in trace["spans"]}
    parents = [
        (reference["spanID"], span)
        for span in trace["spans"]
        for reference in span["references"]
        if reference["refType"] == "CHILD_OF" and reference["traceID"] == span["traceID"]
    ]
    return [span["operationName"] for parent, span in parents if parent not in known]


def failed(trace):
    return any(tag["key"] == "error" and tag["value"] for span in trace["spans"] for tag in span["tags"])


def main():
    parser = argparse.ArgumentParser(description="Prints the id of a trace that has spans of all the services.")
    parser.add_argument("url", help="Jaeger, such as http://127.0.0.1:16686")
    parser.add_argument("service", nargs="+")
    arguments = parser.parse_args()
    found = traces(arguments.url, arguments.service[0])
    whole = [trace for trace in found if services(trace) >= set(arguments.service) and not missing_parents(trace)]
    if not whole:
        seen = max((sorted(services(trace)) for trace in found), key=len, default=[])
        raise SystemExit(f"of {len(found)} traces none has all of {arguments.service}; the best has {seen}")
    # One where nothing failed, if there is one; of those the one with the most spans.
    print(max(whole, key=lambda trace: (not failed(trace), len(trace["spans"])))["traceID"])


if __name__ == "__main__":
    main()
