#include "base/lang.h"
#include "cli/commands.h"
#include "conf/conf.h"

int command_check(const struct options *o)
{
	struct conf_report report = {0};
	struct conf *conf;
	int rc = conf_load(o->word_count ? o->words[0] : o->conf, &conf, &report);

	conf_report_print(&report, o->word_count ? o->words[0] : o->conf, stderr);
	conf_report_finish(&report);
	if (rc < 0)
		return CLI_NO;
	lang_set(conf->site.language);
	printf(lang("配置正确：%s，%u 台摄像机，%u 个区域，录像保存 %u 天（规定至少 %u 天：%s）\n",
		    "valid: %s, %u cameras, %u areas, kept %u days (at least %u by %s)\n"),
	       conf->site.name, conf->camera_count, conf->area_count, conf->keep_days, conf->rule.floor_days,
	       conf->rule.title);
	conf_destroy(conf);
	return CLI_YES;
}
