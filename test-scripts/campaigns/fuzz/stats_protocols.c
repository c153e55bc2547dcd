// SPDX-License-Identifier: GPL-2.0-or-later
/* The other half of stats_detail: what detail.c makes of the files in /proc. */
#include "plugins/netns-stats/detail.c"

void fuzz_protocols(struct json_write *w, unsigned int which, char *data);

void fuzz_protocols(struct json_write *w, unsigned int which, char *data)
{
	files[which % (sizeof(files) / sizeof(files[0]))].write(w, data);
}
