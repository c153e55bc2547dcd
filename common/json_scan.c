/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cJSON takes more than JSON: control characters as white space or in strings, 01 and +1, bytes
 * that are not UTF-8, numbers cut off at 63 characters; and it recurses up to 1,000 levels. When
 * two readers differ on one text, a configuration can get past a check, so the text is held to the
 * grammar before cJSON sees it. After that, cJSON can fail for want of memory only.
 */
#include "json_scan.h"

#include <stdbool.h>
#include <string.h>

#include "conf.h"
#include "utf8.h"

#define END (-1)
#define NUMBER_MAX 63 /* characters; cJSON's buffer */
#define STRING(x) #x
#define TEXT(x) STRING(x)

struct scan {
	const char *text;
	size_t len;
	size_t at;
};

/* What may stand at the next byte that is not white space. */
enum expect { VALUE, FIRST_ELEMENT, KEY, FIRST_KEY, SEPARATOR };

static int peek(const struct scan *s)
{
	return s->at < s->len ? (unsigned char)s->text[s->at] : END;
}

static int peek_past_space(struct scan *s)
{
	int c = peek(s);

	while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
		s->at++;
		c = peek(s);
	}
	return c;
}

/* The four hex digits after \u. Return: their value, or -1 when there are not four. */
static int scan_hex(struct scan *s)
{
	int unit = 0;

	for (int i = 0; i < 4; i++, s->at++) {
		const int c = peek(s);

		if (c >= '0' && c <= '9')
			unit = unit << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f' && c != END)
			unit = unit << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return unit;
}

static const char *scan_escape(struct scan *s)
{
	const size_t start = s->at;
	int unit;

	s->at++; /* the backslash */
	if (peek(s) != 'u') {
		if (peek(s) <= 0 || strchr("\"\\/bfnrt", peek(s)) == NULL)
			return "an escape that JSON does not know";
		s->at++;
		return NULL;
	}
	s->at++;
	unit = scan_hex(s);
	if (unit >= 0xd800 && unit <= 0xdbff) {
		int low = -1;

		if (s->len - s->at >= 2 && memcmp(s->text + s->at, "\\u", 2) == 0) {
			s->at += 2;
			low = scan_hex(s);
		}
		if (low < 0xdc00 || low > 0xdfff)
			unit = -1;
	} else if (unit >= 0xdc00 && unit <= 0xdfff) {
		unit = -1;
	}
	if (unit > 0)
		return NULL;
	s->at = start;
	/* A C string would end at U+0000, and compare equal to a shorter one. */
	return unit == 0 ? "a NUL character in a string" : "a \\u escape that is not a character";
}

static const char *scan_string(struct scan *s)
{
	const size_t start = s->at++;

	for (;;) {
		const int c = peek(s);
		size_t n;

		if (c == '"') {
			s->at++;
			return NULL;
		}
		if (c == '\\') {
			const char *fault = scan_escape(s);

			if (fault != NULL)
				return fault;
			continue;
		}
		if (c == END) {
			s->at = start;
			return "a string without an end";
		}
		if (c < 0x20)
			return "a control character in a string";
		n = utf8_length(s->text + s->at, s->len - s->at);
		if (n == 0)
			return "a byte that is not UTF-8";
		s->at += n;
	}
}

static size_t scan_digits(struct scan *s)
{
	const size_t start = s->at;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at - start;
}

static const char *scan_number(struct scan *s)
{
	const size_t start = s->at;
	bool good;

	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0') {
		s->at++;
		good = scan_digits(s) == 0;
	} else {
		good = scan_digits(s) > 0;
	}
	if (good && peek(s) == '.') {
		s->at++;
		good = scan_digits(s) > 0;
	}
	if (good && (peek(s) == 'e' || peek(s) == 'E')) {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		good = scan_digits(s) > 0;
	}
	if (good && s->at - start <= NUMBER_MAX)
		return NULL;
	s->at = start;
	return good ? "a number of more than " TEXT(NUMBER_MAX) " characters"
		    : "a malformed number";
}

static const char *scan_word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < 3; i++) {
		const size_t n = strlen(words[i]);

		if (s->len - s->at >= n && memcmp(s->text + s->at, words[i], n) == 0) {
			s->at += n;
			return NULL;
		}
	}
	return "a value should be here";
}

static const char *scan_key(struct scan *s)
{
	const char *fault;

	if (peek(s) != '"')
		return "a key in double quotes should be here";
	fault = scan_string(s);
	if (fault != NULL)
		return fault;
	if (peek_past_space(s) != ':')
		return "a colon should follow the key";
	s->at++;
	return NULL;
}

static const char *scan_scalar(struct scan *s)
{
	const int c = peek(s);

	if (c == '"')
		return scan_string(s);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(s);
	return scan_word(s);
}

const char *json_scan(const char *text, size_t len, size_t *at)
{
	struct scan s = {.text = text, .len = len};
	char closing[JSON_MAX_DEPTH]; /* the closing bracket of each container that is open */
	size_t depth = 0;
	size_t values = 0;
	enum expect expect = VALUE;
	const char *fault = peek_past_space(&s) == END ? "the text is empty" : NULL;

	*at = s.at;
	while (fault == NULL) {
		const int c = peek_past_space(&s);

		*at = s.at;
		if (expect == SEPARATOR && depth == 0) {
			if (c == END)
				return NULL;
			fault = "something follows the value";
		} else if (expect != VALUE && expect != KEY && c == closing[depth - 1]) {
			s.at++;
			depth--;
			expect = SEPARATOR;
		} else if (expect == SEPARATOR) {
			if (c != ',')
				fault = closing[depth - 1] == '}'
						? "a comma or a closing brace should be here"
						: "a comma or a closing bracket should be here";
			s.at++;
			expect = closing[depth - 1] == '}' ? KEY : VALUE;
		} else if (expect == KEY || expect == FIRST_KEY) {
			fault = scan_key(&s);
			*at = s.at;
			expect = VALUE;
		} else if (++values > JSON_MAX_VALUES) {
			fault = "too many values";
		} else if (c == '{' || c == '[') {
			if (depth == JSON_MAX_DEPTH) {
				fault = "nested too deeply";
				break;
			}
			closing[depth++] = c == '{' ? '}' : ']';
			s.at++;
			expect = c == '{' ? FIRST_KEY : FIRST_ELEMENT;
		} else {
			fault = scan_scalar(&s);
			*at = s.at;
			expect = SEPARATOR;
		}
	}
	return fault;
}
