// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The result cache.
 *
 * An entry is written twice: before the first plugin's ADD without a result, and after the last
 * one's with it. A cnirun that is killed in between leaves an entry that DEL and GC can work with,
 * and an ADD of an attachment that exists is refused before it can harm the one that is there.
 * libcni writes its entries only after ADD; it takes ours of either kind.
 *
 * Which version the result is in: libcni before 1.2 knows no cniVersions, and refuses to DEL at a
 * result that is newer than it is. A list that says cniVersion 1.0.0 and offers 1.1.0 is such a
 * case. The result as libcni looks for it is therefore in the version of cniVersion, which whoever
 * uses the list must know. That version may have no place for what a plugin said, and CHECK and DEL
 * are owed all of it, so the result as it came is beside it. (The other way, to choose what
 * cniVersion says in the first place, would cost every list that is for all runtimes STATUS and
 * GC.)
 *
 * What is in a file is checked against what was looked for: names are joined by '-', which they may
 * contain, so two attachments can have one file name.
 *
 * Two members of an entry are not libcni's, which passes them over: what proves the namespace (see
 * cached.h), and "runtimeDir", the XDG_RUNTIME_DIR of ADD's plugins. Plugins keep their state below
 * it; a DEL that looked elsewhere would find nothing, succeed, and with the entry the last trace of
 * a daemon would be gone.
 *
 * GC and ADD must not overlap (spec, section 3, "Lifecycle & Ordering"): ADD and DEL hold a shared
 * flock(2), GC an exclusive one. Nobody waits for it: GC can be called again. The lock is on a file
 * of its own. The directory would do without, but whoever may open something may lock it, and
 * where an administrator lets others read the cache they could stop us for good. libcni reads the
 * file, finds that it is not an entry, and goes on.
 */
#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "encoding.h"
#include "result.h"
#include "state.h"
#include "trust.h"

#define KIND "cniCacheV1"
#define EXACT_RESULT "exactResult" /* where "result" is in another version; libcni ignores it */
#define RUNTIME_DIR "runtimeDir"
#define LOCK_FILE ".cnirun.lock"
#define LOCK_MODE 0600
#define SYSTEM_CACHE "/var/lib/cni"
#define NAME_BYTES 512

void cache_entry_free(struct cache_entry *entry)
{
	attachment_parameters_free(&entry->attachment);
	cJSON_Delete(entry->result);
	free(entry->conf);
	*entry = (struct cache_entry){0};
}

void cache_close(struct cache *cache)
{
	cleanup_close_(&cache->fd);
	cleanup_close_(&cache->lock_fd);
	*cache = CACHE_NONE;
}

static int default_dir(char out[PATH_MAX], struct cni_error *err)
{
	const char *variable = getenv("CNI_CACHE_DIR");
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");

	if (variable && *variable) {
		snprintf(out, PATH_MAX, "%s", variable);
	} else if (geteuid() == 0 && state_in_initial_userns()) {
		snprintf(out, PATH_MAX, SYSTEM_CACHE);
	} else if (runtime_dir && *runtime_dir == '/') {
		snprintf(out, PATH_MAX, "%s/cni", runtime_dir);
	} else if (runtime_dir && *runtime_dir) {
		return cni_error(err, CNI_ERR_CONFIG,
				 "XDG_RUNTIME_DIR is \"%.60s\", but must be an absolute path",
				 runtime_dir);
	} else {
		return cni_error(err, CNI_ERR_CONFIG,
				 "no place for the result cache: XDG_RUNTIME_DIR is not set, and "
				 "/run/user/%u is not ours; set it to a directory of yours alone",
				 geteuid());
	}
	return 0;
}

/*
 * mkdir -p, for the two components that are ours to make. A directory on the way that we may not
 * make may be there all the same; where it is not, the refusal is the reason, not what comes of it.
 */
static int make_dirs(const char *dir)
{
	char path[PATH_MAX];
	char *end = path;
	int refusal = 0;

	snprintf(path, sizeof(path), "%s", dir);
	do {
		char rest;

		end = strchrnul(end + 1, '/');
		rest = *end;
		*end = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST) {
			if (errno == ENOENT && refusal)
				errno = refusal;
			if (rest == '\0' || (errno != EROFS && errno != EACCES))
				return -1;
			refusal = errno;
		}
		*end = rest;
	} while (*end);
	return 0;
}

static int check_dir(const struct cache *cache, struct cni_error *err)
{
	struct stat st;

	if (fstat(cache->fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot examine the result cache %s",
				       cache->dir);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return cni_error(err, CNI_ERR_IO,
				 "the result cache %s must be ours, and writable by nobody else; "
				 "it is user %u's, mode %03o",
				 cache->dir, st.st_uid, st.st_mode & 0777);
	/* The lists in it are executed by del and gc. */
	if (trust_check(cache->dir, err) < 0)
		return cni_error_wrap(err, "the result cache %s cannot be trusted", cache->dir);
	return 0;
}

/* Return: a descriptor of the file to lock, or -1 with errno. */
static int open_lock(const struct cache *cache)
{
	return openat(cache->fd, LOCK_FILE,
		      O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		      LOCK_MODE);
}

static int lock(struct cache *cache, enum cache_use use, struct cni_error *err)
{
	struct stat st;

	cache->lock_fd = open_lock(cache);
	/*
	 * A full disk must not keep a del from making room. Who works on this cache now has made
	 * the file when there was room, so there is nobody.
	 */
	if (cache->lock_fd < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EROFS))
		return 0;
	if (cache->lock_fd < 0 || fstat(cache->lock_fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open %s/" LOCK_FILE, cache->dir);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return cni_error(err, CNI_ERR_IO,
				 "%s/" LOCK_FILE " must be a file that only we can open (mode %03o)"
				 "; remove it",
				 cache->dir, LOCK_MODE);
	if (flock(cache->lock_fd, (use == CACHE_GC ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return cni_error_errno(err, CNI_ERR_IO, "cannot lock %s/" LOCK_FILE, cache->dir);
	return cni_error(err, CNI_ERR_AGAIN, "%s is at work on the result cache %s; try again",
			 use == CACHE_GC ? "an add or a del" : "a gc", cache->dir);
}

int cache_open(const char *dir, enum cache_use use, struct cache *cache, struct cni_error *err)
{
	cleanup_cache struct cache c = CACHE_NONE;
	char base[PATH_MAX];

	*cache = CACHE_NONE;
	if (dir)
		snprintf(base, sizeof(base), "%s", dir);
	else if (default_dir(base, err) < 0)
		return -1;
	if ((size_t)snprintf(c.dir, sizeof(c.dir), "%s/results", base) >= sizeof(c.dir))
		return cni_error(err, CNI_ERR_CONFIG, "the path of the result cache is too long");
	if (use == CACHE_CHANGE && make_dirs(c.dir) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make the result cache %s", c.dir);
	c.fd = open(c.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.fd < 0 && (errno != ENOENT || use == CACHE_CHANGE))
		return cni_error_errno(err, CNI_ERR_IO, "cannot open the result cache %s", c.dir);
	if (c.fd >= 0 && (check_dir(&c, err) < 0 || (use != CACHE_READ && lock(&c, use, err) < 0)))
		return -1;
	*cache = c;
	c = CACHE_NONE;
	return 0;
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

	while (*args) {
		const size_t len = strcspn(args, ";");
		const char *equals = memchr(args, '=', len);
		const size_t key_len = equals ? (size_t)(equals - args) : len;
		cleanup_free char *key = strndup(args, key_len);
		cleanup_free char *value =
			equals ? strndup(equals + 1, len - key_len - 1) : strdup("");
		const char *const pair[] = {key, value};
		cJSON *item = key && value ? cJSON_CreateStringArray(pair, 2) : NULL;

		if (!cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			return NULL;
		}
		args += len;
		args += *args == ';';
	}
	return take_ptr(list);
}

/* Whether a pair is one of CNI_ARGS, and comes out of it as it went in. */
static bool is_pair(const cJSON *key, const cJSON *value)
{
	return cJSON_IsString(key) && cJSON_IsString(value) && *key->valuestring &&
	       !strpbrk(key->valuestring, "=;") && !strchr(value->valuestring, ';');
}

/* The reverse. NULL: out of memory, or not all of it could be. */
static char *args_from_json(const cJSON *list)
{
	cleanup_free char *args = NULL;
	const char *separator = "";
	bool whole = true;
	const cJSON *pair;
	size_t size;
	FILE *out = open_memstream(&args, &size);

	if (!out)
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

static int add(cJSON *object, const char *key, cJSON *item)
{
	if (item && cJSON_AddItemToObject(object, key, item))
		return 0;
	cJSON_Delete(item);
	return -1;
}

/* In the version of cniVersion; NULL where it is in that already, or has no form in it. */
static cJSON *result_for_libcni(const struct network_list *list, const cJSON *result)
{
	cleanup_result struct cni_result parsed = {0};
	const cJSON *single = json_get(list->conf, "cniVersion");
	enum cni_version version;
	struct cni_error ignored;
	cJSON *converted = NULL;

	if (!cJSON_IsString(single) || cni_version_parse(single->valuestring, &version) < 0 ||
	    version == list->version ||
	    result_parse(result, list->version, "the result", &parsed, &ignored) < 0)
		return NULL;
	result_print(&parsed, version, &converted, &ignored);
	return converted;
}

static int add_result(cJSON *entry, const struct network_list *list, const cJSON *result)
{
	cJSON *converted = result_for_libcni(list, result);

	if (!converted)
		return add(entry, "result", json_copy(result));
	if (add(entry, "result", converted) < 0)
		return -1;
	return add(entry, EXACT_RESULT, json_copy(result));
}

static cJSON *make_entry(const struct network_list *list, const struct attachment_parameters *a,
			 const struct netns *ns, const cJSON *result, struct cni_error *err)
{
	cleanup_json cJSON *entry = cJSON_CreateObject();
	cleanup_json cJSON *conf = json_copy(list->conf);
	cleanup_free char *text = conf ? cJSON_PrintUnformatted(conf) : NULL;
	cleanup_free char *encoded = text ? base64_encode(text, strlen(text)) : NULL;

	if (!encoded || !cJSON_AddStringToObject(entry, "kind", KIND) ||
	    !cJSON_AddStringToObject(entry, "containerId", a->key.container_id) ||
	    !cJSON_AddStringToObject(entry, "config", encoded) ||
	    !cJSON_AddStringToObject(entry, "ifName", a->key.ifname) ||
	    !cJSON_AddStringToObject(entry, "networkName", a->key.network) ||
	    (a->netns && !cJSON_AddStringToObject(entry, "netns", a->netns)) ||
	    (ns && cached_netns_note(ns, entry, err) < 0) ||
	    (a->runtime_dir && !cJSON_AddStringToObject(entry, RUNTIME_DIR, a->runtime_dir)) ||
	    (a->args && *a->args && add(entry, "cniArgs", args_to_json(a->args)) < 0) ||
	    (cJSON_GetArraySize(a->capabilities) > 0 &&
	     add(entry, "capabilityArgs", json_copy(a->capabilities)) < 0) ||
	    (result && add_result(entry, list, result) < 0))
		return NULL;
	return take_ptr(entry);
}

int cache_write(const struct cache *cache, const struct network_list *list,
		const struct attachment_parameters *attachment, const struct netns *ns,
		const cJSON *result, bool replace, struct cni_error *err)
{
	cleanup_json cJSON *entry = make_entry(list, attachment, ns, result, err);
	cleanup_free char *text = entry ? cJSON_PrintUnformatted(entry) : NULL;
	char name[NAME_BYTES];
	int written;

	if (!text)
		return cni_error_nomem(err);
	if (entry_name(&attachment->key, name, err) < 0)
		return -1;
	written = state_write_file(cache->fd, name, text, replace, err);
	return written < 0 ? cni_error_wrap(err, "the result cache %s", cache->dir) : written;
}

/* A member that must be a string; NULL when it is none. */
static char *copy_string(const cJSON *object, const char *key)
{
	const cJSON *item = json_get(object, key);

	return cJSON_IsString(item) ? strdup(item->valuestring) : NULL;
}

static int decode(const cJSON *json, const char *path, struct cache_entry *entry,
		  struct cni_error *err)
{
	const cJSON *kind = json_get(json, "kind");
	const cJSON *config = json_get(json, "config");
	const cJSON *args = json_get(json, "cniArgs");
	const cJSON *capabilities = json_get(json, "capabilityArgs");
	const cJSON *exact = json_get(json, EXACT_RESULT);
	const cJSON *result = cJSON_IsObject(exact) ? exact : json_get(json, "result");
	const char *netns = result_cached_netns(json);
	const char *runtime_dir = cJSON_GetStringValue(json_get(json, RUNTIME_DIR));
	struct attachment_parameters *a = &entry->attachment;

	if (!cJSON_IsString(kind) || strcmp(kind->valuestring, KIND) != 0)
		return cni_error(err, CNI_ERR_DECODE,
				 "%s is of kind \"%.30s\", and cnirun knows " KIND " only", path,
				 cJSON_IsString(kind) ? kind->valuestring : "");
	errno = 0; /* a copy that was not made for want of memory is not a member that is not there
		    */
	a->key.network = copy_string(json, "networkName");
	a->key.container_id = copy_string(json, "containerId");
	a->key.ifname = copy_string(json, "ifName");
	a->netns = netns ? strdup(netns) : NULL;
	a->runtime_dir = runtime_dir && *runtime_dir == '/' ? strdup(runtime_dir) : NULL;
	entry->netns = cached_netns_identity(json);
	a->args = cJSON_IsArray(args) ? args_from_json(args) : NULL;
	a->capabilities = cJSON_IsObject(capabilities) ? cJSON_Duplicate(capabilities, true) : NULL;
	entry->result = cJSON_IsObject(result) ? cJSON_Duplicate(result, true) : NULL;
	entry->conf = cJSON_IsString(config) ? base64_decode(config->valuestring, &entry->conf_len)
					     : NULL;
	if (errno == ENOMEM)
		return cni_error_nomem(err);
	if (!a->key.container_id || !a->key.ifname ||
	    !cni_valid_container_id(a->key.container_id) || !cni_valid_ifname(a->key.ifname))
		return cni_error(err, CNI_ERR_DECODE,
				 "%s does not say which attachment it is of (containerId, ifName)",
				 path);
	return 0;
}

/* Return: 1 with @json and @entry, 0 none, -1. */
static int read_entry(const struct cache *cache, const char *name, cJSON **json,
		      struct cache_entry *entry, struct cni_error *err)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX + NAME_BYTES];
	int present;

	if (cache->fd < 0)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", cache->dir, name);
	present = state_read_file(cache->fd, name, &text, err);
	if (present < 0)
		return cni_error_wrap(err, "the result cache %s", cache->dir);
	if (present == 0)
		return 0;
	if (json_parse(text, strlen(text), path, json, err) < 0 ||
	    decode(*json, path, entry, err) < 0)
		return -1;
	return 1;
}

int cache_read(const struct cache *cache, const struct attachment *key, struct cache_entry *entry,
	       struct cni_error *err)
{
	cleanup_cache_entry struct cache_entry e = {0};
	cleanup_json cJSON *json = NULL;
	char name[NAME_BYTES];
	int present;

	if (entry_name(key, name, err) < 0)
		return -1;
	present = read_entry(cache, name, &json, &e, err);
	if (present <= 0)
		return present;
	if (e.attachment.key.network == NULL || attachment_compare(&e.attachment.key, key) != 0)
		return cni_error(err, CNI_ERR_CONTAINER,
				 "%.300s/%.200s is of another attachment (network %.60s, "
				 "container %.60s, interface %.15s)",
				 cache->dir, name, e.attachment.key.network ?: "?",
				 e.attachment.key.container_id, e.attachment.key.ifname);
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
	cleanup_json cJSON *json = NULL;
	struct cni_error mine;
	int present;

	if (file[0] == '.')
		return 0;
	present = read_entry(l->cache, file, &json, &entry, &mine);
	/* What is damaged is nobody's; what cannot be read may be anybody's. */
	if (present < 0 && mine.code != CNI_ERR_DECODE) {
		*err = mine;
		return -1;
	}
	if (present <= 0 || entry.attachment.key.network == NULL ||
	    strcmp(entry.attachment.key.network, l->network) != 0)
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
