/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spec versions, in order, and this project's own version, USERNET_VERSION: the newest entry of the
 * README's section "Changes", from which the manual pages, the tarball and the package have it too.
 */
#ifndef USERNET_VERSION_H
#define USERNET_VERSION_H

#include "release.h" /* made by the Makefile */

enum cni_version {
	CNI_0_1_0,
	CNI_0_2_0,
	CNI_0_3_0,
	CNI_0_3_1,
	CNI_0_4_0,
	CNI_1_0_0,
	CNI_1_1_0,
	CNI_VERSION_COUNT,
};

#define CNI_VERSION_LATEST CNI_1_1_0

/* "0.1.0" and so on; static storage. */
const char *cni_version_name(enum cni_version version);

/* Return: 0 with *out set, or -1 when the text is none of the versions above. */
int cni_version_parse(const char *text, enum cni_version *out);

/**
 * version_print() - answer --version.
 *
 * Return: the exit status of main().
 */
int version_print(const char *program);

/* The end of what main() has printed: written, or a sentence on standard error. Return: the same.
 */
int output_end(const char *program);

#endif
