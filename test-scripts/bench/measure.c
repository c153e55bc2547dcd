/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../lib/host.h"
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	double divisor;
	int decimals;
} units[] = {
	[UNIT_MS] = {"ms", 1e3, 3},
	[UNIT_US] = {"us", 1, 1},
	[UNIT_RATE] = {"/s", 1, 0},
};

void *bench_alloc(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (memory == NULL)
		die("out of memory");
	return memory;
}

int bench_rounds(const struct bench *b, int usual)
{
	if (b->rounds > 0)
		return b->rounds;
	if (b->quick)
		return 2;
	return usual;
}

static int compare_doubles(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sorted_copy(double *to, const double *from, size_t n)
{
	memcpy(to, from, n * sizeof(*to));
	qsort(to, n, sizeof(*to), compare_doubles);
}

double bench_median(const double *values, size_t n)
{
	double *sorted = bench_alloc(n, sizeof(*sorted));
	double median;

	sorted_copy(sorted, values, n);
	median = sorted[n / 2];
	free(sorted);
	return median;
}

static cJSON *list(cJSON *parent, const char *name)
{
	cJSON *array = cJSON_GetObjectItemCaseSensitive(parent, name);

	return array != NULL ? array : cJSON_AddArrayToObject(parent, name);
}

static cJSON *entry(cJSON *parent, const char *name)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddItemToArray(list(parent, name), object);
	return object;
}

/* The comparison that rows are being added to, and its unit. */
static cJSON *comparison;
static enum unit current;

void bench_begin(struct bench *b, const char *title, enum unit unit, int rounds)
{
	printf("\n%s  (%d rounds, alternated)\n", title, rounds);
	fflush(stdout);
	comparison = entry(b->report, "comparisons");
	cJSON_AddStringToObject(comparison, "title", title);
	cJSON_AddStringToObject(comparison, "unit", units[unit].name);
	cJSON_AddNumberToObject(comparison, "rounds", rounds);
	current = unit;
}

void bench_row(struct bench *b, struct candidate *candidate, size_t samples)
{
	const double divisor = units[current].divisor;
	const int decimals = units[current].decimals;
	double *sorted = bench_alloc(samples, sizeof(*sorted));
	cJSON *row = entry(comparison, "candidates");

	(void)b;
	sorted_copy(sorted, candidate->samples, samples);
	candidate->low = sorted[samples / 4];
	candidate->median = sorted[samples / 2];
	candidate->high = sorted[samples * 3 / 4];
	printf("  %-52s %10.*f %s   (%.*f to %.*f)\n", candidate->name, decimals,
	       candidate->median / divisor, units[current].name, decimals, candidate->low / divisor,
	       decimals, candidate->high / divisor);
	fflush(stdout);
	cJSON_AddStringToObject(row, "name", candidate->name);
	cJSON_AddNumberToObject(row, "median", candidate->median / divisor);
	cJSON_AddNumberToObject(row, "firstQuartile", candidate->low / divisor);
	cJSON_AddNumberToObject(row, "thirdQuartile", candidate->high / divisor);
	cJSON_AddNumberToObject(row, "min", sorted[0] / divisor);
	cJSON_AddNumberToObject(row, "max", sorted[samples - 1] / divisor);
	free(sorted);
}

void bench_compare(struct bench *b, const char *title, enum unit unit, int rounds,
		   struct candidate *candidates, size_t n)
{
	bench_begin(b, title, unit, rounds);
	for (size_t i = 0; i < n; i++)
		candidates[i].samples = bench_alloc((size_t)rounds, sizeof(double));
	for (int round = -1; round < rounds; round++) { /* round -1 warms up */
		for (size_t i = 0; i < n; i++) {
			const double value = candidates[i].run(candidates[i].arg);

			if (value < 0)
				die("%s: %s failed", title, candidates[i].name);
			if (round >= 0)
				candidates[i].samples[round] = value;
		}
	}
	for (size_t i = 0; i < n; i++)
		bench_row(b, &candidates[i], (size_t)rounds);
}

void bench_goal(struct bench *b, const char *what, double value, const char *unit, enum sense sense,
		double limit)
{
	const bool reached = sense == AT_MOST ? value <= limit : value >= limit;
	cJSON *goal = entry(b->report, "goals");

	printf("  %-52s %10.2f %-4s (goal: at %s %g: %s)\n", what, value, unit,
	       sense == AT_MOST ? "most" : "least", limit, reached ? "reached" : "NOT reached");
	cJSON_AddStringToObject(goal, "what", what);
	cJSON_AddNumberToObject(goal, "value", value);
	cJSON_AddStringToObject(goal, "unit", unit);
	cJSON_AddNumberToObject(goal, sense == AT_MOST ? "atMost" : "atLeast", limit);
	cJSON_AddBoolToObject(goal, "reached", reached);
}

void bench_figure(struct bench *b, const char *what, double value, const char *unit)
{
	cJSON *figure = entry(b->report, "figures");

	printf("  %-52s %10.2f %s\n", what, value, unit);
	cJSON_AddStringToObject(figure, "what", what);
	cJSON_AddNumberToObject(figure, "value", value);
	cJSON_AddStringToObject(figure, "unit", unit);
}

void bench_note(struct bench *b, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("  %s\n", text);
	cJSON_AddItemToArray(list(b->report, "notes"), cJSON_CreateString(text));
}

double bench_neighbours(const struct candidate *a, const struct candidate *b, size_t samples)
{
	double *ratios = bench_alloc(samples, sizeof(*ratios));
	double median;

	for (size_t i = 0; i < samples; i++)
		ratios[i] = a->samples[i] / b->samples[i];
	median = bench_median(ratios, samples);
	free(ratios);
	return median;
}
