#!/usr/bin/env python3
"""Draws the results of the benchmarks.

usage: bench/plot.py OUT.svg [--ingest R.json] [--lake R.json] [--latency R.json] [--size R.json] [--hunting R.json]

The files are what `ingest.py`, `lake.py`, `latency.py`, `size.py` and `hunting.py` wrote with `--out`. Needs matplotlib.
"""
import argparse
import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plot  # noqa: E402

OURS, THEIRS = "#2a6f97", "#b0b7bf"


def read(path):
    with open(path) as file:
        return json.load(file)


def bars(axes, title, names, values, unit, is_ours):
    colors = [OURS if ours else THEIRS for ours in is_ours]
    drawn = axes.barh(names, values, color=colors)
    axes.bar_label(drawn, [f" {value:,} {unit}" for value in values], fontsize=8)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlim(0, max(values) * 1.35)
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_xticks([])


def ingest(axes, result):
    names = [name for name in ("bartizan", "chdb", "duckdb") if name in result]
    scheme = result["bartizan"]["scheme"].upper()
    notes = {"bartizan": f"Bartizan\ndurable, over {scheme}", "chdb": "chdb\nMergeTree", "duckdb": "DuckDB\nin memory"}
    bars(axes, "JSON lines loaded, rows/s", [notes[name] for name in names],
         [result[name]["rows_per_s"] for name in names], "", [name == "bartizan" for name in names])


def size(axes, result):
    bars(axes, "Disk for one event, indexes included", ["Bartizan", "chdb\nMergeTree, zstd"],
         [result["bartizan"]["bytes_per_row"], result["chdb"]["bytes_per_row"]], "bytes", [True, False])


def lake(axes, result):
    totals = sorted(result, key=int)
    names = {"sha256": "a SHA256", "remote_ip": "a remote address", "rare_word": "a rare word", "machine_last_day": "a machine's last day"}
    labels, values, ours = [], [], []
    for name, label in names.items():
        for total in totals:
            labels.append(f"{label}, {int(total) // 1_000_000} M rows")
            values.append(result[total]["questions"][name]["cold_ms"])
            ours.append(total == totals[-1])
    bars(axes, "Looking up with cold caches", labels, values, "ms", ours)


def latency(axes, result):
    labels = ["hunting idle, median", "hunting idle, p99", "beside ingest, median", "beside ingest, p99",
              "row seen after its acknowledgement, p99"]
    values = [result["idle_after"]["median_ms"], result["idle_after"]["p99_ms"], result["at_half_of_the_peak"]["median_ms"],
              result["at_half_of_the_peak"]["p99_ms"], result["seen_after_acknowledgement"]["p99_ms"]]
    bars(axes, "Questions beside ingest", labels, values, "ms", [False, False, True, True, True])


def hunting(axes, result):
    """How long each question takes here for each second of the faster of the two others."""
    questions = sorted(result["questions"].items(), key=lambda item: item[1]["ratio"])
    values = [of["ratio"] for _, of in questions]
    drawn = axes.barh([name.replace("_", " ") for name, _ in questions], values,
                      color=[OURS if value <= 1 else THEIRS for value in values])
    axes.bar_label(drawn, [f" {value:.2f}" for value in values], fontsize=8)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_title("Hunting questions: time by that of the faster of DuckDB and chdb", loc="left", fontsize=10)
    axes.set_xlim(0, max(values) * 1.2)
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_xticks([])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    kinds = {"ingest": ingest, "size": size, "lake": lake, "latency": latency, "hunting": hunting}
    for kind in kinds:
        parser.add_argument(f"--{kind}")
    arguments = vars(parser.parse_args())
    given = [(draw, read(arguments[kind])) for kind, draw in kinds.items() if arguments[kind]]
    if not given:
        parser.error("there is nothing to draw: give at least one result")
    heights = [0.22 * len(result["questions"]) + 0.6 if draw is hunting else 1.9 for draw, result in given]
    figure, axes = plot.subplots(len(given), 1, figsize=(8, sum(heights) + 1), squeeze=False, height_ratios=heights)
    for (draw, result), on in zip(given, axes[:, 0]):
        draw(on, result)
    figure.tight_layout()
    figure.savefig(arguments["out"])


if __name__ == "__main__":
    sys.exit(main())
