/* Secrets, each in a file of its own. */
#include "conf/check.h"

#include "base/buf.h"
#include "conf/file.h"
#include "conf/text.h"

#include <stdlib.h>

static char *take_line(const char *text, size_t len)
{
	text_skip_mark(&text, &len);
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	char *line = xasprintf("%.*s", (int)len, text);
	if (len > 0 && strlen(line) == len && !text_has_control(line))
		return line;
	explicit_bzero(line, strlen(line));
	free(line);
	return NULL;
}

char *check_secret(const struct check *k, const char *at, const char *key, const char *path, size_t max_bytes)
{
	size_t len = 0;
	char *text, *line = NULL;
	int rc = file_read(path, max_bytes, &text, &len);

	if (rc == 0)
		line = take_line(text, len);
	if (text)
		explicit_bzero(text, len);
	free(text);
	if (!line)
		check_error(k, at, key, "%.160s 中应只有一行密码（UTF-8，1 至 %d 字节）：请重写该文件",
		            "%.160s must hold the password on one line (UTF-8, 1 to %d bytes): "
		            "write it again", path, (int)max_bytes);
	return line;
}
