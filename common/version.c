/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const version_names[CNI_VERSION_COUNT] = {
	[CNI_0_1_0] = "0.1.0", [CNI_0_2_0] = "0.2.0", [CNI_0_3_0] = "0.3.0", [CNI_0_3_1] = "0.3.1",
	[CNI_0_4_0] = "0.4.0", [CNI_1_0_0] = "1.0.0", [CNI_1_1_0] = "1.1.0",
};

const char *cni_version_name(enum cni_version version)
{
	return version_names[version];
}

int cni_version_parse(const char *text, enum cni_version *out)
{
	for (unsigned int i = 0; i < CNI_VERSION_COUNT; i++) {
		if (strcmp(text, version_names[i]) == 0) {
			*out = (enum cni_version)i;
			return 0;
		}
	}
	return -1;
}

int output_end(const char *program)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "%s: cannot write to standard output: %s\n", program, strerror(errno));
	return 1;
}

int version_print(const char *program)
{
	printf("%s (usernet-cni) " USERNET_VERSION "\n", program);
	return output_end(program);
}
