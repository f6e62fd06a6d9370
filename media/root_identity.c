#include "media/root_identity.h"

#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "HOLDFAST"
#define VERSION 1u
#define AT_VERSION 8
#define AT_ROOT 12
#define AT_BOX 28
#define AT_SITE 44
#define AT_CRC 508

void root_identity_encode(const struct root_identity *id, uint8_t out[ROOT_SECTOR_BYTES])
{
	size_t len = strnlen(id->site, ROOT_SITE_MAX - 1);

	memset(out, 0, ROOT_SECTOR_BYTES);
	memcpy(out, MAGIC, AT_VERSION);
	put_u32be(out + AT_VERSION, VERSION);
	memcpy(out + AT_ROOT, id->root, UUID_BYTES);
	memcpy(out + AT_BOX, id->box, UUID_BYTES);
	out[AT_SITE] = (uint8_t)len;
	memcpy(out + AT_SITE + 1, id->site, len);
	put_u32be(out + AT_CRC, crc32c(0, out, AT_CRC));
}

int root_identity_decode(const uint8_t *data, size_t len, struct root_identity *out)
{
	*out = (struct root_identity){0};
	if (len != ROOT_SECTOR_BYTES || memcmp(data, MAGIC, AT_VERSION) != 0 ||
	    get_u32be(data + AT_VERSION) != VERSION || get_u32be(data + AT_CRC) != crc32c(0, data, AT_CRC) ||
	    data[AT_SITE] >= ROOT_SITE_MAX)
		return -EBADMSG;
	memcpy(out->root, data + AT_ROOT, UUID_BYTES);
	memcpy(out->box, data + AT_BOX, UUID_BYTES);
	memcpy(out->site, data + AT_SITE + 1, data[AT_SITE]);
	return 0;
}

int root_identity_load(struct fs *fs, const char *path, struct root_identity *out)
{
	uint8_t sector[ROOT_SECTOR_BYTES + 1]; /* one more, to see that it is all */
	char *file = xasprintf("%s/" ROOT_IDENTITY_FILE, path);
	int fd = fs_open_regular(fs, file);

	free(file);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == FS_NO_FILE ? -ENODEV : fd;
	ssize_t n = fs->pread(fs, fd, sector, sizeof sector, 0);
	fs->close(fs, fd);
	if (n > ROOT_SECTOR_BYTES)
		return -EFBIG;
	return n < 0 ? (int)n : root_identity_decode(sector, (size_t)n, out);
}

int root_identity_check(struct fs *fs, const char *path, const char *site, struct root_identity *out)
{
	int rc = root_identity_load(fs, path, out);

	if (rc == 0 && strcmp(out->site, site) != 0)
		return -ENODEV;
	return rc;
}

bool root_identity_is_replaced(struct fs *fs, const char *state, const char *uuid)
{
	char *file = xasprintf("%s/replaced/%s", state, uuid);
	struct stat st;
	bool is = fs->stat(fs, file, &st) == 0;

	free(file);
	return is;
}

int root_identity_replace(struct fs *fs, const char *state, const char *uuid)
{
	char *file = xasprintf("%s/replaced/%s", state, uuid);
	int rc = fs_replace(fs, file, "", 0, 0640);

	free(file);
	return rc;
}
