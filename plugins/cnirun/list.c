/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network configuration lists.
 *
 * Where lists are: NETCONFPATH, if it is set, is the only directory, as for cnitool. Otherwise the
 * user's own ($XDG_CONFIG_HOME/cni/net.d, by default ~/.config/cni/net.d) comes before the
 * system's. In a directory files are read in the order of their names, lists (.conflist) before
 * single plugins (.conf, .json), and the first list with the name counts. libcni gives up at the
 * first file that it cannot read; here that file is passed over, and the error names it if no other
 * file has the network. Files and directories that somebody else could have written are passed over
 * as well (see trust.c).
 *
 * What a list is: the tree as it was read is its only representation. Of a plugin's configuration
 * only type and capabilities are interpreted; everything else is the plugin's.
 */
#include "list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "trust.h"

/*
 * For machines where no list is installed: the interface plugin, and the port publisher behind it
 * when ports are to be published. Without --publish it is left out, so that cnirun works where only
 * slirp4netns is installed.
 */
static const char builtin[] =
	"{\"cniVersion\":\"1.0.0\",\"cniVersions\":[\"0.4.0\",\"1.0.0\",\"1.1.0\"],"
	"\"name\":\"" DEFAULT_NETWORK "\",\"loadOnlyInlinedPlugins\":true,\"plugins\":["
	"{\"type\":\"slirp4netns\",\"capabilities\":{\"ips\":true,\"mac\":true}}%s]}";
static const char builtin_publish[] =
	",{\"type\":\"netns-portmap\",\"capabilities\":{\"portMappings\":true}}";

void list_free(struct network_list *list)
{
	cJSON_Delete(list->conf);
	*list = (struct network_list){0};
}

/* Read a regular file. @text is terminated and owned by the caller. A FIFO is not waited for. */
static int list_read_file(const char *path, char **text, size_t *len, struct cni_error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	ssize_t n = 1;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return cni_error(err, CNI_ERR_IO, "%s is not a regular file", path);
	if (st.st_size > JSON_MAX_BYTES)
		return cni_error(err, CNI_ERR_DECODE, "%s is larger than %u MiB", path,
				 JSON_MAX_BYTES >> 20);
	*text = malloc((size_t)st.st_size + 1);
	if (*text == NULL)
		return cni_error_nomem(err);
	for (*len = 0; *len < (size_t)st.st_size && n > 0; *len += (size_t)n) {
		n = TEMP_FAILURE_RETRY(read(fd, *text + *len, (size_t)st.st_size - *len));
		if (n < 0)
			return cni_error_errno(err, CNI_ERR_IO, "cannot read %s", path);
	}
	(*text)[*len] = '\0';
	return 0;
}

static int read_object(const char *path, cJSON **out, struct cni_error *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;

	if (list_read_file(path, &text, &len, err) < 0)
		return -1;
	return json_parse(text, len, path, out, err);
}

/*
 * Version selection (spec, section 1, cniVersions): the highest that both sides know. An entry with
 * a version that is newer than ours is ignored, as libcni does.
 */
static int select_version(struct network_list *list, struct cni_error *err)
{
	const char *single = NULL;
	const cJSON *several = NULL;
	const cJSON *entry;
	enum cni_version version;
	bool found = false;

	list->version = CNI_0_1_0; /* what a list without cniVersion means */
	if (conf_get_string(list->conf, "", "cniVersion", &single, err) < 0 ||
	    conf_get_array(list->conf, "", "cniVersions", &several, err) < 0)
		return -1;
	if (single != NULL && !*single)
		single = NULL;
	if (single != NULL && cni_version_parse(single, &version) == 0) {
		list->version = version;
		found = true;
	}
	cJSON_ArrayForEach (entry, several) {
		if (!cJSON_IsString(entry))
			return conf_wrong(entry, "cniVersions", "", "a list of strings", err);
		if (cni_version_parse(entry->valuestring, &version) < 0)
			continue;
		if (!found || version > list->version)
			list->version = version;
		found = true;
	}
	if (!found && (single != NULL || cJSON_GetArraySize(several) > 0))
		return cni_error(err, CNI_ERR_VERSION,
				 "cniVersion is \"%.20s\", and cnirun speaks %s to %s",
				 single ?: "in cniVersions", cni_version_name(CNI_0_1_0),
				 cni_version_name(CNI_VERSION_LATEST));
	return 0;
}

/* true, false, or their names as strings, which libcni takes too. */
static int get_flag(const cJSON *conf, const char *key, bool *out, struct cni_error *err)
{
	const cJSON *item = json_get(conf, key);

	if (cJSON_IsString(item) && (strcasecmp(item->valuestring, "true") == 0 ||
				     strcasecmp(item->valuestring, "false") == 0)) {
		*out = strcasecmp(item->valuestring, "true") == 0;
		return 0;
	}
	return conf_get_bool(conf, "", key, out, err) < 0 ? -1 : 0;
}

static bool ends_with(const char *name, const char *suffix)
{
	const size_t len = strlen(name), n = strlen(suffix);

	return len > n && strcmp(name + len - n, suffix) == 0;
}

static int is_conflist(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".conflist");
}

static int is_conf(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".conf") || ends_with(entry->d_name, ".json");
}

static int is_conf_only(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".conf");
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/*
 * Call @fn with the path of each file that @filter accepts, in order, until it does not return 0.
 * Return: its last value; 0 if there is no such directory; -1.
 */
static int each_file(const char *directory, int (*filter)(const struct dirent *entry),
		     int (*fn)(const char *path, void *arg, struct cni_error *err), void *arg,
		     struct cni_error *err)
{
	struct dirent **entries = NULL;
	char path[PATH_MAX];
	int value = 0;
	int n = scandir(directory, &entries, filter, by_bytes);

	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : cni_error_errno(err, CNI_ERR_IO, "cannot read the directory %s",
						 directory);
	for (int i = 0; i < n; i++) {
		struct stat st;

		if (value == 0 &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name) <
			    sizeof(path) &&
		    (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
			value = fn(path, arg, err);
		free(entries[i]);
	}
	free(entries);
	return value;
}

/* The plugins of a list's directory. */
struct gathering {
	cJSON *plugins;
	bool checked; /* a plugin must be as safe from others' changes as the list is */
};

static int check_part(const char *path, struct cni_error *err)
{
	if (trust_check(path, err) == 0 || err->code != CNI_ERR_CONFIG)
		return 0;
	return cni_error_wrap(err, "a part of the list cannot be trusted");
}

static int append_plugin(const char *path, void *arg, struct cni_error *err)
{
	const struct gathering *gathering = arg;
	cleanup_json cJSON *plugin = NULL;

	if ((gathering->checked && check_part(path, err) < 0) ||
	    read_object(path, &plugin, err) < 0)
		return -1;
	if (!cJSON_AddItemToArray(gathering->plugins, plugin))
		return cni_error_nomem(err);
	(void)take_ptr(plugin);
	return 0;
}

static int gather_from(const char *directory, const char *name, cJSON *plugins,
		       struct cni_error *err)
{
	struct cni_error ignored;
	struct gathering gathering = {
		.plugins = plugins,
		.checked = trust_check(directory, &ignored) == 0,
	};
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
		return cni_error(err, CNI_ERR_CONFIG, "the path of %s is too long", directory);
	if (gathering.checked && check_part(path, err) < 0)
		return -1;
	return each_file(path, is_conf_only, append_plugin, &gathering, err);
}

/*
 * The plugins are those in the list, and those in the directory of the network's name. When the
 * latter have been added, loadOnlyInlinedPlugins is set, so that the cached list needs no
 * directory.
 */
static int gather_plugins(struct network_list *list, const char *directory, struct cni_error *err)
{
	const cJSON *inlined = NULL;
	cJSON *plugins;
	bool only_inlined = false;

	if (get_flag(list->conf, "loadOnlyInlinedPlugins", &only_inlined, err) < 0 ||
	    conf_get_array(list->conf, "", "plugins", &inlined, err) < 0)
		return -1;
	if (inlined == NULL)
		cJSON_DeleteItemFromObjectCaseSensitive(list->conf, "plugins"); /* null */
	plugins = inlined != NULL ? cJSON_GetObjectItemCaseSensitive(list->conf, "plugins")
				  : cJSON_AddArrayToObject(list->conf, "plugins");
	if (plugins == NULL)
		return cni_error_nomem(err);
	list->plugins = plugins;
	if (!only_inlined && directory != NULL) {
		if (gather_from(directory, list->name, plugins, err) < 0)
			return -1;
		cJSON_DeleteItemFromObjectCaseSensitive(list->conf, "loadOnlyInlinedPlugins");
		if (cJSON_AddTrueToObject(list->conf, "loadOnlyInlinedPlugins") == NULL)
			return cni_error_nomem(err);
	}
	if (cJSON_GetArraySize(plugins) == 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "the network has no plugins; its list needs at least one in "
				 "\"plugins\"");
	return 0;
}

static int check_plugins(const struct network_list *list, struct cni_error *err)
{
	const cJSON *plugin;
	char path[32];
	int i = 0;

	cJSON_ArrayForEach (plugin, list->plugins) {
		const cJSON *capabilities = NULL;
		const char *type = "";

		snprintf(path, sizeof(path), "plugins[%d].", i++);
		if (!cJSON_IsObject(plugin))
			return conf_wrong(plugin, path, "", "an object", err);
		if (conf_get_string(plugin, path, "type", &type, err) < 0 ||
		    conf_get_object(plugin, path, "capabilities", &capabilities, err) < 0)
			return -1;
		/* It becomes part of a path: one component, and not the name of a directory. */
		if (!*type || strchr(type, '/') != NULL || strcmp(type, ".") == 0 ||
		    strcmp(type, "..") == 0)
			return conf_wrong(json_get(plugin, "type"), path, "type",
					  "the name of a plugin, without '/'", err);
	}
	return 0;
}

static int interpret(struct network_list *list, const char *directory, struct cni_error *err)
{
	if (conf_get_string(list->conf, "", "name", &list->name, err) < 0)
		return -1;
	if (list->name == NULL || !cni_valid_network_name(list->name))
		return conf_wrong(json_get(list->conf, "name"), "", "name",
				  "an alphanumeric followed by alphanumerics, '_', '.' and '-', at "
				  "most 200 bytes",
				  err);
	if (select_version(list, err) < 0 ||
	    get_flag(list->conf, "disableCheck", &list->disable_check, err) < 0 ||
	    get_flag(list->conf, "disableGC", &list->disable_gc, err) < 0 ||
	    gather_plugins(list, directory, err) < 0)
		return -1;
	return check_plugins(list, err);
}

/* Takes the tree over. */
static int list_from_tree(cJSON *conf, const char *source, const char *directory,
			  struct network_list *list, struct cni_error *err)
{
	cleanup_list struct network_list l = {.conf = conf};

	snprintf(l.source, sizeof(l.source), "%s", source);
	if (interpret(&l, directory, err) < 0)
		return cni_error_wrap(err, "%s", source);
	*list = l;
	l = (struct network_list){0};
	return 0;
}

int list_parse(const char *text, size_t len, const char *source, const char *directory,
	       struct network_list *list, struct cni_error *err)
{
	cJSON *conf = NULL;

	if (json_parse(text, len, source, &conf, err) < 0)
		return -1;
	return list_from_tree(conf, source, directory, list, err);
}

/* A configuration of one plugin as a list of one. Takes the tree over. */
static cJSON *make_list(cJSON *plugin)
{
	cleanup_json cJSON *single = plugin;
	cleanup_json cJSON *list = cJSON_CreateObject();
	static const char *const keys[] = {"name", "cniVersion"};
	cJSON *plugins;

	for (int i = 0; i < 2; i++) {
		const cJSON *item = json_get(single, keys[i]);

		if (item != NULL &&
		    !cJSON_AddItemToObject(list, keys[i], cJSON_Duplicate(item, true)))
			return NULL;
	}
	plugins = cJSON_AddArrayToObject(list, "plugins");
	if (cJSON_AddTrueToObject(list, "loadOnlyInlinedPlugins") == NULL ||
	    !cJSON_AddItemToArray(plugins, single))
		return NULL;
	(void)take_ptr(single);
	return take_ptr(list);
}

static int load_file(const char *path, struct network_list *list, struct cni_error *err)
{
	char directory[PATH_MAX];
	cJSON *conf = NULL;
	char *slash;

	if (read_object(path, &conf, err) < 0)
		return -1;
	/* libcni decides by the name of the file; a path on the command line may have any name. */
	if (json_get(conf, "plugins") == NULL && json_get(conf, "type") != NULL) {
		conf = make_list(conf);
		if (conf == NULL)
			return cni_error_nomem(err);
	}
	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (slash != NULL)
		*slash = '\0';
	return list_from_tree(conf, path, slash != NULL ? (*directory ? directory : "/") : ".",
			      list, err);
}

struct search {
	const char *name;
	struct network_list *list;
	char broken[900]; /* what could not be read, and why */
	int untold;       /* how many more have no room in it */
};

static void note_broken(struct search *search, const struct cni_error *err)
{
	const size_t len = strlen(search->broken);
	const size_t room = sizeof(search->broken) - len;

	if ((size_t)snprintf(search->broken + len, room, "%s%s%s%s", len > 0 ? "; " : "", err->msg,
			     err->details[0] ? ": " : "", err->details) < room)
		return;
	search->broken[len] = '\0';
	search->untold++;
}

static int try_file(const char *path, void *arg, struct cni_error *err)
{
	struct search *search = arg;
	cleanup_list struct network_list list = {0};
	struct cni_error broken = {0};

	(void)err;
	if (!trust_or_pass_over("file", path))
		return 0;
	if (load_file(path, &list, &broken) < 0) {
		note_broken(search, &broken);
		return 0;
	}
	if (strcmp(list.name, search->name) != 0)
		return 0;
	*search->list = list;
	list = (struct network_list){0};
	return 1;
}

static int search_directory(const char *directory, struct search *search, struct cni_error *err)
{
	int found;

	if (!trust_or_pass_over("directory", directory))
		return 0;
	found = each_file(directory, is_conflist, try_file, search, err);
	if (found == 0)
		found = each_file(directory, is_conf, try_file, search, err);
	return found;
}

/* Return: how many of the two paths are filled. */
static int directories(char paths[2][PATH_MAX])
{
	const char *only = getenv("NETCONFPATH");
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	int n = 0;

	if (only != NULL && *only) {
		snprintf(paths[0], PATH_MAX, "%s", only);
		return 1;
	}
	if (config != NULL && *config == '/')
		snprintf(paths[n++], PATH_MAX, "%s/cni/net.d", config);
	else if (home != NULL && *home == '/')
		snprintf(paths[n++], PATH_MAX, "%s/.config/cni/net.d", home);
	snprintf(paths[n++], PATH_MAX, SYSTEM_NETWORKS);
	return n;
}

/* Return: whether the network has been found; if not, @err says where it was looked for. */
static bool find_by_name(const char *name, struct network_list *list, struct cni_error *err)
{
	struct search search = {.name = name, .list = list};
	char paths[2][PATH_MAX], more[32] = "";
	const int n = directories(paths);

	for (int i = 0; i < n; i++) {
		const int found = search_directory(paths[i], &search, err);

		if (found > 0)
			return true;
		/* As after a broken file, the search goes on: the other directory may have it. */
		if (found < 0)
			note_broken(&search, err);
	}
	cni_error(
		err, CNI_ERR_CONFIG,
		"no network \"%.60s\": no list in %.120s%s%.120s has that name; copy one there, or "
		"give its path",
		name, paths[0], n > 1 ? " or " : "", n > 1 ? paths[1] : "");
	if (search.untold > 0)
		snprintf(more, sizeof(more), "; and %d more", search.untold);
	if (search.broken[0])
		cni_error_details(err, "besides, what could not be read was passed over: %s%s",
				  search.broken, more);
	return false;
}

int list_find(const char *network, bool publish, struct network_list *list, struct cni_error *err)
{
	char text[sizeof(builtin) + sizeof(builtin_publish)];
	bool found;

	*list = (struct network_list){0};
	if (network != NULL && strchr(network, '/') != NULL)
		return load_file(network, list, err);
	found = find_by_name(network ?: DEFAULT_NETWORK, list, err);
	if (!found && network != NULL && strcmp(network, PROGRAM_NETWORK) == 0) {
		network = DEFAULT_NETWORK;
		found = find_by_name(network, list, err);
	}
	if (!found && network != NULL && strcmp(network, DEFAULT_NETWORK) != 0)
		return -1;
	/* The list that is shipped for runtimes cannot publish ports; the user did not ask for it.
	 */
	if (found && (network != NULL || !publish || list_has_capability(list, "portMappings")))
		return 0;
	list_free(list);
	snprintf(text, sizeof(text), builtin, publish ? builtin_publish : "");
	return list_parse(text, strlen(text), "the built-in list", NULL, list, err);
}

bool list_has_capability(const struct network_list *list, const char *capability)
{
	const cJSON *plugin;

	cJSON_ArrayForEach (plugin, list->plugins) {
		if (cJSON_IsTrue(json_get(json_get(plugin, "capabilities"), capability)))
			return true;
	}
	return false;
}
