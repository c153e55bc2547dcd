# SPDX-License-Identifier: GPL-2.0-or-later
"""swap.py A B: exchange two names, each time at once, until ended by SIGTERM; then the number of
exchanges. What somebody does who wants one thing to be looked at and another to be used."""

import ctypes
import os
import signal
import sys

AT_FDCWD = -100
RENAME_EXCHANGE = 2

libc = ctypes.CDLL(None, use_errno=True)
a, b = (os.fsencode(name) for name in sys.argv[1:])
going = True
count = 0


def stop(_signal, _frame):
    global going
    going = False


signal.signal(signal.SIGTERM, stop)
signal.alarm(60)
while going:
    if libc.renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) != 0:
        sys.exit("renameat2: " + os.strerror(ctypes.get_errno()))
    count += 1
    if count == 1:
        print("swapping", flush=True)
print(count)
