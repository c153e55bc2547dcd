/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Installing, upgrading, mending and removing are one function, with different wanted files: two
 * directories are made to hold exactly these, in an order in which no list ever names a plugin that
 * is not there.
 */
#include "settle.h"

#include <stdio.h>

#include "node.h"
#include "place.h"

static int wanted_files(const struct install_options *options, struct items *plugins,
			struct items *lists, struct cni_error *err)
{
	char path[4096];

	*plugins = *lists = (struct items){0};
	if (options->absent)
		return 0;
	snprintf(path, sizeof(path), "%s/bin", options->from);
	if (items_read(path, NULL, plugins, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/net.d", options->from);
	return items_read(path, ".conflist", lists, err);
}

static int can_use(const struct install_options *options, const struct place *bin,
		   const struct items *plugins, const struct items *lists, struct cni_error *err)
{
	for (size_t i = 0; i < lists->n; i++) {
		if (node_can_use(options->host, &lists->item[i], bin, plugins, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * Lists are installed after the plugins that they name, and plugins are removed after the lists
 * that named them. Everything is written before anything is renamed.
 */
static int change(const struct install_options *options, struct place *bin,
		  const struct items *plugins, struct place *net, const struct items *lists,
		  struct cni_error *err)
{
	if (place_stage(bin, plugins, err) < 0)
		return -1;
	if (place_stage(net, lists, err) < 0) {
		place_unstage(bin, plugins);
		return -1;
	}
	if (place_commit(bin, plugins, err) < 0 || place_commit(net, lists, err) < 0 ||
	    place_retire(net, lists, err) < 0)
		return -1;
	/* A pod may have started while there still was a list. */
	if (options->absent && node_is_unused(options->host, err) < 0)
		return -1;
	return place_retire(bin, plugins, err);
}

int settle(const struct install_options *options, bool first, struct cni_error *err)
{
	cleanup_items struct items plugins = {0};
	cleanup_items struct items lists = {0};
	cleanup_place struct place bin = PLACE_NONE;
	cleanup_place struct place net = PLACE_NONE;

	if (wanted_files(options, &plugins, &lists, err) < 0)
		return -1;
	if (options->absent && !options->check && node_is_unused(options->host, err) < 0)
		return -1;
	if (place_open(&bin, options->host, BIN_DIR, 0755, !options->check, err) < 0 ||
	    place_open(&net, options->host, NET_DIR, 0644, !options->check, err) < 0)
		return -1;
	if (can_use(options, &bin, &plugins, &lists, err) < 0)
		return -1;
	if (options->check)
		return place_settled(&bin, &plugins, err) && place_settled(&net, &lists, err) ? 0
											      : -1;
	if (place_lock(&bin, err) < 0 || place_lock(&net, err) < 0 ||
	    place_recover(&bin, err) < 0 || place_recover(&net, err) < 0 ||
	    change(options, &bin, &plugins, &net, &lists, err) < 0)
		return -1;
	if (!options->absent) {
		if (first)
			node_tell_first(&net, &lists);
		return 0;
	}
	return place_leave(&net, err) < 0 || place_leave(&bin, err) < 0 ? -1 : 0;
}
