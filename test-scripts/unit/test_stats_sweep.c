// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a child that was in a container's user namespace says that it read: taken for the word of
 * the container's root, who may have written it. And the one namespace that is visited without a
 * child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "isolated.h"

#include "../../plugins/netns-stats/attachment.c"
#include "../../plugins/netns-stats/container.c"
#include "../../plugins/netns-stats/sample.c"
#include "../../plugins/netns-stats/show_json.c"
#include "../../plugins/netns-stats/sweep.c"

/* Of other files, and not what is examined. */
size_t registry_container_end(const struct registry *r, size_t first)
{
	(void)r;
	return first + 1;
}

void detail_collect(struct sample *s)
{
	(void)s;
}

static int setns_fails_at; /* 1: the next; 0: none */

int setns(int fd, int type)
{
	if (type == CLONE_NEWNET && setns_fails_at > 0 && --setns_fails_at == 0) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_setns, fd, type);
}

/* An answer that is all right, to be spoilt. */
struct spoilt {
	struct cni_error err;
	size_t n_links, n_addresses, detail_len;
	struct link link;
	struct link_address address;
	const char *detail;
};

static const struct spoilt right = {
	.n_links = 1,
	.n_addresses = 1,
	.link = {.name = "eth0",
		 .qdisc = "noqueue",
		 .kind = "veth",
		 .hwaddr_len = HWADDR_MAX,
		 .broadcast_len = 6},
	.address = {.prefix = {.address.family = AF_INET6, .length = 128}},
	.detail = "{\"a\":{\"b\":[1]}}",
};

/* Through a pipe, as the child writes it. */
static bool is_taken(const struct spoilt *spoilt, struct sweep_job *job)
{
	const size_t len = spoilt->detail_len ? spoilt->detail_len : strlen(spoilt->detail);
	const struct answer a = {.err = spoilt->err,
				 .n_links = spoilt->n_links,
				 .n_addresses = spoilt->n_addresses,
				 .detail_len = len};
	int ends[2];
	bool taken;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(write_all(ends[1], &a, sizeof(a)));
	assert_true(write_all(ends[1], &spoilt->link, sizeof(spoilt->link)));
	assert_true(write_all(ends[1], &spoilt->address, sizeof(spoilt->address)));
	assert_true(write_all(ends[1], spoilt->detail, strlen(spoilt->detail)));
	close(ends[1]);
	taken = read_answer(ends[0], job, monotonic_ns() + NS_PER_S);
	close(ends[0]);
	return taken;
}

#define SPOIL(change)               \
	do {                        \
		spoilt[n] = right;  \
		spoilt[n++].change; \
	} while (0)

static void a_childs_answer_is_checked_in_every_length(void **unused)
{
	struct sweep_job job = {.path = "/x"};
	struct spoilt spoilt[32];
	size_t n = 0;

	(void)unused;
	assert_true(is_taken(&right, &job));
	assert_int_equal(job.err.code, 0);
	assert_string_equal(job.sample.links[0].name, "eth0");
	assert_string_equal(job.sample.detail.data, right.detail);

	SPOIL(link.hwaddr_len = HWADDR_MAX + 1);
	SPOIL(link.hwaddr_len = 255);
	SPOIL(link.broadcast_len = HWADDR_MAX + 1);
	SPOIL(link.name[0] = '\0');
	for (size_t i = 0; i < 3; i++)
		spoilt[n + i] = right;
	memset(spoilt[n++].link.name, 'n', IFNAMSIZ);
	memset(spoilt[n++].link.qdisc, 'q', IFNAMSIZ);
	memset(spoilt[n++].link.kind, 'k', sizeof(right.link.kind));
	SPOIL(address.prefix.length = 129);
	SPOIL(address.prefix.length = UINT32_MAX);
	SPOIL(address.prefix.address.family = AF_INET); /* and 128 bits */
	SPOIL(address.prefix.address.family = AF_UNSPEC);
	SPOIL(address.prefix.address.family = -1);
	SPOIL(detail = "{}},{\"containerId\":\"another\"");
	SPOIL(detail = "[]");
	SPOIL(detail = "1");
	SPOIL(detail = "{\"a\":\033}");
	SPOIL(detail = "{");
	SPOIL(n_links = ENTRIES_MAX + 1);
	SPOIL(n_links = SIZE_MAX);
	SPOIL(n_addresses = SIZE_MAX / sizeof(struct link_address));
	SPOIL(detail_len = DETAIL_MAX_BYTES + 1);
	SPOIL(detail_len = SIZE_MAX);
	SPOIL(detail_len = 100); /* and no more comes */
	for (size_t i = 0; i < n; i++) {
		if (is_taken(&spoilt[i], &job))
			fail_msg("the answer of row %zu was believed", i);
	}
	sample_free(&job.sample);
}

static void a_childs_error_ends_and_is_fit_for_a_terminal(void **unused)
{
	struct sweep_job job = {.path = "/x"};
	struct spoilt wrong = right;

	(void)unused;
	memset(wrong.err.msg, '\033', sizeof(wrong.err.msg));
	memset(wrong.err.details, '\x9b', sizeof(wrong.err.details));
	wrong.err.code = CNI_ERR_IO;
	assert_true(is_taken(&wrong, &job));
	assert_int_equal(job.err.code, CNI_ERR_IO);
	assert_int_equal(strnlen(job.err.msg, sizeof(job.err.msg)), sizeof(job.err.msg) - 1);
	assert_null(strchr(job.err.msg, '\033'));
	assert_null(strchr(job.err.details, '\x9b'));
	sample_free(&job.sample);
}

static void a_hardware_address_stays_in_its_buffer(void **unused)
{
	char room[HWADDR_TEXT_MAX + 1];
	uint8_t bytes[255];

	(void)unused;
	memset(bytes, 0xab, sizeof(bytes));
	memset(room, '!', sizeof(room));
	hwaddr_format(bytes, sizeof(bytes), room);
	assert_int_equal(strlen(room), HWADDR_TEXT_MAX - 1);
	assert_int_equal(room[HWADDR_TEXT_MAX], '!');
}

/* Of three: whether we could come back, there, and back. */
static void lost_inside(void)
{
	cleanup_sample struct sample sample = {0};
	struct cni_error err = {0};
	const int fd = open("/run/x", O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
	const pid_t pid = fork_child();

	if (pid == 0) {
		check(unshare(CLONE_NEWNET) == 0);
		check(mount("/proc/self/ns/net", "/run/x", NULL, MS_BIND, NULL) == 0);
		_exit(0);
	}
	check(fd >= 0 && wait_child(pid) == 0);
	setns_fails_at = 3;
	check(sweep_one("/run/x", 0, 0, &sample, &err) == -1);
	check(inode("/proc/self/ns/net") == inode("/run/x"));
	check(strstr(err.msg, "cannot come back from the network namespace /run/x") != NULL);
	umount2("/run/x", MNT_DETACH);
}

static void who_cannot_come_back_is_told(void **unused)
{
	(void)unused;
	need_isolation();
	assert_int_equal(run_child(lost_inside), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_childs_answer_is_checked_in_every_length),
		cmocka_unit_test(a_childs_error_ends_and_is_fit_for_a_terminal),
		cmocka_unit_test(a_hardware_address_stays_in_its_buffer),
		cmocka_unit_test(who_cannot_come_back_is_told),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
