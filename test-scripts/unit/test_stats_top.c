/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netns-stats top: the rates of its rows, their order, what the screen shows of them, and its keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <langinfo.h>
#include <ncurses.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "plugins/netns-stats/top.h"

#define KEY_ESCAPE 27

/* The linker puts the functions of this file in the place of those that they are named after. */

static int allocations_left = -1; /* -1: as many as are asked for */

static bool no_memory(void)
{
	if (allocations_left > 0)
		allocations_left--;
	else if (allocations_left == 0)
		return true;
	return false;
}

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return no_memory() ? NULL : __real_reallocarray(p, n, size);
}

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size)
{
	return no_memory() ? NULL : __real_realloc(p, size);
}

/* The world: a clock, containers with an interface each, and what is read of them. */

#define CONTAINERS 70

static int64_t clock_ns;
static struct registry_entry attachments[CONTAINERS];
static char ids[CONTAINERS][32];
static struct registry registry = {.all = attachments};
static struct link links[CONTAINERS][2];
static bool unreadable[CONTAINERS];

int64_t __wrap_monotonic_ns(void);
int64_t __wrap_monotonic_ns(void)
{
	return clock_ns;
}

size_t __wrap_registry_container_end(const struct registry *r, size_t i);
size_t __wrap_registry_container_end(const struct registry *r, size_t i)
{
	size_t end = i;

	while (end < r->n && strcmp(r->all[end].key.container_id, r->all[i].key.container_id) == 0)
		end++;
	return end;
}

void __wrap_sweep(struct sweep_job *jobs, size_t n, unsigned int what, int64_t deadline);
void __wrap_sweep(struct sweep_job *jobs, size_t n, unsigned int what, int64_t deadline)
{
	assert_int_equal(what, 0);
	assert_int_equal(deadline, 77);
	for (size_t i = 0; i < n; i++) {
		const long at = strtol(jobs[i].path + 1, NULL, 10);

		assert_ptr_equal(jobs[i].identity, &attachments[at].identity);
		jobs[i].err = (struct cni_error){.code = unreadable[at] ? CNI_ERR_IO : 0};
		jobs[i].sample = (struct sample){.links = links[at], .n_links = 2};
	}
}

static void world(size_t n)
{
	memset(unreadable, 0, sizeof(unreadable));
	registry.n = n;
	clock_ns = NS_PER_S;
	for (size_t i = 0; i < n; i++) {
		static char paths[CONTAINERS][32];

		snprintf(ids[i], sizeof(ids[i]), "c%02zu", i);
		snprintf(paths[i], sizeof(paths[i]), "/%zu", i);
		attachments[i] = (struct registry_entry){.key = {"net", ids[i], "eth0"},
							 .netns = paths[i],
							 .pod = strdup(""),
							 .pod_namespace = strdup("")};
		links[i][0] = (struct link){.index = 1, .name = "lo", .flags = IFF_LOOPBACK};
		links[i][1] = (struct link){.index = 2, .name = "eth0"};
	}
}

static int world_ends(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < registry.n; i++) {
		free(attachments[i].pod);
		free(attachments[i].pod_namespace);
	}
	registry.n = 0;
	allocations_left = -1;
	return 0;
}

static void count(size_t container, uint64_t rx, uint64_t tx, uint64_t packets)
{
	links[container][1].stats.rx_bytes = rx;
	links[container][1].stats.tx_bytes = tx;
	links[container][1].stats.rx_packets = packets - packets / 3;
	links[container][1].stats.tx_packets = packets / 3;
}

static void read_at(struct rows *rows, int64_t ms)
{
	static struct sweep_job jobs[SWEEP_BLOCK];
	struct cni_error err;

	clock_ns = NS_PER_S + ms * 1000000;
	assert_int_equal(rows_read(rows, &registry, jobs, 77, &err), 0);
	assert_int_equal(rows_arrange(rows, &err), 0);
}

/* The ids of the rows that are shown, in their order. */
static const char *shown(const struct rows *rows)
{
	static char text[CONTAINERS * 32];

	text[0] = '\0';
	for (size_t i = 0; i < rows->n_shown; i++) {
		strcat(text, i == 0 ? "" : " ");
		strcat(text, rows->shown[i]->id);
	}
	return text;
}

/* Rows. */

static void rates_are_per_second_between_two_readings(void **unused)
{
	struct rows rows = {0};
	const struct row *row;

	(void)unused;
	world(2);
	count(0, 5000, 7000, 90);
	read_at(&rows, 0);
	assert_int_equal(rows.n, 2);
	assert_int_equal(rows.containers, 2);
	row = &rows.all[0];
	assert_string_equal(row->id, "c00");
	assert_string_equal(row->name, "eth0");
	assert_string_equal(row->network, "net");
	/* One reading does not make a rate. */
	assert_true(row->rx == 0 && row->tx == 0 && row->packets == 0 && rows.rx == 0);
	count(0, 6000, 7500, 100);
	count(1, 0, 250, 1);
	read_at(&rows, 500);
	row = &rows.all[0];
	assert_true(row->rx == 2000 && row->tx == 1000 && row->packets == 20);
	assert_true(rows.rx == 2000 && rows.tx == 1500);
	assert_true(row->history[0] == 3000 && row->history[1] == 0 && row->next == 1);
	assert_int_equal(row->counters.rx.bytes, 6000);
	/* The same moment again says nothing about rates. */
	count(0, 9000, 9000, 200);
	read_at(&rows, 500);
	assert_true(rows.all[0].rx == 2000 && rows.all[0].next == 1);
	for (int i = 1; i < HISTORY; i++)
		read_at(&rows, 500 + i * 1000);
	assert_int_equal(rows.all[0].next, 0);
	assert_true(rows.all[0].history[HISTORY - 1] == 0 && rows.all[0].history[0] == 3000);
	rows_free(&rows);
}

static void a_row_is_known_again_by_index_and_goes_with_its_interface(void **unused)
{
	struct rows rows = {0};

	(void)unused;
	world(70); /* more than rows are allocated for at first, and than are read at once */
	for (size_t i = 0; i < 70; i++)
		count(i, i, 0, 0);
	read_at(&rows, 0);
	assert_int_equal(rows.n, 70);
	for (size_t i = 0; i < 70; i++) {
		assert_string_equal(rows.all[i].id, ids[i]);
		count(i, 1000 + i, 0, 0);
	}
	strcpy(links[3][1].name, "renamed");
	links[4][1].index = 9; /* made anew */
	unreadable[5] = true;
	read_at(&rows, 1000);
	assert_int_equal(rows.n, 69);
	assert_int_equal(rows.unreadable, 1);
	assert_int_equal(rows.containers, 70);
	for (size_t i = 0; i < rows.n; i++) {
		assert_string_not_equal(rows.all[i].id, "c05");
		assert_true(rows.all[i].rx == (strcmp(rows.all[i].id, "c04") == 0 ? 0 : 1000));
		if (strcmp(rows.all[i].id, "c03") == 0)
			assert_string_equal(rows.all[i].name, "renamed");
	}
	unreadable[5] = false;
	read_at(&rows, 2000);
	assert_int_equal(rows.n, 70);
	assert_int_equal(rows.unreadable, 0);
	rows_free(&rows);
	assert_int_equal(rows.n + rows.size, 0);
}

static void the_busiest_is_first_in_each_order(void **unused)
{
	static const struct {
		const char *name, *order;
	} rows_of[] = {
		{"rx", "c01 c00 c02 c03"},      {"tx", "c02 c00 c01 c03"},
		{"packets", "c03 c02 c01 c00"}, {"name", "c00 c01 c02 c03"},
		{"total", "c02 c01 c00 c03"},
	};
	struct rows rows = {0};
	struct cni_error err;
	enum sort sort = SORT_TX;

	(void)unused;
	world(4);
	read_at(&rows, 0);
	count(0, 10, 20, 3);
	count(1, 60, 5, 6);
	count(2, 7, 70, 9);
	count(3, 0, 0, 12);
	read_at(&rows, 1000);
	assert_int_equal(sort_parse("nonsense", &sort), -1);
	assert_int_equal(sort, SORT_TX);
	for (size_t i = 0; i < sizeof(rows_of) / sizeof(*rows_of); i++) {
		assert_int_equal(sort_parse(rows_of[i].name, &rows.sort), 0);
		assert_string_equal(sort_name(rows.sort), rows_of[i].name);
		assert_int_equal(rows_arrange(&rows, &err), 0);
		assert_string_equal(shown(&rows), rows_of[i].order);
	}
	rows_free(&rows);
}

static void a_filter_asks_container_interface_and_network(void **unused)
{
	static const struct {
		const char *filter, *passes;
	} filters[] = {
		{"", "c00 c01 c02"}, {"C01", "c01"},     {"wlan", "c02"},
		{"NET", "c00 c02"},  {"lan", "c01 c02"}, {"c03", ""},
	};
	struct rows rows = {0};
	struct cni_error err;

	(void)unused;
	world(3);
	strcpy(links[2][1].name, "wlan0");
	attachments[2].ifindex = 2;
	attachments[1].key.network = "lan";
	read_at(&rows, 0);
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		strcpy(rows.filter, filters[i].filter);
		assert_int_equal(rows_arrange(&rows, &err), 0);
		assert_string_equal(shown(&rows), filters[i].passes);
	}
	rows_free(&rows);
}

static void want_of_memory_is_told(void **unused)
{
	static struct sweep_job jobs[SWEEP_BLOCK];
	struct rows rows = {0};
	struct cni_error err = {0};

	(void)unused;
	world(2);
	/* One for the list of containers, one for the first rows. */
	for (int enough = 0; enough <= 2; enough++) {
		allocations_left = enough;
		assert_int_equal(rows_read(&rows, &registry, jobs, 77, &err), enough < 2 ? -1 : 0);
		assert_int_equal(allocations_left, 0);
		assert_int_equal(err.code, CNI_ERR_IO);
	}
	assert_int_equal(rows.n, 2);
	assert_int_equal(rows_arrange(&rows, &err), -1);
	rows_free(&rows);
	allocations_left = -1;
	read_at(&rows, 0);
	rows_free(&rows);
}

/* The screen: a grid of cells, a character each, and which of them are reversed. */

#define GRID_HEIGHT 40
#define GRID_WIDTH 140

static char grid[GRID_HEIGHT][GRID_WIDTH][5];
static bool reversed[GRID_HEIGHT][GRID_WIDTH];
static int at_y, at_x;
static bool reverse_on;
static const int *keys;
static WINDOW *window;
static int height, width;
static const char *characters = "UTF-8"; /* the locale's */
static int terminals;                    /* that are open */

static int fake_wmove(WINDOW *w, int y, int x)
{
	(void)w;
	assert_in_range(y, 0, height - 1);
	at_y = y, at_x = x;
	return OK;
}

static int fake_waddnstr(WINDOW *w, const char *s, int n)
{
	(void)w;
	for (int i = 0; i < n;) {
		int len = 1;

		while (i + len < n && ((unsigned char)s[i + len] & 0xc0) == 0x80)
			len++;
		/* Some terminals scroll when their last column is written. */
		assert_true(at_x + 1 < width);
		snprintf(grid[at_y][at_x], sizeof(grid[0][0]), "%.*s", len, s + i);
		reversed[at_y][at_x++] = reverse_on;
		i += len;
	}
	return OK;
}

static int fake_attr_on(WINDOW *w, attr_t attr, void *unused)
{
	(void)w, (void)attr, (void)unused;
	reverse_on = true;
	return OK;
}

static int fake_attr_off(WINDOW *w, attr_t attr, void *unused)
{
	(void)w, (void)attr, (void)unused;
	reverse_on = false;
	return OK;
}

static int fake_werase(WINDOW *w)
{
	(void)w;
	memset(grid, 0, sizeof(grid));
	memset(reversed, 0, sizeof(reversed));
	return OK;
}

static int fake_refresh(WINDOW *w)
{
	(void)w;
	return OK;
}

static int fake_doupdate(void)
{
	return OK;
}

static int fake_wgetch(WINDOW *w)
{
	(void)w;
	return *keys ? *keys++ : ERR;
}

static SCREEN *fake_newterm(const char *type, FILE *out, FILE *in)
{
	assert_null(type);
	assert_true(out == stdout && in == stdin);
	terminals++;
	return (SCREEN *)&terminals;
}

static int fake_endwin(void)
{
	terminals--;
	return OK;
}

static void fake_delscreen(SCREEN *screen)
{
	assert_ptr_equal(screen, &terminals);
}

static int fake_setting(void)
{
	return OK;
}

static int fake_number(int n)
{
	(void)n;
	return OK;
}

static int fake_choice(WINDOW *w, bool yes)
{
	(void)w;
	assert_true(yes);
	return OK;
}

static int fake_resizeterm(int h, int w)
{
	assert_true(h == height && w == width);
	return OK;
}

/* The library is ours, too: screen_open() finds these in it. */

#define SYMBOL(name, function)                     \
	{                                          \
#name, (void *)(uintptr_t)function \
	}

void *__wrap_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags)
{
	(void)flags;
	assert_string_equal(name, "libncursesw.so.6");
	return &window;
}

void *__wrap_dlsym(void *library, const char *name);
void *__wrap_dlsym(void *library, const char *name)
{
	static const struct {
		const char *name;
		void *address;
	} symbols[] = {
		SYMBOL(newterm, fake_newterm),     SYMBOL(endwin, fake_endwin),
		SYMBOL(delscreen, fake_delscreen), SYMBOL(cbreak, fake_setting),
		SYMBOL(noecho, fake_setting),      SYMBOL(nodelay, fake_choice),
		SYMBOL(keypad, fake_choice),       SYMBOL(curs_set, fake_number),
		SYMBOL(set_escdelay, fake_number), SYMBOL(resizeterm, fake_resizeterm),
		SYMBOL(wmove, fake_wmove),         SYMBOL(waddnstr, fake_waddnstr),
		SYMBOL(wattr_on, fake_attr_on),    SYMBOL(wattr_off, fake_attr_off),
		SYMBOL(werase, fake_werase),       SYMBOL(wnoutrefresh, fake_refresh),
		SYMBOL(doupdate, fake_doupdate),   SYMBOL(wgetch, fake_wgetch),
		SYMBOL(stdscr, &window),
	};

	(void)library;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++)
		if (strcmp(symbols[i].name, name) == 0)
			return symbols[i].address;
	fail_msg("no %s", name);
	return NULL;
}

int __wrap_ioctl(int fd, unsigned long request, struct winsize *size);
int __wrap_ioctl(int fd, unsigned long request, struct winsize *size)
{
	assert_true(fd == STDOUT_FILENO && request == TIOCGWINSZ);
	size->ws_row = (unsigned short)height;
	size->ws_col = (unsigned short)width;
	return 0;
}

char *__wrap_nl_langinfo(nl_item item);
char *__wrap_nl_langinfo(nl_item item)
{
	assert_true(item == CODESET);
	return (char *)(uintptr_t)characters;
}

static void terminal(int w, int h)
{
	width = w, height = h;
	screen_resized();
}

static void open_screen(const char *locale_characters)
{
	struct cni_error err;

	characters = locale_characters;
	screen_close();
	assert_int_equal(terminals, 0);
	assert_int_equal(screen_open(&err), 0);
	assert_int_equal(terminals, 1);
}

static int screen_begins(void **unused)
{
	(void)unused;
	width = 80, height = 24;
	open_screen("UTF-8");
	return 0;
}

static int screen_ends(void **unused)
{
	screen_close();
	screen_close(); /* a second time is nothing */
	return terminals != 0 ? -1 : world_ends(unused);
}

/* A line of the screen, without the blanks at its end unless it is reversed. */
static const char *line_at(int y)
{
	static char text[GRID_WIDTH * 4 + 1];
	size_t end = 0;

	text[0] = '\0';
	for (int x = 0; x < width; x++) {
		strcat(text, grid[y][x][0] ? grid[y][x] : "");
		if (reversed[y][x] || (grid[y][x][0] && strcmp(grid[y][x], " ") != 0))
			end = strlen(text);
	}
	text[end] = '\0';
	return text;
}

static bool is_reversed(int y)
{
	for (int x = 0; x + 1 < width; x++)
		if (!reversed[y][x])
			return false;
	return true;
}

static void press(struct rows *rows, struct view *view, const int *pressed)
{
	keys = pressed;
	assert_true(screen_keys(rows, view));
	keys = (const int[]){0};
	assert_false(screen_keys(rows, view));
}
#define PRESS(...) press(&rows, &view, (const int[]){__VA_ARGS__, 0})

static void eighty_columns_have_everything_but_the_network(void **unused)
{
	struct rows rows = {0};
	struct view view = {0};

	(void)unused;
	terminal(80, 8);
	world(2);
	read_at(&rows, 0);
	screen_draw(&rows, &view);
	assert_string_equal(line_at(0),
			    "netns-stats top  2 containers, 2 interfaces  rx 0/s tx 0/s  by total");
	count(0, 1500, 3000000, 30);
	read_at(&rows, 1000);
	screen_draw(&rows, &view);
	assert_string_equal(line_at(2), "c00          eth0            1.5K    2.9M      30    1.5K"
					"    2.9M             █");
	count(0, 1500, 3000001, 31);
	read_at(&rows, 2000);
	strcpy(ids[1], "id");
	screen_draw(&rows, &view);
	assert_string_equal(line_at(0),
			    "netns-stats top  2 containers, 2 interfaces  rx 0/s tx 1/s  by total");
	assert_string_equal(line_at(1), "CONTAINER    INTERFACE       RX/s    TX/s   PKT/s      RX"
					"      TX HISTORY      ");
	assert_true(is_reversed(1));
	assert_string_equal(line_at(2), "c00          eth0               0       1       1    1.5K"
					"    2.9M            █▁");
	assert_string_equal(line_at(3), "c01          eth0               0       0       0       0"
					"       0");
	assert_string_equal(line_at(4), "");
	assert_string_equal(line_at(7), "r rx  t tx  b both  k packets  n name  / filter  space "
					"pause  q quit           ");
	assert_true(is_reversed(7));
	assert_false(is_reversed(0));
	open_screen("ANSI_X3.4-1968");
	view.exact = true;
	screen_draw(&rows, &view);
	assert_string_equal(line_at(2), "c00          eth0                    0            1       "
					"     1         1500");
	rows_free(&rows);
}

static void a_wide_terminal_has_the_network_and_the_graph(void **unused)
{
	struct rows rows = {0};
	struct view view = {.exact = true, .paused = true};

	(void)unused;
	terminal(130, 24);
	world(1);
	strcpy(links[0][1].name, "fifteen-letters");
	attachments[0].ifindex = 2;
	read_at(&rows, 0);
	/* From nothing to the highest: each level has its sign, the least too. */
	for (int i = 0; i <= 8; i++) {
		links[0][1].stats.rx_bytes += (uint64_t)i * 1000;
		read_at(&rows, (i + 1) * 1000);
	}
	links[0][1].stats.rx_bytes += 1;
	links[0][1].stats.tx_bytes = 2;
	links[0][1].stats.tx_packets = 5;
	read_at(&rows, 10000);
	unreadable[0] = true;
	rows.unreadable = 3;
	screen_draw(&rows, &view);
	assert_string_equal(line_at(0), "netns-stats top  PAUSED  1 container, 1 interface  rx 1/s "
					"tx 2/s  by total  3 unreadable");
	assert_string_equal(line_at(1), "CONTAINER    INTERFACE    NETWORK              RX/s       "
					"  TX/s        PKT/s           RX           TX HISTORY     "
					"             ");
	assert_string_equal(
		line_at(2),
		"c00          fifteen-lett net                     1       "
		"     2            5        36001            2                 ▁▂▃▄▅▆▇█▁");
	open_screen("ANSI_X3.4-1968");
	screen_draw(&rows, &view);
	assert_string_equal(
		line_at(2),
		"c00          fifteen-lett net                     1       "
		"     2            5        36001            2                 .:-=+*%#.");
	terminal(99, 24);
	screen_draw(&rows, &view);
	assert_null(strstr(line_at(1), "NETWORK"));
	terminal(100, 24);
	screen_draw(&rows, &view);
	assert_non_null(strstr(line_at(1), "NETWORK"));
	rows_free(&rows);
}

static void names_of_containers_do_not_break_the_table(void **unused)
{
	struct rows rows = {0};
	struct view view = {0};

	(void)unused;
	terminal(80, 8);
	world(3);
	strcpy(ids[0], "äöü");
	strcpy(ids[1], "a\tb\033[2J");
	ids[2][0] = '\0';
	read_at(&rows, 0);
	screen_draw(&rows, &view);
	for (int y = 2; y < 5; y++) {
		assert_null(strchr(line_at(y), '\033'));
		assert_string_equal(grid[y][13], "e");
		assert_string_equal(grid[y][16], "0");
		assert_string_equal(grid[y][12], " ");
	}
	rows_free(&rows);
}

static void without_memory_for_a_line_the_screen_is_without_it(void **unused)
{
	struct rows rows = {0};
	struct view view = {0};

	(void)unused;
	terminal(80, 8);
	world(2);
	read_at(&rows, 0);
	for (int enough = 0; enough < 12; enough++) {
		allocations_left = enough;
		screen_draw(&rows, &view);
		assert_int_equal(allocations_left == 0 || enough > 8, 1);
	}
	allocations_left = 0;
	screen_draw(&rows, &view);
	for (int y = 0; y < 8; y++)
		assert_string_equal(line_at(y), "");
	allocations_left = -1;
	rows_free(&rows);
}

static void it_scrolls_to_both_ends_and_no_further(void **unused)
{
	struct rows rows = {0};
	struct view view = {0};

	(void)unused;
	terminal(80, 13); /* ten rows */
	world(25);
	rows.sort = SORT_NAME;
	read_at(&rows, 0);
#define FIRST(expected)                                                   \
	do {                                                              \
		screen_draw(&rows, &view);                                \
		assert_int_equal(view.first, expected);                   \
		assert_memory_equal(line_at(2), ids[expected], 3);        \
		assert_memory_equal(line_at(11), ids[(expected) + 9], 3); \
	} while (0)
	FIRST(0);
	PRESS(KEY_UP);
	FIRST(0);
	PRESS(KEY_DOWN, KEY_DOWN);
	FIRST(2);
	PRESS(KEY_UP);
	FIRST(1);
	PRESS(KEY_NPAGE);
	FIRST(11);
	PRESS(KEY_NPAGE);
	FIRST(15);
	PRESS(KEY_DOWN);
	FIRST(15);
	PRESS(KEY_PPAGE);
	FIRST(5);
	PRESS(KEY_PPAGE);
	FIRST(0);
	PRESS(KEY_END);
	FIRST(15);
	PRESS(KEY_HOME);
	FIRST(0);
	/* Fewer than fit, and without any room. */
	PRESS(KEY_END);
	strcpy(rows.filter, "c0");
	assert_int_equal(rows_arrange(&rows, &(struct cni_error){0}), 0);
	screen_draw(&rows, &view);
	assert_int_equal(view.first, 0);
	assert_memory_equal(line_at(11), "c09", 3);
	for (int h = 1; h <= 4; h++) {
		terminal(h, h);
		screen_draw(&rows, &view);
	}
	rows_free(&rows);
}

static void keys_sort_pause_filter_and_quit(void **unused)
{
	static const struct {
		int key;
		enum sort sort;
	} orders[] = {
		{'r', SORT_RX},   {'t', SORT_TX},    {'k', SORT_PACKETS},
		{'n', SORT_NAME}, {'b', SORT_TOTAL},
	};
	struct rows rows = {0};
	struct view view = {0};

	(void)unused;
	terminal(80, 6);
	world(0);
	read_at(&rows, 0);
	screen_draw(&rows, &view);
	assert_string_equal(line_at(3),
			    "No attachments. They show as soon as a container has one.");
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		PRESS(orders[i].key);
		assert_int_equal(rows.sort, orders[i].sort);
	}
	PRESS(' ');
	assert_true(view.paused);
	PRESS('p');
	assert_false(view.paused);
	/* While the filter is edited, letters are letters. */
	PRESS('/', 'q', 'x', 127, 'r', 1, 0x7f + 1, '~', ' ');
	assert_true(view.editing);
	assert_false(view.quit || view.paused);
	assert_string_equal(rows.filter, "qr~ ");
	screen_draw(&rows, &view);
	assert_memory_equal(line_at(5), "filter: qr~ _   (Enter: done, Escape: none)  ", 45);
	PRESS(KEY_BACKSPACE, 8, '\n');
	assert_false(view.editing);
	assert_string_equal(rows.filter, "qr");
	screen_draw(&rows, &view);
	assert_memory_equal(line_at(5), "filter: qr   / change   Escape none   q quit  ", 45);
	PRESS('/', KEY_BACKSPACE, KEY_BACKSPACE, KEY_BACKSPACE, 'a', KEY_ENTER);
	assert_string_equal(rows.filter, "a");
	PRESS('/', 'b', '\r');
	assert_string_equal(rows.filter, "ab");
	assert_false(view.editing);
	PRESS(KEY_ESCAPE);
	assert_string_equal(rows.filter, "");
	PRESS('/', 'x', KEY_ESCAPE);
	assert_string_equal(rows.filter, "");
	assert_false(view.editing);
	PRESS('/');
	for (int i = 0; i < 2 * FILTER_MAX; i++)
		PRESS('y');
	assert_int_equal(strlen(rows.filter), FILTER_MAX - 1);
	PRESS(KEY_ESCAPE, 'q');
	assert_true(view.quit);
	rows_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(rates_are_per_second_between_two_readings, world_ends),
		cmocka_unit_test_teardown(a_row_is_known_again_by_index_and_goes_with_its_interface,
					  world_ends),
		cmocka_unit_test_teardown(the_busiest_is_first_in_each_order, world_ends),
		cmocka_unit_test_teardown(a_filter_asks_container_interface_and_network,
					  world_ends),
		cmocka_unit_test_teardown(want_of_memory_is_told, world_ends),
		cmocka_unit_test_setup_teardown(eighty_columns_have_everything_but_the_network,
						screen_begins, screen_ends),
		cmocka_unit_test_setup_teardown(a_wide_terminal_has_the_network_and_the_graph,
						screen_begins, screen_ends),
		cmocka_unit_test_setup_teardown(names_of_containers_do_not_break_the_table,
						screen_begins, screen_ends),
		cmocka_unit_test_setup_teardown(without_memory_for_a_line_the_screen_is_without_it,
						screen_begins, screen_ends),
		cmocka_unit_test_setup_teardown(it_scrolls_to_both_ends_and_no_further,
						screen_begins, screen_ends),
		cmocka_unit_test_setup_teardown(keys_sort_pause_filter_and_quit, screen_begins,
						screen_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
