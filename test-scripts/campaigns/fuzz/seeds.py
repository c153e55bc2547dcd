#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""seeds.py DIRECTORY: write DIRECTORY/TARGET/NAME, the inputs that fuzzing begins with.

What an input is made of is said at the top of each target. Configurations are those of conf/, results
those that the tests use, netlink messages are put together here.
"""

import base64
import glob
import json
import os
import struct
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")


def text(value):
    return value if isinstance(value, bytes) else value.encode()


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def fields(*values):
    """Each ended by a NUL, but the last."""
    return b"\0".join(text(v) for v in values)


def numbered(values):
    return {str(i): v for i, v in enumerate(values)}


# Configurations and results.

CONFLISTS = {os.path.basename(p): json.load(open(p, encoding="utf-8"))
             for p in sorted(glob.glob(os.path.join(ROOT, "conf", "*.conflist")))}

RUNTIME = {
    "ips": ["10.0.2.15/24", "fd00::15"], "mac": "02:00:5e:10:00:01",
    "portMappings": [
        {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
        {"hostPort": 53, "containerPort": 53, "protocol": "udp", "hostIP": "127.0.0.1"},
        {"HostPort": 9, "ContainerPort": 9, "Protocol": "SCTP", "HostIP": "::ffff:10.1.2.3"},
        {"hostPort": 8081, "containerPort": 81, "hostIP": "fd00::1"},
    ],
}

NEWEST = {
    "cniVersion": "1.1.0",
    "interfaces": [
        {"name": "br0", "mac": "aa:bb:cc:dd:ee:ff"},
        {"name": "eth0", "mac": "da:bb:d8:b7:62:7f", "mtu": 65520, "sandbox": "/run/netns/c",
         "socketPath": "/run/usernet-cni/sock/0011223344556677.sock", "pciID": "0000:00:1f.6",
         "unknown": {"a": [1.5, 1e300, -0.1, 12345678901234567890, None, True]}},
    ],
    "ips": [{"address": "10.0.2.100/24", "gateway": "10.0.2.2", "interface": 1},
            {"address": "fd00::100/64", "gateway": "fd00::2", "interface": 1, "more": "x"},
            {"address": "::ffff:1.2.3.4/96"}],
    "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.2.2", "mtu": 1500, "advmss": 1460, "priority": 5,
                "table": 254, "scope": 0, "x": []}, {"dst": "::/0"}],
    "dns": {"nameservers": ["10.0.2.3"], "domain": "example.org", "search": ["a.b"],
            "options": ["timeout:2"], "other": 1},
    "extra": "\u00e9\u4e2d\U0001f600",
}


def of_version(version):
    """The same as an old version has it."""
    result = json.loads(json.dumps(NEWEST))
    result["cniVersion"] = version
    if version in ("0.3.0", "0.3.1", "0.4.0"):
        for ip in result["ips"]:
            ip["version"] = "6" if ":" in ip["address"] else "4"
    if version in ("0.1.0", "0.2.0"):
        result.pop("interfaces")
        result.pop("routes")
        v4, v6, _ = result.pop("ips")
        result["ip4"] = {"ip": v4["address"], "gateway": v4["gateway"],
                         "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.2.2"}]}
        result["ip6"] = {"ip": v6["address"], "routes": [{"dst": "::/0"}], "u": 1}
    return result


VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]


def plugin_configurations():
    """What a runtime gives to each plugin of our lists."""
    for conflist in CONFLISTS.values():
        for plugin in conflist["plugins"]:
            conf = dict(plugin, cniVersion="1.1.0", name=conflist["name"], runtimeConfig=RUNTIME,
                        prevResult=NEWEST)
            conf.pop("capabilities", None)
            yield compact(conf)


RECORD_SLIRP = {"network": "net", "containerId": "c", "ifname": "eth0", "netns": "/run/netns/c",
                "socket": "/run/usernet-cni/sock/0011223344556677.sock", "pid": 4194303,
                "startTime": 123456, "bootId": "11111111-2222-3333-4444-555555555555"}

MAPPINGS = [{"protocol": "tcp", "hostPort": 8080, "containerPort": 80, "id": 1},
            {"protocol": "udp", "hostPort": 53, "containerPort": 53, "hostIP": "127.0.0.1"},
            {"protocol": "tcp", "hostPort": 81, "containerPort": 81, "hostIP": "::"}]
RECORD_NFTABLES = {"backend": "nftables", "mappings": MAPPINGS, "address4": "10.88.0.2",
                   "device4": "cni0", "address6": "fd00:88::2", "device6": "cni0", "snat": True,
                   "masqAll": False, "markMasqBit": 13}

COUNTS = {"bytes": "18446744073709551615", "packets": "12", "errors": "0", "dropped": "4294967296"}
READING = {"time": "2024-01-02T03:04:05.678Z",
           "interfaces": [{"ifname": "eth0", "ifindex": 2, "rx": COUNTS, "tx": COUNTS}]}
RECORD_STATS = {"containerId": "c", "network": "net", "ifName": "eth0", "netns": "/run/netns/c",
                "netnsIdentity": {"boot": "0" * 36, "dev": 4, "inode": 4026531840, "cookie": "9"},
                "begin": READING, "last": READING, "pod": "web-0", "podNamespace": "default", "result": NEWEST,
                "portMappings": RUNTIME["portMappings"]}


def cache_entry(result):
    conf = dict(CONFLISTS["40-all.conflist"], name="net")
    return {"kind": "cniCacheV1", "containerId": "c", "ifName": "eth0", "networkName": "net",
            "netns": "/run/netns/c", "config": base64.b64encode(compact(conf)).decode(),
            "cniArgs": [["K8S_POD_NAME", "web-0"], ["IP", "10.0.2.7"]],
            "capabilityArgs": RUNTIME, "result": result}


# Netlink messages, in the byte order of this machine.

def padded(data):
    return data + b"\0" * (-len(data) % 4)


def attr(kind, data, nested=False):
    return padded(struct.pack("=HH", 4 + len(data), kind | (0x8000 if nested else 0)) + data)


def nest(kind, *attrs):
    return attr(kind, b"".join(attrs), True)


def u32(value):
    return struct.pack("=I", value)


def be32(value):
    return struct.pack(">I", value)


def be16(value):
    return struct.pack(">H", value)


def message(kind, body, seq=1, flags=2):
    return padded(struct.pack("=IHHII", 16 + len(body), kind, flags, seq, 0) + body)


def error(number, text_of_kernel=None):
    body = struct.pack("=i", -number) + struct.pack("=IHHII", 16, 16, 1, 1, 0)
    flags = 0x100
    if text_of_kernel:
        body += attr(1, text_of_kernel.encode() + b"\0")
        flags |= 0x200
    return message(2, body, flags=flags)


DONE = message(3, u32(0))


def link_message(name=b"eth0", index=2):
    head = struct.pack("=BxHiII", 0, 1, index, 0x11043, 0)
    stats = struct.pack("=24Q", *range(1000, 1024))
    attrs = [attr(3, name + b"\0"), attr(4, u32(1500)), attr(1, bytes(range(6))),
             attr(2, b"\xff" * 6), attr(6, b"noqueue\0"), attr(13, u32(1000)), attr(16, b"\x06"),
             attr(5, u32(7)), attr(37, u32(3)), attr(10, u32(0)), attr(35, u32(2)),
             nest(18, attr(1, b"veth\0"), nest(2, attr(1, b"x"))), attr(23, stats)]
    return message(16, head + b"".join(attrs))


def address_message(family=2):
    address = bytes([10, 0, 2, 100]) if family == 2 else bytes([0xfd] + [0] * 14 + [1])
    head = struct.pack("=BBBBI", family, 24, 0x80, 0, 2)
    return message(20, head + attr(1, address) + attr(2, address) + attr(8, u32(0x80)))


def route_message(family=2):
    gateway = bytes([10, 0, 2, 2]) if family == 2 else bytes([0xfd] + [0] * 14 + [2])
    head = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 254, 3, 0, 1, 0)
    return message(24, head + attr(15, u32(254)) + attr(5, gateway) + attr(4, u32(2)) +
                   attr(6, u32(1024)) + attr(1, gateway))


def nf_message(kind, *attrs, seq=1, family=1):
    return message(kind, struct.pack("=BBH", family, 0, 0) + b"".join(attrs), seq)


def element(owner, key, value=None):
    parts = [nest(1, attr(1, key))]
    if value:
        parts.append(nest(2, attr(1, value)))
    parts.append(attr(6, bytes([1, 1, 7, 0, len(owner) + 1]) + owner + b"\0"))
    return nest(1, *parts)


def elements_message(*elements, seq=0):
    return nf_message(0xa0c, attr(1, b"usernet_portmap\0"), attr(2, b"ports4\0"),
                      nest(3, *elements), seq=seq)


PORT_KEY = bytes([6, 0, 0, 0]) + be16(8080) + b"\0\0"
PORT_VALUE = bytes([10, 88, 0, 2]) + be16(80) + b"\0\0"
NFTABLES = [
    elements_message(element(b"net/c@eth0", PORT_KEY, PORT_VALUE),
                     element(b"other/d@eth0", PORT_KEY, PORT_VALUE)) + DONE,
    elements_message(element(b"net/x~0011223344556677@eth0", PORT_KEY + b"eth0" + b"\0" * 12), seq=1),
    nf_message(0xa0f, attr(1, be32(42))) + nf_message(0xa00, attr(1, b"usernet_portmap\0")) +
    nf_message(0xa03, attr(3, b"publish\0"), attr(6, be32(15)), seq=2),
    error(2) + error(17) + error(0),
]


def tuple_of(kind, src, dst, sport, dport, v6=False):
    return nest(kind, nest(1, attr(3 if v6 else 1, src), attr(4 if v6 else 2, dst)),
                nest(2, attr(1, b"\x11"), attr(2, be16(sport)), attr(3, be16(dport))))


A, B, C = bytes([192, 0, 2, 9]), bytes([192, 0, 2, 1]), bytes([10, 0, 2, 100])
CONNTRACK = [
    nf_message(0x100, tuple_of(1, A, B, 4000, 53), tuple_of(2, C, A, 53, 4000), attr(12, be32(77)),
               attr(18, be16(3)), family=2) + DONE,
    nf_message(0x100, tuple_of(1, A * 4, B * 4, 4000, 53, True),
               tuple_of(2, bytes([0xfd] + [0] * 14 + [1]), A * 4, 53, 4000, True), family=10),
    route_message() + address_message() + error(101),
]

GENERIC = {
    "linkstate": b"\x00" + attr(2, b"\x01") + attr(3, u32(7)),
    "linkmodes": b"\x04" + attr(2, b"\x01") + attr(5, u32(10000)) + attr(6, b"\x01"),
    "stats": b"\x01" + nest(4, attr(2, u32(1)), nest(4, attr(0, struct.pack("=Q", 5))),
                            nest(4, attr(3, struct.pack("=Q", 6)))),
    "queue": b"\x02" + attr(1, u32(0)) + attr(2, u32(2)) + attr(3, u32(1)) + attr(4, u32(8)),
    "metrics": b"\x03" + attr(1, A) + attr(11, C) + attr(3, struct.pack("=Q", 99)) +
               nest(6, attr(6, u32(800)), attr(7, u32(400)), attr(4, u32(10))),
    "snmp": b"\x80" + b"Tcp: InSegs MaxConn\nTcp: 12 -1\nUdp: InDatagrams\nUdp: 5\n",
    "snmp6": b"\x82" + b"Ip6InReceives                   \t12\nIp6InHdrErrors 0\n",
    "sockstat": b"\x83" + b"sockets: used 5\nTCP: inuse 1 orphan 0 tw 0\n",
}


def answer_of_daemon(value, pieces=0):
    return bytes([pieces]) + compact(value)


def seeds():
    forwards = {"entries": [
        {"id": 1, "proto": "tcp", "host_addr": "0.0.0.0", "host_port": 38080,
         "guest_addr": "10.0.2.100", "guest_port": 80},
        {"id": 2, "proto": "udp", "host_addr": "127.0.0.1", "host_port": 53,
         "guest_addr": "10.0.2.100", "guest_port": 53}]}
    plugins = list(plugin_configurations())
    gc = compact({"cniVersion": "1.1.0", "name": "net", "type": "x", "cni.dev/valid-attachments": [
        {"containerID": "c", "ifname": "eth0"}, {"containerID": "d" * 90, "ifname": 'q"\\'}]})

    yield "json", numbered(plugins + [
        b'{"a":1e308,"b":[-0.0,1.5e-7,123456789012345678],"c":"\\ud83d\\ude00\\u0041","d":{}}',
        b'{"a":{"a":{"a":[[[[[]]]]]}}, "\\u0061":null}', b"[1]", b'{"a":1,"a":2}'])
    yield "result", numbered(bytes([i]) + compact(of_version(v)) for i, v in enumerate(VERSIONS))
    yield "names", numbered(fields(*pair) for pair in [
        ("eth0", "x"), ("10.0.2.100/24", ""), ("fd00::100/64", ""), ("::ffff:1.2.3.4", ""),
        ("02:00:5e:10:00:01", ""), ("K=V;IP=10.0.2.7,fd00::7;MAC=02-00-5e-10-00-01", "K"),
        ("a.b-c_9", "K8S_POD_NAME"), ("1.1.0", "")])
    protocol = [b"\0" + fields(command, "c", "eth0", "/run/netns/c", "K=V;IP=10.0.2.7", conf)
                for command in ("ADD", "DEL", "CHECK", "STATUS", "VERSION") for conf in plugins[:1]]
    protocol += [b"\1" + fields("GC", "-", "-", "-", "-", gc),
                 b"\1" + fields("-", "-", "-", "-", "-", ""),
                 b"\0" + fields("ADD", "c", "eth0", "", "-", compact(of_version("0.2.0")))]
    yield "protocol", numbered(protocol)
    yield "state", numbered([
        fields("c@eth1.json", compact(RECORD_SLIRP)), fields(".tmp-c@eth0.json", compact(RECORD_SLIRP)),
        fields("a@b@c.json.json", compact(dict(RECORD_SLIRP, pid=1)))])
    yield "slirp_config", numbered(fields("IP=10.0.2.7,fd00::7;MAC=02:00:5e:10:00:01", conf)
                                   for conf in plugins)
    yield "slirp_api", numbered([
        answer_of_daemon({"return": {"id": 7}}), answer_of_daemon({"return": {}}, 1),
        answer_of_daemon({"error": {"desc": "bad request: add_hostfwd: slirp_add_hostfwd failed"}}, 9),
        answer_of_daemon(forwards), fields(answer_of_daemon(forwards), compact({"return": {}}),
                                           compact({"error": {"desc": "bad request: bad arguments.id"}}))])
    yield "portmap_config", numbered(plugins + [
        gc, compact(RECORD_NFTABLES), compact({"name": "n", "record": RECORD_NFTABLES})])
    yield "portmap_nftables", numbered(NFTABLES)
    yield "portmap_conntrack", numbered(CONNTRACK)
    yield "link", numbered([link_message() + DONE, address_message() + address_message(10),
                            route_message() + route_message(10), error(19), error(1, "no such thing")])
    yield "stats_sample", numbered([
        b"\x28" + b"web-0\0" + link_message().ljust(320, b"\0") + address_message() + DONE,
        b"\x50" + b"p\"\n\xc3\xa9\0" + (link_message(b"lo", 1) + link_message(b"a\"\\\n\xff", 3)).ljust(640, b"\0")
        + address_message(10)])
    yield "stats_detail", GENERIC
    yield "stats_registry", numbered([
        fields(compact(RECORD_STATS), compact(cache_entry(NEWEST))),
        fields(compact(dict(RECORD_STATS, result=of_version("0.2.0"))), compact(cache_entry(None)))])
    yield "stats_options", numbered(fields(*line) for line in [
        ("show", "-f", "json", "--detail", "-lb"), ("show", "--netns", "/nowhere"), ("show", "c"),
        ("inspect", "--cni-cache=/nowhere", "c"), ("--help",), ("0.5", "127.0.0.1:0", "[::1]:0", ":0"),
        ("show", "--state-dir", "/nowhere/x", "--format", "prometheus")])
    yield "cnirun_options", numbered(bytes([i]) + fields(*line) for i, line in enumerate([
        ("K=V", compact(RUNTIME), "-", "--publish", "127.0.0.1:8080-8082:80-82/tcp", "-p[::1]:53:53/udp",
         "--ip", "10.0.2.7", "--mac=02:00:5e:10:00:01", "--", "true"),
        ("-", "-", "-", "-n", "net", "--timeout=5", "../x/./y//z"), ("-", "-", "eth1", "-v", "net", "/a"),
        ("-", "{}", "-", "--container-id", "c", "--cache-dir", "/x", "net"), ("-", "-", "-", "--all", "net"),
        ("-", "-", "-", "--timeout", "x", "--nonsense", "-zz")]))
    yield "cnirun_list", numbered(
        [fields(compact(conf), compact(of_version(v)), compact(RUNTIME))
         for conf, v in zip(CONFLISTS.values(), VERSIONS[::-1])] +
        [fields(compact({"name": "n", "cniVersions": ["0.2.0", "0.3.1", "9.9.9"], "disableCheck": "true",
                         "plugins": [{"type": "x"}]}),
                compact({"cniVersion": "0.2.0", "code": 7, "msg": "no", "details": "why\nso"}), "{}")])
    yield "cnirun_cache", numbered([compact(cache_entry(NEWEST)), compact(cache_entry(of_version("0.2.0"))),
                                    compact({"kind": "cniCacheV1", "containerId": "c", "ifName": "eth0",
                                             "networkName": "net"})])


def main():
    for target, inputs in seeds():
        directory = os.path.join(sys.argv[1], target)
        os.makedirs(directory, exist_ok=True)
        for name, data in inputs.items():
            with open(os.path.join(directory, "seed-" + name), "wb") as file:
                file.write(data)


main()
