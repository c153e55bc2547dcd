/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model of a result: one struct for the result of ADD and for prevResult, in every spec version
 * (CNI spec 1.1.0, section 5; the older forms in section "Result" of their own versions).
 *
 * A result that was read is foreign data, and most of it is passed on without anybody here looking
 * at it. So everything is kept as it came (`raw`), usable or not, known or not, and printed again;
 * the typed members beside it are those that our plugins use. A member that cannot be used (one of
 * another type, not an address, an index that leads nowhere) counts as absent. A caller that needs
 * it calls result_require(), which says what is wrong with it; nobody else fails for it.
 *
 * When a result is printed in another version than it came in, a member that both versions define,
 * or neither, is printed as it came, and a member that only one of them defines is left out. For an
 * older version this drops mtu, socketPath, pciID and a route's mtu, advmss, priority, table and
 * scope (1.1.0); for a newer one it keeps a member `interfaces` that meant nothing from getting a
 * meaning.
 *
 * null counts as absent, and so does an empty string where a member is optional, as in the
 * reference types.
 */
#ifndef USERNET_RESULT_H
#define USERNET_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "error.h"
#include "version.h"

/* The most entries that a list may have to be used; a longer list is only passed on. */
#define RESULT_MAX_ENTRIES 4096

struct cni_interface {
	char *name;        /* NULL: it cannot be used */
	char *mac;         /* as text, not checked; NULL: none */
	uint32_t mtu;      /* bytes; 0: not given */
	char *sandbox;     /* netns path, or whatever the plugin wrote there; NULL: on the host */
	char *socket_path; /* NULL: none. Defined in 1.1.0, but read in every version */
	cJSON *raw;        /* the entry as it came; NULL for one that we have added */
};

/* ips[].interface of an entry whose index is not that of an interface. */
#define RESULT_NOWHERE (-2)

struct cni_ip {
	char *address; /* CIDR notation; NULL: it cannot be used */
	char *gateway; /* NULL: none */
	int interface; /* index into interfaces; -1: not given; RESULT_NOWHERE */
	int family;    /* AF_INET or AF_INET6, from the address; 0: not known */
	cJSON *raw;
};

struct cni_route {
	char *dst;     /* CIDR notation; NULL: it cannot be used */
	char *gw;      /* NULL: none */
	int64_t table; /* -1: not given */
	int family;    /* as above */
	cJSON *raw;
};

/* The DNS settings of ADD; each that is not NULL replaces that member of the dns that came. */
struct cni_dns {
	cJSON *nameservers; /* array of strings */
	char *domain;
	cJSON *search;  /* array of strings */
	cJSON *options; /* array of strings */
};

struct cni_result {
	struct cni_interface *interfaces;
	size_t n_interfaces;
	struct cni_ip *ips;
	size_t n_ips;
	struct cni_route *routes;
	size_t n_routes;
	struct cni_dns dns;
	enum cni_version version; /* the version of what came */
	cJSON *raw;               /* the object as it came, without those entries; or NULL */
	struct result_fault *faults;
	size_t n_faults;
	struct {
		size_t interfaces, ips, routes, faults;
	} room; /* in the lists: array.h */
};

/* Free what the result owns, but not the struct, which may be zero-filled. Idempotent. */
void result_free(struct cni_result *result);
#define cleanup_result __attribute__((cleanup(result_free)))

/**
 * result_parse() - read a result.
 * @json:    the object; not kept
 * @version: its version, unless the object has a cniVersion of its own, which then counts
 * @what:    what messages call it, e.g. "prevResult"
 * @result:  filled; the caller frees it with result_free(), also after a failure
 *
 * A value that is not an object is refused, and so is a cniVersion that this library does not know,
 * because then nothing says what the other members mean, nor how they are printed in the version
 * that was asked for. Everything else is read as far as possible. Up to 0.2.0 the routes of ip4 and
 * ip6 become `routes`.
 *
 * Return: 0, or -1 with CNI_ERR_DECODE (unknown version: CNI_ERR_VERSION).
 */
int result_parse(const cJSON *json, enum cni_version version, const char *what,
		 struct cni_result *result, struct cni_error *err);

/* Instead of an index: the list as a whole, or any of its entries. */
#define RESULT_WHOLE (-1)
#define RESULT_ANY (-2)

/**
 * result_require() - refuse a member that came and cannot be used.
 * @list:  "interfaces", "ips", "routes", "dns"
 * @index: of the entry, or RESULT_WHOLE or RESULT_ANY
 * @key:   the entry's member; NULL: any member that is read
 *
 * A fault of a list counts as a fault of each of its entries, and a fault of an entry as one of
 * each of its members.
 *
 * Return: 0, also when there is no such member; or -1 CNI_ERR_DECODE with a message that names the
 * member: "prevResult: ips[1].address is ...".
 */
int result_require(const struct cni_result *result, const char *list, int index, const char *key,
		   struct cni_error *err);

/**
 * result_print() - print the result in the form of a version.
 * @out: a new tree, owned by the caller, with a cniVersion
 *
 * A result that was read and not changed is printed in its own version as it came: every member,
 * null and empty ones too, in the same order, and numbers with every digit.
 *
 * Up to 0.2.0 only the first address of each family has a place (ip4, ip6), with the routes of its
 * family, and interfaces have none. When we have added nothing to interfaces, ips, routes or dns,
 * such a member is left out unless it came.
 *
 * Return: 0, or -1 out of memory.
 */
int result_print(const struct cni_result *result, enum cni_version version, cJSON **out,
		 struct cni_error *err);

/*
 * Append one zero-filled element (a number is -1 where that means "not given"). The result frees
 * the element's strings, so they are copies (strdup(3)). Return: the element, valid until the next
 * one is appended to the same list, or NULL out of memory.
 */
struct cni_interface *result_add_interface(struct cni_result *result);
struct cni_ip *result_add_ip(struct cni_result *result);
struct cni_route *result_add_route(struct cni_result *result);

/**
 * result_find_interface() - find the interface of an attachment.
 * @name:    CNI_IFNAME
 * @sandbox: CNI_NETNS, compared as text; NULL: any sandbox, and the first interface of that name
 *
 * Return: its index, or -1.
 */
int result_find_interface(const struct cni_result *result, const char *name, const char *sandbox);

/**
 * result_cached_netns() - the path of the namespace in an entry of libcni's result cache.
 * @cached: the entry, of kind cniCacheV1
 *
 * It is the entry's member netns. libcni up to 1.1.2 (Podman 4, containerd 1.6) does not write that
 * member; then it is the sandbox of the interface ifName in the cached result.
 *
 * Return: the path, part of @cached, or NULL when neither is given (results up to 0.2.0).
 */
const char *result_cached_netns(const cJSON *cached);

#endif
