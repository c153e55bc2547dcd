/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the preloaded library and the program that sets it up share: memory. */
#ifndef FAULTS_FAILING_ALLOC_H
#define FAULTS_FAILING_ALLOC_H

#include <stdbool.h>

#define FAILING_ALLOC_VARIABLE "FAILING_ALLOC_FD"

struct failing_alloc {
	unsigned long failing; /* the n-th; 0: none */
	bool lasting;          /* and all after it */
	unsigned long count;
	bool failed;
};

#endif
