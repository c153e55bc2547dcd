/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which slirp4netns, and what it can do.
 *
 * The plugin and the daemon share a name, and a CNI directory may well be in PATH: a candidate that
 * is this very file (device and inode) is passed over, and so is one whose --help does not offer
 * --netns-type, such as a copy of the plugin.
 *
 * Asking --help takes a millisecond, half of what starting the daemon takes. The options are kept
 * in the state directory under a name made of the binary's device, inode, size and mtime, so they
 * are asked for again after an upgrade.
 */
#include "binary.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "plugin.h"

#define HELP_LIMIT_MS 3000
#define HELP_MAX_BYTES 16384

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const struct {
	const char *text;
	unsigned int bit;
} known_options[] = {
	{"--netns-type", HAS_NETNS_TYPE},
	{"--api-socket", HAS_API_SOCKET},
	{"--cidr", HAS_CIDR},
	{"--enable-ipv6", HAS_IPV6},
	{"--disable-host-loopback", HAS_HOST_LOOPBACK},
	{"--enable-sandbox", HAS_SANDBOX},
	{"--enable-seccomp", HAS_SECCOMP},
	{"--outbound-addr", HAS_OUTBOUND},
	{"--outbound-addr6", HAS_OUTBOUND6},
	{"--disable-dns", HAS_DISABLE_DNS},
};

/* Whether @help offers @option itself, not one that begins with it. */
static bool binary_offers(const char *help, const char *option)
{
	const size_t len = strlen(option);
	const char *at;

	for (at = strstr(help, option); at != NULL; at = strstr(at + len, option)) {
		if (strchr("=, \t\n", at[len]) != NULL)
			return true;
	}
	return false;
}

static unsigned int parse_help(const char *help)
{
	unsigned int options = 0;

	for (size_t i = 0; i < sizeof(known_options) / sizeof(known_options[0]); i++) {
		if (binary_offers(help, known_options[i].text))
			options |= known_options[i].bit;
	}
	return options;
}

/*
 * Read until the end, but at most @size - 1 bytes, and not beyond the time @until.
 * Return: whether the end was reached.
 */
static bool read_help(int fd, int64_t until, char *buf, size_t size)
{
	int64_t left = until - monotonic_ms();
	size_t have = 0;

	while (have < size - 1 && left > 0) {
		struct pollfd event = {.fd = fd, .events = POLLIN};
		ssize_t n = 0;

		if (poll(&event, 1, (int)left) > 0) {
			n = read(fd, buf + have, size - 1 - have);
			if (n == 0)
				break;
		}
		if (n > 0)
			have += (size_t)n;
		left = until - monotonic_ms();
	}
	buf[have] = '\0';
	return left > 0 && have < size - 1;
}

static int ask_options(const char *path, unsigned int *options, struct cni_error *err)
{
	static const char *const argv[] = {PLUGIN_NAME, "--help", NULL};
	static const char *const envp[] = {NULL};
	const int64_t until = monotonic_ms() + HELP_LIMIT_MS;
	cleanup_child struct child child = CHILD_NONE;
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	char help[HELP_MAX_BYTES];
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return cni_error_errno(err, CNI_ERR_IO, "cannot make a pipe");
	ours = pipe_fds[0];
	theirs = pipe_fds[1];
	/* A group of its own, so that it can be ended with its children. */
	if (child_exec(&(struct child_spec){.own_group = true, .default_signals = true},
		       &(struct child_program){.path = path,
					       .argv = argv,
					       .envp = envp,
					       .stdio = (const int[]){-1, theirs, theirs},
					       .limit_ms = HELP_LIMIT_MS},
		       &child, NULL, err) < 0) {
		err->code = ERR_BINARY;
		return -1;
	}
	close(take_fd(&theirs));
	if (!read_help(ours, until, help, sizeof(help)))
		return cni_error(err, ERR_BINARY, "%.200s --help does not end", path);
	*options = parse_help(help);
	return 0;
}

/* ".options-" and a hash of what changes when the binary does. */
static void cache_name(const struct stat *st, char out[32])
{
	char identity[4][24];
	char hash[17];

	snprintf(identity[0], 24, "%llx:%llx", (unsigned long long)st->st_dev,
		 (unsigned long long)st->st_ino);
	snprintf(identity[1], 24, "%llx", (unsigned long long)st->st_size);
	snprintf(identity[2], 24, "%llx.%lx", (unsigned long long)st->st_mtim.tv_sec,
		 (unsigned long)st->st_mtim.tv_nsec);
	state_hash(identity[0], identity[1], identity[2], hash);
	snprintf(out, 32, ".options-%s", hash);
}

/* The options that were stored, or 0: nothing is stored, or it is not in our format. */
static unsigned int recall_options(const struct state *state, const char *name)
{
	cleanup_free char *text = NULL;
	struct cni_error ignored;
	unsigned int options;
	char rest;

	if (state->plugin_fd < 0 || state_read_file(state->plugin_fd, name, &text, &ignored) <= 0 ||
	    sscanf(text, "%x%c", &options, &rest) != 2 || rest != '\n')
		return 0;
	return options;
}

static int learn_options(const char *path, const struct stat *st, const struct state *state,
			 unsigned int *options, struct cni_error *err)
{
	struct cni_error ignored;
	char name[32], text[16];

	cache_name(st, name);
	*options = recall_options(state, name);
	if (*options != 0)
		return 0;
	if (ask_options(path, options, err) < 0)
		return -1;
	if (*options != 0 && state->plugin_fd >= 0) {
		snprintf(text, sizeof(text), "%x\n", *options);
		unlinkat(state->plugin_fd, name, 0); /* a file there is not in our format */
		state_write_file(state->plugin_fd, name, text, false, &ignored);
	}
	return 0;
}

/* Whether the path is an executable file, and not this plugin. errno tells why not. */
static bool is_candidate(const char *path, struct stat *st)
{
	struct stat self;

	if (stat(path, st) < 0)
		return false;
	if (!S_ISREG(st->st_mode)) {
		errno = EACCES;
		return false;
	}
	if (stat("/proc/self/exe", &self) == 0 && self.st_dev == st->st_dev &&
	    self.st_ino == st->st_ino) {
		errno = ELOOP;
		return false;
	}
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/*
 * PATH may be the one of a user who became root (sudo, a user's session): a file that another user
 * put there, or could change, is not executed. Inside a user namespace root's files belong to
 * nobody, so ownership says nothing there. A path in the configuration is its author's decision.
 */
static bool is_trusted(const char *path, const struct stat *st)
{
	if (!state_in_initial_userns() ||
	    ((st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & S_IWOTH)))
		return true;
	fprintf(stderr,
		PLUGIN_NAME ": %.200s is passed over: user %u could have put it there; set "
			    "\"slirp4netnsPath\" to use it all the same\n",
		path, (unsigned int)st->st_uid);
	return false;
}

static int use_configured(const char *path, const struct state *state, struct binary *binary,
			  struct cni_error *err)
{
	struct stat st;

	if (strlen(path) >= sizeof(binary->path))
		return cni_error(err, ERR_BINARY, "slirp4netnsPath is too long");
	if (!is_candidate(path, &st)) {
		if (errno == ELOOP)
			return cni_error(
				err, ERR_BINARY,
				"slirp4netnsPath %.200s is this CNI plugin, not the daemon "
				"of the same name",
				path);
		return cni_error_errno(err, ERR_BINARY, "slirp4netnsPath %.200s cannot be executed",
				       path);
	}
	if (learn_options(path, &st, state, &binary->options, err) < 0)
		return -1;
	if (!(binary->options & HAS_NETNS_TYPE))
		return cni_error(err, ERR_BINARY,
				 "slirp4netnsPath %.200s is not slirp4netns 0.4.0 or later: its "
				 "--help does not offer --netns-type",
				 path);
	strcpy(binary->path, path);
	return 0;
}

int binary_find(const char *configured, const struct state *state, struct binary *binary,
		struct cni_error *err)
{
	const char *path = getenv("PATH");
	const char *dir;
	size_t len;
	struct stat st;

	if (configured != NULL)
		return use_configured(configured, state, binary, err);
	if (path == NULL || *path == '\0')
		path = default_path;
	*err = (struct cni_error){0};
	for (dir = path; *dir != '\0'; dir += len + (dir[len] == ':')) {
		len = strcspn(dir, ":");
		/* A relative directory would mean whatever directory the runtime is in. */
		if (dir[0] != '/' ||
		    (size_t)snprintf(binary->path, sizeof(binary->path), "%.*s/" PLUGIN_NAME,
				     (int)len, dir) >= sizeof(binary->path))
			continue;
		if (is_candidate(binary->path, &st) && is_trusted(binary->path, &st) &&
		    learn_options(binary->path, &st, state, &binary->options, err) == 0 &&
		    binary->options & HAS_NETNS_TYPE)
			return 0;
	}
	if (err->code != 0)
		return -1;
	return cni_error(err, ERR_BINARY,
			 "no slirp4netns (0.4.0 or later) in PATH (%.200s); install it, or set "
			 "\"slirp4netnsPath\" in the network configuration",
			 path);
}
