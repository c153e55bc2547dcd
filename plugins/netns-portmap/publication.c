/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "publication.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "conf.h"
#include "record.h"

#define NETWORK_MAX 40 /* bytes of an owner's network, and of its container id */
#define CONTAINER_MAX 64
#define HASH_LEN 16
#define IFNAME_MAX (OWNER_MAX - 1 - NETWORK_MAX - 1 - CONTAINER_MAX - 1) /* of its interface */
#define OTHERS_READ 8 /* records, in the search for one of this backend */

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
		.layout = TABLE_LAYOUT,
	};
	owner_name(call->attachment.network, call->attachment.container_id, call->attachment.ifname,
		   p->owner);
}

static const char *const address_keys[2] = {"address4", "address6"};
static const char *const device_keys[2] = {"device4", "device6"};

cJSON *publication_print(const struct publication *p)
{
	cleanup_json cJSON *record = portmap_record_new(BACKEND_NFTABLES, p->mappings, p->n);
	char text[INET6_ADDRSTRLEN];

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		if (p->address[ipv6].family == AF_UNSPEC)
			continue;
		if (cJSON_AddStringToObject(record, address_keys[ipv6],
					    ip_address_format(&p->address[ipv6], text)) == NULL ||
		    cJSON_AddStringToObject(record, device_keys[ipv6], p->device[ipv6]) == NULL)
			return NULL;
	}
	if (cJSON_AddBoolToObject(record, "snat", p->snat) == NULL ||
	    cJSON_AddBoolToObject(record, "masqAll", p->masq_all) == NULL ||
	    cJSON_AddNumberToObject(record, "markMasqBit", p->mark_bit) == NULL ||
	    cJSON_AddNumberToObject(record, "layout", p->layout) == NULL)
		return NULL;
	return take_ptr(record);
}

static int wrong_record(struct cni_error *err)
{
	if (err->code != CNI_ERR_IO) /* out of memory */
		err->code = CNI_ERR_DECODE;
	return cni_error_wrap(err, "the record");
}

int publication_read(const struct call *call, const cJSON *record, struct publication *p,
		     struct cni_error *err)
{
	const cJSON *array = NULL;
	int64_t bit = TABLE_DEFAULT_MARK_BIT;
	int64_t layout = 1;

	*p = (struct publication){.snat = true};
	owner_name(call->attachment.network, call->attachment.container_id, call->attachment.ifname,
		   p->owner);
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		const char *address = "";
		const char *device = "";

		if (conf_get_string(record, "", address_keys[ipv6], &address, err) < 0 ||
		    conf_get_string(record, "", device_keys[ipv6], &device, err) < 0)
			return wrong_record(err);
		if (*address && (ip_address_parse(address, &p->address[ipv6]) < 0 ||
				 (p->address[ipv6].family == AF_INET6) != ipv6))
			return cni_error(err, CNI_ERR_DECODE,
					 "the record's %s is not an IPv%d address",
					 address_keys[ipv6], ipv6 ? 6 : 4);
		if (strlen(device) >= IFNAMSIZ)
			return cni_error(err, CNI_ERR_DECODE, "the record's %s is not an interface",
					 device_keys[ipv6]);
		strcpy(p->device[ipv6], device);
	}
	if (conf_get_bool(record, "", "snat", &p->snat, err) < 0 ||
	    conf_get_bool(record, "", "masqAll", &p->masq_all, err) < 0 ||
	    conf_get_int(record, "", "markMasqBit", 0, 31, &bit, err) < 0 ||
	    conf_get_int(record, "", "layout", 1, INT32_MAX, &layout, err) < 0 ||
	    conf_get_array(record, "", "mappings", &array, err) < 0 ||
	    mappings_read_record(array, &p->owned, &p->n, err) < 0)
		return wrong_record(err);
	if (p->n == 0 || (p->address[0].family == AF_UNSPEC && p->address[1].family == AF_UNSPEC))
		return cni_error(err, CNI_ERR_DECODE, "the record has no %s",
				 p->n == 0 ? "mappings" : "address");
	p->mappings = p->owned;
	p->mark_bit = (unsigned int)bit;
	p->layout = (int)layout;
	return 0;
}

/* A walk through the records of this backend, of every network. */
struct walk {
	const struct call *except;                  /* its record is passed over; NULL: none is */
	const char *network;                        /* where it is */
	int left;                                   /* records to read */
	bool (*fn)(const cJSON *record, void *arg); /* whether to stop */
	void *arg;
	bool done;
};

static void publication_close_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}
#define cleanup_dir __attribute__((cleanup(publication_close_dir)))

static DIR *publication_open_dir(int dirfd, const char *name)
{
	cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir != NULL)
		take_fd(&fd);
	return dir;
}

static bool is_excepted(const struct walk *w, const char *name)
{
	char own[NAME_MAX + 1];

	if (w->except == NULL || strcmp(w->network, w->except->attachment.network) != 0)
		return false;
	snprintf(own, sizeof(own), "%s@%s.json", w->except->attachment.container_id,
		 w->except->attachment.ifname);
	return strcmp(name, own) == 0;
}

/* A record that cannot be read tells nothing; then the table itself is looked at. */
static bool visit_record(int dirfd, const char *name, const struct walk *w)
{
	cleanup_free char *text = NULL;
	cleanup_json cJSON *record = NULL;
	const char *backend = "";
	struct cni_error ignored;

	return state_read_file(dirfd, name, &text, &ignored) > 0 &&
	       json_parse(text, strlen(text), "a record", &record, &ignored) == 0 &&
	       conf_get_string(record, "", "backend", &backend, &ignored) > 0 &&
	       strcmp(backend, BACKEND_NFTABLES) == 0 && w->fn(record, w->arg);
}

static void walk_network(int parent, struct walk *w)
{
	cleanup_dir DIR *dir = publication_open_dir(parent, w->network);
	const struct dirent *entry;

	while (dir != NULL && w->left > 0 && !w->done && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || strchr(entry->d_name, '@') == NULL ||
		    is_excepted(w, entry->d_name))
			continue;
		w->left--;
		w->done = visit_record(dirfd(dir), entry->d_name, w);
	}
}

/* Return: 0, or -1 if it cannot be begun. */
static int walk(int plugin_fd, struct walk *w)
{
	cleanup_dir DIR *dir = publication_open_dir(plugin_fd, ".");
	const struct dirent *entry;

	if (dir == NULL)
		return -1;
	while (w->left > 0 && !w->done && (entry = readdir(dir)) != NULL) {
		w->network = entry->d_name;
		if (entry->d_name[0] != '.')
			walk_network(dirfd(dir), w);
	}
	return 0;
}

static bool is_enough(const cJSON *record, void *arg)
{
	(void)record;
	(void)arg;
	return true;
}

bool publication_is_last(const struct call *call)
{
	struct walk w = {.except = call, .left = OTHERS_READ, .fn = is_enough};

	return walk(call->state->plugin_fd, &w) == 0 && !w.done;
}

struct older {
	int (*fn)(const char *device, struct cni_error *err);
	struct cni_error *err;
};

static bool visit_older(const cJSON *record, void *arg)
{
	const struct older *older = arg;
	const char *device = "";
	int64_t layout = 1;
	struct cni_error ignored;

	if (conf_get_int(record, "", "layout", 1, INT32_MAX, &layout, &ignored) < 0 ||
	    layout >= TABLE_LAYOUT ||
	    conf_get_string(record, "", device_keys[0], &device, &ignored) <= 0 ||
	    *device == '\0' || strlen(device) >= IFNAMSIZ || strchr(device, '/') != NULL)
		return false;
	return older->fn(device, older->err) < 0;
}

int publication_each_older(int plugin_fd, int (*fn)(const char *device, struct cni_error *err),
			   struct cni_error *err)
{
	struct older older = {.fn = fn, .err = err};
	struct walk w = {.left = INT_MAX, .fn = visit_older, .arg = &older};

	return walk(plugin_fd, &w) == 0 && w.done ? -1 : 0;
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

static void encode(const char *ifname, char out[3 * IFNAMSIZ])
{
	/* GC's list may have longer names, which no interface has. */
	for (size_t i = 0; i < IFNAMSIZ - 1 && ifname[i]; i++) {
		if (ifname[i] == '"' || ifname[i] == '\\')
			out += sprintf(out, "%%%02x", (unsigned int)ifname[i]);
		else
			*out++ = ifname[i];
	}
	*out = '\0';
}

void owner_name(const char *network, const char *container_id, const char *ifname,
		char out[OWNER_MAX])
{
	char hash[HASH_LEN + 1];
	char encoded[3 * IFNAMSIZ];

	state_hash(network, container_id, ifname, hash);
	owner_prefix(network, out);
	shorten(container_id, CONTAINER_MAX, hash, out + strlen(out));
	strcat(out, "@");
	encode(ifname, encoded);
	if (strlen(encoded) <= IFNAME_MAX)
		strcat(out, encoded);
	else
		strcat(strcat(out, "~"), hash);
}

void elements_free(struct elements *list)
{
	free(list->elements);
}

/* Append bytes, filled up with zeros to whole registers. */
static uint8_t append_register(uint8_t *to, uint8_t len, const void *data, size_t size)
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
		e->key_len = append_register(e->key, e->key_len, m->host.bytes, address_len);
	e->key_len = append_register(e->key, e->key_len, &m->protocol, sizeof(m->protocol));
	e->key_len = append_register(e->key, e->key_len, &host_port, sizeof(host_port));
	if (kind == KIND_HAIRPIN)
		e->key_len = append_register(e->key, e->key_len, p->device[ipv6], IFNAMSIZ);
	if (kind == KIND_DNAT) {
		e->data_len = append_register(e->data, 0, p->address[ipv6].bytes, address_len);
		e->data_len = append_register(e->data, e->data_len, &container_port,
					      sizeof(container_port));
	}
}

static int compare_set(const void *a, const void *b)
{
	return ((const struct element *)a)->set - ((const struct element *)b)->set;
}

int elements_plan(const struct publication *p, struct elements *list, struct cni_error *err)
{
	/*
	 * A mapping becomes one element of each family, one more for masquerading, and one for
	 * 127.0.0.1.
	 */
	list->elements = calloc(p->n * 5 + 1, sizeof(*list->elements));
	if (list->elements == NULL)
		return cni_error_nomem(err);
	for (size_t i = 0; i < p->n; i++) {
		const int family = p->mappings[i].host_family;

		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			if (p->address[ipv6].family == AF_UNSPEC ||
			    (family != AF_UNSPEC && (family == AF_INET6) != ipv6))
				continue;
			plan_one(p, i, ipv6, KIND_DNAT, &list->elements[list->n++]);
			if (!p->snat || (!p->masq_all && p->device[ipv6][0] == '\0'))
				continue;
			plan_one(p, i, ipv6, p->masq_all ? KIND_MASQ : KIND_HAIRPIN,
				 &list->elements[list->n++]);
			if (!ipv6)
				plan_one(p, i, ipv6, KIND_LOCAL, &list->elements[list->n++]);
		}
	}
	qsort(list->elements, list->n, sizeof(*list->elements), compare_set);
	for (size_t i = 0; i < list->n; i++)
		list->first[list->elements[i].set + 1]++;
	for (unsigned int set = 0; set < TABLE_SETS; set++)
		list->first[set + 1] += list->first[set];
	return 0;
}

int publication_say_taken(const struct publication *p, const struct element *e,
			  struct cni_error *err)
{
	char text[MAPPING_TEXT_MAX];

	mapping_format(&p->mappings[e->mapping], text);
	if (e->owner[0] == '\0')
		return cni_error(
			err, ERR_TAKEN,
			"host port %s is taken by an element without an owner in set %s of "
			"table inet " TABLE_NAME ", which somebody put there by hand",
			text, table_set_name(e->set));
	return cni_error(err, ERR_TAKEN,
			 "host port %s is taken by %s (network/container@interface): publish "
			 "another port, or delete that attachment (GC does, if its container is "
			 "gone)",
			 text, e->owner);
}
