/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"

static void addresses_read_and_print_again(void **state)
{
	static const struct {
		const char *in;
		int family;
		const char *out;
	} rows[] = {
		{"10.0.2.100", AF_INET, "10.0.2.100"},
		{"0.0.0.0", AF_INET, "0.0.0.0"},
		{"255.255.255.255", AF_INET, "255.255.255.255"},
		{"fd00::2", AF_INET6, "fd00::2"},
		{"::", AF_INET6, "::"},
		{"FD00:0:0:0:0:0:0:2", AF_INET6, "fd00::2"},
		{"::ffff:1.2.3.4", AF_INET6, "::ffff:1.2.3.4"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_address address;
		char text[INET6_ADDRSTRLEN];

		assert_int_equal(ip_address_parse(rows[i].in, &address), 0);
		assert_int_equal(address.family, rows[i].family);
		assert_ptr_equal(ip_address_format(&address, text), text);
		assert_string_equal(text, rows[i].out);
	}
	assert_int_equal(ip_address_size(AF_INET), 4);
	assert_int_equal(ip_address_size(AF_INET6), 16);
}

static void what_is_no_address_is_refused_and_leaves_the_target_alone(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"10.0.2",
		"10.0.2.",
		"10.0.2.256",
		"10.0.2.1.1",
		"010.0.2.1",
		"10.0.2.01",
		" 10.0.2.1",
		"10.0.2.1 ",
		"+10.0.2.1",
		"0x0a.0.2.1",
		"10.0.2.1/8",
		"10.0.2.-1",
		"localhost",
		":",
		":::",
		"fd00::2::3",
		"fd00::2%lo",
		"fd00::2/64",
		"fd00::10000",
		"[fd00::2]",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"::1.2.3",
		"::1.2.3.04",
		"10.0.2.1\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_address address = {.family = 77};

		assert_int_equal(ip_address_parse(rows[i], &address), -1);
		assert_int_equal(address.family, 77);
	}
}

static void prefixes_read_and_print_again(void **state)
{
	static const struct {
		const char *in;
		unsigned int length;
	} rows[] = {
		{"10.0.2.100/24", 24}, {"0.0.0.0/0", 0},
		{"10.0.2.100/32", 32}, {"::/0", 0},
		{"fd00::1/64", 64},    {"1111:2222:3333:4444:5555:6666:7777:8888/128", 128},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_prefix prefix;
		char text[IP_PREFIX_TEXT_MAX];

		assert_int_equal(ip_prefix_parse(rows[i].in, &prefix), 0);
		assert_int_equal(prefix.length, rows[i].length);
		assert_ptr_equal(ip_prefix_format(&prefix, text), text);
		assert_string_equal(text, rows[i].in);
	}
}

static void what_is_no_prefix_is_refused_and_leaves_the_target_alone(void **state)
{
	static const char *const rows[] = {
		"",
		"/",
		"/24",
		"10.0.2.100",
		"10.0.2.100/",
		"10.0.2.100/33",
		"10.0.2.100/024",
		"10.0.2.100/00",
		"10.0.2.100/+4",
		"10.0.2.100/-1",
		"10.0.2.100/ 8",
		"10.0.2.100/8 ",
		"10.0.2.100/8/8",
		"10.0.2.100/0x8",
		"10.0.2.100/255.0.0.0",
		"10.0.2.100/4294967304",
		"10.0.2.100/18446744073709551624",
		"fd00::1/129",
		"fd00::1%lo/64",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_prefix prefix = {.length = 77};

		assert_int_equal(ip_prefix_parse(rows[i], &prefix), -1);
		assert_int_equal(prefix.length, 77);
	}
}

static void without_a_length_a_prefix_is_a_whole_address(void **state)
{
	struct ip_prefix prefix;
	bool has_length;

	(void)state;
	assert_int_equal(ip_prefix_parse_optional("10.0.2.100", &prefix, &has_length), 0);
	assert_false(has_length);
	assert_int_equal(prefix.length, 32);
	assert_int_equal(ip_prefix_parse_optional("fd00::1", &prefix, &has_length), 0);
	assert_false(has_length);
	assert_int_equal(prefix.length, 128);
	assert_int_equal(ip_prefix_parse_optional("10.0.2.100/32", &prefix, &has_length), 0);
	assert_true(has_length);
	assert_int_equal(ip_prefix_parse_optional("10.0.2.100/", &prefix, &has_length), -1);
}

static void hardware_addresses_read_and_print_again(void **state)
{
	static const char *const good[] = {"02:ab:cd:ef:00:1f", "02:AB:CD:EF:00:1F",
					   "02-ab-cd-ef-00-1f"};
	static const char *const bad[] = {
		"",
		"02:ab:cd:ef:00",
		"02:ab:cd:ef:00:1f:",
		"02:ab:cd:ef:00:1g",
		"02:ab:cd:ef:00-1f",
		"02abcdef001f",
		"2:ab:cd:ef:00:1f:0",
		"02:ab:cd:ef:00: 1",
		"02.ab.cd.ef.00.1f",
		"02:ab:cd:ef:00:+1",
		"02:ab:cd:ef:00:1f\n",
		":::::::::::::::::",
		"02:ab:cd:ef:00:1\xe6",
	};
	static const uint8_t expected[6] = {0x02, 0xab, 0xcd, 0xef, 0x00, 0x1f};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		uint8_t mac[6];
		char text[MAC_TEXT_MAX];

		assert_int_equal(mac_parse(good[i], mac), 0);
		assert_memory_equal(mac, expected, 6);
		assert_string_equal(mac_format(mac, text), good[0]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint8_t mac[6] = {7, 7, 7, 7, 7, 7};
		const uint8_t untouched[6] = {7, 7, 7, 7, 7, 7};

		assert_int_equal(mac_parse(bad[i], mac), -1);
		assert_memory_equal(mac, untouched, 6);
	}
}

static void a_network_contains_the_addresses_of_its_prefix(void **state)
{
	static const struct {
		const char *net;
		const char *address;
		bool inside;
	} rows[] = {
		{"10.0.2.0/24", "10.0.2.255", true},
		{"10.0.2.7/24", "10.0.2.255", true}, /* bits beyond the length do not count */
		{"10.0.2.0/24", "10.0.3.0", false},
		{"10.0.2.0/23", "10.0.3.0", true},
		{"10.0.2.128/25", "10.0.2.127", false},
		{"10.0.2.128/25", "10.0.2.128", true},
		{"10.0.2.1/32", "10.0.2.1", true},
		{"10.0.2.1/32", "10.0.2.0", false},
		{"10.0.2.0/31", "10.0.2.1", true},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "10.0.2.1", false},
		{"::/0", "fd00::1", true},
		{"fd00::/64", "fd00::ffff:ffff:ffff:ffff", true},
		{"fd00::/64", "fd00:0:0:1::", false},
		{"fd00::/7", "fcff::1", true},
		{"fd00::1/128", "fd00::1", true},
		{"fd00::1/128", "fd00::2", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_prefix net;
		struct ip_address address;

		assert_int_equal(ip_prefix_parse(rows[i].net, &net), 0);
		assert_int_equal(ip_address_parse(rows[i].address, &address), 0);
		assert_int_equal(ip_prefix_contains(&net, &address), rows[i].inside);
	}
}

static void addresses_are_equal_by_family_and_bytes(void **state)
{
	struct ip_address a;
	struct ip_address b;

	(void)state;
	memset(&a, 0x55, sizeof(a)); /* what lies behind an IPv4 address does not count */
	memset(&b, 0xaa, sizeof(b));
	assert_int_equal(ip_address_parse("10.0.2.1", &a), 0);
	assert_int_equal(ip_address_parse("10.0.2.1", &b), 0);
	assert_true(ip_address_equal(&a, &b));
	memset(&a.bytes[4], 1, 12);
	assert_true(ip_address_equal(&a, &b));
	assert_int_equal(ip_address_parse("10.0.2.2", &b), 0);
	assert_false(ip_address_equal(&a, &b));
	assert_int_equal(ip_address_parse("0.0.0.0", &a), 0);
	assert_int_equal(ip_address_parse("::", &b), 0);
	assert_false(ip_address_equal(&a, &b));
	assert_int_equal(ip_address_parse("::1", &a), 0);
	assert_false(ip_address_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_read_and_print_again),
		cmocka_unit_test(what_is_no_address_is_refused_and_leaves_the_target_alone),
		cmocka_unit_test(prefixes_read_and_print_again),
		cmocka_unit_test(what_is_no_prefix_is_refused_and_leaves_the_target_alone),
		cmocka_unit_test(without_a_length_a_prefix_is_a_whole_address),
		cmocka_unit_test(hardware_addresses_read_and_print_again),
		cmocka_unit_test(a_network_contains_the_addresses_of_its_prefix),
		cmocka_unit_test(addresses_are_equal_by_family_and_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
