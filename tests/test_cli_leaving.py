"""Ctrl-C while the command is still importing: a word and 130, no traceback; later each command speaks for itself.

In a search: the first one asks it to end, which it is given some seconds to notice.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.terminal import voice

HOME = Path(__file__).resolve().parent.parent
PRESSED = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"


def run(name: str, *lines: str) -> subprocess.CompletedProcess[str]:
    start = f"import sys; sys.argv = [{name!r}]; from sim.terminal.leaving import begun, quietly; quietly()"
    script = "\n".join((start, *lines))
    return subprocess.run([sys.executable, "-c", script], cwd=HOME, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_before_a_command_has_begun_it_leaves_quietly() -> None:
    """Red without the handler: a traceback through whatever was being imported, and another code."""
    done = run("/usr/bin/peakdesk", PRESSED)
    assert (done.returncode, done.stderr) == (130, "interrupted: nothing was written\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
@pytest.mark.parametrize(("name", "lines"), [("peakdesk", ("begun()",)), ("pytest", ())])
def test_afterwards_and_in_other_programs_it_is_an_exception(name: str, lines: tuple[str, ...]) -> None:
    done = run(name, *lines, f"try:\n    {PRESSED}\nexcept KeyboardInterrupt:\n    print('caught')")
    assert (done.returncode, done.stdout) == (0, "caught\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
@pytest.mark.parametrize(("asks", "found"), [(True, "in peace"), (False, "interrupted")])
def test_a_search_that_has_noticed_is_not_interrupted_again(
    asks: bool, found: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It winds up what it found, however long that takes; one that does not ask in time is interrupted."""
    monkeypatch.setattr(voice, "PATIENCE_S", 0.5)
    ended = "in peace"
    with voice.interruptible() as stopped:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            assert not asks or stopped()
            time.sleep(1.0)
        except KeyboardInterrupt:
            ended = "interrupted"
    assert ended == found
    assert "stopping" in capsys.readouterr().err
