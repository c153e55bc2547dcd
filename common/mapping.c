/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The form is CNI's convention (CONVENTIONS.md, "port mappings"), as runtimes use it. Podman leaves
 * hostIP empty. CRI-O and containerd spell the protocol as Kubernetes does, and containerd spells
 * the members as its Go structure does (HostPort, HostIP). Go's decoder, and therefore the
 * reference plugin, accepts a name in any case and ignores names that it does not know.
 */
#include "mapping.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "conf.h"

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

#define N_PROTOCOLS (sizeof(protocols) / sizeof(*protocols))

static int read_protocol(const char *text, const char *path, struct mapping *m,
			 struct cni_error *err)
{
	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		if (strcasecmp(text, protocols[i].name) == 0) {
			m->protocol = protocols[i].number;
			return 0;
		}
	}
	return cni_error(err, CNI_ERR_CONFIG, "%sprotocol: \"%.32s\" is none of tcp, udp and sctp",
			 path, text);
}

static int read_host(const char *text, const char *path, struct mapping *m, struct cni_error *err)
{
	static const struct ip_address any;

	if (*text == '\0')
		return 0;
	if (ip_address_parse(text, &m->host) < 0)
		return cni_error(err, CNI_ERR_CONFIG, "%shostIP: \"%.64s\" is not an IP address",
				 path, text);
	if (m->host.family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&m->host.v6)) {
		struct in_addr v4;

		memcpy(&v4, m->host.bytes + 12, sizeof(v4));
		m->host = (struct ip_address){.family = AF_INET, .v4 = v4};
	}
	m->host_family = m->host.family;
	m->one_host = memcmp(m->host.bytes, any.bytes, ip_address_size(m->host.family)) != 0;
	return 0;
}

/* Find out how the object spells a member. @name: not changed when it has no such member. */
static int spelling(const cJSON *json, const char *path, const char *key, const char **name,
		    struct cni_error *err)
{
	const cJSON *found = NULL;
	const cJSON *member;

	cJSON_ArrayForEach (member, json) {
		if (strcasecmp(member->string, key) != 0)
			continue;
		if (found != NULL)
			return cni_error(err, CNI_ERR_CONFIG,
					 "%s%s is there twice, as %s and as %s: leave one out",
					 path, key, found->string, member->string);
		found = member;
	}
	if (found != NULL)
		*name = found->string;
	return 0;
}

static int read_port(const cJSON *json, const char *path, const char *key, uint16_t *port,
		     struct cni_error *err)
{
	const char *name = key;
	int64_t number = 0;

	if (spelling(json, path, key, &name, err) < 0 ||
	    conf_get_int(json, path, name, 1, UINT16_MAX, &number, err) < 0)
		return -1;
	if (number == 0)
		return cni_error(err, CNI_ERR_CONFIG, "%s%s is missing", path, key);
	*port = (uint16_t)number;
	return 0;
}

static int read_string(const cJSON *json, const char *path, const char *key, const char **text,
		       struct cni_error *err)
{
	const char *name = key;

	return spelling(json, path, key, &name, err) < 0 ||
			       conf_get_string(json, path, name, text, err) < 0
		       ? -1
		       : 0;
}

int mapping_read(const cJSON *json, const char *path, struct mapping *m, struct cni_error *err)
{
	const char *protocol = "tcp";
	const char *host = "";

	if (!cJSON_IsObject(json))
		return cni_error(err, CNI_ERR_CONFIG, "%.*s is not an object",
				 (int)strlen(path) - 1, path);
	if (read_port(json, path, "hostPort", &m->host_port, err) < 0 ||
	    read_port(json, path, "containerPort", &m->container_port, err) < 0 ||
	    read_string(json, path, "protocol", &protocol, err) < 0 ||
	    read_string(json, path, "hostIP", &host, err) < 0)
		return -1;
	if (*protocol == '\0')
		protocol = "tcp";
	if (read_protocol(protocol, path, m, err) < 0)
		return -1;
	return read_host(host, path, m, err);
}

/* Order by protocol, port and address; mappings of every address come first. */
static int mapping_compare(const void *left, const void *right)
{
	const struct mapping *a = *(const struct mapping *const *)left;
	const struct mapping *b = *(const struct mapping *const *)right;

	if (a->protocol != b->protocol)
		return a->protocol - b->protocol;
	if (a->host_port != b->host_port)
		return a->host_port - b->host_port;
	if (a->one_host != b->one_host)
		return a->one_host - b->one_host;
	if (a->host_family != b->host_family)
		return a->host_family - b->host_family;
	return a->one_host ? memcmp(a->host.bytes, b->host.bytes, ip_address_size(a->host_family))
			   : 0;
}

static int compare_whole(const void *left, const void *right)
{
	const struct mapping *a = *(const struct mapping *const *)left;
	const struct mapping *b = *(const struct mapping *const *)right;

	return mapping_compare(left, right) ?: a->container_port - b->container_port;
}

static bool same_host(const struct mapping *a, const struct mapping *b)
{
	if (a->one_host || b->one_host)
		return a->one_host && b->one_host && ip_address_equal(&a->host, &b->host);
	return a->host_family == b->host_family || a->host_family == AF_UNSPEC ||
	       b->host_family == AF_UNSPEC;
}

/* Return: pointers to the mappings in order, or NULL out of memory. */
static const struct mapping **sort(const struct mapping *mappings, size_t n)
{
	const struct mapping **sorted = calloc(n + 1, sizeof(const struct mapping *));

	if (sorted == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &mappings[i];
	qsort(sorted, n, sizeof(const struct mapping *), compare_whole);
	return sorted;
}

int mapping_conflict(const struct mapping *a, const struct mapping *b, const char *path,
		     struct cni_error *err)
{
	char text[MAPPING_TEXT_MAX];
	char other[MAPPING_TEXT_MAX];

	return cni_error(err, CNI_ERR_CONFIG,
			 "%s asks for host port %s for container port %u and for %s for container "
			 "port %u: leave one out",
			 path, mapping_format(a, text), a->container_port, mapping_format(b, other),
			 b->container_port);
}

bool mapping_group_has_ipv4(const struct mapping_group *group, uint16_t container_port)
{
	for (size_t i = 0; i < group->n; i++)
		if (group->members[i]->host_family != AF_INET6 &&
		    group->members[i]->container_port == container_port)
			return true;
	return false;
}

static bool same_port(const struct mapping *a, const struct mapping *b)
{
	return a->protocol == b->protocol && a->host_port == b->host_port;
}

/* Mark in @gone each mapping that is to be left out. */
static int judge_all(const struct mapping **sorted, size_t n, mapping_judge *judge, void *arg,
		     const struct mapping *mappings, bool *gone, struct cni_error *err)
{
	struct mapping_group group = {.members = sorted};

	for (size_t i = 0; i < n; i++) {
		size_t index = (size_t)(sorted + i - group.members);
		int verdict;

		if (index == group.n) {
			group = (struct mapping_group){.members = sorted + i};
			index = 0;
			while (i + group.n < n && same_port(sorted[i], sorted[i + group.n]))
				group.n++;
		}
		verdict = judge(&group, index, arg, err);
		if (verdict < 0)
			return -1;
		gone[sorted[i] - mappings] = verdict;
	}
	return 0;
}

int mappings_leave_out(struct mapping *mappings, size_t *n, mapping_judge *judge, void *arg,
		       struct cni_error *err)
{
	cleanup_free const struct mapping **sorted = sort(mappings, *n);
	cleanup_free bool *gone = calloc(*n + 1, sizeof(*gone));
	size_t left = 0;

	if (sorted == NULL || gone == NULL)
		return cni_error_nomem(err);
	if (judge_all(sorted, *n, judge, arg, mappings, gone, err) < 0)
		return -1;
	for (size_t i = 0; i < *n; i++)
		if (!gone[i])
			mappings[left++] = mappings[i];
	*n = left;
	return 0;
}

/*
 * Whether a mapping is in the list already. AF_UNSPEC sorts before the two families, so a wider
 * mapping is the first of the group, and an equal one stands just before.
 */
static int is_twice(const struct mapping_group *group, size_t index, void *arg,
		    struct cni_error *err)
{
	const char *const *path = arg;
	const struct mapping *m = group->members[index];
	const struct mapping *const others[] = {group->members[0],
						group->members[index == 0 ? 0 : index - 1]};
	bool twice = false;

	for (size_t i = 0; i < 2 && index > 0; i++) {
		if (!same_host(others[i], m))
			continue;
		if (others[i]->container_port != m->container_port)
			return mapping_conflict(others[i], m, *path, err);
		twice = true;
	}
	return twice;
}

static int mapping_read_all(const cJSON *array, const char *path, struct mapping **out, size_t *n,
			    struct cni_error *err)
{
	const int count = array != NULL ? cJSON_GetArraySize(array) : 0;
	cleanup_free struct mapping *mappings = NULL;
	const cJSON *json;
	size_t i = 0;
	char member[96];

	*out = NULL;
	*n = 0;
	if (count == 0)
		return 0;
	mappings = calloc((size_t)count, sizeof(*mappings));
	if (mappings == NULL)
		return cni_error_nomem(err);
	cJSON_ArrayForEach (json, array) {
		snprintf(member, sizeof(member), "%s[%zu].", path, i);
		if (mapping_read(json, member, &mappings[i++], err) < 0)
			return -1;
	}
	*out = take_ptr(mappings);
	*n = i;
	return 0;
}

static int give_up(struct mapping **mappings, size_t *n)
{
	free(take_ptr(*mappings));
	*n = 0;
	return -1;
}

int mappings_read(const cJSON *array, const char *path, struct mapping **out, size_t *n,
		  struct cni_error *err)
{
	if (mapping_read_all(array, path, out, n, err) < 0)
		return -1;
	if (mappings_leave_out(*out, n, is_twice, &path, err) < 0)
		return give_up(out, n);
	return 0;
}

int mappings_read_record(const cJSON *array, struct mapping **out, size_t *n, struct cni_error *err)
{
	const char *path = "mappings";
	const cJSON *json;
	size_t i = 0;
	size_t left;

	if (mapping_read_all(array, path, out, n, err) < 0)
		return -1;
	cJSON_ArrayForEach (json, array) {
		if (conf_get_int(json, "mappings: ", "id", 0, INT32_MAX, &(*out)[i++].id, err) < 0)
			return give_up(out, n);
	}
	left = *n;
	if (mappings_leave_out(*out, &left, is_twice, &path, err) < 0)
		return give_up(out, n);
	if (left != *n) {
		cni_error(err, CNI_ERR_CONFIG, "%s has a mapping twice", path);
		return give_up(out, n);
	}
	return 0;
}

/* @recorded: in the order of sort(). */
static bool mapping_is_among(const struct mapping *m, const struct mapping **recorded, size_t n)
{
	const struct mapping *const *same =
		bsearch(&m, recorded, n, sizeof(const struct mapping *), mapping_compare);

	return same != NULL && (*same)->container_port == m->container_port;
}

int mappings_compare(const struct mapping *asked, size_t n_asked, const struct mapping *recorded,
		     size_t n_recorded, const struct mapping **missing, struct cni_error *err)
{
	cleanup_free const struct mapping **sorted = sort(recorded, n_recorded);

	*missing = NULL;
	if (sorted == NULL)
		return cni_error_nomem(err);
	for (size_t i = 0; i < n_asked && *missing == NULL; i++)
		if (!mapping_is_among(&asked[i], sorted, n_recorded))
			*missing = &asked[i];
	return 0;
}

size_t mappings_subtract(struct mapping *asked, size_t n_asked, const struct mapping *recorded,
			 size_t n_recorded)
{
	cleanup_free const struct mapping **sorted = sort(recorded, n_recorded);
	size_t left = 0;

	if (sorted == NULL)
		return n_asked;
	for (size_t i = 0; i < n_asked; i++)
		if (!mapping_is_among(&asked[i], sorted, n_recorded))
			asked[left++] = asked[i];
	return left;
}

cJSON *mappings_print(const struct mapping *mappings, size_t n)
{
	cleanup_json cJSON *array = cJSON_CreateArray();
	char host[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < n; i++) {
		const struct mapping *m = &mappings[i];
		cJSON *json = cJSON_CreateObject();

		if (!cJSON_AddItemToArray(array, json)) {
			cJSON_Delete(json);
			return NULL;
		}
		if (cJSON_AddStringToObject(json, "protocol", mapping_protocol(m)) == NULL ||
		    cJSON_AddNumberToObject(json, "hostPort", m->host_port) == NULL ||
		    cJSON_AddNumberToObject(json, "containerPort", m->container_port) == NULL ||
		    (m->host_family != AF_UNSPEC &&
		     cJSON_AddStringToObject(json, "hostIP", mapping_host(m, host)) == NULL) ||
		    (m->id && cJSON_AddNumberToObject(json, "id", (double)m->id) == NULL))
			return NULL;
	}
	return take_ptr(array);
}

const char *mapping_protocol(const struct mapping *m)
{
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (protocols[i].number == m->protocol)
			return protocols[i].name;
	return "unknown";
}

const char *mapping_host(const struct mapping *m, char *buf)
{
	if (m->host_family == AF_UNSPEC)
		*buf = '\0';
	else
		ip_address_format(&m->host, buf);
	return buf;
}

const char *mapping_format(const struct mapping *m, char *buf)
{
	char host[INET6_ADDRSTRLEN];

	if (m->host_family == AF_UNSPEC)
		snprintf(buf, MAPPING_TEXT_MAX, "%s %u", mapping_protocol(m), m->host_port);
	else
		snprintf(buf, MAPPING_TEXT_MAX,
			 m->host_family == AF_INET6 ? "%s [%s]:%u" : "%s %s:%u",
			 mapping_protocol(m), mapping_host(m, host), m->host_port);
	return buf;
}
