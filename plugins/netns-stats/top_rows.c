/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rows of the live table: an interface is recognized by container, namespace index and
 * interface index, so that renaming it does not end its history, and one that is made anew under
 * the same name begins a new one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "top.h"

static const char *const sort_names[] = {[SORT_TOTAL] = "total",
					 [SORT_RX] = "rx",
					 [SORT_TX] = "tx",
					 [SORT_PACKETS] = "packets",
					 [SORT_NAME] = "name"};

#define N_SORTS (sizeof(sort_names) / sizeof(sort_names[0]))

int sort_parse(const char *name, enum sort *out)
{
	for (size_t i = 0; i < N_SORTS; i++) {
		if (strcmp(name, sort_names[i]) == 0) {
			*out = (enum sort)i;
			return 0;
		}
	}
	return -1;
}

const char *sort_name(enum sort sort)
{
	return sort_names[sort];
}

void rows_free(struct rows *rows)
{
	free(rows->all);
	free(rows->shown);
	*rows = (struct rows){0};
}

/* Containers come in the same order at each reading, so the row is where the last search ended, or
 * shortly after. */
static struct row *find(struct rows *rows, size_t *hint, const char *id, int index)
{
	for (size_t i = 0; i < rows->n; i++) {
		struct row *row = &rows->all[(*hint + i) % rows->n];

		if (row->index == index && strcmp(row->id, id) == 0) {
			*hint = (*hint + i + 1) % rows->n;
			return row;
		}
	}
	return NULL;
}

static struct row *rows_append(struct rows *rows, const char *id, int index)
{
	struct row *row;

	if (!array_reserve(rows->all, rows->size, rows->n, 1))
		return NULL;
	row = &rows->all[rows->n];
	*row = (struct row){.index = index};
	snprintf(row->id, sizeof(row->id), "%s", id);
	rows->n++;
	return row;
}

static int rows_take_link(struct rows *rows, size_t *hint, const struct container *c,
			  const struct link *l, int64_t now)
{
	struct row *row = find(rows, hint, c->id, l->index);
	struct counters counters, delta;
	double seconds;

	if (row == NULL)
		row = rows_append(rows, c->id, l->index);
	if (row == NULL)
		return -1;
	snprintf(row->network, sizeof(row->network), "%s", container_network(c, l));
	snprintf(row->name, sizeof(row->name), "%s", l->name);
	counters_of(l, &counters);
	seconds = (double)(now - row->when) / NS_PER_S;
	if (row->when && seconds > 0) {
		delta = counters_delta(&row->counters, &counters);
		row->rx = (double)delta.rx.bytes / seconds;
		row->tx = (double)delta.tx.bytes / seconds;
		row->packets = (double)(delta.rx.packets + delta.tx.packets) / seconds;
		row->history[row->next] = row->rx + row->tx;
		row->next = (row->next + 1) % HISTORY;
	}
	row->counters = counters;
	row->when = now;
	row->seen = rows->readings;
	rows->rx += row->rx;
	rows->tx += row->tx;
	return 0;
}

static void forget_gone(struct rows *rows)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->n; i++) {
		if (rows->all[i].seen == rows->readings)
			rows->all[kept++] = rows->all[i];
	}
	rows->n = kept;
	rows->n_shown = 0;
}

int rows_read(struct rows *rows, const struct registry *r, struct sweep_job *jobs, int64_t deadline,
	      struct cni_error *err)
{
	cleanup_container_list struct container_list list = {0};
	size_t hint = 0;

	if (container_list_add(&list, r, 0, r->n, err) < 0)
		return -1;
	rows->readings++;
	rows->rx = rows->tx = 0;
	rows->containers = list.n;
	rows->unreadable = 0;
	for (size_t i = 0; i < list.n; i += SWEEP_BLOCK) {
		const size_t left = list.n - i, n = left < SWEEP_BLOCK ? left : SWEEP_BLOCK;
		int64_t now;

		for (size_t k = 0; k < n; k++) {
			jobs[k].path = list.all[i + k].netns;
			jobs[k].identity = list.all[i + k].identity;
		}
		sweep(jobs, n, 0, deadline);
		now = monotonic_ns();
		for (size_t k = 0; k < n; k++) {
			const struct sample *s = &jobs[k].sample;

			rows->unreadable += jobs[k].err.code != 0;
			for (size_t m = 0; !jobs[k].err.code && m < s->n_links; m++) {
				if (s->links[m].flags & IFF_LOOPBACK)
					continue;
				if (rows_take_link(rows, &hint, &list.all[i + k], &s->links[m],
						   now))
					return cni_error_nomem(err);
			}
		}
	}
	forget_gone(rows);
	return 0;
}

static int by_name(const struct row *a, const struct row *b)
{
	const int order = strcmp(a->id, b->id);

	return order ? order : strcmp(a->name, b->name);
}

static double measure(const struct row *row, enum sort sort)
{
	switch (sort) {
	case SORT_RX:
		return row->rx;
	case SORT_TX:
		return row->tx;
	case SORT_PACKETS:
		return row->packets;
	case SORT_NAME:
		return 0;
	default:
		return row->rx + row->tx;
	}
}

/* The largest first; what is equal keeps its place from one reading to the next. */
static int rows_compare(const void *pa, const void *pb, void *arg)
{
	const struct row *a = *(const struct row *const *)pa;
	const struct row *b = *(const struct row *const *)pb;
	const double x = measure(a, *(enum sort *)arg), y = measure(b, *(enum sort *)arg);

	if (x != y)
		return x < y ? 1 : -1;
	return by_name(a, b);
}

static bool passes(const struct row *row, const char *filter)
{
	return !*filter || strcasestr(row->id, filter) != NULL ||
	       strcasestr(row->name, filter) != NULL || strcasestr(row->network, filter) != NULL;
}

int rows_arrange(struct rows *rows, struct cni_error *err)
{
	struct row **shown;

	/* Pointers, and their size is meant. NOLINTNEXTLINE(bugprone-sizeof-expression) */
	if (!array_reserve(rows->shown, rows->shown_size, 0, rows->n))
		return cni_error_nomem(err);
	shown = rows->shown;
	rows->n_shown = 0;
	for (size_t i = 0; i < rows->n; i++)
		if (passes(&rows->all[i], rows->filter))
			shown[rows->n_shown++] = &rows->all[i];
	if (rows->n_shown == 0)
		return 0; /* no array either, which qsort_r(3) does not take */
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	qsort_r(shown, rows->n_shown, sizeof(*shown), rows_compare, &rows->sort);
	return 0;
}
