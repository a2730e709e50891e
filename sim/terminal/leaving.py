"""Ctrl-C before a command has begun: while libraries are being imported there is nothing to tell but that it ends."""

import os
import signal
import sys
import threading
from types import FrameType


def _leave(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"interrupted: nothing was written\n")
    os._exit(130)


def quietly() -> None:
    """Leave without a traceback on Ctrl-C from now on, where this process is the command `peakdesk`."""
    ours = os.path.basename(sys.argv[0]).removesuffix(".exe") in ("peakdesk", "cli.py")  # noqa: PTH119  # no pathlib yet
    if ours and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _leave)


def begun() -> None:
    """A command has begun, and speaks for itself."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
