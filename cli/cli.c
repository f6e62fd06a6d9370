#include "cli/cli.h"

#include "base/lang.h"
#include "base/show.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name;
	int (*run)(const struct options *o);
	bool needs_server;      /* the configuration is read for it first */
	const char *usage, *zh, *en;
} commands[] = {
	{"check", command_check, false, "[-c FILE]", "检查配置文件", "check the configuration"},
	{"status", command_status, true, "[--json]", "摄像机、硬盘和上报的当前状态", "cameras, disks and deliveries as they are now"},
	{"coverage", command_coverage, true, "[--from T --to T] [--camera ID|--area ID] [--json]",
	 "这段时间是否都有录像（有缺失时退出码为 1）", "was everything recorded? (exit 1: no)"},
	{"gaps", command_gaps, true, "[--from T --to T] [--camera ID] [--open] [--json]", "缺失记录", "what is missing, when and why"},
	{"plan", command_plan, false, "--cameras N --mbit RATE [--days KEEP] [--disk 8TB] [--json]",
	 "购买硬盘前估算容量", "how much disk to buy, and what fits (exit 1: the rule's days do not)"},
	{"hold", command_hold, true, "add --camera ID --from T --to T --reason TEXT [--reference TEXT] | list | release ID --reason TEXT",
	 "保全录像，使其不被删除", "keep footage from being deleted"},
	{"disk", command_disk, true, "list [--json] | retire PATH --reason TEXT | replace PATH --reason TEXT",
	 "硬盘：列出；迁空后退役；登记丢失以便更换", "disks: list; retire one that was drained; declare one lost, to replace it"},
	{"token", command_token, true, "add NAME --role admin|operator|investigator|regulator | list | remove ID",
	 "访问令牌", "tokens for the API and the page"},
	{"key", command_key, false, "list [--json] | rotate seal|site [-c FILE]",
	 "密钥的指纹；更换密钥（须在本机以 root 或服务账户执行，运行中也可以）",
	 "fingerprints of the keys; change one (on the box, as root or the service's user; while running too)"},
	{"ledger", command_ledger, true, "[--after SEQ] [--json]", "台账", "the hash-chained ledger"},
	{"fsck", command_fsck, false, "[--full] [-c FILE]", "核对录像文件与目录（只读）", "check files against the catalogue (reads only)"},
	{"discover", command_discover, false,
	 "[--username USER [--password-file FILE]] [--timeout SECONDS] [--interface NAME] [--address HOST|URL]… [--json]",
	 "寻找网络上的 ONVIF 摄像机，并写出可用的配置（不写 --password-file 时从标准输入读密码）",
	 "find ONVIF cameras and print their configuration (without --password-file, the password comes from standard input)"},
	{"backup", command_backup, false, "DIR [--with-keys] [-c FILE]", "备份数据库、公钥和配置（运行中也可以）",
	 "copy databases, public keys and configuration, while running too"},
	{"verify", command_verify, false, "PATH ... --key FILE ... [--head FILE ...] [--site ID] [--json]",
	 "离线核验录像文件、文件夹或台账（只需公钥）", "check a copy of footage or ledger, offline, with nothing but a public key"},
	{"rebuild", command_rebuild, true, "[-c FILE]", "停止后：移开目录数据库，下次启动时由录像文件重建",
	 "stopped: put the catalogue aside, so that the next start makes it again from the files"},
	{"downgrade", command_downgrade, true, "[-c FILE]", "停止后：换回旧版程序时，放回升级前的数据库副本",
	 "stopped, back on an older program: put back the copies of the databases that were made before the newer one took them over"},
	{"probe", command_probe, false,
	 "URL [SUB_URL] [--username USER [--password-file FILE]] [--plain-password] [--transport udp] [--tls-pin PIN | --tls-ca FILE] [--seconds N] [--json]",
	 "检查一台摄像机：哪里对，哪里不对，怎样改（不写 --password-file 时从标准输入读密码）",
	 "what is right and wrong with a camera, and what to change (without --password-file, the password comes from standard input)"},
};

static int usage(void)
{
	show(stderr, "holdfast " HOLDFAST_VERSION "\n\n  holdfast run [-c FILE] [--demo]\n      %s\n",
	     lang("启动服务", "run the server"));
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		show(stderr, "  holdfast %s %s\n      %s\n", commands[i].name, commands[i].usage,
		     lang(commands[i].zh, commands[i].en));
	show(stderr, "\n%s\n", lang("时间写成 2026-11-23T11:15:00+08:00，必须带时区。",
				   "Times are written 2026-11-23T11:15:00+08:00; the offset is mandatory."));
	return CLI_USAGE;
}

static int run(const struct command *c, int argc, char **argv)
{
	struct options o;
	int rc = options_parse(&o, argc, argv);

	if (rc == CLI_USAGE)
		show(stderr, "holdfast %s %s\n", c->name, c->usage);
	if (rc == CLI_YES && c->needs_server)
		rc = options_load(&o);
	if (rc == CLI_YES)
		rc = c->run(&o);
	options_finish(&o);
	return rc;
}

int cli_main(int argc, char **argv)
{
	for (size_t i = 0; argc >= 2 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return run(&commands[i], argc - 2, argv + 2);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts(HOLDFAST_VERSION);
		return CLI_YES;
	}
	return usage();
}
