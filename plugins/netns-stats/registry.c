/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry: records below <stateDir>/netns-stats/<network>/, results below
 * <cni cache>/results/.
 *
 * A damaged file costs its own attachment and a line on standard error, never the whole table.
 *
 * Watching is one inotify descriptor on three kinds of directory: netns-stats (networks come and
 * go), each network (records do), results. An event names the file, and only that file is read
 * anew, so a thousand containers that start cost a thousand reads and not a thousand times a
 * thousand. Records are renamed into place, so they are seen whole; libcni writes its results in
 * place, so they are read when they are closed. Where a directory is not there yet, its nearest
 * ancestor is watched instead, and everything is read anew when something changes there; the same
 * when the kernel's queue has overflowed. Watches are set before the directories are read: what
 * happens in between is seen twice, never missed.
 */
#include "registry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "cache.h"
#include "cleanup.h"
#include "conf.h"
#include "record.h"
#include "state.h"
#include "text.h"

#define WATCH_CHANGES                                                                            \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_DELETE_SELF | \
	 IN_MOVE_SELF | IN_ONLYDIR)

enum watch_kind {
	WATCH_ANCESTOR, /* of a directory that is not there yet */
	WATCH_PLUGIN,
	WATCH_NETWORK,
	WATCH_RESULTS,
};

struct watch {
	int wd;
	enum watch_kind kind;
	/* WATCH_NETWORK: the network; WATCH_ANCESTOR: the name that it waits for, "" for any */
	char name[NAME_MAX + 1];
};

static void registry_complain(struct registry *r, const struct cni_error *err)
{
	if (r->complaints == NULL)
		return;
	text_add(r->complaints, err->msg);
	text_add(r->complaints, "\n");
}

/* The place of an attachment in the order. Return: whether it is there already. */
static bool position(const struct registry *r, const struct registry_entry *a, size_t *at)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = registry_entry_compare(&r->all[middle], a);

		if (!order) {
			*at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return false;
}

static int insert(struct registry *r, struct registry_entry *a, struct cni_error *err)
{
	size_t at;

	r->generation++;
	if (position(r, a, &at)) {
		registry_entry_free(&r->all[at]);
	} else {
		if (!array_reserve(r->all, r->size, r->n, 1))
			return cni_error_nomem(err);
		memmove(&r->all[at + 1], &r->all[at], (r->n - at) * sizeof(*r->all));
		r->n++;
	}
	r->all[at] = *a;
	*a = (struct registry_entry){0};
	return 0;
}

static void remove_at(struct registry *r, size_t i)
{
	r->generation++;
	registry_entry_free(&r->all[i]);
	memmove(&r->all[i], &r->all[i + 1], (r->n - i - 1) * sizeof(*r->all));
	r->n--;
}

static void forget_record(struct registry *r, const struct attachment *key)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct registry_entry *a = &r->all[i];

		if (a->source == SOURCE_RECORD && attachment_compare(&a->key, key) == 0) {
			remove_at(r, i);
			return;
		}
	}
}

static void forget_result(struct registry *r, const char *file)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->all[i].file != NULL && strcmp(r->all[i].file, file) == 0) {
			remove_at(r, i);
			return;
		}
	}
}

struct network {
	struct registry *r;
	struct state *state;
};

/* Take in one record, as it is now. Only a lack of memory is an error. */
static int load_record(const struct attachment *key, void *arg, struct cni_error *err)
{
	const struct network *net = arg;
	cleanup_registry_entry struct registry_entry a = {0};
	cleanup_json cJSON *record = NULL;
	int ret;

	ret = state_read(net->state, key, &record, err);
	if (ret > 0)
		ret = registry_entry_from_record(record, key, &a, err);
	else if (ret == 0)
		return 0; /* gone since it was listed */
	if (ret) {
		registry_complain(net->r, err);
		return 0;
	}
	return insert(net->r, &a, err);
}

static int open_network(const struct registry *r, const char *name, struct state *state,
			struct cni_error *err)
{
	return state_open(r->options.state_dir, PLUGIN_NAME, name, false, state, err);
}

static int load_network(struct registry *r, const char *name, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct network net = {r, &state};

	if (open_network(r, name, &state, err) < 0) {
		registry_complain(r, err);
		return 0;
	}
	return state_each(&state, load_record, &net, err);
}

/* Where libcni's cache is, or will be. */
static void results_path(const struct registry *r, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/results",
		 r->options.cni_cache != NULL ? r->options.cni_cache : DEFAULT_CNI_CACHE);
}

static int open_results(const struct registry *r, struct cache *cache, struct cni_error *err)
{
	*cache = CACHE_NONE;
	results_path(r, cache->dir);
	cache->fd = open(cache->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Who may read the names alone has nothing from them. */
	if (cache->fd < 0 || faccessat(cache->fd, ".", X_OK, AT_EACCESS) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open libcni's result cache %s",
				       cache->dir);
	return 0;
}

static int load_result(struct registry *r, const struct cache *cache, const char *file,
		       struct cni_error *err)
{
	cleanup_registry_entry struct registry_entry a = {0};
	cleanup_cache_entry struct cache_entry cached = {0};
	struct stat st;

	if (file[0] == '.')
		return 0;
	if (cache_read_file(cache, file, &cached, err) < 0 ||
	    registry_entry_from_cache(&cached, file, &a, err) < 0) {
		/* If it was deleted meanwhile, there is nothing to complain about. */
		if (fstatat(cache->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
			registry_complain(r, err);
		return 0;
	}
	return insert(r, &a, err);
}

static int add_watch(struct registry *r, enum watch_kind kind, const char *path, const char *name,
		     struct cni_error *err)
{
	const int wd = inotify_add_watch(r->inotify, path, WATCH_CHANGES);
	struct watch *new;

	if (wd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot watch %s", path);
	for (size_t i = 0; i < r->n_watches; i++) {
		if (r->watches[i].wd != wd)
			continue;
		/* This is an ancestor of two directories that are awaited, so it waits for any
		 * name. */
		if (kind == WATCH_ANCESTOR) {
			r->watches[i].name[0] = '\0';
		}
		return 0;
	}
	if (!array_reserve(r->watches, r->watches_size, r->n_watches, 1))
		return cni_error_nomem(err);
	new = &r->watches[r->n_watches];
	*new = (struct watch){.wd = wd, .kind = kind};
	snprintf(new->name, sizeof(new->name), "%s", name != NULL ? name : "");
	r->n_watches++;
	return 0;
}

/* Watch the directory, or the nearest one above it that is there. *awaited: where in @path the name
 * begins that has to appear in the watched directory. Return: 1 if the directory itself is watched,
 * 0 if one above it is, or -1. */
static int watch_nearest(struct registry *r, enum watch_kind kind, const char *path,
			 size_t *awaited, struct cni_error *err)
{
	const char *name = NULL;
	char up[PATH_MAX];
	char *slash;

	snprintf(up, sizeof(up), "%s", path);
	while (add_watch(r, name != NULL ? WATCH_ANCESTOR : kind, up, name, err) < 0) {
		slash = strrchr(up, '/');
		if ((errno != ENOENT && errno != EACCES) || slash == NULL || slash == up)
			return -1;
		*slash = '\0';
		name = slash + 1;
	}
	*awaited = name != NULL ? (size_t)(name - up) : 0;
	return name == NULL;
}

/* The awaited directory may have appeared just before its parent was watched; then try again. */
static int watch_path(struct registry *r, enum watch_kind kind, const char *path,
		      struct cni_error *err)
{
	for (;;) {
		char child[PATH_MAX];
		size_t awaited, len;
		int ret = watch_nearest(r, kind, path, &awaited, err);

		if (ret)
			return ret < 0 ? -1 : 0;
		len = awaited + strcspn(path + awaited, "/");
		snprintf(child, sizeof(child), "%.*s", (int)len, path);
		if (access(child, R_OK) < 0)
			return 0;
	}
}

/* A directory that is listed: of networks, or of cached results. */
struct listing {
	struct registry *r;
	int fd;
	const struct cache *cache;
};

static int registry_take_network(const char *name, void *arg, struct cni_error *err)
{
	const struct listing *l = arg;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", l->fd, name);
	if (l->r->inotify >= 0 && add_watch(l->r, WATCH_NETWORK, path, name, err) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return -1;
		return 0;
	}
	return load_network(l->r, name, err);
}

static int registry_take_result(const char *name, void *arg, struct cni_error *err)
{
	const struct listing *l = arg;

	return load_result(l->r, l->cache, name, err);
}

static int load_records(struct registry *r, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct listing listing = {.r = r};
	char path[PATH_MAX];

	if (open_network(r, NULL, &state, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/" PLUGIN_NAME, state.root);
	if (r->inotify >= 0) {
		if (watch_path(r, WATCH_PLUGIN, path, err) < 0)
			return -1;
		/* It was opened before it was watched, and may have been missing then. */
		state_close(&state);
		if (open_network(r, NULL, &state, err) < 0)
			return -1;
	}
	listing.fd = state.plugin_fd;
	return state_each_network(&state, registry_take_network, &listing, err);
}

static int load_results(struct registry *r, struct cni_error *err)
{
	cleanup_cache struct cache cache = CACHE_NONE;
	char path[PATH_MAX];
	char failure[PATH_MAX + 40];

	results_path(r, path);
	if (r->inotify >= 0 && watch_path(r, WATCH_RESULTS, path, err) < 0)
		return -1;
	/* It is not an error if nobody asked for it, or if it is awaited. */
	if (open_results(r, &cache, err) < 0)
		return r->options.cni_cache == NULL || (r->inotify >= 0 && errno == ENOENT) ? 0
											    : -1;
	snprintf(failure, sizeof(failure), "cannot list libcni's result cache %s", path);
	return state_each_name(cache.fd, failure, registry_take_result,
			       &(struct listing){.r = r, .cache = &cache}, err);
}

static void forget_all(struct registry *r)
{
	for (size_t i = 0; i < r->n; i++)
		registry_entry_free(&r->all[i]);
	r->n = 0;
	for (size_t i = 0; i < r->n_watches; i++) {
		inotify_rm_watch(r->inotify, r->watches[i].wd);
	}
	r->n_watches = 0;
	r->generation++;
}

static int load_all(struct registry *r, struct cni_error *err)
{
	if (load_records(r, err) != 0)
		return -1;
	return load_results(r, err);
}

int registry_load(struct registry *r, const struct registry_options *options,
		  struct text *complaints, struct cni_error *err)
{
	*r = REGISTRY_NONE;
	r->options = *options;
	r->complaints = complaints;
	return load_all(r, err);
}

int registry_watch(struct registry *r, const struct registry_options *options,
		   struct text *complaints, struct cni_error *err)
{
	*r = REGISTRY_NONE;
	r->options = *options;
	r->complaints = complaints;
	r->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->inotify < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot watch for attachments");
	return load_all(r, err);
}

void registry_free(struct registry *r)
{
	forget_all(r);
	cleanup_close_(&r->inotify);
	free(r->all);
	free(r->watches);
	*r = REGISTRY_NONE;
}

/* One record has changed: read it again, or forget it. */
static int record_changed(struct registry *r, const char *network, const char *file,
			  struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	struct network net = {r, &state};
	char name[NAME_MAX + 1];
	struct attachment key;

	snprintf(name, sizeof(name), "%s", file);
	if (!state_parse_name(network, name, &key))
		return 0;
	forget_record(r, &key);
	if (open_network(r, network, &state, err) < 0)
		return 0;
	return load_record(&key, &net, err);
}

static int result_changed(struct registry *r, const char *file, struct cni_error *err)
{
	cleanup_cache struct cache cache = CACHE_NONE;

	forget_result(r, file);
	return open_results(r, &cache, err) < 0 ? 0 : load_result(r, &cache, file, err);
}

/* Return: 1 if everything has to be read anew, 0 if the event has been dealt with, or -1. */
static int take_event(struct registry *r, const struct inotify_event *e, struct cni_error *err)
{
	const struct watch *w = NULL;

	if (e->mask & IN_Q_OVERFLOW)
		return 1;
	for (size_t i = 0; i < r->n_watches; i++)
		if (r->watches[i].wd == e->wd)
			w = &r->watches[i];
	if (w == NULL || (e->mask & IN_IGNORED))
		return 0;
	if (!e->len || w->kind == WATCH_PLUGIN)
		return 1;
	if (w->kind == WATCH_ANCESTOR)
		return !w->name[0] || strcmp(w->name, e->name) == 0;
	/* A record gets its name when it is whole; any other new file is read when it is closed. */
	if (e->mask & IN_CREATE && w->kind != WATCH_NETWORK)
		return 0;
	if (w->kind == WATCH_NETWORK)
		return record_changed(r, w->name, e->name, err);
	return result_changed(r, e->name, err);
}

int registry_update(struct registry *r, struct cni_error *err)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool all = false;

	for (;;) {
		const ssize_t len = read(r->inotify, buf, sizeof(buf));
		const struct inotify_event *e;

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			break;
		for (ssize_t at = 0; at < len; at += (ssize_t)(sizeof(*e) + e->len)) {
			int ret;

			e = (const void *)(buf + at);
			ret = all ? 0 : take_event(r, e, err);
			if (ret < 0)
				return -1;
			all |= ret > 0;
		}
	}
	if (!all)
		return 0;
	forget_all(r);
	return load_all(r, err);
}

size_t registry_container_end(const struct registry *r, size_t i)
{
	const size_t first = i;

	while (i < r->n && registry_same_container(&r->all[first], &r->all[i]))
		i++;
	return i;
}

int registry_find(const struct registry *r, const char *prefix, size_t *first, size_t *n,
		  struct cni_error *err)
{
	const size_t len = strlen(prefix);
	size_t begin = 0, end;

	while (begin < r->n && strncmp(r->all[begin].key.container_id, prefix, len) < 0)
		begin++;
	if (begin == r->n || strncmp(r->all[begin].key.container_id, prefix, len) != 0)
		return cni_error(err, CNI_ERR_CONTAINER,
				 "no container with an id that begins with \"%.80s\"; "
				 "`netns-stats show` lists them all",
				 prefix);
	/* In the order of strcmp(), an id comes before all ids of which it is a prefix. */
	end = begin;
	while (end < r->n &&
	       strcmp(r->all[end].key.container_id, r->all[begin].key.container_id) == 0)
		end++;
	if (end < r->n && strncmp(r->all[end].key.container_id, prefix, len) == 0 &&
	    strcmp(r->all[begin].key.container_id, prefix) != 0)
		return cni_error(err, CNI_ERR_CONFIG,
				 "several containers have ids that begin with \"%.80s\" (%.80s, "
				 "%.80s); give more of it",
				 prefix, r->all[begin].key.container_id,
				 r->all[end].key.container_id);
	*first = begin;
	*n = end - begin;
	return 0;
}

void registry_source_free(struct registry_source *source)
{
	cJSON_Delete(source->json);
	*source = (struct registry_source){0};
}

int registry_read(const struct registry *r, const struct registry_entry *a,
		  struct registry_source *source, struct cni_error *err)
{
	cleanup_state struct state state = STATE_NONE;
	cleanup_cache struct cache cache = CACHE_NONE;
	struct cache_entry cached = {0};
	int ret;

	*source = (struct registry_source){0};
	if (a->source == SOURCE_CACHE) {
		if (open_results(r, &cache, err) < 0 ||
		    cache_read_file(&cache, a->file, &cached, err) < 0)
			return -1;
		*source = (struct registry_source){
			.json = cached.json,
			.result = cached.result,
			.ports = cache_entry_capability(&cached, "portMappings"),
		};
		return 0;
	}
	if (open_network(r, a->key.network, &state, err) < 0)
		return -1;
	ret = state_read(&state, &a->key, &source->json, err);
	if (ret == 0)
		return cni_error(err, CNI_ERR_CONTAINER, "the container %s has just been removed",
				 a->key.container_id);
	if (ret < 0)
		return -1;
	source->result = stats_record_result(source->json);
	source->ports = stats_record_ports(source->json);
	return 0;
}
