/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is tried: the plugins and the runner, their operations, and the attachments that stand by.
 */
#ifndef FAULTS_SUBJECTS_H
#define FAULTS_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tracer.h"

struct subject;

struct operation {
	const struct subject *subject;
	const char *name;    /* in a point's name */
	const char *command; /* ADD, CHECK, ... of a plugin; of cnirun its subcommand */
	bool attached;       /* it works on an attachment, which is added before */
	bool loads;          /* faults of the loader are tried with it */
	bool no_del;         /* what it leaves has a random name: only GC finds it */
	/* What is different from the usual, before and after; NULL: nothing. */
	void (*before)(const struct operation *op);
	void (*restore)(const struct operation *op); /* right after the run */
	void (*after)(const struct operation *op);   /* after cleaning up */
};

extern const struct operation operations[];
extern const size_t n_operations;

/* Its subject's name, in a point's name. */
const char *subject_name(const struct operation *op);

/* The host with all that stands by in it. */
void standing_prepare(void);

/* API sockets of the daemons that stand by; ends with NULL. */
extern const char *standing_sockets[];

/* What has become of traffic through what stands by: NULL, or where there is none. */
const char *standing_traffic(void);

/* The command of an operation. Valid until the next call. */
const struct program *operation_program(const struct operation *op);

/*
 * Steps without a fault, of the operation's subject. Return: NULL, or what went wrong. @size: of
 * @text, which the return value then is.
 */
const char *step_add(const struct operation *op, char *text, size_t size);
const char *step_check(const struct operation *op, char *text, size_t size);
const char *step_del(const struct operation *op, char *text, size_t size);
const char *step_gc(const struct operation *op, char *text, size_t size);

/*
 * Whether the result is what the protocol allows. Return: NULL, or what is wrong with it. A result
 * of ADD is then the one that the subject's next steps go by.
 */
const char *judge(const struct operation *op, const struct fault *fault,
		  const struct outcome *outcome);

static inline bool succeeded(const struct outcome *o)
{
	return o->status == 0;
}

/* Whether the outcome says that something has not been undone: what it leaves is then no surprise.
 */
bool admits_leftovers(const struct operation *op, const struct fault *fault,
		      const struct outcome *outcome);

/* Whether a successful operation means that there is nothing of the attachment any more. */
bool operation_removes(const struct operation *op);
bool operation_adds(const struct operation *op);

/* How many descriptors the daemon of the subject's attachment has; -1: it has none. */
int attachment_descriptors(const struct operation *op);

#endif
