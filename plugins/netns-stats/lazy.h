/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Libraries that only one subcommand needs, loaded when it runs.
 *
 * Measured: linking both would add 1.3 ms to every call of the plugin (libmicrohttpd alone 1.2 of
 * them, for GnuTLS), which takes 0.7. The other design, an executable of its own for the tool, was
 * not taken: one file to install, and one name to remember, are worth more than a table of symbols.
 *
 * A library is described by a list macro of its functions and variables:
 *
 *   #define HTTP_SYMBOLS(X) X(MHD_start_daemon) X(MHD_run)
 *   LAZY_LIBRARY(http, HTTP_SYMBOLS)
 *
 * which makes a `static struct http_library http` of typed pointers, used as http.MHD_run(...). In
 * a fully static executable (USERNET_STATIC) there is nothing to load from; the pointers are bound
 * by the linker.
 */
#ifndef NETNS_STATS_LAZY_H
#define NETNS_STATS_LAZY_H

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "error.h"
#include "sonames.h" /* made by the Makefile */

struct lazy_symbol {
	const char *name;
	void *address; /* in a static executable */
	size_t offset; /* of the pointer in the library's struct */
};

#define LAZY_MEMBER(name) __typeof__(name) *name;

#ifdef USERNET_STATIC
#define LAZY_ADDRESS(name) ((void *)(uintptr_t)&name)
#else
#define LAZY_ADDRESS(name) NULL
#endif

#define LAZY_LIBRARY(library, SYMBOLS)    \
	static struct library##_library { \
		SYMBOLS(LAZY_MEMBER)      \
	} library;

#define LAZY_SYMBOL(library, name) \
	{#name, LAZY_ADDRESS(name), offsetof(struct library##_library, name)},

/**
 * lazy_load() - fill the struct of a library.
 * @soname:  of sonames.h: SONAME_MICROHTTPD is "libmicrohttpd.so.12", or what the build found
 * @package: Debian's, for the message
 *
 * Loaded libraries stay. Return: 0, or -1 CNI_ERR_IO naming the package to install.
 */
static inline int lazy_load(const char *soname, const char *package, const char *purpose,
			    const struct lazy_symbol *symbols, size_t n, void *library,
			    struct cni_error *err)
{
#ifdef USERNET_STATIC
	(void)soname, (void)package, (void)purpose, (void)err;
	for (size_t i = 0; i < n; i++)
		memcpy((char *)library + symbols[i].offset, &symbols[i].address, sizeof(void *));
#else
	void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		cni_error(err, CNI_ERR_IO, "%s needs %s; install the package %s", purpose, soname,
			  package);
		return cni_error_details(err, "%s", dlerror());
	}
	for (size_t i = 0; i < n; i++) {
		void *address = dlsym(handle, symbols[i].name);

		if (address == NULL)
			return cni_error(err, CNI_ERR_IO,
					 "%s needs %s of %s, which is too old to have it", purpose,
					 symbols[i].name, soname);
		memcpy((char *)library + symbols[i].offset, &address, sizeof(address));
	}
#endif
	return 0;
}

#endif
