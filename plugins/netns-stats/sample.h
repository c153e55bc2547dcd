/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one network namespace counts at one moment: its links with their counters, its addresses.
 */
#ifndef NETNS_STATS_SAMPLE_H
#define NETNS_STATS_SAMPLE_H

#include <linux/if_link.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "error.h"
#include "text.h"

#define HWADDR_MAX 32 /* MAX_ADDR_LEN of the kernel */

struct link_sample {
	int index;
	char name[IFNAMSIZ];
	char qdisc[IFNAMSIZ];
	char kind[16];      /* "veth", "tun"; "" for a physical one */
	unsigned int flags; /* IFF_UP and so on: netdevice(7) */
	uint16_t type;      /* ARPHRD_ETHER and so on */
	uint8_t operstate;  /* RFC 2863 */
	uint8_t linkmode;
	uint8_t hwaddr_len, broadcast_len;
	uint8_t hwaddr[HWADDR_MAX], broadcast[HWADDR_MAX];
	uint32_t mtu;
	uint32_t txqlen;
	uint32_t group;
	int32_t master;       /* index; 0: none */
	int32_t peer;         /* IFLA_LINK: the index that a veth or vlan leads to; 0: none */
	int32_t peer_netnsid; /* of that peer; -1: this namespace */
	uint32_t carrier_changes;
	struct rtnl_link_stats64 stats;
};

struct address_sample {
	int index; /* of its link */
	uint8_t scope;
	uint32_t flags; /* IFA_F_TENTATIVE and so on */
	struct ip_prefix prefix;
};

/* The arrays are the sample's own; sample_free() frees them. Flat, so that a child process can hand
 * one on through a pipe. */
struct sample {
	struct link_sample *links;
	size_t n_links, links_size;
	size_t links_max; /* how many are read, the first ones of the kernel's; 0: all */
	struct address_sample *addresses;
	size_t n_addresses, addresses_size;
	struct text detail; /* a JSON object, "" where SAMPLE_DETAIL was not asked for */
	uint64_t cookie;    /* SO_NETNS_COOKIE: which namespace it was; 0: Linux before 5.14 */
};

#define SAMPLE_ADDRESSES 1u /* also addresses */
#define SAMPLE_DETAIL 2u    /* also what detail_collect() finds */

void sample_free(struct sample *s);
#define cleanup_sample __attribute__((cleanup(sample_free)))

/**
 * sample_here() - read the namespace that this thread is in.
 * @s:    zero-filled, or one that was read before: its memory is used again
 * @what: SAMPLE_* or 0
 *
 * Names and counters come out of one dump, so a link that is renamed meanwhile has one name or the
 * other and no other link's counters. Return: 0, or -1 CNI_ERR_IO.
 */
int sample_here(struct sample *s, unsigned int what, struct cni_error *err);

/**
 * sample_is_sane() - whether what another process says that it read can be worked with.
 *
 * Every name ends, every length fits its array, addresses are of a family with as long a prefix as
 * it has, and the detail is one JSON object. Not that any of it is true.
 */
bool sample_is_sane(const struct sample *s);

/* By index, by name; NULL: none. */
const struct link_sample *sample_link(const struct sample *s, int index);
const struct link_sample *sample_link_named(const struct sample *s, const char *name);

/* Make room for n more elements; return false out of memory. */
bool sample_reserve_links(struct sample *s, size_t n);
bool sample_reserve_addresses(struct sample *s, size_t n);

#endif
