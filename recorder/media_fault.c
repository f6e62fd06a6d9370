#include "recorder/media_fault.h"

#include "base/lang.h"

#include <stdio.h>

#define RTP_HEADER_BYTES 12

static const struct { const char *zh, *en, *zh_remedy, *en_remedy; } faults[MEDIA_FAULTS] = {
	[MEDIA_GOOD] = {"画面正常", "the pictures are good", "", ""},
	[MEDIA_SILENT] = {"摄像机接受了连接，但没有送来画面", "the camera accepted the connection but sent no pictures",
		"请检查其视频设置", "check its video settings"},
	[MEDIA_FOREIGN] = {"摄像机送来的数据类型与它所声明的不符", "the camera sends another payload type than it announced",
		"请重启摄像机或升级固件", "restart the camera or update its firmware"},
	[MEDIA_NO_PICTURE] = {"有数据，但拼不成画面", "data come, but make no picture",
		"请在摄像机中关闭码流加密，并选 H.264 或 H.265", "turn stream encryption off in the camera, and choose H.264 or H.265"},
	[MEDIA_DAMAGED] = {"能作为录像开头的画面都不完整：路上丢失了数据包",
		"the pictures that a recording could begin with are incomplete: packets are lost on the way",
		"请检查网线、交换机和无线信号，或降低码率", "check cable, switch and wireless signal, or lower the bitrate"},
	[MEDIA_NO_KEY] = {"画面正常，但还没有关键帧；从第一个关键帧开始录像",
		"pictures come, but no key frame yet: it is recorded from the first one on",
		"请在摄像机中把关键帧（I 帧）间隔设为 2 秒以内，并关闭智能编码（H.264+、H.265+）",
		"set a key frame (I frame) every 2 s in the camera, and turn smart coding (H.264+, H.265+) off"},
	[MEDIA_NO_SETS] = {"摄像机没有给出视频参数集（SPS/PPS）", "the camera sends no parameter sets (SPS/PPS)",
		"请升级固件或改用 H.264", "update its firmware, or set H.264"},
	[MEDIA_BAD_SETS] = {"视频参数集无法识别", "the video's parameter sets are not understood",
		"请在摄像机中恢复视频设置并选 H.264", "reset the camera's video settings to H.264"},
};

void media_tally_packet(struct media_tally *t, const uint8_t *data, size_t len, uint8_t payload_type)
{
	t->packets++;
	t->foreign += len >= RTP_HEADER_BYTES && (data[1] & 0x7f) != payload_type;
}

void media_tally_frame(struct media_tally *t, bool key, bool damaged)
{
	t->frames++;
	t->damaged += damaged;
	t->keys += key && !damaged;
	t->damaged_keys += key && damaged;
}

enum media_fault media_fault_of(const struct media_tally *t)
{
	if (t->frames == 0)
		return t->packets == 0 ? MEDIA_SILENT : t->foreign == t->packets ? MEDIA_FOREIGN : MEDIA_NO_PICTURE;
	if (t->keys > 0)
		return MEDIA_GOOD;
	return t->damaged == t->frames || t->damaged_keys > 0 ? MEDIA_DAMAGED : MEDIA_NO_KEY;
}

const char *media_fault_text(enum media_fault f)
{
	return lang(faults[f].zh, faults[f].en);
}

const char *media_fault_remedy(enum media_fault f)
{
	return lang(faults[f].zh_remedy, faults[f].en_remedy);
}

const char *media_fault_advice(enum media_fault f, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s", media_fault_text(f), lang("；", "; "), media_fault_remedy(f));
	return out;
}
