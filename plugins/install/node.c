/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the node must have, and when nothing on it needs the plugins any more.
 *
 * A node is ready for pods as soon as a runtime has found a list, so a list is installed only if
 * what it needs is there. The daemon slirp4netns is the node's own (a package of its distribution):
 * it links the distribution's libraries, and has its security updates from there.
 *
 * Plugins are removed only if no container of the node is attached any more: a runtime calls DEL
 * for each, and a pod whose DEL finds no plugin does not end. Each attachment has a record in
 * /run/usernet-cni.
 */
#include "node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "conf.h"

#define LIST_MAX_BYTES (1u << 20)
#define RUN_DIR "/run/usernet-cni"

/* The directories of the default PATH in a node's /usr; /bin and /sbin are links to it. */
static const char *const daemon_dirs[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					  "/usr/bin"};

static int node_read_list(const struct item *list, cJSON **out, struct cni_error *err)
{
	cleanup_free char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fstat(list->fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot read the list %s", list->name);
	if (st.st_size > LIST_MAX_BYTES)
		return cni_error(err, CNI_ERR_CONFIG, "the list %s has more than a megabyte",
				 list->name);
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return cni_error_nomem(err);
	n = TEMP_FAILURE_RETRY(pread(list->fd, text, (size_t)st.st_size, 0));
	if (n < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot read the list %s", list->name);
	return json_parse(text, (size_t)n, list->name, out, err);
}

static bool node_is_among(const struct items *items, const char *name)
{
	for (size_t i = 0; i < items->n; i++) {
		if (strcmp(items->item[i].name, name) == 0)
			return true;
	}
	return false;
}

static int has_plugin(const struct item *list, const char *type, const struct place *bin,
		      const struct items *plugins, struct cni_error *err)
{
	struct stat st;

	if (*type == '\0' || strchr(type, '/') != NULL)
		return cni_error(err, CNI_ERR_CONFIG,
				 "the list %s: \"%.40s\" is not the name of a plugin", list->name,
				 type);
	/* A link's target may be where we cannot look, so a link counts. */
	if (node_is_among(plugins, type) ||
	    (fstatat(bin->fd, type, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	     (S_ISLNK(st.st_mode) || (S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0))))
		return 0;
	return cni_error(err, CNI_ERR_CONFIG,
			 "the list %s needs the plugin %.40s, which is not in %s", list->name, type,
			 bin->path);
}

/* Open a path as the node sees it, links included. */
static int open_on_node(int host, const char *path)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};

	return (int)syscall(SYS_openat2, host, path + 1, &how, sizeof(how));
}

/* Whether the path is an executable file; a link whose target we cannot see counts, too. */
static bool is_executable(int host, const char *path)
{
	cleanup_close int fd = open_on_node(host, path);
	struct stat st;

	if (fd < 0)
		return fstatat(host, path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		       S_ISLNK(st.st_mode);
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

static int has_daemon(const char *host_path, const struct item *list, const char *configured,
		      struct cni_error *err)
{
	cleanup_close int host = open(host_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[4096];

	if (host < 0 || faccessat(host, "usr", F_OK, 0) < 0)
		return 0;
	if (configured != NULL) {
		if (strncmp(configured, "/usr/", 5) != 0 || is_executable(host, configured))
			return 0;
		return cni_error(err, CNI_ERR_CONFIG,
				 "the list %s: slirp4netnsPath %.200s is not on the node",
				 list->name, configured);
	}
	for (size_t i = 0; i < sizeof(daemon_dirs) / sizeof(daemon_dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/slirp4netns", daemon_dirs[i]);
		if (is_executable(host, path))
			return 0;
	}
	return cni_error(
		err, CNI_ERR_UNAVAILABLE,
		"the node has no slirp4netns (looked in /usr/local/sbin, /usr/local/bin, "
		"/usr/sbin, /usr/bin), which the list %s needs; install the node's package "
		"slirp4netns, or set \"slirp4netnsPath\" in the list",
		list->name);
}

static int can_use_plugin(const char *host, const struct item *list, const cJSON *plugin,
			  const struct place *bin, const struct items *plugins,
			  struct cni_error *err)
{
	const cJSON *ipam = NULL;
	const char *type = "", *path = NULL;

	if (!cJSON_IsObject(plugin))
		return cni_error(err, CNI_ERR_CONFIG, "the list %s: a plugin must be an object",
				 list->name);
	if (conf_get_string(plugin, "", "type", &type, err) < 0 ||
	    conf_get_object(plugin, "", "ipam", &ipam, err) < 0 ||
	    conf_get_string(plugin, "", "slirp4netnsPath", &path, err) < 0)
		return cni_error_wrap(err, "the list %s", list->name);
	if (has_plugin(list, type, bin, plugins, err) < 0)
		return -1;
	if (strcmp(type, "slirp4netns") == 0)
		return has_daemon(host, list, path, err);
	/* Some plugins write "ipam": {} for no IPAM. */
	if (json_get(ipam, "type") == NULL)
		return 0;
	if (conf_get_string(ipam, "ipam.", "type", &type, err) < 0)
		return cni_error_wrap(err, "the list %s", list->name);
	return has_plugin(list, type, bin, plugins, err);
}

int node_can_use(const char *host, const struct item *list, const struct place *bin,
		 const struct items *plugins, struct cni_error *err)
{
	cleanup_json cJSON *json = NULL;
	const cJSON *array = NULL, *plugin;
	const char *name = "";

	if (node_read_list(list, &json, err) < 0)
		return -1;
	if (conf_get_string(json, "", "name", &name, err) < 0 ||
	    conf_get_array(json, "", "plugins", &array, err) < 0)
		return cni_error_wrap(err, "the list %s", list->name);
	if (*name == '\0' || cJSON_GetArraySize(array) == 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "the list %s must have a name and at least one plugin",
				 list->name);
	cJSON_ArrayForEach (plugin, array) {
		if (can_use_plugin(host, list, plugin, bin, plugins, err) < 0)
			return -1;
	}
	return 0;
}

/* Count the records below a directory, @depth directories deep. Return: 0, or -1 with errno. */
static int count_records(int parent, const char *name, int depth, size_t *count)
{
	const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int failed = 0;

	if (dir == NULL) {
		failed = errno == ENOENT || errno == ENOTDIR ? 0 : -1;
		if (fd >= 0)
			close(fd);
		return failed;
	}
	while (failed == 0 && (entry = readdir(dir)) != NULL) {
		const size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (depth > 0)
			failed = count_records(fd, entry->d_name, depth - 1, count);
		else if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0)
			*count += 1;
	}
	closedir(dir);
	return failed;
}

int node_is_unused(const char *host, struct cni_error *err)
{
	/* netns-stats has records of the same containers, but keeps some after DEL. */
	static const char *const plugins[] = {"slirp4netns", "netns-portmap"};
	size_t count = 0;
	char path[4096];

	for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++) {
		snprintf(path, sizeof(path), "%s" RUN_DIR "/%s", host, plugins[i]);
		if (count_records(AT_FDCWD, path, 1, &count) < 0)
			return cni_error_errno(err, CNI_ERR_IO, "cannot read " RUN_DIR "/%s",
					       plugins[i]);
	}
	if (count > 0)
		return cni_error(
			err, CNI_ERR_AGAIN,
			"containers of this node still have networks of these plugins (%zu "
			"records in " RUN_DIR "); drain the node first: nothing was removed",
			count);
	return 0;
}

static bool is_list(const char *name)
{
	const char *end = strrchr(name, '.');

	return end != NULL && name[0] != '.' &&
	       (strcmp(end, ".conf") == 0 || strcmp(end, ".conflist") == 0 ||
		strcmp(end, ".json") == 0);
}

void node_tell_first(const struct place *net, const struct items *lists)
{
	const int fd = openat(net->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char first[256] = "";

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (is_list(entry->d_name) && (*first == '\0' || strcmp(entry->d_name, first) < 0))
			strcpy(first, entry->d_name);
	}
	closedir(dir);
	if (lists->n > 0 && *first != '\0' && !node_is_among(lists, first))
		fprintf(stderr,
			"note: %s/%s comes before %s: unless a runtime is told a network's name, "
			"it "
			"uses that list\n",
			net->path, first, lists->item[0].name);
}
