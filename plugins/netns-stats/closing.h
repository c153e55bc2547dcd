/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a registration: its account is written, once, and its record removed. */
#ifndef NETNS_STATS_CLOSING_H
#define NETNS_STATS_CLOSING_H

#include <cjson/cJSON.h>

#include "error.h"
#include "state.h"

/**
 * closing_run() - close a registration, or finish what was killed while it closed it.
 * @account_file: NULL for no account
 * @reason:       "DEL" or "GC"
 *
 * If the account cannot be appended, or the record cannot be decoded, this is not an error: the
 * reason and the account are written to stderr. Return: 0, also if there is no such registration;
 * or -1 if it is still there, because it could not be locked (CNI_ERR_AGAIN), read or removed
 * (CNI_ERR_IO).
 */
int closing_run(const struct state *state, const struct attachment *a, const char *account_file,
		const char *reason, struct cni_error *err);

/* Write the account of a record that is about to be replaced, if it was being closed. Under the
 * lock. */
void closing_finish(const cJSON *record, const char *account_file);

/* Write an error to stderr that does not make the operation fail. */
void plugin_warn(const struct cni_error *err);

#endif
