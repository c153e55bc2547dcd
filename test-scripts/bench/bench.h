/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a subject of the benchmark measures with and reports to.
 *
 * A noisy machine makes absolute times worthless from one minute to the next, so nothing is
 * compared but what ran in alternation: round after round, each candidate once. The figures are
 * medians, with the first and third quartile as the spread; a ratio is one of medians of the same
 * run.
 */
#ifndef USERNET_BENCH_H
#define USERNET_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#define PEERS "/usr/lib/cni" /* the distribution's containernetworking-plugins */

struct bench {
	const char *bin;    /* the plugins that are measured: an absolute path */
	const char *build;  /* what only some builds have: static executables, a client of libcni */
	const char *before; /* the plugins of another build, or NULL */
	int rounds;         /* of every comparison; 0: each has its own number */
	bool quick;         /* few rounds and small numbers: does it work? */
	cJSON *report;      /* the subject's part of the report */
};

/* One file has one subject. Each runs in a process and on a host of its own (host.h), as root. */
struct subject {
	const char *name;
	const char *about;
	void (*run)(struct bench *b);
};

extern const struct subject subject_slirp4netns, subject_portmap, subject_stats, subject_cnirun,
	subject_start, subject_breakdown, subject_attachments, subject_before;

struct candidate {
	const char *name;
	/* One run. Return: microseconds or a rate, or negative: failed. */
	double (*run)(void *arg);
	void *arg;
	/* What bench_compare() leaves; the samples in the order in which they were taken. */
	double *samples;
	double low, median, high; /* quartiles */
};

enum unit { UNIT_MS, UNIT_US, UNIT_RATE };

/* The rounds of a comparison that takes @usual, as this run was asked for. */
int bench_rounds(const struct bench *b, int usual);

/* Alternate, print, report. One round before the first is not counted. Exits at a failure. */
void bench_compare(struct bench *b, const char *title, enum unit unit, int rounds,
		   struct candidate *candidates, size_t n);

/* The same for samples that were taken in another way: quartiles, a line, an entry. */
void bench_begin(struct bench *b, const char *title, enum unit unit, int rounds);
void bench_row(struct bench *b, struct candidate *candidate, size_t samples);

enum sense { AT_MOST, AT_LEAST };

/* A figure and its goal: reached, or not. */
void bench_goal(struct bench *b, const char *what, double value, const char *unit, enum sense sense,
		double limit);

/* A figure that no goal was set for. */
void bench_figure(struct bench *b, const char *what, double value, const char *unit);

/* Something that the reader of the figures should know. */
void bench_note(struct bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

double bench_median(const double *values, size_t n);

/* The median of the ratios of samples taken one beside the other. */
double bench_neighbours(const struct candidate *a, const struct candidate *b, size_t samples);

void *bench_alloc(size_t n, size_t size); /* zeroed, never NULL, never freed */

#endif
