/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What slirp4netns makes of a configuration: its defaults, its bounds, and who names an address
 * first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "cleanup.h"
#include "conf.h"
#include "plugins/slirp4netns/config.h"
#include "plugins/slirp4netns/plugin.h"

#define ROWS(rows) (sizeof(rows) / sizeof(*(rows)))

/* The texts of what a request says; it lives until the next one. */
static int read_config(const char *conf, const char *args, struct config *config,
		       struct cni_error *err)
{
	static cJSON *json;
	struct cni_request req = {.args = args, .version = CNI_VERSION_LATEST};

	cJSON_Delete(json);
	json = NULL;
	if (conf != NULL && json_parse(conf, strlen(conf), "the test", &json, err) < 0)
		fail_msg("%s: %s", conf, err->msg);
	if (conf == NULL)
		return 0;
	req.conf = json;
	req.runtime = json_get(json, "runtimeConfig");
	*err = (struct cni_error){0};
	return slirp_config_read(&req, config, err);
}

static int forget(void **unused)
{
	struct cni_error err;

	(void)unused;
	return read_config(NULL, NULL, NULL, &err);
}

static void nothing_said_is_slirp4netnss_own_layout(void **unused)
{
	struct config c;
	struct cni_error err;
	char text[INET6_ADDRSTRLEN];

	(void)unused;
	assert_int_equal(read_config("{}", NULL, &c, &err), 0);
	assert_int_equal(c.mtu, 65520);
	assert_string_equal(ip_address_format(&c.gateway, text), "10.0.2.2");
	assert_string_equal(ip_address_format(&c.nameserver, text), "10.0.2.3");
	assert_string_equal(ip_address_format(&c.address.address, text), "10.0.2.100");
	assert_int_equal(c.address.length, 24);
	assert_false(c.ipv6 || c.allow_host_loopback || c.disable_dns || c.has_mac);
	assert_true(c.sandbox.on && c.seccomp.on && !c.sandbox.asked && !c.seccomp.asked);
	assert_true(c.built_in_dns);
	assert_null(c.daemon_path);
	assert_null(c.state_dir);
}

static void what_cannot_work_is_refused_and_named(void **unused)
{
	static const struct {
		const char *conf, *why; /* NULL: it is taken */
	} rows[] = {
		{"{\"mtu\":68}", NULL},
		{"{\"mtu\":67}", "mtu"},
		{"{\"mtu\":65521}", NULL},
		{"{\"mtu\":65522}", "mtu"},
		{"{\"mtu\":1280,\"enableIPv6\":true}", NULL},
		{"{\"mtu\":1279,\"enableIPv6\":true}", "enableIPv6 needs at least 1280"},
		{"{\"cidr\":\"10.0.0.0/25\"}", NULL},
		{"{\"cidr\":\"10.0.0.0/26\"}", "prefix of 1 to 25"},
		{"{\"cidr\":\"fd00::/24\"}", "must be an IPv4 network"},
		{"{\"cidr\":\"10.0.2.1/24\"}", "must end in zero bits"},
		{"{\"cidr\":\"127.0.0.0/24\"}", "not a network for hosts"},
		{"{\"cidr\":\"224.0.0.0/24\"}", "not a network for hosts"},
		{"{\"cidr\":\"0.0.0.0/24\"}", "not a network for hosts"},
		{"{\"cidr\":\"223.255.255.0/24\"}", NULL},
		{"{\"ipam\":{}}", NULL},
		{"{\"ipam\":null}", NULL},
		{"{\"ipam\":{\"type\":\"static\"}}", "\"ipam\": {\"type\":\"static\"}"},
		{"{\"slirp4netnsPath\":\"bin/slirp4netns\"}", "must be an absolute path"},
		{"{\"dns\":{\"nameservers\":[\"one\"]}}", "\"one\" is not an IP address"},
		{"{\"dns\":{\"search\":[1]}}", "dns.search must be an array of strings"},
		{"{\"outboundAddr\":\"239.1.1.1\"}", "from which nothing can come"},
		{"{\"outboundAddr\":\"127.0.0.1\"}", NULL},
		{"{\"runtimeConfig\":{\"mac\":\"03:00:00:00:00:01\"}}", "runtimeConfig.mac"},
		{"{\"runtimeConfig\":{\"mac\":\"00:00:00:00:00:00\"}}", "runtimeConfig.mac"},
		{"{\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:01\"}}", NULL},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;
		struct cni_error err;
		const int value = read_config(rows[i].conf, NULL, &c, &err);

		if ((value == 0) != (rows[i].why == NULL) ||
		    (value < 0 && strstr(err.msg, rows[i].why) == NULL))
			fail_msg("%s: %s", rows[i].conf, err.msg);
	}
}

static void an_address_is_one_of_the_networks_hosts(void **unused)
{
	static const struct {
		const char *ip;
		bool good;
	} rows[] = {
		{"10.0.2.1", true},
		{"10.0.2.254", true},
		{"10.0.2.100/24", true},
		{"10.0.2.0", false},
		{"10.0.2.255", false},
		{"10.0.2.2", false},
		{"10.0.2.3", false},
		{"10.0.3.1", false},
		{"10.0.2.9/25", false},
		{"fd00::9", false},
		{"10.0.2.9,10.0.2.9", true},
		{"10.0.2.9,10.0.2.8", false},
		{"", true},
		{"x", false},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;
		struct cni_error err;
		char args[64];

		snprintf(args, sizeof(args), "IP=%s", rows[i].ip);
		if ((read_config("{}", args, &c, &err) == 0) != rows[i].good)
			fail_msg("%s: %s", args, err.msg);
	}
}

static void the_runtimes_wish_comes_before_the_lists_and_the_arguments(void **unused)
{
	static const struct {
		const char *conf, *address;
	} rows[] = {
		{"{}", "10.0.2.9"},
		{"{\"args\":{\"cni\":{\"ips\":[\"10.0.2.8\"]}}}", "10.0.2.8"},
		{"{\"args\":{\"cni\":{\"ips\":[\"10.0.2.8\"]}},"
		 "\"runtimeConfig\":{\"ips\":[\"10.0.2.7\"]}}",
		 "10.0.2.7"},
		{"{\"args\":{\"cni\":{\"ips\":[\"10.0.2.8\"]}},\"runtimeConfig\":{\"ips\":[]}}",
		 "10.0.2.8"},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;
		struct cni_error err;
		char text[INET6_ADDRSTRLEN];

		assert_int_equal(read_config(rows[i].conf, "IP=10.0.2.9", &c, &err), 0);
		assert_string_equal(ip_address_format(&c.address.address, text), rows[i].address);
	}
}

static void the_built_in_name_server_is_told_unless_others_stand_for_it(void **unused)
{
	static const struct {
		const char *conf;
		bool built_in;
	} rows[] = {
		{"{\"dns\":{\"search\":[\"a\"]}}", true},
		{"{\"dns\":{\"nameservers\":[\"192.0.2.1\"]}}", false},
		{"{\"dns\":{\"nameservers\":[\"192.0.2.1\",\"10.0.2.3\"]}}", true},
		{"{\"dns\":{\"nameservers\":[\"fd00::3\"]}}", false},
		{"{\"dns\":{\"nameservers\":[\"fd00::3\"]},\"enableIPv6\":true}", true},
		{"{\"disableDNS\":true}", false},
		{"{\"disableDNS\":true,\"dns\":{\"nameservers\":[\"10.0.2.3\"]}}", false},
	};

	(void)unused;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct config c;
		struct cni_error err;

		assert_int_equal(read_config(rows[i].conf, NULL, &c, &err), 0);
		if (c.built_in_dns != rows[i].built_in)
			fail_msg("%s", rows[i].conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_is_slirp4netnss_own_layout),
		cmocka_unit_test(what_cannot_work_is_refused_and_named),
		cmocka_unit_test(an_address_is_one_of_the_networks_hosts),
		cmocka_unit_test(the_runtimes_wish_comes_before_the_lists_and_the_arguments),
		cmocka_unit_test(the_built_in_name_server_is_told_unless_others_stand_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
