/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the node must have, and must no longer have, before files may come and go. */
#ifndef USERNET_INSTALL_NODE_H
#define USERNET_INSTALL_NODE_H

#include "place.h"

/**
 * node_can_use() - whether a runtime could use a network configuration list on this node.
 * @host:    where the node's root is
 * @list:    the file
 * @bin:     the directory of plugins
 * @plugins: the plugins that will be put there
 *
 * The list must be valid, each of its plugins (that of `ipam`, too) must be among @plugins or in
 * @bin already, and a list with slirp4netns needs the daemon of that name. If the node's /usr is
 * not mounted, the daemon is not looked for.
 *
 * Return: 0, or -1 with @err.
 */
int node_can_use(const char *host, const struct item *list, const struct place *bin,
		 const struct items *plugins, struct cni_error *err);

/* Fails if a container of this node has a network of ours: its DEL will need the plugins. */
int node_is_unused(const char *host, struct cni_error *err);

/* Say on standard error if another list sorts before ours: runtimes use the first one. */
void node_tell_first(const struct place *net, const struct items *lists);

#endif
