"""Other processes that use a store, forked so that they start at once, and killed as power cuts kill."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Child:
    """A forked process and what it says."""

    process: int
    output: int

    def wait(self) -> int:
        """Its exit status."""
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def kill_after(self, seconds: float) -> list[str]:
        """Let it say its first word, wait, kill it, and tell the words that it said in whole."""
        text = os.read(self.output, 1 << 16)
        time.sleep(seconds)
        os.kill(self.process, signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL
        while part := os.read(self.output, 1 << 16):
            text += part
        os.close(self.output)
        return text.decode().split("\n")[:-1]

    def kill_now(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        self.wait()
        os.close(self.output)

    def said(self) -> list[str]:
        """All that it said until its end."""
        text = b""
        while part := os.read(self.output, 1 << 16):
            text += part
        os.close(self.output)
        return text.decode().splitlines()


def forked(work: Callable[[Callable[[str], None]], None]) -> Child:
    """`work(say)` in a process of its own, which ends with it: 0, or 1 after an exception."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return Child(process, reading)
    status = 1
    try:
        os.close(reading)
        work(lambda word: os.write(writing, f"{word}\n".encode()) and None)
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(status)
