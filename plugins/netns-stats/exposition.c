/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metrics under cAdvisor's names, with the labels interface, namespace, pod, id and network.
 *
 * A counter is the kernel's own and not a sum of ours, so a series goes on where it was when the
 * exporter is started anew. Labels are escaped once per interface and used for the eight counters.
 *
 * The two formats differ where it matters in two places: OpenMetrics names a counter's family
 * without "_total", and ends in "# EOF".
 */
#include "exposition.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "utf8.h"
#include "version.h"

static const struct {
	const char *name; /* without _total */
	const char *help;
	size_t offset;
} exposition_families[] = {
	{"container_network_receive_bytes", "Cumulative count of bytes received",
	 offsetof(struct counters, rx.bytes)},
	{"container_network_receive_packets", "Cumulative count of packets received",
	 offsetof(struct counters, rx.packets)},
	{"container_network_receive_errors",
	 "Cumulative count of errors encountered while receiving",
	 offsetof(struct counters, rx.errors)},
	{"container_network_receive_packets_dropped",
	 "Cumulative count of packets dropped while receiving",
	 offsetof(struct counters, rx.dropped)},
	{"container_network_transmit_bytes", "Cumulative count of bytes transmitted",
	 offsetof(struct counters, tx.bytes)},
	{"container_network_transmit_packets", "Cumulative count of packets transmitted",
	 offsetof(struct counters, tx.packets)},
	{"container_network_transmit_errors",
	 "Cumulative count of errors encountered while transmitting",
	 offsetof(struct counters, tx.errors)},
	{"container_network_transmit_packets_dropped",
	 "Cumulative count of packets dropped while transmitting",
	 offsetof(struct counters, tx.dropped)},
};

void exposition_free(struct exposition *e)
{
	text_free(&e->labels);
	free(e->series);
	free(e->container_id);
	*e = (struct exposition){0};
}

void exposition_reset(struct exposition *e)
{
	text_reset(&e->labels);
	e->n = 0;
	e->container_begin = 0;
	e->cut = 0;
	free(e->container_id);
	e->container_id = NULL;
}

/* Prometheus complains about the whole scrape if it has a series twice, as it would if one
 * container id were in two namespaces. */
static bool is_duplicate(const struct exposition *e, const struct series *s)
{
	for (size_t i = e->container_begin; i < e->n; i++)
		if (e->series[i].labels_len == s->labels_len &&
		    memcmp(e->labels.data + e->series[i].labels, e->labels.data + s->labels,
			   s->labels_len) == 0)
			return true;
	return false;
}

static bool begin_container(struct exposition *e, const char *id)
{
	if (e->container_id != NULL && strcmp(e->container_id, id) == 0)
		return true;
	free(e->container_id);
	e->container_id = strdup(id);
	e->container_begin = e->n;
	return e->container_id != NULL;
}

/*
 * name="value", as both formats want it: backslash, quote and newline escaped, and bytes that are
 * not UTF-8 become U+FFFD. The formats have no escape for characters that a terminal must not be
 * shown, and a changed value would be another series. So these characters stay, and whoever shows
 * labels escapes them.
 */
static void add_label(struct text *t, const char *name, const char *value)
{
	text_add(t, name);
	text_add_bytes(t, "=\"", 2);
	while (*value) {
		if (*value == '\n') {
			text_add_bytes(t, "\\n", 2);
			value++;
		} else if (*value == '"' || *value == '\\') {
			const char pair[2] = {'\\', *value++};

			text_add_bytes(t, pair, 2);
		} else {
			const size_t len = utf8_length(value, strnlen(value, 4));

			if (len)
				text_add_bytes(t, value, len);
			else
				text_add(t, UTF8_REPLACEMENT);
			value += len ? len : 1;
		}
	}
	text_add_bytes(t, "\"", 1);
}

static int exposition_add_link(struct exposition *e, const struct container *c, const char *id,
			       const struct link *l, const char *network)
{
	struct series new = {.labels = e->labels.len};

	if (!array_reserve(e->series, e->size, e->n, 1))
		return -1;
	add_label(&e->labels, "{interface", l->name);
	add_label(&e->labels, ",namespace", c->pod_namespace);
	add_label(&e->labels, ",pod", c->pod);
	add_label(&e->labels, ",id", id);
	add_label(&e->labels, ",network", network);
	text_add(&e->labels, "} ");
	if (e->labels.failed)
		return -1;
	new.labels_len = e->labels.len - new.labels;
	counters_of(l, &new.counters);
	if (is_duplicate(e, &new))
		e->labels.len = new.labels;
	else
		e->series[e->n++] = new;
	return 0;
}

int exposition_add(struct exposition *e, const struct container *c, const struct sample *s,
		   bool loopback, struct cni_error *err)
{
	/* A bare namespace has no id but its path. */
	const char *id = c->id[0] ? c->id : c->netns;
	bool cut = s->links_max && s->n_links == s->links_max;
	size_t others = 0;

	if (!begin_container(e, id))
		return cni_error_nomem(err);
	for (size_t i = 0; i < s->n_links; i++) {
		const struct link *l = &s->links[i];
		const char *network = container_network(c, l);

		if ((l->flags & IFF_LOOPBACK) && !loopback)
			continue;
		/* Interfaces that root of the container makes do not crowd out those of its
		 * networks. */
		if (!network[0] && e->links_max && others++ >= e->links_max)
			cut = true;
		else if (exposition_add_link(e, c, id, l, network))
			return cni_error_nomem(err);
	}
	e->cut += cut;
	return 0;
}

static void add_header(struct text *out, const char *name, bool counter, bool openmetrics,
		       const char *help)
{
	const char *suffix = counter && !openmetrics ? "_total" : "";

	text_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix,
		    counter ? "counter" : "gauge");
}

static void add_family(struct text *out, const struct exposition *e, size_t family,
		       bool openmetrics)
{
	const char *name = exposition_families[family].name;
	const size_t len = strlen(name);

	add_header(out, name, true, openmetrics, exposition_families[family].help);
	for (size_t i = 0; i < e->n; i++) {
		const struct series *s = &e->series[i];
		const char *counters = (const char *)&s->counters;
		uint64_t value;

		memcpy(&value, counters + exposition_families[family].offset, sizeof(value));
		text_add_bytes(out, name, len);
		text_add_bytes(out, "_total", 6);
		text_add_bytes(out, e->labels.data + s->labels, s->labels_len);
		text_add_u64(out, value);
		text_add_bytes(out, "\n", 1);
	}
}

static void add_self(struct text *out, const struct exposition_self *self, size_t cut,
		     bool openmetrics)
{
	add_header(out, "netns_stats_scrape_duration_seconds", false, openmetrics,
		   "Time that reading all network namespaces took");
	text_printf(out, "netns_stats_scrape_duration_seconds %.6f\n", self->duration);
	add_header(out, "netns_stats_scrapes", true, openmetrics,
		   "Readings of all network namespaces since the exporter was started");
	text_printf(out, "netns_stats_scrapes_total %llu\n", (unsigned long long)self->scrapes);
	add_header(out, "netns_stats_scrape_errors", true, openmetrics,
		   "Network namespaces that could not be read since the exporter was started");
	text_printf(out, "netns_stats_scrape_errors_total %llu\n",
		    (unsigned long long)self->errors);
	add_header(out, "netns_stats_containers", false, openmetrics,
		   "Containers with at least one attachment");
	text_printf(out, "netns_stats_containers %zu\n", self->containers);
	add_header(out, "netns_stats_containers_unreadable", false, openmetrics,
		   "Containers whose network namespace could not be read this time");
	text_printf(out, "netns_stats_containers_unreadable %zu\n", self->unreadable);
	add_header(out, "netns_stats_containers_cut", false, openmetrics,
		   "Containers with more interfaces than are served, beside those of attachments");
	text_printf(out, "netns_stats_containers_cut %zu\n", cut);
	add_header(out, "netns_stats_attachments", false, openmetrics, "Attachments known");
	text_printf(out, "netns_stats_attachments %llu\n", (unsigned long long)self->attachments);
	add_header(out, "netns_stats_connections_ended", true, openmetrics,
		   "Connections that were ended because of a limit since the exporter was started");
	text_printf(out, "netns_stats_connections_ended_total %llu\n",
		    (unsigned long long)self->ended);
	add_header(out, "netns_stats_build_info", false, openmetrics,
		   "Always 1; the label has the version");
	text_add(out, "netns_stats_build_info{version=\"" USERNET_VERSION "\"} 1\n");
}

int exposition_print(const struct exposition *e, bool openmetrics,
		     const struct exposition_self *self, struct text *out, struct cni_error *err)
{
	for (size_t i = 0; i < sizeof(exposition_families) / sizeof(exposition_families[0]); i++)
		add_family(out, e, i, openmetrics);
	if (self != NULL)
		add_self(out, self, e->cut, openmetrics);
	if (openmetrics)
		text_add(out, "# EOF\n");
	return out->failed ? cni_error_nomem(err) : 0;
}
