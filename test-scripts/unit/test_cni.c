/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls of a plugin as a runtime makes them: a process with an environment, and a pipe for each of
 * its standard descriptors. The plugin is a small one that says what it was called with.
 *
 * Time runs faster for the called process where a test says so: poll(2) and clock_gettime(2) of
 * common/ are replaced by linking, so that a limit of ten seconds takes half a one.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "isolated.h"

static int speed = 1; /* of time, in a called process */

int clock_gettime(clockid_t id, struct timespec *now)
{
	int64_t ns;

	if (syscall(SYS_clock_gettime, id, now) < 0)
		return -1;
	ns = (now->tv_sec * 1000000000LL + now->tv_nsec) * speed;
	now->tv_sec = ns / 1000000000;
	now->tv_nsec = ns % 1000000000;
	return 0;
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const struct timespec limit = {.tv_sec = timeout / speed / 1000,
				       .tv_nsec = timeout / speed % 1000 * 1000000L};

	return ppoll(fds, n, timeout < 0 ? NULL : &limit, NULL);
}

/* What the plugin does in the next call. */
static struct {
	int trace; /* a file, for what it was called with */
	int code;  /* of its error; 0: none */
	const char *details;
	bool opens;     /* a file, which must not become a standard descriptor */
	bool passes_on; /* prevResult, as a chained plugin */
} fake;

static const char *text_or_none(const char *text)
{
	return text == NULL ? "none" : text;
}

static int called(const char *op, const struct cni_request *req, struct cni_error *err)
{
	cleanup_close int fd = -1;

	dprintf(fake.trace, "%s %s id=%s if=%s netns=%s args=%s path=%s version=%s network=%s", op,
		req->command, text_or_none(req->attachment.container_id),
		text_or_none(req->attachment.ifname), text_or_none(req->netns),
		text_or_none(req->args), text_or_none(req->path), cni_version_name(req->version),
		req->attachment.network);
	if (req->has_prev)
		dprintf(fake.trace, " prev=%zu", req->prev.n_ips);
	if (req->runtime != NULL)
		dprintf(fake.trace, " runtime=%d", cJSON_GetArraySize(req->runtime));
	dprintf(fake.trace, "\n");
	if (fake.opens) {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		dprintf(fake.trace, "opened %s\n", fd > STDERR_FILENO ? "another" : "a standard");
	}
	if (fake.code == 0)
		return 0;
	cni_error(err, fake.code, "no %s today", op);
	return fake.details == NULL ? -1 : cni_error_details(err, "%s", fake.details);
}

static int fake_add(const struct cni_request *req, struct cni_result *result, struct cni_error *err)
{
	struct cni_interface *interface;
	struct cni_ip *ip;

	if (called("add", req, err) < 0)
		return -1;
	if (fake.passes_on)
		return cni_pass_on(req, result, err);
	interface = result_add_interface(result);
	interface->name = strdup(req->attachment.ifname);
	interface->sandbox = strdup(req->netns);
	ip = result_add_ip(result);
	ip->address = strdup("10.0.2.100/24");
	ip->family = AF_INET;
	ip->interface = 0;
	return 0;
}

static int fake_del(const struct cni_request *req, struct cni_error *err)
{
	return called("del", req, err);
}

static int fake_check(const struct cni_request *req, struct cni_error *err)
{
	return called("check", req, err);
}

static int fake_gc(const struct cni_request *req, struct cni_error *err)
{
	static const char *const keys[][2] = {{"a", "eth0"}, {"a", "eth1"}, {"b", "eth0"},
					      {"b", "eth1"}, {"c", "eth0"}, {"", ""}};

	dprintf(fake.trace, "valid:");
	for (size_t i = 0; i < ROWS(keys); i++) {
		if (cni_is_valid(req, &(struct attachment){req->attachment.network, keys[i][0],
							   keys[i][1]}))
			dprintf(fake.trace, " %s@%s", keys[i][0], keys[i][1]);
	}
	dprintf(fake.trace, " of %zu\n", req->n_valid);
	return called("gc", req, err);
}

static int fake_status(const struct cni_request *req, struct cni_error *err)
{
	return called("status", req, err);
}

static const struct cni_plugin plugin = {
	.name = "fake",
	.about = "does nothing",
	.oldest = CNI_0_1_0,
	.add = fake_add,
	.del = fake_del,
	.check = fake_check,
	.gc = fake_gc,
	.status = fake_status,
};

struct call {
	const struct cni_plugin *plugin; /* NULL: the one above */
	const char *command;             /* NULL: CNI_COMMAND is not set */
	const char *env[4];              /* over the usual: "K=V", or "K" for not set */
	const char *input;
	size_t input_len; /* 0: strlen() of it */
	const char *argument;
	const char *input_file; /* for standard input, in place of a pipe */
	const char *output;     /* a file for standard output, in place of a pipe */
	int terminal;           /* a terminal for standard output, in place of a pipe */
	bool deaf;              /* nobody reads standard output */
	bool without[3];        /* standard descriptors that are closed */
	bool no_end;            /* standard input stays open */
	int drip_ms;            /* between the bytes of standard input; 0: all at once */
	int speed;              /* of time; 0: 1 */
};

struct outcome {
	int status;
	char *out; /* standard output */
	char *err; /* standard error */
	char *trace;
	cJSON *json; /* standard output, where it is JSON */
	int64_t took_ms;
};

/*
 * Of the last call. Not on a stack: what a failed test leaves behind would be a leak in the called
 * processes of those after it.
 */
static struct outcome o;
static char *large; /* room for a test's configuration */

static void forget_outcome(void)
{
	free(o.out);
	free(o.err);
	free(o.trace);
	cJSON_Delete(o.json);
	o = (struct outcome){0};
}

static void set_environment(const struct call *call)
{
	clearenv();
	setenv("CNI_CONTAINERID", "c1", 1);
	setenv("CNI_IFNAME", "eth0", 1);
	setenv("CNI_NETNS", "/run/netns/x", 1);
	if (call->command != NULL)
		setenv("CNI_COMMAND", call->command, 1);
	for (size_t i = 0; i < ROWS(call->env) && call->env[i] != NULL; i++) {
		char name[32];
		const size_t len = strcspn(call->env[i], "=");

		snprintf(name, sizeof(name), "%.*s", (int)len, call->env[i]);
		if (call->env[i][len] == '=')
			setenv(name, call->env[i] + len + 1, 1);
		else
			unsetenv(name);
	}
}

static void __attribute__((noreturn))
be_plugin(const struct call *call, const int in[2], const int out[2], const int err[2])
{
	char name[] = "fake";
	char argument[32] = "";
	char *argv[] = {name, call->argument == NULL ? NULL : argument, NULL};
	int input = in[0];
	int output = out[1];

	set_environment(call);
	signal(SIGPIPE, SIG_DFL);
	if (call->argument != NULL)
		snprintf(argument, sizeof(argument), "%s", call->argument);
	if (call->input_file != NULL)
		input = open(call->input_file, O_RDONLY | O_CLOEXEC);
	if (call->output != NULL)
		output = open(call->output, O_WRONLY | O_CLOEXEC);
	if (call->terminal > 0)
		output = call->terminal;
	if (fake.trace < 3 || input < 3 || output < 3 || dup2(input, 0) < 0 ||
	    dup2(output, 1) < 0 || dup2(err[1], 2) < 0)
		_exit(97);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	close(err[0]);
	close(err[1]);
	for (int fd = 0; fd < 3; fd++) {
		if (call->without[fd])
			close(fd);
	}
	speed = call->speed > 0 ? call->speed : 1;
	/* exit(), not _exit(): leak checkers look at the call, and printf()'s buffer goes out. */
	exit(cni_main(call->plugin != NULL ? call->plugin : &plugin, call->argument == NULL ? 1 : 2,
		      argv));
}

/* What comes out of a pipe, appended; the pipe is closed at its end. */
static void drain(struct pollfd *from, char **text, size_t *len)
{
	ssize_t n;

	if (from->fd < 0 || (from->revents & (POLLIN | POLLHUP | POLLERR)) == 0)
		return;
	*text = realloc(*text, *len + 65537);
	n = read(from->fd, *text + *len, 65536);
	*len += n > 0 ? (size_t)n : 0;
	(*text)[*len] = '\0';
	if (n <= 0) {
		close(from->fd);
		from->fd = -1;
	}
}

static void feed(struct pollfd *to, const struct call *call, size_t *done)
{
	const size_t len = call->input_len > 0 ? call->input_len : strlen(call->input);
	ssize_t n = 0;

	if (to->fd < 0 || (to->revents & (POLLOUT | POLLERR)) == 0)
		return;
	if (*done < len && call->drip_ms > 0)
		sleep_ms(call->drip_ms);
	if (*done < len)
		n = write(to->fd, call->input + *done, call->drip_ms > 0 ? 1 : len - *done);
	*done += n > 0 ? (size_t)n : 0;
	if (n < 0 || (*done == len && !call->no_end)) {
		close(to->fd);
		to->fd = -1;
	}
	if (*done == len && call->no_end)
		to->events = 0;
}

static char *whole_file(int fd)
{
	const off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);

	if (pread(fd, text, (size_t)size, 0) != size)
		text[0] = '\0';
	return text;
}

static void run(struct call call)
{
	const int64_t begin = milliseconds();
	struct cni_error ignored;
	size_t fed = 0, out_len = 0, err_len = 0;
	int in[2], out[2], err[2];
	pid_t pid;

	forget_outcome();
	if (call.input == NULL)
		call.input = "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"prevResult\":{},"
			     "\"cni.dev/valid-attachments\":[]}";
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	fake.trace = memfd_create("trace", MFD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	if (call.deaf)
		close(out[0]);
	pid = fork_child();
	assert_true(pid >= 0);
	if (pid == 0)
		be_plugin(&call, in, out, err);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	fcntl(in[1], F_SETFL, O_NONBLOCK);

	struct pollfd ends[3] = {{.fd = in[1], .events = POLLOUT},
				 {.fd = call.deaf ? -1 : out[0], .events = POLLIN},
				 {.fd = err[0], .events = POLLIN}};

	o.out = calloc(1, 1);
	o.err = calloc(1, 1);
	while (ends[1].fd >= 0 || ends[2].fd >= 0) {
		if (poll(ends, 3, -1) < 0)
			continue;
		feed(&ends[0], &call, &fed);
		drain(&ends[1], &o.out, &out_len);
		drain(&ends[2], &o.err, &err_len);
	}
	o.status = wait_child(pid);
	o.took_ms = milliseconds() - begin;
	if (ends[0].fd >= 0)
		close(ends[0].fd);
	o.trace = whole_file(fake.trace);
	close(fake.trace);
	if (json_parse(o.out, out_len, "the answer", &o.json, &ignored) < 0)
		o.json = NULL;
}

static const char *member(const char *key)
{
	const cJSON *item = json_get(o.json, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

static void assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

/* The result is one error, on one line, and nothing else. */
static void assert_refused(int code, const char *version, const char *part)
{
	if (o.json == NULL)
		fail_msg("no JSON: \"%s\" (%s)", o.out, o.err);
	if ((int)cJSON_GetNumberValue(json_get(o.json, "code")) != code)
		fail_msg("should be code %d: %s", code, o.out);
	assert_string_equal(member("cniVersion"), version);
	assert_contains(member("msg"), part);
	assert_null(strchr(member("msg"), '\n'));
	assert_int_equal(o.status, 1);
}

static void assert_not_called(void)
{
	assert_string_equal(o.trace, "");
}

static void assert_silent_success(void)
{
	assert_string_equal(o.out, "");
	assert_string_equal(o.err, "");
	assert_int_equal(o.status, 0);
}

static int forget(void **state)
{
	(void)state;
	forget_outcome();
	free(take_ptr(large));
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static void each_operation_exists_from_its_version_on(void **state)
{
	static const struct {
		const char *command;
		const char *called;
		enum cni_version since;
	} rows[] = {
		{"ADD", "add ADD ", CNI_0_1_0},          {"DEL", "del DEL ", CNI_0_1_0},
		{"CHECK", "check CHECK ", CNI_0_4_0},    {"GC", "valid: of 0\ngc GC ", CNI_1_1_0},
		{"STATUS", "status STATUS ", CNI_1_1_0},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows) * CNI_VERSION_COUNT; i++) {
		const size_t row = i % ROWS(rows);
		const enum cni_version version = i / ROWS(rows);
		char conf[256], expected[64];

		snprintf(conf, sizeof(conf),
			 "{\"cniVersion\":\"%s\",\"name\":\"n\",\"prevResult\":{},"
			 "\"cni.dev/valid-attachments\":[]}",
			 cni_version_name(version));
		run((struct call){.command = rows[row].command, .input = conf});
		if (version < rows[row].since) {
			snprintf(expected, sizeof(expected), "%s needs cniVersion %s",
				 rows[row].command, cni_version_name(rows[row].since));
			assert_refused(CNI_ERR_VERSION, cni_version_name(version), expected);
			assert_not_called();
		} else {
			assert_int_equal(o.status, 0);
			assert_string_equal(o.err, "");
			assert_memory_equal(o.trace, rows[row].called, strlen(rows[row].called));
			snprintf(expected, sizeof(expected), "version=%s ",
				 cni_version_name(version));
			assert_contains(o.trace, expected);
		}
	}
}

static void a_plugin_speaks_no_version_before_its_oldest(void **state)
{
	struct cni_plugin limited = plugin;

	(void)state;
	limited.oldest = CNI_0_3_0;
	for (int v = 0; v < CNI_VERSION_COUNT; v++) {
		const char *name = cni_version_name((enum cni_version)v);
		char conf[64];

		snprintf(conf, sizeof(conf), "{\"name\":\"n\",\"cniVersion\":\"%s\"}", name);
		run((struct call){.plugin = &limited, .command = "DEL", .input = conf});
		if (v >= CNI_0_3_0) {
			assert_silent_success();
			continue;
		}
		assert_refused(CNI_ERR_VERSION, "1.1.0", name);
		assert_contains(member("msg"), "fake speaks 0.3.0 to 1.1.0");
		assert_not_called();
	}
}

static void a_configuration_without_version_means_0_1_0(void **state)
{
	static const char *const confs[] = {"{\"name\":\"n\"}",
					    "{\"name\":\"n\",\"cniVersion\":\"\"}",
					    "{\"name\":\"n\",\"cniVersion\":null}"};

	(void)state;
	for (size_t i = 0; i < ROWS(confs); i++) {
		run((struct call){.command = "ADD", .input = confs[i]});
		assert_int_equal(o.status, 0);
		assert_string_equal(member("cniVersion"), "0.1.0");
		assert_non_null(json_get(o.json, "ip4"));
	}
}

static void the_operation_gets_what_the_runtime_said(void **state)
{
	(void)state;
	run((struct call){.command = "ADD",
			  .env = {"CNI_ARGS=A=1;B=2=3;", "CNI_PATH=/opt/cni/bin:/x"},
			  .input = "{\"cniVersion\":\"1.0.0\",\"name\":\"net-1.a_b\","
				   "\"runtimeConfig\":{\"mac\":\"x\",\"ips\":[]},"
				   "\"prevResult\":{\"ips\":[{\"address\":\"10.0.0.1/8\"},"
				   "{\"address\":\"fd00::1/64\"}]}}"});
	assert_string_equal(o.trace, "add ADD id=c1 if=eth0 netns=/run/netns/x args=A=1;B=2=3; "
				     "path=/opt/cni/bin:/x version=1.0.0 network=net-1.a_b prev=2 "
				     "runtime=2\n");
	assert_int_equal(o.status, 0);
}

static void add_answers_with_one_result_in_the_version_asked(void **state)
{
	(void)state;
	for (int v = 0; v < CNI_VERSION_COUNT; v++) {
		const enum cni_version version = (enum cni_version)v;
		const cJSON *ip;
		char conf[64];

		snprintf(conf, sizeof(conf), "{\"name\":\"n\",\"cniVersion\":\"%s\"}",
			 cni_version_name(version));
		run((struct call){.command = "ADD", .input = conf});
		assert_int_equal(o.status, 0);
		assert_string_equal(o.err, "");
		assert_non_null(o.json);
		assert_string_equal(member("cniVersion"), cni_version_name(version));
		assert_int_equal(o.out[strlen(o.out) - 1], '\n');
		ip = json_get(o.json, version < CNI_0_3_0 ? "ip4" : "ips");
		assert_non_null(ip);
		if (version >= CNI_0_3_0) {
			ip = cJSON_GetArrayItem(ip, 0);
			assert_int_equal(json_get(ip, "version") != NULL, version < CNI_1_0_0);
			assert_non_null(json_get(o.json, "interfaces"));
		}
	}
}

static void a_large_result_comes_out_whole(void **state)
{
	char *conf = large = malloc(400100);
	const cJSON *big;

	(void)state;
	sprintf(conf,
		"{\"name\":\"n\",\"cniVersion\":\"1.1.0\",\"prevResult\":{\"x-big\":\"%0400000d\"}"
		"}",
		0);
	fake.passes_on = true;
	run((struct call){.command = "ADD", .input = conf});
	assert_int_equal(o.status, 0);
	big = json_get(o.json, "x-big");
	assert_true(cJSON_IsString(big));
	assert_int_equal(strlen(big->valuestring), 400000);
}

static void del_check_gc_and_status_answer_success_with_silence(void **state)
{
	static const char *const commands[] = {"DEL", "CHECK", "GC", "STATUS"};

	(void)state;
	for (size_t i = 0; i < ROWS(commands); i++) {
		run((struct call){.command = commands[i]});
		assert_silent_success();
	}
}

static void an_operations_error_is_the_answer(void **state)
{
	static const char *const commands[] = {"ADD", "DEL", "CHECK", "GC", "STATUS"};

	(void)state;
	for (size_t i = 0; i < ROWS(commands); i++) {
		fake.code = 100 + (int)i;
		fake.details = NULL;
		run((struct call){.command = commands[i]});
		assert_refused(fake.code, "1.1.0", " today");
		assert_null(json_get(o.json, "details"));
		assert_int_equal(cJSON_GetArraySize(o.json), 3);
		assert_null(strstr(o.trace, i == 0 ? "del" : "add"));

		fake.details = "its last\nwords";
		run((struct call){.command = commands[i]});
		assert_refused(fake.code, "1.1.0", " today");
		assert_string_equal(member("details"), "its last\nwords");
	}
}

static void an_error_has_the_version_of_the_configuration(void **state)
{
	(void)state;
	fake.code = CNI_ERR_AGAIN;
	for (int v = 0; v < CNI_VERSION_COUNT; v++) {
		const char *name = cni_version_name((enum cni_version)v);
		char conf[64];

		snprintf(conf, sizeof(conf), "{\"name\":\"n\",\"cniVersion\":\"%s\"}", name);
		run((struct call){.command = "ADD", .input = conf});
		assert_refused(CNI_ERR_AGAIN, name, "no add today");
	}
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X200 X50 X50 X50 X50

static void a_wrong_environment_is_refused_by_the_variables_name(void **state)
{
	static const struct {
		const char *command;
		const char *env;
		const char *part;
	} rows[] = {
		{"", "", "CNI_COMMAND"},
		{"add", "", "CNI_COMMAND is \"add\""},
		{"ADD ", "", "CNI_COMMAND"},
		{"UPDATE", "", "CNI_COMMAND"},
		{"ADD", "CNI_CONTAINERID", "CNI_CONTAINERID is not set; ADD needs it"},
		{"ADD", "CNI_CONTAINERID=", "CNI_CONTAINERID"},
		{"DEL", "CNI_CONTAINERID", "CNI_CONTAINERID is not set; DEL needs it"},
		{"CHECK", "CNI_CONTAINERID", "CNI_CONTAINERID"},
		{"ADD", "CNI_CONTAINERID=../x", "CNI_CONTAINERID"},
		{"ADD", "CNI_CONTAINERID=_x", "CNI_CONTAINERID"},
		{"ADD", "CNI_CONTAINERID=a/b", "CNI_CONTAINERID"},
		{"ADD", "CNI_CONTAINERID=a b", "CNI_CONTAINERID"},
		{"ADD", "CNI_CONTAINERID=a\nb", "CNI_CONTAINERID"},
		{"ADD", "CNI_CONTAINERID=\xff", "CNI_CONTAINERID"},
		{"ADD", "CNI_CONTAINERID=" X200 "x", "CNI_CONTAINERID"},
		{"DEL", "CNI_CONTAINERID=../x", "CNI_CONTAINERID"},
		{"ADD", "CNI_IFNAME", "CNI_IFNAME is not set"},
		{"ADD", "CNI_IFNAME=", "CNI_IFNAME"},
		{"DEL", "CNI_IFNAME", "CNI_IFNAME"},
		{"ADD", "CNI_IFNAME=1234567890123456", "CNI_IFNAME"},
		{"ADD", "CNI_IFNAME=..", "CNI_IFNAME"},
		{"ADD", "CNI_IFNAME=a/b", "CNI_IFNAME"},
		{"ADD", "CNI_IFNAME=a:b", "CNI_IFNAME"},
		{"ADD", "CNI_IFNAME=a b", "CNI_IFNAME"},
		{"DEL", "CNI_IFNAME=../x", "CNI_IFNAME"},
		{"ADD", "CNI_NETNS", "CNI_NETNS is not set; ADD needs it"},
		{"ADD", "CNI_NETNS=", "CNI_NETNS"},
		{"CHECK", "CNI_NETNS", "CNI_NETNS"},
		{"ADD", "CNI_NETNS=relative", "CNI_NETNS is \"relative\""},
		{"ADD", "CNI_NETNS=/\xff", "CNI_NETNS"},
		{"ADD", "CNI_NETNS=/a\nb", "CNI_NETNS"},
		{"CHECK", "CNI_NETNS=relative", "CNI_NETNS"},
		{"ADD", "CNI_ARGS=A", "CNI_ARGS is \"A\""},
		{"ADD", "CNI_ARGS=A=1;B", "CNI_ARGS"},
		{"ADD", "CNI_ARGS==1", "CNI_ARGS"},
		{"ADD", "CNI_ARGS=A=1;;B=2", "CNI_ARGS"},
		{"ADD", "CNI_ARGS=;", "CNI_ARGS"},
		{"CHECK", "CNI_ARGS=A", "CNI_ARGS"},
		{"GC", "CNI_ARGS=A", "CNI_ARGS"},
		{"STATUS", "CNI_ARGS=A", "CNI_ARGS"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		run((struct call){.command = rows[i].command,
				  .env = {*rows[i].env != '\0' ? rows[i].env : NULL}});
		assert_refused(CNI_ERR_ENVIRONMENT, "1.1.0", rows[i].part);
		assert_not_called();
	}
}

static void a_netns_path_longer_than_paths_are_is_refused(void **state)
{
	char variable[5000] = "CNI_NETNS=/";

	(void)state;
	memset(variable + strlen(variable), 'x', 4096);
	run((struct call){.command = "ADD", .env = {variable}});
	assert_refused(CNI_ERR_ENVIRONMENT, "1.1.0", "CNI_NETNS");
	assert_not_called();
}

static void gc_and_status_need_no_attachment(void **state)
{
	static const char *const commands[] = {"GC", "STATUS"};

	(void)state;
	for (size_t i = 0; i < ROWS(commands); i++) {
		run((struct call){.command = commands[i],
				  .env = {"CNI_CONTAINERID", "CNI_IFNAME=/", "CNI_NETNS"}});
		assert_silent_success();
		assert_contains(o.trace, "id=none if=none netns=none");
	}
}

static void del_needs_no_netns(void **state)
{
	static const char *const netns[] = {"CNI_NETNS", "CNI_NETNS="};

	(void)state;
	for (size_t i = 0; i < ROWS(netns); i++) {
		run((struct call){.command = "DEL", .env = {netns[i]}});
		assert_silent_success();
		assert_contains(o.trace, "del DEL id=c1 if=eth0 netns=none");
	}
}

static void del_passes_over_what_does_not_matter_for_removing(void **state)
{
	static const struct {
		const char *env;
		const char *member;
		const char *part; /* on standard error */
	} rows[] = {
		{"CNI_ARGS=nonsense", "\"x\":1", ""},
		{"CNI_ARGS=", "\"prevResult\":5", "prevResult"},
		{"CNI_ARGS=", "\"prevResult\":\"x\"", "prevResult"},
		{"CNI_ARGS=", "\"prevResult\":{\"cniVersion\":\"7.7.7\"}", "7.7.7"},
		{"CNI_ARGS=", "\"runtimeConfig\":[]", ""},
	};
	char conf[200];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		snprintf(conf, sizeof(conf), "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",%s}",
			 rows[i].member);
		run((struct call){.command = "DEL", .input = conf, .env = {rows[i].env}});
		assert_int_equal(o.status, 0);
		assert_string_equal(o.out, "");
		assert_contains(o.err, rows[i].part);
		assert_contains(o.trace, "del DEL id=c1 if=eth0");
		assert_null(strstr(o.trace, "prev="));
		assert_null(strstr(o.trace, "runtime="));
	}
}

static void gc_and_status_do_not_look_at_prev_result(void **state)
{
	static const char *const commands[] = {"GC", "STATUS"};
	static const char *const prev[] = {"5",
					   "\"x\"",
					   "[]",
					   "{\"cniVersion\":\"7.7.7\"}",
					   "{\"cniVersion\":7}",
					   "{\"ips\":[{\"address\":1}]}"};

	(void)state;
	for (size_t i = 0; i < ROWS(commands) * ROWS(prev); i++) {
		char conf[200];

		snprintf(conf, sizeof(conf),
			 "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"prevResult\":%s,"
			 "\"cni.dev/valid-attachments\":[]}",
			 prev[i / ROWS(commands)]);
		run((struct call){.command = commands[i % ROWS(commands)], .input = conf});
		assert_silent_success();
		assert_null(strstr(o.trace, "prev="));
	}
}

static void a_prev_result_with_what_cannot_be_used_is_passed_on(void **state)
{
	static const char prev[] =
		"{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"nonsense\",\"interface\":-1}],"
		"\"interfaces\":[{\"name\":7,\"mac\":\"0\"}],\"dns\":{},\"x\":1152921504606846977}";
	char conf[400];

	(void)state;
	snprintf(conf, sizeof(conf), "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"prevResult\":%s}",
		 prev);
	fake.passes_on = true;
	run((struct call){.command = "ADD", .input = conf});
	fake.passes_on = false;
	assert_int_equal(o.status, 0);
	/* cJSON_Minify() leaves numbers as they are. */
	cJSON_Minify(o.out);
	assert_string_equal(o.out, prev);
	run((struct call){.command = "CHECK", .input = conf});
	assert_silent_success();
	assert_contains(o.trace, "prev=1");
}

static void a_wrong_configuration_is_refused_before_the_operation(void **state)
{
	static const struct {
		const char *conf;
		int code;
		const char *version;
		const char *part;
	} rows[] = {
		{"\n", CNI_ERR_DECODE, "1.1.0", "network configuration"},
		{"{", CNI_ERR_DECODE, "1.1.0", "network configuration"},
		{"[]", CNI_ERR_DECODE, "1.1.0", "network configuration"},
		{"{} {}", CNI_ERR_DECODE, "1.1.0", "network configuration"},
		{"{\"name\":\"n\",\"name\":\"n\"}", CNI_ERR_DECODE, "1.1.0", "name"},
		{"{\"name\":\"\xff\"}", CNI_ERR_DECODE, "1.1.0", "UTF-8"},
		{"{\"name\":\"n\",\"cniVersion\":\"9.9.9\"}", CNI_ERR_VERSION, "1.1.0", "9.9.9"},
		{"{\"name\":\"n\",\"cniVersion\":\"1.0\"}", CNI_ERR_VERSION, "1.1.0", "1.0"},
		{"{\"name\":\"n\",\"cniVersion\":1}", CNI_ERR_CONFIG, "1.1.0", "cniVersion"},
		{"{\"cniVersion\":\"1.0.0\"}", CNI_ERR_CONFIG, "1.0.0", "name"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"\"}", CNI_ERR_CONFIG, "1.0.0", "name"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":5}", CNI_ERR_CONFIG, "1.0.0", "name"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"../x\"}", CNI_ERR_CONFIG, "1.0.0", "../x"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"a/b\"}", CNI_ERR_CONFIG, "1.0.0", "a/b"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"" X200 "x\"}", CNI_ERR_CONFIG, "1.0.0",
		 "name"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"runtimeConfig\":[]}", CNI_ERR_CONFIG,
		 "1.0.0", "runtimeConfig"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"prevResult\":5}", CNI_ERR_CONFIG,
		 "1.0.0", "prevResult"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"prevResult\":{\"cniVersion\":1}}",
		 CNI_ERR_DECODE, "1.0.0", "prevResult: cniVersion is 1"},
		{"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"prevResult\":{\"cniVersion\":\"7\"}}",
		 CNI_ERR_VERSION, "1.0.0", "7"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		run((struct call){.command = "ADD", .input = rows[i].conf});
		assert_refused(rows[i].code, rows[i].version, rows[i].part);
		assert_not_called();
	}
}

static void an_empty_configuration_is_refused(void **state)
{
	static const char *const commands[] = {"ADD", "DEL", "CHECK", "GC", "STATUS"};

	(void)state;
	for (size_t i = 0; i < ROWS(commands); i++) {
		run((struct call){.command = commands[i], .input = ""});
		assert_refused(CNI_ERR_DECODE, "1.1.0", "network configuration");
		assert_not_called();
	}
}

static void check_without_prev_result_is_refused(void **state)
{
	static const char *const confs[] = {
		"{\"cniVersion\":\"1.0.0\",\"name\":\"n\"}",
		"{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"prevResult\":null}"};

	(void)state;
	for (size_t i = 0; i < ROWS(confs); i++) {
		run((struct call){.command = "CHECK", .input = confs[i]});
		assert_refused(CNI_ERR_CONFIG, "1.0.0", "prevResult");
		assert_not_called();
	}
}

#define A_ETH0 "{\"containerID\":\"a\",\"ifname\":\"eth0\"}"
#define A_ETH1 "{\"containerID\":\"a\",\"ifname\":\"eth1\"}"
#define B_ETH0 "{\"containerID\":\"b\",\"ifname\":\"eth0\"}"
#define B_ETH1 "{\"containerID\":\"b\",\"ifname\":\"eth1\",\"x\":[]}"
#define NEW "\"cni.dev/valid-attachments\":"
#define OLD "\"cni.dev/attachments\":"

static void gc_knows_the_valid_attachments_and_no_others(void **state)
{
	static const struct {
		const char *members;
		const char *valid;
	} rows[] = {
		{NEW "[]", "valid: of 0\n"},
		{NEW "null", "valid: of 0\n"},
		{OLD "[]", "valid: of 0\n"},
		{OLD "null", "valid: of 0\n"},
		{NEW "[" A_ETH0 "]", "valid: a@eth0 of 1\n"},
		{OLD "[" A_ETH0 "]", "valid: a@eth0 of 1\n"},
		{NEW "[" B_ETH1 "," A_ETH0 "," B_ETH0 "]", "valid: a@eth0 b@eth0 b@eth1 of 3\n"},
		{NEW "[" B_ETH1 "," B_ETH0 "," A_ETH1 "," A_ETH0 "]",
		 "valid: a@eth0 a@eth1 b@eth0 b@eth1 of 4\n"},
		{NEW "[" A_ETH1 "," A_ETH1 "]", "valid: a@eth1 of 2\n"},
		{NEW "[" A_ETH0 "]," OLD "[" A_ETH0 "]", "valid: a@eth0 of 1\n"},
		{OLD "[" B_ETH0 "]," NEW "[" A_ETH0 "]", "valid: a@eth0 of 1\n"},
	};
	char conf[400];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		snprintf(conf, sizeof(conf), "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",%s}",
			 rows[i].members);
		run((struct call){.command = "GC", .input = conf});
		assert_silent_success();
		assert_memory_equal(o.trace, rows[i].valid, strlen(rows[i].valid));
	}
}

static void gc_without_a_sound_list_removes_nothing(void **state)
{
	static const struct {
		const char *members;
		const char *part;
	} rows[] = {
		{"\"x\":1", "cni.dev/valid-attachments"},
		{NEW "{}", "cni.dev/valid-attachments"},
		{OLD "\"a\"", "cni.dev/attachments"},
		{NEW "[" A_ETH0 ",{\"containerID\":\"a\"}]", "element 1"},
		{NEW "[" A_ETH0 ",{\"ifname\":\"a\"}]", "element 1"},
		{NEW "[{\"containerID\":5,\"ifname\":\"eth0\"}]", "element 0"},
		{NEW "[null]", "element 0"},
		{OLD "[\"a\"]", "element 0"},
	};
	char conf[400];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		snprintf(conf, sizeof(conf), "{\"cniVersion\":\"1.1.0\",\"name\":\"n\",%s}",
			 rows[i].members);
		run((struct call){.command = "GC", .input = conf});
		assert_refused(CNI_ERR_CONFIG, "1.1.0", rows[i].part);
		assert_not_called();
	}
}

static void gc_finds_each_of_ten_thousand(void **state)
{
	char *conf = large = malloc(1 << 20);
	size_t len;

	(void)state;
	len = (size_t)sprintf(conf, "{\"cniVersion\":\"1.1.0\",\"name\":\"n\"," NEW "[" B_ETH0);
	for (unsigned int i = 0; i < 10000; i++)
		len += (size_t)sprintf(conf + len, ",{\"containerID\":\"x%u\",\"ifname\":\"eth0\"}",
				       i * 7919 % 10000);
	sprintf(conf + len, "," A_ETH1 "]}");
	run((struct call){.command = "GC", .input = conf});
	assert_contains(o.trace, "valid: a@eth1 b@eth0 of 10002\n");
}

static void version_lists_what_the_plugin_speaks(void **state)
{
	static const struct {
		enum cni_version oldest;
		const char *input;
		const char *answer;
	} rows[] = {
		{CNI_0_1_0, "",
		 "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\","
		 "\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}"},
		{CNI_0_3_0, "{\"cniVersion\":\"0.4.0\"}",
		 "{\"cniVersion\":\"0.4.0\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\","
		 "\"1.0.0\",\"1.1.0\"]}"},
		{CNI_1_1_0, "{\"cniVersion\":\"0.1.0\"}",
		 "{\"cniVersion\":\"0.1.0\",\"supportedVersions\":[\"1.1.0\"]}"},
		{CNI_1_1_0, "{\"cniVersion\":\"2.0.0\"}",
		 "{\"cniVersion\":\"2.0.0\",\"supportedVersions\":[\"1.1.0\"]}"},
		{CNI_1_1_0, "{}", "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"1.1.0\"]}"},
		{CNI_1_1_0, "{\"cniVersion\":5}",
		 "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"1.1.0\"]}"},
		{CNI_1_1_0, "no JSON",
		 "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"1.1.0\"]}"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_json cJSON *expected = cJSON_Parse(rows[i].answer);
		struct cni_plugin limited = plugin;

		limited.oldest = rows[i].oldest;
		run((struct call){.plugin = &limited,
				  .command = "VERSION",
				  .input = rows[i].input,
				  .env = {"CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS"}});
		assert_int_equal(o.status, 0);
		assert_string_equal(o.err, "");
		assert_non_null(expected);
		if (!cJSON_Compare(o.json, expected, true))
			fail_msg("is %s, should be %s", o.out, rows[i].answer);
		assert_not_called();
	}
}

/* The runtime sees a failed ADD, and may never call DEL. */
static void an_add_that_cannot_be_answered_is_undone(void **state)
{
	static const struct call calls[] = {
		{.command = "ADD", .deaf = true},
		{.command = "ADD", .output = "/dev/full"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(calls); i++) {
		run(calls[i]);
		assert_int_equal(o.status, 1);
		assert_memory_equal(o.trace, "add ADD id=c1 if=eth0 ", 22);
		assert_contains(o.trace, "\ndel ADD id=c1 if=eth0 ");
		assert_contains(o.err, "cannot write the result to standard output");
	}
}

static void an_add_without_standard_output_is_undone(void **state)
{
	(void)state;
	run((struct call){.command = "ADD", .without = {false, true, false}});
	assert_int_equal(o.status, 1);
	assert_contains(o.trace, "add ADD id=c1 if=eth0 ");
	assert_contains(o.trace, "\ndel ADD id=c1 if=eth0 ");
}

static void an_add_that_failed_is_left_to_the_operation(void **state)
{
	(void)state;
	fake.code = 100;
	run((struct call){.command = "ADD", .output = "/dev/full"});
	assert_int_equal(o.status, 1);
	assert_null(strstr(o.trace, "del"));
	assert_contains(o.err, "no add today");
}

static void what_an_operation_opens_is_never_a_standard_descriptor(void **state)
{
	(void)state;
	fake.opens = true;
	for (int closed = 1; closed < 8; closed++) {
		/* Without standard input there is no configuration: an error, on what is left. */
		run((struct call){.command = "ADD",
				  .without = {closed & 1, closed & 2, closed & 4}});
		if (closed & 1) {
			assert_int_equal(o.status, 1);
			assert_not_called();
			if (!(closed & 2))
				assert_refused(CNI_ERR_DECODE, "1.1.0", "configuration");
		} else {
			assert_contains(o.trace, "opened another\n");
			assert_null(strstr(o.trace, "opened a standard\n"));
		}
	}
}

static void input_that_comes_in_pieces_is_read_to_its_end(void **state)
{
	(void)state;
	run((struct call){.command = "STATUS",
			  .drip_ms = 1,
			  .input = "{\"cniVersion\":\"1.1.0\",\"name\":\"n\"}"});
	assert_silent_success();
	assert_contains(o.trace, "network=n");
}

/* Ten seconds, at twenty times the speed. */
static void input_that_does_not_end_is_refused_after_ten_seconds(void **state)
{
	static const int drips[] = {0, 100};

	(void)state;
	for (size_t i = 0; i < ROWS(drips); i++) {
		run((struct call){.command = "STATUS",
				  .drip_ms = drips[i],
				  .no_end = true,
				  .input = "{\"cniVersion\":\"1.1.0\",\"name\":\"n\"}",
				  .speed = 20});
		assert_refused(CNI_ERR_IO, "1.1.0", "did not end within 10 seconds");
		assert_in_range(o.took_ms, 500, 3000);
		assert_not_called();
	}
}

static void input_of_more_than_eight_megabytes_is_refused(void **state)
{
	static const char conf[] = "{\"cniVersion\":\"1.1.0\",\"name\":\"n\"}";
	const size_t size = JSON_MAX_BYTES + 1;
	char *input = large = malloc(size);

	(void)state;
	memset(input, ' ', size);
	memcpy(input, conf, strlen(conf));
	run((struct call){.command = "STATUS", .input = input, .input_len = size});
	assert_refused(CNI_ERR_DECODE, "1.1.0", "larger than 8 MiB");
	assert_not_called();
	run((struct call){.command = "STATUS", .input = input, .input_len = size - 1});
	assert_silent_success();
}

static void a_standard_input_that_cannot_be_read_is_an_error(void **state)
{
	(void)state;
	run((struct call){.command = "STATUS", .input_file = "/"});
	assert_refused(CNI_ERR_IO, "1.1.0", "cannot read the network configuration");
	assert_string_equal(member("details"), "Is a directory");
	assert_not_called();
}

static void a_plugin_called_by_hand_introduces_itself_in_two_lines(void **state)
{
	struct cni_plugin limited = plugin;
	char text[1024];
	int ours, terminal;

	(void)state;
	limited.oldest = CNI_0_3_1;
	run((struct call){.plugin = &limited});
	assert_string_equal(o.err, "fake: does nothing (CNI plugin of usernet-cni " USERNET_VERSION
				   ")\nCNI spec versions: 0.3.1 0.4.0 1.0.0 1.1.0\n");
	/* A program reads standard output, and finds an error that it understands. */
	assert_refused(CNI_ERR_ENVIRONMENT, "1.1.0", "CNI_COMMAND");

	/* A person, at a terminal, has no use for it. */
	assert_int_equal(openpty(&ours, &terminal, NULL, NULL, NULL), 0);
	fcntl(ours, F_SETFL, O_NONBLOCK);
	run((struct call){.plugin = &limited, .terminal = terminal});
	assert_int_equal(o.status, 0);
	assert_contains(o.err, "fake: does nothing");
	assert_int_equal(read(ours, text, sizeof(text)), -1);
	close(ours);
	close(terminal);
	assert_not_called();
}

static void version_option_prints_the_projects_version(void **state)
{
	(void)state;
	run((struct call){.argument = "--version"});
	assert_string_equal(o.out, "fake (usernet-cni) " USERNET_VERSION "\n");
	assert_string_equal(o.err, "");
	assert_int_equal(o.status, 0);

	/* The protocol knows no arguments. */
	run((struct call){.argument = "--version", .command = "STATUS"});
	assert_silent_success();
	assert_contains(o.trace, "status STATUS");
}

static void names_follow_the_grammar_of_the_spec_and_the_kernel(void **state)
{
	static const struct {
		const char *name;
		bool id, ifname;
	} rows[] = {
		{"a", true, true},
		{"0", true, true},
		{"eth0.100", true, true},
		{"a-b_c.d", true, true},
		{"ABCxyz019", true, true},
		{"123456789012345", true, true},
		{"1234567890123456", true, false},
		{X200, true, false},
		{X200 "x", false, false},
		{"", false, false},
		{".", false, false},
		{"..", false, false},
		{"...", false, true},
		{"_a", false, true},
		{"-a", false, true},
		{".a", false, true},
		{"a@b", false, true},
		{"a+b", false, true},
		{"a/b", false, false},
		{"a:b", false, false},
		{"a b", false, false},
		{"a\tb", false, false},
		{"a\n", false, false},
		{"a\x7f", false, false},
		{"a%d", false, false},
		{"gr\xc3\xbc\xc3\x9f", false, true},
		{"\xc3\xa0", false, false}, /* its second byte is a space to the kernel */
		{"a\xc2\xa0", false, false},
		{"a\xc2", false, false},
		{"\xff", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (cni_valid_container_id(rows[i].name) != rows[i].id ||
		    cni_valid_network_name(rows[i].name) != rows[i].id ||
		    cni_valid_ifname(rows[i].name) != rows[i].ifname)
			fail_msg("\"%s\"", rows[i].name);
	}
}

/* Every byte, so that a table of exceptions cannot have a hole. */
static void names_have_no_byte_that_the_grammar_does_not_name(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		const char name[] = {'a', (char)c, '\0'};
		const bool word = c < 128 && isalnum(c);

		assert_int_equal(cni_valid_container_id(name),
				 word || c == '_' || c == '.' || c == '-');
		assert_int_equal(cni_valid_ifname(name),
				 c > ' ' && c <= '~' && strchr("/:%", c) == NULL);
	}
}

/* U+0080 to U+009F: a terminal obeys them as it does the others. */
static void an_interface_name_has_no_control_character_beyond_ascii_either(void **state)
{
	(void)state;
	for (int c = 0x80; c < 0xa0; c++) {
		const char name[] = {'a', '\xc2', (char)c, '\0'};

		assert_false(cni_valid_ifname(name));
	}
}

#define test(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_operation_exists_from_its_version_on),
		test(a_plugin_speaks_no_version_before_its_oldest),
		test(a_configuration_without_version_means_0_1_0),
		test(the_operation_gets_what_the_runtime_said),
		test(add_answers_with_one_result_in_the_version_asked),
		test(a_large_result_comes_out_whole),
		test(del_check_gc_and_status_answer_success_with_silence),
		test(an_operations_error_is_the_answer),
		test(an_error_has_the_version_of_the_configuration),
		test(a_wrong_environment_is_refused_by_the_variables_name),
		test(a_netns_path_longer_than_paths_are_is_refused),
		test(gc_and_status_need_no_attachment),
		test(del_needs_no_netns),
		test(del_passes_over_what_does_not_matter_for_removing),
		test(gc_and_status_do_not_look_at_prev_result),
		test(a_prev_result_with_what_cannot_be_used_is_passed_on),
		test(a_wrong_configuration_is_refused_before_the_operation),
		test(an_empty_configuration_is_refused),
		test(check_without_prev_result_is_refused),
		test(gc_knows_the_valid_attachments_and_no_others),
		test(gc_without_a_sound_list_removes_nothing),
		test(gc_finds_each_of_ten_thousand),
		test(version_lists_what_the_plugin_speaks),
		test(an_add_that_cannot_be_answered_is_undone),
		test(an_add_without_standard_output_is_undone),
		test(an_add_that_failed_is_left_to_the_operation),
		test(what_an_operation_opens_is_never_a_standard_descriptor),
		test(input_that_comes_in_pieces_is_read_to_its_end),
		test(input_that_does_not_end_is_refused_after_ten_seconds),
		test(input_of_more_than_eight_megabytes_is_refused),
		test(a_standard_input_that_cannot_be_read_is_an_error),
		test(a_plugin_called_by_hand_introduces_itself_in_two_lines),
		test(version_option_prints_the_projects_version),
		test(names_follow_the_grammar_of_the_spec_and_the_kernel),
		test(names_have_no_byte_that_the_grammar_does_not_name),
		test(an_interface_name_has_no_control_character_beyond_ascii_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
