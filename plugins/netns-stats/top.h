/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The live table: its rows (top_rows.c), its screen (top_screen.c), its loop (top.c). */
#ifndef NETNS_STATS_TOP_H
#define NETNS_STATS_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "container.h"
#include "counters.h"
#include "registry.h"
#include "sweep.h"

#define HISTORY 64 /* rates that a row remembers */
#define FILTER_MAX 64
#define CNI_NAME_SIZE 201 /* a checked container id or network, and a NUL */

enum sort {
	SORT_TOTAL,
	SORT_RX,
	SORT_TX,
	SORT_PACKETS,
	SORT_NAME,
};

/* An interface of a container, from one reading to the next. */
struct row {
	char id[CNI_NAME_SIZE];      /* of the container */
	char network[CNI_NAME_SIZE]; /* "" for none */
	char name[IFNAMSIZ];
	int index;
	struct counters counters; /* as read last */
	int64_t when;             /* monotonic, ns; 0: not read yet */
	double rx, tx, packets;   /* per second */
	double history[HISTORY];  /* rx + tx; a ring, `next` is the oldest */
	size_t next;
	unsigned long seen; /* the reading that it was in last */
};

struct rows {
	struct row *all;
	size_t n, size;
	struct row **shown; /* those that pass the filter, sorted */
	size_t n_shown, shown_size;
	unsigned long readings;
	size_t containers, unreadable;
	double rx, tx; /* of all, per second */
	enum sort sort;
	char filter[FILTER_MAX];
};

/* Free the rows and zero the rest. */
void rows_free(struct rows *rows);

/* Read every namespace and compute rates. Return: 0, or -1 out of memory. */
int rows_read(struct rows *rows, const struct registry *r, struct sweep_job *jobs, int64_t deadline,
	      struct cni_error *err);

/* Filter and sort into rows->shown. Return: 0, or -1 out of memory. */
int rows_arrange(struct rows *rows, struct cni_error *err);

/* "rx" and so on. Return: 0, or -1 if there is no such order. */
int sort_parse(const char *name, enum sort *out);
/* The reverse; static storage. */
const char *sort_name(enum sort sort);

/* What the person at the screen wants; the screen changes it by keys. */
struct view {
	size_t first; /* row at the top */
	bool paused;
	bool editing; /* the filter */
	bool exact;
	bool quit;
};

/* Take over the terminal. Return: 0, or -1 with @err (no such terminal; ncurses not installed). */
int screen_open(struct cni_error *err);
/* Give the terminal back, if it was taken. */
void screen_close(void);

/* Draw everything. @view: its first row is moved so that the screen is full. */
void screen_draw(const struct rows *rows, struct view *view);

/* Take all keys that are there. Return: whether anything changed. */
bool screen_keys(struct rows *rows, struct view *view);

/* After SIGWINCH. */
void screen_resized(void);

#endif
