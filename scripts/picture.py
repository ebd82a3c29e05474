#!/usr/bin/env python3
"""Take the README's picture and figures from the demo that `make demo` left in demo/.

Needs Chromium. Writes docs/overview.png and the table between the marks in README.md and docs/flights.md.
"""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "demo"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> None:
    summary = json.loads((DEMO / "summary.json").read_text())
    for name in ("README.md", "docs/flights.md"):
        path = ROOT / name
        before, _, rest = path.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        path.write_text(f"{before}{BEGIN}\n{figures(summary)}\n{END}{after}")
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "homeostat", "server", "--project", str(DEMO), "--port", str(port)], cwd=ROOT
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health")
        take(f"http://127.0.0.1:{port}/", ROOT / "docs" / "overview.png")
    finally:
        server.terminate()
        server.wait()


def figures(summary: dict[str, float]) -> str:
    rows = [
        (
            "mean weekly AUC",
            f"{summary['auc_mean']:.3f}",
            f"{summary['auc_mean_static']:.3f} for the first model, never retrained",
        ),
        (
            "mean weekly Brier",
            f"{summary['brier_mean']:.3f}",
            f"{summary['brier_mean_static']:.3f} for the first model",
        ),
        ("requests", f"{summary['requests']:,}", f"{summary['failed_requests']} failed"),
        (
            "predictions",
            f"{summary['predictions']:,}",
            f"{summary['predictions_logged']:,} in the log, {summary['dropped']} dropped",
        ),
        ("labels joined", f"{summary['labels_joined']:,}", f"{summary['labels_sent']:,} sent, one or three days late"),
        (
            "trainings",
            f"{summary['retrains']}",
            f"{summary['promotions']} became champion, {summary['rejected']} stopped by gates, {summary['rollbacks']} rolled back",
        ),
        (
            "request",
            f"p50 {summary['p50_ms']} ms, p99 {summary['p99_ms']} ms",
            "at the client, up to 38 flights in one",
        ),
        ("wall time", f"{summary['wall_s']:.0f} s", f"of it {summary['training_s']:.0f} s training"),
    ]
    lines = "\n".join(f"| {name} | {value} | {note} |" for name, value, note in rows)
    return f"\n| {summary['weeks']} weeks | | |\n|---|---|---|\n{lines}\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(url: str) -> None:
    for _ in range(100):
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"{url} does not answer.")


def take(url: str, path: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 740})
        page.goto(url)
        page.wait_for_timeout(1000)
        page.screenshot(path=path)
        browser.close()


main()
