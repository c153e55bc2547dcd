/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lack of memory and failing system calls, at every one that an operation of the library makes.
 *
 * An operation runs once undisturbed, which tells how many allocations and calls it makes. Then it
 * runs again for each of them, which fails. Each time it is done in whole, with the right outcome,
 * or it says why not: -1, a code, a message. No descriptor is left open and, as the sanitized build
 * sees, no memory either.
 *
 * The campaign in campaigns/faults/ does that to whole plugins, of which a check takes a sample;
 * this is for the library, where a thousand failures take less than a second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "isolated.h"

#include <dlfcn.h>
#include <linux/capability.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "address.h"
#include "cleanup.h"
#include "conf.h"
#include "link.h"
#include "mapping.h"
#include "netns.h"
#include "process.h"
#include "result.h"
#include "state.h"

#define STATE_DIR "/run/state"
#define REMOVE_STATE "rm -rf " STATE_DIR

/*
 * Failing
 */

static bool armed;          /* in an operation, and in the processes that it makes */
static unsigned int *count; /* since armed, in all of them together */
static unsigned int at;     /* the one that fails; 0: none */
static int failure;         /* its errno */
static bool of_memory;      /* what is counted: allocations, or else system calls */

static bool fails(bool memory)
{
	if (!armed || memory != of_memory || __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) != at)
		return false;
	errno = memory ? ENOMEM : failure;
	return true;
}

/*
 * What the library and the libraries under it call, instead of the C library's. In the sanitized
 * build the sanitizer has the allocator; cJSON's allocations, most of all, fail there by its hooks.
 */
#ifdef __SANITIZE_ADDRESS__
static void *failing_malloc(size_t size)
{
	return fails(true) ? NULL : malloc(size);
}

static void hook_allocator(void)
{
	cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = failing_malloc, .free_fn = free});
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size)
{
	return fails(true) ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
	return fails(true) ? NULL : __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t size)
{
	return fails(true) ? NULL : __libc_realloc(p, size);
}

static void hook_allocator(void)
{
}
#endif

/* The C library's, for those that are the test's to make; also before main(). */
typedef long syscall_fn(long number, ...);

static syscall_fn *real_syscall_(void)
{
	static syscall_fn *fn;

	if (fn == NULL) {
		void *address = dlsym(RTLD_NEXT, "syscall");

		memcpy(&fn, &address, sizeof(address));
	}
	return fn;
}
#define real_syscall real_syscall_()

#define FAILING(type, name, parameters, number, ...)                                      \
	__attribute__((visibility("default"))) type name parameters                       \
	{                                                                                 \
		return fails(false) ? (type)-1 : (type)real_syscall(number, __VA_ARGS__); \
	}

static size_t most = SIZE_MAX; /* bytes that are read or written at once */
#define AT_MOST(n) (armed && (n) > most ? most : (n))

FAILING(ssize_t, read, (int fd, void *to, size_t n), SYS_read, fd, to, AT_MOST(n))
FAILING(ssize_t, write, (int fd, const void *from, size_t n), SYS_write, fd, from, AT_MOST(n))
FAILING(int, fstat, (int fd, struct stat *st), SYS_fstat, fd, st)
FAILING(int, flock, (int fd, int how), SYS_flock, fd, how)
FAILING(int, mkdirat, (int fd, const char *path, mode_t mode), SYS_mkdirat, fd, path, mode)
FAILING(int, linkat, (int fd, const char *from, int fd2, const char *to, int flags), SYS_linkat, fd,
	from, fd2, to, flags)
FAILING(int, renameat, (int fd, const char *from, int fd2, const char *to), SYS_renameat, fd, from,
	fd2, to)
FAILING(int, renameat2, (int fd, const char *from, int fd2, const char *to, unsigned int flags),
	SYS_renameat2, fd, from, fd2, to, flags)
FAILING(int, unlinkat, (int fd, const char *path, int flags), SYS_unlinkat, fd, path, flags)
FAILING(int, setns, (int fd, int kind), SYS_setns, fd, kind)
FAILING(int, socket, (int domain, int kind, int protocol), SYS_socket, domain, kind, protocol)
FAILING(int, socketpair, (int domain, int kind, int protocol, int fds[2]), SYS_socketpair, domain,
	kind, protocol, fds)
FAILING(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags), SYS_sendmsg, fd, msg,
	flags)
FAILING(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags), SYS_recvmsg, fd, msg, flags)
FAILING(ssize_t, sendto,
	(int fd, const void *data, size_t n, int flags, const struct sockaddr *to, socklen_t len),
	SYS_sendto, fd, data, n, flags, to, len)
FAILING(ssize_t, recvfrom,
	(int fd, void *data, size_t n, int flags, struct sockaddr *from, socklen_t *len),
	SYS_recvfrom, fd, data, n, flags, from, len)
FAILING(pid_t, setsid, (void), SYS_setsid, 0)
FAILING(int, chdir, (const char *path), SYS_chdir, path)
FAILING(int, unshare, (int kind), SYS_unshare, kind)
FAILING(int, mount,
	(const char *from, const char *to, const char *kind, unsigned long flags, const void *data),
	SYS_mount, from, to, kind, flags, data)
FAILING(int, umount2, (const char *path, int flags), SYS_umount2, path, flags)
FAILING(int, unlink, (const char *path), SYS_unlink, path)

__attribute__((visibility("default"))) int dup2(int from, int to)
{
	return fails(false) ? -1 : (int)real_syscall(SYS_dup3, from, to, 0);
}

/* How many arguments there are is the call's to know; what is read behind them goes nowhere. */
__attribute__((visibility("default"), no_sanitize_address)) long syscall(long number, ...)
{
	long a[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	return fails(false) ? -1 : real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

__attribute__((visibility("default"))) int openat(int fd, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails(false) ? -1 : (int)real_syscall(SYS_openat, fd, path, flags, mode);
}

__attribute__((visibility("default"))) int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails(false) ? -1 : (int)real_syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/*
 * Operations: 0 done, with the outcome that it must have; -1 with @err. What they leave on disk is
 * removed between them.
 */

/* Not an assertion: in the middle of an operation that would leave what it has. */
static const char *wrong;

#define must(condition)                     \
	do {                                \
		if (!(condition))           \
			wrong = #condition; \
	} while (0)

static const struct attachment c1 = {"net", "c1", "eth0"};

static int count_record(const struct attachment *a, void *arg, struct cni_error *err)
{
	(void)err;
	must(attachment_compare(a, &c1) == 0);
	++*(int *)arg;
	return 0;
}

static int write_record(struct cni_error *err)
{
	cleanup_state struct state s = STATE_NONE;
	cleanup_json cJSON *record = cJSON_CreateObject();
	int written;

	if (cJSON_AddStringToObject(record, "value", "written") == NULL)
		return cni_error_nomem(err);
	if (state_open(STATE_DIR, "fake", "net", true, &s, err) < 0)
		return -1;
	written = state_write(&s, &c1, record, false, err);
	must(written != 0);
	return written < 0 ? -1 : 0;
}

static int replace_record(struct cni_error *err)
{
	cleanup_state struct state s = STATE_NONE;
	cleanup_json cJSON *record = cJSON_CreateObject();
	cleanup_close int lock = -1;
	int written;

	if (cJSON_AddStringToObject(record, "value", "replaced") == NULL)
		return cni_error_nomem(err);
	if (state_open(STATE_DIR, "fake", "net", false, &s, err) < 0)
		return -1;
	lock = state_lock(&s, 100, err);
	if (lock < 0)
		return -1;
	written = state_write(&s, &c1, record, true, err);
	must(written != 0);
	return written < 0 ? -1 : 0;
}

static int read_record(struct cni_error *err)
{
	cleanup_state struct state s = STATE_NONE;
	cleanup_json cJSON *record = NULL;
	int present, n = 0;

	if (state_open(STATE_DIR, "fake", "net", false, &s, err) < 0)
		return -1;
	must(s.fd >= 0);
	present = state_read(&s, &c1, &record, err);
	if (present < 0)
		return -1;
	must(present == 1);
	must(strcmp(json_get(record, "value")->valuestring, "written") == 0);
	if (state_each(&s, count_record, &n, err) < 0)
		return -1;
	must(n == 1);
	return 0;
}

static int remove_record(struct cni_error *err)
{
	cleanup_state struct state s = STATE_NONE;

	if (state_open(STATE_DIR, "fake", "net", false, &s, err) < 0 ||
	    state_remove(&s, &c1, err) < 0)
		return -1;
	must(!exists(STATE_DIR "/fake/net/c1@eth0.json"));
	return 0;
}

static int files_of_a_plugin(struct cni_error *err)
{
	cleanup_state struct state s = STATE_NONE;
	cleanup_close int sub = -1;
	cleanup_free char *text = NULL;
	int present;

	if (state_open(STATE_DIR, "fake", "net", true, &s, err) < 0)
		return -1;
	sub = state_subdir(&s, "log", err);
	if (sub < 0)
		return -1;
	if (state_write_file(sub, "file", "some text", true, err) < 0)
		return -1;
	present = state_read_file(sub, "file", &text, err);
	if (present < 0)
		return -1;
	must(present == 1 && strcmp(text, "some text") == 0);
	if (state_remove_file(&s, "log", "file", err) < 0)
		return -1;
	must(!exists(STATE_DIR "/log/file"));
	return 0;
}

static const char old_result[] =
	"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.1.0.2/"
	"24\",\"gateway\":\"10.1.0.1\",\"routes\":["
	"{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"},{\"dst\":\"10.2.0.0/16\"}]},"
	"\"ip6\":{\"ip\":\"fd00::2/64\",\"x\":{\"y\":[1]}},\"dns\":{\"nameservers\":[\"10.1.0.1\"],"
	"\"domain\":\"a.example\",\"search\":[\"b.example\"],\"options\":[\"ndots:2\"]},\"own\":[1,"
	"2]}";

static const char new_result[] =
	"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:"
	"01\","
	"\"mtu\":1500,\"sandbox\":\"/run/netns/a\",\"socketPath\":\"/"
	"s\",\"pciID\":\"0000:00:01.0\","
	"\"own\":true},{\"name\":\"br0\"}],\"ips\":[{\"address\":\"10.1.0.2/24\",\"gateway\":"
	"\"10.1.0.1\",\"interface\":0,\"own\":{}},{\"address\":\"fd00::2/"
	"64\"}],\"routes\":[{\"dst\":"
	"\"0.0.0.0/"
	"0\",\"gw\":\"10.1.0.1\",\"mtu\":1400,\"advmss\":1300,\"priority\":5,\"table\":100,"
	"\"scope\":0,\"own\":null}],\"dns\":{\"nameservers\":[\"10.1.0.1\"],\"own\":1},"
	"\"number\":1152921504606846977,\"own\":{\"a\":[{}]}}";

/* A result in, and out in every form; the same text each time. */
static int convert(const char *text, struct cni_error *err)
{
	static const enum cni_version versions[] = {CNI_0_2_0, CNI_0_4_0, CNI_1_0_0, CNI_1_1_0};
	static char *expected[2][ROWS(versions)];
	cleanup_json cJSON *json = NULL;
	cleanup_result struct cni_result result = {0};

	if (json_parse(text, strlen(text), "the text", &json, err) < 0 ||
	    result_parse(json, CNI_1_1_0, "prevResult", &result, err) < 0)
		return -1;
	for (size_t i = 0; i < ROWS(versions); i++) {
		char **first = &expected[text == new_result][i];
		cleanup_json cJSON *printed = NULL;
		cleanup_free char *out = NULL;

		if (result_print(&result, versions[i], &printed, err) < 0)
			return -1;
		armed = false;
		out = cJSON_PrintUnformatted(printed);
		armed = true;
		if (*first == NULL)
			*first = strdup(out);
		else
			must(strcmp(out, *first) == 0);
	}
	return 0;
}

static int convert_old_result(struct cni_error *err)
{
	return convert(old_result, err);
}

static int convert_new_result(struct cni_error *err)
{
	return convert(new_result, err);
}

static int read_mappings(struct cni_error *err)
{
	static const char text[] = "{\"m\":[{\"hostPort\":80,\"containerPort\":8080},{\"hostPort\":"
				   "53,\"containerPort\":53,"
				   "\"protocol\":\"udp\",\"hostIP\":\"127.0.0.1\"},{\"HostPort\":"
				   "54,\"ContainerPort\":54,"
				   "\"Protocol\":\"TCP\",\"HostIP\":\"fd00::1\"}]}";
	cleanup_json cJSON *json = NULL;
	cleanup_json cJSON *record = NULL;
	cleanup_free struct mapping *asked = NULL;
	cleanup_free struct mapping *recorded = NULL;
	const struct mapping *missing;
	size_t n, n_recorded, left;
	char buf[MAPPING_TEXT_MAX];

	if (json_parse(text, strlen(text), "the text", &json, err) < 0 ||
	    mappings_read(json_get(json, "m"), "portMappings", &asked, &n, err) < 0)
		return -1;
	must(n == 3);
	must(strcmp(mapping_format(&asked[2], buf), "tcp [fd00::1]:54") == 0);
	record = mappings_print(asked, n);
	if (record == NULL)
		return cni_error_nomem(err);
	if (mappings_read_record(record, &recorded, &n_recorded, err) < 0 ||
	    mappings_compare(asked, n, recorded, n_recorded, &missing, err) < 0)
		return -1;
	must(n_recorded == 3 && missing == NULL);
	if (mappings_compare(asked, n, recorded, 1, &missing, err) < 0)
		return -1;
	must(missing != NULL);
	/* Without memory it is cautious, and takes none away. */
	left = mappings_subtract(asked, n, recorded, n_recorded);
	must(left == 0 || (left == n && at != 0));
	return 0;
}

static int count_link(const struct link *link, void *arg)
{
	must(link->index > 0 && link->name[0] != '\0');
	++*(int *)arg;
	return 0;
}

static int count_address(const struct link_address *address, void *arg)
{
	*(int *)arg += address->prefix.length == 27;
	return 0;
}

static int count_route(const struct link_route *route, void *arg)
{
	*(int *)arg += route->dst.length == 28;
	return 0;
}

static int configure_link(struct cni_error *err)
{
	cleanup_netlink struct netlink *sk = netlink_open(NULL, NETLINK_ROUTE, err);
	cleanup_link_batch struct link_batch *batch = NULL;
	struct ip_prefix prefix, dst;
	struct ip_address gateway;
	struct link lo;
	int links = 0, addresses = 0, routes = 0;
	int present;

	if (sk == NULL)
		return -1;
	must(ip_prefix_parse("192.0.2.1/27", &prefix) == 0);
	must(ip_prefix_parse("198.51.100.16/28", &dst) == 0);
	must(ip_address_parse("192.0.2.2", &gateway) == 0);
	present = link_get(sk, "lo", &lo, err);
	if (present < 0)
		return -1;
	must(present == 1 && lo.index == 1);
	batch = link_batch_new();
	if (batch == NULL)
		return cni_error_nomem(err);
	link_batch_up(batch, lo.index);
	link_batch_add_address(batch, lo.index, &prefix);
	link_batch_add_route(batch, lo.index, &dst, &gateway);
	if (link_batch_commit(batch, sk, err) < 0 ||
	    link_each(sk, count_link, NULL, &links, err) < 0 ||
	    link_each_address(sk, count_address, NULL, &addresses, err) < 0 ||
	    link_each_route(sk, count_route, NULL, &routes, err) < 0)
		return -1;
	must(links > 0 && addresses == 1 && routes == 1);
	return 0;
}

static int visit(void *arg, struct cni_error *err)
{
	(void)err;
	*(ino_t *)arg = inode("/proc/self/ns/net");
	return 0;
}

static int enter_netns(struct cni_error *err)
{
	const ino_t ours = inode("/proc/self/ns/net");
	cleanup_netns struct netns ns = NETNS_NONE;
	cleanup_close int fd = -1;
	ino_t seen = 0;

	if (netns_open("/run/ns", &ns, err) < 0)
		return -1;
	if (netns_is_own(&ns)) /* what cannot be told is not entered */
		return cni_error(err, CNI_ERR_IO, "it is our own");
	if (netns_run(&ns, visit, &seen, sizeof(seen), err) < 0)
		return -1;
	must(seen == ns.ino && inode("/proc/self/ns/net") == ours);
	fd = netns_socket(&ns, AF_INET, SOCK_DGRAM, 0, err);
	return fd < 0 ? -1 : 0;
}

static int make_netns(struct cni_error *err)
{
	char path[64];

	if (netns_create("/run/made", "new", path, sizeof(path), err) < 0)
		return -1;
	must(strcmp(path, "/run/made/new") == 0 && exists(path));
	if (netns_remove(path, err) < 0)
		return -1;
	must(!exists(path));
	return 0;
}

/* A daemon that is allowed this and no more, started by a caller who would hand on all that he has.
 */
#define DAEMON_CAPABILITIES (UINT64_C(1) << CAP_NET_ADMIN)

static void make_all_inheritable(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	assert_int_equal(real_syscall(SYS_capget, &head, data), 0);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].inheritable = data[i].permitted;
	assert_int_equal(real_syscall(SYS_capset, &head, data), 0);
}

static bool is_at(pid_t pid, const char *what, const char *expected)
{
	char path[64], target[128];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	return strcmp(target, expected) == 0;
}

static void judge_daemon(pid_t pid)
{
	char path[64], line[256];
	unsigned long long inheritable = 1, bounding = 0;
	bool just_three = false;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
		sscanf(line, "CapInh: %llx", &inheritable);
		sscanf(line, "CapBnd: %llx", &bounding);
	}
	if (status != NULL)
		fclose(status);
	must((inheritable & ~DAEMON_CAPABILITIES) == 0);
	must(bounding == DAEMON_CAPABILITIES);
	must(getsid(pid) == pid);
	must(is_at(pid, "cwd", "/"));
	must(is_at(pid, "fd/0", "/dev/null"));
	must(is_at(pid, "fd/1", "/run/daemon/log") && is_at(pid, "fd/2", "/run/daemon/log"));
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	/* It has been executed, and its loader may have a file open for a moment. */
	for (int i = 0; i < 1000 && !just_three; i++) {
		just_three = count_entries(path) == 3;
		if (!just_three)
			sleep_ms(10);
	}
	must(just_three);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	must(inode(path) != inode("/proc/self/ns/mnt"));
}

static int start_daemon(struct cni_error *err)
{
	static const char *const argv[] = {"sleep", "100", NULL};
	static const char *const envp[] = {NULL};
	cleanup_close int dir = open("/run/daemon", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct process_spec spec = {
		.path = "/bin/sleep",
		.argv = argv,
		.envp = envp,
		.log_dirfd = dir,
		.log_name = "log",
		.slave_mounts = true,
		.capabilities = DAEMON_CAPABILITIES,
	};
	cleanup_process struct process p = PROCESS_NONE;
	struct cni_error ignored;
	int value = -1;

	if (dir < 0)
		return cni_error_errno(err, CNI_ERR_IO, "no directory");
	if (process_start(&spec, &p, err) < 0)
		return -1;
	if (process_release(&p, err) == 0) {
		armed = false;
		judge_daemon(p.id.pid);
		value = 0;
	}
	armed = false;
	must(process_stop(&p, 0, &ignored) == 0);
	armed = true;
	return value;
}

/*
 * Running them
 */

struct operation {
	const char *name;
	int (*run)(struct cni_error *err);
	const char *clean_up; /* for the shell; NULL: nothing is left */
	bool needs_record;
};

static void clean_up(const struct operation *op)
{
	static int home = -1;
	struct cni_error err;

	/* One that could not come back from another network namespace has said so. */
	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	if (op->clean_up != NULL)
		assert_int_equal(system(op->clean_up), 0);
	if (op->needs_record && write_record(&err) < 0)
		fail_msg("%s: %s", err.msg, err.details);
}

/* Return: what the operation did; it was disturbed if that many were counted. */
static int run_once(const struct operation *op, unsigned int number, struct cni_error *err)
{
	const int descriptors = count_descriptors();
	int value;

	*err = (struct cni_error){0};
	wrong = NULL;
	*count = 0;
	at = number;
	armed = true;
	value = op->run(err);
	armed = false;
	if (wrong != NULL)
		fail_msg("%s, %s %u failing: not so: %s", op->name,
			 of_memory ? "allocation" : "call", number, wrong);
	if (value < 0 && (err->code == 0 || err->msg[0] == '\0'))
		fail_msg("%s, %s %u failing: no error", op->name, of_memory ? "allocation" : "call",
			 number);
	if (count_descriptors() != descriptors)
		fail_msg("%s, %s %u failing: descriptors are left", op->name,
			 of_memory ? "allocation" : "call", number);
	return value;
}

/* Each in turn, until the operation is over before it comes. */
static void disturb(const struct operation *op, bool memory, int errnum)
{
	unsigned int refused = 0, n;
	struct cni_error err;

	of_memory = memory;
	failure = errnum;
	clean_up(op);
	if (run_once(op, 0, &err) < 0)
		fail_msg("%s: %s: %s", op->name, err.msg, err.details);
	for (n = 1;; n++) {
		const char *what = memory ? "allocation" : "call";
		int value;

		clean_up(op);
		value = run_once(op, n, &err);
		if (*count < n && value < 0)
			fail_msg("%s, undisturbed again: %s: %s", op->name, err.msg, err.details);
		if (*count < n)
			break;
		refused += value < 0;
		if (value < 0 && err.code != CNI_ERR_IO && err.code != CNI_ERR_AGAIN)
			fail_msg("%s, %s %u failing: code %d, %s", op->name, what, n, err.code,
				 err.msg);
	}
	print_message("# %s: %u %s, without %u of them it cannot be done\n", op->name, n - 1,
		      memory ? "allocations" : "calls", refused);
}

static void disturb_all(const struct operation *ops, size_t n)
{
	need_isolation();
	need_openat2();
	for (size_t i = 0; i < n; i++) {
		disturb(&ops[i], true, 0);
		disturb(&ops[i], false, EIO);
		disturb(&ops[i], false, EINTR);
	}
}

static const struct operation record_operations[] = {
	{"write", write_record, REMOVE_STATE, false},
	{"replace", replace_record, REMOVE_STATE, true},
	{"read", read_record, REMOVE_STATE, true},
	{"remove", remove_record, REMOVE_STATE, true},
	{"files", files_of_a_plugin, REMOVE_STATE, false},
};

static void records_are_whole_or_an_error_is_told(void **unused)
{

	(void)unused;
	disturb_all(record_operations, ROWS(record_operations));
}

static void what_is_read_and_written_a_few_bytes_at_a_time_is_whole(void **unused)
{
	struct cni_error err;

	(void)unused;
	need_isolation();
	need_openat2();
	for (most = 1; most < 6; most++) {
		for (size_t i = 0; i < ROWS(record_operations); i++) {
			clean_up(&record_operations[i]);
			assert_int_equal(run_once(&record_operations[i], 0, &err), 0);
		}
	}
	most = SIZE_MAX;
}

static void results_and_mappings_are_whole_or_an_error_is_told(void **unused)
{
	static const struct operation ops[] = {
		{"old result", convert_old_result, NULL, false},
		{"new result", convert_new_result, NULL, false},
		{"mappings", read_mappings, NULL, false},
	};

	(void)unused;
	disturb_all(ops, ROWS(ops));
}

static void links_are_configured_or_an_error_is_told(void **unused)
{
	static const struct operation ops[] = {{"link", configure_link,
						"ip address flush dev lo scope global; "
						"ip route del 198.51.100.16/28 2>/dev/null || true",
						false}};

	(void)unused;
	disturb_all(ops, ROWS(ops));
}

static void namespaces_are_entered_and_left_or_an_error_is_told(void **unused)
{
	static const struct operation ops[] = {
		{"enter", enter_netns, NULL, false},
		{"make", make_netns,
		 "[ ! -e /run/made/new ] || umount /run/made/new 2>/dev/null; rm -rf /run/made",
		 false},
	};

	(void)unused;
	need_isolation();
	if (system("touch /run/ns && unshare --net=/run/ns true") != 0)
		fail_msg("no namespace");
	disturb_all(ops, ROWS(ops));
	assert_int_equal(umount2("/run/ns", MNT_DETACH), 0);
}

static void a_daemon_is_as_it_was_asked_for_or_an_error_is_told(void **unused)
{
	static const struct operation ops[] = {
		{"start", start_daemon, "rm -rf /run/daemon; mkdir /run/daemon", false}};

	(void)unused;
	need_isolation();
	need_pidfd();
	make_all_inheritable();
	disturb_all(ops, ROWS(ops));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_whole_or_an_error_is_told),
		cmocka_unit_test(what_is_read_and_written_a_few_bytes_at_a_time_is_whole),
		cmocka_unit_test(results_and_mappings_are_whole_or_an_error_is_told),
		cmocka_unit_test(links_are_configured_or_an_error_is_told),
		cmocka_unit_test(namespaces_are_entered_and_left_or_an_error_is_told),
		cmocka_unit_test(a_daemon_is_as_it_was_asked_for_or_an_error_is_told),
	};

	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (count == MAP_FAILED)
		return 1;
	hook_allocator();
	return cmocka_run_group_tests(tests, isolate, NULL);
}
