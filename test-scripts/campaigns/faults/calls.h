/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls by name, and how each may fail. */
#ifndef FAULTS_CALLS_H
#define FAULTS_CALLS_H

#include <stdbool.h>

#define CALL_ERRNOS_MAX 8

struct call {
	int number;
	const char *name;
	bool takes_effect;           /* also when it fails: close(2) has closed */
	int errnos[CALL_ERRNOS_MAX]; /* ends with 0; empty: it cannot fail for lack of anything */
};

/* NULL: not in the table, which is then to be completed. */
const struct call *call_by_number(int number);
const struct call *call_by_name(const char *name);

#endif
