/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bare daemon is started with where it stands beside the plugin. */
#ifndef USERNET_BENCH_SLIRP_H
#define USERNET_BENCH_SLIRP_H

#define DAEMON "/usr/bin/slirp4netns"
#define SAME_OPTIONS(socket)                                                                    \
	"--mtu=65520", "--cidr=10.0.2.0/24", "--api-socket=" socket, "--disable-host-loopback", \
		"--enable-sandbox", "--enable-seccomp"

#endif
