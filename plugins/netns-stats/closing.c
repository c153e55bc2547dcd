/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Closing a registration: a line goes into the account file, a record out of the state directory.
 * They are two files, maybe on two file systems, and the kernel cannot change both at once; a kill
 * can come between any two system calls. There must be exactly one line all the same. Two designs:
 *
 *   The record first: it is renamed into a folder of those that are being closed, and the line is
 *   written from there. The rename decides which of two callers closes; but the gap between the
 *   line and the removal is the same as before, one folder further, and GC has two places to
 *   search.
 *
 *   The line first: the record is written anew with the line and the size of the account file, then
 *   the line is appended, then the record removed. Whoever finds such a record appends its line,
 *   unless the file has it already behind that size.
 *
 * The second design is taken. All of it happens under the network's lock, so of two DELs at once
 * the second finds no record; only the reading of the namespace, which somebody in it can stretch
 * to seconds, comes before. One case remains: a file that was replaced (logrotate) between the kill
 * and the next call is not searched under its new name, so the old file and the new one may both
 * have the line; the two are equal to the byte.
 *
 * If the record cannot be written but can be removed (a full disk), it is removed first: then a
 * kill loses the line, because nothing can be noted. If it cannot be removed either (a read-only
 * file system), or cannot be locked or read, it stays, and GC closes it.
 */
#include "closing.h"

#include <stdio.h>

#include "account.h"
#include "cleanup.h"
#include "entry.h"
#include "record.h"
#include "sweep.h"

/* A hundred DELs at once on a busy machine wait for each other. ADD waits for less long, because it
 * can do without the record. */
#define LOCK_LIMIT_MS 5000

/* A line, and where in the file it may be already. */
struct note {
	struct text line;
	off_t from;
	bool again; /* somebody has noted it, and may have appended it */
};

static void note_free(struct note *note)
{
	text_free(&note->line);
}
#define cleanup_note __attribute__((cleanup(note_free)))

/* Make the account of a record with the counters of its namespace now or, if that cannot be read,
 * with the last known ones. Return: 0, or -1 out of memory. */
static int make_line(const cJSON *record, const char *reason, struct text *line,
		     struct cni_error *err)
{
	const struct stats_record known = stats_record_view(record);
	cleanup_reading struct reading end = {0};
	cleanup_sample struct sample sample = {0};
	bool counted = false;

	if (known.netns != NULL && sweep_one(known.netns, &known.identity, 0, &sample, err) == 0)
		counted = account_reading(record, &sample, &end, err) == 0;
	text_reset(line);
	return account_print(record, counted ? &end : NULL, reason, line, err);
}

/* Return: whether the record was being closed, with an account in this file. */
static bool read_note(const cJSON *record, const char *account_file, struct note *note)
{
	const char *line;

	if (!stats_record_note(record, account_file, &line, &note->from))
		return false;
	text_reset(&note->line);
	text_add(&note->line, line);
	note->again = true;
	return !note->line.failed;
}

/* Note the line in the record before it is appended. Return: 0, or -1 with @err. */
static int write_note(const struct state *state, const struct attachment *a, cJSON *record,
		      const char *account_file, struct note *note, struct cni_error *err)
{
	note->from = account_size(account_file);
	if (stats_record_set_note(record, account_file, note->line.data, note->from, err) < 0)
		return -1;
	return state_write(state, a, record, true, err) < 0 ? -1 : 0;
}

static void closing_append(const char *account_file, const struct note *note)
{
	struct cni_error err = {0};

	if ((note->again ? account_append_once(account_file, &note->line, note->from, &err)
			 : account_append(account_file, &note->line, &err)) == 0)
		return;
	plugin_warn(&err);
	fprintf(stderr, PLUGIN_NAME ": the account is: %s", note->line.data);
}

void closing_finish(const cJSON *record, const char *account_file)
{
	cleanup_note struct note note = {0};

	if (account_file != NULL && read_note(record, account_file, &note))
		closing_append(account_file, &note);
}

/* Append the line and remove the record, under the lock. */
static int close_record(const struct state *state, const struct attachment *a, cJSON *record,
			const char *account_file, struct note *note, struct cni_error *err)
{
	struct cni_error trouble = {0};

	if (note->again || write_note(state, a, record, account_file, note, &trouble) == 0) {
		closing_append(account_file, note);
		return state_remove(state, a, err);
	}
	plugin_warn(&trouble);
	if (state_remove(state, a, err) < 0) {
		fprintf(stderr, PLUGIN_NAME ": the account, which stays open, is: %s",
			note->line.data);
		return -1;
	}
	closing_append(account_file, note);
	return 0;
}

int closing_run(const struct state *state, const struct attachment *a, const char *account_file,
		const char *reason, struct cni_error *err)
{
	cleanup_json cJSON *before = NULL;
	cleanup_json cJSON *record = NULL;
	cleanup_note struct note note = {0};
	cleanup_close int lock = -1;
	struct cni_error trouble = {0};
	bool made = false;
	int found = state_read(state, a, &before, &trouble);

	if (found == 0)
		return 0;
	if (found > 0 && account_file != NULL && !stats_record_is_closing(before))
		made = make_line(before, reason, &note.line, &trouble) == 0;
	lock = state_lock(state, LOCK_LIMIT_MS, err);
	if (lock < 0)
		return -1;
	found = state_read(state, a, &record, &trouble);
	if (found == 0)
		return 0; /* another call has closed it meanwhile */
	/* A record that cannot be read now may be readable later: it stays, with what it counted.
	 */
	if (found < 0 && trouble.code != CNI_ERR_DECODE) {
		*err = trouble;
		return -1;
	}
	/* A damaged record has no account, and is not a reason to keep a container. */
	if (found < 0)
		plugin_warn(&trouble);
	if (found < 0 || account_file == NULL)
		return state_remove(state, a, err);
	/* If the record was made anew since it was read, or closed in part, its present contents
	 * count. */
	if (!read_note(record, account_file, &note) &&
	    !(made && stats_record_same_begin(before, record)) &&
	    make_line(record, reason, &note.line, &trouble) < 0) {
		plugin_warn(&trouble);
		return state_remove(state, a, err);
	}
	return close_record(state, a, record, account_file, &note, err);
}
