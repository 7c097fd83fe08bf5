"""The tables that the benchmark prints."""

from rich.console import Console
from rich.table import Table

from benchmarking import load, rows

STYLES = {rows.OK: "green", rows.MISSED: "bold red", "": ""}
WORDS = ("what", "against")
NUMBERS = ("figure", "its figure", "ratio", "quartiles", "bound", "")


class Report:
    """Prints each part as soon as it is measured."""

    def __init__(self):
        console = Console()
        # Without a terminal there is no width to ask for.
        self.console = console if console.is_terminal else Console(width=120)

    def machine(self, machine):
        """Prints the machine, on which every figure depends."""
        packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
        self.console.print(
            f"{machine['cores']} cores, {machine['processor']}, {machine['memory_gib']} GiB that "
            f"copy {machine['bandwidth_gb']:.1f} GB/s (STREAM's copy, {machine['threads']} "
            f"threads); {machine['system']}, {machine['allocator']}, huge pages: "
            f"{machine['huge_pages']}; Python {machine['python']}, {packages}",
            highlight=False,
        )

    def load(self, busy):
        """Warns if others use the machine."""
        if warning := load.warning(busy):
            self.console.print(warning, style="bold yellow", highlight=False)

    def begins(self, part, regime, bandwidth_gb):
        """Says what is measured next, and how fast the memory is now."""
        self.console.rule(f"{part}, {regime} memory, {bandwidth_gb:.1f} GB/s")

    def table(self, found):
        """Prints a table of `rows.table`."""
        table = Table(
            title=f"{found['title']} ({found['unit']})", title_justify="left", title_style="bold"
        )
        for name in WORDS:
            table.add_column(name)
        for name in NUMBERS:
            table.add_column(name, justify="right", no_wrap=True)
        for row in found["rows"]:
            style = STYLES[row["verdict"]]
            table.add_row(
                row["what"],
                row["against"],
                rows.number(row["figure"]),
                rows.number(row["other"]),
                "" if row["ratio"] is None else f"{row['ratio']:.2f}×",
                rows.quartiles(row),
                rows.bound(row),
                f"[{style}]{row['verdict']}[/]" if style else "",
            )
        self.console.print(table)
        for what, reason in found["absent"].items():
            self.console.print(f"{what}: {reason}", style="dim", highlight=False)

    def failed(self, error):
        """Prints why a part has no tables."""
        self.console.print(str(error), style="bold red", highlight=False, markup=False)

    def end(self, missed, failed, paths):
        """Prints the figures that miss their bounds, what failed, and the paths of the results."""
        for line in missed:
            self.console.print(f"[bold red]missed[/]: {line}", highlight=False)
        if missed:
            self.console.print("Bounds are the project's goals, not what to expect.", style="dim")
        elif not failed:
            self.console.print("[green]All bounds are met.[/]")
        for each in failed:
            self.console.print(f"[bold red]failed[/]: {each['part']}, {each['regime']} memory")
        self.console.print(f"Written: {', '.join(map(str, paths))}", highlight=False)
