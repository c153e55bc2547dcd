/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `show --detail` adds: generic netlink's knowledge and the protocol counters. */
#ifndef NETNS_STATS_DETAIL_H
#define NETNS_STATS_DETAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "json_write.h"
#include "sample.h"

/**
 * detail_collect() - fill s->detail with a JSON object about the namespace that this thread is in.
 * @s: its links have been read
 *
 *   ethtool      by link: "link", "speed", "duplex", and the statistics groups that the driver has
 *   netdev       by link: "queues", "napi", "stats"
 *   tcp_metrics  by destination
 *   protocols    /proc/net/snmp, snmp6, netstat, sockstat, sockstat6, the count of conntrack
 *
 * What a kernel or a driver lacks is left out; so nothing here is an error.
 */
void detail_collect(struct sample *s);

/* The parts, one file each: each writes members of the open object. */
void detail_genl(const struct sample *s, struct json_write *w);
void detail_protocols(struct json_write *w);

/* The parts of detail_protocols(), which the tests call one by one. @data is changed. */

#define DETAIL_FILE_MAX (256u << 10) /* bytes of a file of /proc that are read */

/* "Tcp: InSegs OutSegs" above "Tcp: 12 34": a line of names and a line of values. */
void detail_write_paired_lines(struct json_write *w, char *data);

/* "TCP: inuse 1 orphan 0": names and values in turn. */
void detail_write_sockets(struct json_write *w, char *data);

/* "Ip6InReceives    12": one to a line. */
void detail_write_lines(struct json_write *w, char *data);

/* Numbers only, as JSON has them; one of them may be negative (Tcp.MaxConn). */
bool detail_is_number(const char *s);

/* The contents of a file of /proc with a NUL behind them, which the caller frees; NULL if it cannot
 * be read. */
char *detail_read_file(const char *path);

#endif
