/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../lib/host.h"
#include "bench.h"
#include "cleanup.h"
#include "version.h"

#define WINDOW 25 /* calls that a point of the plot is the median of */

/* The value of the first line of @path that begins with @key, after the colon. */
static void read_value(const char *path, const char *key, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	cleanup_free char *line = NULL;
	size_t room = 0;

	snprintf(out, size, "unknown");
	while (f != NULL && getline(&line, &room, f) > 0) {
		const char *value = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) != 0 || value == NULL)
			continue;
		value += strspn(value, ": \t");
		snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
		break;
	}
	if (f != NULL)
		fclose(f);
}

/* The version of an installed package, as the distribution's tool says. */
static void package_version(const char *package, char *out, size_t size)
{
	char command[128];
	FILE *f;

	snprintf(command, sizeof(command), "dpkg-query -W -f '${Version}' %s 2>/dev/null", package);
	f = popen(command, "re");
	if (f == NULL || fgets(out, (int)size, f) == NULL)
		snprintf(out, size, "unknown");
	if (f != NULL)
		pclose(f);
}

cJSON *report_machine(void)
{
	static const char *const packages[] = {"slirp4netns", "containernetworking-plugins",
					       "iptables", "nftables", "iproute2"};
	cJSON *machine = cJSON_CreateObject();
	cJSON *versions;
	char text[256];
	struct utsname name;
	double load = 0;

	uname(&name);
	getloadavg(&load, 1);
	read_value("/proc/cpuinfo", "model name", text, sizeof(text));
	cJSON_AddStringToObject(machine, "cpu", text);
	cJSON_AddNumberToObject(machine, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
	printf("%s, %ld cores, ", text, sysconf(_SC_NPROCESSORS_ONLN));
	read_value("/proc/meminfo", "MemTotal", text, sizeof(text));
	cJSON_AddStringToObject(machine, "memory", text);
	cJSON_AddStringToObject(machine, "kernel", name.release);
	cJSON_AddStringToObject(machine, "glibc", gnu_get_libc_version());
	cJSON_AddNumberToObject(machine, "loadBefore", load);
	printf("%s of memory, load %.2f; Linux %s, glibc %s\n", text, load, name.release,
	       gnu_get_libc_version());
	versions = cJSON_AddObjectToObject(machine, "versions");
	cJSON_AddStringToObject(versions, "usernet-cni", USERNET_VERSION);
	printf("usernet-cni " USERNET_VERSION);
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++) {
		package_version(packages[i], text, sizeof(text));
		cJSON_AddStringToObject(versions, packages[i], text);
		printf(", %s %s", packages[i], text);
	}
	printf("\n");
	return machine;
}

void report_goals(const cJSON *report)
{
	const cJSON *subject, *goal;
	int reached = 0, all = 0;

	printf("\nGoals\n");
	cJSON_ArrayForEach (subject, cJSON_GetObjectItemCaseSensitive(report, "subjects")) {
		cJSON_ArrayForEach (goal, cJSON_GetObjectItemCaseSensitive(subject, "goals")) {
			const cJSON *limit = cJSON_GetObjectItemCaseSensitive(goal, "atMost");
			const bool at_most = limit != NULL;
			const bool ok =
				cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(goal, "reached"));

			if (!at_most)
				limit = cJSON_GetObjectItemCaseSensitive(goal, "atLeast");
			printf("  %-11s %-42s %10.2f %-4s at %-5s %-8g %s\n",
			       cJSON_GetObjectItemCaseSensitive(subject, "name")->valuestring,
			       cJSON_GetObjectItemCaseSensitive(goal, "what")->valuestring,
			       cJSON_GetObjectItemCaseSensitive(goal, "value")->valuedouble,
			       cJSON_GetObjectItemCaseSensitive(goal, "unit")->valuestring,
			       at_most ? "most" : "least", limit->valuedouble,
			       ok ? "reached" : "NOT reached");
			all++;
			reached += ok;
		}
	}
	printf("  %d of %d reached\n", reached, all);
}

static const cJSON *find_curves(const cJSON *report)
{
	const cJSON *subject;

	cJSON_ArrayForEach (subject, cJSON_GetObjectItemCaseSensitive(report, "subjects")) {
		const cJSON *curves = cJSON_GetObjectItemCaseSensitive(subject, "curves");

		if (curves != NULL)
			return curves;
	}
	return NULL;
}

/* A data block of gnuplot: number and median of the calls around it. */
static void write_block(FILE *f, int number, const cJSON *values)
{
	const int n = cJSON_GetArraySize(values);
	const int window = n < WINDOW ? n : WINDOW;
	double *all = bench_alloc((size_t)n + 1, sizeof(*all));
	const cJSON *value;
	int i = 0;

	cJSON_ArrayForEach (value, values)
		all[i++] = value->valuedouble;
	fprintf(f, "$b%d << END\n", number);
	for (i = 0; i + window <= n; i++)
		fprintf(f, "%d %.3f\n", i + window / 2, bench_median(all + i, (size_t)window));
	fprintf(f, "END\n");
	free(all);
}

void report_plot(const cJSON *report, const char *path)
{
	static const char *const colours[] = {"#1b7837", "#2166ac", "#b2182b"};
	static const char *const operations[] = {"add", "del"};
	const cJSON *curves = find_curves(report);
	const cJSON *curve;
	int block = 0;
	FILE *f;

	if (curves == NULL)
		return;
	f = popen("gnuplot", "we");
	if (f == NULL)
		die("cannot start gnuplot: %s", strerror(errno));
	cJSON_ArrayForEach (curve, curves)
		for (size_t i = 0; i < 2; i++)
			write_block(f, block++,
				    cJSON_GetObjectItemCaseSensitive(curve, operations[i]));
	fprintf(f,
		"set terminal svg size 900,420 font 'sans-serif,13' background '#ffffff'\n"
		"set output '%s'\n"
		"set multiplot layout 1,2\n"
		"set logscale y\nset yrange [1:1000]\nset grid ytics lc rgb '#dddddd'\n"
		"set border 3\nset tics nomirror\nset xlabel 'attachments present'\n"
		"set key bottom left Left reverse samplen 2 font ',11'\n",
		path);
	for (size_t i = 0; i < 2; i++) {
		fprintf(f, "set title '%s'\nset ylabel 'ms (median of %d calls)'\nplot ",
			i == 0 ? "ADD" : "DEL", WINDOW);
		block = (int)i;
		cJSON_ArrayForEach (curve, curves) {
			fprintf(f, "%s$b%d with lines lw 2 lc rgb '%s' title '%s'",
				block > 1 ? ", " : "", block, colours[block / 2 % 3],
				cJSON_GetObjectItemCaseSensitive(curve, "name")->valuestring);
			block += 2;
		}
		fprintf(f, "\n");
	}
	fprintf(f, "unset multiplot\n");
	if (pclose(f) != 0)
		die("gnuplot failed");
	printf("\nplot: %s\n", path);
}

void report_write(const cJSON *report, const char *path)
{
	cleanup_free char *text = cJSON_Print(report);
	FILE *f = fopen(path, "we");

	if (text == NULL || f == NULL || fprintf(f, "%s\n", text) < 0 || fclose(f) != 0)
		die("cannot write %s: %s", path, strerror(errno));
	printf("report: %s\n", path);
}
