/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The closing account.
 *
 * Many DELs end at the same time and append to the same file, without a daemon between them. The
 * kernel appends one write(2) to a file opened with O_APPEND as one piece (the inode's lock is held
 * over finding the end and writing), so no lock of ours is needed. The exception is a full disk,
 * which cuts the line short: then the piece is taken off again, unless somebody has appended after
 * it.
 *
 * The file's path is in the administrator's configuration, yet no symbolic link is followed in its
 * last component, and nothing but a regular file is opened: a log directory that others can write
 * to must not make root append to a file of their choice.
 */
#include "account.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "record.h"

#define SEARCH_BYTES 65536

static void write_member(struct json_write *w, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		json_write_string(w, key, value);
}

/* What the interface counted since it was attached. An interface that was made anew began at zero.
 */
static void write_interface(struct json_write *w, const struct entry *begin,
			    const struct entry *end, bool counted)
{
	static const struct counters zero;
	const bool same = begin != NULL && begin->index == end->index;
	const struct counters delta =
		counters_delta(same ? &begin->counters : &zero, &end->counters);

	json_write_object(w, NULL);
	json_write_string(w, "ifname", end->name);
	if (!counted)
		json_write_bool(w, "complete", false);
	json_write_object(w, "stats64");
	counters_write(w, &delta);
	json_write_object_end(w);
	json_write_object_end(w);
}

int account_reading(const cJSON *record, const struct sample *sample, struct reading *r,
		    struct cni_error *err)
{
	const char *ifname = stats_record_view(record).key.ifname;
	static const struct counters zero;
	cleanup_reading struct reading baseline = {0};
	const struct reading *known = &baseline;

	if (stats_record_begin(record, &baseline) ||
	    (!baseline.n && ifname != NULL && reading_add(&baseline, ifname, 0, &zero)))
		return cni_error_nomem(err);
	timestamp(r->time);
	for (size_t i = 0; i < known->n; i++) {
		const struct entry *e = &known->entries[i];
		const struct link *l = sample_link(sample, e->index);
		struct counters c;

		if (l == NULL)
			l = sample_link_named(sample, e->name);
		if (l == NULL)
			continue;
		counters_of(l, &c);
		if (reading_add(r, e->name, l->index, &c))
			return cni_error_nomem(err);
	}
	return 0;
}

int account_print(const cJSON *record, const struct reading *end, const char *reason,
		  struct text *line, struct cni_error *err)
{
	const struct stats_record known = stats_record_view(record);
	cleanup_reading struct reading begin = {0};
	cleanup_reading struct reading last = {0};
	struct json_write w = {.out = line};
	const char *closed;
	bool complete = end != NULL;
	char now[32];

	if (stats_record_begin(record, &begin) || stats_record_last(record, &last))
		return cni_error_nomem(err);
	/* The counters known last are the exporter's or CHECK's reading or, without one, the
	 * baseline. */
	if (!last.n) {
		reading_free(&last);
		if (stats_record_begin(record, &last))
			return cni_error_nomem(err);
	}
	timestamp(now);
	closed = end != NULL ? end->time : now;
	json_write_object(&w, NULL);
	write_member(&w, "containerId", known.key.container_id);
	write_member(&w, "network", known.key.network);
	write_member(&w, "ifName", known.key.ifname);
	write_member(&w, "netns", known.netns);
	write_member(&w, "pod", known.pod);
	write_member(&w, "podNamespace", known.pod_namespace);
	json_write_string(&w, "begin", begin.time);
	json_write_string(&w, "end", closed);
	json_write_string(&w, "reason", reason);
	json_write_array(&w, "interfaces");
	for (size_t i = 0; i < last.n; i++) {
		const struct entry *l = &last.entries[i];
		const struct entry *e = end != NULL ? reading_find(end, l->index, l->name) : NULL;

		complete = complete && e != NULL;
		write_interface(&w, reading_find(&begin, e != NULL ? e->index : l->index, l->name),
				e != NULL ? e : l, e != NULL);
	}
	/* An interface without a baseline (ADD could not read the namespace) has counted from zero.
	 */
	for (size_t i = 0; end != NULL && i < end->n; i++) {
		const struct entry *e = &end->entries[i];

		if (reading_find(&last, e->index, e->name) == NULL)
			write_interface(&w, NULL, e, true);
	}
	json_write_array_end(&w);
	json_write_bool(&w, "complete", complete);
	json_write_object_end(&w);
	text_add(line, "\n");
	return line->failed ? cni_error_nomem(err) : 0;
}

static int open_file(const char *path, int flags, struct cni_error *err)
{
	/* O_NONBLOCK: open(2) must not wait for a reader of a FIFO; a FIFO is refused below. */
	cleanup_close int fd =
		open(path, flags | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 && errno == EISDIR)
		return cni_error(err, CNI_ERR_CONFIG,
				 "accountFile %s is a directory; name a file in it", path);
	if (fd < 0 && errno == ELOOP)
		return cni_error(err, CNI_ERR_CONFIG,
				 "accountFile %s is a symbolic link; name the file itself", path);
	/* ENXIO: a FIFO that nobody reads, or a socket. */
	if (fd < 0 && errno != ENXIO)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open accountFile %s", path);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return cni_error(err, CNI_ERR_CONFIG, "accountFile %s is not a regular file", path);
	return take_fd(&fd);
}

int account_check_file(const char *path, struct cni_error *err)
{
	cleanup_close int fd = -1;
	cleanup_free char *copy = NULL;
	char *slash;

	if (path[0] != '/')
		return cni_error(err, CNI_ERR_CONFIG,
				 "accountFile is \"%.200s\", but must be an absolute path", path);
	fd = open_file(path, O_WRONLY, err);
	if (fd >= 0 || err->code != CNI_ERR_IO || errno != ENOENT)
		return fd >= 0 ? 0 : -1;
	/* The file does not exist yet; its directory must. */
	copy = strdup(path);
	if (copy == NULL)
		return cni_error_nomem(err);
	slash = strrchr(copy, '/');
	slash[slash == copy] = '\0';
	if (access(copy, W_OK | X_OK) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make accountFile %s", path);
	*err = (struct cni_error){0};
	return 0;
}

off_t account_size(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
}

static int account_append_entry(int fd, const char *path, const char *data, size_t len,
				struct cni_error *err)
{
	const ssize_t written = TEMP_FAILURE_RETRY(write(fd, data, len));
	off_t end;

	if (written == (ssize_t)len)
		return 0;
	if (written > 0) {
		end = lseek(fd, 0, SEEK_CUR);
		if (end == lseek(fd, 0, SEEK_END) && ftruncate(fd, end - written) < 0)
			cni_error_errno(err, CNI_ERR_IO,
					"accountFile %s ends in half a line: the disk is full",
					path);
		errno = ENOSPC;
	}
	return cni_error_errno(err, CNI_ERR_IO, "cannot append to accountFile %s", path);
}

int account_append(const char *path, const struct text *line, struct cni_error *err)
{
	cleanup_close int fd = open_file(path, O_WRONLY | O_CREAT, err);

	return fd < 0 ? -1 : account_append_entry(fd, path, line->data, line->len, err);
}

/*
 * Look for a line behind @from, in pieces that overlap by less than its length. Return: its length
 * if the file has it; the length of its beginning if the file ends in that; -1 if the file ends in
 * half of another line; 0 otherwise.
 */
static ssize_t find_line(int fd, const struct text *line, off_t from)
{
	const size_t size = line->len + SEARCH_BYTES;
	cleanup_free char *piece = malloc(size);
	size_t have = 0;
	const char *last;
	ssize_t n;

	while (piece != NULL &&
	       (n = TEMP_FAILURE_RETRY(pread(fd, piece + have, size - have, from))) > 0) {
		from += n;
		have += (size_t)n;
		if (memmem(piece, have, line->data, line->len) != NULL)
			return (ssize_t)line->len;
		if (have >= line->len) {
			memmove(piece, piece + have - (line->len - 1), line->len - 1);
			have = line->len - 1;
		}
	}
	last = have ? memrchr(piece, '\n', have) : NULL;
	if (!have || last == piece + have - 1)
		return 0;
	last = last != NULL ? last + 1 : piece;
	have -= (size_t)(last - piece);
	/* A beginning that reaches beyond the container's id (there is a comma behind it) is of
	 * this line alone. */
	if (memcmp(last, line->data, have) == 0 && memchr(last, ',', have) != NULL)
		return (ssize_t)have;
	return -1;
}

int account_append_once(const char *path, const struct text *line, off_t from,
			struct cni_error *err)
{
	cleanup_close int fd = open_file(path, O_RDWR | O_CREAT, err);
	cleanup_text struct text rest = {0};
	ssize_t found;

	if (fd < 0)
		return -1;
	/* A file that is shorter than it was has been emptied or replaced meanwhile. */
	found = find_line(fd, line, from < 0 || from > lseek(fd, 0, SEEK_END) ? 0 : from);
	if (found == (ssize_t)line->len)
		return 0;
	if (found < 0)
		text_add(&rest, "\n");
	text_add(&rest, line->data + (found > 0 ? found : 0));
	return rest.failed ? cni_error_nomem(err)
			   : account_append_entry(fd, path, rest.data, rest.len, err);
}
