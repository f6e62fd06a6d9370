#include "retention/room.h"

double room_free(struct fs *fs, const struct conf *conf, unsigned *known)
{
	double sum = 0;

	*known = 0;
	for (unsigned i = 0; i < conf->root_count; i++) {
		const struct conf_root *r = &conf->roots[i];
		uint64_t free_bytes, total;
		if (fs->free_bytes(fs, r->path, &free_bytes, &total) < 0)
			continue;
		sum += (double)free_bytes - (double)r->reserve_bytes;
		++*known;
	}
	return sum;
}
