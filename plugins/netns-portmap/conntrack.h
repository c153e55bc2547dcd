/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connection tracking entries of UDP, which outlive the mapping that made them (ctnetlink). */
#ifndef PORTMAP_CONNTRACK_H
#define PORTMAP_CONNTRACK_H

#include "address.h"
#include "mapping.h"
#include "netlink.h"

/**
 * conntrack_forget_host() - drop UDP entries that go to a published port of this host.
 * @nl:     a netfilter socket
 * @family: AF_INET or AF_INET6
 *
 * After ADD: a client that kept sending has an entry from before the mapping, or from the mapping
 * that had the port last, and would never reach the new one. Only entries to this host's own
 * addresses are dropped, not those that are forwarded to the same port of another host.
 *
 * Both are best effort: they report on standard error what failed, and stop after two seconds.
 */
void conntrack_forget_host(struct netlink *nl, int family, const struct mapping *mappings,
			   size_t n);

/* After DEL: drop UDP entries that were redirected to the container's published ports. */
void conntrack_forget_container(struct netlink *nl, const struct ip_address *container,
				const struct mapping *mappings, size_t n);

#endif
