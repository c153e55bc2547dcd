/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that other users could have written.
 *
 * A list says which plugins are executed, and a plugin's configuration which daemon: whoever writes
 * one can execute anything as the user who runs cnirun. HOME, XDG_CONFIG_HOME, NETCONFPATH and
 * CNI_PATH are often another user's: sudo -E and su leave them as they were. So a file that is
 * found by searching directories is used only if nobody else could have put it there. A path on the
 * command line is taken as it is, since the caller chose it.
 *
 * The path is resolved component by component, links included: whoever can write to the directory
 * that a link is in decides where it leads. If all components are good, nobody else can change them
 * afterwards, so the file may be opened by its path.
 */
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "state.h"

#define LINKS_MAX 40
#define OVERFLOW_ID                                                                   \
	65534 /* whoever is not mapped in our user namespace, root of the machine too \
	       */
#define TOLD_MAX 32

/* A path that is being resolved. */
struct walk {
	const char *path;
	int fd;
	char shown[PATH_MAX];    /* the path of fd, without links */
	char rest[2 * PATH_MAX]; /* the part that is left */
	int links;
	bool mapped; /* we are in a user namespace, which shows unmapped users as OVERFLOW_ID */
};

static void walk_close(struct walk *walk)
{
	cleanup_close_(&walk->fd);
}

static int trust_too_long(const struct walk *walk, struct cni_error *err)
{
	return cni_error(err, CNI_ERR_IO, "the path %.200s is too long", walk->path);
}

static int cannot_see(const struct walk *walk, const char *name, struct cni_error *err)
{
	return cni_error_errno(err, CNI_ERR_IO, "cannot examine %.200s/%.100s",
			       strcmp(walk->shown, "/") == 0 ? "" : walk->shown, name);
}

/*
 * The group 0 and our own first group are not others: many systems give each user a group of his
 * own, and a umask that lets it write.
 */
static bool others_may_write(const struct stat *st, bool mapped)
{
	if (S_ISLNK(st->st_mode) || (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX))
		return false;
	if (st->st_mode & S_IWOTH)
		return true;
	return st->st_mode & S_IWGRP && st->st_gid != 0 && st->st_gid != getegid() &&
	       (st->st_gid != OVERFLOW_ID || !mapped);
}

static int trust_judge(const char *shown, const struct stat *st, bool mapped, struct cni_error *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid() && (st->st_uid != OVERFLOW_ID || !mapped))
		return cni_error(err, CNI_ERR_CONFIG, "%.300s belongs to user %u", shown,
				 (unsigned int)st->st_uid);
	if (others_may_write(st, mapped))
		return cni_error(err, CNI_ERR_CONFIG, "%.300s is writable by others (mode %03o)",
				 shown, st->st_mode & 07777);
	return 0;
}

static int start_at_root(struct walk *walk, struct cni_error *err)
{
	struct stat st;

	cleanup_close_(&walk->fd);
	strcpy(walk->shown, "/");
	walk->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk->fd < 0 || fstat(walk->fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot examine /");
	return trust_judge("/", &st, walk->mapped, err);
}

/* Follow a link: its text comes before the part that is left. */
static int trust_follow(struct walk *walk, int link, struct cni_error *err)
{
	char target[2 * PATH_MAX];
	const ssize_t n = readlinkat(link, "", target, PATH_MAX);
	const size_t left = strlen(walk->rest);

	if (n < 0)
		return cannot_see(walk, "", err);
	if (++walk->links > LINKS_MAX)
		return cni_error(err, CNI_ERR_IO, "too many symbolic links on the way to %.200s",
				 walk->path);
	if ((size_t)n + 1 + left >= sizeof(walk->rest))
		return trust_too_long(walk, err);
	target[n] = '/';
	memcpy(target + n + 1, walk->rest, left + 1);
	strcpy(walk->rest, target);
	return target[0] == '/' ? start_at_root(walk, err) : 0;
}

/* Remove the last component of a path that has neither links nor dots. */
static void parent_of(char *path)
{
	char *slash = strrchr(path, '/');

	slash[slash == path] = '\0';
}

/* Resolve the next path component: enter it, or follow it if it is a link. */
static int trust_step(struct walk *walk, const char *name, struct cni_error *err)
{
	cleanup_close int next = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char shown[PATH_MAX];
	struct stat st;

	if (next < 0 || fstat(next, &st) < 0)
		return cannot_see(walk, name, err);
	if ((size_t)snprintf(shown, sizeof(shown), "%s/%s",
			     strcmp(walk->shown, "/") == 0 ? "" : walk->shown,
			     name) >= sizeof(shown))
		return trust_too_long(walk, err);
	if (trust_judge(shown, &st, walk->mapped, err) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return trust_follow(walk, next, err);
	if (strcmp(name, "..") == 0)
		parent_of(walk->shown);
	else
		strcpy(walk->shown, shown);
	cleanup_close_(&walk->fd);
	walk->fd = take_fd(&next);
	return 0;
}

int trust_check(const char *path, struct cni_error *err)
{
	struct walk __attribute__((cleanup(walk_close))) walk = {
		.path = path,
		.fd = -1,
		.mapped = !state_in_initial_userns(),
	};
	char cwd[PATH_MAX] = "";

	if (*path != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return cni_error_errno(err, CNI_ERR_IO, "cannot determine the working directory");
	if (strlen(path) >= PATH_MAX ||
	    (size_t)snprintf(walk.rest, sizeof(walk.rest), "%s/%s", cwd, path) >= sizeof(walk.rest))
		return trust_too_long(&walk, err);
	if (start_at_root(&walk, err) < 0)
		return -1;
	while (walk.rest[0] != '\0') {
		char name[NAME_MAX + 1];
		const size_t len = strcspn(walk.rest, "/");

		if (len > NAME_MAX)
			return trust_too_long(&walk, err);
		memcpy(name, walk.rest, len);
		name[len] = '\0';
		memmove(walk.rest, walk.rest + len + (walk.rest[len] == '/'),
			strlen(walk.rest + len + (walk.rest[len] == '/')) + 1);
		if (len > 0 && strcmp(name, ".") != 0 && trust_step(&walk, name, err) < 0)
			return -1;
	}
	return 0;
}

/* Whether a path is the directory that our executable is in, or is in that directory. */
static bool is_beside_us(const char *path)
{
	char self[PATH_MAX], parent[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *slash = strrchr(path, '/');
	struct stat ours, there, above;

	if (n <= 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(parent, sizeof(parent), "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
	return stat(self, &ours) == 0 &&
	       ((stat(path, &there) == 0 && there.st_dev == ours.st_dev &&
		 there.st_ino == ours.st_ino) ||
		(stat(parent, &above) == 0 && above.st_dev == ours.st_dev &&
		 above.st_ino == ours.st_ino));
}

static void tell(const char *what, const char *path, const struct cni_error *why)
{
	static char told[TOLD_MAX][PATH_MAX];
	static size_t n_told;

	for (size_t i = 0; i < n_told; i++) {
		if (strcmp(told[i], path) == 0)
			return;
	}
	if (n_told < TOLD_MAX)
		snprintf(told[n_told++], PATH_MAX, "%s", path);
	fprintf(stderr,
		"cnirun: the %s %.300s is passed over: %s, who could execute anything as user %u "
		"through it; it must belong to root or to that user, and nobody else may write to "
		"it\n",
		what, path, why->msg, (unsigned int)geteuid());
}

bool trust_or_pass_over(const char *what, const char *path)
{
	struct cni_error err = {0};

	/* If it is not there, or cannot be seen, whoever opens it says so. */
	if (trust_check(path, &err) == 0 || err.code != CNI_ERR_CONFIG)
		return true;
	/* Whoever can change that directory can change our executable as well. */
	if (is_beside_us(path))
		return true;
	if (access(path, F_OK) == 0)
		tell(what, path, &err);
	return false;
}
