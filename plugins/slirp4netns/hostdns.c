/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's /etc/resolv.conf, seen from the daemon's sandbox.
 *
 * slirp4netns resolves names by asking the first DNS server of /etc/resolv.conf. It reads the file
 * when the first query comes, and again when stat(2) finds another file (at most once a second),
 * always by that path. Its sandbox is a new root of /etc and /run, mounted with all that is mounted
 * beneath them; everything else is gone. If the path leads through any other directory (WSL2: a
 * link to /mnt/wsl/resolv.conf; NixOS: a link through /nix/store; /var/run/resolv.conf), no name is
 * ever resolved in the container, and nobody says so. Every component of the path counts, not only
 * its end: realpath(3), which slirp4netns itself looks at, may well be in /run. From 1.2.1 on
 * slirp4netns mounts that file into its sandbox, which works until the file is replaced: programs
 * rename a new file over it, and the mount goes on to show the old one.
 *
 * Two designs:
 *
 * 1. Before exec, in the mount namespace that the daemon gets from us anyway, the link
 *    /etc/resolv.conf is covered by another link that leads to the file through /run or /etc.
 *    If the file is outside, its directory is mounted there. The sandbox then copies all of it
 *    along with the rest of /etc and /run.
 *    Costs: a place in /run or /etc to mount on, which has to exist, since nothing may be made on
 *    the host; a file system whose only purpose is to hold a link; a kernel that lets a mount cover
 *    a link, which not every old one does. The file's whole directory is readable to the daemon,
 *    and its file system in use until the daemon ends. The path is resolved once: if a link in it
 *    is changed later, other than /etc/resolv.conf itself (which uncovers it), the daemon goes on
 *    to use the old file, and CHECK reports that.
 * 2. When the daemon is ready, a child of ours enters its mount namespace and mounts each directory
 *    of the path where it is on the host, so that the path is resolved anew every time.
 *    Costs: CAP_SYS_CHROOT and the right to trace the daemon, which ADD does without today. The new
 *    root has to be made writable again and directories made in it, so we would depend on what
 *    another program does inside. If it cannot be done, that is known only when the daemon is
 *    confined already: it would have to be stopped and started anew. And as each of the directories
 *    is mounted by itself, a changed link leads out of them as well (/nix/store after an upgrade).
 *
 * The first is used. A child with a mount namespace of its own tries it beforehand, which costs
 * half a millisecond, and only on hosts whose file is outside.
 */
#include "hostdns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "plugin.h"
#include "process.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define LINKS_MAX 40 /* as the kernel's own limit: path_resolution(7) */
#define TRY_LIMIT_MS 10000
#define RESOLV_CONF_MAX_BYTES 65536

static bool is_beneath(const char *path, const char *directory)
{
	const size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

bool hostdns_is_in_sandbox(const char *path)
{
	return is_beneath(path, "/etc") || is_beneath(path, "/run");
}

/* These two are directories in the sandbox, even if they are links on the host. */
static bool is_made_by_sandbox(const char *path)
{
	return strcmp(path, "/etc") == 0 || strcmp(path, "/run") == 0;
}

static int hostdns_too_long(void)
{
	errno = ENAMETOOLONG;
	return -1;
}

/* Follow a link: its text comes before the components that are left. */
static int hostdns_follow(struct hostdns_walk *walk, const char *text)
{
	char rest[PATH_MAX];

	if (++walk->links > LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	if ((size_t)snprintf(rest, sizeof(rest), "%s%s", text, walk->rest) >= sizeof(rest))
		return hostdns_too_long();
	strcpy(walk->rest, rest);
	if (text[0] == '/')
		walk->done[0] = '\0';
	return 0;
}

/* Resolve one more path component. Return: 0, or -1 with errno. */
static int hostdns_step(struct hostdns_walk *walk, const char *name)
{
	char next[PATH_MAX];
	char text[PATH_MAX];
	ssize_t n;

	if ((size_t)snprintf(next, sizeof(next), "%s/%s", walk->done, name) >= sizeof(next))
		return hostdns_too_long();
	if (!hostdns_is_in_sandbox(next))
		walk->outside = true;
	n = is_made_by_sandbox(next) ? 0 : readlink(next, text, sizeof(text) - 1);
	if (n > 0) {
		text[n] = '\0';
		return hostdns_follow(walk, text);
	}
	if (n < 0 && errno == ENOENT)
		walk->missing = true;
	else if (n < 0 && errno != EINVAL) /* EINVAL: not a link */
		return -1;
	strcpy(walk->done, next);
	return 0;
}

int hostdns_resolve(struct hostdns_walk *walk, const char *path)
{
	*walk = (struct hostdns_walk){0};
	snprintf(walk->rest, sizeof(walk->rest), "%s", path);
	while (walk->rest[0] != '\0' && !walk->missing) {
		char name[NAME_MAX + 1];
		const size_t slashes = strspn(walk->rest, "/");
		const size_t len = strcspn(walk->rest + slashes, "/");
		char *last;

		if (len >= sizeof(name))
			return hostdns_too_long();
		memcpy(name, walk->rest + slashes, len);
		name[len] = '\0';
		memmove(walk->rest, walk->rest + slashes + len,
			strlen(walk->rest + slashes + len) + 1);
		if (len == 0 || strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") != 0) {
			if (hostdns_step(walk, name) < 0)
				return -1;
			continue;
		}
		last = strrchr(walk->done, '/');
		if (last != NULL)
			*last = '\0';
	}
	return 0;
}

/* Find a directory in /run or /etc that the daemon does not need, as that of our records. */
static int find_spot(const struct state *state, struct host_dns *dns)
{
	char records[sizeof(dns->spot)];
	const char *const spots[] = {records, "/run/lock", "/etc/opt"};
	struct stat st;

	snprintf(records, sizeof(records), "%s/" PLUGIN_NAME, state->root);
	for (size_t i = 0; i < sizeof(spots) / sizeof(spots[0]); i++) {
		if (!hostdns_is_in_sandbox(spots[i]) || is_beneath(dns->file, spots[i]) ||
		    is_beneath(state->root, spots[i]) || lstat(spots[i], &st) < 0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		strcpy(dns->spot, spots[i]);
		return 0;
	}
	return -1;
}

/* Whether the file's directory may be mounted where the daemon sees it. */
static int check_directory(const char *directory, struct cni_error *why)
{
	struct statfs fs;
	struct stat st;

	if (directory[0] == '\0')
		return cni_error(why, CNI_ERR_CONFIG,
				 "its directory is /, which the sandbox must hide");
	if (stat(directory, &st) < 0 || statfs(directory, &fs) < 0)
		return cni_error_errno(why, CNI_ERR_CONFIG, "cannot examine %s", directory);
	/* /proc/net, for example, is another directory for each process. */
	if (fs.f_type == PROC_SUPER_MAGIC)
		return cni_error(why, CNI_ERR_CONFIG,
				 "it is in /proc, which differs from process to process");
	return S_ISDIR(st.st_mode)
		       ? 0
		       : cni_error(why, CNI_ERR_CONFIG, "%s is not a directory", directory);
}

static int remount_read_only(const char *directory)
{
	return mount(NULL, directory, NULL,
		     MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/*
 * The daemon needs to read one file there, and nothing else. Before Linux 5.12 only one mount at a
 * time can be made read-only, and what is mounted below the file's directory is left as it is, as
 * slirp4netns leaves it in /etc and /run.
 */
static int make_read_only(const char *spot, const char *directory)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};

	if (syscall(SYS_mount_setattr, AT_FDCWD, spot, AT_RECURSIVE, &attr, sizeof(attr)) == 0)
		return 0;
	if (errno != ENOSYS || remount_read_only(spot) < 0)
		return -1;
	return directory == NULL ? 0 : remount_read_only(directory);
}

/* Cover /etc/resolv.conf, a link, by the link at @path: mount(2) would follow both links. */
static int cover_link(const char *path)
{
	cleanup_close int tree =
		(int)syscall(SYS_open_tree, AT_FDCWD, path,
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

	if (tree < 0)
		return -1;
	return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, RESOLV_CONF,
			    MOVE_MOUNT_F_EMPTY_PATH);
}

const char *hostdns_mount(void *arg)
{
	const struct host_dns *dns = arg;
	char directory[sizeof(dns->file)], link[sizeof(dns->spot) + 16];
	char mounted[sizeof(dns->spot) + 16], target[sizeof(dns->file) + sizeof(mounted)];
	bool outside;

	strcpy(directory, dns->file);
	*strrchr(directory, '/') = '\0';
	outside = !hostdns_is_in_sandbox(directory);
	snprintf(link, sizeof(link), "%s/link", dns->spot);
	snprintf(mounted, sizeof(mounted), "%s/directory", dns->spot);
	snprintf(target, sizeof(target), "%s%s", outside ? mounted : "",
		 outside ? strrchr(dns->file, '/') : dns->file);

	/* What we make belongs to the daemon, which has no capability to read others' files. */
	if (mount("tmpfs", dns->spot, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=755,size=64k") < 0)
		return "make a place in its sandbox for " RESOLV_CONF;
	if (outside && (mkdir(mounted, 0755) < 0 ||
			mount(directory, mounted, NULL, MS_BIND | MS_REC, NULL) < 0))
		return "show it the directory of " RESOLV_CONF;
	if (symlink(target, link) < 0 || cover_link(link) < 0)
		return "lead " RESOLV_CONF " into its sandbox";
	if (make_read_only(dns->spot, outside ? mounted : NULL) < 0)
		return "make the directory of " RESOLV_CONF " read-only";
	return NULL;
}

struct trial {
	struct host_dns *dns;
	bool own_userns;
};

/* In a child. Return: 0 or an errno, which is its exit status. */
static int try_child(void *arg)
{
	const struct trial *trial = arg;
	struct hostdns_walk walk;

	umask(077);
	if ((trial->own_userns && process_make_userns() < 0) || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
	    hostdns_mount(trial->dns) != NULL || hostdns_resolve(&walk, RESOLV_CONF) < 0)
		return errno > 0 && errno < 256 ? errno : EIO;
	/* A kernel may let a mount cover a link, and ignore it when it resolves a path. */
	return walk.outside ? EOPNOTSUPP : 0;
}

static int try_to_mount(struct host_dns *dns, bool own_userns, struct cni_error *why)
{
	struct trial trial = {.dns = dns, .own_userns = own_userns};
	const struct child_spec spec = {.purpose = "mount its directory",
					.fn = try_child,
					.arg = &trial,
					.deadline = monotonic_ms() + TRY_LIMIT_MS};
	cleanup_child struct child child = CHILD_NONE;
	int status;

	if (child_start(&spec, &child, why) < 0)
		return -1;
	status = child_reap(&child);
	if (status < 0 || !WIFEXITED(status))
		return cni_error(why, CNI_ERR_CONFIG, "mounting its directory does not end");
	if (WEXITSTATUS(status) == 0)
		return 0;
	errno = WEXITSTATUS(status);
	return cni_error_errno(why, CNI_ERR_CONFIG, "its directory cannot be mounted there");
}

int hostdns_find(const struct state *state, bool own_userns, struct host_dns *dns,
		 struct cni_error *why)
{
	char directory[sizeof(dns->file)];
	struct hostdns_walk walk;

	*dns = (struct host_dns){0};
	if (hostdns_resolve(&walk, RESOLV_CONF) < 0)
		return 0; /* it is broken on the host, too, and hostdns_warn() says so */
	if (!walk.outside)
		return 0;
	if ((size_t)snprintf(dns->file, sizeof(dns->file), "%s%s", walk.done, walk.rest) >=
	    sizeof(dns->file))
		return cni_error(why, CNI_ERR_CONFIG, "its path is too long");
	strcpy(directory, dns->file);
	*strrchr(directory, '/') = '\0';
	if (!hostdns_is_in_sandbox(directory) && check_directory(directory, why) < 0)
		return -1;
	if (find_spot(state, dns) < 0)
		return cni_error(why, CNI_ERR_CONFIG,
				 "there is no place in /run or /etc to mount its directory on");
	return try_to_mount(dns, own_userns, why) < 0 ? -1 : 1;
}

int open_as_daemon(const char *path, int flags)
{
	const uint32_t mask =
		~(UINT32_C(1) << CAP_DAC_OVERRIDE | UINT32_C(1) << CAP_DAC_READ_SEARCH);
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	cleanup_close int fd = -1;
	uint32_t had;

	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	had = data[0].effective;
	data[0].effective &= mask;
	if (syscall(SYS_capset, &head, data) < 0)
		return -1;
	fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	data[0].effective = had;
	return syscall(SYS_capset, &head, data) < 0 ? -1 : take_fd(&fd);
}

static FILE *open_resolv_conf(void)
{
	cleanup_close int fd = open_as_daemon(RESOLV_CONF, O_RDONLY);
	struct stat st;
	FILE *file;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	file = fdopen(fd, "r");
	if (file != NULL)
		take_fd(&fd);
	return file;
}

unsigned int hostdns_families(FILE *file)
{
	unsigned int found = 0;
	size_t total = 0;
	char line[512]; /* as in libslirp, so that long lines are split in the same places */
	char text[257];
	struct ip_address address;

	while (total < RESOLV_CONF_MAX_BYTES && fgets(line, sizeof(line), file) != NULL) {
		total += strlen(line);
		if (sscanf(line, "nameserver%*[ \t]%256s", text) != 1)
			continue;
		text[strcspn(text, "%")] = '\0';
		if (ip_address_parse(text, &address) == 0)
			found |= address.family == AF_INET ? 1 : 2;
	}
	return found;
}

void hostdns_warn(const struct config *config)
{
	char ours[INET6_ADDRSTRLEN];
	FILE *file = open_resolv_conf();
	unsigned int found;

	ip_address_format(&config->nameserver, ours);
	if (file == NULL) {
		fprintf(stderr,
			PLUGIN_NAME ": " RESOLV_CONF " of the host cannot be read by slirp4netns "
				    "(%s): until it can, %s resolves no name\n",
			strerrordesc_np(errno), ours);
		return;
	}
	found = hostdns_families(file);
	fclose(file);
	if (found == 0)
		fprintf(stderr,
			PLUGIN_NAME ": " RESOLV_CONF " of the host has no DNS server: until it "
				    "has one, %s resolves no name\n",
			ours);
	else if (found == 2 && !config->ipv6)
		fprintf(stderr,
			PLUGIN_NAME ": the DNS servers in " RESOLV_CONF " of the host have IPv6 "
				    "addresses only, which slirp4netns does not ask for %s: set "
				    "enableIPv6\n",
			ours);
}

/* stat(2) of /etc/resolv.conf below the root directory @root. Return: 0, or -1 with errno. */
static int stat_in(int root, struct stat *st)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	cleanup_close int fd = (int)syscall(SYS_openat2, root, RESOLV_CONF, &how, sizeof(how));

	return fd < 0 ? -1 : fstat(fd, st);
}

int hostdns_check(pid_t daemon, struct cni_error *err)
{
	char path[32];
	cleanup_close int root = -1;
	struct stat ours, theirs;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)daemon);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return 0; /* with only the capabilities of CHECK one may not look there */
	/* Twice, since somebody may replace the file between the two stat() calls. */
	for (int i = 0; i < 2; i++) {
		if (stat(RESOLV_CONF, &ours) < 0)
			return 0;
		if (stat_in(root, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
		    ours.st_ino == theirs.st_ino)
			return 0;
	}
	return cni_error(err, ERR_CHECK,
			 RESOLV_CONF
			 " of the host has become one that slirp4netns cannot see in its "
			 "sandbox, and names may not resolve; delete and add it anew");
}
