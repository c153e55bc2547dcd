/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef USERNET_CLOCK_H
#define USERNET_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds of CLOCK_MONOTONIC, a clock that nobody sets, for deadlines. */
static inline int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

#endif
