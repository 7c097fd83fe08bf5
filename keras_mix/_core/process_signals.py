"""Reliable handling of SIGTERM and Ctrl-C, by exceptions."""

import _thread
import contextlib
import signal
import sys
import threading


class Terminated(KeyboardInterrupt):
    """Raised by SIGTERM; handled like Ctrl-C."""


@contextlib.contextmanager
def ended_by_signals():
    """Turns SIGTERM into an exception, and repeats it or Ctrl-C if a destructor swallows it."""

    def end(number, frame):
        raise Terminated

    def again(unraisable):
        # Destructors swallow exceptions, so the signal is sent again.
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            return hook(unraisable)
        terminated = isinstance(unraisable.exc_value, Terminated)
        number = signal.SIGTERM if terminated else signal.SIGINT
        return threading.Timer(0.1, _thread.interrupt_main, (number,)).start()

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can handle signals
        return
    before, hook = signal.signal(signal.SIGTERM, end), sys.unraisablehook
    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def deferred():
    """Delays SIGTERM and Ctrl-C, such as while a library loads that an exception would crash."""
    came = []
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [
        signal.signal(number, lambda number, frame: came.append(number)) for number in numbers
    ]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        for number in came[:1]:
            signal.raise_signal(number)
