/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result cache.
 *
 * The version of the result in an entry: libcni before 1.2 does not know cniVersions, and refuses a
 * DEL when the cached result is of a newer version than libcni itself. A list with cniVersion 1.0.0
 * that offers 1.1.0 leads to that. So the member that libcni reads has the result in the version of
 * cniVersion, which everybody who uses the list must know. That version may have no place for
 * something that a plugin printed, and CHECK and DEL need all of it, so the result as it came is
 * stored beside it. (The other design, to choose the version of cniVersion in the first place,
 * would take STATUS and GC from every list that is for all runtimes.)
 *
 * The content of a file is compared with the attachment that was looked for: the names are joined
 * by '-', which they may contain, so two attachments can have the same file name.
 *
 * A program that executes what an entry says trusts only its own user's files, as state.c reads
 * them. One that shows an entry to a user (netns-stats) trusts root's files as well: a user who
 * can link to a file of root's can only make it show what root's file says.
 */
#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "conf.h"
#include "result.h"
#include "state.h"

#define KIND "cniCacheV1"
#define EXACT_RESULT "exactResult"
#define RUNTIME_DIR "runtimeDir"
#define NAME_BYTES 512
#define FOREIGN_MAX_BYTES (1u << 20)

void attachment_parameters_free(struct attachment_parameters *a)
{
	attachment_free(&a->key);
	free(a->netns);
	free(a->args);
	free(a->runtime_dir);
	cJSON_Delete(a->capabilities);
	*a = (struct attachment_parameters){0};
}

void cache_entry_free(struct cache_entry *entry)
{
	cJSON_Delete(entry->json);
	*entry = (struct cache_entry){0};
}

void cache_close(struct cache *cache)
{
	cleanup_close_(&cache->fd);
	cleanup_close_(&cache->lock_fd);
	*cache = CACHE_NONE;
}

static int entry_name(const struct attachment *a, char out[NAME_BYTES], struct cni_error *err)
{
	if (!attachment_is_valid(a))
		return cni_error(err, CNI_ERR_ENVIRONMENT, "not an attachment: %.60s, %.20s",
				 a->container_id, a->ifname);
	snprintf(out, NAME_BYTES, "%s-%s-%s", a->network, a->container_id, a->ifname);
	return 0;
}

/* "K=V;K2=V2" as [["K","V"],["K2","V2"]]. */
static cJSON *args_to_json(const char *args)
{
	cleanup_json cJSON *list = cJSON_CreateArray();

	while (*args != '\0') {
		const size_t len = strcspn(args, ";");
		const char *equals = memchr(args, '=', len);
		const size_t key_len = equals != NULL ? (size_t)(equals - args) : len;
		cleanup_free char *key = strndup(args, key_len);
		cleanup_free char *value =
			equals != NULL ? strndup(equals + 1, len - key_len - 1) : strdup("");
		const char *const pair[] = {key, value};
		cJSON *item =
			key != NULL && value != NULL ? cJSON_CreateStringArray(pair, 2) : NULL;

		if (!cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			return NULL;
		}
		args += len;
		args += *args == ';';
	}
	return take_ptr(list);
}

/* Whether a pair is valid in CNI_ARGS and would be read back unchanged. */
static bool is_pair(const cJSON *key, const cJSON *value)
{
	return cJSON_IsString(key) && cJSON_IsString(value) && *key->valuestring &&
	       strpbrk(key->valuestring, "=;") == NULL && strchr(value->valuestring, ';') == NULL;
}

/* The reverse. Return: NULL out of memory, or when a pair is not valid. */
static char *args_from_json(const cJSON *list)
{
	cleanup_free char *args = NULL;
	const char *separator = "";
	bool whole = true;
	const cJSON *pair;
	size_t size;
	FILE *out = open_memstream(&args, &size);

	if (out == NULL)
		return NULL;
	cJSON_ArrayForEach (pair, list) {
		const cJSON *key = cJSON_GetArrayItem(pair, 0);
		const cJSON *value = cJSON_GetArrayItem(pair, 1);

		whole = whole && is_pair(key, value);
		if (!whole)
			break;
		fprintf(out, "%s%s=%s", separator, key->valuestring, value->valuestring);
		separator = ";";
	}
	return fclose(out) == 0 && whole ? take_ptr(args) : NULL;
}

static int cache_add_item(cJSON *object, const char *key, cJSON *item)
{
	if (item != NULL && cJSON_AddItemToObject(object, key, item))
		return 0;
	cJSON_Delete(item);
	return -1;
}

static cJSON *make_entry(const struct cache_content *content, struct cni_error *err)
{
	const struct attachment_parameters *a = content->parameters;
	cleanup_json cJSON *entry = cJSON_CreateObject();

	if (content->config == NULL || cJSON_AddStringToObject(entry, "kind", KIND) == NULL ||
	    cJSON_AddStringToObject(entry, "containerId", a->key.container_id) == NULL ||
	    cJSON_AddStringToObject(entry, "config", content->config) == NULL ||
	    cJSON_AddStringToObject(entry, "ifName", a->key.ifname) == NULL ||
	    cJSON_AddStringToObject(entry, "networkName", a->key.network) == NULL ||
	    (a->netns != NULL && cJSON_AddStringToObject(entry, "netns", a->netns) == NULL) ||
	    (content->ns != NULL && cached_netns_note(content->ns, entry, err) < 0) ||
	    (a->runtime_dir != NULL &&
	     cJSON_AddStringToObject(entry, RUNTIME_DIR, a->runtime_dir) == NULL) ||
	    (a->args != NULL && *a->args != '\0' &&
	     cache_add_item(entry, "cniArgs", args_to_json(a->args)) < 0) ||
	    (cJSON_GetArraySize(a->capabilities) > 0 &&
	     cache_add_item(entry, "capabilityArgs", json_copy(a->capabilities)) < 0) ||
	    (content->result != NULL &&
	     cache_add_item(entry, "result", json_copy(content->result)) < 0) ||
	    (content->exact != NULL &&
	     cache_add_item(entry, EXACT_RESULT, json_copy(content->exact)) < 0))
		return NULL;
	return take_ptr(entry);
}

int cache_write(const struct cache *cache, const struct cache_content *content, bool replace,
		struct cni_error *err)
{
	cleanup_json cJSON *entry = make_entry(content, err);
	cleanup_free char *text = entry != NULL ? cJSON_PrintUnformatted(entry) : NULL;
	char name[NAME_BYTES];
	int written;

	if (text == NULL)
		return cni_error_nomem(err);
	if (entry_name(&content->parameters->key, name, err) < 0)
		return -1;
	written = state_write_file(cache->fd, name, text, replace, err);
	return written < 0 ? cni_error_wrap(err, "the result cache %s", cache->dir) : written;
}

static const char *string_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(json_get(object, key));
}

static void cache_decode(cJSON *json, struct cache_entry *entry)
{
	const cJSON *exact = json_get(json, EXACT_RESULT);
	const cJSON *result = cJSON_IsObject(exact) ? exact : json_get(json, "result");

	*entry = (struct cache_entry){
		.json = json,
		.kind = string_of(json, "kind"),
		.key = {.network = string_of(json, "networkName"),
			.container_id = string_of(json, "containerId"),
			.ifname = string_of(json, "ifName")},
		.netns = result_cached_netns(json),
		.identity = cached_netns_identity(json),
		.result = cJSON_IsObject(result) ? result : NULL,
		.config = string_of(json, "config"),
	};
}

bool cache_entry_is_known(const struct cache_entry *entry)
{
	return entry->kind != NULL && strcmp(entry->kind, KIND) == 0;
}

const char *cache_entry_arg(const struct cache_entry *entry, const char *key)
{
	const char *value = NULL;
	const cJSON *pair;

	cJSON_ArrayForEach (pair, json_get(entry->json, "cniArgs")) {
		const char *k = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0));
		const char *v = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1));

		if (k != NULL && v != NULL && strcmp(k, key) == 0)
			value = v;
	}
	return value;
}

const cJSON *cache_entry_capability(const struct cache_entry *entry, const char *capability)
{
	return json_get(json_get(entry->json, "capabilityArgs"), capability);
}

static char *copy_of(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

int cache_entry_parameters(const struct cache_entry *entry, struct attachment_parameters *a,
			   struct cni_error *err)
{
	const cJSON *args = json_get(entry->json, "cniArgs");
	const cJSON *capabilities = json_get(entry->json, "capabilityArgs");
	const char *runtime_dir = string_of(entry->json, RUNTIME_DIR);

	errno = 0; /* tells a copy that failed for want of memory from a member that is absent */
	*a = (struct attachment_parameters){
		.key = {.network = copy_of(entry->key.network),
			.container_id = copy_of(entry->key.container_id),
			.ifname = copy_of(entry->key.ifname)},
		.netns = copy_of(entry->netns),
		.args = cJSON_IsArray(args) ? args_from_json(args) : NULL,
		.capabilities =
			cJSON_IsObject(capabilities) ? cJSON_Duplicate(capabilities, true) : NULL,
		.runtime_dir =
			runtime_dir != NULL && *runtime_dir == '/' ? strdup(runtime_dir) : NULL,
	};
	if (errno != ENOMEM)
		return 0;
	attachment_parameters_free(a);
	return cni_error_nomem(err);
}

/* Read a file of our own. Return: as cache_read_file(). */
static int cache_read_own(const struct cache *cache, const char *file, cJSON **json,
			  struct cni_error *err)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX + NAME_BYTES];
	const int present = state_read_file(cache->fd, file, &text, err);

	if (present < 0)
		return cni_error_wrap(err, "the result cache %s", cache->dir);
	if (present == 0)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", cache->dir, file);
	return json_parse(text, strlen(text), path, json, err) < 0 ? -1 : 1;
}

/* Read a file of our own or of root's. Return: as cache_read_file(). */
static int cache_read_foreign(const struct cache *cache, const char *file, cJSON **json,
			      struct cni_error *err)
{
	cleanup_close int fd =
		openat(cache->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cleanup_free char *text = NULL;
	struct stat st;
	char what[300];
	size_t len;

	snprintf(what, sizeof(what), "the cached result %.250s", file);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open %s", what);
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
	    st.st_size > FOREIGN_MAX_BYTES)
		return cni_error(err, CNI_ERR_IO,
				 "%s is not a file of root's or ours of up to a megabyte", what);
	text = state_read_whole(fd, (size_t)st.st_size, &len);
	if (text == NULL)
		return cni_error_errno(err, CNI_ERR_IO, "cannot read %s", what);
	return json_parse(text, len, what, json, err) < 0 ? -1 : 1;
}

int cache_read_file(const struct cache *cache, const char *file, struct cache_entry *entry,
		    struct cni_error *err)
{
	cJSON *json = NULL;
	int present;

	if (cache->fd < 0)
		return 0;
	present = cache->reader != NULL ? cache_read_own(cache, file, &json, err)
					: cache_read_foreign(cache, file, &json, err);
	if (present > 0)
		cache_decode(json, entry);
	return present;
}

/* Read an entry, and check that it has the form that a reader needs. Return: 1, 0 none, -1. */
static int read_entry(const struct cache *cache, const char *file, struct cache_entry *entry,
		      struct cni_error *err)
{
	const int present = cache_read_file(cache, file, entry, err);

	if (present <= 0)
		return present;
	if (!cache_entry_is_known(entry))
		return cni_error(err, CNI_ERR_DECODE,
				 "%s/%s is of kind \"%.30s\", and %s knows " KIND " only",
				 cache->dir, file, entry->kind ?: "", cache->reader);
	/* Whoever looks for a network compares networkName himself. */
	if (entry->key.container_id == NULL || entry->key.ifname == NULL ||
	    !cni_valid_container_id(entry->key.container_id) ||
	    !cni_valid_ifname(entry->key.ifname))
		return cni_error(
			err, CNI_ERR_DECODE,
			"%s/%s does not say which attachment it is of (containerId, ifName)",
			cache->dir, file);
	return 1;
}

int cache_read(const struct cache *cache, const struct attachment *key, struct cache_entry *entry,
	       struct cni_error *err)
{
	cleanup_cache_entry struct cache_entry e = {0};
	char name[NAME_BYTES];
	int present;

	if (entry_name(key, name, err) < 0)
		return -1;
	present = read_entry(cache, name, &e, err);
	if (present <= 0)
		return present;
	if (e.key.network == NULL || attachment_compare(&e.key, key) != 0)
		return cni_error(err, CNI_ERR_CONTAINER,
				 "%.300s/%.200s is of another attachment (network %.60s, "
				 "container %.60s, interface %.15s)",
				 cache->dir, name, e.key.network ?: "?", e.key.container_id,
				 e.key.ifname);
	*entry = e;
	e = (struct cache_entry){0};
	return 1;
}

int cache_remove(const struct cache *cache, const struct attachment *key, struct cni_error *err)
{
	cleanup_cache_entry struct cache_entry entry = {0};
	struct cni_error unreadable = {0};
	char name[NAME_BYTES];

	if (cache->fd < 0)
		return 0;
	if (entry_name(key, name, err) < 0)
		return -1;
	if (cache_read(cache, key, &entry, &unreadable) < 0 && unreadable.code == CNI_ERR_CONTAINER)
		return 0;
	if (state_unlink_file(cache->fd, name) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot remove %s/%s", cache->dir, name);
	return 0;
}

struct cache_listing {
	const struct cache *cache;
	const char *network;
	int (*fn)(const struct cache_entry *entry, void *arg, struct cni_error *err);
	void *arg;
};

static int take_entry(const char *file, void *arg, struct cni_error *err)
{
	const struct cache_listing *l = arg;
	cleanup_cache_entry struct cache_entry entry = {0};
	struct cni_error mine;
	int present;

	if (file[0] == '.')
		return 0;
	present = read_entry(l->cache, file, &entry, &mine);
	/* A damaged entry belongs to no attachment; one that cannot be read may belong to any. */
	if (present < 0 && mine.code != CNI_ERR_DECODE) {
		*err = mine;
		return -1;
	}
	if (present <= 0 || entry.key.network == NULL || strcmp(entry.key.network, l->network) != 0)
		return 0;
	return l->fn(&entry, l->arg, err);
}

int cache_each(const struct cache *cache, const char *network,
	       int (*fn)(const struct cache_entry *entry, void *arg, struct cni_error *err),
	       void *arg, struct cni_error *err)
{
	struct cache_listing listing = {cache, network, fn, arg};
	char failure[PATH_MAX + 40];

	if (cache->fd < 0)
		return 0;
	snprintf(failure, sizeof(failure), "cannot read the result cache %s", cache->dir);
	return state_each_name(cache->fd, failure, take_entry, &listing, err);
}
