/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a registration: its account is written, once, and its record removed. */
#ifndef NETNS_STATS_CLOSING_H
#define NETNS_STATS_CLOSING_H

#include <cjson/cJSON.h>

#include "error.h"
#include "state.h"

/**
 * closing_run() - close a registration, or finish what was killed while it closed it.
 * @account_file: NULL: no account
 * @reason:       "DEL" or "GC"
 *
 * What keeps the account from its file, or a record from being read, is said on stderr, the account
 * too, and is not an error. Return: 0, also when there is no such registration; or -1: it is still
 * there, because nobody could lock it (CNI_ERR_AGAIN) or remove it (CNI_ERR_IO).
 */
int closing_run(const struct state *state, const struct attachment *a, const char *account_file,
		const char *reason, struct cni_error *err);

/* Write the account of a record that is about to be replaced, if it was being closed. Under the
 * lock. */
void closing_finish(const cJSON *record, const char *account_file);

/* An error that is not the caller's, on stderr. */
void plugin_warn(const struct cni_error *err);

#endif
