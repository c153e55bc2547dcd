/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table: a row per interface, columns as wide as their widest cell. Rows are kept until the
 * end, because a column's width is not known before.
 *
 * With --detail, what was found is printed below the table, one `path value` per line: easy to grep
 * and the same data as in JSON.
 */
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cleanup.h"
#include "show.h"

#define ID_COLUMNS 12

enum column {
	COL_CONTAINER,
	COL_NETWORK,
	COL_INTERFACE,
	COL_STATE,
	COL_MTU,
	COL_MAC,
	COL_ADDRESSES,
	COL_RX,
	COL_TX,
	COL_RX_PACKETS,
	COL_TX_PACKETS,
	COL_ERRORS,
	COL_DROPPED,
	COLUMNS,
};

static const struct {
	const char *title;
	bool right;
} columns[COLUMNS] = {
	{"CONTAINER", false}, {"NETWORK", false}, {"INTERFACE", false}, {"STATE", false},
	{"MTU", true},        {"MAC", false},     {"ADDRESSES", false}, {"RX", true},
	{"TX", true},         {"RX-PKTS", true},  {"TX-PKTS", true},    {"ERRORS", true},
	{"DROPPED", true},
};

/* Cells one after the other, each ended by a NUL. */
struct table {
	struct text cells;
	struct text below; /* --detail */
	size_t width[COLUMNS];
	size_t rows;
	enum column next;
};

static void cell(struct table *t, const char *s)
{
	const size_t start = t->cells.len;
	size_t width;

	text_add_printable(&t->cells, *s ? s : "-");
	if (t->cells.failed)
		return;
	width = text_columns(t->cells.data + start);
	if (width > t->width[t->next])
		t->width[t->next] = width;
	text_add_bytes(&t->cells, "", 1);
	t->next++;
	if (t->next == COLUMNS) {
		t->next = 0;
		t->rows++;
	}
}

static void number_cell(struct table *t, uint64_t value, bool exact)
{
	char human[TEXT_HUMAN_MAX], digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	cell(t, exact ? digits : text_human(value, human));
}

/* The addresses that others can reach: not the link-local ones, which every interface has. */
static void address_cell(struct table *t, const struct sample *s, const struct link *l)
{
	cleanup_text struct text list = {0};

	for (size_t i = 0; i < s->n_addresses; i++) {
		const struct link_address *a = &s->addresses[i];
		char buf[IP_PREFIX_TEXT_MAX];

		if (a->index != l->index || a->scope == RT_SCOPE_LINK)
			continue;
		text_add(&list, list.len ? "," : "");
		text_add(&list, ip_prefix_format(&a->prefix, buf));
	}
	cell(t, list.data != NULL ? list.data : "");
}

/* The beginning of an id tells containers apart; a bare namespace goes by its path. */
static void container_cell(struct table *t, const struct container *c)
{
	char id[ID_COLUMNS + 1];

	snprintf(id, sizeof(id), "%s", c->id);
	cell(t, c->id[0] ? id : c->netns);
}

static void link_row(struct show *show, const struct container *c, const struct sample *s,
		     const struct link *l)
{
	const struct rtnl_link_stats64 *st = &l->stats;
	struct table *t = show->table;
	char hwaddr[HWADDR_TEXT_MAX];

	container_cell(t, c);
	cell(t, container_network(c, l));
	cell(t, l->name);
	/* A tap's carrier is "unknown" even in use; then the administrative state counts. */
	cell(t, l->operstate ? operstate_name(l) : l->flags & IFF_UP ? "UP" : "DOWN");
	number_cell(t, l->mtu, true);
	cell(t, hwaddr_format(l->hwaddr, l->hwaddr_len, hwaddr));
	address_cell(t, s, l);
	number_cell(t, st->rx_bytes, show->exact);
	number_cell(t, st->tx_bytes, show->exact);
	number_cell(t, st->rx_packets, true);
	number_cell(t, st->tx_packets, true);
	number_cell(t, st->rx_errors + st->tx_errors, true);
	number_cell(t, st->rx_dropped + st->tx_dropped, true);
}

/* The namespace cannot be read: the row says so, stderr says why. */
static void error_row(struct table *t, const struct container *c, const struct cni_error *err)
{
	container_cell(t, c);
	cell(t, c->n ? c->attachments[0].key.network : "");
	cell(t, c->n ? c->attachments[0].key.ifname : "");
	cell(t, err->code == CNI_ERR_CONTAINER ? "GONE" : "UNREADABLE");
	while (t->next)
		cell(t, "");
}

/* Print each leaf of a tree on a line, behind the names that lead to it. */
static void add_leaves(struct text *out, const cJSON *json, const char *path)
{
	const cJSON *item;
	int i = 0;

	if (cJSON_IsObject(json) || cJSON_IsArray(json)) {
		cJSON_ArrayForEach (item, json) {
			cleanup_text struct text longer = {0};

			text_printf(&longer, "%s%s", path, *path ? "." : "");
			if (cJSON_IsObject(json))
				text_add(&longer, item->string);
			else
				text_add_u64(&longer, (uint64_t)i++);
			if (longer.failed)
				out->failed = true;
			else
				add_leaves(out, item, longer.data);
		}
		return;
	}
	text_add(out, "  ");
	text_add_printable(out, path);
	text_add(out, " ");
	if (cJSON_IsString(json)) {
		text_add_printable(out, json->valuestring);
	} else {
		cleanup_free char *value = cJSON_PrintUnformatted(json);

		text_add(out, value != NULL ? value : "");
	}
	text_add(out, "\n");
}

static void add_detail(struct table *t, const struct container *c, const struct sample *s)
{
	cleanup_json cJSON *json = cJSON_ParseWithLength(s->detail.data, s->detail.len);

	text_add(&t->below, "\n");
	text_add_printable(&t->below, c->id[0] ? c->id : c->netns);
	text_add(&t->below, "\n");
	add_leaves(&t->below, json, "");
}

static int table_container(struct show *show, const struct container *c,
			   const struct sweep_job *job, struct text *out, struct cni_error *err)
{
	const struct sample *s = &job->sample;

	(void)out;
	if (show->table == NULL)
		show->table = calloc(1, sizeof(*show->table));
	if (show->table == NULL)
		return cni_error_nomem(err);
	if (job->err.code)
		error_row(show->table, c, &job->err);
	for (size_t i = 0; !job->err.code && i < s->n_links; i++)
		if (show_link(show, &s->links[i]))
			link_row(show, c, s, &s->links[i]);
	if (!job->err.code && s->detail.len)
		add_detail(show->table, c, s);
	return show->table->cells.failed || show->table->below.failed ? cni_error_nomem(err) : 0;
}

static void pad(struct text *out, size_t n)
{
	while (n--)
		text_add(out, " ");
}

static void print_cell(struct text *out, const struct table *t, size_t column, const char *s)
{
	const size_t space = t->width[column] - text_columns(s);

	if (columns[column].right)
		pad(out, space);
	text_add(out, s);
	if (column == COLUMNS - 1)
		text_add(out, "\n");
	else
		pad(out, (columns[column].right ? 0 : space) + 2);
}

static int table_end(struct show *show, struct text *out, struct cni_error *err)
{
	static struct table empty;
	struct table *t = show->table != NULL ? show->table : &empty;
	const char *s = t->cells.data;

	for (size_t i = 0; i < COLUMNS; i++)
		if (t->width[i] < strlen(columns[i].title))
			t->width[i] = strlen(columns[i].title);
	for (size_t i = 0; i < COLUMNS; i++)
		print_cell(out, t, i, columns[i].title);
	for (size_t row = 0; row < t->rows; row++) {
		for (size_t i = 0; i < COLUMNS; i++, s += strlen(s) + 1)
			print_cell(out, t, i, s);
	}
	if (t->below.len)
		text_add_bytes(out, t->below.data, t->below.len);
	return out->failed ? cni_error_nomem(err) : 0;
}

static void table_free(struct show *show)
{
	if (show->table == NULL)
		return;
	text_free(&show->table->cells);
	text_free(&show->table->below);
	free(show->table);
}

const struct show_form show_table = {
	.name = "table", .container = table_container, .end = table_end, .free = table_free};
