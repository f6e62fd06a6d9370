#include "offload/store_trouble.h"

#include "base/lang.h"

#include <stddef.h>
#include <string.h>

const char *store_trouble_name(enum store_trouble t)
{
	static const char *const names[] = {
		[STORE_FINE] = "fine", [STORE_ABSENT] = "absent", [STORE_AWAY] = "away", [STORE_DENIED] = "denied",
		[STORE_NO_BUCKET] = "no_bucket", [STORE_NO_LOCK] = "no_object_lock", [STORE_CLOCK] = "clock",
		[STORE_REFUSED] = "refused", [STORE_DIFFERS] = "differs", [STORE_ENDED] = "ended"};

	return names[t];
}

const char *store_trouble_text(enum store_trouble t)
{
	switch (t) {
	case STORE_FINE:
	case STORE_ENDED: return "";
	case STORE_ABSENT: return lang("对象存储中没有此文件", "the object store does not have this file");
	case STORE_AWAY: return lang("连不上对象存储，稍后重试", "the object store does not answer; will try again");
	case STORE_DENIED:
		return lang("对象存储拒绝了密钥：请检查 offload.access_key_file、secret_key_file 及其权限",
			    "the object store refuses the keys: check offload.access_key_file and secret_key_file, and what they "
			    "may do");
	case STORE_NO_BUCKET:
		return lang("没有这个存储桶：请用启用了对象锁定的存储桶，并核对 offload.bucket",
			    "there is no such bucket: make one with object lock, and check offload.bucket");
	case STORE_NO_LOCK:
		return lang("存储桶未启用对象锁定，不使用：请新建启用对象锁定的存储桶",
			    "the bucket has no object lock and is not used: make one that has");
	case STORE_CLOCK:
		return lang("本机与对象存储的时钟相差过大：请检查时间同步",
			    "this box's clock and the store's differ too much: check the time service");
	case STORE_REFUSED: return lang("对象存储拒绝了请求", "the object store refuses the request");
	case STORE_DIFFERS:
		return lang("读回的内容或锁定期限与上传的不符", "what was read back is not what was sent, or not locked as asked");
	}
	return "";
}

enum store_trouble store_trouble_of(long status, const char *code)
{
	static const struct { const char *code; enum store_trouble trouble; } codes[] = {
		{"NoSuchBucket", STORE_NO_BUCKET},
		{"ObjectLockConfigurationNotFoundError", STORE_NO_LOCK},
		{"RequestTimeTooSkewed", STORE_CLOCK},
		{"SlowDown", STORE_AWAY},
		{"RequestTimeout", STORE_AWAY},
	};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].trouble;
	if (status == 0 || status >= 500 || status == 429 || status == 408)
		return STORE_AWAY;
	if (status >= 200 && status < 300)
		return STORE_FINE;
	if (status == 401 || status == 403)
		return STORE_DENIED;
	return status == 404 ? STORE_ABSENT : STORE_REFUSED;
}
