/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "portmap_fill.h"

#include <stdio.h>
#include <stdlib.h>

#include "../lib/host.h"

void portmap_fill(const char *host, int from, int to)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "add element inet usernet_portmap ports4 {");
	for (int i = from; i < to; i++)
		fprintf(f, " tcp . %d comment \"net/%064x@eth0\" : 10.22.%d.%d . 80,", 10000 + i,
			(unsigned int)i / 2, 1 + i / 512, i / 2 % 256);
	fprintf(f, " }\nadd element inet usernet_portmap ports4_hairpin {");
	for (int i = from; i < to; i++)
		fprintf(f, " tcp . %d . \"cni0\" comment \"net/%064x@eth0\",", 10000 + i,
			(unsigned int)i / 2);
	fprintf(f, " }\n");
	fclose(f);
	if (host != NULL)
		host_feed(text, "ip netns exec %s nft -f -", host);
	else
		host_feed(text, "nft -f -");
	free(text);
}
