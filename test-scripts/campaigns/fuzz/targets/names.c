/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, addresses, CNI_ARGS: what a text must be before it becomes part of a path or a request. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "cni.h"
#include "conf.h"
#include "fuzz.h"
#include "state.h"
#include "utf8.h"
#include "version.h"

static void check_names(const char *text)
{
	enum cni_version version;

	if (cni_valid_container_id(text) || cni_valid_network_name(text)) {
		PROMISE(strlen(text) >= 1 && strlen(text) <= 200);
		PROMISE(!strpbrk(text, "/@%\"\\ \n") && isalnum((unsigned char)text[0]));
	}
	if (cni_valid_ifname(text)) {
		PROMISE(strlen(text) >= 1 && strlen(text) <= 15);
		PROMISE(!strpbrk(text, "/:% \n\t") && utf8_is_printable(text));
		PROMISE(strcmp(text, ".") != 0 && strcmp(text, "..") != 0);
	}
	if (cni_version_parse(text, &version) == 0)
		PROMISE(strcmp(cni_version_name(version), text) == 0);
}

static void check_addresses(const char *text)
{
	struct ip_address address, same_address;
	struct ip_prefix prefix, same_prefix;
	uint8_t mac[6], same_mac[6];
	char buf[IP_PREFIX_TEXT_MAX];
	bool has_length;

	if (ip_address_parse(text, &address) == 0) {
		PROMISE(ip_address_parse(ip_address_format(&address, buf), &same_address) == 0);
		PROMISE(ip_address_equal(&address, &same_address));
	}
	if (ip_prefix_parse(text, &prefix) == 0) {
		PROMISE(prefix.length <= 8 * ip_address_size(prefix.address.family));
		PROMISE(ip_prefix_parse(ip_prefix_format(&prefix, buf), &same_prefix) == 0);
		PROMISE(same_prefix.length == prefix.length);
		PROMISE(ip_address_equal(&prefix.address, &same_prefix.address));
		PROMISE(ip_prefix_contains(&prefix, &prefix.address));
		PROMISE(ip_prefix_parse_optional(text, &same_prefix, &has_length) == 0 &&
			has_length);
	} else if (ip_prefix_parse_optional(text, &prefix, &has_length) == 0) {
		PROMISE(!has_length);
	}
	if (mac_parse(text, mac) == 0) {
		PROMISE(mac_parse(mac_format(mac, buf), same_mac) == 0);
		PROMISE(memcmp(mac, same_mac, sizeof(mac)) == 0);
	}
}

static void check_args(const char *args, const char *key)
{
	const size_t size = 16;
	cleanup_free char *value = malloc(size);
	struct cni_error err = {0};
	const int found = cni_args_get(args, key, value, size, &err);

	fuzz_check_outcome(found, &err);
	if (found > 0) {
		PROMISE(memchr(value, '\0', size) && !strchr(value, ';'));
		PROMISE(strstr(args, key) && strstr(args, value));
	}
}

static void check_hash(const char *a, const char *b)
{
	char hash[17];

	state_hash(a, b, "eth0", hash);
	PROMISE(strlen(hash) == 16 && strspn(hash, "0123456789abcdef") == 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	cleanup_free char *text = input_text(&input);
	cleanup_free char *key = input_text(&input);

	check_names(text);
	check_addresses(text);
	check_args(text, key);
	check_args(text, "IP");
	check_hash(text, key);
	return 0;
}
