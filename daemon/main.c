/* holdfast: one program, several processes. `run` is the supervisor, `role` its children; everything
 * else is a command of a person (cli/). */
#include "base/buf.h"
#include "base/lang.h"
#include "base/log.h"
#include "cli/cli.h"
#include "daemon/child.h"
#include "daemon/demo.h"
#include "daemon/supervisor.h"

#include <stdlib.h>

#define DEMO_FOLDER "demo"

static int run_role(const char *name)
{
	static const struct child_role *const roles[] = {&role_recorder, &role_keeper, &role_api};

	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		if (strcmp(roles[i]->name, name) == 0)
			return child_main(roles[i]);
	fprintf(stderr, "holdfast: no role %s\n", name);
	return CLI_USAGE;
}

static int run_conf(const char *path, bool demo)
{
	struct conf_report report = {0};
	struct conf *conf;
	int rc = conf_load(path, &conf, &report);

	conf_report_print(&report, path, stderr);
	conf_report_finish(&report);
	if (rc < 0)
		return CLI_CANNOT;
	conf->demo = demo;
	lang_set(conf->site.language);
	return supervisor_run(conf, path);
}

static int run_demo(void)
{
	struct err e = {0};
	char *path = NULL;

	if (!demo_has_programs()) {
		fprintf(stderr, "holdfast: %s\n", lang("没有安装演示程序 (holdfast-camera)",
						       "the demo's programs (holdfast-camera) are not installed"));
		return CLI_CANNOT;
	}
	if (demo_prepare(DEMO_FOLDER, &path, &e) < 0) {
		fprintf(stderr, "holdfast: %s\n", e.text);
		free(path);
		return CLI_CANNOT;
	}
	int rc = run_conf(path, true);
	free(path);
	return rc;
}

static int run(int argc, char **argv)
{
	const char *path = CLI_DEFAULT_CONF;
	bool demo = false;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--demo") == 0) {
			demo = true;
		} else if (strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
			path = argv[++i];
		} else {
			fprintf(stderr, "holdfast run [-c FILE] [--demo]\n");
			return CLI_USAGE;
		}
	}
	return demo ? run_demo() : run_conf(path, false);
}

int main(int argc, char **argv)
{
	log_init("supervisor");
	lang_init();
	if (argc >= 2 && strcmp(argv[1], "run") == 0)
		return run(argc - 2, argv + 2);
	if (argc == 3 && strcmp(argv[1], "role") == 0)
		return run_role(argv[2]);
	return cli_main(argc, argv);
}
