/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing a table of an earlier layout up to this one, with what is published in it. */
#ifndef PORTMAP_UPGRADE_H
#define PORTMAP_UPGRADE_H

#include "error.h"
#include "netlink.h"
#include "table.h"

/**
 * upgrade_table() - make a table of state TABLE_OLDER one of this layout, in place.
 *
 * Every mapping keeps working, 127.0.0.1 too.
 *
 * Return: 0 with *error as table_commit() returns it (ERESTART: look again), or -1 with @err
 * filled: what the earlier layout opened cannot be closed, or out of memory.
 */
int upgrade_table(struct netlink *nl, unsigned int mark_bit, const struct table_view *view,
		  int *error, struct cni_error *err);

/*
 * If there is no table, and so no guard: close what layout 1 opened, as the records tell. Return:
 * 0, or -1 with @err filled.
 */
int upgrade_close_recorded(int plugin_fd, struct cni_error *err);

/* After the DEL of what layout 1 published: close what it opened for the device, or report that it
 * is open. @device: "" if there is none. */
void upgrade_close_device(const char *device);

#endif
