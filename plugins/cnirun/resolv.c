// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resolv.conf of a COMMAND: from the result's dns, in a mount namespace that only COMMAND sees.
 *
 * The text needs a file to be mounted from, and nothing may be left of it: the file's name is
 * removed as soon as it is mounted, and the file lives as long as its mount. (The kernel mounts no
 * file that never had a name. A tmpfs of its own would need to be unmounted again, which waits for
 * every processor: milliseconds.)
 */
#include "resolv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "cleanup.h"
#include "conf.h"
#include "utf8.h"

#define TARGET "/etc/resolv.conf"

/* One word on a line of the file. */
static int check_word(const cJSON *item, const char *what, struct cni_error *err)
{
	if (cJSON_IsString(item) && *item->valuestring && utf8_is_printable(item->valuestring) &&
	    !strpbrk(item->valuestring, " #;"))
		return 0;
	conf_wrong(item, "dns.", what, "one word", err);
	return cni_error_wrap(err, "the result");
}

/* "KEYWORD WORD WORD..." */
static int print_list(FILE *out, const char *keyword, const cJSON *list, const char *what,
		      struct cni_error *err)
{
	const cJSON *item;

	if (cJSON_GetArraySize(list) == 0)
		return 0;
	fputs(keyword, out);
	cJSON_ArrayForEach (item, list) {
		if (check_word(item, what, err) < 0)
			return -1;
		fprintf(out, " %s", item->valuestring);
	}
	fputc('\n', out);
	return 0;
}

static int print_all(FILE *out, const cJSON *dns, struct cni_error *err)
{
	const cJSON *domain = json_get(dns, "domain");
	const cJSON *search = json_get(dns, "search");
	const cJSON *item;
	struct ip_address address;

	cJSON_ArrayForEach (item, json_get(dns, "nameservers")) {
		if (check_word(item, "nameservers", err) < 0)
			return -1;
		if (ip_address_parse(item->valuestring, &address) < 0) {
			conf_wrong(item, "dns.", "nameservers", "addresses", err);
			return cni_error_wrap(err, "the result");
		}
		fprintf(out, "nameserver %s\n", item->valuestring);
	}
	/* Of search and domain the last in the file counts: search is the one with more. */
	if (cJSON_IsString(domain) && *domain->valuestring && cJSON_GetArraySize(search) == 0) {
		if (check_word(domain, "domain", err) < 0)
			return -1;
		fprintf(out, "domain %s\n", domain->valuestring);
	}
	if (print_list(out, "search", search, "search", err) < 0)
		return -1;
	return print_list(out, "options", json_get(dns, "options"), "options", err);
}

int resolv_text(const cJSON *result, char **text, struct cni_error *err)
{
	const cJSON *dns = json_get(result, "dns");
	size_t size;
	FILE *out;
	int value;

	*text = NULL;
	if (cJSON_GetArraySize(json_get(dns, "nameservers")) == 0)
		return 0;
	out = open_memstream(text, &size);
	if (!out)
		return cni_error_nomem(err);
	value = print_all(out, dns, err);
	if (fclose(out) != 0 && value == 0)
		value = cni_error_nomem(err);
	if (value < 0) {
		free(*text);
		*text = NULL;
	}
	return value;
}

#define NAME_MAX_BYTES 4096

/*
 * A file with the text, in the first directory that lets us make one: root's is /run.
 * Return: a descriptor, and its name in @path; -1.
 */
static int make_file(const char *text, char path[NAME_MAX_BYTES])
{
	const char *const dirs[] = {"/run", getenv("XDG_RUNTIME_DIR") ?: "/run", "/dev/shm", "/tmp",
				    "/var/tmp"};
	cleanup_close int fd = -1;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && fd < 0; i++) {
		if (snprintf(path, NAME_MAX_BYTES, "%s/.cnirun-XXXXXX", dirs[i]) < NAME_MAX_BYTES)
			fd = mkostemp(path, O_CLOEXEC);
	}
	if (fd < 0)
		return -1;
	/* Every user of COMMAND's resolves names. */
	if (fchmod(fd, 0644) == 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		return take_fd(&fd);
	unlink(path);
	return -1;
}

int resolv_mount(const char *text)
{
	cleanup_close int target = open(TARGET, O_PATH | O_CLOEXEC);
	cleanup_close int source = -1;
	char name[NAME_MAX_BYTES];
	char from[40], to[40];
	int value;

	if (target < 0) {
		fprintf(stderr, "cnirun: there is no " TARGET " to show the network's name servers "
				"in\n");
		return 0;
	}
	/* What is mounted here shall not reach the host, and what the host unmounts shall go. */
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return -1;
	source = make_file(text, name);
	if (source < 0)
		return -1;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", source);
	snprintf(to, sizeof(to), "/proc/self/fd/%d", target);
	value = mount(from, to, NULL, MS_BIND, NULL);
	unlink(name);
	return value;
}
