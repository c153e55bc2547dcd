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
 * account_reading() - take from a sample the counters of the interfaces of the baseline or, if ADD
 * could not read one, of the interface that the record is about.
 *
 * Return: 0, or -1 out of memory.
 */
int account_reading(const cJSON *record, const struct sample *sample, struct reading *r,
		    struct cni_error *err);

/**
 * account_print() - the closing account of an attachment, one line of JSON.
 * @record: with "begin" and maybe "last"
 * @end:    the counters now; NULL if the namespace is gone: then the last known ones count
 * @reason: "DEL" or "GC"
 *
 * Each interface's figures are what it has counted between begin and end; "complete" is false if
 * the last known counters had to be used. Return: 0, or -1 out of memory.
 */
int account_print(const cJSON *record, const struct reading *end, const char *reason,
		  struct text *line, struct cni_error *err);

/**
 * account_check_file() - whether accounts can be appended.
 *
 * Return: 0, or -1: CNI_ERR_CONFIG (the path is not absolute, or leads to something other than a
 * regular file) or CNI_ERR_IO (not writable now).
 */
int account_check_file(const char *path, struct cni_error *err);

/**
 * account_append() - append a line to the file as one piece, also among many writers.
 *
 * The file is made (mode 0600) if it is missing, but its directory is not. Return: 0, or -1
 * CNI_ERR_IO. If there was no room for the line, no part of it stays in the file.
 */
int account_append(const char *path, const struct text *line, struct cni_error *err);

/**
 * account_append_once() - the same, unless the file has the line already.
 * @from: the size of the file in bytes when the line was new; it is searched from there on
 *
 * Half of the line, which a kill may leave at the end of the file, is completed.
 */
int account_append_once(const char *path, const struct text *line, off_t from,
			struct cni_error *err);

/* The size of the file in bytes; 0 if it does not exist. */
off_t account_size(const char *path);

#endif
