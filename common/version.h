/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The versions of the spec, in order, and the version of this project. USERNET_VERSION is the
 * newest entry of the README's section "Changes"; the manual pages, the tarball and the package
 * take it from there too.
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

/* Return: 0 with *out set, or -1 when the text is not one of the versions above. */
int cni_version_parse(const char *text, enum cni_version *out);

/**
 * version_print() - print what --version asks for.
 *
 * Return: the exit status of main().
 */
int version_print(const char *program);

/* Flush what main() has printed; when it cannot be written, say so on standard error. Return: the
 * exit status of main().
 */
int output_end(const char *program);

#endif
