/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plugin role, and what the exporter shares with it. */
#ifndef NETNS_STATS_PLUGIN_H
#define NETNS_STATS_PLUGIN_H

#include "cni.h"
#include "entry.h"
#include "sample.h"

extern const struct cni_plugin stats_plugin;

/**
 * plugin_remember() - note the counters of an attachment in its record, for an account that may be
 * closed without the namespace.
 *
 * Does nothing if the record is gone (DEL has removed it) or if its lock is held (somebody else
 * changes it). Return: 0, or -1 with @err.
 */
int plugin_remember(const char *state_dir, const struct attachment *a, const struct sample *sample,
		    struct cni_error *err);

#endif
