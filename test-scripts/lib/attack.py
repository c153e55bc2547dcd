#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""attack.py PID: what of a process is open to whoever runs this, a word each; nothing is changed.

To attach is to be the process: its user, its mounts, its descriptors. The others are what can be had without.
"""
import ctypes
import os
import sys

PTRACE_SEIZE = 0x4206
PIDFD_GETFD = 438

libc = ctypes.CDLL(None, use_errno=True)


def attach(pid):
    # Ends with this program, and does not stop the other.
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    return libc.ptrace(PTRACE_SEIZE, pid, None, None) == 0


def can(function, *arguments):
    try:
        function(*arguments)
    except OSError:
        return False
    return True


def take_descriptor(pid):
    pidfd = os.pidfd_open(pid)
    return any(libc.syscall(PIDFD_GETFD, pidfd, fd, 0) >= 0 for fd in range(8))


def main():
    pid = int(sys.argv[1])
    proc = f"/proc/{pid}/"
    os.stat(proc)  # it must be there, and seen
    ways = {
        "attach": attach(pid),
        "mem": can(os.open, proc + "mem", os.O_RDONLY),
        "root": can(os.listdir, proc + "root/"),
        "cwd": can(os.listdir, proc + "cwd/"),
        "fd": can(os.stat, proc + "fd/0"),
        "environ": can(os.open, proc + "environ", os.O_RDONLY),
        "ns": can(os.open, proc + "ns/mnt", os.O_RDONLY),
        "descriptor": take_descriptor(pid),
    }
    print(" ".join(way for way, is_open in ways.items() if is_open))
    os.stat(proc)


main()
