/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The detail of a namespace beyond its links: generic netlink's part is in detail_genl.c; here are
 * the protocol counters, which the kernel offers as text files only (proc_pid_net(5)).
 */
#include "detail.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

char *detail_read_file(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *data = malloc(DETAIL_FILE_MAX + 1);
	size_t len = 0;

	while (fd >= 0 && data != NULL && len < DETAIL_FILE_MAX) {
		const ssize_t n = TEMP_FAILURE_RETRY(read(fd, data + len, DETAIL_FILE_MAX - len));

		if (n < 0)
			return NULL;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (fd < 0 || data == NULL)
		return NULL;
	data[len] = '\0';
	return take_ptr(data);
}

#define DIGITS_MAX 20 /* of 64 bits */

bool detail_is_number(const char *s)
{
	s += *s == '-';
	if (!*s || (s[0] == '0' && s[1]) || strlen(s) > DIGITS_MAX)
		return false;
	for (; *s; s++)
		if (!isdigit((unsigned char)*s))
			return false;
	return true;
}

static void write_counter(struct json_write *w, const char *name, const char *value)
{
	if (detail_is_number(value))
		json_write_printed(w, name, value, strlen(value));
}

void detail_write_paired_lines(struct json_write *w, char *data)
{
	char *lines = data, *names, *values;

	while ((names = strsep(&lines, "\n")) != NULL && (values = strsep(&lines, "\n")) != NULL) {
		char *name, *value, *group = strsep(&names, ":");

		if (names == NULL || strsep(&values, ":") == NULL || values == NULL)
			return;
		json_write_object(w, group);
		names += strspn(names, " ");
		values += strspn(values, " ");
		while ((name = strsep(&names, " ")) != NULL &&
		       (value = strsep(&values, " ")) != NULL)
			write_counter(w, name, value);
		json_write_object_end(w);
	}
}

void detail_write_sockets(struct json_write *w, char *data)
{
	char *lines = data, *line;

	while ((line = strsep(&lines, "\n")) != NULL) {
		char *name, *value, *group = strsep(&line, ":");

		if (line == NULL)
			continue;
		json_write_object(w, group);
		line += strspn(line, " ");
		while ((name = strsep(&line, " ")) != NULL && (value = strsep(&line, " ")) != NULL)
			write_counter(w, name, value);
		json_write_object_end(w);
	}
}

void detail_write_lines(struct json_write *w, char *data)
{
	char *lines = data, *line;

	json_write_object(w, "Snmp6");
	while ((line = strsep(&lines, "\n")) != NULL) {
		char *value = line + strcspn(line, " \t");

		if (!*value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		write_counter(w, line, value);
	}
	json_write_object_end(w);
}

static const struct {
	const char *path;
	void (*write)(struct json_write *w, char *data);
} files[] = {
	{"/proc/thread-self/net/snmp", detail_write_paired_lines},
	{"/proc/thread-self/net/netstat", detail_write_paired_lines},
	{"/proc/thread-self/net/snmp6", detail_write_lines},
	{"/proc/thread-self/net/sockstat", detail_write_sockets},
	{"/proc/thread-self/net/sockstat6", detail_write_sockets},
};

void detail_protocols(struct json_write *w)
{
	cleanup_free char *conntrack =
		detail_read_file("/proc/sys/net/netfilter/nf_conntrack_count");

	json_write_object(w, "protocols");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_free char *data = detail_read_file(files[i].path);

		if (data != NULL)
			files[i].write(w, data);
	}
	if (conntrack != NULL) {
		conntrack[strcspn(conntrack, "\n")] = '\0';
		if (detail_is_number(conntrack)) {
			json_write_object(w, "conntrack");
			write_counter(w, "count", conntrack);
			json_write_object_end(w);
		}
	}
	json_write_object_end(w);
}

void detail_collect(struct sample *s)
{
	struct json_write w = {.out = &s->detail};

	json_write_object(&w, NULL);
	detail_genl(s, &w);
	detail_protocols(&w);
	json_write_object_end(&w);
}
