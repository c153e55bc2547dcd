/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The subjects.
 *
 * Each has one attachment that it adds, looks at and removes over and over ("victim"), in a
 * namespace of its own. Beside it stand others of the same network, in the same state directory:
 * `stand` with slirp4netns and a published port, `still` on a veth with a port published through
 * nf_tables, `stay` made by cnirun. They must not notice.
 *
 * A chained plugin is tried alone, behind an interface plugin's result that stays as it is.
 */
#include "subjects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/host.h"
#include "cleanup.h"
#include "conf.h"
#include "inventory.h"

#define LIST "/run/t/runner.conflist"
#define CACHE "/run/cache"
#define MAX_TEXT 16384

struct subject {
	const char *name;
	const char *binary;
	const char *netns;  /* in /run/netns, and the container's id */
	const char *keys;   /* of the configuration */
	const char **prev;  /* the result before it in the list; NULL: it is the first */
	const char *others; /* GC's valid attachments, beside the victim */
};

const char *standing_sockets[8];

static const char *web_result, *veth_result; /* of attachments that chained plugins stand behind */
static char *answer;                         /* of the victim's last ADD */

static void *checked(void *memory)
{
	if (memory == NULL)
		die("out of memory");
	return memory;
}

static char *__attribute__((format(printf, 1, 2))) text_of(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		die("out of memory");
	va_end(args);
	return text;
}

/*
 * The subjects and their operations
 */

#define PORTS(port)                                                       \
	"\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":" port        \
	",\"containerPort\":80,\"protocol\":\"tcp\"},{\"hostPort\":" port \
	",\"containerPort\":53,\"protocol\":\"udp\"}]}"
#define OTHERS                                             \
	"{\"containerID\":\"stand\",\"ifname\":\"eth0\"}," \
	"{\"containerID\":\"still\",\"ifname\":\"eth0\"}"
#define OTHERS_AND_WEB OTHERS ",{\"containerID\":\"web\",\"ifname\":\"eth0\"}"

static const struct subject slirp4netns = {
	.name = "slirp4netns",
	.binary = "slirp4netns",
	.netns = "victim",
	.keys = "\"enableIPv6\":true,\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:01\"}",
	.others = OTHERS_AND_WEB,
};

static const struct subject portmap_slirp4netns = {
	.name = "netns-portmap/slirp4netns",
	.binary = "netns-portmap",
	.netns = "web",
	.keys = "\"backend\":\"slirp4netns\"," PORTS("18070"),
	.prev = &web_result,
	.others = OTHERS,
};

static const struct subject portmap_nftables = {
	.name = "netns-portmap/nftables",
	.binary = "netns-portmap",
	.netns = "veth",
	.keys = "\"backend\":\"nftables\"," PORTS("18071"),
	.prev = &veth_result,
	.others = OTHERS,
};

static const struct subject stats = {
	.name = "netns-stats",
	.binary = "netns-stats",
	.netns = "veth",
	.keys = "\"accountFile\":\"" ACCOUNT_FILE "\"",
	.prev = &veth_result,
	.others = OTHERS,
};

static const struct subject runner = {
	.name = "cnirun",
	.binary = "cnirun",
	.netns = "runner",
};

static void forget_options(const struct operation *op);
static void lose_namespace(const struct operation *op);
static void regain_namespace(const struct operation *op);
static void end_daemon(const struct operation *op);
static void withdraw_still(const struct operation *op);
static void publish_still(const struct operation *op);

#define OPERATION(s, title, what, ...)                                             \
	{                                                                          \
		.subject = &(s), .name = (title), .command = (what), ##__VA_ARGS__ \
	}
#define PLUGIN_OPERATIONS(s)                                                                  \
	OPERATION(s, "ADD", "ADD"), OPERATION(s, "CHECK", "CHECK", .attached = true),         \
		OPERATION(s, "DEL", "DEL", .attached = true),                                 \
		OPERATION(s, "GC", "GC", .attached = true), OPERATION(s, "STATUS", "STATUS"), \
		OPERATION(s, "VERSION", "VERSION", .loads = true)

const struct operation operations[] = {
	PLUGIN_OPERATIONS(slirp4netns),
	/* The first of all: slirp4netns is asked for its options. */
	OPERATION(slirp4netns, "ADD-first", "ADD", .before = forget_options),
	OPERATION(slirp4netns, "STATUS-first", "STATUS", .before = forget_options),
	/* After the daemon was killed: a record without a process. */
	OPERATION(slirp4netns, "ADD-again", "ADD", .attached = true, .before = end_daemon),
	OPERATION(slirp4netns, "DEL-ended", "DEL", .attached = true, .before = end_daemon),
	PLUGIN_OPERATIONS(portmap_slirp4netns),
	OPERATION(portmap_slirp4netns, "ADD-again", "ADD", .attached = true),
	PLUGIN_OPERATIONS(portmap_nftables),
	OPERATION(portmap_nftables, "ADD-again", "ADD", .attached = true),
	/* The first makes the table, and the last removes it. */
	OPERATION(portmap_nftables, "ADD-first", "ADD", .before = withdraw_still,
		  .after = publish_still),
	OPERATION(portmap_nftables, "DEL-last", "DEL", .attached = true, .before = withdraw_still,
		  .after = publish_still),
	PLUGIN_OPERATIONS(stats),
	OPERATION(stats, "ADD-again", "ADD", .attached = true),
	OPERATION(runner, "run", "run", .no_del = true),
	OPERATION(runner, "add", "add"),
	OPERATION(runner, "check", "check", .attached = true),
	OPERATION(runner, "del", "del", .attached = true),
	/* Its attachment is valid, and then it is not. */
	OPERATION(runner, "gc", "gc", .attached = true),
	OPERATION(runner, "gc-gone", "gc", .attached = true, .before = lose_namespace,
		  .restore = regain_namespace),
	OPERATION(runner, "status", "status", .loads = true),
};
const size_t n_operations = sizeof(operations) / sizeof(operations[0]);

const char *subject_name(const struct operation *op)
{
	return op->subject->name;
}

bool operation_adds(const struct operation *op)
{
	return strcasecmp(op->command, "ADD") == 0;
}

bool operation_removes(const struct operation *op)
{
	if (op->subject == &runner && strcmp(op->name, "gc") == 0)
		return false;
	return strcasecmp(op->command, "DEL") == 0 || strcasecmp(op->command, "GC") == 0 ||
	       strcmp(op->command, "run") == 0;
}

static bool cannot_write(const struct fault *fault)
{
	return fault->kind == FAULT_ERRNO_ON && fault->call == SYS_write;
}

/*
 * The exit status of `cnirun -- COMMAND` is COMMAND's. Forwards of a daemon that does not reply
 * end with it, or with the attachment's next ADD. A registration of netns-stats is no reason to
 * keep a container.
 */
bool admits_leftovers(const struct operation *op, const struct fault *fault,
		      const struct outcome *outcome)
{
	/* Where nothing can be written any more, it cannot say so. */
	if (strcmp(op->command, "run") == 0 && cannot_write(fault))
		return true;
	if (strcmp(op->command, "run") == 0)
		return strstr(outcome->words, "cnirun: ") != NULL;
	if (op->subject == &stats && strcmp(op->command, "DEL") == 0)
		return cannot_write(fault) || strstr(outcome->words, "stays open") != NULL;
	return op->subject == &portmap_slirp4netns &&
	       strstr(outcome->words, "stay published until slirp4netns ends") != NULL;
}

/*
 * Calls
 */

static char *plugin_input(const struct subject *s, const char *command)
{
	const char *prev = s->prev == NULL ? NULL : *s->prev;

	if (strcmp(command, "VERSION") == 0)
		return text_of("{\"cniVersion\":\"1.1.0\"}");
	if (strcmp(command, "CHECK") == 0 || strcmp(command, "DEL") == 0)
		prev = answer;
	if (strcmp(command, "STATUS") == 0 || strcmp(command, "GC") == 0)
		prev = NULL;
	return text_of("{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"%s\",%s%s%s%s%s%s}",
		       s->binary, s->keys, prev == NULL ? "" : ",\"prevResult\":", prev ?: "",
		       strcmp(command, "GC") == 0 ? ",\"cni.dev/valid-attachments\":[" : "",
		       strcmp(command, "GC") == 0 ? s->others : "",
		       strcmp(command, "GC") == 0 ? "]" : "");
}

#define SEARCH "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

static const struct program *plugin_program(const struct subject *s, const char *command)
{
	static char path[64], variables[4][128];
	static const char *argv[2], *envp[8];
	static struct program program;
	static char *input;

	free(input);
	input = plugin_input(s, command);
	snprintf(path, sizeof(path), HOST_BIN "/%s", s->binary);
	snprintf(variables[0], sizeof(variables[0]), "CNI_COMMAND=%s", command);
	snprintf(variables[1], sizeof(variables[1]), "CNI_CONTAINERID=%s", s->netns);
	snprintf(variables[2], sizeof(variables[2]), "CNI_NETNS=/run/netns/%s", s->netns);
	snprintf(variables[3], sizeof(variables[3]), "CNI_IFNAME=eth0");
	argv[0] = path;
	envp[0] = SEARCH;
	envp[1] = "CNI_PATH=" HOST_BIN;
	for (size_t i = 0; i < 4; i++)
		envp[i + 2] = variables[i];
	program = (struct program){.argv = argv, .envp = envp, .input = input};
	return &program;
}

static const struct program *runner_program(const char *netns, const char *command)
{
	static char ports[256], place[64];
	static const char *argv[16], *envp[8];
	static struct program program;
	size_t n = 0;

	snprintf(place, sizeof(place), "/run/netns/%s", netns);
	snprintf(ports, sizeof(ports),
		 "CAP_ARGS={\"portMappings\":[{\"hostPort\":%s,\"containerPort\":80,"
		 "\"protocol\":\"tcp\"}]}",
		 strcmp(netns, "stay") == 0 ? "18082" : "18072");
	envp[0] = SEARCH;
	envp[1] = "CNI_PATH=" HOST_BIN;
	envp[2] = strcmp(command, "add") == 0 ? ports : NULL;
	argv[n++] = HOST_BIN "/cnirun";
	if (strcmp(command, "run") == 0) {
		argv[n++] = "--network=" LIST;
		argv[n++] = "--publish=18072:80";
		argv[n++] = "--cache-dir=" CACHE;
		argv[n++] = "--";
		argv[n++] = "/bin/true";
	} else {
		argv[n++] = command;
		if (strcmp(command, "status") != 0)
			argv[n++] = "--cache-dir=" CACHE;
		argv[n++] = LIST;
		if (strcmp(command, "gc") != 0 && strcmp(command, "status") != 0)
			argv[n++] = place;
	}
	argv[n] = NULL;
	program = (struct program){.argv = argv, .envp = envp};
	return &program;
}

static const struct program *subject_program(const struct subject *s, const char *command)
{
	return s == &runner ? runner_program(s->netns, command) : plugin_program(s, command);
}

const struct program *operation_program(const struct operation *op)
{
	return subject_program(op->subject, op->command);
}

/*
 * Answers
 */

static bool has_string(const cJSON *json, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));

	return text != NULL && *text != '\0';
}

static const char *judge_json(const char *command, const struct outcome *o, bool success)
{
	static char text[512];
	cleanup_json cJSON *json = NULL;
	const cJSON *code, *details;
	struct cni_error err;

	if (json_parse(o->out, o->out_len, "the answer", &json, &err) < 0) {
		snprintf(text, sizeof(text), "%.200s: '%.200s'", err.msg, o->out);
		return text;
	}
	if (!has_string(json, "cniVersion"))
		return "the answer has no cniVersion";
	code = cJSON_GetObjectItemCaseSensitive(json, "code");
	if (success) {
		if (code != NULL)
			return "an error with exit status 0";
		if (strcasecmp(command, "VERSION") == 0 &&
		    cJSON_GetArraySize(
			    cJSON_GetObjectItemCaseSensitive(json, "supportedVersions")) < 5)
			return "the answer lacks versions";
		if (strcasecmp(command, "ADD") == 0 &&
		    (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "interfaces")) < 1 ||
		     cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "ips")) < 1))
			return "the result lacks interfaces or addresses";
		return NULL;
	}
	details = cJSON_GetObjectItemCaseSensitive(json, "details");
	if (!cJSON_IsNumber(code) || code->valuedouble < 1)
		return "an error without a code";
	if (!has_string(json, "msg"))
		return "an error without a message";
	if (details != NULL && !cJSON_IsString(details))
		return "an error's details are no text";
	return NULL;
}

/* A plugin's: a result or an error on standard output. */
static const char *judge_plugin(const char *command, const struct outcome *o)
{
	const bool success = WEXITSTATUS(o->status) == 0;

	if (success && strcmp(command, "ADD") != 0 && strcmp(command, "VERSION") != 0)
		return o->out_len == 0 ? NULL : "an answer where none belongs";
	if (o->out_len == 0)
		return success ? "success without an answer" : "an error without an answer";
	return judge_json(command, o, success);
}

/* The runner's: a result on standard output, an error as text on standard error. */
static const char *judge_runner(const char *command, const struct outcome *o)
{
	if (WEXITSTATUS(o->status) != 0) {
		/* COMMAND's, also when it is killed before it has begun. */
		if (strcmp(command, "run") == 0 && WEXITSTATUS(o->status) == 128 + SIGKILL)
			return NULL;
		if (strstr(o->words, "cnirun: ") == NULL)
			return "failed without a word";
		return o->out_len == 0 ? NULL : "an answer from what has failed";
	}
	if (strcmp(command, "add") == 0)
		return judge_json(command, o, true);
	return o->out_len == 0 ? NULL : "an answer where none belongs";
}

static void keep_answer(const struct operation *op, const struct outcome *o)
{
	if (!succeeded(o) || !operation_adds(op))
		return;
	free(answer);
	answer = checked(strdup(o->out));
}

const char *judge(const struct operation *op, const struct fault *fault,
		  const struct outcome *outcome)
{
	static char text[1024];
	const bool killed = fault->kind == FAULT_KILL_BEFORE || fault->kind == FAULT_KILL_AFTER;
	const char *wrong = NULL;

	if (outcome->hung)
		return "it hangs";
	/* The dynamic loader has its own messages for what it misses. */
	if (fault->process == PROCESS_LOADER && !succeeded(outcome) && outcome->out_len == 0)
		return NULL;
	if (WIFSIGNALED(outcome->status)) {
		/* Threads count as processes. */
		if (!killed || WTERMSIG(outcome->status) != SIGKILL) {
			snprintf(text, sizeof(text), "ended by signal %d: %.300s",
				 WTERMSIG(outcome->status), outcome->words);
			return text;
		}
		/* Nothing of a result, or all of it. */
		return outcome->out_len == 0 ? NULL : judge_json(op->command, outcome, true);
	}
	if (outcome->held)
		return "something keeps standard output open";
	wrong = op->subject == &runner ? judge_runner(op->command, outcome)
				       : judge_plugin(op->command, outcome);
	if (wrong == NULL) {
		keep_answer(op, outcome);
		return NULL;
	}
	/* Where nothing can be written any more, there is not a result either. */
	if (cannot_write(fault) && !succeeded(outcome) && outcome->out_len == 0)
		return NULL;
	snprintf(text, sizeof(text), "exit status %d: %s; in words: %.300s",
		 WEXITSTATUS(outcome->status), wrong, outcome->words);
	return text;
}

/*
 * Steps
 */

static const char *step(const struct operation *op, const char *command, char *text, size_t size)
{
	static struct outcome outcome;
	const struct fault none = {.kind = FAULT_NONE};
	const struct operation good = {.subject = op->subject, .name = command, .command = command};
	const char *wrong;

	run_plain(subject_program(op->subject, command), &none, &outcome);
	wrong = judge(&good, &none, &outcome);
	if (wrong == NULL && succeeded(&outcome))
		return NULL;
	snprintf(text, size, "%s: %s %.600s %.300s", command, wrong ?: "failed:", outcome.out,
		 outcome.words);
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	return text;
}

const char *step_add(const struct operation *op, char *text, size_t size)
{
	return step(op, op->subject == &runner ? "add" : "ADD", text, size);
}

const char *step_check(const struct operation *op, char *text, size_t size)
{
	return step(op, op->subject == &runner ? "check" : "CHECK", text, size);
}

const char *step_del(const struct operation *op, char *text, size_t size)
{
	return step(op, op->subject == &runner ? "del" : "DEL", text, size);
}

/* To cnirun an attachment is valid while its namespace is there. */
const char *step_gc(const struct operation *op, char *text, size_t size)
{
	const char *wrong;

	if (op->subject != &runner)
		return step(op, "GC", text, size);
	faults_netns_unmake(runner.netns);
	wrong = step(op, "gc", text, size);
	faults_netns_make(runner.netns);
	return wrong;
}

/*
 * What stands by
 */

static void must_work(const char *wrong)
{
	if (wrong != NULL)
		die("%s", wrong);
}

static void add_standing(const struct subject *s)
{
	const struct operation op = {.subject = s};
	char text[2048];

	must_work(step_add(&op, text, sizeof(text)));
}

static const char *socket_of(const char *result)
{
	cleanup_json cJSON *json = cJSON_Parse(result);
	const cJSON *interface =
		cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "interfaces"), 0);
	const char *path =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(interface, "socketPath"));

	if (path == NULL)
		die("no socketPath in the result");
	return checked(strdup(path));
}

static void make_veth(const char *netns, unsigned int subnet)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "ip link add h%u type veth peer name eth0 netns %s && "
		 "ip address add 10.90.%u.1/24 dev h%u && ip link set h%u up && "
		 "ip -n %s address add 10.90.%u.2/24 dev eth0 && ip -n %s link set eth0 up && "
		 "ip -n %s route add default via 10.90.%u.1",
		 subnet, netns, subnet, subnet, subnet, netns, subnet, netns, netns, subnet);
	if (system(command) != 0)
		die("cannot make a veth pair");
}

static const char *result_of_veth(const char *netns, unsigned int subnet)
{
	return text_of("{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"eth0\","
		       "\"sandbox\":\"/run/netns/%s\"}],\"ips\":[{\"interface\":0,"
		       "\"address\":\"10.90.%u.2/24\",\"gateway\":\"10.90.%u.1\"}]}",
		       netns, subnet, subnet);
}

static void write_list(void)
{
	static const char list[] =
		"{\"cniVersion\":\"1.1.0\",\"name\":\"runner\",\"plugins\":["
		"{\"type\":\"slirp4netns\"},"
		"{\"type\":\"netns-portmap\",\"capabilities\":{\"portMappings\":true}},"
		"{\"type\":\"netns-stats\"}]}";
	FILE *file = fopen(LIST, "we");

	if (file == NULL || fputs(list, file) < 0 || fclose(file) != 0)
		die("cannot write " LIST);
}

static const char *stand_result, *still_result;

static const struct subject stand_ports = {
	.binary = "netns-portmap",
	.netns = "stand",
	.keys = "\"backend\":\"slirp4netns\"," PORTS("18080"),
	.prev = &stand_result,
};

static const struct subject still_ports = {
	.binary = "netns-portmap",
	.netns = "still",
	.keys = "\"backend\":\"nftables\"," PORTS("18081"),
	.prev = &still_result,
};

static char *still_answer;

static void withdraw_still(const struct operation *op)
{
	const struct operation still = {.subject = &still_ports};
	char *victims = answer;
	char text[2048];

	(void)op;
	answer = still_answer;
	must_work(step_del(&still, text, sizeof(text)));
	answer = victims;
}

static void publish_still(const struct operation *op)
{
	const struct operation still = {.subject = &still_ports};
	char *victims = answer;
	char text[2048];

	(void)op;
	answer = NULL;
	must_work(step_add(&still, text, sizeof(text)));
	free(still_answer);
	still_answer = answer;
	answer = victims;
}

static void prepare_stand(void)
{
	const struct subject connected = {
		.binary = "slirp4netns", .netns = "stand", .keys = "\"mtu\":1500"};
	const struct subject counted = {.binary = "netns-stats",
					.netns = "stand",
					.keys = "\"accountFile\":\"" ACCOUNT_FILE "\"",
					.prev = &stand_result};

	add_standing(&connected);
	stand_result = checked(strdup(answer));
	standing_sockets[0] = socket_of(answer);
	add_standing(&stand_ports);
	add_standing(&counted);
	echo_serve("stand", "0.0.0.0", 80);
}

static void prepare_still(void)
{
	make_veth("still", 1);
	still_result = result_of_veth("still", 1);
	publish_still(NULL);
	echo_serve("still", "0.0.0.0", 80);
}

static void prepare_stay(void)
{
	static struct outcome outcome;
	const struct fault none = {.kind = FAULT_NONE};

	write_list();
	if (mkdir(CACHE, 0700) < 0)
		die("cannot make " CACHE);
	run_plain(runner_program("stay", "add"), &none, &outcome);
	if (!succeeded(&outcome))
		die("cnirun add: %s", outcome.words);
	standing_sockets[2] = socket_of(outcome.out);
	echo_serve("stay", "0.0.0.0", 80);
}

void standing_prepare(void)
{
	static const char *const names[] = {"stand", "still",  "stay",  "web",
					    "veth",  "victim", "runner"};
	const struct subject web = {
		.binary = "slirp4netns", .netns = "web", .keys = "\"mtu\":1500"};

	faults_host_prepare();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		faults_netns_make(names[i]);
	prepare_stand();
	prepare_still();
	prepare_stay();
	add_standing(&web);
	web_result = checked(strdup(answer));
	standing_sockets[1] = socket_of(answer);
	make_veth("veth", 2);
	veth_result = result_of_veth("veth", 2);
	echo_serve(NULL, HOST_ADDRESS, 8001);
	must_work(standing_traffic());
}

const char *standing_traffic(void)
{
	if (!echo_comes_back("stand", HOST_ADDRESS, 8001))
		return "no traffic out of the container through slirp4netns";
	if (!echo_comes_back(NULL, "127.0.0.1", 18080))
		return "no traffic through the port that slirp4netns forwards";
	if (!echo_comes_back(NULL, HOST_ADDRESS, 18081))
		return "no traffic through the port that nf_tables forwards";
	if (!echo_comes_back(NULL, "127.0.0.1", 18082))
		return "no traffic through the port of cnirun's attachment";
	return NULL;
}

/*
 * What is different
 */

static void forget_options(const struct operation *op)
{
	cleanup_close int dir = open(STATE_DIR "/slirp4netns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	DIR *list = opendir(STATE_DIR "/slirp4netns");

	(void)op;
	while (list != NULL && (entry = readdir(list)) != NULL)
		if (strncmp(entry->d_name, ".options-", 9) == 0)
			unlinkat(dir, entry->d_name, 0);
	if (list != NULL)
		closedir(list);
}

/* The record of the attachment's daemon; NULL: there is none. */
static cJSON *daemon_record(const struct operation *op)
{
	char path[256], text[4096];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), STATE_DIR "/slirp4netns/net/%s@eth0.json", op->subject->netns);
	file = op->subject == &slirp4netns ? fopen(path, "re") : NULL;
	if (file == NULL)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	return cJSON_Parse(text);
}

int attachment_descriptors(const struct operation *op)
{
	cleanup_json cJSON *record = daemon_record(op);
	const char *socket =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, "socket"));
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(record, "pid");

	return socket == NULL ? -1 : count_descriptors(pid->valueint, socket);
}

static void end_daemon(const struct operation *op)
{
	cleanup_json cJSON *record = daemon_record(op);
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(record, "pid");
	const pid_t pid = number == NULL ? -1 : number->valueint;

	if (pid <= 1 || kill(pid, SIGKILL) < 0 || waitpid(pid, NULL, 0) != pid)
		die("cannot end the daemon %d", (int)pid);
}

static void lose_namespace(const struct operation *op)
{
	faults_netns_unmake(op->subject->netns);
}

static void regain_namespace(const struct operation *op)
{
	faults_netns_make(op->subject->netns);
}
