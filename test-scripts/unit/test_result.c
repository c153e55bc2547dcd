/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "cleanup.h"
#include "conf.h"
#include "failing_alloc.h"
#include "result.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

static cJSON *json(const char *text)
{
	struct cni_error err;
	cJSON *tree = NULL;

	if (json_parse(text, strlen(text), "the test", &tree, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return tree;
}

static void read_text(const char *text, enum cni_version version, struct cni_result *result)
{
	cleanup_json cJSON *tree = json(text);
	struct cni_error err;

	if (result_parse(tree, version, "prevResult", result, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
}

static void assert_same(const cJSON *actual, const char *expected)
{
	cleanup_json cJSON *tree = json(expected);

	if (!cJSON_Compare(actual, tree, true)) {
		cleanup_free char *is = cJSON_PrintUnformatted(actual);
		cleanup_free char *should = cJSON_PrintUnformatted(tree);

		fail_msg("\n     is %s\nshould %s", is, should);
	}
}

static void assert_prints(const struct cni_result *result, enum cni_version version,
			  const char *expected)
{
	cleanup_json cJSON *tree = NULL;
	struct cni_error err;

	assert_int_equal(result_print(result, version, &tree, &err), 0);
	assert_string_equal(tree->child->string, "cniVersion");
	assert_same(tree, expected);
}

/* Value for value, member for member, in the order in which it came. */
static void assert_prints_text(const struct cni_result *result, enum cni_version version,
			       const char *expected)
{
	cleanup_json cJSON *tree = NULL;
	cleanup_free char *printed = NULL;
	struct cni_error err;

	assert_int_equal(result_print(result, version, &tree, &err), 0);
	printed = cJSON_PrintUnformatted(tree);
	assert_string_equal(printed, expected);
}

/*
 * One result in the four forms that the seven versions have, with something unknown at every
 * level, and what it is to become in each of the other forms.
 */
enum form { IP4_IP6, IPS_WITH_VERSION, IPS, NEWEST, FORMS };

static const enum form form_of[CNI_VERSION_COUNT] = {
	[CNI_0_1_0] = IP4_IP6,          [CNI_0_2_0] = IP4_IP6,
	[CNI_0_3_0] = IPS_WITH_VERSION, [CNI_0_3_1] = IPS_WITH_VERSION,
	[CNI_0_4_0] = IPS_WITH_VERSION, [CNI_1_0_0] = IPS,
	[CNI_1_1_0] = NEWEST,
};

#define DNS                                                                             \
	"\"dns\":{\"nameservers\":[\"10.0.2.3\",\"fd00::3\"],\"domain\":\"d.example\"," \
	"\"search\":[\"s.example\"],\"options\":[\"ndots:2\"],\"x-dns\":{\"a\":[1]}}"
#define TOP "\"x-top\":[null,{\"deep\":9007199254740}],\"X\":null"

#define ROUTE4 "{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.0.2.2\",\"x-route\":\"r\"}"
#define ROUTE4B "{\"dst\":\"192.168.0.0/16\"}"
#define ROUTE6 "{\"dst\":\"::/0\",\"gw\":\"fd00::2\"}"

#define IP4 "\"10.0.2.100/24\",\"gateway\":\"10.0.2.2\",\"x-ip\":4"
#define IP6 "\"fd00::100/64\",\"gateway\":\"fd00::2\",\"x-ip\":6"
#define IP4B "\"10.0.3.100/24\""

#define IP4_OBJECT "\"ip4\":{\"ip\":" IP4 ",\"routes\":[" ROUTE4 "," ROUTE4B "]}"
#define IP6_OBJECT "\"ip6\":{\"ip\":" IP6 ",\"routes\":[" ROUTE6 "]}"
#define OLD IP4_OBJECT "," IP6_OBJECT "," DNS "," TOP

#define INTERFACES_OLD                                                      \
	"\"interfaces\":[{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:01\"," \
	"\"sandbox\":\"/run/netns/x\",\"x-if\":[{}]},{\"name\":\"host0\"}]"
#define INTERFACES_NEW                                                                       \
	"\"interfaces\":[{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:01\",\"mtu\":65520,"    \
	"\"sandbox\":\"/run/netns/x\",\"socketPath\":\"/run/s\",\"pciID\":\"0000:00:1f.6\"," \
	"\"x-if\":[{}]},{\"name\":\"host0\"}]"
#define IPS_V                                                               \
	"\"ips\":[{\"version\":\"4\",\"interface\":0,\"address\":" IP4 "}," \
	"{\"version\":\"4\",\"interface\":1,\"address\":" IP4B "},"         \
	"{\"version\":\"6\",\"address\":" IP6 "}]"
#define IPS_N                                                                                    \
	"\"ips\":[{\"interface\":0,\"address\":" IP4 "},{\"interface\":1,\"address\":" IP4B "}," \
	"{\"address\":" IP6 "}]"
#define ROUTES "\"routes\":[" ROUTE4 "," ROUTE6 "," ROUTE4B "]"
#define ROUTES_NEW                                                                          \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.0.2.2\",\"mtu\":1400,\"advmss\":0," \
	"\"priority\":4294967295,\"table\":254,\"scope\":253,\"x-route\":\"r\"}," ROUTE6    \
	"," ROUTE4B "]"

/* From the old forms there are two addresses only, and no interfaces. */
#define FROM_OLD "\"routes\":[" ROUTE4 "," ROUTE4B "," ROUTE6 "]," DNS "," TOP
#define FROM_OLD_IPS "\"ips\":[{\"address\":" IP4 "},{\"address\":" IP6 "}]"
#define FROM_OLD_IPS_V                                                                             \
	"\"ips\":[{\"version\":\"4\",\"address\":" IP4 "},{\"version\":\"6\",\"address\":" IP6 "}" \
	"]"

static const char *const forms[FORMS][FORMS] = {
	[IP4_IP6] =
		{
			[IP4_IP6] = OLD,
			[IPS_WITH_VERSION] = FROM_OLD_IPS_V "," FROM_OLD,
			[IPS] = FROM_OLD_IPS "," FROM_OLD,
			[NEWEST] = FROM_OLD_IPS "," FROM_OLD,
		},
	[IPS_WITH_VERSION] =
		{
			[IP4_IP6] = OLD,
			[IPS_WITH_VERSION] = INTERFACES_OLD "," IPS_V "," ROUTES "," DNS "," TOP,
			[IPS] = INTERFACES_OLD "," IPS_N "," ROUTES "," DNS "," TOP,
			[NEWEST] = INTERFACES_OLD "," IPS_N "," ROUTES "," DNS "," TOP,
		},
	[IPS] =
		{
			[IP4_IP6] = OLD,
			[IPS_WITH_VERSION] = INTERFACES_OLD "," IPS_V "," ROUTES "," DNS "," TOP,
			[IPS] = INTERFACES_OLD "," IPS_N "," ROUTES "," DNS "," TOP,
			[NEWEST] = INTERFACES_OLD "," IPS_N "," ROUTES "," DNS "," TOP,
		},
	[NEWEST] =
		{
			[IP4_IP6] = OLD,
			[IPS_WITH_VERSION] = INTERFACES_OLD "," IPS_V "," ROUTES "," DNS "," TOP,
			[IPS] = INTERFACES_OLD "," IPS_N "," ROUTES "," DNS "," TOP,
			[NEWEST] = INTERFACES_NEW "," IPS_N "," ROUTES_NEW "," DNS "," TOP,
		},
};

#define DOCUMENT_MAX 2000

/* What a result that came in version @from is in version @to. */
static const char *document(char *text, enum cni_version from, enum cni_version to)
{
	snprintf(text, DOCUMENT_MAX, "{\"cniVersion\":\"%s\",%s}", cni_version_name(to),
		 forms[form_of[from]][form_of[to]]);
	return text;
}

static void every_version_is_printed_as_it_was_read(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < CNI_VERSION_COUNT; v++) {
		cleanup_result struct cni_result result = {0};
		char text[DOCUMENT_MAX];

		read_text(document(text, v, v), CNI_0_1_0, &result);
		assert_prints_text(&result, v, text);
	}
}

static void every_version_becomes_every_other(void **state)
{
	(void)state;
	for (unsigned int from = 0; from < CNI_VERSION_COUNT; from++) {
		cleanup_result struct cni_result result = {0};
		char text[DOCUMENT_MAX];

		read_text(document(text, from, from), CNI_0_1_0, &result);
		for (unsigned int to = 0; to < CNI_VERSION_COUNT; to++) {
			cleanup_result struct cni_result again = {0};

			assert_prints(&result, to, document(text, from, to));
			read_text(text, CNI_0_1_0, &again);
			assert_prints(&again, to, text);
		}
	}
}

static void the_version_of_the_object_counts_before_the_given_one(void **state)
{
	static const char with[] = "{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.2.100/24\"}}";
	static const char without[] = "{\"ip4\":{\"ip\":\"10.0.2.100/24\"}}";
	static const char empty[] = "{\"cniVersion\":\"\",\"ip4\":{\"ip\":\"10.0.2.100/24\"}}";
	cleanup_result struct cni_result a = {0};
	cleanup_result struct cni_result b = {0};
	cleanup_result struct cni_result c = {0};

	(void)state;
	read_text(with, CNI_1_1_0, &a);
	assert_int_equal(a.n_ips, 1);
	read_text(without, CNI_0_1_0, &b);
	assert_int_equal(b.n_ips, 1);
	read_text(empty, CNI_0_1_0, &c);
	assert_int_equal(c.n_ips, 1);
}

static void the_model_holds_what_was_read(void **state)
{
	cleanup_result struct cni_result r = {0};
	char text[DOCUMENT_MAX];

	(void)state;
	read_text(document(text, CNI_1_1_0, CNI_1_1_0), CNI_0_1_0, &r);
	assert_int_equal(r.n_interfaces, 2);
	assert_string_equal(r.interfaces[0].name, "eth0");
	assert_string_equal(r.interfaces[0].mac, "02:00:00:00:00:01");
	assert_int_equal(r.interfaces[0].mtu, 65520);
	assert_string_equal(r.interfaces[0].sandbox, "/run/netns/x");
	assert_string_equal(r.interfaces[0].socket_path, "/run/s");
	assert_non_null(json_get(r.interfaces[0].raw, "x-if"));
	assert_null(r.interfaces[1].mac);
	assert_null(r.interfaces[1].sandbox);
	assert_int_equal(r.n_ips, 3);
	assert_int_equal(r.ips[0].family, AF_INET);
	assert_int_equal(r.ips[0].interface, 0);
	assert_int_equal(r.ips[1].interface, 1);
	assert_null(r.ips[1].gateway);
	assert_int_equal(r.ips[2].family, AF_INET6);
	assert_int_equal(r.ips[2].interface, -1);
	assert_string_equal(r.ips[2].address, "fd00::100/64");
	assert_string_equal(r.ips[2].gateway, "fd00::2");
	assert_int_equal(r.n_routes, 3);
	assert_int_equal(r.routes[0].table, 254);
	assert_int_equal(r.routes[0].family, AF_INET);
	assert_int_equal(r.routes[1].table, -1);
	assert_null(r.routes[2].gw);
	assert_null(r.dns.nameservers);
	assert_null(r.dns.domain);
	assert_int_equal(r.n_faults, 0);
}

static void a_member_of_another_version_is_kept_but_never_made_valid(void **state)
{
	static const struct {
		const char *in;
		enum cni_version to;
		const char *out;
	} rows[] = {
		/* Kept where it is unknown, whatever it holds ... */
		{"{\"cniVersion\":\"0.2.0\",\"interfaces\":5,\"ips\":\"x\",\"routes\":{}}",
		 CNI_0_1_0,
		 "{\"cniVersion\":\"0.1.0\",\"interfaces\":5,\"ips\":\"x\",\"routes\":{}}"},
		{"{\"cniVersion\":\"1.0.0\",\"ip4\":7,\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"version\":\"x\"}]}",
		 CNI_1_1_0,
		 "{\"cniVersion\":\"1.1.0\",\"ip4\":7,\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"version\":\"x\"}]}"},
		{"{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"a\",\"mtu\":\"x\"}],"
		 "\"routes\":[{\"dst\":\"::/0\",\"table\":-1}]}",
		 CNI_0_4_0,
		 "{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"a\",\"mtu\":\"x\"}],"
		 "\"routes\":[{\"dst\":\"::/0\",\"table\":-1}]}"},
		/* ... and left out where it is not. */
		{"{\"cniVersion\":\"0.2.0\",\"interfaces\":5,\"ips\":\"x\",\"routes\":{}}",
		 CNI_1_0_0, "{\"cniVersion\":\"1.0.0\"}"},
		{"{\"cniVersion\":\"1.0.0\",\"ip4\":7,\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"version\":\"x\"}]}",
		 CNI_0_2_0,
		 "{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"1.1.1.1/8\",\"version\":\"x\"}}"},
		{"{\"cniVersion\":\"1.0.0\",\"ip4\":7,\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"version\":\"x\"}]}",
		 CNI_0_4_0,
		 "{\"cniVersion\":\"0.4.0\",\"ip4\":7,\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"version\":\"4\"}]}"},
		{"{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"a\",\"mtu\":\"x\"}]}",
		 CNI_1_1_0, "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"}]}"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_result struct cni_result result = {0};

		read_text(rows[i].in, CNI_0_1_0, &result);
		assert_prints(&result, rows[i].to, rows[i].out);
	}
}

static void old_forms_have_the_first_address_and_the_routes_of_each_family(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} rows[] = {
		{"\"ips\":[{\"address\":\"1.1.1.1/8\"},{\"address\":\"2.2.2.2/8\"}],"
		 "\"routes\":[{\"dst\":\"::/0\"},{\"dst\":\"0.0.0.0/0\",\"gw\":\"fd00::2\"}]",
		 "\"ip4\":{\"ip\":\"1.1.1.1/8\",\"routes\":[{\"dst\":\"0.0.0.0/"
		 "0\",\"gw\":\"fd00::2\"}]}"},
		{"\"ips\":[{\"address\":\"fd00::1/64\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]",
		 "\"ip6\":{\"ip\":\"fd00::1/64\"}"},
		{"\"routes\":[{\"dst\":\"0.0.0.0/0\"}],\"x\":1", "\"x\":1"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_result struct cni_result result = {0};
		char text[400];

		snprintf(text, sizeof(text), "{%s}", rows[i].in);
		read_text(text, CNI_1_0_0, &result);
		snprintf(text, sizeof(text), "{\"cniVersion\":\"0.2.0\",%s}", rows[i].out);
		assert_prints(&result, CNI_0_2_0, text);
	}
}

static void what_is_empty_counts_as_absent_and_comes_out_as_it_was(void **state)
{
	static const char *const rows[] = {
		"",
		",\"interfaces\":[],\"ips\":[],\"routes\":[],\"dns\":{}",
		",\"interfaces\":null,\"ips\":null,\"routes\":null,\"dns\":null",
		",\"dns\":{\"nameservers\":[],\"domain\":\"\",\"search\":[],\"options\":null}",
		",\"interfaces\":[{\"name\":\"a\",\"mac\":\"\",\"mtu\":null,\"sandbox\":\"\"}],"
		"\"ips\":[{\"address\":\"1.1.1.1/8\",\"gateway\":\"\",\"interface\":null}],"
		"\"routes\":[{\"dst\":\"::/0\",\"gw\":\"\",\"mtu\":null}]",
	};
	cleanup_result struct cni_result nothing = {0};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_result struct cni_result result = {0};
		char text[400];

		snprintf(text, sizeof(text), "{\"cniVersion\":\"1.1.0\"%s}", rows[i]);
		read_text(text, CNI_1_1_0, &result);
		assert_prints_text(&result, CNI_1_1_0, text);
		assert_int_equal(result.n_faults, 0);
		for (size_t k = 0; k < result.n_interfaces; k++) {
			assert_null(result.interfaces[0].mac);
			assert_null(result.interfaces[0].sandbox);
			assert_null(result.ips[0].gateway);
			assert_int_equal(result.ips[0].interface, -1);
			assert_null(result.routes[0].gw);
		}
	}
	read_text("{\"cniVersion\":null}", CNI_1_1_0, &nothing);
	assert_prints_text(&nothing, CNI_0_1_0, "{\"cniVersion\":\"0.1.0\"}");
}

static void numbers_come_out_with_every_digit(void **state)
{
	static const char text[] =
		"{\"cniVersion\":\"1.1.0\",\"x\":9007199254740991,"
		"\"y\":[1000000000000000,{\"z\":0.30000000000000004}],"
		"\"2^60\":[1152921504606846976,1152921504606846977,-1152921504606846975],"
		"\"inode\":18446744073709551615,\"price\":[1.10,1e2,0.0,-0,1E-400,\"1.0\\\"2\"],"
		"\"routes\":[{\"dst\":\"::/0\",\"priority\":1152921504606846977}],"
		"\"dns\":{\"n\":1.0}}";
	cleanup_result struct cni_result result = {0};

	(void)state;
	read_text(text, CNI_1_1_0, &result);
	assert_prints_text(&result, CNI_1_1_0, text);
}

/* Of any type, of any value: other plugins write them, other plugins read them. */
static void what_nobody_uses_is_passed_on_as_it_came(void **state)
{
	static const char *const rows[] = {
		"{\"cniVersion\":\"0.3.0\",\"interfaces\":[{\"name\":\"a\",\"mac\":"
		"\"0:1\"}]}",
		"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"mac\":"
		"\"02:00:00:00:00-01\"}]}",
		"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"mac\":"
		"\"02:00:00:00:00:0g\"}]}",
		"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"pciID"
		"\":true}]}",
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"address\":\"1.1.1.1/8\",\"ve"
		"rsion\":\"6\"}]}",
		"{\"cniVersion\":\"0.3.0\",\"ips\":[{\"address\":\"::1/8\",\"versio"
		"n\":\"4\"}]}",
		"{\"cniVersion\":\"0.3.1\",\"ips\":[{\"address\":\"::1/8\",\"versio"
		"n\":6}]}",
		"{\"cniVersion\":\"1.1.0\",\"routes\":[{\"dst\":\"::/0\",\"mtu\":-1"
		"}]}",
		"{\"cniVersion\":\"1.1.0\",\"routes\":[{\"dst\":\"::/0\",\"advmss\""
		":1.5}]}",
		"{\"cniVersion\":\"1.1.0\",\"routes\":[{\"dst\":\"::/0\",\"priority"
		"\":\"1\"}]}",
		"{\"cniVersion\":\"1.1.0\",\"routes\":[{\"dst\":\"::/0\",\"scope\":"
		"256}]}",
		"{\"cniVersion\":\"1.1.0\",\"dns\":{\"nameservers\":\"1.1.1.1\"}}",
		"{\"cniVersion\":\"1.1.0\",\"dns\":{\"nameservers\":[\"1.1.1.1\",2]"
		"}}",
		"{\"cniVersion\":\"1.1.0\",\"dns\":{\"search\":[null]}}",
		"{\"cniVersion\":\"1.1.0\",\"dns\":{\"options\":[{}]}}",
		"{\"cniVersion\":\"1.1.0\",\"dns\":{\"domain\":[]}}",
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"address\":\"1.1.1.1/8\"}]}",
		"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"address\":\"1.1.1.1/8\",\"version\":null}]}",
		"{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"a\",\"mtu\":-1}]}",
		"{\"cniVersion\":\"1.0.0\",\"ip4\":{\"ip\":7},\"ip6\":[]}",
		"{\"cniVersion\":\"1.0.0\",\"code\":\"7\",\"interfaces\":[{\"name\":\"ib0\","
		"\"mac\":"
		"\"80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:01:02:03\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_result struct cni_result result = {0};

		read_text(rows[i], CNI_1_1_0, &result);
		assert_int_equal(result.n_faults, 0);
		assert_prints_text(&result, result.version, rows[i]);
	}
}

static void what_cannot_be_used_is_passed_on_and_told_to_who_needs_it(void **state)
{
	static const struct {
		const char *json;
		const char *list;
		int index;
		const char *key;
		const char *msg;
	} rows[] = {
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":{}}", "interfaces", RESULT_WHOLE, NULL,
		 "interfaces is an object, but must be an array"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[null]}", "interfaces", 0, NULL,
		 "interfaces[0] is null, but must be an object"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"},[]]}", "interfaces", 1,
		 NULL, "interfaces[1] is an array, but must be an object"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{}]}", "interfaces", 0, "name",
		 "interfaces[0].name is missing, but must be a name"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":7}]}", "interfaces", 0,
		 "name", "interfaces[0].name is 7, but must be a name"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"mac\":"
		 "[]}]}",
		 "interfaces", 0, "mac", "interfaces[0].mac is an array, but must be a string"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"sandbo"
		 "x\":1}]}",
		 "interfaces", 0, "sandbox", "interfaces[0].sandbox is 1, but must be a string"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"mtu\":"
		 "-1}]}",
		 "interfaces", 0, "mtu",
		 "interfaces[0].mtu is -1, but must be a whole number from 0 to 4294"
		 "967295"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"mtu\":"
		 "4294967296}]}",
		 "interfaces", 0, "mtu",
		 "interfaces[0].mtu is 4294967296, but must be a whole number from 0"
		 " to 4294967295"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"mtu\":"
		 "\"1500\"}]}",
		 "interfaces", 0, "mtu",
		 "interfaces[0].mtu is \"1500\", but must be a whole number from 0 t"
		 "o 4294967295"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\",\"socket"
		 "Path\":{}}]}",
		 "interfaces", 0, "socketPath",
		 "interfaces[0].socketPath is an object, but must be a string"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":\"x\"}", "ips", RESULT_WHOLE, NULL,
		 "ips is \"x\", but must be an array"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[\"1.1.1.1/8\"]}", "ips", 0, NULL,
		 "ips[0] is \"1.1.1.1/8\", but must be an object"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[{}]}", "ips", 0, "address",
		 "ips[0].address is missing, but must be an address/prefix length"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":null}]}", "ips", 0, "address",
		 "ips[0].address is missing, but must be an address/prefix length"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":1}]}", "ips", 0, "address",
		 "ips[0].address is 1, but must be an address/prefix length"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"1.1.1.1/8\"},{\""
		 "address\":\"1.1.1.1\"}]}",
		 "ips", 1, "address",
		 "ips[1].address is \"1.1.1.1\", but must be an address/prefix lengt"
		 "h"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"1.1.1.1/33\"}]}", "ips", 0,
		 "address",
		 "ips[0].address is \"1.1.1.1/33\", but must be an address/prefix le"
		 "ngth"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"\"}]}", "ips", 0, "address",
		 "ips[0].address is \"\", but must be an address/prefix length"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"1.1.1.1/8\",\"ga"
		 "teway\":\"1.1.1.1/8\"}]}",
		 "ips", 0, "gateway", "ips[0].gateway is \"1.1.1.1/8\", but must be an IP address"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"1.1.1.1/8\",\"ga"
		 "teway\":8}]}",
		 "ips", 0, "gateway", "ips[0].gateway is 8, but must be a string"},
		{"{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"1.1.1.1/8\",\"in"
		 "terface\":0}]}",
		 "ips", 0, "interface",
		 "ips[0].interface is 0, but must be left out: there are no interfac"
		 "es"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"}],\"ips"
		 "\":[{\"address\":\"1.1.1.1/8\",\"interface\":1}]}",
		 "ips", 0, "interface",
		 "ips[0].interface is 1, but must be a whole number from 0 to 0"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"}],\"ips"
		 "\":[{\"address\":\"1.1.1.1/8\",\"interface\":-1}]}",
		 "ips", 0, "interface",
		 "ips[0].interface is -1, but must be a whole number from 0 to 0"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"}],\"ips"
		 "\":[{\"address\":\"1.1.1.1/8\",\"interface\":\"0\"}]}",
		 "ips", 0, "interface",
		 "ips[0].interface is \"0\", but must be a whole number from 0 to 0"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"}],\"ips"
		 "\":[{\"address\":\"1.1.1.1/8\",\"interface\":0.5}]}",
		 "ips", 0, "interface",
		 "ips[0].interface is 0.5, but must be a whole number from 0 to 0"},
		{"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"}],\"ips"
		 "\":[{\"address\":\"1.1.1.1/8\",\"interface\":4294967296}]}",
		 "ips", 0, "interface",
		 "ips[0].interface is 4294967296, but must be a whole number from 0 "
		 "to 0"},
		{"{\"cniVersion\":\"1.1.0\",\"routes\":true}", "routes", RESULT_WHOLE, NULL,
		 "routes is true, but must be an array"},
		{"{\"cniVersion\":\"1.1.0\",\"routes\":[3]}", "routes", 0, NULL,
		 "routes[0] is 3, but must be an object"},
		{"{\"cniVersion\":\"1.1.0\",\"routes\":[{}]}", "routes", 0, "dst",
		 "routes[0].dst is missing, but must be an address/prefix length"},
		{"{\"cniVersion\":\"1.1.0\",\"routes\":[{\"dst\":\"default\"}]}", "routes", 0,
		 "dst", "routes[0].dst is \"default\", but must be an address/prefix length"},
		{"{\"cniVersion\":\"1.1.0\",\"routes\":[{\"dst\":\"::/0\",\"gw\":\"x"
		 "\"}]}",
		 "routes", 0, "gw", "routes[0].gw is \"x\", but must be an IP address"},
		{"{\"cniVersion\":\"1.1.0\",\"routes\":[{\"dst\":\"::/0\",\"table\":"
		 "4294967296}]}",
		 "routes", 0, "table",
		 "routes[0].table is 4294967296, but must be a whole number from 0 t"
		 "o 4294967295"},
		{"{\"cniVersion\":\"0.2.0\",\"ip4\":[]}", "ips", RESULT_WHOLE, NULL,
		 "ip4 is an array, but must be an object"},
		{"{\"cniVersion\":\"0.2.0\",\"ip4\":{}}", "ips", 0, "address",
		 "ip4.ip is missing, but must be an IPv4 address/prefix length"},
		{"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"1.1.1.1\"}}", "ips", 0, "address",
		 "ip4.ip is \"1.1.1.1\", but must be an IPv4 address/prefix length"},
		{"{\"cniVersion\":\"0.1.0\",\"ip4\":{\"ip\":\"::1/8\"}}", "ips", 0, "address",
		 "ip4.ip is \"::1/8\", but must be an IPv4 address/prefix length"},
		{"{\"cniVersion\":\"0.2.0\",\"ip6\":{\"ip\":\"1.1.1.1/8\"}}", "ips", 0, "address",
		 "ip6.ip is \"1.1.1.1/8\", but must be an IPv6 address/prefix length"},
		{"{\"cniVersion\":\"0.2.0\",\"ip6\":{\"ip\":\"::1/8\",\"gateway\":\""
		 "x\"}}",
		 "ips", 0, "gateway", "ip6.gateway is \"x\", but must be an IP address"},
		{"{\"cniVersion\":\"0.2.0\",\"ip6\":{\"ip\":\"::1/8\",\"routes\":{}}"
		 "}",
		 "routes", RESULT_WHOLE, NULL, "ip6.routes is an object, but must be an array"},
		{"{\"cniVersion\":\"0.2.0\",\"ip6\":{\"ip\":\"::1/8\",\"routes\":[{"
		 "\"dst\":\"::/0\"},{\"dst\":\"0.0.0.0/0\"}]}}",
		 "routes", 1, "dst",
		 "ip6.routes[1].dst is \"0.0.0.0/0\", but must be an IPv6 address/pr"
		 "efix length"},
		{"{\"cniVersion\":\"1.1.0\",\"dns\":[]}", "dns", RESULT_WHOLE, NULL,
		 "dns is an array, but must be an object"},
		{"{\"cniVersion\":\"0.1.0\",\"dns\":\"x\"}", "dns", RESULT_WHOLE, NULL,
		 "dns is \"x\", but must be an object"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_result struct cni_result result = {0};
		struct cni_error err = {0};
		char expected[512];

		read_text(rows[i].json, CNI_1_1_0, &result);
		assert_prints_text(&result, result.version, rows[i].json);
		assert_int_equal(
			result_require(&result, rows[i].list, rows[i].index, rows[i].key, &err),
			-1);
		snprintf(expected, sizeof(expected), "prevResult: %s", rows[i].msg);
		assert_string_equal(err.msg, expected);
		assert_int_equal(err.code, CNI_ERR_DECODE);
		/* Nobody else fails for it. */
		assert_int_equal(result_require(&result, rows[i].list, 77, rows[i].key, &err),
				 rows[i].index == RESULT_WHOLE ? -1 : 0);
		assert_int_equal(result_require(&result, rows[i].list, RESULT_WHOLE, NULL, &err),
				 rows[i].index == RESULT_WHOLE ? -1 : 0);
		assert_int_equal(result_require(&result, "elsewhere", RESULT_ANY, NULL, &err), 0);
		if (rows[i].key != NULL)
			assert_int_equal(result_require(&result, rows[i].list, rows[i].index,
							"another", &err),
					 0);
		assert_int_equal(result_require(&result, rows[i].list, RESULT_ANY, NULL, &err), -1);
	}
}

static void an_entry_that_cannot_be_used_keeps_its_index(void **state)
{
	static const char text[] = "{\"cniVersion\":\"1.0.0\",\"interfaces\":[null,{\"name\":\"\"},"
				   "{\"name\":\"eth0\"}],"
				   "\"ips\":[7,{\"interface\":2,\"address\":\"1.1.1.1/8\"},"
				   "{\"interface\":3,\"address\":\"1.1.1.2/8\"},{\"interface\":-1,"
				   "\"address\":\"1.1.1.3/8\"}]}";
	cleanup_result struct cni_result result = {0};

	(void)state;
	read_text(text, CNI_1_0_0, &result);
	assert_int_equal(result_find_interface(&result, "eth0", NULL), 2);
	assert_int_equal(result.n_ips, 4);
	assert_null(result.ips[0].address);
	assert_int_equal(result.ips[1].interface, 2);
	assert_int_equal(result.ips[2].interface, RESULT_NOWHERE);
	assert_int_equal(result.ips[3].interface, RESULT_NOWHERE);
	assert_string_equal(result.ips[3].address, "1.1.1.3/8");
	assert_prints_text(&result, CNI_1_0_0, text);
	assert_prints(&result, CNI_0_4_0,
		      "{\"cniVersion\":\"0.4.0\",\"interfaces\":[null,{\"name\":\"\"},"
		      "{\"name\":\"eth0\"}],\"ips\":[7,"
		      "{\"version\":\"4\",\"interface\":2,\"address\":\"1.1.1.1/8\"},"
		      "{\"version\":\"4\",\"interface\":3,\"address\":\"1.1.1.2/8\"},"
		      "{\"version\":\"4\",\"interface\":-1,\"address\":\"1.1.1.3/8\"}]}");
}

static void what_is_ours_goes_behind_what_came(void **state)
{
	cleanup_result struct cni_result result = {0};
	struct cni_interface *interface;
	struct cni_route *route;
	struct cni_ip *ip;

	(void)state;
	read_text("{\"cniVersion\":\"1.0.0\",\"ips\":null,\"interfaces\":[{\"name\":7}],"
		  "\"dns\":{\"nameservers\":\"x\",\"search\":5},\"x\":1}",
		  CNI_1_0_0, &result);
	interface = result_add_interface(&result);
	interface->name = strdup("eth0");
	ip = result_add_ip(&result);
	ip->address = strdup("10.0.2.100/24");
	ip->interface = 1;
	route = result_add_route(&result);
	route->dst = strdup("0.0.0.0/0");
	result.dns.nameservers = cJSON_Parse("[\"10.0.2.3\"]");
	result.dns.domain = strdup("d");
	assert_prints(
		&result, CNI_1_0_0,
		"{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":7},{\"name\":\"eth0\"}],"
		"\"ips\":[{\"interface\":1,\"address\":\"10.0.2.100/24\"}],"
		"\"routes\":[{\"dst\":\"0.0.0.0/0\"}],"
		"\"dns\":{\"nameservers\":[\"10.0.2.3\"],\"domain\":\"d\",\"search\":5},\"x\":1}");
}

static void what_has_no_form_is_refused(void **state)
{
	static const struct {
		const char *json;
		int code;
		const char *msg;
	} rows[] = {
		{"{\"cniVersion\":\"9.9.9\"}", CNI_ERR_VERSION,
		 "prevResult: cniVersion is \"9.9.9\", but must be a version from 0.1.0 to 1.1.0 "
		 "of the CNI spec"},
		{"{\"cniVersion\":1.1}", CNI_ERR_DECODE,
		 "prevResult: cniVersion is 1.1, but must be a string"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_result struct cni_result result = {0};
		cleanup_json cJSON *tree = json(rows[i].json);
		struct cni_error err;

		assert_int_equal(result_parse(tree, CNI_1_1_0, "prevResult", &result, &err), -1);
		assert_string_equal(err.msg, rows[i].msg);
		assert_int_equal(err.code, rows[i].code);
	}
}

static void only_an_object_is_a_result(void **state)
{
	cleanup_json cJSON *list = cJSON_CreateArray();
	cleanup_result struct cni_result result = {0};
	struct cni_error err;

	(void)state;
	assert_int_equal(result_parse(list, CNI_1_0_0, "prevResult", &result, &err), -1);
	assert_int_equal(err.code, CNI_ERR_DECODE);
	assert_string_equal(err.msg, "prevResult is an array, but must be an object");
	assert_int_equal(result_parse(NULL, CNI_1_0_0, "prevResult", &result, &err), -1);
	assert_string_equal(err.msg, "prevResult is missing, but must be an object");
}

static void lists_that_are_used_are_limited(void **state)
{
	static const struct {
		const char *before;
		const char *entry;
		const char *after;
		const char *list;
		const char *name;
	} rows[] = {
		{"\"1.1.0\",\"interfaces\":[", "{\"name\":\"a\"}", "]}", "interfaces",
		 "interfaces"},
		{"\"1.1.0\",\"ips\":[", "{\"address\":\"1.1.1.1/8\"}", "]}", "ips", "ips"},
		{"\"1.1.0\",\"routes\":[", "{\"dst\":\"::/0\"}", "]}", "routes", "routes"},
		{"\"0.2.0\",\"ip6\":{\"ip\":\"::/0\",\"routes\":[", "{\"dst\":\"::/0\"}", "]}}",
		 "routes", "ip6.routes"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		for (size_t n = RESULT_MAX_ENTRIES; n <= RESULT_MAX_ENTRIES + 1; n++) {
			cleanup_free char *text = malloc(n * 32 + 200);
			cleanup_result struct cni_result result = {0};
			char expected[200];
			struct cni_error err;
			char *end;

			assert_non_null(text);
			end = stpcpy(stpcpy(text, "{\"cniVersion\":"), rows[i].before);
			for (size_t k = 0; k < n; k++)
				end = stpcpy(stpcpy(end, k ? "," : ""), rows[i].entry);
			stpcpy(end, rows[i].after);
			read_text(text, CNI_1_1_0, &result);
			assert_prints_text(&result, result.version, text);
			if (n == RESULT_MAX_ENTRIES) {
				assert_int_equal(result.n_faults, 0);
				continue;
			}
			assert_int_equal(result_require(&result, rows[i].list, 0, NULL, &err), -1);
			assert_int_equal(err.code, CNI_ERR_DECODE);
			snprintf(expected, sizeof(expected),
				 "prevResult: %s has more than 4096 entries", rows[i].name);
			assert_string_equal(err.msg, expected);
		}
	}
}

/* Replaces the n-th item below parent, counted from 0; false: there is none. */
static bool replace_nth(cJSON *parent, unsigned int *n, const char *with)
{
	cJSON *item;

	cJSON_ArrayForEach (item, parent) {
		if ((*n)-- == 0) {
			cJSON *other = cJSON_Parse(with);

			other->string = item->string != NULL ? strdup(item->string) : NULL;
			cJSON_ReplaceItemViaPointer(parent, item, other);
			return true;
		}
		if (replace_nth(item, n, with))
			return true;
	}
	return false;
}

/*
 * Whatever stands in for any one item comes out as it was, and in every other version as something
 * that reads back the same. Only a cniVersion can prevent that.
 */
static void any_wrong_type_anywhere_is_passed_on(void **state)
{
	static const char *const others[] = {
		"null", "true", "-1",     "1e300", "0.5",  "\"\"",      "\"x\"",      "\"::/0\"",
		"[]",   "{}",   "[null]", "[[]]",  "[{}]", "{\"\":{}}", "4294967296",
	};
	unsigned int refused = 0;
	unsigned int accepted = 0;

	(void)state;
	for (unsigned int version = 0; version < CNI_VERSION_COUNT; version++) {
		for (size_t o = 0; o < ROWS(others); o++) {
			for (unsigned int n = 0;; n++) {
				char text[DOCUMENT_MAX];
				cleanup_json cJSON *tree = json(document(text, version, version));
				cleanup_result struct cni_result result = {0};
				struct cni_error err = {0};
				unsigned int left = n;

				if (!replace_nth(tree, &left, others[o]))
					break;
				if (result_parse(tree, CNI_1_1_0, "r", &result, &err) < 0) {
					assert_in_range(err.code, 1, CNI_ERR_DECODE);
					assert_memory_equal(err.msg, "r: ", 3);
					assert_non_null(strstr(err.msg, "cniVersion"));
					refused++;
					continue;
				}
				accepted++;
				if (cJSON_IsString(json_get(tree, "cniVersion"))) {
					cleanup_json cJSON *exact = json_copy(tree);
					cleanup_free char *is = cJSON_PrintUnformatted(exact);

					if (*json_get(tree, "cniVersion")->valuestring)
						assert_prints_text(&result, result.version, is);
				}
				for (unsigned int to = 0; to < CNI_VERSION_COUNT; to++) {
					cleanup_json cJSON *a = NULL;
					cleanup_json cJSON *b = NULL;
					cleanup_result struct cni_result again = {0};

					assert_int_equal(result_print(&result, to, &a, &err), 0);
					assert_int_equal(
						result_parse(a, CNI_0_1_0, "r", &again, &err), 0);
					assert_int_equal(result_print(&again, to, &b, &err), 0);
					assert_true(cJSON_Compare(a, b, true));
				}
			}
		}
	}
	assert_in_range(refused, 7, 7 * ROWS(others));
	assert_true(accepted > 2000);
}

static void reading_survives_every_failing_allocation(void **state)
{
	(void)state;
	for (unsigned int version = 0; version < CNI_VERSION_COUNT; version++) {
		char text[DOCUMENT_MAX];
		cleanup_json cJSON *tree = json(document(text, version, version));
		unsigned long n = 0;

		do {
			cleanup_result struct cni_result result = {0};
			struct cni_error err;
			int rc;

			fail_allocation(++n);
			rc = result_parse(tree, CNI_1_1_0, "r", &result, &err);
			assert_int_equal(rc, allocation_failed() ? -1 : 0);
			if (rc < 0) {
				assert_int_equal(err.code, CNI_ERR_IO);
				assert_string_equal(err.msg, "r: out of memory");
			}
		} while (allocation_failed());
		fail_allocation(0);
		assert_true(n > 30);
	}
}

static void printing_survives_every_failing_allocation(void **state)
{
	(void)state;
	for (unsigned int version = 0; version < CNI_VERSION_COUNT; version++) {
		cleanup_result struct cni_result result = {0};
		char text[DOCUMENT_MAX];
		unsigned long n = 0;

		read_text(document(text, version, version), CNI_0_1_0, &result);
		do {
			cleanup_json cJSON *tree = NULL;
			struct cni_error err;
			int rc;

			fail_allocation(++n);
			rc = result_print(&result, version, &tree, &err);
			assert_int_equal(rc, allocation_failed() ? -1 : 0);
			assert_int_equal(!tree, allocation_failed());
			if (rc < 0)
				assert_string_equal(err.msg, "out of memory");
		} while (allocation_failed());
		fail_allocation(0);
		assert_true(n > 60);
		assert_prints(&result, version, text);
	}
}

static void appending_survives_a_failing_allocation(void **state)
{
	cleanup_result struct cni_result result = {0};

	(void)state;
	fail_allocation(1);
	assert_null(result_add_interface(&result));
	fail_allocation(1);
	assert_null(result_add_ip(&result));
	fail_allocation(1);
	assert_null(result_add_route(&result));
	fail_allocation(0);
	do
		assert_non_null(result_add_ip(&result));
	while (result.n_ips < result.room.ips);
	fail_allocation(1);
	assert_null(result_add_ip(&result));
	assert_int_equal(result.n_ips, result.room.ips);
}

static void a_result_is_built_element_by_element(void **state)
{
	cleanup_result struct cni_result result = {0};
	struct cni_interface *interface = result_add_interface(&result);
	struct cni_ip *ip = result_add_ip(&result);
	struct cni_route *route = result_add_route(&result);

	(void)state;
	assert_null(interface->raw);
	assert_int_equal(ip->interface, -1);
	assert_int_equal(route->table, -1);
	interface->name = strdup("eth0");
	ip->address = strdup("10.0.2.100/24");
	ip->interface = 0;
	route->dst = strdup("0.0.0.0/0");
	assert_prints(&result, CNI_1_1_0,
		      "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"eth0\"}],"
		      "\"ips\":[{\"interface\":0,\"address\":\"10.0.2.100/24\"}],"
		      "\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}");
	for (int i = 1; i < 100; i++) {
		ip = result_add_ip(&result);
		assert_non_null(ip);
		assert_null(ip->address);
		ip->interface = i;
	}
	assert_int_equal(result.n_ips, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(result.ips[i].interface, i);
}

static void a_freed_result_is_empty_and_may_be_freed_again(void **state)
{
	struct cni_result result = {0};
	char text[DOCUMENT_MAX];

	(void)state;
	result_free(&result);
	read_text(document(text, CNI_1_1_0, CNI_1_1_0), CNI_0_1_0, &result);
	result_free(&result);
	assert_int_equal(result.n_interfaces + result.n_ips + result.n_routes, 0);
	assert_prints(&result, CNI_1_0_0, "{\"cniVersion\":\"1.0.0\"}");
	result_free(&result);
}

static void an_interface_is_found_by_name_and_sandbox(void **state)
{
	cleanup_result struct cni_result result = {0};

	(void)state;
	read_text("{\"interfaces\":[{\"name\":\"eth0\"},{\"name\":\"eth0\",\"sandbox\":\"/a\"},"
		  "{\"name\":\"eth0\",\"sandbox\":\"/b\"},{\"name\":\"eth1\",\"sandbox\":\"/b\"}]}",
		  CNI_1_0_0, &result);
	assert_int_equal(result_find_interface(&result, "eth0", NULL), 0);
	assert_int_equal(result_find_interface(&result, "eth0", "/a"), 1);
	assert_int_equal(result_find_interface(&result, "eth0", "/b"), 2);
	assert_int_equal(result_find_interface(&result, "eth1", NULL), 3);
	assert_int_equal(result_find_interface(&result, "eth1", "/a"), -1);
	assert_int_equal(result_find_interface(&result, "eth2", NULL), -1);
	assert_int_equal(result_find_interface(&result, "eth", "/a"), -1);
}

static void
the_namespace_of_a_cached_result_is_its_own_or_the_sandbox_of_the_interface(void **state)
{
	static const struct {
		const char *cached, *netns;
	} cases[] = {
		{"{\"netns\":\"/a\",\"ifName\":\"e\",\"result\":{\"interfaces\":["
		 "{\"name\":\"e\",\"sandbox\":\"/b\"}]}}",
		 "/a"},
		{"{\"ifName\":\"e\",\"result\":{\"interfaces\":[{\"name\":\"h\",\"sandbox\":\"/"
		 "h\"},"
		 "{\"name\":\"e\",\"sandbox\":\"\"},{\"name\":\"e\",\"sandbox\":\"/b\"}]}}",
		 "/b"},
		{"{\"ifName\":\"e\",\"result\":{\"interfaces\":[{\"name\":\"e\"},{\"sandbox\":\"/"
		 "b\"},7]}}",
		 NULL},
		{"{\"ifName\":\"e\",\"netns\":7,\"result\":{\"ip4\":{\"ip\":\"10.0.2.100/24\"}}}",
		 NULL},
		{"{\"result\":{\"interfaces\":[{\"name\":\"e\",\"sandbox\":\"/b\"}]}}", NULL},
		{"[]", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cJSON *cached = cJSON_Parse(cases[i].cached);
		const char *netns = result_cached_netns(cached);

		assert_non_null(cached);
		if (cases[i].netns != NULL)
			assert_string_equal(netns, cases[i].netns);
		else
			assert_null(netns);
		cJSON_Delete(cached);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_is_printed_as_it_was_read),
		cmocka_unit_test(every_version_becomes_every_other),
		cmocka_unit_test(the_version_of_the_object_counts_before_the_given_one),
		cmocka_unit_test(the_model_holds_what_was_read),
		cmocka_unit_test(a_member_of_another_version_is_kept_but_never_made_valid),
		cmocka_unit_test(old_forms_have_the_first_address_and_the_routes_of_each_family),
		cmocka_unit_test(what_is_empty_counts_as_absent_and_comes_out_as_it_was),
		cmocka_unit_test(numbers_come_out_with_every_digit),
		cmocka_unit_test(what_nobody_uses_is_passed_on_as_it_came),
		cmocka_unit_test(what_cannot_be_used_is_passed_on_and_told_to_who_needs_it),
		cmocka_unit_test(only_an_object_is_a_result),
		cmocka_unit_test(an_entry_that_cannot_be_used_keeps_its_index),
		cmocka_unit_test(what_is_ours_goes_behind_what_came),
		cmocka_unit_test(what_has_no_form_is_refused),
		cmocka_unit_test(lists_that_are_used_are_limited),
		cmocka_unit_test(any_wrong_type_anywhere_is_passed_on),
		cmocka_unit_test_setup_teardown(reading_survives_every_failing_allocation,
						use_failing_alloc, use_usual_alloc),
		cmocka_unit_test_setup_teardown(printing_survives_every_failing_allocation,
						use_failing_alloc, use_usual_alloc),
		cmocka_unit_test_setup_teardown(appending_survives_a_failing_allocation,
						use_failing_alloc, use_usual_alloc),
		cmocka_unit_test(a_result_is_built_element_by_element),
		cmocka_unit_test(a_freed_result_is_empty_and_may_be_freed_again),
		cmocka_unit_test(an_interface_is_found_by_name_and_sandbox),
		cmocka_unit_test(
			the_namespace_of_a_cached_result_is_its_own_or_the_sandbox_of_the_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
