"""Replays faults reported by users, and compares each value with the expected one.

    python tools/check_faults.py            # every check; some three minutes
    python tools/check_faults.py A2 C       # those whose number starts with one of these

Every check builds its own small input, as in the report, so that the folder `faults` is also a list
of past faults. The test suite covers the same faults by kind. Exits with 1 if a check fails.
"""

import argparse
import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from faults import authors, crashes, engines, saved_models, silent, speed

# In the order of their numbers.
CHECKS = {
    **saved_models.checks,
    **silent.checks,
    **speed.checks,
    **crashes.checks,
    **authors.checks,
    **engines.checks,
}


def main():
    """Runs the checks whose numbers start with an argument."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="only checks whose number begins so")
    wanted = parser.parse_args().numbers
    warnings.simplefilter("ignore")
    failed = 0
    for number, function in CHECKS.items():
        if wanted and not any(number.startswith(prefix) for prefix in wanted):
            continue
        print(f"{number}  {function.__doc__}")
        try:
            rows = list(function())
        except Exception as error:
            rows = [("the check", f"{type(error).__name__}: {str(error)[:400]}", "no error")]
        for what, received, right in rows:
            holds = received == right
            failed += not holds
            verdict = "ok" if holds else "FAILS"
            print(f"    {verdict}  {what}: {received}; right: {right}", flush=True)
    print(f"{failed} fail" if failed else "every value is right")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
