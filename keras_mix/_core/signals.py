"""How SIGTERM and Ctrl-C end a process: by an exception, and surely."""

import _thread
import contextlib
import signal
import sys
import threading


class Terminated(KeyboardInterrupt):
    """SIGTERM came; it ends what Ctrl-C ends."""


@contextlib.contextmanager
def ended_by_signals():
    """Turns SIGTERM into an exception, and lets neither it nor Ctrl-C get lost."""

    def end(number, frame):
        raise Terminated

    def again(unraisable):
        # Destructors swallow what a signal raises in them; it comes again, from outside of them.
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            return hook(unraisable)
        terminated = isinstance(unraisable.exc_value, Terminated)
        number = signal.SIGTERM if terminated else signal.SIGINT
        return threading.Timer(0.1, _thread.interrupt_main, (number,)).start()

    if threading.current_thread() is not threading.main_thread():
        yield  # signals can be handled in the main thread only
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
    """Lets SIGTERM and Ctrl-C wait, where an exception would crash a library half loaded."""
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
