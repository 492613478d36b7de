"""Write the report: one HTML file with the results, the videos, and where they come from."""

import argparse

from betrayed.config.reading import read_settings
from betrayed.config.report import ReportSettings
from betrayed.engine.programs import run
from betrayed.reporting.report.page import write_report
from betrayed.reporting.report.sources import read_sources


def main() -> None:
    """Read the command line and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--results", required=True, help="JSON file: {runs: [{name, …}, …], batches: [{run, …}, …]}"
    )
    parser.add_argument("--tables", required=True, help="folder of the tables")
    parser.add_argument(
        "--benchmarks", required=True, help="folder of the jobs' seconds and memory"
    )
    parser.add_argument("--settings", default="{}", help="JSON object: videos, runs, frames, width")
    parser.add_argument("--output", required=True, help="HTML file to write")
    parser.add_argument("--figures", help="folder to write its figures into, as SVG")
    arguments = parser.parse_args()
    settings = read_settings(ReportSettings, arguments.settings)
    sources = read_sources(arguments.results)
    folders = arguments.tables, arguments.benchmarks
    write_report(arguments.output, sources, *folders, settings, arguments.figures)


if __name__ == "__main__":
    run(main)
