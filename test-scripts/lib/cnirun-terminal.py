# SPDX-License-Identifier: GPL-2.0-or-later
"""cnirun as a job of an interactive shell on a terminal: cnirun-terminal.py CNIRUN."""

import os
import pty
import re
import select
import signal
import sys
import time

cnirun = sys.argv[1]
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(PS1="PROMPT> ", HISTFILE="/dev/null", TERM="dumb")
    os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
seen = ""


def expect(pattern, limit=15):
    """Read until the pattern shows, and forget what led there."""
    global seen
    end = time.monotonic() + limit
    while not (found := re.search(pattern, seen)):
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"no {pattern!r} in {seen!r}")
        seen += os.read(terminal, 4096).decode(errors="replace")
    seen = seen[found.end() :]
    return found


def send(text):
    os.write(terminal, text.encode())


def shell(line):
    send(line + "\n")


expect("PROMPT> ")
os.write(terminal, b"stty -echo\n")
expect("PROMPT> ")

# A key ends COMMAND, not cnirun.
shell(f"{cnirun} -- sh -c 'echo rea''dy; exec sleep 100'; echo status $?")
expect("ready")
send("\x03")
expect("status 130")
expect("PROMPT> ")

# COMMAND gets it once: not from the terminal and from cnirun.
# The handler writes by itself: print() cannot be interrupted by print().
counter = """import os, signal, time
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"in" + b"t "))
print("rea" + "dy", flush=True)
end = time.monotonic() + 1.2
while time.monotonic() < end: time.sleep(0.001)"""
shell(f"{cnirun} -- python3 -c '{counter}'")
expect("ready")
for _ in range(5):
    send("\x03")
    time.sleep(0.1)
count = len(re.findall("int", expect("(?s).*PROMPT> ").group()))
if not 1 <= count <= 5:
    sys.exit(f"{count} interrupts from five keys")

# COMMAND reads from the terminal; ^Z stops both, fg continues both.
shell(f"{cnirun} -- sh -c 'echo rea''dy; read x; echo got $x; exit 3'")
expect("ready")
send("\x1a")
expect("Stopped")
expect("PROMPT> ")
time.sleep(0.2)  # the shell sees us stop, not COMMAND, which may have one more byte to read
shell("fg")
shell("word")
expect("got word")
expect("PROMPT> ")
shell("echo status $?")
expect("status 3")
expect("PROMPT> ")

# A shell in it has jobs of its own, and stops itself and us.
shell(f"{cnirun} -- bash --norc --noprofile --noediting -i")
expect("PROMPT> ")
shell("sleep 100")
time.sleep(0.3)
send("\x1a")
expect("Stopped")
expect("PROMPT> ")
shell("suspend -f; echo back")
expect("Stopped")
expect("PROMPT> ")
shell("fg")
expect("back")
expect("PROMPT> ")
shell("kill -9 $$")
expect("PROMPT> ")
shell("echo status $?")
expect("status 137")
expect("PROMPT> ")

# The terminal is ours again, and works.
shell("read x; echo got $x")
shell("again")
expect("got again")
expect("PROMPT> ")

# The terminal is closed: COMMAND is hung up, everything is undone.
shell(f"{cnirun} -- sh -c 'echo rea''dy; exec sleep 100'")
expect("ready")
os.close(terminal)
for _ in range(500):
    if os.waitpid(pid, os.WNOHANG)[0]:
        break
    time.sleep(0.01)
else:
    os.kill(pid, signal.SIGKILL)
    sys.exit("the shell did not end")
