/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Benchmarks: what is timed, and how it is compared.
 *
 * A noisy machine makes absolute times worthless from one minute to the next, so nothing is
 * compared but what ran in alternation: round after round, each candidate once. The figures are
 * medians, with the first and third quartile as the spread; a ratio is one of medians.
 */
#ifndef USERNET_BENCH_H
#define USERNET_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_MAX_ROUNDS 1000

struct candidate {
	const char *name;
	/* One run. Return: microseconds, or negative: failed (it has said why). */
	double (*run)(void *arg);
	void *arg;
	double samples[BENCH_MAX_ROUNDS];
};

struct goal {
	const char *what;
	size_t numerator; /* index of a candidate */
	size_t denominator;
	double at_most;
};

/* Run and report; exits at a failure. */
void bench_compare(const char *title, struct candidate *candidates, size_t n, int rounds,
		   const struct goal *goals, size_t n_goals);

/* A program to run: its environment, and what it reads. */
struct command {
	const char *const *argv;
	const char *const *envp;
	const char *input; /* NULL: none */
};

/*
 * Run it to its end, reading its standard output into @output (terminated; NULL: dropped).
 * Return: microseconds from before spawning until it has been reaped; negative when it failed.
 */
double bench_run(const struct command *cmd, char *output, size_t size);

/* Peak resident memory of a run, in KiB, read as it exits; negative when it failed. */
long bench_peak_memory(const struct command *cmd);

double bench_now(void); /* microseconds */

void __attribute__((noreturn, format(printf, 1, 2))) bench_die(const char *format, ...);

#endif
