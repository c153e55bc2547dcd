/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen of the live table, in ncurses. What does not fit is cut at the right edge: of 80
 * columns the last 15 are the graph, and wider terminals get the network and a longer graph.
 *
 *   netns-stats top   3 containers, 4 interfaces   rx 1.2M/s  tx 300K/s   by total
 *   CONTAINER    INTERFACE     RX/s    TX/s   PKT/s      RX      TX HISTORY
 *   8f2b1c9d0a3e eth0          1.2M    300K     912    1.8G    200M ▁▂▅█▇▃▁
 *   r rx  t tx  b both  k packets  n name  / filter  space pause  q quit
 */
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lazy.h"
#include "text.h"
#include "top.h"

/* clang-format off */
#define SCREEN_SYMBOLS(X) \
	X(newterm) X(endwin) X(delscreen) X(cbreak) X(noecho) X(nodelay) X(keypad) \
	X(curs_set) X(set_escdelay) X(wgetch) X(werase) X(wmove) X(waddnstr) \
	X(wattr_on) X(wattr_off) X(wnoutrefresh) X(doupdate) X(resizeterm) \
	X(stdscr)
/* clang-format on */

LAZY_LIBRARY(curses, SCREEN_SYMBOLS)
#define SCREEN_SYMBOL(name) LAZY_SYMBOL(curses, name)

#define ID_COLUMNS 12
#define NAME_COLUMNS 12
#define NETWORK_COLUMNS 12
#define WIDE 100 /* columns from which the network is shown */
#define KEY_ESCAPE 27

static SCREEN *screen;
static int height = 24, width = 80;
static bool unicode;

static void measure_terminal(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col) {
		height = size.ws_row;
		width = size.ws_col;
	}
}

int screen_open(struct cni_error *err)
{
	static const struct lazy_symbol symbols[] = {SCREEN_SYMBOLS(SCREEN_SYMBOL)};

	if (lazy_load(SONAME_NCURSESW, "libncursesw6", "top", symbols,
		      sizeof(symbols) / sizeof(symbols[0]), &curses, err) < 0)
		return -1;
	/* Only the character set: numbers keep their decimal point. */
	setlocale(LC_CTYPE, "");
	unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	screen = curses.newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return cni_error(
			err, CNI_ERR_IO,
			"the terminal type \"%.40s\" is unknown; set TERM, or send the output "
			"to a pipe",
			getenv("TERM") != NULL ? getenv("TERM") : "");
	curses.cbreak();
	curses.noecho();
	curses.nodelay(*curses.stdscr, true);
	curses.keypad(*curses.stdscr, true);
	curses.set_escdelay(25);
	curses.curs_set(0);
	measure_terminal();
	return 0;
}

void screen_close(void)
{
	if (screen == NULL)
		return;
	curses.endwin();
	curses.delscreen(screen);
	screen = NULL;
}

void screen_resized(void)
{
	measure_terminal();
	curses.resizeterm(height, width);
}

/* One line, cut at the edge. The last column of the last line is never written: some terminals
 * scroll then. */
static void put_line(int y, const char *s, bool reverse)
{
	size_t columns = 0, bytes = 0;

	if (y < 0 || y >= height)
		return;
	while (s[bytes] && columns + 1 < (size_t)width) {
		bytes++;
		while (((unsigned char)s[bytes] & 0xc0) == 0x80)
			bytes++;
		columns++;
	}
	curses.wmove(*curses.stdscr, y, 0);
	if (reverse)
		curses.wattr_on(*curses.stdscr, A_REVERSE, NULL);
	curses.waddnstr(*curses.stdscr, s, (int)bytes);
	for (; reverse && columns + 1 < (size_t)width; columns++)
		curses.waddnstr(*curses.stdscr, " ", 1);
	if (reverse)
		curses.wattr_off(*curses.stdscr, A_REVERSE, NULL);
}

/* Text in a column of its own: cut or filled, with a space behind it. */
static void add_cell(struct text *line, const char *s, size_t columns)
{
	struct text clean = {0};
	size_t bytes = 0, done = 0;

	text_add_printable(&clean, s);
	while (clean.data != NULL && clean.data[bytes] && done < columns) {
		bytes++;
		while (((unsigned char)clean.data[bytes] & 0xc0) == 0x80)
			bytes++;
		done++;
	}
	if (bytes)
		text_add_bytes(line, clean.data, bytes);
	text_free(&clean);
	for (; done < columns + 1; done++)
		text_add(line, " ");
}

static void screen_add_amount(struct text *line, double value, bool exact)
{
	char human[TEXT_HUMAN_MAX];

	if (exact)
		text_printf(line, "%12.0f ", value);
	else
		text_printf(line, "%7s ", text_human((uint64_t)value, human));
}

/* The last rates, in eighths of the highest among them. */
static void add_graph(struct text *line, const struct row *row, size_t columns)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
	double highest = 0;

	if (columns > HISTORY)
		columns = HISTORY;
	for (size_t i = 0; i < HISTORY; i++)
		if (row->history[i] > highest)
			highest = row->history[i];
	for (size_t i = HISTORY - columns; i < HISTORY; i++) {
		const double value = row->history[(row->next + i) % HISTORY];
		size_t level = highest > 0 ? (size_t)(value / highest * 8 + 0.5) : 0;

		if (value > 0 && level == 0)
			level = 1;
		text_add(line, unicode ? blocks[level] : ascii[level]);
	}
}

static void draw_row(int y, const struct row *row, const struct view *view)
{
	struct text line = {0};

	add_cell(&line, row->id, ID_COLUMNS);
	add_cell(&line, row->name, NAME_COLUMNS);
	if (width >= WIDE)
		add_cell(&line, row->network, NETWORK_COLUMNS);
	screen_add_amount(&line, row->rx, view->exact);
	screen_add_amount(&line, row->tx, view->exact);
	screen_add_amount(&line, row->packets, view->exact);
	screen_add_amount(&line, (double)row->counters.rx.bytes, view->exact);
	screen_add_amount(&line, (double)row->counters.tx.bytes, view->exact);
	if (!line.failed && text_columns(line.data) + 1 < (size_t)width)
		add_graph(&line, row, (size_t)width - 1 - text_columns(line.data));
	if (!line.failed)
		put_line(y, line.data, false);
	text_free(&line);
}

static void draw_titles(int y, const struct view *view)
{
	const int w = view->exact ? 12 : 7;
	struct text line = {0};

	add_cell(&line, "CONTAINER", ID_COLUMNS);
	add_cell(&line, "INTERFACE", NAME_COLUMNS);
	if (width >= WIDE)
		add_cell(&line, "NETWORK", NETWORK_COLUMNS);
	text_printf(&line, "%*s %*s %*s %*s %*s HISTORY", w, "RX/s", w, "TX/s", w, "PKT/s", w, "RX",
		    w, "TX");
	if (!line.failed)
		put_line(y, line.data, true);
	text_free(&line);
}

static void draw_summary(const struct rows *rows, const struct view *view)
{
	char rx[TEXT_HUMAN_MAX], tx[TEXT_HUMAN_MAX];
	struct text line = {0};

	/* First what must not be cut off at the right edge. */
	text_printf(&line,
		    "netns-stats top%s  %zu container%s, %zu interface%s  rx %s/s tx %s/s  by %s",
		    view->paused ? "  PAUSED" : "", rows->containers,
		    rows->containers == 1 ? "" : "s", rows->n, rows->n == 1 ? "" : "s",
		    text_human((uint64_t)rows->rx, rx), text_human((uint64_t)rows->tx, tx),
		    sort_name(rows->sort));
	if (rows->unreadable)
		text_printf(&line, "  %zu unreadable", rows->unreadable);
	if (!line.failed)
		put_line(0, line.data, false);
	text_free(&line);
}

static void draw_bottom(const struct rows *rows, const struct view *view)
{
	struct text line = {0};

	if (view->editing)
		text_printf(&line, "filter: %s_   (Enter: done, Escape: none)", rows->filter);
	else if (rows->filter[0])
		text_printf(&line, "filter: %s   / change   Escape none   q quit", rows->filter);
	else
		text_add(&line,
			 "r rx  t tx  b both  k packets  n name  / filter  space pause  q quit");
	if (!line.failed)
		put_line(height - 1, line.data, true);
	text_free(&line);
}

void screen_draw(const struct rows *rows, struct view *view)
{
	const int room = height - 3;

	if (room > 0 && view->first + (size_t)room > rows->n_shown)
		view->first = rows->n_shown > (size_t)room ? rows->n_shown - (size_t)room : 0;
	curses.werase(*curses.stdscr);
	draw_summary(rows, view);
	draw_titles(1, view);
	for (int y = 0; y < room && view->first + (size_t)y < rows->n_shown; y++)
		draw_row(y + 2, rows->shown[view->first + (size_t)y], view);
	if (rows->n == 0)
		put_line(3, "No attachments. They show as soon as a container has one.", false);
	draw_bottom(rows, view);
	curses.wnoutrefresh(*curses.stdscr);
	curses.doupdate();
}

static void edit_filter(struct rows *rows, struct view *view, int key)
{
	const size_t len = strlen(rows->filter);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		view->editing = false;
	} else if (key == KEY_ESCAPE) {
		view->editing = false;
		rows->filter[0] = '\0';
	} else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && len) {
		rows->filter[len - 1] = '\0';
	} else if (key >= ' ' && key <= '~' && len + 1 < FILTER_MAX) {
		rows->filter[len] = (char)key;
		rows->filter[len + 1] = '\0';
	}
}

static void scroll_by(struct view *view, long by)
{
	if (by < 0 && view->first < (size_t)-by)
		view->first = 0;
	else
		view->first = (size_t)((long)view->first + by); /* screen_draw() ends it */
}

static void take_key(struct rows *rows, struct view *view, int key)
{
	switch (key) {
	case 'q':
		view->quit = true;
		break;
	case 'r':
		rows->sort = SORT_RX;
		break;
	case 't':
		rows->sort = SORT_TX;
		break;
	case 'b':
		rows->sort = SORT_TOTAL;
		break;
	case 'k':
		rows->sort = SORT_PACKETS;
		break;
	case 'n':
		rows->sort = SORT_NAME;
		break;
	case ' ':
	case 'p':
		view->paused = !view->paused;
		break;
	case '/':
		view->editing = true;
		break;
	case KEY_ESCAPE:
		rows->filter[0] = '\0';
		break;
	case KEY_UP:
		scroll_by(view, -1);
		break;
	case KEY_DOWN:
		scroll_by(view, 1);
		break;
	case KEY_PPAGE:
		scroll_by(view, -(height - 3));
		break;
	case KEY_NPAGE:
		scroll_by(view, height - 3);
		break;
	case KEY_HOME:
		view->first = 0;
		break;
	case KEY_END:
		view->first = rows->n_shown;
		break;
	}
}

bool screen_keys(struct rows *rows, struct view *view)
{
	bool any = false;
	int key;

	while ((key = curses.wgetch(*curses.stdscr)) != ERR) {
		any = true;
		if (view->editing)
			edit_filter(rows, view, key);
		else
			take_key(rows, view, key);
	}
	return any;
}
