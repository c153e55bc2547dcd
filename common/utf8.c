/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which characters of text that others have chosen a terminal may be shown: those that are seen
 * where they stand. Not shown are, by the properties that Unicode (UAX 44) gives every code point:
 *
 * - Cc, Cf, Zl, Zp: a terminal obeys controls; formats turn or join their neighbours.
 * - Default_Ignorable_Code_Point: they are invisible, so two names would look the same.
 * - Cs, Co, noncharacters: they have no meaning that two programs share.
 * - Planes without characters.
 *
 * Marks are seen, and names in many scripts need them. Two designs were possible. One asks
 * iswprint(3), whose result depends on a locale, which a plugin is started without, and which takes
 * U+202E for printable. The other, chosen here, is a table. It is short because single code points
 * that no version of Unicode has assigned are not in it: a terminal shows them as a box, and some
 * become letters each year. The code points that Unicode has reserved for future formats are in
 * Default_Ignorable_Code_Point already.
 */
#include "utf8.h"

#include <stdint.h>

static const struct {
	uint32_t first;
	uint32_t last;
} unseen[] = {
	{0x0, 0x1f},         {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
	{0x600, 0x605},      {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},
	{0x890, 0x891},      {0x8e2, 0x8e2},     {0x115f, 0x1160},   {0x17b4, 0x17b5},
	{0x180b, 0x180f},    {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
	{0x3164, 0x3164},    {0xd800, 0xf8ff},   {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},
	{0xfeff, 0xfeff},    {0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},
	{0x110bd, 0x110bd},  {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
	{0x1d173, 0x1d17a},  {0x1fffe, 0x1ffff}, {0x2fffe, 0x2ffff}, {0x3fffe, 0xe0fff},
	{0xefffe, 0x10ffff},
};

uint32_t utf8_code_point(const char *character, size_t len)
{
	static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = (unsigned char)character[0] & first_bits[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)character[i] & 0x3f);
	return code;
}

bool utf8_is_seen(const char *character, size_t len)
{
	const uint32_t code = utf8_code_point(character, len);

	for (size_t i = 0; i < sizeof(unseen) / sizeof(*unseen) && code >= unseen[i].first; i++)
		if (code <= unseen[i].last)
			return false;
	return true;
}
