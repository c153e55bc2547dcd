// SPDX-License-Identifier: GPL-2.0-or-later
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

#define PROC_MAX_BYTES (256u << 10)

/* A file of /proc, terminated; NULL when it is not there. */
static char *read_file(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_free char *data = malloc(PROC_MAX_BYTES + 1);
	size_t len = 0;

	while (fd >= 0 && data && len < PROC_MAX_BYTES) {
		const ssize_t n = TEMP_FAILURE_RETRY(read(fd, data + len, PROC_MAX_BYTES - len));

		if (n < 0)
			return NULL;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (fd < 0 || !data)
		return NULL;
	data[len] = '\0';
	return take_ptr(data);
}

#define DIGITS_MAX 20 /* of 64 bits */

/* Numbers only, as JSON has them; one of them may be negative (Tcp.MaxConn). */
static bool is_number(const char *s)
{
	s += *s == '-';
	if (!*s || (s[0] == '0' && s[1]) || strlen(s) > DIGITS_MAX)
		return false;
	for (; *s; s++)
		if (!isdigit((unsigned char)*s))
			return false;
	return true;
}

static void add_counter(struct text *out, const char **comma, const char *name, const char *value)
{
	if (!is_number(value))
		return;
	text_add(out, *comma);
	text_add_json(out, name);
	text_add(out, ":");
	text_add(out, value);
	*comma = ",";
}

/* "Tcp: InSegs OutSegs" above "Tcp: 12 34": a line of names and a line of values. */
static void add_paired_lines(struct text *out, char *data)
{
	char *lines = data, *names, *values;

	while ((names = strsep(&lines, "\n")) && (values = strsep(&lines, "\n"))) {
		const char *comma = "";
		char *name, *value, *group = strsep(&names, ":");

		if (!names || !strsep(&values, ":") || !values)
			return;
		text_add_json(out, group);
		text_add(out, ":{");
		names += strspn(names, " ");
		values += strspn(values, " ");
		while ((name = strsep(&names, " ")) && (value = strsep(&values, " ")))
			add_counter(out, &comma, name, value);
		text_add(out, "},");
	}
}

/* "TCP: inuse 1 orphan 0": names and values in turn. */
static void add_sockets(struct text *out, char *data)
{
	char *lines = data, *line;

	while ((line = strsep(&lines, "\n"))) {
		const char *comma = "";
		char *name, *value, *group = strsep(&line, ":");

		if (!line)
			continue;
		text_add_json(out, group);
		text_add(out, ":{");
		line += strspn(line, " ");
		while ((name = strsep(&line, " ")) && (value = strsep(&line, " ")))
			add_counter(out, &comma, name, value);
		text_add(out, "},");
	}
}

/* "Ip6InReceives    12": one to a line. */
static void add_lines(struct text *out, char *data)
{
	const char *comma = "";
	char *lines = data, *line;

	text_add(out, "\"Snmp6\":{");
	while ((line = strsep(&lines, "\n"))) {
		char *value = line + strcspn(line, " \t");

		if (!*value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		add_counter(out, &comma, line, value);
	}
	text_add(out, "},");
}

static const struct {
	const char *path;
	void (*add)(struct text *out, char *data);
} files[] = {
	{"/proc/thread-self/net/snmp", add_paired_lines},
	{"/proc/thread-self/net/netstat", add_paired_lines},
	{"/proc/thread-self/net/snmp6", add_lines},
	{"/proc/thread-self/net/sockstat", add_sockets},
	{"/proc/thread-self/net/sockstat6", add_sockets},
};

/* Members of an object end in commas; the last one's goes when the object ends. */
static void end_object(struct text *out)
{
	if (out->len && out->data[out->len - 1] == ',')
		out->data[--out->len] = '\0';
	text_add(out, "}");
}

void detail_protocols(struct text *out)
{
	cleanup_free char *conntrack = read_file("/proc/sys/net/netfilter/nf_conntrack_count");

	text_add(out, "\"protocols\":{");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_free char *data = read_file(files[i].path);

		if (data)
			files[i].add(out, data);
	}
	if (conntrack) {
		conntrack[strcspn(conntrack, "\n")] = '\0';
		if (is_number(conntrack))
			text_printf(out, "\"conntrack\":{\"count\":%s},", conntrack);
	}
	end_object(out);
	text_add(out, ",");
}

void detail_collect(struct sample *s)
{
	text_add(&s->detail, "{");
	detail_genl(s, &s->detail);
	detail_protocols(&s->detail);
	end_object(&s->detail);
}
