/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters that an account is made of, their differences, and their form in a record. */
#ifndef NETNS_STATS_COUNTERS_H
#define NETNS_STATS_COUNTERS_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "json_write.h"
#include "sample.h"

struct direction {
	uint64_t bytes, packets, errors, dropped;
};

struct counters {
	struct direction rx, tx;
};

/* One interface at one moment. */
struct entry {
	char name[IFNAMSIZ];
	int index;
	struct counters counters;
};

/* Several, at one moment. */
struct reading {
	char time[32]; /* RFC 3339, UTC, milliseconds; "" for no reading */
	struct entry *entries;
	size_t n, size;
};

/* Free the entries. */
void reading_free(struct reading *r);
#define cleanup_reading __attribute__((cleanup(reading_free)))

/* The current time in the form that a reading has. */
void timestamp(char out[32]);

/* Take the counters out of a link's, as ip(8) shows them: "dropped" does not count what was missed.
 */
void counters_of(const struct link *link, struct counters *out);

/**
 * counter_delta() - what a counter has counted between two readings.
 *
 * A counter that went down has wrapped around at 2^64, or at 2^32 (drivers that keep 32 bits), or
 * was set back to zero with its device; the distance tells which: after a wrap, the first reading
 * is in the upper half of the range and the second in the lower.
 */
uint64_t counter_delta(uint64_t begin, uint64_t end);
/* The same for each of the eight. */
struct counters counters_delta(const struct counters *begin, const struct counters *end);

/* Append an entry. Return: 0, or -1 out of memory. */
int reading_add(struct reading *r, const char *name, int index, const struct counters *counters);

/* Find an entry by index or, if none has it, by name; NULL if there is neither. */
const struct entry *reading_find(const struct reading *r, int index, const char *name);

/**
 * reading_print() - for a record: numbers as strings of digits, because JSON's own (a double) ends
 * at 2^53.
 *
 * Return: a new object, NULL out of memory.
 */
cJSON *reading_print(const struct reading *r);

/* The reverse of reading_print(). An entry that is not well-formed is passed over: it costs the
 * account a baseline, but the account is written. Return: 0, or -1 out of memory. */
int reading_parse(const cJSON *json, struct reading *r);

/* Write the members "rx" and "tx" of the open object, under the names of `ip -s -j link`. */
void counters_write(struct json_write *w, const struct counters *c);

#endif
