/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Others' mappings of netns-portmap, loaded by nft in the form that the plugin gives them. */
#ifndef USERNET_BENCH_PORTMAP_FILL_H
#define USERNET_BENCH_PORTMAP_FILL_H

/*
 * portmap_fill() - add the mappings from number @from to number @to, two to a container.
 * @host: the network namespace whose table is there already; NULL: the one of the host
 *
 * Host ports are 10000 and up.
 */
void portmap_fill(const char *host, int from, int to);

#endif
