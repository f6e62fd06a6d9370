#include "msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MSG_HEAD_BYTES 4

bool msg_encode(struct buf *out, const json_t *msg)
{
	size_t len = json_dumpb(msg, NULL, 0, JSON_COMPACT);

	if (len == 0 || len > MSG_MAX_BYTES)
		return false;
	buf_reserve(out, MSG_HEAD_BYTES + len);
	put_u32be(out->data + out->len, (uint32_t)len);
	json_dumpb(msg, (char *)out->data + out->len + MSG_HEAD_BYTES, len, JSON_COMPACT);
	out->len += MSG_HEAD_BYTES + len;
	return true;
}

int msg_take(struct buf *in, json_t **msg)
{
	if (in->len < MSG_HEAD_BYTES)
		return 0;
	size_t len = get_u32be(in->data);
	if (len == 0 || len > MSG_MAX_BYTES)
		return -EPROTO;
	if (in->len < MSG_HEAD_BYTES + len)
		return 0;
	*msg = json_loadb((char *)in->data + MSG_HEAD_BYTES, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(*msg)) {
		json_decref(*msg);
		return -EPROTO;
	}
	buf_drop_front(in, MSG_HEAD_BYTES + len);
	return 1;
}

const char *msg_type(const json_t *msg)
{
	const char *type = json_string_value(json_object_get(msg, "type"));

	return type ? type : "";
}
