/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client of the daemon's API, against servers that behave, and others. */
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "conf.h"
#include "isolated.h"
#include "slirp_api.h"

static char directory[] = "/tmp/test_slirp_api.XXXXXX";
static char path[108];

static int dies_after_connect = -1; /* a listening socket of which that is true */

/* In place of libc's, for common/. */
int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	const int value = (int)syscall(SYS_connect, fd, address, len);

	if (dies_after_connect >= 0) {
		cleanup_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

		dup3(null, dies_after_connect, O_CLOEXEC);
	}
	return value;
}

static int make_directory(void **state)
{
	(void)state;
	alarm(PROGRAM_LIMIT_S);
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/s", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int stale(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static int listen_at(int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	(void)!send(fd, text, len, MSG_NOSIGNAL);
}

/*
 * One connection's server in a child. As the daemon, it reads once: a request in two pieces would
 * be a broken one.
 */
static pid_t serve(void (*behave)(int fd, const char *request))
{
	const int listener = listen_at(1);
	const pid_t pid = fork_child();

	if (pid == 0) {
		char request[8192];
		const int fd = accept(listener, NULL, NULL);
		const ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

		request[n < 0 ? 0 : n] = '\0';
		behave(fd, request);
		_exit(0);
	}
	close(listener);
	assert_true(pid > 0);
	return pid;
}

/* One call; the error, and how long it took. */
struct outcome {
	int value;
	int errnum;
	struct cni_error err;
	cJSON *answer;
	int64_t took_ms;
};

static void outcome_free(struct outcome *o)
{
	cJSON_Delete(o->answer);
}
#define cleanup_outcome __attribute__((cleanup(outcome_free)))

static void call_at(const char *where, const char *text, int timeout_ms, struct outcome *o)
{
	cleanup_json cJSON *request = cJSON_Parse(text);
	const int before = count_descriptors();
	const int64_t begin = milliseconds();

	assert_non_null(request);
	outcome_free(o);
	*o = (struct outcome){.answer = request};
	errno = 0;
	o->value = slirp_api_call(where, request, timeout_ms, &o->answer, &o->err);
	o->errnum = errno;
	o->took_ms = milliseconds() - begin;
	if (o->value < 0)
		assert_null(o->answer);
	assert_int_equal(count_descriptors(), before);
}

static void call(void (*behave)(int fd, const char *request), int timeout_ms, struct outcome *o)
{
	const pid_t pid = serve(behave);

	call_at(path, "{\"execute\":\"list_hostfwd\"}", timeout_ms, o);
	end_child(pid);
	unlink(path);
}

static void assert_failed(const struct outcome *o, int code, const char *part)
{
	assert_int_equal(o->value, -1);
	if (o->err.code != code || strstr(o->err.msg, part) == NULL)
		fail_msg("should be %d \"%s\": %d %s (%s)", code, part, o->err.code, o->err.msg,
			 o->err.details);
}

static void echo(int fd, const char *request)
{
	char text[8300];

	snprintf(text, sizeof(text), "{\"return\":%s}", request);
	say(fd, text, strlen(text));
}

static void a_request_is_answered(void **state)
{
	cleanup_outcome struct outcome o = {0};
	const cJSON *request;

	(void)state;
	call(echo, 2000, &o);
	if (o.value < 0)
		fail_msg("%s (%s)", o.err.msg, o.err.details);
	request = json_get(o.answer, "return");
	assert_string_equal(json_get(request, "execute")->valuestring, "list_hostfwd");
	assert_null(slirp_api_error(o.answer));
	assert_true(o.took_ms < 1000);
}

static void wait_for_end(int fd, const char *request)
{
	char rest;

	(void)request;
	/* Half-closed: whoever reads to the end comes to it. */
	if (recv(fd, &rest, 1, 0) == 0)
		say(fd, "{}", 2);
}

static void the_request_has_an_end(void **state)
{
	cleanup_outcome struct outcome o = {0};

	(void)state;
	call(wait_for_end, 2000, &o);
	assert_int_equal(o.value, 0);
}

static void in_pieces(int fd, const char *request)
{
	static const char text[] = "{\"return\":{\"entries\":[1,2,3]}}\n";

	(void)request;
	for (size_t i = 0; i < strlen(text); i++) {
		say(fd, text + i, 1);
		sleep_ms(2);
	}
}

static void an_answer_in_pieces_is_put_together(void **state)
{
	cleanup_outcome struct outcome o = {0};

	(void)state;
	call(in_pieces, 5000, &o);
	assert_int_equal(o.value, 0);
	assert_int_equal(cJSON_GetArraySize(json_get(json_get(o.answer, "return"), "entries")), 3);
}

static void large(int fd, const char *request)
{
	char *text = malloc(1000100);
	const int len = sprintf(text, "{\"return\":\"%0999900d\"}", 0);

	(void)request;
	say(fd, text, (size_t)len);
	free(text);
}

static void a_large_answer_comes_whole(void **state)
{
	cleanup_outcome struct outcome o = {0};

	(void)state;
	call(large, 5000, &o);
	if (o.value < 0)
		fail_msg("%s (%s)", o.err.msg, o.err.details);
	assert_int_equal(strlen(json_get(o.answer, "return")->valuestring), 999900);
}

static void huge(int fd, const char *request)
{
	char block[65536];

	(void)request;
	memset(block, ' ', sizeof(block));
	while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
		continue;
}

static void an_answer_without_end_is_refused(void **state)
{
	cleanup_outcome struct outcome o = {0};

	(void)state;
	call(huge, 10000, &o);
	assert_failed(&o, CNI_ERR_DECODE, "larger than a megabyte");
	assert_non_null(strstr(o.err.msg, path));
	assert_true(o.took_ms < 5000);
}

static void refuse(int fd, const char *request)
{
	static const char text[] = "{\"error\":{\"desc\":\"bad request: add_hostfwd: bad port\"}}";

	(void)request;
	say(fd, text, strlen(text));
}

static void an_error_of_the_daemon_is_an_answer(void **state)
{
	cleanup_outcome struct outcome o = {0};

	(void)state;
	call(refuse, 2000, &o);
	assert_int_equal(o.value, 0);
	assert_string_equal(slirp_api_error(o.answer), "bad request: add_hostfwd: bad port");
}

static void an_answer_tells_whether_it_is_an_error(void **state)
{
	static const struct {
		const char *answer;
		const char *error;
	} rows[] = {
		{"{}", NULL},
		{"{\"return\":{}}", NULL},
		{"{\"error\":null}", NULL},
		{"{\"error\":{\"desc\":\"x\"}}", "x"},
		{"{\"error\":{}}", "an error without a description"},
		{"{\"error\":{\"desc\":5}}", "an error without a description"},
		{"{\"error\":\"x\"}", "an error without a description"},
		{"{\"error\":5}", "an error without a description"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_json cJSON *answer = cJSON_Parse(rows[i].answer);
		const char *error = slirp_api_error(answer);

		if (rows[i].error == NULL)
			assert_null(error);
		else
			assert_string_equal(error, rows[i].error);
	}
	assert_null(slirp_api_error(NULL));
}

static const char *garbage; /* what the next server answers */

static void say_garbage(int fd, const char *request)
{
	(void)request;
	say(fd, garbage, strlen(garbage));
}

static void an_answer_that_is_no_object_is_refused(void **state)
{
	static const char *const rows[] = {
		"no JSON",          "[]", "5", "{", "{}{}", "{\"a\":1,\"a\":2}", "\xff",
		"{\"a\":\"\xff\"}", " "};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_outcome struct outcome o = {0};

		garbage = rows[i];
		call(say_garbage, 2000, &o);
		assert_failed(&o, CNI_ERR_DECODE, "slirp4netns's reply");
	}
}

static void say_nothing(int fd, const char *request)
{
	(void)fd;
	(void)request;
}

static void an_empty_answer_is_refused(void **state)
{
	cleanup_outcome struct outcome o = {0};

	(void)state;
	call(say_nothing, 2000, &o);
	assert_failed(&o, CNI_ERR_DECODE, "slirp4netns's reply");
	assert_true(o.took_ms < 1000);
}

static void a_server_that_closes_unread_is_an_error(void **state)
{
	cleanup_outcome struct outcome o = {0};
	const int listener = listen_at(1);
	const pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		for (;;)
			close(accept(listener, NULL, NULL));
	}
	close(listener);
	call_at(path, "{}", 2000, &o);
	end_child(pid);
	assert_int_equal(o.value, -1);
	assert_true(o.err.code == CNI_ERR_IO || o.err.code == CNI_ERR_DECODE);
	assert_true(o.took_ms < 1000);
}

static void keep_silent(int fd, const char *request)
{
	(void)fd;
	(void)request;
	pause();
}

static void drip(int fd, const char *request)
{
	(void)request;
	for (;;) {
		say(fd, " ", 1);
		sleep_ms(20);
	}
}

static void say_and_stay(int fd, const char *request)
{
	(void)request;
	say(fd, "{}", 2);
	pause();
}

static void waiting_for_an_answer_has_one_limit_for_all_of_it(void **state)
{
	static void (*const rows[])(int fd, const char *request) = {keep_silent, drip,
								    say_and_stay};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_outcome struct outcome o = {0};

		call(rows[i], 150, &o);
		assert_failed(&o, CNI_ERR_IO, "does not answer");
		assert_int_equal(o.errnum, ETIMEDOUT);
		assert_in_range(o.took_ms, 148, 3000);
	}
}

/* The daemon is busy with another client, and others wait before us. */
static void waiting_to_be_accepted_has_the_limit_too(void **state)
{
	cleanup_close int listener = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_outcome struct outcome o = {0};
	int clients[4];

	(void)state;
	listener = listen_at(0);
	memcpy(address.sun_path, path, strlen(path) + 1);
	for (size_t i = 0; i < ROWS(clients); i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(clients[i], (const struct sockaddr *)&address, sizeof(address));
	}
	call_at(path, "{}", 150, &o);
	for (size_t i = 0; i < ROWS(clients); i++)
		close(clients[i]);
	assert_failed(&o, CNI_ERR_IO, "cannot reach");
	assert_int_equal(o.errnum, ETIMEDOUT);
	assert_in_range(o.took_ms, 140, 3000);
}

static void no_time_at_all_is_an_error_at_once(void **state)
{
	cleanup_outcome struct outcome o = {0};

	(void)state;
	call(keep_silent, 0, &o);
	assert_failed(&o, CNI_ERR_IO, path);
	assert_int_equal(o.errnum, ETIMEDOUT);
	assert_true(o.took_ms < 900);
}

static void where_nobody_listens_errno_says_so(void **state)
{
	cleanup_outcome struct outcome o = {0};
	char inside[120];

	(void)state;
	call_at(path, "{}", 1000, &o);
	assert_failed(&o, CNI_ERR_IO, path);
	assert_int_equal(o.errnum, ENOENT);
	assert_string_equal(o.err.details, "No such file or directory");

	close(listen_at(1));
	call_at(path, "{}", 1000, &o);
	assert_failed(&o, CNI_ERR_IO, path);
	assert_int_equal(o.errnum, ECONNREFUSED);
	assert_string_equal(o.err.details, "Connection refused");

	/* Not a socket. */
	unlink(path);
	assert_true(make_file(path, "{}"));
	call_at(path, "{}", 1000, &o);
	assert_failed(&o, CNI_ERR_IO, path);
	assert_int_equal(o.errnum, ECONNREFUSED);
	snprintf(inside, sizeof(inside), "%s/x", path);
	call_at(inside, "{}", 1000, &o);
	assert_failed(&o, CNI_ERR_IO, inside);
	assert_int_equal(o.errnum, ENOTDIR);

	/* A FIFO, which would block whoever opens it. */
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	call_at(path, "{}", 1000, &o);
	assert_failed(&o, CNI_ERR_IO, path);
	assert_int_equal(o.errnum, ECONNREFUSED);
	assert_true(o.took_ms < 900);
}

static void what_the_daemon_cannot_hold_is_not_sent(void **state)
{
	cleanup_outcome struct outcome o = {0};
	cleanup_free char *fits = malloc(5000);
	cleanup_free char *too_long = malloc(5000);
	pid_t pid;

	(void)state;
	sprintf(fits, "{\"x\":\"%04087d\"}", 0);
	sprintf(too_long, "{\"x\":\"%04088d\"}", 0);
	assert_int_equal(strlen(fits), 4095);
	pid = serve(echo);
	call_at(path, fits, 2000, &o);
	end_child(pid);
	unlink(path);
	assert_int_equal(o.value, 0);
	assert_int_equal(strlen(json_get(json_get(o.answer, "return"), "x")->valuestring), 4087);

	pid = serve(echo);
	call_at(path, too_long, 2000, &o);
	end_child(pid);
	assert_failed(&o, CNI_ERR_IO, path);
	assert_int_equal(o.errnum, EMSGSIZE);
}

static void a_path_that_no_socket_can_have_is_refused(void **state)
{
	cleanup_outcome struct outcome o = {0};
	char long_path[200];

	(void)state;
	memset(long_path, 'x', sizeof(long_path));
	long_path[0] = '/';
	long_path[108] = '\0';
	call_at(long_path, "{}", 1000, &o);
	assert_failed(&o, CNI_ERR_IO, long_path);
	assert_int_equal(o.errnum, EMSGSIZE);
	long_path[107] = '\0';
	call_at(long_path, "{}", 1000, &o);
	assert_failed(&o, CNI_ERR_IO, long_path);
	assert_int_equal(o.errnum, ENOENT);
}

/*
 * A daemon that dies between our connect(2) and our send(2) must not take the plugin along: no
 * SIGPIPE. Its socket is closed, and its number kept for those who count.
 */
static void a_server_that_dies_is_an_error_not_a_signal(void **state)
{
	cleanup_outcome struct outcome o = {0};

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	dies_after_connect = listen_at(1);
	call_at(path, "{}", 1000, &o);
	close(dies_after_connect);
	dies_after_connect = -1;
	assert_failed(&o, CNI_ERR_IO, "cannot ask");
	assert_int_equal(o.errnum, EPIPE);
}

#define test(name) cmocka_unit_test_teardown(name, stale)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_request_is_answered),
		test(the_request_has_an_end),
		test(an_answer_in_pieces_is_put_together),
		test(a_large_answer_comes_whole),
		test(an_answer_without_end_is_refused),
		test(an_error_of_the_daemon_is_an_answer),
		test(an_answer_tells_whether_it_is_an_error),
		test(an_answer_that_is_no_object_is_refused),
		test(an_empty_answer_is_refused),
		test(a_server_that_closes_unread_is_an_error),
		test(waiting_for_an_answer_has_one_limit_for_all_of_it),
		test(waiting_to_be_accepted_has_the_limit_too),
		test(no_time_at_all_is_an_error_at_once),
		test(where_nobody_listens_errno_says_so),
		test(what_the_daemon_cannot_hold_is_not_sent),
		test(a_path_that_no_socket_can_have_is_refused),
		test(a_server_that_dies_is_an_error_not_a_signal),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
