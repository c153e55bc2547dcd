# SPDX-License-Identifier: GPL-2.0-or-later
"""A slirp4netns that lies: python3 liar.py HOW ARGUMENTS-OF-SLIRP4NETNS

It makes the interface as the real one does, listens on its API socket, says that it is ready, and
then serves the API as HOW says, until it is killed."""

import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000

how = sys.argv[1]
options = dict(arg[2:].split("=", 1) for arg in sys.argv[2:] if arg.startswith("--") and "=" in arg)
netns, ifname = sys.argv[-2:]
ready = int(options["ready-fd"])


def make_interface():
    if ctypes.CDLL(None).setns(os.open(netns, os.O_RDONLY), CLONE_NEWNET) != 0:
        sys.exit("cannot enter " + netns)
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", ifname.encode(), IFF_TAP | IFF_NO_PI))
    return tap


forwards = []


def honest(request):
    """What the real one answers."""
    command, arguments = request["execute"], request.get("arguments", {})
    if command == "add_hostfwd":
        forwards.append(dict(arguments, id=len(forwards) + 1))
        return {"return": {"id": len(forwards)}}
    if command == "list_hostfwd":
        return {"entries": [forward for forward in forwards if forward]}
    forwards[arguments["id"] - 1] = None
    return {"return": {}}


def say(connection, text):
    connection.sendall(text.encode() if isinstance(text, str) else text)


def late(connection, request):
    time.sleep(0.3)
    say(connection, json.dumps(honest(request)))


def split(connection, request):
    for byte in json.dumps(honest(request)).encode():
        connection.sendall(bytes([byte]))


def wrong_ids(ids):
    """Answers that differ from the truth in their ids alone."""

    def serve(connection, request):
        answer = honest(request)
        if "id" in answer.get("return", {}):
            answer["return"]["id"] = ids
        for entry in answer.get("entries", []):
            entry["id"] = ids
        say(connection, json.dumps(answer))

    return serve


def always(text):
    return lambda connection, _request: say(connection, text)


def never(_connection, _request):
    time.sleep(1000)


SERVICES = {
    "late": late,
    "split": split,
    "id-0": wrong_ids(0),
    "id-negative": wrong_ids(-1),
    "id-text": wrong_ids("1"),
    "id-fraction": wrong_ids(1.5),
    "id-huge": wrong_ids(1 << 70),
    "id-null": wrong_ids(None),
    "never": never,
    "nothing": lambda _connection, _request: None,
    "garbled": always(bytes(range(1, 256)) * 3),
    "half": always('{"return": {"id"'),
    "huge": always('{"entries": [' + "1," * (1 << 20) + "1]}"),
    "deep": always("[" * 100000),
    "array": always("[]"),
    "nul": always(b'{"entries": []}\0{}'),
    "error": always('{"error": {"desc": "no such\\u001b[31m luck"}}'),
    "error-text": always('{"error": "no luck"}'),
    "error-null": always('{"error": {}}'),
    "entries-object": always('{"entries": {}, "return": 7}'),
    "entries-nonsense": always('{"entries": [7, null, {"id": "x"}, []], "return": []}'),
}


def main():
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(options["api-socket"])
    server.listen(5)
    tap = make_interface()
    os.write(ready, b"1")
    os.close(ready)
    while tap >= 0:
        connection, _ = server.accept()
        with connection:
            try:
                request = json.loads(connection.recv(4096) or b"{}")
                if request:
                    SERVICES[how](connection, request)
            except OSError:
                pass  # whoever asked has had enough


main()
