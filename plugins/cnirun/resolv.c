/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolv.conf of a COMMAND: from the result's dns, in a mount namespace that only COMMAND sees.
 *
 * The text must be in a file to be mounted, and the kernel mounts no file without a name. A name on
 * the host would stay if we were killed between making and removing it. So the file is made in a
 * tmpfs, which is mounted for a moment, in that mount namespace, over the directory that has the
 * target. The tmpfs ends with the namespace, and the directory is visible again at once
 * (MNT_DETACH: unmounting for good would wait for every processor). All of it takes a quarter of a
 * millisecond.
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
#define PLACE "/etc"

/* One word on a line of the file. */
static int check_word(const cJSON *item, const char *what, struct cni_error *err)
{
	if (cJSON_IsString(item) && *item->valuestring && utf8_is_printable(item->valuestring) &&
	    strpbrk(item->valuestring, " #;") == NULL)
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
	if (out == NULL)
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

/* Make a file with the text. Return: a descriptor, or -1. */
static int make_file(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t left = strlen(text);

	/* Every user of COMMAND must be able to read it, whatever our umask is. */
	if (fd < 0 || fchmod(fd, 0644) < 0)
		return -1;
	while (left > 0) {
		const ssize_t n = TEMP_FAILURE_RETRY(write(fd, text, left));

		if (n < 0)
			return -1;
		text += n;
		left -= (size_t)n;
	}
	return take_fd(&fd);
}

int resolv_mount(const char *text)
{
	cleanup_close int target = open(TARGET, O_PATH | O_CLOEXEC);
	cleanup_close int source = -1;
	char from[40], to[40];

	if (target < 0 && errno != ENOENT)
		return -1;
	if (target < 0) {
		fprintf(stderr, "cnirun: there is no " TARGET " to mount the network's DNS "
				"servers over\n");
		return 0;
	}
	/* What we mount must not reach the host, and what the host unmounts must go here, too. */
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
	    mount("cnirun", PLACE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") < 0)
		return -1;
	source = make_file(PLACE "/resolv.conf", text);
	if (source < 0)
		return -1;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", source);
	snprintf(to, sizeof(to), "/proc/self/fd/%d", target);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return -1;
	/* The file exists as long as it is mounted. */
	return umount2(PLACE, MNT_DETACH);
}
