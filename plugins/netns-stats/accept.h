/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which form of the exposition a client would rather have: the header field Accept. */
#ifndef NETNS_STATS_ACCEPT_H
#define NETNS_STATS_ACCEPT_H

#include <stdbool.h>

enum form {
	FORM_TEXT,
	FORM_OPENMETRICS,
	FORMS,
};

/* What has been read of Accept so far. Zero-filled: nothing. */
struct accept {
	struct {
		int closeness; /* of the range that counts: 1 all, 2 type, 3 subtype, 4 version */
		int quality;   /* in thousandths */
	} forms[FORMS];
};

/**
 * accept_read() - take in the value of one field; there may be several, which make one list.
 *
 * RFC 9110, 12.5.1: of the ranges that fit a form the closest counts, whatever its place in the
 * list; q=0 refuses it; no q is q=1. The parameter "version" must be that of our form, other
 * parameters are passed over. A range that is not well-formed is passed over.
 */
void accept_read(struct accept *accept, const char *value);

/**
 * accept_choose() - the form that is wanted most.
 *
 * Equal ones: OpenMetrics where it was named. Where no range fits either (a client that asks for
 * JSON) it is the text, as without the field; a client is answered something that it has not asked
 * for, but nothing that it has refused.
 *
 * Return: 0, or -1: the text is refused, and OpenMetrics is not wanted.
 */
int accept_choose(const struct accept *accept, enum form *form);

#endif
