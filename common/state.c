/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records and locks.
 *
 * Trust: the directory <stateDir> is opened without following a symbolic link in any component of
 * its path. It must belong to us and be writable by nobody else, so that only we or root have put
 * there what is below it. Files are checked all the same: a record is a regular file of bounded
 * size that belongs to us and has one link.
 *
 * The path to it must not change either. Records are reached relative to a descriptor, but a socket
 * has only a path for a name, and the daemon that binds it and the plugin that later asks who
 * listens there must mean the same socket, because the listener may be signalled. There are two
 * designs. One goes through /proc/self/fd/N everywhere, which a daemon in a root directory of its
 * own cannot do. The other refuses a path that somebody else could replace, as sshd(8) does with
 * its files. The second is used: every directory on the path belongs to root or to us, and one that
 * others can write to has the sticky bit. It costs two system calls for each path component.
 *
 * The lock is flock(2) on the network's directory itself, so no lock file is left behind. A record
 * is as durable as its file system, which is /run by default: what it describes does not outlive
 * the kernel either, so nothing is synced.
 */
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "conf.h"
#include "utf8.h"

#define FILE_MAX_BYTES (1u << 20)
#define TEMPORARY_PREFIX ".tmp-"
#define TEMPORARY_NAME_MAX (sizeof(TEMPORARY_PREFIX) + 16)
#define TEMPORARY_MAX_AGE 60 /* seconds */
#define RECORD_NAME_MAX 256
#define OVERFLOW_UID 65534 /* the default of /proc/sys/kernel/overflowuid */
#define LINK_NAME_MAX (512 + sizeof(TEMPORARY_PREFIX)) /* other files' names may be longer */

static int open_beneath(int dirfd, const char *path, uint64_t flags, uint64_t mode)
{
	const struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

bool state_in_initial_userns(void)
{
	cleanup_close int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char buf[64];
	unsigned int inside, outside, count;
	ssize_t n;

	if (fd < 0)
		return true; /* a kernel without user namespaces */
	n = read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	return sscanf(buf, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

/* The root of the state when the configuration does not have stateDir. */
static int default_root(char out[STATE_ROOT_MAX + 1], struct cni_error *err)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
	char run_user[32];
	struct stat st;

	if (geteuid() == 0 && state_in_initial_userns()) {
		snprintf(out, STATE_ROOT_MAX + 1, "/run/usernet-cni");
		return 0;
	}
	if (runtime_dir == NULL || *runtime_dir == '\0') {
		snprintf(run_user, sizeof(run_user), "/run/user/%u", (unsigned int)geteuid());
		if (stat(run_user, &st) < 0 || st.st_uid != geteuid())
			return cni_error(err, CNI_ERR_CONFIG,
					 "no place for state: XDG_RUNTIME_DIR is not set and %s is "
					 "not ours; set it to a directory of yours alone, or "
					 "\"stateDir\" in the network configuration",
					 run_user);
		runtime_dir = run_user;
	}
	if (runtime_dir[0] != '/' || !utf8_is_printable(runtime_dir))
		return cni_error(err, CNI_ERR_CONFIG,
				 "XDG_RUNTIME_DIR is \"%.60s\", but must be an absolute path",
				 runtime_dir);
	if (snprintf(out, STATE_ROOT_MAX + 1, "%s/usernet-cni", runtime_dir) > STATE_ROOT_MAX)
		return cni_error(err, CNI_ERR_CONFIG,
				 "XDG_RUNTIME_DIR is too long for the path of a socket; set "
				 "\"stateDir\" in the network configuration to a shorter path");
	return 0;
}

static int configured_root(const char *state_dir, char out[STATE_ROOT_MAX + 1],
			   struct cni_error *err)
{
	size_t len = strlen(state_dir);

	while (len > 1 && state_dir[len - 1] == '/')
		len--;
	if (state_dir[0] != '/' || len == 1)
		return cni_error(err, CNI_ERR_CONFIG,
				 "stateDir is \"%.60s\", but must be an absolute path", state_dir);
	if (len > STATE_ROOT_MAX)
		return cni_error(err, CNI_ERR_CONFIG,
				 "stateDir is %zu bytes long, but must have at most %d, for the "
				 "path of a socket to fit: %.60s...",
				 len, STATE_ROOT_MAX, state_dir);
	snprintf(out, STATE_ROOT_MAX + 1, "%.*s", (int)len, state_dir);
	return 0;
}

/* The error of a directory that cannot be opened. errno is 0 then, as in state_open_dir(). */
static void unusable(const char *shown, struct cni_error *err)
{
	if (errno == ELOOP)
		cni_error(err, CNI_ERR_IO,
			  "a symbolic link is on the way to the state directory %s; give its path "
			  "without links",
			  shown);
	else
		cni_error_errno(err, CNI_ERR_IO, "cannot open the state directory %s", shown);
	errno = 0;
}

/*
 * Open dirfd/name, a directory of ours; make it when @create is set. Return: a descriptor; -1 with
 * errno ENOENT, and without filling @err, when it does not exist and was not to be made; else -1
 * with @err filled and errno 0.
 */
static int state_open_dir(int dirfd, const char *name, const char *shown, bool create,
			  struct cni_error *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (create && mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST) {
		cni_error_errno(err, CNI_ERR_IO, "cannot make the state directory %s", shown);
		errno = 0;
		return -1;
	}
	fd = open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 && errno == ENOENT && !create)
		return -1;
	if (fd < 0)
		unusable(shown, err);
	else if (fstat(fd, &st) < 0)
		cni_error_errno(err, CNI_ERR_IO, "cannot examine the state directory %s", shown);
	else if (st.st_uid != geteuid())
		cni_error(err, CNI_ERR_IO,
			  "the state directory %s belongs to user %u, not to us (%u)", shown,
			  (unsigned int)st.st_uid, (unsigned int)geteuid());
	else if (st.st_mode & 022)
		cni_error(err, CNI_ERR_IO,
			  "the state directory %s is writable by others (mode %03o); it must be a "
			  "directory of its own, with mode 700",
			  shown, st.st_mode & 07777);
	else
		return take_fd(&fd);
	errno = 0;
	return -1;
}

/*
 * Check that only root and we can replace what is in a directory on the path. In a user namespace
 * root's directories appear as those of the overflow user, like those of all users that are not
 * mapped.
 */
static int check_component(int fd, const char *dir, const char *root, struct cni_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot examine the directory %s", dir);
	if (st.st_uid != 0 && st.st_uid != geteuid() &&
	    (st.st_uid != OVERFLOW_UID || state_in_initial_userns()))
		return cni_error(
			err, CNI_ERR_IO,
			"the state directory %s cannot be trusted: %s belongs to user %u, who "
			"could replace it; choose one below directories of root or of ours",
			root, dir, (unsigned int)st.st_uid);
	if (st.st_mode & 022 && !(st.st_mode & S_ISVTX))
		return cni_error(
			err, CNI_ERR_IO,
			"the state directory %s cannot be trusted: %s is writable by others "
			"(mode %03o), who could replace it; remove that permission, or choose "
			"another",
			root, dir, st.st_mode & 07777);
	return 0;
}

/*
 * Open the parent of the state directory, one path component after the other, and check each.
 * Return: as state_open_dir().
 */
static int open_parent(const char *root, struct cni_error *err)
{
	cleanup_close int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[STATE_ROOT_MAX + 1];
	char *at = path;

	strcpy(path, root);
	*strrchr(path, '/') = '\0';
	if (fd < 0)
		return -1;
	if (check_component(fd, "/", root, err) < 0) {
		errno = 0;
		return -1;
	}
	while (*(at += strspn(at, "/")) != '\0') {
		char *end = at + strcspn(at, "/");
		const char rest = *end;
		int next;

		*end = '\0';
		next = open_beneath(fd, at, O_PATH | O_DIRECTORY, 0);
		if (next < 0)
			return -1;
		close(fd);
		fd = next;
		if (check_component(fd, path, root, err) < 0) {
			errno = 0;
			return -1;
		}
		*end = rest;
		at = end;
	}
	return take_fd(&fd);
}

/*
 * Open the state directory itself. Its parent is opened first, without links: mkdir(2) would follow
 * them, and make a directory in an unintended place.
 */
static int open_root(const char *root, bool create, struct cni_error *err)
{
	cleanup_close int parent = open_parent(root, err);

	if (parent < 0 && (errno == 0 || (errno == ENOENT && !create)))
		return -1;
	if (parent < 0) {
		unusable(root, err);
		return -1;
	}
	return state_open_dir(parent, strrchr(root, '/') + 1, root, create, err);
}

static struct state take_state(struct state *state)
{
	const struct state taken = *state;

	*state = STATE_NONE;
	return taken;
}

int state_open(const char *state_dir, const char *plugin, const char *network, bool create,
	       struct state *state, struct cni_error *err)
{
	cleanup_state struct state s = STATE_NONE;
	char shown[STATE_ROOT_MAX + 1 + RECORD_NAME_MAX];

	*state = STATE_NONE;
	if ((state_dir != NULL ? configured_root(state_dir, s.root, err)
			       : default_root(s.root, err)) < 0)
		return -1;
	if (network != NULL && !cni_valid_network_name(network))
		return cni_error(err, CNI_ERR_CONFIG, "not a network name: %.60s", network);

	snprintf(s.network, sizeof(s.network), "%s", network == NULL ? "" : network);
	s.root_fd = open_root(s.root, create, err);
	if (s.root_fd < 0 && errno == 0)
		return -1;
	snprintf(shown, sizeof(shown), "%s/%s", s.root, plugin);
	s.plugin_fd = s.root_fd < 0 ? -1 : state_open_dir(s.root_fd, plugin, shown, create, err);
	if (s.plugin_fd < 0 && errno == 0)
		return -1;
	if (network != NULL && s.plugin_fd >= 0) {
		snprintf(shown, sizeof(shown), "%s/%s/%.200s", s.root, plugin, network);
		s.fd = state_open_dir(s.plugin_fd, network, shown, create, err);
		if (s.fd < 0 && errno == 0)
			return -1;
	}
	*state = take_state(&s);
	return 0;
}

void state_close(struct state *state)
{
	cleanup_close_(&state->fd);
	cleanup_close_(&state->plugin_fd);
	cleanup_close_(&state->root_fd);
	*state = STATE_NONE;
}

static void state_on_alarm(int sig)
{
	(void)sig; /* it only interrupts flock(2) */
}

int state_lock(const struct state *state, int timeout_ms, struct cni_error *err)
{
	/* It has an open file description of its own, so the lock ends with this descriptor. */
	cleanup_close int fd = openat(state->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct sigaction interrupt = {.sa_handler = state_on_alarm};
	/* The timer repeats, in case it fires just before flock(2) begins to wait. */
	struct itimerval timer = {
		.it_value = {timeout_ms / 1000, (timeout_ms % 1000) * 1000},
		.it_interval = {0, 10000},
	};
	struct sigaction action_before;
	sigset_t alarm, mask_before;
	int locked;

	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot open the state directory to lock");
	locked = flock(fd, LOCK_EX | LOCK_NB);
	if (locked < 0 && errno == EWOULDBLOCK && timeout_ms > 0) {
		sigaction(SIGALRM, &interrupt, &action_before);
		/* A mask survives exec, so ours is the runtime's, which may block the signal. */
		sigemptyset(&alarm);
		sigaddset(&alarm, SIGALRM);
		sigprocmask(SIG_UNBLOCK, &alarm, &mask_before);
		setitimer(ITIMER_REAL, &timer, NULL);
		locked = flock(fd, LOCK_EX);
		setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
		sigprocmask(SIG_SETMASK, &mask_before, NULL);
		sigaction(SIGALRM, &action_before, NULL);
	}
	if (locked < 0 && (errno == EINTR || errno == EWOULDBLOCK))
		return cni_error(err, CNI_ERR_AGAIN,
				 "another call holds the lock of this network for more than %d ms",
				 timeout_ms);
	if (locked < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot lock the state directory");
	return take_fd(&fd);
}

/* "<container id>@<interface>.json"; the names are checked. */
static int record_name(const struct state *state, const struct attachment *a,
		       char out[RECORD_NAME_MAX], struct cni_error *err)
{
	char text[ATTACHMENT_TEXT_MAX];

	if (!attachment_is_valid(a) || strcmp(a->network, state->network) != 0)
		return cni_error(err, CNI_ERR_ENVIRONMENT, "not an attachment: %.60s@%.20s",
				 a->container_id, a->ifname);
	snprintf(out, RECORD_NAME_MAX, "%s.json", attachment_format(a, text));
	return 0;
}

static int state_write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		const ssize_t n = TEMP_FAILURE_RETRY(write(fd, text, len));

		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Make a name for a file that is not whole yet. */
static int temporary_name(char out[TEMPORARY_NAME_MAX])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -1;
	snprintf(out, TEMPORARY_NAME_MAX, TEMPORARY_PREFIX "%016llx", (unsigned long long)number);
	return 0;
}

/*
 * Open a file to write into. It is one without a name, of which nothing is left when we are killed;
 * when the file system does not support that (an overlay of older kernels, NFS), it has a temporary
 * name.
 */
static int open_temporary(int dirfd, char name[TEMPORARY_NAME_MAX])
{
	const int fd = openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	name[0] = '\0';
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	if (temporary_name(name) < 0)
		return -1;
	return open_beneath(dirfd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
}

/*
 * Put a whole file without a name in the place of the file that has the name: by a link, which
 * cannot replace, and a rename, which can. The link's name is derived from the file's, so that the
 * next writer, and state_remove(), find a link that a killed writer left. Two writers at the same
 * time may rename each other's link; both files are whole.
 */
static int replace_file(const char *path, int dirfd, const char *name)
{
	char link_name[LINK_NAME_MAX];
	int saved;

	snprintf(link_name, sizeof(link_name), TEMPORARY_PREFIX "%s", name);
	unlinkat(dirfd, link_name, 0);
	if (linkat(AT_FDCWD, path, dirfd, link_name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return -1;
	if (renameat(dirfd, link_name, dirfd, name) == 0 || errno == ENOENT)
		return 0;
	saved = errno;
	unlinkat(dirfd, link_name, 0);
	errno = saved;
	return -1;
}

/* Give a whole file its name. Return: 0, or -1 with errno. */
static int name_file(int fd, int dirfd, const char *temporary, const char *name, bool replace)
{
	char path[32];

	if (temporary[0] != '\0')
		return renameat2(dirfd, temporary, dirfd, name, replace ? 0 : RENAME_NOREPLACE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return errno == EEXIST && replace ? replace_file(path, dirfd, name) : -1;
}

int state_write_file(int dirfd, const char *name, const char *text, bool replace,
		     struct cni_error *err)
{
	char temporary[TEMPORARY_NAME_MAX];
	cleanup_close int fd = open_temporary(dirfd, temporary);
	int written = -1;

	if (strlen(text) > FILE_MAX_BYTES)
		return cni_error(err, CNI_ERR_IO, "the file %s would be larger than %u bytes", name,
				 FILE_MAX_BYTES);
	if (fd < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make the file %s", name);
	if (state_write_all(fd, text, strlen(text)) < 0)
		cni_error_errno(err, CNI_ERR_IO, "cannot write the file %s", name);
	else if (name_file(fd, dirfd, temporary, name, replace) == 0)
		return 1;
	else if (errno == EEXIST && !replace)
		written = 0;
	else
		cni_error_errno(err, CNI_ERR_IO, "cannot give the file %s its name", name);
	if (temporary[0] != '\0')
		unlinkat(dirfd, temporary, 0);
	return written;
}

int state_write(const struct state *state, const struct attachment *a, const cJSON *record,
		bool replace, struct cni_error *err)
{
	cleanup_free char *text = NULL;
	char name[RECORD_NAME_MAX];
	int written;

	if (record_name(state, a, name, err) < 0)
		return -1;
	text = cJSON_PrintUnformatted(record);
	if (text == NULL)
		return cni_error_nomem(err);
	written = state_write_file(state->fd, name, text, replace, err);
	if (written < 0)
		return cni_error_wrap(err, "the record of an attachment in %s", state->root);
	return written;
}

char *state_read_whole(int fd, size_t size, size_t *len)
{
	cleanup_free char *text = malloc(size + 1);
	size_t have = 0;
	ssize_t n = 1;

	if (text == NULL)
		return NULL;
	while (have < size && n > 0) {
		n = TEMP_FAILURE_RETRY(read(fd, text + have, size - have));
		if (n < 0)
			return NULL;
		have += (size_t)n;
	}
	text[have] = '\0';
	*len = have;
	return take_ptr(text);
}

int state_read_file(int dirfd, const char *name, char **text, struct cni_error *err)
{
	cleanup_close int fd = -1;
	struct stat st;
	bool strange;
	size_t len;

	*text = NULL;
	/* O_NONBLOCK: a FIFO of this name must not hang us. */
	fd = open_beneath(dirfd, name, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0 && errno == ENOENT)
		return 0;
	/* It is a symbolic link or a socket. */
	strange = fd < 0 && (errno == ELOOP || errno == ENXIO);
	if (!strange && (fd < 0 || fstat(fd, &st) < 0))
		return cni_error_errno(err, CNI_ERR_IO, "cannot open the file %s", name);
	/* A link count of 0 is accepted: the file was replaced since it was opened. */
	if (strange || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink > 1 ||
	    st.st_size > FILE_MAX_BYTES)
		return cni_error(err, CNI_ERR_DECODE,
				 "the file %s is not one of ours (a plain file, our own, one link, "
				 "at most %u bytes); remove it",
				 name, FILE_MAX_BYTES);
	*text = state_read_whole(fd, (size_t)st.st_size, &len);
	if (*text == NULL)
		return cni_error_errno(err, CNI_ERR_IO, "cannot read the file %s", name);
	if (strlen(*text) != len)
		return cni_error(err, CNI_ERR_DECODE, "the file %s has NUL bytes; remove it", name);
	return 1;
}

int state_read(const struct state *state, const struct attachment *a, cJSON **record,
	       struct cni_error *err)
{
	cleanup_free char *text = NULL;
	char name[RECORD_NAME_MAX];
	char what[RECORD_NAME_MAX + 16];
	int present;

	*record = NULL;
	if (record_name(state, a, name, err) < 0)
		return -1;
	if (state->fd < 0)
		return 0;
	present = state_read_file(state->fd, name, &text, err);
	if (present < 0)
		return cni_error_wrap(err, "the record of an attachment in %s", state->root);
	if (text == NULL)
		return 0;
	snprintf(what, sizeof(what), "the record %s", name);
	return json_parse(text, strlen(text), what, record, err) < 0 ? -1 : 1;
}

int state_unlink_file(int dirfd, const char *name)
{
	char link_name[LINK_NAME_MAX];

	snprintf(link_name, sizeof(link_name), TEMPORARY_PREFIX "%s", name);
	if ((unlinkat(dirfd, link_name, 0) < 0 && errno != ENOENT) ||
	    (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT))
		return -1;
	return 0;
}

int state_remove(const struct state *state, const struct attachment *a, struct cni_error *err)
{
	char name[RECORD_NAME_MAX];

	if (record_name(state, a, name, err) < 0)
		return -1;
	if (state->fd < 0)
		return 0;
	if (state_unlink_file(state->fd, name) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot remove the record %s in %s", name,
				       state->root);
	return 0;
}

static void remove_if_old(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    time(NULL) - st.st_mtime > TEMPORARY_MAX_AGE)
		unlinkat(dirfd, name, 0);
}

bool state_parse_name(const char *network, char *name, struct attachment *a)
{
	char *at = strchr(name, '@');
	char *suffix = at == NULL ? NULL : strrchr(at, '.');

	if (suffix == NULL || strcmp(suffix, ".json") != 0)
		return false;
	*at = '\0';
	*suffix = '\0';
	*a = (struct attachment){.network = network, .container_id = name, .ifname = at + 1};
	return attachment_is_valid(a);
}

static void state_close_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}

int state_each_name(int dirfd, const char *failure,
		    int (*fn)(const char *name, void *arg, struct cni_error *err), void *arg,
		    struct cni_error *err)
{
	__attribute__((cleanup(state_close_dir))) DIR *dir = NULL;
	cleanup_close int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	int value;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL)
		return cni_error_errno(err, CNI_ERR_IO, "%s", failure);
	take_fd(&fd);
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		value = fn(entry->d_name, arg, err);
		if (value < 0)
			return value;
	}
	return errno == 0 ? 0 : cni_error_errno(err, CNI_ERR_IO, "%s", failure);
}

/* The arguments of state_each() and state_each_network(). */
struct state_listing {
	const struct state *state;
	int (*on_record)(const struct attachment *a, void *arg, struct cni_error *err);
	int (*on_network)(const char *network, void *arg, struct cni_error *err);
	void *arg;
};

static int state_take_record(const char *file, void *arg, struct cni_error *err)
{
	const struct state_listing *listing = arg;
	struct attachment a;
	char name[RECORD_NAME_MAX];

	if (strncmp(file, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0)
		remove_if_old(listing->state->fd, file);
	snprintf(name, sizeof(name), "%s", file);
	return state_parse_name(listing->state->network, name, &a)
		       ? listing->on_record(&a, listing->arg, err)
		       : 0;
}

int state_each(const struct state *state,
	       int (*fn)(const struct attachment *a, void *arg, struct cni_error *err), void *arg,
	       struct cni_error *err)
{
	struct state_listing listing = {.state = state, .on_record = fn, .arg = arg};
	char failure[STATE_ROOT_MAX + 32];

	if (state->fd < 0)
		return 0;
	snprintf(failure, sizeof(failure), "cannot list the records in %s", state->root);
	return state_each_name(state->fd, failure, state_take_record, &listing, err);
}

static int state_take_network(const char *name, void *arg, struct cni_error *err)
{
	const struct state_listing *listing = arg;

	return cni_valid_network_name(name) ? listing->on_network(name, listing->arg, err) : 0;
}

int state_each_network(const struct state *state,
		       int (*fn)(const char *network, void *arg, struct cni_error *err), void *arg,
		       struct cni_error *err)
{
	struct state_listing listing = {.state = state, .on_network = fn, .arg = arg};
	char failure[STATE_ROOT_MAX + 32];

	if (state->plugin_fd < 0)
		return 0;
	snprintf(failure, sizeof(failure), "cannot list the networks in %s", state->root);
	return state_each_name(state->plugin_fd, failure, state_take_network, &listing, err);
}

int state_remove_file(const struct state *state, const char *sub, const char *name,
		      struct cni_error *err)
{
	cleanup_close int dir = -1;

	if (state->root_fd < 0)
		return 0;
	dir = open_beneath(state->root_fd, sub, O_PATH | O_DIRECTORY, 0);
	if ((dir < 0 || unlinkat(dir, name, 0) < 0) && errno != ENOENT)
		return cni_error_errno(err, CNI_ERR_IO, "cannot remove %s/%s/%s", state->root, sub,
				       name);
	return 0;
}

int state_subdir(const struct state *state, const char *sub, struct cni_error *err)
{
	char shown[STATE_ROOT_MAX + 32];

	snprintf(shown, sizeof(shown), "%s/%.30s", state->root, sub);
	return state_open_dir(state->root_fd, sub, shown, true, err);
}

void state_hash(const char *network, const char *container_id, const char *ifname, char out[17])
{
	const char *const parts[] = {network, container_id, ifname};
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a, 64 bits */

	for (size_t i = 0; i < 3; i++) {
		const char *p = parts[i];

		do
			hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
		while (*p++ != '\0'); /* the NUL is hashed too, to keep the parts apart */
	}
	snprintf(out, 17, "%016llx", (unsigned long long)hash);
}
