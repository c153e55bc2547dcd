/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files in a directory that others use, and write to.
 *
 * A file is whole: it is written beside its place, synced, and gets its name by one rename. All
 * files are written before the first rename, so that a full disk is noticed while the old version
 * is untouched. A plugin that runs, or a list that is being read, keeps the file that it opened.
 *
 * Only our own files are replaced and removed. Two designs to know them:
 *
 * - An extended attribute, or a register of names and checksums. The attribute goes with the file,
 *   but not every file system has it. The register is a second file: between its change and that of
 *   the file it is wrong, so it must have the old and the new state, and be locked against readers;
 *   and it needs a hash function.
 * - A store: a directory beside the files, .usernet-cni, with a second name (a hard link) of each
 *   file that is ours. A file is ours if it is the same inode, and no crash can make that wrong:
 * the store has the name now.FILE for the file in place and new.FILE for the one that will replace
 * it, and either makes it ours. Costs: a file system with hard links; and if the directory is
 * copied to another disk, its files are not ours any more (the error says so, and asks for the
 * files to be moved away).
 *
 * The store is used. Steps to replace FILE: write new.FILE; link it to out.FILE; rename out.FILE
 * over FILE; rename new.FILE over now.FILE. If there is no FILE yet, one link makes it, which fails
 * if somebody else was quicker. After a kill between any two steps place_recover() knows from the
 * inodes which steps have been done.
 *
 * No symbolic link is followed: a link in place of a file is somebody else's file.
 */
#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "clock.h"

#define STORE ".usernet-cni"
#define ATTEMPTS 10 /* while another installer removes the store */
#define KEEPS_REMOVING "another installer keeps removing %s/" STORE
#define NOW "now."
#define NEW "new."
#define OUT "out."
#define PREFIX_LEN 4
#define LOCK_LIMIT_MS 10000
#define CHUNK 65536

static void place_close_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}
#define cleanup_dir __attribute__((cleanup(place_close_dir)))

/* Open a stream of a directory's entries, which does not use up the descriptor. */
static DIR *entries_of(int dirfd)
{
	cleanup_close int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir != NULL)
		take_fd(&fd);
	return dir;
}

/* The image's files. */

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

void items_free(struct items *items)
{
	for (size_t i = 0; i < items->n; i++)
		close(items->item[i].fd);
	free(items->item);
	*items = (struct items){0};
}

static bool has_suffix(const char *name, const char *suffix)
{
	const size_t len = strlen(name), end = strlen(suffix);

	return len > end && strcmp(name + len - end, suffix) == 0;
}

static int add_item(struct items *items, int dirfd, const char *path, const char *name,
		    struct cni_error *err)
{
	cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot read %s/%s", path, name);
	if (!S_ISREG(st.st_mode))
		return cni_error(err, CNI_ERR_CONFIG, "%s/%s is not a file", path, name);
	if (strlen(name) > ITEM_NAME_MAX)
		return cni_error(err, CNI_ERR_CONFIG, "the name of %s/%.40s... is too long", path,
				 name);
	if (!array_reserve(items->item, items->size, items->n, 1))
		return cni_error_nomem(err);
	strcpy(items->item[items->n].name, name);
	items->item[items->n++].fd = take_fd(&fd);
	return 0;
}

int items_read(const char *path, const char *suffix, struct items *items, struct cni_error *err)
{
	cleanup_dir DIR *dir = opendir(path);
	const struct dirent *entry;

	*items = (struct items){0};
	if (dir == NULL)
		return cni_error_errno(err, CNI_ERR_IO, "cannot read the directory %s", path);
	while ((entry = readdir(dir)) != NULL) {
		int failed = 0;

		if (entry->d_name[0] == '.')
			continue;
		if (suffix != NULL && !has_suffix(entry->d_name, suffix))
			failed = cni_error(err, CNI_ERR_CONFIG, "%s/%s: the name must end in %s",
					   path, entry->d_name, suffix);
		if (failed == 0)
			failed = add_item(items, dirfd(dir), path, entry->d_name, err);
		if (failed < 0) {
			items_free(items);
			return -1;
		}
	}
	if (items->n > 0)
		qsort(items->item, items->n, sizeof(*items->item), compare_items);
	return 0;
}

static const struct item *find_item(const struct items *items, const char *name)
{
	for (size_t i = 0; i < items->n; i++) {
		if (strcmp(items->item[i].name, name) == 0)
			return &items->item[i];
	}
	return NULL;
}

/* The directory and its store. */

/* An error of writing, with a message of its own for each usual cause on a node. Return: -1. */
static int cannot(const struct place *place, const char *what, const char *name,
		  struct cni_error *err)
{
	struct stat st;
	const int cause = errno;
	bool gone;

	gone = fstat(place->fd, &st) == 0 && st.st_nlink == 0;
	errno = cause;
	if (gone)
		return cni_error(
			err, CNI_ERR_IO,
			"the directory %s has been removed on the node; a new start of this "
			"container finds the one that is there now",
			place->path);
	if ((cause == EACCES || cause == EPERM) && st.st_uid != geteuid())
		return cni_error_errno(
			err, CNI_ERR_IO,
			"cannot %s %s/%s: the directory belongs to user %u; give it to "
			"root, or the container the capability DAC_OVERRIDE",
			what, place->path, name, st.st_uid);
	return cni_error_errno(err, CNI_ERR_IO, "cannot %s %s/%s", what, place->path, name);
}

static int open_store(struct place *place, bool make, struct cni_error *err)
{
	struct stat st;

	/* Another installer, which removes everything, may come between making and opening. */
	for (int attempt = 0; attempt < ATTEMPTS && place->store < 0; attempt++) {
		if (make && mkdirat(place->fd, STORE, 0700) < 0 && errno != EEXIST)
			return cannot(place, "make", STORE, err);
		place->store =
			openat(place->fd, STORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (place->store < 0 && errno != ENOENT)
			break;
		if (place->store < 0 && !make)
			return 0;
	}
	if (place->store < 0 && errno == ENOENT)
		return cni_error(err, CNI_ERR_AGAIN, KEEPS_REMOVING, place->path);
	if (place->store < 0 && (errno == ELOOP || errno == ENOTDIR))
		return cni_error(err, CNI_ERR_IO, "%s/" STORE " is not a directory; remove it",
				 place->path);
	if (place->store < 0 || fstat(place->store, &st) < 0)
		return cannot(place, "open", STORE, err);
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return cni_error(err, CNI_ERR_IO,
				 "%s/" STORE " is not ours alone (user %u, mode %o); remove it",
				 place->path, st.st_uid, st.st_mode & 07777);
	return 0;
}

int place_open(struct place *place, const char *host, const char *path, mode_t mode, bool store,
	       struct cni_error *err)
{
	char full[4096];
	struct stat st;

	*place = (struct place){.path = path, .mode = mode, .fd = -1, .store = -1};
	snprintf(full, sizeof(full), "%s%s", host, path);
	place->fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->fd < 0 || fstat(place->fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO,
				       "cannot open %s: mount the node's directory there", full);
	if (st.st_mode & S_IWOTH)
		return cni_error(err, CNI_ERR_IO,
				 "the node's directory %s is writable by everybody, so anybody "
				 "could become root; chmod 755 it",
				 path);
	return open_store(place, store, err);
}

void place_close(struct place *place)
{
	if (place->fd >= 0)
		close(place->fd);
	if (place->store >= 0)
		close(place->store);
	*place = PLACE_NONE;
}

static void place_on_alarm(int number)
{
	(void)number;
}

/*
 * flock(2) has no limit of its own, so a timer interrupts it. The timer repeats, since its first
 * signal may come before flock(2) waits.
 */
static int lock_within_limit(int fd)
{
	const struct itimerval every_second = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
	const struct itimerval never = {0};
	const struct sigaction interrupt = {.sa_handler = place_on_alarm};
	const int64_t until = monotonic_ms() + LOCK_LIMIT_MS;
	int locked;

	sigaction(SIGALRM, &interrupt, NULL);
	setitimer(ITIMER_REAL, &every_second, NULL);
	do {
		locked = flock(fd, LOCK_EX);
	} while (locked < 0 && errno == EINTR && monotonic_ms() < until);
	setitimer(ITIMER_REAL, &never, NULL);
	return locked;
}

int place_lock(struct place *place, struct cni_error *err)
{
	struct stat st;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (lock_within_limit(place->store) < 0)
			return cni_error_errno(
				err, CNI_ERR_AGAIN,
				"another installer has held %s for %d seconds; is there a second "
				"DaemonSet on this node?",
				place->path, LOCK_LIMIT_MS / 1000);
		if (fstat(place->store, &st) == 0 && st.st_nlink > 0)
			return 0;
		/* The installer that we waited for has removed everything, even the store. */
		close(take_fd(&place->store));
		if (open_store(place, true, err) < 0)
			return -1;
	}
	return cni_error(err, CNI_ERR_AGAIN, KEEPS_REMOVING, place->path);
}

/* Who has put a file there. */

enum owner {
	NOBODYS, /* there is no file */
	OURS,
	FOREIGN,
};

static void store_name(char out[256], const char *prefix, const char *name)
{
	snprintf(out, 256, "%s%s", prefix, name);
}

/* Whether the store has the file @st under this name. */
static bool in_store(const struct place *place, const char *prefix, const char *name,
		     const struct stat *st)
{
	char entry[256];
	struct stat ours;

	store_name(entry, prefix, name);
	return place->store >= 0 && fstatat(place->store, entry, &ours, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == st->st_dev && ours.st_ino == st->st_ino;
}

static int place_find_owner(const struct place *place, const char *name, enum owner *out,
			    struct cni_error *err)
{
	struct stat st;

	*out = NOBODYS;
	if (fstatat(place->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cannot(place, "look at", name, err);
	*out = S_ISREG(st.st_mode) &&
			       (in_store(place, NOW, name, &st) || in_store(place, NEW, name, &st))
		       ? OURS
		       : FOREIGN;
	return 0;
}

static ssize_t read_chunk(int fd, char *buf, off_t at)
{
	size_t have = 0;

	while (have < CHUNK) {
		const ssize_t n =
			TEMP_FAILURE_RETRY(pread(fd, buf + have, CHUNK - have, at + (off_t)have));

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* Whether the file in place has the item's content and mode. If it cannot be read, it does not. */
static bool is_current(const struct place *place, const struct item *item)
{
	cleanup_close int fd =
		openat(place->fd, item->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char there[CHUNK], wanted[CHUNK];
	struct stat st, source;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || fstat(item->fd, &source) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != source.st_size || (st.st_mode & 07777) != place->mode)
		return false;
	for (off_t at = 0;; at += n) {
		n = read_chunk(item->fd, wanted, at);
		if (n < 0 || read_chunk(fd, there, at) != n ||
		    memcmp(there, wanted, (size_t)n) != 0)
			return false;
		if (n < CHUNK)
			return true;
	}
}

/* The steps. */

/*
 * Finish what a killed installer began with one entry of the store. If new.FILE is in place
 * already, it becomes now.FILE; otherwise new.FILE and out.FILE are removed.
 */
static int recover_entry(const struct place *place, const char *entry, struct cni_error *err)
{
	const char *name = entry + PREFIX_LEN;
	const bool is_new = strncmp(entry, NEW, PREFIX_LEN) == 0;
	struct stat st;
	char now[256];

	if (!is_new && strncmp(entry, OUT, PREFIX_LEN) != 0)
		return 0;
	if (is_new && fstatat(place->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    in_store(place, NEW, name, &st) && !in_store(place, NOW, name, &st)) {
		store_name(now, NOW, name);
		return renameat(place->store, entry, place->store, now) < 0
			       ? cannot(place, "keep", entry, err)
			       : 0;
	}
	return unlinkat(place->store, entry, 0) < 0 ? cannot(place, "remove", entry, err) : 0;
}

int place_recover(const struct place *place, struct cni_error *err)
{
	cleanup_dir DIR *dir = entries_of(place->store);
	const struct dirent *entry;

	if (dir == NULL)
		return cannot(place, "read", STORE, err);
	while ((entry = readdir(dir)) != NULL) {
		if (strlen(entry->d_name) > PREFIX_LEN &&
		    recover_entry(place, entry->d_name, err) < 0)
			return -1;
	}
	return 0;
}

static int copy_content(int from, int to)
{
	char buf[CHUNK];
	ssize_t n;

	for (off_t at = 0;; at += n) {
		n = read_chunk(from, buf, at);
		if (n < 0)
			return -1;
		for (ssize_t done = 0; done < n;) {
			const ssize_t put =
				TEMP_FAILURE_RETRY(write(to, buf + done, (size_t)(n - done)));

			if (put < 0)
				return -1;
			done += put;
		}
		if (n < CHUNK)
			return 0;
	}
}

static int stage_item(const struct place *place, const struct item *item, struct cni_error *err)
{
	cleanup_close int fd = -1;
	enum owner owner;
	char entry[256];

	if (place_find_owner(place, item->name, &owner, err) < 0)
		return -1;
	/* A foreign file with the wanted content may stay; it does not become ours. */
	if (owner != NOBODYS && is_current(place, item))
		return 0;
	if (owner == FOREIGN)
		return cni_error(err, CNI_ERR_IO,
				 "%s/%s is there, and not from this installer; move it away",
				 place->path, item->name);
	store_name(entry, NEW, item->name);
	fd = openat(place->store, entry, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0 || copy_content(item->fd, fd) < 0 || fchmod(fd, place->mode) < 0 ||
	    fsync(fd) < 0)
		return cannot(place, "write", item->name, err);
	return 0;
}

void place_unstage(const struct place *place, const struct items *items)
{
	char entry[256];

	for (size_t i = 0; i < items->n; i++) {
		store_name(entry, NEW, items->item[i].name);
		unlinkat(place->store, entry, 0);
	}
}

int place_stage(const struct place *place, const struct items *items, struct cni_error *err)
{
	for (size_t i = 0; i < items->n; i++) {
		if (stage_item(place, &items->item[i], err) < 0) {
			place_unstage(place, items);
			return -1;
		}
	}
	return fsync(place->store) < 0 ? cannot(place, "sync", STORE, err) : 0;
}

static int commit_item(const struct place *place, const char *name, struct cni_error *err)
{
	char now[256], new[256], out[256];
	enum owner owner;

	store_name(now, NOW, name);
	store_name(new, NEW, name);
	store_name(out, OUT, name);
	if (faccessat(place->store, new, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* nothing to change */
	if (place_find_owner(place, name, &owner, err) < 0)
		return -1;
	if (owner == OURS) {
		if (linkat(place->store, new, place->store, out, 0) < 0 ||
		    renameat(place->store, out, place->fd, name) < 0)
			return cannot(place, "replace", name, err);
	} else if (linkat(place->store, new, place->fd, name, 0) < 0) {
		return cannot(place, "make", name, err);
	}
	if (renameat(place->store, new, place->store, now) < 0)
		return cannot(place, "keep", now, err);
	fprintf(stderr, "%s %s/%s\n", owner == OURS ? "replaced" : "installed", place->path, name);
	return 0;
}

int place_commit(const struct place *place, const struct items *items, struct cni_error *err)
{
	struct cni_error ignored;

	for (size_t i = 0; i < items->n; i++) {
		if (commit_item(place, items->item[i].name, err) < 0) {
			place_recover(place, &ignored);
			return -1;
		}
	}
	return fsync(place->store) < 0 || fsync(place->fd) < 0 ? cannot(place, "sync", ".", err)
							       : 0;
}

int place_retire(const struct place *place, const struct items *items, struct cni_error *err)
{
	cleanup_dir DIR *dir = entries_of(place->store);
	const struct dirent *entry;

	if (dir == NULL)
		return cannot(place, "read", STORE, err);
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name + PREFIX_LEN;
		enum owner owner;

		if (strncmp(entry->d_name, NOW, PREFIX_LEN) != 0 || find_item(items, name) != NULL)
			continue;
		if (place_find_owner(place, name, &owner, err) < 0)
			return -1;
		if (owner == OURS && unlinkat(place->fd, name, 0) < 0)
			return cannot(place, "remove", name, err);
		if (unlinkat(place->store, entry->d_name, 0) < 0)
			return cannot(place, "remove", entry->d_name, err);
		if (owner == OURS)
			fprintf(stderr, "removed %s/%s\n", place->path, name);
		else if (owner == FOREIGN)
			fprintf(stderr,
				"note: %s/%s is not the file that was installed any more, so it is "
				"kept\n",
				place->path, name);
	}
	return fsync(place->fd) < 0 ? cannot(place, "sync", ".", err) : 0;
}

int place_leave(const struct place *place, struct cni_error *err)
{
	if (unlinkat(place->fd, STORE, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return cannot(place, "remove", STORE, err);
	return 0;
}

bool place_settled(const struct place *place, const struct items *items, struct cni_error *err)
{
	cleanup_dir DIR *dir = place->store < 0 ? NULL : entries_of(place->store);
	const struct dirent *entry;

	for (size_t i = 0; i < items->n; i++) {
		if (!is_current(place, &items->item[i])) {
			cni_error(err, CNI_ERR_AGAIN, "%s/%s is missing, or not as in the image",
				  place->path, items->item[i].name);
			return false;
		}
	}
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, NOW, PREFIX_LEN) == 0 &&
		    find_item(items, entry->d_name + PREFIX_LEN) == NULL) {
			cni_error(err, CNI_ERR_AGAIN, "%s/%s is still there", place->path,
				  entry->d_name + PREFIX_LEN);
			return false;
		}
	}
	return true;
}
