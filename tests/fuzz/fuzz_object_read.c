/* Either end of the way between api and offloader: what is taken is within bounds and means the same when written again. */
#include "base/buf.h"
#include "base/require.h"
#include "media/object_read.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void question(const uint8_t *data)
{
	uint8_t again[OBJECT_READ_ASK_BYTES];
	struct object_read q;

	if (object_read_parse(data, &q) < 0)
		return;
	REQUIRE(q.bytes > 0 && q.bytes <= OBJECT_READ_MAX_BYTES && q.at >= 0 && q.at <= INT64_MAX - q.bytes);
	REQUIRE(strlen(q.camera) > 0 && strlen(q.camera) <= OBJECT_READ_CAMERA_MAX);
	object_read_write(&q, again);
	REQUIRE(memcmp(again, data, sizeof again) == 0);
}

static void answer(const uint8_t *data, size_t len)
{
	uint32_t asked = len >= OBJECT_READ_HEAD_BYTES + 4 ? get_u32be(data + OBJECT_READ_HEAD_BYTES) : 1;
	char trouble[OBJECT_READ_TROUBLE_MAX];
	struct object_answer a;

	if (object_answer_parse(data, asked, &a) < 0)
		return;
	REQUIRE(a.verdict == OBJECT_READ_FINE ? a.bytes == asked : a.bytes < OBJECT_READ_TROUBLE_MAX);
	object_answer_trouble(data, len, trouble);
	REQUIRE(strspn(trouble, "abcdefghijklmnopqrstuvwxyz_") == strlen(trouble));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len >= OBJECT_READ_ASK_BYTES)
		question(data);
	if (len >= OBJECT_READ_HEAD_BYTES)
		answer(data, len);
	return 0;
}
