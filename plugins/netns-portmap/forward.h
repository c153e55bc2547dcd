/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains of other programs that may drop what was redirected. */
#ifndef PORTMAP_FORWARD_H
#define PORTMAP_FORWARD_H

#include <stdbool.h>

#include "netlink.h"

/**
 * forward_report() - report on standard error which chains drop what they do not accept.
 * @ipv4, @ipv6: whether the container has an address of that family
 */
void forward_report(struct netlink *nl, bool ipv4, bool ipv6);

#endif
