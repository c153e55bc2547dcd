/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said besides the figures: on which machine, which goals were reached; and the plot. */
#ifndef USERNET_BENCH_REPORT_H
#define USERNET_BENCH_REPORT_H

#include <cjson/cJSON.h>

/* The machine, printed and as JSON. */
cJSON *report_machine(void);

/* Every goal of every subject, in one table. */
void report_goals(const cJSON *report);

/* Draw the curves of the subject "attachments" as SVG into @path. */
void report_plot(const cJSON *report, const char *path);

/* The report into the file @path. */
void report_write(const cJSON *report, const char *path);

#endif
