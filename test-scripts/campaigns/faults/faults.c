/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults at every point of every operation, one after the other.
 *
 * A good run of an operation tells its system calls and allocations. Then, run after run, each call
 * fails once with each errno that fits it, and with some from there on; the process is killed
 * before it and after it; each allocation fails once, and from there on. After every run:
 *
 *   - it prints a result or an error as the protocol has them; no crash, no hang, no half of a
 * result
 *   - what succeeded is true: after ADD, CHECK agrees; after DEL and GC nothing is left
 *   - an ADD that failed, with one fault, has left nothing
 *   - then DEL, and in a run of its own GC, leaves nothing: no process, file, mount, interface,
 *     forward, element of nf_tables
 *   - what stands by is as it was, and now and then traffic goes through it
 *   - the next ADD works, and its DEL
 *
 * A point's name says it all, and runs it alone:
 *
 *   SUBJECT:OPERATION:PROCESS.CALL.NTH:FAULT:CLEANUP
 *   slirp4netns:ADD:0.openat.3:ENOMEM:DEL      the plugin's third openat(2) fails
 *   slirp4netns:ADD:1.mount.1:kill-after:GC    its first child is killed after its first mount(2)
 *   slirp4netns:ADD:alloc.7:ENOMEM+:DEL        the 7th allocation and all later ones fail
 *
 * PROCESS is l for the dynamic loader, 0 for the program, 1 and up for its children. The reply to
 * a fault of the loader is the loader's.
 *
 * Points are shared out among hosts by a hash of their names, and so is a sample chosen.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/host.h"
#include "calls.h"
#include "cleanup.h"
#include "inventory.h"
#include "subjects.h"
#include "tracer.h"

#define NAME_MAX_BYTES 160
#define TRAFFIC_EVERY 40
#define PROGRESS_EVERY 5000
#define REASON_MAX 2000

enum kind {
	KIND_FAILS,
	KIND_KILLED,
	KIND_MEMORY,
	KINDS,
};

static const char *const kind_names[KINDS] = {
	"each call fails once with each errno",
	"killed before and after each call",
	"each allocation fails",
};

struct point {
	size_t operation; /* index */
	struct fault fault;
	bool gc;     /* is what cleans up */
	bool chosen; /* for the sample */
};

struct points {
	struct point *all;
	size_t n, size;
};

struct campaign {
	const char *only;     /* a pattern; NULL: all */
	unsigned long sample; /* how many; 0: all */
	unsigned int seed;
	unsigned int jobs;
	bool list;
	const char *bin;
	const char *library; /* the directory of the preloaded one */
};

static enum kind kind_of(const struct point *p)
{
	switch (p->fault.kind) {
	case FAULT_KILL_BEFORE:
	case FAULT_KILL_AFTER:
		return KIND_KILLED;
	case FAULT_ALLOC:
	case FAULT_ALLOC_ON:
		return KIND_MEMORY;
	default:
		return KIND_FAILS;
	}
}

static void point_name(const struct point *p, char out[NAME_MAX_BYTES])
{
	const struct operation *op = &operations[p->operation];
	const struct fault *f = &p->fault;
	char what[64], how[32];
	char process[8] = "l";

	if (f->process != PROCESS_LOADER)
		snprintf(process, sizeof(process), "%d", f->process);
	if (kind_of(p) == KIND_MEMORY)
		snprintf(what, sizeof(what), "alloc.%lu", f->nth);
	else
		snprintf(what, sizeof(what), "%s.%s.%lu", process, call_by_number(f->call)->name,
			 f->nth);
	if (f->kind == FAULT_KILL_BEFORE || f->kind == FAULT_KILL_AFTER)
		snprintf(how, sizeof(how), "kill-%s",
			 f->kind == FAULT_KILL_BEFORE ? "before" : "after");
	else
		snprintf(how, sizeof(how), "%s%s", strerrorname_np(f->errnum),
			 f->kind == FAULT_ERRNO_ON || f->kind == FAULT_ALLOC_ON ? "+" : "");
	snprintf(out, NAME_MAX_BYTES, "%s:%s:%s:%s:%s", subject_name(op), op->name, what, how,
		 p->gc ? "GC" : "DEL");
}

static uint64_t point_hash(const struct point *p, unsigned int seed)
{
	char name[NAME_MAX_BYTES];
	uint64_t hash = 0xcbf29ce484222325 ^ seed; /* FNV-1a, and a finalizer */

	point_name(p, name);
	for (const char *c = name; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	hash = (hash ^ hash >> 31) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 29;
}

/*
 * What there is to try
 */

static void add_point(struct points *points, const struct campaign *c, const struct point *p)
{
	char name[NAME_MAX_BYTES];

	point_name(p, name);
	if (c->only != NULL && fnmatch(c->only, name, 0) != 0)
		return;
	if (points->n == points->size) {
		points->size = points->size == 0 ? 4096 : points->size * 2;
		points->all = reallocarray(points->all, points->size, sizeof(*points->all));
		if (points->all == NULL)
			die("out of memory");
	}
	points->all[points->n++] = *p;
}

/* By DEL and by GC. */
static void add_points(struct points *points, const struct campaign *c, struct point p)
{
	p.gc = true;
	add_point(points, c, &p);
	p.gc = false;
	if (!operations[p.operation].no_del)
		add_point(points, c, &p);
}

/* What does not pass by itself. */
static bool is_lasting(int errnum)
{
	return errnum == ENOMEM || errnum == EMFILE || errnum == ENOSPC;
}

static void add_call(struct points *points, const struct campaign *c, size_t operation,
		     const struct seen *seen)
{
	const struct call *call = call_by_number(seen->call);
	struct point p = {
		.operation = operation,
		.fault = {.process = seen->process, .call = seen->call, .nth = seen->nth},
	};

	if (call == NULL)
		die("system call %d is not in the table of calls.c", seen->call);
	/* The loader does the same whatever the operation. */
	if (seen->process == PROCESS_LOADER && !operations[operation].loads)
		return;
	for (size_t i = 0; i < CALL_ERRNOS_MAX && call->errnos[i] != 0; i++) {
		p.fault.errnum = call->errnos[i];
		if (seen->asks && p.fault.errnum == EAGAIN)
			continue;
		p.fault.kind = FAULT_ERRNO;
		add_points(points, c, p);
		p.fault.kind = FAULT_ERRNO_ON;
		if (is_lasting(p.fault.errnum))
			add_points(points, c, p);
	}
	/* What changes nothing outside the process: the kills of its neighbours are its own. */
	if (call->errnos[0] == 0)
		return;
	p.fault.kind = FAULT_KILL_BEFORE;
	add_points(points, c, p);
	p.fault.kind = FAULT_KILL_AFTER;
	add_points(points, c, p);
}

static void prepare_point(const struct operation *op)
{
	char text[REASON_MAX];
	const char *wrong = op->attached ? step_add(op, text, sizeof(text)) : NULL;

	if (wrong != NULL)
		die("%s %s: %s", subject_name(op), op->name, wrong);
	if (op->before != NULL)
		op->before(op);
}

static const char *clean_up(const struct operation *op, bool gc, char *text, size_t size)
{
	return gc ? step_gc(op, text, size) : step_del(op, text, size);
}

static void finish_point(const struct operation *op)
{
	char text[REASON_MAX];
	const char *wrong = clean_up(op, op->no_del, text, sizeof(text));

	if (wrong != NULL)
		die("%s %s: %s", subject_name(op), op->name, wrong);
	if (op->after != NULL)
		op->after(op);
}

/* A run without a fault; what it must be is judged like any other. */
static void good_run(const struct operation *op, const struct fault *fault, struct trace *trace,
		     struct outcome *outcome)
{
	const char *wrong;

	prepare_point(op);
	if (fault->kind == FAULT_NONE)
		run_traced(operation_program(op), fault, trace, outcome);
	else
		run_plain(operation_program(op), fault, outcome);
	wrong = judge(op, fault, outcome);
	if (wrong != NULL || !succeeded(outcome))
		die("%s %s without a fault: %s %s %s", subject_name(op), op->name,
		    wrong ?: "failed", outcome->out, outcome->words);
	if (op->restore != NULL)
		op->restore(op);
	finish_point(op);
}

static void enumerate_operation(struct points *points, const struct campaign *c, size_t index)
{
	static struct outcome outcome;
	const struct operation *op = &operations[index];
	struct trace trace = {0};
	struct point p = {.operation = index, .fault = {.errnum = ENOMEM}};
	const struct fault none = {.kind = FAULT_NONE}, count = {.kind = FAULT_ALLOC};

	good_run(op, &none, &trace, &outcome);
	for (size_t i = 0; i < trace.n; i++)
		add_call(points, c, index, &trace.seen[i]);
	free(trace.seen);
	good_run(op, &count, NULL, &outcome);
	for (p.fault.nth = 1; p.fault.nth <= outcome.allocations; p.fault.nth++) {
		p.fault.kind = FAULT_ALLOC;
		add_points(points, c, p);
		p.fault.kind = FAULT_ALLOC_ON;
		add_points(points, c, p);
	}
}

/* Whether a pattern can be of this operation's points. */
static bool may_match(const struct campaign *c, const struct operation *op)
{
	char pattern[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
	char *end;

	if (c->only == NULL)
		return true;
	snprintf(pattern, sizeof(pattern), "%s", c->only);
	snprintf(name, sizeof(name), "%s:%s", subject_name(op), op->name);
	end = strchr(pattern, ':');
	end = end == NULL ? NULL : strchr(end + 1, ':');
	if (end == NULL)
		return true;
	*end = '\0';
	return fnmatch(pattern, name, 0) == 0;
}

static int compare_hashes(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Points that have failed before the defects behind them were mended: of every sample. */
static const char *const once_failed[] = {
	/* an error that needed memory to be printed; a result that lacked what found none */
	"slirp4netns:ADD:alloc.4:ENOMEM+:DEL",
	"netns-portmap/*:VERSION:alloc.9:ENOMEM:GC",
	/* DEL: success though the record could not be read, or the forwards not be asked for */
	"slirp4netns:DEL:0.openat2.5:EMFILE:DEL",
	"netns-portmap/slirp4netns:DEL:0.sendto.1:ENOMEM:DEL",
	/* a file of the host's for resolv.conf */
	"cnirun:run:5.umount2.1:kill-before:GC",
	/* temporary files and entries in the cache */
	"cnirun:add:0.renameat.1:ENOMEM+:GC",
	"cnirun:del:alloc.8?4:ENOMEM+:DEL",
	/* gc: a namespace or an entry that cannot be read is not one that has gone */
	"cnirun:gc:0.openat.10:EMFILE+:DEL",
	"cnirun:gc:0.fstatfs.2:ENOMEM:GC",
	"cnirun:gc:0.ioctl.2:ENOMEM:GC",
	"cnirun:gc:alloc.26?:ENOMEM:DEL",
};

static bool has_failed(const struct point *p)
{
	char name[NAME_MAX_BYTES];

	point_name(p, name);
	for (size_t i = 0; i < sizeof(once_failed) / sizeof(once_failed[0]); i++)
		if (fnmatch(once_failed[i], name, 0) == 0)
			return true;
	return false;
}

/*
 * Of each operation and kind the share that makes up the sample, at least one: those with the
 * smallest hashes.
 */
static void choose_sample(struct points *points, const struct campaign *c)
{
	uint64_t *hashes = calloc(points->n + 1, sizeof(*hashes));
	size_t kept = 0;

	if (hashes == NULL)
		die("out of memory");
	for (size_t begin = 0, end; begin < points->n; begin = end) {
		const size_t operation = points->all[begin].operation;

		for (end = begin; end < points->n && points->all[end].operation == operation;)
			end++;
		for (int kind = 0; kind < KINDS; kind++) {
			size_t n = 0, share;

			for (size_t i = begin; i < end; i++)
				if ((int)kind_of(&points->all[i]) == kind)
					hashes[n++] = point_hash(&points->all[i], c->seed);
			if (n == 0)
				continue;
			qsort(hashes, n, sizeof(*hashes), compare_hashes);
			share = n * c->sample / points->n;
			share = share == 0 ? 1 : share > n ? n : share;
			for (size_t i = begin; i < end; i++)
				if ((int)kind_of(&points->all[i]) == kind &&
				    point_hash(&points->all[i], c->seed) <= hashes[share - 1])
					points->all[i].chosen = true;
		}
	}
	for (size_t i = 0; i < points->n; i++)
		if (points->all[i].chosen || has_failed(&points->all[i]))
			points->all[kept++] = points->all[i];
	points->n = kept;
	free(hashes);
}

/*
 * One point
 */

struct worker {
	FILE *report;
	struct inventory baseline;
	int descriptors; /* of a daemon after a good ADD; -1: there is none */
	unsigned long tried;
};

static const char *compare_with_baseline(const struct worker *w, const char *when, char *text,
					 size_t size)
{
	struct inventory now;
	char difference[REASON_MAX - 100];
	const char *stranger = faults_settle(&w->baseline, false);
	bool differs;

	if (stranger != NULL) {
		snprintf(text, size, "%s this does not end: %s", when, stranger);
		return text;
	}
	inventory_take(&now, standing_sockets);
	differs = inventory_differs(&w->baseline, &now, difference, sizeof(difference));
	inventory_free(&now);
	if (!differs)
		return NULL;
	snprintf(text, size, "%s %s", when, difference);
	return text;
}

static void wrap(char *text, size_t size, const char *when)
{
	char copy[REASON_MAX];

	memccpy(copy, text, '\0', sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	if (snprintf(text, size, "%s ", when) < (int)size)
		strncat(text, copy, size - strlen(text) - 1);
}

/* What an operation has just said of itself. */
static const char *hold_to_word(const struct worker *w, const struct operation *op,
				const struct fault *fault, const struct outcome *outcome,
				char *text, size_t size)
{
	const bool lasting = fault->kind == FAULT_ERRNO_ON || fault->kind == FAULT_ALLOC_ON;

	if (WIFSIGNALED(outcome->status))
		return NULL;
	if (succeeded(outcome) && operation_removes(op) && op->after == NULL &&
	    !admits_leftovers(op, fault, outcome))
		return compare_with_baseline(w, "after success", text, size);
	if (!succeeded(outcome) && operation_adds(op) && !lasting && op->after == NULL &&
	    !op->attached)
		return compare_with_baseline(w, "after failure", text, size);
	if (succeeded(outcome) && operation_adds(op)) {
		int descriptors;

		if (step_check(op, text, size) != NULL) {
			wrap(text, size, "after success");
			return text;
		}
		descriptors = attachment_descriptors(op);
		if (descriptors != w->descriptors) {
			snprintf(text, size, "the daemon has %d descriptors and not %d",
				 descriptors, w->descriptors);
			return text;
		}
	}
	return NULL;
}

/* Return: NULL, or what went wrong. */
static const char *try_point(struct worker *w, const struct point *p, bool *reached, char *text,
			     size_t size)
{
	static struct outcome outcome;
	const struct operation *op = &operations[p->operation];
	const char *wrong;

	if (op->attached && step_add(op, text, size) != NULL)
		return text;
	if (op->before != NULL)
		op->before(op);
	if (kind_of(p) == KIND_MEMORY)
		run_plain(operation_program(op), &p->fault, &outcome);
	else
		run_traced(operation_program(op), &p->fault, NULL, &outcome);
	*reached = outcome.reached;
	if (op->restore != NULL)
		op->restore(op);
	wrong = faults_settle(&w->baseline, true);
	if (wrong != NULL) {
		snprintf(text, size, "this does not end: %s", wrong);
		return text;
	}
	wrong = judge(op, &p->fault, &outcome);
	if (wrong == NULL)
		wrong = hold_to_word(w, op, &p->fault, &outcome, text, size);
	if (wrong != NULL)
		return wrong;
	if (clean_up(op, p->gc, text, size) != NULL) {
		wrap(text, size, "cleaning up:");
		return text;
	}
	/* What is admitted to be left, the next ADD takes over. */
	if (admits_leftovers(op, &p->fault, &outcome) &&
	    (step_add(op, text, size) != NULL || step_del(op, text, size) != NULL))
		return text;
	if (op->after != NULL)
		op->after(op);
	if (compare_with_baseline(w, p->gc ? "after GC" : "after DEL", text, size) != NULL)
		return text;
	/* Where the next point begins with an ADD, that is the next one. */
	if (!op->attached) {
		if (step_add(op, text, size) != NULL || step_del(op, text, size) != NULL) {
			wrap(text, size, "the next");
			return text;
		}
		if (compare_with_baseline(w, "after the next ADD and DEL", text, size) != NULL)
			return text;
	}
	if (++w->tried % TRAFFIC_EVERY == 0)
		return standing_traffic();
	return NULL;
}

static void take_baseline(struct worker *w)
{
	inventory_free(&w->baseline);
	inventory_take(&w->baseline, standing_sockets);
}

static void count_daemons_descriptors(struct worker *w, size_t index)
{
	const struct operation *op = &operations[index];
	char text[REASON_MAX];

	if (step_add(op, text, sizeof(text)) != NULL)
		die("%s", text);
	w->descriptors = attachment_descriptors(op);
	if (step_del(op, text, sizeof(text)) != NULL)
		die("%s", text);
}

/* One line of a report has no newline in it. */
static void flatten(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			*text = ' ';
}

static void report_failure(const struct worker *w, const struct point *p, const char *wrong)
{
	char name[NAME_MAX_BYTES], reason[REASON_MAX];

	point_name(p, name);
	snprintf(reason, sizeof(reason), "%s", wrong);
	flatten(reason);
	fprintf(w->report, "F %zu %d %s %s\n", p->operation, (int)kind_of(p), name, reason);
	fflush(w->report);
}

static void work(const struct campaign *c, unsigned int number, FILE *report)
{
	struct worker w = {.report = report};
	struct points points = {0};
	char text[REASON_MAX];
	size_t current = SIZE_MAX;

	/* All workers write into one pipe: a line at a time, which no other's can come into. */
	setvbuf(report, NULL, _IOLBF, BUFSIZ);
	faults_host_make(c->bin, c->library);
	standing_prepare();
	for (size_t i = 0; i < n_operations; i++)
		if (may_match(c, &operations[i]))
			enumerate_operation(&points, c, i);
	if (c->sample != 0)
		choose_sample(&points, c);
	take_baseline(&w);
	for (size_t i = 0; i < points.n; i++) {
		/* Not all in the same operation at once: those on interfaces wait for each other.
		 */
		const struct point *p = &points.all[(i + points.n * number / c->jobs) % points.n];
		const char *wrong;
		bool reached = false;

		if (point_hash(p, 1) % c->jobs != number)
			continue;
		if (c->list) {
			point_name(p, text);
			fprintf(report, "L %s\n", text);
			continue;
		}
		if (p->operation != current) {
			current = p->operation;
			count_daemons_descriptors(&w, current);
			take_baseline(&w);
		}
		wrong = try_point(&w, p, &reached, text, sizeof(text));
		fprintf(report, "P %zu %d %d\n", p->operation, (int)kind_of(p), reached);
		if (wrong == NULL)
			continue;
		report_failure(&w, p, wrong);
		/* The next point finds a host without what this one left. */
		standing_prepare();
		take_baseline(&w);
	}
	if (!c->list && standing_traffic() != NULL)
		die("%s", standing_traffic());
	fprintf(report, "E\n");
	fclose(report);
	exit(0);
}

/*
 * The report
 */

struct count {
	unsigned long tried, missed, failed;
};

static void print_failure(const char *line)
{
	const char *name = line;
	const int len = (int)strcspn(line, " ");

	printf("# FAILED %.*s:%s#   build/faults/faults --only '%.*s'\n", len, name, name + len,
	       len, name);
	fflush(stdout);
}

static void take_report(FILE *report, struct count (*counts)[KINDS], unsigned int *ended)
{
	char line[REASON_MAX + NAME_MAX_BYTES + 64];

	while (fgets(line, sizeof(line), report) != NULL) {
		static unsigned long tried;
		size_t operation;
		int kind, reached, at = 0;

		if (sscanf(line, "%*[PF] %zu %d", &operation, &kind) == 2 &&
		    (operation >= n_operations || kind < 0 || kind >= KINDS))
			die("a worker reported what there is not: %s", line);
		if (sscanf(line, "P %zu %d %d", &operation, &kind, &reached) == 3) {
			counts[operation][kind].tried++;
			counts[operation][kind].missed += !reached;
			if (++tried % PROGRESS_EVERY == 0)
				printf("# %lu points so far\n", tried);
			fflush(stdout);
		} else if (sscanf(line, "F %zu %d %n", &operation, &kind, &at) == 2 && at > 0) {
			counts[operation][kind].failed++;
			print_failure(line + at);
		} else if (line[0] == 'L') {
			fputs(line + 2, stdout);
		} else if (line[0] == 'E') {
			++*ended;
		}
	}
}

static int print_report(const struct campaign *c, struct count (*counts)[KINDS], unsigned int ended)
{
	struct count sum = {0};
	unsigned int number = 0;

	for (size_t i = 0; i < n_operations; i++) {
		for (int kind = 0; kind < KINDS; kind++) {
			const struct count *n = &counts[i][kind];

			if (n->tried == 0)
				continue;
			printf("%sok %u - %s %s, %s: %lu points", n->failed > 0 ? "not " : "",
			       ++number, subject_name(&operations[i]), operations[i].name,
			       kind_names[kind], n->tried);
			if (n->missed > 0)
				printf(", %lu not reached", n->missed);
			if (n->failed > 0)
				printf(", %lu failed", n->failed);
			printf("\n");
			sum.tried += n->tried;
			sum.missed += n->missed;
			sum.failed += n->failed;
		}
	}
	printf("%sok %u - every host has come to its end\n", ended == c->jobs ? "" : "not ",
	       ++number);
	printf("1..%u\n", number);
	printf("# %lu points tried, %lu not reached, %lu failed\n", sum.tried, sum.missed,
	       sum.failed);
	return sum.failed == 0 && sum.tried > 0 && ended == c->jobs ? 0 : 1;
}

static void usage(void)
{
	fprintf(stderr, "usage: faults [--bin DIRECTORY] [--only PATTERN] [--sample N [--seed N]] "
			"[--jobs N] "
			"[--list]\n");
	exit(2);
}

static unsigned long number(const char *text)
{
	char *end;
	const unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0')
		usage();
	return value;
}

static void parse(int argc, char **argv, struct campaign *c)
{
	static const struct option options[] = {
		{"bin", required_argument, NULL, 'b'},
		{"only", required_argument, NULL, 'o'},
		{"sample", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'S'},
		{"jobs", required_argument, NULL, 'j'},
		{"list", no_argument, NULL, 'l'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			c->bin = optarg;
			break;
		case 'o':
			c->only = optarg;
			break;
		case 's':
			c->sample = number(optarg);
			break;
		case 'S':
			c->seed = (unsigned int)number(optarg);
			break;
		case 'j':
			c->jobs = (unsigned int)number(optarg);
			break;
		case 'l':
			c->list = true;
			break;
		default:
			usage();
		}
	}
	if (optind < argc || c->jobs == 0)
		usage();
}

/* build/faults/faults has its library beside it and bin/ two directories up. */
static void find_files(struct campaign *c)
{
	static char library[PATH_MAX], bin[PATH_MAX + 4];
	char copy[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", copy, sizeof(copy) - 1);

	if (n < 0)
		die("/proc/self/exe: %s", strerror(errno));
	copy[n] = '\0';
	strcpy(library, dirname(copy));
	snprintf(bin, sizeof(bin), "%s/bin", dirname(dirname(copy)));
	c->library = library;
	c->bin = bin;
}

int main(int argc, char **argv)
{
	/* A sample of its own every day. */
	struct campaign c = {.jobs = 1, .seed = (unsigned int)(time(NULL) / 86400)};
	struct count(*counts)[KINDS] = calloc(n_operations, sizeof(*counts));
	unsigned int ended = 0;
	FILE *report;
	int fds[2];

	find_files(&c);
	parse(argc, argv, &c);
	if (geteuid() != 0) {
		printf("1..1\nok 1 - faults # SKIP needs root\n");
		return 0;
	}
	if (counts == NULL || pipe(fds) < 0)
		die("cannot begin: %s", strerror(errno));
	if (c.sample != 0)
		printf("# sample of %lu points, seed %u\n", c.sample, c.seed);
	fflush(stdout);
	for (unsigned int i = 0; i < c.jobs; i++) {
		const pid_t pid = fork();

		if (pid < 0)
			die("cannot fork: %s", strerror(errno));
		if (pid == 0) {
			close(fds[0]);
			work(&c, i, fdopen(fds[1], "we"));
		}
	}
	close(fds[1]);
	report = fdopen(fds[0], "re");
	take_report(report, counts, &ended);
	fclose(report);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	if (c.list)
		return ended == c.jobs ? 0 : 1;
	return print_report(&c, counts, ended);
}
