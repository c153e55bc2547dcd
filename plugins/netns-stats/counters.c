/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters, readings of them, and what lies between two readings. */
#include "counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "array.h"
#include "conf.h"

/* The four counters of each direction, under the names that `ip -s -j link` gives them. */
struct field {
	const char *direction;
	const char *name;
	size_t offset;
};

static const struct field fields[] = {
	{"rx", "bytes", offsetof(struct counters, rx.bytes)},
	{"rx", "packets", offsetof(struct counters, rx.packets)},
	{"rx", "errors", offsetof(struct counters, rx.errors)},
	{"rx", "dropped", offsetof(struct counters, rx.dropped)},
	{"tx", "bytes", offsetof(struct counters, tx.bytes)},
	{"tx", "packets", offsetof(struct counters, tx.packets)},
	{"tx", "errors", offsetof(struct counters, tx.errors)},
	{"tx", "dropped", offsetof(struct counters, tx.dropped)},
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint64_t *value_of(struct counters *c, const struct field *f)
{
	return (uint64_t *)(void *)((char *)c + f->offset);
}

static uint64_t value_in(const struct counters *c, const struct field *f)
{
	return *(const uint64_t *)(const void *)((const char *)c + f->offset);
}

void reading_free(struct reading *r)
{
	free(r->entries);
	*r = (struct reading){0};
}

void timestamp(char out[32])
{
	struct timespec now;
	struct tm utc;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + len, 32 - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

void counters_of(const struct link *link, struct counters *out)
{
	const struct rtnl_link_stats64 *s = &link->stats;

	/* As ip(8) shows them: what was missed is not part of "dropped". */
	out->rx = (struct direction){s->rx_bytes, s->rx_packets, s->rx_errors, s->rx_dropped};
	out->tx = (struct direction){s->tx_bytes, s->tx_packets, s->tx_errors, s->tx_dropped};
}

uint64_t counter_delta(uint64_t begin, uint64_t end)
{
	const uint64_t range32 = UINT64_C(1) << 32;
	const uint64_t half64 = UINT64_C(1) << 63;

	if (end >= begin)
		return end - begin;
	if (begin >= half64 && end < half64)
		return end - begin; /* modulo 2^64 */
	if (begin < range32 && begin >= range32 / 2 && end < range32 / 2)
		return end + range32 - begin;
	return end;
}

struct counters counters_delta(const struct counters *begin, const struct counters *end)
{
	struct counters delta;

	for (size_t i = 0; i < N_FIELDS; i++)
		*value_of(&delta, &fields[i]) =
			counter_delta(value_in(begin, &fields[i]), value_in(end, &fields[i]));
	return delta;
}

int reading_add(struct reading *r, const char *name, int index, const struct counters *counters)
{
	struct entry *new;

	if (!array_reserve(r->entries, r->size, r->n, 1))
		return -1;
	new = &r->entries[r->n++];
	*new = (struct entry){.index = index, .counters = *counters};
	snprintf(new->name, IFNAMSIZ, "%s", name);
	return 0;
}

const struct entry *reading_find(const struct reading *r, int index, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->entries[i].index == index)
			return &r->entries[i];
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->entries[i].name, name) == 0)
			return &r->entries[i];
	return NULL;
}

static cJSON *print_entry(const struct entry *e)
{
	cJSON *json = cJSON_CreateObject();
	bool ok = cJSON_AddStringToObject(json, "ifname", e->name) != NULL &&
		  cJSON_AddNumberToObject(json, "ifindex", e->index) != NULL;

	cJSON_AddObjectToObject(json, "rx");
	cJSON_AddObjectToObject(json, "tx");
	for (size_t i = 0; i < N_FIELDS; i++) {
		cJSON *to = cJSON_GetObjectItemCaseSensitive(json, fields[i].direction);
		char digits[24];

		snprintf(digits, sizeof(digits), "%llu",
			 (unsigned long long)value_in(&e->counters, &fields[i]));
		ok = ok && cJSON_AddStringToObject(to, fields[i].name, digits) != NULL;
	}
	if (ok)
		return json;
	cJSON_Delete(json);
	return NULL;
}

cJSON *reading_print(const struct reading *r)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *list = NULL;
	bool ok = cJSON_AddStringToObject(json, "time", r->time) != NULL;

	if (ok)
		list = cJSON_AddArrayToObject(json, "interfaces");
	ok = list != NULL;
	for (size_t i = 0; ok && i < r->n; i++)
		ok = cJSON_AddItemToArray(list, print_entry(&r->entries[i]));
	if (ok)
		return json;
	cJSON_Delete(json);
	return NULL;
}

/* Digits only, up to 2^64-1. */
static bool parse_digits(const cJSON *json, uint64_t *out)
{
	const char *s = cJSON_GetStringValue(json);
	uint64_t value = 0;

	if (s == NULL || !*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

static bool parse_entry(const cJSON *json, struct entry *e)
{
	const cJSON *name = json_get(json, "ifname");
	const cJSON *index = json_get(json, "ifindex");

	if (!cJSON_IsString(name) || !cJSON_IsNumber(index) ||
	    strlen(name->valuestring) >= IFNAMSIZ)
		return false;
	*e = (struct entry){.index = index->valueint};
	snprintf(e->name, IFNAMSIZ, "%s", name->valuestring);
	for (size_t i = 0; i < N_FIELDS; i++) {
		const cJSON *direction = json_get(json, fields[i].direction);

		if (!parse_digits(json_get(direction, fields[i].name),
				  value_of(&e->counters, &fields[i])))
			return false;
	}
	return true;
}

int reading_parse(const cJSON *json, struct reading *r)
{
	const cJSON *when = json_get(json, "time");
	const cJSON *item;

	if (cJSON_IsString(when) && strlen(when->valuestring) < sizeof(r->time))
		snprintf(r->time, sizeof(r->time), "%s", when->valuestring);
	cJSON_ArrayForEach (item, json_get(json, "interfaces")) {
		struct entry e;

		if (parse_entry(item, &e) && reading_add(r, e.name, e.index, &e.counters))
			return -1;
	}
	return 0;
}

void counters_write(struct json_write *w, const struct counters *c)
{
	const char *direction = NULL;

	for (size_t i = 0; i < N_FIELDS; i++) {
		if (direction == NULL || strcmp(direction, fields[i].direction) != 0) {
			if (direction != NULL)
				json_write_object_end(w);
			direction = fields[i].direction;
			json_write_object(w, direction);
		}
		json_write_u64(w, fields[i].name, value_in(c, &fields[i]));
	}
	json_write_object_end(w);
}
