/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which form of the exposition a client prefers: the header field Accept. */
#ifndef NETNS_STATS_ACCEPT_H
#define NETNS_STATS_ACCEPT_H

#include <stdbool.h>

enum form {
	FORM_TEXT,
	FORM_OPENMETRICS,
	FORMS,
};

/* What has been read of Accept so far; zero-filled at first. */
struct accept {
	struct {
		int closeness; /* of the range that counts: 1 all, 2 type, 3 subtype, 4 version */
		int quality;   /* in thousandths */
	} forms[FORMS];
};

/**
 * accept_read() - take in the value of one field; there may be several, which make one list.
 *
 * RFC 9110, 12.5.1: of the ranges that match a form, the closest one counts, wherever it is in the
 * list; q=0 refuses the form, and a missing q means q=1. The parameter "version" must be that of
 * our form. Other parameters, and ranges that are not well-formed, are ignored.
 */
void accept_read(struct accept *accept, const char *value);

/**
 * accept_choose() - the form that is wanted most.
 *
 * If the client wants both equally, the form is OpenMetrics if the client named it. If no range
 * matches either form (a client that asks for JSON), the form is the text, as without the field: a
 * client may get what it has not asked for, but never what it has refused.
 *
 * Return: 0, or -1 if the text is refused and OpenMetrics is not wanted.
 */
int accept_choose(const struct accept *accept, enum form *form);

#endif
