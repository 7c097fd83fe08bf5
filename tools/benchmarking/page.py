"""The page of a benchmark: charts and tables of both regimes of memory, without scripts."""

from pathlib import Path

import markupsafe
import static_pages

from benchmarking import chart, load, rows


def render(results):
    """The page, a string of HTML.

    Args:
        results: Dict as `tools/benchmark.py` writes it: how busy the machine was, the machine,
            tables, and what failed.
    """
    environment = static_pages.environment(Path(__file__).parent)
    return environment.get_template("page.html").render(
        machine=results["machine"],
        warning=load.warning(results["busy"]),
        failed=results["failed"],
        groups=_groups(results["tables"]),
        missed=rows.missed(results["tables"]),
        judged=sum(row["verdict"] != "" for each in results["tables"] for row in each["rows"]),
        rows=rows,
    )


def _groups(tables):
    """A dict for each title: its unit, its tables by regime, and its chart or ""."""
    titles = {}
    for each in tables:
        titles.setdefault((each["title"], each["unit"]), []).append(each)
    return [
        {
            "title": title,
            "unit": unit,
            "tables": found,
            "lines": _lines(found),
            "chart": markupsafe.Markup(chart.svg(found)) if chart.suits(found[0]) else "",
        }
        for (title, unit), found in titles.items()
    ]


def _lines(tables):
    """[(what, against, the row of each table, or None where it has none)]."""
    keys = dict.fromkeys((row["what"], row["against"]) for each in tables for row in each["rows"])
    found = [{(row["what"], row["against"]): row for row in each["rows"]} for each in tables]
    return [(*key, [each.get(key) for each in found]) for key in keys]
