"""The tables that the benchmark prints."""

from rich.console import Console
from rich.table import Table

from benchmarking import pipelines
from benchmarking.comparison import sizes

STYLES = {"ok": "green", "below": "bold red", "above": "bold red"}


class Report:
    """Prints each part as soon as it is measured."""

    def __init__(self):
        console = Console()
        # Without a terminal there is no width to ask for.
        self.console = console if console.is_terminal else Console(width=110)

    def machine(self, machine):
        """Prints the machine, on which every figure depends."""
        packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
        self.console.print(
            f"{machine['cores']} cores, {machine['processor']}, {machine['memory_gib']} GiB; "
            f"{machine['system']}, Python {machine['python']}, {packages}",
            highlight=False,
        )

    def group(self, group):
        """One workload: all contenders."""
        title = f"{sizes(group)}, {group['dtype']}, {group['classes']} classes"
        columns = ("samples/s", "keras_mix is", "quartiles", "floor", "")
        table = self._table(title, ("mixer", "library"), columns)
        for row in group["rows"]:
            table.add_row(
                row["mixer"],
                row["library"],
                f"{row['samples_per_second']:,.0f}",
                _number(row.get("ratio"), "{:.2f}×"),
                "–".join(f"{value:.2f}" for value in row.get("quartiles", ())),
                _number(row.get("floor"), "{:.2f}×"),
                _styled(row["verdict"]),
            )
        self.console.print(table)
        for peer, reason in group["absent"].items():
            self.console.print(f"{peer}: {reason}", style="dim", highlight=False)

    def memory(self, figures):
        """What pooled memory is worth."""
        titles = {"maps": "Pooled memory, a map", "fit": "Pooled memory, a whole fit"}
        for task, title in titles.items():
            columns = ("default, images/s", "pooled, images/s", "pooled is")
            table = self._table(title, ("layer",), columns)
            for row in figures[task]:
                speeds = (f"{row[regime]:,.0f}" for regime in ("default", "pooled"))
                table.add_row(row["name"], *speeds, f"{row['ratio']:.2f}×")
            self.console.print(table)
        for regime, points in figures["curves"].items():
            text = ", ".join(f"{point:,}" for point in points)
            self.console.print(f"resident memory, {regime}: {text} MiB", highlight=False)

    def fresh(self, figures, limit):
        """The import and the first batch."""
        table = self._table("A fresh process", ("what",), ("seconds", "limit", ""))
        names = {
            "import": "import keras_mix, after tensorflow and keras",
            "import_layers": "keras_mix.layers, at its first use",
            "plain": "first batch of a pipeline that copies",
        }
        for key, seconds in figures.items():
            if key in names:
                table.add_row(names[key], f"{seconds:.3f}")
                continue
            table.add_row(
                f"first batch of {key}, beyond that",
                f"{seconds:.3f}",
                f"{limit}",
                _kept(seconds, limit),
            )
        self.console.print(table)

    def growth(self, rows):
        """Prints the cost per image at several sizes."""
        title = "Growth: microseconds an image, float32"
        table = self._table(title, ("images", "classes"), ("MixUp", "CutMix"))
        for row in rows:
            cells = (f"{row[mixer]:.1f}" for mixer in ("MixUp", "CutMix"))
            table.add_row(sizes(row), f"{row['classes']:,}", *cells)
        self.console.print(table)

    def pairs(self, rows):
        """Packed pairs against one-hot."""
        title = "Labels of a large label space: microseconds an image, MixUp float32"
        table = self._table(title, ("images", "classes"), ("one-hot", "pairs", "faster by"))
        for row in rows:
            cells = f"{row['one_hot']:.1f}", f"{row['pairs']:.1f}", f"{row['ratio']:.2f}×"
            table.add_row(sizes(row), f"{row['classes']:,}", *cells)
        self.console.print(table)

    def pipelines(self, rows):
        """Whole pipelines with `data.mix`, as multiples of the same with `map`."""
        title = f"CutMix in batches of {pipelines.BATCH}: images/s with map and with data.mix"
        numbers = ("map", "mix", "time", "quartiles", "limit", "")
        table = self._table(title, ("pipeline",), numbers)
        for row in rows:
            quartiles = "–".join(f"{value:.2f}" for value in row["quartiles"])
            speeds = (f"{row[way]:,.0f}" for way in ("map", "mix"))
            ratio, *limit = _limited(row)
            table.add_row(row["pipeline"], *speeds, ratio, quartiles, *limit)
        self.console.print(table)

    def structured(self, rows, absent):
        """Prints what masks and boxes add."""
        title = "CutMix 128 × 224 × 224 × 3, float32, with structured targets"
        table = self._table(title, ("with",), ("times without", "limit", ""))
        for row in rows:
            table.add_row(row["what"], *_limited(row))
        self.console.print(table)
        for what, reason in absent.items():
            self.console.print(f"{what}: {reason}", style="dim", highlight=False)

    def mask_growth(self, rows):
        """Prints the cost per mask pixel at several sizes."""
        table = self._table("Drawing a plan", ("mixer", "images"), ("nanoseconds a pixel",))
        for row in rows:
            table.add_row(row["mixer"], sizes(row), f"{1e3 * row['microseconds']:.2f}")
        self.console.print(table)

    def train_steps(self, rows):
        """Models that mix by themselves, as multiples of the plain model."""
        title = "A train step of a ResNet-20, 64 × 32 × 32 × 3"
        table = self._table(title, ("mode", "model", "what"), ("times plain", "limit", ""))
        for row in rows:
            table.add_row(row["mode"], row["variant"], row["what"], *_limited(row))
        self.console.print(table)

    def joint(self, rows, shapes):
        """Several modalities that are mixed together, as multiples of each alone."""
        title = ", ".join(f"{name} {sizes({'shape': shape})}" for name, shape in shapes.items())
        numbers = ("µs a sample", "against copying", "times the parts", "limit", "")
        table = self._table(f"CrossModalMix: {title}, float32", ("cuts",), numbers)
        for row in rows:
            cells = f"{row['microseconds']:.1f}", f"{row['copy']:.2f}×", *_limited(row)
            table.add_row(row["what"], *cells)
        self.console.print(table)

    def pairing(self, rows):
        """Prints the cost of partners by label over a whole data set."""
        title = "pair_by_label: seconds to an epoch's first batch, and memory beyond a plain epoch"
        numbers = ("first epoch", "later", "MiB", "limit", "")
        table = self._table(title, ("samples", "targets"), numbers)
        for row in rows:
            table.add_row(
                f"{row['samples']:,}",
                f"{row['targets']}",
                f"{row['first']:.2f}",
                f"{row['later']:.2f}",
                f"{row['mib']:.0f}",
                f"{row['limit']}",
                _kept(row["mib"], row["limit"]),
            )
        self.console.print(table)

    def end(self, missed, path):
        """Prints the figures that miss their floor or limit, and the path of the results."""
        for line in missed:
            self.console.print(f"[bold red]misses its floor or limit[/]: {line}")
        if not missed:
            self.console.print("[green]All floors and limits are kept.[/]")
        self.console.print(f"Written: {path}")

    def _table(self, title, words, numbers):
        table = Table(title=title, title_justify="left", title_style="bold")
        for name in words:
            table.add_column(name, no_wrap=True)
        for name in numbers:
            table.add_column(name, justify="right", no_wrap=True)
        return table


def _number(value, form):
    return "" if value is None else form.format(value)


def _limited(row):
    """Returns the cells of a ratio: its value, its limit and the verdict."""
    ratio, limit = row["ratio"], row["limit"]
    return f"{ratio:.2f}×", f"{limit:.2f}×", _kept(ratio, limit)


def _kept(figure, limit):
    return _styled("ok" if figure <= limit else "above")


def _styled(verdict):
    style = STYLES.get(verdict)
    return f"[{style}]{verdict}[/]" if style else verdict
