/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text that Prometheus scrapes: exposition format 0.0.4, or OpenMetrics 1.0.0.
 */
#ifndef NETNS_STATS_EXPOSITION_H
#define NETNS_STATS_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>

#include "container.h"
#include "counters.h"
#include "text.h"

struct series {
	size_t labels; /* where they begin in exposition.labels */
	size_t labels_len;
	struct counters counters;
};

/* A family's samples must stand together, so all are gathered before any is printed. */
struct exposition {
	struct text labels;
	struct series *series;
	size_t n, size;
	size_t container_begin; /* the first series of the current container id */
	char *container_id;
	size_t links_max; /* of a container, beside those of its attachments; 0: any number */
	size_t cut;       /* containers with more */
};

/* What the exporter tells about itself. */
struct exposition_self {
	double duration;  /* of the scrape, in seconds */
	uint64_t scrapes; /* so far */
	uint64_t errors;  /* namespaces that could not be read, in all scrapes so far */
	size_t containers;
	size_t unreadable; /* of these, this time */
	uint64_t attachments;
	uint64_t ended; /* connections of clients that had too many, or took too long, so far */
};

/* Free all that it owns and make it empty. */
void exposition_free(struct exposition *e);
#define cleanup_exposition __attribute__((cleanup(exposition_free)))

/* Forget the series, keep the memory. */
void exposition_reset(struct exposition *e);

/* Add the interfaces of a container. Return: 0, or -1 out of memory. */
int exposition_add(struct exposition *e, const struct container *c, const struct sample *s,
		   bool loopback, struct cni_error *err);

/**
 * exposition_print() - print all series.
 * @self: the exporter's own metrics; NULL to leave them out
 */
int exposition_print(const struct exposition *e, bool openmetrics,
		     const struct exposition_self *self, struct text *out, struct cni_error *err);

#define CONTENT_TYPE_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define CONTENT_TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

#endif
