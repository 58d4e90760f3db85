"""Run a program that does not outlive its parent: `python die_with_parent.py PARENT_PID PROGRAM
ARGUMENTS…`.

A script of its own, because the kernel has to be asked between fork and exec, where a process with threads must not run
Python. Where it cannot be asked (only Linux can), the next start takes over what was left behind.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we had asked
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
