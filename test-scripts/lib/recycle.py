# SPDX-License-Identifier: GPL-2.0-or-later
"""recycle.py PID COMMAND...: run the command as process PID, once that is free: pid reuse without
waiting for it. For clone3(2)'s set_tid, which takes CAP_SYS_ADMIN over the namespace of pids."""

import ctypes
import os
import struct
import sys
import time

SYS_CLONE3 = 435
EEXIST = 17
SIGCHLD = 17
LIMIT_S = 5

libc = ctypes.CDLL(None, use_errno=True)
wanted = (ctypes.c_int * 1)(int(sys.argv[1]))
# struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
# set_tid, set_tid_size
arguments = struct.pack("10Q", 0, 0, 0, 0, SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1)
deadline = time.monotonic() + LIMIT_S
while True:
    pid = libc.syscall(SYS_CLONE3, arguments, len(arguments))
    if pid >= 0:
        break
    # Not free: its last user has ended, but was not reaped yet.
    if ctypes.get_errno() != EEXIST or time.monotonic() > deadline:
        sys.exit("clone3: " + os.strerror(ctypes.get_errno()))
    time.sleep(0.001)
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
sys.exit(128 if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) < 0 else 0)
