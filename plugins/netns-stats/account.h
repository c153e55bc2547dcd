/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An attachment's record, from baseline to closing account. */
#ifndef NETNS_STATS_ACCOUNT_H
#define NETNS_STATS_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

#include "counters.h"
#include "error.h"

/**
 * account_reading() - what the sample says of the interfaces of the baseline, or, where ADD could
 * not read one, of the interface that the record is about.
 *
 * Return: 0, or -1 out of memory.
 */
int account_reading(const cJSON *record, const struct sample *sample, struct reading *r,
		    struct cni_error *err);

/**
 * account_print() - the closing account of an attachment, one line of JSON.
 * @record: with "begin" and maybe "last"
 * @end:    the counters now; NULL: the namespace is gone, the last known ones count
 * @reason: "DEL" or "GC"
 *
 * Each interface's figures are what it has counted between begin and end; "complete" is false where
 * the last known counters had to do. Return: 0, or -1 out of memory.
 */
int account_print(const cJSON *record, const struct reading *end, const char *reason,
		  struct text *line, struct cni_error *err);

/**
 * account_check_file() - whether accounts can be appended.
 *
 * Return: 0, or -1: CNI_ERR_CONFIG (not absolute; a directory or another thing that is no file) or
 * CNI_ERR_IO (not writable now).
 */
int account_check_file(const char *path, struct cni_error *err);

/**
 * account_append() - append a line to the file, whole, also among many writers.
 *
 * The file is made (0600) when it is missing, its directory is not. Return: 0, or -1 CNI_ERR_IO;
 * of a line for which there was no room nothing stays behind.
 */
int account_append(const char *path, const struct text *line, struct cni_error *err);

/**
 * account_append_once() - the same, unless the file has the line already.
 * @from: where the file ended when the line was new; it is searched from there on
 *
 * Half of it, which a kill may leave at the end of the file, is completed.
 */
int account_append_once(const char *path, const struct text *line, off_t from,
			struct cni_error *err);

/* Where the file ends now: bytes; 0 when it is not there. */
off_t account_size(const char *path);

#endif
