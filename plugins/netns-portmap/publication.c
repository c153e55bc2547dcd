/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "publication.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "conf.h"

#define NETWORK_MAX 40 /* bytes of an owner's network, and of its container id */
#define CONTAINER_MAX 64
#define HASH_LEN 16

void publication_free(struct publication *p)
{
	free(p->owned);
}

void publication_init(struct publication *p, const struct call *call)
{
	*p = (struct publication){
		.mappings = call->config->mappings,
		.n = call->config->n_mappings,
		.address = {call->address[0], call->address[1]},
		.snat = call->config->snat,
		.masq_all = call->config->masq_all,
		.mark_bit = call->config->mark_bit,
	};
	owner_name(call->network, call->container_id, call->ifname, p->owner);
}

static const char *const address_keys[2] = {"address4", "address6"};
static const char *const device_keys[2] = {"device4", "device6"};

cJSON *publication_print(const struct publication *p)
{
	cleanup_json cJSON *record = record_new(backend_nftables.name, p->mappings, p->n);
	char text[INET6_ADDRSTRLEN];

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		if (p->address[ipv6].family == AF_UNSPEC)
			continue;
		if (!cJSON_AddStringToObject(record, address_keys[ipv6],
					     ip_address_format(&p->address[ipv6], text)) ||
		    !cJSON_AddStringToObject(record, device_keys[ipv6], p->device[ipv6]))
			return NULL;
	}
	if (!cJSON_AddBoolToObject(record, "snat", p->snat) ||
	    !cJSON_AddBoolToObject(record, "masqAll", p->masq_all) ||
	    !cJSON_AddNumberToObject(record, "markMasqBit", p->mark_bit))
		return NULL;
	return take_ptr(record);
}

int publication_read(const struct call *call, const cJSON *record, struct publication *p,
		     struct cni_error *err)
{
	const cJSON *array = NULL;
	int64_t bit = TABLE_DEFAULT_MARK_BIT;

	*p = (struct publication){.snat = true};
	owner_name(call->network, call->container_id, call->ifname, p->owner);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		const char *address = "";
		const char *device = "";

		if (conf_get_string(record, "", address_keys[ipv6], &address, err) < 0 ||
		    conf_get_string(record, "", device_keys[ipv6], &device, err) < 0)
			return cni_error_wrap(err, "the record");
		if (*address && (ip_address_parse(address, &p->address[ipv6]) < 0 ||
				 (p->address[ipv6].family == AF_INET6) != ipv6))
			return cni_error(err, CNI_ERR_DECODE, "the record's %s is no such address",
					 address_keys[ipv6]);
		if (strlen(device) >= IFNAMSIZ)
			return cni_error(err, CNI_ERR_DECODE, "the record's %s is no interface",
					 device_keys[ipv6]);
		strcpy(p->device[ipv6], device);
	}
	if (conf_get_bool(record, "", "snat", &p->snat, err) < 0 ||
	    conf_get_bool(record, "", "masqAll", &p->masq_all, err) < 0 ||
	    conf_get_int(record, "", "markMasqBit", 0, 31, &bit, err) < 0 ||
	    conf_get_array(record, "", "mappings", &array, err) < 0 ||
	    mappings_read(array, "mappings", &p->owned, &p->n, err) < 0)
		return cni_error_wrap(err, "the record");
	p->mappings = p->owned;
	p->mark_bit = (unsigned int)bit;
	return 0;
}

/* How many records there are in a network's directory, counting no further than two. */
static int count_records(int dirfd, const char *network)
{
	const int fd = openat(dirfd, network, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int n = 0;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (n < 2 && (entry = readdir(dir)))
		n += entry->d_name[0] != '.' && strchr(entry->d_name, '@') != NULL;
	closedir(dir);
	return n;
}

bool publication_is_last(const struct call *call)
{
	const int fd = openat(call->state->plugin_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int n = 0;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (n < 2 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			n += count_records(dirfd(dir), entry->d_name);
	closedir(dir);
	return n < 2;
}

/* The name, or as much of it as fits with a hash behind it. */
static void shorten(const char *name, size_t max, const char hash[HASH_LEN + 1], char *out)
{
	if (strlen(name) <= max)
		strcpy(out, name);
	else
		snprintf(out, max + 1, "%.*s~%s", (int)(max - 1 - HASH_LEN), name, hash);
}

void owner_prefix(const char *network, char out[OWNER_MAX])
{
	char hash[HASH_LEN + 1];

	state_hash(network, "", "", hash);
	shorten(network, NETWORK_MAX, hash, out);
	strcat(out, "/");
}

void owner_name(const char *network, const char *container_id, const char *ifname,
		char out[OWNER_MAX])
{
	char hash[HASH_LEN + 1];

	state_hash(network, container_id, ifname, hash);
	owner_prefix(network, out);
	shorten(container_id, CONTAINER_MAX, hash, out + strlen(out));
	strcat(out, "@");
	strncat(out, ifname, IFNAMSIZ - 1);
}

void elements_free(struct elements *list)
{
	free(list->elements);
}

/* Append bytes, filled up with zeros to whole registers. */
static uint8_t append(uint8_t *to, uint8_t len, const void *data, size_t size)
{
	memcpy(to + len, data, size);
	return (uint8_t)(len + (size + 3) / 4 * 4);
}

static void plan_one(const struct publication *p, size_t mapping, int ipv6, enum table_kind kind,
		     struct element *e)
{
	const struct mapping *m = &p->mappings[mapping];
	const size_t address_len = ip_address_size(ipv6 ? AF_INET6 : AF_INET);
	const uint16_t host_port = htons(m->host_port);
	const uint16_t container_port = htons(m->container_port);

	*e = (struct element){
		.set = (uint8_t)table_set(ipv6, m->one_host ? SCOPE_HOSTS : SCOPE_PORTS, kind),
		.mapping = (uint32_t)mapping,
	};
	if (m->one_host)
		e->key_len = append(e->key, e->key_len, m->host.bytes, address_len);
	e->key_len = append(e->key, e->key_len, &m->protocol, sizeof(m->protocol));
	e->key_len = append(e->key, e->key_len, &host_port, sizeof(host_port));
	if (kind == KIND_HAIRPIN)
		e->key_len = append(e->key, e->key_len, p->device[ipv6], IFNAMSIZ);
	if (kind == KIND_DNAT) {
		e->data_len = append(e->data, 0, p->address[ipv6].bytes, address_len);
		e->data_len = append(e->data, e->data_len, &container_port, sizeof(container_port));
	}
}

static int compare_set(const void *a, const void *b)
{
	return ((const struct element *)a)->set - ((const struct element *)b)->set;
}

int elements_plan(const struct publication *p, struct elements *list, struct cni_error *err)
{
	/* A mapping comes to one element of each family, and one more for whom to masquerade. */
	list->elements = calloc(p->n * 4 + 1, sizeof(*list->elements));
	if (list->elements == NULL)
		return cni_error_nomem(err);
	for (size_t i = 0; i < p->n; i++) {
		const int family = p->mappings[i].host_family;

		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			if (p->address[ipv6].family == AF_UNSPEC ||
			    (family != AF_UNSPEC && (family == AF_INET6) != ipv6))
				continue;
			plan_one(p, i, ipv6, KIND_DNAT, &list->elements[list->n++]);
			if (p->snat && p->masq_all)
				plan_one(p, i, ipv6, KIND_MASQ, &list->elements[list->n++]);
			else if (p->snat && p->device[ipv6][0])
				plan_one(p, i, ipv6, KIND_HAIRPIN, &list->elements[list->n++]);
		}
	}
	qsort(list->elements, list->n, sizeof(*list->elements), compare_set);
	for (size_t i = 0; i < list->n; i++)
		list->first[list->elements[i].set + 1]++;
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		list->first[set + 1] += list->first[set];
	return 0;
}
