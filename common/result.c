// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One model, seven versions: parsing turns each form into the newest one, printing turns it back.
 * A table for each object says which version defines which members; the rest is `extra`. What a
 * conversion keeps and what it drops follows the converters of the reference library
 * (pkg/types/020, 040 and 100), so that a chain may mix these plugins with those.
 */
#include "result.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "conf.h"

struct member {
	const char *name;
	enum cni_version first;
	enum cni_version last;
};

static const struct member result_members[] = {
	{"cniVersion", CNI_0_1_0, CNI_VERSION_LATEST},
	{"interfaces", CNI_0_3_0, CNI_VERSION_LATEST},
	{"ips", CNI_0_3_0, CNI_VERSION_LATEST},
	{"routes", CNI_0_3_0, CNI_VERSION_LATEST},
	{"dns", CNI_0_1_0, CNI_VERSION_LATEST},
	{"ip4", CNI_0_1_0, CNI_0_2_0},
	{"ip6", CNI_0_1_0, CNI_0_2_0},
	{.name = NULL},
};

static const struct member interface_members[] = {
	{"name", CNI_0_3_0, CNI_VERSION_LATEST},
	{"mac", CNI_0_3_0, CNI_VERSION_LATEST},
	{"mtu", CNI_1_1_0, CNI_VERSION_LATEST},
	{"sandbox", CNI_0_3_0, CNI_VERSION_LATEST},
	{"socketPath", CNI_1_1_0, CNI_VERSION_LATEST},
	{"pciID", CNI_1_1_0, CNI_VERSION_LATEST},
	{.name = NULL},
};

/* An entry of ips; up to 0.2.0, the object ip4 or ip6. */
static const struct member ip_members[] = {
	{"address", CNI_0_3_0, CNI_VERSION_LATEST},
	{"gateway", CNI_0_1_0, CNI_VERSION_LATEST},
	{"interface", CNI_0_3_0, CNI_VERSION_LATEST},
	{"version", CNI_0_3_0, CNI_0_4_0},
	{"ip", CNI_0_1_0, CNI_0_2_0},
	{"routes", CNI_0_1_0, CNI_0_2_0},
	{.name = NULL},
};

static const struct member route_members[] = {
	{"dst", CNI_0_1_0, CNI_VERSION_LATEST},      {"gw", CNI_0_1_0, CNI_VERSION_LATEST},
	{"mtu", CNI_1_1_0, CNI_VERSION_LATEST},      {"advmss", CNI_1_1_0, CNI_VERSION_LATEST},
	{"priority", CNI_1_1_0, CNI_VERSION_LATEST}, {"table", CNI_1_1_0, CNI_VERSION_LATEST},
	{"scope", CNI_1_1_0, CNI_VERSION_LATEST},    {.name = NULL},
};

static const struct member dns_members[] = {
	{"nameservers", CNI_0_1_0, CNI_VERSION_LATEST},
	{"domain", CNI_0_1_0, CNI_VERSION_LATEST},
	{"search", CNI_0_1_0, CNI_VERSION_LATEST},
	{"options", CNI_0_1_0, CNI_VERSION_LATEST},
	{.name = NULL},
};

static bool is_defined(const struct member *members, const char *name, enum cni_version version)
{
	for (; members->name; members++) {
		if (strcmp(members->name, name) == 0)
			return version >= members->first && version <= members->last;
	}
	return false;
}

void result_free(struct cni_result *result)
{
	for (size_t i = 0; i < result->n_interfaces; i++) {
		struct cni_interface *interface = &result->interfaces[i];

		free(interface->name);
		free(interface->mac);
		free(interface->sandbox);
		free(interface->socket_path);
		free(interface->pci_id);
		cJSON_Delete(interface->extra);
	}
	for (size_t i = 0; i < result->n_ips; i++) {
		free(result->ips[i].address);
		free(result->ips[i].gateway);
		cJSON_Delete(result->ips[i].extra);
	}
	for (size_t i = 0; i < result->n_routes; i++) {
		free(result->routes[i].dst);
		free(result->routes[i].gw);
		cJSON_Delete(result->routes[i].extra);
	}
	free(result->interfaces);
	free(result->ips);
	free(result->routes);
	cJSON_Delete(result->dns.nameservers);
	free(result->dns.domain);
	cJSON_Delete(result->dns.search);
	cJSON_Delete(result->dns.options);
	cJSON_Delete(result->dns.extra);
	cJSON_Delete(result->extra);
	*result = (struct cni_result){0};
}

/* A list's room is the power of two at or above its length: it need not be stored. */
static void *make_room(void *list, size_t n, size_t size)
{
	if (n & (n - 1))
		return list;
	return reallocarray(list, n ? 2 * n : 1, size);
}

struct cni_interface *result_add_interface(struct cni_result *result)
{
	struct cni_interface *list =
		make_room(result->interfaces, result->n_interfaces, sizeof(*list));

	if (!list)
		return NULL;
	result->interfaces = list;
	list += result->n_interfaces++;
	*list = (struct cni_interface){0};
	return list;
}

struct cni_ip *result_add_ip(struct cni_result *result)
{
	struct cni_ip *list = make_room(result->ips, result->n_ips, sizeof(*list));

	if (!list)
		return NULL;
	result->ips = list;
	list += result->n_ips++;
	*list = (struct cni_ip){.interface = -1};
	return list;
}

struct cni_route *result_add_route(struct cni_result *result)
{
	struct cni_route *list = make_room(result->routes, result->n_routes, sizeof(*list));

	if (!list)
		return NULL;
	result->routes = list;
	list += result->n_routes++;
	*list = (struct cni_route){
		.mtu = -1, .advmss = -1, .priority = -1, .table = -1, .scope = -1};
	return list;
}

int result_find_interface(const struct cni_result *result, const char *name, const char *sandbox)
{
	for (size_t i = 0; i < result->n_interfaces; i++) {
		const struct cni_interface *interface = &result->interfaces[i];

		if (!interface->name || strcmp(interface->name, name) != 0)
			continue;
		if (!sandbox || (interface->sandbox && strcmp(interface->sandbox, sandbox) == 0))
			return (int)i;
	}
	return -1;
}

const char *result_cached_netns(const cJSON *cached)
{
	const char *netns = cJSON_GetStringValue(json_get(cached, "netns"));
	const char *ifname = cJSON_GetStringValue(json_get(cached, "ifName"));
	const cJSON *interface;

	if (netns || !ifname)
		return netns;
	cJSON_ArrayForEach (interface, json_get(json_get(cached, "result"), "interfaces")) {
		const char *name = cJSON_GetStringValue(json_get(interface, "name"));
		const char *sandbox = cJSON_GetStringValue(json_get(interface, "sandbox"));

		/* A host's end may have the same name; its sandbox is "" or left out. */
		if (name && strcmp(name, ifname) == 0 && sandbox && sandbox[0] == '/')
			return sandbox;
	}
	return NULL;
}

/*
 * Reading. Paths in messages ("ips[1].") grow on the way down; the name of the whole and the code
 * are put right once, in result_parse().
 */
struct reader {
	struct cni_result *result;
	enum cni_version version;
	int family; /* that addresses must be of: inside ip4 and ip6; 0: either */
	struct cni_error *err;
};

#define PATH_MAX_BYTES 48 /* "interfaces[4095]." and "dns.nameservers[4095]" fit */

static int keep_unknown(const struct reader *r, const cJSON *json, const struct member *members,
			cJSON **extra)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, json) {
		cleanup_json cJSON *copy = NULL;

		if (is_defined(members, item->string, r->version))
			continue;
		if (!*extra && !(*extra = cJSON_CreateObject()))
			return cni_error_nomem(r->err);
		copy = cJSON_Duplicate(item, true);
		/* The copy has its key already; cJSON_AddItemToObject() would copy it again. */
		if (!cJSON_AddItemToArray(*extra, copy))
			return cni_error_nomem(r->err);
		copy = NULL;
	}
	return 0;
}

static int read_optional(const struct reader *r, const cJSON *json, const char *path,
			 const char *key, char **out)
{
	const char *text = "";

	if (conf_get_string(json, path, key, &text, r->err) < 0)
		return -1;
	if (!*text)
		return 0;
	*out = strdup(text);
	return *out ? 0 : cni_error_nomem(r->err);
}

static int read_required(const struct reader *r, const cJSON *json, const char *path,
			 const char *key, char **out)
{
	const char *text = NULL;

	if (conf_get_string(json, path, key, &text, r->err) < 0)
		return -1;
	if (!text)
		return conf_wrong(NULL, path, key, "a string", r->err);
	*out = strdup(text);
	return *out ? 0 : cni_error_nomem(r->err);
}

static int read_prefix(const struct reader *r, const cJSON *json, const char *path, const char *key,
		       char **out, int *family)
{
	const char *allowed = r->family == AF_INET    ? "an IPv4 address/prefix length"
			      : r->family == AF_INET6 ? "an IPv6 address/prefix length"
						      : "an address/prefix length";
	struct ip_prefix prefix;

	if (read_required(r, json, path, key, out) < 0)
		return -1;
	if (ip_prefix_parse(*out, &prefix) < 0 || (r->family && prefix.address.family != r->family))
		return conf_wrong(json_get(json, key), path, key, allowed, r->err);
	if (family)
		*family = prefix.address.family;
	return 0;
}

static int read_address(const struct reader *r, const cJSON *json, const char *path,
			const char *key, char **out)
{
	struct ip_address address;

	if (read_optional(r, json, path, key, out) < 0)
		return -1;
	if (*out && ip_address_parse(*out, &address) < 0)
		return conf_wrong(json_get(json, key), path, key, "an IP address", r->err);
	return 0;
}

typedef int read_entry(const struct reader *r, const cJSON *entry, const char *path);

static int get_list(const struct reader *r, const cJSON *json, const char *path, const char *key,
		    const cJSON **list)
{
	if (conf_get_array(json, path, key, list, r->err) < 0)
		return -1;
	if (cJSON_GetArraySize(*list) > RESULT_MAX_ENTRIES)
		return cni_error(r->err, CNI_ERR_DECODE, "%s%s has more than %d entries", path, key,
				 RESULT_MAX_ENTRIES);
	return 0;
}

static int read_list(const struct reader *r, const cJSON *json, const char *path, const char *key,
		     read_entry *read_one)
{
	const cJSON *list = NULL;
	const cJSON *entry;
	unsigned int i = 0;

	if (get_list(r, json, path, key, &list) < 0)
		return -1;
	cJSON_ArrayForEach (entry, list) {
		char name[PATH_MAX_BYTES];
		char inside[PATH_MAX_BYTES + 1];

		snprintf(name, sizeof(name), "%s%s[%u]", path, key, i++);
		if (!cJSON_IsObject(entry))
			return conf_wrong(entry, "", name, "an object", r->err);
		snprintf(inside, sizeof(inside), "%s.", name);
		if (read_one(r, entry, inside) < 0)
			return -1;
	}
	return 0;
}

/* 6 octets (Ethernet), 8 (EUI-64) or 20 (InfiniBand): a chain may hold other plugins' links. */
static bool is_hardware_address(const char *text)
{
	const size_t len = strlen(text);

	if (len != 17 && len != 23 && len != 59)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (i % 3 == 2 ? text[i] != text[2] : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return text[2] == ':' || text[2] == '-';
}

static int read_interface(const struct reader *r, const cJSON *json, const char *path)
{
	struct cni_interface *interface = result_add_interface(r->result);
	int64_t mtu = 0;

	if (!interface)
		return cni_error_nomem(r->err);
	if (read_required(r, json, path, "name", &interface->name) < 0 ||
	    read_optional(r, json, path, "mac", &interface->mac) < 0 ||
	    read_optional(r, json, path, "sandbox", &interface->sandbox) < 0)
		return -1;
	if (interface->mac && !is_hardware_address(interface->mac))
		return conf_wrong(json_get(json, "mac"), path, "mac", "a hardware address", r->err);
	if (r->version >= CNI_1_1_0 &&
	    (conf_get_int(json, path, "mtu", 0, UINT32_MAX, &mtu, r->err) < 0 ||
	     read_optional(r, json, path, "socketPath", &interface->socket_path) < 0 ||
	     read_optional(r, json, path, "pciID", &interface->pci_id) < 0))
		return -1;
	interface->mtu = (uint32_t)mtu;
	return keep_unknown(r, json, interface_members, &interface->extra);
}

static int read_index(const struct reader *r, const cJSON *json, const char *path, int *out)
{
	const size_t n = r->result->n_interfaces;
	const cJSON *item = json_get(json, "interface");
	int64_t index = -1;

	if (item && n == 0)
		return conf_wrong(item, path, "interface", "left out: there are no interfaces",
				  r->err);
	if (conf_get_int(json, path, "interface", 0, (int64_t)n - 1, &index, r->err) < 0)
		return -1;
	*out = (int)index;
	return 0;
}

static int read_ip(const struct reader *r, const cJSON *json, const char *path)
{
	struct cni_ip *ip = result_add_ip(r->result);

	if (!ip)
		return cni_error_nomem(r->err);
	if (read_prefix(r, json, path, "address", &ip->address, &ip->family) < 0 ||
	    read_address(r, json, path, "gateway", &ip->gateway) < 0 ||
	    read_index(r, json, path, &ip->interface) < 0)
		return -1;
	if (r->version <= CNI_0_4_0) {
		const char *expected = ip->family == AF_INET ? "4" : "6";
		const char *version = "";

		if (conf_get_string(json, path, "version", &version, r->err) < 0)
			return -1;
		if (*version && strcmp(version, expected) != 0)
			return conf_wrong(json_get(json, "version"), path, "version",
					  ip->family == AF_INET ? "\"4\", as the address is"
								: "\"6\", as the address is",
					  r->err);
	}
	return keep_unknown(r, json, ip_members, &ip->extra);
}

static int read_route(const struct reader *r, const cJSON *json, const char *path)
{
	struct cni_route *route = result_add_route(r->result);

	if (!route)
		return cni_error_nomem(r->err);
	if (read_prefix(r, json, path, "dst", &route->dst, NULL) < 0 ||
	    read_address(r, json, path, "gw", &route->gw) < 0)
		return -1;
	if (r->version >= CNI_1_1_0) {
		const struct {
			const char *key;
			int64_t max;
			int64_t *out;
		} numbers[] = {
			{"mtu", UINT32_MAX, &route->mtu},
			{"advmss", UINT32_MAX, &route->advmss},
			{"priority", UINT32_MAX, &route->priority},
			{"table", UINT32_MAX, &route->table},
			{"scope", UINT8_MAX, &route->scope},
		};

		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
			if (conf_get_int(json, path, numbers[i].key, 0, numbers[i].max,
					 numbers[i].out, r->err) < 0)
				return -1;
		}
	}
	return keep_unknown(r, json, route_members, &route->extra);
}

/* ip4 or ip6 of 0.1.0 and 0.2.0. */
static int read_family(const struct reader *outer, const cJSON *json, int family)
{
	const char *key = family == AF_INET ? "ip4" : "ip6";
	struct reader inner = *outer;
	const struct reader *r = &inner;
	const cJSON *object = NULL;
	struct cni_ip *ip;
	char path[8];
	int found;

	inner.family = family;
	found = conf_get_object(json, "", key, &object, r->err);
	if (found <= 0)
		return found;
	ip = result_add_ip(r->result);
	if (!ip)
		return cni_error_nomem(r->err);
	snprintf(path, sizeof(path), "%s.", key);
	if (read_prefix(r, object, path, "ip", &ip->address, &ip->family) < 0 ||
	    read_address(r, object, path, "gateway", &ip->gateway) < 0 ||
	    keep_unknown(r, object, ip_members, &ip->extra) < 0)
		return -1;
	return read_list(r, object, path, "routes", read_route);
}

static int read_strings(const struct reader *r, const cJSON *json, const char *key, cJSON **out)
{
	const cJSON *list = NULL;
	const cJSON *entry;
	unsigned int i = 0;

	if (get_list(r, json, "dns.", key, &list) < 0)
		return -1;
	cJSON_ArrayForEach (entry, list) {
		char name[PATH_MAX_BYTES];

		snprintf(name, sizeof(name), "%s[%u]", key, i++);
		if (!cJSON_IsString(entry))
			return conf_wrong(entry, "dns.", name, "a string", r->err);
	}
	if (i == 0)
		return 0;
	*out = cJSON_Duplicate(list, true);
	return *out ? 0 : cni_error_nomem(r->err);
}

static int read_dns(const struct reader *r, const cJSON *json)
{
	struct cni_dns *dns = &r->result->dns;
	const cJSON *object = NULL;
	const int found = conf_get_object(json, "", "dns", &object, r->err);

	if (found <= 0)
		return found;
	if (read_strings(r, object, "nameservers", &dns->nameservers) < 0 ||
	    read_optional(r, object, "dns.", "domain", &dns->domain) < 0 ||
	    read_strings(r, object, "search", &dns->search) < 0 ||
	    read_strings(r, object, "options", &dns->options) < 0)
		return -1;
	return keep_unknown(r, object, dns_members, &dns->extra);
}

static int read_version(struct reader *r, const cJSON *json)
{
	const char *text = "";

	if (conf_get_string(json, "", "cniVersion", &text, r->err) < 0)
		return -1;
	if (*text && cni_version_parse(text, &r->version) < 0) {
		conf_wrong(json_get(json, "cniVersion"), "", "cniVersion",
			   "a version from 0.1.0 to 1.1.0 of the CNI spec", r->err);
		r->err->code = CNI_ERR_VERSION;
		return -1;
	}
	return 0;
}

static int read_result(struct reader *r, const cJSON *json)
{
	if (read_version(r, json) < 0)
		return -1;
	if (r->version <= CNI_0_2_0) {
		if (read_family(r, json, AF_INET) < 0 || read_family(r, json, AF_INET6) < 0)
			return -1;
	} else {
		/* Interfaces first: an index into them is checked. */
		if (read_list(r, json, "", "interfaces", read_interface) < 0 ||
		    read_list(r, json, "", "ips", read_ip) < 0 ||
		    read_list(r, json, "", "routes", read_route) < 0)
			return -1;
	}
	if (read_dns(r, json) < 0)
		return -1;
	return keep_unknown(r, json, result_members, &r->result->extra);
}

int result_parse(const cJSON *json, enum cni_version version, const char *what,
		 struct cni_result *result, struct cni_error *err)
{
	struct reader r = {.result = result, .version = version, .err = err};
	int rc;

	*result = (struct cni_result){0};
	if (cJSON_IsObject(json)) {
		rc = read_result(&r, json);
		if (rc < 0)
			cni_error_wrap(err, "%s", what);
	} else {
		rc = conf_wrong(json, "", what, "an object", err);
	}
	if (rc < 0 && err->code == CNI_ERR_CONFIG)
		err->code = CNI_ERR_DECODE;
	return rc;
}

/*
 * Printing. The put_*() and print_*() functions fail only for want of memory; an item that could
 * not be made (NULL) is refused by whoever is to hold it, so only the last step is checked.
 */
static int put(cJSON *object, const char *key, cJSON *item)
{
	/* Not a copy of the key: each is a literal. */
	if (cJSON_AddItemToObjectCS(object, key, item))
		return 0;
	cJSON_Delete(item);
	return -1;
}

static int append(cJSON *array, cJSON *item)
{
	if (cJSON_AddItemToArray(array, item))
		return 0;
	cJSON_Delete(item);
	return -1;
}

static int put_string(cJSON *object, const char *key, const char *text)
{
	return text ? put(object, key, cJSON_CreateString(text)) : 0;
}

static int put_number(cJSON *object, const char *key, int64_t number)
{
	return number >= 0 ? put(object, key, cJSON_CreateNumber((double)number)) : 0;
}

static int put_copy(cJSON *object, const char *key, const cJSON *list)
{
	return list ? put(object, key, json_copy(list)) : 0;
}

/* Leaves a list out when it has no entries. */
static int put_unless_empty(cJSON *object, const char *key, cJSON *item)
{
	if (item && !item->child) {
		cJSON_Delete(item);
		return 0;
	}
	return put(object, key, item);
}

/*
 * What the version defines is the result's own to say, or not to say: an `interfaces` that 0.2.0
 * knows nothing of must not become one in 1.0.0, unchecked.
 */
static int put_extra(cJSON *object, const cJSON *extra, const struct member *members,
		     enum cni_version version)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, extra) {
		/* The copy has its key already; cJSON_AddItemToObject() would copy it again. */
		if (!is_defined(members, item->string, version) &&
		    append(object, json_copy(item)) < 0)
			return -1;
	}
	return 0;
}

static int text_family(const char *text)
{
	return text && strchr(text, ':') ? AF_INET6 : AF_INET;
}

static cJSON *print_interface(const struct cni_interface *interface, enum cni_version version)
{
	cleanup_json cJSON *out = cJSON_CreateObject();

	if (!out || put_string(out, "name", interface->name) < 0 ||
	    put_string(out, "mac", interface->mac) < 0)
		return NULL;
	if (version >= CNI_1_1_0 && interface->mtu && put_number(out, "mtu", interface->mtu) < 0)
		return NULL;
	if (put_string(out, "sandbox", interface->sandbox) < 0)
		return NULL;
	if (version >= CNI_1_1_0 && (put_string(out, "socketPath", interface->socket_path) < 0 ||
				     put_string(out, "pciID", interface->pci_id) < 0))
		return NULL;
	if (put_extra(out, interface->extra, interface_members, version) < 0)
		return NULL;
	return take_ptr(out);
}

static cJSON *print_ip(const struct cni_ip *ip, enum cni_version version)
{
	cleanup_json cJSON *out = cJSON_CreateObject();

	if (!out)
		return NULL;
	if (version <= CNI_0_4_0 &&
	    put_string(out, "version", text_family(ip->address) == AF_INET ? "4" : "6") < 0)
		return NULL;
	if (put_number(out, "interface", ip->interface) < 0 ||
	    put_string(out, "address", ip->address) < 0 ||
	    put_string(out, "gateway", ip->gateway) < 0 ||
	    put_extra(out, ip->extra, ip_members, version) < 0)
		return NULL;
	return take_ptr(out);
}

static cJSON *print_route(const struct cni_route *route, enum cni_version version)
{
	cleanup_json cJSON *out = cJSON_CreateObject();

	if (!out || put_string(out, "dst", route->dst) < 0 || put_string(out, "gw", route->gw) < 0)
		return NULL;
	if (version >= CNI_1_1_0 && (put_number(out, "mtu", route->mtu) < 0 ||
				     put_number(out, "advmss", route->advmss) < 0 ||
				     put_number(out, "priority", route->priority) < 0 ||
				     put_number(out, "table", route->table) < 0 ||
				     put_number(out, "scope", route->scope) < 0))
		return NULL;
	if (put_extra(out, route->extra, route_members, version) < 0)
		return NULL;
	return take_ptr(out);
}

/* @family: only these; 0: all */
static int put_routes(cJSON *object, const struct cni_result *result, enum cni_version version,
		      int family)
{
	cleanup_json cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < result->n_routes; i++) {
		const struct cni_route *route = &result->routes[i];

		if (family && text_family(route->dst) != family)
			continue;
		if (append(list, print_route(route, version)) < 0)
			return -1;
	}
	return put_unless_empty(object, "routes", take_ptr(list));
}

static int put_interfaces(cJSON *object, const struct cni_result *result, enum cni_version version)
{
	cleanup_json cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < result->n_interfaces; i++) {
		if (append(list, print_interface(&result->interfaces[i], version)) < 0)
			return -1;
	}
	return put_unless_empty(object, "interfaces", take_ptr(list));
}

static int put_ips(cJSON *object, const struct cni_result *result, enum cni_version version)
{
	cleanup_json cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < result->n_ips; i++) {
		if (append(list, print_ip(&result->ips[i], version)) < 0)
			return -1;
	}
	return put_unless_empty(object, "ips", take_ptr(list));
}

/* ip4 or ip6 of 0.1.0 and 0.2.0: the first address of the family, and the family's routes. */
static int put_family(cJSON *object, const struct cni_result *result, enum cni_version version,
		      int family)
{
	cleanup_json cJSON *out = NULL;
	const struct cni_ip *ip = NULL;

	for (size_t i = 0; i < result->n_ips && !ip; i++) {
		if (text_family(result->ips[i].address) == family)
			ip = &result->ips[i];
	}
	if (!ip)
		return 0;
	out = cJSON_CreateObject();
	if (!out || put_string(out, "ip", ip->address) < 0 ||
	    put_string(out, "gateway", ip->gateway) < 0 ||
	    put_routes(out, result, version, family) < 0 ||
	    put_extra(out, ip->extra, ip_members, version) < 0)
		return -1;
	return put(object, family == AF_INET ? "ip4" : "ip6", take_ptr(out));
}

static int put_dns(cJSON *object, const struct cni_dns *dns, enum cni_version version)
{
	cleanup_json cJSON *out = cJSON_CreateObject();

	if (!out || put_copy(out, "nameservers", dns->nameservers) < 0 ||
	    put_string(out, "domain", dns->domain) < 0 ||
	    put_copy(out, "search", dns->search) < 0 ||
	    put_copy(out, "options", dns->options) < 0 ||
	    put_extra(out, dns->extra, dns_members, version) < 0)
		return -1;
	return put_unless_empty(object, "dns", take_ptr(out));
}

static cJSON *print_result(const struct cni_result *result, enum cni_version version)
{
	cleanup_json cJSON *out = cJSON_CreateObject();

	if (!out || put_string(out, "cniVersion", cni_version_name(version)) < 0)
		return NULL;
	if (version <= CNI_0_2_0) {
		if (put_family(out, result, version, AF_INET) < 0 ||
		    put_family(out, result, version, AF_INET6) < 0)
			return NULL;
	} else {
		if (put_interfaces(out, result, version) < 0 || put_ips(out, result, version) < 0 ||
		    put_routes(out, result, version, 0) < 0)
			return NULL;
	}
	if (put_dns(out, &result->dns, version) < 0 ||
	    put_extra(out, result->extra, result_members, version) < 0)
		return NULL;
	return take_ptr(out);
}

int result_print(const struct cni_result *result, enum cni_version version, cJSON **out,
		 struct cni_error *err)
{
	*out = print_result(result, version);
	return *out ? 0 : cni_error_nomem(err);
}
