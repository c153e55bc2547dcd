# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's side of the traffic: TCP 8000 and UDP 9000 say who asks, TCP 8001 echoes, and UDP 53
answers every A query with 203.0.113.7."""

import socket
import struct
import threading


def peer(address):
    return address[0].removeprefix("::ffff:")


def listen(kind, port):
    sock = socket.socket(socket.AF_INET6, kind)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        sock.listen(64)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    return sock


def accept(sock, serve):
    while True:
        threading.Thread(target=serve, args=sock.accept(), daemon=True).start()


def tell(connection, address):
    with connection:
        connection.sendall(f"tcp from {peer(address)}\n".encode())


def echo(connection, _address):
    with connection:
        while data := connection.recv(1 << 16):
            connection.sendall(data)


def tell_udp(_query, address):
    return f"udp from {peer(address)}\n".encode()


def answer_dns(query, _address):
    end = query.index(b"\0", 12) + 5
    is_a = struct.unpack("!H", query[end - 4 : end - 2])[0] == 1
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, int(is_a), 0, 0)
    record = struct.pack("!HHHIH4B", 0xC00C, 1, 1, 60, 4, 203, 0, 113, 7) if is_a else b""
    return head + query[12:end] + record


def reply(sock, answer):
    """Datagrams are answered from the address that they were sent to."""
    while True:
        query, control, _flags, address = sock.recvmsg(2048, socket.CMSG_SPACE(20))
        to = [(level, kind, data[:16] + bytes(4)) for level, kind, data in control]
        sock.sendmsg([answer(query, address)], to, 0, address)


SERVICES = [
    (accept, listen(socket.SOCK_STREAM, 8000), tell),
    (accept, listen(socket.SOCK_STREAM, 8001), echo),
    (reply, listen(socket.SOCK_DGRAM, 9000), tell_udp),
    (reply, listen(socket.SOCK_DGRAM, 53), answer_dns),
]
threads = [threading.Thread(target=run, args=args) for run, *args in SERVICES]
for thread in threads:
    thread.start()
print("ready", flush=True)
