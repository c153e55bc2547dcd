/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line and the environment of every subcommand. */
#ifndef CNIRUN_OPTIONS_H
#define CNIRUN_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include <cjson/cJSON.h>

#include "chain.h"
#include "error.h"

struct options {
	const char *network; /* --network; NULL for the default */
	const char *netns;   /* --netns */
	pid_t pid;           /* --pid; 0 if it is not given */
	const char *ifname;  /* --ifname, CNI_IFNAME, or "eth0" */
	const char *container_id;
	const char *cache_dir; /* NULL for the default of results_open() */
	const char *args;      /* CNI_ARGS; NULL if there are none */
	cJSON *capabilities;   /* CAP_ARGS, replaced by --publish, --ip, --mac; NULL if none */
	bool publish;          /* whether there was a --publish, --ip, --mac */
	bool ip;
	bool mac;
	bool keep;
	bool all;
	bool verbose;
	int limit_ms;
	char cni_path[4 * PATH_MAX];
	char **rest; /* the arguments after the options, ends with NULL */
	int n_rest;
};

void options_free(struct options *options);
#define cleanup_options __attribute__((cleanup(options_free)))

/* Which options a subcommand takes. Each takes --verbose and --timeout. */
enum {
	FOR_RUN = 1 << 0,
	FOR_ADD = 1 << 1,
	FOR_DEL = 1 << 2,
	FOR_CHECK = 1 << 3,
	FOR_GC = 1 << 4,
	FOR_STATUS = 1 << 5,
};

/**
 * options_parse() - read argv, and CNI_PATH, CNI_IFNAME, CNI_ARGS, CAP_ARGS.
 * @command: one of FOR_*
 *
 * Strings point into argv and the environment. The caller calls options_free(). Return: 0, or -1.
 */
int options_parse(int argc, char **argv, unsigned int command, struct options *options,
		  struct cni_error *err);

/**
 * options_attachment() - the attachment that the options describe.
 * @netns:      a path, made absolute as cnitool does it; NULL if there is none
 * @attachment: filled; the caller calls attachment_parameters_free(), after a failure, too
 *
 * Without --container-id the id is cnitool's: "cnitool-" and 20 digits of the path's SHA-512.
 *
 * Return: 0, or -1 with @err filled.
 */
int options_attachment(const struct options *options, const char *network, const char *netns,
		       struct attachment_parameters *attachment, struct cni_error *err);

/*
 * The chain of a list for an attachment, with the options' CNI_PATH and limit. It borrows its
 * arguments; the caller sets ns.
 */
struct chain options_chain(const struct options *options, const struct network_list *list,
			   const struct attachment_parameters *attachment, int interrupt_fd);

/*
 * Refuse options that no plugin of the list has the capability for. Arguments in CAP_ARGS may be
 * for other lists: they are ignored, as cnitool does. Return: 0, or -1 CNI_ERR_CONFIG.
 */
int options_check_capabilities(const struct options *options, const struct network_list *list,
			       struct cni_error *err);

/* The parts of options_parse() and options_attachment(), which unit tests call. */

/* The whole of @text as a number from 1 to @max. Return: 0, or -1 CNI_ERR_CONFIG naming @option. */
int options_number(const char *option, const char *text, long max, long *out,
		   struct cni_error *err);

/* An environment variable's value; NULL if it is not set, or empty. */
const char *options_variable(const char *name);

/* Whether CNI_ARGS is complete pairs, "KEY=value;...". Return: 0, or -1 CNI_ERR_ENVIRONMENT. */
int options_check_args(const char *args, struct cni_error *err);

/* Whether a directory, by its whole name, is in PATH: then it has commands, not plugins. */
bool options_is_in_path(const char *dir);

/*
 * An absolute path without ".", ".." and doubled slashes, as Go's filepath.Abs makes it. Return: 0,
 * or -1: CNI_ERR_ENVIRONMENT if it is too long; CNI_ERR_IO if the working directory has gone.
 */
int options_absolute_path(const char *path, char out[PATH_MAX], struct cni_error *err);

#endif
