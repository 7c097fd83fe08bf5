"""Whether a machine is quiet enough to be measured."""

import time
from pathlib import Path

STATISTICS = Path("/proc/stat")
SECONDS = 0.5
# The share of the cores' time from which on others are a disturbance.
QUIET = 0.15


def busy():
    """The share of all cores' time that is taken now, or None where the system does not tell.

    To be asked while this process does nothing.
    """
    if not STATISTICS.exists():
        return None
    before = STATISTICS.read_text()
    time.sleep(SECONDS)
    return taken(before, STATISTICS.read_text())


def taken(before, after):
    """The share of all cores' time that was taken between two readings of `STATISTICS`.

    Args:
        before: The text of the file; its first line is "cpu", then ticks spent in user mode, with a
            low priority, in the system, idle, waiting for a disk, and more, as proc(5) lists them.
        after: The same, later.

    Returns:
        Float from 0 to 1, or None where no tick has passed.
    """
    first, last = (
        [int(ticks) for ticks in text.split("\n")[0].split()[1:9]] for text in (before, after)
    )
    spent = [late - early for early, late in zip(first, last, strict=True)]
    idle = sum(spent[3:5])
    return 1 - idle / sum(spent) if sum(spent) > 0 else None


def warning(share):
    """What to say of a share of `busy`, or "" if there is nothing to say."""
    if share is None or share <= QUIET:
        return ""
    return (
        f"The machine was busy before the first measurement: {share:.0%} of its cores' time was "
        "taken. Figures and ratios are unreliable, and the run takes longer."
    )
