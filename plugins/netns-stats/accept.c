/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header field Accept (RFC 9110, 12.4.2 and 12.5.1; tokens and quoted strings 5.6.2 to 5.6.6):
 *
 *   application/openmetrics-text;version=1.0.0;q=0.5, text/plain;version="0.0.4";q=0.2
 *
 * A client writes it, so it is read byte by byte, from left to right, without copies.
 */
#include "accept.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *type, *subtype, *version;
} accept_offers[FORMS] = {
	[FORM_TEXT] = {"text", "plain", "0.0.4"},
	[FORM_OPENMETRICS] = {"application", "openmetrics-text", "1.0.0"},
};

/* A part of the field: a token, or what stands between quotes. */
struct part {
	const char *at;
	size_t len;
};

struct range {
	struct part type, subtype, version; /* no version: len 0 */
	int quality;
};

static bool is(const struct part *part, const char *text)
{
	return part->len == strlen(text) && strncasecmp(part->at, text, part->len) == 0;
}

static void skip_space(const char **p)
{
	*p += strspn(*p, " \t");
}

static bool read_token(const char **p, struct part *part)
{
	const char *at = *p;

	while (isalnum((unsigned char)**p) || (**p && strchr("!#$%&'*+-.^_`|~", **p) != NULL))
		++*p;
	*part = (struct part){at, (size_t)(*p - at)};
	return part->len > 0;
}

/* A token or a quoted string, whose escapes stay as they are, since no value of ours has one. */
static bool accept_read_value(const char **p, struct part *part)
{
	const char *at = *p + 1;

	if (**p != '"')
		return read_token(p, part);
	while (*++*p != '"') {
		if (**p == '\\')
			++*p;
		if (**p == '\0')
			return false;
	}
	*part = (struct part){at, (size_t)((*p)++ - at)};
	return true;
}

/* "1", "0.5", "0.125", "1.000": in thousandths. */
static bool read_quality(const struct part *part, int *quality)
{
	int scale = 100;

	if (part->len == 0 || part->len > 5 || (part->at[0] != '0' && part->at[0] != '1') ||
	    (part->len > 1 && part->at[1] != '.'))
		return false;
	*quality = (part->at[0] - '0') * 1000;
	for (size_t i = 2; i < part->len; i++, scale /= 10) {
		if (!isdigit((unsigned char)part->at[i]))
			return false;
		*quality += (part->at[i] - '0') * scale;
	}
	return *quality <= 1000;
}

static bool read_parameters(const char **p, struct range *range)
{
	for (skip_space(p); **p == ';'; skip_space(p)) {
		struct part name, value;

		++*p;
		skip_space(p);
		if (**p == ';' || **p == ',' || **p == '\0')
			continue; /* an empty one */
		if (!read_token(p, &name) || *(*p)++ != '=' || !accept_read_value(p, &value))
			return false;
		if (is(&name, "version"))
			range->version = value;
		else if (is(&name, "q") && !read_quality(&value, &range->quality))
			return false;
	}
	return **p == ',' || **p == '\0';
}

static bool read_range(const char **p, struct range *range)
{
	*range = (struct range){.quality = 1000};
	return read_token(p, &range->type) && *(*p)++ == '/' && read_token(p, &range->subtype) &&
	       read_parameters(p, range);
}

/* How closely a range matches a form; 0 if it does not. */
static int closeness(const struct range *range, enum form form)
{
	const bool every = is(&range->subtype, "*");

	if (range->version.len && !is(&range->version, accept_offers[form].version))
		return 0;
	if (is(&range->type, "*"))
		return every ? 1 : 0;
	if (!is(&range->type, accept_offers[form].type))
		return 0;
	if (every)
		return 2;
	if (!is(&range->subtype, accept_offers[form].subtype))
		return 0;
	return range->version.len ? 4 : 3;
}

static void accept_take(struct accept *accept, const struct range *range)
{
	for (int form = 0; form < FORMS; form++) {
		const int close = closeness(range, (enum form)form);

		if (close <= accept->forms[form].closeness)
			continue; /* of two that are equally close the first counts */
		accept->forms[form].closeness = close;
		accept->forms[form].quality = range->quality;
	}
}

void accept_read(struct accept *accept, const char *value)
{
	while (*value) {
		const char *begin = value;
		struct range range;

		skip_space(&value);
		if (*value != ',' && *value && read_range(&value, &range)) {
			accept_take(accept, &range);
		} else {
			/* The parser may have stopped anywhere, so the next range is searched from
			 * the beginning of this one. */
			value = begin + strcspn(begin, ",");
		}
		value += *value == ',';
	}
}

int accept_choose(const struct accept *accept, enum form *form)
{
	const int text = accept->forms[FORM_TEXT].quality;
	const int open = accept->forms[FORM_OPENMETRICS].quality;
	const bool named = accept->forms[FORM_OPENMETRICS].closeness >= 3;

	*form = open > text || (open == text && open && named) ? FORM_OPENMETRICS : FORM_TEXT;
	return *form == FORM_TEXT && accept->forms[FORM_TEXT].closeness && !text ? -1 : 0;
}
