/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-stats show: counters and settings of the containers asked for, or of all.
 *
 * Namespaces are read and printed by blocks (SWEEP_BLOCK), so a thousand take the memory of a
 * hundred. One that cannot be read has its place in the output, a line on stderr, and causes exit
 * status 1.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "commands.h"
#include "complain.h"
#include "detail.h"
#include "options.h"
#include "registry.h"
#include "show.h"

#define FLUSH_BYTES (64u << 10)
#define BLOCK_LIMIT (10 * NS_PER_S)

static int prometheus_container(struct show *show, const struct container *c,
				const struct sweep_job *job, struct text *out,
				struct cni_error *err)
{
	(void)out;
	if (job->err.code)
		return 0;
	return exposition_add(&show->exposition, c, &job->sample, show->loopback, err);
}

static int prometheus_end(struct show *show, struct text *out, struct cni_error *err)
{
	return exposition_print(&show->exposition, false, NULL, out, err);
}

static void prometheus_free(struct show *show)
{
	exposition_free(&show->exposition);
}

const struct show_form show_prometheus = {.name = "prometheus",
					  .container = prometheus_container,
					  .end = prometheus_end,
					  .free = prometheus_free};

static const struct show_form *const forms[] = {&show_table, &show_json, &show_prometheus};

const struct show_form *show_find_form(const char *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i]->name, name) == 0)
			return forms[i];
	return NULL;
}

/* Read and print one block. Return: how many could not be read, or -1 when printing failed. */
static int show_block(struct show *show, const struct show_form *form, const struct container *c,
		      size_t n, struct sweep_job *jobs, struct text *out, struct cni_error *err)
{
	int failed = 0;

	for (size_t i = 0; i < n; i++) {
		jobs[i].path = c[i].netns;
		jobs[i].identity = c[i].identity;
	}
	sweep(jobs, n, SAMPLE_ADDRESSES | (show->detail ? SAMPLE_DETAIL : 0),
	      monotonic_ns() + BLOCK_LIMIT);
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].err.code) {
			fprintf(stderr, PLUGIN_NAME ": %s%s", c[i].id, c[i].id[0] ? ": " : "");
			fprintf(stderr, "%s%s%s\n", jobs[i].err.msg,
				jobs[i].err.details[0] ? ": " : "", jobs[i].err.details);
			failed++;
		}
		if (form->container(show, &c[i], &jobs[i], out, err))
			return -1;
		show->printed++;
		if (out->len > FLUSH_BYTES && text_write(out, STDOUT_FILENO, err) < 0)
			return -1;
	}
	return failed;
}

static int show_all(struct show *show, const struct show_form *form,
		    const struct container_list *list, struct cni_error *err)
{
	const size_t block = list->n < SWEEP_BLOCK ? list->n : SWEEP_BLOCK;
	struct sweep_job *jobs = calloc(block ? block : 1, sizeof(*jobs));
	cleanup_text struct text out = {0};
	int failed = 0, ret = 0;

	if (jobs == NULL)
		return cni_error_nomem(err);
	for (size_t i = 0; ret >= 0 && i < list->n; i += block) {
		const size_t left = list->n - i;

		ret = show_block(show, form, &list->all[i], left < block ? left : block, jobs, &out,
				 err);
		failed += ret;
	}
	if (ret >= 0 && (form->end(show, &out, err) || text_write(&out, STDOUT_FILENO, err) < 0))
		ret = -1;
	sweep_jobs_free(jobs, block);
	return ret < 0 ? -1 : failed;
}

/* The containers of the command line: all, by id, or by path. */
static int select_containers(const struct registry *r, bool paths, char **args, int n,
			     struct container_list *list, struct cni_error *err)
{
	for (int i = 0; i < n; i++) {
		size_t first, count;

		if (paths ? container_list_add_path(list, args[i], err)
			  : registry_find(r, args[i], &first, &count, err) < 0 ||
				    container_list_add(list, r, first, count, err) < 0)
			return -1;
	}
	return paths || n ? 0 : container_list_add(list, r, 0, r->n, err);
}

int show_main(int argc, char **argv)
{
	cleanup_container_list struct container_list list = {0};
	cleanup_registry struct registry registry = REGISTRY_NONE;
	cleanup_text struct text complaints = {0};
	struct show_options options;
	struct cni_error err = {0};
	struct show show = {0};
	int failed;

	if (options_of_show(argc, argv, &options) != 0)
		return EXIT_USAGE;
	show.detail = options.detail;
	show.loopback = options.loopback;
	show.exact = options.exact;
	signal(SIGPIPE, SIG_IGN);
	if ((!options.paths && registry_load(&registry, &options.where, &complaints, &err) != 0) ||
	    select_containers(&registry, options.paths, options.rest, options.n_rest, &list, &err) <
		    0)
		return complain_error(&err);
	if (complaints.len)
		fputs(complaints.data, stderr);
	failed = show_all(&show, options.form, &list, &err);
	if (options.form->free != NULL)
		options.form->free(&show);
	if (failed < 0)
		return complain_error(&err);
	return failed || complaints.len ? EXIT_FAILED : 0;
}
