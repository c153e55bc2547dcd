/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static unsigned int address_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

size_t ip_address_size(int family)
{
	return address_bits(family) / 8;
}

int ip_address_parse(const char *text, struct ip_address *out)
{
	struct ip_address address = {.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET};

	/* inet_pton(3) knows neither octal parts nor scopes, so a text has one meaning. */
	if (inet_pton(address.family, text, address.bytes) != 1)
		return -1;
	*out = address;
	return 0;
}

static int parse_length(const char *text, unsigned int max, unsigned int *out)
{
	unsigned int length = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		length = length * 10 + (unsigned int)(*text - '0');
		if (length > max)
			return -1;
	}
	*out = length;
	return 0;
}

int ip_prefix_parse_optional(const char *text, struct ip_prefix *out, bool *has_length)
{
	const char *slash = strchrnul(text, '/');
	const size_t n = (size_t)(slash - text);
	char address[INET6_ADDRSTRLEN];
	struct ip_prefix prefix;

	if (n >= sizeof(address))
		return -1;
	memcpy(address, text, n);
	address[n] = '\0';
	if (ip_address_parse(address, &prefix.address) < 0)
		return -1;
	prefix.length = address_bits(prefix.address.family);
	if (*slash && parse_length(slash + 1, prefix.length, &prefix.length) < 0)
		return -1;
	*has_length = *slash;
	*out = prefix;
	return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *out)
{
	struct ip_prefix prefix;
	bool has_length;

	if (ip_prefix_parse_optional(text, &prefix, &has_length) < 0 || !has_length)
		return -1;
	*out = prefix;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mac_parse(const char *text, uint8_t out[6])
{
	uint8_t mac[6];

	if (strlen(text) != MAC_TEXT_MAX - 1 || (text[2] != ':' && text[2] != '-'))
		return -1;
	for (size_t i = 0; i < sizeof(mac); i++) {
		const char *octet = text + i * 3;
		const int high = hex_digit(octet[0]);
		const int low = hex_digit(octet[1]);

		if (high < 0 || low < 0 || (i < 5 && octet[2] != text[2]))
			return -1;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(out, mac, sizeof(mac));
	return 0;
}

bool ip_prefix_contains(const struct ip_prefix *net, const struct ip_address *address)
{
	const unsigned int whole = net->length / 8;
	const unsigned int rest = net->length % 8;

	if (net->address.family != address->family)
		return false;
	if (memcmp(net->address.bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || (net->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, ip_address_size(a->family)) == 0;
}

const char *ip_address_format(const struct ip_address *address, char *buf)
{
	if (inet_ntop(address->family, address->bytes, buf, INET6_ADDRSTRLEN) == NULL)
		buf[0] = '\0';
	return buf;
}

const char *ip_prefix_format(const struct ip_prefix *prefix, char *buf)
{
	char address[INET6_ADDRSTRLEN];

	snprintf(buf, IP_PREFIX_TEXT_MAX, "%s/%u", ip_address_format(&prefix->address, address),
		 prefix->length);
	return buf;
}

const char *mac_format(const uint8_t mac[6], char *buf)
{
	snprintf(buf, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}
