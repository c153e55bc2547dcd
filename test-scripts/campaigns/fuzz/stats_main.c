// SPDX-License-Identifier: GPL-2.0-or-later
/* netns-stats without its main(), for what the other files need of main.c. */
int stats_main(int argc, char **argv);
#define main stats_main
#include "plugins/netns-stats/main.c"
