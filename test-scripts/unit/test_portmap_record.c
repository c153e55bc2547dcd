/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What netns-portmap writes down of an attachment and reads again: its record, the owner and the
 * elements that it comes to, and whether another attachment of the container has its ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "plugins/netns-portmap/publication.h"
#include "plugins/netns-portmap/record.h"
#include "plugins/netns-portmap/siblings.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))
#define LONG "a-container-whose-name-is-longer-than-an-owner-has-room-for-in-a-comment"

static char directory[] = "/tmp/test_portmap_record.XXXXXX";

/* The container's mapping of two ports, and of one of one address. */
static struct mapping asked[] = {
	{.protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80},
	{.protocol = IPPROTO_UDP, .host_port = 53, .container_port = 53},
	{.protocol = IPPROTO_TCP,
	 .host_port = 8081,
	 .container_port = 81,
	 .host_family = AF_INET,
	 .one_host = true,
	 .host = {.family = AF_INET, .bytes = {127, 0, 0, 1}}},
};

struct setting {
	struct config config;
	struct state state;
	struct call call;
};

static void setting_close(struct setting *s)
{
	portmap_unlock(&s->call);
	state_close(&s->state);
}
#define cleanup_setting __attribute__((cleanup(setting_close)))

static void set_up(struct setting *s, const char *network, const char *container_id,
		   const char *ifname)
{
	struct cni_error err;

	*s = (struct setting){
		.config = {.state_dir = directory,
			   .snat = true,
			   .mark_bit = 13,
			   .mappings = asked,
			   .n_mappings = ROWS(asked)},
		.call = {.attachment = {network, container_id, ifname},
			 .lock = -1,
			 .address = {{.family = AF_INET, .bytes = {10, 22, 0, 2}},
				     {.family = AF_INET6, .bytes = {0xfd, 0x22, [15] = 2}}}},
	};
	s->call.config = &s->config;
	s->call.state = &s->state;
	assert_int_equal(state_open(directory, PLUGIN_NAME, network, true, &s->state, &err), 0);
}

/* A backend of which it is known whether CHECK is content. */
static int checked;
static bool content = true;

static int pretend_check(const struct call *call, const cJSON *record, struct cni_error *err)
{
	(void)call, (void)record;
	checked++;
	return content ? 0 : cni_error(err, ERR_CHECK, "some program has the port");
}

const struct backend *__wrap_portmap_backend_of(const cJSON *record, struct cni_error *err);
const struct backend *__real_portmap_backend_of(const cJSON *record, struct cni_error *err);

const struct backend *__wrap_portmap_backend_of(const cJSON *record, struct cni_error *err)
{
	static const struct backend pretended = {.name = "pretended", .check = pretend_check};

	return __real_portmap_backend_of(record, err) == NULL ? NULL : &pretended;
}

static void write_record(const struct setting *s, const char *backend, size_t n)
{
	cleanup_json cJSON *record = portmap_record_new(backend, asked, n);
	struct cni_error err;

	assert_non_null(record);
	assert_int_equal(portmap_record_write(&s->call, record, &err), 0);
}

static void a_record_is_read_as_it_was_written(void **unused)
{
	cleanup_setting struct setting s;
	cleanup_publication struct publication out = {0};
	cleanup_publication struct publication in = {0};
	cleanup_json cJSON *record = NULL;
	struct cni_error err;

	(void)unused;
	set_up(&s, "net", "c", "eth0");
	publication_init(&out, &s.call);
	out.masq_all = true;
	out.mark_bit = 5;
	snprintf(out.device[0], IFNAMSIZ, "cni0");
	record = publication_print(&out);
	assert_non_null(record);
	assert_int_equal(publication_read(&s.call, record, &in, &err), 0);
	assert_int_equal(in.n, ROWS(asked));
	assert_true(ip_address_equal(&in.address[1], &out.address[1]));
	assert_string_equal(in.device[0], "cni0");
	assert_string_equal(in.device[1], "");
	assert_true(in.snat && in.masq_all);
	assert_int_equal(in.mark_bit, 5);
	assert_int_equal(in.layout, TABLE_LAYOUT);
	assert_string_equal(in.owner, "net/c@eth0");
}

static void a_record_that_is_wrong_is_told_as_such(void **unused)
{
	static const char *const rows[] = {
		"{}",
		"{\"mappings\":[]}",
		"{\"mappings\":[{\"protocol\":\"tcp\",\"hostPort\":1,\"containerPort\":1}]}",
		"{\"address4\":\"10.0.0.1\",\"mappings\":[]}",
		"{\"address4\":\"fd::1\",\"mappings\":[{\"protocol\":\"tcp\",\"hostPort\":1,"
		"\"containerPort\":1}]}",
		"{\"address4\":\"10.0.0.1\",\"device4\":\"a-name-of-16-byt\",\"mappings\":"
		"[{\"protocol\":\"tcp\",\"hostPort\":1,\"containerPort\":1}]}",
		"{\"address4\":\"10.0.0.1\",\"markMasqBit\":32,\"mappings\":[{\"protocol\":\"tcp\","
		"\"hostPort\":1,\"containerPort\":1}]}",
	};
	cleanup_setting struct setting s;

	(void)unused;
	set_up(&s, "net", "c", "eth0");
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_publication struct publication p = {0};
		cleanup_json cJSON *record = cJSON_Parse(rows[i]);
		struct cni_error err = {0};

		assert_int_equal(publication_read(&s.call, record, &p, &err), -1);
		assert_int_equal(err.code, CNI_ERR_DECODE);
	}
}

static void an_owner_is_unmistakable_and_fits_a_comment(void **unused)
{
	static const struct {
		const char *network, *container_id, *ifname, *expected;
	} rows[] = {
		{"net", "c", "eth0", "net/c@eth0"},
		{"net", "c", "e\"h\\0", "net/c@e%22h%5c0"},
		/* Too long by that: a hash, which is longer than any interface's name. */
		{"net", "c", "\"\"\"\"\"\"\"\"\"\"", "net/c@~"},
		{"net", LONG, "eth0", "net/a-container-whose-name-is-longer-than-an-owner-has~"},
	};
	char owner[OWNER_MAX], other[OWNER_MAX], prefix[OWNER_MAX];

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		owner_name(rows[i].network, rows[i].container_id, rows[i].ifname, owner);
		owner_prefix(rows[i].network, prefix);
		assert_int_equal(strncmp(owner, prefix, strlen(prefix)), 0);
		if (strchr(rows[i].expected, '~') == NULL)
			assert_string_equal(owner, rows[i].expected);
		else
			assert_non_null(strchr(owner, '~'));
		assert_null(strpbrk(owner, "\"\\"));
	}
	/* What is cut keeps its hash. */
	owner_name("net", LONG "1", "eth0", owner);
	owner_name("net", LONG "2", "eth0", other);
	assert_string_not_equal(owner, other);
	owner_name(LONG, "c", "eth0", owner);
	owner_name(LONG "2", "c", "eth0", other);
	assert_string_not_equal(owner, other);
}

/* How many elements a publication comes to in a set. */
static size_t planned(const struct elements *list, bool ipv6, enum table_scope scope,
		      enum table_kind kind)
{
	const unsigned int set = table_set(ipv6, scope, kind);

	return list->first[set + 1] - list->first[set];
}

static void a_publication_comes_to_elements(void **unused)
{
	static const struct {
		bool snat, masq_all;
		const char *device;
		size_t hairpin, masq, local; /* of IPv4's ports */
	} rows[] = {
		{true, false, "cni0", 2, 0, 2},
		{true, true, "", 0, 2, 2},
		{true, false, "", 0, 0, 0},
		{false, true, "cni0", 0, 0, 0},
	};
	cleanup_setting struct setting s;

	(void)unused;
	set_up(&s, "net", "c", "eth0");
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_publication struct publication p = {0};
		cleanup_elements struct elements list = {0};
		struct cni_error err;

		publication_init(&p, &s.call);
		p.snat = rows[i].snat;
		p.masq_all = rows[i].masq_all;
		snprintf(p.device[0], IFNAMSIZ, "%s", rows[i].device);
		assert_int_equal(elements_plan(&p, &list, &err), 0);
		assert_int_equal(planned(&list, false, SCOPE_PORTS, KIND_DNAT), 2);
		assert_int_equal(planned(&list, true, SCOPE_PORTS, KIND_DNAT), 2);
		assert_int_equal(planned(&list, false, SCOPE_HOSTS, KIND_DNAT), 1);
		assert_int_equal(planned(&list, true, SCOPE_HOSTS, KIND_DNAT), 0);
		assert_int_equal(planned(&list, false, SCOPE_PORTS, KIND_HAIRPIN), rows[i].hairpin);
		assert_int_equal(planned(&list, false, SCOPE_PORTS, KIND_MASQ), rows[i].masq);
		assert_int_equal(planned(&list, false, SCOPE_PORTS, KIND_LOCAL), rows[i].local);
		assert_int_equal(list.first[TABLE_SETS], list.n);
	}
}

static void an_attachment_is_the_last_when_no_other_uses_nf_tables(void **unused)
{
	cleanup_setting struct setting first;
	cleanup_setting struct setting second;
	struct cni_error err;

	(void)unused;
	set_up(&first, "net", "last", "eth0");
	set_up(&second, "other", "last", "eth0");
	write_record(&first, BACKEND_NFTABLES, 1);
	assert_true(publication_is_last(&first.call));
	assert_false(publication_is_last(&second.call));
	write_record(&second, BACKEND_SLIRP4NETNS, 1);
	assert_true(publication_is_last(&first.call));
	write_record(&second, BACKEND_NFTABLES, 1);
	assert_false(publication_is_last(&first.call));
	assert_int_equal(state_remove(&first.state, &first.call.attachment, &err), 0);
	assert_int_equal(state_remove(&second.state, &second.call.attachment, &err), 0);
}

static void a_record_that_another_call_wrote_stays(void **unused)
{
	cleanup_setting struct setting s;
	cleanup_json cJSON *mine = portmap_record_new(BACKEND_NFTABLES, asked, 1);
	cleanup_json cJSON *left = NULL;
	cleanup_json cJSON *none = NULL;
	struct cni_error err;

	(void)unused;
	set_up(&s, "net", "c", "eth0");
	write_record(&s, BACKEND_NFTABLES, 2);
	assert_int_equal(portmap_record_remove(&s.call, mine, &err), 0);
	assert_true(s.call.lock >= 0);
	assert_int_equal(state_read(&s.state, &s.call.attachment, &left, &err), 1);
	assert_int_equal(portmap_record_remove(&s.call, left, &err), 0);
	assert_int_equal(state_read(&s.state, &s.call.attachment, &none, &err), 0);
	/* Nor is it an error that there is none. */
	assert_int_equal(portmap_record_remove(&s.call, left, &err), 0);
	portmap_unlock(&s.call);
	assert_int_equal(s.call.lock, -1);
}

static void a_port_is_left_to_the_attachment_that_has_it(void **unused)
{
	static const struct {
		const char *network, *container_id, *ifname;
		bool content;
		size_t taken;
		int checked;
	} rows[] = {
		{"other", "c", "eth0", true, 2, 1},
		{"net", "c", "eth1", true, 2, 1},
		/* Not published any more: some program has the port. */
		{"other", "c", "eth0", false, 0, 1},
		/* Of another container, and its own of an earlier ADD. */
		{"other", "d", "eth0", true, 0, 0},
		{"net", "c", "eth0", true, 0, 0},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_setting struct setting s;
		cleanup_setting struct setting sibling;
		struct mapping copy[ROWS(asked)];
		struct cni_error err;

		set_up(&s, "net", "c", "eth0");
		memcpy(copy, asked, sizeof(asked));
		s.config.mappings = copy;
		set_up(&sibling, rows[i].network, rows[i].container_id, rows[i].ifname);
		write_record(&sibling, BACKEND_NFTABLES, 2);
		content = rows[i].content;
		checked = 0;
		assert_int_equal(siblings_take(&s.call, &s.config), rows[i].taken);
		assert_int_equal(s.config.n_mappings, ROWS(asked) - rows[i].taken);
		assert_int_equal(checked, rows[i].checked);
		assert_int_equal(state_remove(&sibling.state, &sibling.call.attachment, &err), 0);
	}
}

static int make_directory(void **unused)
{
	(void)unused;
	umask(077);
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **unused)
{
	char command[128];

	(void)unused;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_read_as_it_was_written),
		cmocka_unit_test(a_record_that_is_wrong_is_told_as_such),
		cmocka_unit_test(an_owner_is_unmistakable_and_fits_a_comment),
		cmocka_unit_test(a_publication_comes_to_elements),
		cmocka_unit_test(an_attachment_is_the_last_when_no_other_uses_nf_tables),
		cmocka_unit_test(a_record_that_another_call_wrote_stays),
		cmocka_unit_test(a_port_is_left_to_the_attachment_that_has_it),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
