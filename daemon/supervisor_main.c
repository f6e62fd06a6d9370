/* `holdfast run [-c FILE] [--demo]`: reads the configuration, or makes the demo's, and supervises. */
#include "base/buf.h"
#include "base/lang.h"
#include "base/log.h"
#include "base/show.h"
#include "cli/cli.h"
#include "daemon/demo.h"
#include "daemon/supervisor.h"

#include <stdlib.h>
#include <string.h>

#define DEMO_FOLDER "demo"

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
		show(stderr, "holdfast: %s\n", lang("没有安装演示程序 (holdfast-camera)",
						    "the demo's programs (holdfast-camera) are not installed"));
		return CLI_CANNOT;
	}
	if (demo_prepare(DEMO_FOLDER, &path, &e) < 0) {
		show(stderr, "holdfast: %s\n", e.text);
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
			show(stderr, "holdfast run [-c FILE] [--demo]\n");
			return CLI_USAGE;
		}
	}
	return demo ? run_demo() : run_conf(path, false);
}

int main(int argc, char **argv)
{
	log_init("supervisor");
	lang_init();
	return argc >= 2 && strcmp(argv[1], "run") == 0 ? run(argc - 2, argv + 2) : CLI_USAGE;
}
