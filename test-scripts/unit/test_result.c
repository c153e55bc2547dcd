// SPDX-License-Identifier: GPL-2.0-or-later
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
		assert_prints(&result, v, text);
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
	assert_string_equal(r.interfaces[0].pci_id, "0000:00:1f.6");
	assert_non_null(json_get(r.interfaces[0].extra, "x-if"));
	assert_null(r.interfaces[1].mac);
	assert_null(r.interfaces[1].sandbox);
	assert_null(r.interfaces[1].extra);
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
	assert_int_equal(r.routes[0].mtu, 1400);
	assert_int_equal(r.routes[0].advmss, 0);
	assert_true(r.routes[0].priority == UINT32_MAX);
	assert_int_equal(r.routes[0].table, 254);
	assert_int_equal(r.routes[0].scope, 253);
	assert_int_equal(r.routes[1].mtu, -1);
	assert_int_equal(r.routes[1].scope, -1);
	assert_null(r.routes[2].gw);
	assert_int_equal(cJSON_GetArraySize(r.dns.nameservers), 2);
	assert_string_equal(r.dns.domain, "d.example");
	assert_non_null(cJSON_GetObjectItemCaseSensitive(r.extra, "X"));
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

static void what_is_empty_is_left_out(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"interfaces\":[],\"ips\":[],\"routes\":[],\"dns\":{}}",
		"{\"interfaces\":null,\"ips\":null,\"routes\":null,\"dns\":null,\"cniVersion\":"
		"null}",
		"{\"dns\":{\"nameservers\":[],\"domain\":\"\",\"search\":[],\"options\":null}}",
	};
	cleanup_result struct cni_result result = {0};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_result struct cni_result empty = {0};

		read_text(rows[i], CNI_1_1_0, &empty);
		assert_prints(&empty, CNI_1_1_0, "{\"cniVersion\":\"1.1.0\"}");
		assert_prints(&empty, CNI_0_1_0, "{\"cniVersion\":\"0.1.0\"}");
	}
	read_text("{\"interfaces\":[{\"name\":\"a\",\"mac\":\"\",\"mtu\":null,\"sandbox\":\"\"}],"
		  "\"ips\":[{\"address\":\"1.1.1.1/8\",\"gateway\":\"\",\"interface\":null}],"
		  "\"routes\":[{\"dst\":\"::/0\",\"gw\":\"\",\"mtu\":null}]}",
		  CNI_1_1_0, &result);
	assert_null(result.interfaces[0].mac);
	assert_null(result.interfaces[0].sandbox);
	assert_null(result.ips[0].gateway);
	assert_null(result.routes[0].gw);
	assert_prints(&result, CNI_1_1_0,
		      "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"}],"
		      "\"ips\":[{\"address\":\"1.1.1.1/8\"}],\"routes\":[{\"dst\":\"::/0\"}]}");
}

static void unknown_numbers_come_out_with_every_digit(void **state)
{
	static const char text[] = "{\"cniVersion\":\"1.1.0\",\"x\":9007199254740991,"
				   "\"y\":[1000000000000000,{\"z\":0.30000000000000004}]}";
	cleanup_result struct cni_result result = {0};
	cleanup_json cJSON *tree = NULL;
	cleanup_free char *printed = NULL;
	struct cni_error err;

	(void)state;
	read_text(text, CNI_1_1_0, &result);
	assert_int_equal(result_print(&result, CNI_1_1_0, &tree, &err), 0);
	printed = cJSON_PrintUnformatted(tree);
	assert_string_equal(printed, text);
}

static void hardware_addresses_of_other_links_pass(void **state)
{
	(void)state;
	for (unsigned int octets = 1; octets < 22; octets++) {
		char text[200] = "{\"interfaces\":[{\"name\":\"ib0\",\"mac\":\"";
		cleanup_result struct cni_result result = {0};
		cleanup_json cJSON *tree = NULL;
		struct cni_error err;

		for (unsigned int i = 0; i < octets; i++)
			strcat(text, i ? ":8f" : "8f");
		strcat(text, "\"}]}");
		tree = json(text);
		assert_int_equal(result_parse(tree, CNI_1_1_0, "prevResult", &result, &err),
				 octets == 6 || octets == 8 || octets == 20 ? 0 : -1);
	}
}

static void what_a_version_does_not_allow_is_refused_by_name(void **state)
{
	static const struct {
		enum cni_version version;
		const char *json;
		int code;
		const char *msg;
	} rows[] = {
#define DECODE CNI_ERR_DECODE
#define PREFIX "but must be an address/prefix length"
		{CNI_1_1_0, "{\"cniVersion\":\"9.9.9\"}", CNI_ERR_VERSION,
		 "cniVersion is \"9.9.9\", but must be a version from 0.1.0 to 1.1.0 of the CNI "
		 "spec"},
		{CNI_1_1_0, "{\"cniVersion\":1.1}", DECODE,
		 "cniVersion is 1.1, but must be a string"},
		{CNI_1_1_0, "{\"interfaces\":{}}", DECODE,
		 "interfaces is an object, but must be an array"},
		{CNI_1_1_0, "{\"interfaces\":[null]}", DECODE,
		 "interfaces[0] is null, but must be an object"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\"},[]]}", DECODE,
		 "interfaces[1] is an array, but must be an object"},
		{CNI_1_1_0, "{\"interfaces\":[{}]}", DECODE,
		 "interfaces[0].name is missing, but must be a string"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":7}]}", DECODE,
		 "interfaces[0].name is 7, but must be a string"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\",\"mac\":[]}]}", DECODE,
		 "interfaces[0].mac is an array, but must be a string"},
		{CNI_0_3_0, "{\"interfaces\":[{\"name\":\"a\",\"mac\":\"0:1\"}]}", DECODE,
		 "interfaces[0].mac is \"0:1\", but must be a hardware address"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\",\"mac\":\"02:00:00:00:00-01\"}]}",
		 DECODE,
		 "interfaces[0].mac is \"02:00:00:00:00-01\", but must be a hardware address"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\",\"mac\":\"02:00:00:00:00:0g\"}]}",
		 DECODE,
		 "interfaces[0].mac is \"02:00:00:00:00:0g\", but must be a hardware address"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\",\"sandbox\":1}]}", DECODE,
		 "interfaces[0].sandbox is 1, but must be a string"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\",\"mtu\":-1}]}", DECODE,
		 "interfaces[0].mtu is -1, but must be a whole number from 0 to 4294967295"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\",\"mtu\":4294967296}]}", DECODE,
		 "interfaces[0].mtu is 4294967296, but must be a whole number from 0 to "
		 "4294967295"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\",\"mtu\":\"1500\"}]}", DECODE,
		 "interfaces[0].mtu is \"1500\", but must be a whole number from 0 to 4294967295"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\",\"socketPath\":{}}]}", DECODE,
		 "interfaces[0].socketPath is an object, but must be a string"},
		{CNI_1_1_0, "{\"interfaces\":[{\"name\":\"a\",\"pciID\":true}]}", DECODE,
		 "interfaces[0].pciID is true, but must be a string"},
		{CNI_1_1_0, "{\"ips\":\"x\"}", DECODE, "ips is \"x\", but must be an array"},
		{CNI_1_1_0, "{\"ips\":[\"1.1.1.1/8\"]}", DECODE,
		 "ips[0] is \"1.1.1.1/8\", but must be an object"},
		{CNI_1_1_0, "{\"ips\":[{}]}", DECODE,
		 "ips[0].address is missing, but must be a string"},
		{CNI_1_1_0, "{\"ips\":[{\"address\":null}]}", DECODE,
		 "ips[0].address is missing, but must be a string"},
		{CNI_1_1_0, "{\"ips\":[{\"address\":1}]}", DECODE,
		 "ips[0].address is 1, but must be a string"},
		{CNI_1_1_0, "{\"ips\":[{\"address\":\"1.1.1.1/8\"},{\"address\":\"1.1.1.1\"}]}",
		 DECODE, "ips[1].address is \"1.1.1.1\", " PREFIX},
		{CNI_1_1_0, "{\"ips\":[{\"address\":\"1.1.1.1/33\"}]}", DECODE,
		 "ips[0].address is \"1.1.1.1/33\", " PREFIX},
		{CNI_1_1_0, "{\"ips\":[{\"address\":\"\"}]}", DECODE,
		 "ips[0].address is \"\", " PREFIX},
		{CNI_1_1_0, "{\"ips\":[{\"address\":\"1.1.1.1/8\",\"gateway\":\"1.1.1.1/8\"}]}",
		 DECODE, "ips[0].gateway is \"1.1.1.1/8\", but must be an IP address"},
		{CNI_1_1_0, "{\"ips\":[{\"address\":\"1.1.1.1/8\",\"gateway\":8}]}", DECODE,
		 "ips[0].gateway is 8, but must be a string"},
		{CNI_1_1_0, "{\"ips\":[{\"address\":\"1.1.1.1/8\",\"interface\":0}]}", DECODE,
		 "ips[0].interface is 0, but must be left out: there are no interfaces"},
		{CNI_1_1_0,
		 "{\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"interface\":1}]}",
		 DECODE, "ips[0].interface is 1, but must be a whole number from 0 to 0"},
		{CNI_1_1_0,
		 "{\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"interface\":-1}]}",
		 DECODE, "ips[0].interface is -1, but must be a whole number from 0 to 0"},
		{CNI_1_1_0,
		 "{\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"interface\":\"0\"}]}",
		 DECODE, "ips[0].interface is \"0\", but must be a whole number from 0 to 0"},
		{CNI_1_1_0,
		 "{\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"interface\":0.5}]}",
		 DECODE, "ips[0].interface is 0.5, but must be a whole number from 0 to 0"},
		{CNI_1_1_0,
		 "{\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":\"1.1.1.1/"
		 "8\",\"interface\":4294967296}]}",
		 DECODE, "ips[0].interface is 4294967296, but must be a whole number from 0 to 0"},
		{CNI_0_4_0, "{\"ips\":[{\"address\":\"1.1.1.1/8\",\"version\":\"6\"}]}", DECODE,
		 "ips[0].version is \"6\", but must be \"4\", as the address is"},
		{CNI_0_3_0, "{\"ips\":[{\"address\":\"::1/8\",\"version\":\"4\"}]}", DECODE,
		 "ips[0].version is \"4\", but must be \"6\", as the address is"},
		{CNI_0_3_1, "{\"ips\":[{\"address\":\"::1/8\",\"version\":6}]}", DECODE,
		 "ips[0].version is 6, but must be a string"},
		{CNI_1_1_0, "{\"routes\":true}", DECODE, "routes is true, but must be an array"},
		{CNI_1_1_0, "{\"routes\":[3]}", DECODE, "routes[0] is 3, but must be an object"},
		{CNI_1_1_0, "{\"routes\":[{}]}", DECODE,
		 "routes[0].dst is missing, but must be a string"},
		{CNI_1_1_0, "{\"routes\":[{\"dst\":\"default\"}]}", DECODE,
		 "routes[0].dst is \"default\", " PREFIX},
		{CNI_1_1_0, "{\"routes\":[{\"dst\":\"::/0\",\"gw\":\"x\"}]}", DECODE,
		 "routes[0].gw is \"x\", but must be an IP address"},
		{CNI_1_1_0, "{\"routes\":[{\"dst\":\"::/0\",\"mtu\":-1}]}", DECODE,
		 "routes[0].mtu is -1, but must be a whole number from 0 to 4294967295"},
		{CNI_1_1_0, "{\"routes\":[{\"dst\":\"::/0\",\"advmss\":1.5}]}", DECODE,
		 "routes[0].advmss is 1.5, but must be a whole number from 0 to 4294967295"},
		{CNI_1_1_0, "{\"routes\":[{\"dst\":\"::/0\",\"priority\":\"1\"}]}", DECODE,
		 "routes[0].priority is \"1\", but must be a whole number from 0 to 4294967295"},
		{CNI_1_1_0, "{\"routes\":[{\"dst\":\"::/0\",\"table\":4294967296}]}", DECODE,
		 "routes[0].table is 4294967296, but must be a whole number from 0 to 4294967295"},
		{CNI_1_1_0, "{\"routes\":[{\"dst\":\"::/0\",\"scope\":256}]}", DECODE,
		 "routes[0].scope is 256, but must be a whole number from 0 to 255"},
		{CNI_0_2_0, "{\"ip4\":[]}", DECODE, "ip4 is an array, but must be an object"},
		{CNI_0_2_0, "{\"ip4\":{}}", DECODE, "ip4.ip is missing, but must be a string"},
		{CNI_0_2_0, "{\"ip4\":{\"ip\":\"1.1.1.1\"}}", DECODE,
		 "ip4.ip is \"1.1.1.1\", but must be an IPv4 address/prefix length"},
		{CNI_0_1_0, "{\"ip4\":{\"ip\":\"::1/8\"}}", DECODE,
		 "ip4.ip is \"::1/8\", but must be an IPv4 address/prefix length"},
		{CNI_0_2_0, "{\"ip6\":{\"ip\":\"1.1.1.1/8\"}}", DECODE,
		 "ip6.ip is \"1.1.1.1/8\", but must be an IPv6 address/prefix length"},
		{CNI_0_2_0, "{\"ip6\":{\"ip\":\"::1/8\",\"gateway\":\"x\"}}", DECODE,
		 "ip6.gateway is \"x\", but must be an IP address"},
		{CNI_0_2_0, "{\"ip6\":{\"ip\":\"::1/8\",\"routes\":{}}}", DECODE,
		 "ip6.routes is an object, but must be an array"},
		{CNI_0_2_0,
		 "{\"ip6\":{\"ip\":\"::1/8\",\"routes\":[{\"dst\":\"::/0\"},{\"dst\":\"0.0.0.0/"
		 "0\"}]}}",
		 DECODE,
		 "ip6.routes[1].dst is \"0.0.0.0/0\", but must be an IPv6 address/prefix length"},
		{CNI_1_1_0, "{\"dns\":[]}", DECODE, "dns is an array, but must be an object"},
		{CNI_0_1_0, "{\"dns\":\"x\"}", DECODE, "dns is \"x\", but must be an object"},
		{CNI_1_1_0, "{\"dns\":{\"nameservers\":\"1.1.1.1\"}}", DECODE,
		 "dns.nameservers is \"1.1.1.1\", but must be an array"},
		{CNI_1_1_0, "{\"dns\":{\"nameservers\":[\"1.1.1.1\",2]}}", DECODE,
		 "dns.nameservers[1] is 2, but must be a string"},
		{CNI_1_1_0, "{\"dns\":{\"search\":[null]}}", DECODE,
		 "dns.search[0] is null, but must be a string"},
		{CNI_1_1_0, "{\"dns\":{\"options\":[{}]}}", DECODE,
		 "dns.options[0] is an object, but must be a string"},
		{CNI_1_1_0, "{\"dns\":{\"domain\":[]}}", DECODE,
		 "dns.domain is an array, but must be a string"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		cleanup_result struct cni_result result = {0};
		cleanup_json cJSON *tree = json(rows[i].json);
		char expected[512];
		struct cni_error err;

		assert_int_equal(result_parse(tree, rows[i].version, "prevResult", &result, &err),
				 -1);
		snprintf(expected, sizeof(expected), "prevResult: %s", rows[i].msg);
		assert_string_equal(err.msg, expected);
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

static void lists_are_limited(void **state)
{
	static const struct {
		const char *before;
		const char *entry;
		const char *after;
		const char *name;
	} rows[] = {
		{"{\"interfaces\":[", "{\"name\":\"a\"}", "]}", "interfaces"},
		{"{\"ips\":[", "{\"address\":\"1.1.1.1/8\"}", "]}", "ips"},
		{"{\"routes\":[", "{\"dst\":\"::/0\"}", "]}", "routes"},
		{"{\"dns\":{\"nameservers\":[", "\"x\"", "]}}", "dns.nameservers"},
		{"{\"dns\":{\"search\":[", "\"x\"", "]}}", "dns.search"},
		{"{\"dns\":{\"options\":[", "\"x\"", "]}}", "dns.options"},
		{"{\"cniVersion\":\"0.2.0\",\"ip6\":{\"ip\":\"::/0\",\"routes\":[",
		 "{\"dst\":\"::/0\"}", "]}}", "ip6.routes"},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		for (size_t n = RESULT_MAX_ENTRIES; n <= RESULT_MAX_ENTRIES + 1; n++) {
			cleanup_free char *text = malloc(n * 32 + 200);
			cleanup_result struct cni_result result = {0};
			cleanup_json cJSON *tree = NULL;
			char expected[200];
			struct cni_error err;
			char *end;

			assert_non_null(text);
			end = stpcpy(text, rows[i].before);
			for (size_t k = 0; k < n; k++)
				end = stpcpy(stpcpy(end, k ? "," : ""), rows[i].entry);
			stpcpy(end, rows[i].after);
			tree = json(text);
			if (n == RESULT_MAX_ENTRIES) {
				assert_int_equal(result_parse(tree, CNI_1_1_0, "r", &result, &err),
						 0);
				continue;
			}
			assert_int_equal(result_parse(tree, CNI_1_1_0, "r", &result, &err), -1);
			assert_int_equal(err.code, CNI_ERR_DECODE);
			snprintf(expected, sizeof(expected), "r: %s has more than 4096 entries",
				 rows[i].name);
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

			other->string = item->string ? strdup(item->string) : NULL;
			cJSON_ReplaceItemViaPointer(parent, item, other);
			return true;
		}
		if (replace_nth(item, n, with))
			return true;
	}
	return false;
}

/* Whatever stands in for any one item: a clean refusal, or a result that reads back the same. */
static void any_wrong_type_anywhere_is_refused_or_harmless(void **state)
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
					refused++;
					continue;
				}
				accepted++;
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
	assert_true(refused > 1000);
	assert_true(accepted > 1000);
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
	assert_non_null(result_add_ip(&result));
	fail_allocation(1);
	assert_null(result_add_ip(&result));
	assert_int_equal(result.n_ips, 1);
}

static void a_result_is_built_element_by_element(void **state)
{
	cleanup_result struct cni_result result = {0};
	struct cni_interface *interface = result_add_interface(&result);
	struct cni_ip *ip = result_add_ip(&result);
	struct cni_route *route = result_add_route(&result);

	(void)state;
	assert_null(interface->extra);
	assert_int_equal(ip->interface, -1);
	assert_int_equal(route->mtu, -1);
	assert_int_equal(route->advmss, -1);
	assert_int_equal(route->priority, -1);
	assert_int_equal(route->table, -1);
	assert_int_equal(route->scope, -1);
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
		if (cases[i].netns)
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
		cmocka_unit_test(what_is_empty_is_left_out),
		cmocka_unit_test(unknown_numbers_come_out_with_every_digit),
		cmocka_unit_test(hardware_addresses_of_other_links_pass),
		cmocka_unit_test(what_a_version_does_not_allow_is_refused_by_name),
		cmocka_unit_test(only_an_object_is_a_result),
		cmocka_unit_test(lists_are_limited),
		cmocka_unit_test(any_wrong_type_anywhere_is_refused_or_harmless),
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
