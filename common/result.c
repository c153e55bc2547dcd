/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One model for seven versions. Parsing keeps the whole of each form and reads the members that are
 * used; printing turns what was kept into the form that is asked for. A table for each object says
 * which version defines which members. What a conversion keeps and what it drops follows the
 * converters of the reference library (pkg/types/020, 040 and 100), so that a chain may mix these
 * plugins with the reference plugins.
 *
 * There are two designs for a member that cannot be used. The first, used in the past, refuses it.
 * Then a plugin that is chained behind the AWS one (a VLAN's number as `mac`, "0" as `sandbox`)
 * keeps every pod of the cluster from starting, for members that nobody reads. The second, used
 * now, keeps the sentence with which the member would have been refused, until somebody needs it.
 */
#include "result.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "array.h"
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

static const struct member *find_member(const struct member *members, const char *name)
{
	while (members->name != NULL && strcmp(members->name, name) != 0)
		members++;
	return members->name != NULL ? members : NULL;
}

static bool is_defined(const struct member *member, enum cni_version version)
{
	return member != NULL && version >= member->first && version <= member->last;
}

/* A member that cannot be used, and why. */
struct result_fault {
	const char *list; /* static storage */
	int index;        /* RESULT_WHOLE: the list itself */
	const char *key;  /* static storage; NULL: the entry itself */
	char *text;
};

void result_free(struct cni_result *result)
{
	for (size_t i = 0; i < result->n_interfaces; i++) {
		struct cni_interface *interface = &result->interfaces[i];

		free(interface->name);
		free(interface->mac);
		free(interface->sandbox);
		free(interface->socket_path);
		cJSON_Delete(interface->raw);
	}
	for (size_t i = 0; i < result->n_ips; i++) {
		free(result->ips[i].address);
		free(result->ips[i].gateway);
		cJSON_Delete(result->ips[i].raw);
	}
	for (size_t i = 0; i < result->n_routes; i++) {
		free(result->routes[i].dst);
		free(result->routes[i].gw);
		cJSON_Delete(result->routes[i].raw);
	}
	for (size_t i = 0; i < result->n_faults; i++)
		free(result->faults[i].text);
	free(result->interfaces);
	free(result->ips);
	free(result->routes);
	free(result->faults);
	cJSON_Delete(result->dns.nameservers);
	free(result->dns.domain);
	cJSON_Delete(result->dns.search);
	cJSON_Delete(result->dns.options);
	cJSON_Delete(result->raw);
	*result = (struct cni_result){0};
}

struct cni_interface *result_add_interface(struct cni_result *result)
{
	struct cni_interface *new;

	if (!array_reserve(result->interfaces, result->room.interfaces, result->n_interfaces, 1))
		return NULL;
	new = &result->interfaces[result->n_interfaces++];
	*new = (struct cni_interface){0};
	return new;
}

struct cni_ip *result_add_ip(struct cni_result *result)
{
	struct cni_ip *new;

	if (!array_reserve(result->ips, result->room.ips, result->n_ips, 1))
		return NULL;
	new = &result->ips[result->n_ips++];
	*new = (struct cni_ip){.interface = -1};
	return new;
}

struct cni_route *result_add_route(struct cni_result *result)
{
	struct cni_route *new;

	if (!array_reserve(result->routes, result->room.routes, result->n_routes, 1))
		return NULL;
	new = &result->routes[result->n_routes++];
	*new = (struct cni_route){.table = -1};
	return new;
}

int result_find_interface(const struct cni_result *result, const char *name, const char *sandbox)
{
	for (size_t i = 0; i < result->n_interfaces; i++) {
		const struct cni_interface *interface = &result->interfaces[i];

		if (interface->name == NULL || strcmp(interface->name, name) != 0)
			continue;
		if (sandbox == NULL ||
		    (interface->sandbox != NULL && strcmp(interface->sandbox, sandbox) == 0))
			return (int)i;
	}
	return -1;
}

const char *result_cached_netns(const cJSON *cached)
{
	const char *netns = cJSON_GetStringValue(json_get(cached, "netns"));
	const char *ifname = cJSON_GetStringValue(json_get(cached, "ifName"));
	const cJSON *interface;

	if (netns != NULL || ifname == NULL)
		return netns;
	cJSON_ArrayForEach (interface, json_get(json_get(cached, "result"), "interfaces")) {
		const char *name = cJSON_GetStringValue(json_get(interface, "name"));
		const char *sandbox = cJSON_GetStringValue(json_get(interface, "sandbox"));

		/* The host's end of a veth may have the same name; it has no sandbox, or "". */
		if (name != NULL && strcmp(name, ifname) == 0 && sandbox != NULL &&
		    sandbox[0] == '/')
			return sandbox;
	}
	return NULL;
}

/*
 * Reading. These functions fail only when memory is short; a member that is wrong is noted as a
 * fault, and counts as absent.
 */
struct reader {
	struct cni_result *result;
	const char *what;
	enum cni_version version;
	struct cni_error *err;
	/* What is being read: */
	const char *list; /* the list, as result_require() calls it */
	int index;
	const char *prefix; /* put before the list in messages: "", "ip4." or "ip6." */
};

#define PATH_MAX_BYTES 48 /* "interfaces[4095]." fits */

/* What messages call the object that is read: "ips[1].", "ip4.". */
static const char *object_path(const struct reader *r, char buf[PATH_MAX_BYTES])
{
	if (*r->prefix && strcmp(r->list, "ips") == 0)
		return r->prefix;
	snprintf(buf, PATH_MAX_BYTES, "%s%s[%d].", r->prefix, r->list, r->index);
	return buf;
}

static int note(const struct reader *r, int index, const char *key, const struct cni_error *fault)
{
	struct cni_result *result = r->result;
	char *text = NULL;

	if (!array_reserve(result->faults, result->room.faults, result->n_faults, 1) ||
	    asprintf(&text, "%s: %s", r->what, fault->msg) < 0)
		return cni_error_nomem(r->err);
	result->faults[result->n_faults++] =
		(struct result_fault){.list = r->list, .index = index, .key = key, .text = text};
	return 0;
}

static int read_text(const struct reader *r, const cJSON *json, const char *key, char **out)
{
	struct cni_error fault = {0};
	const char *text = "";
	char path[PATH_MAX_BYTES];

	if (conf_get_string(json, object_path(r, path), key, &text, &fault) < 0)
		return note(r, r->index, key, &fault);
	if (!*text)
		return 0;
	*out = strdup(text);
	return *out != NULL ? 0 : cni_error_nomem(r->err);
}

static int read_number(const struct reader *r, const cJSON *json, const char *key, int64_t max,
		       int64_t *out)
{
	struct cni_error fault = {0};
	char path[PATH_MAX_BYTES];

	if (conf_get_int(json, object_path(r, path), key, 0, max, out, &fault) < 0)
		return note(r, r->index, key, &fault);
	return 0;
}

/* @json_key: the name of the member @key in this form. @family: receives the family; when it is not
 * 0 before, the prefix must be of that family. */
static int read_prefix(const struct reader *r, const cJSON *json, const char *json_key,
		       const char *key, char **out, int *family)
{
	const char *allowed = *family == AF_INET    ? "an IPv4 address/prefix length"
			      : *family == AF_INET6 ? "an IPv6 address/prefix length"
						    : "an address/prefix length";
	const cJSON *item = json_get(json, json_key);
	struct cni_error fault = {0};
	struct ip_prefix prefix;
	char path[PATH_MAX_BYTES];

	if (cJSON_IsString(item) && ip_prefix_parse(item->valuestring, &prefix) == 0 &&
	    (*family == 0 || *family == prefix.address.family)) {
		*family = prefix.address.family;
		*out = strdup(item->valuestring);
		return *out != NULL ? 0 : cni_error_nomem(r->err);
	}
	conf_wrong(item, object_path(r, path), json_key, allowed, &fault);
	return note(r, r->index, key, &fault);
}

static int result_read_address(const struct reader *r, const cJSON *json, const char *key,
			       char **out)
{
	struct cni_error fault = {0};
	struct ip_address address;
	char path[PATH_MAX_BYTES];

	if (read_text(r, json, key, out) < 0)
		return -1;
	if (*out == NULL || ip_address_parse(*out, &address) == 0)
		return 0;
	free(take_ptr(*out));
	conf_wrong(json_get(json, key), object_path(r, path), key, "an IP address", &fault);
	return note(r, r->index, key, &fault);
}

/* Return: 1 an object, 0 another value, which is noted as a fault, -1 out of memory. */
static int is_object(const struct reader *r, const cJSON *entry)
{
	struct cni_error fault = {0};
	char name[PATH_MAX_BYTES];

	if (cJSON_IsObject(entry))
		return 1;
	object_path(r, name);
	name[strlen(name) - 1] = '\0'; /* the dot */
	conf_wrong(entry, "", name, "an object", &fault);
	return note(r, r->index, NULL, &fault);
}

/* Read one entry, which the function then owns. */
typedef int read_entry(const struct reader *r, cJSON *entry);

/* Take the entries out of the object's list @name. A value that is not a list stays where it is. */
static int result_read_list(struct reader *r, const cJSON *json, const char *name,
			    read_entry *read_one)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(json, name);
	struct cni_error fault = {0};

	r->list = name;
	r->index = 0;
	if (list == NULL || cJSON_IsNull(list))
		return 0;
	if (!cJSON_IsArray(list)) {
		conf_wrong(list, r->prefix, name, "an array", &fault);
		return note(r, RESULT_WHOLE, NULL, &fault);
	}
	if (cJSON_GetArraySize(list) > RESULT_MAX_ENTRIES) {
		cni_error(&fault, CNI_ERR_DECODE, "%s%s has more than %d entries", r->prefix, name,
			  RESULT_MAX_ENTRIES);
		return note(r, RESULT_WHOLE, NULL, &fault);
	}
	for (; list->child != NULL; r->index++) {
		cJSON *entry = cJSON_DetachItemViaPointer(list, list->child);

		if (read_one(r, entry) < 0)
			return -1;
	}
	return 0;
}

static int read_name(const struct reader *r, const cJSON *entry, char **out)
{
	const cJSON *item = json_get(entry, "name");
	struct cni_error fault = {0};
	char path[PATH_MAX_BYTES];

	if (cJSON_IsString(item) && *item->valuestring) {
		*out = strdup(item->valuestring);
		return *out != NULL ? 0 : cni_error_nomem(r->err);
	}
	conf_wrong(item, object_path(r, path), "name", "a name", &fault);
	return note(r, r->index, "name", &fault);
}

static int read_interface(const struct reader *r, cJSON *entry)
{
	struct cni_interface *interface = result_add_interface(r->result);
	int64_t mtu = 0;
	int usable;

	if (interface == NULL) {
		cJSON_Delete(entry);
		return cni_error_nomem(r->err);
	}
	interface->raw = entry;
	usable = is_object(r, entry);
	if (usable <= 0)
		return usable;
	if (read_name(r, entry, &interface->name) < 0 ||
	    read_text(r, entry, "mac", &interface->mac) < 0 ||
	    read_text(r, entry, "sandbox", &interface->sandbox) < 0 ||
	    read_text(r, entry, "socketPath", &interface->socket_path) < 0)
		return -1;
	if (r->version >= CNI_1_1_0 && read_number(r, entry, "mtu", UINT32_MAX, &mtu) < 0)
		return -1;
	interface->mtu = (uint32_t)mtu;
	return 0;
}

/* The interfaces have been read before, so an index into them can be checked. */
static int read_index(const struct reader *r, const cJSON *entry, int *out)
{
	const size_t n = r->result->n_interfaces;
	const cJSON *item = json_get(entry, "interface");
	struct cni_error fault = {0};
	char path[PATH_MAX_BYTES];
	int64_t index = -1;

	if (item != NULL && n == 0)
		conf_wrong(item, object_path(r, path), "interface",
			   "left out: there are no interfaces", &fault);
	else if (conf_get_int(entry, object_path(r, path), "interface", 0, (int64_t)n - 1, &index,
			      &fault) >= 0)
		fault.code = 0;
	*out = fault.code ? RESULT_NOWHERE : (int)index;
	return fault.code ? note(r, r->index, "interface", &fault) : 0;
}

/* Read an entry of ips; up to 0.2.0, the object ip4 or ip6. @family: of that object; 0 for an entry
 * of ips. */
static int read_address_entry(const struct reader *r, cJSON *entry, int family)
{
	struct cni_ip *ip = result_add_ip(r->result);
	int usable;

	if (ip == NULL) {
		cJSON_Delete(entry);
		return cni_error_nomem(r->err);
	}
	ip->raw = entry;
	ip->family = family;
	usable = is_object(r, entry);
	if (usable <= 0)
		return usable;
	if (read_prefix(r, entry, family ? "ip" : "address", "address", &ip->address, &ip->family) <
		    0 ||
	    result_read_address(r, entry, "gateway", &ip->gateway) < 0)
		return -1;
	return family ? 0 : read_index(r, entry, &ip->interface);
}

static int read_ip(const struct reader *r, cJSON *entry)
{
	return read_address_entry(r, entry, 0);
}

static int read_route(const struct reader *r, cJSON *entry)
{
	struct cni_route *route = result_add_route(r->result);
	int usable;

	if (route == NULL) {
		cJSON_Delete(entry);
		return cni_error_nomem(r->err);
	}
	route->raw = entry;
	route->family = strcmp(r->prefix, "ip4.") == 0   ? AF_INET
			: strcmp(r->prefix, "ip6.") == 0 ? AF_INET6
							 : 0;
	usable = is_object(r, entry);
	if (usable <= 0)
		return usable;
	if (read_prefix(r, entry, "dst", "dst", &route->dst, &route->family) < 0 ||
	    result_read_address(r, entry, "gw", &route->gw) < 0)
		return -1;
	return r->version >= CNI_1_1_0 ? read_number(r, entry, "table", UINT32_MAX, &route->table)
				       : 0;
}

static const char *family_key(int family)
{
	return family == AF_INET ? "ip4" : "ip6";
}

/* Read ip4 or ip6 of 0.1.0 and 0.2.0. An empty object stays in its place. */
static int read_family(struct reader *r, const cJSON *json, int family)
{
	cJSON *object = cJSON_GetObjectItemCaseSensitive(json, family_key(family));
	struct cni_error fault = {0};
	cJSON *entry;

	r->list = "ips";
	r->index = (int)r->result->n_ips;
	r->prefix = family == AF_INET ? "ip4." : "ip6.";
	if (object == NULL || cJSON_IsNull(object))
		return 0;
	if (!cJSON_IsObject(object)) {
		conf_wrong(object, "", family_key(family), "an object", &fault);
		return note(r, RESULT_WHOLE, NULL, &fault);
	}
	entry = cJSON_CreateObject();
	if (entry == NULL)
		return cni_error_nomem(r->err);
	entry->child = take_ptr(object->child);
	if (read_address_entry(r, entry, family) < 0)
		return -1;
	return result_read_list(r, entry, "routes", read_route);
}

static int result_read_version(struct reader *r, const cJSON *json)
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

static int result_read(struct reader *r, const cJSON *json)
{
	const cJSON *dns = NULL;
	struct cni_error fault = {0};
	cJSON *raw;

	if (result_read_version(r, json) < 0)
		return -1;
	r->result->version = r->version;
	raw = r->result->raw = cJSON_Duplicate(json, true);
	if (raw == NULL)
		return cni_error_nomem(r->err);
	if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(raw, "cniVersion")))
		cJSON_DeleteItemFromObjectCaseSensitive(raw, "cniVersion");
	if (r->version <= CNI_0_2_0) {
		if (read_family(r, raw, AF_INET) < 0 || read_family(r, raw, AF_INET6) < 0)
			return -1;
	} else {
		if (result_read_list(r, raw, "interfaces", read_interface) < 0 ||
		    result_read_list(r, raw, "ips", read_ip) < 0 ||
		    result_read_list(r, raw, "routes", read_route) < 0)
			return -1;
	}
	r->list = "dns";
	if (conf_get_object(raw, "", "dns", &dns, &fault) < 0)
		return note(r, RESULT_WHOLE, NULL, &fault);
	return 0;
}

int result_parse(const cJSON *json, enum cni_version version, const char *what,
		 struct cni_result *result, struct cni_error *err)
{
	struct reader r = {
		.result = result, .what = what, .version = version, .err = err, .prefix = ""};
	int rc;

	*result = (struct cni_result){0};
	if (cJSON_IsObject(json)) {
		rc = result_read(&r, json);
		if (rc < 0)
			cni_error_wrap(err, "%s", what);
	} else {
		rc = conf_wrong(json, "", what, "an object", err);
	}
	if (rc < 0 && err->code == CNI_ERR_CONFIG)
		err->code = CNI_ERR_DECODE;
	return rc;
}

int result_require(const struct cni_result *result, const char *list, int index, const char *key,
		   struct cni_error *err)
{
	for (size_t i = 0; i < result->n_faults; i++) {
		const struct result_fault *fault = &result->faults[i];

		if (strcmp(fault->list, list) == 0 &&
		    (fault->index == RESULT_WHOLE || index == RESULT_ANY ||
		     fault->index == index) &&
		    (fault->key == NULL || key == NULL || strcmp(fault->key, key) == 0))
			return cni_error(err, CNI_ERR_DECODE, "%s", fault->text);
	}
	return 0;
}

/*
 * Printing. These functions fail only when memory is short. cJSON refuses to add an item that could
 * not be made (NULL), so only the last step is checked.
 */
static int result_put(cJSON *object, const char *key, cJSON *item)
{
	/* The key is not copied, because each is a literal. */
	if (cJSON_AddItemToObjectCS(object, key, item))
		return 0;
	cJSON_Delete(item);
	return -1;
}

static int result_append(cJSON *array, cJSON *item)
{
	if (cJSON_AddItemToArray(array, item))
		return 0;
	cJSON_Delete(item);
	return -1;
}

static int result_put_string(cJSON *object, const char *key, const char *text)
{
	return text != NULL ? result_put(object, key, cJSON_CreateString(text)) : 0;
}

static int put_number(cJSON *object, const char *key, int64_t number)
{
	return number >= 0 ? result_put(object, key, cJSON_CreateNumber((double)number)) : 0;
}

/* The name of a member in another version, or NULL when it is left out there. One member has
 * changed its name. */
static const char *name_in(const struct member *members, const char *name, enum cni_version from,
			   enum cni_version to)
{
	const struct member *member = find_member(members, name);
	const bool old = from <= CNI_0_2_0;

	if (members == ip_members && old != (to <= CNI_0_2_0) &&
	    strcmp(name, old ? "ip" : "address") == 0)
		return old ? "address" : "ip";
	return is_defined(member, from) == is_defined(member, to) ? name : NULL;
}

/*
 * Put what came into @out. A member that only one of the two versions defines is left out: an
 * `interfaces` that means nothing in 0.2.0 must not get a meaning in 1.0.0.
 */
static int put_raw(cJSON *out, const cJSON *raw, const struct member *members,
		   enum cni_version from, enum cni_version to)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, raw) {
		const char *name = name_in(members, item->string, from, to);

		if (name == NULL)
			continue;
		/* The copy has its key already; adding it to an object would copy it again. */
		if (name == item->string ? result_append(out, json_copy(item)) < 0
					 : result_put(out, name, json_copy(item)) < 0)
			return -1;
	}
	return 0;
}

/* A list in an object: the one that is there, or a new one when there is none or null. Return: NULL
 * out of memory. */
static cJSON *list_in(cJSON *object, const char *key)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);

	if (cJSON_IsArray(list))
		return list;
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	list = cJSON_CreateArray();
	return result_put(object, key, list) < 0 ? NULL : list;
}

/* The same for an object in an object. */
static cJSON *object_in(cJSON *object, const char *key)
{
	cJSON *inner = cJSON_GetObjectItemCaseSensitive(object, key);

	if (cJSON_IsObject(inner))
		return inner;
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	inner = cJSON_CreateObject();
	return result_put(object, key, inner) < 0 ? NULL : inner;
}

static int text_family(const char *text)
{
	return text == NULL ? 0 : strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
}

static int ip_family(const struct cni_ip *ip)
{
	return ip->family ?: text_family(ip->address);
}

static int route_family(const struct cni_route *route)
{
	return route->family ?: text_family(route->dst);
}

static cJSON *print_interface(const struct cni_result *result,
			      const struct cni_interface *interface, enum cni_version version)
{
	cleanup_json cJSON *out = NULL;

	if (interface->raw != NULL && !cJSON_IsObject(interface->raw))
		return json_copy(interface->raw);
	out = cJSON_CreateObject();
	if (out == NULL ||
	    put_raw(out, interface->raw, interface_members, result->version, version) < 0)
		return NULL;
	if (interface->raw != NULL)
		return take_ptr(out);
	if (result_put_string(out, "name", interface->name) < 0 ||
	    result_put_string(out, "mac", interface->mac) < 0)
		return NULL;
	if (version >= CNI_1_1_0 && interface->mtu && put_number(out, "mtu", interface->mtu) < 0)
		return NULL;
	if (result_put_string(out, "sandbox", interface->sandbox) < 0)
		return NULL;
	if (version >= CNI_1_1_0 &&
	    result_put_string(out, "socketPath", interface->socket_path) < 0)
		return NULL;
	return take_ptr(out);
}

static bool has_version(enum cni_version version)
{
	return is_defined(find_member(ip_members, "version"), version);
}

/* Put the members of an entry of ips; up to 0.2.0, of ip4 or ip6 without the routes. */
static int put_ip(cJSON *out, const struct cni_result *result, const struct cni_ip *ip,
		  enum cni_version version)
{
	const int family = ip_family(ip);

	if (has_version(version) && !(ip->raw != NULL && has_version(result->version)) &&
	    family != 0 && result_put_string(out, "version", family == AF_INET ? "4" : "6") < 0)
		return -1;
	if (ip->raw != NULL)
		return put_raw(out, ip->raw, ip_members, result->version, version);
	if (version >= CNI_0_3_0 && put_number(out, "interface", ip->interface) < 0)
		return -1;
	return result_put_string(out, version >= CNI_0_3_0 ? "address" : "ip", ip->address) < 0 ||
			       result_put_string(out, "gateway", ip->gateway) < 0
		       ? -1
		       : 0;
}

static cJSON *print_ip(const struct cni_result *result, const struct cni_ip *ip,
		       enum cni_version version)
{
	cleanup_json cJSON *out = NULL;

	if (ip->raw != NULL && !cJSON_IsObject(ip->raw))
		return json_copy(ip->raw);
	out = cJSON_CreateObject();
	return out != NULL && put_ip(out, result, ip, version) == 0 ? take_ptr(out) : NULL;
}

static cJSON *print_route(const struct cni_result *result, const struct cni_route *route,
			  enum cni_version version)
{
	cleanup_json cJSON *out = NULL;

	if (route->raw != NULL && !cJSON_IsObject(route->raw))
		return json_copy(route->raw);
	out = cJSON_CreateObject();
	if (out == NULL || put_raw(out, route->raw, route_members, result->version, version) < 0)
		return NULL;
	if (route->raw == NULL &&
	    (result_put_string(out, "dst", route->dst) < 0 ||
	     result_put_string(out, "gw", route->gw) < 0 ||
	     (version >= CNI_1_1_0 && put_number(out, "table", route->table) < 0)))
		return NULL;
	return take_ptr(out);
}

/* @family: put only the routes of this family; 0: put all. */
static int put_routes(cJSON *object, const struct cni_result *result, enum cni_version version,
		      int family)
{
	for (size_t i = 0; i < result->n_routes; i++) {
		const struct cni_route *route = &result->routes[i];

		if (family && route_family(route) != family)
			continue;
		if (result_append(list_in(object, "routes"), print_route(result, route, version)) <
		    0)
			return -1;
	}
	return 0;
}

static int put_interfaces(cJSON *object, const struct cni_result *result, enum cni_version version)
{
	for (size_t i = 0; i < result->n_interfaces; i++) {
		if (result_append(list_in(object, "interfaces"),
				  print_interface(result, &result->interfaces[i], version)) < 0)
			return -1;
	}
	return 0;
}

static int put_ips(cJSON *object, const struct cni_result *result, enum cni_version version)
{
	for (size_t i = 0; i < result->n_ips; i++) {
		if (result_append(list_in(object, "ips"),
				  print_ip(result, &result->ips[i], version)) < 0)
			return -1;
	}
	return 0;
}

/* Put ip4 or ip6 of 0.1.0 and 0.2.0: the first address of the family, and the family's routes. */
static int put_family(cJSON *object, const struct cni_result *result, enum cni_version version,
		      int family)
{
	const struct cni_ip *ip = NULL;
	cJSON *out;

	for (size_t i = 0; i < result->n_ips && ip == NULL; i++) {
		if (ip_family(&result->ips[i]) == family)
			ip = &result->ips[i];
	}
	if (ip == NULL)
		return 0;
	out = object_in(object, family_key(family));
	return out == NULL || put_ip(out, result, ip, version) < 0 ||
			       put_routes(out, result, version, family) < 0
		       ? -1
		       : 0;
}

/* Put an item in the place of the member of the dns that came. */
static int put_over(cJSON *object, const char *key, cJSON *item)
{
	cJSON *dns = object_in(object, "dns");

	if (dns == NULL) {
		cJSON_Delete(item);
		return -1;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(dns, key);
	return result_put(dns, key, item);
}

static int put_dns(cJSON *object, const struct cni_dns *dns)
{
	if ((dns->nameservers != NULL &&
	     put_over(object, "nameservers", json_copy(dns->nameservers)) < 0) ||
	    (dns->domain != NULL &&
	     put_over(object, "domain", cJSON_CreateString(dns->domain)) < 0) ||
	    (dns->search != NULL && put_over(object, "search", json_copy(dns->search)) < 0) ||
	    (dns->options != NULL && put_over(object, "options", json_copy(dns->options)) < 0))
		return -1;
	return 0;
}

/* A new object with what came, and with cniVersion where it stood, or else first. */
static cJSON *print_raw(const struct cni_result *result, enum cni_version version)
{
	const char *name = cni_version_name(version);
	cleanup_json cJSON *out = cJSON_CreateObject();
	cJSON *stands;

	if (out == NULL)
		return NULL;
	if (!cJSON_IsString(json_get(result->raw, "cniVersion")) &&
	    result_put_string(out, "cniVersion", name) < 0)
		return NULL;
	if (put_raw(out, result->raw, result_members, result->version, version) < 0)
		return NULL;
	stands = cJSON_GetObjectItemCaseSensitive(out, "cniVersion");
	return strcmp(stands->valuestring, name) == 0 || cJSON_SetValuestring(stands, name) != NULL
		       ? take_ptr(out)
		       : NULL;
}

static cJSON *result_print_version(const struct cni_result *result, enum cni_version version)
{
	cleanup_json cJSON *out = print_raw(result, version);

	if (out == NULL)
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
	return put_dns(out, &result->dns) == 0 ? take_ptr(out) : NULL;
}

int result_print(const struct cni_result *result, enum cni_version version, cJSON **out,
		 struct cni_error *err)
{
	*out = result_print_version(result, version);
	return *out != NULL ? 0 : cni_error_nomem(err);
}
