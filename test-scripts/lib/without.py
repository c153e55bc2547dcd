# SPDX-License-Identifier: GPL-2.0-or-later
"""without.py NUMBER PROGRAM [ARGUMENT...]: the program on a kernel that does not have a system call (ENOSYS).
The number is one above 423, and so the same on every machine."""

import ctypes
import os
import struct
import sys

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
ERRNO = 0x00050000
ALLOW = 0x7FFF0000
ENOSYS = 38


def instruction(code, true, false, value):
    return struct.pack("HBBI", code, true, false, value)


code = b"".join(
    [
        instruction(0x20, 0, 0, 0),  # load the number
        instruction(0x15, 0, 1, int(sys.argv[1])),  # is it this one?
        instruction(0x06, 0, 0, ERRNO | ENOSYS),
        instruction(0x06, 0, 0, ALLOW),
    ]
)
text = ctypes.create_string_buffer(code, len(code))
program = struct.pack("HL", len(code) // 8, ctypes.addressof(text))
libc = ctypes.CDLL(None, use_errno=True)
if (
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
    or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0
):
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[2], sys.argv[2:])
