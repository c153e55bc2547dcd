/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one error type: what a plugin prints when it fails (CNI spec 1.1.0, section 5, "Error").
 *
 * Every function that can fail takes `struct cni_error *err` last, returns -1 and fills it. The
 * text lives inside the struct, so that reporting "out of memory" allocates nothing.
 */
#ifndef USERNET_ERROR_H
#define USERNET_ERROR_H

enum cni_error_code {
	CNI_ERR_VERSION = 1,     /* incompatible CNI version */
	CNI_ERR_FIELD = 2,       /* unsupported field: the message names key and value */
	CNI_ERR_CONTAINER = 3,   /* container unknown: the runtime needs no clean-up */
	CNI_ERR_ENVIRONMENT = 4, /* a CNI_* variable: the message names it */
	CNI_ERR_IO = 5,
	CNI_ERR_DECODE = 6,
	CNI_ERR_CONFIG = 7, /* network configuration does not validate */
	CNI_ERR_AGAIN = 11,
	CNI_ERR_UNAVAILABLE = 50, /* STATUS: no ADD can succeed */
	CNI_ERR_UNAVAILABLE_LIMITED =
		51,           /* STATUS: and existing containers may have limited connectivity */
	CNI_ERR_PLUGIN = 100, /* first of the plugin's own codes */
};

struct cni_error {
	int code;           /* enum cni_error_code or a plugin's own; 0: no error */
	char msg[512];      /* what failed, on what, what to do; UTF-8, without newlines */
	char details[1024]; /* the cause: an errno's text, what a daemon wrote last; may be empty */
};

/**
 * cni_error() - fill an error.
 * @err:  the error to fill; never NULL
 * @code: enum cni_error_code, or a plugin's own
 * @fmt:  printf format of the message; bytes that are not UTF-8, and characters that a terminal
 *        does not show, become '?'
 *
 * Return: always -1, so that a caller can `return cni_error(...)`.
 */
int cni_error(struct cni_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * cni_error_errno() - the same, with errno's text as details.
 *
 * Return: always -1; errno is kept.
 */
int cni_error_errno(struct cni_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Replace the details; newlines are kept. Return: always -1. */
int cni_error_details(struct cni_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Put "context: " before the message: a caller adds what it knows. Return: always -1. */
int cni_error_wrap(struct cni_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * cni_error_copy() - take over an error that another process has made.
 * @foreign: may hold any bytes; a text without an end is cut, and a code of 0 becomes CNI_ERR_IO
 *
 * Return: always -1.
 */
int cni_error_copy(struct cni_error *err, const struct cni_error *foreign);

/* Out of memory, code 5. Return: always -1. */
int cni_error_nomem(struct cni_error *err);

#endif
