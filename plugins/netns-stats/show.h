/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The forms in which `show` prints what it has read. */
#ifndef NETNS_STATS_SHOW_H
#define NETNS_STATS_SHOW_H

#include <stdbool.h>

#include "container.h"
#include "exposition.h"
#include "sweep.h"
#include "text.h"

struct show {
	bool loopback;  /* --loopback */
	bool detail;    /* --detail */
	bool exact;     /* --bytes: no 1.5K */
	size_t printed; /* containers so far */
	struct table *table;
	struct exposition exposition;
};

/*
 * A form is called once per container, in order, while its sample is at hand, and once at the end.
 * What it appends to `out` is written out in between. Each returns 0, or -1 out of memory.
 */
struct show_form {
	const char *name;
	int (*container)(struct show *show, const struct container *c, const struct sweep_job *job,
			 struct text *out, struct cni_error *err);
	int (*end)(struct show *show, struct text *out, struct cni_error *err);
	void (*free)(struct show *show);
};

extern const struct show_form show_json;
extern const struct show_form show_table;
extern const struct show_form show_prometheus;

/* Return: the form of that name, or NULL. */
const struct show_form *show_find_form(const char *name);

/* Whether the interface is to be shown. */
static inline bool show_link(const struct show *show, const struct link *l)
{
	return show->loopback || !(l->flags & IFF_LOOPBACK);
}

/* The operational state as RFC 2863 and ip(8) call it: "UP", "DOWN" and so on. */
const char *operstate_name(const struct link *l);

/* A hardware address, octets separated by colons; into buf of 3 * HWADDR_MAX bytes. */
#define HWADDR_TEXT_MAX (3 * HWADDR_MAX)
const char *hwaddr_format(const uint8_t *bytes, size_t len, char *buf);

#endif
