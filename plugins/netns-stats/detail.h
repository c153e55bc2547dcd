/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `show --detail` adds: generic netlink's knowledge and the protocol counters. */
#ifndef NETNS_STATS_DETAIL_H
#define NETNS_STATS_DETAIL_H

#include <stddef.h>

#include "json_write.h"
#include "sample.h"

/**
 * detail_prepare() - load what detail_collect() needs (libnl-genl), once, in the process's own
 * namespace, before any thread is started.
 *
 * Return: 0, or -1 CNI_ERR_IO with the package to install.
 */
int detail_prepare(struct cni_error *err);

/**
 * detail_collect() - fill s->detail with a JSON object about the namespace that this thread is in.
 * @s: links are there already
 *
 *   ethtool      by link: "link", "speed", "duplex", and the statistics groups that the driver has
 *   netdev       by link: "queues", "napi", "stats"
 *   tcp_metrics  by destination
 *   protocols    /proc/net/snmp, snmp6, netstat, sockstat, sockstat6, the count of conntrack
 *
 * What a kernel or a driver lacks is left out; so nothing here is an error.
 */
void detail_collect(struct sample *s);

/* The parts, one file each: each writes members of the object that is open. */
void detail_genl(const struct sample *s, struct json_write *w);
void detail_protocols(struct json_write *w);

#endif
