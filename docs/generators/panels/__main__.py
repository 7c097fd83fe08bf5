"""Writes every panel into the folder that is named, and last the list of them."""

import json
import sys
from pathlib import Path

from PIL import Image

from panels import DRAWN, TABLES


def main(folder):
    """Writes the files and panels.json: {name of a class: its panels, or its table}."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = {name: {"table": table()} for name, table in TABLES.items()}
    for name, drawn in DRAWN.items():
        print(f"drawing {name}", flush=True)
        listed[name] = {"panels": []}
        for number, panel in enumerate(drawn()):
            file = f"{name}-{number}.webp"
            Image.fromarray(panel.pixels).save(folder / file, quality=88)
            row = {"file": file, "title": panel.title, "caption": panel.caption}
            listed[name]["panels"].append(row)
    (folder / "panels.json").write_text(json.dumps(listed, ensure_ascii=False, indent=1), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
