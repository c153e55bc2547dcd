/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cnirun's result cache: where it is, whether it can be trusted, and its lock.
 *
 * GC and ADD must not overlap (spec, section 3, "Lifecycle & Ordering"): ADD and DEL hold a shared
 * flock(2), GC an exclusive one. Nobody waits for it: GC can be called again. The lock is on a file
 * of its own. To lock the directory would save that file, but whoever may open something may lock
 * it: if an administrator lets others read the cache, they could stop us for good. libcni reads the
 * file, finds that it is not an entry, and goes on.
 */
#include "results.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "state.h"
#include "trust.h"

#define LOCK_FILE ".cnirun.lock"
#define LOCK_MODE 0600
#define SYSTEM_CACHE "/var/lib/cni"

static int default_dir(char out[PATH_MAX], struct cni_error *err)
{
	const char *variable = getenv("CNI_CACHE_DIR");
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");

	if (variable != NULL && *variable) {
		snprintf(out, PATH_MAX, "%s", variable);
	} else if (geteuid() == 0 && state_in_initial_userns()) {
		snprintf(out, PATH_MAX, SYSTEM_CACHE);
	} else if (runtime_dir != NULL && *runtime_dir == '/') {
		snprintf(out, PATH_MAX, "%s/cni", runtime_dir);
	} else if (runtime_dir != NULL && *runtime_dir) {
		return cni_error(err, CNI_ERR_CONFIG,
				 "XDG_RUNTIME_DIR is \"%.60s\", but must be an absolute path",
				 runtime_dir);
	} else {
		return cni_error(err, CNI_ERR_CONFIG,
				 "no place for the result cache: XDG_RUNTIME_DIR is not set, and "
				 "/run/user/%u is not ours; set XDG_RUNTIME_DIR to a directory "
				 "that only you can use",
				 geteuid());
	}
	return 0;
}

/*
 * As mkdir -p does, though two components at most are missing usually. If a component may not be
 * made, it may be there all the same; if it is not, that refusal is the error, not the ENOENT of
 * the component after it.
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

static int lock(struct cache *cache, enum results_use use, struct cni_error *err)
{
	struct stat st;

	cache->lock_fd = open_lock(cache);
	/*
	 * A full disk must not keep a del from making room. If anybody were at work on this cache,
	 * the file would be there, so nobody is.
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
	if (flock(cache->lock_fd, (use == RESULTS_GC ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return cni_error_errno(err, CNI_ERR_IO, "cannot lock %s/" LOCK_FILE, cache->dir);
	return cni_error(err, CNI_ERR_AGAIN, "%s is at work on the result cache %s; try again",
			 use == RESULTS_GC ? "an add or a del" : "a gc", cache->dir);
}

int results_open(const char *dir, enum results_use use, struct cache *cache, struct cni_error *err)
{
	cleanup_cache struct cache c = CACHE_NONE;
	char base[PATH_MAX];

	*cache = CACHE_NONE;
	if (dir != NULL)
		snprintf(base, sizeof(base), "%s", dir);
	else if (default_dir(base, err) < 0)
		return -1;
	if ((size_t)snprintf(c.dir, sizeof(c.dir), "%s/results", base) >= sizeof(c.dir))
		return cni_error(err, CNI_ERR_CONFIG, "the path of the result cache is too long");
	if (use == RESULTS_CHANGE && make_dirs(c.dir) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make the result cache %s", c.dir);
	c.fd = open(c.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.fd < 0 && (errno != ENOENT || use == RESULTS_CHANGE))
		return cni_error_errno(err, CNI_ERR_IO, "cannot open the result cache %s", c.dir);
	if (c.fd >= 0 &&
	    (check_dir(&c, err) < 0 || (use != RESULTS_READ && lock(&c, use, err) < 0)))
		return -1;
	c.reader = "cnirun";
	*cache = c;
	c = CACHE_NONE;
	return 0;
}
