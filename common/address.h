/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP and hardware addresses as text. The syntax is that of inet_pton(3). */
#ifndef USERNET_ADDRESS_H
#define USERNET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_address {
	int family; /* AF_INET or AF_INET6 */
	union {
		struct in_addr v4;
		struct in6_addr v6;
		uint8_t bytes[16];
	};
};

/* An address and the length of its network prefix, in bits. */
struct ip_prefix {
	struct ip_address address;
	unsigned int length;
};

#define IP_PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4)
#define MAC_TEXT_MAX 18

/* Each parser returns 0, or -1 when the text is not such an address. Leading zeros, spaces and
 * signs are refused. */
int ip_address_parse(const char *text, struct ip_address *out);
/* "10.0.2.100/24". */
int ip_prefix_parse(const char *text, struct ip_prefix *out);
/* "10.0.2.100" or "10.0.2.100/24"; *has_length tells which. Without a length, it is 32 or 128. */
int ip_prefix_parse_optional(const char *text, struct ip_prefix *out, bool *has_length);
/* Six octets, separated by colons or hyphens. */
int mac_parse(const char *text, uint8_t out[6]);

/* Whether the address is inside the network of the prefix; false when the families differ. */
bool ip_prefix_contains(const struct ip_prefix *net, const struct ip_address *address);
bool ip_address_equal(const struct ip_address *a, const struct ip_address *b);
/* Bytes of an address of the family: 4 or 16. */
size_t ip_address_size(int family);

/* Text into buf (INET6_ADDRSTRLEN, IP_PREFIX_TEXT_MAX or MAC_TEXT_MAX bytes); return buf. */
const char *ip_address_format(const struct ip_address *address, char *buf);
const char *ip_prefix_format(const struct ip_prefix *prefix, char *buf);
const char *mac_format(const uint8_t mac[6], char *buf);

#endif
