#include "cli/credentials.h"

#include "base/lang.h"
#include "base/show.h"
#include "cli/cli.h"
#include "conf/file.h"
#include "conf/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot(const char *path, const char *why)
{
	show(stderr, "holdfast: %s: %s\n", path, why);
	return CLI_CANNOT;
}

static int read_file(const char *path, char *out, size_t room)
{
	struct stat st;
	size_t len = 0;
	char *text;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 077)
		return cannot(path, lang("其他用户也能读取：请执行 chmod 600", "others may read it: chmod 600"));
	int rc = file_read(path, room - 1, &text, &len);
	if (rc < 0)
		return cannot(path, file_reason(-rc));
	const char *line = text;
	size_t left = len;
	text_skip_mark(&line, &left);
	memcpy(out, line, left);
	out[left] = '\0';
	explicit_bzero(text, len);
	free(text);
	return CLI_YES;
}

static int read_input(char *out, size_t room)
{
	if (isatty(STDIN_FILENO))
		show(stderr, "%s", lang("密码：", "password: "));
	if (!fgets(out, (int)room, stdin))
		out[0] = '\0';
	return CLI_YES;
}

int credentials_read(struct credentials *c, const struct options *o)
{
	*c = (struct credentials){.username = o->username};
	if (o->password_file && !o->username) {
		show(stderr, "holdfast: %s\n", lang("有 --password-file 却没有 --username",
						    "--password-file without --username"));
		return CLI_USAGE;
	}
	if (!o->username)
		return CLI_YES;
	int rc = o->password_file ? read_file(o->password_file, c->password, sizeof c->password)
				  : read_input(c->password, sizeof c->password);
	c->password[strcspn(c->password, "\r\n")] = '\0';
	return rc;
}

void credentials_finish(struct credentials *c)
{
	explicit_bzero(c->password, sizeof c->password);
}
