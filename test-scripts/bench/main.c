/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The benchmark: every comparison of this project with its peers, in one run and one report.
 *
 * A subject runs in a process of its own, on a host of its own, and hands its part of the report
 * over in memory that both have. So one that becomes another user, fills the host, or fails does
 * not touch the next.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/host.h"
#include "bench.h"
#include "cleanup.h"
#include "command.h"
#include "report.h"

static const struct subject *const subjects[] = {
	&subject_slirp4netns, &subject_portmap,   &subject_stats,       &subject_cnirun,
	&subject_start,       &subject_breakdown, &subject_attachments, &subject_before,
};
#define N_SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

static void usage(FILE *f)
{
	fprintf(f, "usage: bench [OPTION...] [SUBJECT...], in the project's folder, as root\n"
		   "  --bin DIR      the plugins (bin)\n"
		   "  --build DIR    where static/bin and libcni-client may be (build)\n"
		   "  --before DIR   the plugins of another build, for the subject before\n"
		   "  --json FILE    the report as JSON\n"
		   "  --plot FILE    the curves of the subject attachments as SVG\n"
		   "  --rounds N     of each comparison\n"
		   "  --quick        few rounds and small numbers: does it work?\n"
		   "subjects, all of them if none is named:\n");
	for (size_t i = 0; i < N_SUBJECTS; i++)
		fprintf(f, "  %-14s %s\n", subjects[i]->name, subjects[i]->about);
}

/* In the subject's process: the report goes into @fd. */
static void __attribute__((noreturn)) child(const struct subject *subject, struct bench *b, int fd)
{
	cleanup_free char *text = NULL;

	host_enter(CLONE_NEWNET);
	host_empty();
	b->report = cJSON_CreateObject();
	cJSON_AddStringToObject(b->report, "name", subject->name);
	cJSON_AddStringToObject(b->report, "about", subject->about);
	subject->run(b);
	text = cJSON_PrintUnformatted(b->report);
	if (text == NULL || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("cannot hand the report over: %s", strerror(errno));
	exit(0);
}

static cJSON *read_report(int fd)
{
	struct stat st;
	cJSON *report;
	char *text;

	if (fstat(fd, &st) < 0)
		die("cannot read a report: %s", strerror(errno));
	text = bench_alloc((size_t)st.st_size + 1, 1);
	if (pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
		die("cannot read a report: %s", strerror(errno));
	report = cJSON_Parse(text);
	free(text);
	return report;
}

/* Return: the subject's report, or NULL: it has failed, and said why. */
static cJSON *run_subject(const struct subject *subject, struct bench *b)
{
	cleanup_close int fd = memfd_create("report", MFD_CLOEXEC);
	const double start = command_now();
	cJSON *report;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (fd < 0 || pid < 0)
		die("cannot start the subject %s: %s", subject->name, strerror(errno));
	if (pid == 0)
		child(subject, b, fd);
	waitpid(pid, &status, 0);
	report = status == 0 ? read_report(fd) : NULL;
	if (report == NULL) {
		fprintf(stderr, "bench: the subject %s failed\n", subject->name);
		return NULL;
	}
	cJSON_AddNumberToObject(report, "seconds", (command_now() - start) / 1e6);
	return report;
}

static bool is_chosen(const struct subject *subject, char **names)
{
	for (char **name = names; *name != NULL; name++)
		if (strcmp(*name, subject->name) == 0)
			return true;
	return *names == NULL;
}

static void refuse_unknown(char **names)
{
	for (char **name = names; *name != NULL; name++) {
		size_t i = 0;

		while (i < N_SUBJECTS && strcmp(*name, subjects[i]->name) != 0)
			i++;
		if (i == N_SUBJECTS) {
			usage(stderr);
			die("there is no subject %s", *name);
		}
	}
}

static const char *absolute(const char *path)
{
	const char *real = realpath(path, NULL);

	if (real == NULL)
		die("%s: %s", path, strerror(errno));
	return real;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"bin", required_argument, NULL, 'b'},
		{"build", required_argument, NULL, 'B'},
		{"before", required_argument, NULL, 'o'},
		{"json", required_argument, NULL, 'j'},
		{"plot", required_argument, NULL, 'p'},
		{"rounds", required_argument, NULL, 'r'},
		{"quick", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct bench b = {.bin = "bin", .build = "build"};
	const char *json = NULL, *plot = NULL;
	cJSON *report = cJSON_CreateObject();
	cJSON *list;
	int option, failed = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			b.bin = optarg;
			break;
		case 'B':
			b.build = optarg;
			break;
		case 'o':
			b.before = optarg;
			break;
		case 'j':
			json = optarg;
			break;
		case 'p':
			plot = optarg;
			break;
		case 'q':
			b.quick = true;
			break;
		case 'r':
			b.rounds = atoi(optarg);
			if (b.rounds < 1 || b.rounds > 100000)
				die("--rounds %s: a number from 1 to 100000", optarg);
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	refuse_unknown(argv + optind);
	if (geteuid() != 0)
		die("must be run as root: it makes hosts for itself");
	b.bin = absolute(b.bin);
	b.build = absolute(b.build);
	if (b.before != NULL)
		b.before = absolute(b.before);
	cJSON_AddItemToObject(report, "machine", report_machine());
	cJSON_AddBoolToObject(report, "quick", b.quick);
	if (b.quick)
		printf("\nQuick: this shows that the benchmark works; its figures say nothing.\n");
	list = cJSON_AddArrayToObject(report, "subjects");
	for (size_t i = 0; i < N_SUBJECTS; i++) {
		cJSON *part = NULL;

		if (!is_chosen(subjects[i], argv + optind))
			continue;
		part = run_subject(subjects[i], &b);
		if (part == NULL)
			failed++;
		else
			cJSON_AddItemToArray(list, part);
	}
	report_goals(report);
	if (plot != NULL)
		report_plot(report, plot);
	if (json != NULL)
		report_write(report, json);
	cJSON_Delete(report);
	return failed > 0;
}
