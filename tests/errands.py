"""What tests have workers do, where they can import it from."""

import os
import signal
import time
from pathlib import Path


def dies(file: str, deaths: int) -> str:
    """Kills its process the first `deaths` times; the file counts the calls."""
    calls = Path(file)
    with calls.open("a") as log:
        log.write("x")
    if len(calls.read_text()) <= deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def naps(seconds: float) -> int:
    """Sleeps and tells its process."""
    time.sleep(seconds)
    return os.getpid()


def numbers_of(piece: range) -> list[int]:
    """What is in a range."""
    return list(piece)
