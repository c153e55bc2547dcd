// SPDX-License-Identifier: GPL-2.0-or-later
/* netns-portmap without its main(), for what the other files need of main.c. */
int portmap_main(int argc, char **argv);
#define main portmap_main
#include "plugins/netns-portmap/main.c"
