/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records and locks, in an empty directory on a file system of the test's own. A hostile neighbour
 * is played by chown(2), mknod(2) and symlink(2), which takes root.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "conf.h"
#include "isolated.h"
#include "state.h"

#define DIR_ "/run/s"
#define NETWORK DIR_ "/fake/net"
#define RECORD NETWORK "/c1@eth0.json"

/*
 * In place of libc's, for common/: a file system that knows no nameless files, as those of some
 * networks and of older kernels.
 */
static bool no_nameless;

int openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	if (no_nameless && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_openat, dirfd, path, flags, mode);
}

/* Each test has a file system of its own, gone with whatever the test left. */
static int fresh(void **state)
{
	(void)state;
	if (!isolated)
		return 0;
	if (mount("test", "/run", "tmpfs", 0, "size=8m,mode=755") < 0)
		return -1;
	return mkdir("/run/user", 0755);
}

static int fresh_without_nameless(void **state)
{
	no_nameless = true;
	return fresh(state);
}

static int stale(void **state)
{
	(void)state;
	no_nameless = false;
	return isolated ? umount2("/run", MNT_DETACH) : 0;
}

#define need()                    \
	do {                      \
		(void)state;      \
		need_isolation(); \
		need_openat2();   \
	} while (0)

/* On the network of open_state(). */
#define ON_NET(id, ifname) (&(const struct attachment){"net", id, ifname})

static void open_state(struct state *s, bool create)
{
	struct cni_error err = {0};

	if (state_open(DIR_, "fake", "net", create, s, &err) < 0)
		fail_msg("%s (%s)", err.msg, err.details);
}

static int write_value(const struct state *s, const char *id, int value, bool replace,
		       struct cni_error *err)
{
	cleanup_json cJSON *record = cJSON_CreateObject();

	cJSON_AddNumberToObject(record, "value", value);
	return state_write(s, ON_NET(id, "eth0"), record, replace, err);
}

static void put(const struct state *s, const char *id, int value)
{
	struct cni_error err = {0};

	if (write_value(s, id, value, true, &err) != 1)
		fail_msg("%s (%s)", err.msg, err.details);
}

/* The value of a record; -1: there is none; -2: it cannot be read. */
static int get(const struct state *s, const char *id, struct cni_error *err)
{
	cleanup_json cJSON *record = NULL;
	const int present = state_read(s, ON_NET(id, "eth0"), &record, err);

	if (present <= 0) {
		if (record != NULL)
			return -3;
		return present - 1;
	}
	return (int)cJSON_GetNumberValue(json_get(record, "value"));
}

static void assert_error(const struct cni_error *err, int code, const char *part)
{
	if (err->code != code || strstr(err->msg, part) == NULL)
		fail_msg("should be %d \"%s\": %d %s (%s)", code, part, err->code, err->msg,
			 err->details);
}

static void a_record_comes_back_as_it_was_written(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};

	need();
	open_state(&s, true);
	assert_string_equal(s.root, DIR_);
	assert_int_equal(write_value(&s, "c1", 7, false, &err), 1);
	assert_int_equal(get(&s, "c1", &err), 7);
	assert_true(exists(RECORD));
	assert_int_equal(count_entries(NETWORK), 1);
	assert_int_equal(get(&s, "c2", &err), -1);

	state_close(&s);
	open_state(&s, false);
	assert_int_equal(get(&s, "c1", &err), 7);
}

static void writing_replaces_a_record_only_when_told(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};

	need();
	open_state(&s, true);
	put(&s, "c1", 1);
	assert_int_equal(write_value(&s, "c1", 2, false, &err), 0);
	assert_int_equal(get(&s, "c1", &err), 1);
	assert_int_equal(write_value(&s, "c1", 3, true, &err), 1);
	assert_int_equal(get(&s, "c1", &err), 3);
	assert_int_equal(count_entries(NETWORK), 1);
}

static void removing_twice_is_fine(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};

	need();
	open_state(&s, true);
	put(&s, "c1", 1);
	put(&s, "c2", 2);
	assert_int_equal(state_remove(&s, ON_NET("c1", "eth0"), &err), 0);
	assert_int_equal(state_remove(&s, ON_NET("c1", "eth0"), &err), 0);
	assert_int_equal(get(&s, "c1", &err), -1);
	assert_int_equal(get(&s, "c2", &err), 2);
}

static void directories_and_files_are_for_us_alone(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
	} rows[] = {
		{DIR_, S_IFDIR | 0700},    {DIR_ "/fake", S_IFDIR | 0700},
		{NETWORK, S_IFDIR | 0700}, {DIR_ "/sock", S_IFDIR | 0700},
		{RECORD, S_IFREG | 0600},
	};
	cleanup_state struct state s = STATE_NONE;
	cleanup_close int sub = -1;
	struct cni_error err = {0};
	struct stat st;

	need();
	umask(0);
	open_state(&s, true);
	put(&s, "c1", 1);
	sub = state_subdir(&s, "sock", &err);
	umask(022);
	assert_true(sub >= 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(lstat(rows[i].path, &st), 0);
		assert_int_equal(st.st_mode, rows[i].mode);
	}
}

static void descriptors_do_not_survive_exec(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	cleanup_close int sub = -1;
	cleanup_close int lock = -1;
	struct cni_error err = {0};

	need();
	open_state(&s, true);
	sub = state_subdir(&s, "log", &err);
	lock = state_lock(&s, 0, &err);

	const int fds[] = {s.root_fd, s.plugin_fd, s.fd, sub, lock};

	for (size_t i = 0; i < ROWS(fds); i++)
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
}

static void closing_gives_every_descriptor_back(void **state)
{
	struct state s = STATE_NONE;
	struct cni_error err = {0};
	int before;

	need();
	before = count_descriptors();
	open_state(&s, true);
	close(state_lock(&s, 0, &err));
	put(&s, "c1", 1);
	get(&s, "c1", &err);
	close(state_subdir(&s, "log", &err));
	state_remove_file(&s, "log", "x", &err);
	state_close(&s);
	state_close(&s);
	assert_int_equal(s.root_fd, -1);
	assert_int_equal(s.plugin_fd, -1);
	assert_int_equal(s.fd, -1);
	assert_int_equal(chmod(NETWORK, 0777), 0);
	assert_int_equal(state_open(DIR_, "fake", "net", false, &s, &err), -1);
	assert_int_equal(count_descriptors(), before);
}

static int count_records(const struct attachment *a, void *arg, struct cni_error *err)
{
	(void)a;
	(void)err;
	++*(int *)arg;
	return 0;
}

static void a_missing_directory_is_an_empty_one(void **state)
{
	static const char *const made[] = {NULL, DIR_, DIR_ "/fake"};
	struct cni_error err = {0};
	int n = 0;

	need();
	for (size_t i = 0; i < ROWS(made); i++) {
		cleanup_state struct state s = STATE_NONE;

		if (made[i] != NULL)
			assert_int_equal(mkdir(made[i], 0700), 0);
		assert_int_equal(state_open(DIR_, "fake", "net", false, &s, &err), 0);
		assert_int_equal(s.fd, -1);
		assert_int_equal(get(&s, "c1", &err), -1);
		assert_int_equal(state_remove(&s, ON_NET("c1", "eth0"), &err), 0);
		assert_int_equal(state_remove_file(&s, "sock", "x.sock", &err), 0);
		assert_int_equal(state_each(&s, count_records, &n, &err), 0);
		assert_int_equal(n, 0);
		assert_false(exists(i == 0 ? DIR_ : i == 1 ? DIR_ "/fake" : NETWORK));
	}
}

static void without_a_network_only_the_plugins_directory_is_opened(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};

	need();
	assert_int_equal(state_open(DIR_, "fake", NULL, true, &s, &err), 0);
	assert_true(s.plugin_fd >= 0);
	assert_int_equal(s.fd, -1);
	assert_int_equal(count_entries(DIR_ "/fake"), 0);
}

/* A reader without the lock sees the old record or the new one, never half of one, never none. */
static void a_record_is_replaced_at_once(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};
	int64_t until;
	pid_t writer;

	need();
	open_state(&s, true);
	put(&s, "c1", 1);
	writer = fork_child();
	if (writer == 0) {
		for (int i = 0;; i++)
			check(write_value(&s, "c1", 1 + i % 2, true, &err) == 1);
	}
	for (until = milliseconds() + 100; milliseconds() < until;) {
		const int value = get(&s, "c1", &err);

		if (value != 1 && value != 2) {
			end_child(writer);
			fail_msg("%d: %s", value, err.msg);
		}
	}
	end_child(writer);
}

static void a_full_disk_leaves_the_record_as_it_was(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	cleanup_json cJSON *big = NULL;
	cleanup_free char *text = NULL;
	struct cni_error err = {0};

	need();
	big = cJSON_CreateObject();
	text = calloc(1, 200001);
	assert_int_equal(mkdir(DIR_, 0700), 0);
	assert_int_equal(mount("test", DIR_, "tmpfs", 0, "size=64k,mode=700"), 0);
	open_state(&s, true);
	put(&s, "c1", 1);
	cJSON_AddStringToObject(big, "text", memset(text, 'x', 200000));
	assert_int_equal(state_write(&s, ON_NET("c1", "eth0"), big, true, &err), -1);
	assert_error(&err, CNI_ERR_IO, "cannot write the file");
	assert_string_equal(err.details, "No space left on device");
	assert_int_equal(get(&s, "c1", &err), 1);
	assert_int_equal(count_entries(NETWORK), 1);
	state_close(&s);
	assert_int_equal(umount2(DIR_, MNT_DETACH), 0);
}

static void a_read_only_disk_can_be_read(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};

	need();
	open_state(&s, true);
	put(&s, "c1", 1);
	state_close(&s);
	assert_int_equal(mount("none", "/run", "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
	open_state(&s, true);
	assert_int_equal(get(&s, "c1", &err), 1);
	assert_int_equal(write_value(&s, "c1", 2, true, &err), -1);
	assert_error(&err, CNI_ERR_IO, "c1@eth0.json");
	assert_string_equal(err.details, "Read-only file system");
	assert_int_equal(state_remove(&s, ON_NET("c1", "eth0"), &err), -1);
	assert_error(&err, CNI_ERR_IO, "c1@eth0.json");
	state_close(&s);
	assert_int_equal(state_open(DIR_, "fake", "other", true, &s, &err), -1);
	assert_error(&err, CNI_ERR_IO, DIR_ "/fake/other");
	assert_string_equal(err.details, "Read-only file system");
}

static int collect(const struct attachment *a, void *arg, struct cni_error *err)
{
	char *list = arg;

	(void)err;
	snprintf(list + strlen(list), 200 - strlen(list), "[%s@%s]", a->container_id, a->ifname);
	return 0;
}

static void each_passes_records_and_nothing_else(void **state)
{
	static const char *const others[] = {
		"c1@eth0",       "c1@eth0.txt",   "c1.json",       "@eth0.json",
		"c1@.json",      "_c@eth0.json",  "c1@eth 0.json", "c1@1234567890123456.json",
		"c1@eth0.json~", "x@y.json.json", ".c1@eth0.json",
	};
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};
	char list[200] = "";
	char path[100];

	need();
	open_state(&s, true);
	for (size_t i = 0; i < ROWS(others); i++) {
		snprintf(path, sizeof(path), NETWORK "/%s", others[i]);
		assert_true(make_file(path, "{}"));
	}
	/* An interface's name may well be "y.json". */
	assert_int_equal(state_remove(&s, ON_NET("x", "y.json"), &err), 0);
	assert_int_equal(state_each(&s, collect, list, &err), 0);
	assert_string_equal(list, "");

	assert_true(make_file(NETWORK "/c.1-x_@eth0.100.json", "{}"));
	assert_int_equal(state_each(&s, collect, list, &err), 0);
	assert_string_equal(list, "[c.1-x_@eth0.100]");
}

static int stop_at_second(const struct attachment *a, void *arg, struct cni_error *err)
{
	(void)a;
	if (++*(int *)arg < 2)
		return 1; /* only a negative value stops */
	cni_error(err, 123, "enough");
	return -5;
}

static void each_stops_at_a_negative_value_and_passes_it_on(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};
	int n = 0;

	need();
	open_state(&s, true);
	put(&s, "a", 1);
	put(&s, "b", 1);
	put(&s, "c", 1);
	assert_int_equal(state_each(&s, stop_at_second, &n, &err), -5);
	assert_error(&err, 123, "enough");
	assert_int_equal(n, 2);
}

struct removal {
	const struct state *s;
	int n;
};

static int remove_it(const struct attachment *a, void *arg, struct cni_error *err)
{
	struct removal *removal = arg;

	removal->n++;
	return state_remove(removal->s, a, err);
}

static void each_may_remove_what_it_is_given(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct removal removal = {.s = &s};
	struct cni_error err = {0};
	char id[16];

	need();
	open_state(&s, true);
	/* More than one getdents64(2) brings. */
	for (int i = 0; i < 1500; i++) {
		snprintf(id, sizeof(id), "c%d", i);
		put(&s, id, i);
	}
	assert_int_equal(state_each(&s, remove_it, &removal, &err), 0);
	assert_int_equal(removal.n, 1500);
	assert_int_equal(count_entries(NETWORK), 0);
}

static void temporary_files_of_the_dead_are_removed_after_a_minute(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct timespec old[2] = {0};
	struct cni_error err = {0};
	int n = 0;

	need();
	open_state(&s, true);
	assert_true(make_file(NETWORK "/.tmp-0000000000000001", "{"));
	assert_true(make_file(NETWORK "/.tmp-0000000000000002", "{"));
	assert_true(make_file(NETWORK "/.tmp-0000000000000003", "{"));
	clock_gettime(CLOCK_REALTIME, &old[0]);
	old[0].tv_sec -= 62;
	old[1] = old[0];
	assert_int_equal(utimensat(AT_FDCWD, NETWORK "/.tmp-0000000000000001", old, 0), 0);
	old[0].tv_sec += 30;
	old[1] = old[0];
	assert_int_equal(utimensat(AT_FDCWD, NETWORK "/.tmp-0000000000000002", old, 0), 0);
	assert_int_equal(state_each(&s, count_records, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_false(exists(NETWORK "/.tmp-0000000000000001"));
	assert_true(exists(NETWORK "/.tmp-0000000000000002"));
	assert_true(exists(NETWORK "/.tmp-0000000000000003"));
}

/* Every kind of file that a record is not. */
static bool make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool made;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	made = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return made;
}

static bool make_hostile(size_t kind)
{
	int fd;

	switch (kind) {
	case 0:
		return mkfifo(RECORD, 0600) == 0;
	case 1:
		return make_file("/run/good", "{}") && symlink("/run/good", RECORD) == 0;
	case 2:
		return make_file("/run/good", "{}") && link("/run/good", RECORD) == 0;
	case 3:
		return mkdir(RECORD, 0700) == 0;
	case 4:
		return make_socket(RECORD);
	case 5:
		return make_file(RECORD, "{}") && chown(RECORD, NOBODY, NOBODY) == 0;
	case 6:
		fd = creat(RECORD, 0600);
		close(fd);
		return truncate(RECORD, (1 << 20) + 1) == 0;
	case 7:
		return mknod(RECORD, S_IFCHR | 0600, makedev(1, 5)) == 0; /* /dev/zero */
	case 8:
		return symlink("nowhere", RECORD) == 0;
	default:
		return false;
	}
}

static void a_file_that_is_no_record_of_ours_is_refused(void **state)
{
	struct cni_error err = {0};

	need();
	for (size_t kind = 0; kind < 9; kind++) {
		cleanup_state struct state s = STATE_NONE;

		open_state(&s, true);
		assert_true(make_hostile(kind));
		err = (struct cni_error){0};
		if (get(&s, "c1", &err) != -2)
			fail_msg("kind %zu was read", kind);
		assert_error(&err, CNI_ERR_DECODE, "c1@eth0.json");
		assert_error(&err, CNI_ERR_DECODE, DIR_);

		/* Removing it, or replacing it, does not touch what it points to. */
		if (kind == 3) {
			assert_int_equal(rmdir(RECORD), 0);
			continue;
		}
		put(&s, "c1", 5);
		assert_int_equal(get(&s, "c1", &err), 5);
		assert_int_equal(state_remove(&s, ON_NET("c1", "eth0"), &err), 0);
		assert_true(make_hostile(kind) || errno == EEXIST);
		assert_int_equal(state_remove(&s, ON_NET("c1", "eth0"), &err), 0);
		assert_false(exists(RECORD));
		if (exists("/run/good"))
			assert_int_equal(unlink("/run/good"), 0);
	}
}

static void a_record_that_is_no_json_object_is_refused_by_name(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{"", 0},
		{"{\"value\":1", 10},
		{"{\"value\":1}{", 12},
		{"[]", 2},
		{"\0\0\0\0", 4},
		{"{\"value\":1}\0\0\0", 14}, /* as a file system may leave one after a crash */
		{"{\"value\":1}\0garbage", 19},
		{"{\"value\":\"\xff\"}", 13},
	};
	cleanup_state struct state s = STATE_NONE;

	need();
	open_state(&s, true);
	for (size_t i = 0; i < ROWS(rows); i++) {
		const int fd = creat(RECORD, 0600);
		struct cni_error err = {0};

		assert_int_equal(write(fd, rows[i].text, rows[i].len), rows[i].len);
		close(fd);
		if (get(&s, "c1", &err) != -2)
			fail_msg("row %zu was read", i);
		assert_error(&err, CNI_ERR_DECODE, "c1@eth0.json");
	}
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X200 X50 X50 X50 X50

static void names_that_are_no_attachment_touch_nothing(void **state)
{
	static const char *const rows[][2] = {
		{"../../x", "eth0"},  {"..", "eth0"}, {"", "eth0"},
		{"a/b", "eth0"},      {".a", "eth0"}, {"a@b", "eth0"},
		{X200 "x", "eth0"},   {"c1", ""},     {"c1", ".."},
		{"c1", "../../../x"}, {"c1", "a b"},  {"c1", "1234567890123456"},
	};
	cleanup_state struct state s = STATE_NONE;
	cleanup_json cJSON *record = NULL;
	cJSON *read;

	need();
	record = cJSON_CreateObject();
	open_state(&s, true);
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *id = rows[i][0];
		const char *ifname = rows[i][1];
		struct cni_error err = {0};

		assert_int_equal(state_write(&s, ON_NET(id, ifname), record, true, &err), -1);
		assert_error(&err, CNI_ERR_ENVIRONMENT, "not an attachment");
		assert_int_equal(state_read(&s, ON_NET(id, ifname), &read, &err), -1);
		assert_error(&err, CNI_ERR_ENVIRONMENT, "not an attachment");
		assert_int_equal(state_remove(&s, ON_NET(id, ifname), &err), -1);
		assert_error(&err, CNI_ERR_ENVIRONMENT, "not an attachment");
	}
	assert_int_equal(count_entries(NETWORK), 0);
	assert_int_equal(count_entries(DIR_ "/fake"), 1);
	assert_int_equal(count_entries(DIR_), 1);
}

/* A record is filed under the network that its state was opened for, or nowhere. */
static void a_record_of_another_network_is_refused(void **state)
{
	static const struct attachment other = {"other", "c1", "eth0"};
	cleanup_state struct state s = STATE_NONE;
	cleanup_json cJSON *record = NULL;
	struct cni_error err = {0};
	cJSON *read;

	need();
	record = cJSON_CreateObject();
	open_state(&s, true);
	put(&s, "c1", 1);
	assert_int_equal(state_write(&s, &other, record, true, &err), -1);
	assert_error(&err, CNI_ERR_ENVIRONMENT, "not an attachment");
	assert_int_equal(state_read(&s, &other, &read, &err), -1);
	assert_int_equal(state_remove(&s, &other, &err), -1);
	assert_int_equal(get(&s, "c1", &err), 1);
}

static int stop_at_b(const char *network, void *arg, struct cni_error *err)
{
	int *n = arg;

	++*n;
	return strcmp(network, "b") == 0 ? cni_error(err, 123, "enough") : 0;
}

static void each_network_is_passed_and_nothing_else_of_the_plugin(void **state)
{
	static const char *const networks[] = {"a", "c", "b"};
	struct cni_error err = {0};
	int n = 0;

	need();
	for (size_t i = 0; i < ROWS(networks); i++) {
		cleanup_state struct state s = STATE_NONE;

		assert_int_equal(state_each_network(&s, stop_at_b, &n, &err), 0);
		assert_int_equal(n, 0);
		assert_int_equal(state_open(DIR_, "fake", networks[i], true, &s, &err), 0);
		/* Not a network's name. */
		assert_int_equal(mkdirat(s.plugin_fd, ".hidden", 0700) < 0, i > 0);
		if (i + 1 < ROWS(networks))
			assert_int_equal(state_each_network(&s, stop_at_b, &n, &err), 0);
		else
			assert_int_equal(state_each_network(&s, stop_at_b, &n, &err), -1);
		assert_in_range(n, 1, i + 1);
		n = 0;
	}
	assert_error(&err, 123, "enough");
}

static void the_longest_names_fit(void **state)
{
	static const struct attachment longest = {X200, X200, "123456789012345"};
	cleanup_state struct state s = STATE_NONE;
	cleanup_json cJSON *record = NULL;
	struct cni_error err = {0};
	cJSON *read;

	need();
	record = cJSON_CreateObject();
	assert_int_equal(state_open(DIR_, "fake", X200, true, &s, &err), 0);
	assert_int_equal(state_write(&s, &longest, record, false, &err), 1);
	assert_int_equal(state_read(&s, &longest, &read, &err), 1);
	cJSON_Delete(read);
	assert_true(exists(DIR_ "/fake/" X200 "/" X200 "@123456789012345.json"));
}

static void a_network_name_that_is_none_is_refused(void **state)
{
	static const char *const rows[] = {"", "..", ".", "a/b", "../x", "_a", X200 "x"};

	need();
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_state struct state s = STATE_NONE;
		struct cni_error err = {0};

		assert_int_equal(state_open(DIR_, "fake", rows[i], true, &s, &err), -1);
		assert_error(&err, CNI_ERR_CONFIG, "network name");
		assert_false(exists(DIR_));
	}
}

/* What a neighbour may have put in the place of each directory. */
static void a_hostile_directory_is_refused_at_every_level(void **state)
{
	static const char *const levels[] = {DIR_, DIR_ "/fake", NETWORK};
	static const struct {
		const char *what;
		const char *part;
	} kinds[] = {
		{"other owner", "belongs to user 65534"},
		{"writable by its group", "writable by others (mode 720)"},
		{"writable by all", "writable by others (mode 702)"},
		{"symbolic link", "symbolic link"},
		{"dangling symbolic link", "symbolic link"},
		{"file", ""},
		{"FIFO", ""},
	};

	need();
	for (size_t i = 0; i < ROWS(levels) * ROWS(kinds) * 2; i++) {
		const char *level = levels[i % ROWS(levels)];
		const size_t kind = i / ROWS(levels) % ROWS(kinds);
		const bool create = i >= ROWS(levels) * ROWS(kinds);
		cleanup_state struct state s = STATE_NONE;
		struct cni_error err = {0};

		open_state(&s, true);
		state_close(&s);
		assert_int_equal(rename(level, "/run/away"), 0);
		switch (kind) {
		case 0:
			assert_int_equal(mkdir(level, 0700), 0);
			assert_int_equal(chown(level, NOBODY, NOBODY), 0);
			break;
		case 1:
		case 2:
			assert_int_equal(mkdir(level, 0700), 0);
			assert_int_equal(chmod(level, kind == 1 ? 0720 : 0702), 0);
			break;
		case 3:
			assert_int_equal(symlink("/run/away", level), 0);
			break;
		case 4:
			assert_int_equal(symlink("/run/nowhere", level), 0);
			break;
		case 5:
			assert_true(make_file(level, ""));
			break;
		default:
			assert_int_equal(mkfifo(level, 0600), 0);
		}
		if (state_open(DIR_, "fake", "net", create, &s, &err) == 0)
			fail_msg("%s as %s was taken", kinds[kind].what, level);
		assert_error(&err, CNI_ERR_IO, level);
		assert_error(&err, CNI_ERR_IO, kinds[kind].part);
		assert_int_equal(s.root_fd, -1);
		assert_int_equal(s.plugin_fd, -1);
		assert_int_equal(s.fd, -1);
		assert_false(exists("/run/nowhere"));
		assert_int_equal(remove(level), 0);
		assert_int_equal(rename("/run/away", level), 0);
	}
}

/* Neither is anything made behind it. */
static void a_symbolic_link_on_the_way_is_refused(void **state)
{
	static const bool create[] = {false, true};

	need();
	assert_int_equal(mkdir("/run/target", 0700), 0);
	assert_int_equal(symlink("/run/target", "/run/link"), 0);
	for (size_t i = 0; i < ROWS(create); i++) {
		cleanup_state struct state s = STATE_NONE;
		struct cni_error err = {0};

		assert_int_equal(state_open("/run/link/s", "fake", "net", create[i], &s, &err), -1);
		assert_error(&err, CNI_ERR_IO, "symbolic link");
		assert_error(&err, CNI_ERR_IO, "/run/link/s");
		assert_int_equal(count_entries("/run/target"), 0);
	}
}

/* Whoever may write to a directory in the path may put another in the place of ours. */
static void a_way_that_others_could_change_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		const char *part;
	} rows[] = {
		{0755, NOBODY, "belongs to user 65534"},
		{01777, NOBODY, "belongs to user 65534"},
		{0775, 0, "writable by others (mode 775)"},
		{0757, 0, "writable by others (mode 757)"},
		{0777, 0, "writable by others (mode 777)"},
		{01777, 0, NULL},
		{0755, 0, NULL},
		{0711, 0, NULL},
	};
	static const char *const levels[] = {"/run/way", "/run/way/on", "/run/way/on/it"};

	need();
	for (size_t i = 0; i < ROWS(levels); i++)
		assert_int_equal(mkdir(levels[i], 0755), 0);
	for (size_t i = 0; i < ROWS(rows) * ROWS(levels); i++) {
		const char *level = levels[i % ROWS(levels)];
		const size_t row = i / ROWS(levels);
		cleanup_state struct state s = STATE_NONE;
		struct cni_error err = {0};
		const bool create = i % 2;
		int opened;

		assert_int_equal(chown(level, rows[row].owner, 0), 0);
		assert_int_equal(chmod(level, rows[row].mode), 0);
		opened = state_open("/run/way/on/it/s", "fake", "net", create, &s, &err);
		if (opened != (rows[row].part == NULL ? 0 : -1))
			fail_msg("%s of mode %o: %d (%s)", level, rows[row].mode, opened, err.msg);
		if (rows[row].part != NULL) {
			char named[64];

			snprintf(named, sizeof(named), ": %s ", level);
			assert_error(&err, CNI_ERR_IO, named);
			assert_error(&err, CNI_ERR_IO, rows[row].part);
			assert_false(exists("/run/way/on/it/s"));
		}
		assert_int_equal(chown(level, 0, 0), 0);
		assert_int_equal(chmod(level, 0755), 0);
	}
}

static void a_missing_parent_of_the_root_is_an_error_that_names_it(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};

	need();
	assert_int_equal(state_open("/run/no/s", "fake", "net", true, &s, &err), -1);
	assert_error(&err, CNI_ERR_IO, "/run/no/s");
	assert_string_equal(err.details, "No such file or directory");
	assert_int_equal(state_open("/run/no/s", "fake", "net", false, &s, &err), 0);
}

#define X10 "/xxxxxxxxx"
#define X75 "/run" X10 X10 X10 X10 X10 X10 X10 "/"

static void a_state_dir_that_is_no_absolute_path_of_a_fit_length_is_refused(void **state)
{
	static const char *const rows[] = {
		"",    "relative",         "./x",        "/",           "//",
		"///", "////////////////", X75 "xxxxxx", X75 "xxxxxx/", X200};

	need();
	for (size_t i = 0; i < ROWS(rows); i++) {
		/* On the heap and exact, so that a read before or behind it shows. */
		cleanup_free char *dir = strdup(rows[i]);
		cleanup_state struct state s = STATE_NONE;
		struct cni_error err = {0};

		if (state_open(dir, "fake", "net", false, &s, &err) == 0)
			fail_msg("\"%s\" was taken as \"%s\"", rows[i], s.root);
		assert_error(&err, CNI_ERR_CONFIG, "stateDir");
	}
}

static void a_state_dir_of_the_greatest_length_is_taken(void **state)
{
	static const char *const rows[] = {X75 "xxxxx", X75 "xxxxx/", X75 "xxxxx////"};

	need();
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_state struct state s = STATE_NONE;
		struct cni_error err = {0};

		assert_int_equal(state_open(rows[i], "fake", "net", false, &s, &err), 0);
		assert_int_equal(strlen(s.root), STATE_ROOT_MAX);
		assert_string_equal(s.root, X75 "xxxxx");
	}
}

/* A child with an identity and an environment; its exit status says whether the root was this. */
struct place {
	uid_t uid;
	bool userns;          /* root, but of a user namespace of its own */
	const char *variable; /* XDG_RUNTIME_DIR; NULL: not set */
	uid_t run_user_owner; /* of /run/user/65534; -1: it is not there */
	const char *root;     /* expected; NULL: an error */
	const char *part;     /* of the error */
};

static void enter_userns(void)
{
	int fd;

	check(unshare(CLONE_NEWUSER) == 0);
	fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
	check(write(fd, "0 65534 1", 9) == 9);
	close(fd);
	check(geteuid() == 0);
}

static void find_place(const struct place *place)
{
	struct cni_error err = {0};
	struct state s = STATE_NONE;

	if (place->uid != 0)
		become_nobody();
	if (place->userns)
		enter_userns();
	if (place->variable != NULL)
		setenv("XDG_RUNTIME_DIR", place->variable, 1);
	else
		unsetenv("XDG_RUNTIME_DIR");
	if (place->root == NULL) {
		check(state_open(NULL, "fake", "net", true, &s, &err) == -1);
		check(err.code == CNI_ERR_CONFIG);
		check(strstr(err.msg, place->part) != NULL);
		_exit(0);
	}
	if (state_open(NULL, "fake", "net", true, &s, &err) < 0)
		fprintf(stderr, "%s (%s)\n", err.msg, err.details);
	check(s.fd >= 0);
	check(strcmp(s.root, place->root) == 0);
	check(exists(place->root));
	_exit(0);
}

static void the_default_directory_follows_who_we_are(void **state)
{
	static const struct place rows[] = {
		{0, false, NULL, (uid_t)-1, "/run/usernet-cni", NULL},
		{0, false, "/run/mine", (uid_t)-1, "/run/usernet-cni", NULL},
		{NOBODY, false, "/run/mine", (uid_t)-1, "/run/mine/usernet-cni", NULL},
		{NOBODY, false, "/run/mine", NOBODY, "/run/mine/usernet-cni", NULL},
		{NOBODY, true, "/run/mine", (uid_t)-1, "/run/mine/usernet-cni", NULL},
		{NOBODY, false, NULL, NOBODY, "/run/user/65534/usernet-cni", NULL},
		{NOBODY, false, "", NOBODY, "/run/user/65534/usernet-cni", NULL},
		{NOBODY, false, NULL, 0, NULL, "stateDir"},
		{NOBODY, false, NULL, (uid_t)-1, NULL, "stateDir"},
		{NOBODY, false, "relative", NOBODY, NULL, "XDG_RUNTIME_DIR"},
		{NOBODY, false, X75, NOBODY, NULL, "stateDir"},
	};

	need();
	for (size_t i = 0; i < ROWS(rows); i++) {
		pid_t pid;

		assert_int_equal(fresh(state), 0);
		assert_int_equal(mkdir("/run/mine", 0700), 0);
		assert_int_equal(chown("/run/mine", NOBODY, NOBODY), 0);
		if (rows[i].run_user_owner != (uid_t)-1) {
			assert_int_equal(mkdir("/run/user/65534", 0700), 0);
			assert_int_equal(chown("/run/user/65534", rows[i].run_user_owner, 0), 0);
		}
		pid = fork_child();
		if (pid == 0)
			find_place(&rows[i]);
		if (wait_child(pid) != 0)
			fail_msg("row %zu", i);
		assert_int_equal(stale(state), 0);
	}
}

static void a_lock_is_exclusive(void **state)
{
	cleanup_state struct state a = STATE_NONE;
	cleanup_state struct state b = STATE_NONE;
	cleanup_close int held = -1;
	struct cni_error err = {0};
	int64_t begin;
	int lock;

	need();
	open_state(&a, true);
	open_state(&b, true);
	held = state_lock(&a, 0, &err);
	assert_true(held >= 0);

	/* Also from the same process, and over the same descriptor. */
	begin = milliseconds();
	assert_int_equal(state_lock(&b, 0, &err), -1);
	assert_error(&err, CNI_ERR_AGAIN, "lock");
	assert_int_equal(state_lock(&a, 0, &err), -1);
	assert_true(milliseconds() - begin < 1000);

	close(take_fd(&held));
	lock = state_lock(&b, 0, &err);
	assert_true(lock >= 0);
	close(lock);
}

static void a_lock_is_per_network_and_per_plugin(void **state)
{
	cleanup_state struct state a = STATE_NONE;
	cleanup_state struct state b = STATE_NONE;
	cleanup_state struct state c = STATE_NONE;
	struct cni_error err = {0};

	need();
	open_state(&a, true);
	assert_int_equal(state_open(DIR_, "fake", "other", true, &b, &err), 0);
	assert_int_equal(state_open(DIR_, "another", "net", true, &c, &err), 0);

	cleanup_close int lock_a = state_lock(&a, 0, &err);
	cleanup_close int lock_b = state_lock(&b, 0, &err);
	cleanup_close int lock_c = state_lock(&c, 0, &err);

	assert_true(lock_a >= 0 && lock_b >= 0 && lock_c >= 0);
}

/* A process that takes the lock, says so, and holds it for a time. */
static pid_t hold_lock(const struct state *s, int ms)
{
	struct cni_error err = {0};
	int told[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		check(state_lock(s, 0, &err) >= 0);
		check(write(told[1], "", 1) == 1);
		sleep_ms(ms);
		_exit(0);
	}
	close(told[1]);
	assert_int_equal(read(told[0], &c, 1), 1);
	close(told[0]);
	return pid;
}

static void waiting_for_a_lock_has_a_limit(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};
	int64_t took;
	pid_t holder;
	int lock;

	need();
	open_state(&s, true);
	holder = hold_lock(&s, 5000);
	took = milliseconds();
	lock = state_lock(&s, 150, &err);
	took = milliseconds() - took;
	end_child(holder);
	assert_int_equal(lock, -1);
	assert_error(&err, CNI_ERR_AGAIN, "150 ms");
	assert_in_range(took, 149, 3000);
}

static void a_lock_comes_when_its_holder_lets_go(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};
	int64_t took;
	pid_t holder;
	int lock;

	need();
	open_state(&s, true);
	holder = hold_lock(&s, 100);
	took = milliseconds();
	lock = state_lock(&s, 5000, &err);
	took = milliseconds() - took;
	wait_child(holder);
	assert_true(lock >= 0);
	close(lock);
	assert_true(took < 3000);
}

static void a_lock_ends_with_the_process_that_held_it(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};
	int lock;

	need();
	open_state(&s, true);
	end_child(hold_lock(&s, 10000));
	lock = state_lock(&s, 0, &err);
	assert_true(lock >= 0);
	close(lock);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void waiting_leaves_the_callers_timer_handler_as_it_was(void **state)
{
	const struct sigaction mine = {.sa_handler = on_alarm};
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};
	struct sigaction after;
	struct itimerval timer;
	pid_t holder;
	int lock;

	need();
	open_state(&s, true);
	holder = hold_lock(&s, 5000);
	sigaction(SIGALRM, &mine, NULL);
	lock = state_lock(&s, 20, &err);
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = SIG_DFL}, &after);
	getitimer(ITIMER_REAL, &timer);
	end_child(holder);
	assert_int_equal(lock, -1);
	assert_ptr_equal(after.sa_handler, on_alarm);
	assert_int_equal(timer.it_value.tv_sec + timer.it_value.tv_usec, 0);
	assert_int_equal(timer.it_interval.tv_usec, 0);
}

/* A mask survives exec: a runtime's is ours. */
static void the_limit_holds_where_the_caller_blocked_the_alarm(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};
	pid_t holder, waiter;
	int status = -1;
	sigset_t set;

	need();
	open_state(&s, true);
	holder = hold_lock(&s, 5000);
	waiter = fork_child();
	if (waiter == 0) {
		sigemptyset(&set);
		sigaddset(&set, SIGALRM);
		sigprocmask(SIG_BLOCK, &set, NULL);
		check(state_lock(&s, 50, &err) == -1);
		check(err.code == CNI_ERR_AGAIN);
		_exit(0);
	}
	for (int i = 0; i < 50 && waitpid(waiter, &status, WNOHANG) == 0; i++)
		sleep_ms(20);
	if (status == -1)
		end_child(waiter);
	end_child(holder);
	assert_int_equal(status, 0);
}

static void files_of_a_plugins_own_are_written_and_read_whole(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	cleanup_close int sub = -1;
	cleanup_free char *text = NULL;
	struct cni_error err = {0};
	struct stat st;

	need();
	open_state(&s, true);
	sub = state_subdir(&s, "options", &err);
	assert_true(sub >= 0);
	assert_int_equal(state_read_file(sub, "x", &text, &err), 0);
	assert_null(text);
	assert_int_equal(state_write_file(sub, "x", "one\n", false, &err), 1);
	assert_int_equal(state_write_file(sub, "x", "two\n", false, &err), 0);
	assert_int_equal(state_read_file(sub, "x", &text, &err), 1);
	assert_string_equal(text, "one\n");
	free(take_ptr(text));
	assert_int_equal(state_write_file(sub, "x", "", true, &err), 1);
	assert_int_equal(state_read_file(sub, "x", &text, &err), 1);
	assert_string_equal(text, "");
	assert_int_equal(lstat(DIR_ "/options/x", &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(count_entries(DIR_ "/options"), 1);
}

static void a_file_of_just_a_megabyte_is_read(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	cleanup_close int sub = -1;
	cleanup_free char *big = NULL;
	cleanup_free char *text = NULL;
	struct cni_error err = {0};

	need();
	big = calloc(1, (1 << 20) + 2);
	open_state(&s, true);
	sub = state_subdir(&s, "options", &err);
	memset(big, 'x', 1 << 20);
	assert_int_equal(state_write_file(sub, "x", big, true, &err), 1);
	assert_int_equal(state_read_file(sub, "x", &text, &err), 1);
	assert_int_equal(strlen(text), 1 << 20);
	free(take_ptr(text));

	/* What could not be read again is not written either. */
	big[1 << 20] = 'x';
	if (state_write_file(sub, "y", big, true, &err) == 1)
		assert_int_equal(state_read_file(sub, "y", &text, &err), -1);
}

static void a_subdirectory_that_is_not_ours_is_refused(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	struct cni_error err = {0};

	need();
	open_state(&s, true);
	assert_int_equal(mkdir(DIR_ "/sock", 0700), 0);
	assert_int_equal(chown(DIR_ "/sock", NOBODY, NOBODY), 0);
	assert_int_equal(state_subdir(&s, "sock", &err), -1);
	assert_error(&err, CNI_ERR_IO, DIR_ "/sock");
	assert_int_equal(symlink("/run/user", DIR_ "/log"), 0);
	assert_int_equal(state_subdir(&s, "log", &err), -1);
	assert_error(&err, CNI_ERR_IO, "symbolic link");

	/* Nothing behind a link is removed. */
	assert_true(make_file("/run/user/x.log", ""));
	assert_int_equal(state_remove_file(&s, "log", "x.log", &err), -1);
	assert_true(exists("/run/user/x.log"));
}

static void removing_a_file_twice_is_fine(void **state)
{
	cleanup_state struct state s = STATE_NONE;
	cleanup_close int sub = -1;
	struct cni_error err = {0};

	need();
	open_state(&s, true);
	assert_int_equal(state_remove_file(&s, "sock", "x.sock", &err), 0);
	sub = state_subdir(&s, "sock", &err);
	assert_true(make_socket(DIR_ "/sock/x.sock"));
	assert_int_equal(state_remove_file(&s, "sock", "x.sock", &err), 0);
	assert_false(exists(DIR_ "/sock/x.sock"));
	assert_int_equal(state_remove_file(&s, "sock", "x.sock", &err), 0);
}

/* FNV-1a, 64 bits, of the three with their NULs: it is in the names of files that outlive us. */
static void the_hash_of_an_attachment_never_changes(void **state)
{
	static const char *const rows[][4] = {
		{"net", "c1", "eth0", "45cfdc8710065183"},
		{"", "", "", "d94d12186c0f2fb7"},
		{"\xff", "a", "b", "6fc071e4673b7249"},
	};
	char hash[17];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		state_hash(rows[i][0], rows[i][1], rows[i][2], hash);
		assert_string_equal(hash, rows[i][3]);
	}
}

static void the_hash_tells_where_one_name_ends(void **state)
{
	static const char *const rows[][3] = {{"ab", "c", "d"}, {"a", "bc", "d"}, {"a", "b", "cd"},
					      {"abc", "", "d"}, {"", "abc", "d"}, {"a", "c", "bd"}};
	char hashes[ROWS(rows)][17];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		state_hash(rows[i][0], rows[i][1], rows[i][2], hashes[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(hashes[i], hashes[j]);
	}
}

#define test(name) cmocka_unit_test_setup_teardown(name, fresh, stale)
#define test_without_nameless(name)                                                             \
	{                                                                                       \
#name "_also_without_nameless_files", name, fresh_without_nameless, stale, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_record_comes_back_as_it_was_written),
		test(writing_replaces_a_record_only_when_told),
		test(removing_twice_is_fine),
		test(directories_and_files_are_for_us_alone),
		test(descriptors_do_not_survive_exec),
		test(closing_gives_every_descriptor_back),
		test(a_missing_directory_is_an_empty_one),
		test(without_a_network_only_the_plugins_directory_is_opened),
		test(a_record_is_replaced_at_once),
		test(a_full_disk_leaves_the_record_as_it_was),
		test(a_read_only_disk_can_be_read),
		test_without_nameless(a_record_comes_back_as_it_was_written),
		test_without_nameless(writing_replaces_a_record_only_when_told),
		test_without_nameless(directories_and_files_are_for_us_alone),
		test_without_nameless(a_record_is_replaced_at_once),
		test_without_nameless(a_full_disk_leaves_the_record_as_it_was),
		test_without_nameless(files_of_a_plugins_own_are_written_and_read_whole),
		test(each_passes_records_and_nothing_else),
		test(each_stops_at_a_negative_value_and_passes_it_on),
		test(each_may_remove_what_it_is_given),
		test(temporary_files_of_the_dead_are_removed_after_a_minute),
		test(a_file_that_is_no_record_of_ours_is_refused),
		test(a_record_that_is_no_json_object_is_refused_by_name),
		test(names_that_are_no_attachment_touch_nothing),
		test(a_record_of_another_network_is_refused),
		test(each_network_is_passed_and_nothing_else_of_the_plugin),
		test(the_longest_names_fit),
		test(a_network_name_that_is_none_is_refused),
		test(a_hostile_directory_is_refused_at_every_level),
		test(a_symbolic_link_on_the_way_is_refused),
		test(a_way_that_others_could_change_is_refused),
		test(a_missing_parent_of_the_root_is_an_error_that_names_it),
		test(a_state_dir_that_is_no_absolute_path_of_a_fit_length_is_refused),
		test(a_state_dir_of_the_greatest_length_is_taken),
		test(the_default_directory_follows_who_we_are),
		test(a_lock_is_exclusive),
		test(a_lock_is_per_network_and_per_plugin),
		test(waiting_for_a_lock_has_a_limit),
		test(a_lock_comes_when_its_holder_lets_go),
		test(a_lock_ends_with_the_process_that_held_it),
		test(waiting_leaves_the_callers_timer_handler_as_it_was),
		test(the_limit_holds_where_the_caller_blocked_the_alarm),
		test(files_of_a_plugins_own_are_written_and_read_whole),
		test(a_file_of_just_a_megabyte_is_read),
		test(a_subdirectory_that_is_not_ours_is_refused),
		test(removing_a_file_twice_is_fine),
		cmocka_unit_test(the_hash_of_an_attachment_never_changes),
		cmocka_unit_test(the_hash_tells_where_one_name_ends),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
